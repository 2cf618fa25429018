package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
)

func TestStricter(t *testing.T) {
	bar := Override{"flaky": {"release-blocking": "block", "nightly": "warn"}, "skipped": {"nightly": "not_judged"}}
	own := Override{"flaky": {"release-blocking": "warn", "nightly": "block"}, "skipped": {"nightly": "block"}, "lost": {"nightly": "inform"}}
	joined, weaker := Stricter(bar, own)
	want := Override{"flaky": {"release-blocking": "block", "nightly": "block"}, "skipped": {"nightly": "block"}, "lost": {"nightly": "inform"}}
	if diff := cmp.Diff(want, joined); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Weaker{{"flaky.release-blocking", "warn", "block"}}, weaker); diff != "" {
		t.Error(diff)
	}
	if own["flaky"]["release-blocking"] != "warn" || bar["flaky"]["nightly"] != "warn" {
		t.Error("an input was changed")
	}
}

// No cell that both set is weaker than either of them, for every pair of effects.
func TestStricterNeverWeakens(t *testing.T) {
	for a := range words {
		for b := range words {
			for _, row := range []Row{RowFlaky, RowSkipped, RowJudgeChanged} {
				joined, weaker := Stricter(Override{string(row): {"nightly": a}}, Override{string(row): {"nightly": b}})
				p, wrong := Compile(joined)
				if len(wrong) > 0 {
					t.Fatal(wrong)
				}
				got := p.Table().Effect(row, e2e.Nightly)
				if stronger(words[a], got) || stronger(words[b], got) || got != words[a] && got != words[b] {
					t.Errorf("%s, %s: %s", a, b, got)
				}
				if (len(weaker) == 1) != stronger(words[a], words[b]) {
					t.Errorf("%s, %s: %v", a, b, weaker)
				}
			}
		}
	}
}
