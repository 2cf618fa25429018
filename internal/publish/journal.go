package publish

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/org/e2e-gate/internal/safetext"
)

// Journal prints and records what was not published. It is not safe for concurrent use.
type Journal struct {
	out        io.Writer
	lines      []string
	incomplete bool
	// failures are those since the last mark.
	failures []string
}

// NewJournal returns a journal that prints each record on out, as one line.
func NewJournal(out io.Writer) *Journal { return &Journal{out: out} }

// Failed records a failure to publish; nil is ignored. It does not fail the run.
func (j *Journal) Failed(err error) {
	if err != nil {
		j.incomplete = true
		j.lines, j.failures = append(j.lines, err.Error()), append(j.failures, err.Error())
		j.say("note: not published: " + err.Error())
	}
}

// Note records something that was not published, without counting it as a failure.
func (j *Journal) Note(text string) {
	j.lines = append(j.lines, text)
	j.say("note: " + text)
}

// Outcome records the outcome of publishing one thing.
func (j *Journal) Outcome(out Outcome, err error) {
	j.Failed(err)
	if out.Action == ReadOnly {
		j.incomplete = true
		j.failures = append(j.failures, cmp.Or(out.Note, "the token may only read"))
	}
	switch {
	case out.Note == "":
	case out.Action == Corrected: // nothing is missing
		j.say("note: " + out.Note)
	default:
		j.Note(out.Note)
	}
}

// Incomplete reports whether something that was to be published was not.
func (j *Journal) Incomplete() bool { return j.incomplete }

// mark begins a part, for since.
func (j *Journal) mark() { j.failures = nil }

// since says what was not published since the mark; empty: nothing failed.
func (j *Journal) since() string { return strings.Join(j.failures, "; ") }

// Lines are what was recorded, in order. They may hold text of others.
func (j *Journal) Lines() []string { return j.lines }

// maxSaid bounds a line, in bytes.
const maxSaid = 4 << 10

func (j *Journal) say(text string) {
	_, _ = fmt.Fprintln(j.out, safetext.LogLine(text, maxSaid))
}
