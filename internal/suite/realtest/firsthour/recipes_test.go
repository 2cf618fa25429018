package firsthour

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/gatebin"
	"github.com/org/e2e-gate/internal/testkit/need"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

// docRecipe is a recipe of docs/frameworks.md, and the projects of testdata/recipes that it is run in. The head of such a file says
//
//	edit: what the page says to change -> into what
//	want: the outcome of a line of list, in the project itself
//	bad: a project that must not pass; its exit status; what the run says
//
// A bad project has the files that its name stands in front of.
type docRecipe struct {
	name string
	// heading is that of its section, block the number of its config there.
	heading string
	block   int
	// install makes a project runnable.
	install func(t *testing.T, dir string) []string

	edits []string
	files map[string]string
	want  map[string]e2e.Outcome
	bad   []badProject
}

type badProject struct {
	name, says string
	exit       int
	files      map[string]string
}

func docRecipes() []docRecipe {
	phpunit := program("phpunit", "apt-get install phpunit")
	return []docRecipe{
		{name: "phpunit-by-file", heading: "Other versions of PHPUnit", install: phpunit},
		{name: "minitest", heading: "Minitest", install: minitestReporters},
		{name: "bats", heading: "Bats", install: program("bats", "apt-get install bats")},
		{name: "newman", heading: "Newman", install: newmanModules},
	}
}

// read reads the projects. http://SERVER in them is a server that answers.
func (r *docRecipe) read(t *testing.T, server string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "recipes", r.name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	archive := txtar.Parse(bytes.ReplaceAll(data, []byte("http://SERVER"), []byte(server)))
	r.files, r.want = map[string]string{}, map[string]e2e.Outcome{}
	for line := range strings.Lines(string(archive.Comment)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "edit":
			from, to, _ := strings.Cut(value, "->")
			if to = strings.TrimSpace(to); to != "" {
				from = strings.TrimSpace(from) // what is left out goes with the space behind it
			}
			r.edits = append(r.edits, from, to)
		case "want":
			outcome, name, _ := strings.Cut(value, " ")
			r.want[name] = e2e.Outcome(outcome)
		case "bad":
			parts := strings.SplitN(value, "; ", 3)
			exit, err := strconv.Atoi(parts[1])
			if err != nil || exit == 0 {
				t.Fatalf("%s: %q", r.name, line)
			}
			r.bad = append(r.bad, badProject{parts[0], parts[2], exit, map[string]string{}})
		default:
			t.Fatalf("%s: %q", r.name, line)
		}
	}
	for _, file := range archive.Files {
		project, name, ok := strings.Cut(file.Name, ": ")
		if !ok {
			r.files[file.Name] = string(file.Data)
			continue
		}
		at := slices.IndexFunc(r.bad, func(b badProject) bool { return b.name == project })
		if at < 0 {
			t.Fatalf("%s: no project is called %q", r.name, project)
		}
		r.bad[at].files[name] = string(file.Data)
	}
}

func minitestReporters(t *testing.T, _ string) []string {
	t.Helper()
	const install = "apt-get install ruby ruby-minitest-reporters"
	ruby := need.Tool(t, "ruby", install)
	if err := exec.CommandContext(t.Context(), ruby, "-e", `require "minitest/reporters"`).Run(); err != nil {
		need.Missing(t, "minitest-reporters is not installed; "+install)
	}
	return nil
}

func newmanModules(t *testing.T, dir string) []string {
	t.Helper()
	if err := os.Symlink(filepath.Join(realsuite.WithModules(t, "newman"), "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return nil
}

var (
	fencedBlock = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")
	scriptName  = regexp.MustCompile(`^(?:<\?php )?(?://|#) (\S+): `)
)

// copyOut is the config of a recipe and the scripts of its section, as the page has them.
func (r docRecipe) copyOut(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(gatebin.Root(t), "docs", "frameworks.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(page), "\n### "+r.heading+"\n")
	if !ok {
		t.Fatalf("docs/frameworks.md has no section %s", r.heading)
	}
	section, _, _ = strings.Cut(section, "\n##")
	files, configs := map[string]string{}, 0
	for _, m := range fencedBlock.FindAllStringSubmatch(section, -1) {
		if m[1] != "yaml" {
			name := scriptName.FindStringSubmatch(m[2])
			if name == nil {
				t.Fatalf("a script of %s has no name:\n%s", r.heading, m[2])
			}
			files[name[1]] = m[2]
			continue
		}
		if configs == r.block {
			files["e2e-gate.yml"] = m[2]
		}
		configs++
	}
	config := strings.NewReplacer(r.edits...).Replace(files["e2e-gate.yml"])
	if config == "" || len(r.edits) > 0 && config == files["e2e-gate.yml"] {
		t.Fatalf("the config of %s is missing, or nothing of it is to be changed:\n%s", r.heading, config)
	}
	files["e2e-gate.yml"] = config
	return files
}

// The recipes of the page, run with the real tools.
func TestDocRecipes(t *testing.T) {
	realsuite.Slow(t)
	gate := gatebin.Build(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }))
	t.Cleanup(server.Close)
	for _, r := range docRecipes() {
		t.Run(r.name, func(t *testing.T) {
			r.read(t, server.URL)
			t.Run("shards", func(t *testing.T) { r.shards(t, gate) })
			for _, b := range r.bad {
				t.Run(b.name, func(t *testing.T) {
					if exit, out, _ := r.run(t, gate, b.files, "--shards", "2"); exit != b.exit || !strings.Contains(out, b.says) {
						t.Errorf("exit status %d, want %d, and %q in\n%s", exit, b.exit, b.says, out)
					}
				})
			}
		})
	}
}

// shards runs the project over two shards.
func (r docRecipe) shards(t *testing.T, gate string) {
	exit, out, result := r.run(t, gate, r.files, "--shards", "2")
	if exit != 1 || len(result.Problems) > 0 || result.Plan.Shards != 2 || result.Plan.Tests != len(r.want) {
		t.Errorf("exit status %d, %d shards, %d tests; %+v\n%s", exit, result.Plan.Shards, result.Plan.Tests, result.Problems, out)
	}
	got, shards := map[string]e2e.Outcome{}, map[int]bool{}
	for _, test := range result.Tests {
		got[strings.TrimPrefix(test.ID, test.Suite+"::")] = test.Outcome
		// One attempt, and a diagnostic one if it failed: no other shard runs it, and no other test's rerun.
		want := []e2e.AttemptSource{e2e.SourceFirst}
		if test.Outcome == e2e.Failed {
			want = append(want, e2e.SourceDiagnostic)
		}
		var sources []e2e.AttemptSource
		for _, a := range test.Attempts {
			shards[a.Shard], sources = true, append(sources, a.Source)
		}
		if !slices.Equal(sources, want) {
			t.Errorf("%s is %s by attempts %q, want %q", test.ID, test.Outcome, sources, want)
		}
	}
	if diff := cmp.Diff(r.want, got); diff != "" || len(shards) != 2 {
		t.Errorf("%d shards ran tests\n%s\n%s", len(shards), diff, out)
	}
}

// run makes the project and runs the recipe in it. It returns the exit status, what was printed, and the result.
func (r docRecipe) run(t *testing.T, gate string, files map[string]string, args ...string) (int, string, e2e.Result) {
	t.Helper()
	dir := t.TempDir()
	all := r.copyOut(t)
	maps.Copy(all, files)
	for name, text := range all {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	env := append(environ(), r.install(t, dir)...)
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), gate, append([]string{"run", "--format", "json"}, args...)...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, &out, &errs
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	var result e2e.Result
	if out.Len() > 0 {
		if err := json.Unmarshal(out.Bytes(), &result); err != nil {
			t.Fatalf("%v\n%s\n%s", err, out.String(), errs.String())
		}
	}
	text := errs.String() + out.String()
	logs, _ := filepath.Glob(filepath.Join(dir, ".e2e-gate", "runs", "*", "units", "*", "output.log"))
	for _, log := range logs {
		data, _ := os.ReadFile(log)
		t.Logf("%s\n%s", log, data[max(0, len(data)-2000):])
	}
	return cmd.ProcessState.ExitCode(), text, result
}
