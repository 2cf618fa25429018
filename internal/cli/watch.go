package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/adapter/actions"
	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/forge"
	"github.com/org/e2e-gate/internal/pipeline"
	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/trigger"
	"github.com/org/e2e-gate/internal/workspace"
)

type watchCmd struct {
	Config  string        `help:"Config file in the repository, by its path from the root. Default: .github/e2e-gate.yml, then e2e-gate.yml." placeholder:"FILE"`
	Stage   string        `help:"Stage of the plan, if the workflow run has plans of several." placeholder:"NAME"`
	Key     string        `help:"Tells two calls of the gate in one workflow apart." placeholder:"KEY"`
	Timeout time.Duration `help:"How long to watch." default:"1h" placeholder:"D"`
}

// Help is shown by watch --help.
func (watchCmd) Help() string {
	return "Example: e2e-gate watch --timeout 30m\n" +
		"It runs in a job of GitHub Actions beside the shards, without a checkout, and reads the documents of shards that have ended. See docs/sharding.md.\n" +
		"It judges nothing, and the verdict replaces its status. It needs GITHUB_TOKEN with actions: read, contents: read and statuses: write.\n" +
		"Exit status: 0, whatever it finds; 2 usage error."
}

// Bounds of watching. A token has 1,000 requests an hour, which all workflows of a repository share.
const (
	watchPause    = 15 * time.Second
	maxWatchPause = time.Minute
	maxLooks      = 200
	maxWatched    = 150 // documents of shards
	watchTry      = 2 * time.Minute
	// maxStatusTries is how often the status is set where that fails.
	maxStatusTries = 3
)

// Run watches.
func (c watchCmd) Run(ctx context.Context, a *App) error {
	t := trigger.Detect(a.getenv)
	run, err := strconv.ParseInt(t.WorkflowRun, 10, 64)
	switch {
	case !actions.Detect(a.getenv) || err != nil:
		return usage("watch needs a job of GitHub Actions, beside those that run the shards")
	case c.Timeout <= 0:
		return usage("--timeout must be more than 0")
	}
	dir, err := os.MkdirTemp("", "e2e-gate-watch-*")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		// A symbolic link above it would look like one that leads out of it.
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err == nil {
		own := *a
		own.dir = dir
		w := &watcher{watchCmd: c, app: &own, trigger: t, run: run, end: a.Now().Add(c.Timeout)}
		err = w.watch(ctx)
	}
	if err != nil {
		a.tell("nothing is said early: " + err.Error())
	}
	return nil
}

// tell prints a line about the watching.
func (a *App) tell(text string) { _, _ = fmt.Fprintln(a.Stderr, safeLine(a.safe("watch: "+text))) }

// watcher looks for tests that fail for good while shards still run.
type watcher struct {
	watchCmd
	app     *App
	trigger trigger.Trigger
	run     int64
	end     time.Time
	forge   connection
	files   *remote
	// plan and session are there once the plan was found.
	plan    *e2e.Plan
	session *pipeline.Session
	// looks, watched and tries count what is bounded; said is the last fault.
	looks, watched, tries int
	said                  string
}

// watchedError ends the watching: the reason was said, or is the error's text.
type watchedError string

func (e watchedError) Error() string { return string(e) }

func (w *watcher) watch(ctx context.Context) error {
	if w.trigger.Fork || w.trigger.Dependabot {
		return errors.New("a run from a fork may not set a commit status")
	}
	var err error
	if w.forge, err = w.app.openForge(w.trigger, w.Timeout); err == nil && w.forge == nil {
		err = errNoToken
	}
	if err != nil {
		return err
	}
	w.files = &remote{app: w.app, forge: w.forge, run: w.run, key: w.Key, stage: w.Stage, attempt: w.trigger.WorkflowAttempt,
		dir: filepath.Join(w.app.dir, workspace.Name, "fetched", rand.Text()), fetched: map[string]error{}}
	pause := watchPause
	for {
		news, err := w.look(ctx)
		var over watchedError
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.As(err, &over):
			w.app.tell(over.Error())
			return nil
		case err != nil && err.Error() != w.said:
			w.said = err.Error()
			w.app.tell(w.said + "; it is tried again")
		}
		if pause = min(pause*5/4, maxWatchPause); news {
			pause = watchPause
		}
		if w.looks >= maxLooks || w.app.Now().Add(pause).After(w.end) {
			w.app.tell("it has looked for long enough; the verdict follows")
			return nil
		}
		if err := w.app.sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// look looks once. An [watchedError] ends the watching; any other error may pass.
func (w *watcher) look(ctx context.Context) (news bool, err error) {
	w.looks++
	ctx, cancel := context.WithTimeout(ctx, watchTry)
	defer cancel()
	if w.session == nil {
		if err := w.begin(ctx); err != nil {
			return false, err
		}
	} else if err := w.files.refresh(ctx); err != nil {
		return false, err
	}
	left := w.files.matching(func(u upload) bool { return u.kind == "shard" && u.attempt == w.trigger.WorkflowAttempt })
	scarce := w.app.budget.Scarce()
	switch {
	case scarce != "":
		return false, watchedError(scarce + "; the verdict follows")
	case w.files.missing(w.plan) == "":
		return false, watchedError("all shards have ended; the verdict follows")
	case len(left) == w.watched:
		return false, w.stillRunning(ctx)
	case steps(left) > maxWatched:
		return false, watchedError(fmt.Sprintf("more than %d documents of shards are not read; the verdict follows", maxWatched))
	}
	w.watched = len(left)
	failed, err := w.session.Final(ctx, w.files.fetch(ctx, left)...)
	if err != nil || len(failed) == 0 {
		return true, err
	}
	return true, w.set(ctx, failed)
}

// stillRunning ends the watching where no other job of the run is at work: a shard that was lost leaves
// nothing. It asks at every fourth look; where that cannot be asked, the timeout ends the watching.
func (w *watcher) stillRunning(ctx context.Context) error {
	asked, ok := w.forge.(forge.Attempts)
	if !ok || w.looks%4 != 0 {
		return nil
	}
	jobs, err := asked.Jobs(ctx, w.run, w.trigger.WorkflowAttempt)
	if err != nil {
		return err
	}
	open := 0
	for _, j := range jobs {
		if j.Conclusion == "" {
			open++
		}
	}
	if len(jobs) > 0 && open <= 1 { // this one
		return watchedError("no other job of the workflow run is at work")
	}
	return nil
}

// set sets the status.
func (w *watcher) set(ctx context.Context, failed []e2e.TestResult) error {
	page := w.forge.AttemptPage(w.trigger.URL, w.trigger.WorkflowAttempt)
	status := publish.EarlyStatus(w.plan.Run.Stage, w.Key, page, w.session.Shown(failed))
	out, err := w.forge.SetStatus(ctx, w.plan.Run.SHA, status)
	switch {
	case err != nil:
		if w.tries++; w.tries >= maxStatusTries {
			return watchedError(err.Error())
		}
		w.watched = 0 // the documents are looked at again
		return err
	case out.Action == publish.ReadOnly, out.Action == publish.Superseded:
		return watchedError(out.Note)
	}
	return watchedError(fmt.Sprintf("the commit status %s is failure: %s", status.Context, status.Description))
}

// begin reads the plan and finds who judges, through the API alone. What is not known says nothing early.
func (w *watcher) begin(ctx context.Context) error {
	file, err := w.files.plan(ctx)
	if err != nil {
		return err
	}
	plan, err := pipeline.ReadPlan(ctx, file, version())
	if err != nil {
		return watchedError("nothing is said early: " + err.Error())
	}
	w.app.boundMemory(len(plan.Tests))
	f := staged{Stage: plan.Run.Stage, Key: w.Key, Out: filepath.Join(w.app.dir, "out")}
	if w.Config != "" {
		if !filepath.IsLocal(filepath.FromSlash(w.Config)) {
			return watchedError("nothing is said early: --config is not a path in the repository")
		}
		f.Config = filepath.Join(w.app.dir, filepath.FromSlash(w.Config))
	}
	if err := w.configOf(ctx, cmp.Or(w.app.getenv("GITHUB_SHA"), w.trigger.SHA)); err != nil {
		return err
	}
	s, session, err := w.app.adopt(ctx, f, plan, watchSections, func(*setup) {})
	if s != nil {
		s.console.Done() // no test is shown
	}
	switch {
	case err != nil:
		return watchedError("nothing is said early: " + err.Error())
	case plan.Run.EventSHA != "" || plan.Run.SHA != w.trigger.SHA || plan.Run.Repository != w.trigger.Repository:
		return watchedError("nothing is said early: the plan is for another commit than the event's")
	case s.judging.By == e2e.JudgedByNothing:
		return watchedError("nothing is said early: " + s.judging.problems[0].Text)
	case s.judging.ask != nil && len(s.judging.Changes) > 0:
		return watchedError("nothing is said early: the change alters what judges it, and may be approved until the verdict")
	case !s.stage.Blocking():
		return watchedError("the stage does not block")
	}
	w.plan, w.session = plan, session
	return nil
}

// watchSections are those of the config that decide whether a failure blocks.
var watchSections = config.Sections{"stages", "exonerate", "policy", "quarantine"}

// configOf writes the config of a commit, and its quarantine, to the folder that stands for the checkout.
func (w *watcher) configOf(ctx context.Context, sha string) error {
	places := slices.Clone(config.DefaultFiles)
	if w.Config != "" {
		places = []string{filepath.ToSlash(filepath.Clean(filepath.FromSlash(w.Config)))}
	}
	for _, place := range places {
		text, found, err := w.forge.File(ctx, sha, place)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		if err := w.write(place, text); err != nil {
			return err
		}
		peeked, err := config.PeekBytes(place, text)
		if err != nil || peeked.Quarantine == "" || !filepath.IsLocal(filepath.FromSlash(peeked.Quarantine)) {
			return nil //nolint:nilerr // adopt reports the mistakes
		}
		text, found, err = w.forge.File(ctx, sha, filepath.ToSlash(filepath.Clean(filepath.FromSlash(peeked.Quarantine))))
		if err != nil || !found {
			return err
		}
		return w.write(peeked.Quarantine, text)
	}
	return watchedError(fmt.Sprintf("nothing is said early: commit %.10s has no config at %s", sha, strings.Join(places, ", ")))
}

func (w *watcher) write(name string, text []byte) error {
	file := filepath.Join(w.app.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}
