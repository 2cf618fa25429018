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
	planned := map[string]Planned{}
	for _, p := range u.in.Planned {
		planned[p.ID] = p
	}
	type place struct{ group, file string }
	failed := map[place]string{}
	list := slices.Clone(u.in.Reported)
	for i, r := range list {
		p := planned[m.plannedAs(r)]
		n := len(r.Results) - 1
		if p.ID == "" || n < 0 {
			continue
		}
		last := r.Results[n].Attempt
		switch last.Outcome {
		case e2e.Passed, e2e.Flaky, e2e.Lost, e2e.NotRun, e2e.OutcomeUnknown:
		case e2e.Failed:
			failed[place{group: p.Group}], failed[place{file: p.File}] = p.ID, p.ID
		case e2e.Skipped:
			by := ""
			if p.Group != "" {
				by = failed[place{group: p.Group}]
			}
			if !last.Kept && (by == "" || p.SkippedLast) {
				continue
			}
			if by == "" && p.File != "" {
				by = failed[place{file: p.File}]
			}
			list[i].Results = slices.Clone(r.Results)
			list[i].Results[n].Attempt.Kept, list[i].Results[n].Attempt.KeptBy = true, by
		}
	}
	return list
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
