// Package e2e tests the casework service from outside, through its HTTP API.
//
// The tests carry the build tag e2e, so that a plain "go test ./..." does not
// run them. With the service running:
//
//	go test -tags e2e ./examples/casework/e2e
//
// Read smoke_test.go first, then the journeys. An "//e2e:tags" comment above a
// test says its kind, its owner and its journey. Each test opens cases of its
// own, waits for conditions and never for time, and leaves evidence when it
// fails (evidence_test.go).
package e2e
