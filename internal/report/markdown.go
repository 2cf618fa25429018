package report

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// SummaryBytes is what GitHub keeps of a step's job summary, in bytes; a longer one
// is lost as a whole. A little is left for what else the step writes.
const SummaryBytes = 1<<20 - 4096

// Options of [Markdown].
type Options struct {
	// MaxBytes bounds the text; 0 is [SummaryBytes].
	MaxBytes int
}

// Markdown renders a result as a job summary: the verdict and what to do first,
// then one row for each cluster or test that needs somebody, flakes, quarantine,
// and everything else folded.
func Markdown(r e2e.Result, o Options) string {
	limit := o.MaxBytes
	if limit <= 0 {
		limit = SummaryBytes
	}
	return Compose(limit, parts(r)...)
}

func parts(r e2e.Result) []Part {
	return []Part{
		HeadlinePart(r), FindingsPart(r), FlakesPart(r), QuarantinePart(r),
		GatesPart(r), DetailsPart(r), ShardsPart(r), BudgetsPart(r), ProblemsPart(r), ReasonsPart(r), FactsPart(r),
	}
}

// table is the head of a table.
func table(columns ...string) string {
	return "| " + strings.Join(columns, " | ") + " |\n" + strings.Repeat("|---", len(columns)) + "|\n"
}

// row is a row of a table; the cells are Markdown.
func row(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

// folded makes a part that readers open themselves. The summary is Markdown as
// [safetext.Inline] makes it.
func folded(summary, noun, head string, open bool, rows []string) Part {
	if len(rows) == 0 {
		return Part{}
	}
	tag := "<details>"
	if open {
		tag = "<details open>"
	}
	return Part{Head: tag + "<summary>" + summary + "</summary>\n\n" + head, Rows: rows, Foot: "\n</details>\n\n", Noun: noun}
}

func inline(s string) string { return safetext.Inline(s, shortText) }

// testCell shows an id in two lines: its name, and where it belongs.
func testCell(id string) string { return testCells([]string{id})[0] }

// testCells shows ids one after the other.
func testCells(ids []string) []string {
	var list []string
	for _, id := range splitIDs(ids) {
		cell := safetext.Code(id.Name, idText)
		if id.Where != "" {
			cell += "<br><sub>" + safetext.Inline(id.Where, idText) + "</sub>"
		}
		list = append(list, cell)
	}
	return list
}

// HeadlinePart is the verdict with what to do, and the counts. It is never cut.
func HeadlinePart(r e2e.Result) Part {
	h := HeadlineOf(r)
	text := "## " + h.Mark + " " + safetext.Inline(h.Subject, shortText) + ": " + h.Word
	if h.Why != "" {
		text += " — " + inline(h.Why)
	}
	facts := []string{CountsOf(r).String()}
	if d := duration(r.Run); d > 0 {
		facts = append(facts, seconds(d))
	}
	if r.Run.Target != "" {
		facts = append(facts, "on "+inline(r.Run.Target))
	}
	if r.Run.SHA != "" {
		sha, _ := safetext.Cut(r.Run.SHA, 10)
		facts = append(facts, safetext.Code(sha, 20))
	}
	if r.Run.ID != "" {
		facts = append(facts, "run id "+safetext.Code(r.Run.ID, 100))
	}
	return Part{Head: text + "\n\n" + strings.Join(facts, " · ") + "\n\n"}
}

// FindingsPart has a row for each cluster or test that needs somebody: category,
// test, owner, evidence, next step.
func FindingsPart(r e2e.Result) Part {
	p := Part{Head: "### What needs somebody\n\n" + table("Category", "Test", "Owner", "Evidence", "Next step"), Foot: "\n", Noun: "rows"}
	for _, f := range Findings(r) {
		p.Rows = append(p.Rows, row(findingCategory(f), findingTests(f), inline(owner(f.Owners)), findingEvidence(f), safetext.Cell(f.Next, shortText, 3)))
	}
	if len(p.Rows) == 0 {
		return Part{}
	}
	return p
}

func findingCategory(f Finding) string {
	text := "**" + inline(f.Category) + "**<br>" + effectWord(f.Effect)
	if f.Confidence != "" {
		text += ", " + inline(string(f.Confidence)) + " confidence"
	}
	return text
}

// shownTests is how many tests of a finding a row names.
const shownTests = 3

func findingTests(f Finding) string {
	var list []string
	if f.Title != "" {
		list = append(list, inline(f.Title))
	}
	list = append(list, testCells(f.Tests[:min(len(f.Tests), shownTests)])...)
	if left := len(f.Tests) - shownTests; left > 0 {
		list = append(list, fmt.Sprintf("and %s more", thousands(left)))
	}
	return strings.Join(list, "<br>")
}

func findingEvidence(f Finding) string {
	var list []string
	for _, e := range f.Evidence[:min(len(f.Evidence), 4)] {
		if e != "" {
			list = append(list, safetext.Cell(e, shortText, 2))
		}
	}
	if f.File != "" {
		list = append(list, safetext.Code(f.File, shortText))
	}
	if trail := trailText(f.Trail); trail != "" {
		list = append(list, trail)
	}
	return strings.Join(list, "<br>")
}

// trailText is the correlation id with links to where it can be searched for.
func trailText(t Trail) string {
	var list []string
	if t.Correlation != "" {
		list = append(list, safetext.Code(t.Correlation, shortText))
	}
	for _, l := range t.Links {
		list = append(list, safetext.Link(l.Name, l.URL, shortText))
	}
	return strings.Join(list, " · ")
}

// FlakesPart shows every flaky test with its attempts side by side.
func FlakesPart(r e2e.Result) Part {
	p := Part{Head: "### Flaky: failed first, passed when run again\n\n" + table("Test", "Owner", "Failed", "Then", "Next step"), Foot: "\n", Noun: "flaky tests"}
	for _, t := range flakes(r) {
		var failed, passed []string
		for _, a := range t.Attempts[:min(len(t.Attempts), 8)] {
			if a.Outcome == e2e.Failed {
				failed = append(failed, attemptCell(a))
			} else {
				passed = append(passed, attemptCell(a))
			}
		}
		test := testCell(t.ID) + "<br>" + inline(cmp.Or(string(t.Category), string(e2e.Unknown))) + ", " + effectWord(t.Effect)
		p.Rows = append(p.Rows, row(test, inline(owner(owners(t))), strings.Join(failed, "<br>"), strings.Join(passed, "<br>"), safetext.Cell(cmp.Or(t.NextStep, "find the cause before it flakes again"), shortText, 3)))
	}
	if len(p.Rows) == 0 {
		return Part{}
	}
	return p
}

func attemptCell(a e2e.Attempt) string {
	text := fmt.Sprintf("attempt %d %s after %s on shard %d", a.N, inline(cmp.Or(string(a.Outcome), "unknown")), seconds(a.Seconds), a.Shard)
	if a.Message != "" {
		text += "<br>" + safetext.Cell(a.Message, shortText, 3)
	}
	if trail := trailText(Trail{a.Correlation, a.Links}); trail != "" {
		text += "<br>" + trail
	}
	return text
}

// QuarantinePart shows quarantined tests that failed or were flaky.
func QuarantinePart(r e2e.Result) Part {
	p := Part{Head: "### In quarantine\n\n" + table("Test", "Now", "Owner", "Until", "Reason"), Foot: "\n", Noun: "quarantined tests"}
	for _, t := range r.Tests {
		if !quarantined(t) {
			continue
		}
		q := t.Quarantine
		p.Rows = append(p.Rows, row(testCell(t.ID), verb(t)+"<br>"+safetext.Cell(failureMessage(&t), shortText, 2), inline(cmp.Or(q.Owner, "nobody")), date(q.Deadline), safetext.Link(cmp.Or(q.Reason, "no reason given"), q.Issue, shortText)))
	}
	if len(p.Rows) == 0 {
		return Part{}
	}
	return p
}
