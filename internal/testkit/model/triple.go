package model

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Triple are values of three dimensions.
type Triple [3]struct{ Dim, Value int }

// Draw draws a world. Most have few faults: many at once hide each other.
func Draw(rng *rand.Rand) World {
	var w World
	quiet := 1 + rng.IntN(8)
	for d := range numDims {
		if Structural(d) || rng.IntN(quiet+1) == 0 {
			w[d] = uint8(rng.IntN(dims[d].size)) //nolint:gosec // at most 255
		}
	}
	if w[dGroup] > 0 {
		w[dKeep], w[dLast] = uint8(rng.IntN(dims[dKeep].size)), uint8(rng.IntN(dims[dLast].size)) //nolint:gosec // at most 255
	}
	if rng.IntN(3) == 0 {
		w[dAttempts] = 0 // one says as much, in less time
	}
	return w.Normal()
}

// Blocks reports whether the stage blocks.
func (w *World) Blocks() bool { return w[dBlocks] == 0 }

// Structural reports whether a dimension says how large a world is.
func Structural(dim int) bool { return dim <= dAttempts }

// String names the dimensions.
func (t Triple) String() string {
	return fmt.Sprintf("%s %d, %s %d, %s %d", NameOf(t[0].Dim), t[0].Value, NameOf(t[1].Dim), t[1].Value, NameOf(t[2].Dim), t[2].Value)
}

// tries is how many worlds are drawn for a triple.
const tries = 20_000

// World draws a world that has the triple, with few other faults at first: many hide each other.
func (t Triple) World(rng *rand.Rand) (World, bool) {
	for try := range tries {
		var w World
		for d := range numDims {
			if Structural(d) || rng.IntN(6-try%6) == 0 {
				w[d] = uint8(rng.IntN(dims[d].size)) //nolint:gosec // at most 255
			}
		}
		for _, v := range t {
			w[v.Dim] = uint8(v.Value) //nolint:gosec // at most 255
		}
		if w = w.Normal(); t.in(&w) {
			return w, true
		}
	}
	return World{}, false
}

func (t Triple) in(w *World) bool {
	for _, v := range t {
		if int(w[v.Dim]) != v.Value {
			return false
		}
	}
	return true
}

// Possible reports whether the rules of [World.Normal] let any world have the triple.
func (t Triple) Possible() bool {
	for n := 1; n <= maxAttempts; n++ {
		for shards := 2; shards <= maxShards; shards++ {
			for tests := 2; tests <= maxTests; tests++ {
				for _, group := range [...]int{0, 2, 3} {
					if t.possibleIn(n, shards, tests, group) {
						return true
					}
				}
			}
		}
	}
	return false
}

// value is what the triple says of a dimension.
func (t Triple) value(dim int) (value int, fixed bool) {
	for _, v := range t {
		if v.Dim == dim {
			return v.Value, true
		}
	}
	return 0, false
}

func (t Triple) fixes(dim, value int) bool {
	v, fixed := t.value(dim)
	return fixed && v == value
}

// some reports whether the triple has a value in a dimension, and it is not zero.
func (t Triple) some(dim int) bool {
	v, fixed := t.value(dim)
	return fixed && v != 0
}

func (t Triple) possibleIn(n, shards, tests, group int) bool {
	if v, fixed := t.value(dAttempts); fixed && v != n-1 {
		return false
	}
	if v, fixed := t.value(dShards); fixed && v != shards-2 {
		return false
	}
	if v, fixed := t.value(dTests); fixed && v != tests-2 {
		return false
	}
	if !t.groupPossible(tests, group) {
		return false
	}
	past, _ := t.value(dPast)
	if n == 1 && (past != pastKept || t.fixes(dEnd, endFirst) || t.fixes(dEnd, crashFirst) || t.fixes(dExtra, extraFailedOnce)) {
		return false
	}
	if channel, fixed := t.value(dChannel); fixed && channel != chanReports && t.fixes(dStated, statedByConfig) {
		return false
	}
	for test := tests; test < maxTests; test++ {
		if t.some(dCrit+test) || t.some(dQuar+test) {
			return false
		}
	}
	if t.some(dDocShard) && t.fixes(dDoc, docFine) || t.fixes(dDocShard, 2) && shards < 3 {
		return false
	}
	if (t.some(dDoc) || t.some(dDocShard)) && t.fixes(dEnv+n-1, envShut) {
		return false
	}
	unhealthy := false
	for a := range n {
		unhealthy = unhealthy || (past != pastNoVerdict || a == n-1) && !t.fixes(dEnv+a, envHealthy)
	}
	if !unhealthy && (t.some(dNamed) || t.some(dGate)) {
		return false
	}
	for a := range maxAttempts {
		if !t.attemptPossible(a, n, shards, tests, group, past) {
			return false
		}
	}
	return true
}

// groupPossible is about the dimensions of a group.
func (t Triple) groupPossible(tests, group int) bool {
	if v, fixed := t.value(dGroup); fixed && groupOf(uint8(v)) != group || group > tests { //nolint:gosec // at most 2
		return false
	}
	if group == 0 && (t.some(dKeep) || t.some(dLast)) {
		return false
	}
	extra, fixed := t.value(dExtra)
	return !fixed || extra >= extraFailed || !t.fixes(dKeep, keepOutside)
}

// attemptPossible is about the dimensions of one workflow attempt.
func (t Triple) attemptPossible(a, n, shards, tests, group, past int) bool {
	var used []int // shards whose tests do something
	for slot := range maxTests + 1 {
		if !t.some(execOf(slot, a)) {
			continue
		}
		test := slot
		if slot == twinSlot {
			if test = 0; t.fixes(dTwin, 0) {
				return false
			}
		}
		if test >= tests {
			return false
		}
		used = append(used, shardOf(test, group, shards))
	}
	process := t.some(dProc+a) || t.some(dProcShard+a)
	happens := len(used) > 0 || process
	if a >= n {
		return !happens && !t.some(dEnv+a) && (a == 0 || !t.some(dKind+a-1))
	}
	if past == pastNoVerdict && a < n-1 && (happens || t.some(dEnv+a)) {
		return false
	}
	if t.fixes(dEnv+a, envShut) && happens {
		return false
	}
	kind := kindAll
	if a > 0 {
		kind, _ = t.value(dKind + a - 1)
		if kind != kindAll && (t.fixes(dEnv+a, envShut) || t.fixes(dEnv+a-1, envShut)) {
			return false
		}
	}
	if kind == kindFailed && past == pastNoVerdict && happens {
		return false // nothing failed that is known
	}
	if t.some(dProcShard+a) && t.fixes(dProc+a, procNatural) {
		return false
	}
	if !process {
		return kind != kindOne || !slices.ContainsFunc(used, func(s int) bool { return s != 0 })
	}
	proc, known := t.value(dProc + a)
	hides := known && !seen(uint8(proc)) //nolint:gosec // at most 11
	for s := range shards {
		if len(testsOn[max(group-1, 0)][shards-2][tests-2][s]) == 0 {
			continue
		}
		at, fixed := t.value(dProcShard + a)
		if fixed && at != s || kind == kindOne && s != 0 || hides && slices.Contains(used, s) {
			continue
		}
		return kind != kindOne || !slices.ContainsFunc(used, func(s int) bool { return s != 0 })
	}
	return false
}
