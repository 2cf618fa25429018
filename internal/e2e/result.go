package e2e

import (
	"fmt"
	"time"
)

// Result is result.json: the whole outcome of a stage.
type Result struct {
	Schema   string        `json:"schema" mask:"-" doc:"e2e-gate/result/v1."`
	Run      Run           `json:"run" doc:"The run."`
	Gates    []Gate        `json:"gates" doc:"Health gates, before and while the suites ran."`
	Plan     PlanSummary   `json:"plan" doc:"What was planned."`
	Tests    []TestResult  `json:"tests" doc:"Every planned or reported test, sorted by id."`
	Clusters []Cluster     `json:"clusters" doc:"Failures with one cause, largest first."`
	Shards   []ShardResult `json:"shards" doc:"What each shard did."`
	Budgets  []Budget      `json:"budgets" doc:"Runtime budgets and what was used of them."`
	Problems []Problem     `json:"problems" doc:"What went wrong around the tests."`
	// Documents are in the order in which they were read or written.
	Documents []DocumentSum `json:"documents,omitempty" doc:"Documents that the result was made of: the plan, and those of the shards."`
	Judging   *Judging      `json:"judging,omitempty" doc:"Whose config judged, and what a change alters about its own judge."`
	// Grouped are the newest of them, since earlier ones have groups of their own.
	Grouped []GroupedPull `json:"pull_requests,omitempty" doc:"If tests fail in a merge group: its pull requests, at most the newest 10, and what they have to do with that."`
	Alert   *Alert        `json:"alert,omitempty" doc:"Whether an alert of the target goes on or has just ended; absent: neither, or the target has none."`
	Verdict Verdict       `json:"verdict" doc:"The one decision."`
}

// AlertState is what an alert does with a run.
type AlertState string

// The states of an alert.
const (
	AlertRaised    AlertState = "raised"
	AlertFiring    AlertState = "firing"
	AlertRecovered AlertState = "recovered"
)

// Alert is that of a target. It decides nothing about the verdict.
type Alert struct {
	State  AlertState `json:"state" doc:"raised: it begins with this run. firing: it goes on. recovered: it ends with this run." enum:"raised,firing,recovered"`
	Bad    int        `json:"not_passed" doc:"How many of the newest runs did not pass, this one included."`
	Of     int        `json:"of" doc:"How many of the newest runs count, this one included."`
	Target string     `json:"target" mask:"-" doc:"The target."`
}

// String says it in a sentence.
func (a Alert) String() string {
	what := map[AlertState]string{AlertRaised: "ALERT", AlertFiring: "ALERT continues", AlertRecovered: "RECOVERED"}[a.State]
	return fmt.Sprintf("%s: %d of the last %d runs against %s did not pass", what, a.Bad, a.Of, a.Target)
}

// AlertOf is the alert after a run: passed says of it, and of those before it, the newest first, whether they passed. It is on while
// after of the newest of runs did not. Nil: it neither is on nor ends.
func AlertOf(target string, after, of int, passed []bool) *Alert {
	bad := func(list []bool) (n int) {
		for _, ok := range list[:min(len(list), of)] {
			if !ok {
				n++
			}
		}
		return n
	}
	if len(passed) == 0 || after < 1 || of < after {
		return nil
	}
	a := Alert{Bad: bad(passed), Of: min(of, len(passed)), Target: target}
	now, before := a.Bad >= after, bad(passed[1:]) >= after
	switch {
	case now && before:
		a.State = AlertFiring
	case now:
		a.State = AlertRaised
	case before:
		a.State = AlertRecovered
	default:
		return nil
	}
	return &a
}

// GroupedPull is a pull request of a merge group in which tests failed. It decides nothing.
type GroupedPull struct {
	Number int    `json:"number" doc:"Its number."`
	Title  string `json:"title,omitempty" doc:"Its title; absent where it is not known."`
	SHA    string `json:"sha,omitempty" mask:"-" doc:"Its head when that was asked; absent where it is not known."`
	Alone  string `json:"alone,omitempty" mask:"-" doc:"The gate's commit status on its head; absent where it is not known." enum:"success,failure,error,pending"`
	// FilesKnown with no Touches says that it touches nothing of what failed.
	FilesKnown bool         `json:"files_known" doc:"All files that it changes are known."`
	Touches    []GroupTouch `json:"touches,omitempty" doc:"What they have to do with tests that failed."`
	Unknown    string       `json:"unknown,omitempty" doc:"What is not known of it, and why."`
}

// GroupTouch is what a pull request has to do with tests that failed.
type GroupTouch struct {
	Text  string   `json:"text" doc:"A sentence: it touches e2e/pay.ts, which belongs to the suite."`
	Tests []string `json:"tests" mask:"-" doc:"Tests that it is about."`
}

// DocumentSum names a document and its content.
type DocumentSum struct {
	File   string `json:"file" mask:"-" doc:"Name of the file; from the folder of the results, if it was read there."`
	SHA256 string `json:"sha256" mask:"-" doc:"SHA-256 of its bytes."`
}

// PlanSummary is what a result repeats of its plan.
type PlanSummary struct {
	Digest string `json:"digest" mask:"-" doc:"Digest of plan.json."`
	Tests  int    `json:"tests" doc:"Tests planned."`
	// Whole suites have tests that no plan names, so one of them cannot be run alone.
	Whole    []string `json:"whole,omitempty" mask:"-" doc:"Suites that were planned as a whole, because they cannot list their tests."`
	Of       int      `json:"of,omitempty" doc:"Tests of the stage, where the run was narrowed to some of them by name, or to those that the change affects."`
	Shards   int      `json:"shards" doc:"Shards planned."`
	Makespan float64  `json:"expected_makespan_seconds" doc:"Expected time of the slowest path."`
	Guessed  int      `json:"guessed" doc:"Tests without timing history."`
}

// Effect is what a test's outcome does to the verdict. The zero value is
// unknown and is treated as blocking.
type Effect string

// The effects, strongest first.
const (
	Blocks        Effect = "blocks"
	NotJudged     Effect = "not_judged"
	Warns         Effect = "warns"
	Informs       Effect = "informs"
	EffectNothing Effect = "none"
)

// Rank orders effects, strongest first; an unknown one is as strong as blocking.
func (e Effect) Rank() int {
	switch e {
	case Blocks:
		return 0
	case NotJudged:
		return 1
	case Warns:
		return 2
	case Informs:
		return 3
	case EffectNothing:
		return 4
	default:
		return 0
	}
}

// TestResult is one test with everything that is known about it.
type TestResult struct {
	Test
	// Set is what plan, history, rerun and quarantine call the test; see [TestResult.Stable].
	Set       string  `json:"set,omitempty" mask:"-" doc:"For one of several tests that share an id: that id. The id of the result is then a label within this run only."`
	Unplanned bool    `json:"unplanned,omitempty" doc:"Reported, and not in the plan."`
	Outcome   Outcome `json:"outcome" doc:"Its outcome." enum:"passed,failed,flaky,skipped,lost,not_run"`
	Effect    Effect  `json:"effect" doc:"What the outcome does to the verdict." enum:"blocks,not_judged,warns,informs,none"`
	Why       string  `json:"why,omitempty" doc:"Why it has this effect."`
	// Environment is set for a failure at a time at which the environment was bad.
	Environment *Environment `json:"environment,omitempty" doc:"The unhealthy environment while the test failed. Every failed attempt has such an alibi."`
	// BaseFails is set for a failed test that fails in the same way without the change.
	BaseFails *BaseFails `json:"base_fails,omitempty" doc:"The test fails in the same way on the base, by runs that the forge vouches for, or by a run there."`
	Probe     *BaseProbe `json:"base_probe,omitempty" doc:"What the failed test did at the base, where it was run there too."`
	// Dependency is set only if nothing else kept the test from running, and it never ran before.
	Dependency string `json:"dependency,omitempty" mask:"-" doc:"External dependency that was down, for which alone the test was not run."`
	// Unexcused is empty where Dependency is set, or no dependency was down that the test needs.
	Unexcused string   `json:"unexcused,omitempty" doc:"Why a dependency that is down does not excuse that the test was not run."`
	Lacks     []string `json:"lacks,omitempty" mask:"-" doc:"What the stage requires and the test does not have: its pass proves nothing." enum:"owner,journey,max_runtime"`
	Beyond    []string `json:"beyond,omitempty" mask:"-" doc:"Services that it does not need by the config, and whose address or files its failure names."`
	// Missed is only known on the default branch and in the merge queue.
	Missed     bool         `json:"missed,omitempty" doc:"It passed before, and the rules of affected leave it out for each change since: those that broke it did not run it."`
	LaterPass  bool         `json:"later_pass,omitempty" doc:"Failed with its rerun in an earlier attempt of this workflow run and passes now."`
	Category   Category     `json:"category,omitempty" doc:"What kind of failure it is." enum:"PRODUCT_REGRESSION,TEST_BUG,ENVIRONMENT_FAILURE,FLAKY_TIMING,DATA_COLLISION,EXTERNAL_DEPENDENCY,UNKNOWN"`
	Cause      string       `json:"cause,omitempty" doc:"What caused it, in a few words."`
	Confidence Confidence   `json:"confidence,omitempty" doc:"How well the category is supported." enum:"high,medium,low"`
	Evidence   []Evidence   `json:"evidence,omitempty" doc:"What supports the category, and what the test left."`
	NextStep   string       `json:"next_step,omitempty" doc:"What the owner should do now."`
	Rerun      *RerunRecord `json:"rerun,omitempty" doc:"The diagnostic rerun, or the reason for none."`
	Quarantine *Quarantine  `json:"quarantine,omitempty" doc:"The quarantine entry that covers it."`
	Policy     *PolicyCell  `json:"policy,omitempty" doc:"The cell of the policy table that gave the effect; absent for a plain pass."`
	History    *TestHistory `json:"history,omitempty" doc:"For a test that failed or was flaky: what earlier runs know of it."`
	Attempts   []Attempt    `json:"attempts" doc:"Every attempt, in order of time."`
	Children   []Child      `json:"children,omitempty" doc:"Subtests of the last attempt."`
}

// Stable is the id under which other runs know the test: that of its set, if it shares
// one with other tests.
func (t TestResult) Stable() string {
	if t.Set != "" {
		return t.Set
	}
	return t.ID
}

// BaseFails is what shows that a test fails on the base in the same way as here, and whether that excuses it.
type BaseFails struct {
	Branch  string    `json:"branch" mask:"-" doc:"Branch of the base."`
	Since   time.Time `json:"since,omitzero" doc:"Start of the first of the runs without a pass in between, as far back as they are known; if none is known, of the last run in which it passed."`
	Runs    []BaseRun `json:"runs" doc:"The newest judged runs of the base in which it failed in this way, at most 10."`
	Excuses bool      `json:"excuses" doc:"The failure does not block: it is judged in the row base_fails."`
	Why     string    `json:"why,omitempty" doc:"Why it excuses nothing, if so."`
}

// BaseRun is a judged run of the base.
type BaseRun struct {
	ID      string    `json:"id" mask:"-" doc:"Run id."`
	SHA     string    `json:"sha" mask:"-" doc:"Its commit."`
	Started time.Time `json:"started" doc:"Start, UTC."`
	URL     string    `json:"url,omitempty" mask:"-" doc:"Page of its workflow run."`
}

// Environment is the alibi of a failure: a gate, or a background process, that was
// unhealthy while the test failed. It comes from timelines, never from words alone.
type Environment struct {
	Gate     string    `json:"gate,omitempty" mask:"-" doc:"Gate that was unhealthy."`
	Process  string    `json:"process,omitempty" mask:"-" doc:"Background process that had exited."`
	From     time.Time `json:"from" doc:"Since when, UTC."`
	To       time.Time `json:"to" doc:"Until when it was seen, UTC."`
	State    GateState `json:"state,omitempty" doc:"What the gate said then." enum:"healthy,unhealthy"`
	Observed string    `json:"observed,omitempty" doc:"What was seen of it."`
	Port     int       `json:"port,omitempty" doc:"Port that another shard on the machine used: the shards collided, and the test passed alone."`
	NamedBy  string    `json:"named_by,omitempty" doc:"Address of the gate that the failure names."`
	Excuses  bool      `json:"excuses,omitempty" doc:"The failure names the gate, and the gate was bad when the test started or is external: a later pass counts. Otherwise it does not."`
}

// Judging says whose config judged a run, and what a change alters about its own judge.
type Judging struct {
	By      JudgedBy      `json:"by" doc:"Whose config judged: base, of the commit that the change is compared with; approval, the change's own, because it was approved; commit, the commit's own, because it is on a judging branch; working_tree, outside CI; nothing, because the base is not known." enum:"base,approval,commit,working_tree,nothing"`
	Commit  string        `json:"commit,omitempty" mask:"-" doc:"Commit of the base."`
	Extends *Extension    `json:"extends,omitempty" doc:"Config of the organisation that judged too."`
	Changes []JudgeChange `json:"changes,omitempty" doc:"What the change alters about what judges it."`
	Unknown string        `json:"unknown,omitempty" doc:"What of that is not known. It does not block."`
	// ApprovedBy lifts what these changes block by the policy.
	ApprovedBy []Approval `json:"approved_by,omitempty" doc:"Who approved that, so that it does not block."`
	Unapproved string     `json:"unapproved,omitempty" doc:"Why it is not approved, where an approval would lift what it blocks."`
}

// Extension is the organisation's config that a config extends, as it was read.
type Extension struct {
	Source string `json:"source" mask:"-" doc:"What extends says: OWNER/REPOSITORY//PATH@REF."`
	Commit string `json:"commit" mask:"-" doc:"Commit that the tag or branch was at."`
	Digest string `json:"digest" mask:"-" doc:"SHA-256 of the file."`
}

// String is an extension in words.
func (x Extension) String() string { return fmt.Sprintf("%s, commit %.10s", x.Source, x.Commit) }

// Approval is that somebody who may write, and wrote nothing of a pull request, approved it.
type Approval struct {
	By          string `json:"by" mask:"-" doc:"Account."`
	How         string `json:"how" mask:"-" doc:"By a review of the commit, or by a label put on since." enum:"review,label"`
	PullRequest int    `json:"pull_request" doc:"Number of the pull request."`
}

// String is an approval in words.
func (a Approval) String() string {
	return fmt.Sprintf("%s (%s, #%d)", a.By, a.How, a.PullRequest)
}

// JudgedBy is whose config judged a run.
type JudgedBy string

// The judges.
const (
	JudgedByBase        JudgedBy = "base"
	JudgedByApproval    JudgedBy = "approval"
	JudgedByCommit      JudgedBy = "commit"
	JudgedByWorkingTree JudgedBy = "working_tree"
	JudgedByNothing     JudgedBy = "nothing"
)

// ChangedTests is the What of changes that are about tests, and not about the config.
const ChangedTests = "tests"

// JudgeChange is one thing that a change alters about what judges it.
type JudgeChange struct {
	What  string   `json:"what" mask:"-" doc:"Setting, or what else is altered: stages.pr, suites.api, tests."`
	Text  string   `json:"text" doc:"How it is altered, as a clause."`
	Tests []string `json:"tests,omitempty" mask:"-" doc:"Tests that it is about."`
}

// Quarantine is an entry of the quarantine file that covers a test.
type Quarantine struct {
	Test     string    `json:"test" mask:"-" doc:"Id or glob of the entry."`
	Owner    string    `json:"owner" mask:"-" doc:"Team that must fix it."`
	Reason   string    `json:"reason" doc:"Why it is quarantined."`
	Since    time.Time `json:"quarantined_at" doc:"Since when, UTC date."`
	Twins    int       `json:"twins,omitempty" doc:"For tests that share an id: how many there are. Without it the entry excuses none of them."`
	Deadline time.Time `json:"fix_deadline" doc:"Last day on which it does not block, UTC date."`
	Expired  bool      `json:"expired,omitempty" doc:"The deadline has passed: the test counts again."`
	Remove   bool      `json:"removal_if_not_fixed,omitempty" doc:"To be removed if it is not fixed in time."`
	Issue    string    `json:"issue,omitempty" doc:"Ticket."`
}

// DaysLeft counts whole days of UTC from the day of now to the deadline: 0 is its own
// day, less than 0 is past it. An entry without deadline is past it.
func (q Quarantine) DaysLeft(now time.Time) int {
	if q.Deadline.IsZero() {
		return -1
	}
	const day = 24 * time.Hour
	// A [time.Duration] ends after 292 years.
	return int((q.Deadline.UTC().Truncate(day).Unix() - now.UTC().Truncate(day).Unix()) / int64(day/time.Second))
}

// PolicyCell is a cell of the policy table.
type PolicyCell struct {
	Row    string      `json:"outcome" mask:"-" doc:"Row: what became of the test." enum:"failed,flaky,later_pass,lost,not_run,quarantined,skipped"`
	Column Criticality `json:"criticality" doc:"Column: the criticality that it is judged by." enum:"release-blocking-smoke,release-blocking,non-blocking,nightly,synthetic"`
	Source string      `json:"source" mask:"-" doc:"built-in, or config if the key policy overrides the cell." enum:"built-in,config"`
}

// TestHistory is what earlier runs know of a test that failed or was flaky.
type TestHistory struct {
	State  string    `json:"state" mask:"-" doc:"What the test did lately." enum:"new,stable,flaky,failing-on-main,failing,fixed,not_enough_data"`
	Since  time.Time `json:"since,omitzero" doc:"Start of the first failed run of the current streak on the default branch, UTC; absent where there is none."`
	Streak int       `json:"streak_runs,omitempty" doc:"Runs of that streak."`
	Longer bool      `json:"longer,omitempty" doc:"The streak may have begun earlier: older runs are not kept."`
	Runs   int       `json:"runs" doc:"Newest runs that the counts are of: those since the outcomes last changed, or all that are kept where the test only passed since."`
	Flaky  int       `json:"flaky_runs,omitempty" doc:"In how many of those it was flaky."`
	Failed int       `json:"failed_runs,omitempty" doc:"In how many of those it failed."`

	FlakeLow  float64     `json:"flake_rate_low,omitempty" doc:"The rate of flakes that the counts speak of is above this with a probability of 95 %; absent without flakes."`
	FlakeHigh float64     `json:"flake_rate_high,omitempty" doc:"It is below this with a probability of 95 %."`
	First     *HistoryRun `json:"first_run,omitempty" doc:"Run with which the state began: first failed run, first run of a flaky test, first passed run of a fixed one."`
	Before    *HistoryRun `json:"run_before,omitempty" doc:"Last run before it: what made the change is between the two commits."`

	Slower *HistoryPace `json:"slower,omitempty" doc:"Since when it takes longer to pass, if it does."`

	Text string `json:"text" doc:"The same in a few words: fails on main too since 2026-11-02 (4 runs)."`
}

// HistoryPace is a change of what a test takes to pass.
type HistoryPace struct {
	Since HistoryRun `json:"since" doc:"First run after the change."`
	From  float64    `json:"from_seconds" doc:"Median before, in seconds."`
	To    float64    `json:"to_seconds" doc:"Median since, in seconds."`
}

// HistoryRun is an earlier run.
type HistoryRun struct {
	Run     string    `json:"run" mask:"-" doc:"Id of the run."`
	SHA     string    `json:"sha,omitempty" mask:"-" doc:"Commit that it tested."`
	Started time.Time `json:"started" doc:"When it started, UTC."`
}

// Cluster is a group of failures that share a cause.
type Cluster struct {
	ID         string     `json:"id" mask:"-" doc:"Stable fingerprint of the normalised failure."`
	Category   Category   `json:"category" doc:"What kind of failure it is."`
	Cause      string     `json:"cause,omitempty" doc:"What caused it, in a few words."`
	Confidence Confidence `json:"confidence" doc:"How well the category is supported."`
	Title      string     `json:"title" doc:"First line of a representative failure."`
	Tests      []string   `json:"tests" mask:"-" doc:"Ids, sorted."`
	Owners     []string   `json:"owners,omitempty" mask:"-" doc:"Owners, sorted."`
	Evidence   []string   `json:"evidence,omitempty" doc:"What supports the category."`
	NextStep   string     `json:"next_step" doc:"What to do now."`
}

// ShardResult is what became of one shard.
type ShardResult struct {
	Index    int       `json:"index" doc:"From 0."`
	Name     string    `json:"name" mask:"-" doc:"Name of the shard."`
	Attempt  int       `json:"workflow_attempt" doc:"Attempt of the workflow that counts."`
	Owners   []string  `json:"owners,omitempty" mask:"-" doc:"Owners of its tests."`
	Tests    int       `json:"tests" doc:"Tests planned on it."`
	Expected float64   `json:"expected_seconds" doc:"Planned duration."`
	Seconds  float64   `json:"seconds" doc:"Wall time of its units."`
	State    string    `json:"state" mask:"-" doc:"complete, partial, or lost." enum:"complete,partial,lost"`
	Units    []UnitRun `json:"units,omitempty" doc:"Processes that it ran."`
}

// Budget is a runtime budget and what was used of it. It never stops anything.
type Budget struct {
	Scope string  `json:"scope" mask:"-" doc:"stage or journey." enum:"stage,journey"`
	Name  string  `json:"name" mask:"-" doc:"Name of the stage or journey."`
	Limit float64 `json:"limit_seconds" doc:"Budget."`
	Used  float64 `json:"used_seconds" doc:"Used."`
	Over  bool    `json:"over" doc:"More was used than allowed."`
	Text  string  `json:"text,omitempty" doc:"When over: what was slow, and what to look at first."`
}

// VerdictState is the judgement. The zero value is not judged.
type VerdictState string

// The states of a verdict.
const (
	VerdictUnknown   VerdictState = ""
	VerdictPassed    VerdictState = "passed"
	VerdictFailed    VerdictState = "failed"
	VerdictNotJudged VerdictState = "not_judged"
)

// Verdict is the one decision of a stage and the reasons for it.
type Verdict struct {
	State   VerdictState `json:"state" doc:"passed, failed or not_judged." enum:"passed,failed,not_judged"`
	Blocks  bool         `json:"blocks" doc:"Whether the pipeline must stop."`
	Reasons []Reason     `json:"reasons" doc:"Why, most important first; findings that only warn come last."`
}

// Reason is one finding behind a verdict.
type Reason struct {
	Code   Code     `json:"code" doc:"What kind of finding."`
	Effect Effect   `json:"effect" doc:"What it does to the verdict." enum:"blocks,not_judged,warns,informs"`
	Text   string   `json:"text" doc:"The finding in a sentence."`
	Tests  []string `json:"tests,omitempty" mask:"-" doc:"Tests that it is about."`
}

// Exit statuses: each means one thing.
const (
	ExitPassed    = 0
	ExitBlocked   = 1
	ExitUsage     = 2
	ExitNotJudged = 3
)

// ExitStatus is the exit status that states the verdict. A verdict that does not
// block exits 0; an unknown one, or one that passes and blocks, is not judged.
func (v Verdict) ExitStatus() int {
	switch v.State {
	case VerdictPassed:
		if v.Blocks {
			return ExitNotJudged
		}
		return ExitPassed
	case VerdictFailed:
		if v.Blocks {
			return ExitBlocked
		}
		return ExitPassed
	case VerdictNotJudged:
		if v.Blocks {
			return ExitNotJudged
		}
		return ExitPassed
	case VerdictUnknown:
	default:
	}
	return ExitNotJudged
}
