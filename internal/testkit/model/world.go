// Package model is the generated fault model of the verdict. A [World] says what truly
// happened in a workflow run: what each execution of each test did, how processes ended,
// what the environment did, and which documents were left. [World.Render] makes of it what
// the gate gets to read, and [World.Oracle] what the verdict must be. The oracle reads the
// truth alone and shares no code with the packages that judge.
package model

import (
	"fmt"
	"slices"
	"strings"
)

// World is a vector of choices, one for each dimension.
type World [numDims]uint8

// Sizes of a world.
const (
	maxShards   = 3
	maxTests    = 4
	maxAttempts = 3
	// twinSlot holds the executions of a second test with the id of test 0.
	twinSlot = maxTests
)

// The dimensions. Those of attempts, tests and executions are ranges.
const (
	dShards = iota
	dTests
	dAttempts
	dBlocks
	dTable
	dJudge
	dChannel
	dStated
	dTimed
	dFlakyExit
	dRerunOff
	dGate
	dNamed
	dEnd
	dPast
	dRerunProc
	dDoc
	dDocShard
	dExtra
	dTwin
	dGroup
	dKeep
	dLast
	dSteal
	dBase
	dSays
	dTouched
	dProbe
	dScope
	dDepends
	dEnv       // one for each workflow attempt
	dProc      = dEnv + maxAttempts
	dProcShard = dProc + maxAttempts
	dKind      = dProcShard + maxAttempts // re-run kind of the second and third attempt
	dCrit      = dKind + maxAttempts - 1  // one for each test
	dQuar      = dCrit + maxTests
	dExec      = dQuar + maxTests // one for each slot and workflow attempt
	numDims    = dExec + (maxTests+1)*maxAttempts
)

// execOf is the dimension of what a slot did in a workflow attempt, from 0.
func execOf(slot, attempt int) int { return dExec + slot*maxAttempts + attempt }

// Values of dTable.
const (
	tableBuiltIn = iota
	tableStrict
	tableJudgeBlocks
	tableDependencyWarns
)

// Values of dJudge.
const (
	judgeSame = iota
	judgeChanged
	judgeUnreadable
)

// Values of dChannel.
const (
	chanReports = iota
	chanEvents
	chanStream
)

// Values of dStated: who says that a second execution is a retry.
const (
	statedByRunner = iota
	statedByConfig
	statedByNobody
)

// Values of dGate.
const (
	gateRequired = iota
	gateAdvisory
	gateExternal
	gateExternalAdvisory
)

// required reports whether a gate of the kind keeps tests from running.
func required(gate uint8) bool { return gate == gateRequired || gate == gateExternal }

// Values of dScope: which tests need the gate and the background process. The others need another service.
const (
	scopeAll    = iota
	scopeOthers // all but test 0: they do not say what they need
	scopeFirst  // test 0 alone
)

// Values of dDepends: the gate looks at a declared external dependency.
const (
	dependsNot = iota
	depends
	dependsByChange // only the change itself says that the tests need it
)

// Values of dNamed: which failures name the gate.
const (
	namedNever = iota
	namedFirst
	namedAlways
)

// Values of dEnd: a background process ended by itself.
const (
	endNone = iota
	endLast
	crashLast
	endFirst
	crashFirst
)

// Values of dPast: what is left of earlier workflow attempts.
const (
	pastKept = iota
	pastUnknown
	pastNoVerdict
	pastWithIDs
	pastWithoutIDs
)

// Values of dRerunProc: how the process of a diagnostic rerun ended.
const (
	rerunNatural = iota
	rerunAlarm
	rerunSignal
	rerunTimeout
	rerunNotStarted
)

// Values of dDoc: what became of the newest document of one shard.
const (
	docFine = iota
	docMissing
	docUnreadable
	docIncomplete
	docTwice
	docTwoVersions
	docOfOtherCommit
	docOfOtherPlan
	docFutureBeside
	docStaleBeside
	docContradicts
	docUnknownTest
)

// Values of dExtra: a test that was not planned.
const (
	extraNone = iota
	extraPassed
	extraFailed
	extraFailedOnce
)

// Values of dKeep: what a failure does to the tests of the group behind it.
const (
	keepNone       = iota // they run
	keepSkips             // they are skipped, and nothing says why
	keepStates            // they are skipped, and the framework says that they were kept from running
	keepOutside           // as keepStates, and so it is behind a failure that was not planned
	keepUndeclared        // as keepStates, and no group is declared
)

// Values of dBase: what vouched runs of the base say of every test, the newest first.
const (
	baseUnknown    = iota
	baseRed        // it failed three times, and passed before
	baseRedTwice   // it failed twice, and passed before
	baseMostlyRed  // it failed in six of ten, the newest two among them
	baseHalfRed    // it failed in five of ten, the newest two among them
	baseGreenNow   // it passed in the newest, and failed in nine before
	baseGreenOnce  // it failed in the newest, passed in the one before, and failed in eight before
	baseFlaky      // it was flaky in the newest, and failed in nine before
	baseAlwaysRed  // it failed in all that are known
	baseLongRed    // as baseRed, for longer than a red base excuses
	baseRepaired   // as baseRed, and it passed on the branch since
	baseOtherwise  // as baseRed, and the failures say something else
	baseChangedRed // as baseRed, and the oldest of the three says something else
	baseGreenJust  // as baseGreenNow, and the newest is of a commit before the base
	baseLongAgo    // as baseRedTwice, and it passed too long ago
)

// Values of dSays: which executions fail with another text than the others.
const (
	saysSame = iota
	saysRerun
	saysRetries
	saysNothing // what the first one says cannot be told
)

// Values of dProbe: what a failed test does when it is run at the commit of the base.
const (
	probeNone      = iota
	probeSame      // it fails as often as here, and says what it usually says
	probePasses    // it passes once among that
	probeOtherwise // it says something else once among that
	probeOnce      // it fails in the usual way once, and is not run again
	probeRefused
	probeNotAsked  // as probeSame, and the base's config does not ask for that
	probeElsewhere // as probeSame, at another commit
)

// Values of dEnv.
const (
	envHealthy   = iota
	envBefore    // bad before the first executions start, healed before the rerun
	envDuring    // goes bad while the first executions run, healed before the rerun
	envStays     // as envBefore, and not healed
	envRerun     // bad while the rerun runs, not when it was probed before it
	envElsewhere // bad while waiting for it only
	envRedeploy  // another build was deployed during the first executions
	envShut      // never healthy: nothing started
)

// Values of dProc: how the first process of one shard ended.
const (
	procNatural = iota
	procQuiet   // status 0, whatever failed
	procAlarm   // status 1, whatever passed
	procSignal
	procTimeout
	procNotStarted
	procUnreadable
	procNothing // left no report
	procCrash   // status 2, before its end
	procCut     // its report is cut
	procOutside // a failure outside of tests is declared
	procHeld    // not started, since a gate was lost
	procStalled // ended by the gate while the first test that reported nothing hung
	procOdd     // status 7, after its end
)

// Values of dKind.
const (
	kindAll    = iota // a new plan
	kindFailed        // shards with anything that is not a pass
	kindOne           // shard 0 alone
)

// Values of dCrit.
const (
	critBlocking = iota
	critSmoke
	critNightly
)

// Values of dQuar.
const (
	quarNone = iota
	quarValid
	quarExpired
	quarValidTwins // says twins: 2
)

// story is what the executions of a test are in one workflow attempt: in the planned
// process, and in the diagnostic rerun if there is one. P passed, F failed, S skipped. A
// second letter is a repetition by the framework; + starts another result of that name.
// A test of a group does so only if it is not kept from running; see [World.texts].
type story struct{ first, rerun string }

var stories = []story{
	{"P", "P"}, {"S", "P"}, {"", "P"}, {"FP", "P"}, {"F", "P"}, {"F", "F"}, {"FF", "P"}, {"F", "S"}, {"F", ""}, {"F", "FP"}, {"F", "P+P"}, {"P", "F"}, {"P", ""}, {"P", "FP"}, {"S", "F"},
}

// By renaming, any test can be one of the first two. Others have the first stories only.
const (
	fullTests   = 2
	fewStories  = 6
	fewerStates = quarExpired + 1
)

// dims are the names and sizes of the dimensions.
var dims = func() (list [numDims]struct {
	name string
	size int
	// words are what the values mean; empty: they are numbers, or stories.
	words []string
}) {
	set := func(d int, name string, size int) { list[d].name, list[d].size = name, size }
	say := func(d int, name string, words ...string) {
		list[d].name, list[d].size, list[d].words = name, len(words), words
	}
	set(dShards, "shards", 2)
	set(dTests, "tests", 3)
	set(dAttempts, "attempts", 3)
	say(dBlocks, "stage", "blocks", "does not block")
	say(dTable, "table", "built-in", "strictest", "judge_changed blocks", "dependency_down warns")
	say(dJudge, "judge", "the same", "changed", "unreadable")
	say(dChannel, "channel", "reports", "events", "stream")
	say(dStated, "retries", "stated by the runner", "stated by the config", "not stated")
	say(dTimed, "timed", "no", "yes")
	say(dFlakyExit, "flaky exit", "no", "yes")
	say(dRerunOff, "rerun off", "no", "yes")
	say(dGate, "gate", "required", "advisory", "external", "external and advisory")
	say(dNamed, "named", "never", "by the first failure", "by every failure")
	say(dEnd, "process end", "none", "in the last attempt", "crash in the last attempt", "in the first attempt", "crash in the first attempt")
	say(dPast, "past", "documents", "unknown", "no verdict", "witness with ids", "witness without ids")
	say(dRerunProc, "rerun's end", "natural", "status 1", "signal", "timeout", "not started")
	say(dDoc, "document", "fine", "missing", "unreadable", "incomplete", "twice", "two versions",
		"of another commit", "of another plan", "a later one beside", "a stale one beside", "contradicts itself", "unknown test")
	set(dDocShard, "document's shard", maxShards)
	say(dExtra, "extra test", "none", "passed", "failed", "failed once")
	say(dTwin, "twin", "no", "yes")
	say(dGroup, "group", "none", "of two", "of three")
	say(dKeep, "a failure", "keeps nothing", "skips the next", "keeps the next", "keeps the next, also one outside", "keeps the next without a group")
	say(dLast, "test 1 skipped last", "no", "yes")
	say(dSteal, "steals", "none", "shard 1 runs the batch of shard 0")
	say(dBase, "base", "unknown", "red", "red twice", "red in 6 of 10", "red in 5 of 10", "green now", "green once", "flaky now", "always red", "red for long",
		"repaired", "red otherwise", "red otherwise before", "green before", "green long ago")
	say(dProbe, "probe", "none", "the same", "passes", "otherwise", "once", "refused", "not asked", "elsewhere")
	say(dSays, "failures", "say the same", "say something else in the rerun", "say something else in retries", "cannot be told")
	say(dDepends, "dependency", "no", "yes", "by the change alone")
	say(dScope, "gate is for", "all tests", "all but test 0", "test 0")
	say(dTouched, "touched", "no", "yes")
	for a := range maxAttempts {
		say(dEnv+a, fmt.Sprintf("environment %d", a+1), "healthy", "bad before", "bad during", "stays bad",
			"bad in the rerun", "bad elsewhere", "redeployed", "shut")
		say(dProc+a, fmt.Sprintf("process %d", a+1), "natural", "status 0", "status 1", "signal", "timeout",
			"not started", "unreadable", "no report", "crash",
			"cut report", "failure outside of tests", "held back", "stalled", "status 7")
		set(dProcShard+a, fmt.Sprintf("process' shard %d", a+1), maxShards)
		if a > 0 {
			say(dKind+a-1, fmt.Sprintf("re-run %d", a+1), "all jobs", "failed jobs", "shard 0")
		}
		for slot := range maxTests + 1 {
			n := len(stories)
			if slot >= fullTests && slot < maxTests {
				n = fewStories
			}
			set(execOf(slot, a), fmt.Sprintf("test %d in %d", slot, a+1), n)
		}
	}
	for t := range maxTests {
		say(dCrit+t, fmt.Sprintf("criticality %d", t), "blocking", "smoke", "nightly")
		say(dQuar+t, fmt.Sprintf("quarantine %d", t), "none", "valid", "expired", "valid for two twins")
		if t >= fullTests {
			list[dQuar+t].size = fewerStates
		}
	}
	return list
}()

// Dims are the number of dimensions and the size of each.
func Dims() []int {
	sizes := make([]int, numDims)
	for i, d := range dims {
		sizes[i] = d.size
	}
	return sizes
}

// NameOf names a dimension.
func NameOf(dim int) string { return dims[dim].name }

func (w *World) shards() int            { return 2 + int(w[dShards]) }
func (w *World) tests() int             { return 2 + int(w[dTests]) }
func (w *World) attempts() int          { return 1 + int(w[dAttempts]) }
func (w *World) twin() bool             { return w[dTwin] == 1 }
func (w *World) shardOf(test int) int   { return shardOf(test, w.group(), w.shards()) }
func (w *World) on(shard int) []int     { return testsOn[w[dGroup]][w[dShards]][w[dTests]][shard] }
func (w *World) env(attempt int) uint8  { return w[dEnv+attempt] }
func (w *World) kind(attempt int) uint8 { return w[dKind+attempt-1] }

// group is how many tests build on one another: the first ones, in their order.
func (w *World) group() int { return groupOf(w[dGroup]) }

func groupOf(value uint8) int {
	if value == 0 {
		return 0
	}
	return 1 + int(value)
}

// declared reports whether the group is one that the plan knows.
func (w *World) declared() bool { return w[dGroup] > 0 && w[dKeep] != keepUndeclared }

// skippedLast reports whether a test was skipped in the last judged run.
func (w *World) skippedLast(test int) bool { return w[dLast] == 1 && test == 1 }

// shardOf is the shard of a test: a group lies on shard 0, other tests one by one on all.
func shardOf(test, group, shards int) int {
	switch {
	case group == 0:
		return test % shards
	case test < group:
		return 0
	}
	return (test - group + 1) % shards
}

// testsOn are the tests of each shard, by the values of dGroup, dShards and dTests.
var testsOn = func() (all [3][maxShards - 1][maxTests - 1][maxShards][]int) {
	for g := range all {
		for n := range all[g] {
			for tests := range all[g][n] {
				for t := range tests + 2 {
					s := shardOf(t, groupOf(uint8(g)), n+2) //nolint:gosec // at most 2
					all[g][n][tests][s] = append(all[g][n][tests][s], t)
				}
			}
		}
	}
	return all
}()

// texts are what the executions of tests in one process truly were, by slot. A test of a group that
// a failure before it kept from running did nothing: S if its framework calls it skipped, K if it
// says that the test was kept. kept are the bits of such slots.
func (w *World) texts(tests []int, a int, again bool) (texts [maxTests + 1]string, kept uint8) {
	failed := false
	if w[dKeep] == keepOutside && !again {
		failed, _ = w.extraFails(0, a)
	}
	for _, t := range tests {
		for _, slot := range w.slots(t) {
			text := w.story(slot, a).first
			if again {
				text = w.story(slot, a).rerun
			}
			switch {
			case t >= w.group() || w[dKeep] == keepNone || text == "":
			case failed:
				kept |= 1 << slot
				if text = "K"; w[dKeep] == keepSkips {
					text = "S"
				}
			default:
				failed = text[len(text)-1] == 'F'
			}
			texts[slot] = text
		}
	}
	return texts, kept
}

// needs reports whether a test needs the gate and the background process: those of a declared group need what
// one of them does.
func (w *World) needs(t int) bool {
	inGroup := w.declared() && t < w.group()
	switch w[dScope] {
	case scopeOthers:
		return t != 0 || inGroup
	case scopeFirst:
		return t == 0 || inGroup
	}
	return true
}

// shut reports whether nothing starts in a workflow attempt, since a gate of all tests failed.
func (w *World) shut(attempt int) bool { return w.env(attempt) == envShut && w[dScope] == scopeAll }

// held reports whether a test is kept from running in a workflow attempt by a gate that only some tests need.
func (w *World) held(t, attempt int) bool {
	return w.env(attempt) == envShut && w[dScope] != scopeAll && w.needs(t)
}

// runs are the tests of a shard's batch that start in a workflow attempt.
func (w *World) runs(shard, attempt int) []int {
	all := w.on(shard)
	if w.env(attempt) != envShut || w[dScope] == scopeAll {
		return all
	}
	var list []int
	for _, t := range all {
		if !w.held(t, attempt) {
			list = append(list, t)
		}
	}
	return list
}

// proc is how the first process of a shard ended in a workflow attempt.
func (w *World) proc(shard, attempt int) uint8 {
	if int(w[dProcShard+attempt]) != shard {
		return procNatural
	}
	return w[dProc+attempt]
}

// story is what a slot does in a workflow attempt.
func (w *World) story(slot, attempt int) story { return stories[w[execOf(slot, attempt)]] }

// slots are those of the tests of a shard, by test.
func (w *World) slots(test int) []int {
	if test == 0 && w.twin() {
		return []int{0, twinSlot}
	}
	return allSlots[test : test+1]
}

var allSlots = []int{0, 1, 2, 3}

// end says whether a background process ended in a workflow attempt, and whether it crashed.
func (w *World) end(attempt int) (ended, crashed bool) {
	switch w[dEnd] {
	case endLast, crashLast:
		return attempt == w.attempts()-1, w[dEnd] == crashLast
	case endFirst, crashFirst:
		return attempt == 0, w[dEnd] == crashFirst
	}
	return false, false
}

// ran reports whether a shard ran in a workflow attempt.
func (w *World) ran(shard, attempt int) bool {
	if w.shut(attempt) {
		return false
	}
	if attempt == 0 || w.kind(attempt) == kindAll {
		return true
	}
	if w.kind(attempt) == kindOne {
		return shard == w.documentOf(0) || shard == 0
	}
	return w.red(shard, attempt-1) || w.steals() && shard < 2 && w.red(1-shard, attempt-1)
}

// steals reports whether shards 0 and 1 are on one machine, where 1 runs the batch of 0: they run
// together, or not at all.
func (w *World) steals() bool { return w[dSteal] == 1 }

// documentOf is the shard whose document has what the batch of a shard did.
func (w *World) documentOf(shard int) int {
	if shard == 0 && w.steals() {
		return 1
	}
	return shard
}

// red reports whether the job of a shard failed, or that of its newest run before.
func (w *World) red(shard, attempt int) bool {
	if !w.ran(shard, attempt) {
		return w.shut(attempt) || attempt > 0 && w.kind(attempt) != kindAll && w.red(shard, attempt-1)
	}
	if w.proc(shard, attempt) != procNatural {
		return true
	}
	for _, t := range w.on(shard) {
		if w.held(t, attempt) {
			return true
		}
		for _, slot := range w.slots(t) {
			if w.story(slot, attempt).first != "P" {
				return true
			}
		}
	}
	if w[dKeep] == keepOutside && shard == 0 && (w[dPast] != pastNoVerdict || attempt == w.attempts()-1) {
		fails, _ := w.extraFails(0, attempt)
		return fails
	}
	return false
}

// says is what a failed execution says; repeated: the framework repeated the test in one process. Empty: that cannot be told.
func (w *World) says(again, repeated bool) string {
	switch {
	case w[dSays] == saysNothing && !again && !repeated:
		return ""
	case w[dNamed] == namedAlways || w[dNamed] == namedFirst && !again && !repeated:
		return "GET https://" + gateAddress + "/cases: 503"
	case w[dSays] == saysRerun && again, w[dSays] == saysRetries && repeated:
		return "expected 202"
	}
	return saysUsually
}

const saysUsually = "expected 201"

// Normal is the world with what says nothing in it set to zero: two worlds that differ only
// in that are the same.
func (w World) Normal() World {
	n := w.attempts()
	if n == 1 {
		w[dPast] = pastKept
		if w[dEnd] > crashLast {
			w[dEnd] -= 2
		}
		if w[dExtra] == extraFailedOnce {
			w[dExtra] = extraFailed
		}
	}
	if w[dGroup] == 2 && w.tests() < 3 {
		w[dGroup] = 1
	}
	if w[dGroup] == 0 {
		w[dKeep], w[dLast] = 0, 0
	}
	if w[dKeep] == keepOutside && w[dExtra] < extraFailed {
		w[dKeep] = keepStates
	}
	if w[dStated] == statedByConfig {
		w[dChannel] = chanReports // only reports repeat cases
	}
	if w[dBase] == baseUnknown {
		w[dSays], w[dTouched] = 0, 0
	}
	for a := range maxAttempts {
		if a >= n {
			w[dEnv+a], w[dProc+a] = 0, 0
			if a > 0 {
				w[dKind+a-1] = 0
			}
		}
		// Behind failed gates there is no plan whose jobs could be re-run alone.
		if a > 0 && a < n && (w.shut(a-1) || w.shut(a)) {
			w[dKind+a-1] = kindAll
		}
		if a < n-1 && w[dPast] == pastNoVerdict {
			w[dEnv+a], w[dProc+a] = 0, 0 // the attempt was lost with all that it did
		}
		if w[dProc+a] == procNatural || w.shut(a) {
			w[dProc+a], w[dProcShard+a] = 0, 0
		}
		w[dProcShard+a] %= uint8(w.shards())           //nolint:gosec // at most 3
		if len(w.runs(int(w[dProcShard+a]), a)) == 0 { // an empty shard starts no process
			w[dProc+a], w[dProcShard+a] = 0, 0
		}
	}
	for a := range maxAttempts {
		if w[dProc+a] != procNatural && !w.ran(int(w[dProcShard+a]), a) {
			w[dProc+a], w[dProcShard+a] = 0, 0
		}
		for slot := range maxTests + 1 {
			test := slot
			if slot == twinSlot {
				test = 0
			}
			unseen := slot == twinSlot && !w.twin() || test >= w.tests() || a >= n || a < n-1 && w[dPast] == pastNoVerdict
			if unseen || w.held(test, a) || !w.ran(w.shardOf(test), a) || !seen(w.proc(w.shardOf(test), a)) {
				w[execOf(slot, a)] = 0
			}
		}
	}
	for t := w.tests(); t < maxTests; t++ {
		w[dCrit+t], w[dQuar+t] = 0, 0
	}
	if w[dDoc] == docFine || w.shut(n-1) {
		w[dDoc], w[dDocShard] = 0, 0
	}
	w[dDocShard] %= uint8(w.shards()) //nolint:gosec // at most 3
	for a := range n {
		if w.env(a) == envShut && w[dScope] != scopeAll && !required(w[dGate]) {
			w[dGate]-- // an advisory gate keeps no test from running
		}
	}
	if shut := false; w[dDepends] != dependsNot {
		for a := range n {
			shut = shut || w.env(a) == envShut
		}
		if !shut || w[dScope] == scopeAll {
			w[dDepends] = dependsNot
		}
	}
	if w[dEnv] == 0 && w[dEnv+1] == 0 && w[dEnv+2] == 0 {
		w[dNamed], w[dGate] = 0, 0
		if w[dEnd] == endNone {
			w[dScope] = scopeAll
		}
	}
	return w
}

// seen reports whether anything that tests did is seen of a process.
func seen(proc uint8) bool {
	return proc != procNotStarted && proc != procUnreadable && proc != procNothing && proc != procHeld
}

// Key is equal for worlds that differ only by the names of shards and tests.
func (w *World) Key() uint64 {
	const prime = 1099511628211
	mix := func(h uint64, v uint64) uint64 {
		h ^= v
		h *= prime
		return h ^ h>>29
	}
	var shards [maxShards]uint64
	kept := w.kept()
	for s := range w.shards() {
		h := uint64(14695981039346656037)
		for a := range w.attempts() {
			h = mix(h, uint64(w.proc(s, a)))
		}
		h = mix(h, uint64(b2i(int(w[dDocShard]) == s)))
		if w.steals() {
			h = mix(h, uint64(s)+1) //nolint:gosec // shards have their roles
		}
		// Shard 0 alone has the extra test and the single re-run.
		h = mix(h, uint64(b2i(s == 0 && (w[dExtra] > 0 || w[dKind] == kindOne || w[dKind+1] == kindOne))))
		var tests [maxTests]uint64
		n := 0
		for _, t := range w.on(s) {
			k := mix(uint64(w[dCrit+t])*4+uint64(w[dQuar+t]), 7)
			if t < w.group() {
				k = mix(k, uint64(t)+1) //nolint:gosec // the tests of a group have an order
			}
			k = mix(k, uint64(b2i(w.needs(t))))
			for _, slot := range w.slots(t) {
				for a := range maxAttempts {
					v := w[execOf(slot, a)]
					if kept[a]>>slot&1 == 1 {
						v = sameRerun[v]
					}
					k = mix(k, uint64(v))
				}
			}
			tests[n] = k
			n++
		}
		slices.Sort(tests[:n])
		for _, k := range tests[:n] {
			h = mix(h, k)
		}
		shards[s] = h
	}
	slices.Sort(shards[:w.shards()])
	h := uint64(14695981039346656037)
	for d := range dProcShard {
		if d != dDocShard {
			h = mix(h, uint64(w[d]))
		}
	}
	h = mix(mix(h, uint64(w[dKind])), uint64(w[dKind+1]))
	for _, k := range shards[:w.shards()] {
		h = mix(h, k)
	}
	return h
}

// kept are, by workflow attempt, the bits of slots that were kept from running in the planned process.
func (w *World) kept() (bits [maxAttempts]uint8) {
	if w[dKeep] != keepNone {
		for a := range w.attempts() {
			_, bits[a] = w.texts(w.runs(0, a), a, false)
		}
	}
	return bits
}

// sameRerun is the first story with the same rerun: what a test that was kept from running would
// have done says nothing.
var sameRerun = func() (list []uint8) {
	for _, s := range stories {
		i := slices.IndexFunc(stories, func(o story) bool { return o.rerun == s.rerun && o.first != "" })
		list = append(list, uint8(i)) //nolint:gosec // at most 13
	}
	return list
}()

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// String lists the choices that are not zero.
func (w World) String() string {
	var parts []string
	for d, v := range w {
		switch {
		case d == dShards:
			parts = append(parts, fmt.Sprintf("%d shards", w.shards()))
		case d == dTests:
			parts = append(parts, fmt.Sprintf("%d tests", w.tests()))
		case d == dAttempts:
			parts = append(parts, fmt.Sprintf("%d workflow attempts", w.attempts()))
		case v == 0:
		case d >= dExec:
			s := stories[v]
			parts = append(parts, fmt.Sprintf("%s: %q/%q", dims[d].name, s.first, s.rerun))
		case dims[d].words != nil:
			parts = append(parts, dims[d].name+": "+dims[d].words[v])
		default:
			parts = append(parts, fmt.Sprintf("%s: %d", dims[d].name, v))
		}
	}
	return strings.Join(parts, "; ")
}

// Smaller are worlds that are smaller by one choice, for shrinking.
func (w World) Smaller() []World {
	var list []World
	for d := range numDims {
		for v := range w[d] {
			less := w
			less[d] = v
			if less = less.Normal(); less != w {
				list = append(list, less)
			}
		}
	}
	return list
}
