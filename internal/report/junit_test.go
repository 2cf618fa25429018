package report

import (
	"bytes"
	"encoding/xml"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/junit"
)

// JUnit is read back with our own reader: counts, attempts and metadata are those
// of the result.
func TestJUnit(t *testing.T) {
	for name, r := range results() {
		t.Run(name, func(t *testing.T) {
			data := JUnit(r)
			if name != "hostile" && name != "many" {
				compare(t, name+".junit.xml", string(data))
			}
			if err := xml.Unmarshal(data, new(any)); err != nil {
				t.Errorf("no XML: %v", err)
			}
			var merged junit.Merger
			sum, err := junit.Read(bytes.NewReader(data), junit.Options{}, merged.Add)
			if err != nil || len(sum.Problems) > 0 {
				t.Fatalf("%v, %v", err, sum.Problems)
			}
			n := CountsOf(r)
			want := junit.Counts{Tests: n.Tests, Passed: n.Passed + n.Flaky, Failed: n.Failed, Errors: n.Lost + n.NotRun, Skipped: n.Skipped, Flaky: n.Flaky,
				Seconds: sum.Seconds}
			if sum.Counts != want {
				t.Errorf("counts %+v, want %+v", sum.Counts, want)
			}
		})
	}
}

func TestJUnitKeepsAttemptsAndMetadata(t *testing.T) {
	r := blockedWithClusters()
	var merged junit.Merger
	if _, err := junit.Read(bytes.NewReader(JUnit(r)), junit.Options{}, merged.Add); err != nil {
		t.Fatal(err)
	}
	tests := merged.Tests()
	if len(tests) != len(r.Tests) {
		t.Fatalf("%d tests, want %d", len(tests), len(r.Tests))
	}
	for i, got := range tests {
		want := r.Tests[i]
		if got.Identity.Name != want.Name || got.Metadata.Owner != want.Owner || got.Metadata.Journey != want.Journey {
			t.Errorf("%+v, want %s of %s", got, want.ID, want.Owner)
		}
		if o := e2e.OutcomeOf(got.Attempts); o != want.Outcome || len(got.Attempts) != len(want.Attempts) {
			t.Errorf("%s: %s in %d attempts, want %s in %d", want.ID, o, len(got.Attempts), want.Outcome, len(want.Attempts))
		}
	}
}
