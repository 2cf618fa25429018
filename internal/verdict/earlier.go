package verdict

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
)

// Earlier is what happened to tests in earlier attempts of this workflow run. Pressing
// "Re-run failed jobs" neither buys another rerun nor erases a failure.
type Earlier struct {
	// Attempts by test id, oldest first.
	Attempts map[string][]e2e.Attempt
	// Shards are the documents that they stand in: what gates said then, and when
	// processes ran.
	Shards []e2e.ShardRun
	// Failed are digests of the ids of tests that failed in an attempt without documents, as a
	// witness says; see [e2e.DigestOfID].
	Failed []string
	// Unreadable: it is not known which tests failed in earlier attempts.
	Unreadable bool
	// Note says what is known of attempts that left no documents; empty: nothing to say.
	Note string
}

// hasFailed reports whether a witness says that a test failed in an earlier attempt.
func (e Earlier) hasFailed(id string) bool {
	return len(e.Failed) > 0 && slices.Contains(e.Failed, e2e.DigestOfID(id))
}

// Rerun says why a test has no diagnostic rerun because of an earlier attempt, or is empty.
func (e Earlier) Rerun(id string) string {
	for _, a := range e.Attempts[id] {
		if a.Source == e2e.SourceDiagnostic {
			return fmt.Sprintf("it had its rerun in attempt %d of this workflow run", a.WorkflowAttempt)
		}
	}
	if e.hasFailed(id) {
		return "it failed in an earlier attempt of this workflow run"
	}
	return ""
}

// Ending is how an earlier attempt of the workflow run ended, as the forge says.
type Ending string

// The endings.
const (
	// NoVerdict: the gate did not start in that attempt, or was stopped before its end.
	NoVerdict Ending = "no_verdict"
	// EndedWell and EndedBadly: the gate's own step ended with success, or with failure.
	EndedWell  Ending = "success"
	EndedBadly Ending = "failure"
)

// Witness is what the forge knows of an earlier attempt. The zero value knows nothing.
type Witness struct {
	Attempt int
	// Ending is empty where it is not known; Why says why, and what to do.
	Ending Ending
	Why    string
	// Failed are digests of the ids of all tests that failed up to this attempt; nil: not known.
	// It is empty where the gate said that none failed, as in an attempt that was not judged.
	Failed []string
}

// Found is what was found of earlier attempts.
type Found struct {
	Documents []Document
	// Results are the runs of results: an attempt whose gates failed left no shard.
	Results []e2e.Run
	// Unreadable are documents that are there and cannot be read.
	Unreadable []Unreadable
}

// Undocumented are the earlier attempts of a workflow run of which nothing was found, or of
// which a document cannot be read: a witness is needed for them.
func Undocumented(run e2e.Run, found Found) []int {
	var list []int
	if !mayHaveEarlier(run) {
		return nil
	}
	for n := 1; n < run.WorkflowAttempt; n++ {
		of := func(theirs e2e.Run) bool { return isBefore(run, theirs) && theirs.WorkflowAttempt == n }
		there := slices.ContainsFunc(found.Documents, func(d Document) bool { return of(d.Shard.Run) }) || slices.ContainsFunc(found.Results, of)
		damaged := slices.ContainsFunc(found.Unreadable, func(u Unreadable) bool { return u.Attempt == n || u.Attempt < 1 })
		if !there || damaged {
			list = append(list, n)
		}
	}
	return list
}

// Before returns the earlier attempts of the workflow run, for a run that makes attempts
// itself. The problems say what is missing. Outside CI, and in a first attempt, there is nothing.
func Before(run e2e.Run, found Found, witnesses []Witness) (Earlier, []e2e.Problem) {
	if !mayHaveEarlier(run) {
		return Earlier{}, nil
	}
	e := earlierOf(ofBefore(run, found.Documents))
	return e, e.ask(run, found, witnesses)
}

// ask adds what witnesses say of attempts that left no documents. The problems say what
// stays unknown: then nothing in the stage can be trusted, since a failure that was seen before
// may pass unseen.
func (e *Earlier) ask(run e2e.Run, found Found, witnesses []Witness) []e2e.Problem {
	var problems []e2e.Problem
	var notes []string
	lost := func(format string, args ...any) {
		e.Unreadable = true
		problems = append(problems, e2e.Problem{Code: e2e.CodeAttemptsUnreadable, LosesEvidence: true, Text: fmt.Sprintf(format, args...)})
	}
	for _, n := range Undocumented(run, found) {
		i := slices.IndexFunc(witnesses, func(w Witness) bool { return w.Attempt == n })
		if i < 0 {
			i, witnesses = len(witnesses), append(slices.Clone(witnesses), Witness{Attempt: n})
		}
		w := witnesses[i]
		for _, digest := range w.Failed {
			if !slices.Contains(e.Failed, digest) {
				e.Failed = append(e.Failed, digest)
			}
		}
		switch {
		case w.Ending == NoVerdict:
			notes = append(notes, fmt.Sprintf("attempt %d reached no verdict", n))
		case w.Ending == EndedWell, w.Ending == EndedBadly && w.Failed != nil:
		case w.Ending == EndedBadly:
			lost("what failed in attempt %d of this workflow run is not known; start a new run. The attempt failed, and its documents are gone, "+
				"as GitHub removes them with \"Re-run all jobs\"", n)
		default:
			lost("what failed in attempt %d of this workflow run is not known; give the job the permission actions: read, or start a new run. %s", n,
				sentence(whyUnknown(found, w)))
		}
	}
	slices.Sort(e.Failed)
	e.Note = strings.Join(notes, ", ")
	return problems
}

// sentence starts a text with a capital letter.
func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

func whyUnknown(found Found, w Witness) string {
	why := "none of its documents was found"
	for _, u := range found.Unreadable {
		if u.Attempt == w.Attempt || u.Attempt < 1 {
			why = u.Text
			break
		}
	}
	if w.Why != "" {
		why += "; " + w.Why
	}
	return why
}

func mayHaveEarlier(run e2e.Run) bool { return run.WorkflowRun != "" && run.WorkflowAttempt > 1 }

// isBefore reports whether a document is of an earlier attempt of this workflow run.
func isBefore(run, theirs e2e.Run) bool {
	return theirs.SameSubject(run) && theirs.WorkflowAttempt >= 1 && theirs.WorkflowAttempt < run.WorkflowAttempt
}

// ofBefore picks the documents of earlier attempts.
func ofBefore(run e2e.Run, documents []Document) []e2e.ShardRun {
	list := make([]e2e.ShardRun, 0, len(documents))
	for _, d := range documents {
		if isBefore(run, d.Shard.Run) {
			list = append(list, d.Shard)
		}
	}
	return list
}

// earlierOf collects the attempts of documents, each document once. Where two of one
// shard and attempt differ, nothing tells which is right, and a failure in either was
// one. The list is the function's own: it is sorted and shortened.
func earlierOf(docs []e2e.ShardRun) Earlier {
	e := Earlier{Attempts: map[string][]e2e.Attempt{}}
	if len(docs) == 0 {
		return e
	}
	e.Shards = docs[:0]
	slices.SortStableFunc(docs, func(a, b e2e.ShardRun) int { return a.Run.WorkflowAttempt - b.Run.WorkflowAttempt })
	for _, doc := range docs {
		if slices.ContainsFunc(e.Shards, func(o e2e.ShardRun) bool { return sameShard(o, doc) && reflect.DeepEqual(o, doc) }) {
			continue
		}
		for _, t := range doc.Tests {
			e.Attempts[t.ID] = append(e.Attempts[t.ID], t.Attempts...)
		}
		e.Shards = append(e.Shards, doc)
	}
	return e
}

func sameShard(a, b e2e.ShardRun) bool {
	return a.Index == b.Index && a.Run.WorkflowAttempt == b.Run.WorkflowAttempt && a.Digest == b.Digest
}

// failedUnseen applies what a witness says of attempts without documents: a test that failed
// then and passes now is a later pass. A failed test that this run does not know is a problem.
func (e Earlier) failedUnseen(tests []e2e.TestResult) []e2e.Problem {
	if len(e.Failed) == 0 {
		return nil
	}
	known := map[string]bool{}
	for i := range tests {
		t := &tests[i]
		digest := e2e.DigestOfID(t.Stable())
		known[digest] = true
		if !slices.Contains(e.Failed, digest) || t.Outcome != e2e.Passed && t.Outcome != e2e.Flaky {
			continue
		}
		t.LaterPass = true
		t.Evidence = append(t.Evidence, e2e.Evidence{Kind: e2e.EvidenceTriage, Source: "comment of an earlier attempt",
			Text: "it failed in an earlier attempt of this workflow run, whose documents are gone"})
	}
	gone := 0
	for _, digest := range e.Failed {
		if !known[digest] {
			gone++
		}
	}
	if gone == 0 {
		return nil
	}
	return []e2e.Problem{{Code: e2e.CodeAttemptsUnreadable, LosesEvidence: true, Text: fmt.Sprintf(
		"%d of the tests that failed in an earlier attempt of this workflow run are not in this one; run the stage with the same selection, "+
			"or start a new run", gone)}}
}
