package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// nearDays is how many days before its deadline a quarantine is close to it.
const nearDays = 7

// deadline is a quarantine entry that is close to its deadline, or past it, with the
// tests of this run that it covers.
type deadline struct {
	e2e.Quarantine
	Tests []string
	// Bad is how many of those failed or were flaky.
	Bad int
	// Days are left; 0 is the deadline's own day, less than 0 is past it.
	Days int
}

// deadlines lists entries close to their deadline, the most urgent first. The day is
// that of the run, in UTC.
func deadlines(r e2e.Result) []deadline {
	today := r.Run.Finished
	if today.IsZero() {
		today = r.Run.Started
	}
	var list []deadline
	for _, t := range r.Tests {
		q := t.Quarantine
		if q == nil || today.IsZero() {
			continue
		}
		days := q.DaysLeft(today)
		if days > nearDays {
			continue
		}
		at := slices.IndexFunc(list, func(d deadline) bool { return d.Test == q.Test && d.Deadline.Equal(q.Deadline) })
		if at < 0 {
			at, list = len(list), append(list, deadline{Quarantine: *q, Days: days})
		}
		list[at].Tests = append(list[at].Tests, t.ID)
		if t.Outcome != e2e.Passed && t.Outcome != e2e.Skipped || t.LaterPass {
			list[at].Bad++
		}
	}
	slices.SortStableFunc(list, func(a, b deadline) int { return cmp.Or(cmp.Compare(a.Days, b.Days), strings.Compare(a.Test, b.Test)) })
	return list
}

// near reports whether a test's quarantine is shown among the deadlines.
func near(list []deadline, id string) bool {
	return slices.ContainsFunc(list, func(d deadline) bool { return slices.Contains(d.Tests, id) })
}

// When is "in 3 days", "today", or "2 days ago: the test counts again".
func (d deadline) When() string {
	switch {
	case d.Deadline.IsZero():
		return "no deadline: the entry does not count"
	case d.Days < 0:
		return plural(-d.Days, "day", "days") + " ago: the test counts again"
	case d.Days == 0:
		return "today"
	}
	return "in " + plural(d.Days, "day", "days")
}

// Now says how its tests did in this run.
func (d deadline) Now() string {
	if d.Bad == 0 {
		return "passes now: remove the entry?"
	}
	if len(d.Tests) == 1 {
		return "still failing or flaky"
	}
	return fmt.Sprintf("%s of %s still failing or flaky", thousands(d.Bad), thousands(len(d.Tests)))
}

// DeadlinesPart shows quarantine entries that are close to their deadline or past it.
func DeadlinesPart(r e2e.Result) Part {
	p := Part{Head: "### Quarantine close to its deadline\n\n" + table("Deadline&nbsp;(UTC)", "Owner", "Test", "Now", "Reason"), Foot: "\n",
		Noun: "quarantine entries"}
	for _, d := range deadlines(r) {
		p.Rows = append(p.Rows, row("**"+date(d.Deadline)+"**<br>"+d.When(), inline(cmp.Or(d.Owner, noOwner)), someCells(d.Tests), d.Now(),
			safetext.Link(cmp.Or(d.Reason, "no reason given"), d.Issue, shortText)))
	}
	if len(p.Rows) == 0 {
		return Part{}
	}
	return p
}

// someCells names the first few tests and counts the others.
func someCells(ids []string) string {
	text := strings.Join(testCells(ids[:min(len(ids), shownTests)]), "<br>")
	if left := len(ids) - shownTests; left > 0 {
		text += fmt.Sprintf("<br>and %s more", thousands(left))
	}
	return text
}

// deadlines lists quarantine entries that are close to their deadline or past it.
func (f *final) deadlines() {
	for i, d := range deadlines(f.r) {
		if i == 0 {
			f.title(yellow, "QUARANTINE CLOSE TO ITS DEADLINE")
		}
		if i == maxListed {
			f.line(plainText, "  and more; result.json has all")
			return
		}
		f.line(plainText, "  "+safetext.Line(d.Test, idText))
		f.field("", f.text(fmt.Sprintf("deadline %s, %s; %s; owner %s: %s", date(d.Deadline), d.When(), d.Now(), cmp.Or(d.Owner, noOwner), d.Reason), 3))
	}
}
