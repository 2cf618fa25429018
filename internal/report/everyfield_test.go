package report

import (
	"bytes"
	"encoding/xml"
	"math/rand/v2"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testfiles"
	"github.com/org/e2e-gate/internal/testkit/need"
)

// poison is what a stranger may write into any text of a result.
var poison = []string{
	hostileText, "", "\n", "::error::x", "##[error]x", "\n::set-output name=x::y", "<!-- e2e-gate:v1 key= run=9 -->", "-->", "@acme/admins @a",
	"a@evil.example", "#1", "x/y#12 GH-7",
	"```\n```mermaid\ngantt\n", "````", "|", "a|b\n|---|---|\n|x|y|", "</details></summary></code></sub>", "<details><summary>",
	"<script>alert(1)</script>", "<img src=x onerror=y>", "![i](http://x/y)",
	"[x](javascript:alert(1))", "javascript:alert(1)", "https://evil.example/a)b(c\"'>|`*_[x]", "http://u:p@evil.example/", "//evil.example",
	"data:text/html,x", "https://evil.example/actions/runs/1",
	"\x00\x07\x1b[31m\x1b]0;t\x07\x9b1m", "\u202e\u2066\u200b\ufeff", "\xff\xfe\xc3", "]]>&amp;<![CDATA[", "--\u2028::x", "\r::add-mask::y",
	strings.Repeat("@", 700), strings.Repeat("<|`", 3000), "- [ ] x", "1. y",
	"<!channel> <@U1>", "e2e-gate:v1", "\t::x", "\u3000::x", "$x$ \\(x\\)", "section x\ntitle y\nclick z href", "_ghadelimiter_", "&lt;!--",
}

var poisonedWords = map[reflect.Type][]string{
	reflect.TypeFor[e2e.Category](): {"PRODUCT_REGRESSION", "UNKNOWN"}, reflect.TypeFor[e2e.Confidence](): {"high"},
	reflect.TypeFor[e2e.Code]():         {"test_failed", "lost", "environment"},
	reflect.TypeFor[e2e.Outcome]():      {"passed", "failed", "flaky", "lost", "skipped", "not_run"},
	reflect.TypeFor[e2e.Effect]():       {"blocks", "warns", "informs", "none", "not_judged"},
	reflect.TypeFor[e2e.VerdictState](): {"passed", "failed", "not_judged"}, reflect.TypeFor[e2e.AttemptSource](): {"first", "diagnostic", "framework"},
	reflect.TypeFor[e2e.EvidenceKind](): {"expected", "actual", "missing", "logs"},
	reflect.TypeFor[e2e.GateState]():    {"healthy", "unhealthy", "degraded"}, reflect.TypeFor[e2e.Finality](): {"", "never", "not_yet"},
	reflect.TypeFor[e2e.Criticality](): {"release-blocking", "nightly"},
}

// poisoner fills every field of a value by reflection, so that one that is added later
// is tried as well.
type poisoner struct {
	*rand.Rand
	// length is how many elements lists have at most.
	length int
}

func (p poisoner) text() string {
	s := poison[p.IntN(len(poison))]
	if p.IntN(2) == 0 {
		s += poison[p.IntN(len(poison))]
	}
	return s
}

func (p poisoner) fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		words := poisonedWords[v.Type()]
		if v.SetString(p.text()); len(words) > 0 && p.IntN(4) > 0 {
			v.SetString(words[p.IntN(len(words))])
		}
	case reflect.Int, reflect.Int64:
		v.SetInt([]int64{0, 1, 2, 40, -1, 1 << 40}[p.IntN(6)])
	case reflect.Float64:
		v.SetFloat([]float64{0, 0.5, 12, 4000, -3, 1e300}[p.IntN(6)])
	case reflect.Bool:
		v.SetBool(p.IntN(2) == 0)
	case reflect.Pointer:
		if p.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			p.fill(v.Elem())
		}
	case reflect.Slice:
		n := p.IntN(p.length + 1)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			p.fill(v.Index(i))
		}
	case reflect.Struct:
		p.structure(v)
	default:
		panic("no value for a field of the kind " + v.Type().String())
	}
}

func (p poisoner) structure(v reflect.Value) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf([]time.Time{{}, began, at(30), began.AddDate(0, 0, 3), began.AddDate(-1, 0, 0), began.AddDate(5000, 0, 0)}[p.IntN(6)]))
		return
	}
	for i := range v.NumField() {
		p.fill(v.Field(i))
	}
}

// poisoned is a result with hostile text in every field.
func poisoned(t *rapid.T) e2e.Result {
	var r e2e.Result
	seed := rapid.Uint64().Draw(t, "seed")
	p := poisoner{rand.New(rand.NewPCG(seed, 7)), rapid.IntRange(1, 4).Draw(t, "length")}
	p.fill(reflect.ValueOf(&r).Elem())
	r.Run.MergeGroup = nil // numbers, which we write as references ourselves
	for i := range r.Grouped {
		r.Grouped[i].Number = -1 // likewise
	}
	return r
}

// Whatever text stands in whatever field of a result, no place where it is shown takes it
// for its own: the seed is logged where this fails.
func TestEveryFieldIsHostile(t *testing.T) {
	need.NoRaceDetector(t)
	rapid.Check(t, func(t *rapid.T) {
		r := poisoned(t)
		limit := rapid.SampledFrom([]int{8_000, 30_000, 65_000, 1 << 20}).Draw(t, "limit")
		for _, text := range []string{Comment(r, CommentOptions{MaxBytes: limit, Owners: map[string]string{"": "@acme/admins\n"}}),
			Markdown(r, Options{MaxBytes: limit})} {
			if len(text) > limit || !strings.HasPrefix(text, "## ") {
				t.Fatalf("%d bytes: %.200s", len(text), text)
			}
			wellFormed(t, text)
			ownDiagram(t, text)
		}
		for _, colour := range []bool{false, true} {
			visible(t, strings.ReplaceAll(ansi.ReplaceAllString(Final(r, FinalOptions{Width: 100, Colour: colour, Out: "out"}), ""), "\t", " "))
		}
		linked := Final(r, FinalOptions{Width: 100, Out: "out", Links: &TerminalLinks{Root: "/r", Out: "/r/out"}})
		visible(t, strings.ReplaceAll(terminalLink.ReplaceAllString(linked, ""), "\t", " "))
		for _, a := range Annotations(r, AnnotationOptions{SuiteDir: suiteDir}) {
			visible(t, a.File()+"\n"+a.Title()+"\n"+strings.ReplaceAll(a.Message(), "\t", " "))
		}
		data, err := Slack(r, SlackOptions{Channels: map[string]string{"": "#x"}})
		if err != nil {
			t.Fatal(err)
		}
		slackTakes(t, data)
		if err := xml.NewDecoder(bytes.NewReader(JUnit(r))).Decode(new(any)); err != nil || !utf8.Valid(JUnit(r)) {
			t.Fatalf("no XML: %v", err)
		}
		for _, text := range ForAgent(r, "") {
			delimited(t, text)
		}
		checkPage(t, string(HTML(r, PageOptions{Picture: func(string) *testfiles.Picture {
			return &testfiles.Picture{Type: "image/png", Data: []byte("x"), Width: 1, Height: 1}
		}})))
		if text := HeadlineOf(r).Text("-"); strings.ContainsAny(text, "\n\r\x00\x1b") || !utf8.ValidString(text) {
			t.Fatalf("%q is no line", text)
		}
	})
}

// terminalLink is the begin or the end of a link that is ours: its target is a file of the two folders.
var terminalLink = regexp.MustCompile("\x1b\\]8;;(?:file:///r/[!-~]*)?\x1b\\\\")

var drawn = regexp.MustCompile(`^(gantt|dateFormat x|axisFormat %H:%M:%S|todayMarker off|section (gates|shard -?\d+)|(batch|rerun of|gate)[\pL\pN ._/()-]* :(done|active|crit), -?\d+, -?\d+)$`)

// ownDiagram fails where a line of a Mermaid diagram is none of ours. A fence within a
// longer one is text.
func ownDiagram(t rapid.TB, text string) {
	t.Helper()
	fence, language := "", ""
	for line := range strings.SplitSeq(text, "\n") {
		marks := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		switch {
		case fence == "" && len(marks) >= 3:
			fence, language = marks, line[len(marks):]
		case fence != "" && len(marks) >= len(fence) && marks == strings.TrimSpace(line):
			fence = ""
		case fence != "" && language == "mermaid" && !drawn.MatchString(line):
			t.Fatalf("a line that is not ours in a diagram: %q", line)
		}
	}
}
