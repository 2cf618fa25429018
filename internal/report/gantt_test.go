package report

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/e2e"
)

// diagramLine is every line that a diagram may have: a keyword of ours, or a bar whose
// name starts with a word of ours and holds nothing that means something to Mermaid.
var diagramLine = regexp.MustCompile(`^(gantt|dateFormat x|axisFormat %H:%M:%S|todayMarker off|section (gates|shard -?\d+)|(gate|batch|rerun of)[^:;#%<>{}"` + "`" + `&|@\\\n]* :(done|active|crit), \d+, \d+)$`)

func checkDiagram(t rapid.TB, text string) {
	t.Helper()
	body, opened := strings.CutPrefix(text, "```mermaid\n")
	body, closed := strings.CutSuffix(body, "\n```\n\n")
	if !opened || !closed {
		t.Fatalf("no diagram: %q", text)
	}
	for line := range strings.SplitSeq(body, "\n") {
		if !diagramLine.MatchString(line) {
			t.Fatalf("%q is no line of ours", line)
		}
	}
}

func TestGantt(t *testing.T) {
	for name, r := range results() {
		if len(r.Shards) > 0 {
			checkDiagram(t, gantt(r, DiagramBytes))
		} else if got := gantt(r, DiagramBytes); got != "" {
			t.Errorf("%s: a diagram of nothing: %s", name, got)
		}
	}
}

// No name breaks out of the diagram, and no time makes a line that is not ours.
func TestGanttOfHostileNames(t *testing.T) {
	keywords := []string{"section ", "click x href javascript:", "title ", "%%{init: {}}%%", ":", ";", "#", "```", "\n", "\u2028", "end", "dateFormat",
		"<script>", "@team", "vert", "excludes"}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.Custom(func(t *rapid.T) string {
			return strings.Join(rapid.SliceOf(rapid.OneOf(rapid.SampledFrom(keywords), rapid.String())).Draw(t, "pieces"), "")
		})
		r := blockedWithClusters()
		u := &r.Shards[0].Units[0]
		u.Unit, u.Ended = name.Draw(t, "unit"), e2e.Ended(name.Draw(t, "ended"))
		u.Offset, u.Seconds = rapid.Float64().Draw(t, "offset"), rapid.Float64().Draw(t, "seconds")
		r.Shards[0].Name, r.Gates[2].Name, r.Gates[2].Timeline[3].State = name.Draw(t, "shard"), name.Draw(t, "gate"), e2e.GateState(name.Draw(t, "state"))
		checkDiagram(t, gantt(r, DiagramBytes))
	})
}

// A diagram that would be refused is not drawn; the table holds the same.
func TestGanttFallsBack(t *testing.T) {
	r := blockedWithClusters()
	size := len(gantt(r, DiagramBytes))
	if size == 0 || gantt(r, size-2) != "" {
		t.Error("the limit does not hold")
	}
	for _, limit := range []int{-1, 100} {
		got := Comment(r, CommentOptions{DiagramBytes: limit})
		if strings.Contains(got, "```mermaid") || !strings.Contains(got, "| Shard | State |") {
			t.Errorf("limit %d: a diagram, or no table", limit)
		}
	}
	for i := range maxBarsDrawn {
		r.Shards[0].Units = append(r.Shards[0].Units, e2e.UnitRun{Unit: fmt.Sprint(i), Ended: "exited", Offset: float64(i), Seconds: 1})
	}
	if gantt(r, DiagramBytes) != "" {
		t.Error("an unreadable diagram")
	}
}
