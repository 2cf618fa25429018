package policy

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
)

// Evidence is everything that a verdict is made from. The zero value is not judged.
type Evidence struct {
	// Blocks says whether the stage blocks.
	Blocks bool
	// Gates as they were when the suites started, with what was seen of them while
	// suites ran.
	Gates []e2e.Gate
	// Tests holds every planned test and every unplanned one that reported, with
	// outcome, environment, quarantine and later pass already set. What triage says of
	// them is not read.
	Tests []e2e.TestResult
	// Problems around the tests.
	Problems []e2e.Problem
	// Budgets of the stage and its journeys.
	Budgets []e2e.Budget
	// LeftOut: tests were listed that were not selected.
	LeftOut bool
	// Judging says what the change alters about what judges it; it may be nil.
	Judging *e2e.Judging
	// Table is the policy table; nil means [Default].
	Table Table
}

// Decide judges. It returns the verdict, and the tests with effect and why.
func Decide(ev Evidence) (e2e.Verdict, []e2e.TestResult) {
	ev.Tests = slices.Clone(ev.Tests)
	v, err := DecideInPlace(context.Background(), ev)
	if err != nil {
		panic(err) // only the end of a context is one
	}
	return v, ev.Tests
}

// DecideInPlace is [Decide] that sets effect and why in the tests of the evidence themselves:
// a million of them have no second copy. The error is that the context ended.
func DecideInPlace(ctx context.Context, ev Evidence) (e2e.Verdict, error) {
	if ev.Table == nil {
		ev.Table = Default()
	}
	j := &judge{ctx: ctx, ev: ev, tests: ev.Tests}
	j.judgeChanged()
	j.findDamaged()
	j.shown = slices.ContainsFunc(j.tests, j.shows)
	for i := range j.tests {
		if j.ended(i) {
			return e2e.Verdict{}, ctx.Err()
		}
		t := &j.tests[i]
		t.Effect, t.Why, t.Policy = j.effect(*t)
		if t.Context && !t.Unplanned && stronger(t.Effect, e2e.Informs) {
			t.Effect, t.Why, t.Policy = e2e.Informs, contextWhy, nil
		}
	}
	j.gates()
	j.problems()
	j.outcomes()
	j.evidence()
	j.budgets()
	if err := ctx.Err(); err != nil {
		return e2e.Verdict{}, err // what was found by then may not be everything
	}
	return j.verdict(), nil
}

// ended reports whether the context has ended, and asks it once in so many steps of a loop.
func (j *judge) ended(step int) bool { return step%1024 == 0 && j.ctx.Err() != nil }

type judge struct {
	ctx   context.Context //nolint:containedctx // of one call
	ev    Evidence
	tests []e2e.TestResult
	// ids and units are indices into tests; nil until a problem names a test.
	ids, units map[string][]int
	damaged    map[string]*e2e.Problem
	// shown: a test that can block has plainly passed.
	shown   bool
	reasons []e2e.Reason
}

// judgeChanged states that the change alters what judges it. An approval lifts what that blocks.
func (j *judge) judgeChanged() {
	if j.ev.Judging == nil || len(j.ev.Judging.Changes) == 0 {
		return
	}
	effect := j.ev.Table.JudgeChanged()
	var what []string
	for _, c := range j.ev.Judging.Changes {
		what = append(what, strings.TrimSpace(c.What+" "+c.Text))
	}
	text := "the change alters what judges it: " + e2e.SomeOf(what)
	switch by := j.ev.Judging.ApprovedBy; {
	case len(by) > 0:
		if Blocks(effect) {
			effect = e2e.Warns
		}
		var who []string
		for _, a := range by {
			who = append(who, a.String())
		}
		text += "; approved by " + e2e.SomeOf(who)
	case Blocks(effect) && j.ev.Judging.Unapproved != "":
		text += "; not approved: " + j.ev.Judging.Unapproved
	}
	j.add(e2e.CodeJudgeChanged, effect, nil, "%s", text)
}

// findDamaged maps each test to the first problem, by code and text, that loses
// its evidence.
func (j *judge) findDamaged() {
	j.damaged = map[string]*e2e.Problem{}
	for n := range j.ev.Problems {
		p := &j.ev.Problems[n]
		if !p.LosesEvidence {
			continue
		}
		tests, _ := j.affected(*p)
		for n, i := range tests {
			if j.ended(n) {
				return
			}
			t := &j.tests[i]
			known, ok := j.damaged[t.ID]
			if !ok || cmp.Or(cmp.Compare(p.Code, known.Code), cmp.Compare(p.Text, known.Text)) < 0 {
				j.damaged[t.ID] = p
			}
		}
	}
}

// affected are the tests that a problem is about, as indices. A name that is not a test
// stands for its batch: a suite that cannot list its tests is planned as one entry, which
// its results replace. all is false if there is such a name, because the other tests
// behind it, and their criticality, are unknown.
func (j *judge) affected(p e2e.Problem) (tests []int, all bool) {
	if j.ids == nil && len(p.Tests) > 0 {
		j.ids, j.units = make(map[string][]int, len(j.tests)), map[string][]int{}
		each := make([]int, len(j.tests)) // almost every id is that of one test
		for i := range j.tests {
			if j.ended(i) {
				return nil, false
			}
			t := &j.tests[i]
			each[i] = i
			if have := j.ids[t.ID]; have == nil {
				j.ids[t.ID] = each[i : i+1 : i+1]
			} else {
				j.ids[t.ID] = append(have, i)
			}
			j.units[t.Unit] = append(j.units[t.Unit], i)
		}
	}
	unnamed := false
	for n, id := range p.Tests {
		if j.ended(n) {
			return nil, false
		}
		at, known := j.ids[id]
		unnamed = unnamed || !known
		tests = append(tests, at...)
	}
	if unnamed && p.Unit != "" {
		tests = append(tests, j.units[p.Unit]...)
	}
	slices.Sort(tests)
	return slices.Compact(tests), !unnamed
}

func (j *judge) add(code e2e.Code, effect e2e.Effect, tests []string, format string, args ...any) {
	j.reasons = append(j.reasons, e2e.Reason{Code: code, Effect: effect, Text: fmt.Sprintf(format, args...), Tests: tests})
}

// row is the row of the table that a test falls into; "" for a plain pass.
func (j *judge) row(t e2e.TestResult) Row {
	quarantined := t.Quarantine != nil && !t.Quarantine.Expired
	expired := t.Quarantine != nil && t.Quarantine.Expired
	later := t.LaterPass && (t.Outcome == e2e.Passed || t.Outcome == e2e.Flaky)
	switch {
	case t.Outcome == e2e.Lost:
		return RowLost
	case t.Outcome == e2e.NotRun && t.Dependency != "":
		return RowDependencyDown
	case t.Outcome == e2e.NotRun:
		return RowNotRun
	case t.Outcome == e2e.Skipped:
		return RowSkipped
	case quarantined && (t.Outcome == e2e.Failed || t.Outcome == e2e.Flaky || later):
		return RowQuarantined
	case t.Outcome == e2e.Failed && !expired && t.BaseFails != nil && t.BaseFails.Excuses:
		return RowBaseFails
	case t.Outcome == e2e.Failed:
		return RowFailed
	case later:
		return RowLaterPass
	case expired && t.Outcome == e2e.Flaky:
		return RowFailed // what was to be fixed by the deadline still fails
	case t.Outcome == e2e.Flaky:
		return RowFlaky
	case t.Outcome == e2e.Passed:
		return ""
	}
	return RowLost
}

// effect is what a test does to the verdict, why, and the cell that says so.
func (j *judge) effect(t e2e.TestResult) (e2e.Effect, string, *e2e.PolicyCell) {
	column := Column(t.Test)
	row := j.row(t)
	if p, ok := j.damaged[t.ID]; ok && (row == "" || row == RowFlaky || row == RowLaterPass || row == RowQuarantined || row == RowBaseFails) {
		lost, seen := j.ev.Table.Effect(RowLost, column), e2e.EffectNothing
		if row != "" {
			seen = j.ev.Table.Effect(row, column)
		}
		if stronger(lost, seen) {
			return lost, fmt.Sprintf("its batch cannot be trusted (%s): a %s test without evidence is not a pass", p.Code, column), j.cell(RowLost, column)
		}
		return seen, why(row, column, t), j.cell(row, column)
	}
	if row == "" {
		return e2e.EffectNothing, "", nil
	}
	if collided(t, row) {
		return j.ev.Table.Effect(RowLost, column), fmt.Sprintf("it collided with another shard of this machine on port %d, so nothing is proven of a %s test",
			t.Environment.Port, column), j.cell(RowLost, column)
	}
	effect := j.ev.Table.Effect(row, column)
	if row == RowDependencyDown && !j.shown && effect == e2e.Warns && column != e2e.NonBlocking && column != e2e.Nightly && column != e2e.Synthetic {
		return e2e.NotJudged, why(row, column, t) + "; no test that can block has passed", j.cell(row, column)
	}
	return effect, why(row, column, t), j.cell(row, column)
}

// shows reports whether a test that can block has plainly passed.
func (j *judge) shows(t e2e.TestResult) bool {
	column := Column(t.Test)
	return t.Outcome == e2e.Passed && !t.LaterPass && (column == e2e.ReleaseBlocking || column == e2e.ReleaseBlockingSmoke) && j.passes(t)
}

// collided reports whether a test failed beside another shard only, because both used one port: the gate
// itself started both, so that proves nothing, neither of the test nor of the product.
func collided(t e2e.TestResult, row Row) bool {
	return row == RowFlaky && t.Environment != nil && t.Environment.Port > 0
}

// contextWhy is why a test that was not selected blocks nothing.
const contextWhy = "not selected: it ran because a selected test builds on its group"

// cell names a cell of the table, and whether the config changed it.
func (j *judge) cell(row Row, column e2e.Criticality) *e2e.PolicyCell {
	if row == "" {
		return nil
	}
	cell := &e2e.PolicyCell{Row: string(row), Column: column, Source: "built-in"}
	if j.ev.Table.Effect(row, column) != builtIn.Effect(row, column) {
		cell.Source = "config"
	}
	return cell
}

func why(row Row, column e2e.Criticality, t e2e.TestResult) string {
	switch row {
	case RowQuarantined:
		return fmt.Sprintf("quarantined until %s by %s: %s", t.Quarantine.Deadline.UTC().Format("2006-01-02"), t.Quarantine.Owner, t.Quarantine.Reason)
	case RowFailed:
		text := fmt.Sprintf("a failing %s test", column)
		if t.Outcome == e2e.Flaky {
			text = fmt.Sprintf("a flaky %s test", column)
		}
		switch q := t.Quarantine; {
		case q != nil && q.Deadline.IsZero():
			text += "; its quarantine has no deadline, so it does not count"
		case q != nil:
			text += fmt.Sprintf("; its quarantine ended on %s", q.Deadline.UTC().Format("2006-01-02"))
		}
		return text
	case RowBaseFails:
		text := fmt.Sprintf("a %s test that fails in the same way on %s since %s", column, t.BaseFails.Branch, t.BaseFails.Since.UTC().Format("2006-01-02"))
		if n := len(t.BaseFails.Runs); n > 0 || !t.Probe.SameWay() {
			text += fmt.Sprintf(", in %d judged runs", n)
		}
		if p := t.Probe; p.SameWay() {
			text += fmt.Sprintf(", and in %d of %d executions at %.10s", p.Same, p.Executions, p.SHA)
		}
		return text
	case RowFlaky:
		return fmt.Sprintf("a flaky %s test: it failed first and passed when it ran again", column)
	case RowLaterPass:
		return fmt.Sprintf("a %s test that failed in an earlier attempt of this workflow run; a later pass does not undo that", column)
	case RowLost:
		return fmt.Sprintf("a %s test that was planned and never reported", column)
	case RowNotRun:
		if n := len(t.Attempts); n > 0 && t.Attempts[n-1].Kept {
			return fmt.Sprintf("a %s test that %s kept from running", column, cmp.Or(t.Attempts[n-1].KeptBy, "its framework"))
		}
		if t.Unexcused != "" {
			return fmt.Sprintf("a %s test that needs a dependency which is down; that excuses nothing: %s", column, t.Unexcused)
		}
		return fmt.Sprintf("a %s test that was stopped before it could start", column)
	case RowDependencyDown:
		return fmt.Sprintf("a %s test that needs %s, which is down", column, t.Dependency)
	case RowSkipped:
		return "skipped by its framework"
	case RowJudgeChanged: // about no test
	}
	return ""
}

func stronger(a, b e2e.Effect) bool { return a.Rank() < b.Rank() }

func (j *judge) gates() {
	for _, g := range j.ev.Gates {
		switch {
		case !g.Open() && g.Scope != nil:
			effect, ids := j.without(g)
			text := fmt.Sprintf("gate %s (%s) failed: expected %s, observed %s", g.Name, g.Scope, g.Expected, observed(g))
			if g.Dependency {
				text = fmt.Sprintf("dependency %s is down: expected %s, observed %s", g.Name, g.Expected, observed(g))
			}
			if len(ids) > 0 {
				text += fmt.Sprintf("; %s it: %s", needing(len(ids)), e2e.SomeOf(ids))
			}
			j.add(e2e.CodeGateShut, effect, ids, "%s", text)
		case !g.Open():
			j.add(e2e.CodeGateShut, e2e.NotJudged, nil, "gate %s failed: expected %s, observed %s", g.Name, g.Expected, observed(g))
		case g.State != e2e.Healthy:
			j.add(e2e.CodeGateShut, e2e.Warns, nil, "gate %s is %s: %s", g.Name, g.State, observed(g))
		}
		if lost := g.LostSpans(); len(lost) > 0 {
			span := lost[0]
			j.add(e2e.CodeGateLost, e2e.Warns, nil, "gate %s was %s while the suites ran, from %s: %s", g.Name, span.State, span.From.UTC().Format("15:04:05"),
				span.Observed)
		}
	}
}

func needing(n int) string {
	if n == 1 {
		return "1 test needs"
	}
	return fmt.Sprintf("%d tests need", n)
}

// without is what it does that a gate failed which some tests need: as much as that they were not run. It also returns
// these. If no test needs the gate, the documents contradict each other.
func (j *judge) without(g e2e.Gate) (effect e2e.Effect, ids []string) {
	effect = e2e.Warns
	needed := false
	for i := range j.tests {
		t := &j.tests[i]
		if !g.Scope.NeededBy(&t.Test) {
			continue
		}
		if needed = true; t.Outcome != e2e.NotRun {
			continue // it ran elsewhere, or is lost by itself
		}
		ids = append(ids, t.ID)
		if (!t.Context || t.Unplanned) && stronger(t.Effect, effect) {
			effect = t.Effect
		}
	}
	if !needed || Blocks(effect) {
		effect = e2e.NotJudged // the environment is no regression
	}
	slices.Sort(ids)
	return effect, ids
}

func observed(g e2e.Gate) string {
	if g.Observed == "" {
		return cmp.Or(g.Reason, "nothing")
	}
	return g.Observed
}

// problems turns each problem into a reason; one that loses the evidence of named
// tests is as strong as the loss of those tests.
func (j *judge) problems() {
	for _, p := range j.ev.Problems {
		effect := e2e.Warns
		switch {
		case p.LosesEvidence:
			effect = j.lossOf(p)
		case p.Note:
			effect = e2e.Informs
		}
		j.add(p.Code, effect, p.Tests, "%s", p.Text)
	}
}

// lossOf is how strong the loss of a problem's tests is. It is that of the whole stage if
// the problem names no test, or an unknown one.
func (j *judge) lossOf(p e2e.Problem) e2e.Effect {
	tests, all := j.affected(p)
	if !all || len(p.Tests) == 0 {
		return e2e.NotJudged
	}
	worst := e2e.Informs
	for _, i := range tests {
		t := j.tests[i]
		if t.Context && !t.Unplanned {
			continue // what was selected and builds on it is lost by itself
		}
		effects := []e2e.Effect{j.ev.Table.Effect(RowLost, Column(t.Test))}
		if t.Outcome == e2e.NotRun {
			effects = append(effects, t.Effect)
		}
		for _, e := range effects {
			if stronger(e, worst) {
				worst = e
			}
		}
	}
	return worst
}

// group collects the tests of one reason.
type group struct {
	code   e2e.Code
	effect e2e.Effect
}

// outcomes states what became of the tests, one reason for each code and effect.
func (j *judge) outcomes() {
	groups := map[group][]string{}
	for _, t := range j.tests {
		code := j.code(t)
		if code == "" {
			continue
		}
		g := group{code, t.Effect}
		groups[g] = append(groups[g], t.ID)
	}
	for g, ids := range groups {
		slices.Sort(ids)
		j.add(g.code, g.effect, ids, "%s", sentence(g.code, ids))
	}
}

func (j *judge) code(t e2e.TestResult) e2e.Code {
	row := j.row(t)
	if collided(t, row) {
		return e2e.CodeCollision
	}
	if (row == RowFailed || row == RowFlaky) && t.Effect == e2e.Blocks && t.Environment != nil {
		return e2e.CodeEnvironment
	}
	switch row {
	case RowFailed:
		if t.Quarantine != nil && t.Quarantine.Expired {
			return e2e.CodeQuarantineExpired
		}
		return e2e.CodeTestFailed
	case RowBaseFails:
		return e2e.CodeBaseFails
	case RowQuarantined:
		return e2e.CodeTestFailed
	case RowFlaky:
		return e2e.CodeFlaky
	case RowLaterPass:
		return e2e.CodeLaterPass
	case RowLost:
		if p := j.damaged[t.ID]; p == nil || p.Code != e2e.CodeLost { // a lost shard names its tests itself
			return e2e.CodeLost
		}
	case RowNotRun:
		return e2e.CodeNotRun
	case RowDependencyDown:
		return e2e.CodeDependency
	case RowSkipped, RowJudgeChanged:
	}
	return ""
}

func sentence(code e2e.Code, ids []string) string {
	n := "1 test"
	if len(ids) != 1 {
		n = fmt.Sprintf("%d tests", len(ids))
	}
	verb := map[e2e.Code]string{
		e2e.CodeTestFailed:        "failed",
		e2e.CodeEnvironment:       "failed because of the environment",
		e2e.CodeCollision:         "collided with another shard on this machine and passed alone",
		e2e.CodeQuarantineExpired: "failed or flaky, and the quarantine has ended",
		e2e.CodeBaseFails:         "failed in the same way as on the base",
		e2e.CodeFlaky:             "flaky: failed first, passed when run again",
		e2e.CodeLaterPass:         "failed in an earlier attempt of this workflow run and passed now",
		e2e.CodeLost:              "planned and never reported",
		e2e.CodeDependency:        "not run, because a dependency is down",
		e2e.CodeNotRun:            "stopped or kept from running before it could start",
	}[code]
	return fmt.Sprintf("%s %s: %s", n, verb, e2e.SomeOf(ids))
}

// evidence fails a stage in which nothing was tested or nothing passed.
func (j *judge) evidence() {
	planned, passed, bad := 0, 0, 0
	var incomplete []string
	for _, t := range j.tests {
		if t.Outcome == e2e.Passed && len(t.Lacks) > 0 {
			incomplete = append(incomplete, t.ID)
		}
		if !t.Unplanned && !t.Context {
			planned++
		}
		if t.Effect == e2e.Blocks || t.Effect == e2e.NotJudged {
			bad++
		}
		if j.passes(t) {
			passed++
		}
	}
	switch {
	case planned == 0 && !j.explained():
		j.add(e2e.CodeNoTests, e2e.NotJudged, nil, "%s", e2e.NoTests(j.ev.LeftOut))
	case planned > 0 && passed == 0 && bad == 0 && len(incomplete) > 0:
		slices.Sort(incomplete)
		j.add(e2e.CodeNoPass, e2e.NotJudged, nil, "no test passed that has what the stage requires, so nothing is proven; without it passed: %s",
			e2e.SomeOf(incomplete))
	case planned > 0 && passed == 0 && bad == 0:
		j.add(e2e.CodeNoPass, e2e.NotJudged, nil, "no test outside quarantine passed, so nothing is proven")
	}
}

func (j *judge) passes(t e2e.TestResult) bool {
	_, damaged := j.damaged[t.ID]
	passed := (t.Outcome == e2e.Passed || t.Outcome == e2e.Flaky) && !collided(t, j.row(t))
	return passed && !damaged && !t.Unplanned && !t.Context && len(t.Lacks) == 0 && (t.Quarantine == nil || t.Quarantine.Expired)
}

// explained reports whether a reason already says why nothing could be tested.
func (j *judge) explained() bool {
	return slices.ContainsFunc(j.reasons, func(r e2e.Reason) bool { return r.Effect == e2e.NotJudged || r.Effect == e2e.Blocks })
}

func (j *judge) budgets() {
	for _, b := range j.ev.Budgets {
		if b.Over {
			j.add(e2e.CodeBudget, e2e.Warns, nil, "%s", b.Text)
		}
	}
}

// verdict sums up the reasons. A blocking failure outweighs missing evidence. If the
// environment caused all failures, they count as missing evidence.
func (j *judge) verdict() e2e.Verdict {
	v := e2e.Verdict{State: e2e.VerdictPassed}
	judged := slices.ContainsFunc(j.reasons, func(r e2e.Reason) bool { return r.Effect == e2e.Blocks && r.Code != e2e.CodeEnvironment })
	for i, r := range j.reasons {
		switch {
		case r.Effect == e2e.Blocks && judged:
			v.State = e2e.VerdictFailed
		case r.Effect == e2e.Blocks:
			j.reasons[i].Effect = e2e.NotJudged
			v.State = e2e.VerdictNotJudged
		case r.Effect == e2e.NotJudged && !judged:
			v.State = e2e.VerdictNotJudged
		}
	}
	v.Blocks = j.ev.Blocks && v.State != e2e.VerdictPassed
	slices.SortStableFunc(j.reasons, func(a, b e2e.Reason) int {
		return cmp.Or(cmp.Compare(a.Effect.Rank(), b.Effect.Rank()), cmp.Compare(a.Code, b.Code), strings.Compare(a.Text, b.Text), slices.Compare(a.Tests, b.Tests))
	})
	v.Reasons = j.reasons
	if v.Reasons == nil {
		v.Reasons = []e2e.Reason{}
	}
	return v
}
