package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/org/e2e-gate/internal/adapter/actions"
	"github.com/org/e2e-gate/internal/forge"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/trigger"
	"github.com/org/e2e-gate/internal/workspace"
)

// The history of the default branch lies in the cache, which may be evicted, and of two
// concurrent saves one is lost. So each run leaves its own records in an artifact as well,
// and a run whose cache is incomplete fetches them from there.

const (
	// maxRepairPages bounds how many pages of 100 are read of each list.
	maxRepairPages = 2
	// maxRepairs is how many artifacts are fetched: the number of runs that count for a test.
	maxRepairs = 20
	// maxRepair bounds one of them, in bytes: a run of 100,000 tests has two million.
	maxRepair = 8 << 20
	// repairTime is how long all of it may take.
	repairTime = 20 * time.Second
)

// historyArtifact names the artifact with a run's records. The name is the same in every
// run, because GitHub lists artifacts by name, and in every attempt: a later attempt
// overwrites it and includes what it held.
func historyArtifact(key string) string { return safetext.FileName(keyOrDefault(key)) + "-history" }

// keptHistory is the history of a run: its store, and how the Action keeps it.
type keptHistory struct {
	app *App
	// root is the repository's, key that of the call of the gate.
	root, key string
	// repository is that of what is judged.
	repository string
	trigger    trigger.Trigger
	store      history.Store
	address    history.Address
}

// log is the log in the store; backups are asked for what the store may have lost, nil for
// none.
func (h keptHistory) log(backups history.BackupSource) *history.Log {
	return &history.Log{Store: h.store, Copies: h.copies(), Backups: backups, Now: h.app.Now, Repository: h.repository}
}

// backups are those artifacts.
type backups struct {
	forge   forge.Backups
	name    string
	trigger trigger.Trigger
	console *report.Console
	budget  *forge.Budget
	// commits are those of trusted runs, as GitHub reports them.
	commits map[int64]string
}

// backups finds the artifacts that repair the history. It is nil where there are none:
// outside of GitHub, without a token, and with a store of one's own.
func (h keptHistory) backups(console *report.Console) history.BackupSource {
	if b, err := h.artifacts(console); err == nil {
		return b
	}
	return nil
}

// artifacts is [keptHistory.backups]; the error is why there are none.
func (h keptHistory) artifacts(console *report.Console) (*backups, error) {
	switch {
	case !actions.Detect(h.app.getenv):
		return nil, errors.New("only GitHub vouches for them, or a bucket that this job may not write")
	case h.address.Kind != history.KindActions:
		return nil, errors.New("history.store is not that of GitHub Actions, and the records of another may be forged")
	}
	c, err := h.app.openForge(h.trigger, repairTime)
	if err != nil {
		return nil, err // publishing reports this error too, if it was asked for
	}
	from, ok := c.(forge.Backups)
	switch {
	case c == nil:
		return nil, errors.New("that needs GITHUB_TOKEN in the environment, with actions: read")
	case !ok:
		return nil, errors.New("this forge cannot be asked for them")
	}
	return &backups{forge: from, name: historyArtifact(h.key), trigger: h.trigger, console: console, budget: h.app.budget}, nil
}

// Missing fetches the records of runs that the log does not know.
func (b *backups) Missing(ctx context.Context, known func(string) bool) []history.Found {
	ctx, cancel := context.WithTimeout(ctx, repairTime)
	defer cancel()
	list, err := b.listed(ctx, known)
	if scarce := b.budget.Scarce(); err == nil && len(list) > 0 && scarce != "" {
		err = errors.New(scarce)
	}
	if err != nil {
		b.noteUnrepaired(err.Error())
		return nil
	}
	found := b.fetch(ctx, list)
	if len(found) > 0 {
		b.console.Note(fmt.Sprintf("the history was incomplete: %d records of earlier runs were restored from their artifacts", len(found)))
	}
	return found
}

// listed lists the artifacts of trusted runs that are not known.
func (b *backups) listed(ctx context.Context, known func(string) bool) ([]forge.Artifact, error) {
	if t := b.trigger; t.MainBranch == "" || t.Workflow == "" {
		return nil, errors.New("trusted runs are unknown: the event names no default branch, or the running workflow lies in another repository; " +
			"name the workflow of the default branch in history.workflow")
	}
	list, err := b.behind(ctx, known)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return b.trusted(ctx, list)
}

// vouched reads the records of all trusted runs, whatever the store has: a job of a pull request could have written that.
func (b *backups) vouched(ctx context.Context) ([]history.Found, error) {
	ctx, cancel := context.WithTimeout(ctx, repairTime)
	defer cancel()
	if b.trigger.Branch != b.trigger.MainBranch {
		return nil, fmt.Errorf("the base %s is not the default branch, whose runs alone are vouched for", b.trigger.Branch)
	}
	list, err := b.listed(ctx, func(string) bool { return false })
	if err != nil {
		return nil, err
	}
	return b.fetch(ctx, list), nil
}

// vouching asks for the base's records: a store that this job may not write, else the forge. Its error says why neither can be asked.
func (h keptHistory) vouching(console *report.Console) func(context.Context) ([]history.Found, error) {
	if sealed, ok := h.store.(history.Sealed); ok {
		return func(ctx context.Context) ([]history.Found, error) {
			ctx, cancel := context.WithTimeout(ctx, repairTime)
			defer cancel()
			found, faults, err := history.FoundIn(ctx, sealed)
			if len(faults) > 0 {
				console.Note(fmt.Sprintf("%d records of the base could not be read, such as %s", len(faults), faults[0]))
			}
			return found, err
		}
	}
	b, err := h.artifacts(console)
	if err != nil {
		return func(context.Context) ([]history.Found, error) { return nil, err }
	}
	return b.vouched
}

func (b *backups) noteUnrepaired(why string) {
	b.console.Note("the history was not repaired from artifacts of earlier runs, so the plan knows less: " + why)
}

// behind lists the artifacts of runs that the log does not know, the newest first. It
// reads the next page only if it has too few runs yet.
func (b *backups) behind(ctx context.Context, known func(string) bool) ([]forge.Artifact, error) {
	var list []forge.Artifact
	for page, more, count := 1, true, 0; more && page <= maxRepairPages && count < maxRepairs; page++ {
		var found []forge.Artifact
		var err error
		if found, more, err = b.forge.ArtifactsNamed(ctx, b.name, page); err != nil {
			return nil, err
		}
		for _, a := range found {
			if !a.OwnHead || a.Branch != b.trigger.MainBranch {
				continue // of a fork, or of another branch
			}
			if count++; !known(strconv.FormatInt(a.Run, 10)) {
				list = append(list, a)
			}
		}
	}
	return list, nil
}

// trusted keeps the newest artifacts whose run, as GitHub reports it, is one of our
// workflow on the default branch, and was started by someone who may write to it. A pull
// request's run could have written anything, and its branch may have the same name. One
// list has a hundred runs; runs that are no longer in it do not count.
func (b *backups) trusted(ctx context.Context, list []forge.Artifact) ([]forge.Artifact, error) {
	t, runs := b.trigger, map[int64]bool{}
	b.commits = map[int64]string{}
	unknown := func(a forge.Artifact) bool { _, ok := runs[a.Run]; return !ok }
	for page, more := 1, true; more && page <= maxRepairPages && slices.ContainsFunc(list, unknown); page++ {
		var found []forge.WorkflowRun
		var err error
		if found, more, err = b.forge.WorkflowRuns(ctx, t.Workflow, t.MainBranch, page); err != nil {
			return nil, err
		}
		for _, r := range found {
			b.commits[r.ID] = r.SHA
			runs[r.ID] = slices.Contains([]string{"push", "schedule", "workflow_dispatch", "repository_dispatch"}, r.Event) &&
				r.Branch == t.MainBranch && r.Path == t.Workflow && strings.EqualFold(r.HeadRepository, t.Repository)
		}
	}
	all := len(list)
	if list = slices.DeleteFunc(list, func(a forge.Artifact) bool { return !runs[a.Run] }); len(list) < all {
		const left = "%d of %d are not from a push, schedule or dispatch of %s on %s, or are too old"
		b.noteUnrepaired(fmt.Sprintf(left, all-len(list), all, t.Workflow, t.MainBranch))
	}
	slices.SortFunc(list, func(a, b forge.Artifact) int { return cmp.Compare(b.ID, a.ID) })
	return list[:min(len(list), maxRepairs)], nil
}

// fetch reads the records from artifacts, and notes what could not be read.
func (b *backups) fetch(ctx context.Context, list []forge.Artifact) []history.Found {
	var (
		mu     sync.Mutex
		found  []history.Found
		faults []error
		group  errgroup.Group
	)
	group.SetLimit(atOnce)
	for _, a := range list {
		group.Go(func() error {
			files, err := b.forge.ReadArtifact(ctx, a, maxRepair, history.IsRecord)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				faults = append(faults, err)
			}
			for _, data := range files {
				found = append(found, history.Found{WorkflowRun: strconv.FormatInt(a.Run, 10), SHA: b.commits[a.Run], Data: data})
			}
			return nil // the others may still be readable
		})
	}
	_ = group.Wait()
	if len(faults) > 0 {
		b.noteUnrepaired(fmt.Sprintf("%d of %d could not be read, such as: %v", len(faults), len(list), faults[0]))
	}
	return found
}

// copies is the folder for what this run adds to the history; nil if it may not add
// anything.
func (h keptHistory) copies() history.Store {
	if !actions.Detect(h.app.getenv) || !h.cached() {
		return nil
	}
	return history.Dir{Path: h.copied(), Checkout: h.root}
}

func (h keptHistory) copied() string {
	name := fmt.Sprintf("%s-%s-%d", historyArtifact(h.key), safetext.FileName(h.trigger.WorkflowRun), h.trigger.WorkflowAttempt)
	return filepath.Join(h.root, workspace.Name, "kept", name)
}

// cached reports whether the Action saves the history in the cache. Only the default
// branch does, since no other branch sees the caches of a branch.
func (h keptHistory) cached() bool {
	return h.trigger.DefaultBranch && h.address.Kind == history.KindActions
}

// keep tells the later steps what to save of the history: the cache, and this run's
// records as an artifact.
func (h keptHistory) keep(ctx context.Context, runner stepRunner) {
	if !actions.Detect(h.app.getenv) || !h.cached() {
		return
	}
	if err := h.shrink(ctx); err != nil {
		runner.journal.Note(fmt.Sprintf("the history is not saved in the cache: %v", err))
	} else {
		runner.line("history", defaultHistory)
	}
	if entries, err := os.ReadDir(h.copied()); err != nil || len(entries) == 0 || !h.app.keepsBackups(h.trigger) {
		return // nothing was recorded, or no later run could find it
	}
	if err := h.bringAlong(ctx); err != nil {
		runner.journal.Note(fmt.Sprintf("this attempt's part of the history is kept only in the cache: %v", err))
		return
	}
	runner.line("history-folder", h.copied())
	runner.line("history-artifact", historyArtifact(h.key))
}

// shrink leaves a small snapshot where the Action's cache is saved from: a cache cannot be changed, so
// every run saves a new copy, and all of a repository share ten gigabytes.
func (h keptHistory) shrink(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, repairTime)
	defer cancel()
	return h.log(nil).Shrink(ctx, history.MaxCached)
}

// bringAlong fetches what earlier attempts uploaded under the name that this attempt
// overwrites.
func (h keptHistory) bringAlong(ctx context.Context) error {
	run, err := strconv.ParseInt(h.trigger.WorkflowRun, 10, 64)
	if h.trigger.WorkflowAttempt < 2 || err != nil {
		return nil
	}
	c, err := h.app.openForge(h.trigger, repairTime)
	if err == nil && c == nil {
		err = errors.New("what earlier attempts kept cannot be read without GITHUB_TOKEN")
	}
	if err != nil {
		return err
	}
	list, err := c.Artifacts(ctx, run)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(a forge.Artifact) bool { return a.Name == historyArtifact(h.key) })
	if i < 0 {
		return nil
	}
	return c.Extract(ctx, list[i], h.copied(), documents, history.IsRecord)
}
