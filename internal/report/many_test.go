package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

// The page and the JUnit XML of a result that does not repeat all details name the document that has them,
// and no table of the page grows without end.
func TestManyFailuresOnThePage(t *testing.T) {
	r := e2e.Result{Tests: []e2e.TestResult{{Test: e2e.Test{ID: "s/a", Suite: "s"}, Outcome: e2e.Failed, Effect: e2e.Blocks,
		Attempts: []e2e.Attempt{{N: 1, Outcome: e2e.Failed, Message: "broken", DetailsIn: "shard-7.2.json"}}}}}
	for i := range maxRows + 3 {
		q := &e2e.Quarantine{Test: "x", Owner: "team"}
		r.Tests = append(r.Tests, e2e.TestResult{Test: e2e.Test{ID: fmt.Sprintf("s/flaky%d", i), Suite: "s"}, Outcome: e2e.Flaky, Effect: e2e.Warns},
			e2e.TestResult{Test: e2e.Test{ID: fmt.Sprintf("s/held%d", i), Suite: "s"}, Outcome: e2e.Failed, Effect: e2e.Informs, Quarantine: q})
	}
	page, xml := string(HTML(r, PageOptions{})), string(JUnit(r))
	if !strings.Contains(page, "details: <code>shard-7.2.json</code>") || !strings.Contains(xml, "details: shard-7.2.json") {
		t.Error("the document with the details is not named")
	}
	if rows := strings.Count(page, "<tr>"); rows > 3*maxRows || !strings.Contains(page, "and 3 more rows; result.json has all") {
		t.Errorf("the page has %d rows", rows)
	}
}
