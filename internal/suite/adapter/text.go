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

// OutputTail is the end of what a runner printed, for a message, from its last error
// on: without colours and the lines of a stack.
func OutputTail(exit proc.Exit) string {
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
