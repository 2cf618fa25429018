package cli

import (
	"context"
	"time"

	"github.com/org/e2e-gate/internal/adapter/github"
)

// firstWords bounds what is asked and said before a run starts: the tests do not wait
// for it any longer.
const firstWords = 5 * time.Second

// nameGroup asks the merge queue which pull requests the group holds; its ref names the
// last one only. They are asked for at the start, because those before may have merged
// by the end. Who cannot be told says so and goes on.
func (s *setup) nameGroup(ctx context.Context) {
	if s.trigger.Event != "merge_group" || s.trigger.Forge != "" || s.app.getenv("GITHUB_GRAPHQL_URL") == "" {
		return
	}
	client, err := s.publisher()
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, firstWords)
	defer cancel()
	list, err := client.QueuedPRs(ctx, s.trigger.Branch, s.trigger.SHA)
	switch {
	case err != nil:
		s.trigger.Notes = append(s.trigger.Notes, "only the last pull request of the merge group is named: "+err.Error())
	case len(list) > 0:
		s.trigger.GroupedPRs = list
	}
}

// superseding says in the pull request's comment that what it holds is of an older
// commit. It is a courtesy: a token that may not write costs a line at the end anyway.
func (s *setup) superseding(ctx context.Context, comment bool, key string) {
	if !comment || s.trigger.PullRequest == 0 || s.trigger.Fork {
		return
	}
	client, err := s.publisher()
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, firstWords)
	defer cancel()
	t := s.trigger
	stamp := github.Stamp{Key: key, Stage: s.stage.Name, WorkflowRun: t.WorkflowRun, Attempt: t.WorkflowAttempt, SHA: t.SHA}
	if out, err := client.Supersede(ctx, t.PullRequest, stamp, t.URL); err == nil && out.Action == github.Updated {
		s.console.Note("the comment on the pull request is of an older commit, and says so until this run ends")
	}
}
