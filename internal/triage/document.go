package triage

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The bounds of what is read of a failure, in bytes. The beginning and the end of
// long details say most.
const (
	maxMessage = 16 << 10
	maxDetails = 64 << 10
)

// source says which input a line is from.
type source int

const (
	fromAny source = iota
	fromMessage
	fromDetails
)

func (s source) String() string {
	if s == fromMessage {
		return "message"
	}
	return "details"
}

// weight says how much a line tells about the cause, strongest first.
type weight int

const (
	// root: the innermost cause of a chain.
	root weight = iota
	// head: the failure's own message, and causes between it and the root.
	head
	// trace: other output, and log lines of level error.
	trace
	// noise: log lines below error. Services warn of much that does no harm.
	noise
	// mute: frames and source code, whose words are names.
	mute
)

// line is one line of a failure.
type line struct {
	from   source
	n      int // from 1
	text   string
	weight weight
	// read is the text that signals are looked for in: expected values are blanked.
	read string
	// beside: a process beside the test wrote it.
	beside bool
}

// String says where the line stands.
func (l *line) String() string {
	if l.from == fromMessage && l.n == 1 {
		return "message"
	}
	return fmt.Sprintf("%s line %d", l.from, l.n)
}

// document is a failure, read.
type document struct {
	message, details string
	lines            []line
	assertion        assertion
	frames           frames
	health           Health
	// healthWhy names the gates behind health, where gates are known.
	healthWhy []string
	// own are the hosts of the environment under test.
	own map[string]bool
	// targets are the hosts that lines name, once they were asked for.
	targets map[int][]target
	// whose remembers, of lines that were asked about, whose fault they report.
	whose map[int]party
	style style
	// headline: the message says nothing but that the test failed, so the details speak.
	headline bool
	// address is the line that [document.addressLine] found, from 1; 0: not looked for yet, -1: there is none.
	address int
	// elsewhere is the answer of [document.partyElsewhere], once it was asked.
	elsewhere      party
	elsewhereAsked bool
	// vendor is the answer of [document.calledVendor], once it was asked.
	vendor, vendorAsked bool
	// endedFrame is where a process beside the test ended.
	endedFrame frame
}

// targetsAt are the hosts that a line names.
func (d *document) targetsAt(i int) []target {
	list, known := d.targets[i]
	if !known {
		if d.targets == nil {
			d.targets = map[int][]target{}
		}
		list = targetsOf(d.lines[i].text[:min(len(d.lines[i].text), maxLine)])
		d.targets[i] = list
	}
	return list
}

var ansi = rx("\x1b\\[[0-9;?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)")

func plain(s string) string {
	if strings.IndexByte(s, 0x1b) >= 0 {
		s = ansi.ReplaceAllString(s, "")
	}
	if strings.IndexByte(s, '\r') >= 0 {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	}
	return s
}

// bounded keeps the first and the last half of what is too long, at line ends
// where there are any.
func bounded(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	first, last := s[:limit/2], s[len(s)-limit/2:]
	if i := strings.LastIndexByte(first, '\n'); i >= 0 {
		first = first[:i]
	}
	if i := strings.IndexByte(last, '\n'); i >= 0 {
		last = last[i+1:]
	}
	return strings.ToValidUTF8(first, "") + "\n" + strings.ToValidUTF8(last, "")
}

func read(in Input) *document {
	d := &document{message: plain(bounded(in.Message, maxMessage)), details: plain(bounded(in.Details, maxDetails))}
	if in.Type != "" && !strings.Contains(d.message, in.Type) {
		d.message = strings.TrimSuffix(in.Type+": "+d.message, ": ")
	}
	d.addLines(fromMessage, d.message)
	d.addLines(fromDetails, d.details)
	d.sections()
	d.weigh()
	d.own = ownHosts(in)
	d.frames = readFrames(d.lines)
	d.assertion = readAssertion(in, d.lines)
	d.health, d.healthWhy = healthOf(in, d)
	return d
}

func (d *document) addLines(from source, text string) {
	n := 0
	for s := range strings.SplitSeq(text, "\n") {
		n++
		if strings.TrimSpace(s) == "" {
			continue
		}
		d.lines = append(d.lines, line{from: from, n: n, text: s, read: s})
	}
}

// headLines is how many lines of a message speak for it: frameworks append call
// logs and output to messages.
const headLines = 40

// weigh gives each line its weight.
func (d *document) weigh() {
	style := styleOf(d.lines)
	d.style = style
	bare := strings.TrimSpace(d.message) == ""
	d.headline = isHeadline(d.message)
	speak := headLines
	for i := range d.lines {
		l := &d.lines[i]
		l.weight = weightOf(l, style)
		if l.beside {
			l.weight = max(l.weight, trace)
			continue
		}
		if d.headline && l.from == fromDetails && l.weight == trace && speak > 0 && levelOf(l.text) == mute {
			l.weight, speak = head, speak-1
			continue
		}
		// An exception in the output is a cause only where the message repeats it: the
		// output holds those of background threads too.
		if l.from == fromDetails && l.weight == head && !style.pytest && !isChained(l.text) && !bare && !d.headline &&
			!strings.Contains(l.text, "error originated from your") && !d.repeated(l.text) {
			l.weight = trace
		}
		// Without a message the first line of the details is one.
		if bare && l.weight == trace {
			l.weight, bare = head, false
		}
	}
	markRoots(d.lines, style)
}

var headlines = listed("headlines")

// isHeadline reports whether a message only says that the test failed, or names the test and its place.
func isHeadline(message string) bool {
	message = strings.TrimSpace(message)
	return len(message) < 400 && strings.IndexByte(message, '\n') < 0 && (headlineWords.in(message) || hasPort(message)) && headlines.MatchString(message)
}

// headlineWords must occur in a headline, unless it names a line of a file.
var headlineWords = newMatcher([]string{"fail", "error", "exception", "broke", "timeout"})

// repeated reports whether the message and a line of the details say the same.
func (d *document) repeated(t string) bool {
	t = strings.TrimSpace(t)
	first, _, _ := strings.Cut(strings.TrimSpace(d.message), "\n")
	_, text, _ := strings.Cut(t, ": ")
	return first != "" && (strings.Contains(t, first) || text != "" && strings.Contains(d.message, text) || strings.Contains(d.message, t))
}

// style is what the lines of a document look like.
type style struct {
	pytest bool
	// direct: a Python chain, in which the first exception is the root.
	direct bool
}

func styleOf(lines []line) style {
	var s style
	for i := range lines {
		t := lines[i].text
		s.pytest = s.pytest || strings.HasPrefix(t, "E   ") || strings.HasPrefix(t, ">   ")
		s.direct = s.direct || strings.HasPrefix(t, "The above exception was the direct cause") || strings.HasPrefix(t, "During handling of the above exception")
	}
	return s
}

var (
	retrying  = rx(`(?i)\b(?:will retry|retrying|retry (?:attempt )?#?\d|attempt \d+ (?:of|/) ?\d+|reconnect(?:ed|ing)|ignored|ignoring|non-fatal|best.effort)\b`)
	snippet   = rx(`^\s*>?\s*\d+\s*\|`)
	clockHead = rx(`^\s*(?:\[?\d{4}[-/]\d\d[-/]\d\d[T ]|\[?\d\d:\d\d:\d\d)`)
)

// retryWords must occur in a line for it to be about another try.
var retryWords = newMatcher([]string{"retry", "attempt", "reconnect", "ignor", "non-fatal", "effort"})

// levels are the levels of log lines. "Error" begins most messages of JavaScript
// and is none.
var levels = map[string]weight{
	"TRACE": noise, "DEBUG": noise, "INFO": noise, "NOTICE": noise, "WARN": noise, "WARNING": noise,
	"trace": noise, "debug": noise, "info": noise, "notice": noise, "warn": noise, "warning": noise,
	"ERROR": trace, "FATAL": trace, "SEVERE": trace, "CRITICAL": trace, "error": trace, "fatal": trace,
}

func weightOf(l *line, s style) weight {
	t := l.text
	switch {
	case isFrame(t), strings.IndexByte(t, '|') >= 0 && snippet.MatchString(t):
		return mute
	case s.pytest && strings.HasPrefix(t, "E  "):
		return head
	case s.pytest && l.from == fromDetails && isPythonCode(t):
		return mute
	}
	if isCause(t) || strings.Contains(t, "error originated from your") {
		return head
	}
	if level := levelOf(t); l.from == fromDetails && level != mute {
		return level
	}
	if l.from == fromMessage && l.n <= headLines {
		return head
	}
	return trace
}

// levelOf is the weight of a log line, or mute where the line is none. The level is
// one of the first words: after a time, a process, a name.
func levelOf(t string) weight {
	if retryWords.in(t) && retrying.MatchString(t) {
		return noise
	}
	n := 0
	for word := range strings.FieldsSeq(t[:min(len(t), 160)]) {
		w, ok := levels[levelWord(word)]
		if ok && (n > 0 || w == noise || clockHead.MatchString(t)) {
			return w
		}
		if n++; n == 5 {
			break
		}
	}
	return mute
}

// levelWord takes off what loggers put around a level: [WARN], WARN:, level=warn,
// "level":"warn".
func levelWord(word string) string {
	if i := strings.Index(word, "level"); i >= 0 {
		word = strings.TrimLeft(word[i+len("level"):], `":= `)
		if i := strings.IndexAny(word, `",}`); i >= 0 {
			word = word[:i]
		}
	}
	from, to := 0, len(word)
	for from < to && !isLetter(word[from]) {
		from++
	}
	for from < to && !isLetter(word[to-1]) {
		to--
	}
	return word[from:to]
}

func isLetter(b byte) bool { return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' }

// isPythonCode tells source lines, which pytest prints above its E lines.
func isPythonCode(t string) bool {
	return strings.HasPrefix(t, ">  ") || strings.HasPrefix(t, "    ") && !strings.HasPrefix(strings.TrimSpace(t), "Caused by")
}

// causePrefixes begin the causes of a chain in Java, .NET and JavaScript.
var causePrefixes = []string{"Caused by:", "---> ", "[cause]:", "Root cause:", "cause:"}

// isChained reports whether a line is a cause of what stands before it.
func isChained(t string) bool {
	t = strings.TrimLeft(t, " \t")
	return slices.ContainsFunc(causePrefixes, func(p string) bool { return strings.HasPrefix(t, p) })
}

// isCause reports whether a line names an error: one of a chain, or an exception
// class with its message.
func isCause(t string) bool {
	if isChained(t) {
		return true
	}
	t = strings.TrimSpace(strings.TrimPrefix(t, "E "))
	name, _, _ := strings.Cut(t, ":")
	if name == "" || len(name) > 200 || strings.ContainsAny(name, " \t/(\"'") {
		return false
	}
	return slices.ContainsFunc(errorNames, func(suffix string) bool { return strings.HasSuffix(name, suffix) })
}

var errorNames = []string{"Error", "Exception", "Failure", "Exit", "Warning"}

// markRoots finds the innermost cause: the last of a chain in Java, .NET and
// JavaScript, the first exception in Python. The last line of a failure is a
// symptom as often as not.
func markRoots(lines []line, s style) {
	last, first := -1, -1
	for i := range lines {
		switch {
		case lines[i].weight != head:
		case isChained(lines[i].text):
			last = i
		}
		if first < 0 && lines[i].from == fromDetails && lines[i].weight <= trace && isCause(lines[i].text) {
			first = i
		}
	}
	switch {
	case last >= 0:
		lines[last].weight = root
	case s.direct && first >= 0:
		lines[first].weight = root
	}
}

// find looks for a regular expression of the user's in an input, and quotes what
// it found with its place.
func (d *document) find(re *regexp.Regexp, from source) (string, bool) {
	for _, part := range []struct {
		from source
		text string
	}{{fromMessage, d.message}, {fromDetails, d.details}} {
		if from != fromAny && from != part.from {
			continue
		}
		if m := re.FindStringIndex(part.text); m != nil {
			l := line{from: part.from, n: 1 + strings.Count(part.text[:m[0]], "\n")}
			return l.String() + ": " + quote(part.text[m[0]:m[1]]), true
		}
	}
	return "", false
}
