package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/asserted"
	"github.com/org/e2e-gate/internal/e2e"
)

// Counts of tests by outcome. Each test counts once in Passed, Failed,
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

// needsAttention reports whether a test is in the table of findings.
// Flakes and quarantined tests that do not block have tables of their own.
func needsAttention(t *e2e.TestResult) bool {
	switch {
	case t.Effect == e2e.Blocks || t.Effect == e2e.NotJudged || t.LaterPass:
		return true
	case quarantined(*t):
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

// Finding is something that needs attention: a failed gate, a cluster of
// failures, a failed test, or tests without a result. Its texts are not escaped.
type Finding struct {
	Effect     e2e.Effect
	Category   string
	Confidence e2e.Confidence
	// Gate: it is about failed gates, and holds no tests.
	Gate bool
	// Title says what it is where the tests alone do not.
	Title  string
	Tests  []string
	Owners []string
	// Since says what earlier runs know of it: "fails on main too since 2026-11-02
	// (4 runs)"; empty where the history was not read.
	Since    string
	Evidence []string
	Next     string
	// Cause is what is known of why, in a few words; it may be empty.
	Cause string
	// File is the evidence file to open first, relative to the run's folder.
	File string
	// first is the first of the tests.
	first *e2e.TestResult
	// code is that of the reason which says the same in the verdict; see [causeRank].
	code e2e.Code
	// At is where the first of the tests failed, file and line, AtLink the forge's page of it; Command runs that test alone.
	At, AtLink, Command string
	// Trail says how to find it in logs and traces.
	Trail Trail
}

// Trail is the correlation id and the links by which an attempt is found in logs and traces.
type Trail struct {
	Correlation string
	Links       []e2e.Link
}

// trailOf is the trail of the first failed attempt, as [logOf] is its log.
func trailOf(t *e2e.TestResult) Trail {
	if a := firstFailure(t); a != nil {
		return Trail{a.Correlation, a.Links}
	}
	return Trail{}
}

// Findings lists what needs attention, most important first.
func Findings(r e2e.Result) []Finding {
	f := &finder{r: &r, tests: map[string]*e2e.TestResult{}, used: map[string]bool{}, nothing: "find out why there is no result, and run again"}
	if !e2e.GatesOpen(r.Gates) {
		f.nothing = "nothing to do for the tests: they start once the gates pass"
	}
	for i := range r.Tests {
		if t := &r.Tests[i]; needsAttention(t) {
			f.tests[t.ID] = t
			f.attention = append(f.attention, t)
		}
	}
	f.gates(r.Gates)
	for _, c := range r.Clusters {
		f.cluster(c)
	}
	f.problems(r.Problems)
	f.rest()
	// The gate comes before the tests that wait for it, although they are more, and so does what else keeps a stage from being
	// judged before what follows from it.
	gate := map[bool]int{true: -1}
	slices.SortStableFunc(f.list, func(a, b Finding) int {
		cause := 0
		if a.Effect == e2e.NotJudged {
			cause = cmp.Compare(causeRank(a.code), causeRank(b.code))
		}
		return cmp.Or(cmp.Compare(a.Effect.Rank(), b.Effect.Rank()), cmp.Compare(gate[a.Gate], gate[b.Gate]), cause, cmp.Compare(len(b.Tests), len(a.Tests)))
	})
	return f.list
}

// finder collects findings, each test in one of them.
type finder struct {
	r *e2e.Result
	// tests are those that need attention, by id; attention has them in their order.
	tests     map[string]*e2e.TestResult
	attention []*e2e.TestResult
	used      map[string]bool
	list      []Finding
	// nothing is the next step for tests without a result whose next step is unknown.
	nothing string
}

// gates makes one finding of all failed gates that report the same.
func (f *finder) gates(gates []e2e.Gate) {
	for _, group := range gateGroups(gates, func(g e2e.Gate) string {
		if g.Open() {
			return ""
		}
		return fmt.Sprint(g.Dependency, "\x00", g.Observed, "\x00", g.Reason)
	}) {
		g := group[0]
		found := Finding{
			Gate: true, Effect: e2e.NotJudged, Category: string(e2e.EnvironmentFailure), Title: fmt.Sprintf("gate %s failed", g.Name),
			Evidence: []string{"expected " + g.Expected, "observed " + cmp.Or(g.Observed, "nothing")},
			Next:     cmp.Or(g.Reason, "make the environment healthy and run again"),
		}
		if len(group) > 1 {
			found.Title, found.Evidence = fmt.Sprintf("gates %s failed", gateNames(group)), found.Evidence[1:]
		}
		if g.Dependency {
			f.dependency(group, &found)
		}
		if f.r.Verdict.State == e2e.VerdictPassed { // no test that blocks needs it
			found.Effect = e2e.Warns
		}
		f.list = append(f.list, found)
	}
}

// dependency says of gates of dependencies that failed whom to ask, and why that does not excuse the tests that need them.
func (f *finder) dependency(group []e2e.Gate, found *Finding) {
	found.Category, found.Title = string(e2e.ExternalDependency), fmt.Sprintf("dependency %s is down", group[0].Name)
	if len(group) > 1 {
		found.Title = fmt.Sprintf("dependencies %s are down", gateNames(group))
	}
	for i := range f.r.Tests {
		t := &f.r.Tests[i]
		if t.Outcome != e2e.NotRun || !group[0].Scope.NeededBy(&t.Test) || t.Effect != e2e.NotJudged && t.Effect != e2e.Blocks {
			continue
		}
		if t.NextStep != "" {
			found.Next = t.NextStep
		}
		why := t.Unexcused
		if t.Dependency != "" {
			why = fmt.Sprintf("by the policy (dependency_down), %s", t.Why)
		}
		if why != "" {
			found.Evidence = append(found.Evidence, "excuses nothing: "+why)
		}
		return
	}
}

// claim returns those of the given tests that need attention and are in no finding
// yet, and marks them as used.
func (f *finder) claim(ids []string) []*e2e.TestResult {
	var list []*e2e.TestResult
	for _, id := range ids {
		if t := f.tests[id]; t != nil && !f.used[id] {
			f.used[id] = true
			list = append(list, t)
		}
	}
	return list
}

func (f *finder) cluster(c e2e.Cluster) {
	tests := f.claim(c.Tests)
	switch len(tests) {
	case 0:
		return
	case 1:
		f.test(tests[0])
		return
	}
	found := Finding{Category: categoryOf(c.Category), Confidence: c.Confidence, Title: titleOf(c, tests),
		Cause: c.Cause, Evidence: beyondTitle(c.Title, c.Evidence), Next: c.NextStep, first: tests[0], code: codeOf(tests[0])}
	for _, t := range tests {
		if len(found.Tests) == 0 {
			found.File, found.Trail = logOf(t), trailOf(t)
			found.At, found.AtLink, found.Command = atOf(t), sourceLink(f.r.Run, firstFailure(t)), RunCommand(*f.r, *t)
		}
		if e := f.effect(t); len(found.Tests) == 0 || e.Rank() < found.Effect.Rank() {
			found.Effect = e
		}
		found.Tests = append(found.Tests, t.ID)
		if t.Owner != "" && !slices.Contains(found.Owners, t.Owner) {
			found.Owners = append(found.Owners, t.Owner)
		}
	}
	found.Since = sinceOf(tests)
	f.list = append(f.list, found)
}

// titleOf is what the failures of a cluster have in common, in a line: what the first of them says if all say it or the cluster's own
// line says nothing.
func titleOf(c e2e.Cluster, tests []*e2e.TestResult) string {
	what := whatFailed(tests[0])
	saysOther := func(t *e2e.TestResult) bool { return whatFailed(t) != what }
	if what != "" && (asserted.IsGeneric(c.Title) || !slices.ContainsFunc(tests[1:min(len(tests), 100)], saysOther)) {
		return what
	}
	return cmp.Or(firstLine(c.Title), c.Cause)
}

// maxEvidence bounds how many lines of evidence a finding quotes.
const maxEvidence = 4

// beyondTitle is the evidence of a cluster without the lines that repeat its title.
func beyondTitle(title string, evidence []string) []string {
	title = firstLine(title)
	rest := slices.DeleteFunc(slices.Clone(evidence), func(e string) bool { return title != "" && strings.Contains(e, title) })
	return rest[:min(len(rest), maxEvidence)]
}

// problems makes one finding of all tests that a problem left without a result.
func (f *finder) problems(problems []e2e.Problem) {
	for _, p := range problems {
		if !p.LosesEvidence {
			continue
		}
		tests := f.claim(p.Tests)
		if len(tests) == 0 && len(p.Tests) > 0 && !f.isCause(p) {
			continue
		}
		found := f.lostTogether(tests)
		found.Title, found.Next, found.File, found.code = p.Text, nextOf(p), p.File, p.Code
		f.list = append(f.list, found)
	}
}

// isCause reports whether a problem is why the stage is not judged, so that it has to be a finding although all of its tests are in
// others.
func (f *finder) isCause(p e2e.Problem) bool {
	reason, ok := mainReason(*f.r)
	return f.r.Verdict.State == e2e.VerdictNotJudged && ok && reason.Code == p.Code && reason.Text == p.Text
}

// codeOf is the code of the reason in the verdict that says what became of a test. Where its environment failed, that is a cause.
func codeOf(t *e2e.TestResult) e2e.Code {
	switch {
	case t.Environment != nil || t.Category == e2e.EnvironmentFailure:
		return e2e.CodeEnvironment
	case t.Outcome == e2e.Flaky || t.LaterPass:
		return e2e.CodeFlaky
	case t.Outcome == e2e.Lost:
		return e2e.CodeLost
	case t.Outcome == e2e.NotRun:
		return e2e.CodeNotRun
	}
	return e2e.CodeTestFailed
}

func nextOf(p e2e.Problem) string {
	switch {
	case p.Code == e2e.CodeCancelled:
		return "run again"
	case p.Code == e2e.CodeJobBefore:
		return "read the log of that job, mend it and re-run the failed jobs"
	case p.File != "":
		return "read the end of the log, fix what it reports and run again"
	case p.Code == e2e.CodeLost && p.Unit == "" || p.Code == e2e.CodeNotRun && len(p.Tests) > 0:
		return fmt.Sprintf("the log of the job of shard %d says why it ended; then re-run the failed jobs", p.Shard)
	}
	return "fix this and run again: without it there is no evidence"
}

// effect is what a test does to the final verdict. Where every failure is the
// environment's fault, failures do not block: the stage is not judged.
func (f *finder) effect(t *e2e.TestResult) e2e.Effect {
	if f.r.Verdict.State == e2e.VerdictNotJudged && t.Effect == e2e.Blocks {
		return e2e.NotJudged
	}
	return t.Effect
}

// lostTogether is one finding for tests that have no result for the same reason.
func (f *finder) lostTogether(tests []*e2e.TestResult) Finding {
	found := Finding{Effect: e2e.NotJudged, Category: string(e2e.Unknown)}
	for i, t := range tests {
		if e := f.effect(t); i == 0 || e.Rank() < found.Effect.Rank() {
			found.Effect = e
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

// rest makes findings of the remaining tests: one for each failure, and one for each
// reason why tests have no result.
func (f *finder) rest() {
	var order []string
	groups := map[string][]*e2e.TestResult{}
	for _, one := range f.attention {
		for _, t := range f.claim([]string{one.ID}) {
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
		found := f.lostTogether(groups[why])
		found.Title, found.Next, found.code = why, cmp.Or(groups[why][0].NextStep, f.nothing), codeOf(groups[why][0])
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

func (f *finder) test(t *e2e.TestResult) { f.list = append(f.list, findingOf(*f.r, t)) }

// findingOf is what one test makes known by itself.
func findingOf(r e2e.Result, t *e2e.TestResult) Finding {
	f := finder{r: &r}
	found := Finding{Effect: f.effect(t), Category: categoryOf(t.Category), Confidence: t.Confidence, Tests: []string{t.ID},
		Since: sinceOf([]*e2e.TestResult{t}), Next: t.NextStep, Evidence: evidenceOf(t), File: logOf(t), Trail: trailOf(t),
		Cause: t.Cause, At: atOf(t), AtLink: sourceLink(r.Run, firstFailure(t)), Command: RunCommand(r, *t), first: t, code: codeOf(t)}
	if t.Owner != "" {
		found.Owners = []string{t.Owner}
	}
	if found.Next == "" {
		found.Next = "read the message and the log; the cause is unknown"
	}
	return found
}

// evidenceOf is what a reader should see first of a failure: what was expected and
// what came, else the message; then what is missing, the state, and of what.
func evidenceOf(t *e2e.TestResult) []string {
	var list []string
	for _, e := range t.Evidence {
		if e.Kind == e2e.EvidenceCrash {
			list = append(list, firstLine(e.Text))
			break
		}
	}
	shown := []e2e.EvidenceKind{e2e.EvidenceMissing, e2e.EvidenceState, e2e.EvidenceEntity, e2e.EvidenceAction, e2e.EvidenceNetwork, e2e.EvidenceConsole,
		e2e.EvidenceUnread}
	what := whatFailed(t)
	if what != "" {
		list = append([]string{what}, list...)
	}
	_, _, both := e2e.Compared(t.Evidence)
	if !both {
		shown = append([]e2e.EvidenceKind{e2e.EvidenceExpected, e2e.EvidenceActual}, shown...)
	}
	for _, kind := range shown {
		for _, e := range t.Evidence {
			if kind == e2e.EvidenceAction && (both || strings.Contains(e.Text, what)) {
				continue // it says the same
			}
			if e.Kind == kind {
				list = append(list, e.Label()+" "+firstLine(e.Text))
				break
			}
		}
	}
	if len(list) == 0 {
		list = []string{t.Why}
	}
	return list
}

// failureMessage is the message of the first attempt that failed, else its type.
func failureMessage(t *e2e.TestResult) string {
	a := firstFailure(t)
	if a == nil {
		return ""
	}
	return cmp.Or(a.Message, a.Type, firstLine(a.Details))
}

// firstFailure is the first failed attempt in the newest attempt of the workflow run that has
// one. Later ones may have failed because of it.
func firstFailure(t *e2e.TestResult) *e2e.Attempt {
	var first *e2e.Attempt
	for i := range t.Attempts {
		a := &t.Attempts[i]
		if a.Outcome == e2e.Failed && (first == nil || a.WorkflowAttempt != first.WorkflowAttempt) {
			first = a
		}
	}
	return first
}

// atOf is where a test failed first: file and line, else where the test is. One that never failed has none: what it met is
// elsewhere.
func atOf(t *e2e.TestResult) string {
	a := firstFailure(t)
	if a == nil {
		return ""
	}
	return cmp.Or(a.At, e2e.Place(t.File, t.Line))
}

// logOf is the evidence file to open first: a log of the first failed attempt.
func logOf(t *e2e.TestResult) string {
	a := firstFailure(t)
	if a == nil || len(a.Files) == 0 {
		return ""
	}
	for _, f := range a.Files {
		if strings.HasSuffix(f, ".log") {
			return f
		}
	}
	return a.Files[0]
}

// shownFiles is how many files of an attempt are named.
const shownFiles = 8

// unitOf is the batch of an attempt; nil if it is not known.
func unitOf(r e2e.Result, a e2e.Attempt) *e2e.UnitRun {
	for i := range r.Shards {
		for j := range r.Shards[i].Units {
			if u := &r.Shards[i].Units[j]; r.Shards[i].Index == a.Shard && u.Log != "" && slices.Contains(a.Files, u.Log) {
				return u
			}
		}
	}
	return nil
}

// sharedFiles are files that the batch of an attempt left, of no test in particular.
func sharedFiles(r e2e.Result, a e2e.Attempt) []string {
	if u := unitOf(r, a); u != nil {
		return u.Shared
	}
	return nil
}

// unlisted says that the batch of an attempt left more files than are listed; empty: it did not.
func unlisted(r e2e.Result, a e2e.Attempt) string {
	u := unitOf(r, a)
	if u == nil || u.MoreFiles <= 0 {
		return ""
	}
	return plural(u.MoreFiles, "more file", "more files") + " of its batch are in the folder of the run, and not listed"
}
