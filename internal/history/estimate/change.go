package estimate

import (
	"math"
	"slices"
	"sync/atomic"
)

// posterior is what the runs up to one make known: how likely the current behaviour began
// with each of them. It is the run length posterior of Bayesian online change point
// detection (Adams and MacKay, 2007) with a constant hazard; the prior of the rates starts
// anew with each change.
type posterior struct {
	// weight[i] is the probability that the current behaviour began with run i, and
	// counts[i] what was observed since.
	weight []float64
	counts [][kinds]int
}

// negligible is the weight of a start that no decision depends on.
const negligible = 1e-7

var prior = [kinds]float64{priorPass, priorBad, priorBad}

// follow computes the posterior after each observation.
func follow(list []Observation, each func(t int, p posterior)) {
	var p posterior
	for t, o := range list {
		k, total := o.Kind-1, 0.0
		for i := range p.weight {
			n := p.counts[i]
			next := (float64(n[k]) + prior[k]) / (float64(n[0]+n[1]+n[2]) + priorPass + 2*priorBad)
			p.weight[i] *= (1 - hazard) * next
			p.counts[i][k]++
			total += p.weight[i]
		}
		fresh := hazard * prior[k] / (priorPass + 2*priorBad)
		if t == 0 {
			fresh = 1
		}
		var n [kinds]int
		n[k]++
		p.weight, p.counts = append(p.weight, fresh), append(p.counts, n)
		total += fresh
		for i := range p.weight {
			p.weight[i] /= total
		}
		each(t, p)
	}
}

// best is the most likely start of the current behaviour.
func (p posterior) best() int {
	best := 0
	for i, w := range p.weight {
		if w > p.weight[best] {
			best = i
		}
	}
	return best
}

// changed reports whether it is likely that the behaviour changed at all.
func (p posterior) changed() bool { return 1-p.weight[0] >= Sure }

// flakes are those since the most likely start.
func (p posterior) flakes() int { return p.counts[p.best()][Flake-1] }

// above is the probability that the current rate of flakes or failures is above a limit.
func (p posterior) above(k Kind, limit float64) float64 {
	sum := 0.0
	for i, w := range p.weight {
		n := p.counts[i]
		if w < negligible {
			continue
		}
		sum += w * tail(n[k-1], n[0]+n[1]+n[2], limit)
	}
	return sum
}

// gone reports whether a kind is not observed any more: its rate is likely below a limit,
// or the behaviour likely changed and it has not happened since.
func (p posterior) gone(k Kind, off float64) bool {
	if 1-p.above(k, off) >= Sure {
		return true
	}
	since := 0.0
	for i, w := range p.weight {
		if p.counts[i][k-1] == 0 {
			since += w
		}
	}
	return since >= ended
}

// limits are those of the states, and tails remembers for each the probability that a
// rate is above it, by count and runs: zero bits are not known yet.
var (
	limits = [...]float64{flakyOn, flakyOff, failingOn, failingOff}
	tails  [len(limits)][maxTails][maxTails]atomic.Uint64
)

const maxTails = 64

// tail is the probability that a rate of flakes or failures is above a limit.
func tail(count, runs int, limit float64) float64 {
	compute := func() float64 {
		return 1 - incompleteBeta(float64(count)+priorBad, float64(runs-count)+priorPass+priorBad, limit)
	}
	at := slices.Index(limits[:], limit)
	if at < 0 || runs >= maxTails {
		return compute()
	}
	known := &tails[at][count][runs]
	bits := known.Load()
	if bits == 0 {
		bits = math.Float64bits(compute())
		known.Store(bits)
	}
	return math.Float64frombits(bits)
}
