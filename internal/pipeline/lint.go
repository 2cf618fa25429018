package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/history/estimate"
	"github.com/org/e2e-gate/internal/policy"
	"github.com/org/e2e-gate/internal/verdict"
)

// Lint discovers tests, without starting background processes, and returns warnings, such
// as tests without an owner and expired quarantines.
func (s *Session) Lint(ctx context.Context) []diag.Message {
	_, found := s.List(ctx)
	return found
}

// List is [Session.Lint] with the tests that were discovered, sorted by id.
func (s *Session) List(ctx context.Context) (tests []e2e.Test, found []diag.Message) {
	warn := func(text, hint string) {
		found = append(found, diag.Message{File: s.opts.Config.File, Severity: diag.Warning, Text: text, Hint: hint})
	}
	f := newFlow(ctx, s.opts.Problems)
	f.stopped = s.opts.Hold
	all := then(f, "discover tests", s.discover, none{})
	tests = all.work()
	stats, _, _ := s.loadHistory(ctx, none{})
	for _, p := range f.found() {
		warn(p.Text, "")
	}
	for _, text := range all.costs {
		warn(text, "see docs/frameworks.md, One build for all batches")
	}
	if len(tests) == 0 && len(f.found()) == 0 {
		found = append(found, diag.Message{File: s.opts.Config.File, Text: fmt.Sprintf("stage %s selects no test, so it can never pass", s.run.Stage),
			Hint: "look at its select expression and at the tags of the tests"})
	}
	if why := s.unprobeable(); why != "" {
		warn("exonerate.probe: no failure can be run at the base: "+why, "see docs/verdict.md, Run the failures at the base")
	}
	found = append(found, s.lintOwners(tests)...)
	found = append(found, s.lintRequired(tests)...)
	found = append(found, s.lintTwins(tests)...)
	found = append(found, s.lintNeeds(tests)...)
	found = append(found, s.lintMissingNeeds(tests, stats)...)
	found = append(found, s.lintFlaky(tests, stats)...)
	for _, q := range s.opts.Quarantine {
		last := policy.LastDay(q)
		switch {
		case !policy.Begun(q, s.opts.Now()):
			found = append(found, diag.Message{File: s.opts.Config.File, Text: fmt.Sprintf("the quarantine of %s by %s begins on %s, so it excuses nothing yet",
				q.Test, q.Owner, q.Since.Format(time.DateOnly)), Hint: "set quarantined_at to the day on which the entry is written"})
		case last.Before(q.Deadline):
			found = append(found, diag.Message{File: s.opts.Config.File, Text: fmt.Sprintf("the quarantine of %s by %s has the deadline %s, but counts until %s at most",
				q.Test, q.Owner, q.Deadline.Format(time.DateOnly), last.Format(time.DateOnly)), Hint: "a test may stay in quarantine for 30 days; look again then"})
		}
		if policy.Expired(last, s.opts.Now()) {
			warn(fmt.Sprintf("the quarantine of %s by %s ended on %s", q.Test, q.Owner, last.Format(time.DateOnly)), "fix or remove the test; it blocks again")
		}
	}
	return tests, append(found, s.lintLabels(tests, stats)...)
}

// unprobeable says why no failure can be run at the base, as far as the config tells; empty: it can, or does not have to.
func (s *Session) unprobeable() string {
	cfg := s.opts.Config
	if !cfg.Exonerate.Probe || !slices.ContainsFunc(s.opts.Stage.On, func(event string) bool { return strings.HasPrefix(event, "pull_request") }) {
		return ""
	}
	base := "unknown"
	for _, c := range cfg.Gates.Checks {
		if c.Version != nil && c.IsRequired() && c.Version.SHA != "" {
			base = c.Version.SHA
		}
	}
	if _, err := placeAtBase(cfg, base, cfg.Exonerate.Target, s.opts.Stage.Target); err != nil {
		return err.Error()
	}
	return ""
}

// lintOwners warns, once for each suite, of tests that block and that no team answers for.
func (s *Session) lintOwners(tests []e2e.Test) []diag.Message {
	var found []diag.Message
	for _, spec := range s.opts.Config.Suites {
		var ids []string
		for _, t := range tests {
			column := policy.Column(t)
			if t.Suite == spec.Name && t.Owner == "" && (column == e2e.ReleaseBlocking || column == e2e.ReleaseBlockingSmoke) {
				ids = append(ids, t.ID)
			}
		}
		m := diag.Message{File: s.opts.Config.File, Severity: diag.Warning, Hint: "tag it owner:<team>, or give its suite an owner"}
		switch len(ids) {
		case 0:
			continue
		case 1:
			m.Text = ids[0] + " blocks and has no owner"
		default:
			m.Text = fmt.Sprintf("%d tests of suite %s block and have no owner: %s", len(ids), spec.Name, few(ids))
			m.Hint = "tag them owner:<team>, or give the suite an owner"
		}
		found = append(found, m)
	}
	return found
}

// lintRequired reports, once for each suite, what tests lack that their stage requires.
func (s *Session) lintRequired(tests []e2e.Test) []diag.Message {
	var found []diag.Message
	for _, what := range s.opts.Stage.Require {
		for _, spec := range s.opts.Config.Suites {
			var ids []string
			for i := range tests {
				if t := &tests[i]; t.Suite == spec.Name && !t.Context && !s.hasRequired(t, what) {
					ids = append(ids, t.ID)
				}
			}
			if len(ids) > 0 {
				found = append(found, diag.Message{File: s.opts.Config.File, Text: fmt.Sprintf("stage %s requires %s, and %s of suite %s %s none: %s", s.run.Stage, what,
					plural(len(ids), "test"), spec.Name, map[bool]string{true: "has", false: "have"}[len(ids) == 1], few(ids)), Hint: requiredHints[what]})
			}
		}
	}
	return found
}

var requiredHints = map[string]string{
	"owner": "tag them owner:<team>, or give the suite an owner", "journey": "tag them journey:<name>, and declare that in journeys",
	"max_runtime": "tag them journey:<name>, and set journeys.<name>.max_runtime",
}

// hasRequired reports whether a test has what a stage requires.
func (s *Session) hasRequired(t *e2e.Test, what string) bool {
	journey, known := s.opts.Config.Journey(t.Journey)
	switch what {
	case "owner":
		return t.Owner != ""
	case "journey":
		return known
	case "max_runtime":
		return known && journey.MaxRuntime > 0
	}
	return false
}

// lacks are what tests do not have that the stage requires, by id: those of the plan, and those that only documents know, of a suite
// that cannot list its tests. It is nil where that does not count in the verdict.
func (s *Session) lacks(plan *e2e.Plan, docs []verdict.Document) map[string][]string {
	if plan == nil || !s.opts.Stage.EnforceRequire {
		return nil
	}
	by := map[string][]string{}
	add := func(id string, t *e2e.Test) {
		by[id] = nil
		for _, what := range s.opts.Stage.Require {
			if !s.hasRequired(t, what) {
				by[id] = append(by[id], what)
			}
		}
	}
	for i := range plan.Tests {
		add(plan.Tests[i].ID, &plan.Tests[i].Test)
	}
	for _, d := range docs {
		for id, t := range d.Unplanned {
			add(id, &t)
		}
	}
	return by
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// lintNeeds warns, once for each name, of tags that name a service which the config does not have.
func (s *Session) lintNeeds(tests []e2e.Test) []diag.Message {
	by := map[string][]string{}
	for _, t := range tests {
		for _, tag := range t.Tags {
			if name, ok := e2e.CutTag(tag, "needs"); ok && !s.opts.Config.HasService(name) {
				by[name] = append(by[name], t.ID)
			}
		}
	}
	var found []diag.Message
	for _, name := range slices.Sorted(maps.Keys(by)) {
		found = append(found, diag.Message{File: s.opts.Config.File, Severity: diag.Warning, Text: fmt.Sprintf(
			"the tag needs:%s names no service of the config, so its tests need every gate: %s", name, few(by[name])),
			Hint: cmp.Or(diag.Expected(name, s.opts.Config.ServiceNames()), "declare it in services")})
	}
	return found
}

// lintMissingNeeds proposes needs, by what failures of earlier runs named.
func (s *Session) lintMissingNeeds(tests []e2e.Test, stats history.Stats) []diag.Message {
	var found []diag.Message
	for _, need := range stats.MissingNeeds() {
		spec, known := s.opts.Config.Suite(need.Suite)
		lacks := slices.ContainsFunc(tests, func(t e2e.Test) bool {
			return t.Suite == spec.Name && len(t.Needs) > 0 && !slices.Contains(t.Needs, need.Service)
		})
		if !known || !lacks || !s.opts.Config.HasService(need.Service) {
			continue
		}
		found = append(found, diag.Message{File: s.opts.Config.File, Severity: diag.Warning, Text: fmt.Sprintf(
			"failures of suite %s named %s in %s, such as that of %s, and by the config its tests do not all need it", need.Suite, need.Service,
			plural(need.Runs, "run"), need.Test), Hint: fmt.Sprintf("add %s to needs of the suite, or tag those tests needs:%s", need.Service, need.Service)})
	}
	return found
}

// lintFlaky warns, once for each journey, of tests that are too flaky for it, the worst first.
func (s *Session) lintFlaky(tests []e2e.Test, stats history.Stats) []diag.Message {
	type flaky struct {
		id string
		estimate.Rate
	}
	var found []diag.Message
	for _, journey := range s.opts.Config.Journeys {
		limit := float64(journey.FlakeThreshold)
		var list []flaky
		for _, t := range tests {
			if t.Journey != journey.Name || limit <= 0 {
				continue
			}
			if r := stats.Ask(t.ID, "").Flakes; r.Exceeds(limit) {
				list = append(list, flaky{t.ID, r})
			}
		}
		if len(list) == 0 {
			continue
		}
		slices.SortStableFunc(list, func(a, b flaky) int { return cmp.Compare(b.Share(), a.Share()) })
		worst := list[0]
		text := fmt.Sprintf("%s was flaky in %d of its last %d runs (%.0f%%, likely between %.0f%% and %.0f%%), but journey %s allows %.0f%%: "+
			"it is too flaky to block", worst.id, worst.Count, worst.Runs, worst.Share()*100, worst.Low*100, worst.High*100, journey.Name, limit*100)
		if others := list[1:]; len(others) > 0 {
			ids := make([]string, len(others))
			for i, o := range others {
				ids[i] = o.id
			}
			text += fmt.Sprintf(", and so are %d others: %s", len(others), few(ids))
		}
		found = append(found, diag.Message{File: s.opts.Config.File, Severity: diag.Warning, Text: text,
			Hint: "fix it, or quarantine it with an owner and a deadline"})
	}
	return found
}

// few are the first names of a list, with how many more there are.
func few(ids []string) string {
	text := strings.Join(ids[:min(len(ids), 3)], ", ")
	if more := len(ids) - 3; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// lintTwins warns, once for each suite, of tests that share an id.
func (s *Session) lintTwins(tests []e2e.Test) []diag.Message {
	var found []diag.Message
	for _, spec := range s.opts.Config.Suites {
		var ids []string
		for _, t := range tests {
			if t.Suite == spec.Name && t.Twins > 1 {
				ids = append(ids, fmt.Sprintf("%s (%d tests)", t.ID, t.Twins))
			}
		}
		if len(ids) == 0 {
			continue
		}
		found = append(found, diag.Message{File: s.opts.Config.File, Severity: diag.Warning,
			Text: fmt.Sprintf("suite %s has tests that share an id, so history, rerun and quarantine cannot tell them apart: %s", spec.Name, few(ids)),
			Hint: "give each its own name"})
	}
	return found
}

// label is what results append to the id of each of several tests that share it.
var label = regexp.MustCompile(`^(.+) #[0-9]+'*$`)

// lintLabels refuses quarantine entries for one of several tests that share an id: the
// number holds within one run only.
func (s *Session) lintLabels(tests []e2e.Test, stats history.Stats) []diag.Message {
	known, twins := map[string]bool{}, map[string]int{}
	for _, t := range tests {
		known[t.ID], twins[t.ID] = true, t.Twins
	}
	for _, spec := range s.opts.Config.Suites {
		for _, id := range stats.Known(spec.Name) {
			known[id] = true
		}
	}
	var found []diag.Message
	for _, q := range s.opts.Quarantine {
		set := label.FindStringSubmatch(q.Test)
		switch {
		case set != nil && !known[q.Test] && known[set[1]]:
			found = append(found, diag.Message{File: s.opts.Config.File, Text: fmt.Sprintf(
				"the quarantine entry %s names one of several tests that share an id; the number holds within one run only", q.Test),
				Hint: fmt.Sprintf("write test: %q with twins: N, the number of these tests, or rename them", set[1])})
		case twins[q.Test] > 1 && q.Twins != twins[q.Test]:
			found = append(found, diag.Message{File: s.opts.Config.File, Severity: diag.Warning, Text: fmt.Sprintf(
				"%d tests have the id %s, so its quarantine excuses none of them", twins[q.Test], q.Test),
				Hint: fmt.Sprintf("add twins: %d to the entry, or rename the tests", twins[q.Test])})
		}
	}
	return found
}
