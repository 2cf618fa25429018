package triage

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/e2e"
)

// Evaluation is how triage does on failures whose category is known.
type Evaluation struct {
	Rows, Right, Unknown int
	// Second is how many were right with the runner-up counted.
	Second int
	// Matrix counts answers, by the true category and then by the one that was said.
	Matrix map[e2e.Category]map[e2e.Category]int
	// Confidence counts the right and all answers, those of UNKNOWN aside, by how sure triage was.
	Confidence map[e2e.Confidence][2]int
	// Excused are product regressions that were called environment, third party or data; Blamed are failures of the
	// environment and of third parties that were called product regressions. Both by id, in the order of the rows.
	Excused, Blamed []string
	// Wrong are all rows with another answer.
	Wrong []Mistaken
}

// Mistaken is a row that triage got wrong.
type Mistaken struct {
	ID         string
	Label      e2e.Category
	Said       e2e.Category
	Confidence e2e.Confidence
}

// Evaluate categorises labelled failures: lines of the JSON lines interface with a label, the true category. A line that
// cannot be read is an error, which is a [diag.Errors] with line numbers: an evaluation without it would be of another set.
func (t *Triager) Evaluate(name string, r io.Reader) (Evaluation, error) {
	e := Evaluation{Matrix: map[e2e.Category]map[e2e.Category]int{}, Confidence: map[e2e.Confidence][2]int{}}
	in, faults := bufio.NewReaderSize(r, 64<<10), faults{file: name}
	seen := map[string]bool{}
	for n := 1; ; n++ {
		line, tooLong, err := readLine(in)
		if err != nil && !errors.Is(err, io.EOF) {
			return e, fmt.Errorf("read failures: %w", err)
		}
		line = bytes.TrimSpace(line)
		switch {
		case tooLong:
			faults.add(n, "the line is longer than 16 MiB", "shorten its details")
		case len(line) > 0:
			input, label, text, hint := labelledLine(line, seen)
			if text != "" {
				faults.add(n, text, hint)
				break
			}
			e.add(label, t.Triage(input))
		}
		if err != nil {
			break
		}
	}
	if err := faults.err(); err != nil {
		return e, err
	}
	if e.Rows == 0 {
		faults.list.Add(diag.Message{File: name, Text: "there are no failures in it",
			Hint: `write a line for each: {"id": "1", "message": "...", "label": "TEST_BUG"}`})
		return e, faults.err()
	}
	return e, nil
}

func labelledLine(line []byte, seen map[string]bool) (in Input, label e2e.Category, text, hint string) {
	if in, text, hint = parseRequest(line); text != "" {
		return in, "", text, hint
	}
	var l struct {
		Label e2e.Category `json:"label"`
	}
	if err := json.Unmarshal(line, &l); err != nil {
		return in, "", "the label cannot be read: " + jsonFault(err), "write a category as a text"
	}
	var words []string
	for _, c := range e2e.Categories() {
		words = append(words, string(c))
	}
	if !allowed(string(l.Label), words) {
		return in, "", fmt.Sprintf("unknown label %s", quote(string(l.Label))), diag.Expected(string(l.Label), words)
	}
	if seen[in.ID] {
		return in, "", fmt.Sprintf("the id %s is there twice", quote(in.ID)), "give each line an id of its own"
	}
	seen[in.ID] = true
	return in, l.Label, "", ""
}

func (e *Evaluation) add(label e2e.Category, r Result) {
	e.Rows++
	if e.Matrix[label] == nil {
		e.Matrix[label] = map[e2e.Category]int{}
	}
	e.Matrix[label][r.Category]++
	right := r.Category == label
	if right {
		e.Right++
	} else {
		e.Wrong = append(e.Wrong, Mistaken{r.ID, label, r.Category, r.Confidence})
	}
	if right || r.RunnerUp == label {
		e.Second++
	}
	if r.Category == unknown {
		e.Unknown++
	} else {
		c := e.Confidence[r.Confidence]
		if c[1]++; right {
			c[0]++
		}
		e.Confidence[r.Confidence] = c
	}
	switch {
	case label == product && (r.Category == env || r.Category == external || r.Category == data):
		e.Excused = append(e.Excused, r.ID)
	case (label == env || label == external) && r.Category == product:
		e.Blamed = append(e.Blamed, r.ID)
	}
}

// count sums the rows that pass.
func (e Evaluation) count(pass func(label, said e2e.Category) bool) int {
	n := 0
	for label, row := range e.Matrix {
		for said, k := range row {
			if pass(label, said) {
				n += k
			}
		}
	}
	return n
}

// Correlation is the Matthews correlation of "product or not", from -1 to 1: 1 where each product regression is called
// one and nothing else is, 0 where it is as good as a guess, or cannot be told.
func (e Evaluation) Correlation() float64 {
	is := func(label, said bool) float64 {
		return float64(e.count(func(l, s e2e.Category) bool { return (l == product) == label && (s == product) == said }))
	}
	tp, fn, fp, tn := is(true, true), is(true, false), is(false, true), is(false, false)
	below := math.Sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
	if below == 0 {
		return 0
	}
	return (tp*tn - fp*fn) / below
}

// short names of categories, for the head of a table.
var shortNames = map[e2e.Category]string{product: "prod", test: "test", env: "env", timing: "timing", data: "data", external: "extern", unknown: "unkn"}

// maxNamed bounds the ids that a line names.
const maxNamed = 20

// Text is the evaluation for a person: equal evaluations give equal texts.
func (e Evaluation) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d failures\n", e.Rows)
	fmt.Fprintf(&b, "right                     %s\n", share(e.Right, e.Rows))
	fmt.Fprintf(&b, "right, or the runner-up   %s\n", share(e.Second, e.Rows))
	fmt.Fprintf(&b, "said UNKNOWN              %s\n", share(e.Unknown, e.Rows))
	fmt.Fprintf(&b, "product or not            Matthews correlation %.2f\n\n", e.Correlation())
	fmt.Fprintf(&b, "%-24s", "true category \\ said")
	for _, c := range e2e.Categories() {
		fmt.Fprintf(&b, "%8s", shortNames[c])
	}
	b.WriteString("   found   right when said\n")
	for _, label := range e2e.Categories() {
		fmt.Fprintf(&b, "%-24s", label)
		for _, said := range e2e.Categories() {
			cell := "."
			if n := e.Matrix[label][said]; n > 0 {
				cell = fmt.Sprint(n)
			}
			fmt.Fprintf(&b, "%8s", cell)
		}
		hit := e.Matrix[label][label]
		fmt.Fprintf(&b, "%8s%8s\n", percent(hit, e.count(func(l, _ e2e.Category) bool { return l == label })),
			percent(hit, e.count(func(_, s e2e.Category) bool { return s == label })))
	}
	b.WriteString("\nhow often each confidence is right, UNKNOWN aside\n")
	for _, c := range []e2e.Confidence{high, medium, low} {
		fmt.Fprintf(&b, "  %-8s %s\n", c, share(e.Confidence[c][0], e.Confidence[c][1]))
	}
	b.WriteString("\nthe two worst errors\n")
	of := e.count(func(l, _ e2e.Category) bool { return l == product })
	fmt.Fprintf(&b, "  a product regression excused       %s%s\n", share(len(e.Excused), of), named(e.Excused))
	of = e.count(func(l, _ e2e.Category) bool { return l == env || l == external })
	fmt.Fprintf(&b, "  the product blamed for another     %s%s\n", share(len(e.Blamed), of), named(e.Blamed))
	return b.String()
}

func share(n, of int) string { return fmt.Sprintf("%d of %d (%s)", n, of, percent(n, of)) }

func percent(n, of int) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of))
}

func named(ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	shown := slices.Clone(ids[:min(len(ids), maxNamed)])
	for i := range shown {
		shown[i] = clean(shown[i], maxQuote)
	}
	text := ": " + strings.Join(shown, ", ")
	if more := len(ids) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
