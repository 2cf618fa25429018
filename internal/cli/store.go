package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/org/e2e-gate/internal/adapter/actions"
	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/gitrepo"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/history/s3store"
	"github.com/org/e2e-gate/internal/pipeline"
	"github.com/org/e2e-gate/internal/workspace"
)

// defaultHistory is where the Action restores the cache to.
const defaultHistory = ".e2e-gate/history"

// openStore opens the history store at an address; every command uses it. A store that
// cannot be opened is a usage error: records must not go to a folder that no later run reads.
func (a *App) openStore(root, text string) (history.Store, history.Address, error) {
	address, err := history.ParseAddress(text)
	if err != nil {
		return nil, address, usageError{err}
	}
	if address.Kind == history.KindS3 {
		store, err := s3store.New(text, a.getenv)
		if err != nil {
			return nil, address, usage("the history store %s cannot be opened: %w", address, err)
		}
		return store, address, nil
	}
	dir := defaultHistory
	if address.Kind == history.KindDir {
		dir = address.Path
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(root, filepath.FromSlash(dir))
	}
	return history.Dir{Path: dir, Checkout: root, Tracked: a.tracked(root, dir, "records")}, address, nil
}

// tracked asks git which files of a folder it tracks: what came with the checkout was written by
// whoever wrote the change. Where git cannot be asked, no file counts in CI; outside of it,
// where no change of another person is judged, all do.
func (a *App) tracked(root, dir, what string) func(context.Context) (func(string) bool, error) {
	return func(ctx context.Context) (func(string) bool, error) {
		comes, err := gitrepo.Checkout{Dir: root, Environ: a.Environ}.Tracked(ctx, dir)
		if err != nil && !actions.Detect(a.getenv) {
			_, _ = fmt.Fprintln(a.Stderr, safeLine(fmt.Sprintf("note: all %s in %s count: %v", what, dir, err)))
			return nil, nil
		}
		return comes, err
	}
}

// ownDocument refuses a document below .e2e-gate/runs that came with the checkout.
func (a *App) ownDocument(ctx context.Context, root, file string) error {
	runs := filepath.Join(root, workspace.Name, "runs")
	abs, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(runs, abs)
	if _, missing := os.Lstat(abs); err != nil || missing != nil || !filepath.IsLocal(rel) {
		return nil // where the user keeps documents is the user's choice
	}
	comes, err := a.tracked(root, runs, "documents")(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("%s is not read: %w", file, err)
	case comes != nil && comes(filepath.ToSlash(rel)):
		return usage("%s is not read: %s", file, pipeline.Tracked)
	}
	return nil
}

// storeAddress is the config's, as a run reads it; the default one without a config.
func (a *App) storeAddress(root, file string) (string, error) {
	cfg, err := config.Load(config.Options{Root: root, File: file, Uses: config.Sections{"history"}, Lookup: a.lookup})
	switch {
	case errors.Is(err, config.ErrNone):
		return "", nil
	case err != nil:
		return "", usageError{err}
	}
	return cfg.History.Store, nil
}

// resultStore is where a run leaves what it hands over: an address of [cluster.StoreOf].
func resultStore(address string, getenv func(string) string) (history.Store, error) {
	return s3store.New(address, getenv)
}
