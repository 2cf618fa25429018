package triage

import (
	"regexp"
	"strings"
)

// maxNormalise bounds what is normalised of a text, in bytes.
const maxNormalise = 2 << 10

// replacements take out what differs from run to run, most specific first.
var replacements = []struct {
	words string // one of these characters must occur
	re    *regexp.Regexp
	with  string
}{
	{"-", regexp.MustCompile(`(?i)\be2e-\d{6,}-[0-9a-f-]{8,36}\b`), "<run>"},
	{"-", regexp.MustCompile(`(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`), "<uuid>"},
	{":", regexp.MustCompile(`\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?`), "<time>"},
	{"-/", regexp.MustCompile(`\b\d{4}[-/]\d\d[-/]\d\d\b`), "<date>"},
	{":", regexp.MustCompile(`\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b`), "<time>"},
	{"x", regexp.MustCompile(`(?i)\b0x[0-9a-f]+\b`), "<hex>"},
	{"@", regexp.MustCompile(`[\w.+-]+@[\w-]+(?:\.[\w-]+)+`), "<mail>"},
	{"@", regexp.MustCompile(`@[0-9a-f]{5,}\b`), "@<hex>"},
	{".:", regexp.MustCompile(`\b(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?\b`), "<ip>"},
	{":", regexp.MustCompile(`(?i)\[[0-9a-f]*:[0-9a-f:.]+\](?::\d{1,5})?`), "<ip>"},
	{":", regexp.MustCompile(`(\b[A-Za-z][\w.-]*):\d{2,5}\b`), "$1:#"},
	{"", regexp.MustCompile(`(?i)\b\d+(?:\.\d+)? ?(?:ns|us|µs|ms|s|sec|secs|seconds?|m|min|minutes?|h|hours?)\b`), "<duration>"},
	{"", regexp.MustCompile(`(?i)\b(?:[0-9a-f]*\d[0-9a-f]*){1,}\b`), ""},
	{`"'`, regexp.MustCompile(`"[^"\n]*[\d#<@][^"\n]*"|'[^'\n]*[\d#<@][^'\n]*'`), "<value>"},
	{"", regexp.MustCompile(`\d+(?:[.,]\d+)*`), "#"},
}

// longHex is a run of hex digits that holds a digit: a commit, an id.
var longHex = regexp.MustCompile(`(?i)\b[0-9a-f]*\d[0-9a-f]*\b`)

// Normalise takes out of a text what differs from run to run: ids, addresses,
// ports, times, durations, numbers, and quoted values that hold any of these. Equal
// faults of different runs become equal texts. Normalising twice changes nothing.
func Normalise(s string) string {
	if len(s) > maxNormalise {
		s = strings.ToValidUTF8(s[:maxNormalise], "")
	}
	s = plain(s)
	for _, r := range replacements {
		if r.words != "" && !strings.ContainsAny(s, r.words) {
			continue
		}
		if r.with == "" {
			s = longHex.ReplaceAllStringFunc(s, hexOnly)
			continue
		}
		s = r.re.ReplaceAllString(s, r.with)
	}
	return strings.Join(strings.Fields(s), " ")
}

func hexOnly(word string) string {
	if len(word) < 7 {
		return word
	}
	return "<hex>"
}
