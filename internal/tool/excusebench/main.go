// Command excusebench plants pull requests on red bases whose truth is known, and prints how often a regression is excused, and
// how often a failure of the base is not, by the rule of the verdict and by LUCI's rule, which looks at outcomes alone:
//
//	go run ./internal/tool/excusebench -worlds 20000
//
// docs/verdict.md shows the tables.
package main

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/policy"
	"github.com/org/e2e-gate/internal/verdict"
)

func main() {
	worlds := flag.Int("worlds", 20_000, "worlds for each cell")
	seed := flag.Uint64("seed", 1, "seed of the random numbers")
	flag.Parse()
	if *worlds < 1 {
		fmt.Fprintln(os.Stderr, "excusebench: -worlds must be at least 1")
		os.Exit(2)
	}
	print(os.Stdout, *worlds, *seed)
}

// Published rates: 16 % of tests have flaky runs, and of all runs 1.5 % are flaky (Google, 2016). Where two faults of one test
// are different, their failures look alike in one of ten cases: that is our assumption, and a high one for an
// assertion with its place.
const (
	flakyTests = 0.16
	flakyRuns  = 0.015 / flakyTests
	alike      = 0.10
	// known is how many judged runs of the base are known.
	known = 30
)

// world is a pull request and its base, for one test.
type world struct {
	// fails is the rate at which the test fails on the base by a fault of its own, with its rerun. brokenFor is the number of the
	// newest runs in which a fault of the product makes it fail always.
	fails     float64
	brokenFor int
	// regression: the change breaks the test. Else it fails as the base does.
	regression bool
}

// The fingerprints of the failures.
const (
	ofProduct = "f1:product"
	ofFlake   = "f1:flake"
	ofChange  = "f1:change"
)

// draw makes the newest runs of the base first, and the fingerprint of the failure here.
func (w world) draw(r *rand.Rand) (runs []verdict.BaseTest, here string) {
	flaky := r.Float64() < flakyTests
	for i := range known {
		switch {
		case i < w.brokenFor:
			runs = append(runs, verdict.BaseTest{Outcome: e2e.Failed, Fingerprint: ofProduct})
		case r.Float64() < w.fails:
			runs = append(runs, verdict.BaseTest{Outcome: e2e.Failed, Fingerprint: ofFlake})
		case flaky && r.Float64() < flakyRuns:
			runs = append(runs, verdict.BaseTest{Outcome: e2e.Flaky, Fingerprint: ofFlake})
		default:
			runs = append(runs, verdict.BaseTest{Outcome: e2e.Passed})
		}
		if flaky && i < w.brokenFor && r.Float64() < flakyRuns { // its first failure was the flake's
			runs[i].Fingerprint = ofFlake
		}
	}
	switch {
	case !w.regression:
		return runs, ofProduct
	case r.Float64() < alike:
		return runs, ofFlake
	}
	return runs, ofChange
}

var now = time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)

// ours is the verdict's own rule, through the verdict.
func ours(runs []verdict.BaseTest, here string) bool {
	run := e2e.Run{ID: "r", Stage: "pr", Blocks: true, WorkflowAttempt: 1, Started: now}
	plan := &e2e.Plan{Schema: e2e.PlanSchema, Run: run, Digest: "d", Shards: []e2e.PlanShard{{Tests: []string{"s::t", "s::ok"}}}}
	for _, id := range plan.Shards[0].Tests {
		plan.Tests = append(plan.Tests, e2e.PlannedTest{Test: e2e.Test{ID: id, Suite: "s", Unit: "s", Criticality: e2e.ReleaseBlocking}})
	}
	attempt := func(n int, outcome e2e.Outcome, source e2e.AttemptSource) e2e.Attempt {
		return e2e.Attempt{N: n, Outcome: outcome, Source: source, WorkflowAttempt: 1}
	}
	doc := e2e.ShardRun{Schema: e2e.ShardSchema, Run: run, Digest: "d", Complete: true, Tests: []e2e.TestRun{
		{ID: "s::ok", Attempts: []e2e.Attempt{attempt(1, e2e.Passed, e2e.SourceFirst)}},
		{ID: "s::t", Attempts: []e2e.Attempt{attempt(1, e2e.Failed, e2e.SourceFirst), attempt(2, e2e.Failed, e2e.SourceDiagnostic)}},
	}}
	base := verdict.Base{Branch: "main", MaxAge: 72 * time.Hour, Failures: map[string]verdict.BaseFailure{"s::t": {Fingerprints: []string{here, here}}}}
	for i, t := range runs {
		base.Runs = append(base.Runs, verdict.BaseRun{BaseRun: e2e.BaseRun{ID: fmt.Sprint(i), Started: now.Add(-time.Duration(i+1) * time.Hour)},
			Tests: map[string]verdict.BaseTest{"s::t": t}})
	}
	out := verdict.Of(verdict.In{Run: run, Plan: plan, Documents: []verdict.Document{{Shard: doc}}, Local: true, Base: base, Table: policy.Default(), Now: now})
	return out.Result.Verdict.State == e2e.VerdictPassed
}

// luci excuses a failure of a test that failed on the base in the newest 3 runs, or in 6 of the newest 10.
func luci(runs []verdict.BaseTest, _ string) bool {
	bad := func(n int) (count int) {
		for _, t := range runs[:n] {
			if t.Outcome == e2e.Failed {
				count++
			}
		}
		return count
	}
	return bad(3) == 3 || bad(10) >= 6
}

// share is how many worlds a rule excuses.
func share(w world, rule func([]verdict.BaseTest, string) bool, worlds int, seed uint64) float64 {
	r := rand.New(rand.NewPCG(seed, 17)) //nolint:gosec // not for secrets
	excused := 0
	for range worlds {
		if rule(w.draw(r)) {
			excused++
		}
	}
	return float64(excused) / float64(worlds)
}

var (
	redRates = []float64{0, 0.01, 0.02, 0.05, 0.10, 0.20, 0.30}
	ages     = []int{1, 2, 3, 4, 6, 10, 20}
)

func print(to io.Writer, worlds int, seed uint64) {
	head := func(title string, cells ...string) {
		_, _ = fmt.Fprintf(to, "\n%s\n\n| %s |\n|%s\n", title, strings.Join(cells, " | "), strings.Repeat("---|", len(cells)))
	}
	row := func(first string, w world) {
		_, _ = fmt.Fprintf(to, "| %s | %.2f | %.2f |\n", first, 100*share(w, ours, worlds, seed), 100*share(w, luci, worlds, seed))
	}
	head("A regression that is excused, in % of pull requests that break a test which fails on the base at times:", "fails on the base", "ours", "LUCI's rule")
	for _, rate := range redRates {
		row(fmt.Sprintf("%.0f %% of runs", rate*100), world{fails: rate, regression: true})
	}
	head("A failure of the base that is excused, in % of pull requests that did not cause it:", "broken on the base since", "ours", "LUCI's rule")
	for _, n := range ages {
		row(fmt.Sprintf("%d judged runs", n), world{brokenFor: n})
	}
	head("A regression that is excused although the base is broken, in % of pull requests that break the same test in another way:",
		"broken on the base since", "ours", "LUCI's rule")
	for _, n := range ages[2:] {
		row(fmt.Sprintf("%d judged runs", n), world{brokenFor: n, regression: true})
	}
}
