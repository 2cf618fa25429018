package safetext

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// replacement stands for bytes that are not UTF-8.
const replacement = "\uFFFD"

const escape = 0x1b

// Clean makes valid UTF-8 of s in which every character is visible, or a space, a
// tab or a line feed. Terminal escape sequences are dropped; a control character
// becomes its picture (␀), an invisible or direction-changing one its code point
// ([U+202E]), every kind of line end a line feed. Clean is idempotent and linear.
func Clean(s string) string {
	n := plainPrefix(s)
	if n == len(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	b.WriteString(s[:n])
	for s = s[n:]; s != ""; s = s[n:] {
		if n = plainPrefix(s); n == 0 {
			n = cleanRune(&b, s)
			continue
		}
		b.WriteString(s[:n])
	}
	return b.String()
}

// plainPrefix is the length of the prefix of s that is printable ASCII.
func plainPrefix(s string) int {
	for i := range len(s) {
		if c := s[i]; (c < ' ' || c >= 0x7f) && c != '\n' && c != '\t' {
			return i
		}
	}
	return len(s)
}

// cleanRune writes what stands for the start of s, and returns how much of s that
// was.
func cleanRune(b *strings.Builder, s string) int {
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case r == utf8.RuneError && size == 1:
		b.WriteString(replacement)
		return invalidRun(s)
	case r == escape || r == 0x9b:
		if n := sequence(s, size, r); n > 0 {
			return n
		}
		b.WriteString("␛")
	case r == '\r':
		b.WriteByte('\n')
		if strings.HasPrefix(s, "\r\n") {
			return 2
		}
	case r == '\u2028' || r == '\u2029' || r == '\u0085':
		b.WriteByte('\n')
	case r < ' ':
		b.WriteRune('␀' + r)
	case r == 0x7f:
		b.WriteRune('␡')
	case hidden(r):
		b.WriteString(codePoint(r))
	default:
		b.WriteString(s[:size])
	}
	return size
}

// codePoint writes a character as what it is, as in [U+202E].
func codePoint(r rune) string {
	digits := strings.ToUpper(strconv.FormatInt(int64(r), 16))
	return "[U+" + strings.Repeat("0", max(4-len(digits), 0)) + digits + "]"
}

// invalidRun is the number of bytes at the start of s that are not UTF-8.
func invalidRun(s string) int {
	n := 1
	for n < len(s) {
		if r, size := utf8.DecodeRuneInString(s[n:]); r != utf8.RuneError || size != 1 {
			break
		}
		n++
	}
	return n
}

// visibleFormat holds characters of the class Cf that are drawn.
var visibleFormat = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x0600, Hi: 0x0605, Stride: 1}, {Lo: 0x06dd, Hi: 0x06dd, Stride: 1}, {Lo: 0x0890, Hi: 0x0891, Stride: 1},
		{Lo: 0x08e2, Hi: 0x08e2, Stride: 1}},
	R32: []unicode.Range32{{Lo: 0x110bd, Hi: 0x110bd, Stride: 1}, {Lo: 0x110cd, Hi: 0x110cd, Stride: 1}},
}

// blank holds characters outside of Cf that are drawn as nothing: fillers,
// selectors and everything that Unicode says to ignore, and non-characters.
var blank = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x0080, Hi: 0x009f, Stride: 1}, {Lo: 0x034f, Hi: 0x034f, Stride: 1}, {Lo: 0x115f, Hi: 0x1160, Stride: 1},
		{Lo: 0x17b4, Hi: 0x17b5, Stride: 1}, {Lo: 0x180b, Hi: 0x180f, Stride: 1}, {Lo: 0x2065, Hi: 0x2065, Stride: 1},
		{Lo: 0x3164, Hi: 0x3164, Stride: 1}, {Lo: 0xfdd0, Hi: 0xfdef, Stride: 1}, {Lo: 0xffa0, Hi: 0xffa0, Stride: 1},
		{Lo: 0xfff0, Hi: 0xfff8, Stride: 1}, {Lo: 0xfffe, Hi: 0xffff, Stride: 1},
	},
	R32: []unicode.Range32{{Lo: 0xe0000, Hi: 0xe0fff, Stride: 1}},
}

// hidden reports whether a character shows nothing, or changes how others show.
func hidden(r rune) bool {
	if r < 0x80 {
		return false
	}
	return unicode.Is(blank, r) || r&0xfffe == 0xfffe || unicode.Is(unicode.Cf, r) && !unicode.Is(visibleFormat, r)
}

// sequence is the length of the terminal escape sequence at the start of s, whose
// introducer takes size bytes; 0 where it is incomplete. It never looks beyond the
// next control character, so that a stray introducer costs nothing.
func sequence(s string, size int, introducer rune) int {
	if introducer == 0x9b {
		return csi(s, size)
	}
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case '[':
		return csi(s, 2)
	case ']', 'P', 'X', '^', '_':
		return stringSequence(s)
	default:
		n := span(s, 1, 0x20, 0x2f)
		if n < len(s) && s[n] >= 0x30 && s[n] <= 0x7e {
			return n + 1
		}
		return 0
	}
}

// csi reads parameters, intermediates and the final byte of a control sequence.
func csi(s string, from int) int {
	n := span(s, span(s, from, 0x30, 0x3f), 0x20, 0x2f)
	if n < len(s) && s[n] >= 0x40 && s[n] <= 0x7e {
		return n + 1
	}
	return 0
}

// span is the index of the first byte of s from the given one on that is not
// within lo and hi.
func span(s string, from int, lo, hi byte) int {
	for from < len(s) && s[from] >= lo && s[from] <= hi {
		from++
	}
	return from
}

// stringSequence reads a title, a link or a device string up to BEL or ESC \.
func stringSequence(s string) int {
	for i := 2; i < len(s); i++ {
		switch c := s[i]; {
		case c == 0x07:
			return i + 1
		case c == escape:
			if i+1 < len(s) && s[i+1] == '\\' {
				return i + 2
			}
			return 0
		case c < ' ':
			return 0
		}
	}
	return 0
}
