package safetext

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
}

func newAutomaton(patterns []string) *automaton {
	a := &automaton{nodes: make([]node, 1)}
	for _, p := range patterns {
		a.add(p)
		a.longest = max(a.longest, len(p))
		a.pair(p[0], p[1])
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

func (a *automaton) add(pattern string) {
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
	a.nodes[at].match = a.nodes[at].depth
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
