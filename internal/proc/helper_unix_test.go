//go:build unix && !linux

package proc

import "testing"

func leftBehind() []int { return nil }

const onLinux = false

func hasEnded(int) bool { return true }

// holdOutput has a process hold the output that left the group, and so cannot be found.
func holdOutput(t *testing.T, c *control, leader *remote) (letGo func()) {
	t.Helper()
	leader.tell("spawn lost cleared")
	lost := c.agent("lost")
	return func() {
		lost.exit(0)
		if line := lost.hear(); line != "" {
			t.Errorf("%q", line)
		}
	}
}
