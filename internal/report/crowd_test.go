package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

// crowd is a run in which everything there is went wrong.
func crowd(failures, flakes, shards, gates, quarantined int) e2e.Result {
	f := newFixture()
	for i := range failures {
		t := f.test(fmt.Sprintf("TestFails%03d", i), fmt.Sprintf("team-%d", i%9), e2e.ReleaseBlocking, e2e.Failed, 1)
		fail(t, e2e.Categories()[i%7], fmt.Sprintf("expected %d, got another", i))
	}
	for i := range flakes {
		flake(f.test(fmt.Sprintf("TestFlakes%04d", i), "case-risk", e2e.ReleaseBlocking, e2e.Flaky, 1))
	}
	for i := range quarantined {
		t := f.test(fmt.Sprintf("TestQuarantined%03d", i), "case-import", e2e.ReleaseBlocking, e2e.Failed, 1)
		t.Effect, t.Quarantine = e2e.Warns, &e2e.Quarantine{Test: t.ID, Owner: "case-import", Reason: "waits", Since: began.AddDate(0, 0, -9),
			Deadline: began.AddDate(0, 0, 1+i%3)}
	}
	for i := range shards {
		f.Shards = append(f.Shards, e2e.ShardResult{Index: i, Name: fmt.Sprintf("shard-%d", i), State: "complete", Tests: 10, Expected: 20, Seconds: 21,
			Units: []e2e.UnitRun{{Unit: "case-journeys", Shard: i, Attempt: 1, Ended: "exited", Offset: 4, Seconds: 21}}})
	}
	for i := range gates {
		g := healthyGate(fmt.Sprintf("gate-%03d", i), "http", "http://127.0.0.1/health")
		if i%2 == 0 {
			g.State, g.Observed, g.Reason = e2e.Unhealthy, fmt.Sprintf("status %d", 500+i), "it did not open"
		}
		f.Gates = append(f.Gates, g)
	}
	f.Verdict = e2e.Verdict{State: e2e.VerdictFailed, Blocks: true, Reasons: []e2e.Reason{{Code: e2e.CodeTestFailed, Effect: e2e.Blocks, Text: "tests failed"}}}
	return f.Result
}

// However much went wrong, the comment fits, leads with the verdict, and has something of
// each: failures, flakes, quarantine close to its deadline, gates, shards.
func TestCommentOfACrowd(t *testing.T) {
	r := crowd(500, 2000, 256, 300, 60)
	for _, o := range []CommentOptions{{}, {DiagramBytes: GiteaDiagramBytes}, {MaxBytes: 30_000}} {
		got := Comment(r, o)
		wellFormed(t, got)
		if len(got) > CommentBytes || o.MaxBytes > 0 && len(got) > o.MaxBytes {
			t.Errorf("%d bytes", len(got))
		}
		for _, want := range []string{"## ❌ e2e-gate pr: blocked", "### Needs attention", "TestFails", "### Flaky", "TestFlakes",
			"### Quarantine close to its deadline", "Gates: ", "gate-000", "Shards: 256", "shard-0", "not shown here; result.json has all"} {
			if !strings.Contains(got, want) {
				t.Errorf("%d bytes: %q is not in it", len(got), want)
			}
		}
		t.Logf("%d bytes, %d rows of failures, %d of flakes", len(got), strings.Count(got, "`TestFails"), strings.Count(got, "`TestFlakes"))
	}
	if got := Markdown(r, Options{}); len(got) > SummaryBytes {
		t.Errorf("%d bytes of summary", len(got))
	} else {
		wellFormed(t, got)
	}
}

// Where not all can be shown, the details of what blocks are, and the shard that is lost.
func TestWorstIsShownFirst(t *testing.T) {
	r := crowd(0, 200, 256, 0, 0)
	f := fixture{r}
	fail(f.test("TestZ", "case-platform", e2e.ReleaseBlocking, e2e.Failed, 1), e2e.ProductRegression, "the last one of all")
	f.Shards[255].State = "lost"
	comment, page := Comment(f.Result, CommentOptions{}), string(HTML(f.Result, PageOptions{}))
	details := comment[strings.Index(comment, "Attempts and details"):]
	if !strings.Contains(details, "the last one of all") || !strings.Contains(comment, "`shard-255` | lost") {
		t.Errorf("what matters most was cut:\n%.3000s", details)
	}
	if at := strings.Index(page, "Attempts and details"); at < 0 || !strings.Contains(page[at:], "the last one of all") {
		t.Error("the page has no details of what blocks")
	}
}
