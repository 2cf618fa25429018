package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// gateGroups groups gates that have the same key, in the order of the first of each;
// gates with an empty key are left out. One dead service fails many gates, and is
// reported once.
func gateGroups(gates []e2e.Gate, key func(e2e.Gate) string) [][]e2e.Gate {
	var groups [][]e2e.Gate
	index := map[string]int{}
	for _, g := range gates {
		k := key(g)
		if k == "" {
			continue
		}
		i, ok := index[k]
		if !ok {
			i = len(groups)
			index[k] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], g)
	}
	return groups
}

func gateNames(gates []e2e.Gate) string {
	names := make([]string, len(gates))
	for i, g := range gates {
		names[i] = safetext.Line(g.Name, 80)
	}
	return strings.Join(names, ", ")
}

// spanText is "unhealthy from +12.0 s to +15.0 s (3 probes): 503".
func spanText(run e2e.Run, s e2e.Span) string {
	text := fmt.Sprintf("%s from %s to %s (%s)", s.State, since(run, s.From), since(run, s.To), plural(s.Probes, "probe", "probes"))
	if s.Observed != "" {
		text += ": " + firstLine(s.Observed)
	}
	return text
}

// since is a time as seconds after the start of the run.
func since(run e2e.Run, t time.Time) string {
	if run.Started.IsZero() || t.IsZero() {
		return clock(t)
	}
	return fmt.Sprintf("+%.1f s", t.Sub(run.Started).Seconds())
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "?"
	}
	return t.UTC().Format("15:04:05 UTC")
}

func date(t time.Time) string {
	if t.IsZero() {
		return "no date"
	}
	return t.UTC().Format(time.DateOnly)
}
