package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// emptyList is a file's list without entries, as it may be written in one line.
var emptyList = regexp.MustCompile(`(?m)^[ \t]*\[[ \t]*\][ \t]*(#.*)?\r?$`)

// firstEntry finds how far the entries of a block list are indented.
var firstEntry = regexp.MustCompile(`(?m)^([ ]*)-[ \n\r]`)

// AddQuarantine appends an entry to the text of a quarantine file, and leaves all else
// as it is: comments, order, line ends. lastSeen may be zero. It returns an error and
// changes nothing if the format of the file allows no appending (a list in brackets
// with entries).
func AddQuarantine(file string, data []byte, entry e2e.Quarantine, lastSeen time.Time) ([]byte, error) {
	file = shown(file)
	before, err := ParseQuarantine(file, data)
	if err != nil && !onlyComments(string(data)) {
		return nil, err
	}
	text := string(data)
	if len(before) == 0 {
		text = emptyList.ReplaceAllString(text, "$1")
	}
	end := "\n"
	if strings.Contains(text, "\r\n") {
		end = "\r\n"
	}
	if text = strings.TrimRight(text, " \t\r\n"); text != "" {
		text += end
	}
	indent := ""
	if m := firstEntry.FindStringSubmatch(text); m != nil && len(before) > 0 {
		indent = m[1]
	}
	text += strings.ReplaceAll(entryText(indent, entry, lastSeen), "\n", end)
	after, err := ParseQuarantine(file, []byte(text))
	if err != nil || !slices.Equal(after, append(slices.Clone(before), entry)) {
		return nil, errors.New("nothing can be appended to " + file + " as it is written; write it as a block list, each entry starting with a dash, and try again")
	}
	return []byte(text), nil
}

func onlyComments(text string) bool {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return false
		}
	}
	return true
}

// entryText is an entry of a block list. Strings are JSON, which is YAML too.
func entryText(indent string, q e2e.Quarantine, lastSeen time.Time) string {
	var b strings.Builder
	lead := indent + "- "
	line := func(key, value string) {
		fmt.Fprintf(&b, "%s%s: %s\n", lead, key, value)
		lead = indent + "  "
	}
	line("test", quoted(q.Test))
	line("owner", quoted(q.Owner))
	line("reason", quoted(q.Reason))
	line("quarantined_at", q.Since.Format(time.DateOnly))
	line("fix_deadline", q.Deadline.Format(time.DateOnly))
	if q.Twins > 1 {
		line("twins", strconv.Itoa(q.Twins))
	}
	if q.Remove {
		line("removal_if_not_fixed", "true")
	}
	if !lastSeen.IsZero() {
		line("last_seen_failure", lastSeen.UTC().Format(time.DateOnly))
	}
	if q.Issue != "" {
		line("issue", quoted(q.Issue))
	}
	return b.String()
}

func quoted(s string) string {
	var b strings.Builder
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	if err := out.Encode(s); err != nil {
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}
