package archtest

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

// modules are the folders of this repository with a go.mod.
var modules = []string{".", "internal/testkit/kubernetes", "internal/testkit/kubernetes/controlplane", "internal/testkit/servertests", "tools"}

// command returns the lines that a command prints in a folder below the root.
func command(t *testing.T, dir string, env []string, argv ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = filepath.Join("../..", dir), append(os.Environ(), env...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", argv, err)
	}
	return strings.Fields(string(out))
}

// TestModules holds modules.txt: the modules that the root's go.mod names, and whether
// the program has them or only tests do. A new one is a decision: add it there by hand,
// with a row in docs/architecture.md. What only tests need, and brings many others,
// belongs into the module internal/testkit/servertests.
func TestModules(t *testing.T) {
	data, err := os.ReadFile("modules.txt")
	if err != nil {
		t.Fatal(err)
	}
	var allowed []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			allowed = append(allowed, line)
		}
	}
	linked := map[string]bool{}
	for _, goos := range []string{"linux", "darwin", "windows"} {
		env := []string{"GOOS=" + goos, "GOARCH=amd64", "CGO_ENABLED=0"}
		for _, name := range command(t, ".", env, "go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./cmd/e2e-gate") {
			linked[name] = true
		}
	}
	var file struct{ Require []struct{ Path string } }
	if err := json.Unmarshal([]byte(strings.Join(command(t, ".", nil, "go", "mod", "edit", "-json"), " ")), &file); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range file.Require {
		where := "tests"
		if linked[r.Path] {
			where = "program"
		}
		got = append(got, where+" "+r.Path)
	}
	slices.Sort(got)
	for _, line := range got {
		if !slices.Contains(allowed, line) {
			t.Errorf("go.mod names a module that internal/archtest/modules.txt does not allow: %s", line)
		}
	}
	for _, line := range allowed {
		if !slices.Contains(got, line) {
			t.Errorf("internal/archtest/modules.txt allows a module that go.mod does not name: %s", line)
		}
	}
}

// TestModuleFolders holds that the list of modules is whole, and that Dependabot looks
// after each of them.
func TestModuleFolders(t *testing.T) {
	var found []string
	err := filepath.WalkDir("../..", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && d.Name() != "..") {
			return fs.SkipDir
		}
		if d.Name() == "go.mod" {
			dir, err := filepath.Rel("../..", filepath.Dir(file))
			found = append(found, filepath.ToSlash(dir))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	if diff := cmp.Diff(modules, found); diff != "" {
		t.Errorf("other folders have a go.mod (-known +found):\n%s", diff)
	}
	data, err := os.ReadFile("../../.github/dependabot.yml")
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Updates []struct {
			Ecosystem   string   `yaml:"package-ecosystem"`
			Directories []string `yaml:"directories"`
		}
	}
	if err := yaml.Unmarshal(data, &config); err != nil {
		t.Fatal(err)
	}
	var watched []string
	for _, u := range config.Updates {
		if u.Ecosystem == "gomod" {
			for _, dir := range u.Directories {
				watched = append(watched, path.Clean("."+dir))
			}
		}
	}
	slices.Sort(watched)
	if diff := cmp.Diff(modules, watched); diff != "" {
		t.Errorf("Dependabot looks after other modules (-known +watched):\n%s", diff)
	}
}
