package adapter

import (
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/safetext"
)

var colours = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// anError begins the description of an error.
var anError = regexp.MustCompile(`\w*(?:Error|Exception)\b.*:|^(?:error|fatal|panic):`)

// frame is a line of a stack of Node with its file and line.
var frame = regexp.MustCompile(`^at (?:.*\()?(?:file://)?((?:/|[A-Za-z]:[\\/])[^()]*:\d+):\d+\)?$`)

// pythonFrame is a line of a stack of Python, as pytest prints it.
var pythonFrame = regexp.MustCompile(`^(?:E\s+)?(?:(\S.*\.py:\d+): in |File "(.+\.py)", line (\d+)$)`)

// ofConfig names a config that does not load, before the error.
var ofConfig = regexp.MustCompile(`^failed to load config from |^ImportError while loading conftest `)

// OutputTail is the end of what a runner printed, for a message, from its last error
// on: without colours and the lines of a stack, but with the place of it that is no package's, and the
// config that the error is of.
func OutputTail(exit proc.Exit) string {
	var lines []string
	config, configAt, python := "", 0, ""
	places := map[int]string{} // by the line before
	for line := range strings.Lines(colours.ReplaceAllString(exit.Tail, "")) {
		line = strings.TrimSpace(line)
		if m := frame.FindStringSubmatch(line); m != nil && places[len(lines)] == "" && !strings.Contains(m[1], "node_modules") {
			places[len(lines)] = m[1]
		}
		if line != "" && !strings.HasPrefix(line, "at ") && !strings.HasPrefix(line, "❯ ") {
			if ofConfig.MatchString(line) {
				config, configAt, python = line, len(lines), ""
			}
			if m := pythonFrame.FindStringSubmatch(line); m != nil {
				python = strings.TrimSuffix(m[1]+m[2]+":"+m[3], ":") // the last one is the innermost
			}
			lines = append(lines, line)
		}
	}
	from := max(0, len(lines)-3)
	for i, line := range lines {
		if anError.MatchString(line) {
			from = i // the last one
		}
	}
	words := strings.Join(lines[from:min(from+3, len(lines))], " | ")
	if place := places[from+1]; place != "" {
		words += " | at " + place
	}
	if config != "" && configAt < from {
		words = config + " | " + words
		if python != "" {
			words += " | at " + python
		}
	}
	if words != "" {
		return "end of its output: " + words
	}
	return "it printed nothing"
}

// Clip cuts a text after so many bytes at most, at a rune border, and says so.
func Clip(s string, most int) string {
	head, cut := safetext.Cut(strings.ToValidUTF8(s, "\uFFFD"), most)
	if cut > 0 {
		head += "…"
	}
	return head
}

// FirstLines are the first n lines of a text in one, with a mark where there are more.
func FirstLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	if len(lines) > n {
		lines = append(lines[:n], "…")
	}
	return strings.Join(lines, " | ")
}

// HasFlag reports whether one of the arguments is the flag, with or without value.
func HasFlag(args []string, flags ...string) bool {
	return slices.ContainsFunc(args, func(arg string) bool {
		name, _, _ := strings.Cut(arg, "=")
		return slices.Contains(flags, name)
	})
}

// WithoutFlags leaves out flags: switches, which have no value of their own, and others with the
// value behind them.
func WithoutFlags(args, switches []string, others ...string) []string {
	var kept []string
	for i := 0; i < len(args); i++ {
		name, _, hasValue := strings.Cut(args[i], "=")
		switch {
		case slices.Contains(switches, name):
		case !slices.Contains(others, name):
			kept = append(kept, args[i])
		case !hasValue:
			i++
		}
	}
	return kept
}

// Variable is the value that the last setting of a variable gives it.
func Variable(env []string, name string) string {
	for _, setting := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(setting, name+"="); ok {
			return value
		}
	}
	return ""
}
