package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// Limits of a Mermaid diagram, in characters: what GitHub draws, and what Gitea and
// Forgejo draw by default. A longer one shows an error instead.
const (
	DiagramBytes      = 50_000
	GiteaDiagramBytes = 5_000
)

// maxBarsDrawn bounds a diagram that people can still read.
const maxBarsDrawn = 120

// gantt draws when batches ran on their shards, and when gates were lost meanwhile, as
// a fenced Mermaid diagram of at most limit bytes. It is empty where nothing has a
// time or it would be longer: the tables say the same.
func gantt(r e2e.Result, limit int) string {
	g := diagram{start: r.Run.Started}
	if g.start.IsZero() || g.start.Year() < 2000 || g.start.Year() > 9000 {
		return ""
	}
	g.gates(r)
	for _, s := range r.Shards {
		g.shard(s)
	}
	text := "```mermaid\ngantt\ndateFormat x\naxisFormat %H:%M:%S\ntodayMarker off\n" + g.b.String() + "```\n"
	if g.bars == 0 || g.bars > maxBarsDrawn || len(text) > limit {
		return ""
	}
	return text + "\n"
}

type diagram struct {
	b     strings.Builder
	start time.Time
	bars  int
}

// section starts a group of bars. Its name starts with a word of ours, so that none
// is a keyword.
func (g *diagram) section(format string, args ...any) {
	g.b.WriteString("section " + safetext.Mermaid(fmt.Sprintf(format, args...), 40) + "\n")
}

// bar draws from and to, in seconds after the start of the run. kind is done, active,
// crit, or empty.
func (g *diagram) bar(kind string, from, to float64, format string, args ...any) {
	from = min(max(from, 0), 1e7)
	to = min(max(to, from+0.001), 1e7+1)
	at := func(s float64) int64 { return g.start.Add(time.Duration(s * float64(time.Second))).UnixMilli() }
	fmt.Fprintf(&g.b, "%s :%s, %d, %d\n", safetext.Mermaid(fmt.Sprintf(format, args...), 60), kind, at(from), at(to))
	g.bars++
}

func (g *diagram) gates(r e2e.Result) {
	named := false
	for _, gate := range r.Gates {
		for _, s := range gate.LostSpans() {
			if !named {
				g.section("gates")
				named = true
			}
			g.bar("crit", s.From.Sub(g.start).Seconds(), s.To.Sub(g.start).Seconds(), "gate %s: %s", gate.Name, s.State)
		}
	}
}

func (g *diagram) shard(s e2e.ShardResult) {
	if len(s.Units) == 0 {
		return
	}
	g.section("shard %d", s.Index) // a longer name runs into the bars
	for _, u := range s.Units {
		kind, word := "done", "batch"
		switch {
		case u.Ended != e2e.EndedExited:
			kind = "crit"
		case u.Attempt > 1:
			kind, word = "active", "rerun of"
		}
		g.bar(kind, u.Offset, u.Offset+u.Seconds, "%s %s", word, u.Unit)
	}
}
