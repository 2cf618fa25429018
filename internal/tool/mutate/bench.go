package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// fate is the result of a mutant's tests.
type fate int

const (
	survived fate = iota
	killed
	invalid
)

// bench runs the tests of one package on mutants of it.
type bench struct {
	dir     string
	tmp     string
	timeout time.Duration
	// rapid: the package's tests draw their values with rapid, and know its flags.
	rapid bool
}

func newBench(dir string, timeout time.Duration) (*bench, error) {
	tmp, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return nil, err
	}
	b := &bench{dir: dir, tmp: tmp, timeout: timeout}
	tests, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	for _, file := range tests {
		text, err := os.ReadFile(file) //nolint:gosec // a source file of ours
		if err != nil {
			return nil, err
		}
		b.rapid = b.rapid || strings.Contains(string(text), `"pgregory.net/rapid"`)
	}
	return b, err
}

func (b *bench) close() { _ = os.RemoveAll(b.tmp) }

// try runs the tests on one mutant.
func (b *bench) try(ctx context.Context, m mutant) (fate, error) {
	dir, err := os.MkdirTemp(b.tmp, "")
	if err != nil {
		return invalid, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	changed := filepath.Join(dir, filepath.Base(m.file))
	if err := os.WriteFile(changed, m.text, 0o600); err != nil {
		return invalid, err
	}
	file, err := filepath.Abs(m.file)
	if err != nil {
		return invalid, err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err != nil {
		return invalid, err
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		return invalid, err
	}
	out, err := b.test(ctx, list, []string{"-failfast"})
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return invalid, ctx.Err()
	case err == nil:
		return survived, nil
	case !errors.As(err, &exit):
		return invalid, fmt.Errorf("run go test: %w", err)
	case strings.Contains(out, "[build failed]"), strings.Contains(out, "[setup failed]"):
		return invalid, nil
	}
	return killed, nil
}

// test runs the package's tests, over an overlay where one is given. A test that does
// not end is ended: a loop without end is noticed too.
func (b *bench) test(ctx context.Context, overlay string, args []string) (string, error) {
	argv := []string{"test", "-count=1", "-short", "-vet=off", "-timeout=" + b.timeout.String()}
	if overlay != "" {
		argv = append(argv, "-overlay="+overlay)
	}
	argv = append(append(argv, args...), "./"+filepath.ToSlash(b.dir))
	if b.rapid {
		argv = append(argv, "-rapid.nofailfile") // failures of mutants are not failures to keep
	}
	out, err := exec.CommandContext(ctx, "go", argv...).CombinedOutput()
	return string(out), err
}
