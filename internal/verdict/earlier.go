package verdict

import (
	"fmt"
	"reflect"
	"slices"

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
	// Unreadable: earlier attempts should exist and cannot be read.
	Unreadable bool
}

// Rerun says that a test had its diagnostic rerun in an earlier attempt, or is empty.
func (e Earlier) Rerun(id string) string {
	for _, a := range e.Attempts[id] {
		if a.Source == e2e.SourceDiagnostic {
			return fmt.Sprintf("it had its rerun in attempt %d of this workflow run", a.WorkflowAttempt)
		}
	}
	return ""
}

// Before returns the earlier attempts of the workflow run, for a run that makes attempts
// itself. documents are all that were found, results the runs of the results found with
// them, and unreadable holds the reason for each document that cannot be read. The
// problems say what is missing. Outside CI, and in a first attempt, there is nothing.
func Before(run e2e.Run, documents []Document, results []e2e.Run, unreadable []string) (Earlier, []e2e.Problem) {
	if !mayHaveEarlier(run) {
		return Earlier{}, nil
	}
	e := earlierOf(ofBefore(run, documents))
	problems := unknownEarlier(run, documents, results, unreadable)
	e.Unreadable = len(problems) > 0
	return e, problems
}

func mayHaveEarlier(run e2e.Run) bool { return run.WorkflowRun != "" && run.WorkflowAttempt > 1 }

// isBefore reports whether a document is of an earlier attempt of this workflow run.
func isBefore(run, theirs e2e.Run) bool {
	return theirs.SameSubject(run) && theirs.WorkflowAttempt >= 1 && theirs.WorkflowAttempt < run.WorkflowAttempt
}

// ofBefore picks the documents of earlier attempts.
func ofBefore(run e2e.Run, documents []Document) []e2e.ShardRun {
	var list []e2e.ShardRun
	for _, d := range documents {
		if isBefore(run, d.Shard.Run) {
			list = append(list, d.Shard)
		}
	}
	return list
}

// unknownEarlier reports that earlier attempts should exist but cannot be read.
func unknownEarlier(run e2e.Run, documents []Document, results []e2e.Run, unreadable []string) []e2e.Problem {
	if !mayHaveEarlier(run) {
		return nil
	}
	if !knowsFirst(run, documents, results) {
		unreadable = append(slices.Clone(unreadable), "no document of attempt 1 was found")
	}
	if len(unreadable) == 0 {
		return nil
	}
	return []e2e.Problem{{Code: e2e.CodeAttemptsUnreadable, Text: fmt.Sprintf(
		"this is attempt %d of the workflow run, but documents of earlier attempts cannot be read (%s): there are no diagnostic reruns, "+
			"and an earlier failure may go unnoticed. Give the gate the folder with the earlier shard-*.json", run.WorkflowAttempt, unreadable[0])}}
}

// knowsFirst reports whether anything of the first attempt was found. Later attempts may
// have re-run only some jobs; the first ran all of them. If its gates failed, it left a
// result but no shard document.
func knowsFirst(run e2e.Run, documents []Document, results []e2e.Run) bool {
	first := func(theirs e2e.Run) bool { return isBefore(run, theirs) && theirs.WorkflowAttempt == 1 }
	return slices.ContainsFunc(documents, func(d Document) bool { return first(d.Shard.Run) }) || slices.ContainsFunc(results, first)
}

// earlierOf collects the attempts of documents, each document once. Where two of one
// shard and attempt differ, nothing tells which is right, and a failure in either was
// one.
func earlierOf(docs []e2e.ShardRun) Earlier {
	e := Earlier{Attempts: map[string][]e2e.Attempt{}}
	docs = slices.Clone(docs)
	slices.SortStableFunc(docs, func(a, b e2e.ShardRun) int { return a.Run.WorkflowAttempt - b.Run.WorkflowAttempt })
	for i, doc := range docs {
		if slices.ContainsFunc(docs[:i], func(o e2e.ShardRun) bool { return sameShard(o, doc) && reflect.DeepEqual(o, doc) }) {
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
