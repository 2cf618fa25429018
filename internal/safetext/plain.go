package safetext

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Plain makes text from outside fit to be quoted within a line of our own: control
// and format characters become spaces, escape sequences nothing, runs of space one space, and what is longer
// than limit characters is cut, with an ellipsis. The line must also be made
// safe for the place where it is shown.
func Plain(s string, limit int) string {
	// More than this many bytes cannot be needed, and answers can be a mebibyte.
	if most := 8 * limit; len(s) > most {
		s = s[:most]
	}
	var b strings.Builder
	n, space := 0, false
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == escape || r == 0x9b {
			// A sequence leaves no space: it may split a word, which may be a secret.
			if skip := sequence(s[i:], size, r); skip > 0 {
				i += skip
				continue
			}
		}
		i += size
		if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError {
			space = b.Len() > 0
			continue
		}
		if space {
			b.WriteByte(' ')
			n, space = n+1, false
		}
		if n >= limit {
			return strings.TrimRight(b.String(), " ") + "…"
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}
