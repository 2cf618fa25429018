package report

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"math"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// Bounds of texts in JUnit XML, in bytes.
const (
	xmlName    = 4 << 10
	xmlMessage = 16 << 10
	xmlDetails = 256 << 10
)

type xmlSuites struct {
	XMLName xml.Name   `xml:"testsuites"`
	Name    string     `xml:"name,attr"`
	Suites  []xmlSuite `xml:"testsuite"`
}

type xmlSuite struct {
	Name      string    `xml:"name,attr"`
	Tests     int       `xml:"tests,attr"`
	Failures  int       `xml:"failures,attr"`
	Errors    int       `xml:"errors,attr"`
	Skipped   int       `xml:"skipped,attr"`
	Time      string    `xml:"time,attr"`
	Timestamp string    `xml:"timestamp,attr,omitempty"`
	Cases     []xmlCase `xml:"testcase"`
	seconds   float64
}

type xmlCase struct {
	Classname  string        `xml:"classname,attr"`
	Name       string        `xml:"name,attr"`
	File       string        `xml:"file,attr,omitempty"`
	Line       int           `xml:"line,attr,omitempty"`
	Time       string        `xml:"time,attr"`
	Properties []xmlProperty `xml:"properties>property,omitempty"`
	Skipped    *xmlResult    `xml:"skipped,omitempty"`
	Failure    *xmlResult    `xml:"failure,omitempty"`
	Error      *xmlResult    `xml:"error,omitempty"`
	Reruns     []xmlResult   `xml:"rerunFailure,omitempty"`
	Flaky      []xmlResult   `xml:"flakyFailure,omitempty"`
}

type xmlProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type xmlResult struct {
	Message string `xml:"message,attr,omitempty"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// JUnit renders the merged result as JUnit XML: one case for each test, in suites.
// A flaky test passes with a flakyFailure for each attempt that failed; a test
// without a result is an error; subtests are not listed, since they count in their
// parent. Texts are cleaned, so no character is one that XML forbids.
func JUnit(r e2e.Result) []byte {
	doc := xmlSuites{Name: "e2e-gate"}
	index := map[string]int{}
	for i := range r.Tests {
		t := &r.Tests[i]
		at, ok := index[t.Suite]
		if !ok {
			at = len(doc.Suites)
			index[t.Suite] = at
			doc.Suites = append(doc.Suites, xmlSuite{Name: safetext.Line(cmp.Or(t.Suite, "tests"), xmlName), Timestamp: xmlTime(r.Run.Started)})
		}
		doc.Suites[at].add(xmlCaseOf(r.Run, t), lastSeconds(t))
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	e := xml.NewEncoder(&b)
	e.Indent("", "  ")
	// Encoding strings and numbers into memory cannot fail.
	_ = e.Encode(doc)
	b.WriteString("\n")
	return b.Bytes()
}

func (s *xmlSuite) add(c xmlCase, seconds float64) {
	s.Cases = append(s.Cases, c)
	s.Tests++
	switch {
	case c.Error != nil:
		s.Errors++
	case c.Failure != nil:
		s.Failures++
	case c.Skipped != nil:
		s.Skipped++
	}
	s.seconds += seconds
	s.Time = xmlSeconds(s.seconds)
}

// xmlSeconds writes a duration as a plain decimal number.
func xmlSeconds(s float64) string {
	if math.IsNaN(s) || s < 0 || s > 1e9 {
		s = 0
	}
	return fmt.Sprintf("%.3f", s)
}

func xmlTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05")
}

func xmlCaseOf(run e2e.Run, t *e2e.TestResult) xmlCase {
	c := xmlCase{
		Classname: safetext.Line(cmp.Or(t.Class, t.File, t.Suite), xmlName), Name: safetext.Line(cmp.Or(t.Name, t.ID), xmlName),
		File: safetext.Line(t.File, xmlName), Line: max(t.Line, 0), Time: xmlSeconds(lastSeconds(t)), Properties: xmlProperties(run, t),
	}
	failed := xmlFailures(t)
	switch t.Outcome {
	case e2e.Passed:
	case e2e.Flaky:
		c.Flaky = failed
	case e2e.Skipped:
		c.Skipped = &xmlResult{Message: skipReason(t)}
	case e2e.Failed:
		c.Failure = &xmlResult{Message: "failed, and no attempt says why", Type: "failed"}
		if len(failed) > 0 {
			c.Failure, c.Reruns = &failed[0], failed[1:]
		}
	case e2e.Lost, e2e.NotRun, e2e.OutcomeUnknown:
		c.Error = xmlLost(t)
	default:
		c.Error = xmlLost(t)
	}
	return c
}

func xmlLost(t *e2e.TestResult) *xmlResult {
	return &xmlResult{Message: safetext.Line(reasonOf(t), xmlMessage), Type: safetext.Line(string(cmp.Or(t.Outcome, e2e.Lost)), xmlName)}
}

func skipReason(t *e2e.TestResult) string {
	if len(t.Attempts) == 0 {
		return ""
	}
	return safetext.Line(t.Attempts[len(t.Attempts)-1].Message, xmlMessage)
}

func lastSeconds(t *e2e.TestResult) float64 {
	if len(t.Attempts) == 0 {
		return 0
	}
	return t.Attempts[len(t.Attempts)-1].Seconds
}

func xmlFailures(t *e2e.TestResult) []xmlResult {
	var list []xmlResult
	for _, a := range t.Attempts {
		if a.Outcome == e2e.Failed {
			list = append(list, xmlResult{
				Message: safetext.Text(cmp.Or(a.Message, a.Type, "failed"), xmlMessage, 0), Type: safetext.Line(cmp.Or(a.Type, "failed"), xmlName),
				Text: safetext.Text(a.Details, xmlDetails, 0),
			})
		}
	}
	return list
}

// xmlProperties are metadata under the names that our own reader knows, then what
// the gate found out.
func xmlProperties(run e2e.Run, t *e2e.TestResult) []xmlProperty {
	var list []xmlProperty
	add := func(name, value string) {
		if value = safetext.Line(value, xmlName); value != "" {
			list = append(list, xmlProperty{Name: name, Value: value})
		}
	}
	add("e2e.id", t.ID)
	add("e2e.run_id", run.ID)
	add("owner", t.Owner)
	add("journey", t.Journey)
	add("criticality", kindOf(t.Test))
	add("e2e.outcome", string(t.Outcome))
	add("e2e.effect", string(t.Effect))
	add("e2e.category", string(t.Category))
	trail := trailOf(t)
	add("e2e.correlation_id", trail.Correlation)
	for _, l := range trail.Links {
		add("e2e.link."+safetext.Line(l.Name, shortText), safetext.URL(l.URL))
	}
	for _, tag := range t.Tags {
		add("tag", tag)
	}
	return list
}
