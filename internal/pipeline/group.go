package pipeline

import (
	"context"
	"slices"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// GroupMember is a pull request of a merge group as the forge knows it: all but Touches of the
// result, and the files that it changes, if they are all known.
type GroupMember struct {
	e2e.GroupedPull
	Files []string
}

// Bounds of comparing a merge group with what failed in it. The newest pull requests are looked
// at: those before them have groups of their own, which end first.
const (
	maxGrouped     = 10
	maxGroupFailed = 20
	groupTime      = 15 * time.Second
)

// grouped lists the pull requests of a merge group with what each has to do with what failed.
// It is shown, and decides nothing. It is asked once, also if the run is judged again.
func (s *Session) grouped(ctx context.Context, r *e2e.Result) []e2e.GroupedPull {
	numbers := s.run.MergeGroup
	var failed []*e2e.TestResult
	for i := range r.Tests {
		if t := &r.Tests[i]; t.Effect == e2e.Blocks && t.Environment == nil && len(failed) < maxGroupFailed {
			failed = append(failed, t)
		}
	}
	if s.opts.Grouped == nil || s.run.Event != "merge_group" || len(numbers) == 0 || len(failed) == 0 || r.Verdict.State != e2e.VerdictFailed {
		return nil
	}
	if s.members == nil {
		ctx, cancel := context.WithTimeout(ctx, groupTime)
		defer cancel()
		s.members = s.opts.Grouped(ctx, numbers[max(0, len(numbers)-maxGrouped):])
	}
	owners := s.codeowners()
	var list []e2e.GroupedPull
	for _, m := range s.members {
		one := m.GroupedPull
		for _, t := range failed {
			text := s.touchedBy("it", m.Files, t, owners)
			if text == "" || !m.FilesKnown || ctx.Err() != nil {
				continue
			}
			i := slices.IndexFunc(one.Touches, func(o e2e.GroupTouch) bool { return o.Text == text })
			if i < 0 {
				i, one.Touches = len(one.Touches), append(one.Touches, e2e.GroupTouch{Text: text})
			}
			one.Touches[i].Tests = append(one.Touches[i].Tests, t.ID)
		}
		list = append(list, one)
	}
	return list
}
