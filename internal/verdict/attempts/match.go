package attempts

import (
	"maps"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
)

// matching files reported tests under planned ones.
type matching struct {
	in In
	// ids are the planned tests of a name.
	ids map[string][]string
	// names are those of planned tests that were reported.
	names map[string]bool
	// runs, parts and others are what was reported of planned tests by id, of their parts,
	// and of tests that were not planned.
	runs   map[string][][]e2e.Attempt
	parts  map[string][]part
	others map[string][]other
}

// other is one test that was not planned.
type other struct {
	test     e2e.Test
	apart    []string
	attempts []e2e.Attempt
}

func newMatching(in In) *matching {
	m := &matching{
		in: in, ids: map[string][]string{}, names: map[string]bool{}, runs: map[string][][]e2e.Attempt{},
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
	all := executions(r.Results, m.in.RepeatedCases)
	runs := make([][]e2e.Attempt, 0, max(len(all), 1))
	for _, run := range all {
		runs = append(runs, sequence(run))
	}
	if n := len(runs); n > 0 {
		runs[n-1] = withFiles(runs[n-1], r.Files)
	} else {
		runs = append(runs, nil) // it was named, and has no result
	}
	for _, s := range r.Spellings {
		ids := m.ids[s.Name]
		if len(ids) == 0 {
			continue
		}
		m.names[s.Name] = true
		for _, id := range ids {
			m.filePlanned(id, s.Part, runs)
		}
		return
	}
	t := r.Unplanned
	t.ID, t.Unit = idOf(t), m.in.Unit
	if m.others == nil {
		m.others = map[string][]other{}
	}
	for _, run := range runs {
		m.others[t.ID] = append(m.others[t.ID], other{t, r.Apart, run})
	}
}

// filePlanned adds a report to every planned test of the name. A part waits for the
// other parts: all of them together are the test.
func (m *matching) filePlanned(id, name string, runs [][]e2e.Attempt) {
	for _, run := range runs {
		if name != "" {
			if m.parts == nil {
				m.parts = map[string][]part{}
			}
			m.parts[id] = append(m.parts[id], part{name, run})
		} else {
			m.runs[id] = append(m.runs[id], run)
		}
	}
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
	all := map[string][]e2e.Attempt{}
	for id, runs := range m.runs {
		all[id] = asTwins(runs)
	}
	for id, parts := range m.parts {
		all[id] = e2e.JoinTwins(all[id], fold(parts))
	}
	for _, list := range all {
		number(list)
	}
	return all
}

// asTwins joins the attempts at tests that share an id. Each gets a number if there are
// several.
func asTwins(runs [][]e2e.Attempt) []e2e.Attempt {
	if len(runs) == 1 {
		list := slices.Clone(runs[0])
		for i := range list {
			list[i].Line = 0 // the test itself has it
		}
		return list
	}
	list := slices.Concat(runs...)
	n := 0
	for i, run := range runs {
		for range run {
			list[n].Twin = i + 1
			n++
		}
	}
	return list
}

// unplanned are the tests that were not planned, sorted by id. Several of one id get ids
// of their own if something tells all of them apart.
func (m *matching) unplanned() []e2e.TestRun {
	if len(m.others) == 0 {
		return nil
	}
	found := map[string]e2e.TestRun{}
	for _, id := range slices.Sorted(maps.Keys(m.others)) {
		for _, group := range m.tellApart(m.others[id]) {
			test := group[0].test
			run := e2e.TestRun{ID: test.ID, Unplanned: &test}
			var runs [][]e2e.Attempt
			for _, o := range group {
				runs = append(runs, o.attempts)
			}
			run.Attempts = asTwins(runs)
			number(run.Attempts)
			found[test.ID] = run
		}
	}
	var list []e2e.TestRun
	for _, id := range slices.Sorted(maps.Keys(found)) {
		list = append(list, found[id])
	}
	return list
}

// tellApart groups tests of one id by the first thing that they do not all have in
// common. Their ids name it in brackets in front of the class. Tests that nothing tells
// apart stay in one group.
func (m *matching) tellApart(all []other) [][]other {
	for i := range all[0].apart {
		var values []string
		groups := map[string][]other{}
		for _, o := range all {
			value := ""
			if i < len(o.apart) {
				value = o.apart[i]
			}
			if !slices.Contains(values, value) {
				values = append(values, value)
			}
			groups[value] = append(groups[value], o)
		}
		if len(values) < 2 || slices.Contains(values, "") {
			continue
		}
		var list [][]other
		for _, value := range values {
			for j := range groups[value] {
				own := &groups[value][j].test
				own.ID = own.Suite + "/[" + value + "] " + strings.TrimPrefix(own.ID, own.Suite+"/")
				if _, taken := m.others[own.ID]; taken {
					return [][]other{all}
				}
			}
			list = append(list, groups[value])
		}
		return list
	}
	return [][]other{all}
}
