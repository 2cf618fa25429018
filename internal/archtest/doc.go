// Package archtest holds the package map of docs/architecture.md against the code,
// in a test.
package archtest
