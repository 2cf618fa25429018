package report

import (
	"cmp"
	"fmt"
	"math"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// Geometry of the timeline, in pixels.
const (
	chartWidth  = 960
	chartLabel  = 170
	chartRow    = 22
	chartAxis   = 20
	maxGateRows = 20
	maxShards   = 40
	maxBars     = 200
)

// chart is a timeline of gates and shards for the template.
type chart struct {
	Width, Height int
	Rows          []chartLane
	Ticks         []chartTick
}

type chartLane struct {
	Label    string
	Y, TextY int
	Bars     []chartBar
}

type chartBar struct {
	X, W  float64
	Y, H  int
	Class string
	Title string
}

type chartTick struct {
	X    float64
	Text string
}

// newChart draws what happened when; it is nil if nothing has a time.
func newChart(r e2e.Result) *chart {
	d := drawing{run: r.Run, end: duration(r.Run)}
	for _, g := range r.Gates {
		for _, s := range g.Timeline {
			d.end = max(d.end, d.at(s.To))
		}
	}
	for _, s := range r.Shards {
		for _, u := range s.Units {
			d.end = max(d.end, u.Offset+u.Seconds)
		}
	}
	if r.Run.Started.IsZero() || !(d.end > 0) || d.end > 1e7 {
		return nil
	}
	for _, g := range r.Gates[:min(len(r.Gates), maxGateRows)] {
		d.gate(g)
	}
	for _, s := range r.Shards[:min(len(r.Shards), maxShards)] {
		d.shard(s)
	}
	if len(d.c.Rows) == 0 {
		return nil
	}
	d.ticks()
	d.c.Width, d.c.Height = chartWidth, chartAxis+chartRow*len(d.c.Rows)+4
	return &d.c
}

type drawing struct {
	run e2e.Run
	end float64
	c   chart
}

func (d *drawing) at(t time.Time) float64 {
	if t.IsZero() || d.run.Started.IsZero() {
		return 0
	}
	return t.Sub(d.run.Started).Seconds()
}

// x is the position of a number of seconds after the start.
func (d *drawing) x(s float64) float64 {
	s = min(max(s, 0), d.end)
	return math.Round((chartLabel+s/d.end*(chartWidth-chartLabel-10))*10) / 10
}

func (d *drawing) lane(label string) *chartLane {
	y := chartAxis + chartRow*len(d.c.Rows)
	d.c.Rows = append(d.c.Rows, chartLane{Label: fit(safetext.Line(label, shortText), 24), Y: y, TextY: y + 15})
	return &d.c.Rows[len(d.c.Rows)-1]
}

func (l *chartLane) bar(d *drawing, from, to float64, class, title string) {
	if len(l.Bars) == maxBars {
		return
	}
	x := d.x(from)
	l.Bars = append(l.Bars, chartBar{X: x, W: max(math.Round((d.x(to)-x)*10)/10, 3), Y: l.Y + 3, H: chartRow - 6, Class: class,
		Title: safetext.Line(title, shortText)})
}

func (d *drawing) gate(g e2e.Gate) {
	l := d.lane("gate " + g.Name)
	for _, s := range g.Timeline {
		l.bar(d, d.at(s.From), d.at(s.To), gateClass(s.State), g.Name+": "+spanText(d.run, s))
	}
}

func gateClass(s e2e.GateState) string {
	switch s {
	case e2e.Healthy:
		return "good"
	case e2e.Degraded:
		return "warn"
	case e2e.Unhealthy, e2e.ProbeError, e2e.GateUnknown:
		return "bad"
	default:
		return "bad"
	}
}

func (d *drawing) shard(s e2e.ShardResult) {
	l := d.lane(fmt.Sprintf("shard %d %s", s.Index, s.Name))
	for _, u := range s.Units {
		class := "unit"
		switch {
		case u.Ended != e2e.EndedExited:
			class = "bad"
		case u.Attempt > 1:
			class = "rerun"
		}
		l.bar(d, u.Offset, u.Offset+u.Seconds, class, fmt.Sprintf("%s: %s", u.Unit, plainUnit(u)))
	}
}

// ticks puts about six round numbers below the timeline.
func (d *drawing) ticks() {
	step := 1.0
	for _, s := range []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600} {
		if step = s; d.end/s <= 7 {
			break
		}
	}
	for d.end/step > 7 {
		step *= 2
	}
	for s := 0.0; s <= d.end; s += step {
		d.c.Ticks = append(d.c.Ticks, chartTick{X: d.x(s), Text: tickText(s)})
	}
}

func tickText(s float64) string {
	if s < 60 {
		return fmt.Sprintf("%.0f s", s)
	}
	return cmp.Or(fmt.Sprintf("%d:%02d", int(s)/60, int(s)%60), "0")
}
