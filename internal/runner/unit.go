package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/suite/adapter"
	"github.com/org/e2e-gate/internal/verdict/attempts"
)

// maxFiles bounds how many evidence files of a unit are listed.
const maxFiles = 200

// ErrStageTimeout is the cause of a context that ended at the stage's timeout.
var ErrStageTimeout = errors.New("the stage's timeout was reached")

// ErrCancelled is the cause of a context that ended by a signal.
var ErrCancelled = errors.New("the run was cancelled")

// stopped says why nothing more starts.
func stopped(ctx context.Context) (e2e.Code, string) {
	if errors.Is(context.Cause(ctx), ErrStageTimeout) {
		return e2e.CodeTimeout, ErrStageTimeout.Error()
	}
	return e2e.CodeCancelled, ErrCancelled.Error()
}

// run runs some tests of one unit in one process and records the results.
func (s *Shard) run(ctx context.Context, tests []e2e.Test, attempt int) {
	if ctx.Err() != nil {
		if attempt == 1 {
			code, why := stopped(ctx)
			s.notRun(tests, code, why)
		}
		return
	}
	if tests = s.fit(ctx, tests, attempt); len(tests) == 0 {
		return
	}
	if ctx.Err() != nil { // it ended while they waited
		s.run(ctx, tests, attempt)
		return
	}
	u := &running{s: s, tests: tests, attempt: attempt, suite: s.r.cfg.Suites[tests[0].Suite]}
	_, u.batch = s.r.cfg.Batches[tests[0].Unit]
	limit, ok := u.limit()
	if !ok {
		s.refuse(tests, attempt, e2e.CodeTimeout, fmt.Sprintf("the timeout of suite %s (%s) is used up", u.suite.Spec.Name, u.suite.Spec.Timeout))
		return
	}
	isolated, ok := s.ready(ctx, tests, attempt)
	if !ok {
		return
	}
	if err := u.start(limit, isolated); err != nil {
		s.Problem(e2e.Problem{Code: e2e.CodeToolError, Unit: tests[0].Unit, Tests: ids(tests), LosesEvidence: true, Text: err.Error()})
		s.refuse(tests, attempt, e2e.CodeToolError, err.Error())
		return
	}
	s.checkpoint(tests)
	u.execute(ctx, limit)
	s.checkpoint(nil)
}

// refuse records tests that cannot start; a rerun that cannot leaves the first
// attempt as it is.
func (s *Shard) refuse(tests []e2e.Test, attempt int, code e2e.Code, reason string) {
	if attempt == 1 {
		s.unable = true
		s.notRun(tests, code, reason)
		return
	}
	for _, t := range tests {
		s.refused[t.ID] = reason
	}
}

// running is one process of a suite.
type running struct {
	s       *Shard
	suite   Suite
	tests   []e2e.Test
	attempt int
	// batch: the unit's tests are not known before it has run.
	batch      bool
	invocation suite.Invocation
	folder     string
	log        *proc.Log
	live       *live
	safe       io.WriteCloser
	env        []string
	record     e2e.UnitRun
	id         identity
	// moved are files of the run's folder that got another name, by the one they had.
	moved map[string]string
	// claimed are files of the run's folder that belong to an attempt. only: one test ran, whose all of them are.
	claimed map[string]bool
	only    bool
	// namesakes are those of the batch, once they were asked for: there may be thousands of tests.
	namesakes e2e.Namesakes
	// lost are the problems that lose evidence. others are tests that ran beside a
	// rerun.
	lost   []e2e.Problem
	others []e2e.Child
	// settled are tests that are known not to have run. unproven are those of a process that stalled of which nothing is proven.
	settled  map[string]bool
	unproven []string
	// decides holds the tests whose rerun decides something.
	decides map[string]bool
}

// limit is the time that the unit may take: its own limit, and what is left of the
// suite's.
func (u *running) limit() (time.Duration, bool) {
	limit := u.suite.Spec.UnitTimeout
	if limit == 0 {
		limit = suite.DefaultUnitTimeout
	}
	if total := u.suite.Spec.Timeout; total > 0 {
		left := total - u.s.spent[u.suite.Spec.Name]
		if left <= 0 {
			return 0, false
		}
		limit = min(limit, left)
	}
	return limit, true
}

// softMargin is how long before the hard limit a framework is told to stop by
// itself, so that it can still say what was running.
func softMargin(limit time.Duration) time.Duration { return min(limit/10, 5*time.Second) }

// start prepares folders, log and command.
func (u *running) start(limit time.Duration, isolated map[string]string) error {
	cfg, name := u.s.r.cfg, u.tests[0].Unit
	var err error
	if u.folder, err = u.s.folder(name, u.attempt); err != nil {
		return err
	}
	dir := filepath.Join(cfg.Out, u.folder)
	if u.log, err = proc.OpenLog(cfg.Out, filepath.Join(u.folder, "output.log")); err != nil {
		return err
	}
	u.safe = cfg.Redact(u.log)
	u.live = newLive(u)
	reports, evidence := filepath.Join(dir, "reports"), filepath.Join(dir, "evidence")
	u.id = u.s.identity(u.attempt, u.folder)
	u.env = u.s.env(u.suite.Spec, isolated, u.id.env, reports, evidence)
	if u.isPart() {
		u.env = append(u.env, adapter.PartVariable+"=1")
	}
	unit := suite.Unit{
		Name: name, Tests: u.tests, Batch: u.batch, Attempt: u.attempt, Began: cfg.Now(), Log: u.safe, Soft: limit - softMargin(limit),
		Reports: reports, Evidence: evidence, Env: u.env,
		Progress: u.live.progress,
	}
	u.invocation, err = u.suite.Adapter.Start(unit)
	if err != nil {
		_ = u.safe.Close()
		_ = u.log.Close()
	}
	return err
}

// isPart reports whether the process runs a part of its suite only: what a framework says of the
// whole suite, such as a coverage threshold, would be a false alarm then.
func (u *running) isPart() bool {
	return !u.batch && (u.attempt > 1 || len(u.tests) != u.s.r.cfg.Whole[u.suite.Spec.Name])
}

// execute runs the process and files its report.
func (u *running) execute(ctx context.Context, limit time.Duration) {
	cfg := u.s.r.cfg
	cmd := u.invocation.Command()
	u.record = e2e.UnitRun{Unit: u.tests[0].Unit, Suite: u.suite.Spec.Name, Shard: u.s.plan.Index, Attempt: u.attempt, Tests: ids(u.tests), Command: cmd.Argv,
		TakenOver: !slices.Contains(u.s.plan.Tests, u.tests[0].ID),
		Offset:    cfg.Now().Sub(cfg.Run.Started).Seconds(), Log: filepath.ToSlash(filepath.Join(u.folder, "output.log"))}
	u.started()
	limited, cancel := context.WithTimeout(ctx, limit)
	unitCtx, end := context.WithCancelCause(limited)
	u.live.cancel = end
	stop := u.live.follow()
	exit := proc.Run(unitCtx, proc.Spec{Argv: cmd.Argv, Dir: cmd.Dir, Env: append(slices.Clip(u.env), cmd.Env...), Stdout: u.live.counted(u.invocation.Stdout()),
		Log: u.live.counted(u.safe), Redact: cfg.Redact, Started: func(p *proc.Process) func() {
			u.live.process.Store(p)
			return u.s.r.ports.watch(p, &u.record.Ports)
		}})
	stop()
	end(nil)
	cancel()
	if exit.Ended == proc.TimedOut && ctx.Err() != nil && errors.Is(context.Cause(ctx), ErrCancelled) {
		exit.Ended = proc.Cancelled
	}
	if u.live.stalled != nil && exit.Ended != proc.NotStarted && ctx.Err() == nil {
		exit.Ended = proc.Stalled // also where the process ended by its own thread dump
	}
	spent := exit.Wall
	if exit.Ended == proc.TimedOut {
		spent = max(spent, limit) // the clock of the limit started a moment earlier
	}
	u.s.spent[u.suite.Spec.Name] += spent
	u.record.Exit, u.record.Ended, u.record.Seconds = exit.Code, e2e.Ended(exit.Ended), exit.Wall.Seconds()
	report := u.invocation.Report(exit)
	if exit.Ended == proc.Stalled {
		u.settle(&report)
	}
	u.file(ctx, exit, limit, report)
	_ = u.safe.Close()
	if err := u.log.Close(); err != nil {
		u.s.Problem(e2e.Problem{Code: e2e.CodeToolError, Unit: u.record.Unit, Text: fmt.Sprintf("the log of batch %s is incomplete: %v", u.record.Unit, err)})
	}
	ended := u.event(e2e.BatchEnded)
	ended.Ended, ended.Seconds = exit.String(), u.record.Seconds
	u.live.rest(report, ended)
}

// file adds the unit's report to the shard's document.
func (u *running) file(ctx context.Context, exit proc.Exit, limit time.Duration, rep suite.Report) {
	u.tidy()
	files := u.evidence()
	u.claimed = map[string]bool{}
	ran := len(rep.Unplanned)
	for _, list := range rep.Tests {
		ran += min(1, len(list))
	}
	u.only = ran == 1
	u.decides = map[string]bool{}
	for _, t := range u.tests {
		known := u.s.runs[t.ID]
		u.decides[t.ID] = u.attempt == 1 || known == nil || u.s.asked[t.ID] || attempts.Decides(known.Attempts)
	}
	u.lost = slices.DeleteFunc(slices.Clone(rep.Problems), func(p e2e.Problem) bool { return !p.LosesEvidence })
	for _, t := range u.tests {
		list, known := rep.Tests[t.ID], u.s.runs[t.ID]
		switch {
		case len(list) == 0:
		case u.attempt > 1 && known == nil:
			u.neverReported(t, list, files)
		case u.attempt > 1 && u.decides[t.ID]:
			u.again(known, t, list, files)
		case u.attempt > 1:
			u.unplanned(e2e.TestRun{ID: t.ID, Unplanned: &t, Attempts: list}, files)
		default:
			u.append(t.ID, nil, t, list, files)
		}
	}
	for _, run := range rep.Unplanned {
		u.unplanned(run, files)
	}
	for _, p := range rep.Problems {
		p.File = u.record.Log
		u.problem(p)
	}
	u.record.Shared = slices.DeleteFunc(slices.Clone(files), func(f string) bool { return u.claimed[f] })
	u.s.doc.Units = append(u.s.doc.Units, u.record)
	if text := besideText(u.others); text != "" {
		for _, t := range u.tests {
			u.s.beside[t.Unit] = text
		}
	}
	u.ended(ctx, exit, limit, rep)
}

// problem files a problem. One of a rerun takes no evidence from tests that only ran with the
// failed ones: their first run has ended.
func (u *running) problem(p e2e.Problem) {
	if u.attempt > 1 && p.LosesEvidence && len(p.Tests) > 0 {
		p.Tests = slices.DeleteFunc(slices.Clone(p.Tests), func(id string) bool {
			decides, asked := u.decides[id]
			return asked && !decides
		})
		p.LosesEvidence = len(p.Tests) > 0
	}
	u.s.Problem(p)
}

// maxBeside bounds how many tests that ran beside a rerun are named.
const maxBeside = 3

// besideText is what else a rerun reported: "the rerun ran 2 other tests, both passed: a, b".
func besideText(others []e2e.Child) string {
	if len(others) == 0 {
		return ""
	}
	counts := map[e2e.Outcome]int{}
	var names []string
	for _, o := range others {
		counts[o.Outcome]++
		if len(names) < maxBeside {
			names = append(names, o.Name)
		}
	}
	var parts []string
	for _, o := range []e2e.Outcome{e2e.Failed, e2e.Flaky, e2e.Lost, e2e.NotRun, e2e.Skipped, e2e.Passed} {
		if counts[o] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[o], word(o)))
		}
	}
	what := strings.Join(parts, ", ")
	if n := counts[others[0].Outcome]; n == len(others) {
		what = map[bool]string{true: "it ", false: "all "}[n == 1] + word(others[0].Outcome)
		if n == 2 {
			what = "both " + word(others[0].Outcome)
		}
	}
	count := fmt.Sprintf("%d other tests", len(others))
	if len(others) == 1 {
		count = "1 other test"
	}
	text := fmt.Sprintf("the rerun ran %s, %s: %s", count, what, strings.Join(names, ", "))
	if more := len(others) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// word is an outcome in a sentence.
func word(o e2e.Outcome) string { return strings.ReplaceAll(string(o), "_", " ") }

// unplanned files a test that the plan does not name. In the rerun of a suite that
// only runs as a whole, tests that had passed run again too: only the failed ones
// asked for it, but a new failure must not be lost.
func (u *running) unplanned(run e2e.TestRun, files []string) {
	reported := run.ID
	run.ID = u.listedAs(run)
	known := u.s.runs[run.ID]
	if u.attempt == 1 {
		u.append(run.ID, run.Unplanned, *run.Unplanned, run.Attempts, files)
		return
	}
	again := e2e.OutcomeOf(run.Attempts)
	switch {
	case known != nil && run.ID != reported && attempts.Decides(known.Attempts): // it has a rerun of its own, or is to have none
	case known != nil && attempts.Decides(known.Attempts):
		u.again(known, *run.Unplanned, run.Attempts, files)
		return
	case known != nil:
		failed := attempts.Beside(known.Attempts, u.filed(*run.Unplanned, run.Attempts, files))
		if len(failed) == 0 {
			break
		}
		u.s.Problem(e2e.Problem{Code: e2e.CodeFlaky, Unit: u.record.Unit, Tests: []string{run.ID}, File: u.record.Log,
			Text: fmt.Sprintf("%s passed first, and failed when its suite was run again for other tests", run.ID)})
		known.Attempts = append(known.Attempts, failed...)
	case again == e2e.Failed:
		u.append(run.ID, run.Unplanned, *run.Unplanned, run.Attempts, files)
	}
	u.others = append(u.others, e2e.Child{Name: run.ID, Outcome: again})
}

// listedAs is the id that the list of a command suite gave to a test that a rerun ran beside those it was asked for, if it ran here
// before. Reports name it in more ways than the list, and only the lines that a batch is asked for are looked up among them.
func (u *running) listedAs(run e2e.TestRun) string {
	t := run.Unplanned
	if u.attempt == 1 || u.s.runs[run.ID] != nil {
		return run.ID
	}
	for _, before := range []string{"", t.Class + ".", t.Class + "::", t.File + "::", t.File + "::" + t.Class + "::"} {
		id := t.Suite + "::" + before + t.Name
		if u.s.runs[id] != nil && u.s.tests[id].Framework == "command" {
			return id
		}
	}
	return run.ID
}

// ended explains tests that never reported because the gate ended the process.
func (u *running) ended(ctx context.Context, exit proc.Exit, limit time.Duration, rep suite.Report) {
	var missing []string
	for _, t := range u.tests {
		if len(rep.Tests[t.ID]) == 0 && !u.settled[t.ID] && u.decides[t.ID] && (!u.batch || len(rep.Unplanned) == 0) {
			missing = append(missing, t.ID)
		}
	}
	known := set(missing)
	for _, id := range u.unproven {
		if !known[id] {
			missing = append(missing, id)
		}
	}
	code, why := e2e.CodeTimeout, fmt.Sprintf("batch %s was stopped at its timeout of %s", u.record.Unit, limit)
	switch {
	case exit.Ended == proc.Stalled:
		code, why = e2e.CodeStalled, fmt.Sprintf("batch %s was ended because %s", u.record.Unit, u.live.stalled.text)
	case exit.Ended != proc.TimedOut && exit.Ended != proc.Cancelled:
		return
	case ctx.Err() != nil:
		code, why = stopped(ctx)
		why = fmt.Sprintf("batch %s was stopped: %s", u.record.Unit, why)
	}
	// A report of a batch cannot show what is missing from it.
	if u.batch {
		missing = ids(u.tests)
		for _, run := range rep.Unplanned {
			missing = append(missing, run.ID)
		}
	}
	if len(missing) > 0 {
		u.s.Problem(e2e.Problem{Code: code, Unit: u.record.Unit, Tests: missing, LosesEvidence: true, File: u.record.Log, Text: why})
	}
}

// neverReported files a test that the first process did not report, and that ran again with its
// group. A rerun labels failures only: the test stays lost, unless it fails now.
func (u *running) neverReported(t e2e.Test, list []e2e.Attempt, files []string) {
	again := e2e.OutcomeOf(list)
	if again == e2e.Failed {
		u.append(t.ID, nil, t, list, files)
	}
	u.others = append(u.others, e2e.Child{Name: t.ID, Outcome: again})
}

// append adds the attempts of a first execution to a test.
func (u *running) append(id string, unplanned *e2e.Test, t e2e.Test, list []e2e.Attempt, files []string) {
	run := u.s.runs[id]
	if run == nil {
		run = &e2e.TestRun{ID: id, Unplanned: unplanned}
		u.s.runs[id] = run
	}
	// An unplanned test may be one that another process of the shard reported as well.
	run.Attempts = e2e.JoinTwins(run.Attempts, u.filed(t, list, files))
}

// again adds the attempts of the diagnostic rerun to a test, with what counts of them.
func (u *running) again(run *e2e.TestRun, t e2e.Test, list []e2e.Attempt, files []string) {
	// A batch's reports cannot show what is missing from them.
	lost := attempts.BadRerun(u.record.Ended, u.lost, run.ID) || u.batch && len(u.lost) > 0
	run.Attempts = append(run.Attempts, attempts.Again(run.Attempts, u.filed(t, list, files), lost)...)
}

// filed adds to attempts what the unit knows about them.
func (u *running) filed(t e2e.Test, attempts []e2e.Attempt, files []string) []e2e.Attempt {
	filed := make([]e2e.Attempt, 0, len(attempts))
	bad := slices.ContainsFunc(attempts, func(a e2e.Attempt) bool { return a.Outcome == e2e.Failed })
	for _, a := range attempts {
		a.Shard, a.WorkflowAttempt = u.s.plan.Index, u.s.r.cfg.Run.WorkflowAttempt
		if file, line := e2e.SplitPlace(a.At); file != "" {
			a.At = e2e.Place(u.fromRoot(file), line)
		} else if a.Outcome == e2e.Failed && t.Line > 0 {
			a.At = e2e.Place(u.fromRoot(t.File), t.Line) // where the test is, from the same root as others
		}
		a.Correlation, a.DataPrefix, a.Trace = u.id.correlation, u.id.prefix, u.id.trace
		if a.Source == "" {
			a.Source = e2e.SourceFirst
		}
		kept := u.attached(a.Files)
		if a.Outcome == e2e.Failed {
			kept = append(kept, u.record.Log)
		}
		if u.attempt > 1 || bad {
			a.TestCorrelation = e2e.CorrelationOf(u.s.r.cfg.Run.ID, u.attempt, t.OwnName())
		}
		mine := files
		if !u.only {
			mine = u.filesOf(t, files)
		}
		for _, f := range mine {
			if !slices.Contains(kept, f) {
				kept = append(kept, f)
			}
		}
		var named []string // a framework may name a file twice
		for _, f := range kept {
			if u.claimed[f] = true; !slices.Contains(named, f) {
				named = append(named, f)
			}
		}
		a.Files = named
		filed = append(filed, a)
	}
	return filed
}

// attached are the files that the adapter kept for an attempt, relative to the
// run's folder.
func (u *running) attached(files []string) []string {
	var list []string
	for _, f := range files {
		if rel, err := filepath.Rel(u.s.r.cfg.Out, f); err == nil && filepath.IsLocal(rel) {
			rel = filepath.ToSlash(rel)
			list = append(list, cmp.Or(u.moved[rel], rel))
		}
	}
	return list
}

// filesOf picks the evidence files that carry the test's name in their path, its correlation id, or the digits of its own name, which
// name the folder that a reporter of ours gives it. Of tests whose own names are the same, the digits say nothing.
func (u *running) filesOf(t e2e.Test, files []string) []string {
	if len(files) == 0 {
		return nil
	}
	if u.namesakes == nil {
		u.namesakes = e2e.Namesakes{}
		for _, planned := range u.tests {
			u.namesakes.Add(planned)
		}
	}
	var mine []string
	name, digits := t.Name, e2e.NameDigits(t.OwnName())
	id := e2e.CorrelationOf(u.s.r.cfg.Run.ID, u.attempt, t.OwnName())
	for _, f := range files {
		if slices.ContainsFunc(strings.Split(f, "/"), func(part string) bool {
			if (part == digits || part == id) && u.namesakes[digits] == 1 {
				return true
			}
			return part == name || part == portable(name) || part == slug(name) || strings.TrimSuffix(part, filepath.Ext(part)) == name
		}) {
			mine = append(mine, f)
		}
	}
	return mine
}

func ids(tests []e2e.Test) []string {
	list := make([]string, len(tests))
	for i, t := range tests {
		list[i] = t.ID
	}
	return list
}
