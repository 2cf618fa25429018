package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// Headline is the verdict in one line. Every text in it is clean but not escaped.
type Headline struct {
	// Mark is the symbol beside the word, for media that show it.
	Mark string
	// Word is the verdict: "passed", "blocked", "not judged", and what else is true
	// of a stage that does not block.
	Word string
	// Subject names the gate's call: e2e-gate, stage, and key where there is one.
	Subject string
	// Why is what led to the verdict, or what remains to be looked at; it may be empty.
	Why string
	// aside: the stage passed, so Why stands in parentheses.
	aside bool
}

// longText bounds sentences, shortText what stands in a cell or a headline, in
// bytes before escaping.
const (
	longText  = 1000
	shortText = 300
	idText    = 400
)

// HeadlineOf states the verdict of a result.
func HeadlineOf(r e2e.Result) Headline {
	h := Headline{Subject: strings.TrimSpace("e2e-gate " + safetext.Line(r.Run.Stage, shortText))}
	if r.Run.Key != "" {
		h.Subject += " (" + safetext.Line(r.Run.Key, shortText) + ")"
	}
	if r.Plan.Of > 0 {
		h.Subject += fmt.Sprintf(", %s of %s", thousands(r.Plan.Tests), plural(r.Plan.Of, "test", "tests"))
	}
	v := r.Verdict
	switch {
	case v.State == e2e.VerdictPassed:
		h.Mark, h.Word, h.Why, h.aside = "✅", "passed", remarks(r), true
	case v.State == e2e.VerdictFailed && v.Blocks:
		h.Mark, h.Word, h.Why = "❌", "blocked", failures(r)
	case v.State == e2e.VerdictFailed:
		h.Mark, h.Word, h.Why = "⚠️", "failed, and this stage does not block", failures(r)
	case v.State == e2e.VerdictNotJudged && !v.Blocks:
		h.Mark, h.Word, h.Why = "⚠️", "not judged, and this stage does not block", missing(r)
	case v.State == e2e.VerdictNotJudged:
		h.Mark, h.Word, h.Why = "⛔", "not judged", missing(r)
	default:
		h.Mark, h.Word, h.Why = "⛔", "not judged", "the result holds no verdict"
	}
	if r.Run.EventSHA != "" {
		h.Why = strings.TrimPrefix(fmt.Sprintf("%s; judged is %.10s, which is checked out, not the event's %.10s", h.Why, r.Run.SHA, r.Run.EventSHA), "; ")
	}
	if unverified := func(p e2e.Problem) bool { return p.Code == e2e.CodeNotVerified }; slices.ContainsFunc(r.Problems, unverified) {
		h.Why = strings.TrimPrefix(h.Why+"; deployed version not verified", "; ")
	}
	if before := r.Run.Before; before != "" {
		h.Why = strings.TrimPrefix(h.Why+"; "+before, "; ")
	}
	h.Why = safetext.Line(h.Why, shortText)
	return h
}

// Text is the headline without a mark: "e2e-gate pr: passed (1 flaky test)", or
// "e2e-gate pr: blocked — 1 smoke test failed" with dash between verdict and reason.
func (h Headline) Text(dash string) string { return h.Subject + ": " + h.Word + h.tail(dash, h.Why) }

// tail is what follows the word: why in the form of one medium, with what separates it.
func (h Headline) tail(dash, why string) string {
	switch {
	case why == "":
		return ""
	case h.aside:
		return " (" + why + ")"
	}
	return " " + dash + " " + why
}

// remarks says what remains to be looked at in a stage that passed.
func remarks(r e2e.Result) string {
	n := CountsOf(r)
	var list []string
	add := func(count int, one, many string) {
		if count > 0 {
			list = append(list, plural(count, one, many))
		}
	}
	if len(changesOf(r)) > 0 {
		list = append(list, "alters what judges it")
	}
	red, branch := excusedByBase(r)
	add(red, "failure that "+branch+" has too", "failures that "+branch+" has too")
	add(n.Flaky, "flaky test", "flaky tests")
	add(n.Informing-red, "failure that does not block", "failures that do not block")
	add(n.Quarantined, "failure in quarantine", "failures in quarantine")
	down := map[string]int{}
	for _, t := range r.Tests {
		if t.Dependency != "" {
			down[t.Dependency]++
			n.LostOrNotRun--
		}
	}
	for _, name := range slices.Sorted(maps.Keys(down)) {
		list = append(list, fmt.Sprintf("%s not run: %s is down", plural(down[name], "test", "tests"), safetext.Line(name, 80)))
	}
	add(n.LostOrNotRun, "test without a result", "tests without a result")
	over := 0
	for _, b := range r.Budgets {
		if b.Over {
			over++
		}
	}
	add(over, "budget exceeded", "budgets exceeded")
	problems := 0
	for _, p := range r.Problems {
		if !p.Note {
			problems++
		}
	}
	add(problems, "problem around the tests", "problems around the tests")
	switch {
	case n.Skipped > 0 && len(list) == 0:
		return fmt.Sprintf("%s passed, %s skipped", thousands(n.Passed), thousands(n.Skipped))
	case len(list) == 0:
		return plural(n.Passed, "test", "tests") + " passed"
	case n.Skipped > 0:
		list = append(list, plural(n.Skipped, "skipped test", "skipped tests"))
	}
	return strings.Join(list, ", ")
}

// failures says what blocks: tests by what became of them and how critical they
// are.
func failures(r e2e.Result) string {
	var order []string
	counts := map[string]int{}
	for _, t := range r.Tests {
		if t.Effect != e2e.Blocks {
			continue
		}
		phrase := shortKind(t.Test) + "\x00" + verb(t)
		if counts[phrase] == 0 {
			order = append(order, phrase)
		}
		counts[phrase]++
	}
	var list []string
	for _, phrase := range order {
		kind, what, _ := strings.Cut(phrase, "\x00")
		list = append(list, plural(counts[phrase], kind+" test", kind+" tests")+" "+what)
	}
	text := strings.Join(list, ", ")
	if len(list) == 0 {
		text = firstReason(r, e2e.Blocks)
	}
	if failed := failedGates(r); len(failed) > 0 {
		if n := CountsOf(r).NotRun; n > 0 {
			text += fmt.Sprintf("; %s not run: %s", thousands(n), gatesFailed(failed))
		}
	}
	return text
}

// failedGates are the gates that failed, dependencies behind the others.
func failedGates(r e2e.Result) (failed []e2e.Gate) {
	for _, dependency := range []bool{false, true} {
		for _, g := range r.Gates {
			if !g.Open() && g.Dependency == dependency {
				failed = append(failed, g)
			}
		}
	}
	return failed
}

// gatesFailed is "gate payment-api failed; payments-sandbox is down". A dependency is nothing that anybody here can mend.
func gatesFailed(failed []e2e.Gate) string {
	var gates, down []string
	for _, g := range failed {
		if name := safetext.Line(g.Name, 80); g.Dependency {
			down = append(down, name)
		} else {
			gates = append(gates, name)
		}
	}
	var parts []string
	switch len(gates) {
	case 0:
	case 1:
		parts = append(parts, fmt.Sprintf("gate %s failed", gates[0]))
	default:
		parts = append(parts, fmt.Sprintf("gates %s failed", e2e.SomeOf(gates)))
	}
	switch len(down) {
	case 0:
	case 1:
		parts = append(parts, down[0]+" is down")
	default:
		parts = append(parts, e2e.SomeOf(down)+" are down")
	}
	return strings.Join(parts, ", ")
}

// gateCategory is the category of gates that failed.
func gateCategory(failed []e2e.Gate) e2e.Category {
	if slices.ContainsFunc(failed, func(g e2e.Gate) bool { return !g.Dependency }) {
		return e2e.EnvironmentFailure
	}
	return e2e.ExternalDependency
}

// shortKind is kindOf in a headline.
func shortKind(t e2e.Test) string {
	if kind := kindOf(t); kind != string(e2e.ReleaseBlockingSmoke) {
		return kind
	}
	return "smoke"
}

// verb says what became of a test that did not plainly pass.
func verb(t e2e.TestResult) string {
	switch {
	case t.LaterPass:
		return "failed in an earlier attempt"
	case t.Outcome == e2e.Flaky:
		return "flaky"
	case t.Outcome == e2e.Lost:
		return "lost"
	case t.Outcome == e2e.NotRun:
		return "not run"
	case t.Outcome == e2e.Passed, t.Outcome == e2e.Skipped:
		return string(t.Outcome)
	}
	return "failed"
}

// missing says why nothing was judged: failed gates, or the evidence that is missing.
func missing(r e2e.Result) string {
	failed := failedGates(r)
	if len(failed) > 0 && e2e.GatesOpenForAll(r.Gates) {
		return withoutGates(r, failed)
	}
	switch {
	case len(failed) == 1:
		return fmt.Sprintf("%s (%s)", gatesFailed(failed), gateCategory(failed))
	case len(failed) > 1:
		var names []string
		for _, g := range failed {
			names = append(names, safetext.Line(g.Name, 80))
		}
		return fmt.Sprintf("%d gates failed: %s (%s)", len(failed), strings.Join(names, ", "), gateCategory(failed))
	}
	reason, ok := mainReason(r)
	if !ok {
		return "no reason was given"
	}
	return reasonPhrase(r, reason)
}

// mainReason is the cause of a stage that is not judged, with the tests of all reasons of its kind.
func mainReason(r e2e.Result) (e2e.Reason, bool) {
	first := -1
	for i, reason := range r.Verdict.Reasons {
		if reason.Effect == e2e.NotJudged && (first < 0 || causeRank(reason.Code) < causeRank(r.Verdict.Reasons[first].Code)) {
			first = i
		}
	}
	if first < 0 {
		return e2e.Reason{}, false
	}
	return sameReasons(r.Verdict.Reasons[first:]), true
}

// withoutGates says what was judged although gates failed that some tests need, and what was not.
func withoutGates(r e2e.Result, failed []e2e.Gate) string {
	n := CountsOf(r)
	judged := n.Tests - n.LostOrNotRun
	text := fmt.Sprintf("%s judged", plural(judged, "test", "tests"))
	if judged > 0 && judged == n.Passed {
		text += " and passed"
	}
	return fmt.Sprintf("%s; %s not run: %s (%s)", text, thousands(n.LostOrNotRun), gatesFailed(failed), gateCategory(failed))
}

// consequences follow from something else that went wrong, so they are named last.
var consequences = []e2e.Code{e2e.CodeRunnerExit, e2e.CodeTestFailed, e2e.CodeLost, e2e.CodeNotRun, e2e.CodeFlaky, e2e.CodeNoPass, e2e.CodeNoTests}

// causeRank puts what makes the evidence untrustworthy before what follows from it.
func causeRank(code e2e.Code) int { return slices.Index(consequences, code) + 1 }

// sameReasons is the first reason with the tests of all of its kind: each shard that is
// missing is a reason of its own.
func sameReasons(reasons []e2e.Reason) e2e.Reason {
	all := reasons[0]
	seen := map[string]bool{}
	for _, id := range all.Tests {
		seen[id] = true
	}
	all.Tests = slices.Clip(all.Tests)
	for _, reason := range reasons[1:] {
		if reason.Code != all.Code || reason.Effect != all.Effect {
			continue
		}
		for _, id := range reason.Tests {
			if !seen[id] {
				seen[id] = true
				all.Tests = append(all.Tests, id)
			}
		}
	}
	return all
}

// reasonPhrase is a reason without the ids in it.
func reasonPhrase(r e2e.Result, reason e2e.Reason) string {
	n := len(reason.Tests)
	switch reason.Code {
	case e2e.CodeEnvironment:
		if n == 0 || slices.ContainsFunc(r.Tests, func(t e2e.TestResult) bool { return t.Outcome == e2e.NotRun && t.ID == reason.Tests[0] }) {
			return firstLine(reason.Text) // the tests could not start
		}
		return plural(n, "test", "tests") + fmt.Sprintf(" failed because of the environment (%s)", e2e.EnvironmentFailure)
	case e2e.CodeCollision:
		return plural(n, "test", "tests") + fmt.Sprintf(" collided with another shard on this machine (%s)", e2e.DataCollision)
	case e2e.CodeLost:
		return plural(n, "test", "tests") + " never reported"
	case e2e.CodeNotRun:
		return plural(n, "test was", "tests were") + " stopped before the start"
	default:
		return firstLine(reason.Text)
	}
}

func firstReason(r e2e.Result, effect e2e.Effect) string {
	for _, reason := range r.Verdict.Reasons {
		if reason.Effect == effect {
			return reasonPhrase(r, reason)
		}
	}
	return ""
}

func firstLine(s string) string {
	head, _ := safetext.Cut(s, 2*longText)
	line, _, _ := strings.Cut(strings.TrimSpace(safetext.Clean(head)), "\n")
	return line
}

// Plural is a number with its noun: "1 shard", "2 shards".
func Plural(n int, one, many string) string { return plural(n, one, many) }

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%s %s", thousands(n), many)
}

// thousands writes 12345 as 12,345.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// seconds writes a duration for people: "0.34 s", "12.3 s", "3m 05s".
func seconds(s float64) string {
	switch {
	case s < 0 || s != s:
		return "0 s"
	case s < 1:
		return fmt.Sprintf("%.2f s", s)
	case s < 60:
		return fmt.Sprintf("%.1f s", s)
	case s < 3600:
		whole := int(s + 0.5)
		return fmt.Sprintf("%dm %02ds", whole/60, whole%60)
	default:
		whole := int(min(s, 1e9)/60 + 0.5)
		return fmt.Sprintf("%dh %02dm", whole/60, whole%60)
	}
}

func categoryOf(c e2e.Category) string {
	return safetext.Line(string(cmp.Or(c, e2e.Unknown)), 60)
}
