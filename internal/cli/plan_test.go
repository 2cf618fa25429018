package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

// A plan names what a split suite does not check as a note, and not as a problem.
func TestPlanSaysWhatIsNotChecked(t *testing.T) {
	var out bytes.Buffer
	a := &App{Stdout: &out}
	plan := &e2e.Plan{Problems: []e2e.Problem{
		{Code: e2e.CodeNotChecked, Note: true, Text: "not checked, since suite s was split: unused snapshots"}, {Code: e2e.CodeBuildFailed, Text: "x is broken"},
	}}
	if err := a.printPlan(plan, "plan.json"); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "note: not checked, since suite s was split: unused snapshots\nproblem: x is broken\n") {
		t.Error(out.String())
	}
}
