package triage

// matcher finds many literals in one pass over a text (Aho and Corasick, 1975), so
// that a regular expression only runs on lines that hold one of its words. ASCII
// letters match in either case; literals are given in lower case.
type matcher struct {
	class   [256]uint8
	classes int
	// next[state*classes+class] is the following state.
	next []int32
	// found[state] are the literals that end there.
	found [][]int
}

func newMatcher(literals []string) *matcher {
	m := &matcher{}
	m.classify(literals)
	m.found = [][]int{nil}
	m.next = make([]int32, m.classes)
	for i := range m.next {
		m.next[i] = -1
	}
	for id, literal := range literals {
		m.insert(literal, id)
	}
	m.link()
	return m
}

// classify gives every byte that occurs in a literal a class; class 0 is all the
// others.
func (m *matcher) classify(literals []string) {
	m.classes = 1
	for _, literal := range literals {
		for i := range len(literal) {
			b := literal[i]
			if m.class[b] != 0 {
				continue
			}
			m.class[b] = uint8(m.classes) //nolint:gosec // at most 256 bytes exist
			if 'a' <= b && b <= 'z' {
				m.class[b-'a'+'A'] = m.class[b]
			}
			m.classes++
		}
	}
}

func (m *matcher) insert(literal string, id int) {
	state := int32(0)
	for i := range len(literal) {
		at := int(state)*m.classes + int(m.class[literal[i]])
		if m.next[at] < 0 {
			m.next[at] = int32(len(m.found)) //nolint:gosec // a few thousand
			m.found = append(m.found, nil)
			for range m.classes {
				m.next = append(m.next, -1)
			}
		}
		state = m.next[at]
	}
	m.found[state] = append(m.found[state], id)
}

// link turns the tree into an automaton: where no literal goes on, the longest
// suffix that begins one does.
func (m *matcher) link() {
	fail := make([]int32, len(m.found))
	var queue []int32
	for c := range m.classes {
		if s := m.next[c]; s > 0 {
			queue = append(queue, s)
		} else {
			m.next[c] = 0
		}
	}
	for len(queue) > 0 {
		state := queue[0]
		queue = queue[1:]
		m.found[state] = append(m.found[state], m.found[fail[state]]...)
		for c := range m.classes {
			at := int(state)*m.classes + c
			back := m.next[int(fail[state])*m.classes+c]
			if s := m.next[at]; s >= 0 {
				fail[s] = back
				queue = append(queue, s)
			} else {
				m.next[at] = back
			}
		}
	}
}

// scan calls hit for every literal that occurs, once for each of its ends.
func (m *matcher) scan(text string, hit func(id, end int)) {
	state := int32(0)
	for i := range len(text) {
		state = m.next[int(state)*m.classes+int(m.class[text[i]])]
		for _, id := range m.found[state] {
			hit(id, i+1)
		}
	}
}

// in reports whether one of the literals occurs in the text.
func (m *matcher) in(text string) bool {
	state := int32(0)
	for i := range len(text) {
		state = m.next[int(state)*m.classes+int(m.class[text[i]])]
		if m.found[state] != nil {
			return true
		}
	}
	return false
}
