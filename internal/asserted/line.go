// Package asserted reads what assertion libraries write into the text of a failure: the two values that were compared, and the line
// that says why the test failed. [InLine], [ExpectedOn], [ActualOn] and [ValueBelow] are the grammar of single lines; they take
// whatever looks like a comparison, for readers that weigh it against other signs. [Read] builds on them and takes only what is
// sure: a wrong value misleads more than none.
package asserted

import (
	"regexp"
	"strings"
	"sync"
)

// Span is a part of a text, in bytes.
type Span struct{ From, To int }

// Of is the part itself.
func (s Span) Of(text string) string { return text[s.From:s.To] }

// Pair is where the two values stand in a line.
type Pair struct {
	Expected, Actual Span
	// Unordered: the line does not say which of the two was expected.
	Unordered bool

	form  int  // index in forms
	whole Span // the values with the words around them
}

// form is a wording that holds both values.
type form struct {
	re               func() *regexp.Regexp
	expected, actual int // groups
	unordered        bool
}

// rx is compiled when it is first needed, since each would cost every start of the program its time.
func rx(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

// The forms, by their index in [forms].
const (
	formAngles = iota
	formBrackets
	formCypress
	formGotWant
	formIsWant
	formWantGot
	formExpectedGot
	formTo
	formAssert
	formNotEqual
	formLoose // this and those behind it: what looks like a comparison to a reader that weighs signs, and is none to [Read]
)

var forms = []form{
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
	{re: rx(`AssertionError: (.+?) != (.+)`), expected: 2, actual: 1, unordered: true},
	{re: rx(`\("(.+?)"\) is not equal to \("(.+?)"\)`), expected: 2, actual: 1, unordered: true},
	{re: rx(`(\S+) was not equal to (\S+)`), expected: 2, actual: 1},
	{re: rx(`\(not \(= (\S+) (\S+)\)\)`), expected: 1, actual: 2},
	{re: rx(`asserting that (.+?) (?:is identical to|matches expected|equals|is equal to) (.+?)\.?$`), expected: 2, actual: 1},
	{re: rx(`^(\w[\w.-]*) != (\w[\w.-]*)$`), expected: 2, actual: 1, unordered: true},
	{re: rx(`(?:^|[\s:(])(\d[\w.:-]*|"[^"]*"|'[^']*') !==? (\d[\w.:-]*|"[^"]*"|'[^']*')`), expected: 2, actual: 1, unordered: true},
}

var leadingStatus = rx(`^\W{0,3}[1-5]\d\d\b`)

// InLine finds the values of a comparison that stands in one line, such as "expected: <200> but was: <503>". Of an expected HTTP
// status, the body of the answer behind it is left out.
func InLine(text string) (Pair, bool) {
	for i := range forms {
		f := &forms[i]
		m := f.re().FindStringSubmatchIndex(text)
		if m == nil {
			continue
		}
		p := Pair{Span{m[2*f.expected], m[2*f.expected+1]}, Span{m[2*f.actual], m[2*f.actual+1]}, f.unordered, i, Span{m[0], m[1]}}
		if code := leadingStatus().FindString(p.Expected.Of(text)); code != "" {
			p.Expected.To = p.Expected.From + len(code)
		}
		return p, true
	}
	return Pair{}, false
}

// Labels of values that have a line of their own.
var (
	expectedLabel = rx(`(?i)^[\sE]*(?:- )?expected(?: (?:string|pattern|substring|value|length|status|text|result|array|object))?\s*:\s?(.*)$`)
	actualLabel   = rx(`(?i)^[\sE]*(?:\+ )?(?:(?:received|actual|got|found)(?: (?:string|value|length|status|text|result|array|object))?\s*:` +
		`|but:\s*(?:was\b)?|but was:?)\s?(.*)$`)
)

// bothLabels is a line that holds both labels.
var bothLabels = rx(`(?i)\bexpected\b.{0,20}:.*\s(?:received|actual|got)\b.{0,20}:`)

// ExpectedOn finds the expected value of a line such as "Expected string: x", which has the actual one on a line of its own.
func ExpectedOn(text string) (Span, bool) {
	if strings.Contains(text, " but ") || bothLabels().MatchString(text) {
		return Span{}, false
	}
	return labelled(expectedLabel(), text)
}

// ActualOn finds the actual value of a line such as "Received: x", "but was: x".
func ActualOn(text string) (Span, bool) { return labelled(actualLabel(), text) }

func labelled(label *regexp.Regexp, text string) (Span, bool) {
	m := label.FindStringSubmatchIndex(text)
	if m == nil {
		return Span{}, false
	}
	return Span{m[2], m[3]}, true
}

// Side says which value stands somewhere.
type Side int

// The sides of a comparison.
const (
	NoSide Side = iota
	ActualSide
	ExpectedSide
)

var (
	actualAbove   = rx(`(?i)^\s*(?:Expecting(?: actual)?:|but was:|Actual:|Received:|Expected)\s*$`)
	expectedAbove = rx(`(?i)^\s*(?:Expecting \w.* to .*:|(?:not )?to (?:be|contain|equal|have|match|start|end|include)\b.*:|to equal|Expected:)\s*$`)
)

// ValueBelow tells whether a line is a label whose value stands on the next line, as AssertJ and Gomega write them. Gomega's
// "Expected" stands above the actual value.
func ValueBelow(text string) Side {
	t := strings.TrimSpace(text)
	if len(t) > 120 || t == "" || t[len(t)-1] != ':' && t != "Expected" && t != "to equal" {
		return NoSide
	}
	switch {
	case actualAbove().MatchString(t):
		return ActualSide
	case expectedAbove().MatchString(t):
		return ExpectedSide
	}
	return NoSide
}

var typedValue = rx(`^<[^>]+>:\s*(.*)$`)

// Untyped is a value without the type that Gomega writes before it: of "<string>: Submitted", "Submitted".
func Untyped(value string) string {
	if m := typedValue().FindStringSubmatch(value); m != nil {
		return m[1]
	}
	return value
}
