package pipeline

import (
	"context"
	"slices"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/verdict"
)

// readEarlier reads what earlier attempts of this workflow run left, in the folders
// given and wherever else it may lie. Outside CI, and in a first attempt, there is
// nothing.
func (s *Session) readEarlier(ctx context.Context, dirs []string) (verdict.Earlier, []e2e.Problem, error) {
	if s.run.WorkflowRun == "" || s.run.WorkflowAttempt <= 1 {
		return verdict.Earlier{}, nil, nil
	}
	if s.opts.Known != nil {
		return *s.opts.Known, nil, nil
	}
	dirs = append(append(slices.Clone(dirs), s.opts.Earlier...), s.out)
	ours := s.ours(ctx)
	docs, bad := ours.readShards(ctx, dirs...)
	local, _ := ours.readShards(ctx, s.runs()) // files of other runs do not matter here
	found := verdict.Found{Documents: append(docs, local...), Results: ours.readRuns(append(dirs, s.runs())...), Unreadable: append(bad, s.unread(nil)...)}
	for _, d := range found.Documents {
		if d.Shard.Run.ID == s.run.ID || d.Shard.Run.WorkflowRun == s.run.WorkflowRun {
			s.made(d)
		}
	}
	earlier, problems := verdict.Before(s.run, found, s.witnesses(ctx, found))
	return earlier, problems, nil
}

// witnesses are asked about earlier attempts that left no documents.
func (s *Session) witnesses(ctx context.Context, found verdict.Found) []verdict.Witness {
	missing := verdict.Undocumented(s.run, found)
	if len(missing) == 0 || s.opts.Witnesses == nil {
		return nil
	}
	return s.opts.Witnesses(ctx, missing)
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
