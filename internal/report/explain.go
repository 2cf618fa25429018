package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// Explanation leads from a test's selection to its part in the verdict, step by step.
// Its texts are not escaped.
type Explanation struct {
	Test    string           `json:"test"`
	Outcome e2e.Outcome      `json:"outcome"`
	Effect  e2e.Effect       `json:"effect"`
	Verdict e2e.VerdictState `json:"verdict"`
	Steps   []Step           `json:"steps"`
}

// Step is one decision: the question, the answer, and the reasons for it.
type Step struct {
	Step    string   `json:"step"`
	Answer  string   `json:"answer"`
	Because []string `json:"because,omitempty"`
}

// Explain says how a result came to its statement about a test. ok is false if the
// result does not have the test.
func Explain(r e2e.Result, id string) (e Explanation, ok bool) {
	at := slices.IndexFunc(r.Tests, func(t e2e.TestResult) bool { return t.ID == id })
	if at < 0 {
		return Explanation{}, false
	}
	t := &r.Tests[at]
	e = Explanation{Test: t.ID, Outcome: t.Outcome, Effect: t.Effect, Verdict: r.Verdict.State}
	e.Steps = []Step{
		explainSubject(r), explainSelection(r, t), explainPlace(r, t), explainGates(r, t), explainAttempts(t), explainRerun(t), explainOutcome(r, t),
		explainQuestions(r, t), explainCategory(t), explainPast(t), explainQuarantine(r, t), explainPolicy(t), explainVerdict(r, t),
	}
	if e.Steps[0].Answer == "" {
		e.Steps = e.Steps[1:]
	}
	return e, true
}

// explainSubject says what was judged, where that is not simply the checkout; else its answer is empty.
func explainSubject(r e2e.Result) Step {
	if !deployed(r.Run) {
		return Step{}
	}
	s := Step{Step: "judged", Answer: plainJudged(r.Run)}
	for _, p := range r.Problems {
		if p.Code == e2e.CodeNotVerified {
			s.Because = append(s.Because, p.Text)
		}
	}
	return s
}

func explainSelection(r e2e.Result, t *e2e.TestResult) Step {
	s := Step{Step: "selected", Answer: "by the stage " + r.Run.Stage + ", which takes every test"}
	switch {
	case t.Unplanned:
		return Step{Step: "selected", Answer: "not selected: suite " + t.Suite + " reported it, but it is not in the plan"}
	case r.Run.Select != "":
		s.Answer = fmt.Sprintf("by the stage %s: %s", r.Run.Stage, r.Run.Select)
	}
	s.Because = append(s.Because, "tags "+cmp.Or(strings.Join(t.Tags, ", "), "none"))
	if r.Run.Service != "" {
		s.Because = append(s.Because, "narrowed to the service "+r.Run.Service)
	}
	if r.Run.Affected != "" {
		s.Because = append(s.Because, r.Run.Affected)
	}
	return s
}

// explainPlace says in which batch, and on which shard, the test was planned.
func explainPlace(r e2e.Result, t *e2e.TestResult) Step {
	for _, sh := range r.Shards {
		for _, u := range sh.Units {
			if u.Attempt <= 1 && slices.Contains(u.Tests, t.ID) {
				step := Step{Step: "planned",
					Answer:  fmt.Sprintf("on shard %d (%s), in batch %s with %s", sh.Index, sh.Name, u.Unit, plural(len(u.Tests), "test", "tests")),
					Because: []string{"the batch " + plainUnit(u)}}
				if u.TakenOver {
					step.Answer = "on another shard, which had not started it; stolen, and run " + step.Answer
				}
				return step
			}
		}
	}
	if len(t.Attempts) > 0 {
		return Step{Step: "planned", Answer: fmt.Sprintf("on shard %d, in batch %s", t.Attempts[0].Shard, t.Unit)}
	}
	return Step{Step: "planned", Answer: "in batch " + t.Unit + ", whose process did not report"}
}

// explainGates is about the gates that the test needs.
func explainGates(r e2e.Result, t *e2e.TestResult) Step {
	needed := e2e.GatesFor(r.Gates, &t.Test)
	s := Step{Step: "gates", Answer: plural(len(needed), "gate", "gates") + " passed before the suites started"}
	switch {
	case len(r.Gates) == 0:
		s.Answer = "none"
	case len(needed) == 0:
		s.Answer = "none that the test needs"
	}
	for _, g := range needed {
		if !g.Open() {
			s.Answer = "failed, so the suites did not start"
			if g.Scope != nil {
				s.Answer = "failed, so the test was not run"
			}
			s.Because = append(s.Because, fmt.Sprintf("gate %s: expected %s, observed %s", g.Name, g.Expected, cmp.Or(g.Observed, "nothing")))
		}
		for _, span := range g.LostSpans() {
			s.Because = append(s.Because, "while suites ran, gate "+g.Name+" was "+spanText(r.Run, span))
		}
	}
	if len(t.Needs) > 0 {
		s.Because = append(s.Because, "it needs "+strings.Join(t.Needs, ", "))
	}
	return s
}

func explainAttempts(t *e2e.TestResult) Step {
	s := Step{Step: "attempts", Answer: thousands(len(t.Attempts))}
	for i, a := range t.Attempts {
		text := plainAttempt(t.Attempts, i)
		if message := cmp.Or(a.Message, a.Type); message != "" && a.Outcome != e2e.Passed {
			text += ": " + firstLine(message)
		}
		s.Because = append(s.Because, text)
	}
	return s
}

func explainRerun(t *e2e.TestResult) Step {
	switch {
	case t.Rerun != nil:
		s := Step{Step: "rerun", Answer: map[bool]string{true: "done: ", false: "none: "}[t.Rerun.Done] + t.Rerun.Reason}
		if t.Rerun.Beside != "" {
			s.Because = []string{t.Rerun.Beside}
		}
		return s
	case t.Outcome == e2e.Failed || t.Outcome == e2e.Flaky:
		return Step{Step: "rerun", Answer: "not recorded"}
	}
	return Step{Step: "rerun", Answer: "none: only failed tests are run again"}
}

func explainOutcome(r e2e.Result, t *e2e.TestResult) Step {
	s := Step{Step: "outcome", Answer: verb(*t)}
	if t.LaterPass {
		s.Answer = string(t.Outcome) + " now, and " + s.Answer + " of this workflow run"
	}
	for _, p := range r.Problems {
		if slices.Contains(p.Tests, t.ID) {
			s.Because = append(s.Because, fmt.Sprintf("problem %s: %s", p.Code, firstLine(p.Text)))
		}
	}
	return s
}

func explainCategory(t *e2e.TestResult) Step {
	if t.Category == "" {
		return Step{Step: "category", Answer: "none: nothing failed"}
	}
	s := Step{Step: "category", Answer: categoryText(Finding{Category: categoryOf(t.Category), Confidence: t.Confidence, first: t}, t.Cause)}
	for _, e := range t.Evidence {
		text := e.Label() + ": " + firstLine(e.Text)
		if e.Source != "" {
			text += " [" + e.Source + "]"
		}
		s.Because = append(s.Because, text)
	}
	if t.NextStep != "" {
		s.Because = append(s.Because, "next step: "+t.NextStep)
	}
	return s
}

func explainPast(t *e2e.TestResult) Step {
	s := Step{Step: "history", Answer: cmp.Or(pastOf(*t), "not looked up: nothing failed")}
	h := t.History
	if h == nil {
		return s
	}
	if h.Flaky > 0 && h.FlakeHigh > 0 {
		s.Because = append(s.Because, fmt.Sprintf("flaky in %d of %s: the rate is likely between %.0f %% and %.0f %%", h.Flaky, plural(h.Runs, "run", "runs"),
			h.FlakeLow*100, h.FlakeHigh*100))
	}
	if h.First != nil {
		s.Because = append(s.Because, "it began with "+earlierRun(h.First))
	}
	if h.Before != nil {
		s.Because = append(s.Because, "the run before that was "+earlierRun(h.Before))
	}
	if p := h.Slower; p != nil && p.From > 0 {
		s.Because = append(s.Because, fmt.Sprintf("it became slower with %s (x%.1f, from %.1f s to %.1f s)", earlierRun(&p.Since), p.To/p.From, p.From, p.To))
	}
	return s
}

// earlierRun names a run, its day and its commit.
func earlierRun(r *e2e.HistoryRun) string {
	text := "run " + r.Run + " on " + date(r.Started)
	if r.SHA != "" {
		text += ", commit " + r.SHA
	}
	return text
}

func explainQuarantine(r e2e.Result, t *e2e.TestResult) Step {
	q := t.Quarantine
	if q == nil {
		return Step{Step: "quarantine", Answer: "no entry covers the test"}
	}
	s := Step{Step: "quarantine", Answer: fmt.Sprintf("until %s, which has not passed", date(q.Deadline)),
		Because: []string{"entry " + q.Test + " of " + cmp.Or(q.Owner, noOwner) + ": " + q.Reason}}
	switch {
	case q.Deadline.IsZero():
		s.Answer = "has no deadline, so it does not count"
	case q.Expired:
		s.Answer = fmt.Sprintf("ended on %s, so the test counts", date(q.Deadline))
	case !r.Run.Finished.IsZero():
		s.Answer = fmt.Sprintf("until %s, %s left", date(q.Deadline), plural(q.DaysLeft(r.Run.Finished), "day", "days"))
	}
	return s
}

func explainPolicy(t *e2e.TestResult) Step {
	c := t.Policy
	if c == nil {
		return Step{Step: "policy", Answer: "a plain pass has no row in the policy table"}
	}
	source := "built-in table"
	if c.Source == "config" {
		source = "policy in the config"
	}
	return Step{Step: "policy", Answer: fmt.Sprintf("%s x %s: %s (%s)", c.Row, c.Column, effectWord(t.Effect), source)}
}

func explainVerdict(r e2e.Result, t *e2e.TestResult) Step {
	s := Step{Step: "verdict", Answer: "the stage " + HeadlineOf(r).Word + "; this test is not among its reasons"}
	for _, reason := range r.Verdict.Reasons {
		if slices.Contains(reason.Tests, t.ID) {
			s.Answer = "the stage " + HeadlineOf(r).Word + "; this test is among its reasons"
			s.Because = append(s.Because, fmt.Sprintf("%s, %s: %s", effectWord(reason.Effect), reason.Code, firstLine(reason.Text)))
		}
	}
	if t.Why != "" {
		s.Because = append(s.Because, "the test: "+t.Why)
	}
	if base := baseText(*t); base != "" {
		s.Because = append(s.Because, "the base: "+base)
	}
	return s
}

// Text shows the steps in a terminal.
func (e Explanation) Text(width int, colour bool) string {
	s := newSheet(width, colour)
	st := map[e2e.Outcome]style{e2e.Passed: green, e2e.Failed: red, e2e.Flaky: yellow}[e.Outcome]
	s.line(st, strings.ToUpper(safetext.Line(cmp.Or(string(e.Outcome), "unknown"), 40))+"  "+safetext.Line(e.Test, idText))
	for _, step := range e.Steps {
		s.field(step.Step, ascii(safetext.Text(step.Answer, longText, 4)))
		for _, b := range step.Because {
			s.field("", ascii("- "+safetext.Line(b, longText)))
		}
	}
	return s.b.String()
}
