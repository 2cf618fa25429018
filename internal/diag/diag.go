// Package diag holds messages about user input with the position they are about:
// file, line, column, text and a hint on what to try.
package diag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity distinguishes an error from a warning.
type Severity int

// The severities. The zero value is an error, so that a forgotten severity is never
// treated as a warning.
const (
	Error Severity = iota
	Warning
)

// Message is one positioned message. Line and Col count from 1; 0 means unknown.
type Message struct {
	File     string   `json:"file,omitempty"`
	Line     int      `json:"line,omitempty"`
	Col      int      `json:"column,omitempty"`
	Severity Severity `json:"-"`
	Text     string   `json:"text"`
	Hint     string   `json:"hint,omitempty"`
	// Source is the line of input that the message is about.
	Source string `json:"-"`
}

// Position renders FILE:LINE:COL as far as it is known.
func (m Message) Position() string {
	switch {
	case m.File == "":
		return ""
	case m.Line == 0:
		return m.File
	case m.Col == 0:
		return fmt.Sprintf("%s:%d", m.File, m.Line)
	default:
		return fmt.Sprintf("%s:%d:%d", m.File, m.Line, m.Col)
	}
}

// String renders the message on one line: FILE:LINE:COL: text; hint.
func (m Message) String() string {
	text := m.Text
	if m.Severity == Warning {
		text = "warning: " + text
	}
	if m.Hint != "" {
		text += "; " + m.Hint
	}
	if pos := m.Position(); pos != "" {
		return pos + ": " + text
	}
	return text
}

// List collects messages. It is an error when it holds one of severity [Error].
type List struct{ messages []Message }

// Add appends messages.
func (l *List) Add(messages ...Message) { l.messages = append(l.messages, messages...) }

// Messages returns what was collected, ordered by file, line, column and text,
// without doubles.
func (l *List) Messages() []Message {
	sorted := slices.Clone(l.messages)
	slices.SortStableFunc(sorted, func(a, b Message) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), cmp.Compare(a.Text, b.Text))
	})
	return slices.Compact(sorted)
}

// HasErrors reports whether a message of severity [Error] was collected.
func (l *List) HasErrors() bool {
	return slices.ContainsFunc(l.messages, func(m Message) bool { return m.Severity == Error })
}

// Err returns the list as an error, or nil where no message is an error.
func (l *List) Err() error {
	if !l.HasErrors() {
		return nil
	}
	return Errors(l.Messages())
}

// Errors is a list of messages as an error, one per line.
type Errors []Message

// Error renders all messages, one per line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, m := range e {
		lines[i] = m.String()
	}
	return strings.Join(lines, "\n")
}

// Nearest returns the allowed word that is most like the given one, or "" where
// none is close enough to be what was meant.
func Nearest(word string, allowed []string) string {
	best, bestDistance := "", len(word)/2+1
	for _, a := range allowed {
		if d := distance(strings.ToLower(word), strings.ToLower(a)); d < bestDistance {
			best, bestDistance = a, d
		}
	}
	return best
}

// Expected is the hint for a word that is not allowed: the nearest allowed one,
// else all of them.
func Expected(word string, allowed []string) string {
	if near := Nearest(word, allowed); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(allowed) == 0 {
		return ""
	}
	return "expected one of: " + strings.Join(allowed, ", ")
}

// distance is the Levenshtein distance in bytes, with a swap of two neighbours
// counted as one edit.
func distance(a, b string) int {
	var before, prev []int
	cur := make([]int, len(b)+1)
	for j := range cur {
		cur[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, prev, cur = prev, cur, make([]int, len(b)+1)
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
	}
	return cur[len(b)]
}
