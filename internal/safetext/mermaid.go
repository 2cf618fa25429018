package safetext

import (
	"strings"
	"unicode"
)

// Mermaid returns s as a name in a Mermaid diagram, within limit bytes: letters,
// digits, spaces and a few marks that mean nothing there. Everything else, such as
// what ends a name, a line or the fence, is a space. A name must start with a word of
// ours, since the first word of a line may be a keyword.
func Mermaid(s string, limit int) string {
	name := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-/()", r) {
			return r
		}
		return ' '
	}, Line(s, 4*limit))
	name, _ = Cut(strings.Join(strings.Fields(name), " "), limit)
	return name
}
