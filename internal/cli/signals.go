package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/org/e2e-gate/internal/runner"
)

// WithSignals is a context that ends with [runner.ErrCancelled] at the first signal
// that asks the gate to end. Later ones change nothing: teardown goes on.
func WithSignals(parent context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(parent)
	ends := make(chan os.Signal, 4)
	signal.Notify(ends, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		signal.Notify(ends, syscall.SIGHUP)
	}
	go func() {
		for range ends {
			cancel(runner.ErrCancelled)
		}
	}()
	// Whoever reads our output may go away (e2e-gate run 2>&1 | head): the default is
	// to die on the spot, and the processes beside the tests would stay. Ignoring the
	// signal would be handed down to every child, so it is received and dropped.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return ctx
}
