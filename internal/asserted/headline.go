package asserted

import "strings"

// generic are headlines that frameworks and libraries write for every failure of a kind: they do not tell one from another.
var generic = rx(`(?i)^(?:` + strings.Join([]string{
	`|fail(?:ed|ure)?[.:]?|error[.:]?|test (?:case )?failed[.:]?|an? (?:error|exception) (?:was|has been) (?:thrown|raised)[.:]?`,
	`(?:[\w$]+[.:]{1,2})*(?:error|exception|\w*assertion\w*(?:error|exception)|comparisonfailure|expectationnotmeterror)(?: \[\w+\])?[.:]?`,
	`assert(?:ion)?(?: failed)?[.:]?|assert(?:ion)? ?error[.:]?`,
	`[^\s:]+\.(?:[cm]?[jt]sx?|py|rb|go|java|kt|php|cs|feature|robot):\d+(?::\d+)?:?(?: .*[›>].*)?`,
	`(?:test )?timeout of \d+ms exceeded\.?(?: while (?:running|setting up|tearing down) .*)?`,
	`expected values to be (?:strictly |loosely )?(?:deep-)?equal:.*`,
	`the expression evaluated to a falsy value:`,
	`expect\(.*\)\.[\w.]+\(.*\)(?: failed)?(?: //.*)?`,
	`(?:process |command |runner )?(?:failed |finished |exited |ended )?(?:with )?(?:exit(?:ed)?|non-zero exit) ?(?:status|code)? ?:? ?\d*\.?`,
	`command failed with exit code \d+\.?`,
	`\d+ expectations? failed\.?`,
	`multiple failures \(\d+ failures\)`,
	`got \d+ failures? (?:and \d+ other errors? )?from failure aggregation block:?`,
	`failed asserting that two \w+ are (?:identical|equal)\.`,
	`assert\.\w+\(\) failure(?:: .*differ)?`,
	`not equal:?|expecting(?: actual)?:|expected:?|error trace:.*|several failures occurred:|comparison failed|received unexpected error:`,
	`[-+]{1,3} ?(?:expected|actual|received)\b.*|@@.*@@.*`,
	`(?:expected string length|string lengths are both) \d+.*|assert\.that\(.*\)`,
	`\w+::test\w+(?: with data set .*)?`,
	`\.`,
}, `|`) + `)$`)

// IsGeneric reports whether a line is one that is written for every failure of a kind, such as "Failed", "Test timeout of 30000ms exceeded."
func IsGeneric(line string) bool {
	line = strings.TrimSpace(line)
	return generic().MatchString(line) || generic().MatchString(plainError(line))
}

// saysNothing reports whether all lines of a message are generic.
func saysNothing(lines []string) bool {
	for _, l := range lines {
		if !IsGeneric(l) {
			return false
		}
	}
	return true
}

// Headline is the line that says why a test failed: the first of the message, unless it is generic; then the first line of the message,
// or of the details, that is not. A message of which nothing says more is left as it is.
func Headline(message, details string) string {
	lines := linesOf(message)
	if line, ok := deciding(lines); ok {
		return withLog(line, message+"\n"+details)
	}
	if line, ok := decidingOf(details); ok {
		return withLog(line, details)
	}
	for _, l := range lines {
		if l = strings.TrimSpace(l); l != "" {
			return l
		}
	}
	return ""
}

// deciding is the line that is not generic: one that names an error behind a matcher of Jest or Playwright, else the first one.
func deciding(lines []string) (string, bool) {
	matcher, said := "", []string(nil)
	for _, l := range lines {
		l = plainError(l)
		if m := expectCall().FindStringSubmatch(l); m != nil {
			matcher = m[1]
			continue
		}
		if IsGeneric(l) || !strings.ContainsFunc(l, isWordRune) || besideValues().MatchString(l) {
			if len(said) > 0 && l == "" && len(said) > 1 {
				break
			}
			continue
		}
		if matcher == "" {
			return l, true
		}
		if side, _ := label(l); side == NoSide && !strings.HasPrefix(l, "Received ") {
			return matcher + ": " + l, true
		}
		said = append(said, l)
	}
	if matcher == "" || len(said) == 0 {
		return "", false
	}
	return matcher + ": " + strings.Join(said[:min(len(said), 2)], ", "), true
}

var (
	expectCall = rx(`^expect\(.*\)\.((?:not\.|resolves\.|rejects\.)*\w+)\(.*\)(?: failed)?(?: //.*)?$`)
	assertType = rx(`^(?:[\w$]+[.:]{1,2})*(?:Error|Failed|\w*Assertion\w*(?:Error|Exception)|ComparisonFailure|\w*ExpectationNotMetError)(?: \[\w+\])?:\s+`)
)

// plainError is a line without the place before it, and without the class of its exception where that says no more than that an
// assertion failed.
func plainError(line string) string {
	return assertType().ReplaceAllString(placeHead().ReplaceAllString(strings.TrimSpace(line), ""), "")
}

func isWordRune(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r > 0x7f
}

var errorLine = rx(`^\s*(?:E\s+)?(?:[\w$.]*(?:Error|Exception)\b[^:]{0,40}:|(?:error|fatal|panic|ERROR|FATAL)\b ?:)`)

// decidingOf is the line of the details that says why: one that names an error before any other.
func decidingOf(details string) (string, bool) {
	details = escapes().ReplaceAllString(cutTo(details, maxText), "")
	n := 0
	for l := range strings.Lines(details) {
		if n++; n > maxLines {
			break
		}
		if errorLine().MatchString(l) && !IsGeneric(l) {
			if line, ok := deciding([]string{l}); ok && !IsGeneric(line) {
				return line, true
			}
		}
	}
	return deciding(linesOf(details))
}

var (
	timedOut   = rx(`^(?:TimeoutError: )?(\w+(?:\.\w+)+): (?:Test )?[Tt]imeout (?:of )?(\d+ms) exceeded\.?$`)
	waitingFor = rx(`(?m)^\s*- waiting for (.+)$`)
)

// withLog adds to a time-out of Playwright what its log says that it waited for.
func withLog(line, text string) string {
	m := timedOut().FindStringSubmatch(line)
	if m == nil {
		return line
	}
	text = escapes().ReplaceAllString(cutTo(text, maxText), "")
	_, log, ok := strings.Cut(text, line[strings.Index(line, m[1]):])
	if !ok {
		return line
	}
	what := ""
	for _, w := range waitingFor().FindAllStringSubmatch(log, 50) {
		if state, ok := strings.CutPrefix(w[1], "element to be "); !ok {
			what = strings.TrimSpace(w[1]) // a locator; its state may follow
		} else if what != "" && !strings.Contains(what, " to be ") {
			what += " to be " + strings.TrimSpace(state)
		}
	}
	if what == "" {
		return line
	}
	return m[1] + ": waited " + m[2] + " for " + what
}
