// Package policy decides: it turns the evidence about a stage into one verdict with its
// reasons. It is pure, and it fails closed: unknown values block.
package policy

import (
	"fmt"
	"maps"
	"slices"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/e2e"
)

// Row is what happened to a test, as a row of the policy table.
type Row string

// The rows of the policy table.
const (
	RowFailed    Row = "failed"
	RowFlaky     Row = "flaky"
	RowLaterPass Row = "later_pass"
	RowLost      Row = "lost"
	RowNotRun    Row = "not_run"
	// RowDependencyDown: it was not run for nothing but an external dependency that was down.
	RowDependencyDown Row = "dependency_down"
	RowQuarantined    Row = "quarantined"
	RowSkipped        Row = "skipped"
	// RowBaseFails: it failed in the same way as on the base, which excuses it.
	RowBaseFails Row = "base_fails"
	// RowJudgeChanged: the change alters what judges it. It is about the change and not about
	// tests, so the strongest cell of the row counts.
	RowJudgeChanged Row = "judge_changed"
)

// Rows lists the rows in the order of the documentation.
func Rows() []Row {
	return []Row{RowFailed, RowBaseFails, RowFlaky, RowLaterPass, RowLost, RowNotRun, RowDependencyDown, RowQuarantined, RowSkipped, RowJudgeChanged}
}

// Table says what an outcome does to a blocking stage, by criticality. A cell
// that is missing blocks.
type Table map[Row]map[e2e.Criticality]e2e.Effect

// Blocking is the table with all cells of a row blocking.
func (t Table) Blocking(row Row) Table {
	out := maps.Clone(t)
	out.row(row, e2e.Blocks, e2e.Blocks, e2e.Blocks)
	return out
}

// JudgeChanged is what it does that a change alters what judges it: the strongest cell of the
// row, since that is about no test.
func (t Table) JudgeChanged() e2e.Effect {
	effect := e2e.Informs
	for _, c := range e2e.Criticalities() {
		if e := t.Effect(RowJudgeChanged, c); stronger(e, effect) {
			effect = e
		}
	}
	return effect
}

// Blocks reports whether an effect keeps a stage from passing.
func Blocks(e e2e.Effect) bool { return stronger(e, e2e.Warns) }

// words are the effects as the config writes them.
var words = map[string]e2e.Effect{"block": e2e.Blocks, "not_judged": e2e.NotJudged, "warn": e2e.Warns, "inform": e2e.Informs}

// builtIn is the table of the contracts; it is never changed.
var builtIn = Default()

// Default returns the table of the contracts.
func Default() Table {
	t := Table{}
	t.row(RowFailed, e2e.Blocks, e2e.Blocks, e2e.Informs)
	t.row(RowBaseFails, e2e.Blocks, e2e.Warns, e2e.Informs)
	t.row(RowFlaky, e2e.Blocks, e2e.Warns, e2e.Informs)
	t.row(RowLaterPass, e2e.Blocks, e2e.Blocks, e2e.Warns)
	t.row(RowLost, e2e.NotJudged, e2e.NotJudged, e2e.Warns)
	t.row(RowNotRun, e2e.NotJudged, e2e.NotJudged, e2e.Warns)
	t.row(RowDependencyDown, e2e.NotJudged, e2e.NotJudged, e2e.Warns)
	t.row(RowQuarantined, e2e.Warns, e2e.Warns, e2e.Informs)
	t.row(RowSkipped, e2e.Informs, e2e.Informs, e2e.Informs)
	t.row(RowJudgeChanged, e2e.Warns, e2e.Warns, e2e.Warns)
	return t
}

func (t Table) row(row Row, smoke, blocking, others e2e.Effect) {
	t[row] = map[e2e.Criticality]e2e.Effect{
		e2e.ReleaseBlockingSmoke: smoke, e2e.ReleaseBlocking: blocking,
		e2e.NonBlocking: others, e2e.Nightly: others, e2e.Synthetic: others,
	}
}

// Effect looks up a cell; a missing one blocks.
func (t Table) Effect(row Row, c e2e.Criticality) e2e.Effect {
	switch effect := t[row][c]; effect {
	case e2e.NotJudged, e2e.Warns, e2e.Informs, e2e.EffectNothing:
		return effect
	case e2e.Blocks:
	default:
	}
	return e2e.Blocks
}

// Override is the part of a config that changes cells: row -> criticality ->
// block, warn, inform or not_judged.
type Override map[string]map[string]string

// Policy is a compiled override: the resulting table, and the cells as they were written.
// The zero value is the built-in policy, so every Policy is compiled.
type Policy struct {
	cells Override
	table Table
}

// Compile reads an override. With mistakes, which are as those of [Table.With], there is
// no policy.
func Compile(o Override) (Policy, []diag.Mistake) {
	table, wrong := Default().With(o)
	if len(wrong) > 0 {
		return Policy{}, wrong
	}
	return Policy{cells: o, table: table}, nil
}

// Strictest is the policy for a base whose own policy is unknown: it is at least as strict
// as any. A test that failed, now or in an earlier attempt, blocks wherever a failure can
// block.
func Strictest() Policy {
	blocks := map[string]string{string(e2e.ReleaseBlockingSmoke): "block", string(e2e.ReleaseBlocking): "block"}
	p, _ := Compile(Override{string(RowFailed): blocks, string(RowBaseFails): blocks, string(RowFlaky): blocks, string(RowLaterPass): blocks})
	return p
}

// Table is the policy table to decide by.
func (p Policy) Table() Table {
	if p.table == nil {
		return Default()
	}
	return p.table
}

// Cells are the cells as they were written, for a digest of the policy.
func (p Policy) Cells() Override { return p.cells }

// BuiltIn reports whether no cell was changed.
func (p Policy) BuiltIn() bool { return len(p.cells) == 0 }

// With returns the table with cells changed, and the mistakes in what changes it. Their
// paths are those of settings, as in "flaky.release-blocking".
func (t Table) With(o Override) (Table, []diag.Mistake) {
	out := Table{}
	for row, cells := range t {
		out[row] = maps.Clone(cells)
	}
	var wrong []diag.Mistake
	for _, row := range slices.Sorted(maps.Keys(o)) {
		if !slices.Contains(Rows(), Row(row)) {
			wrong = append(wrong, badWord(row, "unknown outcome "+row, row, rowWords()))
			continue
		}
		for _, crit := range slices.Sorted(maps.Keys(o[row])) {
			if m, ok := out.change(Row(row), crit, o[row][crit]); !ok {
				wrong = append(wrong, m)
			}
		}
	}
	return out, wrong
}

func (t Table) change(row Row, crit, word string) (diag.Mistake, bool) {
	path := string(row) + "." + crit
	c := e2e.Criticality(crit)
	if !slices.Contains(e2e.Criticalities(), c) {
		return badWord(path, "unknown criticality "+crit, crit, criticalityWords()), false
	}
	effect, ok := words[word]
	if !ok {
		return badWord(path, fmt.Sprintf("unknown effect %q", word), word, slices.Sorted(maps.Keys(words))), false
	}
	blocking := c == e2e.ReleaseBlocking || c == e2e.ReleaseBlockingSmoke
	if blocking && (row == RowLost || row == RowNotRun) && effect != e2e.Blocks && effect != e2e.NotJudged {
		return diag.Mistake{
			Path: path, Text: fmt.Sprintf("a %s test that is %s cannot count as less than not_judged: without evidence a stage cannot pass", crit, row),
			Hint: "use block or not_judged, or lower the test's criticality",
		}, false
	}
	if blocking && row == RowBaseFails && (c == e2e.ReleaseBlockingSmoke && effect != e2e.Blocks || stronger(e2e.Warns, effect)) {
		return diag.Mistake{
			Path: path, Text: fmt.Sprintf("a %s test that fails on the base too cannot count as %s", crit, word),
			Hint: "use block or warn; a smoke test always blocks",
		}, false
	}
	if blocking && row == RowDependencyDown && stronger(e2e.Warns, effect) {
		return diag.Mistake{
			Path: path, Text: fmt.Sprintf("a %s test that was not run because a dependency is down cannot count as %s", crit, word),
			Hint: "use block, not_judged or warn",
		}, false
	}
	t[row][c] = effect
	return diag.Mistake{}, true
}

func badWord(path, text, word string, allowed []string) diag.Mistake {
	return diag.Mistake{Path: path, Text: text, Hint: diag.Expected(word, allowed)}
}

func rowWords() []string {
	var all []string
	for _, r := range Rows() {
		all = append(all, string(r))
	}
	return all
}

func criticalityWords() []string {
	var all []string
	for _, c := range e2e.Criticalities() {
		all = append(all, string(c))
	}
	return all
}

// Column is the criticality in whose column a test is judged. A smoke test that
// blocks at all is judged as release-blocking-smoke, whether a tag or a
// criticality made it one; unknown is release-blocking.
func Column(t e2e.Test) e2e.Criticality {
	switch t.Criticality {
	case e2e.NonBlocking, e2e.Nightly, e2e.Synthetic:
		return t.Criticality
	case e2e.ReleaseBlockingSmoke, e2e.ReleaseBlocking:
	default:
	}
	if t.Smoke() {
		return e2e.ReleaseBlockingSmoke
	}
	return e2e.ReleaseBlocking
}
