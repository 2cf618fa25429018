package triage

import (
	"strings"
)

// maxNormalise bounds what is normalised of a text, in bytes.
const maxNormalise = 2 << 10

// replacement takes out one kind of value.
type replacement struct {
	// marks: one of these characters must occur; empty: a digit.
	marks string
	re    *expr
	with  func(string) string
}

func by(text string) func(string) string { return func(string) string { return text } }

// replacements take out what differs from run to run, most specific first.
var replacements = []replacement{
	{"-", rx(`(?i)\be2e-\d{6,}-[0-9a-f-]{8,36}\b`), by("<run>")},
	{"-", rx(`(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`), by("<uuid>")},
	{":", rx(`\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?`), by("<time>")},
	{"-/", rx(`\b\d{4}[-/]\d\d[-/]\d\d\b`), by("<date>")},
	{":", rx(`\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b`), by("<time>")},
	{"xX", rx(`(?i)\b0x[0-9a-f]+\b`), by("<hex>")},
	{"@", rx(`[\w.+-]+@[\w-]+(?:\.[\w-]+)+`), by("<mail>")},
	{".", rx(`\b(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?\b`), by("<ip>")},
	{"[", rx(`(?i)\[[0-9a-f]*:[0-9a-f:.]+\](?::\d{1,5})?`), by("<ip>")},
	{"", rx(`(?i)\b\d+(?:\.\d+)? ?(?:ns|us|µs|ms|s|sec|secs|seconds?|m|min|minutes?|h|hours?)\b`), by("<duration>")},
	{"", rx(`(?i)\b[0-9a-f]{7,}\b`), longHex},
	{"\"'", rx(`"[^"\n]*[\d#<@][^"\n]*"|'[^'\n]*[\d#<@][^'\n]*'`), by("<value>")},
	{"", rx(`\d+(?:[.,]\d+)+|[\p{L}\d_-]*\d[\p{L}\d_-]*`), by("#")},
}

// longHex replaces a long run of hex digits that holds a digit: a commit, an id.
// One without is a word.
func longHex(word string) string {
	if strings.ContainsAny(word, "0123456789") {
		return "<hex>"
	}
	return word
}

// Normalise takes out of a text what differs from run to run: ids, addresses,
// ports, times, durations, numbers, and quoted values that hold any of these. Equal
// faults of different runs become equal texts. Normalising twice changes nothing.
func Normalise(s string) string {
	if len(s) > maxNormalise {
		s = s[:maxNormalise]
	}
	for {
		// Each pass takes out digits, quotes or escapes and adds none, so this ends.
		next := replaceAll(s)
		if next == s {
			return s
		}
		s = next
	}
}

func replaceAll(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(plain(s), "")), " ")
	for _, r := range replacements {
		if strings.ContainsAny(s, r.needed()) {
			s = r.re.ReplaceAllStringFunc(s, r.with)
		}
	}
	return s
}

func (r replacement) needed() string {
	if r.marks == "" {
		return "0123456789"
	}
	return r.marks
}
