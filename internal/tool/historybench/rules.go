package main

import (
	"math/rand/v2"
	"slices"

	"github.com/org/e2e-gate/internal/history/estimate"
)

// rule says something of a history, the oldest run first.
type rule struct {
	name string
	says func([]run) bool
}

// Ours answer four questions.
var (
	isFlaky = rule{"ours", func(list []run) bool {
		state := estimate.Of(judged(list)).State
		return state == estimate.Flaky || state == estimate.Failing
	}}
	isFixed     = rule{"ours", func(list []run) bool { return estimate.Of(judged(list)).State == estimate.Fixed }}
	becameWorse = rule{"ours", func(list []run) bool { return estimate.Of(judged(list)).Worse() }}
	becameGood  = rule{"ours", func(list []run) bool { return estimate.Of(judged(list)).Better() }}
	isSlower    = rule{"ours", func(list []run) bool { return estimate.PaceOf(seconds(list)).Slower() }}
)

func seconds(list []run) (all []float64) {
	for _, o := range judged(list) {
		all = append(all, o.Seconds)
	}
	return all
}

// The others count runs. They do not know which runs were not judged.
var others = []rule{
	{"2 of 5", atLeast(2, 5)}, {"3 of 10", atLeast(3, 10)}, {"5 of 20", atLeast(5, 20)}, {"LUCI 3 in a row", atLeast(3, 3)}, {"LUCI 6 of 10", atLeast(6, 10)},
}

// atLeast is a rule that k of the newest n runs were bad.
func atLeast(k, n int) func([]run) bool {
	return func(list []run) bool {
		bad := 0
		for _, x := range list[max(0, len(list)-n):] {
			if x.Kind != estimate.Pass {
				bad++
			}
		}
		return bad >= k
	}
}

// halves is how this project said it before: the newer half of 20 durations is half as
// long again as the older half.
var halves = rule{"halves of 20", func(list []run) bool {
	all := seconds(list)
	all = all[max(0, len(all)-20):]
	return estimate.Median(all[len(all)/2:]) > 1.5*estimate.Median(all[:len(all)/2])
}}

// score is how a rule does in a world, over many histories.
type score struct {
	// found is the share of histories in which the rule says it in one of the runs after the
	// change, and delay the median number of runs until then.
	found float64
	delay int
}

// measure asks a rule after each run from the change on.
func measure(w world, r rule, histories int, seed uint64) score {
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a simulation
	var delays []int
	for range histories {
		h := w.draw(random)
		runs := 0
		for n := h.change + 1; n <= len(h.runs); n++ {
			if h.runs[n-1].silent {
				continue
			}
			if runs++; r.says(h.at(n)) {
				delays = append(delays, runs)
				break
			}
		}
	}
	slices.Sort(delays)
	s := score{found: float64(len(delays)) / float64(histories)}
	if len(delays) > 0 {
		s.delay = delays[len(delays)/2]
	}
	return s
}

// unchanged is the same world without its change.
func (w world) unchanged() world {
	w.to, w.slower = w.from, 1
	return w
}
