package junit

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gojunit "github.com/joshdk/go-junit"
	"golang.org/x/net/html/charset"
)

// corpora is where reports of real producers lie, beside the repository. They are
// not ours to copy into it.
const corpora = "../../../shared/corpora/junit"

// eachReport calls f with every report of the corpora.
func eachReport(t *testing.T, f func(t *testing.T, path string, data []byte)) {
	t.Helper()
	if _, err := os.Stat(corpora); err != nil {
		t.Skipf("the corpora of JUnit reports are not beside the repository: %v", err)
	}
	err := filepath.WalkDir(corpora, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, ".md") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(corpora, path)
		t.Run(name, func(t *testing.T) { f(t, path, data) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// node is an element as encoding/xml sees it.
type node struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Nodes   []node     `xml:",any"`
}

func (n node) attr(name string) string {
	for _, a := range n.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (n node) holds(names ...string) bool {
	for _, child := range n.Nodes {
		for _, name := range names {
			if child.XMLName.Local == name {
				return true
			}
		}
	}
	return false
}

// countNode counts by the words of the contract, independently of the reader.
func countNode(n node, into *Counts) {
	if n.XMLName.Local == "testcase" {
		into.Tests++
		seconds, _ := parseSeconds(n.attr("time"))
		into.Seconds += seconds
		red := false
		switch status := strings.ToLower(n.attr("status")); {
		case n.holds("error"):
			into.Errors++
			red = true
		case n.holds("failure"):
			into.Failed++
			red = true
		case n.holds("skipped"), status == "notrun", status == "disabled", status == "skipped":
			into.Skipped++
		default:
			into.Passed++
		}
		if n.holds("flakyFailure", "flakyError") && !red {
			into.Flaky++
		}
	}
	for _, child := range n.Nodes {
		countNode(child, into)
	}
}

func TestCorporaAgreeWithEncodingXML(t *testing.T) {
	compared := 0
	eachReport(t, func(t *testing.T, _ string, data []byte) {
		sum, err := Read(bytes.NewReader(data), Options{}, func(Case) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if starts := countWord(data, "<testcase"); sum.Passed > starts {
			t.Errorf("%d passes of %d cases", sum.Passed, starts)
		}
		var root node
		d := xml.NewDecoder(bytes.NewReader(data))
		d.CharsetReader = charset.NewReaderLabel
		if err := d.Decode(&root); err != nil {
			// It knows no UTF-16 and no XML 1.1, which are well-formed all the same.
			peculiar := bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.Contains(data, []byte(`version="1.1"`))
			if len(sum.Problems) == 0 && !peculiar {
				t.Errorf("encoding/xml refuses it and we have no problem: %v", err)
			}
			return
		}
		compared++
		var want Counts
		countNode(root, &want)
		if math.Abs(want.Seconds-sum.Seconds) > 1e-6 {
			t.Errorf("seconds: got %v, want %v", sum.Seconds, want.Seconds)
		}
		want.Seconds = sum.Seconds
		if sum.Counts != want {
			t.Errorf("got %+v, want %+v\n%s", sum.Counts, want, messages(sum.Problems))
		}
	})
	if compared < 100 && !t.Failed() {
		t.Errorf("only %d reports were compared", compared)
	}
}

// countWord counts a word also where it is written in UTF-16.
func countWord(data []byte, word string) int {
	return bytes.Count(bytes.ReplaceAll(data, []byte{0}, nil), []byte(word))
}

func TestCorporaAgreeWithGoJUnit(t *testing.T) {
	eachReport(t, func(t *testing.T, _ string, data []byte) {
		suites, err := gojunit.Ingest(data)
		if err != nil {
			return
		}
		var theirs []gojunit.Test
		for _, s := range suites {
			theirs = append(theirs, testsOf(s)...)
		}
		var ours []Case
		if _, err := Read(bytes.NewReader(data), Options{}, func(c Case) error { ours = append(ours, c); return nil }); err != nil {
			t.Fatal(err)
		}
		if len(ours) != len(theirs) {
			// go-junit sees no case outside of a suite, and puts inner suites last.
			t.Skipf("%d cases, go-junit %d", len(ours), len(theirs))
		}
		for i, c := range ours {
			compareWithGoJUnit(t, c, theirs[i])
		}
	})
}

func testsOf(s gojunit.Suite) []gojunit.Test {
	tests := s.Tests
	for _, inner := range s.Suites {
		tests = append(tests, testsOf(inner)...)
	}
	return tests
}

// compareWithGoJUnit compares what go-junit reads right: a case with one result
// at most that holds only text.
func compareWithGoJUnit(t *testing.T, c Case, theirs gojunit.Test) {
	t.Helper()
	if c.Name != theirs.Name {
		return
	}
	if len(c.Results) > 1 || c.Flaky() || didNotRun(c.Claim) {
		return
	}
	if c.Status == StatusFailed && theirs.Status == gojunit.StatusSkipped {
		return // A failure, then <skipped>: go-junit lets the last win.
	}
	if string(c.Status) != string(theirs.Status) {
		t.Errorf("%s: %s, go-junit %s", c.Name, c.Status, theirs.Status)
	}
	var failure gojunit.Error
	if !errors.As(theirs.Error, &failure) || len(c.Results) != 1 || strings.ContainsRune(failure.Body, '\r') || strings.Contains(failure.Body, "<!--") {
		return // go-junit keeps comments and carriage returns as text.
	}
	if got := c.Results[0]; got.Text.Cut == 0 && (got.Text.Value != failure.Body || got.Message != failure.Message || got.Type != failure.Type) {
		t.Errorf("%s: %+v, go-junit %+v", c.Name, got, failure)
	}
}

func TestCorporaTruncated(t *testing.T) {
	eachReport(t, func(t *testing.T, _ string, data []byte) {
		if len(data) > 20_000 {
			t.Skip("too long to cut everywhere")
		}
		whole, _ := Read(bytes.NewReader(data), Options{}, func(Case) error { return nil })
		end := len(bytes.TrimRight(data, " \r\n\t\x00"))
		step := max(1, end/40)
		for cut := 0; cut < end; cut += step {
			checkCut(t, data[:cut], whole.Passed, len(whole.Problems) > 0)
		}
	})
}

// checkCut reads a report that is cut: not more passes, and a problem.
func checkCut(t *testing.T, data []byte, passed int, damaged bool) {
	t.Helper()
	sum, err := Read(bytes.NewReader(data), Options{}, func(Case) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if sum.Passed > passed {
		t.Errorf("cut at %d: %d passes, %d in the whole", len(data), sum.Passed, passed)
	}
	if !sum.LosesEvidence() && !damaged {
		t.Errorf("cut at %d: nothing is said to be lost\n%s", len(data), messages(sum.Problems))
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0"?><testsuites><testsuite name="s" tests="1" time="1,5"><properties><property name="tag" value="x"/></properties><testcase name="a" classname="c" time="1"><failure message="m" type="T"><![CDATA[x]]></failure><system-out>[[ATTACHMENT|a.png]]</system-out></testcase></testsuite></testsuites>`))
	f.Add([]byte(`<testsuite><testcase name="a"><flakyFailure><stackTrace>s</stackTrace><system-out>o</system-out></flakyFailure></testcase><testcase/></testsuite>`))
	f.Add([]byte("\xff\xfe<\x00t\x00e\x00s\x00t\x00c\x00a\x00s\x00e\x00/\x00>\x00"))
	f.Add([]byte(`<!DOCTYPE t [<!ENTITY e "'>">]><testsuite>&e;<testcase name='a<b' x=1 y/></testsuite>x<testcase>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m := &Merger{}
		sum, err := Read(bytes.NewReader(data), Options{}, m.Add)
		if err != nil {
			t.Fatal(err)
		}
		if sum.Tests != sum.Passed+sum.Failed+sum.Errors+sum.Skipped || math.IsNaN(sum.Seconds) || math.IsInf(sum.Seconds, 0) {
			t.Fatalf("counts do not add up: %+v", sum.Counts)
		}
		if declaredEncoding(data) == "" && sum.Passed > countWord(data, "testcase") {
			t.Fatalf("%d passes of %d cases", sum.Passed, countWord(data, "testcase"))
		}
		if sum.Tests == 0 && len(sum.Problems) == 0 && !bytes.Contains(bytes.ReplaceAll(data, []byte{0}, nil), []byte("testsuite")) {
			t.Fatal("nothing was read and nothing is wrong")
		}
		again, err := Read(io.MultiReader(bytes.NewReader(data[:len(data)/2]), bytes.NewReader(data[len(data)/2:])), Options{}, func(Case) error { return nil })
		if err != nil || again.Counts != sum.Counts || len(again.Problems) != len(sum.Problems) {
			t.Fatalf("in two halves: %+v, in one: %+v", again, sum)
		}
	})
}
