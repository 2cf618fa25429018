package asserted

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Values are what an assertion compared, as its library writes them.
type Values struct {
	// About says what was compared: the test's own words for it, a locator, a path; it may be empty.
	About string
	// Expected and Actual differ, and are never empty. They have several lines where the library shows several.
	Expected, Actual string
}

// Bounds of what is read.
const (
	maxText  = 32 << 10 // bytes of a message, and of details
	maxLines = 400      // lines of a text
	maxValue = 16 << 10 // bytes of a value; what is longer is not taken
	maxAbout = 160      // bytes
)

// Read finds the values that were compared in the text of a failure: in its message, else in its details if the message says nothing
// itself, or is no more than their beginning. It reports false where the text has none, can be read in two ways, or does not say which of the two was expected.
func Read(message, details string) (Values, bool) {
	lines := linesOf(message)
	v, ok := read(lines, details)
	if !ok && (saysNothing(lines) || strings.HasPrefix(strings.TrimSpace(details), strings.TrimSpace(message))) {
		v, ok = read(linesOf(details), details)
	}
	if ok && (strings.Contains(v.Expected, "…") || strings.Contains(v.Actual, "…")) {
		v = whole(v, details)
	}
	v.Expected, v.Actual = strings.TrimRightFunc(v.Expected, unicode.IsSpace), strings.TrimRightFunc(v.Actual, unicode.IsSpace)
	if !ok || strings.TrimSpace(v.Expected) == "" || strings.TrimSpace(v.Actual) == "" || v.Expected == v.Actual ||
		len(v.Expected) > maxValue || len(v.Actual) > maxValue {
		return Values{}, false
	}
	v.About = cutTo(strings.TrimSpace(v.About), maxAbout)
	return v, true
}

// whole is a pair that its library shortened with "…", as the difference in the details shows it.
func whole(short Values, details string) Values {
	lines := strings.SplitN(escapes().ReplaceAllString(cutTo(details, maxText), ""), "\n", maxLines+1)
	for i := range lines {
		if v, ok := legend(lines, i); ok {
			v.About = short.About
			return v
		}
	}
	return short
}

// read tries the ways in which libraries write, the surest first.
func read(lines []string, details string) (Values, bool) {
	for i, line := range lines {
		if !mayCompare(line) {
			continue
		}
		for _, way := range []func([]string, int) (Values, bool){angles, labels, above, legend, nodeBlocks} {
			if v, ok := way(lines, i); ok {
				if v.About == "" {
					v.About = aboutOf(lines[:i])
				}
				return v, true
			}
		}
		if v, known, ok := sentence(line, details); known {
			if ok && v.About == "" {
				v.About = aboutOf(lines[:i])
			}
			return v, ok
		}
	}
	return Values{}, false
}

// compareWords are in every line with which a comparison begins, without their first letter, which may be a capital.
var compareWords = []string{"xpect", "ctual", "ant", "ot", "eceived", "ssert", "btained", "ound", "napshot"}

// mayCompare spares most lines the expressions.
func mayCompare(line string) bool {
	return slices.ContainsFunc(compareWords, func(word string) bool { return strings.Contains(line, word) })
}

var (
	escapes = rx("\x1b\\[[0-9;?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)")
	// notWords ends what a library says: frames, source code, logs, output.
	notWords = rx(`^\s*(?:at \S.*[:(].*|>?\s*\d+ \|.*|\| +\^.*|File ".*", line \d+.*|# .+\.rb:\d+.*|--- output ---|` +
		`[Cc]all [Ll]og:|Traceback .*:|Stack ?[Tt]race:?|@@ .*@@.*)$`)
	pytestE = rx(`^E(?:   |$)`)
	// numbered is one of several failures that RSpec lists.
	numbered = rx(`^\s*\d+\)\s+`)
	testify  = rx(`^\s*(?:Error|Messages|Test|Error Trace):\s+\t`)
)

// linesOf are the lines of a text that its library wrote: without colours, frames and what pytest and testify write before each.
func linesOf(text string) []string {
	text = escapes().ReplaceAllString(cutTo(text, maxText), "")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\u00a0", " ") // cmp writes either space, by chance
	lines := strings.SplitN(text, "\n", maxLines+1)
	lines = lines[:min(len(lines), maxLines)]
	if slices.ContainsFunc(lines, pytestE().MatchString) {
		lines = slices.DeleteFunc(lines, func(l string) bool { return !pytestE().MatchString(l) })
		for i, l := range lines {
			lines[i] = strings.TrimPrefix(strings.TrimPrefix(l, "E"), "   ")
		}
	}
	if slices.ContainsFunc(lines, testify().MatchString) {
		lines = untestify(lines)
	}
	for i, l := range lines {
		lines[i] = numbered().ReplaceAllString(l, "")
		if notWords().MatchString(l) && !strings.HasPrefix(l, "@@") {
			return lines[:i]
		}
	}
	return lines
}

var testifyHead = rx(`^\s*([A-Z][A-Za-z ]+):\s*\t(.*)$`)

// untestify takes what testify calls Messages and Error out of its columns, the messages first, since they say what was compared.
func untestify(lines []string) []string {
	parts := map[string][]string{}
	part := ""
	for _, l := range lines {
		if m := testifyHead().FindStringSubmatch(l); m != nil {
			part, l = m[1], m[2]
		} else if at := strings.LastIndex(l, "            \t"); at >= 0 {
			l = l[at+len("            \t"):]
		}
		parts[part] = append(parts[part], l)
	}
	return append(parts["Messages"], parts["Error"]...)
}

// cutTo is the head of a text of so many bytes at most, with whole characters.
func cutTo(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// angles reads JUnit's "expected: <x> but was: <y>", whose values may have several lines.
func angles(lines []string, i int) (Values, bool) {
	const open, between = "expected: <", "> but was: <"
	at := strings.Index(lines[i], open)
	if at < 0 {
		return Values{}, false
	}
	text := lines[i][at:]
	if !strings.Contains(text, between) {
		text = strings.Join(lines[i:], "\n")[at:]
	}
	text = strings.TrimSuffix(strings.TrimRightFunc(text, unicode.IsSpace), ".")
	if strings.Count(text, open) != 1 || strings.Count(text, between) != 1 || !strings.HasSuffix(text, ">") {
		return Values{}, false
	}
	expected, actual, _ := strings.Cut(text[len(open):len(text)-1], between)
	return Values{tidyAbout(lines[i][:at]), expected, actual}, true
}

var (
	moreExpected = rx(`(?i)^\s*(?:want(?:ed)?|expected(?: (?:number of calls|regex|message|constructor|name|key|size|(?:value|type) ?))?)\s*[:=]\s?(.*)$`)
	moreActual   = rx(`(?i)^\s*(?:[\-+] )?(?:got|have|obtained|(?:received|actual)` +
		`(?: (?:number of calls|regex|message|constructor|name|key|size|value|type))?)\s*[:=]\s?(.*)$`)
	collections = rx(`^(expected|actual) collection contained:\s+(.*)$`)
	// besideValues are lines that stand between the two values, or behind them.
	besideValues = rx(`^\s*(?:(?:Timeout|Locator):.*|[↓↑].*|-*\^|)$`)
	// kindOf says how an expected value was compared.
	kindOf   = rx(`(?i)^\s*expected (substring|pattern)\b`)
	ofArray  = rx(`(?i)^\s*received (?:array|object|set|iterable)\b`)
	ofValue  = rx(`(?i)^\s*expected value\b`)
	notFound = rx(`^Error: (element\(s\) not found)$`)
)

// label tells which value a line has behind its label, if any.
func label(line string) (side Side, value string) {
	if m := collections().FindStringSubmatch(line); m != nil {
		if m[1] == "expected" {
			return ExpectedSide, m[2]
		}
		return ActualSide, m[2]
	}
	if part, ok := ExpectedOn(line); ok {
		return ExpectedSide, part.Of(line)
	}
	if part, ok := labelled(moreExpected(), line); ok && !strings.Contains(line, " but ") {
		return ExpectedSide, part.Of(line)
	}
	if part, ok := ActualOn(line); ok {
		return ActualSide, part.Of(line)
	}
	if part, ok := labelled(moreActual(), line); ok {
		return ActualSide, part.Of(line)
	}
	if m := notFound().FindStringSubmatch(line); m != nil {
		return ActualSide, m[1]
	}
	return NoSide, ""
}

// labels reads two values behind labels of their own, such as "Expected: x" and "Received: y", in either order.
func labels(lines []string, i int) (Values, bool) {
	side, _ := label(lines[i])
	if side == NoSide {
		return Values{}, false
	}
	first, next, ok := valueAt(lines, i)
	if !ok {
		return Values{}, false
	}
	for next < len(lines) && besideValues().MatchString(lines[next]) {
		next++
	}
	if next == len(lines) {
		return Values{}, false
	}
	other, _ := label(lines[next])
	if other == NoSide || other == side {
		return Values{}, false
	}
	second, _, ok := valueAt(lines, next)
	if !ok {
		return Values{}, false
	}
	expectedLine, actualLine := lines[i], lines[next]
	if side == ActualSide {
		first, second = second, first
		expectedLine, actualLine = actualLine, expectedLine
	}
	v := Values{Expected: trimmed(bare(first, "is ")), Actual: trimmed(bare(second, "was "))}
	switch m := kindOf().FindStringSubmatch(expectedLine); {
	case m != nil:
		v.Expected = map[string]string{"s": "to contain ", "p": "to match "}[strings.ToLower(m[1][:1])] + v.Expected
	case ofValue().MatchString(expectedLine) && ofArray().MatchString(actualLine):
		v.Expected = "to contain " + v.Expected
	}
	return v, true
}

// bare is a value without the verb that Hamcrest writes before it.
func bare(value, verb string) string {
	if rest, ok := strings.CutPrefix(value, verb); ok && rest != "" && strings.ContainsRune(`"<'[{`, rune(rest[0])) {
		return rest
	}
	return value
}

// valueAt is the value behind the label of a line, and the index of the line after it. A value that is not complete on its line
// goes on until its brackets and quotes are closed; one of which nothing stands behind the label is the indented block below.
func valueAt(lines []string, i int) (value string, next int, ok bool) {
	_, value = label(lines[i])
	value = strings.TrimSpace(strings.TrimPrefix(value, ":")) // Truth writes "but was : x"
	next = i + 1
	if value == "" {
		var block []string
		for ; next < len(lines) && isIndented(lines[next]) && len(block) < maxLines; next++ {
			if side, _ := label(lines[next]); side != NoSide {
				break
			}
			block = append(block, lines[next])
		}
		return dedent(block), next, len(block) > 0
	}
	for !balanced(value) {
		if next == len(lines) || next-i > 60 {
			return "", next, false
		}
		value += "\n" + lines[next]
		next++
	}
	return value, next, true
}

func isIndented(line string) bool {
	return strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "\t")
}

// balanced reports whether brackets and double quotes of a value are closed. Brackets within quotes do not count.
func balanced(value string) bool {
	depth, quoted := 0, false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[' || c == '(':
			depth++
		case c == '}' || c == ']' || c == ')':
			depth--
		}
	}
	return depth <= 0 && !quoted
}

// dedent joins lines without the spaces that all of them begin with.
func dedent(lines []string) string {
	most := -1
	for _, l := range lines {
		if n := len(l) - len(strings.TrimLeft(l, " \t")); strings.TrimSpace(l) != "" && (most < 0 || n < most) {
			most = n
		}
	}
	for i, l := range lines {
		lines[i] = l[min(max(most, 0), len(l)):]
	}
	return strings.TrimRight(strings.Join(lines, "\n"), " \n")
}

var (
	relation = rx(`^((?:not )?to \w[^:]{0,80}?)(:?)\s*$`)
	sameAs   = rx(`^to (?:equal|be equal to|be identical to|be)$`)
)

// above reads AssertJ's "Expecting actual:", "to contain:" and Gomega's "Expected", "to equal", each with its value below.
func above(lines []string, i int) (Values, bool) {
	t := strings.TrimSpace(lines[i])
	if t != "Expected" && t != "Expecting actual:" && t != "Expecting:" {
		return Values{}, false
	}
	block := func(from int) (string, int) {
		to := from
		for to < len(lines) && isIndented(lines[to]) {
			to++
		}
		return Untyped(dedent(slices.Clone(lines[from:to]))), to
	}
	actual, next := block(i + 1)
	if actual == "" || next == len(lines) {
		return Values{}, false
	}
	m := relation().FindStringSubmatch(lines[next])
	if m == nil {
		return Values{}, false
	}
	value, _ := block(next + 1)
	switch {
	case value == "" && m[2] == ":":
		return Values{}, false
	case value == "":
		value = m[1]
	case !sameAs().MatchString(m[1]):
		value = m[1] + " " + value
	}
	return Values{Expected: value, Actual: actual}, true
}

var (
	minusExpected = rx(`^(?:- (?:Expected|Snapshot)\b.*|\+ actual - expected\b.*|--- [Ee]xpected|.*\(-(?:want|expected|exp) \+(?:got|have|actual|act)\):?)\s*$`)
	plusExpected  = rx(`^(?:--- [Aa]ctual|.*\(-(?:got|have|actual|act) \+(?:want|expected|exp)\):?)\s*$`)
	secondLegend  = rx(`^(?:\+ Received\b.*|\+\+\+ (?:[Aa]ctual|[Ee]xpected)|@@.*@@.*|)\s*$`)
)

// legend reads a difference whose legend says which sign stands for which value, and puts the two values together again.
func legend(lines []string, i int) (Values, bool) {
	minus := minusExpected().MatchString(lines[i])
	if !minus && !plusExpected().MatchString(lines[i]) {
		return Values{}, false
	}
	next := i + 1
	for next < len(lines) && next < i+4 && secondLegend().MatchString(lines[next]) {
		next++
	}
	var removed, added []string
	marked := false
	for ; next < len(lines); next++ {
		l := lines[next]
		if strings.HasPrefix(l, "@@") {
			continue
		}
		if l == "" || strings.TrimSpace(l) == "^" {
			break
		}
		switch l[0] {
		case '-':
			removed, marked = append(removed, " "+l[1:]), true
		case '+':
			added, marked = append(added, " "+l[1:]), true
		case ' ', '\t', '.':
			removed, added = append(removed, l), append(added, l)
		default:
			next = len(lines)
		}
	}
	if !marked {
		return Values{}, false
	}
	about := ""
	if at := strings.Index(lines[i], "(-"); at > 0 {
		about = tidyAbout(strings.TrimSuffix(strings.TrimSpace(lines[i][:at]), "mismatch"))
	}
	v := Values{about, orNothing(dedent(removed)), orNothing(dedent(added))}
	if !minus {
		v.Expected, v.Actual = v.Actual, v.Expected
	}
	return v, true
}

// orNothing is a side of a difference that the other side alone has lines of.
func orNothing(s string) string {
	if strings.TrimSpace(s) == "" {
		return "(nothing)"
	}
	return s
}

var (
	nodeHead  = rx(`^Expected values to be (?:strictly|loosely) (?:deep-)?equal:$`)
	nodeBreak = rx(`^should (?:strictly|loosely) (?:deep-)?equal$`)
	nodeLine  = rx(`^(.+?) !==? (.+)$`)
)

// nodeBlocks reads what Node's assert writes without a legend: the actual value first, as the parameters of its functions.
func nodeBlocks(lines []string, i int) (Values, bool) {
	if !nodeHead().MatchString(lines[i]) {
		return Values{}, false
	}
	rest := lines[i+1:]
	for len(rest) > 0 && strings.TrimSpace(rest[0]) == "" {
		rest = rest[1:]
	}
	if len(rest) == 0 {
		return Values{}, false
	}
	if m := nodeLine().FindStringSubmatch(rest[0]); m != nil && strings.Count(rest[0], " !== ")+strings.Count(rest[0], " != ") == 1 {
		return Values{Expected: m[2], Actual: m[1]}, true
	}
	at := slices.IndexFunc(rest, nodeBreak().MatchString)
	if at < 0 {
		return Values{}, false
	}
	expected := rest[at+1:]
	for len(expected) > 0 && strings.TrimSpace(expected[0]) == "" {
		expected = expected[1:]
	}
	return Values{Expected: strings.Join(expected, "\n"), Actual: strings.TrimSpace(strings.Join(rest[:at], "\n"))}, true
}

// words counts whole words in a line, in either case.
func words(line string, re func() *regexp.Regexp) int { return len(re().FindAllStringIndex(line, -1)) }

var (
	wantWords = rx(`(?i)\b(?:want(?:ed)?|expected|expects?)\b`)
	gotWords  = rx(`(?i)\b(?:got|was|were|received|found|actual(?:ly)?|have|saw|returned|is|now)\b`)
	between   = rx(`(?i)^[>"')]*(?: (?:but )?got|[,;.]? but (?:was|got|received|found|actual(?:ly)? (?:was|got))|` +
		`[,;.] ?(?:was|got|received|found|actual(?: was)?|instead got)):?\s*[<"'(]*$`)
	gotHead    = rx(`(?i)^(?:got|actual)\b`)
	toWords    = rx(`(?:^| )(?:not )?to `)
	toHead     = rx(`^to (?:deeply |strictly |deep )?(equal|be|eql|include|contain|match)$`)
	toHave     = rx(`(?i)\bexpected (.+?) (to (?:have|be|throw|contain|include)\b.+?),? but got (.+)$`)
	phpUnit    = rx(`^Failed asserting that (.+?) (?:is identical to|matches expected|is equal to) (.+)\.$`)
	elements   = rx(`\. Found '(\d+)', expected '(\d+)'\.`)
	msTest     = rx(`^Assert\.\w+ failed\. Expected:<(.*)>\. Actual:<(.*)>\. ?(.*)$`)
	fluent     = rx(`^Expected (.+?) to (be .+?), but found (.+?)\.$`)
	sizeBut    = rx(`^Expected size: ?(\d+) but was: ?(\d+) in:`)
	expecting  = rx(`^Expecting (?:value|actual) to be (true|false|null) but was (true|false)\b`)
	withinTime = rx(`^("[^"]*"|<[^>]*>) within .*$`)
	equality   = rx(`\s*// Object\.is equality$`)
	isNothing  = rx(`(?i)^(?:not equal|not same|to|it|that|this|a|the)$`)
)

// sentence reads both values from one sentence. known: the line is a comparison, whether or not it can be read in one way only, so
// that what follows it is not asked.
func sentence(line, details string) (v Values, known, ok bool) {
	if len(line) > 2000 {
		return Values{}, false, false
	}
	if m := phpUnit().FindStringSubmatch(line); m != nil {
		if strings.HasPrefix(m[1], "actual size ") && strings.HasPrefix(m[2], "size ") {
			return Values{"size", m[2][len("size "):], m[1][len("actual size "):]}, true, true
		}
		return Values{Expected: m[2], Actual: m[1]}, true, !strings.HasPrefix(m[1], "two ")
	}
	if m := sizeBut().FindStringSubmatch(line); m != nil {
		return Values{"size", m[1], m[2]}, true, true
	}
	if m := expecting().FindStringSubmatch(line); m != nil {
		return Values{Expected: m[1], Actual: m[2]}, true, true
	}
	if m := elements().FindStringSubmatch(line); m != nil {
		return Values{"elements", m[2], m[1]}, true, true
	}
	if m := msTest().FindStringSubmatch(line); m != nil {
		return Values{m[3], m[1], m[2]}, true, strings.Count(line, ">. Actual:<") == 1
	}
	if m := fluent().FindStringSubmatch(line); m != nil {
		value, _ := strings.CutPrefix(m[2], "be ")
		return Values{m[1], value, m[3]}, true, words(line, toWords) == 1 && words(line, gotWords) == 1 && strings.Count(line, ", but ") == 1
	}
	if m := toHave().FindStringSubmatchIndex(line); m != nil {
		return Values{tidyAbout(line[:m[0]]), line[m[4]:m[5]], line[m[6]:m[7]]}, true, words(line, wantWords) == 1 && strings.Count(line, "but got") == 1
	}
	if noComparison().MatchString(line) {
		return Values{}, false, false
	}
	p, found := InLine(line)
	if !found || p.form >= formLoose {
		return Values{}, false, false
	}
	v = Values{tidyAbout(line[:p.whole.From]), Untyped(trimmed(p.Expected.Of(line))), Untyped(trimmed(p.Actual.Of(line)))}
	if IsGeneric(v.About) {
		v.About = ""
	}
	if p.form == formAssert {
		v, ok = pytest(line, details)
		return v, ok, ok // what it compares may follow
	}
	if isNothing().MatchString(v.Expected) || isNothing().MatchString(v.Actual) {
		return v, true, false
	}
	v.Expected, v.Actual = unmarked(v.Expected, v.Actual)
	v.Actual = equality().ReplaceAllString(v.Actual, "")
	v.Expected = equality().ReplaceAllString(v.Expected, "")
	if m := withinTime().FindStringSubmatch(v.Actual); m != nil {
		v.Actual = m[1]
	}
	return v, true, isSure(line, p, &v)
}

// noComparison are lines that read like a comparison and are none.
var noComparison = rx(`(?i)never found it|to find (?:element|content)|expected to find|^\s*(?:at|in) |` +
	`expected values |strictly unequal|expected and actual|expected string length \d`)

// isSure reports whether a sentence can be read in one way only.
func isSure(line string, p Pair, v *Values) bool {
	whole := p.whole.Of(line)
	oneWant := words(whole, wantWords) == 1
	switch p.form {
	case formAngles:
		return strings.Count(whole, "but was") == 1 && oneWant
	case formBrackets:
		return strings.Count(whole, "] but found [") == 1 && oneWant
	case formCypress:
		return oneWant && strings.Count(whole, ", but the ") == 1
	case formGotWant:
		v.Expected = closing(v.Expected)
		return gotHead().MatchString(whole) && oneWant && words(whole, gotWords) == 1
	case formIsWant:
		if at := strings.LastIndex(line[:p.Actual.From], " = "); at >= 0 {
			v.About = tidyAbout(line[:at])
		}
		return oneWant && strings.Count(line, " = ") == 1
	case formWantGot:
		sep := line[p.Expected.To:p.Actual.From]
		v.Actual = closing(v.Actual)
		return oneWant && strings.Contains(sep, "got") && words(whole, gotWords) == 1
	case formExpectedGot:
		if head := strings.TrimSpace(line[p.whole.From:p.Expected.From]); v.About == "" {
			_, v.About, _ = strings.Cut(head, " ")
			v.About = strings.TrimSpace(v.About)
		}
		return oneWant && between().MatchString(line[p.Expected.To:p.Actual.From]) && words(whole, gotWords) == 1 &&
			!strings.Contains(v.Expected, " but ")
	case formTo:
		return isSureTo(line, p, v)
	}
	return false
}

// isSureTo is [isSure] for Chai's "expected x to equal y", and those like it.
func isSureTo(line string, p Pair, v *Values) bool {
	how := strings.TrimSpace(line[p.Actual.To:p.Expected.From])
	m := toHead().FindStringSubmatch(how)
	if m == nil || words(line, toWords) != 1 || words(line, wantWords) != 1 {
		return false
	}
	switch first, _, _ := strings.Cut(v.Expected, " "); {
	case strings.HasPrefix(v.Actual, "'<"), strings.HasPrefix(v.Actual, "[Function"), strings.Contains(v.Actual, ".fn()"):
		return false // an element, a spy: not what was compared
	case first == "not" || first == "called" || first == "close" || first == "in" || first == "visible":
		return false
	}
	if strings.HasPrefix(line, "Expected ") { // Minitest ends its sentences
		v.Expected = strings.TrimSuffix(v.Expected, ".")
	}
	if m[1] != "equal" && m[1] != "be" && m[1] != "eql" {
		v.Expected = how + " " + v.Expected
	}
	return true
}

// unmarked takes off the square brackets that JUnit 4 puts around what differs.
func unmarked(expected, actual string) (string, string) {
	a, b := marked().FindStringSubmatch(expected), marked().FindStringSubmatch(actual)
	if a == nil || b == nil || a[1] != b[1] || a[3] != b[3] || a[1]+a[3] == "" {
		return expected, actual
	}
	return a[1] + a[2] + a[3], b[1] + b[2] + b[3]
}

var marked = rx(`^([^\[\]]*)\[([^\[\]]*)\]([^\[\]]*)$`)

// closing takes off the bracket that was opened before the values.
func closing(value string) string {
	if strings.HasSuffix(value, ")") && strings.Count(value, ")") > strings.Count(value, "(") {
		return strings.TrimSuffix(value, ")")
	}
	return value
}

// trimmed is a value without the angle brackets and the full stop of its sentence.
func trimmed(value string) string {
	value = strings.TrimSpace(value)
	if strings.HasSuffix(value, ">.") || strings.HasSuffix(value, `".`) {
		value = value[:len(value)-1]
	}
	if len(value) > 1 && value[0] == '<' && !strings.Contains(value, ">") {
		value = value[1:]
	}
	if m := bracketed().FindStringSubmatch(value); m != nil {
		value = m[1]
	}
	return value
}

// bracketed is a number or a truth value, as Hamcrest and RestAssured write them; anything else in angle brackets may be markup.
var bracketed = rx(`^<(-?\d[\d.,]*[LFfDd]?|true|false|null)>$`)

var (
	pytestLine   = rx(`^(?:AssertionError: )?assert (.+) == (.+)$`)
	whereClause  = rx(`\s+\+  where .*$`)
	pytestSource = rx(`(?m)^>\s+assert (.+)$`)
	constant     = rx(`^(?:[A-Z][A-Z0-9_]+|(?:pytest\.)?approx\(.*\))$`)
	inQuotes     = rx(`\b[rbu]?(?:"[^"]*"|'[^']*')|"[^"]*"|'[^']*'`)
	literalWords = rx(`\b(?:True|False|None|e\d+)\b`)
	namedWant    = rx(`(?i)\b(?:expected|want|wanted|expect)(?:_\w+)?$|\bexpected_\w+$`)
)

// pytest reads "assert x == y". pytest does not know which of the two was expected: the source line tells, where one side is a
// literal or is called so, and the other is neither.
func pytest(line, details string) (Values, bool) {
	m := pytestLine().FindStringSubmatch(strings.TrimSpace(line))
	if m == nil || strings.Count(line, " == ") != 1 {
		return Values{}, false
	}
	left, right := m[1], whereClause().ReplaceAllString(m[2], "")
	source := pytestSource().FindAllStringSubmatch(cutTo(details, maxText), -1)
	if len(source) == 0 {
		return Values{}, false
	}
	code, _, _ := strings.Cut(source[len(source)-1][1], "  #")
	sides := strings.Split(code, " == ")
	if len(sides) != 2 || strings.Contains(code, " and ") || strings.Contains(code, " or ") {
		return Values{}, false
	}
	isWanted := func(side string) bool {
		if at := strings.IndexAny(side, ","); at >= 0 && balanced(side[:at]) && !strings.Contains(side[:at], "'") {
			side = side[:at] // a message follows
		}
		side = strings.TrimSpace(side)
		return isLiteral(side) || constant().MatchString(side) || namedWant().MatchString(side)
	}
	switch a, b := isWanted(sides[0]), isWanted(sides[1]); {
	case b && !a:
		return Values{Expected: right, Actual: left}, true
	case a && !b:
		return Values{Expected: left, Actual: right}, true
	}
	return Values{}, false
}

// isLiteral reports whether a piece of Python is made of literals alone: a list of what a loop finds is none.
func isLiteral(code string) bool {
	rest := literalWords().ReplaceAllString(inQuotes().ReplaceAllString(code, ""), "")
	return code != "" && !strings.ContainsFunc(rest, func(r rune) bool { return unicode.IsLetter(r) || r == '_' || r == '"' || r == '\'' })
}

var (
	inBrackets = rx(`^\[(.+)\]$`)
	jsonPath   = rx(`^(?:JSON|XML) path (\S+) doesn't match\.$`)
	pathIs     = rx(`^Expected path:\s+(.+)$`)
	locatorIs  = rx(`^Locator:\s+(.+)$`)
	valueOf    = rx(`^value of\s*: (.+)$`)
)

// aboutOf is what the lines before the values say that was compared: a locator, a path, else the first that is no headline of a
// library.
func aboutOf(before []string) string {
	about := ""
	for _, l := range before {
		l = strings.TrimSpace(l)
		for _, re := range []func() *regexp.Regexp{jsonPath, pathIs, locatorIs, valueOf, inBrackets} {
			if m := re().FindStringSubmatch(l); m != nil {
				return tidyAbout(m[1])
			}
		}
		if tidy := tidyAbout(l); about == "" && !strings.HasPrefix(l, "assert ") && !besideValues().MatchString(l) && !IsGeneric(l) && !IsGeneric(tidy) {
			about = tidy
		}
	}
	return about
}

var typeHead = rx(`^(?:[\w$]+[.:]{1,2})*[\w$]*(?:Error|Exception|Failure|Failed)(?: \[\w+\])?:\s*`)

// placeHead is where a framework says that it failed.
var placeHead = rx(`^[^\s:]+\.\w{1,6}:\d+(?::\d+)?:\s+`)

// tidyAbout takes off what joins words to the values behind them, and the class of the exception before them.
func tidyAbout(s string) string {
	s = placeHead().ReplaceAllString(typeHead().ReplaceAllString(strings.TrimSpace(s), ""), "")
	s = strings.TrimSuffix(strings.TrimSpace(s), "==>")
	return strings.TrimRight(strings.TrimSpace(s), " :,;-(=")
}
