package report

import (
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

func TestMergeGroupIsNamed(t *testing.T) {
	for _, c := range []struct {
		list []int
		want string
	}{
		{nil, ""}, {[]int{17}, "merge group up to #17"}, {[]int{12, 15, 17}, "merge group of #12, #15, #17"},
		{[]int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, "merge group of #1, #2, #3, #4, #5, #6, #7, 2 more, #10"},
	} {
		if got := MergeGroup(e2e.Run{MergeGroup: c.list}); got != c.want {
			t.Errorf("%v: %q, want %q", c.list, got, c.want)
		}
	}
}

// The summary leads with the verdict and what to do, and links the group's pull requests;
// without the page of the run there are no links.
func TestSummaryLeadsWithWhatToDo(t *testing.T) {
	r := blockedWithClusters()
	r.Run.PullRequest, r.Run.MergeGroup = 0, []int{12, 17}
	lines := strings.SplitN(Markdown(r, Options{}), "\n", 6)
	if !strings.HasPrefix(lines[0], "## ❌ ") || !strings.HasPrefix(lines[2], "**Do now:** **case-platform, case-audit**") ||
		!strings.Contains(lines[4], "merge group of [#12](https://github.com/acme/cases/pull/12), [#17](https://github.com/acme/cases/pull/17)") {
		t.Errorf("%q", lines[:5])
	}
	r.Run.URL = "javascript:x/actions/runs/1"
	if got := Markdown(r, Options{}); !strings.Contains(got, "merge group of #12, #17") || !strings.Contains(got, "commit `0123456789` ·") {
		t.Error(strings.SplitN(got, "\n", 6)[4])
	}
}
