package report

import (
	"fmt"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
)

// todo is what somebody has to do now. Its texts are not escaped.
type todo struct {
	// Lead is "Do now:" where something keeps the stage from passing.
	Lead string
	// Who has to do Text; More counts what else there is.
	Who, Text, More string
}

// todoOf is the next step of what matters most, with who has to take it.
func todoOf(r e2e.Result) todo {
	list := Findings(r)
	switch {
	case len(list) > 0 && stops(list[0].Effect):
		return firstStep(list)
	case r.Verdict.State != e2e.VerdictPassed:
		return todo{Lead: "Do now:", Text: noFinding(r)}
	case len(list) > 0 || len(flakes(r)) > 0:
		return laterWork(list, flakes(r))
	}
	return todo{Text: "Nothing to do."}
}

// stops reports whether an effect keeps the stage from passing.
func stops(e e2e.Effect) bool {
	switch e {
	case e2e.Warns, e2e.Informs, e2e.EffectNothing:
		return false
	case e2e.Blocks, e2e.NotJudged:
		return true
	default:
		return true
	}
}

// noFinding is what to do where the verdict is bad and nothing is named.
func noFinding(r e2e.Result) string {
	if len(r.Verdict.Reasons) > 0 {
		return firstLine(r.Verdict.Reasons[0].Text)
	}
	return "read the log of the job; without a reason there is no verdict"
}

// firstStep is "case-platform: look at the worker (2 more rows below)".
func firstStep(list []Finding) todo {
	t := todo{Lead: "Do now:", Text: list[0].Next}
	if len(list[0].Owners) > 0 {
		t.Who = owner(list[0].Owners)
	}
	if left := len(list) - 1; left > 0 {
		t.More = " (" + plural(left, "more row below)", "more rows below)")
	}
	return t
}

// laterWork says whose work is left where nothing blocks.
func laterWork(list []Finding, flaky []e2e.TestResult) todo {
	var names []string
	seen := map[string]bool{}
	add := func(owners ...string) {
		for _, name := range owners {
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	for _, f := range list {
		add(f.Owners...)
	}
	for _, t := range flaky {
		add(owners(t)...)
	}
	if len(names) == 0 {
		return todo{Text: "Nothing blocks. Something below has no owner: name one, and let them look."}
	}
	more := ""
	if left := len(names) - maxSpans; left > 0 {
		names, more = names[:maxSpans], fmt.Sprintf(" and %d more", left)
	}
	return todo{Text: "Nothing blocks. Still to be looked at by " + strings.Join(names, ", ") + more + "."}
}
