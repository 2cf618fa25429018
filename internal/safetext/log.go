package safetext

import (
	"strings"
	"unicode"
)

// Limits of annotations, in characters, as the runner and the checks API keep
// them.
const (
	MaxAnnotation      = 4096
	MaxAnnotationTitle = 255
)

// LogLine returns s as one line for a log or a terminal, within limit bytes before
// it is neutralised. It may stand anywhere, also at the start of a line.
func LogLine(s string, limit int) string { return Neutral(Line(s, limit)) }

// Log returns s as lines for a log or a terminal, within limit bytes before they
// are neutralised and the given number of lines (0: any number).
func Log(s string, limit, lines int) string { return Neutral(Text(s, limit, lines)) }

// Neutral makes text harmless to programs that read commands in logs: no line
// starts with "::" (after white space) and "##[" is nowhere. A space between keeps
// it readable. The text is otherwise taken as it is: use [LogLine] for untrusted
// text, and this for lines that were put together.
func Neutral(s string) string {
	s = strings.ReplaceAll(s, "##[", "## [")
	if !strings.Contains(s, "::") {
		return s
	}
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if rest := strings.TrimLeftFunc(l, unicode.IsSpace); strings.HasPrefix(rest, "::") {
			lines[i] = l[:len(l)-len(rest)] + ": " + rest[1:]
		}
	}
	return strings.Join(lines, "\n")
}

// Annotation returns s as text of an annotation, not yet escaped for a workflow
// command, within limit bytes. Code points above U+FFFF are written out.
func Annotation(s string, limit int) string {
	return Shorten(narrow(Log(s, limit, 0)), limit)
}

// narrow writes code points out that need more than 16 bits.
func narrow(s string) string {
	if strings.IndexFunc(s, wide) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if wide(r) {
			b.WriteString(codePoint(r))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func wide(r rune) bool { return r > 0xffff }

// FileName keeps what is allowed in names of artifacts and files everywhere; the rest
// becomes dashes. The name may still be "." or "..", or empty.
func FileName(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' {
			return c
		}
		return '-'
	}, s)
}
