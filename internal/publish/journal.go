package publish

import (
	"fmt"
	"io"

	"github.com/org/e2e-gate/internal/safetext"
)

// Journal prints and records what was not published. It is not safe for concurrent use.
type Journal struct {
	out        io.Writer
	lines      []string
	incomplete bool
}

// NewJournal returns a journal that prints each record on out, as one line.
func NewJournal(out io.Writer) *Journal { return &Journal{out: out} }

// Failed records a failure to publish; nil is ignored. It does not fail the run.
func (j *Journal) Failed(err error) {
	if err != nil {
		j.incomplete = true
		j.lines = append(j.lines, err.Error())
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
	j.incomplete = j.incomplete || out.Action == ReadOnly
	switch {
	case out.Note == "":
	case out.Action == Corrected:
		j.say("note: " + out.Note)
	default:
		j.Note(out.Note)
	}
}

// Incomplete reports whether something that was to be published was not.
func (j *Journal) Incomplete() bool { return j.incomplete }

// Lines are what was recorded, in order. They may hold text of others.
func (j *Journal) Lines() []string { return j.lines }

// maxSaid bounds a line, in bytes.
const maxSaid = 4 << 10

func (j *Journal) say(text string) {
	_, _ = fmt.Fprintln(j.out, safetext.LogLine(text, maxSaid))
}
