package verdict

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
)

// merging is what the shards reported, by test.
type merging struct {
	in      In
	earlier Earlier
	// gates are those of the result.
	gates  []e2e.Gate
	runs   map[string]e2e.TestRun
	notRun map[string]e2e.NotRunTest
	reruns map[string]e2e.RerunRecord
	// held are the tests that the reports of each batch held, by the batch's id.
	held map[string][]string
	// labels are those of tests that share an id, by that id.
	labels map[string][]string
	// gone are warnings about tests that earlier runs of a suite reported, but this one did not.
	gone []e2e.Problem
}

// newMerge joins what the documents that count say of each test.
func newMerge(ctx context.Context, in In, a accepted) (*merging, error) {
	m := &merging{
		in: in, earlier: a.earlier, held: map[string][]string{}, labels: map[string][]string{},
	}
	tests, notRun, reruns := 0, 0, 0
	for _, d := range a.counted {
		tests, notRun, reruns = tests+len(d.Shard.Tests), notRun+len(d.Shard.NotRun), reruns+len(d.Shard.Reruns)
	}
	m.runs, m.notRun, m.reruns = make(map[string]e2e.TestRun, tests), make(map[string]e2e.NotRunTest, notRun), make(map[string]e2e.RerunRecord, reruns)
	planned := a.planned
	if planned == nil {
		planned = shardOfTest(in.Plan)
	}
	for _, d := range a.counted {
		stolen := stolenTests(d.Shard)
		for i, t := range d.Shard.Tests {
			if err := ended(ctx, i); err != nil {
				return nil, err
			}
			if shard, ok := planned[t.ID]; ok && shard != d.Shard.Index && !stolen[t.ID] && isClean(t) {
				continue
			}
			m.join(t, d.Unplanned)
		}
		for _, t := range d.Shard.NotRun {
			m.notRun[t.ID] = t
		}
		for _, rec := range d.Shard.Reruns {
			m.reruns[rec.ID] = rec
		}
	}
	return m, nil
}

// isClean reports whether nothing speaks against a test. A failure counts whichever
// shard saw it; a pass only from the shard that was to run it.
func isClean(t e2e.TestRun) bool {
	o := e2e.OutcomeOf(t.Attempts)
	return o == e2e.Passed || o == e2e.Skipped
}

// join adds what one more document says of a test. Documents of two shards are no
// retries of each other: a failure in one stays a failure.
func (m *merging) join(t e2e.TestRun, enriched map[string]e2e.Test) {
	known := m.runs[t.ID]
	known.ID = t.ID
	if t.Unplanned != nil {
		known.Unplanned = t.Unplanned
		if own, ok := enriched[t.ID]; ok {
			known.Unplanned = &own
		}
	}
	known.Attempts = e2e.JoinTwins(known.Attempts, t.Attempts)
	m.runs[t.ID] = known
}

// results are all planned tests, and those that were reported and not planned, by id.
func (m *merging) results(ctx context.Context) ([]e2e.TestResult, error) {
	list := make([]e2e.TestResult, 0, max(len(m.in.Plan.Tests), len(m.runs)))
	claimed := map[string]bool{}
	for _, b := range m.in.Plan.Batches {
		list = append(list, m.batch(b.Batch, claimed)...)
	}
	for i := range m.in.Plan.Tests {
		if err := ended(ctx, i); err != nil {
			return nil, err
		}
		t := &m.in.Plan.Tests[i]
		run := m.runs[t.ID]
		if run.Unplanned != nil {
			claimed[t.ID] = true
		}
		list = m.fill(list, e2e.TestResult{Test: t.Test}, run.Attempts)
	}
	for id, run := range m.runs {
		if !claimed[id] && run.Unplanned != nil {
			list = m.fill(list, e2e.TestResult{Test: *run.Unplanned, Unplanned: true}, run.Attempts)
		}
	}
	m.label(list)
	byID := func(a, b e2e.TestResult) int { return strings.Compare(a.ID, b.ID) }
	if !slices.IsSortedFunc(list, byID) { // as those of a plan are
		slices.SortStableFunc(list, byID)
	}
	return list, nil
}

// fill adds a test to the results. It puts the attempts of this and of earlier workflow attempts side by
// side. Each of several tests that share an id is a result of its own. Attempts that were reported
// outweigh a note that the test was not run.
func (m *merging) fill(list []e2e.TestResult, r e2e.TestResult, attempts []e2e.Attempt) []e2e.TestResult {
	if rec, ok := m.reruns[r.ID]; ok {
		r.Rerun = &rec
	}
	before := m.earlier.Attempts[r.ID]
	twins := e2e.Twins(attempts)
	if len(twins) < 2 {
		r.Outcome = e2e.OutcomeOf(attempts)
		if n, ok := m.notRun[r.ID]; ok && len(attempts) == 0 {
			r.Outcome, r.Why = e2e.NotRun, n.Reason
			switch {
			case n.Code != e2e.CodeDependency:
			case len(before) > 0 || m.earlier.hasFailed(r.ID):
				r.Unexcused = "the test ran in an earlier attempt of this workflow run"
			default:
				r.Dependency, r.Unexcused = m.dependency(&r.Test)
			}
		}
		return append(list, withAttempts(r, before, attempts))
	}
	for _, own := range twins {
		one := r
		one.Set, one.Twins = r.ID, len(twins)
		if own[0].Line > 0 {
			one.Line = own[0].Line
		}
		one.Outcome = e2e.OutcomeOf(own)
		list = append(list, withAttempts(one, besideTwin(before, own, len(twins)), own))
	}
	return list
}

// withAttempts adds the attempts of earlier workflow attempts and of this one to a result. Those of
// one document are shared with it, unless their numbers change: whoever changes an attempt copies it.
func withAttempts(r e2e.TestResult, before, own []e2e.Attempt) e2e.TestResult {
	switch {
	case len(before) == 0 && len(own) > 0 && areNumbered(own):
		r.Attempts = slices.Clip(own)
	default:
		r.Attempts = e2e.Numbered(slices.Concat(before, own))
	}
	if len(own) > 0 {
		r.Children = own[len(own)-1].Children
	}
	return r
}

// areNumbered reports whether attempts have the numbers of their places.
func areNumbered(list []e2e.Attempt) bool {
	for i := range list {
		if list[i].N != i+1 {
			return false
		}
	}
	return true
}

// besideTwin are the attempts of earlier workflow attempts that stand beside one of n tests
// that share an id; own are its attempts. Numbers name the same test in two processes only
// by order, so unless every workflow attempt had as many tests, each result stands beside all.
func besideTwin(before, own []e2e.Attempt, n int) []e2e.Attempt {
	attempts := map[int][]e2e.Attempt{}
	var beside []e2e.Attempt
	for _, a := range before {
		attempts[a.WorkflowAttempt] = append(attempts[a.WorkflowAttempt], a)
		if a.Twin == own[0].Twin {
			beside = append(beside, a)
		}
	}
	for _, list := range attempts {
		if len(e2e.Twins(list)) != n {
			return before
		}
	}
	return beside
}

// label gives results that share an id ids of their own, which hold in this run only. A
// test that is really called so keeps its id: the label gets another mark.
func (m *merging) label(list []e2e.TestResult) {
	if !slices.ContainsFunc(list, func(r e2e.TestResult) bool { return r.Set != "" }) {
		return
	}
	taken := map[string]bool{}
	for _, r := range list {
		taken[r.ID] = true
	}
	numbers := map[string]int{}
	for i := range list {
		r := &list[i]
		if r.Set == "" {
			continue
		}
		numbers[r.Set]++
		r.ID = fmt.Sprintf("%s #%d", r.Set, numbers[r.Set])
		for taken[r.ID] {
			r.ID += "'"
		}
		taken[r.ID] = true
		m.labels[r.Set] = append(m.labels[r.Set], r.ID)
	}
}

// batch are the tests that a batch's reports held; where they held none, the batch itself
// is lost.
func (m *merging) batch(b e2e.Batch, claimed map[string]bool) []e2e.TestResult {
	var list []e2e.TestResult
	claimed[b.ID] = true
	for _, id := range slices.Sorted(maps.Keys(m.runs)) {
		run := m.runs[id]
		if run.Unplanned == nil || run.Unplanned.Unit != b.Unit {
			continue
		}
		claimed[id] = true
		m.held[b.ID] = append(m.held[b.ID], id)
		list = m.fill(list, e2e.TestResult{Test: *run.Unplanned}, run.Attempts)
	}
	if len(list) == 0 {
		return m.fill(nil, e2e.TestResult{Test: b.Stand()}, m.runs[b.ID].Attempts)
	}
	m.warnGone(b.Suite)
	return list
}

// warnGone warns of tests that earlier runs of a suite reported and this one did not:
// a suite that cannot list its tests has nothing else to compare with.
func (m *merging) warnGone(suite string) {
	var gone []string
	for _, id := range m.in.Known[suite] {
		if _, ok := m.runs[id]; !ok {
			gone = append(gone, id)
		}
	}
	if len(gone) > 0 {
		m.gone = append(m.gone, e2e.Problem{Code: e2e.CodeLost, Tests: gone, Text: fmt.Sprintf(
			"suite %s cannot list its tests; %s missing from its reports: %s",
			suite, missing(len(gone)), strings.Join(gone[:min(3, len(gone))], ", "))})
	}
}

func missing(n int) string {
	if n == 1 {
		return "1 test of earlier runs is"
	}
	return fmt.Sprintf("%d tests of earlier runs are", n)
}

// expand replaces, in problems, a batch by the tests that its reports held, and an id that
// several tests share by their labels: what a problem does depends on how much they matter.
func (m *merging) expand(list []e2e.Problem) []e2e.Problem {
	for i := range list {
		var tests []string
		for _, id := range list[i].Tests {
			held, known := m.held[id]
			if !known {
				held = []string{id}
			}
			for _, id := range held {
				if labels := m.labels[id]; len(labels) > 0 {
					tests = append(tests, labels...)
				} else {
					tests = append(tests, id)
				}
			}
		}
		slices.Sort(tests)
		list[i].Tests = slices.Compact(tests)
	}
	return list
}

// mergeProblems says once what several shards say of the same unit, with all its
// tests. A problem that loses evidence is never merged into one that does not. What was not checked
// is said once, also where the plan and each shard say it.
func mergeProblems(list []e2e.Problem) []e2e.Problem {
	once := []e2e.Problem{}
	for _, p := range list {
		at := slices.IndexFunc(once, func(o e2e.Problem) bool {
			return o.Code == p.Code && o.Unit == p.Unit && o.Text == p.Text && o.LosesEvidence == p.LosesEvidence && (len(o.Tests) > 0 || notChecked(p))
		})
		if at >= 0 && notChecked(p) {
			continue
		}
		if at < 0 || len(p.Tests) == 0 {
			once = append(once, p)
			continue
		}
		tests := append(slices.Clone(once[at].Tests), p.Tests...)
		slices.Sort(tests)
		once[at].Tests = slices.Compact(tests)
	}
	return once
}

func notChecked(p e2e.Problem) bool { return p.Code == e2e.CodeNotChecked && p.Note }

// mergeGates adds what each shard saw of the gates. A gate that failed for one shard
// has failed.
func mergeGates(gates []e2e.Gate, docs []Document) []e2e.Gate {
	merged := slices.Clone(gates)
	for i := range merged {
		g := &merged[i]
		g.Timeline = slices.Clone(g.Timeline)
		planned := g.Scope != nil && !g.Open() // the plan was made all the same, and each shard waited once more
		for _, d := range docs {
			at := slices.IndexFunc(d.Shard.Gates, func(o e2e.Gate) bool { return o.Name == g.Name })
			if at < 0 {
				continue
			}
			other := d.Shard.Gates[at]
			for _, span := range other.Timeline {
				if !slices.ContainsFunc(g.Timeline, func(o e2e.Span) bool { return reflect.DeepEqual(o, span) }) {
					g.Timeline = append(g.Timeline, span)
				}
			}
			if planned || g.Open() && !other.Open() {
				planned = false
				g.State, g.Finality, g.Observed, g.Reason = other.State, other.Finality, other.Observed, other.Reason
			}
		}
		slices.SortStableFunc(g.Timeline, func(a, b e2e.Span) int { return a.From.Compare(b.From) })
	}
	return merged
}

// shardResults are what became of the plan's shards: complete, partial, or lost where
// no document counts.
func shardResults(planned []e2e.PlanShard, docs []Document) []e2e.ShardResult {
	list := []e2e.ShardResult{}
	for _, sh := range planned {
		r := e2e.ShardResult{Index: sh.Index, Name: sh.Name, Owners: sh.Owners, Tests: len(sh.Tests), Expected: sh.Expected(), State: "lost"}
		for _, d := range docs {
			if d.Shard.Index != sh.Index {
				continue
			}
			r.Attempt, r.Units, r.State = d.Shard.Run.WorkflowAttempt, d.Shard.Units, "partial"
			if d.Shard.Complete {
				r.State = "complete"
			}
			for _, u := range d.Shard.Units {
				r.Seconds += u.Seconds
			}
		}
		list = append(list, r)
	}
	return list
}

// laterPass applies what earlier attempts of this workflow run say about a test that
// passes now. A failure that had its rerun is not undone (later_pass); one that had
// none makes this pass the rerun it never had: the test is flaky. Only an earlier
// failure that the environment excuses is left behind.
func laterPass(r *e2e.TestResult, before []e2e.Attempt, env *e2e.Environment) {
	if len(before) == 0 || r.Outcome != e2e.Passed && r.Outcome != e2e.Flaky {
		return
	}
	failed, ended, hadRerun := 0, 0, false
	attempts := map[int][]e2e.Attempt{}
	for _, a := range before {
		if a.Outcome == e2e.Failed {
			failed++
		}
		attempts[a.WorkflowAttempt] = append(attempts[a.WorkflowAttempt], a)
	}
	for _, list := range attempts {
		hadRerun = hadRerun || rerunInVain(list) || usedRetries(list)
		if e2e.OutcomeOf(list) == e2e.Failed {
			ended++
		}
	}
	hadRerun = hadRerun || ended > 1 // the second attempt was the rerun of the first
	switch {
	case failed == 0:
	case env != nil && env.Excuses:
		r.Evidence = append(r.Evidence, e2e.Evidence{
			Kind: e2e.EvidenceTriage, Source: fmt.Sprintf("attempt %d", before[0].WorkflowAttempt),
			Text: "an earlier attempt of this workflow run failed because of the environment; it passes now",
		})
	default:
		if env != nil {
			r.Evidence = append(r.Evidence, e2e.Evidence{
				Kind: e2e.EvidenceTriage, Source: fmt.Sprintf("attempt %d", before[0].WorkflowAttempt), Text: notExcused(*env),
			})
		}
		if r.LaterPass = hadRerun; !hadRerun {
			whole := append(slices.Clone(before), e2e.Attempt{Outcome: e2e.Passed})
			for i := range whole {
				whole[i].Twin = 0 // the pass is beside all of them
			}
			r.Outcome = e2e.OutcomeOf(whole)
		}
	}
}

// notExcused says why an alibi of an earlier attempt does not make this attempt's pass count.
func notExcused(env e2e.Environment) string {
	switch {
	case env.Gate == "":
		return fmt.Sprintf("background process %s had exited then (%s), and the test may have caused that; start a new run", env.Process, env.Observed)
	case env.NamedBy == "":
		return fmt.Sprintf("gate %s was bad then (%s), but the failure does not name it; start a new run", env.Gate, env.Observed)
	}
	return fmt.Sprintf("gate %s went down while the test ran (%s), and the test may have caused that; start a new run", env.Gate, env.Observed)
}

// rerunInVain reports whether a test failed and its diagnostic rerun did not pass. A rerun that proved
// nothing, as one that skipped, was in vain too, unless the framework itself had brought the test to a
// pass before. A pass in another document of the same attempt undoes nothing.
func rerunInVain(attempts []e2e.Attempt) bool {
	return slices.ContainsFunc(e2e.Twins(attempts), func(own []e2e.Attempt) bool {
		failed, passed := false, false
		for _, a := range own {
			failed = failed || a.Outcome == e2e.Failed
			passed = passed || a.Outcome == e2e.Passed && a.CountedRetry()
		}
		return slices.ContainsFunc(own, func(a e2e.Attempt) bool {
			proved := a.Outcome == e2e.Passed && a.Uncounted == ""
			return a.Source == e2e.SourceDiagnostic && (a.Outcome == e2e.Failed || failed && !passed && !proved)
		})
	})
}

// usedRetries reports whether the framework repeated a test by itself and it failed every
// time: that was its rerun.
func usedRetries(attempts []e2e.Attempt) bool {
	return slices.ContainsFunc(e2e.Twins(attempts), func(own []e2e.Attempt) bool {
		return e2e.OutcomeOf(own) == e2e.Failed && slices.ContainsFunc(own, e2e.Attempt.CountedRetry)
	})
}

// slowest names up to three of the slowest attempts.
func slowest(tests []e2e.TestResult) string {
	type timed struct {
		id      string
		seconds float64
	}
	var list []timed
	for _, t := range tests {
		for _, a := range t.Attempts {
			list = append(list, timed{t.ID, a.Seconds})
		}
	}
	slices.SortFunc(list, func(a, b timed) int { return cmp.Or(cmp.Compare(b.seconds, a.seconds), strings.Compare(a.id, b.id)) })
	var names []string
	for _, t := range list[:min(3, len(list))] {
		names = append(names, fmt.Sprintf("%s (%s)", t.id, duration(t.seconds)))
	}
	return strings.Join(names, ", ")
}
