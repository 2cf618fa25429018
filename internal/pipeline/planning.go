package pipeline

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/cluster"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/verdict"
	"github.com/org/e2e-gate/shards"
)

// localOverhead is the cost of one more shard on the same machine, in seconds: a
// process, not a machine.
const localOverhead = 2.0

// planning is what a plan is made from.
type planning struct {
	discovered
	gates []e2e.Gate
	stats history.Stats
}

// makePlan freezes what will run.
func (s *Session) makePlan(_ context.Context, in planning) (*e2e.Plan, []e2e.Problem, error) {
	if problems := s.tooMany(len(in.tests)); problems != nil {
		return nil, problems, errStop
	}
	plan := &e2e.Plan{
		Schema: e2e.PlanSchema, Run: s.run, Gates: in.gates, Tests: in.estimate(), Batches: in.estimateBatches(), Shards: []e2e.PlanShard{},
		Deselected: in.deselected, Measured: s.measured(in), Extends: s.extends(),
	}
	opts := s.planOptions(in.stats, plan.Tests)
	opts.GroupSeconds = in.startups(plan.Tests)
	tests := append(s.toPlan(plan.Tests), s.batchesToPlan(plan.Batches)...)
	made, err := s.spread(plan, tests, opts)
	if err != nil {
		return nil, nil, err
	}
	guess(plan, made.Median)
	plan.Bound, plan.Makespan, plan.Splits, plan.Advice = made.LowerBound, made.Makespan, made.OwnerSplits, made.Advice
	for _, sh := range made.Shards {
		one := e2e.PlanShard{Index: sh.Index, Name: shardName(sh), Owners: named(sh.Owners), Tests: sh.Tests, Smoke: sh.Smoke, Seconds: sh.Seconds}
		if sh.High > sh.Seconds {
			one.High = sh.High
		}
		plan.Shards = append(plan.Shards, one)
	}
	advise := func(text string) {
		if text != "" {
			plan.Advice = strings.TrimPrefix(plan.Advice+"; "+text, "; ")
		}
	}
	advise(keptAdvice(plan))
	for _, text := range in.costs {
		advise(text)
	}
	var weighed []shards.Alternative
	switch {
	case opts.Count == 0:
		weighed = made.Alternatives
	case s.opts.OneMachine && s.opts.Shards == 0 && s.opts.Config.Shards.Count == 0:
		var text string
		text, weighed = saving(plan, tests, opts)
		advise(text)
	}
	work := plan.Work()
	s.addStarts(plan, work, in.stats)
	advise(s.startAdvice(plan, work, tests, opts, in.stats))
	if why := s.whyShards(opts.Count, in.stats); why != "" && plan.Advice == "" {
		plan.Advice = why
	}
	for _, a := range weighed {
		plan.Weighed = append(plan.Weighed, e2e.Alternative{Count: a.Count, Makespan: a.Makespan, BilledMinutes: a.BilledMinutes})
	}
	if m := plan.Measured; m != nil && m.Run == "" {
		s.opts.Progress.Note(verdict.Unmeasured)
	}
	if s.probes() {
		plan.Base = s.opts.Baseline.Commits[0]
	}
	s.seal(plan)
	if s.run.Narrowed != nil {
		s.opts.Progress.Note(fmt.Sprintf("narrowed to %d of %s: nothing of this run is published or remembered", plan.Planned(),
			report.Plural(plan.Whole(), "test", "tests")))
	}
	s.opts.Progress.Planned(plan.Planned(), len(plan.Shards), plan.Guessed, plan.Makespan)
	return plan, unchecked(plan, in.alarms), nil
}

// spread plans tests onto shards. Where suites run on machines of several kinds, each kind has shards of its own.
func (s *Session) spread(plan *e2e.Plan, tests []shards.Test, opts shards.Options) (shards.Plan, error) {
	kinds := map[string][]shards.Test{}
	if s.opts.Kind == nil {
		kinds[""] = tests
	} else {
		work := plan.Work()
		for _, t := range tests {
			kind := s.opts.Kind(work[t.ID].Suite)
			kinds[kind] = append(kinds[kind], t)
		}
		if err := oneKind(kinds); err != nil {
			return shards.Plan{}, err
		}
	}
	whole := 0.0
	for _, t := range tests {
		whole += max(t.Seconds, 1)
	}
	var all shards.Plan
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		list, own := kinds[kind], opts
		if len(kinds) > 1 && opts.Count > 0 { // its part of the work, as a part of the shards
			its := 0.0
			for _, t := range list {
				its += max(t.Seconds, 1)
			}
			own.Count = max(1, int(math.Round(float64(opts.Count)*its/whole)))
		}
		var err error
		if own.Count == 0 && s.opts.Places > 0 {
			if own.Count, err = cluster.Cut(list, own, s.opts.Places, own.Overhead); err != nil {
				return all, err
			}
		}
		made, err := shards.Make(list, own)
		if err != nil {
			return all, err
		}
		if len(kinds) == 1 {
			return made, nil
		}
		for _, sh := range made.Shards {
			sh.Index = len(all.Shards)
			all.Shards = append(all.Shards, sh)
		}
		all.Makespan, all.LowerBound = max(all.Makespan, made.Makespan), max(all.LowerBound, made.LowerBound)
		all.OwnerSplits, all.Guessed, all.Median = all.OwnerSplits+made.OwnerSplits, all.Guessed+made.Guessed, max(all.Median, made.Median)
		all.Advice = strings.TrimPrefix(all.Advice+"; "+made.Advice, "; ")
	}
	all.Advice = strings.Trim(all.Advice, "; ")
	return all, nil
}

// oneKind refuses tests that must not run at the same time, or are never cut, and that need machines of two kinds.
func oneKind(kinds map[string][]shards.Test) error {
	type seat struct{ kind, test string }
	seen := map[string]seat{}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		for _, t := range kinds[kind] {
			for _, name := range slices.Concat(t.Locks, t.Bound) {
				if other, ok := seen[name]; ok && other.kind != kind {
					return fmt.Errorf("%s and %s share %s, and run in pods of different kinds (%s, %s), so one could not wait for the other; give their suites one pod",
						other.test, t.ID, name, other.kind, kind)
				}
				seen[name] = seat{kind, t.ID}
			}
		}
	}
	return nil
}

// MaxTests is how many tests a stage may have: what is made of so many still fits a machine of CI.
const MaxTests = 1_000_000

// tooMany is the problem of a stage with more tests than [MaxTests].
func (s *Session) tooMany(tests int) []e2e.Problem {
	if tests <= s.most {
		return nil
	}
	return []e2e.Problem{{Code: e2e.CodeTooManyTests, LosesEvidence: true, Text: fmt.Sprintf(
		"stage %s has %d tests, and a stage may have %d; split it into stages with a narrower select", s.run.Stage, tests, s.most)}}
}

// unchecked are the alarms of suites that no process of the plan runs as a whole.
func unchecked(plan *e2e.Plan, alarms []e2e.Problem) []e2e.Problem {
	return slices.DeleteFunc(slices.Clone(alarms), func(p e2e.Problem) bool { return !split(plan, p.Unit) })
}

// split reports whether a plan has no process that runs all tests of a suite: some are not
// selected, or lie on several shards, or run before the others because they are smoke tests.
func split(plan *e2e.Plan, suite string) bool {
	if slices.ContainsFunc(plan.Deselected, func(d e2e.Deselected) bool { return d.Suite == suite }) {
		return true
	}
	work, processes := plan.Work(), 0
	for _, sh := range plan.Shards {
		smoke := min(sh.Smoke, len(sh.Tests))
		for _, ids := range [][]string{sh.Tests[:smoke], sh.Tests[smoke:]} {
			if slices.ContainsFunc(ids, func(id string) bool { return work[id].Suite == suite }) {
				processes++
			}
		}
	}
	return processes > 1
}

// loadHistory reads earlier durations. Without them the plan is worse and nothing
// else.
func (s *Session) loadHistory(ctx context.Context, _ none) (history.Stats, []e2e.Problem, error) {
	if s.opts.History == nil || s.past != nil {
		past := history.Stats{}
		if s.past != nil {
			past = *s.past
		}
		return past, nil, nil
	}
	stats, skipped, err := s.opts.History.Load(ctx)
	if err != nil {
		s.opts.Progress.Note(fmt.Sprintf("planning without history: %v", err))
		s.pastUnread = fmt.Sprintf("the history cannot be read (%v)", err)
	}
	if len(skipped) > 0 {
		text := fmt.Sprintf("%s, such as %s",
			report.Plural(len(skipped), "record of the history cannot be read and does not count", "records of the history cannot be read and do not count"),
			skipped[0])
		s.opts.Progress.Note(text)
		s.pastUnread = cmp.Or(s.pastUnread, text)
	}
	s.past = &stats
	return stats, nil, nil
}

func (in planning) estimate() []e2e.PlannedTest {
	list := make([]e2e.PlannedTest, len(in.tests))
	for i, t := range in.tests {
		list[i] = e2e.PlannedTest{Test: t}
		list[i].SkippedLast = t.Group != "" && in.stats.SkippedLast(t.ID)
		list[i].Estimate, list[i].Source = in.estimateOf(t)
		list[i].High = in.stats.High(t.ID)
	}
	return list
}

func (in planning) estimateOf(t e2e.Test) (float64, string) {
	if seconds, runs := in.stats.Estimate(t.ID); runs > 0 {
		return seconds, fmt.Sprintf("history: median of %d", runs)
	}
	if seconds, from := in.stats.Guess(t); from != "" {
		return seconds, e2e.GuessedFrom("its " + from)
	}
	return 0, ""
}

// estimateBatches takes for a batch what all tests that its suite is known to have took.
func (in planning) estimateBatches() []e2e.PlannedBatch {
	var list []e2e.PlannedBatch
	for _, b := range in.batches {
		p := e2e.PlannedBatch{Batch: b}
		if total := in.stats.Whole(b.Suite); total > 0 {
			p.Estimate, p.Source = total, "history: "+report.Plural(len(in.stats.Known(b.Suite)), "test", "tests")
		}
		list = append(list, p)
	}
	return list
}

// guess gives what has no estimate the median of all that have one, and counts what was
// guessed.
func guess(plan *e2e.Plan, median float64) {
	fill := func(estimate *float64, source *string) {
		if *estimate == 0 {
			*estimate, *source = median, e2e.GuessedFrom("all")
		}
		if e2e.Guessed(*source) {
			plan.Guessed++
		}
	}
	for i := range plan.Tests {
		fill(&plan.Tests[i].Estimate, &plan.Tests[i].Source)
	}
	for i := range plan.Batches {
		fill(&plan.Batches[i].Estimate, &plan.Batches[i].Source)
	}
}

// toPlan says what the planner needs to know. The tests of a file stay together where
// balance allows: they share fixtures. Those of a group always do. Locks hold tests together only where shards are
// machines, which cannot wait for each other.
func (s *Session) toPlan(list []e2e.PlannedTest) []shards.Test {
	tests := make([]shards.Test, len(list))
	for i, t := range list {
		tests[i] = shards.Test{ID: t.ID, Owner: t.Owner, Seconds: t.Estimate, High: t.High, Smoke: t.Smoke()}
		tests[i].Group, tests[i].Bound = fileOf(t.Test), t.Bound()
		if s.opts.Matrix {
			tests[i].Locks = t.SharedLocks()
		}
	}
	return tests
}

// keptAdvice names what is never cut and takes more than half of the time, or more than a
// shard's fair share, with what that costs and how to free it; empty: nothing does.
func keptAdvice(plan *e2e.Plan) string {
	total, sums, counts, declared := 0.0, map[string]float64{}, map[string]int{}, map[string]bool{}
	for _, t := range plan.Tests {
		total += t.Estimate
		for _, name := range t.Bound() {
			sums[name] += t.Estimate
			counts[name]++
			declared[name] = declared[name] || name == t.Group
		}
	}
	for _, b := range plan.Batches {
		total += b.Estimate
	}
	longest := ""
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		if counts[name] > 1 && (longest == "" || sums[name] > sums[longest] || sums[name] == sums[longest] && declared[name]) {
			longest = name
		}
	}
	n := float64(max(len(plan.Shards), 1))
	if longest == "" || n < 2 && sums[longest] <= total/2 || sums[longest] <= total/max(n, 2) {
		return ""
	}
	what, free := "the group", "; shorten it, or let its tests stand alone"
	if !declared[longest] {
		what, free = "the file", "; split it, or set keep: none for its suite if its tests do not build on one another"
	}
	cost := ""
	if fair := total / n; n > 1 && sums[longest] > fair {
		cost = fmt.Sprintf("; evenly spread, each shard would take %.1f s", fair)
	}
	return fmt.Sprintf("%s %s stays on one shard and takes %.1f s of %.1f s%s%s", what, longest, sums[longest], total, cost, free)
}

// batchesToPlan is toPlan for batches, which have no file.
func (s *Session) batchesToPlan(list []e2e.PlannedBatch) []shards.Test {
	var tests []shards.Test
	for _, b := range list {
		tests = append(tests, s.toPlan([]e2e.PlannedTest{{Test: b.Stand(), Estimate: b.Estimate}})...)
	}
	return tests
}

// fileOf names a test's file among those of all suites; "" where it has none.
func fileOf(t e2e.Test) string {
	if t.File == "" {
		return ""
	}
	return t.Suite + "/" + t.File
}

// startups are the start-up costs of each file, on every shard that runs one of its
// tests, without the tests themselves.
func (in planning) startups(list []e2e.PlannedTest) map[string]float64 {
	seconds := map[string]float64{}
	for _, t := range list {
		if file := fileOf(t.Test); file != "" {
			seconds[file] = max(seconds[file], in.stats.Startup(t.Suite, t.Unit))
		}
	}
	return seconds
}

// bearsShards reports whether the suites may run beside themselves on one machine without being asked to:
// each shard has its own resources, or it was seen to go well. Else a fixed port or a shared
// database would turn a healthy suite into failures.
func (s *Session) bearsShards(stats history.Stats) bool {
	return s.isolatesAll() || stats.RanBeside(s.run.Stage, runtime.GOOS+"/"+runtime.GOARCH)
}

// isolatesAll reports whether every test gets what isolation makes.
func (s *Session) isolatesAll() bool {
	return s.opts.Config.Isolation.Enabled() && s.opts.Config.Isolation.Scope == nil
}

// saving says what more shards on this machine would save, where all durations are known and it is
// worth a try; empty: not. It lists what each number would take.
func saving(plan *e2e.Plan, tests []shards.Test, opts shards.Options) (text string, weighed []shards.Alternative) {
	if opts.Count != 1 || plan.Guessed > 0 {
		return "", nil
	}
	opts.Count = 0
	auto, err := shards.Make(tests, opts)
	if err != nil {
		return "", nil
	}
	saved := plan.Makespan - auto.Makespan
	if n := len(auto.Shards); n > 1 && saved >= max(minSaving, plan.Makespan*minShare) {
		text = fmt.Sprintf("%d shards would save about %.0f s; nothing shows that these suites can run beside themselves on one machine: try --shards %d, "+
			"with locks or isolation for what they share", n, saved, n)
	}
	return text, auto.Alternatives
}

// whyShards says what decided about the number of shards on this machine, where no one asked for one; count is what the planner
// was told, 0 if it chose.
func (s *Session) whyShards(count int, stats history.Stats) string {
	switch {
	case !s.opts.OneMachine || s.opts.Shards > 0 || s.opts.Config.Shards.Count > 0:
		return ""
	case count == 1:
		return "one shard, because nothing shows that these suites can run beside themselves on one machine; --shards N takes more"
	case s.isolatesAll():
		return "several shards may share this machine, because isolation is configured"
	case stats.RanBeside(s.run.Stage, runtime.GOOS+"/"+runtime.GOARCH):
		return "several shards may share this machine, because they did so without a failure in the last run of the history"
	}
	return ""
}

// A number of shards that saves less, in seconds and as a share, is not worth a word.
const (
	minSaving = 5.0
	minShare  = 0.2
)

// startOf is what the processes of some of a shard's tests take to start, in seconds, and the suite whose processes take the
// longest.
func startOf(work map[string]e2e.Test, ids []string, stats history.Stats) (seconds float64, suite string) {
	seen, suites := map[[2]string]bool{}, map[string]float64{}
	for _, id := range ids {
		t := work[id]
		if unit := [2]string{t.Suite, t.Unit}; !seen[unit] {
			seen[unit] = true
			start := stats.Start(t.Suite, t.Unit)
			seconds, suites[t.Suite] = seconds+start, suites[t.Suite]+start
		}
	}
	for _, name := range slices.Sorted(maps.Keys(suites)) {
		if suite == "" || suites[name] > suites[suite] {
			suite = name
		}
	}
	return seconds, suite
}

// addStarts adds to a plan what processes take to start: once for each suite of a shard, and once more if the suite has smoke
// tests there, which are a process of their own.
func (s *Session) addStarts(plan *e2e.Plan, work map[string]e2e.Test, stats history.Stats) {
	first, second, longest := 0.0, 0.0, 0.0
	for i := range plan.Shards {
		sh := &plan.Shards[i]
		smoke := min(sh.Smoke, len(sh.Tests))
		before, _ := startOf(work, sh.Tests[:smoke], stats)
		after, _ := startOf(work, sh.Tests[smoke:], stats)
		sh.Start = before + after
		first, second, longest = max(first, before), max(second, after), max(longest, sh.Expected())
	}
	if s.opts.Matrix { // no shard waits for another
		plan.Makespan = max(plan.Makespan, longest)
		return
	}
	plan.Makespan += first + second
}

// startAdvice says where it takes longer to start suites than to run their tests: on each of several shards, or on each that the
// planner therefore left out.
func (s *Session) startAdvice(plan *e2e.Plan, work map[string]e2e.Test, tests []shards.Test, opts shards.Options, stats history.Stats) string {
	var ids []string
	var start, took float64
	for _, sh := range plan.Shards {
		ids, start, took = append(ids, sh.Tests...), start+sh.Start, took+sh.Seconds
	}
	n := len(plan.Shards)
	if start == 0 || n == 0 {
		return ""
	}
	_, suite := startOf(work, ids, stats)
	switch {
	case n > 1 && start > took:
		return fmt.Sprintf("each shard starts suite %s (%.1f s) for %.1f s of tests; fewer shards would start it less often",
			suite, start/float64(n), took/float64(n))
	case n > 1 || opts.Count != 0 || s.opts.Config.Shards.Overhead > 0:
		return ""
	}
	opts.Overhead -= s.meanStart(stats, plan.Tests)
	if free, err := shards.Make(tests, opts); err == nil && len(free.Shards) > 1 {
		return fmt.Sprintf("one shard, because each shard starts suite %s (%.1f s), for %.1f s of tests on two", suite, start, took/2)
	}
	return ""
}

// meanStart is what the process of a test takes to start, in seconds, on average over the time of the tests: what one more shard
// costs that cuts the tests of a process.
func (s *Session) meanStart(stats history.Stats, tests []e2e.PlannedTest) float64 {
	var sum, all float64
	for _, t := range tests {
		weight := t.Estimate
		if weight <= 0 {
			weight = 1
		}
		sum, all = sum+weight*stats.Start(t.Suite, t.Unit), all+weight
	}
	if all == 0 {
		return 0
	}
	return sum / all
}

func (s *Session) planOptions(stats history.Stats, tests []e2e.PlannedTest) shards.Options {
	cfg := s.opts.Config.Shards
	o := shards.Options{
		Count: s.opts.Shards, Max: cfg.Max, Overhead: cfg.Overhead.Seconds(), Budget: s.opts.Stage.Budget.Seconds(), Smoke: shards.SmokeFirst,
	}
	if o.Count == 0 {
		o.Count = int(cfg.Count)
	}
	if o.Count == 0 && s.opts.OneMachine && !s.bearsShards(stats) {
		o.Count = 1
	}
	if s.opts.Matrix {
		o.Smoke = shards.SmokeOwn
	} else if o.Max == 0 {
		o.Max = min(shards.DefaultMax, 2*runtime.NumCPU())
	}
	if o.Overhead == 0 {
		o.Overhead = s.overhead(stats, tests)
	}
	if o.Budget > 0 { // starting a shard's process takes a part of it
		o.Budget = max(o.Budget-s.meanStart(stats, tests), 1)
	}
	return o
}

// enoughShards is how many shards of history say what one costs.
const enoughShards = 3

// overhead is the fixed cost of a shard, in seconds: that of a machine or a process, and
// what its suites took to start, where history tells.
func (s *Session) overhead(stats history.Stats, tests []e2e.PlannedTest) float64 {
	own := localOverhead
	if s.opts.Matrix {
		own = shards.DefaultOverhead
	}
	if seconds, known := stats.Overhead(); known >= enoughShards {
		own += seconds
	}
	return own + s.meanStart(stats, tests)
}

// shardName is stable, human, and safe in file and artifact names.
func shardName(sh shards.Shard) string {
	kind := "mixed"
	switch {
	case len(sh.Tests) == 0:
		kind = "empty"
	case sh.Smoke == len(sh.Tests):
		kind = "smoke"
	case len(sh.Owners) == 1 && sh.Owners[0] != "":
		kind = cmp.Or(slug(sh.Owners[0]), "owner") // of letters that names of artifacts may have, it may have none
	}
	return fmt.Sprintf("%d-%s", sh.Index, kind)
}

func slug(name string) string {
	s := strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-':
			return c
		case c >= 'A' && c <= 'Z':
			return c + 'a' - 'A'
		}
		return '-'
	}, name)
	return strings.Trim(s[:min(len(s), 40)], "-")
}

func named(owners []string) []string {
	var list []string
	for _, o := range owners {
		if o != "" {
			list = append(list, o)
		}
	}
	return list
}

// extends is the organisation's config by which the session judges; nil: none.
func (s *Session) extends() *e2e.Extension {
	if s.opts.Judging == nil {
		return nil
	}
	return s.opts.Judging.Extends
}

// digest ties shard documents to the plan that they ran. It covers the whole plan: nothing that
// decides is outside of it.
func digest(p *e2e.Plan) string {
	sum, err := digestWithin(context.Background(), p)
	if err != nil {
		panic(fmt.Sprintf("a plan of plain values does not marshal: %v", err))
	}
	return sum
}

// digestWithin is [digest] for as long as a context lasts.
func digestWithin(ctx context.Context, p *e2e.Plan) (string, error) {
	whole := *p
	whole.Digest = ""
	sum := sha256.New()
	err := encodeCompact(ctx, sum, &whole)
	return hex.EncodeToString(sum.Sum(nil)), err
}
