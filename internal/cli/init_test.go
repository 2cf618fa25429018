package cli

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/config"
)

// The workflow that init writes is the one that the docs explain.
func TestFirstWorkflow(t *testing.T) {
	docs, err := os.ReadFile("../../docs/workflows.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(docs)
	if block == nil || string(block[1]) != firstWorkflow {
		t.Error("templates/e2e.yml and the first block of docs/workflows.md differ")
	}
	if !strings.Contains(firstWorkflow, "\n    name: "+requiredCheck+"\n") || !strings.HasPrefix(firstWorkflow, "# "+workflowPath+"\n") {
		t.Errorf("the workflow has no job %q, or another path", requiredCheck)
	}
}

// On each example, and on all of them as one repository, init writes a config that
// can be used as it is, and leaves it alone the second time.
func TestInitOnExamples(t *testing.T) {
	examples, err := os.ReadDir("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	source, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append([]string{"."}, names(examples)...) {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			copySources(t, filepath.Join(source, name), root)
			t.Chdir(root)
			want := 1
			if name == "." {
				want = len(examples)
			}
			if out := initIn(t, 0); strings.Count(out, "wrote ") != 2 || !strings.Contains(out, `require the check "e2e gate"`) {
				t.Error(out)
			}
			cfg, err := config.Load(config.Options{Root: root, Uses: config.AllSections, Lookup: func(string) (string, bool) { return "", false }})
			if err != nil {
				t.Fatal(err)
			}
			if len(cfg.Suites) != want || len(cfg.Stages) != 3 {
				t.Errorf("%d stages, suites %+v", len(cfg.Stages), cfg.Suites)
			}
			if out := initIn(t, 0); strings.Contains(out, "wrote ") || strings.Count(out, "exists and is not changed") != 2 {
				t.Error(out)
			}
		})
	}
}

func names(entries []fs.DirEntry) []string {
	var list []string
	for _, d := range entries {
		list = append(list, d.Name())
	}
	return list
}

// copySources copies a folder as it is in the repository, as a repository.
func copySources(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (d.Name() == "node_modules" || d.Name() == "target") {
			return fs.SkipDir
		}
		rel, err := filepath.Rel(from, path)
		if err != nil || d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		data, err := os.ReadFile(path)
		if err != nil || d.Name() == "e2e-gate.yml" {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o644)
	})
	if err == nil {
		err = os.MkdirAll(filepath.Join(to, ".git"), 0o755)
	}
	if err == nil { // the examples are part of our own module
		err = os.WriteFile(filepath.Join(to, "go.mod"), []byte("module example\n"), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func initIn(t *testing.T, status int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	app := App{Stdout: &out, Stderr: &errs}
	if got := app.Main(t.Context(), append([]string{"init"}, args...)); got != status {
		t.Fatalf("exit status %d: %s", got, errs.String())
	}
	return out.String()
}

// What a repository calls its folders cannot break out of the config.
func TestInitWithHostileNames(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "e2e", "x: *y # {{.}} \"'\n- z: \u202e")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Skip("no such names here")
	}
	for _, folder := range []string{filepath.Join(root, ".git"), dir} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "playwright.config.ts"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	initIn(t, 0)
	cfg, err := config.Load(config.Options{Root: root, Uses: config.AllSections, Lookup: func(string) (string, bool) { return "", false }})
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Suites) != 1 || cfg.Suites[0].Dir != "e2e/x: *y # {{.}} \"'\n- z: \u202e" {
		t.Errorf("%+v", cfg.Suites)
	}
}
