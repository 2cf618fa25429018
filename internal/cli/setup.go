package cli

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"

	"github.com/org/e2e-gate/internal/adapter/actions"
	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/forge"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/pipeline"
	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/scaffold"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/trigger"
	"github.com/org/e2e-gate/internal/verdict"
	"github.com/org/e2e-gate/internal/workspace"
	"github.com/org/e2e-gate/shards"
)

// setup is what a command works with: its inputs, and everything opened from them.
type setup struct {
	inputs
	masking
	app     *App
	console *report.Console
	// journal records what could not be published.
	journal *publish.Journal
	// forge is opened when it is needed.
	forge connection
	// there is the repository of a subject that is elsewhere, opened when it is needed.
	there connection
	// place is the one that --publish names; nil: the forge.
	place publish.Place
	// publisher is there once there is a session.
	publisher *publish.Publisher
	past      keptHistory
	// earlier are folders with documents of earlier attempts, unread those documents that
	// are there and could not be fetched.
	earlier []string
	unread  []pipeline.Unread
	// found are problems that the command found before the session.
	found []e2e.Problem
	// jobs are those before this one in the workflow.
	jobs []verdict.Job
	// narrow says which tests the run is narrowed to.
	narrow pipeline.Narrow
	// noRerun: failed tests get no diagnostic rerun.
	noRerun bool
	// places is how many shards run at one time; 0: all. pods: they run in pods of a cluster.
	places int
	pods   bool
	// kind is the kind of machine that a suite needs; nil: all run anywhere.
	kind func(suite string) string
	// known is what is known of earlier attempts, where another machine has read them; nil: it is read here.
	known *verdict.Earlier
	// exonerates: the command judges the whole stage, so a failure may be compared with the base.
	exonerates bool
	// posting: the verdict is to be posted or signed.
	posting bool
	// part is what results are of, if not of the whole stage; see [report.FinalOptions].
	part string
	// policyDigest is that of the policy and quarantine that judge.
	policyDigest string
}

// newSetup is a setup without a config.
func (a *App) newSetup(t trigger.Trigger) *setup {
	return &setup{app: a, inputs: inputs{trigger: t}, journal: publish.NewJournal(a.Stderr)}
}

// begin prepares a command that starts its own run and does not plan.
func (a *App) begin(ctx context.Context, f staged, uses config.Sections) (*setup, *pipeline.Session, error) {
	s, err := a.prepare(ctx, f, uses, "")
	if err != nil {
		return nil, nil, err
	}
	session, err := s.session(ctx, f, false, true, nil)
	return s, session, err
}

// prepare resolves the inputs and opens everything that each run needs.
func (a *App) prepare(ctx context.Context, f staged, uses config.Sections, runID string) (*setup, error) {
	in, err := a.resolve(ctx, f, uses, runID)
	if err != nil {
		return nil, err
	}
	s := &setup{app: a, inputs: in, journal: publish.NewJournal(a.Stderr)}
	store, address, err := a.openStore(s.root, s.storeAddress)
	if err != nil {
		return nil, err
	}
	vouching := s.trigger
	vouching.Workflow = cmp.Or(s.config.History.Workflow, vouching.Workflow)
	// Merged tests of another repository than the event's may add to the history of what they judged.
	vouching.DefaultBranch = vouching.DefaultBranch || s.named && s.onMain && s.judging.By == e2e.JudgedByCommit
	s.past = keptHistory{a, s.root, s.key, cmp.Or(s.trigger.Repository, s.subject.Repository), vouching, store, address}
	s.masking = a.mask(ctx, in)
	s.runner().mask(s.masked())
	s.console = a.console(s.redact)
	if runID == "" { // a plan from another job brings its run id
		s.nameGroup(ctx)
	}
	for _, note := range s.trigger.Notes {
		s.console.Note(note)
	}
	return s, nil
}

// connect opens the forge once, because it counts the time of all calls of a run.
func (s *setup) connect() (connection, error) {
	if s.forge != nil {
		return s.forge, nil
	}
	c, err := s.app.openForge(s.trigger, publishTime)
	if err == nil && c == nil {
		err = errNoToken
	}
	if err != nil {
		return nil, err
	}
	s.forge = c
	return c, nil
}

// posts connects to where the verdict is posted: the forge of the event, or the repository of a subject that is elsewhere, by a token
// of its own.
func (s *setup) posts() (connection, error) {
	if !s.foreign() {
		return s.connect()
	}
	if s.there == nil {
		c, err := s.app.openSubject(s.posted(), publishTime)
		if err != nil {
			return nil, err
		}
		s.there = c
	}
	return s.there, nil
}

// tests is where the tests are from, where the subject is another commit.
func (s *setup) tests() e2e.Subject {
	return e2e.Subject{Repository: s.testsRepository, SHA: s.testsSHA}
}

// childEnv is what child processes may inherit.
func (s *setup) childEnv() []string {
	env := append(slices.Clip(s.app.Environ), subjectEnv(s.subject)...)
	for name, value := range s.ports.Variables() {
		env = append(env, name+"="+value)
	}
	return env
}

// nameGroup asks the merge queue which pull requests the group holds, since its ref names
// only the last one. It asks at the start, because earlier ones may have merged by the
// end. If the queue does not answer, the run notes that and goes on.
func (s *setup) nameGroup(ctx context.Context) {
	if s.trigger.Event != "merge_group" {
		return
	}
	c, err := s.connect()
	if err != nil {
		return
	}
	queue, ok := c.(forge.MergeQueue)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, publish.PreRunTimeout)
	defer cancel()
	list, err := queue.QueuedPRs(ctx, s.trigger.Branch, s.trigger.SHA)
	switch {
	case err != nil:
		s.trigger.Notes = append(s.trigger.Notes, "only the last pull request of the merge group is known: "+err.Error())
	case len(list) > 0:
		s.trigger.GroupedPRs = list
	}
}

// session wires a session and its publisher. Backups restore what the history's store may
// have lost; nil means that there are none.
func (s *setup) session(ctx context.Context, f staged, matrix, oneMachine bool, backups history.BackupSource) (*pipeline.Session, error) {
	count, err := shardCount(f.Shards)
	if err != nil {
		return nil, err
	}
	quarantine, err := s.judging.quarantineOf(s.inputs)
	if err != nil {
		return nil, usageError{err}
	}
	for _, note := range s.judging.notes {
		s.console.Note(note)
	}
	problems := slices.Concat(s.judging.problems, s.found)
	if s.wrong() && s.posting {
		problems = append(problems, s.wrongCommit())
	}
	s.policyDigest = policyDigest(s.config.Policy, quarantine)
	cfg := s.config.For(s.stage.Name)
	if f.Shards == "auto" {
		cfg.Shards.Count = 0
	}
	if err := s.limitShards(cfg, count, matrix); err != nil {
		return nil, err
	}
	var vouched func(context.Context) ([]history.Found, error)
	var grouped func(context.Context, []int) []pipeline.GroupMember
	if s.exonerates {
		grouped = s.grouped
		if _, sealed := s.past.store.(history.Sealed); sealed || actions.Detect(s.app.getenv) || cfg.Exonerate.Probe {
			vouched = s.past.vouching(s.console)
		}
	}
	session := pipeline.New(pipeline.Options{
		Root: s.root, Out: f.Out, Config: cfg, ConfigFile: ownConfig(s.root, f.Config), Missing: s.missing, Stage: s.stage, Trigger: s.trigger,
		Jobs: s.jobs, Subject: s.subject, Tests: s.tests(), EventSHA: s.eventSHA, RunID: s.runID, Key: f.Key,
		Select: f.Select, Service: s.service, Affected: f.Affected, Narrow: s.narrow, NoRerun: s.noRerun,
		Shards: count, Matrix: matrix, OneMachine: oneMachine, Places: s.places, Kind: s.kind, Known: s.known, Quarantine: quarantine, Earlier: s.earlier,
		ChangedPaths: s.changed, Changes: s.changes,
		Judging: &s.judging.Judging, Baseline: s.measured, Approve: s.judging.asking(), Vouched: vouched, Grouped: grouped,
		Unread: s.unread, Witnesses: s.witnesses, Problems: problems, Hold: s.judging.hold, PolicyDigest: s.policyDigest,
		Tracked:  s.app.tracked(s.root, filepath.Join(s.root, workspace.Name, "runs"), "documents"),
		Listings: s.listings(), History: s.past.log(backups), Ports: s.ports, BaseEnv: s.childEnv(),
		Redact: s.redact, Progress: s.console, Version: version(), Now: s.app.Now,
	})
	s.publishFrom(session.Out(), s.config.Owners)
	return session, nil
}

// limitShards refuses more shards than there can be where they are to run: count are asked for, 0 as the config says. What the gate may
// choose is bounded likewise.
func (s *setup) limitShards(cfg *config.Config, count int, matrix bool) error {
	if s.pods {
		return nil
	}
	cfg.Shards.Max = min(cfg.Shards.Max, shards.MaxMatrix)
	asked, from := count, "--shards"
	if asked == 0 {
		asked, from = int(cfg.Shards.Count), "shards.count"
	}
	if asked <= shards.MaxMatrix {
		return nil
	}
	why := "one machine runs at most %d shards"
	if matrix {
		why = "a GitHub matrix has at most %d jobs"
	}
	return usage("%s: %d shards are too many: "+why+"; ask for fewer with --shards, or run them in pods of a cluster with run --executor kubernetes",
		from, asked, shards.MaxMatrix)
}

// listings is where a developer's machine keeps listings. In CI there is none: a listing that is out of date would
// leave a test out, and others rely on the verdict.
func (s *setup) listings() string {
	if s.trigger.CI || trigger.InCI(s.app.getenv) {
		return ""
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(base, "e2e-gate")
}

// missing says what a suite lacks on this machine, in a few words, with the command that installs it.
func (s *setup) missing(spec suite.Spec) string {
	found := suite.Detected{Spec: spec}
	tree := suite.ReadTree(s.root, filepath.ToSlash(filepath.Join(".", filepath.FromSlash(spec.Dir))))
	return scaffold.Make(tree, []suite.Detected{found}).Missing(s.root, found, installed)
}

// ownConfig is a config's path in the repository; empty for one at a default place, or elsewhere.
func ownConfig(root, file string) string {
	if file == "" {
		return ""
	}
	rel, err := filepath.Rel(root, file)
	if rel = filepath.ToSlash(rel); err != nil || !filepath.IsLocal(rel) || slices.Contains(config.DefaultFiles, rel) {
		return ""
	}
	return rel
}

// publishFrom makes the publisher of a run whose documents lie in a folder.
func (s *setup) publishFrom(out string, owners map[string]string) {
	s.publisher = publish.New(publish.Options{
		Open: s.whereToPublish, Journal: s.journal,
		Trigger: s.posted(), Elsewhere: s.elsewhere, Stage: s.stage.Name, Key: s.key, ReleaseAsked: s.releaseAsked,
		Owners: owners, SuiteDir: s.suiteDir, HasFile: s.hasFile, Shown: s.forPeople, Out: out,
	})
}

// whereToPublish is the place of the run.
func (s *setup) whereToPublish() (publish.Place, error) {
	if s.place != nil {
		return s.place, nil
	}
	return s.posts()
}

// announce says at the place that the run starts.
func (s *setup) announce(ctx context.Context, w publish.Wanted) {
	if s.wrong() {
		return // nothing is said about a commit that is not tested
	}
	if p := (published{Comment: w.Comment, Deployment: w.Deployment}); s.app.refusePosting(s.inputs, p) != nil {
		return // nor will be
	}
	if s.publisher.Start(ctx, w) {
		s.console.Note("the pull request's comment is about an older commit, and says so until this run ends")
	}
}
