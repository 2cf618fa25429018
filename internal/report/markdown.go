package report

import (
	"cmp"
	"fmt"
	"slices"
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
	// DiagramBytes bounds a Mermaid diagram; 0 is [DiagramBytes], less than 0: none.
	DiagramBytes int
}

// Markdown renders a result as a job summary: the verdict and what to do first,
// then one row for each cluster or test that needs attention, flakes, quarantine,
// and everything else folded.
func Markdown(r e2e.Result, o Options) string {
	limit := o.MaxBytes
	if limit <= 0 {
		limit = SummaryBytes
	}
	list := parts(r, diagramBytes(o.DiagramBytes))
	list[0] = headWithin(list[0], r, "", limit)
	return Compose(limit, list...)
}

// headWithin is a head that leaves room for what follows. Where one that holds long names
// would take more than a third of limit bytes, the verdict is all that is left of it:
// that is never cut.
func headWithin(p Part, r e2e.Result, caveat string, limit int) Part {
	if p.size() <= limit/3 {
		return p
	}
	return Part{Head: verdictLine(HeadlineOf(r), 40, caveat) + "\n\n"}
}

// diagramBytes is the limit that an option means.
func diagramBytes(option int) int { return max(cmp.Or(option, DiagramBytes), 0) }

func parts(r e2e.Result, diagram int) []Part {
	return []Part{
		HeadlinePart(r), JudgePart(r), FindingsPart(r), GroupPart(r), FlakesPart(r), DeadlinesPart(r), QuarantinePart(r),
		GatesPart(r), DetailsPart(r), ShardsPart(r, diagram), BudgetsPart(r), ProblemsPart(r), ReasonsPart(r), FactsPart(r),
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
	facts := commonFacts(r)
	if r.Run.ID != "" {
		facts = append(facts, "run id "+safetext.Code(r.Run.ID, 100))
	}
	return Part{Head: heading(r, "") + alertNote(r) + redBaseNote(r) + whatToDo(r) + "\n\n" + strings.Join(facts, " · ") + "\n\n"}
}

// alertNote is the alert of the target, if there is one.
func alertNote(r e2e.Result) string {
	if r.Alert == nil {
		return ""
	}
	return "> " + inline(r.Alert.String()) + "\n\n"
}

// heading is the verdict in one line.
func heading(r e2e.Result, caveat string) string {
	h := HeadlineOf(r)
	h.aside = h.aside && caveat == "" // no two parentheses in a row
	return verdictLine(h, shortText, caveat) + h.tail("—", inline(h.Why)) + "\n\n"
}

// verdictLine is the verdict alone, with the caveat that belongs to it.
func verdictLine(h Headline, subject int, caveat string) string {
	text := "## " + h.Mark + " " + safetext.Inline(h.Subject, subject) + ": " + h.Word
	if caveat != "" {
		text += " (" + caveat + ")"
	}
	return text
}

// commonFacts are the counts, the time it took, the target and the commit.
func commonFacts(r e2e.Result) []string {
	facts := []string{CountsOf(r).String()}
	if d := duration(r.Run); d > 0 {
		facts = append(facts, seconds(d))
	}
	if r.Run.Target != "" {
		facts = append(facts, "on "+inline(r.Run.Target))
	}
	facts = append(facts, judgedFacts(r.Run, inline, commitLink(r.Run), testsLink(r.Run))...)
	if group := groupOf(r.Run, func(n int) string { return pullLink(r.Run, n) }); group != "" {
		facts = append(facts, group)
	}
	return facts
}

// pullLink is a pull request's number with a link to it.
func pullLink(r e2e.Run, n int) string {
	page := pullPage(r, n)
	if page == "" {
		return pullNumber(n)
	}
	return "[" + pullNumber(n) + "](" + page + ")"
}

// pullPage is the address of a pull request; empty where that of the run does not show it.
func pullPage(r e2e.Run, n int) string {
	repository, _, ok := strings.Cut(r.URL, "/actions/runs/")
	if !ok {
		return ""
	}
	return safetext.URL(fmt.Sprintf("%s/pull/%d", repository, n))
}

func pullNumber(n int) string { return fmt.Sprintf("#%d", n) }

// maxGrouped bounds how many pull requests of a merge group are named.
const maxGrouped = 8

// MergeGroup names the merge group that a run judged: "merge group of #12, #15, #17",
// "merge group up to #17" where there is or is known no other; empty where it was none.
func MergeGroup(r e2e.Run) string { return groupOf(r, pullNumber) }

func groupOf(r e2e.Run, write func(int) string) string {
	list := r.MergeGroup
	switch len(list) {
	case 0:
		return ""
	case 1:
		return "merge group up to " + write(list[0])
	}
	more := ""
	if n := len(list) - maxGrouped; n > 0 {
		// The last one names the group.
		more, list = fmt.Sprintf("%d more, ", n), append(slices.Clone(list[:maxGrouped-1]), list[len(list)-1])
	}
	names := make([]string, len(list))
	for i, n := range list {
		names[i] = write(n)
	}
	names[len(names)-1] = more + names[len(names)-1]
	return "merge group of " + strings.Join(names, ", ")
}

// FindingsPart has a block for each cause that needs attention: what happened, to which tests, whose it is and since when, the
// category with what decided it, the next step once, and one line to copy and to follow.
func FindingsPart(r e2e.Result) Part {
	p := Part{Head: "### Needs attention\n\n", Foot: "\n", Noun: "causes"}
	for i, f := range Findings(r) {
		if i >= shownBlocks+shownLines {
			p.Left++
			continue
		}
		p.Rows = append(p.Rows, nthRow(i, f, f.headline()))
	}
	if len(p.Rows) == 0 {
		return Part{}
	}
	return p
}

// shownBlocks is how many causes, and flaky tests, have a block each. Others have a line: who has so many failures
// reads the first ones. Behind shownLines causes, a number is enough.
const (
	shownBlocks = 8
	shownLines  = 40
)

// nthRow is a block for the first few, and a line for the others.
func nthRow(i int, f Finding, title string) string {
	if i >= shownBlocks {
		return oneLine(f, title)
	}
	return block(f, title)
}

// block is a heading with a list below it; empty lines are left out. A list looks the same in a comment, where GitHub breaks
// lines as they are written, and in a job summary, where it does not.
func block(f Finding, title string) string {
	lines := []string{findingTests(f), findingOwner(f), findingCategory(f), "**Next:** " + safetext.Cell(f.Next, shortText, 3), findingProof(f)}
	text := "#### " + effectMark(f.Effect) + " " + inline(title) + "\n\n- " +
		strings.Join(slices.DeleteFunc(lines, func(line string) bool { return line == "" }), "\n- ") + "\n\n"
	if f.first != nil {
		if list := difference(f.first); len(list) > 0 {
			text += safetext.Diff(differenceText(list, blockDiff), longText, 0) + "\n"
		}
	}
	return text
}

// blockDiff is how many lines of a difference a block shows.
const blockDiff = 10

// oneLine is a block in short.
func oneLine(f Finding, title string) string {
	list := []string{effectMark(f.Effect) + " " + safetext.Inline(title, shortText/2)}
	if tests := findingTests(f); tests != "" {
		list = append(list, tests)
	}
	if !f.Gate {
		list = append(list, "**"+inline(owner(f.Owners))+"**")
	}
	return "- " + strings.Join(list, " · ") + "\n"
}

// headline is what happened, in a line: what was expected and what came, else the first of what is known.
func (f Finding) headline() string {
	switch n := f.quoted(); {
	case f.Title != "":
		return f.Title
	case n > 0:
		return strings.Join(f.Evidence[:n], ", ")
	case len(f.Tests) > 0:
		return "no result of " + plural(len(f.Tests), "test", "tests")
	}
	return f.Category
}

// quoted is how many lines of the evidence the headline has.
func (f Finding) quoted() int {
	switch {
	case f.Title != "" || len(f.Evidence) == 0 || f.Evidence[0] == "":
		return 0
	}
	return 1
}

// findingOwner is who has to act, what the failure does to the verdict, and since when it is there. Gates have no owner of
// their own.
func findingOwner(f Finding) string {
	var list []string
	if !f.Gate {
		list = append(list, "**"+inline(owner(f.Owners))+"**")
	}
	list = append(list, effectWord(f.Effect))
	if f.Since != "" {
		list = append(list, safetext.Cell(f.Since, shortText, 1))
	}
	return strings.Join(list, " · ")
}

// findingCategory is the category with its confidence, the cause, and the facts that decided.
func findingCategory(f Finding) string {
	text := inline(f.Category)
	if f.Confidence != "" {
		text += " (" + inline(string(f.Confidence)) + " confidence)"
	}
	facts := f.Evidence[f.quoted():]
	var list []string
	if f.Cause != "" && f.Cause != f.Title {
		list = append(list, inline(f.Cause))
	}
	if open := candidates(f.first); open != "" {
		list = append(list, inline(open))
	}
	for _, e := range facts[:min(len(facts), 3)] {
		if e != "" {
			list = append(list, safetext.Cell(e, shortText, 1))
		}
	}
	if len(list) > 0 {
		text += ": " + strings.Join(list, "; ")
	}
	return text
}

// findingProof is a command that reproduces the failure, and where it can be looked at. The correlation id is long, and stands
// with the attempts.
func findingProof(f Finding) string {
	var list []string
	if f.Command != "" {
		list = append(list, "reproduce: "+safetext.Code(f.Command, 2*idText))
	}
	if f.At != "" {
		at := safetext.Code(f.At, idText)
		if f.AtLink != "" {
			at = "[" + at + "](" + f.AtLink + ")"
		}
		list = append(list, "at "+at)
	}
	if links := trailText(Trail{Links: f.Trail.Links}); links != "" {
		list = append(list, links)
	}
	if f.File != "" {
		list = append(list, "log "+safetext.Code(f.File, shortText))
	}
	return strings.Join(list, " · ")
}

func effectMark(e e2e.Effect) string {
	return [...]string{"❌", "⛔", "⚠️", "➖", "➖"}[e.Rank()]
}

// shownTests is how many tests of a finding are named.
const shownTests = 3

// findingTests names the first few tests, and counts the others.
func findingTests(f Finding) string {
	if len(f.Tests) == 0 {
		return ""
	}
	var list []string
	for _, id := range splitIDs(f.Tests[:min(len(f.Tests), shownTests)]) {
		text := safetext.Code(id.Name, idText)
		if id.Where != "" {
			text += " <sub>" + safetext.Inline(id.Where, idText) + "</sub>"
		}
		list = append(list, text)
	}
	text := strings.Join(list, ", ")
	if left := len(f.Tests) - shownTests; left > 0 {
		text += fmt.Sprintf(" and %s more", thousands(left))
	}
	return text
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

// FlakesPart shows every flaky test with what it failed with first. Its attempts stand
// side by side in [DetailsPart].
func FlakesPart(r e2e.Result) Part {
	p := Part{Head: "### Flaky: failed first, passed when run again\n\n", Foot: "\n", Noun: "flaky tests"}
	for i, t := range flakes(r) {
		f := Finding{Effect: t.Effect, Category: categoryOf(t.Category), Confidence: t.Confidence, Tests: []string{t.ID}, Owners: owners(t), Since: pastOf(t),
			Cause: t.Cause, At: atOf(&t), AtLink: sourceLink(r.Run, firstFailure(&t)), Command: RunCommand(r, t),
			Trail: trailOf(&t), File: logOf(&t), first: &t,
			Next: cmp.Or(t.NextStep, "find the cause before it flakes again")}
		p.Rows = append(p.Rows, nthRow(i, f, cmp.Or(whatFailed(&t), firstLine(t.Why))))
	}
	if len(p.Rows) == 0 {
		return Part{}
	}
	return p
}

// QuarantinePart shows quarantined tests that failed or were flaky and whose deadline is
// not close; those are in [DeadlinesPart].
func QuarantinePart(r e2e.Result) Part {
	p := Part{Head: "### In quarantine\n\n" + table("Test", "Now", "Owner", "Until&nbsp;(UTC)", "Reason"), Foot: "\n", Noun: "quarantined tests"}
	urgent := deadlines(r)
	for _, t := range r.Tests {
		if !quarantined(t) || near(urgent, t.ID) {
			continue
		}
		q := t.Quarantine
		p.Rows = append(p.Rows, row(testCell(t.ID), verb(t)+"<br>"+safetext.Cell(whatFailed(&t), shortText, 2), inline(cmp.Or(q.Owner, noOwner)),
			date(q.Deadline), safetext.Link(cmp.Or(q.Reason, "no reason given"), q.Issue, shortText)))
	}
	if len(p.Rows) == 0 {
		return Part{}
	}
	return p
}
