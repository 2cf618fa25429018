package listing_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/suite/adapter/listing"
)

// world is a repository with a cache beside it.
type world struct {
	t     *testing.T
	top   string
	suite listing.Suite
	cache listing.Cache
	now   time.Time
	told  int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("no listing is kept where the system does not say when a file changed")
	}
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, top: top, now: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)}
	for _, name := range []string{"bin/pytest", "bin/node", "bin/make", "repo/e2e/a.test.js", "repo/data/cases.json", "repo/.gitignore",
		"repo/node_modules/lib/index.js", "repo/node_modules/.cache/x", "repo/.venv/lib/b.py", "repo/.git/HEAD", "repo/.git/index",
		"repo/e2e/__pycache__/a.pyc", "outside/cases.json", "outside/more/c.json", "packages/lib/index.js"} {
		w.write(name, name)
	}
	if err := os.Symlink(filepath.Join(top, "outside", "cases.json"), w.path("repo/link.json")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(top, "packages", "lib"), w.path("repo/node_modules/linked")); err != nil {
		t.Fatal(err)
	}
	w.suite = listing.Suite{Root: w.path("repo"), Dir: w.path("repo/e2e"), Name: "s", Settings: map[string]string{"owner": "me"}, Argv: []string{"pytest"},
		Interpreter: "node", Env: []string{"E2E_RUN_ID=1", "PATH=" + w.path("bin"), "A=1"}}
	w.cache = listing.Cache{Dir: w.path("cache"), Except: []string{w.path("repo/out")}, Now: func() time.Time { return w.now },
		Told: func(string, time.Time) { w.told++ }}
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.top, filepath.FromSlash(name)) }

// write writes a file that was old when anything else began.
func (w *world) write(name, text string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(w.path(name)), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.path(name), []byte(text), 0o755); err != nil {
		w.t.Fatal(err)
	}
	old := time.Date(1985, 10, 26, 8, 15, 0, 0, time.UTC) // as npm has it
	if err := os.Chtimes(w.path(name), old, old); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) of() *listing.Kept {
	return listing.Of(listing.With(context.Background(), w.cache), w.suite)
}

const events = `{"event":"listed","id":"a"}` + "\n" + `{"event":"end"}` + "\n"

func (w *world) keep() {
	w.of().Keep([]byte(events), []string{w.path("outside/cases.json"), w.path("outside/more"), w.path("outside/none")})
}

func (w *world) has() bool {
	w.t.Helper()
	lines, ok := w.of().Lines()
	if ok && !strings.HasSuffix(string(lines), "\n"+events) {
		w.t.Errorf("another listing: %s", lines)
	}
	return ok
}

// A listing counts until anything changes that it may have been made of.
func TestWhatEndsAListing(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(w *world)
		counts bool
	}{
		"nothing":                        {func(*world) {}, true},
		"another run":                    {func(w *world) { w.suite.Env[0] = "E2E_RUN_ID=2" }, true},
		"another link to the repository": {func(w *world) { w.relink() }, true},
		"what a tool writes":             {func(w *world) { w.write("repo/e2e/__pycache__/a.pyc", "x") }, true},
		"what a bundler writes":          {func(w *world) { w.write("repo/node_modules/.cache/x", "y") }, true},
		"what the gate writes":           {func(w *world) { w.write("repo/.e2e-gate/runs/1/result.json", "{}") }, true},
		"the folder of the run":          {func(w *world) { w.write("repo/out/plan.json", "{}") }, true},
		"git's index":                    {func(w *world) { w.write("repo/.git/index", "x") }, true},
		"the branch":                     {func(w *world) { w.write("repo/.git/HEAD", "x") }, false},
		"a test file":                    {func(w *world) { w.write("repo/e2e/a.test.js", "changed") }, false},
		"a test file of the same size":   {func(w *world) { w.write("repo/e2e/a.test.js", "repo/e2e/b.test.js") }, false},
		"a new test file":                {func(w *world) { w.write("repo/e2e/b.test.js", "") }, false},
		"a new empty folder":             {func(w *world) { w.mkdir("repo/e2e/b") }, false},
		"a renamed file":                 {func(w *world) { w.rename("repo/e2e/a.test.js", "repo/e2e/c.test.js") }, false},
		"data beside the suite":          {func(w *world) { w.write("repo/data/cases.json", "[1]") }, false},
		"a file that git ignores":        {func(w *world) { w.write("repo/.env", "A=1") }, false},
		"a package, by size":             {func(w *world) { w.write("repo/node_modules/lib/index.js", "") }, false},
		"a package, with size and time":  {func(w *world) { w.write("repo/node_modules/lib/index.js", "REPO/node_modules/lib/index.js") }, false},
		"a package of Python":            {func(w *world) { w.write("repo/.venv/lib/b.py", "REPO/.venv/lib/b.py") }, false},
		"a linked package":               {func(w *world) { w.write("packages/lib/index.js", "PACKAGES/lib/index.js") }, false},
		"a file that a link leads to":    {func(w *world) { w.write("outside/cases.json", "[]") }, false},
		"a folder that was read":         {func(w *world) { w.write("outside/more/d.json", "[]") }, false},
		"a file that was missing":        {func(w *world) { w.write("outside/none", "[]") }, false},
		"a config above the repository":  {func(w *world) { w.write("pytest.ini", "[pytest]") }, false},
		"packages above the repository":  {func(w *world) { w.mkdir("node_modules") }, false},
		"the program":                    {func(w *world) { w.write("bin/pytest", "BIN/pytest") }, false},
		"its interpreter":                {func(w *world) { w.write("bin/node", "BIN/node") }, false},
		"another program, earlier in PATH": {func(w *world) {
			w.write("other/pytest", "")
			w.suite.Env[1] = "PATH=" + w.path("other") + ":" + w.path("bin")
		}, false},
		"a variable":                      {func(w *world) { w.suite.Env[2] = "A=2" }, false},
		"one more variable":               {func(w *world) { w.suite.Env = append(w.suite.Env, "B=1") }, false},
		"a setting":                       {func(w *world) { w.suite.Settings = map[string]string{"owner": "you"} }, false},
		"the folder of the suite":         {func(w *world) { w.suite.Dir = w.path("repo/data") }, false},
		"a file that an argument names":   {func(w *world) { w.suite.Args = []string{"--config=../../outside/more/c.json"} }, false},
		"a folder that an argument names": {func(w *world) { w.suite.Args = []string{w.path("outside")} }, false},
		"most of an hour":                 {func(w *world) { w.now = w.now.Add(59 * time.Minute) }, true},
		"more than an hour":               {func(w *world) { w.now = w.now.Add(61 * time.Minute) }, false},
		"the day":                         {func(w *world) { w.now = w.now.Add(12 * time.Hour) }, false},
		"a clock that went back":          {func(w *world) { w.now = w.now.Add(-time.Second) }, false},
		"an unknown program":              {func(w *world) { w.suite.Argv = []string{"make", "list"} }, false},
		"a shim":                          {func(w *world) { w.shim() }, false},
		"a folder out there":              {func(w *world) { w.symlink("outside", "repo/e2e/shared") }, false},
		"a link to what is not looked at": {func(w *world) { w.symlink("repo/.git", "repo/e2e/shared") }, false},
		"a damaged listing":               {func(w *world) { w.damage() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.keep()
			if !w.has() {
				t.Fatal("it was not kept")
			}
			told := w.told
			if tc.change(w); w.has() != tc.counts {
				t.Errorf("it counts: %t", !tc.counts)
			}
			if (w.told > told) != tc.counts {
				t.Error("what is told is something else")
			}
		})
	}
}

func (w *world) mkdir(name string) {
	w.t.Helper()
	if err := os.MkdirAll(w.path(name), 0o755); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) rename(from, to string) {
	w.t.Helper()
	if err := os.Rename(w.path(from), w.path(to)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) symlink(to, at string) {
	w.t.Helper()
	if err := os.Symlink(w.path(to), w.path(at)); err != nil {
		w.t.Fatal(err)
	}
}

// relink names the repository by a link. What is kept belongs to a name.
func (w *world) relink() {
	w.symlink("repo", "again")
	w.suite.Root, w.suite.Dir, w.cache.Except = w.path("again"), w.path("again/e2e"), []string{w.path("again/out")}
}

func (w *world) shim() {
	w.write("shims/pytest", "")
	w.suite.Env[1] = "PATH=" + w.path("shims") + ":" + w.path("bin")
}

func (w *world) damage() {
	w.t.Helper()
	files, err := filepath.Glob(w.path("cache/*"))
	if err != nil || len(files) != 1 {
		w.t.Fatal(files, err)
	}
	data, err := os.ReadFile(files[0])
	if err == nil {
		err = os.WriteFile(files[0], []byte(strings.Replace(string(data), `"id":"a"`, `"id":"b"`, 1)), 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// What the framework saw is not known if something changed while it listed.
func TestChangedMeanwhile(t *testing.T) {
	for name, change := range map[string]func(w *world){
		"a file of the repository": func(w *world) { w.write("repo/e2e/b.test.js", "") },
		"a file that was read": func(w *world) {
			w.write("outside/cases.json", "[]")
			if err := os.Chtimes(w.path("outside/cases.json"), time.Now(), time.Now()); err != nil {
				w.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if err := os.Remove(w.path("repo/link.json")); err != nil {
				t.Fatal(err)
			}
			kept := w.of()
			change(w)
			kept.Keep([]byte(events), []string{w.path("outside/cases.json")})
			if w.has() {
				t.Error("it was kept")
			}
		})
	}
}

// Without a cache nothing is kept, and nothing read.
func TestNoCache(t *testing.T) {
	w := newWorld(t)
	none := listing.Of(context.Background(), w.suite)
	none.Keep([]byte(events), nil)
	if _, ok := none.Lines(); ok || none != nil {
		t.Error("a listing without a cache")
	}
}
