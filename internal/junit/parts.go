package junit

import (
	"slices"
	"strconv"
	"strings"
)

const (
	// maxResults and maxProperties bound what one case or suite may hold.
	maxResults    = 1000
	maxProperties = 1000
	// generousBytes is how much text of a case's results is kept in full; further
	// results keep shortBytes each.
	generousBytes = 1 << 20
)

// caseState is a test case that is being read.
type caseState struct {
	Case
	// depth is the number of open elements when it started.
	depth int
	// doubtful: an element in it has no end tag, or its own tag is broken.
	doubtful bool
	skipped  bool
	// dropped are results beyond the bound.
	dropped int
	// stack: the open result has a <stackTrace>.
	stack bool
	kept  int
	// seen is what go-junit should make of it; see confirm.go.
	seen     Status
	before   int
	unshaped bool
}

// spareCase returns a state that an earlier case no longer needs.
func (b *builder) spareCase() *caseState {
	n := len(b.spareCases)
	if n == 0 {
		return &caseState{}
	}
	c := b.spareCases[n-1]
	b.spareCases = b.spareCases[:n-1]
	return c
}

func (b *builder) newCase() *caseState {
	c := b.spareCase()
	*c = caseState{depth: len(b.frames), before: b.problems.total, doubtful: b.s.broken}
	c.ReportLine, c.ReportColumn = b.s.tagLine, b.s.tagCol
	if n := len(b.suites); n > 0 {
		suite := b.suites[n-1]
		c.Path, c.Suite, c.Hostname, c.SuiteFile = suite.path, suite.name, suite.hostname, suite.file
		c.SuiteProperties, c.Started = slices.Clip(suite.properties), suite.started
	}
	for _, a := range b.s.attrs {
		b.caseAttr(c, string(b.s.attrName(a)), b.s.attrValue(a))
	}
	return c
}

func (b *builder) caseAttr(c *caseState, name string, value []byte) {
	switch name {
	case "name":
		c.Name = string(value)
	case "classname":
		c.Classname = share(&b.shared.classname, value)
	case "class":
		if c.Classname == "" {
			c.Classname = share(&b.shared.classname, value)
		}
	case "file":
		c.File = share(&b.shared.file, value)
	case "line", "lineno":
		if n, err := strconv.Atoi(strings.TrimSpace(string(value))); err == nil && n > 0 {
			c.Line = n
		}
	case "success":
		if strings.EqualFold(strings.TrimSpace(string(value)), "false") {
			c.Claim = "failed"
		}
	case "time":
		c.Seconds, c.Comma = b.seconds(string(value))
	case "timestamp":
		if t := parseStamp(string(value)); !t.IsZero() {
			c.Started = t
		}
	case "status":
		if !didNotRun(c.Claim) {
			c.Claim = share(&b.shared.claim, value)
		}
	case "result":
		if c.Claim == "" || didNotRun(string(value)) {
			c.Claim = string(value)
		}
	}
}

// seconds reads a time. inDoubt: its comma may be that of thousands, as it is read, or a
// decimal one.
func (b *builder) seconds(s string) (f float64, inDoubt bool) {
	f, ok := parseSeconds(s)
	if !ok {
		b.problem("time", false, "time %s is not a duration and counts as 0 seconds; nothing else is lost", quote(s))
	}
	return f, b.commas.note(s)
}

// attrOf returns an attribute of the current tag.
func (b *builder) attrOf(name string) (value []byte, found bool) {
	for _, a := range b.s.attrs {
		if string(b.s.attrName(a)) == name {
			return b.s.attrValue(a), true
		}
	}
	return nil, false
}

func (b *builder) openCase() {
	if len(b.cases) == 0 {
		b.s.rawFrom = max(-1, int(b.s.tagStart-b.s.base))
	} else {
		b.cases[len(b.cases)-1].unshaped = true
	}
	b.cases = append(b.cases, b.newCase())
}

func (b *builder) closeCase(whole bool) {
	n := len(b.cases) - 1
	c := b.cases[n]
	b.cases = b.cases[:n]
	b.conclude(c, whole && !c.doubtful)
	if n == 0 {
		b.s.rawFrom = -1
	}
}

// conclude derives the status of a case and hands it on.
func (b *builder) conclude(c *caseState, whole bool) {
	c.Status = c.counted()
	if !whole {
		c.Incomplete, c.Status = true, StatusError
		if c.doubtful {
			b.problem("incomplete", true, "test case %s was not read to its end and counts as an error", quote(c.Name))
		}
	}
	if c.Status == StatusPassed && claimsFailure(c.Claim) {
		b.problem("claim", true, "test case %s has the status %s but no failure, so the report is not trusted", quote(c.Name), quote(c.Claim))
	}
	if c.Status == StatusPassed && slices.ContainsFunc(c.Results, func(r Result) bool { return r.Kind.Rerun() }) {
		b.problem("rerun-only", true, "test case %s was repeated in vain, but has no failure, so the report is not trusted", quote(c.Name))
	}
	if whole {
		b.second(c)
	}
	if len(b.suites) > 0 {
		suite := b.suites[len(b.suites)-1]
		suite.cases++
		suite.red += c.failures()
	}
	if c.Comma {
		b.inDoubt += c.Seconds
	}
	b.sum.add(&c.Case)
	if b.err == nil {
		b.err = b.emit(c.Case)
	}
	b.spareCases = append(b.spareCases, c)
}

// failures is how many failures a suite may have counted for the case.
func (c *caseState) failures() int {
	if n := len(c.Results) + c.dropped; n > 0 {
		return n
	}
	if c.Status == StatusError || claimsFailure(c.Claim) {
		return 1
	}
	return 0
}

// counted is the status by the rules of the report command.
func (c *caseState) counted() Status {
	status := StatusPassed
	for i := range c.Results {
		switch c.Results[i].Kind {
		case KindError:
			return StatusError
		case KindFailure:
			status = StatusFailed
		case KindFlakyFailure, KindFlakyError, KindRerunFailure, KindRerunError:
		}
	}
	if status == StatusPassed && (c.skipped || didNotRun(c.Claim)) {
		return StatusSkipped
	}
	return status
}

// owner returns the innermost open case or suite; at most one is not nil.
func (b *builder) owner() (*caseState, *suiteState) {
	var c *caseState
	var s *suiteState
	if n := len(b.cases); n > 0 {
		c = b.cases[n-1]
	}
	if n := len(b.suites); n > 0 {
		s = b.suites[n-1]
	}
	if c != nil && s != nil && s.depth > c.depth {
		c = nil
	}
	if c != nil {
		s = nil
	}
	return c, s
}

// openPart opens an element that stands in a case or a suite, not in a text.
func (b *builder) openPart(f *frame) {
	c, _ := b.owner()
	switch f.elem {
	case elemResult:
		b.collect(f, true)
		if c == nil {
			message, _ := b.attrOf("message")
			b.stray = string(message)
			return
		}
		b.openResult(c)
	case elemSkipped:
		b.collect(f, false)
		if c != nil {
			c.skipped, c.seen = true, StatusSkipped
			b.shape(c)
			c.unshaped = c.unshaped || string(localName(b.s.name)) != "skipped" // go-junit does not know <skip>
			message, _ := b.attrOf("message")
			c.Skipped = shorten(string(message), shortBytes)
		}
	case elemOut, elemErr:
		b.collect(f, true)
	case elemProperty:
		b.openProperty(f)
	case elemOther:
		b.unknownChild(c)
	default:
	}
}

// unknownChild names an element of a case whose meaning is not known: it may say that the
// case did not pass.
func (b *builder) unknownChild(c *caseState) {
	name := string(localName(b.s.name))
	if c == nil || len(b.frames)-1 != c.depth || knownChildren[name] {
		return
	}
	b.problem("unknown-child", false, "test case %s holds the unknown element <%s>, which is not read; if it says how the test ended, "+
		"let the runner write <failure>, <error> or <skipped>", quote(c.Name), shorten(name, 80))
	b.problems.warn("unknown-child")
}

// knownChildren are elements of a case that say nothing of how it ended.
var knownChildren = map[string]bool{"properties": true}

// shape takes note of a result that go-junit would not see: it looks at direct
// children of a case only.
func (b *builder) shape(c *caseState) {
	if len(b.frames)-1 != c.depth {
		c.unshaped = true
	}
}

func (b *builder) openResult(c *caseState) {
	kind := Kind(localName(b.s.name))
	switch kind {
	case KindError:
		c.seen = StatusError
	case KindFailure:
		c.seen = StatusFailed
	default:
	}
	b.shape(c)
	r := Result{Kind: kind}
	for _, a := range b.s.attrs {
		value := b.s.attrValue(a)
		switch string(b.s.attrName(a)) {
		case "message":
			r.Message = string(value)
		case "type":
			r.Type = shorten(string(value), shortBytes)
		case "time":
			r.Seconds, r.Comma = b.seconds(string(value))
		case "timestamp":
			r.Started = parseStamp(string(value))
		}
	}
	c.stack = false
	c.keepResult(b, r)
}

// keepResult adds a result. Beyond the bounds only the worst is kept up to date,
// in the last place, so that the status stays right.
func (c *caseState) keepResult(b *builder, r Result) {
	if c.kept > generousBytes {
		r.Message = shorten(r.Message, shortBytes)
	}
	c.kept += len(r.Message)
	if len(c.Results) < maxResults {
		c.Results = append(c.Results, r)
		return
	}
	c.dropped++
	b.problem("results", false, "test case %s holds more than %d results; the texts of the others are not kept", quote(c.Name), maxResults)
	if r.Kind == KindError || r.Kind == KindFailure && c.Results[maxResults-1].Kind != KindError {
		c.Results[maxResults-1] = r
	}
}
