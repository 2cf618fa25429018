// Package need declares what a test needs of the machine. The test skips if the tool is
// missing, and fails if the machine is supposed to have it.
package need

import (
	"os"
	"os/exec"
	"testing"
)

// EnvAll is set where everything has been installed, so that a skip would hide a
// test: CI sets it.
const EnvAll = "E2E_GATE_NEED_ALL"

// Tool returns the path of a program, or ends the test.
func Tool(tb testing.TB, name, install string) string {
	tb.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(tb, name+" is not installed; "+install)
	}
	return path
}

// Missing ends a test that lacks something: it skips, or fails where everything
// has been installed.
func Missing(tb testing.TB, what string) {
	tb.Helper()
	if os.Getenv(EnvAll) != "" {
		tb.Fatalf("%s (%s is set, so nothing may be missing)", what, EnvAll)
		return
	}
	tb.Skip(what)
}

// NoRaceDetector skips a test that the race detector makes many times as slow, and in which it can find no more than in smaller
// ones. .ci/run runs such tests without it.
func NoRaceDetector(tb testing.TB) {
	tb.Helper()
	if raceDetector {
		tb.Skip("takes long with the race detector, which finds no more in it than in smaller tests; run it without -race")
	}
}
