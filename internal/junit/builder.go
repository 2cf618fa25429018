package junit

const (
	// maxDepth bounds the nesting of elements, maxOpenCases that of test cases.
	maxDepth     = 200
	maxOpenCases = 16
)

// elem is the kind of an element.
type elem uint8

const (
	elemOther elem = iota
	elemSuites
	elemSuite
	elemCase
	elemResult
	elemSkipped
	elemOut
	elemErr
	elemProperty
	elemStack
	// elemMarkup is a tag inside of a text, kept as text.
	elemMarkup
)

// frame is an open element.
type frame struct {
	elem elem
	// name is where its name starts in builder.names.
	name int
	// outer is the collector of text around it; own is set if it has its own.
	outer, own *clip
}

// builder makes cases and suites of tokens.
type builder struct {
	s        *scanner
	problems *problems
	emit     func(Case) error
	onSuite  func(Suite) error
	err      error
	sum      Counts

	frames []frame
	names  []byte
	// over is how many elements are open beyond maxDepth.
	over   int
	sink   *clip
	spare  []*clip
	cases  []*caseState
	suites []*suiteState
	// spareCases may be used again: a case is handed on by value.
	spareCases []*caseState
	// seen: an element of a JUnit report was found. roots counts root elements.
	seen  bool
	roots int
	first string
	// stray is the text of a failure outside of any case.
	stray string

	// commas says what commas in times are, and inDoubt is the sum of times that depend on it.
	commas  commas
	inDoubt float64
	shared  shared
	confirm confirmer
}

// run reads to the end.
func (b *builder) run() {
	for b.err == nil {
		b.s.outside, b.s.keep = len(b.frames) == 0, b.sink != nil
		switch b.s.next() {
		case tokenEOF:
			b.finish()
			return
		case tokenText:
			b.sink.write(b.s.text)
		case tokenStart:
			b.start()
		case tokenEnd:
			b.end()
		}
	}
}

func elemOf(name []byte) elem {
	switch string(localName(name)) {
	case "testsuites":
		return elemSuites
	case "testsuite":
		return elemSuite
	case "testcase":
		return elemCase
	case "failure", "error", "flakyFailure", "flakyError", "rerunFailure", "rerunError":
		return elemResult
	case "skipped", "skip":
		return elemSkipped
	case "system-out", "system.out":
		return elemOut
	case "system-err", "system.err":
		return elemErr
	case "property":
		return elemProperty
	case "stackTrace":
		return elemStack
	}
	return elemOther
}

// start opens the element of the current start tag.
func (b *builder) start() {
	kind := elemOf(b.s.name)
	if kind == elemSuites || kind == elemSuite || kind == elemCase {
		b.seen = true
	}
	if len(b.frames) == 0 {
		b.root()
	}
	if len(b.frames) >= maxDepth || kind == elemCase && len(b.cases) >= maxOpenCases {
		b.tooDeep(kind)
		return
	}
	b.frames = append(b.frames, frame{elem: kind, name: len(b.names), outer: b.sink})
	b.names = append(b.names, b.s.name...)
	b.open(kind)
	if b.s.selfClose {
		b.close(true)
	}
}

// root takes note of a root element.
func (b *builder) root() {
	b.roots++
	if b.roots == 1 {
		b.first = string(b.s.name)
		return
	}
	b.problem("roots", false, "another root element <%s> follows the first; both were read", shorten(string(b.s.name), 80))
}

// problem reports a problem at the current tag.
func (b *builder) problem(kind string, loses bool, format string, args ...any) {
	b.problems.add(kind, loses, b.s.tagLine, b.s.tagCol, format, args...)
}

// tooDeep skips an element that is nested too deep. A case in it is counted.
func (b *builder) tooDeep(kind elem) {
	b.problem("depth", true, "elements are nested deeper than %d, or test cases deeper than %d; what is deeper is lost", maxDepth, maxOpenCases)
	if kind == elemCase {
		c := b.newCase()
		b.conclude(c, false)
	}
	if !b.s.selfClose {
		b.over++
	}
}

func (b *builder) open(kind elem) {
	f := &b.frames[len(b.frames)-1]
	switch {
	case kind == elemSuites || kind == elemSuite:
		b.sink = nil
		b.openSuite()
	case kind == elemCase:
		b.sink = nil
		b.openCase()
	case b.sink == nil:
		b.openPart(f)
	case b.inResult() && kind == elemStack:
		if c, _ := b.owner(); c != nil {
			c.stack = true
		}
	case b.inResult() && (kind == elemOut || kind == elemErr):
		b.collect(f, true)
	default:
		if kind == elemResult {
			b.resultInText()
		}
		f.elem = elemMarkup
		b.sink.write(b.s.markupText(nil))
	}
}

// resultInText names a failure that stands within a text of a case. In output it is what the
// test printed; within an attempt that did not decide, it may be the failure that did.
func (b *builder) resultInText() {
	c, _ := b.owner()
	if c == nil || b.within(elemOut) || b.within(elemErr) {
		return
	}
	name := shorten(string(b.s.name), 80)
	if n := len(c.Results); n > 0 && b.within(elemResult) {
		if k := c.Results[n-1].Kind; k.Rerun() || k.Flaky() {
			b.problem("result-in-attempt", true, "test case %s holds <%s> within <%s>, so it is not known how it ended", quote(c.Name), name, k)
		}
		return
	}
	b.problem("result-in-text", false, "test case %s holds <%s> within a text, which is kept as text; if it says how the test ended, "+
		"let the runner write it below <testcase>", quote(c.Name), name)
	b.problems.warn("result-in-text")
}

// within reports whether the current element stands somewhere within one of a kind.
func (b *builder) within(kind elem) bool {
	for _, f := range b.frames[:len(b.frames)-1] {
		if f.elem == kind {
			return true
		}
	}
	return false
}

// inResult reports whether the parent of the top element is a failure or an
// error: Surefire puts a stack trace and outputs of an attempt there.
func (b *builder) inResult() bool {
	return len(b.frames) > 1 && b.frames[len(b.frames)-2].elem == elemResult
}

// collect gives an element a collector of its own for its text.
func (b *builder) collect(f *frame, marks bool) {
	if n := len(b.spare); n > 0 {
		f.own, b.spare = b.spare[n-1], b.spare[:n-1]
	} else {
		f.own = &clip{}
	}
	f.own.reset(marks)
	b.sink = f.own
}

// end closes the element of the current end tag, and those in it that have none.
func (b *builder) end() {
	if b.over > 0 {
		b.over--
		return
	}
	i := len(b.frames) - 1
	for i >= 0 && string(b.nameOf(i)) != string(b.s.name) {
		i--
	}
	if i < 0 {
		kind := elemOf(b.s.name)
		loses := kind == elemSuites || kind == elemSuite || kind == elemCase
		b.problem("stray-end", loses, "end tag </%s> has no start; %s", shorten(string(b.s.name), 80), lossWord(loses))
		return
	}
	for len(b.frames)-1 > i {
		b.unclosed()
	}
	b.close(true)
}

func lossWord(loses bool) string {
	if loses {
		return "what it ended is lost"
	}
	return "nothing is lost"
}

func (b *builder) nameOf(i int) []byte {
	if i+1 < len(b.frames) {
		return b.names[b.frames[i].name:b.frames[i+1].name]
	}
	return b.names[b.frames[i].name:]
}

// unclosed closes the top element, whose end tag is missing. A text without an end may
// have swallowed a failure: its case cannot be trusted any more.
func (b *builder) unclosed() {
	i := len(b.frames) - 1
	kind := b.frames[i].elem
	loses := kind != elemOther && kind != elemMarkup
	if loses && len(b.cases) > 0 {
		b.cases[len(b.cases)-1].doubtful = true
	}
	word := "nothing is lost"
	if loses {
		word = "the case or suite that it belongs to was not read in full"
	}
	b.problem("unclosed", loses, "<%s> is not closed before </%s>; %s", shorten(string(b.nameOf(i)), 80), shorten(string(b.s.name), 80), word)
	b.close(false)
}

// close ends the top element. whole: its end was read.
func (b *builder) close(whole bool) {
	f := b.frames[len(b.frames)-1]
	b.sink = f.outer
	switch f.elem {
	case elemSuites, elemSuite:
		b.closeSuite(whole)
	case elemCase:
		b.closeCase(whole)
	case elemMarkup:
		if !b.s.selfClose && whole {
			b.sink.write([]byte("</" + string(b.nameOf(len(b.frames)-1)) + ">"))
		}
	default:
		b.closePart(&f)
	}
	if f.own != nil {
		b.spare = append(b.spare, f.own)
	}
	b.names = b.names[:f.name]
	b.frames = b.frames[:len(b.frames)-1]
}

// finish ends the report: what is still open was cut off.
func (b *builder) finish() {
	line, column := b.s.here()
	if err := b.s.readErr; err != nil {
		b.problems.add("read", true, line, column, "the rest of the file cannot be read: %s; complete cases before it are kept", err)
	}
	if len(b.frames) > 0 || b.s.cutShort {
		b.problems.add("truncated", true, line, column, "the report ends %s; complete cases before it are kept, the rest is lost", b.where())
	}
	b.s.selfClose = false
	for len(b.frames) > 0 {
		b.close(false)
	}
}

// where says where a truncated report ends.
func (b *builder) where() string {
	if n := len(b.cases); n > 0 {
		return "inside of test case " + quote(b.cases[n-1].Name)
	}
	if n := len(b.frames); n > 0 {
		return "before </" + shorten(string(b.nameOf(n-1)), 80) + ">"
	}
	return "inside of a tag or a comment"
}

// shared keeps the last values of attributes that neighbours have in common, so
// that half a million cases of one class do not hold as many copies of its name.
type shared struct{ classname, file, claim string }

func share(last *string, value []byte) string {
	if string(value) != *last {
		*last = string(value)
	}
	return *last
}
