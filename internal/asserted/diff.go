package asserted

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Line is a line of a difference.
type Line struct {
	// Sign is '-' for the expected value, '+' for the actual one, ' ' for both, '@' for lines of both that are left out.
	Sign byte
	Text string
	// Changed is the part of Text that the line on the other side does not have; empty where the whole line is that.
	Changed Span
}

// Bounds of a difference.
const (
	maxDiffLines = 400     // of each value; what follows is left out
	maxTable     = 160_000 // cells; larger parts are shown as replaced
	around       = 3       // equal lines that are kept around a change
)

// Diff is the difference of two values, line by line, with what is equal left out but for a few lines around each change.
func Diff(expected, actual string) []Line {
	a, moreA := valueLines(expected)
	b, moreB := valueLines(actual)
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	list := equal(nil, a[:head])
	list = append(list, middle(a[head:len(a)-tail], b[head:len(b)-tail])...)
	list = mark(equal(list, a[len(a)-tail:]))
	list = shortened(list)
	if moreA+moreB > 0 {
		list = append(list, Line{Sign: '@', Text: fmt.Sprintf("%d more lines", max(moreA, moreB))})
	}
	return list
}

func valueLines(value string) (lines []string, more int) {
	lines = strings.Split(strings.TrimRight(value, "\n"), "\n")
	if more = len(lines) - maxDiffLines; more > 0 {
		return lines[:maxDiffLines], more
	}
	return lines, 0
}

func equal(list []Line, lines []string) []Line {
	for _, l := range lines {
		list = append(list, Line{Sign: ' ', Text: l})
	}
	return list
}

// middle is the difference of lines that begin and end with unequal ones, by their longest common subsequence.
func middle(a, b []string) []Line {
	var list []Line
	if len(a)*len(b) > maxTable {
		return replaced(a, b)
	}
	// common[i][j] is the length of that of a[i:] and b[j:].
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		from, to := i, j
		for i < len(a) && j < len(b) && a[i] != b[j] || i < len(a) != (j < len(b)) {
			if j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1] {
				i++
			} else {
				j++
			}
		}
		list = append(list, replaced(a[from:i], b[to:j])...)
		for i < len(a) && j < len(b) && a[i] == b[j] {
			list = append(list, Line{Sign: ' ', Text: a[i]})
			i, j = i+1, j+1
		}
	}
	return list
}

func replaced(a, b []string) []Line {
	var list []Line
	for _, l := range a {
		list = append(list, Line{Sign: '-', Text: l})
	}
	for _, l := range b {
		list = append(list, Line{Sign: '+', Text: l})
	}
	return list
}

// mark sets what changed within the lines of a change that has as many lines on both sides.
func mark(list []Line) []Line {
	for i := 0; i < len(list); {
		removed, added := run(list[i:], '-'), 0
		if removed > 0 {
			added = run(list[i+removed:], '+')
		}
		if removed == added {
			for n := range removed {
				list[i+n].Changed, list[i+removed+n].Changed = changed(list[i+n].Text, list[i+removed+n].Text)
			}
		}
		i += max(removed+added, 1)
	}
	return list
}

// run is how many lines at the beginning have a sign.
func run(list []Line, sign byte) int {
	n := 0
	for n < len(list) && list[n].Sign == sign {
		n++
	}
	return n
}

// changed is what two texts do not have in common between their beginnings and ends. It is empty for both where that is everything.
func changed(a, b string) (Span, Span) {
	head := 0
	for head < len(a) && head < len(b) {
		ra, n := utf8.DecodeRuneInString(a[head:])
		rb, _ := utf8.DecodeRuneInString(b[head:])
		if ra != rb || a[head:head+n] != b[head:min(head+n, len(b))] {
			break
		}
		head += n
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head {
		ra, n := utf8.DecodeLastRuneInString(a[head : len(a)-tail])
		rb, m := utf8.DecodeLastRuneInString(b[head : len(b)-tail])
		if ra != rb || n != m || ra == utf8.RuneError {
			break
		}
		tail += n
	}
	if head == 0 && tail == 0 {
		return Span{}, Span{}
	}
	return Span{head, len(a) - tail}, Span{head, len(b) - tail}
}

// shortened leaves out equal lines that are far from any change.
func shortened(list []Line) []Line {
	var out []Line
	for i := 0; i < len(list); {
		n := run(list[i:], ' ')
		before, after := around, around
		if i == 0 {
			before = 0
		}
		if i+n == len(list) {
			after = 0
		}
		if n > before+after+1 {
			out = append(out, list[i:i+before]...)
			out = append(out, Line{Sign: '@', Text: fmt.Sprintf("%d equal lines", n-before-after)})
			out = append(out, list[i+n-after:i+n]...)
		} else {
			out = append(out, list[i:i+n]...)
		}
		if i += n; i < len(list) && list[i].Sign != ' ' {
			out = append(out, list[i])
			i++
		}
	}
	return out
}

// OneLine says what was expected and what came in one line: of values with several lines, the first lines that differ, and of
// long ones the part around the difference.
func (v Values) OneLine() string {
	head := ""
	if v.About != "" {
		head = v.About + ": "
	}
	expected, actual := strings.TrimSpace(v.Expected), strings.TrimSpace(v.Actual)
	if !strings.Contains(expected+actual, "\n") {
		expected, actual = near(expected, actual)
		return head + "expected " + expected + ", actual " + actual
	}
	var first [2]string // by side
	changes, within := 0, false
	for _, l := range Diff(expected, actual) {
		at := strings.IndexByte("-+", l.Sign)
		if at >= 0 && !within {
			changes++
		}
		if within = at >= 0; within && changes == 1 && first[at] == "" {
			first[at] = strings.TrimSpace(l.Text)
		}
	}
	tail := ""
	if changes > 1 {
		tail = fmt.Sprintf(" (and %d more differences)", changes-1)
		if changes == 2 {
			tail = " (and 1 more difference)"
		}
	}
	switch {
	case first[1] == "":
		return head + "missing " + short(strings.TrimSuffix(first[0], ",")) + tail
	case first[0] == "":
		return head + "unexpected " + short(strings.TrimSuffix(first[1], ",")) + tail
	}
	if strings.HasSuffix(first[0], ",") && strings.HasSuffix(first[1], ",") { // of a list that goes on
		first[0], first[1] = first[0][:len(first[0])-1], first[1][:len(first[1])-1]
	}
	expected, actual = near(first[0], first[1])
	return head + "expected " + expected + ", actual " + actual + tail
}

// Bounds of a value in one line, in bytes.
const (
	oneValue = 90
	context  = 24
)

// near shortens two values to what differs, with a little around it.
func near(a, b string) (string, string) {
	if len(a) <= oneValue && len(b) <= oneValue {
		return a, b
	}
	inA, inB := changed(a, b)
	return clipped(a, inA), clipped(b, inB)
}

func clipped(s string, part Span) string {
	if len(s) <= oneValue {
		return s
	}
	from, to := max(part.From-context, 0), min(part.To+context, len(s))
	if part == (Span{}) {
		to = oneValue
	}
	to = min(to, from+oneValue)
	for from > 0 && !utf8.RuneStart(s[from]) {
		from--
	}
	for to < len(s) && !utf8.RuneStart(s[to]) {
		to++
	}
	text := s[from:to]
	if from > 0 {
		text = "…" + text
	}
	if to < len(s) {
		text += "…"
	}
	return text
}

func short(s string) string { return clipped(s, Span{}) }
