package verdict

import (
	"fmt"
	"slices"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/policy"
)

// Base is what is known of the base of a change: judged runs at the commit that was part of what was tested, and at those
// before it. Only runs that the forge vouches for are among them.
type Base struct {
	Branch string
	// Runs of the stage, the newest first.
	Runs []BaseRun
	// MaxAge is how long a red base excuses.
	MaxAge time.Duration
	// Repaired are tests that passed on the branch since, at commits that are not part of what was tested.
	Repaired map[string]bool
	// Failures are the failed tests by id. What is not among them is not excused.
	Failures map[string]BaseFailure
	// Commit is the one that was part of what was tested; MaxProbed is how many tests may be run there. 0: what is said of that counts
	// for nothing.
	Commit    string
	MaxProbed int
}

// BaseFailure is what has to be known of a failed test.
type BaseFailure struct {
	// Fingerprints are those of its attempts, in their order; an empty one is like no other.
	Fingerprints []string
	// Touched is what the change has to do with it, as a sentence; empty: nothing.
	Touched string
}

// BaseRun is one judged run, with what it says of tests by id. Of a test that is not there it says nothing.
type BaseRun struct {
	e2e.BaseRun
	Tests map[string]BaseTest
}

// BaseTest is the outcome of a test in a run of the base, and the fingerprint of its failure.
type BaseTest struct {
	Outcome     e2e.Outcome
	Fingerprint string
}

// How often a test must have failed on the base: in the newest runs without exception, or in most of more. A base that fails
// now and then would excuse every new failure.
const (
	baseNewest      = 3
	baseMost        = 6
	baseOf          = 10
	baseNewestOfTen = 2
)

// fails reports what shows that a failed test fails in the same way on the base; nil: nothing does.
func (b Base) fails(t *e2e.TestResult, probe probed, now time.Time) *e2e.BaseFails {
	print := OneFingerprint(t, b.Failures[t.Stable()].Fingerprints)
	if print == "" {
		return nil
	}
	var runs []BaseRun
	for _, r := range b.Runs {
		if of := r.Tests[t.Stable()].Outcome; of == e2e.Passed || of == e2e.Failed || of == e2e.Flaky {
			runs = append(runs, r)
		}
	}
	same := func(r BaseRun) bool {
		of := r.Tests[t.Stable()]
		return of.Outcome == e2e.Failed && of.Fingerprint == print
	}
	first := 0 // runs from the newest on that failed in this way
	for first < len(runs) && same(runs[first]) {
		first++
	}
	among := 0
	var shown []e2e.BaseRun
	for _, r := range runs[:min(len(runs), baseOf)] {
		if same(r) {
			among++
			shown = append(shown, r.BaseRun)
		}
	}
	recorded := first >= baseNewest || first >= baseNewestOfTen && among >= baseMost
	proven := b.MaxProbed > 0 && probe.shows(t, print)
	if !recorded && !proven {
		return nil
	}
	found := &e2e.BaseFails{Branch: b.Branch, Runs: shown}
	begun := false
	var passed time.Time
	for _, r := range runs { // also in other ways: the base was red all the time
		if begun = r.Tests[t.Stable()].Outcome == e2e.Passed; begun {
			passed = r.Started
			break
		}
		found.Since = r.Started
	}
	if found.Since.IsZero() {
		found.Since = passed
	}
	switch touched := b.Failures[t.Stable()].Touched; {
	case policy.Column(t.Test) == e2e.ReleaseBlockingSmoke:
		found.Why = "a smoke test always blocks"
	case t.Quarantine != nil && t.Quarantine.Expired:
		found.Why = "its quarantine has ended"
	case touched != "":
		found.Why = touched
	case b.Repaired[t.Stable()]:
		found.Why = fmt.Sprintf("it passes on %s by now; rebase", b.Branch)
	case recorded && b.MaxProbed > 0 && probe.contradicts(t, print):
		found.Why = fmt.Sprintf("run at its commit %.10s, it does not, which contradicts these runs", b.Commit)
	case !recorded && b.otherwise(runs, t, print) != "":
		found.Why = b.otherwise(runs, t, print)
	case !begun:
		found.Why = fmt.Sprintf("no run of %s is known in which it passed, so it is not known since when it fails", b.Branch)
	case !recorded && now.Sub(passed) > b.MaxAge:
		found.Why = fmt.Sprintf("the last run of %s in which it passed is of %s, so it may have been red for longer than the %s that a red base excuses", b.Branch,
			passed.UTC().Format(time.DateOnly), days(b.MaxAge))
	case now.Sub(found.Since) > b.MaxAge:
		found.Why = fmt.Sprintf("%s has been red since %s, longer than the %s that a red base excuses", b.Branch,
			found.Since.UTC().Format(time.DateOnly), days(b.MaxAge))
	default:
		found.Excuses = true
	}
	return found
}

// otherwise says that the newest judged run of the very commit of a probe did not end as the probe did; empty: there is none, or it
// did. Runs are those that say something of the test.
func (b Base) otherwise(runs []BaseRun, t *e2e.TestResult, print string) string {
	at := slices.IndexFunc(runs, func(r BaseRun) bool { return r.SHA == b.Commit })
	if at < 0 {
		return ""
	}
	was := runs[at].Tests[t.Stable()]
	if was.Outcome == e2e.Failed && was.Fingerprint == print {
		return ""
	}
	return fmt.Sprintf("in the newest judged run of this commit (%s) it %s, which contradicts that", runs[at].Started.UTC().Format(time.DateOnly),
		map[e2e.Outcome]string{e2e.Passed: "passed", e2e.Flaky: "was flaky", e2e.Failed: "failed in another way"}[was.Outcome])
}

// days is a duration in whole days, or as it is.
func days(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d == day:
		return "1 day"
	case d > 0 && d%day == 0:
		return fmt.Sprintf("%d days", d/day)
	}
	return d.String()
}

// OneFingerprint is the one fingerprint of all executions of a test, given those of its attempts in their order; empty: one did not
// fail, or not in the same way, or the test did not have the second execution that a failure gets. Tests that share an id are not told
// apart from run to run.
func OneFingerprint(t *e2e.TestResult, prints []string) string {
	if t.Outcome != e2e.Failed || t.Unplanned || t.Context || t.Set != "" || t.Twins > 1 || t.Environment != nil || len(t.Attempts) < 2 {
		return ""
	}
	if slices.ContainsFunc(t.Evidence, func(e e2e.Evidence) bool { return e.Kind == e2e.EvidenceCrash }) {
		return "" // what is under test crashed
	}
	print := ""
	if len(prints) != len(t.Attempts) {
		return ""
	}
	for i, a := range t.Attempts {
		own := prints[i]
		if a.Outcome != e2e.Failed || own == "" || i > 0 && own != print {
			return ""
		}
		print = own
	}
	if !slices.ContainsFunc(t.Attempts, func(a e2e.Attempt) bool { return a.Source == e2e.SourceDiagnostic || a.Source == e2e.SourceFramework }) {
		return "" // that it failed in two attempts of the workflow run is another matter
	}
	return print
}

// excuse finds the failures that the base has too. At least one test that can block must have passed: else nothing shows that
// the stage tested anything.
func (b Base) excuse(tests []e2e.TestResult, probes map[string]probed, now time.Time) {
	if len(b.Runs) == 0 && len(probes) == 0 {
		return
	}
	passed, excused := false, false
	for i := range tests {
		t := &tests[i]
		switch t.Outcome {
		case e2e.Failed:
			t.BaseFails = b.fails(t, probes[t.Stable()], now)
			excused = excused || t.BaseFails != nil && t.BaseFails.Excuses
		case e2e.Passed:
			column := policy.Column(t.Test)
			blocking := (column == e2e.ReleaseBlocking || column == e2e.ReleaseBlockingSmoke) && (t.Quarantine == nil || t.Quarantine.Expired)
			passed = passed || blocking && !t.LaterPass && !t.Unplanned && !t.Context && len(t.Lacks) == 0
		case e2e.Flaky, e2e.Skipped, e2e.Lost, e2e.NotRun, e2e.OutcomeUnknown:
		}
	}
	if !excused || passed {
		return
	}
	for i := range tests {
		if f := tests[i].BaseFails; f != nil && f.Excuses {
			f.Excuses, f.Why = false, "no blocking test passed, so nothing shows that the stage tested the change"
		}
	}
}
