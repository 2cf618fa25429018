package attempts

import (
	"slices"

	"github.com/org/e2e-gate/internal/e2e"
)

// kept states which skipped tests were kept from running, and by which failed test: a test
// that never ran is not skipped.
//
//   - the framework says so; then the last failure before it, in its group or else in its
//     file, did it
//   - else, in a declared group, a skip behind a failure of the group, unless the test was
//     skipped in the last judged run as well
//
// Any other skip is one: a test that skips itself says nothing of others.
func (u unit) kept(m *matching) []Reported {
	if !slices.ContainsFunc(u.in.Reported, func(r Reported) bool { return slices.ContainsFunc(r.Results, Result.skipped) }) {
		return u.in.Reported
	}
	planned := map[string]Planned{}
	for _, p := range u.in.Planned {
		planned[p.ID] = p
	}
	type place struct{ group, file string }
	failed := map[place]string{}
	list := slices.Clone(u.in.Reported)
	for i, r := range list {
		p := planned[m.plannedAs(r)]
		if p.ID == "" {
			continue
		}
		end := 0
		for _, run := range executions(r.Results, u.in.RepeatedCases) { // each is a test of its own
			end += len(run)
			last := run[len(run)-1].Attempt
			if endedFailed(run) {
				failed[place{group: p.Group}], failed[place{file: p.File}] = p.ID, p.ID
				continue
			}
			by := ""
			if p.Group != "" {
				by = failed[place{group: p.Group}]
			}
			if last.Outcome != e2e.Skipped || !last.Kept && (by == "" || p.SkippedLast) {
				continue
			}
			if by == "" && p.File != "" {
				by = failed[place{file: p.File}]
			}
			if &list[i].Results[0] == &r.Results[0] {
				list[i].Results = slices.Clone(r.Results)
			}
			list[i].Results[end-1].Attempt.Kept, list[i].Results[end-1].Attempt.KeptBy = true, by
		}
	}
	return list
}

func (r Result) skipped() bool { return r.Attempt.Outcome == e2e.Skipped }

// endedFailed reports whether the last execution of a test that was not skipped failed.
func endedFailed(run []Result) bool {
	for _, r := range slices.Backward(run) {
		if r.Attempt.Outcome != e2e.Skipped {
			return r.Attempt.Outcome == e2e.Failed
		}
	}
	return false
}

// plannedAs is the id of the planned test that a reported one stands for; empty: none, or
// one of several.
func (m *matching) plannedAs(r Reported) string {
	for _, s := range r.Spellings {
		if ids := m.ids[s.Name]; len(ids) > 0 {
			if len(ids) > 1 || s.Part != "" {
				return ""
			}
			return ids[0]
		}
	}
	return ""
}
