// Command supervisor is nothing but a supervisor of processes, for tests with the race detector: it starts in a tenth of the time of
// their own programs.
package main

import (
	"os"

	_ "github.com/org/e2e-gate/internal/proc" // its init is the supervisor
)

func main() { os.Exit(2) }
