package pipeline

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
)

// take sorts shard documents: the newest attempt of each shard of this plan
// counts; what is older, or of another plan of this workflow run, counts as
// earlier attempts; everything else is refused and said.
func (s *Session) take(docs []found, bad []damaged) {
	s.earlier = earlier{attempts: map[string][]e2e.Attempt{}}
	newest := map[int][]found{}
	var before []e2e.ShardRun
	for _, f := range docs {
		attempt := f.doc.Run.WorkflowAttempt
		switch {
		case s.besides(f.doc.Run):
		case !f.doc.Run.SameSubject(s.run):
			s.problem(e2e.Problem{Code: e2e.CodeReportDamaged, Text: fmt.Sprintf("%s does not count: it is of another run (workflow run %q, stage %s, commit %q)", f.file, f.doc.Run.WorkflowRun, f.doc.Run.Stage, f.doc.Run.SHA)})
		case attempt < 1 || attempt > s.run.WorkflowAttempt:
			s.problem(e2e.Problem{Code: e2e.CodeReportDamaged, Text: fmt.Sprintf("%s does not count: it is of attempt %d of the workflow run, and this is attempt %d", f.file, attempt, s.run.WorkflowAttempt)})
		case f.doc.Digest != s.plan.Digest || f.doc.Index < 0 || f.doc.Index >= len(s.plan.Shards):
			s.otherPlan(f, &before)
		default:
			s.rank(newest, f, &before)
		}
	}
	for _, sh := range handedOver(s.plan.Shards, newest) {
		have := newest[sh.Index]
		if i := slices.IndexFunc(bad, func(d damaged) bool { return s.hides(d, sh.Index, have) }); i >= 0 {
			s.lost(sh, fmt.Sprintf("the document of shard %s in attempt %d of the workflow run cannot be read (%s), so nothing that it left counts; run the shard again", sh.Name, bad[i].attempt, bad[i].text))
			before = append(before, documentsOf(have)...)
			continue
		}
		s.count(sh, have)
	}
	s.earlier.take(before)
}

// hides reports whether a document that cannot be read is the newest of a shard, or as new
// as the one that can be: what could be read is not the last word then.
func (s *Session) hides(d damaged, index int, have []found) bool {
	if d.index != index || d.attempt < 1 || d.attempt > s.run.WorkflowAttempt {
		return false
	}
	return len(have) == 0 || d.attempt >= have[0].doc.Run.WorkflowAttempt
}

func documentsOf(list []found) []e2e.ShardRun {
	docs := make([]e2e.ShardRun, 0, len(list))
	for _, f := range list {
		docs = append(docs, f.doc)
	}
	return docs
}

// besides reports whether a document is of another call of the gate in this workflow run:
// where artifacts cannot be chosen by name, its documents lie in the same folder.
func (s *Session) besides(run e2e.Run) bool {
	run.Stage = s.run.Stage
	ours := run.Key == s.run.Key
	run.Key = s.run.Key
	return !ours && run.SameSubject(s.run)
}

// handedOver are the plan's shards with the tests that each took, where the documents
// tell: on one machine a shard that is done takes over what others have not started.
func handedOver(planned []e2e.PlanShard, newest map[int][]found) []e2e.PlanShard {
	took := map[string]int{}
	for shard, docs := range newest {
		for _, f := range docs {
			for id := range tookOver(f.doc) {
				if by, ok := took[id]; !ok || shard < by {
					took[id] = shard
				}
			}
		}
	}
	list := slices.Clone(planned)
	for i := range list {
		list[i].Tests = nil
	}
	for _, sh := range planned {
		for _, id := range sh.Tests {
			at := sh.Index
			if by, ok := took[id]; ok {
				at = by
			}
			list[at].Tests = append(list[at].Tests, id)
		}
	}
	return list
}

// otherPlan takes a document of another plan of the same workflow run as an
// earlier attempt. Outside CI there are no such: runs start afresh.
func (s *Session) otherPlan(f found, before *[]e2e.ShardRun) {
	if s.run.WorkflowRun == "" {
		s.problem(e2e.Problem{Code: e2e.CodeReportDamaged, Text: fmt.Sprintf("%s does not count: it was run by another plan", f.file)})
		return
	}
	*before = append(*before, f.doc)
}

func (s *Session) rank(newest map[int][]found, f found, before *[]e2e.ShardRun) {
	have := newest[f.doc.Index]
	switch {
	case len(have) == 0 || f.doc.Run.WorkflowAttempt == have[0].doc.Run.WorkflowAttempt:
		newest[f.doc.Index] = append(have, f)
	case f.doc.Run.WorkflowAttempt > have[0].doc.Run.WorkflowAttempt:
		*before = append(*before, documentsOf(have)...)
		newest[f.doc.Index] = []found{f}
	default:
		*before = append(*before, f.doc)
	}
}

// count takes the document of a shard. Without one, or with two that differ, the
// shard's tests are lost.
func (s *Session) count(sh e2e.PlanShard, docs []found) {
	if len(sh.Tests) == 0 && len(docs) == 0 {
		return // an empty shard of a plan with tests is fine
	}
	if len(docs) == 0 {
		s.lost(sh, fmt.Sprintf("shard %s left no document: it crashed, was cancelled, or its results were not uploaded", sh.Name))
		return
	}
	if slices.ContainsFunc(docs[1:], func(f found) bool { return !reflect.DeepEqual(f.doc, docs[0].doc) }) {
		s.lost(sh, fmt.Sprintf("shard %s left two different documents for one attempt (%s, %s), so neither counts", sh.Name, docs[0].file, docs[1].file))
		return
	}
	doc := docs[0].doc
	if text := cmp.Or(contradiction(doc), s.stray(doc)); text != "" {
		s.lost(sh, fmt.Sprintf("the document of shard %s contradicts itself (%s: %s), so it was changed or damaged and does not count; run the shard again", sh.Name, docs[0].file, text))
		return
	}
	if !doc.Complete {
		s.problem(e2e.Problem{Code: e2e.CodeNotRun, Shard: sh.Index, LosesEvidence: true, Tests: unfinished(sh, doc), Text: fmt.Sprintf("shard %s did not come to its end%s", sh.Name, ranAtTheEnd(doc))})
	}
	s.docs = append(s.docs, doc)
}

// ranAtTheEnd names the tests that ran when a shard's document was last written.
func ranAtTheEnd(doc e2e.ShardRun) string {
	const most = 3
	switch n := len(doc.Running); {
	case n == 0:
		return ""
	case n > most:
		return fmt.Sprintf("; the last that is known to have run are %s and %d more", strings.Join(doc.Running[:most], ", "), n-most)
	default:
		return "; the last that is known to have run: " + strings.Join(doc.Running, ", ")
	}
}

// believable reports whether a number of seconds can have been measured. Sums of larger ones
// leave what JSON can hold. Clocks of two machines differ, so a start may be negative.
func believable(seconds float64) bool { return math.Abs(seconds) < 1e9 }

// contradiction says where a shard's document does not hold what the shard itself
// says it did: a rerun without the failure it was for, or a bad exit that nothing
// explains.
func contradiction(doc e2e.ShardRun) string {
	attempts := map[string][]e2e.Attempt{}
	failed := false
	for _, t := range doc.Tests {
		attempts[t.ID] = append(attempts[t.ID], t.Attempts...)
		if i := slices.IndexFunc(t.Attempts, func(a e2e.Attempt) bool { return !believable(a.Seconds) }); i >= 0 {
			return fmt.Sprintf("%s took %g s", t.ID, t.Attempts[i].Seconds)
		}
		failed = failed || slices.ContainsFunc(t.Attempts, func(a e2e.Attempt) bool { return a.Outcome == e2e.Failed })
	}
	for _, r := range doc.Reruns {
		list := attempts[r.ID]
		if o := e2e.OutcomeOf(list); o == e2e.Passed || o == e2e.Skipped || r.Done && len(list) < 2 {
			return fmt.Sprintf("it tells of a rerun decision for %s (%s) and not of the failure", r.ID, r.Reason)
		}
	}
	for _, u := range doc.Units {
		if !believable(u.Seconds) || !believable(u.Offset) {
			return fmt.Sprintf("unit %s took %g s, from %g s on", u.Unit, u.Seconds, u.Offset)
		}
		if u.Exit > 0 && u.Ended == e2e.EndedExited && !failed && len(doc.Problems) == 0 {
			return fmt.Sprintf("unit %s ended with exit status %d and nothing failed", u.Unit, u.Exit)
		}
	}
	return ""
}

// stray names a test of which a shard's document says neither that it was planned nor
// what it is: a failure of it would show nowhere.
func (s *Session) stray(doc e2e.ShardRun) string {
	planned := s.planned()
	for _, t := range doc.Tests {
		if _, ok := planned[t.ID]; !ok && t.Unplanned == nil {
			return fmt.Sprintf("it reports %q, which nobody planned, and does not say so", t.ID)
		}
	}
	return ""
}

// unfinished are the tests of a shard that stopped before its end: those that did
// not report, or where all did, all of them, since a rerun may be missing.
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

func (s *Session) lost(sh e2e.PlanShard, text string) {
	s.problem(e2e.Problem{Code: e2e.CodeLost, Shard: sh.Index, LosesEvidence: true, Tests: sh.Tests, Text: text})
}
