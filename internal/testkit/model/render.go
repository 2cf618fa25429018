package model

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/policy"
	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/rerun"
	"github.com/org/e2e-gate/internal/verdict"
	"github.com/org/e2e-gate/internal/verdict/attempts"
)

// The names of tests, of shards' batches and of what belongs to them.
var (
	names    = [maxTests]string{"a", "b", "c", "d"}
	testIDs  = [maxTests]string{"s/f::a", "s/f::b", "s/f::c", "s/f::d"}
	units    = [maxShards]string{"u0", "u1", "u2"}
	logs     = [maxShards][2]string{{"0-1.log", "0-2.log"}, {"1-1.log", "1-2.log"}, {"2-1.log", "2-2.log"}}
	digests  = [maxAttempts]string{"plan 1", "plan 2", "plan 3"}
	shardsOf = [maxShards]string{"one", "two", "three"}
	files    = [maxAttempts][maxShards]string{{"a/0", "a/1", "a/2"}, {"b/0", "b/1", "b/2"}, {"c/0", "c/1", "c/2"}}
)

const (
	extraName   = "extra"
	extraID     = "s/f::extra"
	foreignID   = "s/f::foreign"
	groupName   = "s/g"
	gateAddress = "api.test.example"
)

// epoch is when the first workflow attempt started. The next ones follow each an hour later.
var epoch = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

// Times within a workflow attempt.
const (
	processFrom, processTo = 5 * time.Second, 50 * time.Second
	testFrom, testTo       = 10 * time.Second, 30 * time.Second
	retryFrom, retryTo     = 35 * time.Second, 45 * time.Second
	// rerunAfter is how much later everything is in the rerun.
	rerunAfter = 300 * time.Second
)

func startOf(attempt int) time.Time { return epoch.Add(time.Duration(attempt) * time.Hour) }

var criticalities = [...]e2e.Criticality{critBlocking: e2e.ReleaseBlocking, critSmoke: e2e.ReleaseBlockingSmoke, critNightly: e2e.Nightly}

// tables are the policy tables that the judge gets. The oracle has its own.
var tables = [...]policy.Table{
	tableBuiltIn: policy.Default(), tableStrict: policy.Strictest().Table(),
	tableDependencyWarns: func() policy.Table {
		t, _ := policy.Default().With(policy.Override{"dependency_down": {"release-blocking": "warn", "release-blocking-smoke": "warn"}})
		return t
	}(),
	tableJudgeBlocks: func() policy.Table {
		t, _ := policy.Default().With(policy.Override{"judge_changed": {"release-blocking": "block"}})
		return t
	}(),
}

// rendering is what is left of a world while it runs.
type rendering struct {
	w    *World
	docs [maxAttempts][maxShards]*e2e.ShardRun
	// stamps and states are what the gate said at the end of each workflow attempt.
	results [maxAttempts]e2e.Result
}

// Judge runs the world through the packages that judge, as the runner does, and returns
// the result of its last workflow attempt.
func (w *World) Judge() e2e.Result {
	r := rendering{w: w}
	for a := range w.attempts() {
		found := r.found(a)
		if !w.shut(a) {
			earlier, _ := verdict.Before(w.run(a), found, r.witnesses(a))
			for s := range w.shards() {
				if w.ran(s, a) {
					r.docs[a][s] = r.shard(s, a, earlier)
				}
			}
		}
		if a == w.attempts()-1 || w[dPast] != pastKept {
			in := r.evidence(a, found)
			r.results[a] = verdict.Of(in).Result
			if w[dBase] != baseUnknown || w[dProbe] != probeNone {
				in.Base = w.base(in.Now, r.results[a].Tests)
				r.results[a] = verdict.Of(in).Result
			}
		}
	}
	return r.results[w.attempts()-1]
}

// Agrees reports whether the judge says what the oracle does, and blocks a blocking stage
// exactly if it did not pass.
func (w *World) Agrees(want Answer) bool {
	v := w.Judge().Verdict
	return string(v.State) == want.String() && v.Blocks == (want != Passed && w[dBlocks] == 0)
}

// run is the run of a workflow attempt.
func (w *World) run(attempt int) e2e.Run {
	return e2e.Run{
		Subject: e2e.Subject{Repository: "acme/shop", SHA: "c0ffee"}, ID: "e2e-1", Stage: "pr", Blocks: w[dBlocks] == 0,
		WorkflowRun: "7", WorkflowAttempt: attempt + 1, Started: startOf(attempt),
	}
}

// plan is the plan that a workflow attempt used.
func (w *World) plan(attempt int) *e2e.Plan {
	p := &e2e.Plan{Schema: e2e.PlanSchema, Run: w.run(attempt), Gates: w.gates(-1), Digest: digests[w.planOf(attempt)]}
	if w.env(w.planOf(attempt)) == envShut { // the plan was made all the same
		p.Gates = w.gates(w.planOf(attempt))
	}
	p.Shards, p.Tests = make([]e2e.PlanShard, 0, w.shards()), make([]e2e.PlannedTest, 0, w.tests())
	for s := range w.shards() {
		sh := e2e.PlanShard{Index: s, Name: shardsOf[s]}
		for _, t := range w.on(s) {
			sh.Tests = append(sh.Tests, testIDs[t])
		}
		p.Shards = append(p.Shards, sh)
	}
	for t := range w.tests() {
		p.Tests = append(p.Tests, e2e.PlannedTest{Test: w.test(t)})
	}
	if w[dProbe] != probeNone {
		p.Base = baseSHA
	}
	return p
}

// planOf is the workflow attempt that made the plan of an attempt.
func (w *World) planOf(attempt int) int {
	for attempt > 0 && w.kind(attempt) != kindAll {
		attempt--
	}
	return attempt
}

func (w *World) test(t int) e2e.Test {
	test := e2e.Test{ID: testIDs[t], Suite: "s", File: "f", Name: names[t], Criticality: criticalities[w[dCrit+t]], Unit: units[w.shardOf(t)]}
	if n := len(w.slots(t)); n > 1 {
		test.Twins = n
	}
	if w.declared() && t < w.group() {
		test.Group, test.SkippedLast = groupName, w.skippedLast(t)
	}
	switch {
	case w[dScope] == scopeFirst && w.needs(t):
		test.Needs = []string{gateService}
	case w[dScope] != scopeAll && !w.needs(t):
		test.Needs = []string{"another"}
	}
	return test
}

// gateService is the service that gate and background process are for.
const gateService = "api"

// scope is that of the gate and the background process.
func (w *World) scope() *e2e.Scope {
	if w[dScope] == scopeAll {
		return nil
	}
	return &e2e.Scope{Services: []string{gateService}}
}

// shutCode is why a test was not run for which the gate failed.
func (w *World) shutCode() e2e.Code {
	if w[dDepends] != dependsNot {
		return e2e.CodeDependency
	}
	return e2e.CodeGateShut
}

// gates are the gates with what a workflow attempt saw of them; -1: nothing.
func (w *World) gates(attempt int) []e2e.Gate {
	g := e2e.Gate{
		Name: "api", Kind: "http", Target: "https://" + gateAddress + "/health", Required: w[dGate] == gateRequired || w[dGate] == gateExternal,
		External: w[dGate] >= gateExternal, Scope: w.scope(), Dependency: w[dDepends] != dependsNot, State: e2e.Healthy, Expected: "200",
	}
	version, next := "", ""
	for a := range w.attempts() {
		if w.env(a) == envRedeploy {
			g.Kind = "version"
		}
	}
	if attempt < 0 {
		return []e2e.Gate{g}
	}
	if g.Kind == "version" {
		n := 1
		for a := range attempt {
			n += b2i(w.env(a) == envRedeploy)
		}
		version, next = strconv.Itoa(n), strconv.Itoa(n+1)
	}
	start := startOf(attempt)
	bad := func(from, to time.Duration) {
		g.Timeline = []e2e.Span{
			{From: start, To: start.Add(from - 2*time.Second), State: e2e.Healthy, Observed: version, Watch: true},
			{From: start.Add(from), To: start.Add(to), State: e2e.Unhealthy, Observed: "503", Watch: true},
		}
	}
	switch w.env(attempt) {
	case envBefore:
		bad(2*time.Second, processTo+10*time.Second)
	case envDuring:
		bad(testFrom+12*time.Second, processTo+10*time.Second)
	case envStays:
		bad(2*time.Second, rerunAfter+processTo+10*time.Second)
	case envRerun:
		bad(rerunAfter+2*time.Second, rerunAfter+processTo+10*time.Second)
	case envElsewhere:
		g.Timeline = []e2e.Span{{From: start.Add(-time.Minute), To: start.Add(2 * time.Second), State: e2e.Unhealthy, Observed: "503"},
			{From: start.Add(3 * time.Second), To: start.Add(processTo), State: e2e.Healthy, Observed: version, Watch: true}}
	case envRedeploy:
		g.Timeline = []e2e.Span{{From: start, To: start.Add(testFrom + 10*time.Second), State: e2e.Healthy, Observed: version, Watch: true},
			{From: start.Add(testFrom + 12*time.Second), To: start.Add(processTo + 10*time.Second), State: e2e.Healthy, Observed: next, Watch: true}}
	case envShut:
		g.State, g.Required, g.Observed = e2e.Unhealthy, true, "503"
	}
	return []e2e.Gate{g}
}

// found are the documents of earlier workflow attempts that a workflow attempt finds.
func (r *rendering) found(attempt int) verdict.Found {
	var f verdict.Found
	if attempt == 0 || r.w[dPast] != pastKept {
		return f
	}
	f.Documents = make([]verdict.Document, 0, attempt*maxShards+maxShards+1) // with those of this attempt
	for a := range attempt {
		none := true
		for s, doc := range r.docs[a] {
			if doc != nil {
				none = false
				f.Documents = append(f.Documents, verdict.Document{File: files[a][s], Shard: *doc})
			}
		}
		if none { // its verdict alone left something
			f.Results = append(f.Results, r.w.run(a))
		}
	}
	return f
}

// witnesses are what the forge knows of the workflow attempts before one.
func (r *rendering) witnesses(attempt int) []verdict.Witness {
	var list []verdict.Witness
	for a := range attempt {
		witness := verdict.Witness{Attempt: a + 1, Ending: verdict.EndedWell}
		if r.results[a].Verdict.ExitStatus() != e2e.ExitPassed {
			witness.Ending = verdict.EndedBadly
		}
		switch r.w[dPast] {
		case pastNoVerdict:
			witness.Ending = verdict.NoVerdict
		case pastWithIDs:
			witness.Failed = publish.StampOf(r.results[a]).Failed
		case pastWithoutIDs:
		default:
			continue
		}
		list = append(list, witness)
	}
	return list
}

// process is one process of a shard's batch as it ended: what attempts.Of gets.
type process struct {
	in    attempts.In
	ended e2e.Ended
	code  int
	// hangs is what ran when the gate ended a process that stalled.
	hangs   []attempts.Hanging
	message string
}

// shard is the document of a shard that runs in a workflow attempt.
func (r *rendering) shard(s, a int, earlier verdict.Earlier) *e2e.ShardRun {
	w := r.w
	doc := &e2e.ShardRun{Schema: e2e.ShardSchema, Run: w.run(a), Digest: digests[w.planOf(a)], Index: s, Gates: w.gates(a), Complete: true}
	batches := [][]int{w.on(s)}
	switch {
	case s == 0 && w.steals():
		batches = nil
	case s == 1 && w.steals():
		batches = append(batches, w.on(0))
	}
	ended, crashed := w.end(a)
	var needing []int
	for _, planned := range batches {
		for _, t := range planned {
			if w[dScope] != scopeAll && w.needs(t) {
				needing = append(needing, t)
			}
		}
	}
	if ended && (w[dScope] == scopeAll || len(needing) > 0) { // else it was not started
		doc.Ends = []e2e.ProcessEnd{{Name: "db", At: startOf(a).Add(time.Second), Text: "exit status 1", Crashed: crashed, Scope: w.scope()}}
		doc.Problems = append(doc.Problems, e2e.Problem{
			Code: e2e.CodeGateLost, Shard: s, LosesEvidence: true, Tests: w.ids(needing), Text: "background process db exited during the run",
		})
	}
	sh := &shardRun{w: w, doc: doc, runs: map[string]*e2e.TestRun{}, s: s, a: a}
	for _, planned := range batches {
		for _, t := range planned {
			if w.held(t, a) {
				doc.NotRun = append(doc.NotRun, e2e.NotRunTest{ID: testIDs[t], Code: w.shutCode(), Reason: "gate api failed"})
			}
		}
		planned = slices.DeleteFunc(slices.Clone(planned), func(t int) bool { return w.held(t, a) })
		if len(planned) == 0 {
			continue
		}
		batch := w.shardOf(planned[0])
		if w.proc(batch, a) == procHeld {
			for _, t := range planned {
				doc.NotRun = append(doc.NotRun, e2e.NotRunTest{ID: testIDs[t], Code: e2e.CodeGateLost, Reason: "gate api was lost"})
			}
			doc.Problems = append(doc.Problems, e2e.Problem{
				Code: e2e.CodeGateLost, Shard: s, Tests: w.ids(planned), LosesEvidence: true, Text: "gate api was lost",
			})
			continue
		}
		sh.planned = append(slices.Clip(sh.planned), planned...)
		sh.file(w.first(batch, a, planned), batch, 1)
	}
	if len(sh.planned) == 0 {
		return doc
	}
	sh.rerun(earlier)
	doc.Tests = make([]e2e.TestRun, 0, len(sh.runs))
	for _, t := range sh.planned {
		if run := sh.runs[testIDs[t]]; run != nil {
			for i := range run.Attempts {
				run.Attempts[i].N = i + 1
			}
			doc.Tests = append(doc.Tests, *run)
		}
	}
	if run := sh.runs[extraID]; run != nil {
		doc.Tests = append(doc.Tests, *run)
	}
	doc.Probe = w.probe(doc.Tests)
	return doc
}

// baseSHA is the commit of the base that was part of what is tested.
const baseSHA = "ba5e"

// probe is what failed tests of a shard did at the base.
func (w *World) probe(tests []e2e.TestRun) *e2e.Probe {
	if w[dProbe] == probeNone {
		return nil
	}
	p := &e2e.Probe{SHA: baseSHA, Product: "what was started from it", Tests: []e2e.ProbedTest{}}
	if w[dProbe] == probeElsewhere {
		p.SHA = "e15e"
	}
	for i := range tests {
		if e2e.OutcomeOf(tests[i].Attempts) != e2e.Failed {
			continue
		}
		one := e2e.ProbedTest{ID: tests[i].ID, Here: saysUsually}
		n := max(2, len(tests[i].Attempts))
		switch w[dProbe] {
		case probeRefused:
			one.Refused, n = "a port was taken", 0
		case probeOnce:
			n = 1
		}
		for run := range n {
			r := e2e.ProbedRun{Outcome: e2e.Failed, Fingerprint: saysUsually}
			switch {
			case run == n-1 && w[dProbe] == probePasses:
				r = e2e.ProbedRun{Outcome: e2e.Passed}
			case run == n-1 && w[dProbe] == probeOtherwise:
				r.Fingerprint = "expected 404"
			}
			one.Runs = append(one.Runs, r)
		}
		p.Tests = append(p.Tests, one)
	}
	return p
}

func (w *World) ids(tests []int) []string {
	ids := make([]string, len(tests))
	for i, t := range tests {
		ids[i] = testIDs[t]
	}
	return ids
}

// shardRun is a shard while it runs, as the runner has it.
type shardRun struct {
	w       *World
	doc     *e2e.ShardRun
	runs    map[string]*e2e.TestRun
	planned []int
	s, a    int
}

// file adds a process of a batch, its results and its problems to the document.
func (sh *shardRun) file(p process, batch, n int) {
	offset := processFrom
	if n == 2 {
		offset += rerunAfter
	}
	planned := make([]string, len(p.in.Planned))
	for i, t := range p.in.Planned {
		planned[i] = t.ID
	}
	doc, s := sh.doc, sh.s
	doc.Units = append(doc.Units, e2e.UnitRun{
		Unit: units[batch], Suite: "s", Shard: s, TakenOver: batch != s, Attempt: n, Tests: planned, Exit: p.code, Ended: p.ended, Offset: offset.Seconds(),
		Seconds: (processTo - processFrom).Seconds(), Log: logs[batch][n-1],
	})
	out := attempts.Of(p.in)
	var notRun, unproven []string
	if p.ended == e2e.EndedStalled {
		out.Tests, notRun, unproven = attempts.Stalled(attempts.Stall{Planned: p.in.Planned, Running: p.hangs, Tests: out.Tests, Message: p.message})
		for _, id := range notRun {
			doc.NotRun = append(doc.NotRun, e2e.NotRunTest{ID: id, Code: e2e.CodeStalled, Reason: "stalled"})
		}
	}
	var decided []string
	for _, id := range planned {
		known, list := sh.runs[id], out.Tests[id]
		decides := n == 1 || known == nil || attempts.Decides(known.Attempts)
		if decides {
			decided = append(decided, id)
		}
		if len(list) == 0 {
			continue
		}
		list = sh.filed(list, batch, n)
		switch {
		case n > 1 && known == nil && e2e.OutcomeOf(list) != e2e.Failed: // it stays lost
		case known == nil:
			sh.runs[id] = &e2e.TestRun{ID: id, Attempts: list}
		case decides:
			known.Attempts = append(known.Attempts, attempts.Again(known.Attempts, list, attempts.BadRerun(p.ended, out.Problems, id))...)
		default:
			known.Attempts = append(known.Attempts, attempts.Beside(known.Attempts, list)...)
		}
	}
	for _, run := range out.Unplanned {
		run.Attempts = sh.filed(run.Attempts, batch, n)
		sh.runs[run.ID] = &run
	}
	undecided := func(id string) bool { return slices.Contains(planned, id) && !slices.Contains(decided, id) }
	for _, problem := range out.Problems {
		if n > 1 && problem.LosesEvidence && len(problem.Tests) > 0 && len(decided) < len(planned) {
			problem.Tests = slices.DeleteFunc(slices.Clone(problem.Tests), undecided)
			problem.LosesEvidence = len(problem.Tests) > 0
		}
		problem.Shard = s
		doc.Problems = append(doc.Problems, problem)
	}
	if p.ended != e2e.EndedTimeout && p.ended != e2e.EndedStalled {
		return
	}
	code := map[e2e.Ended]e2e.Code{e2e.EndedTimeout: e2e.CodeTimeout, e2e.EndedStalled: e2e.CodeStalled}[p.ended]
	missing := slices.DeleteFunc(decided, func(id string) bool {
		return len(out.Tests[id]) > 0 && !slices.Contains(unproven, id) || slices.Contains(notRun, id)
	})
	if len(missing) > 0 {
		doc.Problems = append(doc.Problems, e2e.Problem{Code: code, Unit: units[batch], Shard: s, Tests: missing, LosesEvidence: true, Text: "stopped"})
	}
}

// filed adds what the runner knows of attempts.
func (sh *shardRun) filed(list []e2e.Attempt, batch, n int) []e2e.Attempt {
	for i := range list {
		list[i].Shard, list[i].WorkflowAttempt = sh.s, sh.a+1
		if list[i].Outcome == e2e.Failed {
			list[i].Files = logs[batch][n-1 : n : n]
		}
	}
	return list
}

// rerun gives the failed tests of a shard their one diagnostic rerun.
func (sh *shardRun) rerun(earlier verdict.Earlier) {
	w, doc := sh.w, sh.doc
	state := rerun.State{AttemptsUnreadable: earlier.Unreadable, Left: -1, Ran: len(sh.runs)}
	failure := func(id, cause, unhealthy string) {
		if run := sh.runs[id]; run != nil && e2e.OutcomeOf(run.Attempts) == e2e.Failed {
			state.Failures = append(state.Failures, rerun.Failure{ID: id, Cause: cause, Unhealthy: unhealthy,
				Earlier: earlier.Rerun(id), Crashed: attempts.Died(doc.Units, run.Attempts), Retries: attempts.RetriesUsed(run.Attempts)})
		}
	}
	had := map[string]int{}
	for _, t := range sh.planned {
		id := testIDs[t]
		failure(id, w.test(t).Group, w.unhealthy(sh.a, w.needs(t)))
		if run := sh.runs[id]; run != nil {
			had[id] = len(run.Attempts)
		}
	}
	failure(extraID, "", w.unhealthy(sh.a, true))
	guards := rerun.Guards{MaxFailures: rerun.DefaultMaxFailures, MaxShare: rerun.DefaultMaxShare}
	if w[dRerunOff] == 1 {
		guards.MaxFailures = 0
	}
	decisions := rerun.Decide(state, guards)
	var again [maxTests]bool
	for _, d := range decisions {
		for _, t := range sh.planned {
			if d.Allowed && (d.ID == testIDs[t] || sh.with(d.ID, t)) {
				again[t] = true
			}
		}
	}
	for batch := range w.shards() { // each is a process
		var list []int
		for _, t := range w.runs(batch, sh.a) {
			if again[t] {
				list = append(list, t)
			}
		}
		if len(list) > 0 {
			sh.file(w.second(batch, sh.a, list), batch, 2)
		}
	}
	done := func(id string) bool { return sh.runs[id] != nil && len(sh.runs[id].Attempts) > had[id] }
	for _, d := range decisions {
		rec := e2e.RerunRecord{ID: d.ID, Done: d.Allowed && d.ID != extraID && done(d.ID), Reason: d.Reason}
		if d.Allowed && !rec.Done {
			rec.Reason = rerun.Absent(d.ID)
		}
		doc.Reruns = append(doc.Reruns, rec)
	}
	for _, t := range sh.planned {
		switch run := sh.runs[testIDs[t]]; {
		case run == nil:
			doc.Reruns = append(doc.Reruns, e2e.RerunRecord{ID: testIDs[t], Reason: "it never reported"})
		case run.Attempts[0].Kept:
			doc.Reruns = append(doc.Reruns, e2e.RerunRecord{ID: run.ID, Done: done(run.ID) && len(run.Attempts) > 1, Reason: "it was kept from running"})
		}
	}
}

// with reports whether a test runs again with a failed one.
func (sh *shardRun) with(failed string, t int) bool {
	if sh.w.declared() && t < sh.w.group() {
		return slices.Contains(testIDs[:sh.w.group()], failed)
	}
	run := sh.runs[testIDs[t]]
	return run != nil && e2e.OutcomeOf(run.Attempts) == e2e.NotRun && run.Attempts[len(run.Attempts)-1].KeptBy == failed
}

// unhealthy is what the probes say in front of the rerun of a test.
func (w *World) unhealthy(attempt int, needed bool) string {
	if !needed {
		return ""
	}
	if ended, _ := w.end(attempt); ended {
		return "background process db exited"
	}
	if w.env(attempt) == envStays && w.gates(-1)[0].Required {
		return "gate api: 503"
	}
	return ""
}

// first is the planned process of a shard's batch.
func (w *World) first(s, a int, planned []int) process {
	return w.process(s, a, planned, w.proc(s, a), false)
}

// second is the process of the diagnostic rerun of some tests.
func (w *World) second(s, a int, tests []int) process {
	how := [...]uint8{rerunNatural: procNatural, rerunAlarm: procAlarm, rerunSignal: procSignal, rerunTimeout: procTimeout, rerunNotStarted: procNotStarted}
	return w.process(s, a, tests, how[w[dRerunProc]], true)
}

func (w *World) process(s, a int, tests []int, how uint8, again bool) process {
	in := attempts.In{Unit: units[s], RepeatedCases: w[dStated] == statedByConfig}
	in.Channel.Kind = [...]attempts.ChannelKind{chanReports: attempts.Reports, chanEvents: attempts.Events, chanStream: attempts.Stream}[w[dChannel]]
	in.Channel.Ended = 1
	red := false
	texts, _ := w.texts(tests, a, again)
	in.Planned, in.Reported = make([]attempts.Planned, 0, len(tests)), make([]attempts.Reported, 0, len(tests))
	for _, t := range tests {
		planned := attempts.Planned{ID: testIDs[t], Name: names[t], File: "f", Twins: len(w.slots(t))}
		if w.declared() && t < w.group() {
			planned.Group, planned.SkippedLast = groupName, w.skippedLast(t)
		}
		in.Planned = append(in.Planned, planned)
		var whole []attempts.Result
		for _, slot := range w.slots(t) {
			results, bad := w.results(texts[slot], a, again)
			red = red || bad
			if w[dChannel] == chanReports { // a reader of reports files cases of one name under one test
				whole = append(whole, results...)
			} else if len(results) > 0 {
				in.Reported = append(in.Reported, reported(t, results))
			}
		}
		if len(whole) > 0 {
			in.Reported = append(in.Reported, reported(t, whole))
		}
	}
	if bad, there := w.extraFails(s, a); there && !again {
		o := e2e.Passed
		if bad {
			o = e2e.Failed
		}
		red = red || bad
		in.Reported = append(in.Reported, attempts.Reported{
			Unplanned: e2e.Test{Suite: "s", File: "f", Name: extraName, Criticality: e2e.ReleaseBlocking},
			Results:   []attempts.Result{{Attempt: w.attempt(o, a, again, 0)}},
		})
	}
	p := process{ended: e2e.EndedExited}
	if red {
		p.code = 1
	}
	all := w.ids(tests)
	switch how {
	case procQuiet:
		p.code = 0
	case procAlarm:
		p.code = 1
	case procOdd:
		p.code = 7
	case procSignal:
		p.ended, p.code, in.Channel.Ended = e2e.EndedSignal, -1, 0
	case procTimeout:
		p.ended, p.code, in.Channel.Ended = e2e.EndedTimeout, -1, 0
	case procStalled:
		p.ended, p.code, in.Channel.Ended = e2e.EndedStalled, -1, 0
		if i := slices.IndexFunc(tests, func(t int) bool { return w.silent(t, texts) }); i >= 0 && w[dChannel] != chanReports {
			hung := w.attempt(e2e.Failed, a, again, 0)
			p.message, p.hangs = hung.Message, []attempts.Hanging{{Name: names[tests[i]], Started: hung.Started, Seconds: hung.Seconds}}
		}
	case procNotStarted:
		p.ended, p.code, in.Reported = e2e.EndedNotStarted, -1, nil
	case procUnreadable:
		in.Channel.Unreadable, in.Reported = "no permission", nil
	case procNothing:
		in.Channel.Nothing, in.Reported = "no file", nil
	case procCrash:
		p.code, in.Channel.Ended, in.Channel.Crash = 2, 0, "panic: boom"
	case procCut:
		in.Problems = []e2e.Problem{{Code: e2e.CodeReportDamaged, Unit: units[s], Tests: all, LosesEvidence: true, Text: "the report is cut"}}
	case procOutside:
		p.code = 1
		in.Problems = []e2e.Problem{{Code: e2e.CodeRunnerExit, Unit: units[s], Tests: all, LosesEvidence: true, Text: "set-up failed"}}
	}
	in.Exit = attempts.Exit{Ended: p.ended, Code: p.code, Text: "its end", Err: "no such file", FailsOnFlaky: w[dFlakyExit] == 1}
	if w[dChannel] == chanEvents && in.Channel.Ended > 0 {
		in.Exit.Statuses = []int{1} // only such a runner says, at its end, by which statuses it tells of failed tests
	}
	p.in = in
	return p
}

// silent reports whether nothing was reported of a test.
func (w *World) silent(t int, texts [maxTests + 1]string) bool {
	return !slices.ContainsFunc(w.slots(t), func(slot int) bool { return texts[slot] != "" })
}

func reported(t int, results []attempts.Result) attempts.Reported {
	return attempts.Reported{
		Spellings: []attempts.Spelling{{Name: names[t]}}, Unplanned: e2e.Test{Suite: "s", File: "f", Name: names[t]}, Results: results,
	}
}

// extraFails reports whether the unplanned test fails, and whether it is there.
func (w *World) extraFails(s, a int) (fails, there bool) {
	return w[dExtra] == extraFailed || w[dExtra] == extraFailedOnce && a == 0, s == 0 && w[dExtra] != extraNone
}

// results are the executions of a test in one process, and whether the runner ends red for them.
func (w *World) results(text string, a int, again bool) (list []attempts.Result, red bool) {
	if text == "" {
		return nil, false
	}
	list = make([]attempts.Result, 0, len(text))
	for run := range strings.SplitSeq(text, "+") {
		for i, c := range []byte(run) {
			o := e2e.Skipped
			switch c {
			case 'P':
				o = e2e.Passed
			case 'F':
				o = e2e.Failed
			}
			at := w.attempt(o, a, again, i)
			at.Kept = c == 'K'
			list = append(list, attempts.Result{Attempt: at, Retry: i > 0 && w[dStated] == statedByRunner})
			last := i == len(run)-1
			red = red || c == 'F' && (last || w[dFlakyExit] == 1)
		}
	}
	return list, red
}

// attempt is one execution as the runner tells it.
func (w *World) attempt(o e2e.Outcome, a int, again bool, n int) e2e.Attempt {
	at := e2e.Attempt{Outcome: o}
	if o == e2e.Failed {
		if at.Message = w.says(again, n > 0); at.Message == "" {
			at.Message, at.Type = "expected 201", cutType
			if w[dNamed] != namedNever {
				at.Message = "GET https://" + gateAddress + "/cases: 503"
			}
		}
	}
	if w[dTimed] == 1 {
		from, to := testFrom, testTo
		if n > 0 {
			from, to = retryFrom, retryTo
		}
		if again {
			from, to = from+rerunAfter, to+rerunAfter
		}
		at.Started, at.Seconds = startOf(a).Add(from), (to - from).Seconds()
	}
	return at
}

// evidence is what the verdict of a workflow attempt is made from.
func (r *rendering) evidence(a int, f verdict.Found) verdict.In {
	w := r.w
	in := verdict.In{Run: w.run(a), Plan: w.plan(a), Table: tables[w[dTable]], Now: startOf(a).Add(30 * time.Minute), Witnesses: r.witnesses(a)}
	switch w[dDepends] {
	case depends:
		in.Excusing = map[string][]string{"s": {gateService}}
	case dependsByChange:
		in.Excusing = map[string][]string{"s": {"another"}}
	}
	switch w[dJudge] {
	case judgeChanged:
		in.Judging = &e2e.Judging{By: e2e.JudgedByBase, Changes: []e2e.JudgeChange{{What: "tests", Text: "are fewer"}}}
	case judgeUnreadable:
		in.Problems = []e2e.Problem{{Code: e2e.CodePolicyUnreadable, LosesEvidence: true, Text: "the base cannot be read"}}
	}
	for t := range w.tests() {
		if w[dQuar+t] == quarNone {
			continue
		}
		q := e2e.Quarantine{Test: testIDs[t], Owner: "team", Reason: "flaky", Deadline: in.Now.Add(48 * time.Hour)}
		switch w[dQuar+t] {
		case quarExpired:
			q.Deadline = in.Now.Add(-48 * time.Hour)
		case quarValidTwins:
			q.Twins = 2
		}
		in.Quarantine = append(in.Quarantine, q)
	}
	in.Documents, in.Results = f.Documents, f.Results
	if in.Documents == nil {
		in.Documents = make([]verdict.Document, 0, maxShards+1)
	}
	if w.shut(a) {
		in.Plan, in.Gates = nil, w.gates(a)
		return in
	}
	for s, doc := range r.docs[a] {
		if doc != nil {
			in.Documents = append(in.Documents, verdict.Document{File: files[a][s], Shard: *doc})
		}
	}
	if a == w.attempts()-1 && w[dDoc] != docFine {
		w.spoil(&in, a)
	}
	if w[dTimed] == 1 { // files have no order
		slices.Reverse(in.Documents)
	}
	return in
}

// cutType marks a failure whose text is cut, so that it is like no other.
const cutType = "cut"

// What a run of the base says of a test, the newest run first: x failed, o failed in another way, f was flaky, P passed.
var baseRuns = [...]string{
	baseRed: "xxxP", baseRedTwice: "xxPP", baseMostlyRed: "xxPxxxxPPP", baseHalfRed: "xxPxxxPPPP", baseGreenNow: "PxxxxxxxxxP", baseGreenOnce: "xPxxxxxxxxP",
	baseFlaky: "fxxxxxxxxxP", baseAlwaysRed: "xxxx", baseLongRed: "xxxP", baseRepaired: "xxxP", baseOtherwise: "oooP", baseChangedRed: "xxoP",
	baseGreenJust: "PxxxxxxxxxP", baseLongAgo: "xxP",
}

// base is what is known of the base, and of the failures that are compared with it.
func (w *World) base(now time.Time, tests []e2e.TestResult) verdict.Base {
	b := verdict.Base{Branch: "main", MaxAge: 72 * time.Hour, Failures: map[string]verdict.BaseFailure{}, Repaired: map[string]bool{}}
	apart := time.Hour
	if w[dBase] == baseLongRed || w[dBase] == baseLongAgo {
		apart = 25 * time.Hour
	}
	if b.Commit = baseSHA; w[dProbe] != probeNone && w[dProbe] != probeNotAsked {
		b.MaxProbed = 50
	}
	for i, c := range []byte(baseRuns[w[dBase]]) {
		of := verdict.BaseTest{Outcome: e2e.Failed, Fingerprint: saysUsually}
		switch c {
		case 'o':
			of.Fingerprint = "expected 404"
		case 'f':
			of.Outcome = e2e.Flaky
		case 'P':
			of = verdict.BaseTest{Outcome: e2e.Passed}
		}
		run := verdict.BaseRun{BaseRun: e2e.BaseRun{SHA: "bef0re", Started: now.Add(-time.Duration(i+1) * apart)}, Tests: map[string]verdict.BaseTest{extraID: of}}
		if i == 0 && w[dBase] == baseGreenNow {
			run.SHA = baseSHA
		}
		for t := range w.tests() {
			run.Tests[testIDs[t]] = of
		}
		b.Runs = append(b.Runs, run)
	}
	for _, t := range tests {
		b.Repaired[t.Stable()] = w[dBase] == baseRepaired
		f := verdict.BaseFailure{}
		if w[dTouched] == 1 {
			f.Touched = "the change touches it"
		}
		for _, a := range t.Attempts {
			print := a.Message
			if a.Type != "" {
				print = "" // as of what is cut, and of a stall
			}
			f.Fingerprints = append(f.Fingerprints, print)
		}
		b.Failures[t.Stable()] = f
	}
	return b
}

// spoil puts the fault into the documents: it is about the newest one of a shard.
func (w *World) spoil(in *verdict.In, a int) {
	at := -1
	for i, d := range in.Documents {
		if d.Shard.Index == int(w[dDocShard]) && d.Shard.Digest == in.Plan.Digest {
			at = i
		}
	}
	if at < 0 {
		return
	}
	d := in.Documents[at]
	doc := &in.Documents[at].Shard
	remove := func() { in.Documents = append(in.Documents[:at], in.Documents[at+1:]...) }
	switch w[dDoc] {
	case docMissing:
		remove()
	case docUnreadable:
		in.Unreadable = append(in.Unreadable, verdict.Unreadable{Index: doc.Index, Attempt: doc.Run.WorkflowAttempt, Text: "it ends within a value"})
		remove()
	case docIncomplete:
		doc.Complete = false
	case docTwice:
		d.File += " (copy)"
		in.Documents = append(in.Documents, d)
	case docTwoVersions:
		d.File += " (other)"
		d.Shard.Platform = "other/arch"
		in.Documents = append(in.Documents, d)
	case docOfOtherCommit:
		doc.Run.SHA = "0ther"
	case docOfOtherPlan:
		doc.Digest = "another plan"
	case docFutureBeside:
		d.Shard.Run.WorkflowAttempt = a + 2
		d.Shard.Tests = nil
		in.Documents = append(in.Documents, d)
	case docStaleBeside:
		d.Shard.Run.SHA = "0ther"
		in.Documents = append(in.Documents, d)
	case docContradicts:
		doc.Reruns = append(doc.Reruns[:len(doc.Reruns):len(doc.Reruns)], e2e.RerunRecord{ID: extraID + "?", Done: true, Reason: "its first attempt failed"})
	case docUnknownTest:
		doc.Tests = append(doc.Tests[:len(doc.Tests):len(doc.Tests)], e2e.TestRun{ID: foreignID, Attempts: []e2e.Attempt{{N: 1, Outcome: e2e.Passed}}})
	}
}
