package report

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/asserted"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// FinalOptions say where the text is shown.
type FinalOptions struct {
	// Width of the terminal in columns; 0: not a terminal, and lines are not folded.
	Width int
	// Colour uses ANSI colours. Every colour stands beside a word that says the same.
	Colour bool
	// Out is the run's folder as a person would type it; if empty, it is not shown.
	// Document is the file that the command left there; empty means result.json.
	Out, Document string
	// Part, if set, says that the result is of a part of the stage alone, such as "shard 0 of 3": it
	// is no verdict on the stage, and must not look like one.
	Part string
	// Links, if set, makes links of the files that are named, for a terminal that has them.
	Links *TerminalLinks
}

// Bounds of what a terminal shows; everything is in result.json.
const (
	maxBlocks  = 20
	maxListed  = 50
	maxSlowest = 3
	// messageLines are lines of a failure's message.
	messageLines = 6
)

// Final is what a person reads after a run in a terminal: the verdict in the first
// and the last line, between them what failed, what is flaky, gates, problems,
// budgets, the slowest tests and where result.json lies. Our own words are ASCII.
func Final(r e2e.Result, o FinalOptions) string {
	f := final{sheet: newSheet(o.Width, o.Colour), r: r, out: o.Out, document: o.Document, part: o.Part, links: o.Links}
	f.verdict()
	if red := redBase(f.r); red != "" {
		f.title(yellow, "RED BASE")
		f.field("base", f.text(red, 3))
	}
	f.judgeChanges()
	f.gates()
	f.findings()
	f.group()
	f.flakes()
	f.deadlines()
	f.quarantine()
	f.problems()
	f.budgets()
	f.slowest()
	f.facts()
	f.verdict()
	return f.b.String()
}

type final struct {
	*sheet
	r             e2e.Result
	out, document string
	part          string
	links         *TerminalLinks
	// whole: of a test, all that it states is shown.
	whole bool
}

func (f *final) verdict() {
	h := HeadlineOf(f.r)
	if f.part != "" {
		f.partly(h)
		return
	}
	st := map[string]style{"✅": green, "❌": red, "⛔": red, "⚠️": yellow}[h.Mark]
	h.Word = strings.ToUpper(h.Word)
	f.line(st, ascii(h.Text("-")))
}

// partly is the headline of a part of the stage.
func (f *final) partly(h Headline) {
	st := green
	if h.Mark != "✅" {
		st = yellow
	}
	f.line(st, ascii(fmt.Sprintf("%s, %s: %s; the verdict is that of all shards together", h.Subject, safetext.Line(f.part, shortText), CountsOf(f.r))))
}

// title starts a section.
func (f *final) title(st style, text string) {
	f.gap()
	f.line(st, text)
}

// text is untrusted text as lines for a terminal.
func (f *final) text(s string, lines int) string { return ascii(safetext.Text(s, longText, lines)) }

func (f *final) gates() {
	for _, group := range gateGroups(f.r.Gates, sameNews) {
		f.gate(group)
	}
}

// gateWord is the news about a gate; "" for one that was healthy all the time.
func gateWord(g e2e.Gate) string {
	switch {
	case !g.Open() && g.Dependency:
		return "DOWN"
	case !g.Open():
		return "FAILED"
	case len(g.LostSpans()) > 0:
		return "LOST DURING THE RUN"
	case g.State == e2e.Healthy:
		return ""
	case !g.Required:
		return "NOT HEALTHY, ADVISORY"
	}
	return "DEGRADED"
}

// sameNews is a key that is equal for gates with the same news.
func sameNews(g e2e.Gate) string {
	word := gateWord(g)
	if word == "" {
		return ""
	}
	key := []string{word, string(g.State), g.Scope.String()}
	if g.State != e2e.Healthy {
		key = append(key, g.Observed, g.Reason)
	}
	for _, s := range g.LostSpans() {
		key = append(key, string(s.State), s.Observed)
	}
	return strings.Join(key, "\x00")
}

func (f *final) gate(group []e2e.Gate) {
	g, st, noun := group[0], yellow, "GATE"
	if !g.Open() {
		st = red
	}
	switch {
	case g.Dependency && len(group) > 1:
		noun = "DEPENDENCIES"
	case g.Dependency:
		noun = "DEPENDENCY"
	case len(group) > 1:
		noun = "GATES"
	}
	f.title(st, noun+" "+gateWord(g)+"  "+gateNames(group))
	if g.Scope != nil {
		f.field("needed for", f.text(g.Scope.String(), 1))
	}
	f.field("state", f.text(stateOf(g), 1))
	if g.State != e2e.Healthy {
		if len(group) == 1 {
			f.field("expected", f.text(g.Expected, 3))
		}
		f.field("observed", f.text(g.Observed, 3))
	}
	for _, s := range g.LostSpans()[:min(3, len(g.LostSpans()))] {
		f.field("during run", f.text(spanText(f.r.Run, s), 2))
	}
	f.field("next", f.text(g.Reason, 3))
}

// stateOf is a gate's state in words: "unhealthy, waiting cannot help (4 probes in
// 1.2 s)".
func stateOf(g e2e.Gate) string {
	text := string(cmp.Or(g.State, "unknown"))
	switch g.Finality {
	case e2e.Never:
		text += ", waiting longer cannot help"
	case e2e.NotYet:
		text += ", not yet healthy when the time was up"
	case e2e.FinalityNone:
	}
	return fmt.Sprintf("%s (%s in %s)", text, plural(g.Attempts, "probe", "probes"), seconds(g.Seconds))
}

func (f *final) findings() {
	tests := testsByID(f.r)
	list := Findings(f.r)
	shown, left := 0, 0
	for _, found := range list {
		if found.Gate {
			continue
		}
		if shown == maxBlocks {
			left++
			continue
		}
		shown++
		f.finding(found, tests)
	}
	if left > 0 {
		f.title(plainText, fmt.Sprintf("and %s more that need attention; result.json has all", thousands(left)))
	}
}

// effectWord says what a finding does, in the words of the verdict.
func effectWord(e e2e.Effect) string {
	switch e {
	case e2e.NotJudged:
		return "not judged"
	case e2e.Warns:
		return "warns"
	case e2e.Informs, e2e.EffectNothing:
		return "does not block"
	case e2e.Blocks:
		return "blocks"
	default:
		return "blocks"
	}
}

func effectText(e e2e.Effect, t e2e.Test) string {
	return fmt.Sprintf("%s (%s test)", effectWord(e), kindOf(t))
}

func (f *final) finding(found Finding, tests map[string]*e2e.TestResult) {
	st := red
	if found.Effect.Rank() > e2e.NotJudged.Rank() {
		st = yellow
	}
	var first *e2e.TestResult
	if len(found.Tests) > 0 {
		first = tests[found.Tests[0]]
	}
	if first == nil {
		f.title(st, "PROBLEM")
		f.field("what", f.text(found.Title, messageLines))
		f.field("next", f.text(found.Next, 4))
		f.pathOf("log", found.File)
		return
	}
	f.title(st, f.findingTitle(found, first))
	f.field("effect", effectText(found.Effect, strongest(found, tests)))
	f.field("category", f.text(categoryText(found, first.Cause), 2))
	f.field("owner", ownerText(found, first))
	f.field("since", f.text(found.Since, 2))
	f.field("base", f.text(baseText(*first), 3))
	if len(found.Tests) > 1 || found.Title != "" {
		f.field("what", f.text(found.Title, messageLines))
		f.others(found.Tests)
	}
	f.failure(first)
	f.field("next", f.text(found.Next, 4))
	f.pathOf("log", found.File)
	f.files(first)
	f.path("run it", RunCommand(f.r, *first))
	f.trail(first, found.Trail)
}

// files are those of the first failure beside its log, its own first.
func (f *final) files(t *e2e.TestResult) {
	a := firstFailure(t)
	if a == nil {
		return
	}
	list := append(slices.Clone(a.Files), sharedFiles(f.r, *a)...)
	list = slices.DeleteFunc(list, func(name string) bool { return name == logOf(t) })
	if text := unlisted(f.r, *a); text != "" {
		defer f.path("", text)
	}
	label := "files"
	for i, name := range list {
		if i == 4 && !f.whole {
			f.path("", fmt.Sprintf("and %d more beside it", len(list)-i))
			return
		}
		f.pathOf(label, name)
		label = ""
	}
}

// trail shows the correlation id, unless the evidence did, and the links.
func (f *final) trail(t *e2e.TestResult, trail Trail) {
	if !slices.ContainsFunc(t.Evidence, func(e e2e.Evidence) bool { return e.Kind == e2e.EvidenceCorrelation }) {
		f.path("correlation", safetext.Line(trail.Correlation, shortText))
	}
	for _, l := range trail.Links {
		f.path(ascii(safetext.Line(l.Name, labelWidth-3)), safetext.URL(l.URL))
	}
}

// strongest is the first of a finding's tests that matters most.
func strongest(found Finding, tests map[string]*e2e.TestResult) e2e.Test {
	best := tests[found.Tests[0]]
	for _, id := range found.Tests {
		if t := tests[id]; t != nil && t.Effect.Rank() < best.Effect.Rank() {
			best = t
		}
	}
	return best.Test
}

func (f *final) findingTitle(found Finding, first *e2e.TestResult) string {
	word := strings.ToUpper(verb(*first))
	if len(found.Tests) > 1 {
		return fmt.Sprintf("%s  %s with one cause", word, plural(len(found.Tests), "test", "tests"))
	}
	return word + "  " + safetext.Line(first.ID, idText)
}

// candidates are the categories that a failure of an unknown one "could be", as triage says; empty: it does not.
func candidates(t *e2e.TestResult) string {
	if t == nil || t.Category != e2e.Unknown {
		return ""
	}
	for _, e := range t.Evidence {
		if e.Kind == e2e.EvidenceTriage && strings.HasPrefix(e.Text, "could be ") {
			text, _, _ := strings.Cut(e.Text, ";")
			return safetext.Line(text, shortText)
		}
	}
	return ""
}

// categoryText is "PRODUCT_REGRESSION (high confidence): a case is never accepted".
func categoryText(found Finding, cause string) string {
	text := found.Category
	if found.Confidence != "" {
		text += fmt.Sprintf(" (%s confidence)", found.Confidence)
	}
	if cause != "" {
		text += ": " + cause
	}
	if open := candidates(found.first); open != "" {
		text += "; " + open
	}
	return text
}

func ownerText(found Finding, first *e2e.TestResult) string {
	text := safetext.Line(owner(found.Owners), shortText)
	if len(found.Owners) == 0 {
		text = "none; add the tag owner:<team>"
	}
	if first.Journey != "" && len(found.Tests) == 1 {
		text += ", journey " + safetext.Line(first.Journey, shortText)
	}
	return text
}

// others lists the tests of a finding that has several.
func (f *final) others(ids []string) {
	if len(ids) < 2 {
		return
	}
	label := "tests"
	for i, id := range ids {
		if i == 10 {
			f.path("", fmt.Sprintf("and %s more", thousands(len(ids)-i)))
			return
		}
		f.path(label, safetext.Line(id, idText))
		label = ""
	}
}

// failure shows the message of the last failed attempt, what the test itself left,
// and the attempts.
func (f *final) failure(t *e2e.TestResult) {
	f.at(t)
	f.field("message", f.text(messageOf(t), messageLines))
	shown, lines := map[string]bool{}, 4
	if list := difference(t); len(list) > 0 && !f.whole {
		f.field("difference", f.text("- expected, + actual\n"+differenceText(list, terminalDiff), terminalDiff+2))
		shown[e2e.Evidence{Kind: e2e.EvidenceExpected}.Label()], shown[e2e.Evidence{Kind: e2e.EvidenceActual}.Label()] = true, true
	}
	if f.whole {
		lines = 44
	}
	for _, e := range t.Evidence {
		if e.Kind == e2e.EvidenceTriage || shown[e.Label()] {
			continue
		}
		shown[e.Label()] = true
		if len(shown) <= shownEvidence || f.whole {
			text := e.Text
			if e.Label() == "steps" && !f.whole {
				text = lastLines(text, lines) // the last ones led to the failure
			}
			f.field(safetext.Line(e.Label(), labelWidth-3), f.text(text, lines))
		}
	}
	if more := len(shown) - shownEvidence; more > 0 && !f.whole {
		f.field("", fmt.Sprintf("and %d more facts in report.html", more))
	}
	f.field("attempts", attemptsText(t))
}

// lastLines are so many lines at most, from the end, with a mark where there are more.
func lastLines(text string, most int) string {
	list := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(list) <= most {
		return text
	}
	return "...\n" + strings.Join(list[len(list)-most+1:], "\n")
}

// messageOf is the message of a failure, behind the line that says why where the message itself begins with one that every such
// failure has.
func messageOf(t *e2e.TestResult) string {
	message := failureMessage(t)
	if what := whatFailed(t); what != "" && asserted.IsGeneric(firstLine(message)) && what != firstLine(message) {
		return what + "\n" + message
	}
	return message
}

// terminalDiff is how many lines of a difference the terminal shows.
const terminalDiff = 14

// shownEvidence is how many facts of a failure the terminal shows.
const shownEvidence = 16

// workerOf is ", worker gw1"; empty where the framework did not say.
func workerOf(a e2e.Attempt) string {
	if a.Worker == "" {
		return ""
	}
	return ", worker " + a.Worker
}

// attemptsText is "1 failed in 5.0 s on shard 0; 2 failed in 5.1 s on shard 0
// (diagnostic rerun)", or why there was no rerun. The times are the attempts' own.
func attemptsText(t *e2e.TestResult) string {
	var list []string
	for i, a := range t.Attempts[:min(len(t.Attempts), 8)] {
		on, source := retried(t.Attempts, i)
		worker := safetext.Line(workerOf(a), shortText)
		list = append(list, fmt.Sprintf("%d %s%s in %s on shard %d%s%s", a.N, endedAs(a), on, seconds(a.Seconds), a.Shard, worker, source))
	}
	if t.Rerun != nil && t.Rerun.Beside != "" {
		list = append(list, safetext.Line(t.Rerun.Beside, shortText))
	}
	if t.Rerun != nil && !t.Rerun.Done {
		list = append(list, "no diagnostic rerun: "+safetext.Line(t.Rerun.Reason, shortText))
	}
	return safetext.Line(strings.Join(list, "; "), longText)
}

// at is where a test failed.
func (f *final) at(t *e2e.TestResult) {
	target := ""
	if file, _ := e2e.SplitPlace(atOf(t)); f.links != nil {
		target = fileTarget(f.links.Root, file)
	}
	f.linked("at", safetext.Line(atOf(t), idText), target)
}

// pathOf names a file of the run.
func (f *final) pathOf(label, name string) {
	target := ""
	if f.links != nil {
		target = fileTarget(f.links.Out, name)
	}
	f.linked(label, f.file(name), target)
}

func (f *final) file(name string) string {
	if name == "" {
		return ""
	}
	return safetext.Line(path.Join(f.out, name), longText)
}

func (f *final) flakes() {
	for i, t := range flakes(f.r) {
		if i == maxBlocks {
			f.title(yellow, fmt.Sprintf("and %s more flaky tests; result.json has all", thousands(len(flakes(f.r))-i)))
			return
		}
		if needsAttention(&t) {
			continue
		}
		f.title(yellow, "FLAKY  "+safetext.Line(t.ID, idText))
		f.field("effect", effectText(t.Effect, t.Test))
		if t.Category != "" {
			f.field("category", f.text(categoryText(Finding{Category: categoryOf(t.Category), Confidence: t.Confidence, first: &t}, t.Cause), 2))
		}
		f.field("owner", ownerText(Finding{Owners: owners(t), Tests: []string{t.ID}}, &t))
		f.field("since", f.text(pastOf(t), 2))
		f.at(&t)
		f.field("failed first", f.text(messageOf(&t), messageLines))
		f.field("attempts", attemptsText(&t))
		f.field("next", f.text(cmp.Or(t.NextStep, "find the cause before it flakes again"), 4))
		f.pathOf("log", logOf(&t))
		f.path("run it", RunCommand(f.r, t))
		f.trail(&e2e.TestResult{}, trailOf(&t))
	}
}

func owners(t e2e.TestResult) []string {
	if t.Owner == "" {
		return nil
	}
	return []string{t.Owner}
}

func (f *final) quarantine() {
	var list []e2e.TestResult
	urgent := deadlines(f.r)
	for _, t := range f.r.Tests {
		if quarantined(t) && !near(urgent, t.ID) {
			list = append(list, t)
		}
	}
	if len(list) == 0 {
		return
	}
	f.title(yellow, "QUARANTINED, does not block until its deadline")
	for i, t := range list {
		if i == maxListed {
			f.line(plainText, fmt.Sprintf("  and %s more", thousands(len(list)-i)))
			return
		}
		f.line(plainText, "  "+safetext.Line(t.ID, idText))
		f.field("", f.text(fmt.Sprintf("%s; to be fixed by %s until %s: %s", verb(t), t.Quarantine.Owner, date(t.Quarantine.Deadline), t.Quarantine.Reason), 3))
	}
}

func (f *final) problems() {
	first := true
	for _, p := range f.r.Problems {
		if p.LosesEvidence || p.Note {
			continue
		}
		if first {
			f.title(yellow, "PROBLEMS AROUND THE TESTS")
			first = false
		}
		f.field(safetext.Line(string(p.Code), 40), f.text(p.Text, 4))
		f.path("", f.file(p.File))
	}
}

func (f *final) budgets() {
	for _, b := range f.r.Budgets {
		if b.Over {
			f.title(yellow, fmt.Sprintf("OVER BUDGET  %s: %s used of %s", safetext.Line(b.Scope+" "+b.Name, shortText), seconds(b.Used), seconds(b.Limit)))
			f.field("", f.text(b.Text, 4))
		}
	}
}

func (f *final) slowest() {
	list := slowest(f.r, maxSlowest)
	if len(list) == 0 {
		return
	}
	f.title(bold, "SLOWEST TESTS, all attempts at each together")
	for _, t := range list {
		f.path(seconds(took(&t)), safetext.Line(t.ID, idText))
	}
}

func (f *final) facts() {
	f.gap()
	text := CountsOf(f.r).String()
	if d := duration(f.r.Run); d > 0 {
		text += "; the run took " + seconds(d) + ", with gates, listing and reruns"
	}
	do := todoOf(f.r)
	task := do.sentence(func(s string) string { return s }, func(s string) string { return "`" + s + "`" })
	if do.Who != "" {
		task = do.Who + ": " + task
	}
	f.field("to do", f.text(task, 4))
	f.field("tests", text)
	f.field("budget", budgetText(f.r))
	f.unchecked()
	if f.r.Alert != nil {
		f.field("alert", f.text(f.r.Alert.String(), 1))
	}
	if deployed(f.r.Run) {
		f.field("judged", f.text(plainJudged(f.r.Run), 1))
	}
	f.field("affected", f.text(f.r.Run.Affected, 1))
	f.field("judged by", f.text(judgedBy(f.r), 1))
	if f.document == "" { // else there is no result.json
		f.path("again", againCommand(f.r, f.out))
	}
	f.path("run", safetext.Line(f.r.Run.ID, idText))
	if f.out != "" {
		f.path("result", f.file(cmp.Or(f.document, "result.json")))
	}
	f.gap()
}

// unchecked says which alarms of whole suites no process checked, and that the deployed version was not verified.
func (f *final) unchecked() {
	for _, p := range f.r.Problems {
		if (p.Code == e2e.CodeNotChecked || p.Code == e2e.CodeNotVerified) && p.Note {
			f.field("note", f.text(p.Text, 2))
		}
	}
}

// budgetText is the stage's budget and what was used of it.
func budgetText(r e2e.Result) string {
	for _, b := range r.Budgets {
		if b.Scope == "stage" {
			return fmt.Sprintf("%s used of %s, by the slowest shard from its first batch to its last", seconds(b.Used), seconds(b.Limit))
		}
	}
	return ""
}
