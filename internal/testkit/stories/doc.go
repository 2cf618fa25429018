// Package stories runs the gate's stories: files of testscript, one promise each, with a
// suite that plays what a file says, a service that reports the deployed version, and a
// GitHub. It runs on Unix only.
package stories
