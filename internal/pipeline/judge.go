package pipeline

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/policy"
)

// judge merges what the shards did with the plan, categorises, and decides. It is
// the same for a run on one machine and for documents from many.
func (s *Session) judge() e2e.Result {
	r := e2e.Result{Schema: e2e.ResultSchema, Run: s.run, Gates: s.gates, Tests: []e2e.TestResult{}, Clusters: []e2e.Cluster{}, Shards: []e2e.ShardResult{}, Budgets: []e2e.Budget{}}
	r.Run.Finished = s.opts.Now().UTC()
	if s.plan != nil {
		s.merge(&r)
	}
	r.Problems = append([]e2e.Problem{}, s.problems...)
	for _, doc := range s.docs {
		r.Problems = append(r.Problems, doc.Problems...)
	}
	r.Problems = s.spelledOut(joined(r.Problems))
	s.quarantine(r.Tests)
	s.categorise(&r)
	s.link(&r)
	r.Budgets = s.budgets(r)
	r.Verdict, r.Tests = policy.Decide(policy.Evidence{Blocks: s.run.Blocks, Gates: r.Gates, Tests: r.Tests, Problems: r.Problems, Budgets: r.Budgets, Table: s.opts.Config.Policy.Table()})
	return r
}

// spelledOut replaces the entry that stands for a suite as a whole by the tests
// that its reports held: what a problem does depends on how much they matter.
func (s *Session) spelledOut(list []e2e.Problem) []e2e.Problem {
	for i := range list {
		var tests []string
		for _, id := range list[i].Tests {
			if held := s.whole[id]; len(held) > 0 {
				tests = append(tests, held...)
			} else {
				tests = append(tests, id)
			}
		}
		slices.Sort(tests)
		list[i].Tests = slices.Compact(tests)
	}
	return list
}

// joined says once what several shards say of the same unit, with all its tests.
func joined(list []e2e.Problem) []e2e.Problem {
	once := list[:0:0]
	for _, p := range list {
		at := slices.IndexFunc(once, func(o e2e.Problem) bool {
			return o.Code == p.Code && o.Unit == p.Unit && o.Text == p.Text && o.LosesEvidence == p.LosesEvidence && len(o.Tests) > 0
		})
		if at < 0 || len(p.Tests) == 0 {
			once = append(once, p)
			continue
		}
		tests := append(slices.Clone(once[at].Tests), p.Tests...)
		slices.Sort(tests)
		once[at].Tests = slices.Compact(tests)
	}
	return append([]e2e.Problem{}, once...)
}

// merge puts the shards' attempts beside the planned tests.
func (s *Session) merge(r *e2e.Result) {
	if r.Gates == nil {
		r.Gates = s.plan.Gates
	}
	r.Gates = mergeGates(r.Gates, s.docs)
	r.Plan = e2e.PlanSummary{Digest: s.plan.Digest, Tests: len(s.plan.Tests), Shards: len(s.plan.Shards), Makespan: s.plan.Makespan, Guessed: s.plan.Guessed}
	m := newMerge(s)
	for _, t := range s.plan.Tests {
		if t.Whole {
			r.Tests = append(r.Tests, m.whole(t)...)
			continue
		}
		r.Tests = append(r.Tests, m.result(t.Test))
	}
	r.Tests = append(r.Tests, m.unplanned()...)
	slices.SortFunc(r.Tests, func(a, b e2e.TestResult) int { return strings.Compare(a.ID, b.ID) })
	for _, sh := range s.plan.Shards {
		r.Shards = append(r.Shards, s.shardResult(sh))
	}
}

// merging is what the shards reported, by test.
type merging struct {
	s       *Session
	runs    map[string]e2e.TestRun
	notRun  map[string]e2e.NotRunTest
	reruns  map[string]e2e.RerunRecord
	claimed map[string]bool
}

func newMerge(s *Session) *merging {
	s.whole = map[string][]string{}
	m := &merging{s: s, runs: map[string]e2e.TestRun{}, notRun: map[string]e2e.NotRunTest{}, reruns: map[string]e2e.RerunRecord{}, claimed: map[string]bool{}}
	planned := s.planned()
	for _, doc := range s.docs {
		over := tookOver(doc)
		for _, t := range doc.Tests {
			if shard, ok := planned[t.ID]; ok && shard != doc.Index && !over[t.ID] && proves(t) {
				continue
			}
			known := m.runs[t.ID]
			known.ID = t.ID
			if t.Unplanned != nil {
				known.Unplanned = t.Unplanned
			}
			known.Attempts = e2e.Doubles(known.Attempts, t.Attempts)
			m.runs[t.ID] = known
		}
		for _, t := range doc.NotRun {
			m.notRun[t.ID] = t
		}
		for _, rec := range doc.Reruns {
			m.reruns[rec.ID] = rec
		}
	}
	return m
}

// planned says on which shard each test of the plan is.
func (s *Session) planned() map[string]int {
	at := map[string]int{}
	for _, sh := range s.plan.Shards {
		for _, id := range sh.Tests {
			at[id] = sh.Index
		}
	}
	return at
}

// proves reports whether nothing speaks against a test. A failure counts whoever saw it; a pass
// only from the shard that was to run it.
func proves(t e2e.TestRun) bool {
	o := e2e.OutcomeOf(t.Attempts)
	return o == e2e.Passed || o == e2e.Skipped
}

// tookOver are the tests that a shard ran for others of its machine.
func tookOver(doc e2e.ShardRun) map[string]bool {
	ids := map[string]bool{}
	for _, u := range doc.Units {
		if !u.TakenOver {
			continue
		}
		for _, id := range u.Tests {
			ids[id] = true
		}
	}
	return ids
}

// result is a planned test with what was reported of it.
func (m *merging) result(t e2e.Test) e2e.TestResult {
	m.claimed[t.ID] = true
	return m.fill(e2e.TestResult{Test: t}, m.runs[t.ID].Attempts)
}

func (m *merging) fill(r e2e.TestResult, attempts []e2e.Attempt) e2e.TestResult {
	r.Outcome = e2e.OutcomeOf(attempts)
	before := m.s.earlier.attempts[r.ID]
	r.Attempts = renumber(append(slices.Clone(before), attempts...))
	if len(attempts) > 0 {
		r.Children = attempts[len(attempts)-1].Children
	}
	if n, ok := m.notRun[r.ID]; ok && len(attempts) == 0 {
		r.Outcome, r.Why = e2e.NotRun, n.Reason
	}
	if rec, ok := m.reruns[r.ID]; ok {
		r.Rerun = &rec
	}
	return r
}

// renumber counts a test's attempts over the whole workflow run.
func renumber(attempts []e2e.Attempt) []e2e.Attempt {
	for i := range attempts {
		attempts[i].N = i + 1
	}
	if attempts == nil {
		return []e2e.Attempt{}
	}
	return attempts
}

// whole replaces the entry that stands for a suite by the tests that its reports
// held; where they held none, the entry itself is lost.
func (m *merging) whole(p e2e.PlannedTest) []e2e.TestResult {
	var list []e2e.TestResult
	for _, id := range slices.Sorted(maps.Keys(m.runs)) {
		run := m.runs[id]
		if run.Unplanned == nil || run.Unplanned.Unit != p.Unit {
			continue
		}
		m.claimed[id] = true
		t := *run.Unplanned
		m.s.inherit(&t, p.Test)
		list = append(list, m.fill(e2e.TestResult{Test: t}, run.Attempts))
	}
	m.claimed[p.ID] = true
	if len(list) == 0 {
		return []e2e.TestResult{m.fill(e2e.TestResult{Test: p.Test}, m.runs[p.ID].Attempts)}
	}
	m.missing(p.Suite)
	for _, t := range list {
		m.s.whole[p.ID] = append(m.s.whole[p.ID], t.ID)
	}
	return list
}

// inherit gives a test that only its report knows the metadata of its suite.
func (s *Session) inherit(t *e2e.Test, whole e2e.Test) {
	for key, value := range map[string]string{"owner": t.Owner, "journey": t.Journey, "criticality": string(t.Criticality)} {
		if value != "" {
			t.Tags = append(t.Tags, key+":"+value)
		}
	}
	if spec, ok := s.opts.Config.Suite(whole.Suite); ok {
		s.enrich(t, spec, nil)
	}
	t.Owner = cmp.Or(t.Owner, whole.Owner)
}

// missing warns of tests that earlier runs of the suite reported.
func (m *merging) missing(suite string) {
	var gone []string
	for _, id := range m.s.stats.Known(suite) {
		if _, ok := m.runs[id]; !ok {
			gone = append(gone, id)
		}
	}
	if len(gone) > 0 {
		m.s.problem(e2e.Problem{Code: e2e.CodeLost, Tests: gone, Text: fmt.Sprintf("suite %s cannot list its tests; earlier runs reported %d that are missing from its reports now: %s", suite, len(gone), strings.Join(gone[:min(3, len(gone))], ", "))})
	}
}

// unplanned are the tests that were reported and that nobody planned.
func (m *merging) unplanned() []e2e.TestResult {
	var list []e2e.TestResult
	for id, run := range m.runs {
		if m.claimed[id] || run.Unplanned == nil {
			continue
		}
		t := *run.Unplanned
		m.s.inherit(&t, e2e.Test{Suite: t.Suite})
		list = append(list, m.fill(e2e.TestResult{Test: t, Unplanned: true}, run.Attempts))
	}
	return list
}

// mergeGates adds what each shard saw of the gates. A gate that was shut for one
// shard is shut.
func mergeGates(gates []e2e.Gate, docs []e2e.ShardRun) []e2e.Gate {
	merged := slices.Clone(gates)
	for i := range merged {
		g := &merged[i]
		for _, doc := range docs {
			at := slices.IndexFunc(doc.Gates, func(o e2e.Gate) bool { return o.Name == g.Name })
			if at < 0 {
				continue
			}
			other := doc.Gates[at]
			for _, span := range other.Timeline {
				if !slices.ContainsFunc(g.Timeline, func(o e2e.Span) bool { return reflect.DeepEqual(o, span) }) {
					g.Timeline = append(slices.Clone(g.Timeline), span)
				}
			}
			if g.Open() && !other.Open() {
				g.State, g.Finality, g.Observed, g.Reason = other.State, other.Finality, other.Observed, other.Reason
			}
		}
		slices.SortStableFunc(g.Timeline, func(a, b e2e.Span) int { return a.From.Compare(b.From) })
	}
	return merged
}

func (s *Session) shardResult(sh e2e.PlanShard) e2e.ShardResult {
	r := e2e.ShardResult{Index: sh.Index, Name: sh.Name, Owners: sh.Owners, Tests: len(sh.Tests), Expected: sh.Seconds, State: "lost"}
	for _, doc := range s.docs {
		if doc.Index != sh.Index {
			continue
		}
		r.Attempt, r.Units, r.State = doc.Run.WorkflowAttempt, doc.Units, "partial"
		if doc.Complete {
			r.State = "complete"
		}
		for _, u := range doc.Units {
			r.Seconds += u.Seconds
		}
	}
	return r
}

func (s *Session) quarantine(tests []e2e.TestResult) {
	for i := range tests {
		tests[i].Quarantine = s.opts.Quarantine.Find(tests[i].ID, s.opts.Now())
	}
}

// budgets measures the stage and its journeys. The stage's time is that of its
// slowest shard, from its first unit to its last.
func (s *Session) budgets(r e2e.Result) []e2e.Budget {
	list := []e2e.Budget{}
	if limit := s.opts.Stage.Budget; limit > 0 && len(s.docs) > 0 {
		b := e2e.Budget{Scope: "stage", Name: s.run.Stage, Limit: limit.Seconds(), Used: s.used()}
		if b.Over = b.Used > b.Limit; b.Over {
			b.Text = fmt.Sprintf("stage %s took %s of its budget of %s; slowest: %s; look at long set-up, waits and repeated logins before adding shards", b.Name, round(b.Used), round(b.Limit), slowest(r.Tests))
		}
		list = append(list, b)
	}
	spent := map[string]float64{}
	for _, t := range r.Tests {
		if len(t.Attempts) > 0 && t.Outcome != e2e.Skipped {
			spent[t.Journey] += t.Attempts[len(t.Attempts)-1].Seconds
		}
	}
	for _, j := range s.opts.Config.Journeys {
		used, ran := spent[j.Name]
		if j.MaxRuntime <= 0 || !ran {
			continue
		}
		b := e2e.Budget{Scope: "journey", Name: j.Name, Limit: j.MaxRuntime.Seconds(), Used: used, Over: used > j.MaxRuntime.Seconds()}
		if b.Over {
			b.Text = fmt.Sprintf("journey %s took %s of its max_runtime of %s; its owner is %s", b.Name, round(b.Used), round(b.Limit), cmp.Or(j.Owner, "nobody"))
		}
		list = append(list, b)
	}
	return list
}

func (s *Session) used() float64 {
	most := 0.0
	for _, doc := range s.docs {
		first, last := 0.0, 0.0
		for i, u := range doc.Units {
			if i == 0 || u.Offset < first {
				first = u.Offset
			}
			last = max(last, u.Offset+u.Seconds)
		}
		most = max(most, last-first)
	}
	return most
}

func round(seconds float64) string {
	if seconds < 60 {
		return fmt.Sprintf("%.1fs", seconds)
	}
	return fmt.Sprintf("%dm%02ds", int(seconds)/60, int(seconds)%60)
}

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
		names = append(names, fmt.Sprintf("%s (%s)", t.id, round(t.seconds)))
	}
	return strings.Join(names, ", ")
}
