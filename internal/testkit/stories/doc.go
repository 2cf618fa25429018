// Package stories runs the gate's stories: files of testscript, one promise each, with a
// suite that plays what a file says, a service that says what is deployed, and a GitHub.
// It runs on Unix only.
package stories
