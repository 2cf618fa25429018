package pipeline

import (
	"testing"

	"github.com/org/e2e-gate/internal/config"
)

func TestWhatRunsInProduction(t *testing.T) {
	c := &config.Config{Targets: []config.Target{{Name: "staging"}, {Name: "production", Production: true}}}
	here := config.Journey{Name: "a", Targets: []string{"production"}}
	for _, tc := range []struct {
		name    string
		journey config.Journey
		tags    []string
		want    [3]bool // staging, production, no target
	}{
		{"nothing is said", config.Journey{}, []string{"smoke"}, [3]bool{true, false, true}},
		{"its journey names it", here, []string{"smoke"}, [3]bool{false, true, true}},
		{"its journey names another", config.Journey{Targets: []string{"staging"}}, nil, [3]bool{true, false, true}},
		{"a tag names it", config.Journey{}, []string{"@target:production"}, [3]bool{true, true, true}},
		{"a tag names another", config.Journey{}, []string{"target:staging"}, [3]bool{true, false, true}},
		{"it is destructive", here, []string{"e2e:destructive"}, [3]bool{false, false, true}},
		{"the same in other letters", here, []string{"@Destructive"}, [3]bool{false, false, true}},
		{"tagged for it, and destructive", config.Journey{}, []string{"target:production", "destructive"}, [3]bool{true, false, true}},
	} {
		got := [3]bool{}
		for i, target := range []string{"staging", "production", ""} {
			got[i] = runsOn(c, tc.journey, target, tc.tags)
		}
		if got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}
