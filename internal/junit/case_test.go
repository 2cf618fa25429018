package junit

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/verdict/attempts"
)

// everything is a case that uses all that the reader knows.
const everything = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="all">
  <testsuite name="outer" hostname="chromium" timestamp="2025-01-02T03:04:05">
    <properties>
      <property name="owner" value="case-platform"/>
      <property name="tag" value="e2e"/>
      <property name="e2e.state" value="SUBMITTED"/>
    </properties>
    <testsuite name="inner">
      <testcase classname="c.CaseIT" name="submits" file="a/b.spec.ts" line="12" time="1,234.5" status="run">
        <properties>
          <property name="journey" value="case-submission"/>
          <property name="criticality" value="release-blocking-smoke"/>
          <property name="tag" value="smoke"/>
          <property name="tag" value="api"/>
          <property name="e2e.expected">200
          </property>
          <property name="e2e.category" value="DATA_COLLISION"/>
          <property name="testrail_attachment" value="shots/1.png"/>
        </properties>
        <failure message="first" type="AssertionError">trace <b n="1">bold</b><![CDATA[ & ]]>&lt;end&gt;</failure>
        <error message="second" type="IOException">two</error>
        <rerunFailure message="third" type="T" time="2.5" timestamp="2025-01-02T03:05:00Z">
          <stackTrace>s</stackTrace>
          <system-out>retry out</system-out>
          <system-err>retry err</system-err>
        </rerunFailure>
        <system-out>line
[[ATTACHMENT|shots/2.png]]
</system-out>
        <system-err>[[ATTACHMENT|trace.zip]]</system-err>
      </testcase>
      <system-out>suite out</system-out>
    </testsuite>
  </testsuite>
</testsuites>
`

func TestEverythingIsKept(t *testing.T) {
	cases, sum := readAll(t, everything)
	if len(sum.Problems) != 0 || len(cases) != 1 {
		t.Fatalf("%d cases\n%s", len(cases), messages(sum.Problems))
	}
	want := Case{
		Path: []string{"all", "outer", "inner"}, Suite: "inner", Hostname: "chromium",
		Classname: "c.CaseIT", Name: "submits", File: "a/b.spec.ts", Line: 12, Seconds: 1234.5,
		Started: time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC), Status: StatusError, Claim: "run",
		Properties: []Property{
			{"journey", "case-submission"}, {"criticality", "release-blocking-smoke"}, {"tag", "smoke"}, {"tag", "api"},
			{"e2e.expected", "200"}, {"e2e.category", "DATA_COLLISION"}, {"testrail_attachment", "shots/1.png"},
		},
		SuiteProperties: []Property{{"owner", "case-platform"}, {"tag", "e2e"}, {"e2e.state", "SUBMITTED"}},
		Results: []Result{
			{Kind: KindFailure, Type: "AssertionError", Message: "first", Text: Text{Value: `trace <b n="1">bold</b> & <end>`}},
			{Kind: KindError, Type: "IOException", Message: "second", Text: Text{Value: "two"}},
			{Kind: KindRerunFailure, Type: "T", Message: "third", Text: Text{Value: "s"}, SystemOut: Text{Value: "retry out"},
				SystemErr: Text{Value: "retry err"}, Seconds: 2.5, Started: time.Date(2025, 1, 2, 3, 5, 0, 0, time.UTC)},
		},
		SystemOut: Text{Value: "line\n[[ATTACHMENT|shots/2.png]]\n"}, SystemErr: Text{Value: "[[ATTACHMENT|trace.zip]]"},
		Attachments: []string{"shots/1.png", "shots/2.png", "trace.zip"},
		ReportLine:  10, ReportColumn: 7,
	}
	if diff := cmp.Diff(want, cases[0]); diff != "" {
		t.Errorf("case (-want +got):\n%s", diff)
	}
	checkChunks(t, everything, cases, sum)
}

func TestSuitesAreHandedOn(t *testing.T) {
	var got []Suite
	_, err := Read(strings.NewReader(everything), Options{Suite: func(s Suite) error { got = append(got, s); return nil }}, func(Case) error { return nil })
	if err != nil || len(got) != 3 {
		t.Fatalf("%d suites, %v", len(got), err)
	}
	if got[0].SystemOut.Value != "suite out" || got[0].Cases != 1 || len(got[1].Properties) != 3 || strings.Join(got[2].Path, "/") != "all" {
		t.Errorf("%+v", got)
	}
}

func TestTruncatedAnywhere(t *testing.T) {
	end := len(strings.TrimRight(everything, "\n"))
	for cut := range end {
		checkCut(t, []byte(everything[:cut]), 0, false)
	}
}

func TestAttempts(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"passed", `<testcase name="a"/>`, "1 passed first"},
		{"skipped", `<testcase name="a"><skipped message="why"/></testcase>`, "1 skipped first why"},
		{"failed", `<testcase name="a"><failure message="m"/></testcase>`, "1 failed first m"},
		{"message from the text", `<testcase name="a"><failure>
			one
			two</failure></testcase>`, "1 failed first one"},
		{"error", `<testcase name="a"><error message="m"/></testcase>`, "1 failed! first m"},
		{"flaky", `<testcase name="a"><flakyFailure message="1"/><flakyError message="2"/></testcase>`,
			"1 failed first 1; 2 failed! framework 2; 3 passed framework"},
		{"rerun", `<testcase name="a"><failure message="1"/><rerunFailure message="2"/></testcase>`, "1 failed first 1; 2 failed framework 2"},
		{"rerun and passed", `<testcase name="a"><rerunFailure message="1"/></testcase>`, "1 failed first 1; 2 passed framework"},
		{"cut off", `<testcase name="a">`, ""},
		{"cut off behind a failed attempt", `<testcase name="a"><flakyFailure message="1"/>`, ""},
		{"cut off behind its failure", `<testcase name="a"><failure message="m"/>`, "1 failed! first the report does not hold the end of this test case\nm"},
		{"claims a failure", `<testcase name="a" status="failed"/>`, `1 failed first the report gives the status "failed" but no failure`},
		{"repeated", `<testcase name="a"><failure message="1"/></testcase><testcase name="a"/>`, "1 failed first 1; 2 passed first"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := &Merger{}
			if _, err := Read(strings.NewReader("<testsuite>"+tt.body+"</testsuite>"), Options{}, m.Add); err != nil {
				t.Fatal(err)
			}
			if list := m.Tests(); len(list) != 1 || describe(judged(list[0])) != tt.want {
				t.Errorf("got %+v, want %s", list, tt.want)
			}
		})
	}
}

// judged are the attempts at a test as internal/verdict/attempts makes them.
func judged(found Test) []e2e.Attempt {
	in := attempts.In{Planned: []attempts.Planned{{ID: "id", Name: "a"}}}
	r := attempts.Reported{Spellings: []attempts.Spelling{{Name: "a"}}}
	for i, a := range found.Attempts {
		r.Results = append(r.Results, attempts.Result{Attempt: a, Retry: found.Stated[i]})
	}
	in.Reported = []attempts.Reported{r}
	return attempts.Of(in).Tests["id"]
}

// What the report tells apart is two tests.
func TestIdentity(t *testing.T) {
	for name, body := range map[string]string{
		"line":  `<testsuite><testcase name="a" line="1"/><testcase name="a" line="2"/></testsuite>`,
		"file":  `<testsuite><testcase name="a" file="x"/><testcase name="a" file="y"/></testsuite>`,
		"suite": `<testsuites><testsuite name="x"><testcase name="a"/></testsuite><testsuite name="y"><testcase name="a"/></testsuite></testsuites>`,
		"file of the suite": `<testsuites><testsuite file="x"><testcase name="a"/></testsuite>` +
			`<testsuite filepath="y"><testsuite><testcase name="a"/></testsuite></testsuite></testsuites>`,
	} {
		m := &Merger{}
		if _, err := Read(strings.NewReader(body), Options{}, m.Add); err != nil {
			t.Fatal(err)
		}
		if list := m.Tests(); len(list) != 2 {
			t.Errorf("%s: %+v", name, list)
		}
	}
}

// A retry that the report states is told from a case that only has the same identity.
func TestStatedRetries(t *testing.T) {
	m := &Merger{}
	report := `<testsuite><testcase name="a"><flakyFailure/></testcase><testcase name="a"><failure/><rerunError/></testcase><testcase name="b"/></testsuite>`
	if _, err := Read(strings.NewReader(report), Options{}, m.Add); err != nil {
		t.Fatal(err)
	}
	list := m.Tests()
	if len(list) != 2 || !slices.Equal(list[0].Stated, []bool{false, true, false, true}) || !slices.Equal(list[1].Stated, []bool{false}) {
		t.Errorf("got %+v", list)
	}
}

// describe writes attempts as "1 failed first message; ...", an error with "!".
func describe(list []e2e.Attempt) string {
	var b strings.Builder
	for i, a := range list {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(string(rune('0'+a.N)) + " " + string(a.Outcome))
		if a.Error {
			b.WriteString("!")
		}
		b.WriteString(strings.TrimRight(" "+string(a.Source)+" "+a.Message, " "))
	}
	return b.String()
}

func TestMetadataAndEvidence(t *testing.T) {
	cases, _ := readAll(t, everything)
	want := Metadata{
		Owner: "case-platform", Journey: "case-submission", Criticality: e2e.ReleaseBlockingSmoke,
		Tags: []string{"api", "e2e", "smoke"},
	}
	if diff := cmp.Diff(want, cases[0].Metadata()); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	list := cases[0].Attempts()
	evidence := []e2e.Evidence{
		{Kind: e2e.EvidenceExpected, Text: "200", Source: "property of the test case e2e.expected"},
		{Kind: e2e.EvidenceState, Text: "SUBMITTED", Source: "property of its suite e2e.state"},
		{Kind: e2e.EvidenceTriage, Text: "the suite itself calls this DATA_COLLISION", Source: "property of the test case e2e.category"},
	}
	if diff := cmp.Diff(evidence, list[len(list)-1].Evidence); diff != "" {
		t.Errorf("evidence (-want +got):\n%s", diff)
	}
	for _, part := range []string{"failure 1 of 2: AssertionError first", "trace", "error 2 of 2: IOException second", "--- system-out\nline"} {
		if !strings.Contains(list[0].Details, part) {
			t.Errorf("details lack %q:\n%s", part, list[0].Details)
		}
	}
}

func TestMergerKeepsDifferentTestsApart(t *testing.T) {
	m := &Merger{}
	report := `<testsuites><testsuite name="s" hostname="chromium"><testcase name="a"/></testsuite><testsuite name="s" hostname="firefox"><testcase name="a"/></testsuite></testsuites>`
	for range 2 {
		if _, err := Read(strings.NewReader(report), Options{}, m.Add); err != nil {
			t.Fatal(err)
		}
	}
	if list := m.Tests(); len(list) != 2 || list[0].Cases != 2 || list[0].Identity.Hostname != "chromium" {
		t.Errorf("%+v", list)
	}
	byName := &Merger{Key: func(c Case) Identity { return Identity{Name: c.Name} }}
	if _, err := Read(strings.NewReader(report), Options{}, byName.Add); err != nil || len(byName.Tests()) != 1 {
		t.Errorf("by name: %+v, %v", byName.Tests(), err)
	}
}

func TestHugeTextsAreBounded(t *testing.T) {
	huge := strings.Repeat("0123456789", 1_000_000)
	report := `<testsuite><testcase name="a"><failure message="` + huge + `">` + huge + `</failure><system-out>` +
		huge[:100_000] + `[[ATTACHMENT|in the middle.png]]` + huge + `</system-out></testcase></testsuite>`
	cases, sum := readAll(t, report)
	if len(cases) != 1 || len(sum.Problems) != 0 {
		t.Fatalf("%d cases\n%s", len(cases), messages(sum.Problems))
	}
	c := cases[0]
	if r := c.Results[0]; len(r.Message) > 70<<10 || !strings.Contains(r.Message, "…\n[9934464 bytes cut]\n…") || r.Text.Cut != 9_934_464 {
		t.Errorf("message of %d bytes, text cut by %d", len(r.Message), r.Text.Cut)
	}
	if c.SystemOut.Cut == 0 || len(c.Attachments) != 1 || c.Attachments[0] != "in the middle.png" {
		t.Errorf("cut %d, attachments %q", c.SystemOut.Cut, c.Attachments)
	}
	if a := c.Attempts()[0]; len(a.Message) > messageBytes+100 || len(a.Details) > detailsBytes+100 || !strings.Contains(a.Details, "bytes cut") {
		t.Errorf("message of %d bytes, details of %d", len(a.Message), len(a.Details))
	}
}

func TestManyResults(t *testing.T) {
	report := `<testsuite><testcase name="a">` + strings.Repeat(`<failure message="m"/>`, 2*maxResults) + `<error message="last"/></testcase></testsuite>`
	cases, sum := readAll(t, report)
	if cases[0].Status != StatusError || len(cases[0].Results) != maxResults || len(sum.Problems) == 0 || sum.LosesEvidence() {
		t.Errorf("%s, %d results\n%s", cases[0].Status, len(cases[0].Results), messages(sum.Problems))
	}
}

func TestManyAttributesAndProperties(t *testing.T) {
	var attrs strings.Builder
	for i := range 2 * maxAttrs {
		attrs.WriteString(" a" + strings.Repeat("b", i) + `="1"`)
	}
	report := `<testsuite><testcase name="a"` + attrs.String() + `><properties>` + strings.Repeat(`<property name="tag" value="x"/>`, 2*maxProperties) +
		`</properties></testcase></testsuite>`
	cases, sum := readAll(t, report)
	if len(cases) != 1 || len(cases[0].Properties) != maxProperties || !strings.Contains(messages(sum.Problems), "more than 256 attributes") {
		t.Errorf("%d properties\n%s", len(cases[0].Properties), messages(sum.Problems))
	}
}

func TestMemoryStaysFlat(t *testing.T) {
	const most = 64 << 20
	before := heap(true)
	n := 0
	sum, err := Read(&synthetic{n: 40_000}, Options{}, func(Case) error {
		if n++; n%2_000 == 0 {
			if now := heap(false); now > before+most {
				t.Errorf("%d bytes in use after %d cases", now-before, n)
			}
		}
		return nil
	})
	if err != nil || sum.Tests != 40_000 {
		t.Errorf("%+v, %v", sum.Counts, err)
	}
}

func TestReadersDisagree(t *testing.T) {
	var f confirmer
	if _, ok := f.read([]byte(`<testcase name="a]]>"><failure/></testcase>`)); ok {
		t.Error("go-junit read what it is known to refuse")
	}
	// A builder that treated the failure as a skip must not decide.
	raw := `<testcase name="a"><failure/></testcase>`
	p := &problems{}
	s := newScanner(source{Reader: strings.NewReader(raw)}, DefaultMaxBytes, p)
	s.pos, s.rawFrom = s.end, 0
	b := &builder{s: s, problems: p}
	c := &caseState{Case: Case{Name: "a", Status: StatusSkipped}, seen: StatusSkipped}
	b.second(c)
	if c.Status != StatusError || !p.list[0].LosesEvidence {
		t.Errorf("%s %+v", c.Status, p.list)
	}
}

func TestWindowEdges(t *testing.T) {
	for pad := windowBytes - 80; pad < windowBytes+10; pad++ {
		report := `<testsuite><!--` + strings.Repeat("x", pad) +
			`--><testcase name="é&amp;ü"><failure message="a&#228;b"><![CDATA[]]]]><![CDATA[>]]></failure></testcase></testsuite>`
		cases, sum := readAll(t, report)
		if len(cases) != 1 || cases[0].Name != "é&ü" || cases[0].Results[0].Message != "aäb" || cases[0].Results[0].Text.Value != "]]>" || len(sum.Problems) != 0 {
			t.Fatalf("pad %d: %+v\n%s", pad, cases, messages(sum.Problems))
		}
	}
}

func TestClipFindsMarkersOverCuts(t *testing.T) {
	var c clip
	c.reset(true)
	for range 50 {
		c.write(bytes.Repeat([]byte("y"), 7_001))
		c.write([]byte("[[ATTACHMENT|same.png]]"))
	}
	c.write([]byte("[[ATTACHMENT|last.png]] [[ATTACHMENT|no end"))
	text := c.text()
	if want := []string{"same.png", "last.png"}; !cmp.Equal(c.attachments, want) {
		t.Errorf("got %q", c.attachments)
	}
	if kept := int64(50*(7_001+23)+43) - text.Cut; kept != headBytes+tailBytes {
		t.Errorf("cut %d of %d", text.Cut, 50*(7_001+23)+43)
	}
}
