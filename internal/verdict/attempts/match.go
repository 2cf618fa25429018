package attempts

import (
	"fmt"
	"maps"
	"slices"

	"github.com/org/e2e-gate/internal/e2e"
)

// matching files reported tests under planned ones.
type matching struct {
	unit string
	// ids are the planned tests of a name.
	ids map[string][]string
	// names are those of planned tests that were reported.
	names map[string]bool
	// attempts, parts and others are those of planned tests by id, of their parts, and of
	// tests that were not planned.
	attempts map[string][]e2e.Attempt
	parts    map[string][]part
	others   map[string]*e2e.TestRun
	// twice are ids under which several tests were reported.
	twice map[string]bool
}

func newMatching(in In) *matching {
	m := &matching{
		unit: in.Unit, ids: map[string][]string{}, names: map[string]bool{}, attempts: map[string][]e2e.Attempt{},
		parts: map[string][]part{}, others: map[string]*e2e.TestRun{}, twice: map[string]bool{},
	}
	for _, p := range in.Planned {
		if !slices.Contains(m.ids[p.Name], p.ID) {
			m.ids[p.Name] = append(m.ids[p.Name], p.ID)
		}
	}
	return m
}

// file finds the planned test: the first spelling that a planned test has decides. A
// test that none of its spellings finds was not planned.
func (m *matching) file(r Reported) {
	list := withFiles(sequence(r.Results), r.Files)
	for _, s := range r.Spellings {
		ids := m.ids[s.Name]
		if len(ids) == 0 {
			continue
		}
		m.names[s.Name] = true
		for _, id := range ids {
			m.filePlanned(id, s.Part, list)
		}
		return
	}
	m.fileUnplanned(r.Unplanned, list)
}

// filePlanned adds a report to every planned test of the name. A part waits for the
// other parts: all of them together are the test.
func (m *matching) filePlanned(id, name string, list []e2e.Attempt) {
	if name != "" {
		m.parts[id] = append(m.parts[id], part{name, list})
		return
	}
	m.twice[id] = m.twice[id] || len(m.attempts[id]) > 0
	m.attempts[id] = e2e.MergeDuplicates(m.attempts[id], list)
}

// fileUnplanned keeps a test that was not planned, under an id as discovery would have
// made it.
func (m *matching) fileUnplanned(t e2e.Test, list []e2e.Attempt) {
	t.ID = idOf(t)
	run := m.others[t.ID]
	if run == nil {
		t.Unit = m.unit
		run = &e2e.TestRun{ID: t.ID, Unplanned: &t}
		m.others[t.ID] = run
	}
	m.twice[t.ID] = m.twice[t.ID] || len(run.Attempts) > 0
	run.Attempts = e2e.MergeDuplicates(run.Attempts, list)
}

// idOf makes an id where a test has none: suite, class (else file) and name.
func idOf(t e2e.Test) string {
	switch {
	case t.ID != "":
		return t.ID
	case t.Class != "":
		return t.Suite + "/" + t.Class + "::" + t.Name
	}
	return t.Suite + "/" + t.File + "::" + t.Name
}

// planned are the attempts at planned tests, those of parts folded into them.
func (m *matching) planned() map[string][]e2e.Attempt {
	all := maps.Clone(m.attempts)
	for id, parts := range m.parts {
		all[id] = e2e.MergeDuplicates(all[id], fold(parts))
	}
	for _, list := range all {
		number(list)
	}
	return all
}

// unplanned are the tests that were not planned, sorted by id.
func (m *matching) unplanned() []e2e.TestRun {
	var list []e2e.TestRun
	for _, id := range slices.Sorted(maps.Keys(m.others)) {
		run := *m.others[id]
		number(run.Attempts)
		list = append(list, run)
	}
	return list
}

const twiceText = "the reports of batch %s contain several tests with the id %s; the worst counts. Give each its own name or class"

// duplicates says which ids several reported tests share. It loses no evidence: the
// worst of them counts.
func (m *matching) duplicates() []e2e.Problem {
	var list []e2e.Problem
	for _, id := range slices.Sorted(maps.Keys(m.twice)) {
		if m.twice[id] {
			list = append(list, e2e.Problem{Code: e2e.CodeReportDamaged, Unit: m.unit, Tests: []string{id}, Text: fmt.Sprintf(twiceText, m.unit, id)})
		}
	}
	return list
}
