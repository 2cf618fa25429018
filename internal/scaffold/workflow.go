// Package scaffold writes the first config and workflow of a repository, from the suites that
// were found in it and from the files that show its toolchains. It reads names and texts of a
// tree and returns texts: nothing is started or written.
package scaffold

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

//go:embed pins.yml
var pins string

// WorkflowHead is what stands before the steps of a workflow's toolchains, and WorkflowTail what
// stands behind them.
//
//go:embed workflow.head.yml
var workflowHead string

const workflowTail = "      - uses: org/e2e-gate@v1\n"

// noSteps stands where a repository shows no toolchain.
const noSteps = "      # The toolchain and the packages that your suites need belong here.\n"

// step is a step of a workflow. Values are written so that neither YAML nor GitHub reads anything in them.
type step struct {
	// note stands above it as a comment.
	note string
	// uses is an action without its version, run a command line that holds no name of the
	// repository: those are in dir and with.
	uses, run string
	// dir is the folder that run starts in, from the root.
	dir  string
	with []pair
	id   string
	// raw are further parts, which YAML and GitHub have to read.
	raw []pair
}

type pair struct{ key, value string }

// Workflow is the text of a workflow with steps before the gate's own.
func (p Plan) Workflow() string {
	var b strings.Builder
	b.WriteString(workflowHead)
	if len(p.steps) == 0 {
		b.WriteString(noSteps)
	}
	for _, s := range p.steps {
		s.write(&b)
	}
	b.WriteString(workflowTail)
	return b.String()
}

func (s step) write(b *strings.Builder) {
	if s.note != "" {
		fmt.Fprintf(b, "      # %s\n", s.note)
	}
	first := "      - "
	line := func(format string, args ...any) {
		fmt.Fprintf(b, first+format+"\n", args...)
		first = "        "
	}
	if s.id != "" {
		line("id: %s", s.id)
	}
	if s.uses != "" {
		line("uses: %s", pinned(s.uses))
	}
	if s.run != "" {
		line("run: %s", s.run)
	}
	if s.run != "" && s.dir != "." {
		line("working-directory: %s", scalar(s.dir))
	}
	if len(s.with)+len(s.raw) > 0 {
		line("with:")
	}
	for _, w := range s.with {
		line("  %s: %s", w.key, scalar(w.value))
	}
	for _, w := range s.raw {
		line("  %s: %s", w.key, w.value)
	}
}

// pinned is an action with its commit and version.
func pinned(action string) string {
	for line := range strings.Lines(pins) {
		if rest, ok := strings.CutPrefix(line, "- uses: "); ok && strings.HasPrefix(rest, action+"@") {
			return strings.TrimSpace(rest)
		}
	}
	panic("no pin of " + action)
}

var (
	// bare are texts that YAML reads as themselves.
	bare = regexp.MustCompile(`^[A-Za-z./][\w./*<>=+-]*$`)
	// words are those among them that YAML reads as something else.
	words = []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n", ".inf", ".nan", "."}
)

// scalar is a text in YAML, in which GitHub finds no expression.
func scalar(text string) string {
	if bare.MatchString(text) && !slices.Contains(words, strings.ToLower(text)) {
		return text
	}
	return strings.ReplaceAll(strconv.Quote(text), "${{", "${{ '${{' }}")
}
