//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// The ways in which the suite can be told to misbehave, by E2E_FAULT.
const (
	faultNone     = "none"     // nothing; says so where a default would step in
	faultUnstable = "unstable" // TestEscalationDecisionIsVisibleAtOnce fails in its first attempt
	faultCrash    = "crash"    // TestRejectedEscalationReturnsToTheOfficer panics
	faultSlow     = "slow"     // TestReassignedCaseKeepsItsHistory takes 3 s longer
)

var faults []string

func TestMain(m *testing.M) {
	known := []string{faultNone, faultUnstable, faultCrash, faultSlow}
	for word := range strings.SplitSeq(os.Getenv("E2E_FAULT"), ",") {
		word = strings.TrimSpace(word)
		if word != "" && !slices.Contains(known, word) {
			fmt.Fprintf(os.Stderr, "e2e: unknown word %q in E2E_FAULT; use some of %s\n", word, strings.Join(known, ", "))
			os.Exit(2)
		}
		faults = append(faults, word)
	}
	os.Exit(m.Run())
}

func fault(word string) bool { return slices.Contains(faults, word) }

// firstAttempt is false in the gate's diagnostic rerun.
func firstAttempt() bool { return env("E2E_ATTEMPT", "1") == "1" }

// env returns the variable, or the fallback where it is unset or empty.
func env(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}
