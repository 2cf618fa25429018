package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/pipeline"
	"github.com/org/e2e-gate/internal/workspace"
)

// narrowed reads which tests the flags ask for. Such a run is not one of the stage, so
// what would publish it is an error.
func (c runCmd) narrowed(ctx context.Context, a *App, in inputs) (pipeline.Narrow, error) {
	n := pipeline.Narrow{Names: c.Names}
	of := ""
	if c.FailedOf != nil {
		if of = strings.TrimSpace(*c.FailedOf); of == "" {
			return n, usage("--failed-of is empty; give the id of a run below .e2e-gate/runs, or the path of a result.json")
		}
	}
	switch {
	case c.LastFailed && of != "":
		return n, usage("--last-failed and --failed-of name two runs; give one of them")
	case !c.LastFailed && of == "" && len(n.Names) == 0:
		return n, nil
	case c.wanted().Any() || c.Statement != "" || c.Slack != "" || c.Summary != "" || c.Metrics != "":
		return n, usage("a run of some tests is not published: leave out --comment, --publish, --check, --deployment, --promote, --statement, --slack, " +
			"--summary and --metrics, or the names of tests")
	}
	for _, name := range n.Names {
		if strings.TrimSpace(name) == "" {
			return n, usage("the name of a test is empty")
		}
	}
	if !c.LastFailed && of == "" {
		return n, nil
	}
	r, err := a.failedRun(ctx, in, of)
	if err != nil {
		return n, err
	}
	for _, t := range r.Tests {
		switch t.Outcome {
		case e2e.Passed, e2e.Flaky, e2e.Skipped:
		case e2e.Failed, e2e.Lost, e2e.NotRun, e2e.OutcomeUnknown:
			n.Failed = append(n.Failed, t.Test)
		default:
			n.Failed = append(n.Failed, t.Test)
		}
	}
	if n.FailedOf = r.Run.ID; len(n.Failed) == 0 {
		return n, usage("all tests of %s passed or were skipped, so there is nothing to run again", r.Run.ID)
	}
	return n, nil
}

// failedRun reads the result of a run by its file or the start of its id; without either the newest
// of the stage.
func (a *App) failedRun(ctx context.Context, in inputs, of string) (*e2e.Result, error) {
	if info, err := os.Lstat(of); of != "" && err == nil && info.Mode().IsRegular() {
		if err := a.ownDocument(ctx, in.root, of); err != nil {
			return nil, err
		}
		r, err := pipeline.ReadResult(of, maxResult)
		if err != nil {
			return nil, usage("%w; give --failed-of the result.json of a run, or its id", err)
		}
		return r, nil
	}
	var found []*e2e.Result
	for file := range a.newestResults(ctx, in.root) {
		if !strings.HasPrefix(filepath.Base(filepath.Dir(file)), of) {
			continue
		}
		r, err := pipeline.ReadResult(file, maxResult)
		if err != nil {
			_, _ = fmt.Fprintln(a.Stderr, safeLine("note: "+err.Error()))
			continue
		}
		if of == "" && (r.Run.Stage != in.stage.Name || len(r.Tests) == 0) {
			continue // a run that came to no test says nothing of any
		}
		found = append(found, r)
		if of == "" || r.Run.ID == of {
			return r, nil
		}
	}
	switch {
	case len(found) > 1:
		return nil, usage("%d runs start with %q; give more of the id: %s, %s", len(found), of, found[0].Run.ID, found[1].Run.ID)
	case len(found) == 1:
		return found[0], nil
	case of == "":
		return nil, usage("no run of stage %s found below .e2e-gate/runs; run the stage first", in.stage.Name)
	}
	return nil, usage("no run %s found below .e2e-gate/runs; give the id of a run there, or the path of a result.json", of)
}

// newestResults are the results below .e2e-gate/runs, the newest first: run ids start with the time. Those that git tracks
// are left out, with a note.
func (a *App) newestResults(ctx context.Context, top string) func(yield func(file string) bool) {
	return func(yield func(string) bool) {
		runs := filepath.Join(top, workspace.Name, "runs")
		found, _ := filepath.Glob(filepath.Join(runs, "*", "result.json")) // the pattern is our own
		for _, file := range slices.Backward(slices.Sorted(slices.Values(found))) {
			if err := a.ownDocument(ctx, top, file); err != nil {
				_, _ = fmt.Fprintln(a.Stderr, safeLine("note: "+err.Error()))
				continue
			}
			if !yield(file) {
				return
			}
		}
	}
}
