package junit

import (
	"strings"
	"time"
)

// Status is the status of one test case in a report. The zero value is unknown, which
// is not a pass.
type Status string

// The statuses of a case, by the counting rules of the report command: an error
// if it holds any <error>, else failed if it holds any <failure>, else skipped if
// it holds any <skipped> or a status attribute says that it did not run.
const (
	StatusUnknown Status = ""
	StatusPassed  Status = "passed"
	StatusFailed  Status = "failed"
	StatusError   Status = "error"
	StatusSkipped Status = "skipped"
)

// Kind is the element that a result was written as.
type Kind string

// The kinds of results. A flaky result belongs to a case that passed in the end, a
// rerun result to one that did not.
const (
	KindFailure      Kind = "failure"
	KindError        Kind = "error"
	KindFlakyFailure Kind = "flakyFailure"
	KindFlakyError   Kind = "flakyError"
	KindRerunFailure Kind = "rerunFailure"
	KindRerunError   Kind = "rerunError"
)

// Flaky reports whether the result is an earlier failure of a case that passed.
func (k Kind) Flaky() bool { return k == KindFlakyFailure || k == KindFlakyError }

// Rerun reports whether the result is a later failure of a case that failed.
func (k Kind) Rerun() bool { return k == KindRerunFailure || k == KindRerunError }

// Error reports whether the result is an unexpected error, not a failed assertion.
func (k Kind) Error() bool {
	return k == KindError || k == KindFlakyError || k == KindRerunError
}

// Text is a text of bounded length. Where something was cut, Value holds the
// head and the tail with a line between them that says how much is missing.
type Text struct {
	Value string
	// Cut is the number of bytes of UTF-8 that Value lacks.
	Cut int64
}

// Property is one <property>, in document order.
type Property struct {
	Name, Value string
}

// Result is one failure, error, or failed attempt in a case.
type Result struct {
	Kind    Kind
	Type    string
	Message string
	// Text is the element's text, a stack trace as a rule; markup in it is kept
	// as it was written.
	Text      Text
	SystemOut Text
	SystemErr Text
	// Seconds and Started are set where the producer writes them for an attempt.
	Seconds float64
	Started time.Time
	// Comma: the time has a comma that may be decimal; see [Summary.DecimalComma].
	Comma bool
}

// Case is one <testcase> element.
type Case struct {
	// Path holds the names of the suites around the case, outermost first. It is
	// shared between cases: do not change it.
	Path []string
	// Suite is the name of the innermost suite.
	Suite string
	// SuiteFile is the file of the innermost suite that names one.
	SuiteFile string
	// Hostname is the innermost suite's; Playwright writes the project there.
	Hostname string

	Classname string
	Name      string
	File      string
	Line      int
	Seconds   float64
	// Comma: the time has a comma that may be decimal; see [Summary.DecimalComma].
	Comma bool
	// Started is the case's own timestamp, else that of its suite, in UTC; zero
	// where neither says.
	Started time.Time

	Status Status
	// Incomplete: the end of the case was not read. Status is then StatusError.
	Incomplete bool
	// Claim is the status attribute as it was written.
	Claim string

	Properties []Property
	// SuiteProperties are those of the suites around the case, outermost first,
	// as far as they were written before it. Shared: do not change it.
	SuiteProperties []Property
	// Results are all failures, errors and failed attempts in document order.
	Results []Result
	// Skipped is the reason that a skipped case gives.
	Skipped     string
	SystemOut   Text
	SystemErr   Text
	Attachments []string

	// ReportLine and ReportColumn are where the element starts in the report,
	// from 1; columns count bytes of the text as UTF-8.
	ReportLine, ReportColumn int
}

// Flaky reports whether the case holds a flaky result and no final failure.
func (c *Case) Flaky() bool {
	if c.Status == StatusError || c.Status == StatusFailed {
		return false
	}
	for i := range c.Results {
		if c.Results[i].Kind.Flaky() {
			return true
		}
	}
	return false
}

// Suite is what a <testsuite> or <testsuites> element says about itself, known
// when it ends.
type Suite struct {
	Path        []string
	Properties  []Property
	SystemOut   Text
	SystemErr   Text
	Attachments []string
	Started     time.Time
	// Cases is the number of cases in it, those of inner suites included.
	Cases int
}

// Problem is something wrong with a report, or a part of it that could not be read. The
// message is one sentence that starts with line:column.
type Problem struct {
	Message string `json:"message"`
	// LosesEvidence: a case may be missing, or may have ended differently.
	LosesEvidence bool `json:"loses_evidence"`
	// Warns: nothing is lost as far as is known, and somebody has to look.
	Warns  bool `json:"warns,omitempty"`
	Line   int  `json:"-"`
	Column int  `json:"-"`
}

// Counts are counts of <testcase> elements, before attempts are merged.
type Counts struct {
	Tests   int `json:"tests"`
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Errors  int `json:"errors"`
	Skipped int `json:"skipped"`
	// Flaky counts cases with a flaky result and no final failure; they count as
	// passed (or skipped) too.
	Flaky int `json:"flaky"`
	// Seconds is the sum of the cases' times.
	Seconds float64 `json:"seconds"`
}

func (n *Counts) add(c *Case) {
	n.Tests++
	n.Seconds += c.Seconds
	switch c.Status {
	case StatusPassed:
		n.Passed++
	case StatusFailed:
		n.Failed++
	case StatusSkipped:
		n.Skipped++
	case StatusError, StatusUnknown:
		n.Errors++
	}
	if c.Flaky() {
		n.Flaky++
	}
}

// Summary is what was read of one report.
type Summary struct {
	Counts
	Problems []Problem
	// DecimalComma: the report writes times with a decimal comma. Those that were read
	// before that was known are 1,000 times too long, where Comma is set. Counts.Seconds is
	// right.
	DecimalComma bool
}

// LosesEvidence reports whether any problem loses evidence.
func (s Summary) LosesEvidence() bool {
	for _, p := range s.Problems {
		if p.LosesEvidence {
			return true
		}
	}
	return false
}

// didNotRun reports whether a status or result attribute says that the case was
// not run: Google Test, CTest and others write that instead of <skipped>.
func didNotRun(claim string) bool {
	if claim == "" {
		return false
	}
	switch strings.ToLower(strings.TrimSpace(claim)) {
	case "notrun", "not_run", "not-run", "not run", "disabled", "skipped", "ignored", "pending", "suppressed":
		return true
	}
	return false
}

// claimsFailure reports whether a status attribute says that the case failed.
func claimsFailure(claim string) bool {
	if claim == "" {
		return false
	}
	switch strings.ToLower(strings.TrimSpace(claim)) {
	case "fail", "failed", "failure", "error", "errored", "broken", "timeout", "timedout", "aborted":
		return true
	}
	return false
}
