package junit

import (
	"bytes"
	"fmt"
)

const (
	// maxName bounds the names of elements and attributes, maxAttrs the
	// attributes of one tag.
	maxName  = 1 << 10
	maxAttrs = 256
)

// attr is one attribute: offsets of its name and its decoded value in vals.
type attr struct{ name, value, end int }

func (s *scanner) attrName(a attr) []byte  { return s.vals[a.name:a.value] }
func (s *scanner) attrValue(a attr) []byte { return s.vals[a.value:a.end] }

// scanName reads a name and appends it to dst, bounded.
func (s *scanner) scanName(dst []byte) []byte {
	start := len(dst)
	for s.has(1) {
		dst = append(dst, s.run(&nameByte)...)
		dst = dst[:min(len(dst), start+maxName)]
		if s.pos < s.end {
			break
		}
	}
	return dst
}

// at reports whether the short literal stands at pos.
func (s *scanner) at(literal string) bool {
	return s.has(len(literal)) && string(s.buf[s.pos:s.pos+len(literal)]) == literal
}

func (s *scanner) skipSpace() (skipped bool) {
	for s.has(1) && space[s.buf[s.pos]] {
		s.run(&space)
		skipped = true
	}
	return skipped
}

func (s *scanner) startOfTag() {
	s.tagLine, s.tagCol = s.here()
	s.tagStart = s.base + int64(s.pos)
}

// startTag reads "<name a="b">".
func (s *scanner) startTag() {
	s.startOfTag()
	s.pos++
	s.name = s.scanName(s.name[:0])
	s.attrs, s.vals = s.attrs[:0], s.vals[:0]
	s.selfClose, s.broken = false, false
	if !wellNamed(s.name) {
		s.departs("name", "element has the invalid name %s; its text is kept", quote(string(s.name)))
	}
	for s.attribute() {
		continue
	}
}

// attribute reads one attribute. It returns false at the end of the tag.
func (s *scanner) attribute() bool {
	spaced := s.skipSpace()
	if !s.has(1) {
		s.broken, s.cutShort = true, true
		return false
	}
	switch s.buf[s.pos] {
	case '>':
		s.pos++
		return false
	case '<':
		s.broken = true
		line, column := s.here()
		s.problems.add("tag", true, line, column, "tag <%s> has no end; attributes of it may be lost", shorten(string(s.name), 80))
		return false
	case '/':
		s.pos++
		if s.has(1) && s.buf[s.pos] == '>' {
			s.pos++
			s.selfClose = true
			return false
		}
		s.departs("tag-junk", `stray "/" in a tag was skipped; nothing else is lost`)
	case '=', '"', '\'', '!', '?':
		s.departs("tag-junk", "stray %q in a tag was skipped; nothing else is lost", s.buf[s.pos])
		s.pos++
	default:
		if !spaced {
			s.departs("tag-space", "attribute without a space before it was read anyway; nothing is lost")
		}
		s.named()
	}
	return true
}

// named reads an attribute from its name on.
func (s *scanner) named() {
	a := attr{name: len(s.vals)}
	if !nameByte[s.buf[s.pos]] {
		s.departs("control", "control character 0x%02x in a tag was skipped; nothing else is lost", s.buf[s.pos])
		s.pos++
		return
	}
	s.vals = s.scanName(s.vals)
	a.value = len(s.vals)
	if !wellNamed(s.vals[a.name:]) {
		s.departs("name", "attribute has the invalid name %s; it is kept", quote(string(s.vals[a.name:])))
	}
	s.skipSpace()
	if s.has(1) && s.buf[s.pos] == '=' {
		s.pos++
		s.skipSpace()
		s.quoted()
	} else {
		s.departs("bare-attribute", "attribute %s has no value; nothing else is lost", quote(string(s.vals[a.name:])))
	}
	a.end = len(s.vals)
	s.store(a)
}

// store keeps an attribute unless it is a double or one too many.
func (s *scanner) store(a attr) {
	line, column := s.tagLine, s.tagCol
	if len(s.attrs) >= maxAttrs {
		s.problems.add("attributes", true, line, column, "tag has more than %d attributes; the others are lost", maxAttrs)
		s.vals = s.vals[:a.name]
		return
	}
	for _, other := range s.attrs {
		if bytes.Equal(s.attrName(other), s.attrName(a)) {
			s.problems.add("double", false, line, column, "attribute %s is given twice; the first is used", quote(string(s.attrName(a))))
			s.vals = s.vals[:a.name]
			return
		}
	}
	s.attrs = append(s.attrs, a)
}

// quoted reads an attribute's value and appends it, decoded and bounded, to vals.
func (s *scanner) quoted() {
	if !s.has(1) {
		return
	}
	q := s.buf[s.pos]
	if q != '"' && q != '\'' {
		s.departs("unquoted", "attribute value without quotes was read up to the next space; nothing is lost")
		s.vals = s.scanName(s.vals)
		return
	}
	s.pos++
	s.value.reset(false)
	for s.has(1) {
		s.value.write(s.run(&plainValue))
		if s.pos == s.end {
			continue
		}
		switch b := s.buf[s.pos]; b {
		case q:
			s.pos++
			s.vals = s.value.appendTo(s.vals)
			return
		case '<':
			s.departs("less", `"<" in an attribute value was read as text; nothing is lost`)
			fallthrough
		case '"', '\'':
			s.value.write(s.buf[s.pos : s.pos+1])
			s.pos++
		default:
			s.value.write(s.special(false))
		}
	}
	s.vals = s.value.appendTo(s.vals)
}

// endTag reads "</name>".
func (s *scanner) endTag() token {
	s.startOfTag()
	s.pos += 2
	s.name = s.scanName(s.name[:0])
	s.skipSpace()
	if s.has(1) && s.buf[s.pos] != '>' {
		s.departs("tag-junk", "end tag </%s> holds more than its name; nothing is lost", shorten(string(s.name), 80))
		for s.has(1) && s.buf[s.pos] != '>' && s.buf[s.pos] != '<' {
			s.pos++
		}
	}
	if !s.has(1) {
		s.cutShort = true
		return tokenEOF
	}
	if s.buf[s.pos] == '>' {
		s.pos++
	}
	return tokenEnd
}

// declaration reads what starts with "<!": a comment, a CDATA section, a DOCTYPE.
func (s *scanner) declaration() {
	switch {
	case s.at("<!--"):
		s.pos += 4
		s.comment()
	case s.at("<![CDATA["):
		s.pos += 9
		s.inCDATA = true
		if s.outside {
			s.departs("outside", "CDATA section outside of the root element was skipped; no test case is lost")
		}
	case s.outside && s.at("<!DOCTYPE"):
		s.pos += 2
		s.doctype()
	default:
		s.departs("declaration", `unknown "<!" was read as text; nothing is lost`)
		s.append(s.buf[s.pos : s.pos+1])
		s.pos++
	}
}

// comment skips to "-->".
func (s *scanner) comment() {
	for s.skipTo('-') {
		if !s.has(2) {
			break
		}
		if s.buf[s.pos+1] != '-' {
			s.pos++
			continue
		}
		if s.has(3) && s.buf[s.pos+2] == '>' {
			s.pos += 3
			return
		}
		if s.has(3) {
			s.departs("comment", `"--" in a comment was skipped; nothing is lost`)
		}
		s.pos++
	}
	s.pos, s.cutShort = s.end, true
}

// skipTo moves to the next b and reports whether there is one.
func (s *scanner) skipTo(b byte) bool {
	for s.has(1) {
		if i := bytes.IndexByte(s.buf[s.pos:s.end], b); i >= 0 {
			s.pos += i
			return true
		}
		s.pos = s.end
	}
	return false
}

// doctype skips a document type with all that is in it: nothing of it is expanded.
func (s *scanner) doctype() {
	var quote byte
	for depth := 1; depth > 0; s.pos++ {
		if !s.has(1) {
			s.cutShort = true
			return
		}
		switch b := s.buf[s.pos]; {
		case b == '<' && s.at("<testcase"):
			line, column := s.here()
			s.problems.add("doctype", true, line, column, "test case inside of a DOCTYPE is not read")
		case quote != 0:
			if b == quote {
				quote = 0
			}
		case b == '"' || b == '\'':
			quote = b
		case b == '<' && s.at("<!--"):
			s.pos += 4
			s.comment()
			s.pos--
		case b == '<':
			depth++
		case b == '>':
			depth--
		}
	}
}

// instruction skips "<?...?>" and takes note of an XML declaration.
func (s *scanner) instruction() {
	s.has(longestReference)
	w := s.buf[s.pos:min(s.end, s.pos+longestReference)]
	if bytes.HasPrefix(w, []byte("<?xml")) && len(w) > 5 && space[w[5]] {
		s.xml11 = bytes.Contains(w, []byte(`"1.1"`)) || bytes.Contains(w, []byte(`'1.1'`))
		if first := s.base + int64(s.pos); first != 0 && first != 3 {
			s.departs("late-declaration", "XML declaration is not at the start of the file; nothing is lost")
		}
	}
	s.pos += 2
	for s.skipTo('?') {
		s.pos++
		if s.has(1) && s.buf[s.pos] == '>' {
			s.pos++
			return
		}
	}
	s.cutShort = true
}

// appendTo appends the collected value, with a word on what was cut, to dst.
func (c *clip) appendTo(dst []byte) []byte {
	if c.cut == 0 && len(c.buf) <= headBytes+tailBytes {
		return append(dst, c.buf...)
	}
	return append(dst, c.text().Value...)
}

// markupText is the current start tag as text, for tags inside of text.
func (s *scanner) markupText(dst []byte) []byte {
	dst = append(append(dst, '<'), s.name...)
	for _, a := range s.attrs {
		dst = fmt.Appendf(dst, ` %s="%s"`, s.attrName(a), s.attrValue(a))
	}
	if s.selfClose {
		dst = append(dst, '/')
	}
	return append(dst, '>')
}
