// Package gotest tests the adapter of go test with the real one.
package gotest

import (
	"testing"

	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

func TestContract(t *testing.T) { realsuite.PlayContract(t, "gotest", realsuite.Nothing) }

// TestStall: a test that never ends is ended, and the runtime says where it hangs.
func TestStall(t *testing.T) {
	realsuite.Stall(t, "gotest", map[string]string{
		"go.mod": "module x\n\ngo 1.21\n",
		"a_test.go": "package a\n\nimport \"testing\"\n\nfunc TestFirst(t *testing.T) {}\n\nfunc TestHangs(t *testing.T) { waitForTheWorker() }\n\n" +
			"func waitForTheWorker() { select {} }\n\nfunc TestLater(t *testing.T) {}\n",
	}, nil, "TestHangs", "x.waitForTheWorker")
}
