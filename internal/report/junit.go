package report

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"io"
	"math"
	"strconv"
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

// xmlSuite is what stands in the first line of a suite, and the tests of the result that are in it.
type xmlSuite struct {
	name, timestamp           string
	failures, errors, skipped int
	seconds                   float64
	tests                     []int
}

type xmlCase struct {
	Classname, Name, File string
	Line                  int
	Time                  string
	Properties            []xmlProperty
	Skipped               *xmlResult
	Failure, Error        *xmlResult
	Reruns, Flaky         []xmlResult
}

type xmlProperty struct{ Name, Value string }

type xmlResult struct{ Message, Type, Text string }

// JUnit renders the merged result as JUnit XML: one case for each test, in suites.
// A flaky test passes with a flakyFailure for each attempt that failed; a test
// without a result is an error; subtests are not listed, since they count in their
// parent. Texts are cleaned, so no character is one that XML forbids.
func JUnit(r e2e.Result) []byte {
	var b bytes.Buffer
	_ = WriteJUnit(&b, r) // encoding strings and numbers into memory cannot fail
	return b.Bytes()
}

// WriteJUnit is [JUnit] that writes case by case.
func WriteJUnit(w io.Writer, r e2e.Result) error {
	var suites []*xmlSuite
	index := map[string]*xmlSuite{}
	for i := range r.Tests {
		t := &r.Tests[i]
		s := index[t.Suite]
		if s == nil {
			s = &xmlSuite{name: safetext.Line(cmp.Or(t.Suite, "tests"), xmlName), timestamp: xmlTime(r.Run.Started)}
			index[t.Suite] = s
			suites = append(suites, s)
		}
		s.add(i, t)
	}
	x := newXMLWriter(w)
	x.raw(xml.Header)
	x.raw(`<testsuites`)
	x.attr("name", "e2e-gate")
	x.raw(`>`)
	for _, s := range suites {
		x.suite(s)
		var c xmlCase
		for _, i := range s.tests {
			c = xmlCaseOf(r.Run, &r.Tests[i], c.Properties[:0])
			if x.test(&c); x.err != nil {
				return x.err
			}
		}
		if len(s.tests) > 0 {
			x.raw("\n  ")
		}
		x.raw(`</testsuite>`)
	}
	if len(suites) > 0 {
		x.raw("\n")
	}
	x.raw("</testsuites>\n")
	return x.close()
}

// add counts a test as its case shows it.
func (s *xmlSuite) add(i int, t *e2e.TestResult) {
	s.tests = append(s.tests, i)
	s.seconds += lastSeconds(t)
	switch t.Outcome {
	case e2e.Passed, e2e.Flaky:
	case e2e.Failed:
		s.failures++
	case e2e.Skipped:
		s.skipped++
	case e2e.Lost, e2e.NotRun, e2e.OutcomeUnknown:
		s.errors++
	default:
		s.errors++
	}
}

// xmlSeconds writes a duration as a plain decimal number.
func xmlSeconds(s float64) string {
	if math.IsNaN(s) || s < 0 || s > 1e9 {
		s = 0
	}
	return strconv.FormatFloat(s, 'f', 3, 64)
}

func xmlTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05")
}

// xmlCaseOf makes the case of a test; its properties are put into list.
func xmlCaseOf(run e2e.Run, t *e2e.TestResult, list []xmlProperty) xmlCase {
	c := xmlCase{
		Classname: safetext.Line(cmp.Or(t.Class, t.File, t.Suite), xmlName), Name: safetext.Line(cmp.Or(t.Name, t.ID), xmlName),
		File: safetext.Line(t.File, xmlName), Line: max(t.Line, 0), Time: xmlSeconds(lastSeconds(t)), Properties: xmlProperties(run, t, list),
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
				Text: xmlText(a),
			})
		}
	}
	return list
}

// xmlText is the details of a failed attempt, or where they are.
func xmlText(a e2e.Attempt) string {
	if a.DetailsIn != "" {
		return "details: " + safetext.Line(a.DetailsIn, xmlName)
	}
	return safetext.Text(a.Details, xmlDetails, 0)
}

// xmlProperties are metadata under the names that our own reader knows, then what
// the gate found out.
func xmlProperties(run e2e.Run, t *e2e.TestResult, list []xmlProperty) []xmlProperty {
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
	add("e2e.base", baseText(*t))
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
