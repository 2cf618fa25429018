package suite

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/junit"
)

// reported is a test as a runner reports it, with its attempts in order of time.
type reported struct {
	// spellings are the names of planned tests that it may stand for, the surest
	// first.
	spellings []spelling
	// test is what is known of it if nobody planned it; its id is made of suite,
	// class (else file) and name where it is empty.
	test        e2e.Test
	attempts    []e2e.Attempt
	attachments []string
}

// spelling is a name that a planned test may go by. A child is a part of the
// planned test (an invocation of a parametrised test, a subtest) and counts for it
// together with all others.
type spelling struct{ name, child string }

// reportedOf is a test of a JUnit report, without spellings.
func reportedOf(spec Spec, t junit.Test) reported {
	id, meta := t.Identity, t.Metadata
	return reported{
		test: e2e.Test{
			Suite: spec.Name, Framework: spec.Framework, Name: id.Name, Class: id.Classname, File: id.File,
			Owner: meta.Owner, Journey: meta.Journey, Criticality: meta.Criticality, Tags: meta.Tags,
		},
		attempts: t.Attempts, attachments: t.Attachments,
	}
}

// matcher assigns reported tests to the unit's planned ones.
type matcher struct {
	p         *process
	byName    map[string]string // every accepted spelling -> planned id
	attempts  map[string][]e2e.Attempt
	children  map[string][]child
	unplanned map[string]*e2e.TestRun
	doubles   map[string]bool // ids under which the reports hold several tests
	keeper    keeper
	cases     int
	anyFailed bool
}

// child is a reported part of a planned test.
type child struct {
	name     string
	attempts []e2e.Attempt
}

func newMatcher(p *process) *matcher {
	m := &matcher{
		p: p, byName: map[string]string{}, attempts: map[string][]e2e.Attempt{}, children: map[string][]child{},
		unplanned: map[string]*e2e.TestRun{}, doubles: map[string]bool{}, keeper: keeper{p: p},
	}
	for _, t := range p.unit.Tests {
		m.byName[t.Name] = t.ID
	}
	return m
}

// add files a test under the planned one that it belongs to.
func (m *matcher) add(r reported) {
	m.cases++
	for _, a := range r.attempts {
		m.anyFailed = m.anyFailed || a.Outcome == e2e.Failed
	}
	if n := len(r.attempts); n > 0 {
		r.attempts[n-1].Files = append(r.attempts[n-1].Files, m.keeper.keep(r.attachments)...)
	}
	for _, s := range r.spellings {
		id, ok := m.byName[s.name]
		switch {
		case !ok:
			continue
		case s.child != "":
			m.children[id] = append(m.children[id], child{s.child, r.attempts})
		default:
			m.doubles[id] = m.doubles[id] || len(m.attempts[id]) > 0
			m.attempts[id] = e2e.Doubles(m.attempts[id], r.attempts)
		}
		return
	}
	m.addUnplanned(r)
}

func (m *matcher) addUnplanned(r reported) {
	t := r.test
	if t.ID == "" {
		t.ID = t.Suite + "/" + t.Class + "::" + t.Name
		if t.Class == "" {
			t.ID = t.Suite + "/" + t.File + "::" + t.Name
		}
	}
	run := m.unplanned[t.ID]
	if run == nil {
		t.Unit = m.p.unit.Name
		run = &e2e.TestRun{ID: t.ID, Unplanned: &t}
		m.unplanned[t.ID] = run
	}
	m.doubles[t.ID] = m.doubles[t.ID] || len(run.Attempts) > 0
	run.Attempts = e2e.Doubles(run.Attempts, r.attempts)
}

func (m *matcher) into(rep *Report) {
	for id, parts := range m.children {
		m.attempts[id] = e2e.Doubles(m.attempts[id], fold(parts))
	}
	maps.Copy(rep.Tests, m.attempts)
	for _, run := range m.unplanned {
		rep.Unplanned = append(rep.Unplanned, *run)
	}
	slices.SortFunc(rep.Unplanned, func(a, b e2e.TestRun) int { return strings.Compare(a.ID, b.ID) })
	for _, id := range slices.Sorted(maps.Keys(m.doubles)) {
		if m.doubles[id] {
			rep.Problems = append(rep.Problems, e2e.Problem{Code: e2e.CodeReportDamaged, Unit: m.p.unit.Name, Tests: []string{id},
				Text: fmt.Sprintf("the reports of unit %s hold several tests with the id %s, so the worst of them counts; give each a name or a class of its own", m.p.unit.Name, id)})
		}
	}
	rep.Problems = append(rep.Problems, m.keeper.problems()...)
}

// fold makes the attempts of a planned test out of those of its parts: the first
// attempt of all, then, where a framework repeated some, the state after each
// repetition. An attempt is as good as its worst part.
func fold(parts []child) []e2e.Attempt {
	rounds := 0
	for _, p := range parts {
		rounds = max(rounds, len(p.attempts))
	}
	list := make([]e2e.Attempt, rounds)
	for i := range list {
		list[i] = foldRound(parts, i)
		list[i].N = i + 1
	}
	return list
}

func foldRound(parts []child, round int) e2e.Attempt {
	var whole e2e.Attempt
	for _, p := range parts {
		if len(p.attempts) == 0 {
			continue
		}
		a := p.attempts[min(round, len(p.attempts)-1)]
		part := e2e.Child{Name: p.name, Outcome: a.Outcome, Seconds: a.Seconds, Message: a.Message}
		seconds, children := whole.Seconds+a.Seconds, append(whole.Children, part)
		started := whole.Started
		if started.IsZero() || !a.Started.IsZero() && a.Started.Before(started) {
			started = a.Started
		}
		files := append(slices.Clip(whole.Files), a.Files...)
		if whole.Outcome == e2e.OutcomeUnknown || e2e.Worst(whole.Outcome, a.Outcome) != whole.Outcome {
			if whole = a; a.Outcome == e2e.Failed {
				whole.Message = p.name + ": " + a.Message
			}
		}
		whole.Seconds, whole.Children, whole.Started, whole.Files = seconds, children, started, files
	}
	return whole
}
