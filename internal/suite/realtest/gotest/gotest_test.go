// Package gotest tests the adapter of go test with the real one.
package gotest

import (
	"testing"

	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

func TestContract(t *testing.T) { realsuite.PlayContract(t, "gotest", realsuite.Nothing) }
