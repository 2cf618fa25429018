package jvm

import (
	"bytes"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

const (
	// maxTold and maxToldLine bound the informative lines that are kept of a build's
	// output, and maxBuildTail its end, in bytes.
	maxTold      = 500
	maxToldLine  = 4 << 10
	maxBuildTail = 16 << 10
	// maxCompileErrors bounds those that a problem names.
	maxCompileErrors = 3
	// maxFailedGoals bounds the lines about failed goals or tasks that a problem has.
	maxFailedGoals = 4
)

// buildOutput keeps the informative lines and the end of a build's output, and passes
// all of it on to the log.
type buildOutput struct {
	mu   sync.Mutex
	log  io.Writer
	told []string
	line []byte
	// wrong is set within Gradle's paragraph on what went wrong.
	wrong bool
	end   []byte
}

func (o *buildOutput) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.read(p)
	if o.log != nil {
		return o.log.Write(p)
	}
	return len(p), nil
}

// read takes output that is logged elsewhere.
func (o *buildOutput) read(p []byte) {
	for part := range bytes.Lines(p) {
		o.line = append(o.line, part[:min(len(part), max(0, maxToldLine-len(o.line)))]...)
		if part[len(part)-1] == '\n' {
			o.tell()
		}
	}
	o.end = append(o.end, p...)
	if over := len(o.end) - maxBuildTail; over > maxBuildTail {
		o.end = bytes.Clone(o.end[over:])
	}
}

// colour is what some consoles print even where colours are off: Maven resets them when it starts.
var colour = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// tell keeps the line that has ended if it is an error, or names a plugin.
func (o *buildOutput) tell() {
	line := colour.ReplaceAllString(strings.TrimRight(string(o.line), "\r\n"), "")
	o.line = o.line[:0]
	if strings.HasPrefix(line, "* ") {
		o.wrong = line == "* What went wrong:"
	} else if o.wrong && line != "" {
		line = "[ERROR] " + strings.TrimLeft(line, "> ")
	}
	begins := slices.ContainsFunc([]string{"[ERROR]", "[FATAL]", "e: ", "e2e-gate: "}, func(mark string) bool { return strings.HasPrefix(line, mark) })
	telling := begins || strings.Contains(line, ": error: ") || strings.Contains(line, "--- ") || strings.Contains(line, " provider ")
	if telling && len(o.told) < maxTold {
		o.told = append(o.told, line)
	}
}

func (o *buildOutput) all() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.told, "\n")
}

func (o *buildOutput) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.end[max(0, len(o.end)-maxBuildTail):])
}

// Where a compiler found what: Maven's [ERROR] lines for javac and kotlinc, javac's
// own form, and kotlinc's.
var compileError = regexp.MustCompile(
	`(?m)^(?:\[ERROR\] (\S.*\.(?:java|kt|groovy|scala):(?:\[\d+,\d+\]|\s*\(\d+, ?\d+\)) .+)` +
		`|(\S.*\.(?:java|groovy|scala):\d+: error: .+)|e: ((?:file:)?\S.*\.kts?:.+))$`,
)

// compileErrors are the first of them, each once, or nothing.
func (o *buildOutput) compileErrors() string {
	var found []string
	seen := map[string]bool{}
	for _, m := range compileError.FindAllStringSubmatch(o.all(), 100) {
		line := strings.TrimSpace(m[1] + m[2] + m[3])
		if !seen[line] && len(found) < maxCompileErrors {
			seen[line] = true
			found = append(found, adapter.Clip(line, 1000))
		}
	}
	return strings.Join(found, "; ")
}

// saying matches a line of a build that says what is wrong. Other lines only say that
// something is, or where to read more.
var saying = regexp.MustCompile(`(?m)^(?:\[ERROR\] )*(\[FATAL\] .+|\[ERROR\] (?:[^[\s].+))$`)

// outputTail are the first errors that the build printed, else the end of its output.
func (o *buildOutput) outputTail(exit proc.Exit) string {
	var fatal, lines []string
	for _, m := range saying.FindAllStringSubmatch(o.all(), -1) {
		switch text := adapter.Clip(strings.TrimSpace(m[1][len("[ERROR] "):]), 1000); {
		case strings.HasPrefix(m[1], "[FATAL]"):
			fatal = append(fatal, text)
		case !strings.HasPrefix(text, "To see the full stack trace"):
			lines = append(lines, text)
		}
	}
	if lines = append(fatal, lines...); len(lines) > 0 {
		return strings.Join(lines[:min(3, len(lines))], "; ")
	}
	return adapter.OutputTail(exit)
}

// failedGoals are the lines in which Maven says which goals failed, or Gradle which tasks, and why.
func (o *buildOutput) failedGoals() string {
	var found []string
	task := false
	for line := range strings.Lines(o.all()) {
		text, isError := strings.CutPrefix(strings.TrimSpace(line), "[ERROR] ")
		goal, isGoal := strings.CutPrefix(text, "Failed to execute goal ")
		reason := task && isError // Gradle has it in the next line
		task = isError && strings.HasPrefix(text, "Execution failed for task ")
		if isError && (isGoal || task || reason) && len(found) < maxFailedGoals {
			found = append(found, adapter.Clip(strings.TrimSuffix(goal, " -> [Help 1]"), 1000))
		}
	}
	return strings.Join(found, "; ")
}
