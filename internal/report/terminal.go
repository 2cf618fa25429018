package report

import (
	"strings"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"

	"github.com/org/e2e-gate/internal/safetext"
)

// style is an ANSI colour or weight.
type style string

const (
	plainText style = ""
	bold      style = "1"
	dim       style = "2"
	red       style = "1;31"
	green     style = "1;32"
	yellow    style = "1;33"
)

// sheet collects lines for a terminal. Every line is neutralised after wrapping, so
// that a runner takes none of them for a workflow command.
type sheet struct {
	b      strings.Builder
	width  int
	colour bool
}

// newSheet makes a sheet for a terminal of so many columns. Width 0: a pipe or a file, whose lines are never
// folded, so that they can be searched and copied.
func newSheet(width int, colour bool) *sheet {
	if width <= 0 {
		return &sheet{colour: colour}
	}
	return &sheet{width: min(max(width, 40), 120), colour: colour}
}

func (s *sheet) paint(st style, text string) string {
	if !s.colour || st == plainText || text == "" {
		return text
	}
	return "\x1b[" + string(st) + "m" + text + "\x1b[0m"
}

// line adds one line as it is, however long: ids and paths are to be copied.
func (s *sheet) line(st style, text string) {
	s.b.WriteString(s.paint(st, safetext.Neutral(text)) + "\n")
}

func (s *sheet) gap() { s.b.WriteString("\n") }

// labelWidth is the column in which text beside a label starts.
const labelWidth = 14

// field adds a label with wrapped text beside it; empty text adds nothing.
func (s *sheet) field(label, text string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	head := "  " + label + strings.Repeat(" ", max(labelWidth-2-len(label), 1))
	lines := strings.Split(text, "\n")
	if s.width > 0 {
		lines = wrap(text, s.width-labelWidth)
	}
	for i, l := range lines {
		if i > 0 {
			head = strings.Repeat(" ", labelWidth)
		}
		l = safetext.Neutral(strings.TrimRight(head+l, " "))
		if i == 0 && s.colour && strings.HasPrefix(l, head) {
			l = s.paint(dim, head) + l[len(head):]
		}
		s.b.WriteString(l + "\n")
	}
}

// path adds a label and text that is not wrapped.
func (s *sheet) path(label, text string) {
	if text != "" {
		s.line(plainText, "  "+label+strings.Repeat(" ", max(labelWidth-2-len(label), 1))+text)
	}
}

// wrap breaks clean text into lines of at most width columns, at spaces only: a word may be an id, a path or
// an address, and is whole even where it is longer than a line.
func wrap(text string, width int) []string {
	width = max(width, 10)
	var lines []string
	for raw := range strings.SplitSeq(text, "\n") {
		lines = append(lines, wrapLine(raw, width)...)
	}
	return lines
}

func wrapLine(raw string, width int) []string {
	indent := raw[:len(raw)-len(strings.TrimLeft(raw, " \t"))]
	indent = strings.ReplaceAll(indent, "\t", "    ")
	indent = indent[:min(len(indent), width/2)]
	var lines []string
	line := indent
	for word := range strings.FieldsSeq(raw) {
		switch {
		case line == indent:
			line += word
		case columns(line)+1+columns(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), indent+word
		}
	}
	return append(lines, line)
}

// columns is how wide a terminal shows text.
func columns(s string) int { return displaywidth.String(s) }

// prefix is the longest prefix of s that takes at most width columns, at least one
// character as people see it: a flag, or a letter with its marks, is whole.
func prefix(s string, width int) string {
	n, end := 0, 0
	for g := displaywidth.StringGraphemes(s); g.Next(); end += len(g.Value()) {
		if n += g.Width(); n > width && end > 0 {
			return s[:end]
		}
	}
	return s
}

// fit cuts clean text to width columns; "..." shows that it was cut.
func fit(s string, width int) string {
	s = strings.ReplaceAll(s, "\t", " ")
	if columns(s) <= width {
		return s
	}
	if width <= 3 {
		return prefix(s, max(width, 1))
	}
	return strings.TrimRight(prefix(s, width-3), " ") + "..."
}

// pad fills text with spaces up to width columns.
func pad(s string, width int) string { return s + strings.Repeat(" ", max(width-columns(s), 0)) }

// ascii replaces the non-ASCII characters that our own texts use.
var asciiReplacer = strings.NewReplacer("—", "-", "…", "...", "→", "->")

func ascii(s string) string {
	if utf8.RuneCountInString(s) == len(s) {
		return s
	}
	return asciiReplacer.Replace(s)
}
