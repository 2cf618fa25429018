package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/depgraph"
	"github.com/org/e2e-gate/internal/gitrepo"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/safetext"
)

// everythingName is what affected.command prints where everything is affected.
const everythingName = "*"

// Bounds of affected.command.
const (
	affectedTime  = 5 * time.Minute
	affectedBytes = 4 << 20 // of its output
)

// change is a list of changed files, with the commit that they are compared with, where it is known.
type change struct {
	files []string
	base  string
}

// beyondPaths reads the links and the graphs, and runs the command that the config names.
func (s *Session) beyondPaths(ctx context.Context, of change) (more beyond, err error) {
	cfg := s.opts.Config.Affected
	if more.links, err = s.readLinks(ctx, of.files); err != nil {
		return more, err
	}
	if len(cfg.Graph) > 0 {
		if more.graph, err = s.readGraph(ctx, of.files); err != nil {
			return more, fmt.Errorf("the graph %s cannot be read: %w", strings.Join(cfg.Graph, ", "), err)
		}
	}
	if len(cfg.Command) > 0 {
		more.command = true
		if more.names, err = s.affectedNames(ctx, of); err != nil {
			return more, fmt.Errorf("affected.command says nothing: %w", err)
		}
	}
	return more, nil
}

// readLinks reads where the links of the checkout lead.
func (s *Session) readLinks(ctx context.Context, changed []string) (map[string]string, error) {
	linked, err := gitrepo.Checkout{Dir: s.opts.Root, Environ: s.opts.BaseEnv}.Links(ctx)
	if err != nil {
		return nil, errors.New("git does not list the links of the checkout")
	}
	top, err := filepath.EvalSymlinks(s.opts.Root)
	if err != nil {
		return nil, err
	}
	links := map[string]string{}
	for _, name := range append(linked, changed...) { // some may not be known to git yet; what is no link leads to itself
		if to, err := filepath.EvalSymlinks(filepath.Join(top, filepath.FromSlash(name))); err == nil {
			if rel, err := filepath.Rel(top, to); err == nil && filepath.IsLocal(rel) && filepath.ToSlash(rel) != name {
				links[filepath.ToSlash(rel)] = name
			}
		}
	}
	return links, nil
}

// readGraph reads the graphs of the tree that is checked out.
func (s *Session) readGraph(ctx context.Context, changed []string) (*depgraph.Graph, error) {
	files := gitrepo.Checkout{Dir: s.opts.Root, Environ: s.opts.BaseEnv}.Files(ctx)
	if len(files) == 0 {
		return nil, errors.New("git does not list the files of the checkout")
	}
	files = append(files, changed...) // some may not be known to git yet, and others gone
	slices.Sort(files)
	files = slices.DeleteFunc(slices.Compact(files), func(name string) bool { return matches(s.opts.Config.Affected.Ignore, name) })
	root, err := os.OpenRoot(s.opts.Root) // no link leads out of it
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	return depgraph.Read(root.FS(), files, s.opts.Config.Affected.Graph)
}

// affectedNames are the names that the command prints.
func (s *Session) affectedNames(ctx context.Context, of change) (names []string, err error) {
	if s.opts.Hold {
		return nil, errors.New("no process is started in this run")
	}
	for _, name := range of.files {
		if strings.ContainsAny(name, "\n\r") {
			return nil, fmt.Errorf("the name of a changed file has a line break: %q", name)
		}
	}
	list, err := os.CreateTemp("", "e2e-gate-changed-*.txt")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(list.Name()) }()
	_, err = list.WriteString(strings.Join(of.files, "\n") + "\n")
	if err = errors.Join(err, list.Close()); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, affectedTime)
	defer cancel()
	var out limited
	exit := proc.Run(ctx, proc.Spec{Argv: s.opts.Config.Affected.Command, Dir: s.opts.Root, Stdout: &out,
		Env: s.childEnv(map[string]string{"E2E_CHANGED_FILES": list.Name(), "E2E_BASE_SHA": of.base}, nil)})
	switch {
	case !exit.OK():
		said := strings.ReplaceAll(strings.TrimSpace(exit.Tail), "\n", " | ")
		return nil, fmt.Errorf("%s; end of its output: %s", exit, cmp.Or(safetext.Line(said, 300), "nothing"))
	case out.over:
		return nil, fmt.Errorf("it printed more than %s", safetext.Size(affectedBytes))
	}
	for line := range strings.Lines(string(out.text)) {
		if line = strings.TrimSpace(line); line != "" {
			names = append(names, line)
		}
	}
	return names, nil
}

// limited keeps the start of what is written to it.
type limited struct {
	text []byte
	over bool
}

func (l *limited) Write(p []byte) (int, error) {
	if room := affectedBytes - len(l.text); len(p) > room {
		l.text, l.over = append(l.text, p[:room]...), true
	} else {
		l.text = append(l.text, p...)
	}
	return len(p), nil
}
