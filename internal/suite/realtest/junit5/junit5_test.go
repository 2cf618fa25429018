// Package junit5 runs the example junit5 with real Maven.
package junit5

import (
	"testing"

	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

func TestExamples(t *testing.T) {
	realsuite.Examples(t,
		realsuite.Example{
			Name: "junit5", Install: realsuite.Maven,
			Failed:  []string{"com.acme.cases.CaseIT::countsApprovals(int, TestReporter)", "com.acme.cases.RulesTest::approves()"},
			Flaky:   []string{"com.acme.cases.CaseIT$Notes::notifies()", "com.acme.cases.RulesTest::isOnTime()"},
			Skipped: []string{"com.acme.cases.CaseIT::audits()", "com.acme.cases.CaseIT::needsMail()"},
			Crashes: "com.acme.cases.CaseIT::escalates()", Before: "com.acme.cases.RulesTest::adds()",
		},
	)
}

func TestContract(t *testing.T) { realsuite.PlayTogether(t, "junit5-maven", realsuite.Maven) }
