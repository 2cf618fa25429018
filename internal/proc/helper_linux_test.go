package proc

import (
	"fmt"
	"os"
	"testing"
)

// leftBehind lists the processes below this test binary, supervisors among them.
func leftBehind() []int {
	var left []int
	for _, p := range below(os.Getpid()) {
		left = append(left, p.pid)
	}
	return left
}

const onLinux = true

func hasEnded(pid int) bool {
	_, there := stat(pid)
	return !there
}

// holdOutput has a stranger, this test, hold the output of a process.
func holdOutput(t *testing.T, _ *control, leader *remote) (letGo func()) {
	t.Helper()
	f, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/1", leader.pid), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return func() { _ = f.Close() }
}
