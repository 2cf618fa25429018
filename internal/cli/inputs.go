package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gitrepo"
	"github.com/org/e2e-gate/internal/pipeline"
	"github.com/org/e2e-gate/internal/policy"
	"github.com/org/e2e-gate/internal/runner"
	"github.com/org/e2e-gate/internal/trigger"
	"github.com/org/e2e-gate/internal/workspace"
)

// inputs are the values of flags, environment, git and config.
type inputs struct {
	// root is the repository's.
	root    string
	trigger trigger.Trigger
	// subject is what is judged, where flag or environment say that it is not the checkout; else it is zero.
	subject e2e.Subject
	// named: the subject was named by its repository. elsewhere: it is not the event's commit.
	named, elsewhere bool
	// unseen: git does not tell which commit is checked out.
	unseen bool
	// onMain: the event is of the default branch, whatever is checked out.
	onMain bool
	// testsRepository and testsSHA are where the tests are from, where the subject is another commit than theirs.
	testsRepository, testsSHA string
	// eventSHA is the commit that the event names, if another one is checked out and judged.
	eventSHA string
	runID    string
	// key tells two calls of the gate in one workflow apart.
	key string
	// releaseAsked: a flag names the release.
	releaseAsked bool
	// changed are the files of the change under test, and changes says since when.
	changed []string
	changes pipeline.Changes
	config  *config.Config
	// own is the config as the checkout has it, whoever judges.
	own *config.Config
	// measured is what the change is measured against; nil: nothing.
	measured *pipeline.Baseline
	stage    config.Stage
	// ports are those of background processes that asked for a free one; nil: the command starts none.
	ports *runner.Reserved
	// service narrows the run; empty: it does not.
	service string
	// judging says whose config judges. What that decides is in config already.
	judging judging
	// storeAddress is where the history is kept; empty is the default, also for a command
	// that uses no history.
	storeAddress string
}

// resolve reads all inputs, so that mistakes are found before anything starts. A plan that
// another job made brings its run id.
func (a *App) resolve(ctx context.Context, f staged, uses config.Sections, runID string) (inputs, error) {
	in := inputs{trigger: trigger.Detect(a.getenv), runID: runID, key: f.Key, releaseAsked: f.Release != ""}
	var err error
	if in.root, err = a.root(); err != nil {
		return in, err
	}
	if _, err := config.ParseSelect(f.Select); err != nil {
		return in, usage("--select: %w", err)
	}
	if a.order != nil {
		return in, a.ordered(ctx, &in, f, uses)
	}
	work := gitrepo.Checkout{Dir: in.root, Environ: a.Environ}
	if err := a.refuseForeign(ctx, in.trigger, work); err != nil {
		return in, err
	}
	if in.subject, err = a.subject(f.Subject, in.trigger.Subject); err != nil {
		return in, err
	}
	event := in.trigger
	if a.dir == "" {
		event = ofRelease(ctx, ofRemote(ctx, in.trigger, work), f.Release, work)
		in.trigger, in.eventSHA = ofCheckout(ctx, event, work)
		in.changes.Base = changedSince(ctx, in.trigger, work)
		in.changed = work.Changed(ctx, in.changes.Base)
	}
	in.onMain, in.unseen = event.DefaultBranch, a.dir == "" && work.Head(ctx) == ""
	in.ofSubject(event)
	if in.runID == "" {
		in.runID = pipeline.NewRunID(a.Now())
	}
	if err := a.readConfig(ctx, &in, f, uses); err != nil {
		return in, usageError{err}
	}
	if !in.trigger.CI && (f.Affected || in.stage.Affected) {
		in.changedHere(ctx, work)
	}
	if slices.Contains(uses, "history") {
		in.storeAddress = in.config.History.Store // elsewhere its variables are not resolved
	}
	return in, nil
}

// ordered resolves the inputs of a pod: what the run is about, and who judges, it was told.
func (a *App) ordered(ctx context.Context, in *inputs, f staged, uses config.Sections) error {
	o := a.order
	in.trigger, in.subject, in.eventSHA = o.Trigger, o.Subject, o.EventSHA
	in.named, in.testsRepository, in.testsSHA = o.Named, o.TestsRepository, o.TestsSHA
	if err := a.readConfig(ctx, in, f, uses); err != nil {
		return usageError{err}
	}
	return nil
}

// changedHere finds what a working copy changes, as a pull request of it would: since it left the default branch, with what is not
// committed yet.
func (in *inputs) changedHere(ctx context.Context, work gitrepo.Checkout) {
	main := work.MainBranch(ctx)
	if main == "" {
		in.changes.Unknown = "this checkout does not know the default branch of origin: run git remote set-head origin --auto"
		return
	}
	base := work.MergeBase(ctx, in.trigger.SHA, work.Resolve(ctx, main))
	if base == "" {
		in.changes.Unknown = fmt.Sprintf("this checkout does not show where it left %s of origin: run git fetch origin", main)
		return
	}
	in.changes.Base = base
	files, known := work.ChangedHere(ctx, base)
	files = slices.DeleteFunc(files, func(name string) bool { return strings.HasPrefix(name, workspace.Name+"/") })
	switch {
	case !known:
		in.changes.Unknown = fmt.Sprintf("git does not tell all files that changed since %.10s, where this checkout left %s of origin", base, main)
	case len(files) == 0:
		in.changes.Unknown = fmt.Sprintf("no file has changed since %.10s, where this checkout left %s of origin", base, main)
	default:
		in.changed, in.changes.Since = files, fmt.Sprintf("since %.10s, where this checkout left %s of origin, with files that are not committed", base, main)
	}
}

// changedSince is the commit that the files of the change are those since. A push to another branch than the default one is a
// part of the branch's change only: what an earlier push changed is still to be tested. Empty: it is not known.
func changedSince(ctx context.Context, t trigger.Trigger, work gitrepo.Checkout) string {
	if t.Event != "push" || t.DefaultBranch {
		return t.BaseSHA
	}
	if t.MainBranch == "" {
		return ""
	}
	return work.Resolve(ctx, t.MainBranch)
}

// ofRelease makes the release that a flag names the one under test. Its commit is the one
// that is checked out, unless the event names a commit of its own.
func ofRelease(ctx context.Context, t trigger.Trigger, tag string, work gitrepo.Checkout) trigger.Trigger {
	if tag == "" || tag == t.Release {
		return t
	}
	t.Release = tag
	if t.PullRequest > 0 || t.Event == "merge_group" {
		return t
	}
	if head := work.Head(ctx); head != "" {
		t.SHA = head
	}
	return t
}

// readConfig reads the config twice: first for its stages, since ${E2E_STAGE} and
// ${E2E_TARGET} depend on the chosen one, then as a whole.
//
// What decides about a change comes from its base: see [App.whoJudges].
func (a *App) readConfig(ctx context.Context, in *inputs, f staged, uses config.Sections) error {
	opts := config.Options{Root: in.root, File: f.Config}
	peeked, err := config.Peek(opts)
	if mistakes := (diag.Errors{}); err != nil && !errors.As(err, &mistakes) {
		return err // Load reports all mistakes, including those that Peek does not look for
	}
	if err == nil {
		if in.judging, err = a.judgingOf(ctx, *in, peeked, f); err != nil {
			return err
		}
		peeked = in.judging.of(peeked, in.judging.config)
	}
	stage, stageErr := chooseStage(peeked, f.Stage, in.trigger)
	if slices.Contains(uses, "processes") && err == nil {
		// Those of other stages too: their variables stand in sections that every stage reads.
		if in.ports, err = runner.Reserve(in.root, peeked.Processes); err != nil {
			return err
		}
	}
	opts.Uses, opts.Lookup = uses, a.lookupOf(*in, stage)
	if in.config, err = config.Load(opts); err != nil {
		return err
	}
	in.own = in.config
	in.config = in.judging.organization.of(in.judging.of(in.own, in.judging.resolved(opts)).Overlay(stage.Name))
	in.measured = a.baseline(*in, opts, stage)
	in.stage, _ = in.config.Stage(stage.Name)
	if stageErr == nil && f.Service != "" && !in.config.HasService(f.Service) && !in.own.HasService(f.Service) {
		stageErr = fmt.Errorf("unknown service %s; %s", f.Service, cmp.Or(diag.Expected(f.Service, in.config.ServiceNames()),
			"neither services nor a suite nor a journey of the config names one"))
	}
	if stageErr == nil {
		in.service, stageErr = in.serviceOf(f.Service)
	}
	return stageErr
}

// judgingOf is whose config judges: what a pod was told, else what is found out.
func (a *App) judgingOf(ctx context.Context, in inputs, own *config.Config, f staged) (judging, error) {
	if a.order != nil {
		return a.order.Judge.judging()
	}
	return a.whoJudges(ctx, in, own, f.Config, f.Stage), nil
}

// serviceOf is the service whose tests run: the one that a flag names, else the one that is deployed from the subject's repository. A
// subject of another repository is refused: its commit would get a verdict that says nothing of it.
func (in inputs) serviceOf(asked string) (string, error) {
	if !in.named {
		return asked, nil
	}
	var deployed []string
	for _, s := range in.config.Services {
		own := strings.EqualFold(s.Repository, in.subject.Repository)
		switch {
		case own:
			deployed = append(deployed, s.Name)
		case s.Name == asked && s.Repository != "":
			return "", fmt.Errorf("service %s is deployed from the repository %s, and the subject is of %s", asked, s.Repository, in.subject.Repository)
		}
	}
	if asked == "" && len(deployed) == 1 {
		return deployed[0], nil
	}
	return asked, nil
}

// lookupOf resolves variables: the gate's own, then the environment.
func (a *App) lookupOf(in inputs, stage config.Stage) func(string) (string, bool) {
	own := map[string]string{"E2E_SHA": in.trigger.SHA, "E2E_RUN_ID": in.runID, "E2E_STAGE": stage.Name, "E2E_TARGET": stage.Target}
	if in.named {
		own["E2E_SHA"] = in.subject.SHA // never the commit of the tests
	}
	for _, p := range subjectParts {
		own[p.variable()] = *p.field(&in.subject)
	}
	maps.Copy(own, in.ports.Variables())
	return func(name string) (string, bool) {
		switch value := own[name]; {
		case value != "":
			return value, true
		case name == "E2E_SHA" && in.named: // another gate may have set it for the commit of its own
			return "", false
		}
		return a.lookup(name)
	}
}

// chooseStage returns the named stage, else the first that runs on the event, else
// outside CI the first.
func chooseStage(c *config.Config, name string, t trigger.Trigger) (config.Stage, error) {
	if name != "" {
		if st, ok := c.Stage(name); ok {
			return st, nil
		}
		var names []string
		for _, st := range c.Stages {
			names = append(names, st.Name)
		}
		return config.Stage{}, fmt.Errorf("unknown stage %s; %s", name, diag.Expected(name, names))
	}
	for _, st := range c.Stages {
		if !t.CI || t.Event == "" || runsOn(st, t) {
			return st, nil
		}
	}
	const none = "no stage runs on the event %s of branch %q; add the event to a stage's on:, or choose a stage with --stage"
	return config.Stage{}, fmt.Errorf(none, t.Event, t.Branch)
}

// runsOn reports whether a stage runs on an event.
func runsOn(st config.Stage, t trigger.Trigger) bool {
	if !slices.Contains(st.On, t.Event) || st.Cron != "" && t.Schedule != "" && st.Cron != t.Schedule {
		return false
	}
	return len(st.Branches) == 0 || onBranch(st.Branches, t.Branch)
}

// onBranch reports whether a branch is one that the globs name.
func onBranch(globs []string, branch string) bool {
	return slices.ContainsFunc(globs, func(glob string) bool {
		ok, err := doublestar.Match(glob, branch)
		return ok && err == nil
	})
}

// quarantine is that of the checkout.
func (in inputs) quarantine() (policy.Quarantine, error) {
	if in.config.Quarantine == "" {
		return nil, nil
	}
	return config.ReadQuarantine(in.root, filepath.Join(in.root, filepath.FromSlash(in.config.Quarantine)))
}

// suiteDir is a suite's directory from the repository root.
func (in inputs) suiteDir(name string) string {
	spec, _ := in.config.Suite(name)
	return filepath.ToSlash(spec.Dir)
}

// hasFile reports whether the checkout has a file, by its path from the repository root. Where
// there is no checkout, nothing is known against it.
func (in inputs) hasFile(file string) bool {
	if in.root == "" {
		return true
	}
	info, err := os.Stat(filepath.Join(in.root, filepath.FromSlash(file)))
	return err == nil && info.Mode().IsRegular()
}
