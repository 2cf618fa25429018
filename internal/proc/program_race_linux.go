//go:build race

package proc

import (
	"cmp"
	"os"
)

// supervisorProgram is this program, or a small one that CI names (testkit/supervisor). With the race detector a program of tests
// takes 30 ms of processor time to start, and a run of the gate starts ten supervisors.
var supervisorProgram = cmp.Or(os.Getenv("E2E_GATE_TEST_SUPERVISOR"), "/proc/self/exe")
