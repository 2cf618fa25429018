package junit

import (
	"cmp"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
)

// Identity is what two cases of one or more reports have in common that are of one test.
type Identity struct {
	// Suites are the names of the suites around it, joined by a line feed.
	Suites string
	// Hostname is part of it because Playwright writes the browser project there.
	Hostname string
	// File is that of the case, else that of the suites around it.
	File      string
	Line      int
	Classname string
	Name      string
}

// Identity returns the identity of the case as the report gives it.
func (c *Case) Identity() Identity {
	return Identity{
		Suites: strings.Join(c.Path, "\n"), Hostname: c.Hostname,
		File: cmp.Or(c.File, c.SuiteFile), Line: c.Line, Classname: c.Classname, Name: c.Name,
	}
}

// Test is all that reports say of one test.
type Test struct {
	Identity Identity
	Metadata Metadata
	// Attempts are those of all its cases, in document order. Those of several cases have the
	// number of their case as that of the test: no case is known to repeat another.
	Attempts []e2e.Attempt
	// Stated says of each attempt whether the report itself calls it a repetition of the one
	// before. Otherwise it comes from another case of the same identity.
	Stated      []bool
	Attachments []string
	// Cases is the number of <testcase> elements.
	Cases int
}

// Merger collects cases of the same identity, within a report and over reports. What a
// later case means is decided by internal/verdict/attempts. The zero value is ready.
type Merger struct {
	// Key, if set, replaces [Case.Identity], for a framework whose reports name
	// a test differently from run to run.
	Key   func(Case) Identity
	tests []*Test
	index map[Identity]*Test
	// inDoubt are attempts whose times have a comma that may be decimal.
	inDoubt []place
}

// place is an attempt at a test.
type place struct {
	test *Test
	at   int
}

// LongestInDoubt is the longest time whose comma may be decimal, in seconds; 0: none.
func (m *Merger) LongestInDoubt() float64 {
	longest := 0.0
	for _, p := range m.inDoubt {
		longest = max(longest, p.test.Attempts[p.at].Seconds)
	}
	return longest
}

// DecimalComma corrects those times: their commas are decimal ones.
func (m *Merger) DecimalComma() {
	for _, p := range m.inDoubt {
		p.test.Attempts[p.at].Seconds /= 1000
	}
	m.inDoubt = nil
}

// Add adds a case. It fits the callback of [Read]; the error is always nil.
func (m *Merger) Add(c Case) error {
	id := c.Identity()
	if m.Key != nil {
		id = m.Key(c)
	}
	t := m.index[id]
	if t == nil {
		if m.index == nil {
			m.index = map[Identity]*Test{}
		}
		t = &Test{Identity: id, Metadata: c.Metadata()}
		m.index[id] = t
		m.tests = append(m.tests, t)
	}
	t.Cases++
	if t.Cases == 2 {
		for i := range t.Attempts {
			t.Attempts[i].Twin = 1
		}
	}
	executions := c.executions()
	for i, a := range c.Attempts() {
		if t.Cases > 1 {
			a.Twin = t.Cases
		}
		t.Attempts, t.Stated = append(t.Attempts, a), append(t.Stated, i > 0)
		if r := executions[i]; r == nil && c.Comma || r != nil && r.Comma {
			m.inDoubt = append(m.inDoubt, place{t, len(t.Attempts) - 1})
		}
	}
	t.Attachments = mergeAttachments(t.Attachments, c.Attachments)
	return nil
}

// Tests returns the merged tests in the order of their first case.
func (m *Merger) Tests() []Test {
	list := make([]Test, len(m.tests))
	for i, t := range m.tests {
		list[i] = *t
	}
	return list
}
