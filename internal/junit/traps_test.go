package junit

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// readAll reads a report into a list.
func readAll(t testing.TB, report string) ([]Case, Summary) {
	t.Helper()
	var cases []Case
	sum, err := Read(strings.NewReader(report), Options{}, func(c Case) error {
		cases = append(cases, c)
		return nil
	})
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	return cases, sum
}

// statuses writes a list of cases as "name=status name=status".
func statuses(cases []Case) string {
	var words []string
	for _, c := range cases {
		word := c.Name + "=" + string(c.Status)
		if c.Incomplete {
			word += "!"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func messages(problems []Problem) string {
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&b, "%t %s\n", p.LosesEvidence, p.Message)
	}
	return b.String()
}

func TestTraps(t *testing.T) {
	deep := strings.Repeat("<testsuite name='s'>", 40) + "<testcase name='a'/>" + strings.Repeat("</testsuite>", 40)
	tests := []struct {
		name, report, want string
		// problem is a part of a problem, "" if there must be none.
		problem string
		loses   bool
	}{
		{"passed", `<testsuite><testcase name="a"/></testsuite>`, "a=passed", "", false},
		{"testsuites", `<testsuites><testsuite><testcase name="a"/></testsuite></testsuites>`, "a=passed", "", false},
		{"no case and none declared", `<testsuites/>`, "", "", false},
		{"nested 40 deep", deep, "a=passed", "", false},
		{"outside of a suite", `<testsuites><testcase name="a"><error/></testcase></testsuites>`, "a=error", "", false},
		{"root is a case", `<testcase name="a"/>`, "a=passed", "", false},
		{"case in a case", `<testsuite><testcase name="a"><testcase name="b"><failure/></testcase></testcase></testsuite>`, "b=failed a=passed", "", false},
		{"failure then skipped", `<testsuite><testcase name="a"><failure/><skipped/></testcase></testsuite>`, "a=failed", "", false},
		{"failure then error", `<testsuite><testcase name="a"><failure/><error/><failure/></testcase></testsuite>`, "a=error", "", false},
		{"notrun", `<testsuite><testcase name="a" status="notrun"/><testcase name="b" status="Disabled"/><testcase name="c" result="suppressed" status="run"/></testsuite>`, "a=skipped b=skipped c=skipped", "", false},
		{"disabled and failed", `<testsuite><testcase name="a" status="disabled"><failure/></testcase></testsuite>`, "a=failed", "", false},
		{"claims a failure", `<testsuite><testcase name="a" status="failed"/></testsuite>`, "a=passed", `but no failure`, true},
		{"prefixes", `<j:testsuite xmlns:j="urn:j"><j:testcase name="a" j:name="b"><j:failure/></j:testcase></j:testsuite>`, "a=failed", "", false},
		{"xml 1.1", `<?xml version="1.1"?><testsuite><testcase name="a&#27;"/></testsuite>`, "a\x1b=passed", "", false},
		{"control by reference in 1.0", `<testsuite><testcase name="a&#27;"/></testsuite>`, "a\x1b=passed", "1:29: reference to control character 0x1b", false},
		{"byte order mark", "\xef\xbb\xbf<?xml version='1.0'?><testsuite><testcase name=\"a\"/></testsuite>", "a=passed", "", false},
		{"latin 1", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><testsuite><testcase name=\"\xe9\"/></testsuite>", "é=passed", "", false},
		{"windows-1252", "<?xml version=\"1.0\" encoding='windows-1252'?><testsuite><testcase name=\"\x93a\x94\"/></testsuite>", "“a”=passed", "", false},
		{"gbk", "<?xml version=\"1.0\" encoding=\"GBK\"?><testsuite><testcase name=\"\xc4\xe3\"/></testsuite>", "你=passed", "", false},
		{"utf-16 le", wide("\ufeff<?xml version='1.0' encoding='utf-16'?><testsuite><testcase name='é'/></testsuite>", false), "é=passed", "", false},
		{"utf-16 be", wide("\ufeff<testsuite><testcase name='é'/></testsuite>", true), "é=passed", "", false},
		{"utf-16 without mark", wide("<testsuite><testcase name='é'/></testsuite>", false), "é=passed", "", false},
		{"utf-16 be without mark", wide("<testsuite><testcase name='é'/></testsuite>", true), "é=passed", "", false},
		{"utf-16 that is none", `<?xml version="1.0" encoding="UTF-16"?><testsuite><testcase name="a"/></testsuite>`, "a=passed", "declares", false},
		{"unknown encoding", `<?xml version="1.0" encoding="x-klingon"?><testsuite><testcase name="a"/></testsuite>`, "a=passed", "is unknown", false},
		{"stateful encoding", `<?xml version="1.0" encoding="iso-2022-kr"?><testsuite><testcase name="a"/></testsuite>`, "a=passed", "is unknown", false},
		{"utf-32", "\xff\xfe\x00\x00<\x00\x00\x00", "", "UTF-32", true},
		{"invalid utf-8", "<testsuite><testcase name=\"a\xff\"/></testsuite>", "a\ufffd=passed", "1:29: byte 0xff", false},
		{"nul", "<testsuite><testcase name=\"a\"><failure>\x00</failure></testcase></testsuite>", "a=failed", "NUL", false},
		{"ansi escape", "<testsuite>\n<testcase name=\"a\"><failure>\x1b[1m</failure></testcase></testsuite>", "a=failed", "2:29: control character 0x1b", false},
		{"bare ampersand", `<testsuite><testcase name="fish & chips"/><testcase name="a&b;c&;"/></testsuite>`, "fish & chips=passed a&b;c&;=passed", "bare", false},
		{"less in attribute", `<testsuite><testcase name="a<b"/></testsuite>`, "a<b=passed", `"<" in an attribute`, false},
		{"less in text", `<testsuite><testcase name="a"><failure>1 < 2 <= 3</failure></testcase></testsuite>`, "a=failed", `"<" that does not start a tag`, false},
		{"cdata end in attribute", `<testsuite><testcase name="a]]>"><failure message="]]>">t</failure></testcase></testsuite>`, "a]]>=failed", "", false},
		{"cdata end in text", `<testsuite><testcase name="a"><failure>]]></failure></testcase></testsuite>`, "a=failed", "outside of a CDATA", false},
		{"log lines first", "start <foo> & \n<?xml version=\"1.0\"?><testsuite><testcase name=\"a\"/></testsuite>", "a=passed", "1:1: text outside", false},
		{"trailing garbage", "<testsuite><testcase name=\"a\"/></testsuite>\nDone <b> in 3 s", "a=passed", "2:1: text outside", false},
		{"concatenated", `<?xml version="1.0"?><testsuite><testcase name="a"/></testsuite><?xml version="1.0"?><testsuite><testcase name="b"/></testsuite>`,
			"a=passed b=passed", "another root", false},
		{"doctype", `<!DOCTYPE testsuite [<!ENTITY e "x"> <!-- ' > --> ]><testsuite><testcase name="a"/></testsuite>`, "a=passed", "", false},
		{"entity in a name", `<!DOCTYPE t [<!ENTITY e "x">]><testsuite><testcase name="&e;"/></testsuite>`, "&e;=passed", "entity &e; is not expanded", false},
		{"entity between cases", `<!DOCTYPE t [<!ENTITY e "<testcase/>">]><testsuite>&e;</testsuite>`, "", "lost", true},
		{"billion laughs", `<!DOCTYPE t [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><testsuite><testcase name="a"><failure>&b;</failure></testcase></testsuite>`, "a=failed", "not expanded", false},
		{"unquoted", `<testsuite><testcase name=a time=1/></testsuite>`, "a=passed", "without quotes", false},
		{"no value", `<testsuite><testcase name="a" flaky/></testsuite>`, "a=passed", "no value", false},
		{"double attribute", `<testsuite><testcase name="a" name="b"/></testsuite>`, "a=passed", "given twice", false},
		{"no space", `<testsuite><testcase name="a"time="1"/></testsuite>`, "a=passed", "without a space", false},
		{"tag without end", `<testsuite><testcase name="a" <testcase name="b"/></testcase></testsuite>`, "b=passed a=error!", "has no end", true},
		{"truncated in text", `<testsuite><testcase name="a"/><testcase name="b"><failure message="m">tra`, "a=passed b=error!", `inside of test case "b"`, true},
		{"truncated in a tag", `<testsuite><testcase name="a"/><testcase name="b" ti`, "a=passed b=error!", "report ends", true},
		{"truncated in an end tag", `<testsuite><testcase name="a"/></testsuite`, "a=passed", "before </testsuite>", true},
		{"truncated in CDATA", `<testsuite><testcase name="a"><system-out><![CDATA[x]]`, "a=error!", "report ends", true},
		{"truncated in a comment", `<testsuite><testcase name="a"/></testsuite><!-- x`, "a=passed", "report ends", true},
		{"failure not closed", `<testsuite><testcase name="a"><failure>x</testcase></testsuite>`, "a=error!", "<failure> is not closed", true},
		{"output swallows a failure", `<testsuite><testcase name="a"><system-out>x<failure/></testcase></testsuite>`, "a=error!", "<system-out> is not closed", true},
		{"case not closed", `<testsuite><testcase name="a"></testsuite>`, "a=error!", "<testcase> is not closed", true},
		{"stray end of a case", `<testsuite></testcase></testsuite>`, "", "has no start", true},
		{"stray end", `<testsuite></b><testcase name="a"/></testsuite>`, "a=passed", "has no start", false},
		{"failure under a suite", `<testsuite name="s"><error message="no db">x</error><testcase name="a"/></testsuite>`, "a=passed",
			`<error> directly under suite "s" is outside of any test case and says "no db\nx"`, true},
		{"failure under the root", `<testsuites><failure/><testsuite/></testsuites>`, "", "is outside of any test case", true},
		{"empty", "", "", "the file is empty", true},
		{"space", " \n ", "", "the file is empty", true},
		{"html", "<!DOCTYPE html><html><body>502 <br> Bad & Gateway</body></html>", "", `root element is "html"`, true},
		{"json", `{"tests": 3}`, "", "not a JUnit report", true},
		{"binary", "\x1f\x8b\x08\x00\xff<\x01\x02", "", "not a JUnit report", true},
		{"nunit", `<test-results><test-case name="a"/></test-results>`, "", `root element is "test-results"`, true},
		{"other root", `<report><testsuite><testcase name="a"/></testsuite></report>`, "a=passed", "", false},
		{"too deep", strings.Repeat("<a>", 300) + "<testcase name='a'/>" + strings.Repeat("</a>", 300), "a=error!", "deeper", true},
		{"hides a failure", `<testsuite name="s" tests="1" failures="1"><testcase name="a"/></testsuite>`, "a=passed", "declares failures and errors (1)", true},
		{"declared and empty", `<testsuite name="s" tests="6"/>`, "", "declares 6 tests but has none", true},
		{"declared, all skipped", `<testsuites skipped="7"><testsuite name="s" tests="6"/></testsuites>`, "", "", false},
		{"hides one of two failures", `<testsuite name="s" failures="1" errors="1"><testcase name="a"><failure/></testcase><testcase name="b"/></testsuite>`,
			"a=failed b=passed", "declares failures and errors (2) but has 1", true},
		{"a failure for each of its failures", `<testsuite name="s" failures="2"><testcase name="a"><failure/><failure/></testcase></testsuite>`, "a=failed", "", false},
		{"fewer than declared", `<testsuite name="s" tests="5"><testcase name="a"/></testsuite>`, "a=passed", "declares 5 tests but has 1", true},
		{"fewer than declared, the others filtered", `<testsuite name="s" tests="5" skipped="1" filtered="3"><testcase name="a"/></testsuite>`, "a=passed", "", false},
		{"fewer than declared around", `<testsuites name="s" tests="5"><testsuite tests="1"><testcase name="a"/></testsuite></testsuites>`,
			"a=passed", "declares 5 tests but has 1", false},
		{"fewer than declared by pytest", `<testsuite name="pytest" tests="5"><testcase name="a"/></testsuite>`, "a=passed", "declares 5 tests but has 1", false},
		{"skip", `<testsuite><testcase name="a"><skip/></testcase></testsuite>`, "a=skipped", "", false},
		{"unknown child", `<testsuite><testcase name="a"><todo/></testcase></testsuite>`, "a=passed", "unknown element <todo>", false},
		{"unknown element elsewhere", `<testsuite><testcase name="a"><properties><x/></properties><failure><y/></failure></testcase><z/></testsuite>`,
			"a=failed", "", false},
		{"success is false", `<testsuite><testcase name="a" success="false"/></testsuite>`, "a=passed", "but no failure", true},
		{"two outputs", `<testsuite><testcase name="a"><system-out>1</system-out><system-out>2</system-out></testcase><system-err>3</system-err><system-err/>` +
			`<system-err>4</system-err></testsuite>`, "a=passed", "", false},
		{"more than declared", `<testsuite name="s" tests="1"><testcase name="a"/><testcase name="b"/></testsuite>`, "a=passed b=passed", "", false},
		{"case in an output", `<testsuite><testcase name="a"><system-out><testcase name="b"/></system-out></testcase></testsuite>`, "b=passed a=passed", "", false},
		{"markup in an output", `<testsuite><testcase name="a"><system-out>x<failure/></system-out></testcase></testsuite>`, "a=passed", "", false},
		{"failure within an attempt that failed too", `<testsuite><testcase name="a"><rerunFailure>x<failure/></rerunFailure></testcase></testsuite>`,
			"a=passed", "not known how it ended", true},
		{"failure within an attempt before a pass", `<testsuite><testcase name="a"><flakyError><x><error/></x></flakyError></testcase></testsuite>`,
			"a=passed", "not known how it ended", true},
		{"failure within a failure", `<testsuite><testcase name="a"><failure>x<failure/></failure></testcase></testsuite>`, "a=failed", "", false},
		{"failure within a skip", `<testsuite><testcase name="a"><skipped>x<failure/></skipped></testcase></testsuite>`, "a=skipped", "within a text", false},
		{"repeated in vain without a failure", `<testsuite><testcase name="a"><rerunFailure message="m"/></testcase></testsuite>`,
			"a=passed", "repeated in vain", true},
		{"repeated in vain after a failure", `<testsuite><testcase name="a"><error/><rerunFailure message="m"/></testcase></testsuite>`, "a=error", "", false},
		{"comments", `<testsuite><!-- <testcase name="x"/> - > --><testcase name="a"/></testsuite>`, "a=passed", "", false},
		{"instruction", `<?xml-stylesheet href="?>"?><testsuite><?pi <testcase?><testcase name="a"/></testsuite>`, "a=passed", "text outside", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cases, sum := readAll(t, tt.report)
			if got := statuses(cases); got != tt.want {
				t.Errorf("cases: got %s, want %s", got, tt.want)
			}
			if sum.Tests != len(cases) || sum.LosesEvidence() != tt.loses {
				t.Errorf("%d tests, loses evidence %t, want %d, %t:\n%s", sum.Tests, sum.LosesEvidence(), len(cases), tt.loses, messages(sum.Problems))
			}
			if got := messages(sum.Problems); tt.problem == "" && got != "" || !strings.Contains(got, tt.problem) {
				t.Errorf("problems: got %q, want %q", got, tt.problem)
			}
			checkChunks(t, tt.report, cases, sum)
		})
	}
}

// checkChunks reads a report byte by byte: the result must be the same.
func checkChunks(t *testing.T, report string, cases []Case, sum Summary) {
	t.Helper()
	for _, r := range []io.Reader{iotest.OneByteReader(strings.NewReader(report)), iotest.DataErrReader(strings.NewReader(report))} {
		var again []Case
		got, err := Read(r, Options{}, func(c Case) error { again = append(again, c); return nil })
		if err != nil || !cmp.Equal(got, sum) || !cmp.Equal(again, cases) {
			t.Errorf("in other chunks: %v\n%s%s", err, cmp.Diff(sum, got), cmp.Diff(cases, again))
		}
	}
}

// wide makes UTF-16 of a text.
func wide(s string, big bool) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		pair := []byte{byte(u), byte(u >> 8)}
		if big {
			pair[0], pair[1] = pair[1], pair[0]
		}
		b.Write(pair)
	}
	return b.String()
}

func TestCallbackErrorEndsTheReading(t *testing.T) {
	stop := errors.New("stop")
	n := 0
	_, err := Read(strings.NewReader(`<testsuite><testcase/><testcase/></testsuite>`), Options{}, func(Case) error { n++; return stop })
	if !errors.Is(err, stop) || n != 1 {
		t.Errorf("got %v after %d cases", err, n)
	}
	_, err = Read(strings.NewReader(`<testsuite><testcase/></testsuite>`), Options{Suite: func(Suite) error { return stop }}, func(Case) error { return nil })
	if !errors.Is(err, stop) {
		t.Errorf("suite: got %v", err)
	}
}

func TestReaderFails(t *testing.T) {
	broken := errors.New("disk on fire")
	r := io.MultiReader(strings.NewReader(`<testsuite><testcase name="a"/>`), iotest.ErrReader(broken))
	sum, err := Read(r, Options{}, func(Case) error { return nil })
	if err != nil || sum.Passed != 1 || !strings.Contains(messages(sum.Problems), "true 1:32: the rest of the file cannot be read: disk on fire") {
		t.Errorf("%v\n%s", err, messages(sum.Problems))
	}
}

func TestTooLarge(t *testing.T) {
	report := `<testsuite><testcase name="a"/><testcase name="b"/></testsuite>`
	sum, err := Read(strings.NewReader(report), Options{MaxBytes: 40}, func(Case) error { return nil })
	if err != nil || sum.Passed != 1 || sum.Errors != 1 || !sum.LosesEvidence() || !strings.Contains(messages(sum.Problems), "larger than the limit") {
		t.Errorf("%v %+v\n%s", err, sum.Counts, messages(sum.Problems))
	}
}

func TestProblemsAreBounded(t *testing.T) {
	_, sum := readAll(t, `<testsuite>`+strings.Repeat(`<testcase name="a" time="NaN"/>`, 1000)+`</testsuite>`)
	if len(sum.Problems) != problemsPerKind || !strings.HasSuffix(sum.Problems[problemsPerKind-1].Message, "(and 997 more like it)") {
		t.Errorf("got %d problems\n%s", len(sum.Problems), messages(sum.Problems))
	}
}
