package triage

import (
	"fmt"
	"slices"
	"testing"
)

// textsOf are texts that propose a family: the examples of the table, and for families
// that are made of others, texts of their own.
func textsOf(f family) []string {
	switch f {
	case famNone:
		return []string{"", "Failed"}
	case famPlain:
		return []string{"zork"}
	case famEnded:
		return []string{"socket hang up"}
	case famExternal:
		return []string{"https://api.stripe.com/charge responded with status 503", "https://api.stripe.com/charge responded with status 403",
			"https://echo.weather-of-nowhere.org/x responded with status 503"}
	case famOutside:
		return []string{"getaddrinfo ENOTFOUND api.stripe.com", "connect ECONNREFUSED echo.weather-of-nowhere.org:443"}
	case famEvent:
		return []string{"condition never satisfied: expected: DONE, got: OPEN"}
	default:
	}
	var list []string
	for _, p := range signalTable().patterns {
		for _, r := range p.rows {
			if p.family == f && (r.kind == "phrase" || r.kind == "expr" || r.kind == "exact") {
				list = append(list, r.examples()...)
			}
		}
	}
	return list
}

// variants are a text with what else a failure may hold.
func variants(text string) []Input {
	in := Input{Test: "reads a case", Message: text}
	with := func(change func(*Input)) Input {
		other := in
		change(&other)
		return other
	}
	return []Input{
		in,
		with(func(i *Input) { i.Test = "creates a case" }),
		with(func(i *Input) { i.Message += " at 10.0.0.4:5432" }),
		with(func(i *Input) { i.Message += " at 127.0.0.1:40000" }),
		with(func(i *Input) { i.Details = "\tat com.acme.CaseIT.reads(CaseIT.java:3)" }),
		with(func(i *Input) { i.Details = "\tat com.acme.CaseService.read(CaseService.java:3)" }),
		with(func(i *Input) { i.Details = "    at run (https://localhost/__cypress/runner/cypress_runner.js:1:2)" }),
		with(func(i *Input) { i.Message += "\nexpected: <DONE> but was: <PENDING>" }),
		with(func(i *Input) { i.Expected, i.Actual = "DONE", "PENDING" }),
		with(func(i *Input) { i.Expected, i.Actual = "[a]", "[a, b]" }),
		with(func(i *Input) { i.Details = "\tat org.junit.Assert.fail(Assert.java:3)" }),
		with(func(i *Input) { i.Details = "\t/w/src/a.go:3 +0x1" }),
		with(func(i *Input) { i.Details = "kernel: Out of memory: Killed process 7 (case-api)" }),
		with(func(i *Input) { i.Details = "server log:\npanic: boom\n\t/w/src/a.go:3 +0x1" }),
		with(func(i *Input) { i.Details = "server log:\npanic: boom\n\t/w/e2e/a_test.go:3 +0x1" }),
		with(func(i *Input) { i.Pressure = "memory" }),
		with(func(i *Input) { i.RerunMessage = "no space left on device" }),
		with(func(i *Input) { i.RerunMessage = "expected: <A> but was: <B>" }),
	}
}

// situations are all contexts, with the marks of what changed.
func situations() []situation {
	var list []situation
	var memory pathMemory
	for _, path := range []string{"", "docs/a.md", "e2e/a_test.go", "e2e/support/login.ts", "helm/values.yaml", "src/a.go", "src/auth/a.go", "src/page.tsx",
		"db/V2__case.sql"} {
		c := memory.changes([]string{path})
		marks := marksOf(Input{}, &document{}, c)
		if path == "" {
			c = changes{kind: changedNothing}
		}
		for _, health := range []Health{HealthOK, HealthDegraded, HealthFailed} {
			for _, rerun := range []Rerun{RerunPassed, RerunFailed, RerunNone} {
				for _, recent := range []string{"unset", "stable", "flaky", "new", "failing-on-main"} {
					list = append(list, situation{health: health, rerun: rerun, recent: recent, changes: c, marks: marks},
						situation{health: health, rerun: rerun, recent: recent, changes: c, marks: marks | markMany})
				}
			}
		}
	}
	return list
}

// Each row of each family's table decides some failure, and each mark is set by one.
func TestEachRowAndMarkIsReached(t *testing.T) {
	var marks mark
	all := situations()
	for f := famNone; f < families; f++ {
		reached := map[string]bool{}
		for _, text := range textsOf(f)[:min(3, len(textsOf(f)))] {
			for _, in := range variants(text) {
				in.Context.Rerun, in.Context.Health = RerunFailed, HealthOK
				doc := propose(in, changes{})
				differs := doc.sit.marks & markDiffers
				if doc.choice.cause.family != f {
					continue // what was added is more telling
				}
				own := doc.sit.marks
				for _, s := range all {
					s.marks |= own
					if _, in := s.changes.holds(doc.doc.frames.owned.source()); in && doc.doc.frames.found {
						s.marks |= markChangedFrame
					}
					if s.rerun == RerunFailed {
						s.marks |= differs
					}
					marks |= s.marks
					reached[rowFor(f, &s).when] = true
				}
			}
		}
		for _, r := range parsed[f] {
			if f == famVisual && slices.Contains([]string{"rerun:failed recent:flaky", "rerun:failed recent:failing-on-main change:none|docs",
				"rerun:failed recent:new change:none|docs"}, r.when) {
				continue // of the rows that all outcomes share; the first row of pictures comes before it
			}
			if !reached[r.when] {
				t.Errorf("family %d: the row %q is not reached", f, r.when)
			}
		}
	}
	marks |= propose(Input{Message: "x", Assertion: true}, changes{}).sit.marks
	marks |= propose(Input{Message: "expected: <200> but was: <500>"}, changes{}).sit.marks
	for word, bit := range markWords {
		if marks&bit == 0 {
			t.Errorf("nothing sets the mark %s", word)
		}
	}
	if fmt.Sprintf("%b", marks) != fmt.Sprintf("%b", markPressure<<1-1) {
		t.Errorf("marks without a word: %b", marks)
	}
}
