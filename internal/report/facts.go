package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// Counts of tests by what became of them. Each test counts once in Passed, Failed,
// Flaky, Skipped, Lost or NotRun; an unknown outcome counts as lost.
type Counts struct {
	Tests, Passed, Failed, Flaky, Skipped, Lost, NotRun int
	// Quarantined failed or were flaky under a quarantine that holds. Informing
	// failed without blocking and without quarantine.
	Quarantined, Informing, LostOrNotRun int
}

// CountsOf counts the tests of a result.
func CountsOf(r e2e.Result) Counts {
	n := Counts{Tests: len(r.Tests)}
	for _, t := range r.Tests {
		switch t.Outcome {
		case e2e.Passed:
			n.Passed++
		case e2e.Failed:
			n.Failed++
		case e2e.Flaky:
			n.Flaky++
		case e2e.Skipped:
			n.Skipped++
		case e2e.NotRun:
			n.NotRun++
		case e2e.Lost, e2e.OutcomeUnknown:
			n.Lost++
		default:
			n.Lost++
		}
		switch {
		case quarantined(t):
			n.Quarantined++
		case t.Outcome == e2e.Failed && t.Effect != e2e.Blocks:
			n.Informing++
		}
	}
	n.LostOrNotRun = n.Lost + n.NotRun
	return n
}

// String is "22 tests: 19 passed, 2 failed, 1 flaky"; what is zero is left out.
func (n Counts) String() string {
	var list []string
	for _, c := range []struct {
		n    int
		what string
	}{{n.Passed, "passed"}, {n.Failed, "failed"}, {n.Flaky, "flaky"}, {n.Skipped, "skipped"}, {n.Lost, "lost"}, {n.NotRun, "not run"}} {
		if c.n > 0 {
			list = append(list, thousands(c.n)+" "+c.what)
		}
	}
	text := plural(n.Tests, "test", "tests")
	if len(list) > 0 {
		text += ": " + strings.Join(list, ", ")
	}
	return text
}

// quarantined reports whether a bad outcome is covered by a quarantine that holds.
func quarantined(t e2e.TestResult) bool {
	return t.Quarantine != nil && !t.Quarantine.Expired && (t.Outcome == e2e.Failed || t.Outcome == e2e.Flaky || t.LaterPass)
}

// needsSomebody reports whether a test stands in the table of what has to be done.
// Flakes and quarantined tests that do not block have tables of their own.
func needsSomebody(t e2e.TestResult) bool {
	switch {
	case t.Effect == e2e.Blocks || t.Effect == e2e.NotJudged || t.LaterPass:
		return true
	case quarantined(t):
		return false
	}
	switch t.Outcome {
	case e2e.Failed, e2e.Lost, e2e.NotRun, e2e.OutcomeUnknown:
		return true
	case e2e.Passed, e2e.Flaky, e2e.Skipped:
		return false
	default:
		return true
	}
}

// Finding is something that somebody has to look at: a shut gate, a cluster of
// failures, a failed test, or tests without a result. Its texts are not escaped.
type Finding struct {
	Effect     e2e.Effect
	Category   string
	Confidence e2e.Confidence
	// Title says what it is where the tests alone do not.
	Title    string
	Tests    []string
	Owners   []string
	Evidence []string
	Next     string
	// File is the evidence file to open first, relative to the run's folder.
	File string
}

// Findings lists what needs somebody, most important first.
func Findings(r e2e.Result) []Finding {
	f := &finder{tests: map[string]*e2e.TestResult{}, used: map[string]bool{}, nothing: "find out why there is no result, and run again"}
	if !e2e.GatesOpen(r.Gates) {
		f.nothing = "nothing to do for the tests: they start when the gates are open"
	}
	for i := range r.Tests {
		f.tests[r.Tests[i].ID] = &r.Tests[i]
	}
	f.gates(r.Gates)
	for _, c := range r.Clusters {
		f.cluster(c)
	}
	f.problems(r.Problems)
	f.rest(r.Tests)
	slices.SortStableFunc(f.list, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(rank(a.Effect), rank(b.Effect)), cmp.Compare(len(b.Tests), len(a.Tests)))
	})
	return f.list
}

func rank(e e2e.Effect) int {
	switch e {
	case e2e.Blocks:
		return 0
	case e2e.NotJudged:
		return 1
	case e2e.Warns:
		return 2
	case e2e.Informs:
		return 3
	case e2e.EffectNothing:
		return 4
	default:
		return 0
	}
}

// finder collects findings, each test in one of them.
type finder struct {
	tests map[string]*e2e.TestResult
	used  map[string]bool
	list  []Finding
	// nothing is the next step for tests without a result that have none.
	nothing string
}

func (f *finder) gates(gates []e2e.Gate) {
	for _, g := range gates {
		if g.Open() {
			continue
		}
		f.list = append(f.list, Finding{
			Effect: e2e.NotJudged, Category: string(e2e.EnvironmentFailure), Title: fmt.Sprintf("gate %s is shut", g.Name),
			Evidence: []string{"expected " + g.Expected, "observed " + cmp.Or(g.Observed, "nothing")},
			Next:     cmp.Or(g.Reason, "make the environment healthy and run again"),
		})
	}
}

// take returns those of the given tests that need somebody and are in no finding
// yet.
func (f *finder) take(ids []string) []*e2e.TestResult {
	var list []*e2e.TestResult
	for _, id := range ids {
		if t := f.tests[id]; t != nil && !f.used[id] && needsSomebody(*t) {
			f.used[id] = true
			list = append(list, t)
		}
	}
	return list
}

func (f *finder) cluster(c e2e.Cluster) {
	tests := f.take(c.Tests)
	switch len(tests) {
	case 0:
		return
	case 1:
		f.test(tests[0])
		return
	}
	found := Finding{Category: categoryOf(c.Category), Confidence: c.Confidence, Title: cmp.Or(firstLine(c.Title), c.Cause), Evidence: c.Evidence, Next: c.NextStep}
	for _, t := range tests {
		if len(found.Tests) == 0 {
			found.File = logOf(t)
		}
		if len(found.Tests) == 0 || rank(t.Effect) < rank(found.Effect) {
			found.Effect = t.Effect
		}
		found.Tests = append(found.Tests, t.ID)
		if t.Owner != "" && !slices.Contains(found.Owners, t.Owner) {
			found.Owners = append(found.Owners, t.Owner)
		}
	}
	f.list = append(f.list, found)
}

// problems makes one finding of all tests that a problem left without a result.
func (f *finder) problems(problems []e2e.Problem) {
	for _, p := range problems {
		if !p.LosesEvidence {
			continue
		}
		tests := f.take(p.Tests)
		if len(tests) == 0 && len(p.Tests) > 0 {
			continue
		}
		found := lostTogether(tests)
		found.Title, found.Next, found.File = p.Text, nextOf(p), p.File
		f.list = append(f.list, found)
	}
}

func nextOf(p e2e.Problem) string {
	switch {
	case p.Code == e2e.CodeCancelled:
		return "run again"
	case p.File != "":
		return "read the end of the log, repair what it says and run again"
	}
	return "repair this and run again: without it there is no evidence"
}

// lostTogether is a finding of tests that have no result for one reason.
func lostTogether(tests []*e2e.TestResult) Finding {
	found := Finding{Effect: e2e.NotJudged, Category: string(e2e.Unknown)}
	for i, t := range tests {
		if i == 0 {
			found.Effect = t.Effect
		}
		if rank(t.Effect) < rank(found.Effect) {
			found.Effect = t.Effect
		}
		if t.Category != "" {
			found.Category, found.Confidence = categoryOf(t.Category), t.Confidence
		}
		found.Tests = append(found.Tests, t.ID)
		if t.Owner != "" && !slices.Contains(found.Owners, t.Owner) {
			found.Owners = append(found.Owners, t.Owner)
		}
	}
	return found
}

// rest makes findings of the tests that are in none: failures one by one, tests
// without a result by reason.
func (f *finder) rest(tests []e2e.TestResult) {
	var order []string
	groups := map[string][]*e2e.TestResult{}
	for i := range tests {
		for _, t := range f.take([]string{tests[i].ID}) {
			if t.Outcome == e2e.Failed || t.Outcome == e2e.Flaky || t.LaterPass {
				f.test(t)
				continue
			}
			why := reasonOf(t)
			if groups[why] == nil {
				order = append(order, why)
			}
			groups[why] = append(groups[why], t)
		}
	}
	for _, why := range order {
		found := lostTogether(groups[why])
		found.Title, found.Next = why, cmp.Or(groups[why][0].NextStep, f.nothing)
		f.list = append(f.list, found)
	}
}

func reasonOf(t *e2e.TestResult) string {
	if t.Why != "" {
		return t.Why
	}
	if t.Outcome == e2e.NotRun {
		return "stopped before it could start"
	}
	return "planned and never reported"
}

func (f *finder) test(t *e2e.TestResult) {
	found := Finding{Effect: t.Effect, Category: categoryOf(t.Category), Confidence: t.Confidence, Tests: []string{t.ID}, Next: t.NextStep, Evidence: evidenceOf(t), File: logOf(t)}
	if t.Owner != "" {
		found.Owners = []string{t.Owner}
	}
	if found.Next == "" {
		found.Next = "look at the message and the log; nobody has named a cause"
	}
	f.list = append(f.list, found)
}

// evidenceOf is what a reader should see first of a failure: what was expected and
// what came, else the message; then the state.
func evidenceOf(t *e2e.TestResult) []string {
	var list []string
	for _, kind := range []e2e.EvidenceKind{e2e.EvidenceExpected, e2e.EvidenceActual, e2e.EvidenceState} {
		for _, e := range t.Evidence {
			if e.Kind == kind {
				list = append(list, string(kind)+" "+firstLine(e.Text))
				break
			}
		}
	}
	if message := failureMessage(t); message != "" && len(list) < 2 {
		list = slices.Insert(list, 0, firstLine(message))
	}
	if len(list) == 0 {
		list = []string{t.Why}
	}
	return list
}

// failureMessage is the message of the last attempt that failed, else its type.
func failureMessage(t *e2e.TestResult) string {
	for _, a := range slices.Backward(t.Attempts) {
		if a.Outcome == e2e.Failed {
			return cmp.Or(a.Message, a.Type, firstLine(a.Details))
		}
	}
	return ""
}

// logOf is the evidence file to open first: a log of the last failed attempt.
func logOf(t *e2e.TestResult) string {
	for _, a := range slices.Backward(t.Attempts) {
		if a.Outcome == e2e.Failed && len(a.Files) > 0 {
			for _, f := range a.Files {
				if strings.HasSuffix(f, ".log") {
					return f
				}
			}
			return a.Files[0]
		}
	}
	return ""
}

// flakes lists the flaky tests, those that block first.
func flakes(r e2e.Result) []e2e.TestResult {
	var list []e2e.TestResult
	for _, t := range r.Tests {
		if t.Outcome == e2e.Flaky {
			list = append(list, t)
		}
	}
	slices.SortStableFunc(list, func(a, b e2e.TestResult) int { return cmp.Compare(rank(a.Effect), rank(b.Effect)) })
	return list
}

// splitID is an id as two lines: the test's name, and the suite with its file or
// class.
type splitID struct{ Name, Where string }

// splitIDs splits ids, with Where only where the next one's differs.
func splitIDs(ids []string) []splitID {
	list := make([]splitID, len(ids))
	for i, id := range ids {
		where, name, ok := strings.Cut(safetext.Line(id, idText), "::")
		if !ok {
			where, name = "", where
		}
		list[i] = splitID{name, where}
		if i > 0 && list[i-1].Where == where {
			list[i-1].Where = ""
		}
	}
	return list
}

// owner is a name, or words for there being none.
func owner(owners []string) string {
	if len(owners) == 0 {
		return "nobody"
	}
	return strings.Join(owners, ", ")
}

// kindOf is how critical a test is, as the effect table judges it.
func kindOf(t e2e.Test) string {
	switch t.Criticality {
	case e2e.NonBlocking, e2e.Nightly, e2e.Synthetic:
		return string(t.Criticality)
	case e2e.ReleaseBlockingSmoke, e2e.ReleaseBlocking:
	default:
	}
	if t.Smoke() {
		return string(e2e.ReleaseBlockingSmoke)
	}
	return string(e2e.ReleaseBlocking)
}

// slowest lists the tests that took longest, at most n.
func slowest(r e2e.Result, n int) []e2e.TestResult {
	list := slices.DeleteFunc(slices.Clone(r.Tests), func(t e2e.TestResult) bool { return took(t) <= 0 })
	slices.SortStableFunc(list, func(a, b e2e.TestResult) int {
		return cmp.Or(cmp.Compare(took(b), took(a)), strings.Compare(a.ID, b.ID))
	})
	return list[:min(n, len(list))]
}

// took is the time of all attempts at a test, in seconds.
func took(t e2e.TestResult) float64 {
	var sum float64
	for _, a := range t.Attempts {
		sum += a.Seconds
	}
	return sum
}

// duration is how long the run took, in seconds; 0 where it does not say.
func duration(r e2e.Run) float64 {
	if r.Finished.IsZero() || r.Started.IsZero() {
		return 0
	}
	return max(r.Finished.Sub(r.Started).Seconds(), 0)
}
