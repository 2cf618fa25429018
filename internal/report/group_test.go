package report

import (
	"regexp"
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

var pulled = regexp.MustCompile(`\[(#\d+)\]\([^)]*/pull/\d+\)`)

// What is said of each pull request of a red group, in every output that people read.
func TestPullRequestsOfARedGroup(t *testing.T) {
	touches := []e2e.GroupTouch{{Text: "it touches e2e/pay.ts, which belongs to the suite", Tests: []string{"TestSubmit"}}}
	for _, c := range []struct {
		rule  string
		group []int
		pulls []e2e.GroupedPull
		says  []string
	}{
		{"one was green", []int{12, 15}, []e2e.GroupedPull{{Number: 12, Title: "Refunds @acme/admins <b>", Alone: "success", FilesKnown: true},
			{Number: 15, Alone: "failure", FilesKnown: true, Touches: touches}},
			[]string{"Refunds", "green by itself; it touches nothing of what failed", "red by itself; it touches e2e/pay.ts, which belongs to the suite (TestSubmit)",
				"#12 was green by itself, and the group is red: it fails only together with the others, the base has moved, or a test fails at times."}},
		{"both were green", []int{12, 15}, []e2e.GroupedPull{{Number: 12, Alone: "success"}, {Number: 15, Alone: "success"}},
			[]string{"#12, #15 were green by themselves, and the group is red: they fail only together, the base has moved"}},
		{"a group of one", []int{12}, []e2e.GroupedPull{{Number: 12, Alone: "success"}}, []string{"#12 was green by itself, and the group is red: the base has moved"}},
		{"what is not known is said", []int{12, 15}, []e2e.GroupedPull{{Number: 15, Unknown: "its head has no commit status e2e-gate/pr"}},
			[]string{"not known: its head has no commit status e2e-gate/pr", "And 1 that merge before these, which were not looked at."}},
		{"others", []int{12, 15}, []e2e.GroupedPull{{Number: 12, Alone: "error"}, {Number: 15, Alone: "pending"}},
			[]string{"not judged by itself", "still being judged by itself"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			r := blockedWithClusters()
			r.Run.PullRequest, r.Run.MergeGroup, r.Grouped = 0, c.group, c.pulls
			page := string(HTML(r, PageOptions{}))
			for name, text := range map[string]string{"summary": Markdown(r, Options{}), "comment": Comment(r, CommentOptions{}),
				"terminal": Final(r, FinalOptions{}), "page": page} {
				plain := pulled.ReplaceAllString(text, "$1")
				for _, want := range c.says {
					if !strings.Contains(plain, want) {
						t.Errorf("%s: %q is not in\n%s", name, want, plain)
					}
				}
			}
			if strings.Contains(page, "<b>:") || strings.Contains(Markdown(r, Options{}), " @acme/admins") {
				t.Error("a title is markup")
			}
		})
	}
	r := blockedWithClusters()
	text := Markdown(r, Options{}) + string(HTML(r, PageOptions{})) + Final(r, FinalOptions{})
	if strings.Contains(strings.ToLower(text), strings.ToLower(groupTitle)) {
		t.Error("a run without a merge group has pull requests of one")
	}
}
