package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/runner"
)

// A command that waits for its input ends with a signal: at a terminal there is no
// other way out.
func TestWaitingForInputIsInterruptible(t *testing.T) {
	stdin, feed := io.Pipe()
	defer feed.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(runner.ErrCancelled)
	var stderr bytes.Buffer
	app := App{Stdin: stdin, Stdout: io.Discard, Stderr: &stderr}
	if got := app.Main(ctx, []string{"triage"}); got != e2e.ExitNotJudged || !strings.Contains(stderr.String(), "the run was cancelled") {
		t.Errorf("exit status %d\n%s", got, stderr.String())
	}
}

func TestInterruptible(t *testing.T) {
	fault := errors.New("no")
	if err := interruptible(t.Context(), func() error { return fault }); !errors.Is(err, fault) {
		t.Error(err)
	}
	defer func() {
		if r, _ := recover().(string); !strings.HasPrefix(r, "boom\n") {
			t.Errorf("the panic is lost: %v", r)
		}
	}()
	_ = interruptible(t.Context(), func() error { panic("boom") })
}
