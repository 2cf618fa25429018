// Package estimate says what the runs of one test make known of it: is it flaky, does it
// fail, was it fixed, did it become slower, and since which run. It is pure. The answer
// depends on the observations alone, not on the clock or on earlier answers.
//
// docs/history.md explains the method, where it comes from, and how well it does on
// histories with a known truth.
package estimate

import "time"

// Kind is what a run said of a test.
type Kind uint8

// The kinds. The zero value says nothing and is left out.
const (
	Pass Kind = iota + 1
	// Flake: it failed and then passed.
	Flake
	Fail
	kinds = 3
)

// Observation is a test in one run.
type Observation struct {
	Kind    Kind
	Run     string
	SHA     string
	Started time.Time
	// Seconds it took to pass; 0: not known.
	Seconds float64
}

// State is what a test does now.
type State string

// The states.
const (
	// NotEnough: fewer than [Enough] runs are known.
	NotEnough State = "not_enough_data"
	Stable    State = "stable"
	Flaky     State = "flaky"
	// Failing: it failed in most of its newest runs.
	Failing State = "failing"
	// Fixed: it was flaky or failing, and enough runs since say that it is not any more.
	Fixed State = "fixed"
)

// These numbers are chosen from the table of internal/tool/historybench.
const (
	// Enough is the least number of runs for any state but [NotEnough].
	Enough = 5
	// Sure is the probability at which a state begins or ends, and from which on a change
	// is said to have happened.
	Sure = 0.85
	// ended is the probability of a change after which it did not happen any more, at which
	// a state ends too.
	ended = 0.7
	// A test becomes flaky where its rate of flakes is likely above flakyOn, and it needs
	// leastFlakes; it stops where the rate is likely below flakyOff.
	flakyOn, flakyOff = 0.03, 0.02
	leastFlakes       = 2
	// The same for failing.
	failingOn, failingOff = 0.5, 0.25
	// hazard is how likely a test changes from one run to the next, before its outcomes
	// are known.
	hazard = 0.015
	// A behaviour that just began is expected to be mostly good or mostly bad, as those of
	// LUCI Analysis are: Dirichlet(3/4, 1/4, 1/4) for passes, flakes and failures.
	priorPass, priorBad = 0.75, 0.25
)

// Estimate is what is known of a test.
type Estimate struct {
	State State `json:"state"`
	// Was is what a fixed test was before.
	Was State `json:"was,omitempty"`
	// Since is the run with which the state began, where that is known: the first run
	// after the change of a flaky or failing test, and the first that passed of a fixed one.
	Since *Observation `json:"-"`
	// Before is the last run before Since.
	Before *Observation `json:"-"`
	// Flakes and Fails are the rates since the last change.
	Flakes Rate `json:"flakes"`
	Fails  Rate `json:"fails"`
	// Changed: the outcomes changed with the first run that the rates are of, and Earlier is
	// how often the test failed or was flaky before.
	Changed bool `json:"changed"`
	Earlier Rate `json:"earlier"`
}

// Bad is the rate of runs since the last change in which the test failed or was flaky.
func (e Estimate) Bad() Rate { return RateOf(e.Flakes.Count+e.Fails.Count, e.Flakes.Runs) }

// Of estimates from observations, the oldest first.
func Of(list []Observation) Estimate {
	list = PerRun(list)
	state, was, start := replay(list)
	counts := count(list[start:])
	e := Estimate{State: NotEnough, Changed: start > 0, Flakes: RateOf(counts[Flake-1], len(list)-start), Fails: RateOf(counts[Fail-1], len(list)-start)}
	old := count(list[:start])
	e.Earlier = RateOf(old[Flake-1]+old[Fail-1], start)
	if len(list) < Enough {
		return e
	}
	e.State, e.Was = state, was
	began := 0 // where nothing was before, it is not known when it began
	switch state {
	case Flaky:
		began = start
	case Failing, Fixed:
		began = len(list) - trailing(list, func(k Kind) bool { return (k == Pass) == (state == Fixed) })
	default:
	}
	if began > 0 && began < len(list) {
		e.Since, e.Before = &list[began], &list[began-1]
	}
	return e
}

// Worse reports whether the outcomes changed for the worse.
func (e Estimate) Worse() bool { return e.Changed && e.Bad().Share() > e.Earlier.Share() }

// Better reports whether the outcomes changed for the better.
func (e Estimate) Better() bool { return e.Changed && e.Bad().Share() < e.Earlier.Share() }

// Passes reports whether enough runs say that the test passes: it was fixed, or it neither
// failed nor was flaky in so many runs that its rate of flakes is likely low.
func (e Estimate) Passes() bool {
	runs := e.Flakes.Runs
	return e.State == Fixed || e.State == Stable && e.Flakes.Count+e.Fails.Count == 0 && tail(0, runs, flakyOff) <= 1-Sure
}

// trailing is how many of the newest observations are of a kind.
func trailing(list []Observation, is func(Kind) bool) int {
	n := 0
	for n < len(list) && is(list[len(list)-1-n].Kind) {
		n++
	}
	return n
}

// PerRun joins the observations of one run: it is a flake if they differ, since the
// commit was the same. What says nothing is left out.
func PerRun(list []Observation) []Observation {
	joined, at := make([]Observation, 0, len(list)), make(map[string]int, len(list))
	for _, o := range list {
		if o.Kind == 0 || o.Kind > kinds {
			continue
		}
		i, known := at[o.Run]
		if o.Run == "" || !known {
			at[o.Run] = len(joined)
			joined = append(joined, o)
			continue
		}
		if joined[i].Kind != o.Kind {
			joined[i].Kind = Flake
		}
		if o.Seconds > 0 {
			joined[i].Seconds = o.Seconds
		}
	}
	return joined
}

func count(list []Observation) (n [kinds]int) {
	for _, o := range list {
		n[o.Kind-1]++
	}
	return n
}

// Streak is the current streak of failures.
type Streak struct {
	// Runs in which it failed one after another, up to the newest; 0: the newest passed.
	Runs int
	// First is the first of them, and Before the last run that did not fail; nil: not known.
	First, Before *Observation
}

// StreakOf counts the failures at the end of observations, the oldest first.
func StreakOf(list []Observation) Streak {
	list = PerRun(list)
	s := Streak{Runs: trailing(list, func(k Kind) bool { return k == Fail })}
	if first := len(list) - s.Runs; s.Runs > 0 {
		s.First = &list[first]
		if first > 0 {
			s.Before = &list[first-1]
		}
	}
	return s
}

// replay follows a test through its runs, with hysteresis: a state that began ends only
// when the evidence against it is as strong as that for it was. It starts with the run with
// which the outcomes last changed; 0: they did not.
func replay(list []Observation) (state, was State, start int) {
	state = Stable
	if count(list)[Pass-1] == len(list) {
		return state, "", 0
	}
	follow(list, func(t int, p posterior) {
		if t+1 >= Enough {
			if next := p.next(state); next != state {
				state, was = next, state
			}
		}
		if t == len(list)-1 && p.changed() {
			start = p.best()
		}
	})
	switch {
	case state != Stable:
		return state, "", start
	case was != "" && list[len(list)-1].Kind == Pass:
		return Fixed, was, start
	}
	return Stable, "", start
}

// next is the state after a state.
func (p posterior) next(state State) State {
	flaky := p.flakes() >= leastFlakes && p.above(Flake, flakyOn) >= Sure
	switch {
	case p.above(Fail, failingOn) >= Sure, state == Failing && !p.gone(Fail, failingOff):
		return Failing
	case flaky, state == Flaky && !p.gone(Flake, flakyOff):
		return Flaky
	}
	return Stable
}
