package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// redBase says which failures are not from the change, as the base has them too; empty: none is. Text is not escaped.
func redBase(r e2e.Result) string {
	var owners []string
	var since time.Time
	branch, n := "", 0
	for _, t := range r.Tests {
		f := t.BaseFails
		if f == nil || !f.Excuses {
			continue
		}
		n++
		branch = f.Branch
		if since.IsZero() || f.Since.Before(since) {
			since = f.Since
		}
		if t.Owner != "" && !slices.Contains(owners, t.Owner) {
			owners = append(owners, t.Owner)
		}
	}
	if n == 0 {
		return ""
	}
	what := plural(n, "test", "tests")
	switch len(owners) {
	case 0:
	case 1:
		what += ", owner " + owners[0]
	default:
		what += ", owners " + strings.Join(owners[:min(len(owners), 3)], ", ")
	}
	return fmt.Sprintf("%s is red since %s (%s): not from this change", safetext.Line(branch, shortText), date(since), what)
}

// redBaseNote is [redBase] in Markdown.
func redBaseNote(r e2e.Result) string {
	red := redBase(r)
	if red == "" {
		return ""
	}
	return "> " + safetext.Inline(red, longText) + "\n\n"
}

// excusedByBase is how many failures the base excuses, and its branch.
func excusedByBase(r e2e.Result) (n int, branch string) {
	for _, t := range r.Tests {
		if t.BaseFails != nil && t.BaseFails.Excuses && t.Outcome == e2e.Failed && !quarantined(t) && t.Effect != e2e.Blocks {
			n, branch = n+1, safetext.Line(t.BaseFails.Branch, shortText)
		}
	}
	return n, branch
}

// baseText is what the base does with a failed test, in a line; empty: nothing is known.
func baseText(t e2e.TestResult) string {
	f, probe := t.BaseFails, probeText(t.Probe)
	if f == nil {
		return probe
	}
	text := fmt.Sprintf("it fails in the same way on %s", safetext.Line(f.Branch, shortText))
	shown := probe != "" && (t.Probe.Refused == "" || t.Probe.Refused != f.Why)
	if shown && f.Since.IsZero() && len(f.Runs) == 0 && t.Probe.Refused == "" {
		text, shown = probe, false // it says the same
	}
	if !f.Since.IsZero() {
		text += " since " + date(f.Since)
	}
	if n := len(f.Runs); n > 0 || probe == "" {
		text += ", in " + plural(n, "judged run", "judged runs")
	}
	if len(f.Runs) > 0 {
		text += fmt.Sprintf(", the newest at commit %.10s", f.Runs[0].SHA)
	}
	if shown {
		text += "; " + probe
	}
	if !f.Excuses {
		text += "; it blocks all the same: " + f.Why
	}
	return text
}

// probeText is what a failed test did at the commit of the base, in a few words; empty: it was not run there.
func probeText(p *e2e.BaseProbe) string {
	if p == nil {
		return ""
	}
	at := fmt.Sprintf("at the base %.10s", p.SHA)
	of := func(n int) string {
		text := fmt.Sprintf("(%d of %d", n, p.Executions)
		if p.Product != "" {
			text += ", " + p.Product
		}
		return text + ")"
	}
	switch {
	case p.Refused != "":
		return fmt.Sprintf("not compared with a run %s: %s", at, p.Refused)
	case p.Passed == p.Executions:
		return fmt.Sprintf("it passes %s %s: this change broke it", at, of(p.Passed))
	case p.Same == p.Executions:
		return fmt.Sprintf("it fails in the same way %s %s", at, of(p.Same))
	case p.Passed > 0:
		return fmt.Sprintf("it passes %s at times %s", at, of(p.Passed))
	}
	return fmt.Sprintf("it fails in another way %s %s: %s", at, of(p.Executions-p.Same), p.Other)
}

// baseLinks are the runs of the base, newest first, in Markdown.
func baseLinks(t e2e.TestResult) string {
	if t.BaseFails == nil {
		return ""
	}
	var links []string
	for _, run := range t.BaseFails.Runs[:min(len(t.BaseFails.Runs), 3)] {
		if link := safetext.Link(date(run.Started), run.URL, shortText); run.URL != "" {
			links = append(links, link)
		}
	}
	return strings.Join(links, ", ")
}
