package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// metricTests bounds the tests that have a series each: who collects metrics pays for each.
const metricTests = 1000

// Metrics is a result as OpenMetrics text. Everything in it is a gauge, so that readers of the older text format of Prometheus, such as
// the textfile collector, take it as well.
func Metrics(r e2e.Result) string {
	m := &metrics{}
	run := []string{"stage", r.Run.Stage, "target", r.Run.Target, "service", r.Run.Service, "key", r.Run.Key}
	m.family("e2e_gate_verdict", "", "Verdict of the newest run: 1 for the one that it has.")
	for _, state := range []e2e.VerdictState{e2e.VerdictPassed, e2e.VerdictFailed, e2e.VerdictNotJudged} {
		m.gauge(oneIf(r.Verdict.State == state), append(run, "verdict", string(state))...)
	}
	m.family("e2e_gate_blocks", "", "Whether the verdict stops the pipeline.")
	m.gauge(oneIf(r.Verdict.Blocks), run...)
	n := CountsOf(r)
	m.family("e2e_gate_tests", "", "Tests of the newest run by what became of them.")
	for _, one := range []struct {
		outcome string
		count   int
	}{{"passed", n.Passed}, {"failed", n.Failed}, {"flaky", n.Flaky}, {"lost", n.Lost}, {"not_run", n.NotRun}, {"skipped", n.Skipped}} {
		m.gauge(float64(one.count), append(run, "outcome", one.outcome)...)
	}
	if !r.Run.Finished.IsZero() {
		m.family("e2e_gate_finished_timestamp_seconds", "seconds", "When the newest run ended, since 1970.")
		m.gauge(float64(r.Run.Finished.UnixMilli())/1000, run...)
		m.family("e2e_gate_duration_seconds", "seconds", "How long the newest run took.")
		m.gauge(duration(r.Run), run...)
	}
	m.family("e2e_gate_alert", "", "Whether the alert of the target is on.")
	m.gauge(oneIf(r.Alert != nil && r.Alert.State != e2e.AlertRecovered), run...)
	m.family("e2e_gate_healthy", "", "Whether a check was healthy when it was last looked at.")
	for _, g := range r.Gates {
		m.gauge(oneIf(g.State == e2e.Healthy), append(run, "check", g.Name, "kind", g.Kind)...)
	}
	m.family("e2e_gate_test_passed", "", "Whether a test passed in the newest run.")
	for i := range r.Tests[:min(len(r.Tests), metricTests)] {
		t := &r.Tests[i]
		m.gauge(oneIf(t.Outcome == e2e.Passed), append(run, "test", t.ID, "owner", t.Owner, "journey", t.Journey)...)
	}
	m.flush()
	m.b.WriteString("# EOF\n")
	return m.b.String()
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// metrics writes families one after the other.
type metrics struct {
	b    strings.Builder
	name string
	// values are those of the family's series, in the order in which they came.
	series []string
	values map[string]float64
}

func (m *metrics) family(name, unit, help string) {
	m.flush()
	m.name, m.values = name, map[string]float64{}
	fmt.Fprintf(&m.b, "# TYPE %s gauge\n", name)
	if unit != "" {
		fmt.Fprintf(&m.b, "# UNIT %s %s\n", name, unit)
	}
	fmt.Fprintf(&m.b, "# HELP %s %s\n", name, help)
}

// metricEscapes are those of the text format for the values of labels.
var metricEscapes = strings.NewReplacer("\\", "\\\\", "\"", "\\\"", "\n", "\\n")

// gauge adds a sample. labels are names and values; a label without a value is left out. No series may be there twice: of tests or checks
// that share one, as those whose names differ only behind what is shown of them, the worst counts.
func (m *metrics) gauge(value float64, labels ...string) {
	var list []string
	for i := 0; i+1 < len(labels); i += 2 {
		if text := safetext.Line(labels[i+1], idText); text != "" {
			list = append(list, labels[i]+"=\""+metricEscapes.Replace(text)+"\"")
		}
	}
	series := m.name
	if len(list) > 0 {
		series += "{" + strings.Join(list, ",") + "}"
	}
	before, twice := m.values[series]
	if !twice {
		m.series = append(m.series, series)
	}
	if !twice || value < before {
		m.values[series] = value
	}
}

// flush writes the samples of the family.
func (m *metrics) flush() {
	for _, series := range m.series {
		m.b.WriteString(series + " " + strconv.FormatFloat(m.values[series], 'f', -1, 64) + "\n")
	}
	m.series = nil
}
