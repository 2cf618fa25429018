// Package pipeline is the spine, and does its I/O: background processes and gates up,
// discover, plan, run with one diagnostic rerun, judge, conclude. Each stage takes
// values and returns values (see stages.go); every path leaves through the same end,
// so that documents and a verdict are always there. What the evidence means is decided
// by internal/verdict, which does no I/O.
//
// The commands run, plan, shard and verdict are different lists of the same
// stages: a run on one machine and a run split over many take the same decisions.
package pipeline

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/policy"
	"github.com/org/e2e-gate/internal/runner"
	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/trigger"
	"github.com/org/e2e-gate/internal/verdict"
	"github.com/org/e2e-gate/internal/workspace"
)

// Progress is told what happens while it happens. Its methods are called from
// several goroutines and must be quick.
type Progress interface {
	Processes(text string)
	Gate(g e2e.Gate)
	Health(text string)
	Started(stage, run string)
	Listing(suite string)
	// Listed says how many tests there are; below 0: they cannot be listed.
	Listed(suite string, tests int)
	Planned(tests, shards, guessed int, expectedSeconds float64)
	Sharded(index, shards, tests int, expectedSeconds float64)
	Unit(ev e2e.Event)
	Rerun(text string)
	Note(text string)
}

// HistoryStore keeps records of runs.
type HistoryStore interface {
	Load(ctx context.Context) (stats history.Stats, skipped []string, err error)
	Save(ctx context.Context, r history.Record) error
}

// Options of a session.
type Options struct {
	// Root is the repository root; Out the run's folder, or empty for the default
	// below .e2e-gate/runs.
	Root, Out string
	Config    *config.Config
	// ConfigFile is the config relative to Root, where it is not at a default place.
	ConfigFile string
	Stage      config.Stage
	Trigger    trigger.Trigger
	// RunID is set if another job began the run; else a new one is made.
	RunID string
	// Subject is what is judged, where it is not the trigger's commit; else it is zero.
	Subject e2e.Subject
	// Tests are the repository and the commit of the tests, where the subject is another commit than theirs; else it is zero.
	Tests e2e.Subject
	// Jobs are those before this one in the workflow.
	Jobs []verdict.Job
	// EventSHA is the commit that the event names, where another one is checked out and judged.
	EventSHA string
	// Judging says whose config judges; nil: not known.
	Judging *e2e.Judging
	// Baseline is what the change is measured against; nil: nothing.
	Baseline *Baseline
	// Missing says what this machine lacks to list a suite, and the command that installs it; empty: nothing is known to
	// be missing. Nil: it is not asked.
	Missing func(spec suite.Spec) string
	// Vouched reads the records of runs that the forge says are of the default branch, from where only such runs can have put them.
	// Nil: there are none, so no failure is excused by what the base does.
	Vouched func(ctx context.Context) ([]history.Found, error)
	// Grouped asks about pull requests of the merge group; nil: there is no one to ask, or the command does not judge the whole stage.
	Grouped func(ctx context.Context, numbers []int) []GroupMember
	// Approve asks whether people approved that the change affects tests that judge it; missing
	// says why not. Nil: the base's policy does not block that, or it cannot be approved.
	Approve func() (given []e2e.Approval, missing string)
	// Key tells two calls of the gate in one workflow apart.
	Key string
	// Select narrows the stage's selection; Service the suites and journeys.
	Select, Service string
	// Affected narrows it to what the change affects, as [config.Stage] does.
	Affected bool
	// Narrow names tests that the run is narrowed to, within the stage's selection.
	Narrow Narrow
	// NoRerun: failed tests get no diagnostic rerun. Such a run is no run of the stage.
	NoRerun bool
	// Shards is the number of shards, 0 for the config's.
	Shards int
	// Matrix: the plan is for machines that cannot wait for each other. OneMachine: its shards run on this
	// one.
	Matrix, OneMachine bool
	// Places is how many shards run at one time where a free place takes the next one; 0: all.
	Places int
	// Kind is the kind of machine that a suite needs, by its name: no shard has tests for two. Nil: all run anywhere.
	Kind func(suite string) string
	// Known is what is known of earlier attempts of the workflow run, where another machine has read them; nil: they are read here.
	Known      *verdict.Earlier
	Quarantine policy.Quarantine
	// ChangedPaths are the files of the change under test, where they are known; they
	// help to tell a regression from a broken test.
	ChangedPaths []string
	Changes      Changes
	// Earlier are folders with documents of earlier attempts of this workflow run,
	// in addition to those below Root.
	Earlier []string
	// Unread are documents of this workflow run that are there and could not be fetched.
	Unread []Unread
	// Witnesses says how earlier attempts of this workflow run ended; it is asked about those
	// whose documents are missing. Nil: there is no one to ask.
	Witnesses func(ctx context.Context, attempts []int) []verdict.Witness
	// Problems were found before the session began.
	Problems []e2e.Problem
	// Hold: no process is started, since what to withhold from them is not known. A problem says why.
	Hold bool
	// Tracked asks which files of .e2e-gate/runs git tracks, by their names in it; nil: it tracks
	// none. Documents among them came with the checkout, and are not read; after an error none is.
	Tracked func(context.Context) (func(name string) bool, error)
	// PolicyDigest is that of the policy and quarantine that judge.
	PolicyDigest string
	// Listings is a folder of the user in which listings of suites are kept for the next run; empty: each is made anew,
	// as it must where others rely on the result.
	Listings string
	// Ports are those of background processes that asked for a free one; nil: none did.
	Ports    *runner.Reserved
	History  HistoryStore
	BaseEnv  []string
	Redact   *safetext.Redactor
	Progress Progress
	Version  string
	Now      func() time.Time
}

// Changes says of [Options.ChangedPaths] since when they are. Each field may be empty.
type Changes struct {
	// Base is the commit that they are compared with.
	Base string
	// Since says in words since when they changed, where that is not the base of the event; Unknown why they are not known.
	Since, Unknown string
}

// Unread is a document that a shard left in an attempt of the workflow run and that could not be fetched.
type Unread struct {
	// Shard is the name that it has in the plan.
	Shard   string
	Attempt int
	Text    string
}

// Session is one run of the gate. It holds what is fixed before the run begins; what
// happens is handed from stage to stage as values.
type Session struct {
	opts Options
	run  e2e.Run
	out  string
	// plan was made elsewhere, see [Session.Adopt]; nil: this run makes its own.
	plan *e2e.Plan

	// most is [MaxTests].
	most int
	// late is [Session.afterEnd], which tests replace.
	late func(context.Context) (context.Context, context.CancelFunc)

	// asked is the answer of [Options.Vouched]; nil: it was not asked.
	asked func() ([]history.Found, error)

	// ran are earlier runs against the target; nil: they were not asked for.
	ran []history.Ran

	mu sync.Mutex
	// written are the checksums of files of the run's folder, by name, as the gate wrote them.
	written map[string][sha256.Size]byte
	// origins are the documents that this run was made of, by the name that they are written under.
	origins map[string]origin
	// members are those of the merge group, once they were asked for.
	members []GroupMember
	// touchedSuites says of suites whether the change touches their files, by name.
	touchedSuites map[string]bool
	// places finds what has a file in its paths, once it was asked.
	places *places
	// past is the history, once it was read.
	past *history.Stats
	// pastUnread says what of it could not be read; empty: all was.
	pastUnread string
	// fileServices are services by a file that one of their paths has.
	fileServices map[string][]string
	// read are documents of other jobs and of earlier attempts that this run was made of.
	read []e2e.DocumentSum
}

// NewRunID makes the id of a run: e2e-<epoch ms>-<uuid>.
func NewRunID(now time.Time) string {
	return fmt.Sprintf("e2e-%d-%s", now.UnixMilli(), uuid.NewString())
}

// New prepares a session.
func New(opts Options) *Session {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	started := opts.Now().UTC()
	if opts.RunID == "" {
		opts.RunID = NewRunID(started)
	}
	out := opts.Out
	if out == "" {
		out = filepath.Join(opts.Root, workspace.Name, "runs", opts.RunID)
	}
	t := opts.Trigger
	subject := opts.Subject
	if subject == (e2e.Subject{}) {
		subject = e2e.Subject{Repository: t.Repository, SHA: t.SHA, Ref: t.Ref, Environment: t.Environment}
	}
	if opts.Tests.SHA != "" { // the result names both commits, and the branch of the tests is not the subject's
		opts.EventSHA, t.DefaultBranch = "", false
	}
	s := &Session{opts: opts, most: MaxTests, out: out, written: map[string][sha256.Size]byte{}, origins: map[string]origin{}, run: e2e.Run{
		ID: opts.RunID, Stage: opts.Stage.Name, Config: opts.ConfigFile, Target: opts.Stage.Target, Blocks: opts.Stage.Blocking(),
		Select: both(opts.Stage.Select, opts.Select), Service: opts.Service, Narrowed: opts.Narrow.asked(), Event: t.Event,
		Subject: subject, Named: opts.Subject != e2e.Subject{}, TestsRepository: opts.Tests.Repository, TestsSHA: opts.Tests.SHA,
		EventSHA: opts.EventSHA, DefaultBranch: t.DefaultBranch, PullRequest: t.PullRequest, MergeGroup: t.GroupedPRs,
		WorkflowRun: t.WorkflowRun, WorkflowAttempt: max(t.WorkflowAttempt, 1),
		Job: t.Job, Key: opts.Key, URL: t.URL, Forge: t.Forge, Version: opts.Version, Started: started,
	}}
	s.late = s.afterEnd
	return s
}

// both narrows one tag expression by another.
func both(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return "(" + a + ") and (" + b + ")"
}

// Out is the run's folder.
func (s *Session) Out() string { return s.out }

// reserve is the part of a stage's timeout that is kept for writing and reporting.
func reserve(timeout time.Duration) time.Duration {
	return min(max(timeout/10, time.Second), time.Minute, timeout/2)
}

// deadline bounds a context by the stage's timeout, less the reserve.
func (s *Session) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.opts.Stage.Timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, s.opts.Stage.Timeout-reserve(s.opts.Stage.Timeout), runner.ErrStageTimeout)
}
