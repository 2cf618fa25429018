// Package attack holds tests only: what was tried against the promises of SECURITY.md, and what must come
// of it. [TestAttacks] has a row for each attack. Two attacks have tests of their own: [TestSoak] disturbs
// many runs at random moments, and [TestNoSecretInAnyOutput] looks for secrets in everything that is written.
package attack
