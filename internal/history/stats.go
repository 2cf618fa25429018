package history

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history/estimate"
)

// minSeconds is the shortest duration of a passed test: a report of 0 means fast, not
// unknown.
const minSeconds = 0.001

// maxSeconds is the longest possible duration of a test; more is a corrupt record.
const maxSeconds = 30 * 24 * 3600

const (
	// samples is how many of the newest runs of a test are kept for each statistic: twice
	// the runs in which a change is to be found.
	samples = 60
	// window is how many of the newest runs count for a duration.
	window = 20
	// enoughOnMain is the number of runs on the default branch from which runs on other
	// branches do not count: a pull request may have made the test slower, or may never
	// be merged.
	enoughOnMain = 3
	// enoughForHigh is the least number of runs for an estimate of the p90.
	enoughForHigh = 5
	// aging is the weight of a run relative to the next newer one.
	aging = 0.93
	// wholeRuns is how many of the newest runs are used to estimate the duration of a
	// whole suite.
	wholeRuns = 10
)

// Stats are folded records. The zero value is empty.
type Stats struct {
	tests  map[string]*known
	files  map[[2]string]float64
	suites map[string]float64
	wholes map[string]float64
	// starts is what a process and a file take beyond their tests.
	starts map[part]cost
	// overhead of a shard, and of how many it is known.
	overhead  float64
	overheads int
	incidents []time.Time
	ran       []Ran
}

// Ran is a run of a stage against a target, whether it ran any test or not.
type Ran struct {
	Stage   string           `json:"stage"`
	Target  string           `json:"target"`
	Service string           `json:"service,omitempty"`
	Key     string           `json:"key,omitempty"`
	Started time.Time        `json:"started"`
	Verdict e2e.VerdictState `json:"verdict,omitempty"`
	// Refused: it was refused since the stage had run too often. Stopped: it was cancelled.
	Refused bool `json:"refused,omitempty"`
	Stopped bool `json:"stopped,omitempty"`
}

// Ran are the runs that are known of the same call as a run: its stage, target, service and key. The newest come first.
func (s Stats) Ran(of e2e.Run) (list []Ran) {
	for _, r := range s.ran {
		if r.Stage == of.Stage && r.Target == of.Target && r.Service == of.Service && r.Key == of.Key {
			list = append(list, r)
		}
	}
	return list
}

// Incidents are the starts of the runs in which the environment was at fault, the oldest first:
// the only number that such runs change.
func (s Stats) Incidents() []time.Time { return s.incidents }

// known is the history of one test.
type known struct {
	suite, file string
	// named is the newest sample, whose suite and file hold.
	named   sample
	samples []sample // newest first, unless they are mixed
	mixed   bool
	counts  counts
}

// sample is one test in one record.
type sample struct {
	record  *Record // without its tests
	outcome e2e.Outcome
	seconds float64
	// silent: the test's record says that it says nothing.
	silent bool
	// column of the policy table that its criticality is judged in; 0: not known.
	column column
}

// column is a criticality as far as it decides what blocks.
type column uint8

const (
	columnUnknown column = iota
	columnSmoke
	columnBlocking
	columnOthers
)

func columnOf(c e2e.Criticality) column {
	switch c {
	case e2e.ReleaseBlockingSmoke:
		return columnSmoke
	case e2e.ReleaseBlocking:
		return columnBlocking
	case e2e.NonBlocking, e2e.Nightly, e2e.Synthetic:
		return columnOthers
	}
	return columnUnknown
}

// criticality is the usual one of the column.
func (c column) criticality() e2e.Criticality {
	switch c {
	case columnSmoke:
		return e2e.ReleaseBlockingSmoke
	case columnBlocking:
		return e2e.ReleaseBlocking
	case columnOthers:
		return e2e.NonBlocking
	case columnUnknown:
	}
	return ""
}

// columnsOf are the columns of so many tests of a record, by position.
func columnsOf(owners []Owned, tests int) []column {
	list := make([]column, tests)
	for _, o := range owners {
		for i := 0; i+1 < len(o.Tests); i += 2 {
			for at := max(o.Tests[i], 0); at <= min(o.Tests[i+1], tests-1); at++ {
				list[at] = columnOf(o.Criticality)
			}
		}
	}
	return list
}

func (x sample) passed() bool { return x.outcome == e2e.Passed || x.outcome == e2e.Flaky }

// says reports whether the run says something of the test: one in which it was lost,
// stopped or skipped does not, and neither does one that was not judged, or in which the
// environment was at fault.
func (x sample) says() bool {
	return !x.silent && x.record.Nothing == "" && (x.passed() || x.outcome == e2e.Failed)
}

func (x sample) timed() bool { return x.says() && x.passed() && x.seconds <= maxSeconds }

// newer orders samples totally, the newest first.
func (x sample) newer(y sample) int {
	if c := y.record.Started.Compare(x.record.Started); c != 0 {
		return c // what follows takes ten times as long
	}
	return cmp.Or(y.record.key(*x.record), strings.Compare(x.record.Ref, y.record.Ref), strings.Compare(string(x.outcome), string(y.outcome)),
		cmp.Compare(x.seconds, y.seconds), cmp.Compare(order(x.silent), order(y.silent)), cmp.Compare(x.column, y.column))
}

// order puts false before true.
func order(b bool) int {
	if b {
		return 1
	}
	return 0
}

// counts are the numbers of samples of a test that count, one for each statistic that
// is computed.
type counts struct{ said, timed, main, mainTimed int }

// next counts a sample, the newest first, and reports whether it is one of the newest of
// any statistic, of so many each.
func (c *counts) next(x sample, most int) (keep bool) {
	count := func(n *int, yes bool) {
		if yes {
			*n++
			keep = keep || *n <= most
		}
	}
	onMain := x.record.onMain()
	count(&c.said, x.says())
	count(&c.timed, x.timed())
	count(&c.main, x.says() && onMain)
	count(&c.mainTimed, x.timed() && onMain)
	return keep
}

// maxMixed is how many samples of a test wait to be put in order.
const maxMixed = 8 * samples

// keep adds a sample. If samples come newest first, those that cannot count any more
// are never kept, so two hundred runs need no more memory than sixty.
func (k *known) keep(x sample) {
	last := len(k.samples) - 1
	if k.mixed || last >= 0 && x.newer(k.samples[last]) < 0 {
		k.samples, k.mixed = append(k.samples, x), true
		if len(k.samples) >= maxMixed {
			k.trim()
		}
		return
	}
	if k.counts.next(x, samples) || last < 0 { // the newest is kept, whatever it says
		k.samples = append(k.samples, x)
	}
}

// trim puts the samples in order and keeps those that can count.
func (k *known) trim() {
	if !k.mixed {
		return
	}
	list := k.samples
	slices.SortFunc(list, sample.newer)
	k.samples, k.mixed, k.counts = list[:0], false, counts{}
	for i, x := range list {
		if k.counts.next(x, samples) || i == 0 {
			k.samples = append(k.samples, x)
		}
	}
}

// newest are the samples that are among so many newest ones of any statistic.
func (k *known) newest(most int) iter.Seq[sample] {
	return func(yield func(sample) bool) {
		var c counts
		for i, x := range k.samples {
			if (c.next(x, most) || i == 0) && !yield(x) {
				return
			}
		}
	}
}

// fold collects samples.
type fold struct {
	tests map[string]*known
	// names of the records, and the workflow runs, that they are from.
	names, workflowRuns map[string]bool
	// refused are the reasons why records of a snapshot do not count.
	refused map[string]bool
	// incidents are the starts of runs in which the environment was at fault, by run id.
	incidents map[string]time.Time
	// ran are runs against a target, by run id and attempt.
	ran map[string]Ran
}

func newFold() *fold {
	return &fold{tests: map[string]*known{}, names: map[string]bool{}, workflowRuns: map[string]bool{}, refused: map[string]bool{},
		incidents: map[string]time.Time{}, ran: map[string]Ran{}}
}

// of is what is known of a test.
func (f *fold) of(id string) *known {
	k := f.tests[id]
	if k == nil {
		k = &known{}
		f.tests[id] = k
	}
	return k
}

// addEntries takes a record that was just read.
func (f *fold) addEntries(name string, u *unpacked) {
	r := u.record
	f.names[name] = true
	if r.WorkflowRun != "" {
		f.workflowRuns[r.WorkflowRun] = true
	}
	if r.Nothing == BadEnvironment {
		f.incidents[r.RunID] = r.Started.UTC()
	}
	f.saw(&r)
	columns := columnsOf(u.owners, len(u.entries))
	for i, e := range u.entries {
		if e.environment {
			f.incidents[r.RunID] = r.Started.UTC()
		}
		if len(e.id) == 0 {
			continue
		}
		k := f.tests[string(e.id)] // a lookup by bytes, without a copy
		if k == nil {
			k = f.of(string(e.id))
		}
		take(k, e.suite, e.file, sample{&r, e.outcome, e.seconds, e.silent, columns[i]})
	}
}

// saw notes a run against a target.
func (f *fold) saw(r *Record) {
	if r.Target == "" || r.Stage == "" {
		return
	}
	f.ran[fmt.Sprintf("%s.%d", r.RunID, r.Attempt)] = Ran{
		Stage: r.Stage, Target: r.Target, Service: r.Service, Key: r.Key, Started: r.Started.UTC(), Verdict: r.Verdict,
		Refused: slices.Contains(r.Reasons, e2e.CodeRate), Stopped: slices.Contains(r.Reasons, e2e.CodeCancelled),
	}
}

// newestRan are the newest runs of all stages, by run id and attempt.
func newestRan(all map[string]Ran, most int) []string {
	keys := slices.SortedFunc(maps.Keys(all), func(a, b string) int { return cmp.Or(all[b].Started.Compare(all[a].Started), strings.Compare(a, b)) })
	return keys[:min(len(keys), most)]
}

// take adds a sample; the newest one's suite and file hold.
func take[T string | []byte](k *known, suite, file T, x sample) {
	age := -1
	if k.named.record != nil {
		age = x.newer(k.named)
	}
	if age < 0 || age == 0 && cmp.Or(strings.Compare(string(suite), k.suite), strings.Compare(string(file), k.file)) < 0 {
		k.named, k.suite, k.file = x, string(suite), string(file)
	}
	k.keep(x)
}

// trim keeps of each test the samples that can count.
func (f *fold) trim() {
	for _, k := range f.tests {
		k.trim()
		k.samples = slices.Clip(k.samples)
	}
}

// Fold reads records into statistics; their order does not matter.
func Fold(records []Record) Stats {
	f := newFold()
	for i := range records {
		head := records[i].kept()
		f.saw(&head)
		columns := columnsOf(records[i].Owners, len(records[i].Tests))
		for n, e := range records[i].Tests {
			if e.ID != "" {
				take(f.of(e.ID), e.Suite, e.File, sample{&head, e.Outcome, e.Seconds, e.Nothing != "", columns[n]})
			}
		}
	}
	return f.stats()
}

func (f *fold) stats() Stats {
	f.trim()
	s := Stats{tests: f.tests, incidents: slices.SortedFunc(maps.Values(f.incidents), time.Time.Compare)}
	for _, key := range newestRan(f.ran, len(f.ran)) {
		s.ran = append(s.ran, f.ran[key])
	}
	s.medians()
	s.whole()
	s.fixed()
	return s
}

// records are those of the samples that say something, the newest first.
func (s *Stats) records() []*Record {
	seen := map[*Record]bool{}
	for _, k := range s.tests {
		for _, x := range k.samples {
			if x.says() {
				seen[x.record] = true
			}
		}
	}
	return slices.SortedFunc(maps.Keys(seen), func(a, b *Record) int { return b.key(*a) })
}

// fixed computes what a file costs beyond its tests, and a shard beyond its files.
func (s *Stats) fixed() {
	var list []float64
	records := s.records()
	s.startups(records)
	for _, r := range records {
		rest := r.Overhead
		for _, p := range r.Processes {
			rest -= min(s.Start(p.Suite, p.Unit)+s.Startup(p.Suite, p.Unit)*float64(p.Files), p.Seconds)
		}
		if r.Overhead >= 0 && r.Overhead <= maxSeconds {
			list = append(list, max(rest, 0))
		}
	}
	s.overhead, s.overheads = median(list), len(list)
}

// Overhead is the median of what a shard's processes took beyond their tests, their start ([Stats.Start]) and
// the start-up of their files ([Stats.Startup]), in seconds, and how many shards are known.
func (s Stats) Overhead() (seconds float64, shards int) { return s.overhead, s.overheads }

// medians computes those of files and suites.
func (s *Stats) medians() {
	files, suites := map[[2]string][]float64{}, map[string][]float64{}
	for id, k := range s.tests {
		if est := quantile(secondsOf(s.timed(id, window)), 0.5); est > 0 {
			files[[2]string{k.suite, k.file}] = append(files[[2]string{k.suite, k.file}], est)
			suites[k.suite] = append(suites[k.suite], est)
		}
	}
	s.files, s.suites = map[[2]string]float64{}, map[string]float64{}
	for key, list := range files {
		s.files[key] = median(list)
	}
	for key, list := range suites {
		s.suites[key] = median(list)
	}
}

// whole computes what suites take as a whole: the sum over all shards of a run first,
// then the median over the newest runs. The other way round, a suite in two parts would
// seem to take half.
func (s *Stats) whole() {
	type inRun struct{ suite, run string }
	sums, newest := map[inRun]float64{}, map[inRun]*Record{}
	for _, k := range s.tests {
		for _, x := range k.samples {
			if key := (inRun{k.suite, x.record.RunID}); x.timed() {
				sums[key] += max(x.seconds, minSeconds)
				if newest[key] == nil || x.record.key(*newest[key]) > 0 {
					newest[key] = x.record
				}
			}
		}
	}
	runs := map[string][]inRun{}
	for key := range sums {
		runs[key.suite] = append(runs[key.suite], key)
	}
	s.wholes = map[string]float64{}
	for suite, list := range runs {
		slices.SortFunc(list, func(a, b inRun) int { return newest[b].key(*newest[a]) })
		var totals []float64
		for _, key := range list[:min(len(list), wholeRuns)] {
			totals = append(totals, sums[key])
		}
		s.wholes[suite] = median(totals)
	}
}

func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	list = slices.Sorted(slices.Values(list))
	return (list[(len(list)-1)/2] + list[len(list)/2]) / 2
}

// timed are the samples of a test whose durations count, newest first, at most most of
// them: of the default branch, where there are enough of them.
func (s Stats) timed(id string, most int) []sample {
	k := s.tests[id]
	if k == nil {
		return nil
	}
	var all, main []sample
	for _, x := range k.samples {
		if !x.timed() {
			continue
		}
		if len(all) < most {
			all = append(all, x)
		}
		if len(main) < most && x.record.onMain() {
			main = append(main, x)
		}
	}
	if len(main) >= enoughOnMain {
		return main
	}
	return all
}

func secondsOf(list []sample) []float64 {
	seconds := make([]float64, len(list))
	for i, x := range list {
		seconds[i] = max(x.seconds, minSeconds)
	}
	return seconds
}

// Pace is when a test last became slower or faster.
type Pace struct {
	estimate.Pace
	// Since is the first run after that; nil where there was no change.
	Since *e2e.HistoryRun `json:"since,omitempty"`
	// Runs is how many durations are known.
	Runs int `json:"-"`
}

// Pace looks for the last change of the test's durations.
func (s Stats) Pace(id string) Pace { return s.pace(id, "") }

// pace ignores runs with the id except.
func (s Stats) pace(id, except string) Pace {
	list := slices.DeleteFunc(s.timed(id, samples), func(x sample) bool { return except != "" && x.record.RunID == except })
	if len(list) > 0 { // durations of two kinds of machines do not compare
		list = ofVariant(list, list[0].record.Variant)
	}
	p := Pace{Pace: paceOf(list), Runs: len(list)}
	if p.Changed() {
		r := list[len(list)-1-p.Start].record
		p.Since = &e2e.HistoryRun{Run: r.RunID, SHA: r.SHA, Started: r.Started.UTC()}
	}
	return p
}

// paceOf takes samples, the newest first.
func paceOf(list []sample) estimate.Pace {
	seconds := secondsOf(list)
	slices.Reverse(seconds)
	return estimate.PaceOf(seconds)
}

// current are the durations since the test last became slower or faster, newest first.
func (s Stats) current(id string) []float64 {
	list := s.timed(id, samples)
	if len(variantsOf(list)) < 2 {
		list = list[:len(list)-paceOf(list).Start]
	}
	return secondsOf(list[:min(len(list), window)])
}

// quantile of durations, newest first, of which newer ones count more.
func quantile(list []float64, q float64) float64 {
	type weighted struct{ value, weight float64 }
	sorted, total := make([]weighted, len(list)), 0.0
	for i, v := range list {
		sorted[i] = weighted{v, math.Pow(aging, float64(i))}
		total += sorted[i].weight
	}
	slices.SortFunc(sorted, func(a, b weighted) int { return cmp.Or(cmp.Compare(a.value, b.value), cmp.Compare(a.weight, b.weight)) })
	for _, w := range sorted {
		if total -= w.weight; total <= (1-q)*sum(list) {
			return w.value
		}
	}
	return 0
}

// sum is the sum of the weights of a list.
func sum(list []float64) float64 { return (1 - math.Pow(aging, float64(len(list)))) / (1 - aging) }

// Estimate is the median duration in seconds of the test's newest passed runs since it last
// became slower or faster, in which newer runs count more, and how many those are. It is 0, 0 for a test without a known
// duration.
func (s Stats) Estimate(id string) (seconds float64, runs int) {
	list := s.current(id)
	return quantile(list, 0.5), len(list)
}

// High is what the test takes in one of ten runs (p90), in seconds; 0 where too few runs
// are known.
func (s Stats) High(id string) float64 {
	if list := s.current(id); len(list) >= enoughForHigh {
		return quantile(list, 0.9)
	}
	return 0
}

// SkippedLast reports whether the test was skipped in the newest run that was judged.
func (s Stats) SkippedLast(id string) bool {
	k := s.tests[id]
	if k == nil {
		return false
	}
	for _, x := range k.samples {
		if x.record.Nothing == "" && (x.outcome == e2e.Skipped || x.says()) {
			return x.outcome == e2e.Skipped
		}
	}
	return false
}

// Whole is the median duration in seconds of all tests of a suite together; 0 if it
// never ran.
func (s Stats) Whole(suite string) float64 { return s.wholes[suite] }

// Guess is the median over the known tests of the same file, else of the same
// suite; 0 where neither has a known test.
func (s Stats) Guess(t e2e.Test) (seconds float64, from string) {
	if est, ok := s.files[[2]string{t.Suite, t.File}]; ok && t.File != "" {
		return est, "file"
	}
	if est, ok := s.suites[t.Suite]; ok {
		return est, "suite"
	}
	return 0, ""
}

// Known lists the tests of a suite that earlier runs reported, sorted.
func (s Stats) Known(suite string) []string {
	var ids []string
	for id, k := range s.tests {
		if k.suite == suite {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
