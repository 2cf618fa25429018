package firsthour

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/cli"
	"github.com/org/e2e-gate/internal/config"
)

// On each example, and on all of them as one repository, init writes a config that
// can be used as it is, and leaves it alone the second time.
func TestInitOnExamples(t *testing.T) {
	examples, err := os.ReadDir("../../../../examples")
	if err != nil {
		t.Fatal(err)
	}
	examples = slices.DeleteFunc(examples, func(d fs.DirEntry) bool { return d.Name() == "kubernetes" }) // manifests, without a suite
	source, err := filepath.Abs("../../../../examples")
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
				want = len(examples) - 1 // casework and services are one suite of Go
			}
			if out := initYes(t); strings.Count(out, "wrote ") != 2 || !strings.Contains(out, `require the check "e2e gate"`) {
				t.Error(out)
			}
			cfg, err := config.Load(config.Options{Root: root, Uses: config.AllSections, Lookup: func(string) (string, bool) { return "", false }})
			if err != nil {
				t.Fatal(err)
			}
			if len(cfg.Suites) != want || len(cfg.Stages) != 1 {
				t.Errorf("%d stages, suites %+v", len(cfg.Stages), cfg.Suites)
			}
			if out := initYes(t); strings.Contains(out, "wrote ") || strings.Count(out, "exists and is not changed") != 2 {
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

// initYes runs init in the working directory, and returns what it prints.
func initYes(t *testing.T) string {
	t.Helper()
	var out, errs bytes.Buffer
	environ := slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "GITHUB_") || strings.HasPrefix(kv, "E2E_") })
	app := cli.App{Stdout: &out, Stderr: &errs, Environ: environ}
	if got := app.Main(t.Context(), []string{"init", "--yes"}); got != 0 {
		t.Fatalf("exit status %d:\n%s\n%s", got, out.String(), errs.String())
	}
	return out.String()
}
