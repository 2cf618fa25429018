package realsuite

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/gatebin"
	"github.com/org/e2e-gate/internal/testkit/need"
)

// Slow skips a test of real frameworks where only quick ones were asked for.
func Slow(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("real frameworks take minutes")
	}
}

// tracked is a folder without what its tools left there.
type tracked struct{ fs.FS }

func (f tracked) ReadDir(name string) ([]fs.DirEntry, error) {
	list, err := fs.ReadDir(f.FS, name)
	var kept []fs.DirEntry
	for _, d := range list {
		switch d.Name() {
		case "node_modules", "__pycache__", ".pytest_cache", "test-results", "set-up", ".e2e-gate", "package-lock.json", "target":
		default:
			kept = append(kept, d)
		}
	}
	return kept, err
}

// installing keeps tests that run at once from installing one thing twice.
var installing sync.Mutex

// Cached installs something once for all runs of the tests, by what its manifest
// says. The folder counts only when it is whole.
func Cached(t *testing.T, name, manifest string, install func(dir string) error) string {
	t.Helper()
	Slow(t)
	installing.Lock()
	defer installing.Unlock()
	data, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(gatebin.Cache(), fmt.Sprintf("%s-%x", name, sha256.Sum256(data))[:len(name)+17])
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	release, err := gatebin.Lock(dir + ".lock")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	whole := filepath.Join(dir, "whole")
	if _, err := os.Stat(whole); err == nil {
		return dir
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := install(dir); err != nil {
		need.Missing(t, fmt.Sprintf("the packages of %s cannot be installed: %v", manifest, err))
	}
	if err := os.WriteFile(whole, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Tool runs a program that installs something, for at most five minutes.
func Tool(dir string, argv ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1", "CYPRESS_INSTALL_BINARY=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, out)
	}
	return nil
}

// Python makes a copy runnable.
func Python(t *testing.T, dir string) []string {
	t.Helper()
	return []string{"PATH=" + filepath.Join(Venv(t, dir), "bin") + string(os.PathListSeparator) + os.Getenv("PATH")}
}

// Venv installs requirements.txt into an environment of its own.
func Venv(t *testing.T, dir string) string {
	t.Helper()
	interpreter := need.Tool(t, "python3", "apt-get install python3 python3-venv")
	manifest, err := filepath.Abs(filepath.Join(dir, "requirements.txt"))
	if err != nil {
		t.Fatal(err)
	}
	return Cached(t, "python", manifest, func(dir string) error {
		if err := Tool(dir, interpreter, "-m", "venv", dir); err != nil {
			return err
		}
		return Tool(dir, filepath.Join(dir, "bin", "pip"), "install", "--quiet", "-r", manifest)
	})
}

// Node makes a copy runnable with the packages that its package.json names.
func Node(t *testing.T, dir string) []string {
	t.Helper()
	if err := os.Symlink(filepath.Join(modules(t, dir), "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return nil
}

// modules installs the packages of package.json, which names exact versions: a lock
// file would name the registry that it came from.
func modules(t *testing.T, dir string) string {
	t.Helper()
	npm := need.Tool(t, "npm", "apt-get install nodejs npm")
	manifest := filepath.Join(dir, "package.json")
	data, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	return Cached(t, "node", manifest, func(dir string) error {
		if err := os.WriteFile(filepath.Join(dir, "package.json"), data, 0o644); err != nil {
			return err
		}
		return Tool(dir, npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent")
	})
}

// Chromium is the system's, for the browsers of Playwright are a download.
func Chromium(t *testing.T, dir string) []string {
	t.Helper()
	return append(Node(t, dir), "EXAMPLE_CHROMIUM="+need.Tool(t, "chromium", "apt-get install chromium"))
}

// Maven needs nothing in the copy: Maven resolves what the pom names. The caches of
// a machine's user stay as they are: the tests share one of their own, so that the gate's reporter
// is compiled once. A listing in it belongs to one folder. Builds end before the better compiler of
// a JVM would pay.
func Maven(t *testing.T, _ string) []string {
	t.Helper()
	Slow(t)
	need.Tool(t, "javac", "apt-get install openjdk-17-jdk-headless")
	need.Tool(t, "mvn", "apt-get install maven")
	const quick = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
	return []string{"XDG_CACHE_HOME=" + filepath.Join(os.TempDir(), "e2e-gate-tests"), "MAVEN_OPTS=" + quick, "GRADLE_OPTS=" + quick}
}

// WithModules is an empty folder with the packages of an example, else of a folder of
// testdata.
func WithModules(t *testing.T, name string) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(gatebin.Root(t), "examples", name)
	if _, err := os.Stat(dir); err != nil {
		dir = filepath.Join("testdata", name)
	}
	if err := os.Symlink(filepath.Join(modules(t, dir), "node_modules"), filepath.Join(root, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return root
}

// ModulesOf makes a project runnable with the packages of an example.
func ModulesOf(example string) func(t *testing.T, dir string) []string {
	return func(t *testing.T, dir string) []string {
		t.Helper()
		from := filepath.Join(modules(t, filepath.Join(gatebin.Root(t), "examples", example)), "node_modules")
		if err := os.Symlink(from, filepath.Join(dir, "node_modules")); err != nil {
			t.Fatal(err)
		}
		return nil
	}
}

// VenvOf makes a project runnable with the packages of an example.
func VenvOf(example string) func(t *testing.T, dir string) []string {
	return func(t *testing.T, _ string) []string {
		t.Helper()
		return Python(t, filepath.Join(gatebin.Root(t), "examples", example))
	}
}

// Pytest is a suite of pytest with the packages of its example.
func Pytest(t *testing.T) suite.Spec {
	t.Helper()
	return suite.Spec{Name: "s", Framework: "pytest", Run: []string{filepath.Join(Venv(t, filepath.Join(gatebin.Root(t), "examples", "pytest")), "bin", "pytest")}}
}

// Nothing makes a project runnable that needs no packages.
func Nothing(*testing.T, string) []string { return nil }
