package publish

import (
	"fmt"
	"io"

	"github.com/org/e2e-gate/internal/safetext"
)

// Journal says and keeps what was not published. It is not for concurrent use.
type Journal struct {
	out        io.Writer
	lines      []string
	incomplete bool
}

// NewJournal returns a journal that also says everything on out, a line each.
func NewJournal(out io.Writer) *Journal { return &Journal{out: out} }

// Failed records a failure to publish, which is no failure of the run; nil is none.
func (j *Journal) Failed(err error) {
	if err != nil {
		j.incomplete = true
		j.lines = append(j.lines, err.Error())
		j.say("note: not published: " + err.Error())
	}
}

// Note records something that was not published and is not missed.
func (j *Journal) Note(text string) {
	j.lines = append(j.lines, text)
	j.say("note: " + text)
}

// Outcome records what became of one thing that was to be published.
func (j *Journal) Outcome(out Outcome, err error) {
	j.Failed(err)
	j.incomplete = j.incomplete || out.Action == ReadOnly
	if out.Note != "" {
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
