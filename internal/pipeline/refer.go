package pipeline

import (
	"cmp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
)

// maxRepeated is how many failed and flaky tests of a result repeat the details of their attempts,
// those first that do most to the verdict. All others refer to the documents of the shards.
const maxRepeated = 1000

// refer is a result without the details that only the documents of shards keep. The attempts that it
// was given are left alone.
func refer(r e2e.Result) e2e.Result {
	var failing []int
	for i := range r.Tests {
		if slices.ContainsFunc(r.Tests[i].Attempts, func(a e2e.Attempt) bool { return a.Outcome == e2e.Failed }) {
			failing = append(failing, i)
		}
	}
	if len(failing) <= maxRepeated {
		return r
	}
	slices.SortStableFunc(failing, func(a, b int) int { return cmp.Compare(r.Tests[a].Effect.Rank(), r.Tests[b].Effect.Rank()) })
	for _, i := range failing[maxRepeated:] {
		t := &r.Tests[i]
		repeats := func(a e2e.Attempt) bool { return len(a.Evidence) > 0 || a.Details != essential(a) }
		if !slices.ContainsFunc(t.Attempts, repeats) {
			continue
		}
		t.Attempts = slices.Clone(t.Attempts)
		for n := range t.Attempts {
			if a := &t.Attempts[n]; repeats(*a) {
				a.DetailsIn = shardFile(a.Shard, max(a.WorkflowAttempt, 1))
				a.Details, a.Evidence = essential(*a), nil
			}
		}
	}
	return r
}

// essential is what stays of the details: their first line, if nothing else says what failed.
func essential(a e2e.Attempt) string {
	if a.Message != "" {
		return ""
	}
	line, _, _ := strings.Cut(strings.TrimSpace(a.Details), "\n")
	return line
}
