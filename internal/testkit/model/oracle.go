package model

import (
	"slices"
	"strings"
)

// Answer is what a verdict must be.
type Answer uint8

// The answers.
const (
	NotJudged Answer = iota
	Passed
	Failed
)

// String is the word of the verdict.
func (a Answer) String() string { return [...]string{"not_judged", "passed", "failed"}[a] }

// The law, as data: effects by table, row and column (smoke, blocking, nightly).
type effect uint8

const (
	inform effect = iota
	warn
	missing
	block
)

type row uint8

const (
	rowPassed row = iota
	rowFailed
	rowBaseFails
	rowFlaky
	rowLaterPass
	rowLost
	rowNotRun
	rowDependencyDown
	rowQuarantined
	rowSkipped
)

var law = [...][rowSkipped + 1][3]effect{
	tableBuiltIn: {
		rowPassed:         {inform, inform, inform},
		rowFailed:         {block, block, inform},
		rowBaseFails:      {block, warn, inform},
		rowFlaky:          {block, warn, inform},
		rowLaterPass:      {block, block, warn},
		rowLost:           {missing, missing, warn},
		rowNotRun:         {missing, missing, warn},
		rowDependencyDown: {missing, missing, warn},
		rowQuarantined:    {warn, warn, inform},
		rowSkipped:        {inform, inform, inform},
	},
	tableStrict: {
		rowPassed:         {inform, inform, inform},
		rowFailed:         {block, block, inform},
		rowBaseFails:      {block, block, inform},
		rowFlaky:          {block, block, inform},
		rowLaterPass:      {block, block, warn},
		rowLost:           {missing, missing, warn},
		rowNotRun:         {missing, missing, warn},
		rowDependencyDown: {missing, missing, warn},
		rowQuarantined:    {warn, warn, inform},
		rowSkipped:        {inform, inform, inform},
	},
	tableJudgeBlocks: {
		rowPassed:         {inform, inform, inform},
		rowFailed:         {block, block, inform},
		rowBaseFails:      {block, warn, inform},
		rowFlaky:          {block, warn, inform},
		rowLaterPass:      {block, block, warn},
		rowLost:           {missing, missing, warn},
		rowNotRun:         {missing, missing, warn},
		rowDependencyDown: {missing, missing, warn},
		rowQuarantined:    {warn, warn, inform},
		rowSkipped:        {inform, inform, inform},
	},
	tableDependencyWarns: {
		rowPassed:         {inform, inform, inform},
		rowFailed:         {block, block, inform},
		rowBaseFails:      {block, warn, inform},
		rowFlaky:          {block, warn, inform},
		rowLaterPass:      {block, block, warn},
		rowLost:           {missing, missing, warn},
		rowNotRun:         {missing, missing, warn},
		rowDependencyDown: {warn, warn, warn},
		rowQuarantined:    {warn, warn, inform},
		rowSkipped:        {inform, inform, inform},
	},
}

// judgeChangedBlocks says of each table whether a change that alters its judge blocks.
var judgeChangedBlocks = [...]bool{tableBuiltIn: false, tableStrict: false, tableJudgeBlocks: true, tableDependencyWarns: false}

// column is the place of a criticality in the law.
var column = [...]int{critSmoke: 0, critBlocking: 1, critNightly: 2}

// member is one test as somebody who reads the reports can know it: its executions in the
// planned process, and what the diagnostic rerun says of it.
type member struct {
	first string
	// again are its executions in the rerun; asked: it had failed or was kept from running, so the
	// rerun was its own; proves: a pass there is believed.
	again         string
	asked, proves bool
	// hung: it failed because nothing happened any more.
	hung bool
}

// seenTest is what one document truly says of a test.
type seenTest struct {
	members []member
	// lost: the process that was to run it, or its rerun, cannot be believed.
	lost bool
	// down: it was not run for nothing but a dependency that is down.
	down bool
}

// extraSlot is the place of the unplanned test in what a document says.
const extraSlot = maxTests

// seenDoc is what one document truly says.
type seenDoc struct {
	there  bool
	tests  [maxTests + 1]seenTest
	ended  bool // a process that all tests need
	number int
}

// past is what is known, in a workflow attempt, of the ones before.
type past struct {
	unknown bool
	// failed are tests of which only the failure is known.
	failed [maxTests + 1]bool
}

type oracle struct {
	w    *World
	docs [maxAttempts][maxShards]seenDoc
	// said and stamped are what the verdict of a workflow attempt was, and the tests that it named.
	said    [maxAttempts]Answer
	stamped [maxAttempts][maxTests + 1]bool
}

// Oracle answers what the verdict of the world must be.
func (w *World) Oracle() Answer {
	o := oracle{w: w}
	for a := range w.attempts() {
		before := o.pastOf(a)
		for s := range w.shards() {
			if w.ran(s, a) {
				o.docs[a][s] = o.observe(s, a, before)
			}
		}
		if a == w.attempts()-1 || w[dPast] != pastKept {
			o.said[a] = o.judge(a, before)
		}
	}
	return o.said[w.attempts()-1]
}

// pastOf is what the witnesses of earlier attempts tell, where their documents are gone.
func (o *oracle) pastOf(attempt int) past {
	var p past
	for a := range attempt {
		switch o.w[dPast] {
		case pastUnknown:
			p.unknown = true
		case pastWithoutIDs:
			p.unknown = p.unknown || o.said[a] != Passed && o.w[dBlocks] == 0
		case pastWithIDs:
			for t, failed := range o.stamped[a] {
				p.failed[t] = p.failed[t] || failed
			}
		}
	}
	return p
}

// spelled writes repetitions by the framework in lower case: "FP" becomes "Fp". So what is
// known of an execution stays with it, whatever is believed of it.
func spelled(text string) []string {
	list := strings.Split(text, "+")
	for i, piece := range list {
		if len(piece) > 1 {
			list[i] = piece[:1] + strings.ToLower(piece[1:])
		}
	}
	return list
}

// is compares an execution with what it may be, whether or not it is a repetition.
func is(execution, want byte) bool { return execution == want || execution == want+'a'-'A' }

func endsIn(text string, want byte) bool { return text != "" && is(text[len(text)-1], want) }

func holds(text string, want byte) bool {
	for i := range text {
		if is(text[i], want) {
			return true
		}
	}
	return false
}

// split divides executions, in the order of a report, into tests: a further execution is a
// retry only if somebody says so.
func (o *oracle) split(texts []string) []string {
	var list []string
	for _, text := range texts {
		for _, piece := range spelled(text) {
			switch o.w[dStated] {
			case statedByRunner:
				if piece != "" {
					list = append(list, piece)
				}
			case statedByNobody:
				for i := range piece {
					list = append(list, piece[i:i+1])
				}
			case statedByConfig:
				for i := range piece {
					if n := len(list); n > 0 && endsIn(list[n-1], 'F') {
						list[n-1] += piece[i : i+1]
					} else {
						list = append(list, piece[i:i+1])
					}
				}
			}
		}
	}
	return list
}

// told is what a process told.
type told struct {
	tests [maxTests][]string
	lost  [maxTests]bool
	hung  [maxTests]bool
	// by is the failed test that kept each one from running, from 1; 0: it ran, or that is not known.
	by [maxTests]int
}

// believe marks the skips that are none: the framework says so (K), or it is a declared group, a
// test of it had failed before, and the skipped one was no skip in the last judged run.
func (o *oracle) believe(t *told, tests []int) {
	w := o.w
	failed, failedInGroup := 0, false
	for _, i := range tests {
		inGroup := w.declared() && i < w.group()
		for j, run := range t.tests[i] {
			if run == "S" && inGroup && failedInGroup && !w.skippedLast(i) {
				run = "K"
				t.tests[i][j] = run
			}
			switch (member{first: run}).ended() {
			case 'F':
				failed, failedInGroup = i+1, failedInGroup || inGroup
			case 'N':
				t.by[i] = failed
			}
		}
	}
}

// process tells what is known of tests after a process that was to run them.
func (o *oracle) process(tests []int, a int, how uint8, again, extraRed, extra bool) told {
	w := o.w
	var t told
	all := func() told {
		for _, i := range tests {
			t.lost[i] = true
		}
		return t
	}
	if !seen(how) {
		return all()
	}
	red, explains, any := extra && extraRed, extra && extraRed, extra
	endedRed := false
	missing := false
	truth, _ := w.texts(tests, a, again)
	for _, i := range tests {
		texts := make([]string, 0, 2)
		for _, slot := range w.slots(i) {
			text := truth[slot]
			texts = append(texts, text)
			for piece := range strings.SplitSeq(text, "+") {
				red = red || strings.HasSuffix(piece, "F") || w[dFlakyExit] == 1 && strings.Contains(piece, "F")
			}
		}
		t.tests[i] = o.split(texts)
		for _, run := range t.tests[i] {
			endedRed = endedRed || endsIn(run, 'F')
			explains = explains || endsIn(run, 'F') || w[dFlakyExit] == 1 && holds(run, 'F') && endsIn(run, 'P')
		}
		n := len(t.tests[i])
		any = any || n > 0
		missing = missing || n == 0
		t.lost[i] = n > 0 && n < len(texts)
	}
	o.believe(&t, tests)
	if (how == procTimeout || how == procStalled) && !missing && !endedRed {
		return all() // what it was still at when it was stopped is not known
	}
	if how == procStalled {
		return o.stalled(t, tests)
	}
	bad := false // it ended by itself, and not well
	switch how {
	case procSignal, procCut, procOutside:
		return all()
	case procNatural:
		bad = red
	case procAlarm, procCrash, procOdd:
		bad = true
	}
	if !any {
		return all()
	}
	// Who announces its own end and did not come to it has not said why it ended badly.
	if bad && how == procCrash && w[dChannel] == chanEvents && !missing {
		return all()
	}
	// Who says by which status it tells of failed tests has told something else by another one.
	if how == procOdd && w[dChannel] == chanEvents {
		return all()
	}
	// Who announces each test's end can be believed up to where it stops.
	upTo := missing && (w[dChannel] == chanStream || w[dChannel] == chanEvents && how == procCrash)
	if bad && !explains && !upTo {
		return all()
	}
	// Which tests report files should hold, nothing says.
	if w[dChannel] == chanStream || w[dChannel] == chanEvents && how == procCrash || how == procTimeout {
		for _, i := range tests {
			t.lost[i] = t.lost[i] || len(t.tests[i]) == 0
		}
	}
	return t
}

// stalled tells what is known when the gate ended a process because nothing happened in it: of the tests that
// reported nothing the first one hung, where it is told which runs, and nothing is known of the others.
func (o *oracle) stalled(t told, tests []int) told {
	hung := o.w[dChannel] == chanReports
	for _, i := range tests {
		switch {
		case len(t.tests[i]) > 0:
		case hung:
			t.lost[i] = true
		default:
			hung, t.hung[i], t.tests[i] = true, true, []string{"F"}
		}
	}
	return t
}

// observe is what the document of a shard truly says.
func (o *oracle) observe(s, a int, before past) seenDoc {
	w := o.w
	doc := seenDoc{there: true, number: a}
	ended, _ := w.end(a)
	doc.ended = ended && w[dScope] == scopeAll
	for _, t := range w.on(s) {
		if w.held(t, a) { // a process that it needs and that ended is another reason
			doc.tests[t].down, doc.tests[t].lost = w[dDepends] == depends, ended && !doc.ended
		}
	}
	tests := w.runs(s, a)
	if len(tests) == 0 {
		return doc
	}
	how := w.proc(s, a)
	extraRed, extra := w.extraFails(s, a)
	first := o.process(tests, a, how, false, extraRed, extra && seen(how))
	for _, t := range tests {
		doc.tests[t].lost = first.lost[t] || ended && !doc.ended && w.needs(t)
		for _, text := range first.tests[t] {
			doc.tests[t].members = append(doc.tests[t].members, member{first: text, hung: first.hung[t]})
		}
	}
	if extra && seen(how) {
		text := "P"
		if extraRed {
			text = "F"
		}
		doc.tests[extraSlot].members = []member{{first: text}}
		doc.tests[extraSlot].lost = w.env(a) == envShut // it does not say what it needs
	}
	again := o.repeated(&doc, first, tests, how == procSignal, before)
	if len(again) == 0 {
		return doc
	}
	ends := [...]uint8{rerunNatural: procNatural, rerunAlarm: procAlarm, rerunSignal: procSignal, rerunTimeout: procTimeout, rerunNotStarted: procNotStarted}
	second := o.process(again, a, ends[w[dRerunProc]], true, false, false)
	for _, t := range again {
		o.rerun(&doc.tests[t], second.tests[t], second.lost[t])
	}
	return doc
}

// repeated are the tests that the diagnostic rerun of a shard runs.
func (o *oracle) repeated(doc *seenDoc, first told, tests []int, killed bool, before past) []int {
	w := o.w
	var allowed [maxTests]bool
	groupFailed, groupAllowed := false, true
	for _, t := range tests {
		if doc.tests[t].worst() != 'F' {
			continue
		}
		retried := true
		for _, m := range doc.tests[t].members {
			retried = retried && (m.ended() != 'F' || len(m.first) > 1)
		}
		allowed[t] = !retried && !killed && o.mayRerun(doc, t, before)
		if w.declared() && t < w.group() {
			groupFailed, groupAllowed = true, groupAllowed && allowed[t]
		}
	}
	var again []int
	for _, t := range tests {
		switch {
		case w.declared() && t < w.group():
			if groupFailed && groupAllowed { // whole, or not at all
				again = append(again, t)
			}
		case allowed[t], doc.tests[t].worst() == 'N' && first.by[t] > 0 && allowed[first.by[t]-1]:
			again = append(again, t)
		}
	}
	return again
}

// worst is how the worst of the tests that share an id ended.
func (t *seenTest) worst() byte {
	worst := byte(0)
	for _, m := range t.members {
		if now := m.ended(); strings.IndexByte("SP~NF", now) > strings.IndexByte("SP~NF", worst) {
			worst = now
		}
	}
	return worst
}

// rerun adds what the diagnostic rerun said of a test.
func (o *oracle) rerun(own *seenTest, now []string, lost bool) {
	if len(own.members) == 0 { // never reported before: it stays lost, unless it fails now
		first := seenTest{lost: own.lost || lost}
		for _, text := range now {
			first.members = append(first.members, member{first: text})
		}
		if own.lost = first.lost; first.worst() == 'F' {
			*own = first
		}
		return
	}
	equal := len(now) == len(own.members)
	failed := 0
	for _, text := range now {
		failed += b2i(is(text[0], 'F'))
	}
	worst := own.worst()
	if worst != 'F' && worst != 'N' { // it ran with others of its group
		switch {
		case equal:
			for i := range own.members {
				own.members[i].again = now[i]
			}
		case failed > 0:
			own.members[0].again = "F"
		}
		return
	}
	own.lost = own.lost || lost
	// Where the numbers differ, the whole rerun stands beside the first that failed, else
	// beside the first that was kept from running.
	target := slices.IndexFunc(own.members, func(m member) bool { return m.ended() == worst })
	for i := range own.members {
		m := &own.members[i]
		ended := m.ended()
		m.asked = len(now) > 0 && (ended == 'F' || ended == 'N') && (equal || i == target)
		m.proves = !lost && o.w[dRerunProc] != rerunTimeout && equal && (len(now) < 2 || failed == 0)
		if equal {
			m.again = now[i]
		} else if m.asked {
			m.again = strings.Join(now, "")
		}
	}
}

// mayRerun reports whether a failed test of a document gets its diagnostic rerun. A test that was
// kept from running used its rerun as its first execution, and gets no other.
func (o *oracle) mayRerun(doc *seenDoc, t int, before past) bool {
	w, a := o.w, doc.number
	ended, _ := w.end(a)
	if !w.needs(t) {
		ended = false
	}
	required := w[dGate] == gateRequired || w[dGate] == gateExternal
	if w[dRerunOff] == 1 || before.unknown || before.failed[t] || ended || w.env(a) == envStays && required && w.needs(t) {
		return false
	}
	for b := range a {
		old := &o.docs[b][w.shardOf(t)]
		if w[dPast] != pastKept || !old.there {
			continue
		}
		for _, m := range old.tests[t].members {
			if m.asked {
				return false
			}
		}
	}
	return true
}

// ended is how a member ended in its document: P, F, S, ~ for flaky, or N: it was kept from
// running. A skip behind a failure proves nothing.
func (m member) ended() byte {
	last := byte('N')
	for i := range m.first {
		switch {
		case is(m.first[i], 'S') && last == 'N':
			last = 'S'
		case !is(m.first[i], 'S') && !is(m.first[i], 'K'):
			last = m.first[i]
		}
	}
	beside := !m.asked && m.again != "" && is(m.again[0], 'F')
	switch {
	case last == 'N': // the rerun is its first execution
		switch {
		case strings.Contains(m.again, "F"):
			return 'F'
		case m.asked && m.proves && m.again[0] != 'K':
			return m.again[0]
		}
		return 'N'
	case is(last, 'F') && m.asked && m.proves && is(m.again[0], 'P'):
		return '~'
	case is(last, 'F'), is(last, 'S') && beside:
		return 'F'
	case is(last, 'P') && (holds(m.first, 'F') || beside):
		return '~'
	case is(last, 'P'):
		return 'P'
	}
	return 'S'
}

// newest are the document of a shard's batch that counts, and the others; at is the shard of the document. gone: it is there, and
// cannot be believed.
func (o *oracle) newest(s, at, a int, final bool) (doc *seenDoc, others []*seenDoc, gone bool) {
	w := o.w
	var list []*seenDoc
	for b := a; b >= 0; b-- {
		if o.docs[b][s].there && (b == a || w[dPast] == pastKept) {
			list = append(list, &o.docs[b][s])
		}
	}
	ofPlan := func(d *seenDoc) bool { return w.planOf(d.number) == w.planOf(a) }
	if final && w[dDoc] != docFine && int(w[dDocShard]) == at && len(list) > 0 && ofPlan(list[0]) {
		switch w[dDoc] {
		case docMissing, docOfOtherCommit:
			list = list[1:]
		case docOfOtherPlan:
			others = append(others, list[0])
			list = list[1:]
		case docUnreadable:
			return nil, list[1:], true
		case docTwoVersions, docContradicts, docUnknownTest:
			return nil, list[1:], true
		}
	}
	if len(list) > 0 && ofPlan(list[0]) {
		doc, list = list[0], list[1:]
	}
	return doc, append(others, list...), false
}

// documented reports whether every earlier workflow attempt left something that can be read.
func (o *oracle) documented(a int, final bool) bool {
	w := o.w
	if w[dPast] != pastKept {
		return true // witnesses tell
	}
	for b := range a {
		there, ran := false, false
		for s := range w.shards() {
			if !o.docs[b][s].there {
				continue
			}
			ran = true
			newest := true
			for c := b + 1; c <= a; c++ {
				newest = newest && !o.docs[c][s].there
			}
			if final && newest && int(w[dDocShard]) == s && w.planOf(b) == w.planOf(a) {
				switch w[dDoc] {
				case docUnreadable:
					return false
				case docMissing, docOfOtherCommit:
					continue
				}
			}
			there = true
		}
		if ran && !there {
			return false
		}
	}
	return true
}

// findings are what speaks against a pass.
type findings struct{ blocks, environment, missing bool }

func (f findings) answer() Answer {
	switch {
	case f.blocks:
		return Failed
	case f.environment || f.missing:
		return NotJudged
	}
	return Passed
}

// judge is the verdict of a workflow attempt.
func (o *oracle) judge(a int, before past) Answer {
	w := o.w
	var f findings
	f.blocks = w[dJudge] == judgeChanged && judgeChangedBlocks[w[dTable]]
	f.missing = w[dJudge] == judgeUnreadable
	if w.shut(a) {
		f.missing = true
		return f.answer()
	}
	final := a == w.attempts()-1
	f.missing = f.missing || before.unknown || !o.documented(a, final)
	var list []judged
	waits := false               // a test that can block was not run for a dependency, which does not count against the stage
	var allThere [maxShards]bool // by document
	for s := range w.shards() {
		allThere[s] = true
	}
	for s := range w.shards() {
		if s == 0 && w.steals() && !o.stole(a) {
			continue // no document has a batch that was started nowhere
		}
		doc, _, _ := o.newest(s, w.documentOf(s), a, final)
		for _, t := range w.on(s) {
			if s == 0 && w.steals() && w.held(t, o.lastRun(0, a)) {
				continue // what a gate held back was not stolen
			}
			if doc == nil || len(doc.tests[t].members) == 0 {
				allThere[w.documentOf(s)] = false
			}
		}
	}
	for s := range w.shards() {
		doc, others, gone := o.newest(s, w.documentOf(s), a, final)
		spoilt := final && int(w[dDocShard]) == w.documentOf(s)
		incomplete := doc != nil && spoilt && w[dDoc] == docIncomplete && doc.number == o.lastRun(s, a)
		f.missing = f.missing || doc != nil && doc.ended || (gone || incomplete) && o.testless(s, a)
		if s == 0 && w.steals() {
			o.empty(&f, a, final)
		}
		number := a
		if doc != nil {
			number = doc.number
		}
		for _, t := range w.on(s) {
			var own seenTest
			if doc != nil {
				own = doc.tests[t]
			}
			lost := own.lost || len(own.members) == 0 || incomplete && allThere[w.documentOf(s)]
			switch col := column[w[dCrit+t]]; {
			case own.down && !own.lost && !incomplete && !o.ownGone(s, a, final) && !ranBefore(others, before, t):
				f.missing = f.missing || law[w[dTable]][rowDependencyDown][col] == missing
				waits = waits || col != column[critNightly]
			case lost && law[w[dTable]][rowLost][col] == missing:
				f.missing = true
			}
			list = append(list, judged{own, number, others, t, lost})
		}
		extra := seenTest{}
		if doc != nil && s == 0 {
			extra = doc.tests[extraSlot]
		}
		if f.missing = f.missing || extra.lost; len(extra.members) > 0 {
			list = append(list, judged{extra, number, others, extraSlot, true})
		} else if s == 0 && before.failed[extraSlot] {
			f.missing = true // a test that failed is not there any more
		}
	}
	passed := false
	shown := o.shown(list, before)
	f.missing = f.missing || waits && !shown
	for _, j := range list {
		proves := o.test(&f, j, a, before, shown)
		passed = passed || proves && !j.lost
	}
	f.missing = f.missing || !passed
	return f.answer()
}

// judged is a test with what the documents that count say of it.
type judged struct {
	own    seenTest
	number int
	others []*seenDoc
	t      int
	lost   bool
}

// ownGone reports whether the own document of a shard is missing, or says that the shard did not finish, while another
// shard ran its batch: what a gate held back of it is still of the shard.
func (o *oracle) ownGone(s, a int, final bool) bool {
	if s != 0 || !o.w.steals() {
		return false
	}
	doc, _, _ := o.newest(0, 0, a, final)
	return doc == nil || final && o.w[dDocShard] == 0 && o.w[dDoc] == docIncomplete && doc.number == o.lastRun(0, a)
}

// ranBefore reports whether anything is known of a test from earlier workflow attempts.
func ranBefore(others []*seenDoc, before past, t int) bool {
	return before.failed[t] || slices.ContainsFunc(others, func(d *seenDoc) bool { return len(d.tests[t].members) > 0 })
}

// testless reports whether the document of a shard's batch is that of no test, so that its loss is
// one of the whole stage. Who stole work is told by the document itself, if it can be read.
func (o *oracle) testless(s, a int) bool {
	w := o.w
	return len(w.on(s)) == 0 && (!w.steals() || s != 1 || w[dDoc] == docUnreadable || !o.stole(a))
}

// stole reports whether a document tells that the batch of shard 0 was stolen: one that was held
// back was not started by any.
func (o *oracle) stole(a int) bool {
	last := o.lastRun(0, a)
	return o.w.proc(0, last) != procHeld && len(o.w.runs(0, last)) > 0
}

// empty adds what the document of a shard says whose batch was stolen. It is of no test.
func (o *oracle) empty(f *findings, a int, final bool) {
	doc, _, gone := o.newest(0, 0, a, final)
	incomplete := doc != nil && final && o.w[dDocShard] == 0 && o.w[dDoc] == docIncomplete && doc.number == o.lastRun(0, a)
	last := o.lastRun(0, a)
	whole := len(o.w.runs(0, last)) == len(o.w.on(0)) // what a gate held back was not stolen
	f.missing = f.missing || doc != nil && doc.ended || (gone || incomplete) && whole && o.stole(a)
}

// lastRun is the workflow attempt in which a shard ran last.
func (o *oracle) lastRun(s, a int) int {
	for !o.w.ran(s, a) {
		a--
	}
	return a
}

// quarantined reports whether the quarantine covers a test, and whether its deadline has passed.
func (o *oracle) quarantined(j judged) (excused, expired bool) {
	if j.t >= maxTests {
		return false, false
	}
	n, one := len(j.own.members), len(o.w.slots(j.t)) == 1
	q := o.w[dQuar+j.t]
	return q == quarValid && one && n == 1 || q == quarValidTwins && n == 2, q == quarExpired && one && n == 1
}

// shown reports whether a test that can block has plainly passed: without one, the base excuses nothing. A pass that cannot be
// believed counts here too: the stage is not judged for it, whatever the base excuses.
func (o *oracle) shown(list []judged, before past) bool {
	for _, j := range list {
		if excused, _ := o.quarantined(j); excused || j.t == extraSlot || o.w[dCrit+j.t] == critNightly {
			continue
		}
		for i, m := range j.own.members {
			if flaky, burned := o.earlier(j.others, j.t, i, len(j.own.members)); m.ended() == 'P' && !flaky && !burned && !before.failed[j.t] {
				return true
			}
		}
	}
	return false
}

// redBase says of each history of the base whether it excuses a failure that says what failures there say: by itself, and where
// the test fails in the same way when it is run there.
var redBase = [...]struct{ alone, proven bool }{
	baseUnknown: {}, baseRed: {true, true}, baseRedTwice: {false, true}, baseMostlyRed: {true, true}, baseHalfRed: {false, true},
	baseGreenNow: {}, baseGreenOnce: {false, true}, baseFlaky: {false, true}, baseAlwaysRed: {}, baseLongRed: {}, baseRepaired: {},
	baseOtherwise: {false, true}, baseChangedRed: {false, true}, baseGreenJust: {false, true}, baseLongAgo: {},
}

// excusedBy reports whether the base excuses a failure by its history and what the test did there.
func (w *World) excusedBy() bool {
	switch w[dProbe] {
	case probeSame:
		return redBase[w[dBase]].proven
	case probePasses, probeOtherwise:
		return false
	}
	return redBase[w[dBase]].alone
}

// ofBase reports whether the base excuses a failed test: it failed in every execution, the rerun or retries among
// them, and each said what the base's failures say.
func (o *oracle) ofBase(j judged) bool {
	w := o.w
	if !w.excusedBy() || w[dTouched] == 1 || j.t == extraSlot || len(w.slots(j.t)) > 1 || len(j.own.members) != 1 {
		return false
	}
	if ended, crashed := w.end(j.number); ended && crashed && w.needs(j.t) {
		return false
	}
	repeated := false
	like := func(text string, again bool) bool {
		for i := range text {
			retry := text[i] == 'f'
			// A second result is a repetition only where the reports or the config say so.
			if repeated = repeated || i > 0 || again; !is(text[i], 'F') || w.says(again, retry) != saysUsually {
				return false
			}
		}
		return true
	}
	all := append([]member{}, j.own.members...)
	for _, d := range j.others {
		all = append(all, d.tests[j.t].members...)
	}
	for _, m := range all {
		if m.hung || !like(m.first, false) || !like(m.again, true) {
			return false
		}
	}
	return repeated
}

// test adds what a test speaks against a pass. shown: another test has plainly passed.
// It reports whether it proves anything.
func (o *oracle) test(f *findings, j judged, a int, before past, shown bool) (proves bool) {
	w := o.w
	own, number, others, t := j.own, j.number, j.others, j.t
	col := column[critBlocking]
	if t < maxTests {
		col = column[w[dCrit+t]]
	}
	n := len(own.members)
	excused, expired := o.quarantined(j)
	for i, m := range own.members {
		now := m.ended()
		later := false
		if now == 'P' || now == '~' {
			flaky, burned := o.earlier(others, t, i, n)
			if later = burned || before.failed[t]; flaky {
				now = '~'
			}
		}
		r := rowPassed
		switch {
		case now == 'S':
			r = rowSkipped
		case now == 'N':
			r = rowNotRun
		case excused && (now == 'F' || now == '~' || later):
			r = rowQuarantined
		case now == 'F' && !expired && shown && col == column[critBlocking] && o.ofBase(j) && !o.environment(m, t, number).any:
			r = rowBaseFails
		case now == 'F':
			r = rowFailed
		case later:
			r = rowLaterPass
		case now == '~' && expired:
			r = rowFailed // it was to be fixed by the deadline
		case now == '~':
			r = rowFlaky
		}
		f.missing = f.missing || law[w[dTable]][r][col] == missing
		environment := o.environment(m, t, number)
		if law[w[dTable]][r][col] == block {
			if environment.any && (r == rowFailed || r == rowFlaky) {
				f.environment = true
			} else {
				f.blocks = true
			}
		}
		if later || law[w[dTable]][r][col] == block && !environment.excuses {
			o.stamped[a][t] = true
		}
		proves = proves || t < maxTests && !excused && (now == 'P' || now == '~')
	}
	return proves
}

// earlier says what other documents say of a member that passes now: it failed before
// (flaky), or it failed and used up its rerun (burned).
func (o *oracle) earlier(others []*seenDoc, t, i, n int) (flaky, burned bool) {
	// The place in a report names the same twin only where each report had as many.
	same := n > 1
	for _, d := range others {
		if k := len(d.tests[t].members); k > 0 && k != n {
			same = false
		}
	}
	failed, excused, endedBad := false, true, 0
	for _, d := range others {
		bad := false
		for j, m := range d.tests[t].members {
			if same && j != i {
				continue
			}
			if holds(m.first, 'F') || holds(m.again, 'F') {
				failed = true
				excused = excused && o.environment(m, t, d.number).excuses
			}
			if m.ended() == 'F' {
				bad = true
				burned = burned || m.asked || len(m.first) > 1
			}
		}
		if bad {
			endedBad++
		}
	}
	switch {
	case !failed || excused:
		return false, false
	case burned || endedBad > 1:
		return false, true
	}
	return true, false
}

// alibi is what the environment excuses.
type alibi struct{ any, excuses bool }

// processFor reports whether the background process was started where the batch of a shard ran: where a planned
// test needs it.
func (o *oracle) processFor(s int) bool {
	w := o.w
	all := w.on(s)
	if s == 0 && w.steals() {
		all = slices.Concat(all, w.on(1))
	}
	return w[dScope] == scopeAll || slices.ContainsFunc(all, w.needs)
}

// environment is the alibi of a member's failures in a workflow attempt: each needs its own.
func (o *oracle) environment(m member, t, a int) alibi {
	if t < maxTests && !o.w.needs(t) {
		return alibi{}
	}
	all := alibi{true, true}
	some := false
	add := func(text string, again bool) {
		for i := range text {
			if !is(text[i], 'F') {
				continue
			}
			some = true
			one := o.alibi(t, a, text[i] == 'f', again)
			all.any = all.any && one.any
			all.excuses = all.excuses && one.any && one.excuses
		}
	}
	add(m.first, false)
	add(m.again, true)
	if !some || !all.any {
		return alibi{}
	}
	return all
}

// alibi is that of one failed execution in a process; repeated: the framework repeated it.
func (o *oracle) alibi(t, a int, repeated, again bool) alibi {
	w := o.w
	timed := w[dTimed] == 1
	required, external := w[dGate] == gateRequired || w[dGate] == gateExternal, w[dGate] >= gateExternal
	named := w[dNamed] == namedAlways || w[dNamed] == namedFirst && !again && !repeated
	bad, already := false, false
	switch w.env(a) {
	case envBefore:
		bad, already = !again, !again
	case envDuring:
		bad, already = !again, !again && timed && repeated // retries come after it went bad
	case envStays:
		bad, already = true, true
	case envRerun:
		bad, already = again, again
	case envRedeploy:
		if !again && required {
			return alibi{any: true} // another build is no bad gate, so that it excuses nothing
		}
	}
	ended, crashed := w.end(a)
	if t == extraSlot && !o.processFor(0) {
		ended = false
	}
	switch {
	case bad && named:
		return alibi{any: true, excuses: external || already}
	case bad && required, ended && !crashed:
		return alibi{any: true}
	}
	return alibi{}
}
