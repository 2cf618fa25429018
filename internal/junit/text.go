package junit

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of what is kept of one text, in bytes. The whole text stays in the
// report, which is an evidence file itself.
const (
	headBytes = 48 << 10
	tailBytes = 16 << 10
	// shortBytes bounds texts that are one line as a rule: names, property
	// values, reasons.
	shortBytes = 4 << 10
	// maxAttachments bounds the attachments kept of one case.
	maxAttachments = 200
)

const (
	attachmentOpen  = "[[ATTACHMENT|"
	attachmentClose = "]]"
	// attachmentMax is the longest marker that is recognised, path included; it
	// must be shorter than tailBytes so that none is lost on the edge of a cut.
	attachmentMax = 4 << 10
)

// clip collects a text of any length in bounded memory: its head, its tail, and
// the attachment markers of all of it.
type clip struct {
	buf     []byte
	cut     int64
	scanned int
	// marks: look for attachment markers.
	marks       bool
	attachments []string
}

func (c *clip) reset(marks bool) {
	*c = clip{buf: c.buf[:0], marks: marks}
}

func (c *clip) write(p []byte) {
	for len(p) > 0 {
		n := min(len(p), headBytes+2*tailBytes-len(c.buf))
		c.buf = append(c.buf, p[:n]...)
		p = p[n:]
		if len(c.buf) == headBytes+2*tailBytes {
			c.drop()
		}
	}
}

// drop removes the middle of a full buffer. Markers in it were seen before.
func (c *clip) drop() {
	c.scan()
	from := len(c.buf) - tailBytes
	c.cut += int64(from - headBytes)
	c.scanned = max(headBytes, c.scanned-(from-headBytes))
	c.buf = append(c.buf[:headBytes], c.buf[from:]...)
}

// scan finds the complete markers that were not seen yet.
func (c *clip) scan() {
	for c.marks {
		rest := c.buf[c.scanned:]
		open := bytes.Index(rest, []byte(attachmentOpen))
		if open < 0 {
			c.scanned = max(c.scanned, len(c.buf)-len(attachmentOpen))
			return
		}
		rest = rest[open+len(attachmentOpen):]
		end := bytes.Index(rest, []byte(attachmentClose))
		if end < 0 && len(rest) < attachmentMax {
			c.scanned += open
			return
		}
		c.scanned += open + len(attachmentOpen)
		if end >= 0 && end < attachmentMax {
			c.attachments = addAttachment(c.attachments, string(rest[:end]))
			c.scanned += end
		}
	}
}

func (c *clip) text() Text {
	c.scan()
	if len(c.buf) == 0 {
		return Text{}
	}
	if c.cut == 0 && len(c.buf) <= headBytes+tailBytes {
		return Text{Value: string(c.buf)}
	}
	return cutText(c.buf, headBytes, tailBytes, c.cut)
}

// cutText keeps head and tail bytes of p, of which already bytes are missing
// after the head.
func cutText(p []byte, head, tail int, already int64) Text {
	if len(p) > head+tail {
		already += int64(len(p) - head - tail)
	} else {
		head, tail = min(head, len(p)), max(0, len(p)-head)
	}
	a, b := p[:head], p[len(p)-tail:]
	for len(a) > 0 && len(a) < len(p) && !utf8.RuneStart(p[len(a)]) {
		a = a[:len(a)-1]
		already++
	}
	for len(b) > 0 && !utf8.RuneStart(b[0]) {
		b = b[1:]
		already++
	}
	return Text{Value: fmt.Sprintf("%s…\n[%d bytes cut]\n…%s", a, already, b), Cut: already}
}

// shorten bounds s to n bytes: three quarters of the head and the rest of the
// tail, with a line between them that says what is missing.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return cutText([]byte(s), n*3/4, n/4, 0).Value
}

func addAttachment(list []string, path string) []string {
	path = strings.TrimSpace(path)
	if path == "" || len(list) >= maxAttachments || slices.Contains(list, path) {
		return list
	}
	return append(list, path)
}

// quote makes a part of a report fit for a message: one line, printable, short.
func quote(s string) string {
	const most = 120
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}
