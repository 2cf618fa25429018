package safetext

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Cut returns the longest prefix of s of at most limit bytes that ends at a rune
// border, and how many bytes were cut. A limit of 0 or less cuts everything.
func Cut(s string, limit int) (head string, cut int) {
	if len(s) <= limit {
		return s, 0
	}
	n := max(limit, 0)
	for back := 0; n > 0 && back < utf8.UTFMax && !utf8.RuneStart(s[n]); back++ {
		n--
	}
	return s[:n], len(s) - n
}

// Shorten returns s within limit bytes. Text that is longer is cut at a rune
// border, ends with "…" and says how much is missing; where there is no room to
// say so it is cut only.
func Shorten(s string, limit int) string { return shorten(s, limit, 0) }

// shorten is Shorten for a text of which missing bytes have been cut already.
func shorten(s string, limit, missing int) string {
	if len(s) <= limit && missing == 0 {
		return s
	}
	// The note gets longer with the number in it; two rounds settle that.
	note := more(missing)
	for range 2 {
		_, cut := Cut(s, limit-len(note))
		note = more(cut + missing)
	}
	if len(note) > limit {
		head, _ := Cut(s, limit)
		return head
	}
	head, _ := Cut(s, limit-len(note))
	return head + note
}

func more(n int) string { return "… (" + Size(n) + " more)" }

// Size writes a number of bytes for people: "512 bytes", "1.5 KB", "10.0 MB" (units
// of 1024).
func Size(n int) string {
	switch {
	case n == 1:
		return "1 byte"
	case n < 1024:
		return fmt.Sprintf("%d bytes", n)
	case n < 1024*1024:
		return fmt.Sprintf("%.1f KB", float64(n)/1024)
	default:
		return fmt.Sprintf("%.1f MB", float64(n)/(1024*1024))
	}
}

// slack is how much more than the limit is cleaned: cleaning may drop much of it.
const slack = 4096

// head cleans no more of s than can be shown within limit bytes, and returns how
// many bytes of s it left out.
func head(s string, limit int) (clean string, missing int) {
	start, missing := Cut(s, 4*max(limit, 0)+slack)
	return Clean(start), missing
}

// Line returns s as one line of clean text within limit bytes: runs of white space
// are one space, with none at the ends. It is idempotent for a limit.
func Line(s string, limit int) string {
	if len(s) <= limit && isLine(s) {
		return s
	}
	text, missing := head(s, limit)
	return strings.TrimSpace(shorten(strings.Join(strings.Fields(text), " "), limit, missing))
}

// isLine reports whether s is a clean line of ASCII already, as almost every name is.
func isLine(s string) bool {
	space := true // before the first and behind the last character there may be none
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ' && space, c < ' ', c >= 0x7f:
			return false
		default:
			space = c == ' '
		}
	}
	return !space || s == ""
}

// Text returns s as clean lines within limit bytes and the given number of lines (0:
// any number), without spaces at the ends of lines and empty lines at either end. A
// last line says what is missing; it is within the limits.
func Text(s string, limit, lines int) string {
	text, missing := head(s, limit)
	all := strings.Split(text, "\n")
	for i, l := range all {
		all[i] = strings.TrimRight(l, " \t")
	}
	text = strings.Trim(strings.Join(all, "\n"), "\n")
	if lines > 0 && strings.Count(text, "\n") >= lines {
		text, missing = firstLines(text, limit, lines, missing), 0
	}
	return strings.TrimLeft(strings.TrimRight(shorten(text, limit, missing), " \t\n"), "\n")
}

// noteBytes is more than a note on missing lines takes.
const noteBytes = 40

// firstLines keeps the first lines of text, the last of which says what is missing.
func firstLines(text string, limit, lines, missing int) string {
	keep := max(lines-1, 1)
	all := strings.SplitN(text, "\n", keep+1)
	kept := shorten(strings.Join(all[:keep], "\n"), limit-noteBytes, 0)
	note := moreLines(strings.Count(text, "\n")+1-keep, missing)
	if lines == 1 {
		return kept + " " + note
	}
	return kept + "\n" + note
}

func moreLines(n, missing int) string {
	if missing > 0 {
		return "… (" + Size(missing) + " more)"
	}
	if n == 1 {
		return "… (1 more line)"
	}
	return fmt.Sprintf("… (%d more lines)", n)
}
