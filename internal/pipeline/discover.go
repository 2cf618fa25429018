package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	tagexpressions "github.com/cucumber/tag-expressions/go/v6"
	"github.com/hmarr/codeowners"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/suite/adapter"
	"github.com/org/e2e-gate/internal/suite/adapter/listing"
)

// discovered is what suites hold: tests, and batches of suites that cannot list theirs.
type discovered struct {
	tests      []e2e.Test
	batches    []e2e.Batch
	deselected []e2e.Deselected
	// alarms are notes of what is not checked if a suite is split.
	alarms []e2e.Problem
	// costs say which suites do in each process what could be done once, and why.
	costs []string
	// sights are what the change does to them; nil where no base judges.
	sights *sights
}

// maxDeselected bounds the ids of tests that are not selected, in a plan.
const maxDeselected = 20_000

// deselect adds a test that is not selected. Tests come suite by suite.
func (d *discovered) deselect(t e2e.Test, why string) {
	i := slices.IndexFunc(d.deselected, func(one e2e.Deselected) bool { return one.Suite == t.Suite && one.Why == why })
	if i < 0 {
		i = len(d.deselected)
		d.deselected = append(d.deselected, e2e.Deselected{Suite: t.Suite, Why: why})
	}
	one, ids := &d.deselected[i], 0
	for _, other := range d.deselected {
		ids += len(other.Tests)
	}
	if one.Count++; ids < maxDeselected {
		one.Tests = append(one.Tests, t.ID)
	}
}

// work are the tests, and those that stand for batches.
func (d discovered) work() []e2e.Test {
	list := slices.Clone(d.tests)
	for _, b := range d.batches {
		list = append(list, b.Stand())
	}
	return list
}

// discover lists the tests of all suites, without running any, and selects.
func (s *Session) discover(ctx context.Context, _ none) (all discovered, problems []e2e.Problem, err error) {
	expr, err := config.ParseSelect(s.run.Select)
	if err != nil {
		return all, nil, err
	}
	owners := s.codeowners()
	var lists []listed
	if all.sights, err = s.newSights(owners); err != nil {
		return all, nil, err
	}
	if s.opts.Listings != "" {
		ctx = listing.With(ctx, listing.Cache{Dir: s.opts.Listings, Except: s.ownFiles(), Now: s.opts.Now, Told: func(name string, made time.Time) {
			s.opts.Progress.Note(fmt.Sprintf("nothing changed since suite %s was listed at %s, so that listing counts", name, made.Local().Format(time.TimeOnly)))
		}})
	}
	for _, spec := range s.opts.Config.Suites {
		found, odd, err := s.discoverSuite(ctx, spec)
		all.alarms = append(all.alarms, slices.DeleteFunc(slices.Clone(odd), func(p e2e.Problem) bool { return p.Code != e2e.CodeNotChecked })...)
		odd = slices.DeleteFunc(odd, func(p e2e.Problem) bool { return p.Code == e2e.CodeNotChecked })
		problems = append(problems, odd...)
		all.costs = append(all.costs, found.costs...)
		if err != nil {
			return all, problems, err
		}
		found.tests = asSets(found.tests)
		all.sights.suite(odd)
		list := listed{s.choose(found.work(), spec, expr, owners), spec, len(found.batches) > 0}
		for i := range list.choices {
			choice := &list.choices[i]
			all.sights.test(choice.raw, spec.Name, choice.alone, list.batch)
			s.opts.Baseline.hold(&choice.test, choice.raw, spec.Name)
		}
		lists = append(lists, list)
	}
	s.narrowToAffected(ctx, lists, all.sights)
	odd, err := s.opts.Narrow.apply(s.opts.Root, s.run.Stage, lists)
	problems = append(problems, odd...)
	if err != nil {
		return all, problems, err
	}
	problems = append(problems, all.add(lists)...)
	slices.SortFunc(all.tests, func(a, b e2e.Test) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(all.batches, func(a, b e2e.Batch) int { return cmp.Compare(a.ID, b.ID) })
	for _, one := range all.deselected {
		slices.Sort(one.Tests)
	}
	return all, problems, nil
}

// ownFiles is what the run writes itself, which may lie in the repository.
func (s *Session) ownFiles() []string {
	out, err := filepath.Abs(s.out)
	if err != nil {
		return nil
	}
	return []string{out}
}

// listed are the tests of one suite, or the batch that stands for them.
type listed struct {
	choices []choice
	spec    suite.Spec
	batch   bool
}

// add adds what is selected, and counts what is not.
func (d *discovered) add(lists []listed) (problems []e2e.Problem) {
	seen := map[string]bool{}
	for _, list := range lists {
		for _, choice := range list.choices {
			switch t := choice.test; {
			case choice.why != "":
				d.deselect(t, choice.why)
			case seen[t.ID]:
				problems = append(problems, e2e.Problem{Code: e2e.CodeToolError, LosesEvidence: true, Tests: []string{t.ID},
					Text: fmt.Sprintf("tests of two suites have the id %s, so their results cannot be told apart; rename one of the suites", t.ID)})
			case list.batch:
				d.batches = append(d.batches, e2e.BatchOf(t))
			default:
				d.tests = append(d.tests, t)
			}
			seen[choice.test.ID] = seen[choice.test.ID] || choice.why == ""
		}
	}
	return problems
}

// choice is a test as it was listed and with what the config says, why it does not run, and
// why it would not for itself; empty: it does.
type choice struct {
	raw, test  e2e.Test
	why, alone string
}

// choose selects tests of a suite. What the expression leaves out of a group runs as context
// if another test of the group is selected; what may not run at this target never does.
func (s *Session) choose(tests []e2e.Test, spec suite.Spec, expr tagexpressions.Evaluatable, owners codeowners.Ruleset) []choice {
	choices, selected := make([]choice, len(tests)), map[string]bool{}
	for i, t := range tests {
		raw := t
		enrich(s.opts.Config, &t, spec, owners)
		t.Needs = s.needs(&t, spec)
		why := deselects(s.opts.Config, s.run, t, spec, expr)
		choices[i] = choice{raw, t, why, why}
		selected[t.Group] = selected[t.Group] || why == ""
	}
	needTogether(choices)
	for i := range choices {
		if c := &choices[i]; c.test.Group != "" && c.why == "select" && selected[c.test.Group] {
			c.test.Context, c.why = true, ""
		}
	}
	return choices
}

// needTogether gives every test of a group what one of them needs: they run as a whole, or not at all.
func needTogether(choices []choice) {
	groups, all := map[string][]string{}, map[string]bool{}
	for i := range choices {
		if t := &choices[i].test; t.Group != "" {
			groups[t.Group] = append(groups[t.Group], t.Needs...)
			all[t.Group] = all[t.Group] || len(t.Needs) == 0
		}
	}
	for group, needs := range groups {
		if slices.Sort(needs); all[group] {
			needs = nil
		}
		groups[group] = slices.Compact(needs)
	}
	for i := range choices {
		if t := &choices[i].test; t.Group != "" {
			t.Needs = groups[t.Group]
		}
	}
}

// asSets makes one entry of the tests of a suite that share an id: they are planned, run
// and repeated together. It has the tags of all.
func asSets(tests []e2e.Test) []e2e.Test {
	at := map[string]int{}
	var sets []e2e.Test
	for _, t := range tests {
		i, known := at[t.ID]
		if !known {
			at[t.ID] = len(sets)
			sets = append(sets, t)
			continue
		}
		set := &sets[i]
		set.Twins = max(set.Twins, 1) + 1
		set.Tags = append(slices.Clip(set.Tags), t.Tags...)
		set.Locks = append(slices.Clip(set.Locks), t.Locks...)
	}
	return sets
}

func (s *Session) discoverSuite(ctx context.Context, spec suite.Spec) (discovered, []e2e.Problem, error) {
	adapter, err := suite.New(spec, s.opts.Root)
	if err != nil {
		return discovered{}, nil, err
	}
	if b, ok := adapter.(suite.Batcher); ok {
		if batch, whole := b.Batch(); whole {
			return discovered{batches: []e2e.Batch{batch}}, nil, nil
		}
	}
	s.opts.Progress.Listing(spec.Name)
	tests, problems, err := adapter.Discover(proc.WithRedact(ctx, s.redactLog), s.childEnv(spec.Env, spec.PassEnv))
	if err == nil {
		s.opts.Progress.Listed(spec.Name, len(tests))
	} else {
		s.opts.Progress.Listed(spec.Name, -1)
	}
	for _, p := range problems {
		if p.LosesEvidence {
			s.opts.Progress.Note(p.Text)
		}
	}
	for _, t := range tests {
		s.opts.Redact.Spare(t.ID)
	}
	if ctx.Err() != nil {
		return discovered{}, nil, fmt.Errorf("stopped at suite %s: %w", spec.Name, context.Cause(ctx))
	}
	if err != nil && s.opts.Missing != nil {
		text := s.opts.Missing(spec)
		if told := errors.Is(err, suite.ErrTool) && strings.HasSuffix(text, "install it"); text != "" && !told {
			err = fmt.Errorf("suite %s: %s (%w)", spec.Name, text, err)
		}
	}
	if err != nil && !errors.Is(err, suite.ErrTool) {
		return discovered{}, append(problems, e2e.Problem{Code: e2e.CodeBuildFailed, LosesEvidence: true, Unit: spec.Name, Text: err.Error()}), nil
	}
	found := discovered{tests: tests}
	if p, ok := adapter.(suite.Preparer); ok && p.Cost() != "" {
		found.costs = []string{p.Cost()}
	}
	return found, problems, err
}

// enrich adds what the config knows: tags, owner, journey, criticality, locks. An
// owner comes from the test's tags, then from the suite, then from its journey,
// then from CODEOWNERS.
func enrich(c *config.Config, t *e2e.Test, spec suite.Spec, owners codeowners.Ruleset) {
	t.Tags = append(slices.Clone(t.Tags), spec.Tags...)
	tag := func(key string) string { v, _ := e2e.TagValue(t.Tags, key); return v }
	t.Journey = cmp.Or(tag("journey"), t.Journey)
	journey, _ := c.Journey(t.Journey)
	t.Owner = cmp.Or(tag("owner"), t.Owner, spec.Owner, journey.Owner)
	if t.Owner == "" {
		t.Owner = ownerOf(owners, path.Join(filepath.ToSlash(spec.Dir), t.File))
	}
	t.Criticality = criticality(tag("criticality"), string(t.Criticality), journey.Criticality, spec.Criticality)
	if t.Criticality == e2e.ReleaseBlocking && t.Smoke() && tag("criticality") == "" {
		t.Criticality = e2e.ReleaseBlockingSmoke
	}
	t.Locks = append(slices.Clone(t.Locks), spec.Locks...)
	for _, own := range t.Tags {
		if name, ok := e2e.CutTag(own, "lock"); ok {
			t.Locks = append(t.Locks, name)
		}
	}
	t.Group, t.Keep = together(*t, spec)
	for key, value := range map[string]string{"owner": t.Owner, "journey": t.Journey, "criticality": string(t.Criticality), "suite": t.Suite,
		"framework": t.Framework} {
		if value != "" {
			t.Tags = append(t.Tags, key+":"+value)
		}
	}
	slices.Sort(t.Tags)
	t.Tags = slices.Compact(t.Tags)
}

// needs is [needsOf], as far as the change that is judged may say it. What a test does not need is not waited for, so
// a change must not take a test away from a gate: a suite that the base does not have needs everything, and so does a
// test of a suite that the change touches if only its tags and its journey say otherwise.
func (s *Session) needs(t *e2e.Test, spec suite.Spec) []string {
	if b := s.opts.Baseline; b != nil && b.Judge != nil {
		_, known := b.Judge.Suite(spec.Name)
		if !known || len(spec.Services)+len(spec.Needs) == 0 && s.changes(spec) {
			return nil
		}
	}
	return needsOf(s.opts.Config, t, spec)
}

// changes reports whether the change touches files of a suite, or may do so. It looks once for each suite: there may be
// thousands of files, and many more tests.
func (s *Session) changes(spec suite.Spec) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	touched, known := s.touchedSuites[spec.Name]
	if !known {
		if s.touchedSuites == nil {
			s.touchedSuites = map[string]bool{}
		}
		touched = s.mayTouch(spec)
		s.touchedSuites[spec.Name] = touched
	}
	return touched
}

func (s *Session) mayTouch(spec suite.Spec) bool {
	if !allKnown(s.opts.ChangedPaths) {
		return true
	}
	dir := dirOf(spec)
	return dir == "." || slices.ContainsFunc(s.opts.ChangedPaths, func(file string) bool { return within(file, dir) })
}

// needsOf are the services that a test needs, by its suite, its journey and its tags needs:<service>; none:
// nothing says what it needs, so it needs everything. A tag that names no service is taken for that too, and so is one that names
// another journey of the config than the test's.
func needsOf(c *config.Config, t *e2e.Test, spec suite.Spec) []string {
	journey, known := c.Journey(t.Journey)
	needs := slices.Concat(spec.Services, spec.Needs, journey.Services, journey.Needs)
	for _, tag := range t.Tags {
		name, ok := e2e.CutTag(tag, "journey")
		named := func(j config.Journey) bool { return strings.EqualFold(j.Name, name) }
		if ok && (!known || name != t.Journey) && slices.ContainsFunc(c.Journeys, named) {
			return nil // a second journey, or one in other letters
		}
		if name, ok = e2e.CutTag(tag, "needs"); !ok {
			continue
		}
		if !c.HasService(name) {
			return nil
		}
		needs = append(needs, name)
	}
	slices.Sort(needs)
	return slices.Compact(needs)
}

// together is the group of a test, and the file that stays uncut with it: as the config says,
// else a tag, else the framework.
func together(t e2e.Test, spec suite.Spec) (group, keep string) {
	file := cmp.Or(t.Keep, fileOf(t))
	class := adapter.GroupOf(spec, t.Class)
	serial := slices.ContainsFunc(t.Tags, func(tag string) bool { return e2e.BareTag(tag) == "serial" })
	group, keep = t.Group, t.Keep
	switch {
	case spec.Keep == adapter.KeepFile:
		group = cmp.Or(file, class, group)
	case spec.Keep == adapter.KeepClass:
		group = cmp.Or(class, file, group)
	case serial:
		group = cmp.Or(group, class, file)
	}
	if spec.Keep == adapter.KeepNone || group == keep {
		keep = ""
	}
	return group, keep
}

// criticality is the first word that the domain knows; release-blocking is the
// default.
func criticality(candidates ...string) e2e.Criticality {
	for _, c := range candidates {
		if slices.Contains(e2e.Criticalities(), e2e.Criticality(c)) {
			return e2e.Criticality(c)
		}
	}
	return e2e.ReleaseBlocking
}

// deselects applies the tag expression, the service, and the journey's targets. It is
// empty for a selected test, else the reason that [e2e.Deselected] has.
func deselects(c *config.Config, run e2e.Run, t e2e.Test, spec suite.Spec, expr tagexpressions.Evaluatable) string {
	journey, _ := c.Journey(t.Journey)
	switch {
	case run.Service != "" && !slices.Contains(spec.Services, run.Service) && !slices.Contains(journey.Services, run.Service):
		return "service"
	case !runsOn(c, journey, run.Target, t.Tags):
		return "target"
	case !expr.Evaluate(spellings(t.Tags)):
		return "select"
	}
	return ""
}

// runsOn reports whether a test may run at a target. In production it has to name the target, and must not be
// destructive.
func runsOn(c *config.Config, j config.Journey, target string, tags []string) bool {
	named := slices.Contains(j.Targets, target)
	if t, _ := c.Target(target); t.Production {
		tagged := slices.ContainsFunc(tags, func(tag string) bool { return e2e.BareTag(tag) == "target:"+target })
		destructive := slices.ContainsFunc(tags, func(tag string) bool { return strings.EqualFold(e2e.BareTag(tag), "destructive") })
		return (named || tagged) && !destructive
	}
	return len(j.Targets) == 0 || target == "" || named
}

// spellings are all the ways in which an expression may name a tag: smoke, @smoke
// and e2e:smoke are one.
func spellings(tags []string) []string {
	var all []string
	for _, tag := range tags {
		bare := e2e.BareTag(tag)
		all = append(all, tag, bare, "@"+bare, "e2e:"+bare)
	}
	return all
}

// codeowners reads the repository's CODEOWNERS from where GitHub looks for it.
func (s *Session) codeowners() codeowners.Ruleset {
	rules, note := readCodeowners(s.opts.Root)
	if note != "" {
		s.opts.Progress.Note(note)
	}
	return rules
}

// CodeOwners returns who owns a file by the CODEOWNERS of a checkout, by its path from the root; empty:
// it names no owner.
func CodeOwners(root string) func(file string) string {
	rules, _ := readCodeowners(root)
	return func(file string) string { return ownerOf(rules, file) }
}

// readCodeowners reads CODEOWNERS; the note says why it names no owners.
func readCodeowners(root string) (rules codeowners.Ruleset, note string) {
	top, err := os.OpenRoot(root)
	if err != nil {
		return nil, ""
	}
	defer func() { _ = top.Close() }()
	for _, name := range []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"} {
		// The note shows parts of the file, so no link leads out of the checkout.
		info, err := top.Stat(name)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		f, err := top.Open(name)
		if err != nil {
			continue
		}
		rules, err := codeowners.ParseFile(f)
		_ = f.Close()
		if err != nil {
			return nil, fmt.Sprintf("%s cannot be read, so it names no owners: %v", name, err)
		}
		return rules, ""
	}
	return nil, ""
}

func ownerOf(rules codeowners.Ruleset, file string) string {
	rule, err := rules.Match(file)
	if err != nil || rule == nil || len(rule.Owners) == 0 {
		return ""
	}
	return rule.Owners[0].Value
}
