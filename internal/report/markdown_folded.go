package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// GatesPart shows what each gate said before the suites and while they ran. The gates
// that need attention come first, so that they remain where there is no room for all.
func GatesPart(r e2e.Result) Part {
	var rows []string
	healthy, lost, failed := 0, 0, 0
	for _, g := range worstFirst(r.Gates) {
		if g.State == e2e.Healthy {
			healthy++
		}
		if !g.Open() {
			failed++
		} else if len(g.LostSpans()) > 0 {
			lost++
		}
		name := safetext.Code(g.Name, shortText) + "<br>" + inline(g.Kind)
		if !g.Required {
			name += ", advisory"
		}
		rows = append(rows, row(name, inline(stateOf(g)), safetext.Cell(g.Expected, shortText, 2), gateObserved(g), timelineCell(r.Run, g)))
	}
	summary := fmt.Sprintf("Gates: %d of %s healthy", healthy, thousands(len(r.Gates)))
	if failed > 0 {
		summary += fmt.Sprintf(", %d failed", failed)
	}
	if lost > 0 {
		summary += fmt.Sprintf(", %d not healthy all the time while suites ran", lost)
	}
	return folded(summary, "gates", table("Gate", "State", "Expected", "Observed", "While suites ran"), failed+lost > 0, rows)
}

// worstFirst puts failed gates before those that were lost meanwhile, and these before the
// others.
func worstFirst(gates []e2e.Gate) []e2e.Gate {
	rank := func(g e2e.Gate) int {
		switch {
		case !g.Open():
			return 0
		case len(g.LostSpans()) > 0:
			return 1
		}
		return 2
	}
	return slices.SortedStableFunc(slices.Values(gates), func(a, b e2e.Gate) int { return rank(a) - rank(b) })
}

func gateObserved(g e2e.Gate) string {
	text := safetext.Cell(g.Observed, shortText, 2)
	if g.Reason != "" {
		text += "<br>" + safetext.Cell(g.Reason, shortText, 2)
	}
	return text
}

// maxSpans bounds the answers of one gate that are shown.
const maxSpans = 8

func timelineCell(run e2e.Run, g e2e.Gate) string {
	var list []string
	for _, s := range g.Timeline {
		if s.Watch {
			list = append(list, safetext.Inline(spanText(run, s), shortText))
		}
	}
	if len(list) == 0 {
		return "not watched"
	}
	if left := len(list) - maxSpans; left > 0 {
		list = append(list[:maxSpans], fmt.Sprintf("and %d more changes", left))
	}
	return strings.Join(list, "<br>")
}

// ShardsPart shows what each shard did, and how long it took against the plan, with a
// timeline of at most diagramBytes (0: none).
func ShardsPart(r e2e.Result, diagramBytes int) Part {
	var rows []string
	var slowest, expected float64
	for _, s := range incompleteFirst(r.Shards) {
		slowest, expected = max(slowest, s.Seconds), max(expected, s.Expected)
		var units []string
		for i, u := range s.Units {
			if i == maxSpans {
				units = append(units, fmt.Sprintf("and %d more", len(s.Units)-i))
				break
			}
			units = append(units, safetext.Code(u.Unit, shortText)+" "+unitText(u))
		}
		rows = append(rows, row(fmt.Sprintf("%d %s", s.Index, safetext.Code(s.Name, shortText)), inline(cmp.Or(s.State, "unknown")), thousands(s.Tests),
			seconds(s.Expected), seconds(s.Seconds), strings.Join(units, "<br>")))
	}
	summary := fmt.Sprintf("Shards: %s, the slowest took %s, %s were expected", thousands(len(r.Shards)), seconds(slowest), seconds(expected))
	p := folded(summary, "shards", "", false, rows)
	if p.Table = table("Shard", "State", "Tests", "Expected", "Took", "Batches"); !p.empty() {
		p.Figure = gantt(r, diagramBytes)
	}
	return p
}

// incompleteFirst puts shards that are lost or partial before the others.
func incompleteFirst(shards []e2e.ShardResult) []e2e.ShardResult {
	return slices.SortedStableFunc(slices.Values(shards), func(a, b e2e.ShardResult) int {
		return rankShard(a) - rankShard(b)
	})
}

func rankShard(s e2e.ShardResult) int {
	if s.State == "complete" {
		return 1
	}
	return 0
}

// unitText is "exited 0 after 28.0 s, rerun".
func unitText(u e2e.UnitRun) string {
	text := inline(string(cmp.Or(u.Ended, "unknown")))
	if u.Ended == e2e.EndedExited {
		text = fmt.Sprintf("exited %d", u.Exit)
	}
	return text + " after " + seconds(u.Seconds) + again(u.Attempt)
}

// BudgetsPart shows runtime budgets and what was used of them.
func BudgetsPart(r e2e.Result) Part {
	var rows []string
	over := 0
	for _, b := range r.Budgets {
		state := "within"
		if b.Over {
			state = "**over**"
			over++
		}
		rows = append(rows, row(inline(b.Scope)+" "+safetext.Code(b.Name, shortText), seconds(b.Limit), seconds(b.Used), state, safetext.Cell(b.Text, longText, 3)))
	}
	return folded(fmt.Sprintf("Budgets: %d of %s exceeded", over, thousands(len(r.Budgets))), "budgets",
		table("Budget", "Limit", "Used", "State", "What was slow"), over > 0, rows)
}

// maxDetailed bounds how many failures are shown with all they left.
const maxDetailed = 50

// DetailsPart shows failures with everything that a reader needs to start: message,
// evidence, attempts with their details, subtests.
func DetailsPart(r e2e.Result) Part {
	var rows []string
	left := 0
	for i, t := range inDetail(r) {
		if i >= maxDetailed {
			left++
			continue
		}
		rows = append(rows, detail(r, t))
	}
	p := folded("Attempts and details of "+plural(len(rows)+left, "failed or flaky test", "failed or flaky tests"), "failed or flaky tests", "", false, rows)
	p.Left = left
	return p
}

func detail(r e2e.Result, t *e2e.TestResult) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#### %s\n\n", safetext.Code(t.ID, idText))
	item := func(label, text string) {
		if text != "" {
			fmt.Fprintf(&b, "- %s: %s\n", label, text)
		}
	}
	item("outcome", verb(*t)+", "+effectWord(t.Effect)+" ("+inline(t.Why)+")")
	item("category", inline(categoryText(Finding{Category: categoryOf(t.Category), Confidence: t.Confidence, first: t}, t.Cause)))
	item("owner", inline(owner(owners(*t))))
	item("journey", inline(t.Journey))
	item("earlier runs", inline(pastOf(*t)))
	if base := baseText(*t); base != "" {
		item("base", strings.TrimSuffix(inline(base)+" "+baseLinks(*t), " "))
	}
	if command := RunCommand(r, *t); command != "" {
		item("run it", safetext.Code(command, 2*idText))
	}
	for _, e := range t.Evidence[:min(len(t.Evidence), detailEvidence)] {
		text := safetext.Cell(e.Text, longText, 6)
		if e.Source != "" {
			text += " <sub>" + inline(e.Source) + "</sub>"
		}
		item(inline(e.Label()), text)
	}
	if more := len(t.Evidence) - detailEvidence; more > 0 {
		item("more", fmt.Sprintf("%d facts, in `result.json`", more))
	}
	if t.Rerun != nil {
		item("beside it", inline(t.Rerun.Beside))
	}
	if t.Rerun != nil && !t.Rerun.Done {
		item("no diagnostic rerun", inline(t.Rerun.Reason))
	}
	for _, c := range t.Children[:min(len(t.Children), 20)] {
		if c.Outcome != e2e.Passed {
			item("subtest "+safetext.Code(c.Name, shortText), inline(string(c.Outcome))+" "+safetext.Cell(c.Message, shortText, 2))
		}
	}
	b.WriteString("\n")
	if list := difference(t); len(list) > 0 {
		b.WriteString("Expected (-) and actual (+):\n\n" + safetext.Diff(differenceText(list, 40), 4*longText, 0) + "\n")
	}
	b.WriteString(attemptDetails(r, t.Attempts[:min(len(t.Attempts), maxAttempts)]))
	return b.String()
}

// detailEvidence is how many facts of a failure are shown in its details.
const detailEvidence = 24

// maxAttempts bounds the attempts that stand side by side.
const maxAttempts = 4

// attemptDetails shows attempts side by side, then what each that failed printed,
// once where it is the same, and its files.
func attemptDetails(r e2e.Result, attempts []e2e.Attempt) string {
	if len(attempts) == 0 {
		return ""
	}
	var heads, how, messages, trails []string
	for i, a := range attempts {
		heads = append(heads, attemptName(attempts, i))
		how = append(how, fmt.Sprintf("**%s** after %s on shard %d%s", inline(endedAs(a)), seconds(a.Seconds), a.Shard, inline(workerOf(a))))
		messages = append(messages, safetext.Cell(cmp.Or(a.Message, firstLine(a.Details)), longText, 6))
		trails = append(trails, trailText(Trail{a.Correlation, a.Links}))
	}
	text := table(heads...) + row(how...)
	if strings.Join(messages, "") != "" {
		text += row(messages...)
	}
	if strings.Join(trails, "") != "" {
		text += row(trails...)
	}
	text += "\n"
	before := map[string]string{}
	for i := range attempts {
		text += attemptDetail(r, attempts, i, before)
	}
	return text
}

// attemptName is "Attempt 2, diagnostic rerun".
func attemptName(list []e2e.Attempt, i int) string {
	name := fmt.Sprintf("Attempt %d", list[i].N)
	if source := sourceText(list, i); source != "" {
		name += ", " + inline(source)
	}
	return name
}

// attemptDetail is what a failed attempt printed, and its files. before holds what was
// printed already, with the attempt that did.
func attemptDetail(r e2e.Result, list []e2e.Attempt, i int, before map[string]string) string {
	a := list[i]
	if a.Outcome != e2e.Failed {
		return ""
	}
	text, name := "", attemptName(list, i)
	switch first, known := before[a.Details]; {
	case a.Details == "" || a.Details == a.Message:
	case known:
		text = name + " printed the same as " + strings.ToLower(first[:1]) + first[1:] + ".\n\n"
	default:
		before[a.Details] = name
		text = name + " printed:\n\n" + safetext.Fence(a.Details, 4*longText, 40) + "\n"
	}
	return text + someFiles("Files of "+strings.ToLower(name[:1])+name[1:], a.Files) +
		someFiles("Files of its batch, of no test in particular", sharedFiles(r, a)) + paragraph(unlisted(r, a))
}

// paragraph is a text of ours as one; empty: nothing.
func paragraph(text string) string {
	if text == "" {
		return ""
	}
	return text + "\n\n"
}

// someFiles is a line that names files, "Files of attempt 1: a, b and 3 more".
func someFiles(label string, list []string) string {
	if len(list) == 0 {
		return ""
	}
	var files []string
	for _, f := range list[:min(len(list), shownFiles)] {
		files = append(files, safetext.Code(f, shortText))
	}
	text := label + ": " + strings.Join(files, ", ")
	if more := len(list) - shownFiles; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text + "\n\n"
}

// attemptsWord is "attempt 2 (diagnostic rerun) passed after 0.90 s on shard 1".
func attemptsWord(list []e2e.Attempt, i int) string {
	a := list[i]
	on, source := retried(list, i)
	if source != "" {
		source = " " + inline(source)
	}
	return fmt.Sprintf("attempt %d%s %s%s after %s on shard %d%s", a.N, source, inline(endedAs(a)), on, seconds(a.Seconds), a.Shard, inline(workerOf(a)))
}

// ProblemsPart shows what went wrong around the tests.
func ProblemsPart(r e2e.Result) Part {
	var rows, notes []string
	for _, p := range r.Problems {
		text := "- **" + inline(string(p.Code)) + "** " + safetext.Cell(p.Text, longText, 6)
		if p.File != "" {
			text += " " + safetext.Code(p.File, shortText)
		}
		if p.Note {
			notes = append(notes, "- Note: "+strings.TrimPrefix(text, "- **"+inline(string(p.Code))+"** ")+"\n")
			continue
		}
		rows = append(rows, text+"\n")
	}
	if len(rows) == 0 {
		return folded("Notes, where nothing is lost: "+thousands(len(notes)), "notes", "", false, notes)
	}
	return folded("Problems around the tests: "+thousands(len(rows)), "problems", "", false, append(rows, notes...))
}

// ReasonsPart shows every reason of the verdict with its code.
func ReasonsPart(r e2e.Result) Part {
	var rows []string
	for _, reason := range r.Verdict.Reasons {
		rows = append(rows, row(effectWord(reason.Effect), safetext.Code(string(reason.Code), 60), safetext.Cell(reason.Text, longText, 4)))
	}
	return folded("Reasons of the verdict: "+thousands(len(rows)), "reasons", table("Effect", "Code", "Reason"), false, rows)
}

// FactsPart says which run this was.
func FactsPart(r e2e.Result) Part {
	run := r.Run
	var rows []string
	fact := func(name, text string) {
		if text != "" {
			rows = append(rows, row(name, text))
		}
	}
	code := func(s string) string { return safetext.Code(s, idText) }
	fact("run id", code(run.ID))
	fact("stage", code(run.Stage))
	fact("target", code(run.Target))
	fact("selection", code(run.Select))
	fact("service", code(run.Service))
	fact("repository", code(run.Repository))
	fact("commit", code(run.SHA))
	fact("ref", code(run.Ref))
	fact("environment", code(run.Environment))
	fact("version", code(run.ProductVersion))
	fact("repository of the tests", code(run.TestsRepository))
	fact("commit of the tests", code(run.TestsSHA))
	fact("event", code(run.Event))
	fact("affected", inline(r.Run.Affected))
	fact("judged by", inline(judgedBy(r)))
	if run.WorkflowRun != "" {
		fact("workflow run", safetext.Link(fmt.Sprintf("%s, attempt %d", run.WorkflowRun, run.WorkflowAttempt), run.URL, shortText))
	}
	if !run.Started.IsZero() {
		fact("started", run.Started.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	fact("planned", fmt.Sprintf("%s on %s, %s expected, %s never timed", plural(r.Plan.Tests, "test", "tests"), plural(r.Plan.Shards, "shard", "shards"),
		seconds(r.Plan.Makespan), thousands(r.Plan.Guessed)))
	fact("gate version", code(run.Version))
	return folded("Run", "facts", table("Fact", "Value"), false, rows)
}
