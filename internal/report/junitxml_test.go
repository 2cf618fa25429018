package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// The elements of encoding/xml, which writes what [xmlWriter] is to write.
type (
	plainSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Name    string       `xml:"name,attr"`
		Suites  []plainSuite `xml:"testsuite"`
	}
	plainSuite struct {
		Name      string      `xml:"name,attr"`
		Tests     int         `xml:"tests,attr"`
		Failures  int         `xml:"failures,attr"`
		Errors    int         `xml:"errors,attr"`
		Skipped   int         `xml:"skipped,attr"`
		Time      string      `xml:"time,attr"`
		Timestamp string      `xml:"timestamp,attr,omitempty"`
		Cases     []plainCase `xml:"testcase"`
	}
	plainCase struct {
		Classname  string          `xml:"classname,attr"`
		Name       string          `xml:"name,attr"`
		File       string          `xml:"file,attr,omitempty"`
		Line       int             `xml:"line,attr,omitempty"`
		Time       string          `xml:"time,attr"`
		Properties []plainProperty `xml:"properties>property,omitempty"`
		Skipped    *plainResult    `xml:"skipped,omitempty"`
		Failure    *plainResult    `xml:"failure,omitempty"`
		Error      *plainResult    `xml:"error,omitempty"`
		Reruns     []plainResult   `xml:"rerunFailure,omitempty"`
		Flaky      []plainResult   `xml:"flakyFailure,omitempty"`
	}
	plainProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	plainResult struct {
		Message string `xml:"message,attr,omitempty"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

func plainResults(list ...xmlResult) (plain []plainResult) {
	for _, r := range list {
		plain = append(plain, plainResult(r))
	}
	return plain
}

func plainOne(r *xmlResult) *plainResult {
	if r == nil {
		return nil
	}
	return &plainResult{r.Message, r.Type, r.Text}
}

// plainJUnit is [JUnit] by encoding/xml.
func plainJUnit(t rapid.TB, r e2e.Result) string {
	all := plainSuites{Name: "e2e-gate"}
	at, suites := map[string]int{}, []*xmlSuite{}
	for i := range r.Tests {
		test := &r.Tests[i]
		n, known := at[test.Suite]
		if !known {
			n = len(suites)
			at[test.Suite] = n
			name := test.Suite
			if name == "" {
				name = "tests"
			}
			suites = append(suites, &xmlSuite{name: safetext.Line(name, xmlName), timestamp: xmlTime(r.Run.Started)})
			all.Suites = append(all.Suites, plainSuite{})
		}
		suites[n].add(i, test)
		c := xmlCaseOf(r.Run, test, nil)
		one := plainCase{Classname: c.Classname, Name: c.Name, File: c.File, Line: c.Line, Time: c.Time, Skipped: plainOne(c.Skipped),
			Failure: plainOne(c.Failure), Error: plainOne(c.Error), Reruns: plainResults(c.Reruns...), Flaky: plainResults(c.Flaky...)}
		for _, p := range c.Properties {
			one.Properties = append(one.Properties, plainProperty(p))
		}
		s := suites[n]
		cases := append(all.Suites[n].Cases, one)
		all.Suites[n] = plainSuite{s.name, len(s.tests), s.failures, s.errors, s.skipped, fmt.Sprintf("%.3f", s.seconds), s.timestamp, cases}
	}
	data, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return xml.Header + string(data) + "\n"
}

// What is written by hand is, byte for byte, what encoding/xml writes.
func TestJUnitIsWrittenAsEncodingXMLDoes(t *testing.T) {
	for name, r := range results() {
		if diff := cmp.Diff(plainJUnit(t, r), string(JUnit(r))); diff != "" {
			t.Fatalf("%s: %s", name, diff)
		}
	}
	text := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune("<>&\"'\t\n\r\x00\x1f\x7f\uFFFD\uFFFE\uFFFF ]]>"))))
	outcome := rapid.SampledFrom([]e2e.Outcome{e2e.Passed, e2e.Failed, e2e.Flaky, e2e.Skipped, e2e.Lost, e2e.NotRun, ""})
	rapid.Check(t, func(t *rapid.T) {
		var r e2e.Result
		r.Run.ID = text.Draw(t, "run")
		for range rapid.IntRange(0, 4).Draw(t, "tests") {
			test := e2e.TestResult{Outcome: outcome.Draw(t, "outcome")}
			for _, s := range []*string{&test.ID, &test.Suite, &test.Name, &test.File, &test.Owner} {
				*s = text.Draw(t, "text")
			}
			test.Line, test.Tags = rapid.IntRange(-1, 2).Draw(t, "line"), rapid.SliceOfN(text, 0, 2).Draw(t, "tags")
			for range rapid.IntRange(0, 3).Draw(t, "attempts") {
				test.Attempts = append(test.Attempts, e2e.Attempt{Outcome: outcome.Draw(t, "attempt"), Seconds: rapid.Float64Range(0, 9).Draw(t, "seconds"),
					Message: text.Draw(t, "message"), Type: text.Draw(t, "type"), Details: text.Draw(t, "details")})
			}
			r.Tests = append(r.Tests, test)
		}
		if diff := cmp.Diff(plainJUnit(t, r), string(JUnit(r))); diff != "" {
			t.Fatal(diff)
		}
	})
	// Characters that no clean text has are escaped all the same.
	var got, want bytes.Buffer
	for c := range rune(0x11000) {
		s := string(c) + "a\xff" + strings.Repeat(string(c), 2)
		x := newXMLWriter(&got)
		x.text(s)
		if err := x.close(); err != nil {
			t.Fatal(err)
		}
		if err := xml.EscapeText(&want, []byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Error("a character is escaped in another way")
	}
}
