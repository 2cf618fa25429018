package adapter

import (
	"context"
	_ "embed"
	"os"
	"path/filepath"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite/adapter/listing"
)

// watchFile is loaded into each process of Node while tests are listed, and says what the suite's code
// reads outside of the repository, and whether it asks anything but files.
const watchFile = "e2e-gate-watch.cjs"

//go:embed e2e-gate-watch.cjs
var watchSource []byte

// kept is where the listing of the suite is kept; nil: nowhere.
func (r *reporting) kept(ctx context.Context, l Launch, env []string) *listing.Kept {
	root, err := filepath.Abs(r.root)
	if err != nil {
		return nil
	}
	args, err := r.how.Arguments(l) // with those of files that the suite's arguments name
	if err != nil {
		return nil
	}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], l.Reporter, "") // which has another name each time
	}
	return listing.Of(ctx, listing.Suite{
		Root: root, Dir: l.Dir, Name: r.spec.Name, Settings: r.spec, Argv: r.start(), Args: args, Interpreter: r.how.Interpreter, Env: env,
	})
}

// watch is the environment in which a listing says what it is made of.
func (r *reporting) watch(l Launch, env []string) ([]string, error) {
	root, err := filepath.Abs(r.root)
	if err != nil {
		return nil, err
	}
	set := []string{"E2E_GATE_WATCH=" + root}
	if r.how.Interpreter != "node" {
		return set, nil
	}
	file := l.File(watchFile)
	if err := os.WriteFile(file, watchSource, 0o600); err != nil {
		return nil, err
	}
	return append(set, Preload(file, env)), nil
}

// keep keeps a listing that was complete, if it is known what it was made of.
func (r *reporting) keep(kept *listing.Kept, l Launch, tests []e2e.Test) {
	if kept == nil {
		return
	}
	root, err := filepath.Abs(r.root)
	if err != nil {
		return
	}
	for _, t := range tests {
		if !listing.Inside(root, filepath.Join(l.Dir, filepath.FromSlash(t.File))) {
			return // the file may import others out there
		}
	}
	var reads []string
	watched, asked := false, false
	damaged, err := ReadEvents(l.events(), func(ev Event) {
		switch ev.Event {
		case "watched":
			watched = true
		case "asked":
			asked = true
		case "read":
			reads = append(reads, ev.File)
		}
	})
	if err != nil || damaged != "" || !watched || asked {
		return
	}
	if lines, err := os.ReadFile(l.events()); err == nil {
		kept.Keep(lines, reads)
	}
}
