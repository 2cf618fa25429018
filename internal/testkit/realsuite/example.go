// Package realsuite runs suites with their real frameworks: those below examples through
// the gate's own program, and small odd ones through their adapters.
package realsuite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/gatebin"
	"github.com/org/e2e-gate/internal/testkit/golden"
)

// Example is a suite below examples. Its tests know the faults flake (fails in the
// first attempt), fail and crash (ends its own runner with a signal).
type Example struct {
	// Name is its folder below examples.
	Name string
	// Install makes a copy of it runnable, and returns what its processes need in
	// their environment; it ends the test where something is missing.
	Install func(t *testing.T, dir string) []string
	// Failed, Flaky and Skipped are the tests that end so with the faults fail and
	// flake; all others pass. Ids without the name of the suite.
	Failed, Flaky, Skipped []string
	// Crashes is the test that ends its runner with the fault crash, Before is one
	// that ran before it.
	Crashes, Before string
	// Evidence are ends of the names of files that each failed test leaves.
	Evidence []string
}

// Examples lists and runs examples with the gate's own program: over three shards, with
// failed tests rerun, on another machine, and with a runner that is killed.
func Examples(t *testing.T, examples ...Example) {
	t.Helper()
	Slow(t)
	gate := gatebin.Build(t)
	for _, ex := range examples {
		t.Run(ex.Name, func(t *testing.T) {
			t.Parallel()
			here := checkout(t, gate, ex)
			plan := here.plan(t, "plan")
			t.Run("listing", func(t *testing.T) { listed(t, ex.Name, plan) })
			t.Run("another machine", func(t *testing.T) {
				there := here.elsewhere(t)
				if diff := cmp.Diff(listingOf(plan), listingOf(there.plan(t, "plan"))); diff != "" {
					t.Errorf("the same tests have other ids elsewhere:\n%s", diff)
				}
			})
			t.Run("shards", func(t *testing.T) { here.shards(t, plan) })
			t.Run("killed", func(t *testing.T) { here.killed(t) })
		})
	}
}

// copied is a copy of an example in a repository of its own.
type copied struct {
	Example
	gate, root string
	env        []string
}

func checkout(t *testing.T, gate string, ex Example) *copied {
	t.Helper()
	c := &copied{Example: ex, gate: gate, root: t.TempDir()}
	if err := os.MkdirAll(filepath.Join(c.root, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(c.root, "examples", ex.Name)
	if err := os.CopyFS(dir, tracked{os.DirFS(filepath.Join(gatebin.Root(t), "examples", ex.Name))}); err != nil {
		t.Fatal(err)
	}
	for _, kv := range os.Environ() {
		ofCI := func(prefix string) bool { return strings.HasPrefix(kv, prefix) }
		if !slices.ContainsFunc([]string{"GITHUB_", "E2E_", "EXAMPLE_", "CI="}, ofCI) {
			c.env = append(c.env, kv)
		}
	}
	c.env = append(c.env, "NO_COLOR=1")
	c.env = append(c.env, ex.Install(t, dir)...)
	return c
}

func (c *copied) elsewhere(t *testing.T) *copied {
	t.Helper()
	return checkout(t, c.gate, c.Example)
}

// run starts the gate in the copy and wants an exit status.
func (c *copied) run(t *testing.T, status int, faults string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.gate, append(args, "--config", "examples/"+c.Name+"/e2e-gate.yml")...)
	cmd.Dir, cmd.Env = c.root, append(slices.Clip(c.env), "EXAMPLE_FAULTS="+faults)
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != status {
		t.Fatalf("%v: exit status %d, want %d\n%s\n%s", args, got, status, out, c.logs())
	}
	return string(out)
}

// logs are those of the units, for a message.
func (c *copied) logs() string {
	var all strings.Builder
	for _, glob := range []string{"*/units/*/output.log", "*/*/units/*/output.log"} {
		files, _ := filepath.Glob(filepath.Join(c.root, glob))
		for _, file := range files {
			data, _ := os.ReadFile(file)
			fmt.Fprintf(&all, "--- %s\n%s\n", file, data[max(0, len(data)-3000):])
		}
	}
	return all.String()
}

func (c *copied) plan(t *testing.T, out string) e2e.Plan {
	t.Helper()
	c.run(t, 0, "none", "plan", "--shards", "3", "--out", out)
	plan := read[e2e.Plan](t, filepath.Join(c.root, out, "plan.json"))
	if len(plan.Problems) > 0 || len(plan.Shards) != 3 {
		t.Fatalf("%d shards; %+v", len(plan.Shards), plan.Problems)
	}
	return plan
}

func read[T any](t *testing.T, file string) T {
	t.Helper()
	var v T
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// listingOf are the tests of a plan as lines: id, file, line, tags.
func listingOf(plan e2e.Plan) string {
	var text strings.Builder
	for _, p := range plan.Tests {
		fmt.Fprintf(&text, "%q %s:%d %s\n", p.ID, p.File, p.Line, strings.Join(p.Tags, " "))
	}
	return text.String()
}

func listed(t *testing.T, name string, plan e2e.Plan) {
	t.Helper()
	golden.File(t, filepath.Join("testdata", name+".txt"), listingOf(plan))
}

// shards runs each shard in a process of its own, as in a matrix, with tests that
// fail and tests that are flaky.
func (c *copied) shards(t *testing.T, plan e2e.Plan) {
	for i, shard := range plan.Shards {
		status := 0
		if c.anyIn(plan, shard, c.Failed) {
			status = 1
		}
		c.run(t, status, "fail,flake", "shard", "--plan", "plan/plan.json", "--index", fmt.Sprint(i), "--out", "results")
		doc := read[e2e.ShardRun](t, filepath.Join(c.root, "results", fmt.Sprintf("shard-%d.1.json", i)))
		c.checkShard(t, plan, shard, doc)
	}
	c.run(t, 1, "none", "verdict", "--plan", "plan/plan.json", "--results", "results", "--out", "merged")
	result := read[e2e.Result](t, filepath.Join(c.root, "merged", "result.json"))
	want := map[string]e2e.Outcome{}
	for _, p := range plan.Tests {
		want[p.ID] = c.expected(p.Name)
	}
	got := map[string]e2e.Outcome{}
	for _, r := range result.Tests {
		got[r.ID] = r.Outcome
		if r.Outcome == e2e.Failed && (len(r.Attempts) < 2 || r.Attempts[0].Message == "" || r.Attempts[0].Details == "") {
			t.Errorf("%s: %+v", r.ID, r.Attempts)
		}
		if r.Outcome == e2e.Failed {
			c.checkEvidence(t, r)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes:\n%s\n%s", diff, c.logs())
	}
	if len(result.Problems) > 0 {
		t.Errorf("%+v", result.Problems)
	}
}

// checkEvidence checks that each attempt has its own files, and that they exist.
func (c *copied) checkEvidence(t *testing.T, r e2e.TestResult) {
	t.Helper()
	for _, a := range r.Attempts {
		for _, end := range c.Evidence {
			at := slices.IndexFunc(a.Files, func(file string) bool { return strings.HasSuffix(file, end) })
			if at < 0 {
				t.Errorf("%s, attempt %d: no %s in %q", r.ID, a.N, end, a.Files)
				continue
			}
			if info, err := os.Stat(filepath.Join(c.root, "results", filepath.FromSlash(a.Files[at]))); err != nil || info.Size() == 0 {
				t.Errorf("%s, attempt %d: %s: %v", r.ID, a.N, a.Files[at], err)
			}
		}
	}
}

func (c *copied) anyIn(plan e2e.Plan, shard e2e.PlanShard, names []string) bool {
	return slices.ContainsFunc(plan.Tests, func(p e2e.PlannedTest) bool {
		return slices.Contains(shard.Tests, p.ID) && slices.Contains(names, p.Name)
	})
}

func (c *copied) expected(name string) e2e.Outcome {
	for outcome, names := range map[e2e.Outcome][]string{e2e.Failed: c.Failed, e2e.Flaky: c.Flaky, e2e.Skipped: c.Skipped} {
		if slices.Contains(names, name) {
			return outcome
		}
	}
	return e2e.Passed
}

// checkShard: exactly the shard's tests were run, and exactly the failed ones again.
func (c *copied) checkShard(t *testing.T, plan e2e.Plan, shard e2e.PlanShard, doc e2e.ShardRun) {
	t.Helper()
	var ran, again, failed []string
	for _, run := range doc.Tests {
		ran = append(ran, run.ID)
		var first []e2e.Attempt
		retried := false
		for _, a := range run.Attempts {
			switch {
			case a.Source == e2e.SourceDiagnostic:
				again = append(again, run.ID)
			case a.Planned():
				first, retried = append(first, a), retried || a.CountedRetry()
			}
		}
		if e2e.OutcomeOf(first) == e2e.Failed && !retried {
			failed = append(failed, run.ID)
		}
		if run.Unplanned != nil {
			t.Errorf("shard %d ran %s, which it was not to run", shard.Index, run.ID)
		}
	}
	if want := slices.Sorted(slices.Values(shard.Tests)); !slices.Equal(ran, want) {
		t.Errorf("shard %d ran %q, not %q", shard.Index, ran, want)
	}
	if !slices.Equal(again, failed) {
		t.Errorf("shard %d ran %q again, not %q", shard.Index, again, failed)
	}
}

// killed checks that tests that a killed runner had reported are known, and that all
// others are lost.
func (c *copied) killed(t *testing.T) {
	c.run(t, 3, "crash", "run", "--shards", "1", "--out", "killed")
	result := read[e2e.Result](t, filepath.Join(c.root, "killed", "result.json"))
	got := map[string]e2e.Outcome{}
	for _, r := range result.Tests {
		got[r.Name] = r.Outcome
	}
	if got[c.Crashes] != e2e.Lost || got[c.Before] != e2e.Passed || result.Verdict.State != e2e.VerdictNotJudged {
		t.Errorf("%s; %v\n%s", result.Verdict.State, got, c.logs())
	}
}
