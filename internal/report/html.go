package report

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/testfiles"
)

//go:embed page.html
var pageSource string

//go:embed page.css
var pageStyle string

//go:embed page.js
var pageScript string

// maxRows bounds tables of the page, and maxAll that of all tests.
const (
	maxRows = 1000
	maxAll  = 20_000
)

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"judged": deployedFacts,
	"line":   func(s any) string { return safetext.Line(words(s), longText) },
	"text":   func(s any) string { return safetext.Text(words(s), 4*longText, 40) },
	"ids":    splitIDs, "one": func(id string) []splitID { return splitIDs([]string{id}) },
	"url": safetext.URL, "seconds": seconds, "effect": effectWord, "owner": owner, "owners": owners, "date": date, "verb": verb, "kind": kindOf,
	"category": categoryText, "message": failureMessage, "log": logOf, "state": stateOf, "unit": func(u e2e.UnitRun) string { return plainUnit(u) },
	"finding": func(t *e2e.TestResult) Finding {
		return Finding{Category: categoryOf(t.Category), Confidence: t.Confidence}
	},
	"trail":  func(a e2e.Attempt) Trail { return Trail{a.Correlation, a.Links} },
	"failed": func(a e2e.Attempt) bool { return a.Outcome == e2e.Failed },
	"watch":  watchText, "attempt": plainAttempt,
	"style":  func() template.CSS { return template.CSS(pageStyle) },       //nolint:gosec // our own file
	"script": func() template.JS { return template.JS("\n" + pageScript) }, //nolint:gosec // our own file
	"some":   func(ids []string) []string { return ids[:min(len(ids), 10)] },
	"minus":  func(a, b int) int { return a - b },
	"class":  effectClass, "past": pastOf, "change": changeText, "pull": pullText, "page": pullPage,
	"plural": plural, "redBase": redBase, "base": func(t *e2e.TestResult) string { return baseText(*t) },
	"at": atOf, "source": func(r e2e.Run, t *e2e.TestResult) string { return sourceLink(r, firstFailure(t)) },
	"printed": printed, "facts": factsOf, "what": whatFailed, "difference": difference, "parts": partsOf,
	"unlisted": unlisted, "shared": sharedFiles, "file": fileAddress,
	"command": func(r e2e.Result, t *e2e.TestResult) string { return RunCommand(r, *t) },
	"asked":   func(r e2e.Result, t *e2e.TestResult) []string { return explainQuestions(r, t).Because },
	"pastWhy": func(t e2e.TestResult) []string { return explainPast(&t).Because },
}).Parse(pageSource))

// words makes text of the string types of the domain.
func words(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case e2e.Code:
		return string(v)
	case e2e.Outcome:
		return string(v)
	case e2e.Confidence:
		return string(v)
	}
	return ""
}

// fileAddress leads to a file of the run's folder, in which the page lies. It is empty if the name is not a path within that folder.
func fileAddress(name string) template.URL {
	if !filepath.IsLocal(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return ""
	}
	return template.URL((&url.URL{Path: "./" + filepath.ToSlash(name)}).EscapedPath()) //nolint:gosec // relative, and escaped
}

// page is what the template shows.
type page struct {
	o          PageOptions
	anchors    map[string]template.URL
	R          e2e.Result
	Headline   Headline
	Todo       todo
	Class      string
	Policy     string
	Counts     Counts
	Duration   float64
	Findings   []Finding
	MoreRows   int
	Flakes     []e2e.TestResult
	Deadlines  []deadline
	Quarantine []e2e.TestResult
	// MoreFlakes and MoreQuarantined are how many rows the tables leave out.
	MoreFlakes, MoreQuarantined int
	Details                     []*e2e.TestResult
	MoreTests                   int
	All                         []testRow
	MoreAll                     int
	Chart                       *chart
	Lost                        bool
	Failed                      bool
	Over                        int
	// JudgeChanges are what the change alters about what judges it, JudgeNote what became of it.
	JudgeChanges []e2e.JudgeChange
	JudgeNote    string
	// GroupNote is about all pull requests of the merge group.
	GroupNote string
}

// testRow is a row of the table of all tests.
type testRow struct {
	Test *e2e.TestResult
	// Shard is empty where the test ran on none. Message is that of a failure, Past what earlier runs know.
	Shard, Message, Past string
	Seconds              float64
	// Anchor leads to the test's details on the page; empty: it has none.
	Anchor template.URL
}

// Anchor leads to the details of the first of some tests; empty: the page has none.
func (p page) Anchor(ids []string) template.URL {
	if len(ids) == 0 {
		return ""
	}
	return p.anchors[ids[0]]
}

// anchorsOf lead to the details of tests on the page.
func anchorsOf(details []*e2e.TestResult) map[string]template.URL {
	anchors := map[string]template.URL{}
	for i, t := range details {
		anchors[t.ID] = template.URL(fmt.Sprintf("#t-%d", i)) //nolint:gosec // our own
	}
	return anchors
}

// allTests are the rows of all tests, and how many more there are.
func allTests(r e2e.Result, anchors map[string]template.URL) (rows []testRow, more int) {
	for i := range r.Tests[:min(len(r.Tests), maxAll)] {
		t := &r.Tests[i]
		row := testRow{Test: t, Seconds: took(t), Anchor: anchors[t.ID]}
		if n := len(t.Attempts); n > 0 {
			row.Shard = strconv.Itoa(t.Attempts[n-1].Shard)
		}
		if t.Outcome != e2e.Passed {
			row.Message, row.Past = cmp.Or(whatFailed(t), firstLine(t.Why)), pastOf(*t)
		}
		rows = append(rows, row)
	}
	return rows, max(len(r.Tests)-maxAll, 0)
}

// PageOptions of [HTML].
type PageOptions struct {
	// Picture reads a file of the run's folder as a picture that the page embeds; nil if it is none. If it is not set, pictures are
	// links, as other files are.
	Picture func(name string) *testfiles.Picture
}

// shownPictures is how many pictures of an attempt are embedded.
const shownPictures = 4

// Embedded are the first pictures among files.
func (p page) Embedded(files []string) []embedded {
	var list []embedded
	for _, name := range files {
		if p.o.Picture == nil || len(list) == shownPictures {
			break
		}
		if pic := p.o.Picture(name); pic != nil {
			source := "data:" + pic.Type + ";base64," + base64.StdEncoding.EncodeToString(pic.Data)
			list = append(list, embedded{name, template.URL(source), pic.Width, pic.Height}) //nolint:gosec // an image that was decoded
		}
	}
	return list
}

// embedded is a picture within the page.
type embedded struct {
	File          string
	Source        template.URL
	Width, Height int
}

// HTML renders a result as one page, to which its own content security policy allows nothing but
// its style, the pictures within it, and the one script that filters the table of all tests.
func HTML(r e2e.Result, o PageOptions) []byte {
	p := page{o: o, R: r, Headline: HeadlineOf(r), Todo: todoOf(r), Policy: contentPolicy(), Counts: CountsOf(r), Duration: duration(r.Run),
		Findings: Findings(r), Flakes: flakes(r), Deadlines: deadlines(r), Chart: newChart(r), Failed: !e2e.GatesOpen(r.Gates),
		GroupNote: groupNote(r, pullNumber)}
	if p.JudgeChanges = changesOf(r); len(p.JudgeChanges) > 0 {
		p.JudgeNote = judgeNote(r)
		p.JudgeChanges = p.JudgeChanges[:min(len(p.JudgeChanges), maxRows)]
	}
	p.Class = map[string]string{"✅": "good", "❌": "bad", "⛔": "bad", "⚠️": "warn"}[p.Headline.Mark]
	if p.Class == "good" && (len(p.Flakes) > 0 || len(p.Findings) > 0) {
		p.Class = "good look"
	}
	p.MoreRows = max(len(p.Findings)-maxRows, 0)
	p.Findings = p.Findings[:len(p.Findings)-p.MoreRows]
	for i := range r.Tests {
		t := &r.Tests[i]
		if quarantined(*t) && !near(p.Deadlines, t.ID) {
			p.Quarantine = append(p.Quarantine, *t)
		}
	}
	p.MoreFlakes, p.MoreQuarantined = max(len(p.Flakes)-maxRows, 0), max(len(p.Quarantine)-maxRows, 0)
	p.Flakes, p.Quarantine = p.Flakes[:len(p.Flakes)-p.MoreFlakes], p.Quarantine[:len(p.Quarantine)-p.MoreQuarantined]
	p.Details = inDetail(r)
	p.MoreTests = max(len(p.Details)-maxDetailed, 0)
	p.Details = p.Details[:len(p.Details)-p.MoreTests]
	p.anchors = anchorsOf(p.Details)
	p.All, p.MoreAll = allTests(r, p.anchors)
	for _, g := range r.Gates {
		p.Lost = p.Lost || len(g.LostSpans()) > 0
	}
	for _, b := range r.Budgets {
		if b.Over {
			p.Over++
		}
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		// Only a fault in the template leads here; the verdict must not be lost to it.
		return []byte("<!doctype html><meta charset=\"utf-8\"><title>e2e-gate</title><p>" +
			safetext.HTML(p.Headline.Text("-")+"; this page could not be made: "+err.Error(), longText))
	}
	return b.Bytes()
}

// contentPolicy allows the page its own style sheet and script, and nothing else.
func contentPolicy() string {
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; style-src " + hash(pageStyle) + "; img-src data:; script-src " + hash("\n"+pageScript) + "; base-uri 'none'; form-action 'none'"
}

func effectClass(e e2e.Effect) string {
	switch e.Rank() {
	case 0, 1:
		return "bad"
	case 2:
		return "warn"
	default:
		return "calm"
	}
}

// plainUnit and plainAttempt are unitText and attemptsWord without Markdown.
func plainUnit(u e2e.UnitRun) string {
	u.Ended = cmp.Or(u.Ended, "unknown")
	if u.Ended == e2e.EndedExited {
		return unitText(u)
	}
	return safetext.Line(string(u.Ended), shortText) + " after " + seconds(u.Seconds) + again(u.Attempt)
}

func plainAttempt(list []e2e.Attempt, i int) string {
	list = slices.Clone(list)
	switch a := &list[i]; a.Outcome {
	case e2e.Passed, e2e.Failed, e2e.Skipped:
	case e2e.OutcomeUnknown, e2e.Flaky, e2e.Lost, e2e.NotRun:
		a.Outcome = e2e.OutcomeUnknown
	default:
		a.Outcome = e2e.OutcomeUnknown
	}
	return attemptsWord(list, i)
}

// watchText lists what a gate said while suites ran, one line for each answer.
func watchText(run e2e.Run, g e2e.Gate) string {
	var list []string
	for _, s := range g.Timeline {
		if s.Watch && len(list) < maxSpans {
			list = append(list, safetext.Line(spanText(run, s), shortText))
		}
	}
	if len(list) == 0 {
		return "not watched"
	}
	return strings.Join(list, "\n")
}
