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
	w := nothingWanted
	for _, v := range t {
		w[v.Dim] = int8(v.Value) //nolint:gosec // at most 13
	}
	for n := 1; n <= maxAttempts; n++ {
		for shards := 2; shards <= maxShards; shards++ {
			for tests := 2; tests <= maxTests; tests++ {
				for _, group := range [...]int{0, 2, 3} {
					for scope := range dims[dScope].size {
						if w.possibleIn(n, shards, tests, group, scope) {
							return true
						}
					}
				}
			}
		}
	}
	return false
}

// wanted is what a triple says of each dimension; -1: nothing.
type wanted [numDims]int8

var nothingWanted = func() (w wanted) {
	for d := range w {
		w[d] = -1
	}
	return w
}()

// value is what the triple says of a dimension; 0 where that is nothing.
func (w *wanted) value(dim int) (value int, fixed bool) { return int(max(w[dim], 0)), w[dim] >= 0 }

func (w *wanted) fixes(dim, value int) bool { return int(w[dim]) == value }

// some reports whether the triple has a value in a dimension, and it is not zero.
func (w *wanted) some(dim int) bool { return w[dim] > 0 }

func (w *wanted) possibleIn(n, shards, tests, group, scope int) bool {
	if v, fixed := w.value(dScope); fixed && v != scope {
		return false
	}
	if w.some(dDepends) {
		for a := range n { // one of them has a gate that fails
			if v, fixed := w.value(dEnv + a); fixed && v != envShut {
				continue
			}
			one := *w
			one[dEnv+a], one[dDepends] = envShut, -1
			if scope != scopeAll && one.possibleIn(n, shards, tests, group, scope) {
				return true
			}
		}
		return false
	}
	if v, fixed := w.value(dAttempts); fixed && v != n-1 {
		return false
	}
	if v, fixed := w.value(dShards); fixed && v != shards-2 {
		return false
	}
	if v, fixed := w.value(dTests); fixed && v != tests-2 {
		return false
	}
	if !w.groupPossible(tests, group) || w.fixes(dBase, baseUnknown) && (w.some(dSays) || w.some(dTouched)) {
		return false
	}
	past, _ := w.value(dPast)
	if n == 1 && (past != pastKept || w.fixes(dEnd, endFirst) || w.fixes(dEnd, crashFirst) || w.fixes(dExtra, extraFailedOnce)) {
		return false
	}
	if channel, fixed := w.value(dChannel); fixed && channel != chanReports && w.fixes(dStated, statedByConfig) {
		return false
	}
	for test := tests; test < maxTests; test++ {
		if w.some(dCrit+test) || w.some(dQuar+test) {
			return false
		}
	}
	if w.some(dDocShard) && w.fixes(dDoc, docFine) || w.fixes(dDocShard, 2) && shards < 3 {
		return false
	}
	if (w.some(dDoc) || w.some(dDocShard)) && w.fixes(dEnv+n-1, envShut) && scope == scopeAll {
		return false
	}
	unhealthy := false
	gate, known := w.value(dGate)
	for a := range n {
		if scope != scopeAll && w.fixes(dEnv+a, envShut) && known && !required(uint8(gate)) { //nolint:gosec // at most 3
			return false
		}
		unhealthy = unhealthy || (past != pastNoVerdict || a == n-1) && !w.fixes(dEnv+a, envHealthy)
	}
	if !unhealthy && (w.some(dNamed) || w.some(dGate) || scope != scopeAll && w.fixes(dEnd, endNone)) {
		return false
	}
	for a := range maxAttempts {
		if !w.attemptPossible(a, n, shards, tests, group, scope, past) {
			return false
		}
	}
	return true
}

// groupPossible is about the dimensions of a group.
func (w *wanted) groupPossible(tests, group int) bool {
	if v, fixed := w.value(dGroup); fixed && groupOf(uint8(v)) != group || group > tests { //nolint:gosec // at most 2
		return false
	}
	if group == 0 && (w.some(dKeep) || w.some(dLast)) {
		return false
	}
	extra, fixed := w.value(dExtra)
	return !fixed || extra >= extraFailed || !w.fixes(dKeep, keepOutside)
}

// freeOfGate reports whether a test can be one that a scoped gate does not concern.
func (w *wanted) freeOfGate(test, group, scope int) bool {
	declared := group > 0 && w[dKeep] >= 0 && !w.fixes(dKeep, keepUndeclared)
	switch {
	case scope == scopeAll, declared && test < group:
		return false
	case scope == scopeOthers:
		return test == 0
	}
	return test > 0
}

// attemptPossible is about the dimensions of one workflow attempt.
func (w *wanted) attemptPossible(a, n, shards, tests, group, scope, past int) bool {
	used := 0 // bits of the shards whose tests do something
	for slot := range maxTests + 1 {
		if !w.some(execOf(slot, a)) {
			continue
		}
		test := slot
		if slot == twinSlot {
			if test = 0; w.fixes(dTwin, 0) {
				return false
			}
		}
		if test >= tests {
			return false
		}
		if w.fixes(dEnv+a, envShut) && !w.freeOfGate(test, group, scope) {
			return false
		}
		used |= 1 << shardOf(test, group, shards)
	}
	process := w.some(dProc+a) || w.some(dProcShard+a)
	happens := used != 0 || process
	if a >= n {
		return !happens && !w.some(dEnv+a) && (a == 0 || !w.some(dKind+a-1))
	}
	if past == pastNoVerdict && a < n-1 && (happens || w.some(dEnv+a)) {
		return false
	}
	shut := w.fixes(dEnv+a, envShut)
	if shut && happens && scope == scopeAll {
		return false
	}
	one := 1 // bits of the shards that run where one shard alone is re-run
	if !w.fixes(dSteal, 0) {
		one = 3
	}
	kind := kindAll
	if a > 0 {
		kind, _ = w.value(dKind + a - 1)
		if kind != kindAll && scope == scopeAll && (shut || w.fixes(dEnv+a-1, envShut)) {
			return false
		}
	}
	if kind == kindFailed && past == pastNoVerdict && happens {
		return false // nothing failed that is known
	}
	if w.some(dProcShard+a) && w.fixes(dProc+a, procNatural) {
		return false
	}
	if !process {
		return kind != kindOne || used&^one == 0
	}
	proc, known := w.value(dProc + a)
	hides := known && !seen(uint8(proc)) //nolint:gosec // at most 11
	for s := range shards {
		on := testsOn[max(group-1, 0)][shards-2][tests-2][s]
		if len(on) == 0 || shut && !slices.ContainsFunc(on, func(t int) bool { return w.freeOfGate(t, group, scope) }) {
			continue
		}
		at, fixed := w.value(dProcShard + a)
		if fixed && at != s || kind == kindOne && one>>s&1 == 0 || hides && used>>s&1 == 1 {
			continue
		}
		return kind != kindOne || used&^one == 0
	}
	return false
}
