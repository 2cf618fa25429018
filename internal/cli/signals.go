package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
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
	// The reader of our output may go away (e2e-gate run 2>&1 | head). By default SIGPIPE
	// would kill us at once and leave background processes running. Children would inherit
	// that it is ignored, so it is received and dropped.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return ctx
}

// interruptible returns when the context ends, even if do waits for input that never
// comes, such as that of a terminal. Use it only for work that needs no teardown.
func interruptible(ctx context.Context, do func() error) error {
	done := make(chan error, 1)
	fault := make(chan any, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				fault <- fmt.Sprintf("%v\n%s", r, debug.Stack())
			}
		}()
		done <- do()
	}()
	select {
	case err := <-done:
		return err
	case r := <-fault:
		panic(r) // Main reports it
	case <-ctx.Done():
		return fmt.Errorf("stopped before the end of the input: %w", context.Cause(ctx))
	}
}
