package triage

import (
	"strings"
	"testing"
)

// Each pair that a row of a table leaves open has an act that decides between the two, and most have a command.
func TestAnActDecidesBetweenTwo(t *testing.T) {
	pairs := map[pair]bool{}
	for _, rows := range tables {
		for _, r := range rows {
			a, b := r.category, r.next
			if a == unknown {
				a, b = r.next, r.second
			}
			if r.confidence == low && a != "" && b != "" && a != unknown && b != unknown {
				pairs[pairOf(a, b)] = true
			}
		}
	}
	for p := range pairs {
		if between(p.a, p.b, "e2e-gate run s::t") == "" {
			t.Errorf("nothing decides between %s and %s", p.a, p.b)
		}
	}
	if got := between(timing, data, "e2e-gate run --config g.yml s::t"); !strings.Contains(got, "does it: e2e-gate order --config g.yml s::t. If") {
		t.Error(got)
	}
	for p, step := range deciding {
		if p.b < p.a {
			t.Errorf("%v is never found", p)
		}
		got, act := between(p.a, p.b, "e2e-gate run s::t"), strings.Contains(step, "run it ") || strings.Contains(step, "call ")
		if strings.Contains(got, "ORDER") || !act {
			t.Errorf("%v: %s", p, got)
		}
	}
	if got := shellID("s::it's"); got != "TEST" {
		t.Error(got)
	}
	for _, tt := range []struct {
		in   Input
		want string
	}{
		{Input{ID: "s::t", Message: wrong}, "run it 20 times on this build"},
		{stable(Input{ID: "s::t", Message: wrong}, HealthOK, RerunFailed, "src/a.go"), "compare expected and actual"},
		{Input{ID: "s::t", Message: refused, Context: Context{Rerun: RerunFailed, ChangedPaths: []string{"src/a.go"}}}, "run it against the last good build"},
	} {
		if r := mustNew(t).Triage(tt.in); !strings.HasPrefix(r.NextStep, tt.want) {
			t.Errorf("%s: %s", r.Category, r.NextStep)
		}
	}
}
