package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
)

func TestOrderSearch(t *testing.T) {
	beside := []string{"s::a", "s::b", "s::c", "s::d", "s::e", "s::f", "s::g"}
	has := func(ids []string, all ...string) bool {
		return !slices.ContainsFunc(all, func(id string) bool { return !slices.Contains(ids, id) })
	}
	for _, tt := range []struct {
		name   string
		most   int
		passes func(ids []string) bool
		want   []string
		runs   int
	}{
		{"one breaks it", 20, func(ids []string) bool { return !has(ids, "s::e") },
			[]string{"s::t passes alone, and fails beside", "s::e", "run it", "e2e-gate run --stage pr --shards 1 's::e' 's::t'"}, 7},
		{"it needs one", 20, func(ids []string) bool { return has(ids, "s::a") },
			[]string{"s::t fails alone, and passes beside", "s::a", "which sets up what it needs"}, 4},
		{"two together", 20, func(ids []string) bool { return !has(ids, "s::a", "s::g") }, []string{"it takes more than one of these together: s::a"}, 4},
		{"always", 20, func([]string) bool { return false }, []string{"it fails alone and beside the others"}, 2},
		{"never", 20, func([]string) bool { return true }, []string{"it passes alone and beside the others"}, 2},
		{"too few runs", 3, func(ids []string) bool { return !has(ids, "s::e") }, []string{"3 runs were not enough", "--max-runs"}, 3},
	} {
		s := orderSearch{target: "s::t", most: tt.most, say: func(string) {}, run: func(ids []string) (bool, error) {
			if ids[len(ids)-1] != "s::t" {
				t.Errorf("%s: the test is not in %v", tt.name, ids)
			}
			return tt.passes(ids), nil
		}}
		f, err := s.find(beside)
		if err != nil {
			t.Fatal(err)
		}
		text := f.text("pr")
		for _, want := range tt.want {
			if want != "run it" && !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", tt.name, want, text)
			}
		}
		if f.runs != tt.runs {
			t.Errorf("%s: %d runs, want %d", tt.name, f.runs, tt.runs)
		}
	}
	fault := errors.New("no gate")
	s := orderSearch{target: "s::t", most: 9, say: func(string) {}, run: func([]string) (bool, error) { return false, fault }}
	if _, err := s.find(beside); !errors.Is(err, fault) {
		t.Error(err)
	}
}

func TestOrderReadsAResult(t *testing.T) {
	row := func(id string, shard int, outcomes ...e2e.Outcome) e2e.TestResult {
		r := e2e.TestResult{Test: e2e.Test{ID: id, Suite: id[:1]}}
		for i, o := range outcomes {
			r.Attempts = append(r.Attempts, e2e.Attempt{N: i + 1, Outcome: o, Shard: shard})
		}
		return r
	}
	r := e2e.Result{Tests: []e2e.TestResult{row("s::c", 1, e2e.Passed), row("s::t", 1, e2e.Failed, e2e.Passed), row("s::a", 1, e2e.Skipped),
		row("s::b", 0, e2e.Passed), row("o::a", 1, e2e.Passed), row("s::n", 1)}}
	if diff := cmp.Diff([]string{"s::a", "s::c"}, companyOf(r, "s::t")); diff != "" {
		t.Error(diff)
	}
	for id, want := range map[string]string{"s::t": "false <nil>", "s::c": "true <nil>", "s::a": "false cannot tell how s::a ends: the port is taken",
		"s::n": "false cannot tell how s::n ends: the port is taken", "s::x": "false cannot tell how s::x ends: the port is taken"} {
		r.Problems = []e2e.Problem{{Note: true, Text: "a note"}, {Text: "the port is taken"}}
		passed, err := outcomeOf(r, id)
		if got := fmt.Sprint(passed, " ", err); got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
}
