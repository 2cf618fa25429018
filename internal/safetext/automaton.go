package safetext

import (
	"slices"
	"strings"
	"unicode"
)

// automaton finds all patterns in one pass over a text (Aho and Corasick). Nodes
// are kept in one slice; almost all have one child, so children are a list.
type automaton struct {
	nodes []node
	// root holds the root's children by byte, 0 for none: most of a text is read
	// here.
	root [256]int32
	// longest is the length of the longest pattern; plain are those that are secrets themselves.
	longest int
	plain   []string
	// blanks are the places of white space in patterns, which are kept without it, by their last node.
	blanks map[int32][]white
	// pairs has a bit for each two bytes that may be the start of a pattern, or of what is no text.
	pairs [256][4]uint64
}

type node struct {
	child, sibling int32
	fail           int32
	// depth is the length of the text that leads here, match that of the longest
	// pattern that ends here; 0: none.
	depth, match int32
	b            byte
	// word: a pattern that ends here is of letters only, so white space in it makes another text.
	word bool
}

func newAutomaton(patterns []string) *automaton {
	a := &automaton{nodes: make([]node, 1), blanks: map[int32][]white{}}
	for _, p := range patterns {
		solid, blanks := withoutBlanks(p)
		if len(solid) < 2 {
			continue
		}
		a.add(solid, blanks)
		a.longest = max(a.longest, len(solid))
		a.pair(solid[0], solid[1])
		for _, b := range []byte(whiteSpace) {
			a.pair(solid[0], b)
		}
	}
	for i := range len(special) {
		for b := range 256 {
			a.pair(special[i], byte(b))
			a.pair(byte(b), special[i])
		}
	}
	a.link()
	return a
}

func (a *automaton) pair(first, second byte) { a.pairs[first][second>>6] |= 1 << (second & 63) }

// whiteSpace is what ends of lines, and indentation, put into what is printed.
const whiteSpace = " \t\r\n"

// white says of a place in a pattern whether white space is there: never, always, or in one of the
// patterns that differ in it only.
type white byte

const (
	never white = iota
	always
	sometimes
)

// withoutBlanks is a pattern without white space, and before which of its bytes there was some.
func withoutBlanks(p string) (solid string, before []white) {
	var b strings.Builder
	after := never
	for i := range len(p) {
		if strings.IndexByte(whiteSpace, p[i]) >= 0 {
			after = always
			continue
		}
		b.WriteByte(p[i])
		before = append(before, after)
		after = never
	}
	return b.String(), before
}

// add adds a pattern.
func (a *automaton) add(pattern string, blanks []white) {
	at := int32(0)
	for i := range len(pattern) {
		next := a.childOf(at, pattern[i])
		if next == 0 {
			next = int32(len(a.nodes)) //nolint:gosec // a node for each byte of the secrets, which fit in memory
			a.nodes = append(a.nodes, node{b: pattern[i], sibling: a.nodes[at].child, depth: a.nodes[at].depth + 1})
			a.nodes[at].child = next
			if at == 0 {
				a.root[pattern[i]] = next
			}
		}
		at = next
	}
	again := a.nodes[at].match > 0
	a.nodes[at].match = a.nodes[at].depth
	a.nodes[at].word = strings.IndexFunc(pattern, func(c rune) bool { return !unicode.IsLetter(c) }) < 0
	known := a.blanks[at]
	if again {
		for i := range blanks {
			if known == nil && blanks[i] != never || known != nil && blanks[i] != known[i] {
				blanks[i] = sometimes
			}
		}
	}
	if known != nil || slices.ContainsFunc(blanks, func(w white) bool { return w != never }) {
		a.blanks[at] = blanks
	}
}

func (a *automaton) childOf(at int32, b byte) int32 {
	if at == 0 {
		return a.root[b]
	}
	for c := a.nodes[at].child; c != 0; c = a.nodes[c].sibling {
		if a.nodes[c].b == b {
			return c
		}
	}
	return 0
}

// link sets, breadth first, where to go on when a text leaves a pattern.
func (a *automaton) link() {
	queue := []int32{0}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for c := a.nodes[at].child; c != 0; c = a.nodes[c].sibling {
			if at != 0 {
				a.nodes[c].fail = a.next(a.nodes[at].fail, a.nodes[c].b)
			}
			if a.nodes[c].match == 0 {
				a.nodes[c].match = a.nodes[a.nodes[c].fail].match
			}
			queue = append(queue, c)
		}
	}
}

// next follows one byte of text.
func (a *automaton) next(at int32, b byte) int32 {
	for at != 0 {
		if c := a.childOf(at, b); c != 0 {
			return c
		}
		at = a.nodes[at].fail
	}
	return a.root[b]
}
