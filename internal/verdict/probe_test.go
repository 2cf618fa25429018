package verdict

import (
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/policy"
)

const baseCommit = "4bf1f7a0000000000000000000000000000000aa"

// probeDocument is the document of a shard whose test ran at the base, with letters for its executions: f failed as here, x failed otherwise,
// e failed in a way that cannot be compared, p passed, s skipped.
func probeDocument(letters string) e2e.ShardRun {
	t := e2e.ProbedTest{ID: "s::t", Here: "f1:same"}
	for _, c := range letters {
		t.Runs = append(t.Runs, map[rune]e2e.ProbedRun{
			'f': {Outcome: e2e.Failed, Fingerprint: "f1:same"}, 'x': {Outcome: e2e.Failed, Fingerprint: "f1:other", Message: "another fault"},
			'e': {Outcome: e2e.Failed}, 'p': {Outcome: e2e.Passed}, 's': {Outcome: e2e.Skipped},
		}[c])
	}
	return e2e.ShardRun{Probe: &e2e.Probe{SHA: baseCommit, Product: "here", Tests: []e2e.ProbedTest{t}}}
}

// probeCase is what a row changes.
type probeCase struct {
	r  *e2e.TestResult
	in *In
	d  *e2e.ShardRun
}

// TestProbeLaw has a failure that a probe excuses, and what must not be excused, one by one.
func TestProbeLaw(t *testing.T) {
	for name, tc := range map[string]struct {
		// probe are executions at the base, runs judged runs of it, the newest first; the first red ones are of the commit itself.
		probe, runs string
		change      func(probeCase)
		// why is a part of the reason that is shown; "-": nothing is said of the base.
		why string
	}{
		"excused, with no red run":              {probe: "ff", runs: "p"},
		"excused, with one":                     {probe: "ff", runs: "fp"},
		"excused, with two":                     {probe: "ff", runs: "ffp"},
		"it failed more often there":            {probe: "fff", runs: "p"},
		"a run before failed in another way":    {probe: "ff", runs: "xp", change: func(o probeCase) { o.in.Base.Runs[0].SHA = "older" }},
		"a run before was flaky":                {probe: "ff", runs: "kp", change: func(o probeCase) { o.in.Base.Runs[0].SHA = "older" }},
		"it passes there":                       {probe: "pp", runs: "p", why: "-"},
		"it passes there once":                  {probe: "fp", runs: "p", why: "-"},
		"it failed there in another way":        {probe: "xx", runs: "p", why: "-"},
		"it failed there in two ways":           {probe: "fx", runs: "p", why: "-"},
		"what it says there cannot be compared": {probe: "ee", runs: "p", why: "-"},
		"it was skipped there":                  {probe: "fs", runs: "p", why: "-"},
		"it ran there once":                     {probe: "f", runs: "p", why: "-"},
		"it did not run there":                  {probe: "", runs: "p", why: "-"},
		"it ran here more often":                {probe: "ff", runs: "p", why: "-", change: func(o probeCase) { again(o.r, o.in, e2e.SourceFramework) }},
		"it ran again in a re-run of the workflow": {probe: "ff", runs: "p", change: func(o probeCase) {
			again(o.r, o.in, e2e.SourceFirst)
			o.r.Attempts[2].WorkflowAttempt = 2
		}},
		"it never ran twice here": {probe: "ff", runs: "p", why: "-", change: func(o probeCase) { o.r.Attempts = o.r.Attempts[:1] }},
		"it failed in two ways here": {probe: "ff", runs: "p", why: "-", change: func(o probeCase) {
			o.in.Base.Failures["s::t"] = BaseFailure{Fingerprints: []string{"f1:same", "f1:x"}}
		}},
		"the probe was refused":           {probe: "ff", runs: "p", why: "-", change: func(o probeCase) { o.d.Probe.Refused = "no" }},
		"its executions do not count":     {probe: "ff", runs: "p", why: "-", change: func(o probeCase) { o.d.Probe.Tests[0].Refused = "no" }},
		"at another commit":               {probe: "ff", runs: "p", why: "-", change: func(o probeCase) { o.d.Probe.SHA = "other" }},
		"the plan asked for none":         {probe: "ff", runs: "p", why: "-", change: func(o probeCase) { o.in.Plan.Base = "" }},
		"the base is another one by now":  {probe: "ff", runs: "p", why: "-", change: func(o probeCase) { o.in.Base.Commit = "later" }},
		"more tests than may be run":      {probe: "ff", runs: "p", why: "-", change: func(o probeCase) { o.in.Base.MaxProbed = 1; also(o.d, "s::u") }},
		"two shards say so":               {probe: "ff", runs: "p", why: "-", change: func(o probeCase) { also(o.d, "s::t") }},
		"the base's config asks for none": {probe: "ff", runs: "p", why: "-", change: func(o probeCase) { o.in.Base.MaxProbed = 0 }},
		"about another test":              {probe: "ff", runs: "p", why: "-", change: func(o probeCase) { o.d.Probe.Tests[0].ID = "s::u" }},
		"no run is known":                 {probe: "ff", runs: "", why: "no run of main is known in which it passed"},
		"none in which it passed":         {probe: "ff", runs: "ff", why: "no run of main is known in which it passed"},
		"it passed too long ago": {probe: "ff", runs: "ffp", change: func(o probeCase) { o.in.Base.MaxAge = 15 * time.Hour },
			why: "it may have been red for longer than the 15h0m0s"},
		"red for too long": {probe: "ff", runs: "fffp", change: func(o probeCase) { o.in.Base.MaxAge = 15 * time.Hour },
			why: "main has been red since"},
		"it passed at this very commit": {probe: "ff", runs: "p", change: func(o probeCase) { o.in.Base.Runs[0].SHA = baseCommit },
			why: "in the newest judged run of this commit (2026-05-10) it passed, which contradicts that"},
		"it was flaky at this very commit":            {probe: "ff", runs: "kp", why: "it was flaky, which contradicts that"},
		"it failed otherwise at this very commit":     {probe: "ff", runs: "xp", why: "it failed in another way, which contradicts that"},
		"three runs say so, and the probe does not":   {probe: "pp", runs: "fffp", why: "it does not, which contradicts these runs"},
		"three runs say so, and the probe is refused": {probe: "ff", runs: "fffp", change: func(o probeCase) { o.d.Probe.Refused = "no" }},
		"a smoke test": {probe: "ff", runs: "p", change: func(o probeCase) { o.r.Criticality = e2e.ReleaseBlockingSmoke },
			why: "a smoke test always blocks"},
		"the change touches it": {probe: "ff", runs: "p", change: func(o probeCase) {
			o.in.Base.Failures["s::t"] = BaseFailure{[]string{"f1:same", "f1:same"}, "it touches e2e"}
		}, why: "it touches e2e"},
		"it passes on the branch by now": {probe: "ff", runs: "p", change: func(o probeCase) { o.in.Base.Repaired = map[string]bool{"s::t": true} }, why: "rebase"},
	} {
		t.Run(name, func(t *testing.T) {
			failed, doc := failedAsBase(), probeDocument(tc.probe)
			in := In{Plan: &e2e.Plan{Base: baseCommit}, Base: base(tc.runs, failed), Now: baseNow}
			in.Base.Commit, in.Base.MaxProbed = baseCommit, 50
			for i := range in.Base.Runs {
				if in.Base.Runs[i].Tests["s::t"].Outcome == e2e.Passed {
					break
				}
				in.Base.Runs[i].SHA = baseCommit
			}
			if tc.change != nil {
				tc.change(probeCase{&failed, &in, &doc})
			}
			tests := []e2e.TestResult{failed, {Test: e2e.Test{ID: "s::ok", Criticality: e2e.ReleaseBlocking}, Outcome: e2e.Passed}}
			in.Base.excuse(tests, probesOf(in, []e2e.ShardRun{doc}, tests), in.Now)
			switch got := tests[0].BaseFails; {
			case tc.why == "-" && got != nil, tc.why != "-" && got == nil:
				t.Fatalf("%+v, %+v", got, tests[0].Probe)
			case got != nil && (got.Excuses != (tc.why == "") || !strings.Contains(got.Why, tc.why)):
				t.Errorf("%+v", got)
			case got != nil && got.Excuses && (got.Since.IsZero() || in.Now.Sub(got.Since) > in.Base.MaxAge):
				t.Errorf("red since %v", got.Since)
			}
			v, err := policy.DecideInPlace(t.Context(), policy.Evidence{Blocks: true, Tests: tests, Table: policy.Default()})
			if p := tests[0].Probe; tests[0].Effect == e2e.Warns && p.SameWay() != strings.Contains(tests[0].Why, "executions at 4bf1f7a000") {
				t.Errorf("%s: %+v", tests[0].Why, p)
			}
			if excused := tests[0].BaseFails != nil && tests[0].BaseFails.Excuses; err != nil || excused != (v.State == e2e.VerdictPassed) {
				t.Errorf("%s, %v", v.State, err)
			}
		})
	}
}

func again(r *e2e.TestResult, in *In, source e2e.AttemptSource) {
	a := r.Attempts[0]
	a.N, a.Source = 3, source
	r.Attempts = append(r.Attempts, a)
	in.Base.Failures = base("", *r).Failures
}

func also(d *e2e.ShardRun, id string) {
	one := d.Probe.Tests[0]
	one.ID = id
	d.Probe.Tests = append(d.Probe.Tests, one)
}

// TestProbeIsCounted: what a test did at the base is shown also where it excuses nothing.
func TestProbeIsCounted(t *testing.T) {
	for letters, want := range map[string]e2e.BaseProbe{
		"pp": {Executions: 2, Passed: 2}, "ff": {Executions: 2, Same: 2}, "xf": {Executions: 2, Same: 1, Other: "another fault"},
		"ps": {Executions: 2, Passed: 1, Other: "skipped"}, "": {Refused: "it was not run there"},
	} {
		tests := []e2e.TestResult{failedAsBase()}
		probesOf(In{Plan: &e2e.Plan{Base: baseCommit}}, []e2e.ShardRun{probeDocument(letters)}, tests)
		want.SHA, want.Product = baseCommit, "here"
		if got := tests[0].Probe; got == nil || *got != want || got.SameWay() != (letters == "ff") {
			t.Errorf("%s: %+v", letters, got)
		}
	}
	passed := []e2e.TestResult{{Test: e2e.Test{ID: "s::t"}, Outcome: e2e.Passed}}
	if probesOf(In{Plan: &e2e.Plan{Base: baseCommit}}, []e2e.ShardRun{probeDocument("ff")}, passed); passed[0].Probe != nil {
		t.Errorf("%+v", passed[0].Probe)
	}
}
