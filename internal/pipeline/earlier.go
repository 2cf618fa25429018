package pipeline

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/org/e2e-gate/internal/e2e"
)

// earlier is what happened to tests in earlier attempts of this workflow run.
// Pressing "Re-run failed jobs" neither buys another rerun nor erases a failure.
type earlier struct {
	// attempts by test id, oldest first.
	attempts map[string][]e2e.Attempt
	// gates that earlier attempts saw, for triage.
	gates []e2e.Gate
	// unreadable: earlier attempts should exist and cannot be read.
	unreadable bool
}

// reran says that a test had its rerun, or "".
func (e earlier) reran(id string) string {
	for _, a := range e.attempts[id] {
		if a.Source == e2e.SourceDiagnostic {
			return fmt.Sprintf("it had its rerun in attempt %d of this workflow run", a.WorkflowAttempt)
		}
	}
	return ""
}

// loadEarlier reads the documents of earlier attempts. Outside CI, and in a first
// attempt, there are none.
func (s *Session) loadEarlier(dirs ...string) {
	s.earlier = earlier{attempts: map[string][]e2e.Attempt{}}
	if s.run.WorkflowRun == "" || s.run.WorkflowAttempt <= 1 {
		return
	}
	docs, unreadable := readShards(append(dirs, s.out, filepath.Join(s.opts.Root, ".e2e-gate", "runs"))...)
	var mine []e2e.ShardRun
	for _, f := range docs {
		if f.doc.Run.SameSubject(s.run) && f.doc.Run.WorkflowAttempt < s.run.WorkflowAttempt {
			mine = append(mine, f.doc)
		}
	}
	s.earlier.take(mine)
	if len(mine) == 0 || len(unreadable) > 0 {
		s.earlier.unreadable = true
		text := fmt.Sprintf("this is attempt %d of the workflow run and the documents of earlier attempts cannot be read; there are no diagnostic reruns, and a test that failed before may pass unseen. Give the folder with the earlier shard-*.json to the gate", s.run.WorkflowAttempt)
		if len(unreadable) > 0 {
			text += ": " + unreadable[0]
		}
		s.problem(e2e.Problem{Code: e2e.CodeAttemptsUnreadable, Text: text})
	}
}

// take adds the attempts of documents, each document once.
func (e *earlier) take(docs []e2e.ShardRun) {
	slices.SortStableFunc(docs, func(a, b e2e.ShardRun) int { return a.Run.WorkflowAttempt - b.Run.WorkflowAttempt })
	type key struct{ attempt, shard int }
	seen := map[key]string{}
	for _, doc := range docs {
		k := key{doc.Run.WorkflowAttempt, doc.Index}
		if before, ok := seen[k]; ok && before == doc.Digest {
			continue
		}
		seen[k] = doc.Digest
		for _, t := range doc.Tests {
			e.attempts[t.ID] = append(e.attempts[t.ID], t.Attempts...)
		}
		e.gates = append(e.gates, doc.Gates...)
	}
}
