package suite

import (
	"io"
	"regexp"
	"strings"

	"github.com/org/e2e-gate/internal/proc"
)

// process is one run of a runner that leaves its results in files.
type process struct {
	spec    Spec
	root    string
	unit    Unit
	command Command
	results results
}

// results is where a runner leaves what became of its tests.
type results interface {
	// collect takes what was reported. Where nothing was, it says in none what was
	// looked for; the error means that it cannot be known.
	collect(p *process, c *collected) (none string, err error)
}

func (p *process) Command() Command { return p.command }

func (p *process) Stdout() io.Writer { return nil }

// Report reads what the unit left and judges it.
func (p *process) Report(exit proc.Exit) Report {
	c := newCollected(p, exit)
	if exit.Ended != proc.NotStarted {
		none, err := p.results.collect(p, c)
		c.in.Channel.Nothing = none
		if err != nil {
			c.in.Channel.Unreadable = err.Error()
		}
	}
	return c.report()
}

var colours = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// anError begins the description of an error.
var anError = regexp.MustCompile(`\w*(?:Error|Exception)\b.*:|^(?:error|fatal|panic):`)

// lastWords is the end of what a runner printed, for a message, from its last error
// on: without colours and the lines of a stack.
func lastWords(exit proc.Exit) string {
	var lines []string
	for line := range strings.Lines(colours.ReplaceAllString(exit.Tail, "")) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "at ") && !strings.HasPrefix(line, "❯ ") {
			lines = append(lines, line)
		}
	}
	from := max(0, len(lines)-3)
	for i, line := range lines {
		if anError.MatchString(line) {
			from = i // the last one
		}
	}
	if words := strings.Join(lines[from:min(from+3, len(lines))], " | "); words != "" {
		return "end of its output: " + words
	}
	return "it printed nothing"
}
