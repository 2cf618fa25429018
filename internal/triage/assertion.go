package triage

import (
	"strconv"
	"strings"
	"sync"
)

// assertion is a pair of values that a test compared.
type assertion struct {
	found            bool
	expected, actual string
	// status codes, where both are; 0 otherwise.
	expectedStatus, actualStatus int
	// line is the index of the line that the actual value stands on, -1 where it
	// came from the test's own evidence.
	line int
	// onlyMore and onlyFewer: a printed difference has lines of one value only.
	onlyMore, onlyFewer bool
	// unordered: which of the two was expected is not known.
	unordered bool
}

// valuePattern reads expected and actual from one line.
type valuePattern struct {
	re               *expr
	expected, actual int // groups
	unordered        bool
}

var valuePatterns = []valuePattern{
	{re: rx(`(?i)expected:?\s*<(.*?)>\s*but was:?\s*<(.*)>`), expected: 1, actual: 2},
	{re: rx(`(?i)expected \[(.*?)\] but found \[(.*)\]`), expected: 1, actual: 2},
	{re: rx(`(?i)expected ['"<]?(?:[^'"]*?['">] )?(?:to have text|to contain text|to have value|to contain) (.+?), but the (?:text|value) was (.+)`),
		expected: 1, actual: 2},
	{re: rx(`(?i)\b(?:got|was|have|actual):?\s+(.+?)[,;]?\s+\(?(?:but )?(?:want(?:ed)?|expected):?\s+(.+)`), expected: 2, actual: 1},
	{re: rx(`(?i)= (.+?)[,;] (?:want(?:ed)?|expected):? (.+)`), expected: 2, actual: 1},
	{re: rx(`(?i)\bwant(?:ed)?:?\s+(.+?)[,;]?\s+(?:but )?(?:got|have|was|is):?\s+(.+)`), expected: 1, actual: 2},
	{re: rx(`(?i)\bexpected:?\s+(?:[\w$. ]{0,60}\b(?:status(?: code)?|code|value|response|state|text|title|count)\s+(?:to be |of |is )?)?` +
		`(.+?)[,;.]?\s+(?:but |and |instead )?(?:was|got|received|found|actual(?:ly)?(?: is| was)?|instead got|is now|saw|returned)\b:?\s*(.+)`),
		expected: 1, actual: 2},
	{re: rx(`(?i)\bexpected (.+?) (?:to (?:deeply |strictly |deep )?` +
		`(?:equal|be|eql|have (?:a )?(?:text|value|property|length(?: of)?)?|include|contain|match)|not to \w+)\s+(.+)`), expected: 2, actual: 1},
	{re: rx(`\bassert (.+?) (?:==|is|in|>=|<=|>|<) (.+)`), expected: 2, actual: 1},
	{re: rx(`\("(.+?)"\) is not equal to \("(.+?)"\)`), expected: 2, actual: 1, unordered: true},
	{re: rx(`(\S+) was not equal to (\S+)`), expected: 2, actual: 1},
	{re: rx(`\(not \(= (\S+) (\S+)\)\)`), expected: 1, actual: 2},
	{re: rx(`asserting that (.+?) (?:is identical to|matches expected|equals|is equal to) (.+?)\.?$`), expected: 2, actual: 1},
	{re: rx(`^(\w[\w.-]*) != (\w[\w.-]*)$`), expected: 2, actual: 1, unordered: true},
	{re: rx(`(?:^|[\s:(])(\d[\w.:-]*|"[^"]*"|'[^']*') !==? (\d[\w.:-]*|"[^"]*"|'[^']*')`), expected: 2, actual: 1, unordered: true},
	{re: rx(`AssertionError: (.+?) != (.+)`), expected: 2, actual: 1, unordered: true},
}

// Labels of values that have a line of their own.
var (
	expectedLabel = rx(`(?i)^[\sE]*(?:- )?expected(?: (?:string|pattern|substring|value|length|status|text|result|array|object))?\s*:\s?(.*)$`)
	actualLabel   = rx(`(?i)^[\sE]*(?:\+ )?(?:(?:received|actual|got|found)(?: (?:string|value|length|status|text|result|array|object))?\s*:` +
		`|but:\s*(?:was\b)?|but was:?)\s?(.*)$`)
)

// bothLabels is a line that holds both labels.
var bothLabels = rx(`(?i)\bexpected\b.{0,20}:.*\s(?:received|actual|got)\b.{0,20}:`)

// valueWords must occur in a line for the patterns to be tried.
var valueWords = newMatcher([]string{"expected", "but was", "got", "want", "assert", "received", "actual", "but:", "found", " != ", " !== ",
	"left:", "right:", "equal to", "(not (=", "asserting that"})

// noValues are lines that read like a comparison and are none.
var noValues = rx(`(?i)never found it|to find (?:element|content)|expected to find`)

// maxValueLines bounds the lines that are searched for values.
const maxValueLines = 80

// readAssertion finds the values, and blanks the expected one where signals are
// looked for: that a page should say "connection refused" is no sign of a refused
// connection.
func readAssertion(in Input, lines []line) assertion {
	a := assertion{line: -1, expected: in.Expected, actual: in.Actual, found: in.Expected != "" && in.Actual != ""}
	given, label, next := a.found, -1, noValue
	for i := 0; i < len(lines) && i < maxValueLines; i++ {
		l := &lines[i]
		if next != noValue && l.weight <= trace {
			a.nextLine(l, next, given)
		}
		if next = labelOf(l); next != noValue {
			continue
		}
		if l.weight > trace || !valueWords.in(l.text) || len(l.text) > maxLine || noValues.MatchString(l.text) {
			continue
		}
		if m := expectedLabel.FindStringSubmatchIndex(l.text); m != nil && !strings.Contains(l.text, " but ") && !bothLabels.MatchString(l.text) {
			label = i
			blank(l, m[2], m[3])
			if !a.found {
				a.expected = l.text[m[2]:m[3]]
			}
			continue
		}
		if m := actualLabel.FindStringSubmatchIndex(l.text); m != nil && label >= 0 {
			a.take(i, a.expected, l.text[m[2]:m[3]], given)
			if aboutFaults(lines[label].text) {
				blank(l, m[2], m[3])
			}
			continue
		}
		a.oneLine(l, i, given)
	}
	a.readSides(lines, given)
	a.readDifference(lines)
	a.statuses(lines)
	return a
}

// sideLabel is how Rust and Elixir name the two values, of which the right one is the expected one by custom, and how
// the Test Anything Protocol names them.
var sideLabel = rx(`^\s*(left|right):\s(.*)$|^#\s+(got|expected):\s(.*)$`)

// readSides reads values that are named by their side.
func (a *assertion) readSides(lines []line, given bool) {
	left, at := "", -1
	for i := 0; i < len(lines) && i < maxValueLines && !a.found; i++ {
		if lines[i].weight > trace || !valueWords.in(lines[i].text) {
			continue
		}
		m := sideLabel.FindStringSubmatch(lines[i].text)
		switch {
		case m == nil:
		case m[1] == "left" || m[3] == "got":
			left, at = m[2]+m[4], i
		case at >= 0:
			if a.take(at, m[2]+m[4], left, given) {
				a.unordered = m[1] != ""
			}
		}
	}
}

// differenceHeads say which sign stands before lines that are only in the actual value.
var differenceHeads = map[string]string{"+ actual - expected": "+", "- Expected + Received": "+", "- Expected": "+", "- actual + expected": "-",
	"Difference (- actual, + expected):": "-"}

// readDifference counts the lines that only one of two values has, where a framework prints their difference.
func (a *assertion) readDifference(lines []line) {
	for i := range lines {
		sign := differenceHeads[strings.TrimSpace(lines[i].text)]
		if sign == "" {
			continue
		}
		var more, fewer int
		for _, l := range lines[i+1 : min(len(lines), i+1+maxValueLines)] {
			t := strings.TrimSpace(l.text)
			switch {
			case t == "+ Received" || l.weight == mute:
			case strings.HasPrefix(t, sign):
				more++
			case strings.HasPrefix(t, "+") || strings.HasPrefix(t, "-"):
				fewer++
			}
		}
		a.onlyMore, a.onlyFewer = more > 0 && fewer == 0, fewer > 0 && more == 0
		return
	}
}

// valueKind says which value the line below a label holds.
type valueKind int

const (
	noValue valueKind = iota
	actualBelow
	expectedBelow
)

var (
	actualAbove   = rx(`(?i)^\s*(?:Expecting(?: actual)?:|but was:|Actual:|Received:|Expected)\s*$`)
	expectedAbove = rx(`(?i)^\s*(?:Expecting \w.* to .*:|(?:not )?to (?:be|contain|equal|have|match|start|end|include)\b.*:|to equal|Expected:)\s*$`)
)

// labelOf reads a label whose value stands on the next line, as AssertJ and Gomega
// write them. Gomega's "Expected" stands above the actual value.
func labelOf(l *line) valueKind {
	t := strings.TrimSpace(l.text)
	if l.weight > trace || len(t) > 120 || t == "" || t[len(t)-1] != ':' && t != "Expected" && t != "to equal" {
		return noValue
	}
	switch {
	case actualAbove.MatchString(t):
		return actualBelow
	case expectedAbove.MatchString(t):
		return expectedBelow
	}
	return noValue
}

// nextLine takes the value below a label. The pair is complete with the second one.
func (a *assertion) nextLine(l *line, kind valueKind, given bool) {
	value := strings.TrimSpace(l.text)
	if m := typedValue.FindStringSubmatch(value); m != nil {
		value = m[1]
	}
	if kind == expectedBelow {
		if !given && a.line < 0 {
			a.expected = value
			a.found = a.actual != ""
		}
		blank(l, 0, len(l.read))
		return
	}
	if !given && a.line < 0 {
		a.actual = value
		a.found = a.expected != ""
	}
	if aboutFaults(a.expected) {
		blank(l, 0, len(l.read))
	}
}

// typedValue is how Gomega writes values: <string>: Submitted.
var typedValue = rx(`^<[^>]+>:\s*(.*)$`)

// oneLine reads both values from a line.
func (a *assertion) oneLine(l *line, i int, given bool) {
	for _, p := range valuePatterns {
		m := p.re.FindStringSubmatchIndex(l.text)
		if m == nil {
			continue
		}
		from, to := m[2*p.expected], m[2*p.expected+1]
		if code := leadingStatus.FindString(l.text[from:to]); code != "" {
			to = from + len(code) // the body of the answer follows
		}
		expected, actual := l.text[from:to], l.text[m[2*p.actual]:m[2*p.actual+1]]
		if a.take(i, expected, actual, given) {
			a.unordered = p.unordered
		}
		blank(l, from, to)
		if aboutFaults(expected) {
			blank(l, m[2*p.actual], m[2*p.actual+1])
		}
		return
	}
}

var leadingStatus = rx(`^\W{0,3}[1-5]\d\d\b`)

// take keeps the first pair, unless the test itself left one.
func (a *assertion) take(i int, expected, actual string, given bool) bool {
	if a.found && (given || a.line >= 0) {
		return false
	}
	a.found, a.line, a.expected, a.actual = true, i, expected, actual
	return true
}

func blank(l *line, from, to int) {
	l.read = l.read[:from] + strings.Repeat(" ", to-from) + l.read[to:]
}

// faultWords are words of infrastructure in values that tests compare. Where the
// expected value holds one the test is about how the product words faults, and the
// actual value says nothing about the environment either.
var faultWords = sync.OnceValue(func() *matcher { return newMatcher(texts("faults in values")) })

func aboutFaults(value string) bool {
	// "no error" and "success" are what every test expects.
	if v := strings.ToLower(value); strings.Contains(v, "no error") || strings.Contains(v, "success") || strings.Contains(v, "nil") && len(v) < 12 {
		return false
	}
	return faultWords().in(value)
}

var (
	statusValue = rx(`^\W{0,6}(?:HTTP(?:/[\d.]+)?\s*|status(?: code)?\W{0,3}|code\W{0,3})?([1-5]\d\d)(?:\b[^.\d].{0,60})?$|^\W{0,4}([1-5]\d\d)\W{0,6}$`)
	statusLine  = rx(`(?i)status|http|code|response|returned|GET |POST |PUT |DELETE |PATCH `)
)

var usualStatus = map[int]bool{200: true, 201: true, 202: true, 204: true, 301: true, 302: true, 303: true, 304: true, 400: true, 401: true, 403: true,
	404: true, 405: true, 409: true, 410: true, 412: true, 415: true, 422: true, 429: true, 500: true, 501: true, 502: true, 503: true, 504: true}

// statuses tells whether the values are HTTP statuses: both usual ones, or both in
// their range on a line that speaks of such.
func (a *assertion) statuses(lines []line) {
	if !a.found {
		return
	}
	want, got := statusOf(a.expected), statusOf(a.actual)
	if want == 0 || got == 0 {
		return
	}
	named := a.line >= 0 && statusLine.MatchString(lines[a.line].text) || statusLine.MatchString(a.expected+a.actual)
	if !named && (!usualStatus[want] || !usualStatus[got]) {
		return
	}
	if a.unordered && want/100 != 2 && got/100 == 2 {
		want, got = got, want
	}
	a.expectedStatus, a.actualStatus = want, got
}

func statusOf(value string) int {
	value = strings.TrimSpace(value)
	if len(value) > 80 {
		return 0
	}
	m := statusValue.FindStringSubmatch(value)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1] + m[2])
	return n
}

// earlier are states that come before others.
var earlier = listed("earlier states")

// lags reports whether the actual value is what one sees before the expected one
// is there: an earlier state, nothing, or fewer.
func (a *assertion) lags() bool {
	if a.onlyFewer {
		return true
	}
	if !a.found || a.actualStatus != 0 {
		return false
	}
	actual, expected := strings.TrimSpace(a.actual), strings.TrimSpace(a.expected)
	if earlier.MatchString(actual) && !earlier.MatchString(expected) {
		return true
	}
	if a.unordered {
		return false
	}
	got, err1 := strconv.Atoi(strings.Trim(actual, `<>[]"' .`))
	want, err2 := strconv.Atoi(strings.Trim(expected, `<>[]"' .`))
	return err1 == nil && err2 == nil && got < want && want <= maxCount || a.fewer()
}

// more reports whether the actual value holds all that was expected and something else: rows of another owner.
// Counts say so too, as far as they are counts.
func (a *assertion) more() bool {
	if a.onlyMore {
		return true
	}
	if !a.found || a.unordered || a.actualStatus != 0 {
		return false
	}
	got, err1 := strconv.Atoi(strings.Trim(a.actual, `<>[]"' .`))
	want, err2 := strconv.Atoi(strings.Trim(a.expected, `<>[]"' .`))
	if err1 == nil && err2 == nil {
		return got > want && want > 0 && got <= maxCount
	}
	actual, ok1 := elementsOf(a.actual)
	expected, ok2 := elementsOf(a.expected)
	return ok1 && ok2 && len(actual) > len(expected) && holdsAll(actual, expected)
}

// fewer reports whether the actual value holds some of what was expected, and nothing else.
func (a *assertion) fewer() bool {
	actual, ok1 := elementsOf(a.actual)
	expected, ok2 := elementsOf(a.expected)
	return ok1 && ok2 && len(actual) < len(expected) && holdsAll(expected, actual)
}

// maxCount bounds what is taken for a count of rows, messages or elements. Larger numbers are amounts and ids.
const maxCount = 1000

// elementsOf are the elements of a list as tests print it: [a, b]. Nested lists are none.
func elementsOf(value string) (map[string]int, bool) {
	value = strings.Trim(strings.TrimSpace(value), `"'`+"`")
	if len(value) < 2 || value[0] != '[' && value[0] != '{' && value[0] != '(' || len(value) > maxLine {
		return nil, false
	}
	end := strings.LastIndexAny(value, ")]}")
	if end <= 0 || strings.ContainsAny(value[1:end], "[{(:=") {
		return nil, false
	}
	elements := map[string]int{}
	inner := value[1:end]
	if !strings.Contains(inner, ",") {
		inner = strings.ReplaceAll(inner, `" "`, `","`) // as Go prints them
	}
	for part := range strings.SplitSeq(inner, ",") {
		if part = strings.Trim(strings.TrimSpace(part), `"'`); part != "" {
			elements[part]++
		}
	}
	return elements, len(elements) > 0
}

func holdsAll(list, of map[string]int) bool {
	for e, n := range of {
		if list[e] < n {
			return false
		}
	}
	return true
}

var year = rx(`\b(?:19|20)\d\d\b`)
var dateValue = rx(`\b(?:19|20)\d\d[-/.]\d\d?[-/.]\d\d?|\b\d\d?[-/.]\d\d?[-/.](?:19|20)\d\d\b` +
	`|(?i:\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* \d)|T\d\d:\d\d:\d\d`)

// byClock reports whether the two values differ in nothing but a date, a year or
// the hour.
func (a *assertion) byClock() bool {
	if !a.found || a.expected == a.actual {
		return false
	}
	want, got := clockless(a.expected), clockless(a.actual)
	return want == got && (year.MatchString(a.expected) && year.MatchString(a.actual) || dateValue.MatchString(a.expected) && dateValue.MatchString(a.actual))
}

var clockParts = rx(`\d+|(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*|(?i:mon|tue|wed|thu|fri|sat|sun)[a-z]*`)

// clockless is a value without what a clock writes into it.
func clockless(value string) string {
	value = strings.Trim(strings.TrimSpace(value), `<>[]"'.`)
	if !year.MatchString(value) && !dateValue.MatchString(value) {
		return value
	}
	return clockParts.ReplaceAllString(value, "#")
}
