package triage

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
)

func TestRulesAgainstThePast(t *testing.T) {
	var inputs []Input
	for i, message := range []string{wrong, wrong, refused, duplicate, "fixture 'db' not found", "zork"} {
		inputs = append(inputs, stable(Input{ID: fmt.Sprint(i), Message: message}, HealthFailed, RerunPassed))
	}
	uses := mustNew(t,
		Rule{Category: env, When: When{Message: "refused"}}, Rule{Category: env, When: When{Message: "connection refused"}},
		Rule{Category: data, When: When{Text: "nowhere"}},
		Rule{Category: test, When: When{Health: "failed"}},
	).Against(inputs)
	want := []RuleUse{
		{Number: 1, Matches: 1, Decides: 1, Categories: []e2e.Category{env}},
		{Number: 2, Matches: 1, Categories: []e2e.Category{env}},
		{Number: 3},
		{Number: 4, Matches: 6, Decides: 5, Categories: []e2e.Category{test, env, data}},
	}
	if diff := cmp.Diff(want, uses); diff != "" {
		t.Error(diff)
	}
	for _, tt := range []struct {
		use      RuleUse
		failures int
		want     string
	}{
		{RuleUse{Matches: 1, Decides: 1}, 6, ""},
		{RuleUse{}, 6, "it matches none of 6 failures"},
		{RuleUse{}, 0, ""},
		{RuleUse{Matches: 2}, 6, "rules before it match all of the 2 failures that it matches"},
		{RuleUse{Matches: 6, Decides: 6}, 9, ""},
		{RuleUse{Matches: 6, Decides: 6}, 12, ""},
		{RuleUse{Matches: 7, Decides: 6}, 12, "it matches 7 of 12 failures"},
		{RuleUse{Matches: 3, Decides: 3, Categories: []e2e.Category{test, env, data}}, 20, "it matches failures of several kinds"},
		{RuleUse{Matches: 3, Decides: 3, Categories: []e2e.Category{test, env}}, 20, ""},
	} {
		text, hint := tt.use.Fault(tt.failures)
		if !strings.HasPrefix(text, tt.want) || (text == "") != (tt.want == "") || (hint == "") != (text == "") {
			t.Errorf("%+v: %q, %q", tt.use, text, hint)
		}
	}
}
