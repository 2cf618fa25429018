// Command e2e-gate runs gated end-to-end stages; see README.md.
package main

import (
	"context"
	"os"

	// Bundled root CAs, used when the system has none, as in an image from scratch.
	_ "golang.org/x/crypto/x509roots/fallback"

	"github.com/org/e2e-gate/internal/cli"
	"github.com/org/e2e-gate/internal/proc"
)

func main() {
	// First, before anything else runs. Where the kernel refuses, the gate works all the same; SECURITY.md
	// says what then remains.
	_ = proc.HideMemory()
	ctx := cli.WithSignals(context.Background())
	app := cli.App{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ()}
	os.Exit(app.Main(ctx, os.Args[1:]))
}
