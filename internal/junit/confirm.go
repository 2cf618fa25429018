package junit

import (
	"bytes"

	gojunit "github.com/joshdk/go-junit"
)

// go-junit may read confirmBytes of each report and one byte in confirmShare: it
// reads about 20 MB/s, our scanner twenty times that, so this keeps its share of
// the time below a half on any report of more than a few megabytes.
const (
	confirmBytes = 1 << 20
	confirmShare = 20
)

// confirmer lets go-junit read cases a second time.
type confirmer struct {
	buf  bytes.Buffer
	used int64
}

// second gives a case that has content to go-junit, if it is one that go-junit
// reads right: well-formed, whole in the window, with results as direct children
// and no case inside of it. Where the readers differ the case is an error.
func (b *builder) second(c *caseState) {
	if c.seen == StatusUnknown || c.unshaped || b.problems.total != c.before || b.s.rawFrom < 0 {
		return
	}
	raw := b.s.buf[b.s.rawFrom:b.s.pos]
	b.confirm.used += int64(len(raw))
	if read := b.s.base + int64(b.s.pos); b.confirm.used > confirmBytes+read/confirmShare {
		b.confirm.used -= int64(len(raw))
		return
	}
	test, ok := b.confirm.read(raw)
	if !ok || test.Status == gojunit.Status(c.seen) {
		return
	}
	c.Status = StatusError
	b.problem("readers", true, "test case %s was read as %s, but as %s by go-junit; it counts as an error", quote(c.Name), c.seen, test.Status)
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
