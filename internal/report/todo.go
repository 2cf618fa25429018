package report

import (
	"fmt"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// todo is what to do now. Its texts are not escaped; Rest and More are words of ours.
type todo struct {
	// Lead is "Do now:" where something keeps the stage from passing.
	Lead string
	// Who has to do Text; More counts the other rows.
	Who, Text, More string
	// Names are those who should look at something later, and Rest ends that sentence.
	Names []string
	Rest  string
}

// sentence is what to do in one medium: plain escapes text, and name shows a name.
func (t todo) sentence(plain, name func(string) string) string {
	text := plain(t.Text)
	for i, n := range t.Names {
		if i > 0 {
			text += ","
		}
		text += " " + name(n)
	}
	if t.Rest != "" {
		text += " " + t.Rest
	}
	return text
}

// todoOf is the next step of what matters most, with who has to take it.
func todoOf(r e2e.Result) todo {
	list := Findings(r)
	switch {
	case len(list) > 0 && preventsPass(list[0].Effect):
		return firstStep(list)
	case r.Verdict.State != e2e.VerdictPassed:
		return todo{Lead: "Do now:", Text: noFinding(r)}
	case len(list) > 0 || len(flakes(r)) > 0:
		return laterWork(list, flakes(r))
	}
	for _, p := range r.Problems {
		if !p.Note {
			return todo{Text: "Nothing blocks. Look at this: " + firstLine(p.Text)}
		}
	}
	return todo{Text: "Nothing to do."}
}

// preventsPass reports whether an effect keeps the stage from passing.
func preventsPass(e e2e.Effect) bool {
	switch e {
	case e2e.Warns, e2e.Informs, e2e.EffectNothing:
		return false
	case e2e.Blocks, e2e.NotJudged:
		return true
	default:
		return true
	}
}

// noFinding is what to do where the stage did not pass and no finding says why.
func noFinding(r e2e.Result) string {
	if len(r.Verdict.Reasons) > 0 && r.Verdict.Reasons[0].Code == e2e.CodeJudgeChanged {
		return unlock(r)
	}
	if len(r.Verdict.Reasons) > 0 {
		return firstLine(r.Verdict.Reasons[0].Text)
	}
	return "read the log of the job: the result gives no reason"
}

// firstStep is "case-platform: look at the worker (2 more below)".
func firstStep(list []Finding) todo {
	t := todo{Lead: "Do now:", Text: list[0].Next}
	if len(list[0].Owners) > 0 {
		t.Who = owner(list[0].Owners)
	}
	if left := len(list) - 1; left > 0 {
		t.More = " (" + thousands(left) + " more below)"
	}
	return t
}

// laterWork says who should look at what where nothing blocks.
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
	var work []string
	if len(flaky) > 0 {
		work = append(work, plural(len(flaky), "flaky test", "flaky tests"))
	}
	if len(list) > 0 {
		work = append(work, plural(len(list), "finding", "findings"))
	}
	what := strings.Join(work, " and ")
	if len(names) == 0 {
		return todo{Text: "Nothing blocks. Name an owner for " + what + "."}
	}
	more := ""
	if left := len(names) - maxSpans; left > 0 {
		names, more = names[:maxSpans], fmt.Sprintf("and %d more ", left)
	}
	return todo{Text: "Nothing blocks.", Names: names, Rest: more + "should look at " + what + "."}
}

// ToDo is what to do first, as one plain sentence.
func ToDo(r e2e.Result) string {
	t := todoOf(r)
	line := func(s string) string { return safetext.Line(s, shortText) }
	parts := []string{t.Lead, t.sentence(line, line)}
	if t.Who != "" {
		parts = []string{t.Lead, line(t.Who) + ":", parts[1]}
	}
	return strings.TrimSpace(strings.Join(parts, " ") + t.More)
}
