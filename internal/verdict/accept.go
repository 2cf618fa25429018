package verdict

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
)

// accepted holds the documents that count, and the problems with the others.
type accepted struct {
	counted  []Document
	earlier  Earlier
	problems problems
	// planned is [shardOfTest] the plan; nil: it was not needed yet.
	planned map[string]int
}

// allProblems are those of this run, then those of the documents that count.
func (a accepted) allProblems() []e2e.Problem {
	list := slices.Clone([]e2e.Problem(a.problems))
	for _, d := range a.counted {
		list = append(list, d.Shard.Problems...)
	}
	return list
}

// accept sorts documents. The newest attempt of each shard of this plan counts. An older
// one, or one of another plan of this workflow run, counts as an earlier attempt.
// Everything else is refused and reported.
// The error is that the context ended.
func accept(ctx context.Context, in In) (accepted, error) {
	a := accepted{earlier: in.Earlier}
	a.problems.add(in.Problems...)
	if in.Local || in.Plan == nil {
		if in.Local {
			a.counted = in.Documents
		}
		a.problems.add(Against(in.Jobs)...)
		return a, nil
	}
	s := sorting{ctx: ctx, in: in, newest: map[int][]Document{}, accepted: &a}
	for _, u := range in.Unreadable {
		a.problems.add(e2e.Problem{Code: e2e.CodeReportDamaged, Text: "a shard document cannot be read: " + u.Text})
	}
	if in.Run.WorkflowAttempt > 1 {
		s.before = make([]e2e.ShardRun, 0, len(in.Documents))
	}
	s.sortDocuments()
	a.counted = make([]Document, 0, len(s.newest))
	for _, sh := range reassigned(in.Plan.Shards, s.newest) {
		if s.acceptShard(sh); ctx.Err() != nil {
			return a, ctx.Err()
		}
	}
	a.problems.add(against(in.Jobs, in.Plan, a.counted)...)
	a.earlier = earlierOf(s.before)
	a.problems.add(a.earlier.ask(in.Run, Found{in.Documents, in.Results, in.Unreadable}, in.Witnesses)...)
	return a, nil
}

// sorting is the state of accept for documents from files.
type sorting struct {
	*accepted
	ctx context.Context //nolint:containedctx // of one call
	in  In
	// newest are the documents of the newest attempt of each shard; several where
	// they lie in several places.
	newest map[int][]Document
	before []e2e.ShardRun
}

func (s *sorting) refuse(format string, args ...any) {
	s.problems.add(e2e.Problem{Code: e2e.CodeReportDamaged, Text: fmt.Sprintf(format, args...)})
}

func (s *sorting) sortDocuments() {
	run, plan := s.in.Run, s.in.Plan
	for i, d := range s.in.Documents {
		theirs, attempt := d.Shard.Run, d.Shard.Run.WorkflowAttempt
		switch {
		case ofOtherKey(run, theirs):
		case !theirs.SameSubject(run):
			s.refuse("%s does not count: it belongs to another run (workflow run %q, stage %s, commit %q)", d.File, theirs.WorkflowRun, theirs.Stage, theirs.SHA)
		case attempt < 1 || attempt > run.WorkflowAttempt:
			s.refuse("%s does not count: it is from attempt %d of the workflow run, and this is attempt %d", d.File, attempt, run.WorkflowAttempt)
		case d.Shard.Digest != plan.Digest || d.Shard.Index < 0 || d.Shard.Index >= len(plan.Shards):
			s.ofOtherPlan(d)
		default:
			s.keepNewest(i)
		}
	}
}

// ofOtherKey reports whether a document is of another call of the gate in this
// workflow run: where artifacts cannot be chosen by name, its documents lie in the
// same folder.
func ofOtherKey(run, theirs e2e.Run) bool {
	other := theirs.Key != run.Key
	theirs.Stage, theirs.Key = run.Stage, run.Key
	return other && theirs.SameSubject(run)
}

// ofOtherPlan takes a document of another plan of the same workflow run as an earlier
// attempt. Outside CI there are none: each run starts afresh.
func (s *sorting) ofOtherPlan(d Document) {
	if s.in.Run.WorkflowRun == "" {
		s.refuse("%s does not count: it was run with another plan", d.File)
		return
	}
	s.before = append(s.before, d.Shard)
}

// keepNewest adds a document of this plan. Documents older than the newest attempt of
// their shard become earlier attempts.
func (s *sorting) keepNewest(i int) {
	d, alone := s.in.Documents[i], s.in.Documents[i:i+1:i+1]
	index, attempt := d.Shard.Index, d.Shard.Run.WorkflowAttempt
	have := s.newest[index]
	switch {
	case len(have) == 0:
		s.newest[index] = alone
	case attempt == have[0].Shard.Run.WorkflowAttempt:
		s.newest[index] = append(have, d)
	case attempt > have[0].Shard.Run.WorkflowAttempt:
		s.before = append(s.before, shardsOf(have)...)
		s.newest[index] = alone
	default:
		s.before = append(s.before, d.Shard)
	}
}

func shardsOf(list []Document) []e2e.ShardRun {
	docs := make([]e2e.ShardRun, 0, len(list))
	for _, d := range list {
		docs = append(docs, d.Shard)
	}
	return docs
}

// reassigned are the plan's shards with the tests that each ran, where the documents
// tell: on one machine a shard that is done steals work that others have not started.
func reassigned(planned []e2e.PlanShard, newest map[int][]Document) []e2e.PlanShard {
	ranBy := map[string]int{}
	for shard, docs := range newest {
		for _, d := range docs {
			for id := range stolenTests(d.Shard) {
				if by, ok := ranBy[id]; !ok || shard < by {
					ranBy[id] = shard
				}
			}
		}
	}
	list := slices.Clone(planned)
	if len(ranBy) == 0 {
		return list
	}
	for i := range list {
		list[i].Tests = nil
	}
	for _, sh := range planned {
		for _, id := range sh.Tests {
			at := sh.Index
			if by, ok := ranBy[id]; ok {
				at = by
			}
			list[at].Tests = append(list[at].Tests, id)
		}
	}
	return list
}

// stolenTests are the tests that a shard ran for others of its machine.
func stolenTests(doc e2e.ShardRun) map[string]bool {
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

// acceptShard takes the document of a shard. Without one, with one that cannot be
// read, with two that differ, or with one that contradicts itself, the shard's tests
// are lost.
func (s *sorting) acceptShard(sh e2e.PlanShard) {
	docs := s.newest[sh.Index]
	if i := slices.IndexFunc(s.in.Unreadable, func(u Unreadable) bool { return s.unreadableIsNewest(u, sh.Index, docs) }); i >= 0 {
		u := s.in.Unreadable[i]
		s.lost(sh, "the document of shard %s in attempt %d of the workflow run cannot be read (%s), so its results do not count; re-run the shard",
			sh.Name, u.Attempt, u.Text)
		s.before = append(s.before, shardsOf(docs)...)
		return
	}
	switch {
	case len(sh.Tests) == 0 && len(docs) == 0:
		return // an empty shard of a plan with tests is fine
	case len(docs) == 0 && s.in.Absent[sh.Index] != "":
		s.problems.add(e2e.Problem{Code: e2e.CodeEnvironment, Shard: sh.Index, LosesEvidence: true, Tests: sh.Tests,
			Text: fmt.Sprintf("shard %s left no document: %s", sh.Name, s.in.Absent[sh.Index])})
		return
	case len(docs) == 0:
		s.lost(sh, "shard %s left no document: it crashed, was cancelled, or its results were not uploaded", sh.Name)
		return
	case slices.ContainsFunc(docs[1:], func(d Document) bool { return !reflect.DeepEqual(d.Shard, docs[0].Shard) }):
		s.lost(sh, "shard %s left two different documents for one attempt (%s, %s), so neither counts%s", sh.Name, docs[0].File, docs[1].File, failedInAny(docs))
		return
	}
	doc := docs[0].Shard
	if text := cmp.Or(contradiction(doc), s.unknownTests(doc)); text != "" {
		s.lost(sh, "the document of shard %s contradicts itself (%s: %s), so it was changed or damaged and does not count; re-run the shard",
			sh.Name, docs[0].File, text)
		return
	}
	if !doc.Complete {
		s.problems.add(e2e.Problem{
			Code: e2e.CodeNotRun, Shard: sh.Index, LosesEvidence: true, Tests: unfinished(sh, doc),
			Text: fmt.Sprintf("shard %s did not finish%s%s", sh.Name, ranAtTheEnd(doc), after("; ", s.in.Absent[sh.Index])),
		})
	}
	s.counted = append(s.counted, docs[0])
}

// after is a text behind another one, or nothing.
func after(separator, text string) string {
	if text == "" {
		return ""
	}
	return separator + text
}

// failedInAny names the tests that failed in one of several documents.
func failedInAny(docs []Document) string {
	var ids []string
	for _, d := range docs {
		for _, t := range d.Shard.Tests {
			if e2e.OutcomeOf(t.Attempts) == e2e.Failed {
				ids = append(ids, t.ID)
			}
		}
	}
	if slices.Sort(ids); len(ids) == 0 {
		return ""
	}
	return "; failed in one of them: " + e2e.SomeOf(slices.Compact(ids))
}

// unreadableIsNewest reports whether an unreadable document is the newest of a shard, or
// as new as the readable one. Then the readable one must not count.
func (s *sorting) unreadableIsNewest(u Unreadable, index int, have []Document) bool {
	if u.Index != index || u.Attempt < 1 || u.Attempt > s.in.Run.WorkflowAttempt {
		return false
	}
	return len(have) == 0 || u.Attempt >= have[0].Shard.Run.WorkflowAttempt
}

func (s *sorting) lost(sh e2e.PlanShard, format string, args ...any) {
	s.problems.add(e2e.Problem{Code: e2e.CodeLost, Shard: sh.Index, LosesEvidence: true, Tests: sh.Tests, Text: fmt.Sprintf(format, args...)})
}

// ranAtTheEnd names the tests that ran when a shard's document was last written.
func ranAtTheEnd(doc e2e.ShardRun) string {
	const most = 3
	switch n := len(doc.Running); {
	case n == 0:
		return ""
	case n > most:
		return fmt.Sprintf("; the tests last known to run are %s and %d more", strings.Join(doc.Running[:most], ", "), n-most)
	default:
		return "; the tests last known to run: " + strings.Join(doc.Running, ", ")
	}
}

// measurable reports whether a number of seconds can have been measured. Sums of
// larger ones leave what JSON can hold. Clocks of two machines differ, so a start may
// be negative.
func measurable(seconds float64) bool { return math.Abs(seconds) < 1e9 }

// contradiction describes a contradiction within a shard's document: a rerun without its
// failure, an unexplained bad exit status, an impossible time. It is empty if there is none.
func contradiction(doc e2e.ShardRun) string {
	attempts := map[string][]e2e.Attempt{} // of the tests that a rerun was decided for
	for _, r := range doc.Reruns {
		attempts[r.ID] = nil
	}
	failed := false
	for _, t := range doc.Tests {
		if known, asked := attempts[t.ID]; asked && len(known) == 0 {
			attempts[t.ID] = slices.Clip(t.Attempts)
		} else if asked {
			attempts[t.ID] = append(known, t.Attempts...)
		}
		if i := slices.IndexFunc(t.Attempts, func(a e2e.Attempt) bool { return !measurable(a.Seconds) }); i >= 0 {
			return fmt.Sprintf("%s took %g s", t.ID, t.Attempts[i].Seconds)
		}
		failed = failed || slices.ContainsFunc(t.Attempts, func(a e2e.Attempt) bool { return a.Outcome == e2e.Failed })
	}
	for _, r := range doc.Reruns {
		if rerunWithoutFailure(r, attempts[r.ID]) {
			return fmt.Sprintf("it has a rerun decision for %s (%s) without the failure", r.ID, r.Reason)
		}
	}
	for _, u := range doc.Units {
		if !measurable(u.Seconds) || !measurable(u.Offset) {
			return fmt.Sprintf("batch %s took %g s, starting at %g s", u.Unit, u.Seconds, u.Offset)
		}
		if u.Exit > 0 && u.Ended == e2e.EndedExited && !failed && len(doc.Problems) == 0 {
			return fmt.Sprintf("batch %s ended with exit status %d, but no test failed", u.Unit, u.Exit)
		}
	}
	return ""
}

// rerunWithoutFailure reports whether a document claims a rerun decision without a failure
// that it could be about, or with fewer attempts than a rerun makes.
func rerunWithoutFailure(r e2e.RerunRecord, attempts []e2e.Attempt) bool {
	if len(attempts) > 0 && attempts[0].Kept {
		return r.Done && len(attempts) < 2 // it ran first in the rerun of what kept it
	}
	o := e2e.OutcomeOf(attempts)
	return o == e2e.Passed || o == e2e.Skipped || r.Done && len(attempts) < 2
}

// unknownTests names a test that is neither planned nor marked as unplanned in a shard's
// document: its failure would not be shown anywhere.
func (s *sorting) unknownTests(doc e2e.ShardRun) string {
	if s.planned == nil {
		s.planned = shardOfTest(s.in.Plan)
	}
	for i := range doc.Tests {
		if ended(s.ctx, i) != nil {
			return "" // what is found by then is not used
		}
		t := &doc.Tests[i]
		if _, ok := s.planned[t.ID]; !ok && t.Unplanned == nil {
			return fmt.Sprintf("it reports %q, which is not planned, without marking it as unplanned", t.ID)
		}
	}
	return ""
}

// shardOfTest says on which shard each test of the plan is.
func shardOfTest(plan *e2e.Plan) map[string]int {
	at := make(map[string]int, plan.Planned())
	for _, sh := range plan.Shards {
		for _, id := range sh.Tests {
			at[id] = sh.Index
		}
	}
	return at
}

// unfinished are the tests of a shard that stopped before its end: those that did not
// report, or where all did, all of them, since a rerun may be missing.
func unfinished(sh e2e.PlanShard, doc e2e.ShardRun) []string {
	reported := map[string]bool{}
	for _, t := range doc.Tests {
		reported[t.ID] = true
	}
	var list []string
	for _, id := range sh.Tests {
		if !reported[id] {
			list = append(list, id)
		}
	}
	if len(list) == 0 {
		return sh.Tests
	}
	return list
}
