// Package pressure measures whether a machine is short of processor time, memory or disk while tests run. A shortage is a
// fact about a failure, and no excuse: the verdict does not read it.
package pressure

import (
	"context"
	"fmt"
	"time"
)

// Sample is what a machine says of itself at a time. Shares are from 0 to 1; below 0: not known.
type Sample struct {
	At time.Time
	// CPU is how much of the last 10 s some process waited for a processor, Memory and Disk how much of it all processes
	// waited for memory and for disks.
	CPU, Memory, Disk float64
	// Stolen is how much processor time other virtual machines took since the sample before.
	Stolen float64
	// Available is how much of the memory is available.
	Available float64

	// total and stolen are counters of processor time, from which Stolen is made.
	total, stolen uint64
}

// Span is a time in which a machine was short of something.
type Span struct {
	From, To time.Time
	// What is cpu, memory, disk or steal; Text says how much, at its worst.
	What, Text string

	worst float64
}

// limit is from where a machine counts as short.
type limit struct {
	what, text string
	value      func(Sample) float64
	from       float64
}

// limits are high on purpose: a machine that is merely busy explains nothing.
var limits = []limit{
	{"cpu", "processes waited for a processor in %.0f %% of 10 s", func(s Sample) float64 { return s.CPU }, 0.9},
	{"memory", "all processes waited for memory in %.0f %% of 10 s", func(s Sample) float64 { return s.Memory }, 0.1},
	{"memory", "%.0f %% of the memory was in use", func(s Sample) float64 {
		if s.Available < 0 {
			return -1
		}
		return 1 - s.Available
	}, 0.97},
	{"disk", "all processes waited for disks in %.0f %% of 10 s", func(s Sample) float64 { return s.Disk }, 0.4},
	{"steal", "other machines took %.0f %% of the processor time", func(s Sample) float64 { return s.Stolen }, 0.2},
}

// Spans joins samples, in order of time, to the times in which the machine was short: samples that follow one another
// within gap are one span for each kind.
func Spans(samples []Sample, gap time.Duration) []Span {
	var list []Span
	open := map[int]int{}
	for _, s := range samples {
		for i, l := range limits {
			v := l.value(s)
			if v < l.from {
				continue
			}
			at, is := open[i]
			if !is || s.At.Sub(list[at].To) > gap {
				open[i] = len(list)
				list = append(list, Span{From: s.At, To: s.At, What: l.what, Text: fmt.Sprintf(l.text, 100*v), worst: v})
				continue
			}
			if list[at].To = s.At; v > list[at].worst {
				list[at].worst, list[at].Text = v, fmt.Sprintf(l.text, 100*v)
			}
		}
	}
	return list
}

// Every is how often [Watch] asks the machine.
const Every = 2 * time.Second

// maxSamples bounds what is kept: at [Every], some 4.5 hours. Later ones are not asked for.
const maxSamples = 8192

// Watch asks a machine at each tick until the context ends, and returns the times in which it was short. A machine that
// does not say has none.
func Watch(ctx context.Context, tick <-chan time.Time, read func() (Sample, bool)) []Span {
	var samples []Sample
	var before Sample
	for len(samples) < maxSamples {
		s, ok := read()
		if !ok {
			break
		}
		s.Stolen = -1
		if d := s.total - before.total; before.total > 0 && s.total > before.total && s.stolen >= before.stolen {
			s.Stolen = float64(s.stolen-before.stolen) / float64(d)
		}
		before = s
		samples = append(samples, s)
		select {
		case <-ctx.Done():
			return Spans(samples, 2*Every+Every/2)
		case <-tick:
		}
	}
	<-ctx.Done()
	return Spans(samples, 2*Every+Every/2)
}
