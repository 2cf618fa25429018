package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/org/e2e-gate/internal/history/estimate"
)

const (
	// before is how many runs are known before the change.
	before = 60
	// within is the number of runs in which it should be found.
	within = 30
	// kept is how many runs a history keeps of a test.
	kept = 60
	// outliers is the share of durations that are three times as long: one in twenty of the
	// steps between versions of real suites is larger than twofold.
	outliers = 0.05
	day      = 24 * float64(time.Hour)
)

// world is a history with a known truth.
type world struct {
	// from and to are the rates of bad runs before and after, of this kind.
	from, to float64
	kind     estimate.Kind
	// slower is the factor of durations after, and noise the standard deviation of their
	// logarithm.
	slower, noise float64
	// silent is the share of additional runs that were not judged, in which the test failed.
	silent float64
	// wrong is the share of runs whose clock was off by up to a week.
	wrong float64
	// renamed: only this many runs before the change are known under the test's name; 0: all.
	renamed int
}

// run is an observation, or a run that was not judged.
type run struct {
	estimate.Observation
	silent bool
}

// history are runs in the order in which they happened, and how many of them lie before
// the change.
type history struct {
	runs   []run
	change int
}

// draw plants a history.
func (w world) draw(r *rand.Rand) (h history) {
	known := before
	if w.renamed > 0 {
		known = w.renamed
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for judged := 0; judged < known+within; {
		at = at.Add(time.Duration(r.ExpFloat64() * day / 3))
		if r.Float64() < 0.02 {
			at = at.Add(time.Duration(14 * day)) // a gap
		}
		x := run{Observation: estimate.Observation{Kind: estimate.Pass, Run: strconv.Itoa(len(h.runs)), Started: at}}
		if r.Float64() < w.wrong {
			x.Started = at.Add(time.Duration((r.Float64()*2 - 1) * 7 * day))
		}
		if x.silent = r.Float64() < w.silent; x.silent {
			x.Kind = estimate.Fail
			h.runs = append(h.runs, x)
			continue
		}
		if judged == known {
			h.change = len(h.runs)
		}
		rate, factor := w.from, 1.0
		if judged >= known {
			rate, factor = w.to, max(w.slower, 1)
		}
		if r.Float64() < rate {
			x.Kind = w.kind
		}
		if x.Seconds = factor * 3 * math.Exp(w.noise*r.NormFloat64()); r.Float64() < outliers {
			x.Seconds *= 3
		}
		h.runs = append(h.runs, x)
		judged++
	}
	return h
}

// at is what is known after the first n runs, the oldest by its clock first.
func (h history) at(n int) []run {
	list := slices.Clone(h.runs[:n])
	slices.SortStableFunc(list, func(a, b run) int { return a.Started.Compare(b.Started) })
	return list
}

// judged are the newest of the runs that say something, as a history keeps them.
func judged(list []run) (said []estimate.Observation) {
	for _, x := range list {
		if !x.silent {
			said = append(said, x.Observation)
		}
	}
	return said[max(0, len(said)-kept):]
}
