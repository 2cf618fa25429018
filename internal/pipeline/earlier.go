package pipeline

import (
	"fmt"
	"path/filepath"
	"reflect"
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
	dirs = append(slices.Clip(dirs), s.opts.Earlier...)
	runs := filepath.Join(s.opts.Root, ".e2e-gate", "runs")
	docs, bad := readShards(append(dirs, s.out)...)
	var unreadable []string
	for _, d := range bad {
		unreadable = append(unreadable, d.text)
	}
	for _, u := range s.opts.Unread {
		unreadable = append(unreadable, u.Text)
	}
	local, _ := readShards(runs) // what lies around of other runs says nothing about this one
	mine := s.ofBefore(append(docs, local...))
	s.earlier.take(mine)
	s.earlierUnknown(mine, unreadable, append(dirs, s.out, runs))
}

// earlierUnknown says aloud when earlier attempts should exist and cannot be read.
func (s *Session) earlierUnknown(mine []e2e.ShardRun, unreadable, dirs []string) {
	if !s.knowsFirst(mine, dirs) {
		unreadable = append(unreadable, "there is no document of attempt 1")
	}
	if len(unreadable) > 0 {
		s.earlier.unreadable = true
		s.problem(e2e.Problem{Code: e2e.CodeAttemptsUnreadable, Text: fmt.Sprintf("this is attempt %d of the workflow run and the documents of earlier attempts cannot be read (%s): without them there are no diagnostic reruns, and a test that failed before may pass unseen. Give the folder with the earlier shard-*.json to the gate", s.run.WorkflowAttempt, unreadable[0])})
	}
}

// ofBefore picks the documents of earlier attempts of this workflow run.
func (s *Session) ofBefore(docs []found) []e2e.ShardRun {
	var mine []e2e.ShardRun
	for _, f := range docs {
		if s.before(f.doc.Run) {
			mine = append(mine, f.doc)
		}
	}
	return mine
}

// before reports whether a document is of an earlier attempt of this workflow run.
func (s *Session) before(run e2e.Run) bool {
	return run.SameSubject(s.run) && run.WorkflowAttempt >= 1 && run.WorkflowAttempt < s.run.WorkflowAttempt
}

// knowsFirst reports whether something is left of the first attempt. Later ones may
// have re-run other jobs; the first ran them all. Where it found its gates shut, it
// left a result and no shard.
func (s *Session) knowsFirst(docs []e2e.ShardRun, dirs []string) bool {
	if slices.ContainsFunc(docs, func(d e2e.ShardRun) bool { return d.Run.WorkflowAttempt == 1 }) {
		return true
	}
	for _, run := range readRuns(dirs...) {
		if s.before(run) && run.WorkflowAttempt == 1 {
			return true
		}
	}
	return false
}

// take adds the attempts of documents, each document once. Where two of one shard and
// attempt differ, nobody knows which is right, and a failure in either was one.
func (e *earlier) take(docs []e2e.ShardRun) {
	slices.SortStableFunc(docs, func(a, b e2e.ShardRun) int { return a.Run.WorkflowAttempt - b.Run.WorkflowAttempt })
	for i, doc := range docs {
		if slices.ContainsFunc(docs[:i], func(o e2e.ShardRun) bool { return sameShard(o, doc) && reflect.DeepEqual(o, doc) }) {
			continue
		}
		for _, t := range doc.Tests {
			e.attempts[t.ID] = append(e.attempts[t.ID], t.Attempts...)
		}
		e.gates = append(e.gates, doc.Gates...)
	}
}

func sameShard(a, b e2e.ShardRun) bool {
	return a.Index == b.Index && a.Run.WorkflowAttempt == b.Run.WorkflowAttempt && a.Digest == b.Digest
}
