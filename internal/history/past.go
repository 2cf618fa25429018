package history

import (
	"fmt"
	"slices"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history/estimate"
)

// The words for what a test did lately. Those of [estimate.State] are words too.
const (
	Stable        = string(estimate.Stable)
	Flaky         = string(estimate.Flaky)
	New           = "new"
	FailingOnMain = "failing-on-main"
)

// Answer is what the records make known of a test.
type Answer struct {
	// State is new, failing-on-main, or one of [estimate.State].
	State string
	estimate.Estimate
	// Variant that the answer is of; empty where there is one only, or all say the same.
	Variant string
	// Branches: too few runs on the default branch are known, so those of other branches
	// count too.
	Branches bool
	// Streak is of the default branch: its newest run that says something of the test
	// failed, and so did those before it.
	Streak estimate.Streak
	// Longer: the streak may have begun earlier, since older runs are not kept.
	Longer bool

	// main are the runs on the default branch, and all those of all branches, the oldest
	// first.
	main, all []estimate.Observation
}

// Ask estimates what a test does now. It ignores runs with the id except.
//
// Each variant (operating system and architecture) is estimated by itself, and the worst
// answer is the test's. It fails on main only if it does so in every variant that ran
// there: the failure of one must not excuse that of another.
func (s Stats) Ask(id, except string) Answer {
	worst := Answer{State: New}
	k := s.tests[id]
	if k == nil {
		return worst
	}
	variants := variantsOf(k.samples)
	if len(variants) < 2 {
		return ask(k.samples, except)
	}
	everywhere := true
	for i, variant := range variants {
		a := ask(ofVariant(k.samples, variant), except)
		a.Variant = variant
		everywhere = everywhere && (a.State == FailingOnMain || len(a.main) == 0)
		if i == 0 || a.worse(worst) {
			worst = a
		}
	}
	if worst.State == FailingOnMain && !everywhere {
		worst.State = string(estimate.Failing)
	}
	if w := worst.window(); worst.State == FailingOnMain || w.flaky+w.failed == 0 && worst.Estimate.State != estimate.Fixed {
		worst.Variant = ""
	}
	return worst
}

// variantsOf are the variants of the newest samples that say something, sorted. One that
// did not run lately does not count any more. Old records name none.
func variantsOf(list []sample) (variants []string) {
	said := 0
	for _, x := range list {
		if !x.says() {
			continue
		}
		if said++; said > window {
			break
		}
		if v := x.record.Variant; v != "" && !slices.Contains(variants, v) {
			variants = append(variants, v)
		}
	}
	slices.Sort(variants)
	return variants
}

// ofVariant are the samples of a variant, and those of which it is not known.
func ofVariant(list []sample, variant string) []sample {
	return slices.DeleteFunc(slices.Clone(list), func(x sample) bool { return x.record.Variant != "" && x.record.Variant != variant })
}

// severity orders states, the worst first.
var severity = []string{FailingOnMain, string(estimate.Failing), Flaky, string(estimate.Fixed), Stable, string(estimate.NotEnough), New}

// worse orders answers of variants. Of two streaks the shorter one counts: it is that of
// all of them.
func (a Answer) worse(b Answer) bool {
	if x, y := slices.Index(severity, a.State), slices.Index(severity, b.State); x != y {
		return x < y
	}
	if a.Streak.Runs > 0 {
		return a.Streak.Runs < b.Streak.Runs
	}
	return a.Bad().Low > b.Bad().Low
}

// ask estimates from samples of one variant, the newest first.
func ask(list []sample, except string) Answer {
	a := Answer{State: New}
	branches := false
	for _, x := range slices.Backward(list) {
		if !x.says() || x.record.RunID == except {
			continue
		}
		a.all = append(a.all, x.observation())
		if x.record.onMain() {
			a.main = append(a.main, x.observation())
		} else if x.record.Ref != "" {
			branches = true
		}
	}
	if len(a.all) == 0 {
		return a
	}
	kept := len(a.main) >= samples // older runs are not kept
	a.main, a.all = estimate.PerRun(newest(a.main)), estimate.PerRun(newest(a.all))
	scope := a.main
	if len(a.main) < estimate.Enough {
		scope, a.Branches = a.all, branches
	}
	a.Estimate = estimate.Of(scope)
	a.State = string(a.Estimate.State)
	if a.Streak = estimate.StreakOf(a.main); a.Streak.Runs > 0 {
		a.State, a.Longer = FailingOnMain, kept && a.Streak.Before == nil
		a.Since, a.Before = a.Streak.First, a.Streak.Before
	}
	return a
}

// newest are the newest of a list, the oldest first.
func newest(list []estimate.Observation) []estimate.Observation {
	return list[max(0, len(list)-samples):]
}

// observation is a sample that says something.
func (x sample) observation() estimate.Observation {
	o := estimate.Observation{Kind: estimate.Fail, Run: x.record.RunID, SHA: x.record.SHA, Started: x.record.Started.UTC(), Seconds: x.seconds}
	switch x.outcome {
	case e2e.Passed:
		o.Kind = estimate.Pass
	case e2e.Flaky:
		o.Kind = estimate.Flake
	default:
	}
	return o
}

// Recent is the state in the words that triage knows: stable, flaky, new or
// failing-on-main; empty where the records are too few, or do not say one of them.
func (s Stats) Recent(id string) string { return s.Ask(id, "").recent() }

func (a Answer) recent() string {
	switch a.State {
	case New, FailingOnMain, Flaky, Stable:
		return a.State
	case string(estimate.Fixed):
		return Stable
	}
	return ""
}

// Own is what a run knows of itself and of a test when it asks what earlier runs recorded.
type Own struct {
	// Run is its id: it is ignored.
	Run string
	// OnMain: it is a run of the default branch.
	OnMain bool
	// Same is in how many judged runs of the base the test failed in the same way as now.
	Same int
}

// OwnOf is what a run knows of itself, and of a test that failed so often in the same way on its base.
func OwnOf(run e2e.Run, same int) Own {
	return Own{Run: run.ID, OnMain: Record{Main: run.DefaultBranch, Subject: run.Subject}.onMain(), Same: same}
}

// Past says what earlier runs recorded of a test that failed or was flaky. It is nil only for a
// test without an id.
//
// That it fails on main too says nothing of why it fails here: only the same failure does.
func (s Stats) Past(id string, own Own) *e2e.TestHistory {
	if id == "" {
		return nil
	}
	a := s.Ask(id, own.Run)
	h := &e2e.TestHistory{State: a.State, Text: "new, no earlier run is known"}
	if len(a.all) == 0 {
		return h
	}
	w := a.window()
	h.Runs, h.Flaky, h.Failed, h.Text = w.runs, w.flaky, w.failed, a.text(w, own)
	if rate := estimate.RateOf(w.flaky, w.runs); w.flaky > 0 {
		h.FlakeLow, h.FlakeHigh = rate.Low, rate.High
	}
	if p := s.pace(id, own.Run); p.Slower() {
		h.Slower = &e2e.HistoryPace{Since: *p.Since, From: p.From, To: p.To}
	}
	h.First, h.Before = runOf(a.Since), runOf(a.Before)
	if a.State == FailingOnMain {
		h.Since, h.Streak, h.Longer = a.Streak.First.Started, a.Streak.Runs, a.Longer
	}
	return h
}

func runOf(o *estimate.Observation) *e2e.HistoryRun {
	if o == nil {
		return nil
	}
	return &e2e.HistoryRun{Run: o.Run, SHA: o.SHA, Started: o.Started}
}

// span are the runs that a text speaks of.
type span struct {
	runs, flaky, failed int
	branches            bool
}

// window are the runs since the last change. If the test only passed in them, it is all
// runs of the default branch, or else of all branches: "new" is said only where no failure
// is known.
func (a Answer) window() span {
	w := span{runs: a.Flakes.Runs, flaky: a.Flakes.Count, failed: a.Fails.Count, branches: a.Branches}
	if w.flaky+w.failed > 0 || a.Estimate.State == estimate.Fixed {
		return w
	}
	for i, list := range [][]estimate.Observation{a.main, a.all} {
		all := span{runs: len(list), branches: a.Branches || i > 0}
		for _, o := range list {
			switch o.Kind {
			case estimate.Flake:
				all.flaky++
			case estimate.Fail:
				all.failed++
			default:
			}
		}
		if all.flaky+all.failed > 0 {
			return all
		}
	}
	return w
}

// text is the answer in a few words.
func (a Answer) text(w span, own Own) string {
	text := a.words(w)
	if a.Streak.Runs > 0 {
		text = a.streakWords(own)
	}
	if a.Variant != "" {
		return a.Variant + ": " + text
	}
	return text
}

// streakWords say since when a test fails on the default branch.
func (a Answer) streakWords(own Own) string {
	text := "fails on main too since "
	if own.OnMain {
		text = "failing on main since "
	}
	text += a.Streak.First.Started.Format(time.DateOnly)
	if a.Longer {
		text += fmt.Sprintf(" or longer (%d or more runs)", a.Streak.Runs)
	} else {
		text += fmt.Sprintf(" (%s)", runs(a.Streak.Runs))
	}
	if own.Same > 0 {
		text += fmt.Sprintf(", in the same way in %s", judgedRuns(own.Same))
	}
	return text
}

func judgedRuns(n int) string {
	if n == 1 {
		return "1 judged run"
	}
	return fmt.Sprintf("%d judged runs", n)
}

func (a Answer) words(w span) string {
	if a.Estimate.State == estimate.Fixed && a.Since != nil {
		return fmt.Sprintf("fixed since %s (%s), was %s", a.Since.Started.Format(time.DateOnly), runs(a.passing()), a.Was)
	}
	if w.flaky+w.failed == 0 {
		if w.runs == 1 {
			return "new, passed in the last run" + w.where()
		}
		return "new, passed in the last " + runs(w.runs) + w.where()
	}
	var text string
	switch {
	case w.flaky > 0 && w.failed > 0:
		text = fmt.Sprintf("flaky in %d and failed in %d of the last %s", w.flaky, w.failed, runs(w.runs))
	case w.flaky > 0:
		text = "flaky in " + of(w.flaky, w.runs)
	default:
		text = "failed in " + of(w.failed, w.runs)
	}
	text += w.where()
	switch {
	case len(a.main) > 0 && (w.flaky == 0 || w.branches) && a.main[len(a.main)-1].Kind == estimate.Pass:
		text += ", passes on main"
	case a.Estimate.State == estimate.NotEnough:
		text += ", too few to tell"
	}
	return text
}

// passing is how many of the newest runs passed.
func (a Answer) passing() int {
	list, n := a.main, 0
	if len(list) < estimate.Enough {
		list = a.all
	}
	for n < len(list) && list[len(list)-1-n].Kind == estimate.Pass {
		n++
	}
	return n
}

// where says that other branches count too.
func (w span) where() string {
	switch {
	case !w.branches:
		return ""
	case w.runs == 1:
		return " (not on main)"
	}
	return " on all branches"
}

// of is "3 of the last 20 runs", or "the last run".
func of(n, all int) string {
	if all == 1 {
		return "the last run"
	}
	return fmt.Sprintf("%d of the last %s", n, runs(all))
}

func runs(n int) string {
	if n == 1 {
		return "1 run"
	}
	return fmt.Sprintf("%d runs", n)
}
