// Command frameworkbench measures what the gate adds to a framework's own command, on a project of small tests, and prints a table:
//
//	go run ./internal/tool/frameworkbench -frameworks gotest,pytest -pairs 5
//
// Each measurement is a pair, the framework's own command and the gate's one right after it, so that a busy machine slows both. The
// ratio is the median over the pairs. docs/frameworks.md shows the table.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
)

func main() {
	names := flag.String("frameworks", strings.Join(all(), ","), "frameworks, separated by commas")
	pairs := flag.Int("pairs", 5, "pairs of each measurement")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, strings.Split(*names, ","), *pairs); err != nil {
		fmt.Fprintln(os.Stderr, "frameworkbench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, names []string, pairs int) error {
	if pairs < 1 {
		return errors.New("-pairs must be at least 1")
	}
	dir, err := os.MkdirTemp("", "frameworkbench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	gate := filepath.Join(dir, "e2e-gate")
	if _, err := start(ctx, ".", nil, 0, "go", "build", "-o", gate, "./cmd/e2e-gate"); err != nil {
		return err
	}
	fmt.Fprintf(out, "| framework | tests | discovery | run | rerun of one test |\n|---|---|---|---|---|\n")
	for _, name := range names {
		f, ok := frameworks[name]
		if !ok {
			return fmt.Errorf("unknown framework %q; there are %s", name, strings.Join(all(), ", "))
		}
		b := &bench{framework: f, gate: gate, dir: filepath.Join(dir, name)}
		row, err := b.measure(ctx, name, pairs)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintln(out, row)
	}
	return nil
}

// bench is one framework with its project.
type bench struct {
	framework
	gate, dir string
}

func (b *bench) measure(ctx context.Context, name string, pairs int) (string, error) {
	files := b.project()
	files["e2e-gate.yml"] = fmt.Sprintf(`version: 1
stages: {pr: {on: [pull_request], budget: 10m, timeout: 20m}}
suites: [{name: s, framework: %s, owner: team}]
history: {store: "dir:%s"}
`, name, filepath.ToSlash(filepath.Join(b.dir, "history")))
	for file, text := range files {
		path := filepath.Join(b.dir, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil { //nolint:gosec // a project to measure
			return "", err
		}
	}
	for _, argv := range b.install {
		if _, err := start(ctx, b.dir, b.env(), 0, argv...); err != nil {
			return "", err
		}
	}
	// What is compiled and cached once, by both, is not measured.
	if _, _, err := b.runs(ctx); err != nil {
		return "", err
	}
	var discovery, run, rerun []pair
	for range pairs {
		p, err := b.discovers(ctx)
		if err != nil {
			return "", err
		}
		discovery = append(discovery, p)
		r, again, err := b.runs(ctx)
		if err != nil {
			return "", err
		}
		run, rerun = append(run, r), append(rerun, again)
	}
	listed := median(discovery)
	if len(b.list) == 0 {
		listed = "it has no such command"
	}
	return fmt.Sprintf("| %s | %d | %s | %s | %s |", name, manyFiles*perFile, listed, median(run), median(rerun)), nil
}

// discovers compares listing the tests with a plan.
func (b *bench) discovers(ctx context.Context) (pair, error) {
	var p pair
	var err error
	if len(b.list) > 0 {
		if p.own, err = start(ctx, b.dir, b.env(), 0, b.list...); err != nil {
			return p, err
		}
	}
	// A kept listing would start nothing.
	p.gate, err = start(ctx, b.dir, append(b.env(), "CI=1"), 0, b.gate, "plan", "--out", filepath.Join(b.dir, "plan"))
	return p, err
}

// runs compares a run of all tests, and the run of one test with the diagnostic rerun of that test, which fails.
func (b *bench) runs(ctx context.Context) (all, one pair, err error) {
	if all.own, err = start(ctx, b.dir, b.env(), 0, b.run...); err != nil {
		return all, one, err
	}
	if all.gate, err = start(ctx, b.dir, b.env(), 0, b.gate, "run", "--out", filepath.Join(b.dir, "whole")); err != nil {
		return all, one, err
	}
	failing := append(b.env(), failVariable+"=1")
	if one.own, err = start(ctx, b.dir, failing, b.failed, b.one...); err != nil {
		return all, one, err
	}
	if _, err = start(ctx, b.dir, failing, 1, b.gate, "run", "--out", filepath.Join(b.dir, "failed")); err != nil {
		return all, one, err
	}
	one.gate, err = rerunOf(filepath.Join(b.dir, "failed", "shard-0.1.json"))
	return all, one, err
}

// rerunOf is how long the process of the diagnostic rerun took.
func rerunOf(document string) (time.Duration, error) {
	data, err := os.ReadFile(document) //nolint:gosec // of the gate
	if err != nil {
		return 0, err
	}
	var shard e2e.ShardRun
	if err := json.Unmarshal(data, &shard); err != nil {
		return 0, err
	}
	for _, unit := range shard.Units {
		if unit.Attempt == 2 && len(unit.Tests) == 1 {
			return time.Duration(unit.Seconds * float64(time.Second)), nil
		}
	}
	return 0, fmt.Errorf("%s has no diagnostic rerun of one test", document)
}

// env is the environment of both, with the project's own programs first.
func (b *bench) env() []string {
	var env []string
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); name != "PATH" && name != "CI" && !strings.HasPrefix(name, "GITHUB_") {
			env = append(env, kv)
		}
	}
	bin := filepath.Join(b.dir, "venv", "bin") + string(os.PathListSeparator) + filepath.Join(b.dir, "node_modules", ".bin")
	return append(env, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1")
}

// start runs a command, wants its exit status, and returns how long it took.
func start(ctx context.Context, dir string, env []string, status int, argv ...string) (time.Duration, error) {
	if env == nil {
		env = os.Environ()
	}
	// The supervisor starts the program by the PATH of this process.
	program := argv[0]
	for _, kv := range env {
		if path, ok := strings.CutPrefix(kv, "PATH="); ok && !strings.Contains(program, string(filepath.Separator)) {
			for _, folder := range filepath.SplitList(path) {
				if file := filepath.Join(folder, program); exists(file) {
					argv = append([]string{file}, argv[1:]...)
					break
				}
			}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	exit := proc.Run(ctx, proc.Spec{Argv: argv, Dir: dir, Env: env})
	if exit.Ended != proc.Exited || exit.Code != status {
		return 0, fmt.Errorf("%q: %s, want exit status %d\n%s", argv, exit, status, exit.Tail)
	}
	return exit.Wall, nil
}

func exists(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular()
}

// pair is one measurement of the same thing.
type pair struct{ own, gate time.Duration }

// median is the median ratio, and the median of what the gate adds.
func median(pairs []pair) string {
	ratios, added := make([]float64, len(pairs)), make([]time.Duration, len(pairs))
	for i, p := range pairs {
		ratios[i], added[i] = p.gate.Seconds()/max(p.own.Seconds(), 0.001), p.gate-p.own
	}
	slices.Sort(ratios)
	slices.Sort(added)
	return fmt.Sprintf("%.2f (%+.1f s)", ratios[len(ratios)/2], added[len(added)/2].Seconds())
}

func all() []string {
	var names bytes.Buffer
	for _, name := range order {
		fmt.Fprintln(&names, name)
	}
	return strings.Fields(names.String())
}
