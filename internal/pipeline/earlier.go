package pipeline

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/verdict"
)

// readEarlier reads what earlier attempts of this workflow run left, in the folders
// given and wherever else it may lie. Outside CI, and in a first attempt, there is
// nothing.
func (s *Session) readEarlier(_ context.Context, dirs []string) (verdict.Earlier, []e2e.Problem, error) {
	if s.run.WorkflowRun == "" || s.run.WorkflowAttempt <= 1 {
		return verdict.Earlier{}, nil, nil
	}
	dirs = append(append(slices.Clone(dirs), s.opts.Earlier...), s.out)
	docs, bad := readShards(dirs...)
	var unreadable []string
	for _, u := range append(bad, s.unread(nil)...) {
		unreadable = append(unreadable, u.Text)
	}
	runs := filepath.Join(s.opts.Root, ".e2e-gate", "runs")
	local, _ := readShards(runs) // files of other runs do not matter here
	earlier, problems := verdict.Before(s.run, append(docs, local...), readRuns(append(dirs, runs)...), unreadable)
	return earlier, problems, nil
}

// unread are the documents that could not be fetched, by the plan's shards.
func (s *Session) unread(plan *e2e.Plan) []verdict.Unreadable {
	var list []verdict.Unreadable
	for _, u := range s.opts.Unread {
		missing := verdict.Unreadable{Index: -1, Attempt: u.Attempt, Text: u.Text}
		if plan != nil && u.Shard != "" {
			for _, sh := range plan.Shards {
				if u.Shard == sh.Name {
					missing.Index = sh.Index
				}
			}
		}
		list = append(list, missing)
	}
	return list
}
