package junit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// suiteState is a <testsuite> or <testsuites> that is being read.
type suiteState struct {
	depth      int
	name       string
	path       []string
	hostname   string
	file       string
	started    time.Time
	properties []Property
	// own is where its own properties start in properties.
	own         int
	out, err    Text
	attachments []string

	// declared counts, -1 where there are none.
	tests, failing int
	// excused is how many cases it, or a suite around it, declares as skipped.
	excused int
	// cases and failures or claims of one that were found in it.
	cases int
	red   int
	// inner: it holds suites with cases. Its counts are then those of others.
	inner bool
	// reported: a mismatch of counts inside of it was reported already.
	reported bool
}

func (b *builder) openSuite() {
	s := &suiteState{depth: len(b.frames), tests: -1, failing: -1}
	if n := len(b.suites); n > 0 {
		outer := b.suites[n-1]
		s.path, s.hostname, s.file, s.started = outer.path, outer.hostname, outer.file, outer.started
		s.properties, s.excused = slices.Clip(outer.properties), outer.excused
		s.own = len(s.properties)
	}
	excused := 0
	for _, a := range b.s.attrs {
		name, value := string(b.s.attrName(a)), string(b.s.attrValue(a))
		if name == "time" {
			b.commas.note(value)
		}
		s.attr(name, value, &excused)
	}
	s.excused = max(s.excused, excused)
	if s.name != "" {
		s.path = append(slices.Clip(s.path), s.name)
	}
	b.suites = append(b.suites, s)
	if b.s.broken {
		b.problem("broken-suite", true, "the tag of suite %s is damaged; attributes of it may be lost", quote(s.name))
	}
}

func (s *suiteState) attr(name, value string, excused *int) {
	switch name {
	case "name":
		s.name = shorten(value, shortBytes)
	case "file", "filepath":
		s.file = shorten(value, shortBytes)
	case "hostname":
		s.hostname = shorten(value, shortBytes)
	case "timestamp":
		if t := parseStamp(value); !t.IsZero() {
			s.started = t
		}
	case "tests":
		s.tests = count(value)
	case "failures", "errors":
		if n := count(value); n > 0 {
			s.failing = max(0, s.failing) + n
		}
	case "skipped", "disabled", "skips", "ignored", "filtered", "excluded", "pending", "notrun", "not_run":
		*excused += max(0, count(value))
	}
}

// count reads a declared count: -1 if it is none.
func count(s string) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 0 || n > 1<<31 {
		return -1
	}
	return n
}

func (b *builder) closeSuite(whole bool) {
	n := len(b.suites) - 1
	s := b.suites[n]
	b.suites = b.suites[:n]
	if whole {
		b.compareCounts(s)
	}
	if n > 0 {
		outer := b.suites[n-1]
		outer.cases += s.cases
		outer.red += s.red
		outer.inner = outer.inner || s.cases > 0
		outer.reported = outer.reported || s.reported
	}
	if b.onSuite != nil && b.err == nil {
		b.err = b.onSuite(Suite{
			Path: s.path, Properties: s.properties[s.own:], SystemOut: s.out, SystemErr: s.err,
			Attachments: s.attachments, Started: s.started, Cases: s.cases,
		})
	}
}

// compareCounts compares what a suite declares with what it holds, by the rules
// in the package documentation.
func (b *builder) compareCounts(s *suiteState) {
	missing := s.tests - s.cases
	switch name := quote(s.name); {
	case s.reported:
	case s.failing > 0 && s.red == 0:
		s.reported = true
		b.problem("counts-red", true, "suite %s declares failures and errors (%d) but has none; they are lost", name, s.failing)
	case !s.inner && s.failing > s.red:
		s.reported = true
		b.problem("counts-red", true, "suite %s declares failures and errors (%d) but has %d; the others are lost", name, s.failing, s.red)
	case s.tests <= 0 || missing <= s.excused:
	case s.cases == 0:
		s.reported = true
		b.problem("counts-empty", true, "suite %s declares %d tests but has none; they are lost", name, s.tests)
	case !s.inner && !s.countsMore():
		s.reported = true
		skipped := ""
		if s.excused > 0 {
			skipped = fmt.Sprintf(" and %d skipped", s.excused)
		}
		b.problem("counts-few", true, "suite %s declares %d tests but has %d test cases%s; the others are lost", name, s.tests, s.cases, skipped)
	default:
		s.reported = true
		b.problem("counts", false, "suite %s declares %d tests but has %d test cases; all of those were read", name, s.tests, s.cases)
	}
}

// countsMore recognises producers that declare more tests than they list: pytest counts
// subtests, Catch2 (which writes no host) assertions, and testem the tests of other
// partitions.
func (s *suiteState) countsMore() bool {
	return s.name == "pytest" || s.name == "Testem Tests" || s.hostname == "tbd"
}

func mergeAttachments(list, more []string) []string {
	for _, path := range more {
		list = addAttachment(list, path)
	}
	return list
}

// closePart ends an element in a case or a suite.
func (b *builder) closePart(f *frame) {
	if f.own == nil {
		return
	}
	text := f.own.text()
	c, s := b.owner()
	if c != nil {
		c.Attachments = mergeAttachments(c.Attachments, f.own.attachments)
	} else if s != nil {
		s.attachments = mergeAttachments(s.attachments, f.own.attachments)
	}
	switch {
	case f.elem == elemResult && c == nil:
		b.strayResult(s, text)
	case f.elem == elemResult:
		c.closeResult(text)
	case f.elem == elemSkipped && c != nil && c.Skipped == "":
		c.Skipped = shorten(strings.TrimSpace(text.Value), shortBytes)
	case f.elem == elemProperty:
		b.propertyValue(text.Value)
	case f.elem == elemOut && text.Value != "":
		putText(b.output(c, s, true), text)
	case f.elem == elemErr && text.Value != "":
		putText(b.output(c, s, false), text)
	}
}

// strayResult reports a failure or error that stands outside of any case.
func (b *builder) strayResult(s *suiteState, text Text) {
	said := strings.TrimSpace(b.stray + "\n" + text.Value)
	where := "outside of any suite"
	if s != nil {
		where = "directly under suite " + quote(s.name)
		s.red++
	}
	b.problem("suite-result", true, "<%s> %s is outside of any test case and says %s", localName(b.nameOf(len(b.frames)-1)), where, quote(said))
}

// closeResult completes the last result of a case.
func (c *caseState) closeResult(text Text) {
	r := &c.Results[len(c.Results)-1]
	if c.stack {
		text.Value = strings.TrimSpace(text.Value)
	}
	if c.kept > generousBytes && len(text.Value) > shortBytes {
		cut := cutText([]byte(text.Value), shortBytes*3/4, shortBytes/4, text.Cut)
		text = cut
	}
	c.kept += len(text.Value)
	r.Text = text
}

// output finds the place of an output: the attempt that it stands in, the case,
// or the suite. It is nil where there is none.
func (b *builder) output(c *caseState, s *suiteState, out bool) *Text {
	pick := func(o, e *Text) *Text {
		if out {
			return o
		}
		return e
	}
	switch {
	case c != nil && b.inResult() && len(c.Results) > 0:
		r := &c.Results[len(c.Results)-1]
		return pick(&r.SystemOut, &r.SystemErr)
	case c != nil:
		return pick(&c.SystemOut, &c.SystemErr)
	case s != nil:
		return pick(&s.out, &s.err)
	}
	return nil
}

// putText stores an output; a second one of the same owner is added to the first.
func putText(at *Text, text Text) {
	switch {
	case at == nil:
	case at.Value == "":
		*at = text
	default:
		both := Text{Value: at.Value + "\n" + text.Value}
		if len(both.Value) > headBytes+tailBytes {
			both = cutText([]byte(both.Value), headBytes, tailBytes, 0)
		}
		both.Cut += at.Cut + text.Cut
		*at = both
	}
}

// openProperty adds a property to its owner. One without a value attribute has
// its value as text.
func (b *builder) openProperty(f *frame) {
	name, _ := b.attrOf("name")
	value, found := b.attrOf("value")
	p := Property{Name: shorten(string(name), shortBytes), Value: shorten(string(value), shortBytes)}
	c, s := b.owner()
	list := &[]Property{}
	if c != nil {
		list = &c.Properties
		c.Attachments = mergeAttachments(c.Attachments, attachmentOf(p))
	} else if s != nil {
		list = &s.properties
	}
	if len(*list) >= maxProperties {
		b.problem("properties", false, "more than %d properties in one place; the others are not kept", maxProperties)
		return
	}
	*list = append(*list, p)
	if !found {
		b.collect(f, false)
	}
}

// propertyValue completes the last property of the owner.
func (b *builder) propertyValue(value string) {
	c, s := b.owner()
	var list []Property
	if c != nil {
		list = c.Properties
	} else if s != nil {
		list = s.properties
	}
	if len(list) == 0 {
		return
	}
	p := &list[len(list)-1]
	p.Value = shorten(strings.TrimSpace(value), shortBytes)
	if c != nil {
		c.Attachments = mergeAttachments(c.Attachments, attachmentOf(*p))
	}
}

// attachmentOf returns the file that a property names, as attachment or
// testrail_attachment do.
func attachmentOf(p Property) []string {
	if strings.HasSuffix(strings.ToLower(p.Name), "attachment") {
		return []string{p.Value}
	}
	return nil
}
