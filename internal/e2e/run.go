package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"
)

// Run identifies one run of the gate: what started it, on what, for which stage.
type Run struct {
	Subject
	ID              string    `json:"id" mask:"-" doc:"Run id: e2e-<epoch ms>-<uuid>."`
	Stage           string    `json:"stage" mask:"-" doc:"Stage of the config."`
	Config          string    `json:"config,omitempty" mask:"-" doc:"Config file, relative to the repository, where it is not at a default place."`
	Target          string    `json:"target,omitempty" mask:"-" doc:"Environment that the stage tests."`
	Blocks          bool      `json:"blocks" doc:"Whether the stage blocks."`
	Select          string    `json:"select,omitempty" mask:"-" doc:"Tag expression that chose the tests."`
	Affected        string    `json:"affected,omitempty" doc:"Where only what a change affects was to run: how much of the selection that is, and why; or why everything runs."`
	Service         string    `json:"service,omitempty" mask:"-" doc:"Service that the run was narrowed to."`
	Narrowed        *Narrowed `json:"narrowed,omitempty" doc:"Set if only some of the stage's tests were asked for: nothing of such a run is published, signed or remembered."`
	Event           string    `json:"event,omitempty" mask:"-" doc:"Event that started the run; empty outside CI."`
	EventSHA        string    `json:"event_sha,omitempty" mask:"-" doc:"Commit that the event names, where another one was checked out and judged."`
	Named           bool      `json:"named,omitempty" doc:"The subject was named by a flag, a variable or a payload, and may be another commit than the one that is checked out."`
	TestsRepository string    `json:"tests_repository,omitempty" mask:"-" doc:"Repository of the tests, where the commit under test is not theirs and it is known."`
	TestsSHA        string    `json:"tests_sha,omitempty" mask:"-" doc:"Commit of the tests, where the commit under test is another one."`
	DefaultBranch   bool      `json:"default_branch,omitempty" doc:"The commit under test is on the default branch."`
	PullRequest     int       `json:"pull_request,omitempty" doc:"Number of the pull request."`
	MergeGroup      []int     `json:"merge_group,omitempty" doc:"Pull requests of the merge group in the order in which they merge, as far as the queue or the group's ref names them."`
	WorkflowRun     string    `json:"workflow_run,omitempty" mask:"-" doc:"GITHUB_RUN_ID; empty outside CI."`
	WorkflowAttempt int       `json:"workflow_attempt" doc:"GITHUB_RUN_ATTEMPT, from 1."`
	Job             string    `json:"job,omitempty" mask:"-" doc:"GITHUB_JOB: job of the workflow that wrote the document; empty outside CI."`
	Key             string    `json:"key,omitempty" mask:"-" doc:"Tells two calls of the gate in one workflow apart."`
	Before          string    `json:"earlier_attempts,omitempty" doc:"What is known of earlier attempts of the workflow run that left no documents; empty: nothing to say."`
	URL             string    `json:"url,omitempty" mask:"-" doc:"Page of the workflow run."`
	Forge           string    `json:"forge,omitempty" mask:"-" doc:"Forgejo or Gitea, where one of them started the run; absent otherwise."`
	Version         string    `json:"version" mask:"-" doc:"Version of the gate."`
	Started         time.Time `json:"started" doc:"Start, UTC."`
	Finished        time.Time `json:"finished,omitzero" doc:"End, UTC."`
}

// Narrowed says which of a stage's tests a run was narrowed to by name.
type Narrowed struct {
	Names    []string `json:"names,omitempty" doc:"Names as they were given."`
	FailedOf string   `json:"failed_of,omitempty" mask:"-" doc:"Run whose tests that did not pass were run again."`
}

// SameSubject reports whether two documents describe the same workflow run,
// stage, key, subject and tests: only then does an earlier attempt count. A run that was narrowed to
// some tests is never an attempt at the whole stage.
func (r Run) SameSubject(o Run) bool {
	if r.Narrowed != nil || o.Narrowed != nil {
		return false
	}
	ours, theirs := r.Subject, o.Subject
	ours.Ref, theirs.Ref = "", "" // a name of the commit
	return r.WorkflowRun == o.WorkflowRun && r.Stage == o.Stage && r.Key == o.Key && ours == theirs &&
		r.TestsSHA == o.TestsSHA && r.TestsRepository == o.TestsRepository
}

// DigestOfID stands for a test's id where there is no room for it: the first 10 hexadecimal
// digits of its SHA-256.
func DigestOfID(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:5])
}

// Code names a reason or a problem. The words are part of the contract.
type Code string

// The reason codes of a verdict.
const (
	CodeTestFailed         Code = "test_failed"
	CodeFlaky              Code = "flaky"
	CodeLaterPass          Code = "later_pass"
	CodeLost               Code = "lost"
	CodeNotRun             Code = "not_run"
	CodeNoTests            Code = "no_tests"
	CodeNoPass             Code = "no_pass"
	CodeGateShut           Code = "gate_shut"
	CodeDependency         Code = "dependency"
	CodeGateLost           Code = "gate_lost"
	CodeEnvironment        Code = "environment"
	CodeCollision          Code = "collision"
	CodeBaseFails          Code = "base_fails"
	CodeReportDamaged      Code = "report_damaged"
	CodeRunnerExit         Code = "runner_exit"
	CodeBuildFailed        Code = "build_failed"
	CodeQuarantineExpired  Code = "quarantine_expired"
	CodeBudget             Code = "budget"
	CodePolicyUnreadable   Code = "policy_unreadable"
	CodeAttemptsUnreadable Code = "attempts_unreadable"
	CodeJobBefore          Code = "job_before"
	CodeWrongCommit        Code = "wrong_commit"
	CodeDocumentChanged    Code = "document_changed"
	CodeJudgeChanged       Code = "judge_changed"
	CodeCancelled          Code = "cancelled"
	CodeTimeout            Code = "timeout"
	CodeStalled            Code = "stalled"
	CodeTooManyTests       Code = "too_many_tests"
	CodeRate               Code = "rate_limited"
	CodeToolError          Code = "tool_error"
	// CodeNotChecked is that of a note: an alarm of a whole suite was switched off, since no
	// process ran all of it.
	CodeNotChecked Code = "not_checked"
	// CodeNotVerified is that of a note: no gate proved that the subject is what was deployed.
	CodeNotVerified Code = "version_not_verified"
)

// Problem is something that went wrong around the tests: a damaged report, a
// runner that died, an unreadable history.
type Problem struct {
	Code  Code     `json:"code" doc:"What kind of problem; the words of verdict.reasons."`
	Text  string   `json:"text" doc:"What happened, and what to try."`
	Unit  string   `json:"unit,omitempty" mask:"-" doc:"Unit that it happened in."`
	Shard int      `json:"shard,omitempty" doc:"Shard that it happened on, from 0."`
	File  string   `json:"file,omitempty" mask:"-" doc:"File with the details, relative to the run's folder."`
	Tests []string `json:"tests,omitempty" mask:"-" doc:"Tests whose evidence is affected."`
	// LosesEvidence: the tests named (or, with none named, the stage) cannot be
	// judged by what was reported.
	LosesEvidence bool `json:"loses_evidence,omitempty" doc:"The tests named, or with none named the stage, cannot be judged."`
	// Note: nothing is lost and nothing has to be done.
	Note bool `json:"note,omitempty" doc:"Only a note: nothing is lost, and nothing has to be done."`
}

// LoseEvidence reports whether one of the problems takes evidence away.
func LoseEvidence(list []Problem) bool {
	return slices.ContainsFunc(list, func(p Problem) bool { return p.LosesEvidence })
}
