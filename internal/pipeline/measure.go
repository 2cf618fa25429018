package pipeline

import (
	"maps"
	"runtime"
	"slices"

	tagexpressions "github.com/cucumber/tag-expressions/go/v6"
	"github.com/hmarr/codeowners"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history"
)

// Baseline is what a change is measured against: the part of its base that it was tested with.
type Baseline struct {
	// Base is the config there; nil: there is none that can be read. Own is the change's.
	Base, Own *config.Config
	// Judge is the config of the base that judges; nil: the change's own does. No test gets a weaker
	// criticality than it has there, whatever tags and journeys the change gives to its suite.
	Judge *config.Config
	// Commits are that commit and those before it, the nearest first.
	Commits []string
	// At is Base with the variables of a run of that commit, against [config.Exonerate.Target] if there is one; nil: there is none.
	At *config.Config
}

// hold gives a test the criticality that it has in the config that judges, if that is stronger. raw
// is the test as its suite knows it.
func (b *Baseline) hold(t *e2e.Test, raw e2e.Test, suite string) {
	if b == nil || b.Judge == nil {
		return
	}
	spec, ok := b.Judge.Suite(suite)
	if !ok {
		return
	}
	if enrich(b.Judge, &raw, spec, nil); column(raw.Criticality) < column(t.Criticality) {
		t.Criticality = raw.Criticality
	}
}

// sights are what was listed, as the base and the change see it. A nil value takes notes of
// nothing.
type sights struct {
	// base and own are nil where they cannot be compared.
	base, own *view
	// listed says of each test why it is not selected; empty: it is. wholes does so of suites
	// that cannot list theirs, by name.
	listed, wholes map[string]string
	// incomplete: not everything could be listed.
	incomplete         bool
	deselected, weaker []string
	// before is how critical each test is by the base.
	before map[string]standing
}

// standing is how critical a test of this checkout is by the base's config. tagged: tags of its own
// would make it more critical, one of a criticality less or the tag smoke more. Whether the change
// took or gave it one, only a run of the base tells.
type standing struct {
	e2e.Criticality
	tagged bool
}

// view is how a config sees a test.
type view struct {
	config *config.Config
	run    e2e.Run
	expr   tagexpressions.Evaluatable
	owners codeowners.Ruleset
}

// newSights prepares to compare tests as they are listed.
func (s *Session) newSights(owners codeowners.Ruleset) (*sights, error) {
	b := s.opts.Baseline
	if b == nil {
		return nil, nil
	}
	out := &sights{listed: map[string]string{}, wholes: map[string]string{}, before: map[string]standing{}}
	if b.Base == nil || b.Own == nil {
		return out, nil
	}
	stage, ok := b.Base.Stage(s.run.Stage)
	if !ok {
		return out, nil
	}
	changed, ok := b.Own.Stage(s.run.Stage)
	if !ok {
		changed = stage // that it is gone is said of the config
	}
	var err error
	if out.base, err = s.view(b.Base, stage, owners); err != nil {
		return nil, err
	}
	out.own, err = s.view(b.Own, changed, owners)
	return out, err
}

func (s *Session) view(c *config.Config, stage config.Stage, owners codeowners.Ruleset) (*view, error) {
	expr, err := config.ParseSelect(both(stage.Select, s.opts.Select))
	return &view{c, e2e.Run{Service: s.run.Service, Target: stage.Target}, expr, owners}, err
}

// of is whether a config selects a test, and its criticality; known is false where it does not
// have the suite.
func (v *view) of(t e2e.Test, suite string) (selected bool, c e2e.Criticality, known bool) {
	spec, ok := v.config.Suite(suite)
	if !ok {
		return false, "", false
	}
	enrich(v.config, &t, spec, v.owners)
	return deselects(v.config, v.run, t, spec, v.expr) == "", t.Criticality, true
}

// suite notes how listing a suite went.
func (s *sights) suite(problems []e2e.Problem) {
	if s != nil {
		s.incomplete = s.incomplete || slices.ContainsFunc(problems, func(p e2e.Problem) bool { return p.LosesEvidence })
	}
}

// test notes a test as its suite lists it; why says for what reason it is not selected. whole:
// it stands for its suite.
func (s *sights) test(t e2e.Test, suite, why string, whole bool) {
	if s == nil {
		return
	}
	if s.listed[t.ID] = why; whole {
		s.wholes[suite] = why
	}
	if s.base == nil {
		return
	}
	was, before, ok := s.base.of(t, suite)
	is, now, still := s.own.of(t, suite)
	switch {
	case !ok || !still || !was:
	case !is:
		s.deselected = append(s.deselected, t.ID)
	case column(now) > column(before):
		s.weaker = append(s.weaker, t.ID)
	}
	t.Criticality, t.Tags = "", append(slices.DeleteFunc(slices.Clone(t.Tags), func(tag string) bool {
		_, ok := e2e.TagValue([]string{tag}, "criticality")
		return ok
	}), "smoke")
	if _, strongest, ok := s.base.of(t, suite); ok {
		s.before[t.ID] = standing{before, column(before) > column(strongest)}
	}
}

// leftOut notes that a test is not run since the change does not affect it, which is no change to what judges. whole: it stands for
// its suite.
func (s *sights) leftOut(id, suite string, whole bool) {
	if s == nil {
		return
	}
	if s.listed[id] = e2e.WhyAffected; whole {
		s.wholes[suite] = e2e.WhyAffected
	}
}

// column orders criticalities by what they block, the strongest first.
func column(c e2e.Criticality) int {
	switch c {
	case e2e.ReleaseBlockingSmoke:
		return 0
	case e2e.ReleaseBlocking:
		return 1
	case e2e.NonBlocking, e2e.Nightly, e2e.Synthetic:
	}
	return 2
}

// measured is what the change does to the tests that judge it.
func (s *Session) measured(in planning) *e2e.Measured {
	if in.sights == nil || s.run.Narrowed != nil {
		return nil
	}
	run, _ := in.stats.LastJudged(s.run.Stage, runtime.GOOS+"/"+runtime.GOARCH, s.opts.Baseline.Commits)
	// Between an older run and the base, the base's config may have changed too.
	same := len(s.opts.Baseline.Commits) > 0 && run.SHA == s.opts.Baseline.Commits[0]
	return in.sights.measured(run, s.opts.Baseline.Base, same, s.opts.Select != "" || s.opts.Service != "")
}

// measured compares with the last judged run of the base. same: it was by the base's config.
// narrowed: flags take tests out too.
func (s *sights) measured(run history.Judged, base *config.Config, same, narrowed bool) *e2e.Measured {
	m := &e2e.Measured{Run: run.Run, SHA: run.SHA, Deselected: slices.Clone(s.deselected), Weaker: slices.Clone(s.weaker)}
	for _, id := range slices.Sorted(maps.Keys(run.Tests)) {
		t := run.Tests[id]
		if base != nil {
			if _, ok := base.Suite(t.Suite); !ok {
				continue // of another call of the gate, with another config
			}
		}
		why, listed := s.listed[id]
		if !listed {
			why, listed = s.wholes[t.Suite], hasKey(s.wholes, t.Suite)
		}
		now, ok := s.before[id]
		if ok && why == "" && (same || now.tagged) && t.Criticality != "" && column(now.Criticality) > column(t.Criticality) {
			m.Weaker = append(m.Weaker, id)
		}
		switch {
		case listed && why == "" && t.Passed:
			m.Passed = append(m.Passed, id)
		case listed && why == "select" && !narrowed:
			m.Deselected = append(m.Deselected, id)
		case !listed && !s.incomplete:
			m.Gone = append(m.Gone, id)
		}
	}
	for _, list := range []*[]string{&m.Deselected, &m.Weaker, &m.Gone, &m.Passed} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
		*list = (*list)[:min(len(*list), maxDeselected)]
	}
	return m
}

func hasKey(m map[string]string, key string) bool {
	_, ok := m[key]
	return ok
}
