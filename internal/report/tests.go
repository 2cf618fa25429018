package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// testsByID are the tests of a result by their ids.
func testsByID(r e2e.Result) map[string]*e2e.TestResult {
	tests := make(map[string]*e2e.TestResult, len(r.Tests))
	for i := range r.Tests {
		tests[r.Tests[i].ID] = &r.Tests[i]
	}
	return tests
}

// flakes lists the flaky tests, those that block first.
func flakes(r e2e.Result) []e2e.TestResult {
	var list []e2e.TestResult
	for _, t := range r.Tests {
		if t.Outcome == e2e.Flaky {
			list = append(list, t)
		}
	}
	slices.SortStableFunc(list, func(a, b e2e.TestResult) int { return cmp.Compare(a.Effect.Rank(), b.Effect.Rank()) })
	return list
}

// inDetail lists the tests that are shown in full as far as there is room, those that
// block first.
func inDetail(r e2e.Result) []*e2e.TestResult {
	var list []*e2e.TestResult
	for i := range r.Tests {
		if t := &r.Tests[i]; t.Outcome == e2e.Failed || t.Outcome == e2e.Flaky {
			list = append(list, t)
		}
	}
	slices.SortStableFunc(list, func(a, b *e2e.TestResult) int { return cmp.Compare(a.Effect.Rank(), b.Effect.Rank()) })
	return list
}

// splitID is an id as two lines: the test's name, and the suite with its file or
// class.
type splitID struct{ Name, Where string }

// splitIDs splits ids, with Where only where the next one's differs.
func splitIDs(ids []string) []splitID {
	list := make([]splitID, len(ids))
	for i, id := range ids {
		where, name, ok := strings.Cut(safetext.Line(id, idText), "::")
		if !ok {
			where, name = "", where
		}
		list[i] = splitID{name, where}
		if i > 0 && list[i-1].Where == where {
			list[i-1].Where = ""
		}
	}
	return list
}

// noOwner stands where no team answers for something.
const noOwner = "no owner"

// owner is the names of the owners, or [noOwner].
func owner(owners []string) string {
	if len(owners) == 0 {
		return noOwner
	}
	return strings.Join(owners, ", ")
}

// kindOf is how critical a test is, as the policy table judges it.
func kindOf(t e2e.Test) string {
	switch t.Criticality {
	case e2e.NonBlocking, e2e.Nightly, e2e.Synthetic:
		return string(t.Criticality)
	case e2e.ReleaseBlockingSmoke, e2e.ReleaseBlocking:
	default:
	}
	if t.Smoke() {
		return string(e2e.ReleaseBlockingSmoke)
	}
	return string(e2e.ReleaseBlocking)
}

// slowest lists the tests that took longest, at most n.
func slowest(r e2e.Result, n int) []e2e.TestResult {
	var list []e2e.TestResult // the slowest so far, in order
	slower := func(a, b e2e.TestResult) int {
		return cmp.Or(cmp.Compare(took(&b), took(&a)), strings.Compare(a.ID, b.ID))
	}
	for i := range r.Tests {
		t := &r.Tests[i]
		if s := took(t); s <= 0 || len(list) == n && s < took(&list[n-1]) {
			continue
		}
		at, _ := slices.BinarySearchFunc(list, *t, func(a, b e2e.TestResult) int { return cmp.Or(slower(a, b), -1) }) // behind its equals
		list = slices.Insert(list, at, *t)
		list = list[:min(n, len(list))]
	}
	return list
}

// took is the time of all attempts at a test, in seconds.
func took(t *e2e.TestResult) float64 {
	var sum float64
	for i := range t.Attempts {
		sum += t.Attempts[i].Seconds
	}
	return sum
}

// duration is how long the run took, in seconds; 0 where it does not say.
func duration(r e2e.Run) float64 {
	if r.Finished.IsZero() || r.Started.IsZero() {
		return 0
	}
	return max(r.Finished.Sub(r.Started).Seconds(), 0)
}
