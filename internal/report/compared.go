package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/asserted"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// whatFailed is why a test failed first, in a line: what was expected and what came, else the line of its message that says
// most. It is not escaped, and empty where nothing is known.
func whatFailed(t *e2e.TestResult) string {
	a := firstFailure(t)
	if a == nil {
		return ""
	}
	if v, ok := compared(t); ok {
		return firstLine(v.OneLine())
	}
	return firstLine(cmp.Or(asserted.Headline(safetext.Clean(safetext.Shorten(a.Message, maxSaid)), safetext.Clean(safetext.Shorten(a.Details, maxSaid))), a.Type))
}

// maxSaid bounds what is read of a message and of details, in bytes.
const maxSaid = 16 << 10

// compared are the two values that a failed test compared, as it stated them or as they were read from its message.
func compared(t *e2e.TestResult) (asserted.Values, bool) {
	expected, actual, ok := e2e.Compared(t.Evidence)
	if !ok {
		return asserted.Values{}, false
	}
	v := asserted.Values{Expected: safetext.Clean(expected), Actual: safetext.Clean(actual)}
	if a := firstFailure(t); a != nil {
		said, _ := asserted.Read(safetext.Shorten(a.Message, maxSaid), safetext.Shorten(a.Details, maxSaid))
		v.About = said.About
	}
	return v, true
}

// difference are the lines of two values that need more than a line to be compared; none where a line shows it all.
func difference(t *e2e.TestResult) []asserted.Line {
	v, ok := compared(t)
	if !ok || len(v.Expected)+len(v.Actual) <= shortPair && !strings.Contains(v.Expected+v.Actual, "\n") {
		return nil
	}
	return asserted.Diff(v.Expected, v.Actual)
}

// shortPair is how long two values are, in bytes, that are read at once without a difference below them.
const shortPair = 120

// differenceText is a difference as a diff of so many lines at most, "- " before what was expected, "+ " before what came.
func differenceText(list []asserted.Line, most int) string {
	var b strings.Builder
	for i, l := range list {
		if i == most {
			b.WriteString("@ " + plural(len(list)-i, "more line", "more lines") + "\n")
			break
		}
		text := l.Text
		if l.Changed != (asserted.Span{}) {
			text = aroundChange(l)
		} else if len(text) > diffWidth {
			text = safetext.Shorten(text, diffWidth)
		}
		b.WriteString(string(l.Sign) + " " + text + "\n")
	}
	return b.String()
}

// diffWidth is how many bytes of a line a difference shows.
const diffWidth = 240

// aroundChange is a line of a difference, a long one without what is far from its change.
func aroundChange(l asserted.Line) string {
	if len(l.Text) <= diffWidth {
		return l.Text
	}
	from, to := max(l.Changed.From-diffWidth/4, 0), min(l.Changed.To+diffWidth/4, len(l.Text))
	if from > 0 {
		return "…" + safetext.Shorten(strings.ToValidUTF8(l.Text[from:to], ""), diffWidth)
	}
	return safetext.Shorten(strings.ToValidUTF8(l.Text[:to], ""), diffWidth)
}

// diffParts is a line of a difference for the page.
type diffParts struct{ Class, Sign, Head, Changed, Tail string }

// partsOf is a line with its changed part apart; its texts are clean, and within the width of a difference.
func partsOf(l asserted.Line) diffParts {
	p := diffParts{Class: map[byte]string{'-': "old", '+': "new", '@': "gap"}[l.Sign], Sign: string(l.Sign)}
	if l.Changed == (asserted.Span{}) {
		p.Head = safetext.Shorten(l.Text, longText)
		return p
	}
	p.Head, p.Changed, p.Tail = safetext.Shorten(l.Text[:l.Changed.From], longText), safetext.Shorten(l.Changed.Of(l.Text), longText),
		safetext.Shorten(l.Text[l.Changed.To:], longText)
	return p
}

// factsOf are the facts of a failure beside its difference: one that shows all lines of both values stands for them.
func factsOf(t *e2e.TestResult) []e2e.Evidence {
	list := difference(t)
	if len(list) == 0 || slices.ContainsFunc(list, func(l asserted.Line) bool { return l.Sign == '@' || len(l.Text) > longText }) {
		return t.Evidence
	}
	return slices.DeleteFunc(slices.Clone(t.Evidence), func(e e2e.Evidence) bool { return e.Kind == e2e.EvidenceExpected || e.Kind == e2e.EvidenceActual })
}

// printed is what a failed attempt printed, behind its message unless that is its beginning.
func printed(a e2e.Attempt) string {
	message, details := strings.TrimSpace(a.Message), strings.TrimLeft(a.Details, "\n")
	if strings.HasPrefix(strings.TrimSpace(details), message) {
		return details
	}
	return strings.TrimRight(message+"\n"+details, "\n")
}
