package asserted_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/asserted"
	"github.com/org/e2e-gate/internal/testkit/golden"
)

// sample is the text of a failure.
type sample struct{ name, message, details string }

// samplesOf reads a file of samples: "==== name", the message, and behind "---- details" what else the failure says.
func samplesOf(tb testing.TB, file string) []sample {
	tb.Helper()
	data, err := os.ReadFile(file) //nolint:gosec // ours
	if err != nil {
		tb.Fatal(err)
	}
	var list []sample
	for _, one := range strings.Split("\n"+string(data), "\n==== ")[1:] {
		name, text, _ := strings.Cut(one, "\n")
		message, details, _ := strings.Cut(text, "\n---- details\n")
		list = append(list, sample{name, message, details})
	}
	return list
}

// TestLibraries shows what is read of what libraries write: libraries.txt is their output, as they printed it when they were run;
// written.txt has others after their documentation, and texts that must not be read.
func TestLibraries(t *testing.T) {
	for _, name := range []string{"libraries", "written"} {
		var b strings.Builder
		for _, s := range samplesOf(t, "testdata/"+name+".txt") {
			fmt.Fprintf(&b, "==== %s\n", s.name)
			v, ok := asserted.Read(s.message, s.details)
			if !ok {
				fmt.Fprintf(&b, "no values\nheadline  %s\n", asserted.Headline(s.message, s.details))
				continue
			}
			fmt.Fprintf(&b, "about     %q\nexpected  %q\nactual    %q\nin a line %s\n", v.About, v.Expected, v.Actual, v.OneLine())
		}
		golden.File(t, "testdata/"+name+".golden.txt", b.String())
	}
}

// TestSides holds what a wrong guess would turn around: in each of these texts 200 was expected and 503 came.
func TestSides(t *testing.T) {
	source := "def test():\n>       assert %s\nE       assert %s\n"
	for _, s := range []sample{
		{"junit", "expected: <200> but was: <503>", ""},
		{"node with a legend", "Expected values to be strictly equal:\n+ actual - expected\n\n+ 503\n- 200\n", ""},
		{"node without", "Expected values to be strictly equal:\n\n503 !== 200\n", ""},
		{"cmp", "mismatch (-want +got):\n  int(\n- \t200,\n+ \t503,\n  )\n", ""},
		{"cmp, the other way", "mismatch (-got +want):\n  int(\n- \t503,\n+ \t200,\n  )\n", ""},
		{"phpunit", "", "Failed asserting that two numbers are equal.\n--- Expected\n+++ Actual\n@@ @@\n-200\n+503\n"},
		{"jest", "expect(received).toEqual(expected)\n\n- Expected\n+ Received\n\n- 200\n+ 503\n", ""},
		{"chai", "expected 503 to equal 200", ""},
		{"go", "status = 503, want 200", ""},
		{"go, wanted first", "want 200, got 503", ""},
		{"labels", "got: 503\nwant: 200", ""},
		{"pytest, literal right", "assert 503 == 200", fmt.Sprintf(source, "r.status == 200", "503 == 200")},
		{"pytest, literal left", "assert 200 == 503", fmt.Sprintf(source, "200 == r.status", "200 == 503")},
		{"pytest, a list", "assert [503] == [200]", fmt.Sprintf(source, "list(codes) == [200]", "[503] == [200]")},
		{"pytest, approximately", "assert 503 == 200 ± 1", fmt.Sprintf(source, "code == pytest.approx(200, abs=1)", "503 == 200 ± 1")},
		{"pytest, with a message", "assert 503 == 200", fmt.Sprintf(source, "r.status == 200, 'not paid'", "503 == 200")},
		{"pytest, named", "assert 200 == 503", fmt.Sprintf(source, "expected == r.status", "200 == 503")},
	} {
		v, ok := asserted.Read(s.message, s.details)
		if !ok || !strings.Contains(v.Expected, "200") || !strings.Contains(v.Actual, "503") || strings.Contains(v.Expected, "503") {
			t.Errorf("%s: %v, expected %q, actual %q", s.name, ok, v.Expected, v.Actual)
		}
	}
	for _, s := range []sample{
		{"pytest without source", "assert 503 == 200", ""},
		{"pytest, a list of what a loop finds", "assert [503] == [200]", fmt.Sprintf(source, "[o.status for o in orders] == wanted_of(x)", "[503] == [200]")},
		{"pytest, a list of names", "assert [503] == [200]", fmt.Sprintf(source, "[a] == b", "[503] == [200]")},
		{"pytest, two names", "assert 503 == 200", fmt.Sprintf(source, "a == b", "503 == 200")},
		{"pytest, two literals", "assert 503 == 200", fmt.Sprintf(source, "503 == 200", "503 == 200")},
		{"unittest", "AssertionError: 503 != 200", ""},
		{"words of JUnit in a value", "expected: <x> but was: <y> but was: <200>", ""},
	} {
		if v, ok := asserted.Read(s.message, s.details); ok {
			t.Errorf("%s: read as expected %q, actual %q, though the text does not say which is which", s.name, v.Expected, v.Actual)
		}
	}
}

// TestRelationsAreKept: what was compared by another relation than equality says so.
func TestRelationsAreKept(t *testing.T) {
	for message, want := range map[string]string{
		"expected 'hello' to include 'bye'": "expected to include 'bye', actual 'hello'",
		"expect(received).toContain(expected)\n\nExpected substring: \"b\"\nReceived string:    \"a\"": `expected to contain "b", actual "a"`,
		"Expecting actual:\n  \"hello\"\nto contain:\n  \"bye\"":                                       `expected to contain "bye", actual "hello"`,
		"expected 1 to be above 5": "expected above 5, actual 1",
	} {
		if v, _ := asserted.Read(message, ""); v.OneLine() != want {
			t.Errorf("%q: %s, want %s", message, v.OneLine(), want)
		}
	}
}

func TestOneLine(t *testing.T) {
	long := strings.Repeat("x", 300)
	for name, c := range map[string]struct{ expected, actual, want string }{
		"short":          {"200", "503", "expected 200, actual 503"},
		"long":           {long + "a" + long, long + "b" + long, "expected …" + long[:24] + "a" + long[:24] + "…, actual …" + long[:24] + "b" + long[:24] + "…"},
		"a line changed": {"a\nb\nc", "a\nB\nc", "expected b, actual B"},
		"two changes":    {"a\nb\nc\nd", "A\nb\nc\nD", "expected a, actual A (and 1 more difference)"},
		"a line missing": {"a\nb\nc", "a\nc", "missing b"},
		"a line more":    {"a\nc", "a\nb\nc", "unexpected b"},
		"many bytes": {strings.Repeat("é", 200) + "a", strings.Repeat("é", 200) + "b",
			"expected …" + strings.Repeat("é", 12) + "a, actual …" + strings.Repeat("é", 12) + "b"},
	} {
		if got := (asserted.Values{Expected: c.expected, Actual: c.actual}).OneLine(); got != c.want {
			t.Errorf("%s: %s\nwant %s", name, got, c.want)
		}
	}
}

// FuzzRead: values and headline are never invented: each line of them stands in the text. The two values differ, and are bounded.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"libraries", "written"} {
		for _, s := range samplesOf(f, "testdata/"+name+".txt") {
			f.Add(s.message, s.details)
		}
	}
	f.Fuzz(func(t *testing.T, message, details string) {
		text := plain(message + "\n" + details)
		v, ok := asserted.Read(message, details)
		if !ok {
			if v != (asserted.Values{}) {
				t.Fatalf("half a value: %+v", v)
			}
		} else {
			if v.Expected == v.Actual || strings.TrimSpace(v.Expected) == "" || strings.TrimSpace(v.Actual) == "" || len(v.Expected)+len(v.Actual) > 40<<10 {
				t.Fatalf("useless values %q and %q", v.Expected, v.Actual)
			}
			for word := range strings.FieldsSeq(relations.ReplaceAllString(v.Expected, "") + " " + v.Actual) {
				if word = plain(word); word != "(nothing)" && !strings.Contains(text, word) {
					t.Fatalf("%q is not in the text", word)
				}
			}
		}
		if h := asserted.Headline(message, details); strings.Contains(h, "\n") || len(h) > 1<<20 {
			t.Fatalf("headline %.200q", h)
		}
		_ = v.OneLine()
		checkDiff(t, message, details)
	})
}

var (
	// relations are words of ours, where a library says by the name of its function how it compared.
	relations = regexp.MustCompile(`^to (?:contain|match) `)
	marks     = regexp.MustCompile("\x1b\\[[0-9;?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|[\\s\u00a0\\[\\]:]")
)

// plain is a text without what reading may take away or join: colours, spaces, colons, and JUnit 4's brackets.
func plain(s string) string { return marks.ReplaceAllString(s, "") }

func TestDiff(t *testing.T) {
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprint("line ", i)
	}
	changed := append([]string(nil), many...)
	changed[50] = "line fifty"
	var b strings.Builder
	for _, l := range asserted.Diff(strings.Join(many, "\n"), strings.Join(changed, "\n")) {
		fmt.Fprintf(&b, "%c %s [%s]\n", l.Sign, l.Text, l.Changed.Of(l.Text))
	}
	want := "@ 47 equal lines []\n  line 47 []\n  line 48 []\n  line 49 []\n- line 50 [50]\n+ line fifty [fifty]\n" +
		"  line 51 []\n  line 52 []\n  line 53 []\n@ 46 equal lines []\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	for _, c := range [][2]string{{"", ""}, {"a", ""}, {"a\nb\nc\nd", "b\nd\ne"}, {"x\ny", "y\nx"}, {strings.Repeat("a\nb\n", 300), strings.Repeat("b\nc\n", 300)}} {
		checkDiff(t, c[0], c[1])
	}
}

// checkDiff holds that both values can be put together again of their difference, where no lines are left out.
func checkDiff(t *testing.T, a, b string) {
	t.Helper()
	var left, right []string
	for _, l := range asserted.Diff(a, b) {
		if l.Changed.From < 0 || l.Changed.To < l.Changed.From || l.Changed.To > len(l.Text) {
			t.Fatalf("changed %v of %q", l.Changed, l.Text)
		}
		switch l.Sign {
		case '@':
			return
		case '-':
			left = append(left, l.Text)
		case '+':
			right = append(right, l.Text)
		default:
			left, right = append(left, l.Text), append(right, l.Text)
		}
	}
	if got, want := strings.Join(left, "\n"), strings.TrimRight(a, "\n"); got != want {
		t.Fatalf("expected side %q, want %q", got, want)
	}
	if got, want := strings.Join(right, "\n"), strings.TrimRight(b, "\n"); got != want {
		t.Fatalf("actual side %q, want %q", got, want)
	}
}

// TestHostileTextsAreRead quickly: the time of each reader grows with its text, which is bounded.
func TestHostileTextsAreRead(t *testing.T) {
	for _, piece := range []string{"expected ", "expected: <", "Expected: {\n", "got want ", " to be ", "- Expected\n+ Received\n", "E   ", "\x1b[", "assert (", "[", "Error:\t", "expect(", "1) ", "x = "} {
		text := strings.Repeat(piece, 1<<20/len(piece))
		if v, ok := asserted.Read(text, text); ok && (len(v.Expected) > 40<<10 || len(v.Actual) > 40<<10) {
			t.Errorf("%q: values of %d and %d bytes", piece, len(v.Expected), len(v.Actual))
		}
		if h := asserted.Headline(text, text); len(h) > 64<<10 {
			t.Errorf("%q: a headline of %d bytes", piece, len(h))
		}
	}
}
