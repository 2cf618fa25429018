package report

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

var (
	sampleLine = regexp.MustCompile(`^([a-z0-9_]+)(\{(?:[a-z0-9_]+="(?:[^"\\\n]|\\[\\"n])*"(?:,[a-z0-9_]+="(?:[^"\\\n]|\\[\\"n])*")*)?\})? ([0-9]+(?:\.[0-9]+)?)$`)
	metaLine   = regexp.MustCompile(`^# (?:TYPE ([a-z0-9_]+) gauge|UNIT ([a-z0-9_]+) seconds|HELP ([a-z0-9_]+) [A-Z][^\n]*)$`)
)

// readMetrics holds a text against the format: each sample after its family, each family and each series once, # EOF at the end.
func readMetrics(t *testing.T, text string) map[string]string {
	t.Helper()
	body, ok := strings.CutSuffix(text, "# EOF\n")
	if !ok {
		t.Fatalf("it does not end with # EOF:\n%s", text)
	}
	samples, families, family := map[string]string{}, map[string]bool{}, ""
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		if m := metaLine.FindStringSubmatch(line); m != nil {
			if name := m[1]; name != "" {
				if families[name] {
					t.Errorf("the family %s twice", name)
				}
				family, families[name] = name, true
			}
			if unit := m[2]; unit != "" && !strings.HasSuffix(unit, "_seconds") {
				t.Errorf("%s does not end with its unit", unit)
			}
			if m[1]+m[2]+m[3] != family {
				t.Errorf("%q is not of the family %s", line, family)
			}
			continue
		}
		m := sampleLine.FindStringSubmatch(line)
		if m == nil || m[1] != family {
			t.Errorf("%q is no sample of %s", line, family)
			continue
		}
		if _, twice := samples[m[1]+m[2]]; twice {
			t.Errorf("the series %s twice", m[1]+m[2])
		}
		samples[m[1]+m[2]] = m[3]
	}
	return samples
}

func TestMetrics(t *testing.T) {
	begun := time.Unix(1_700_000_000, 0).UTC()
	r := e2e.Result{
		Run: e2e.Run{Stage: "synthetic", Target: "production", Blocks: true, Started: begun, Finished: begun.Add(1500 * time.Millisecond)},
		Gates: []e2e.Gate{{Name: "api", Kind: "http", Required: true, State: e2e.Healthy}, {Name: "db", Kind: "tcp", State: e2e.Unhealthy},
			{Name: "api", Kind: "http", Required: true, State: e2e.Healthy}},
		Tests: []e2e.TestResult{
			{Test: e2e.Test{ID: "s::a", Owner: "team-a", Journey: "payout"}, Outcome: e2e.Passed},
			{Test: e2e.Test{ID: "s::\"x\\y\"\nz} 1\n# EOF"}, Outcome: e2e.Failed, Effect: e2e.Blocks},
			{Test: e2e.Test{ID: "s::a", Owner: "team-a", Journey: "payout"}, Outcome: e2e.Failed, Effect: e2e.Blocks},
		},
		Verdict: e2e.Verdict{State: e2e.VerdictFailed, Blocks: true},
		Alert:   &e2e.Alert{State: e2e.AlertFiring, Bad: 2, Of: 3, Target: "production"},
	}
	const run = `stage="synthetic",target="production"`
	got := readMetrics(t, Metrics(r))
	for series, want := range map[string]string{
		`e2e_gate_verdict{` + run + `,verdict="passed"}`: "0", `e2e_gate_verdict{` + run + `,verdict="failed"}`: "1",
		`e2e_gate_verdict{` + run + `,verdict="not_judged"}`: "0", `e2e_gate_blocks{` + run + `}`: "1", `e2e_gate_alert{` + run + `}`: "1",
		`e2e_gate_tests{` + run + `,outcome="failed"}`: "2", `e2e_gate_duration_seconds{` + run + `}`: "1.5",
		`e2e_gate_finished_timestamp_seconds{` + run + `}`:      "1700000001.5",
		`e2e_gate_healthy{` + run + `,check="api",kind="http"}`: "1", `e2e_gate_healthy{` + run + `,check="db",kind="tcp"}`: "0",
		`e2e_gate_test_passed{` + run + `,test="s::a",owner="team-a",journey="payout"}`: "0", // two tests of one name, of which one failed
	} {
		if got[series] != want {
			t.Errorf("%s is %q, want %s", series, got[series], want)
		}
	}
	if r.Alert.State = e2e.AlertRecovered; readMetrics(t, Metrics(r))[`e2e_gate_alert{`+run+`}`] != "0" {
		t.Error("an alert that is over is on")
	}
	readMetrics(t, Metrics(e2e.Result{}))
	var many e2e.Result
	for range 3 * metricTests {
		many.Tests = append(many.Tests, e2e.TestResult{Test: e2e.Test{ID: "s::" + strings.Repeat("x", len(many.Tests)%300)}})
	}
	if n := strings.Count(Metrics(many), "e2e_gate_test_passed{"); n > metricTests {
		t.Errorf("%d tests", n)
	}
}

func FuzzMetrics(f *testing.F) {
	f.Add("stage", "s::\"a\\\n} 1", "\x00\xff")
	f.Fuzz(func(t *testing.T, stage, id, owner string) {
		r := e2e.Result{Run: e2e.Run{Stage: stage, Target: owner}, Gates: []e2e.Gate{{Name: id, Kind: owner}},
			Tests: []e2e.TestResult{{Test: e2e.Test{ID: id, Owner: owner, Journey: stage}}}}
		readMetrics(t, Metrics(r))
	})
}
