// Package command tests the adapter of commands with a shell script that writes JUnit XML.
package command

import (
	"testing"

	"github.com/org/e2e-gate/internal/testkit/need"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

func TestContract(t *testing.T) {
	need.Tool(t, "sh", "a POSIX shell")
	realsuite.PlayContract(t, "command", realsuite.Nothing)
}
