package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// TestStatedEvidence: a test states facts by properties; it cannot state what only the gate finds.
func TestStatedEvidence(t *testing.T) {
	word := func(e Evidence) string {
		return strings.TrimSuffix(string(e.Kind)+"/"+e.Name, "/") + "=" + e.Text + " [" + e.Source + "]"
	}
	for name, tc := range map[string]struct {
		given []Property
		want  string
	}{
		"known first, in one order": {[]Property{{"e2e.cart", "3 lines", ""}, {"e2e.missing", "RiskScoreCompleted", ""}, {"e2e.entity", "CASE-123", "property of the test case"}},
			"entity=CASE-123 [property of the test case e2e.entity]; missing=RiskScoreCompleted [e2e.missing]; property/cart=3 lines [e2e.cart]"},
		"other spellings":  {[]Property{{"e2e.correlation_id", "c-1", ""}, {"e2e.trace_id", "t-1", ""}}, "correlation=c-1 [e2e.correlation_id]; trace=t-1 [e2e.trace_id]"},
		"the gate's own":   {[]Property{{"e2e.crash", "x", ""}, {"e2e.health", "ok", ""}, {"e2e.property", "y", ""}}, "property/crash=x [e2e.crash]; property/health=ok [e2e.health]; property/property=y [e2e.property]"},
		"of others":        {[]Property{{"owner", "me", ""}, {"e2e.", "x", ""}, {"e2e.state", "  ", ""}, {"E2E.STATE", "x", ""}}, ""},
		"an opinion":       {[]Property{{"e2e.category", " TEST_BUG ", ""}}, "triage=the suite itself calls this TEST_BUG [e2e.category]"},
		"no category":      {[]Property{{"e2e.category", "fine", ""}}, "property/category=fine [e2e.category]"},
		"twice the same":   {[]Property{{"e2e.state", "A", ""}, {"e2e.state", "A", "property of its suite"}}, "state=A [e2e.state]"},
		"twice, different": {[]Property{{"e2e.state", "A", ""}, {"e2e.state", "B", ""}}, "state=A [e2e.state]; state=B [e2e.state]"},
	} {
		var got []string
		for _, e := range StatedEvidence(tc.given) {
			got = append(got, word(e))
		}
		if text := strings.Join(got, "; "); text != tc.want {
			t.Errorf("%s:\n%s, want\n%s", name, text, tc.want)
		}
	}
	var many []Property
	for i := range StatedMost + 3 {
		many = append(many, Property{Name: fmt.Sprintf("e2e.n%d", i), Value: "x"})
	}
	many = append(many, Property{Name: "e2e.actual", Value: "the last, and known"})
	list := StatedEvidence(many)
	if len(list) != StatedMost+1 || list[0].Kind != EvidenceActual || !strings.Contains(list[StatedMost].Text, "4 more") {
		t.Errorf("%d, first %v, last %v", len(list), list[0], list[len(list)-1])
	}
}
