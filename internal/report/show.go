package report

import (
	"fmt"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// printedLines is how many lines of what an attempt printed are shown of one test.
const printedLines = 200

// FinalTest is what [Final] says of one test, with all that it states and what each failed attempt printed. ok
// is false where the result does not have the test.
func FinalTest(r e2e.Result, id string, o FinalOptions) (text string, ok bool) {
	tests := testsByID(r)
	t := tests[id]
	if t == nil {
		return "", false
	}
	f := final{sheet: newSheet(o.Width, o.Colour), r: r, out: o.Out, document: o.Document, part: o.Part, whole: true}
	f.verdict()
	one := findingOf(r, t)
	if firstFailure(t) != nil {
		f.finding(one, tests)
	} else {
		f.title(plainText, fmt.Sprintf("%s  %s", ascii(safetext.Line(string(t.Outcome), shortText)), safetext.Line(t.ID, idText)))
		f.field("effect", effectText(t.Effect, t.Test))
		f.field("why", f.text(t.Why, 4))
		f.field("owner", ownerText(one, t))
		f.field("since", f.text(pastOf(*t), 2))
		f.failure(t)
		f.path("run it", RunCommand(r, *t))
	}
	for i, a := range t.Attempts {
		if a.Outcome != e2e.Failed || a.Details == "" && a.DetailsIn == "" {
			continue
		}
		f.title(plainText, fmt.Sprintf("ATTEMPT %d PRINTED", a.N))
		if i > 0 && a.Details == t.Attempts[i-1].Details {
			f.line(plainText, fmt.Sprintf("the same as attempt %d", t.Attempts[i-1].N))
			continue
		}
		if a.DetailsIn != "" {
			f.path("in", safetext.Line(a.DetailsIn, shortText))
		}
		f.line(plainText, ascii(safetext.Text(a.Details, 64*longText, printedLines)))
	}
	return f.b.String(), true
}
