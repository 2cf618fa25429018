// Package attack holds tests only: what somebody tried, or could try, against the promises of
// SECURITY.md, and what must come of it. [TestAttacks] has a row for each attack; attacks with a shape
// of their own have a test beside it.
package attack
