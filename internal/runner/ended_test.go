package runner

import (
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
)

// The shard's document uses the words of proc unchanged.
func TestEndedIsThatOfTheProcess(t *testing.T) {
	for ours, theirs := range map[e2e.Ended]proc.Ended{
		e2e.EndedExited: proc.Exited, e2e.EndedTimeout: proc.TimedOut, e2e.EndedCancelled: proc.Cancelled,
		e2e.EndedSignal: proc.Signalled, e2e.EndedNotStarted: proc.NotStarted,
	} {
		if string(ours) != string(theirs) {
			t.Errorf("the document says %q, the process %q", ours, theirs)
		}
	}
}
