package verdict

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/org/e2e-gate/internal/e2e"
)

// probed is what a failed test did at the base; the zero value says nothing.
type probed struct {
	runs []e2e.ProbedRun
	// needed is how often it was run here, so how often it must have failed there.
	needed int
}

// leastProbed is how often a test must have failed at the base at least.
const leastProbed = 2

// counts reports whether the executions at the base say anything.
func (p probed) counts(t *e2e.TestResult) bool {
	return t.Probe != nil && t.Probe.Refused == "" && len(p.runs) > 0
}

// shows reports whether a test failed at the base as often as here, each time in the way of the fingerprint.
func (p probed) shows(t *e2e.TestResult, print string) bool {
	return p.counts(t) && len(p.runs) >= max(leastProbed, p.needed) && !p.contradicts(t, print)
}

// contradicts reports whether an execution at the base did not fail in the way of the fingerprint.
func (p probed) contradicts(t *e2e.TestResult, print string) bool {
	return p.counts(t) && slices.ContainsFunc(p.runs, func(r e2e.ProbedRun) bool {
		return r.Outcome != e2e.Failed || r.Fingerprint == "" || r.Fingerprint != print
	})
}

// probesOf finds what documents say of failed tests at the base, and counts it in the results. Only what is about the commit of the
// plan counts, and nothing of it where more tests were run there than may be.
func probesOf(in In, counted []e2e.ShardRun, tests []e2e.TestResult) map[string]probed {
	type found struct {
		probe *e2e.Probe
		test  *e2e.ProbedTest
		twice bool
	}
	at, ran := map[string]found{}, 0
	for _, doc := range counted {
		if doc.Probe == nil {
			continue
		}
		for i := range doc.Probe.Tests {
			test := &doc.Probe.Tests[i]
			_, twice := at[test.ID]
			at[test.ID] = found{doc.Probe, test, twice}
			if len(test.Runs) > 0 {
				ran++
			}
		}
	}
	if len(at) == 0 || in.Plan == nil {
		return nil
	}
	probes := map[string]probed{}
	for i := range tests {
		t := &tests[i]
		f, ok := at[t.Stable()]
		if !ok || t.Outcome != e2e.Failed || t.Set != "" {
			continue
		}
		t.Probe = &e2e.BaseProbe{SHA: f.probe.SHA, Product: f.probe.Product, Refused: cmp.Or(f.probe.Refused, f.test.Refused)}
		switch most := in.Base.MaxProbed; {
		case in.Plan.Base == "" || f.probe.SHA != in.Plan.Base:
			t.Probe.Refused = "the plan does not name this commit as the base"
		case in.Base.Commit != "" && in.Base.Commit != in.Plan.Base:
			t.Probe.Refused = fmt.Sprintf("the base is %.10s by now; plan again", in.Base.Commit)
		case f.twice:
			t.Probe.Refused = "two shards say what the test did there"
		case most > 0 && ran > most:
			t.Probe.Refused = TooManyProbed(ran, most)
		}
		count(t.Probe, f.test)
		probes[t.Stable()] = probed{f.test.Runs, executions(t.Attempts)}
	}
	return probes
}

// TooManyProbed is why none of many tests is run at the base.
func TooManyProbed(tests, most int) string {
	return fmt.Sprintf("%d failed tests would have to be run there, more than exonerate.max: %d", tests, most)
}

// count counts the executions of a test at the base.
func count(p *e2e.BaseProbe, t *e2e.ProbedTest) {
	if p.Refused != "" {
		return
	}
	for _, r := range t.Runs {
		p.Executions++
		switch {
		case r.Outcome == e2e.Passed:
			p.Passed++
		case r.Outcome == e2e.Failed && r.Fingerprint != "" && r.Fingerprint == t.Here:
			p.Same++
		case p.Other == "":
			p.Other = cmp.Or(r.Message, string(r.Outcome))
		}
	}
	if p.Executions == 0 {
		p.Refused = "it was not run there"
	}
}

// executions are how many there are of the last workflow attempt.
func executions(attempts []e2e.Attempt) int {
	last, n := 0, 0
	for _, a := range attempts {
		last = max(last, a.WorkflowAttempt)
	}
	for _, a := range attempts {
		if a.WorkflowAttempt == last {
			n++
		}
	}
	return n
}
