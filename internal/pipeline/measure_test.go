package pipeline

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history"
)

// What was listed, compared with the last judged run of the base.
func TestMeasuredAgainstARun(t *testing.T) {
	const text = "version: 1\nstages: {pr: {}}\nsuites: [{name: s, framework: command}, {name: w, framework: command}]\n"
	base := config.ParseBytes("e2e-gate.yml", []byte(text), config.Options{})
	ran := func(suite string, passed bool) history.JudgedTest {
		return history.JudgedTest{Suite: suite, Passed: passed}
	}
	run := history.Judged{Run: "e2e-1", SHA: "abc", Tests: map[string]history.JudgedTest{
		"s/passed": ran("s", true), "s/failed": ran("s", false), "s/slow": ran("s", true), "s/other": ran("s", true), "s/gone": ran("s", false),
		"w/one": ran("w", true), "w/two": ran("w", false), "elsewhere/x": ran("elsewhere", true),
	}}
	run.Tests["s/passed"] = history.JudgedTest{Suite: "s", Passed: true, Criticality: e2e.ReleaseBlocking}
	atBase := run
	atBase.SHA = "base"
	listed := map[string]string{"s/passed": "", "s/failed": "", "s/slow": "select", "s/other": "service", "s/new": ""}
	for name, tc := range map[string]struct {
		sights   sights
		run      history.Judged
		narrowed bool
		want     e2e.Measured
	}{
		"as usual":               {sights{wholes: map[string]string{"w": ""}}, run, false, e2e.Measured{Deselected: []string{"s/slow"}, Gone: []string{"s/gone"}, Passed: []string{"s/passed", "w/one"}}},
		"flags take tests out":   {sights{wholes: map[string]string{"w": ""}}, run, true, e2e.Measured{Gone: []string{"s/gone"}, Passed: []string{"s/passed", "w/one"}}},
		"a suite failed to list": {sights{wholes: map[string]string{"w": ""}, incomplete: true}, run, false, e2e.Measured{Deselected: []string{"s/slow"}, Passed: []string{"s/passed", "w/one"}}},
		"a suite is gone":        {sights{}, run, false, e2e.Measured{Deselected: []string{"s/slow"}, Gone: []string{"s/gone", "w/one", "w/two"}, Passed: []string{"s/passed"}}},
		"a whole suite is not selected": {sights{wholes: map[string]string{"w": "select"}}, run, false,
			e2e.Measured{Deselected: []string{"s/slow", "w/one", "w/two"}, Gone: []string{"s/gone"}, Passed: []string{"s/passed"}}},
		"less critical by a tag of its own": {sights{wholes: map[string]string{"w": ""}, before: map[string]standing{
			"s/passed": {e2e.Nightly, true}, "s/failed": {e2e.Nightly, true}, "s/slow": {e2e.Nightly, true}}}, run, true,
			e2e.Measured{Weaker: []string{"s/passed"}, Gone: []string{"s/gone"}, Passed: []string{"s/passed", "w/one"}}},
		"less critical, perhaps by an older config of the base": {sights{wholes: map[string]string{"w": ""}, before: map[string]standing{
			"s/passed": {e2e.Nightly, false}}}, run, true, e2e.Measured{Gone: []string{"s/gone"}, Passed: []string{"s/passed", "w/one"}}},
		"less critical than by the same config": {sights{wholes: map[string]string{"w": ""}, before: map[string]standing{
			"s/passed": {e2e.Nightly, false}}}, atBase, true,
			e2e.Measured{Weaker: []string{"s/passed"}, Gone: []string{"s/gone"}, Passed: []string{"s/passed", "w/one"}}},
		"more critical": {sights{wholes: map[string]string{"w": ""}, before: map[string]standing{"s/passed": {e2e.ReleaseBlockingSmoke, true}}}, run, true,
			e2e.Measured{Gone: []string{"s/gone"}, Passed: []string{"s/passed", "w/one"}}},
		"no run": {sights{deselected: []string{"s/b", "s/a"}, weaker: []string{"s/c"}}, history.Judged{}, false,
			e2e.Measured{Deselected: []string{"s/a", "s/b"}, Weaker: []string{"s/c"}}},
		"deselected by both": {sights{wholes: map[string]string{"w": ""}, deselected: []string{"s/slow"}}, run, false,
			e2e.Measured{Deselected: []string{"s/slow"}, Gone: []string{"s/gone"}, Passed: []string{"s/passed", "w/one"}}},
	} {
		tc.sights.listed = listed
		tc.want.Run, tc.want.SHA = tc.run.Run, tc.run.SHA
		if diff := cmp.Diff(&tc.want, tc.sights.measured(tc.run, base, tc.run.SHA == "base", tc.narrowed)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Each test as it is listed, under the base's config beside the change's.
func TestTestsUnderTwoConfigs(t *testing.T) {
	const base = `version: 1
stages: {pr: {select: "not slow", target: staging}}
suites: [{name: s, framework: command, criticality: release-blocking}]
journeys: {buy: {targets: [staging]}, sell: {criticality: release-blocking-smoke}}
`
	suite := func(criticality string) string {
		return strings.ReplaceAll(base, "criticality: release-blocking}", "criticality: "+criticality+"}")
	}
	for name, tc := range map[string]struct {
		own                string
		test               e2e.Test
		deselected, weaker bool
	}{
		"nothing":                            {base, e2e.Test{}, false, false},
		"a narrower select":                  {strings.ReplaceAll(base, "not slow", "fast"), e2e.Test{}, true, false},
		"a narrower select, and a new tag":   {strings.ReplaceAll(base, "not slow", "fast"), e2e.Test{Tags: []string{"fast"}}, false, false},
		"it was not selected before either":  {strings.ReplaceAll(base, "not slow", "fast"), e2e.Test{Tags: []string{"slow"}}, false, false},
		"the suite has a tag":                {strings.ReplaceAll(base, "name: s,", "name: s, tags: [slow],"), e2e.Test{}, true, false},
		"the suite is nightly":               {suite("nightly"), e2e.Test{}, false, true},
		"a test with its own criticality":    {suite("nightly"), e2e.Test{Tags: []string{"criticality:release-blocking"}}, false, false},
		"a journey blocks less":              {strings.ReplaceAll(base, "release-blocking-smoke", "release-blocking"), e2e.Test{Tags: []string{"journey:sell"}}, false, true},
		"a journey runs elsewhere":           {strings.ReplaceAll(base, "[staging]", "[production]"), e2e.Test{Tags: []string{"journey:buy"}}, true, false},
		"a journey is gone":                  {strings.ReplaceAll(base, ", sell: {criticality: release-blocking-smoke}", ""), e2e.Test{Tags: []string{"journey:sell"}}, false, true},
		"the suite is stricter":              {suite("release-blocking-smoke"), e2e.Test{}, false, false},
		"the stage is gone":                  {strings.ReplaceAll(base, "pr:", "other:"), e2e.Test{}, false, false},
		"from one that informs to another":   {suite("nightly"), e2e.Test{Tags: []string{"criticality:synthetic"}}, false, false},
		"a smoke test":                       {suite("nightly"), e2e.Test{Tags: []string{"smoke"}}, false, true},
		"the target of the stage is another": {strings.ReplaceAll(base, "target: staging", "target: production"), e2e.Test{Tags: []string{"journey:buy"}}, true, false},
	} {
		read := func(text string) *config.Config {
			return config.ParseBytes("e2e-gate.yml", []byte(text), config.Options{})
		}
		s := &Session{opts: Options{Baseline: &Baseline{Base: read(base), Own: read(tc.own)}}, run: e2e.Run{Stage: "pr", Target: "staging"}}
		got, err := s.newSights(nil)
		if err != nil {
			t.Fatal(err)
		}
		tc.test.ID, tc.test.Suite = "s/a", "s"
		got.test(tc.test, "s", "", false)
		if (len(got.deselected) > 0) != tc.deselected || (len(got.weaker) > 0) != tc.weaker {
			t.Errorf("%s: deselected %v, weaker %v", name, got.deselected, got.weaker)
		}
		smoke := slices.Contains(tc.test.Tags, "smoke") || slices.Contains(tc.test.Tags, "journey:sell")
		if want := len(got.before) > 0 && !smoke; got.before["s/a"].tagged != want {
			t.Errorf("%s: its tags could make it more critical: %v", name, got.before)
		}
		// It is judged by the criticality of the base, if that is stronger.
		own, judged := read(tc.own), tc.test
		spec, _ := own.Suite("s")
		enrich(own, &judged, spec, nil)
		before := column(judged.Criticality)
		(&Baseline{Judge: read(base)}).hold(&judged, tc.test, "s")
		if after := column(judged.Criticality); (after < before) != tc.weaker || after > before {
			t.Errorf("%s: column %d, held at %d", name, before, after)
		}
	}
}
