package junit

import (
	"bytes"

	gojunit "github.com/joshdk/go-junit"
)

// confirmBytes is how many bytes of cases per report go-junit reads. It reads
// about 15 MB/s, so this bounds its share at a third of a second.
const confirmBytes = 4 << 20

// confirmer lets go-junit read cases a second time.
type confirmer struct {
	buf  bytes.Buffer
	left int
}

// second gives a case that has content to go-junit, if it is one that go-junit
// reads right: well-formed, whole in the window, with results as direct children
// and no case inside of it. Where the readers differ the case is an error.
func (b *builder) second(c *caseState) {
	if c.seen == StatusUnknown || c.unshaped || b.problems.total != c.before || b.s.rawFrom < 0 {
		return
	}
	raw := b.s.buf[b.s.rawFrom:b.s.pos]
	if len(raw) > b.confirm.left {
		return
	}
	b.confirm.left -= len(raw)
	test, ok := b.confirm.read(raw)
	if !ok || test.Status == gojunit.Status(c.seen) {
		return
	}
	c.Status = StatusError
	b.problem("readers", true, "test case %s was read as %s and by go-junit as %s; it counts as an error", quote(c.Name), c.seen, test.Status)
}

// read lets go-junit read one <testcase> element. It refuses what it cannot read,
// such as "]]>" in an attribute; the case then stays as it was read.
func (f *confirmer) read(raw []byte) (gojunit.Test, bool) {
	f.buf.Reset()
	f.buf.WriteString("<testsuite>")
	f.buf.Write(raw)
	f.buf.WriteString("</testsuite>")
	suites, err := gojunit.IngestReader(&f.buf)
	if err != nil || len(suites) != 1 || len(suites[0].Tests) != 1 {
		return gojunit.Test{}, false
	}
	return suites[0].Tests[0], true
}
