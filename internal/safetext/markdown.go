package safetext

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// breaker parts a text in two for programs that look for mentions and references
// in rendered text. It shows nothing and copies as nothing, unlike a zero width
// space.
const breaker = "<b></b>"

// references are the characters that Markdown or HTML may read as structure
// wherever they stand.
var references = [utf8.RuneSelf]string{
	'&': "&amp;", '<': "&lt;", '>': "&gt;", '|': "&#124;", '`': "&#96;", '*': "&#42;",
	'[': "&#91;", ']': "&#93;", '\\': "&#92;", '~': "&#126;", '$': "&#36;",
}

// Inline returns s as text within a line of Markdown, or within HTML that stands in
// Markdown; it may be a table cell. limit is in bytes before escaping.
func Inline(s string, limit int) string { return inline(Line(s, limit)) }

// Cell is [Inline] for text of several lines: line ends are breaks.
func Cell(s string, limit, lines int) string {
	all := strings.Split(Text(s, limit, lines), "\n")
	for i, l := range all {
		all[i] = inline(strings.TrimSpace(l))
	}
	return strings.Join(all, "<br>")
}

func inline(s string) string {
	var b strings.Builder
	b.Grow(len(s) + len(s)/8)
	for i, r := range s {
		switch {
		case r < utf8.RuneSelf && references[r] != "":
			b.WriteString(references[r])
		case r < utf8.RuneSelf && !alnum(byte(r)):
			b.WriteString(punctuation(s, i, byte(r)))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// punctuation returns what stands for the ASCII character c at s[i], which means
// something in some places only.
func punctuation(s string, i int, c byte) string {
	before, after := s[:i], s[i+1:]
	switch {
	case c == '@' && after != "" && after[0] != ' ',
		c == '#' && after != "" && digit(after[0]),
		c == '-' && hasSuffixFold(before, "gh") && after != "" && digit(after[0]),
		c == ':' && (strings.HasPrefix(after, "//") || hasSuffixFold(before, "mailto") || hasSuffixFold(before, "xmpp")),
		c == '.' && hasSuffixFold(before, "www"):
		return reference(c) + breaker
	case c == '_' && (i == 0 || !alnum(s[i-1]) || after == "" || !alnum(after[0])),
		i == 0 && strings.IndexByte("-+=#", c) >= 0,
		(c == '.' || c == ')') && i < 10 && strings.Trim(before, "0123456789") == "":
		return reference(c)
	}
	return string(rune(c))
}

// reference is the character reference of an ASCII character.
func reference(c byte) string { return "&#" + strconv.Itoa(int(c)) + ";" }

func digit(c byte) bool { return c >= '0' && c <= '9' }

func alnum(c byte) bool { return digit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' }

func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// Code returns s as a code span within a line of Markdown; it may be a table cell.
// Where the text has characters that would end the span, the cell or the table, or
// could be taken for a comment, it is an HTML code element. Empty text is empty.
// limit is in bytes before escaping.
func Code(s string, limit int) string {
	text := Line(s, limit)
	switch {
	case text == "":
		return ""
	case strings.ContainsAny(text, "`|<>&\\$"):
		return "<code>" + inline(text) + "</code>"
	}
	return "`" + text + "`"
}

// Fence returns s as a fenced block of Markdown that ends with a line feed, within
// limit bytes and the given number of lines (0: any number) of text. The fence is
// longer than any run of backticks inside. Text that looks like an HTML comment
// gets a space, because nothing can be escaped in a block.
func Fence(s string, limit, lines int) string { return fence("text", s, limit, lines) }

// Diff is [Fence] for the lines of a difference, each with its sign in front.
func Diff(s string, limit, lines int) string { return fence("diff", s, limit, lines) }

func fence(kind, s string, limit, lines int) string {
	text := strings.ReplaceAll(Text(s, limit, lines), "<!--", "< !--")
	border := strings.Repeat("`", max(3, longestRun(text, '`')+1))
	return border + kind + "\n" + text + "\n" + border + "\n"
}

func longestRun(s string, c byte) int {
	longest, run := 0, 0
	for i := range len(s) {
		if s[i] != c {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// Link returns a Markdown link with s as its text, or the text alone where target
// is not an absolute http or https URL. limit is in bytes of the text before escaping.
func Link(s, target string, limit int) string {
	text, safe := Inline(s, limit), URL(target)
	if safe == "" || text == "" {
		return text
	}
	return "[" + text + "](" + safe + ")"
}

// URL returns target as it may stand in a link, or "" if it is not an absolute http
// or https URL, has a user in it, or is longer than 2,000 bytes.
func URL(target string) string {
	u, err := url.Parse(target)
	if err != nil || len(target) > 2000 || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return ""
	}
	var b strings.Builder
	for _, c := range []byte(u.String()) {
		if strings.IndexByte(`()<>[]{}|\^*_~"'$!`+"`", c) >= 0 || c <= ' ' || c >= unicode.MaxASCII {
			const digits = "0123456789ABCDEF"
			b.WriteString("%" + string(digits[c>>4]) + string(digits[c&15]))
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// HTML returns s as text of an HTML document, for an element or a quoted attribute;
// line feeds are kept. limit is in bytes before escaping.
func HTML(s string, limit int) string { return htmlReplacer.Replace(Text(s, limit, 0)) }

var htmlReplacer = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "`", "&#96;")
