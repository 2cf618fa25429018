// Command e2e-gate runs gated end-to-end stages; see README.md.
package main

import (
	"context"
	"os"

	// Bundled root CAs, used when the system has none, as in an image from scratch.
	_ "golang.org/x/crypto/x509roots/fallback"

	"github.com/org/e2e-gate/internal/cli"
)

func main() {
	ctx := cli.WithSignals(context.Background())
	app := cli.App{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ()}
	os.Exit(app.Main(ctx, os.Args[1:]))
}
