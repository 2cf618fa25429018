package junit

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf8"
)

// Tables of bytes that need no care in text, in CDATA and in attribute values,
// that make up names, and that are space.
var (
	plainText = table(func(b byte) bool {
		return b >= ' ' && b < utf8.RuneSelf && b != '<' && b != '&' && b != ']' || tabOrLine(b)
	})
	plainCDATA = table(func(b byte) bool { return b >= ' ' && b < utf8.RuneSelf && b != ']' || tabOrLine(b) })
	plainValue = table(func(b byte) bool {
		return b >= ' ' && b < utf8.RuneSelf && b != '<' && b != '&' && b != '"' && b != '\'' || tabOrLine(b)
	})
	nameByte = table(func(b byte) bool { return b > ' ' && !bytes.ContainsRune([]byte(`/<>='"?!`), rune(b)) })
	space    = table(func(b byte) bool { return b == ' ' || b == '\t' || b == '\n' || b == '\r' })
	notLess  = table(func(b byte) bool { return b != '<' })
)

func table(in func(byte) bool) (t [256]bool) {
	for i := range t {
		t[i] = in(byte(i))
	}
	return t
}

func tabOrLine(b byte) bool { return b == '\t' || b == '\n' }

func nameStart(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_' || b == ':' || b >= utf8.RuneSelf
}

// wellNamed reports whether a name has no byte that names must not have.
func wellNamed(name []byte) bool {
	if len(name) == 0 || !nameStart(name[0]) {
		return false
	}
	var all byte
	for _, b := range name {
		if !nameStart(b) && (b < '0' || b > '9') && b != '-' && b != '.' {
			return false
		}
		all |= b
	}
	return all < utf8.RuneSelf || utf8.Valid(name)
}

// localName strips a namespace prefix.
func localName(name []byte) []byte {
	return name[bytes.LastIndexByte(name, ':')+1:]
}

// special reads what is not plain at pos: a line end, a reference, a control
// character, or bytes beyond ASCII. It returns what to keep, valid until the next
// read. bare: a reference here is no part of any text, so it may hold test cases.
func (s *scanner) special(bare bool) []byte {
	switch b := s.buf[s.pos]; {
	case b == '\r':
		s.pos++
		if s.has(1) && s.buf[s.pos] == '\n' {
			s.pos++
		}
		return append(s.tiny[:0], '\n')
	case b == '&':
		return s.reference(bare)
	case b == 0:
		s.departs("nul", "NUL byte was replaced; nothing else is lost")
		s.pos++
		return utf8.AppendRune(s.tiny[:0], utf8.RuneError)
	case b < utf8.RuneSelf:
		s.departs("control", "control character 0x%02x was kept as it is; nothing is lost", b)
		s.pos++
		return append(s.tiny[:0], b)
	}
	return s.beyondASCII()
}

// beyondASCII reads a run of valid UTF-8, or one invalid byte.
func (s *scanner) beyondASCII() []byte {
	for !utf8.FullRune(s.buf[s.pos:s.end]) && s.fill() {
		continue
	}
	w := s.buf[s.pos:s.end]
	n := 0
	for n < len(w) && w[n] >= utf8.RuneSelf {
		r, size := utf8.DecodeRune(w[n:])
		if r == utf8.RuneError || r == 0xfffe || r == 0xffff {
			break
		}
		n += size
	}
	if n > 0 {
		s.pos += n
		return w[:n]
	}
	return s.badRune(w)
}

func (s *scanner) badRune(w []byte) []byte {
	r, size := utf8.DecodeRune(w)
	switch {
	case r != utf8.RuneError:
		s.departs("control", "character %U, which XML forbids, was kept as it is; nothing is lost", r)
	case size == 1:
		s.departs("utf8", "byte 0x%02x, which is not UTF-8, was replaced; the name or text that contains it may differ from the test's", w[0])
	case s.encoding != "":
		s.departs("utf8", "bytes that are not %s were replaced; the name or text that contains them may differ from the test's", s.encoding)
	}
	s.pos += size
	return utf8.AppendRune(s.tiny[:0], r)
}

// longestReference is the longest text of a reference that is looked for.
const longestReference = 64

// reference reads "&...;". Only the five predefined entities and numbers are
// replaced: anything else stays as it is written.
func (s *scanner) reference(bare bool) []byte {
	s.has(longestReference)
	w := s.buf[s.pos:min(s.end, s.pos+longestReference)]
	end := bytes.IndexByte(w, ';')
	if end < 2 || w[1] != '#' && !wellNamed(w[1:end]) {
		s.departs("ampersand", `bare "&" was read as text; nothing is lost`)
		s.pos++
		return append(s.tiny[:0], '&')
	}
	name := w[1:end]
	if name[0] == '#' {
		return s.number(name[1:], end+1)
	}
	if r := predefined(name); r != 0 {
		s.pos += end + 1
		return append(s.tiny[:0], r)
	}
	line, column := s.here()
	if bare {
		s.problems.add("entity-content", true, line, column, "entity &%s; between elements is not expanded; test cases in it are lost", name)
	} else {
		s.problems.add("entity", false, line, column, "entity &%s; is not expanded and was kept as it is written", name)
	}
	s.pos++
	return append(s.tiny[:0], '&')
}

func predefined(name []byte) byte {
	switch string(name) {
	case "lt":
		return '<'
	case "gt":
		return '>'
	case "amp":
		return '&'
	case "quot":
		return '"'
	case "apos":
		return '\''
	}
	return 0
}

// number reads a numeric reference of n bytes.
func (s *scanner) number(digits []byte, n int) []byte {
	base := 10
	if len(digits) > 0 && digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	v, err := strconv.ParseUint(string(digits), base, 32)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		s.departs("ampersand", `bare "&" was read as text; nothing is lost`)
		s.pos++
		return append(s.tiny[:0], '&')
	}
	r := utf8.RuneError
	switch {
	case err != nil || v == 0 || v > utf8.MaxRune || !utf8.ValidRune(rune(v)):
		s.departs("number", "reference to a character that does not exist was replaced; nothing else is lost")
	case v < ' ' && v != '\t' && v != '\n' && v != '\r' && !s.xml11, v == 0xfffe, v == 0xffff:
		s.departs("control", "reference to control character 0x%02x was followed; nothing is lost", v)
		r = rune(v)
	default:
		r = rune(v)
	}
	s.pos += n
	return utf8.AppendRune(s.tiny[:0], r)
}
