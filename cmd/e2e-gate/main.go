// Command e2e-gate runs gated end-to-end stages; see README.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/org/e2e-gate/internal/cli"
	"github.com/org/e2e-gate/internal/runner"
)

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		for range signals { // later ones change nothing: teardown goes on
			cancel(runner.ErrCancelled)
		}
	}()
	app := cli.App{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ()}
	os.Exit(app.Main(ctx, os.Args[1:]))
}
