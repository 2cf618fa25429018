package junit

import (
	"bytes"
	"io"
	"unicode/utf8"
)

const (
	windowBytes = 64 << 10
	// pieceBytes is how much text is handed on at a time.
	pieceBytes = 32 << 10
	// rawBytes is the longest case that is kept in the window for go-junit.
	rawBytes = 32 << 10
	// emptyReads is how often a reader may return nothing before it counts as
	// broken.
	emptyReads = 100
)

type token uint8

const (
	tokenEOF token = iota
	tokenText
	tokenStart
	tokenEnd
)

// scanner cuts UTF-8 into tags and text over one window. It goes on after every
// departure from well-formed XML and reports it.
type scanner struct {
	src      io.Reader
	buf      []byte
	pos, end int
	// base is the offset of buf[0] in the text.
	base     int64
	maxBytes int64
	eof      bool
	readErr  error
	// line and lineStart are right for buf[:counted].
	line      int
	lineStart int64
	counted   int
	// rawFrom is where the case in the window starts, or -1.
	rawFrom int

	// outside: no element is open. keep: text is wanted.
	outside, keep bool
	// cutShort: the text ended inside a tag, a comment or a CDATA section.
	cutShort bool
	inCDATA  bool
	xml11    bool
	// encoding is what was decoded to make the text, "" for UTF-8.
	encoding string
	problems *problems

	// The current token: text, or name and attributes.
	text      []byte
	name      []byte
	attrs     []attr
	vals      []byte
	value     clip
	selfClose bool
	// broken: the tag has no end.
	broken          bool
	tagLine, tagCol int
	// tagStart is the offset of the tag in the text.
	tagStart int64
	tiny     [utf8.UTFMax]byte
}

func newScanner(src source, maxBytes int64, p *problems) *scanner {
	s := &scanner{
		src: src, buf: make([]byte, windowBytes), maxBytes: maxBytes, line: 1,
		rawFrom: -1, encoding: src.encoding, problems: p, outside: true,
	}
	if s.has(3) && bytes.HasPrefix(s.buf, []byte("\xef\xbb\xbf")) {
		s.pos, s.counted, s.lineStart = 3, 3, 3
	}
	return s
}

// has reports whether n bytes stand at pos; n is small.
func (s *scanner) has(n int) bool {
	for s.end-s.pos < n {
		if !s.fill() {
			return false
		}
	}
	return true
}

// fill reads more into the window. Slices of the window are void after it.
func (s *scanner) fill() bool {
	if s.eof {
		return false
	}
	if s.end == len(s.buf) {
		s.compact()
	}
	for range emptyReads {
		n, err := s.src.Read(s.buf[s.end:])
		s.end += n
		if err != nil {
			s.eof = true
			if err != io.EOF {
				s.readErr = err
			}
		}
		if s.base+int64(s.end) > s.maxBytes {
			s.end, s.eof, s.readErr = int(max(0, s.maxBytes-s.base)), true, errTooLarge
			s.pos = min(s.pos, s.end)
			return false
		}
		if n > 0 || s.eof {
			return n > 0
		}
	}
	s.eof, s.readErr = true, io.ErrNoProgress
	return false
}

// compact makes room: what is before pos goes, except for a case that is kept.
func (s *scanner) compact() {
	s.here()
	from := s.pos
	if s.rawFrom >= 0 && s.pos-s.rawFrom < rawBytes {
		from, s.rawFrom = s.rawFrom, 0
	} else {
		s.rawFrom = -1
	}
	copy(s.buf, s.buf[from:s.end])
	s.base += int64(from)
	s.pos -= from
	s.end -= from
	s.counted = s.pos
}

// here returns the position of the next byte: the line and the column, from 1.
func (s *scanner) here() (line, column int) {
	chunk := s.buf[s.counted:s.pos]
	if n := bytes.Count(chunk, []byte{'\n'}); n > 0 {
		s.line += n
		s.lineStart = s.base + int64(s.counted+bytes.LastIndexByte(chunk, '\n')) + 1
	}
	s.counted = s.pos
	return s.line, int(s.base+int64(s.pos)-s.lineStart) + 1
}

// departs reports an error in the XML that loses nothing.
func (s *scanner) departs(kind, format string, args ...any) {
	line, column := s.here()
	s.problems.add(kind, false, line, column, format, args...)
}

// next returns the next token. Text is returned only where it is kept, in pieces.
func (s *scanner) next() token {
	for {
		s.text = s.text[:0]
		switch {
		case s.inCDATA:
			s.scanCDATA()
		case s.outside && !s.skipOutside(), !s.has(1):
			return tokenEOF
		case s.buf[s.pos] != '<':
			s.scanText()
		default:
			if t, found := s.markup(); found {
				return t
			}
		}
		if len(s.text) > 0 {
			return tokenText
		}
	}
}

// markup reads what starts with "<".
func (s *scanner) markup() (t token, found bool) {
	if !s.has(2) {
		s.pos, s.cutShort = s.end, true
		return tokenEOF, true
	}
	switch c := s.buf[s.pos+1]; {
	case c == '/':
		return s.endTag(), true
	case c == '!':
		s.declaration()
	case c == '?':
		s.instruction()
	case nameStart(c):
		s.startTag()
		return tokenStart, true
	default:
		s.departs("less", `"<" that does not start a tag was read as text; nothing is lost`)
		s.append(s.buf[s.pos : s.pos+1])
		s.pos++
	}
	return 0, false
}

func (s *scanner) append(p []byte) {
	if s.keep {
		s.text = append(s.text, p...)
	}
}

// run consumes the bytes that need no care by the table and hands them on.
func (s *scanner) run(plain *[256]bool) []byte {
	w := s.buf[s.pos:s.end]
	i := 0
	for i < len(w) && plain[w[i]] {
		i++
	}
	s.pos += i
	return w[:i]
}

// scanText reads up to the next "<", or a piece of text.
func (s *scanner) scanText() {
	for len(s.text) < pieceBytes && s.has(1) {
		s.append(s.run(&plainText))
		if s.pos == s.end {
			continue
		}
		switch s.buf[s.pos] {
		case '<':
			return
		case ']':
			if s.has(3) && s.buf[s.pos+1] == ']' && s.buf[s.pos+2] == '>' {
				s.departs("cdata-end", `"]]>" outside of a CDATA section was read as text; nothing is lost`)
			}
			s.append(s.buf[s.pos : s.pos+1])
			s.pos++
		default:
			s.append(s.special(!s.keep))
		}
	}
}

// scanCDATA reads a piece of a CDATA section.
func (s *scanner) scanCDATA() {
	for len(s.text) < pieceBytes {
		if !s.has(1) {
			s.inCDATA, s.cutShort = false, true
			return
		}
		s.append(s.run(&plainCDATA))
		switch {
		case s.pos == s.end:
		case s.buf[s.pos] != ']':
			s.append(s.special(false))
		case s.has(3) && s.buf[s.pos+1] == ']' && s.buf[s.pos+2] == '>':
			s.pos += 3
			s.inCDATA = false
			return
		default:
			s.append(s.buf[s.pos : s.pos+1])
			s.pos++
		}
	}
}

// skipOutside moves to the next markup outside of the root element and reports
// whether there is any. After stray text only markup of reports counts: logs are
// full of "<".
func (s *scanner) skipOutside() bool {
	stray := false
	for s.has(1) {
		switch b := s.buf[s.pos]; {
		case space[b]:
			s.run(&space)
		case b == '<' && (!stray || s.reportMarkup()):
			return true
		case s.has(3) && bytes.HasPrefix(s.buf[s.pos:], []byte("\xef\xbb\xbf")):
			s.pos += 3
		default:
			if !stray {
				s.departs("outside", "text outside of the root element was skipped; no test case is lost")
				stray = true
			}
			s.pos++
			s.run(&notLess)
		}
	}
	return false
}

// reportMarkup reports whether the "<" at pos starts markup of a report.
func (s *scanner) reportMarkup() bool {
	s.has(40)
	w := s.buf[s.pos+1 : min(s.end, s.pos+40)]
	if bytes.HasPrefix(w, []byte("?xml")) || bytes.HasPrefix(w, []byte("!DOCTYPE")) {
		return true
	}
	w = bytes.TrimPrefix(w, []byte("/"))
	i := 0
	for i < len(w) && nameByte[w[i]] {
		i++
	}
	name := localName(w[:i])
	return bytes.HasPrefix(name, []byte("testsuite")) || bytes.HasPrefix(name, []byte("testcase"))
}
