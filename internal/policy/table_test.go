package policy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
)

func TestOverride(t *testing.T) {
	got, wrong := Default().With(Override{
		"flaky":       {"release-blocking": "block", "nightly": "warn"},
		"quarantined": {"release-blocking-smoke": "not_judged"},
		"failed":      {"release-blocking": "inform"},
		"lost":        {"release-blocking": "block", "nightly": "inform"},
		"not_run":     {"release-blocking-smoke": "not_judged"},
	})
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	want := Default()
	want[RowFlaky][e2e.ReleaseBlocking] = e2e.Blocks
	want[RowFlaky][e2e.Nightly] = e2e.Warns
	want[RowQuarantined][e2e.ReleaseBlockingSmoke] = e2e.NotJudged
	want[RowFailed][e2e.ReleaseBlocking] = e2e.Informs
	want[RowLost][e2e.ReleaseBlocking] = e2e.Blocks
	want[RowLost][e2e.Nightly] = e2e.Informs
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestOverrideLeavesTheDefaultAlone(t *testing.T) {
	base := Default()
	if _, wrong := base.With(Override{"failed": {"nightly": "block"}}); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	if diff := cmp.Diff(Default(), base); diff != "" {
		t.Error(diff)
	}
	same, wrong := base.With(nil)
	if diff := cmp.Diff(Default(), same); diff != "" || len(wrong) > 0 {
		t.Error(diff, wrong)
	}
}

func TestOverrideMistakes(t *testing.T) {
	for _, tc := range []struct {
		name     string
		override Override
		want     []string // path: what text and hint hold
	}{
		{"unknown outcome", Override{"flakey": {"nightly": "warn"}}, []string{"flakey: flakey|flaky"}},
		{"outcome that is a pass", Override{"passed": {"nightly": "block"}}, []string{"passed: passed|"}},
		{"unknown criticality", Override{"flaky": {"release_blocking": "warn"}}, []string{"flaky.release_blocking: release_blocking|release-blocking"}},
		{"unknown effect", Override{"flaky": {"nightly": "blocks"}}, []string{`flaky.nightly: "blocks"|block`}},
		{"effect none", Override{"failed": {"nightly": "none"}}, []string{`failed.nightly: "none"|`}},
		{"empty effect", Override{"flaky": {"nightly": ""}}, []string{`flaky.nightly: ""|`}},
		{"lost that only warns", Override{"lost": {"release-blocking": "warn"}}, []string{"lost.release-blocking: not_judged|use block or not_judged"}},
		{"not_run smoke that informs", Override{"not_run": {"release-blocking-smoke": "inform"}}, []string{"not_run.release-blocking-smoke: not_judged|use block"}},
		{
			"all at once, in order",
			Override{"zzz": {"nightly": "warn"}, "lost": {"zzz": "warn", "nightly": "zzz", "release-blocking": "inform"}},
			[]string{"lost.nightly: zzz|", "lost.release-blocking: evidence|", "lost.zzz: zzz|", "zzz: zzz|"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			table, wrong := Default().With(tc.override)
			if len(wrong) != len(tc.want) {
				t.Fatalf("got %v", wrong)
			}
			for i, want := range tc.want {
				path, words, _ := strings.Cut(want, ": ")
				text, hint, _ := strings.Cut(words, "|")
				if m := wrong[i]; m.Path != path || !strings.Contains(m.Text, text) || m.Hint == "" || !strings.Contains(m.Hint, hint) {
					t.Errorf("got %+v, want %s", m, want)
				}
			}
			if diff := cmp.Diff(Default(), table); diff != "" {
				t.Errorf("a mistake changed the table: %s", diff)
			}
		})
	}
}

// A user's policy may relax much, and never turns missing evidence green.
func TestOverrideCannotRelaxMissingEvidence(t *testing.T) {
	for _, row := range []string{"lost", "not_run"} {
		for _, crit := range []string{"release-blocking", "release-blocking-smoke"} {
			for _, word := range []string{"warn", "inform"} {
				if _, wrong := Default().With(Override{row: {crit: word}}); len(wrong) != 1 {
					t.Errorf("%s.%s: %s is allowed", row, crit, word)
				}
			}
		}
	}
}

func TestColumn(t *testing.T) {
	for _, tc := range []struct {
		crit e2e.Criticality
		tags []string
		want e2e.Criticality
	}{
		{"", nil, e2e.ReleaseBlocking},
		{"nonsense", nil, e2e.ReleaseBlocking},
		{"", []string{"smoke"}, e2e.ReleaseBlockingSmoke},
		{"", []string{"@e2e:smoke"}, e2e.ReleaseBlockingSmoke},
		{"nonsense", []string{"smoke"}, e2e.ReleaseBlockingSmoke},
		{e2e.ReleaseBlocking, []string{"e2e:api"}, e2e.ReleaseBlocking},
		{e2e.ReleaseBlocking, []string{"smoke"}, e2e.ReleaseBlockingSmoke},
		{e2e.ReleaseBlockingSmoke, nil, e2e.ReleaseBlockingSmoke},
		{e2e.NonBlocking, []string{"smoke"}, e2e.NonBlocking},
		{e2e.Nightly, []string{"smoke"}, e2e.Nightly},
		{e2e.Synthetic, []string{"smoke"}, e2e.Synthetic},
	} {
		if got := Column(e2e.Test{Criticality: tc.crit, Tags: tc.tags}); got != tc.want {
			t.Errorf("%q with %v: got %s, want %s", tc.crit, tc.tags, got, tc.want)
		}
	}
}

// Where the base's policy cannot be known, no cell of a blocking test is weaker than any
// policy could have made it that still lets a change be repaired.
func TestStrictest(t *testing.T) {
	table := Strictest().Table()
	for _, row := range []Row{RowFailed, RowFlaky, RowLaterPass} {
		for _, c := range []e2e.Criticality{e2e.ReleaseBlockingSmoke, e2e.ReleaseBlocking} {
			if got := table.Effect(row, c); got != e2e.Blocks {
				t.Errorf("%s of %s: %s", row, c, got)
			}
		}
	}
	for _, row := range Rows() {
		for _, c := range e2e.Criticalities() {
			if got, built := table.Effect(row, c), Default().Effect(row, c); stronger(built, got) {
				t.Errorf("%s of %s is %s, and built in %s", row, c, got, built)
			}
		}
	}
}
