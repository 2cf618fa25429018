package cli

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/scaffold"
)

// The workflow that init writes where it knows no toolchain is the one that the docs explain.
func TestFirstWorkflow(t *testing.T) {
	docs, err := os.ReadFile("../../docs/workflows.md")
	if err != nil {
		t.Fatal(err)
	}
	workflow := scaffold.Plan{}.Workflow()
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(docs)
	if block == nil || string(block[1]) != workflow {
		t.Error("the workflow of init and the first block of docs/workflows.md differ")
	}
	if !strings.Contains(workflow, "\n    name: "+requiredCheck+"\n") || !strings.HasPrefix(workflow, "# "+workflowPath+"\n") {
		t.Errorf("the workflow has no job %q, or another path", requiredCheck)
	}
}

func initIn(t *testing.T, status int, args ...string) string {
	t.Helper()
	out, errs := initSays(t, status, args...)
	if status != 0 {
		return errs
	}
	return out
}

func initSays(t *testing.T, status int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	environ := slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "GITHUB_") || strings.HasPrefix(kv, "E2E_") })
	app := App{Stdout: &out, Stderr: &errs, Environ: environ}
	if got := app.Main(t.Context(), append([]string{"init"}, args...)); got != status {
		t.Fatalf("exit status %d, want %d:\n%s\n%s", got, status, out.String(), errs.String())
	}
	return out.String(), errs.String()
}

// repository is a repository with these files, and the working directory.
func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(root)
	return root
}

// written is a file that init wrote.
func written(t *testing.T, root, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

const aGoTest = "package x\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {}\n"

// Seven frameworks in one repository are listed, and none is taken without a word.
func TestInitAsksForOneOfSeveral(t *testing.T) {
	root := repository(t, map[string]string{
		".git/config": "", "go.mod": "module x\n\ngo 1.24\n", "a_test.go": aGoTest, "tests/test_a.py": "def test_a(): pass\n",
		"web/playwright.config.ts": "", "web/e2e/a.spec.ts": "import { test } from '@playwright/test';\ntest('a', () => {});\n",
		"web/package.json": `{"devDependencies": {"jest": "1"}}`, "web/a.test.ts": "test('a', () => {});\ntest('b', () => {});\n",
		"api/package.json": `{"devDependencies": {"mocha": "1"}}`, "api/test/a.js": "it('a', () => {});\n",
		"spec/a_spec.rb": "it('a') {}\n", "shell/a.bats": "@test \"a\" {\n}\n",
	})
	errs := initIn(t, 2)
	for _, part := range []string{"gotest", "pytest", "playwright", "jest", "mocha", "rspec", "bats", "about 2", "--dir FOLDER", "--framework NAME", "--yes"} {
		if !strings.Contains(errs, part) {
			t.Errorf("no %q in\n%s", part, errs)
		}
	}
	if _, err := os.Stat(filepath.Join(root, ".github")); err == nil {
		t.Error("something was written")
	}
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"--framework", "mocha"}, "mocha mocha api"},
		{[]string{"--framework", "command"}, "bats command shell"},
		{[]string{"--dir", "web", "--yes"}, "jest jest web, playwright playwright web"},
		{[]string{"--dir", "web", "--framework", "jest"}, "jest jest web"},
		{[]string{"--dir", "web", "--dir", "api", "--framework", "jest", "--framework", "mocha"}, "jest jest web, mocha mocha api"},
		{[]string{"--yes"}, "gotest gotest , jest jest web, mocha mocha api, playwright playwright web, pytest pytest , rspec rspec , bats command shell"},
	} {
		t.Run(strings.Join(tc.args, " "), func(t *testing.T) {
			if err := os.RemoveAll(filepath.Join(root, ".github")); err != nil {
				t.Fatal(err)
			}
			initIn(t, 0, tc.args...)
			cfg, err := config.Load(config.Options{Root: root, Uses: config.AllSections})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range cfg.Suites {
				got = append(got, s.Name+" "+s.Framework+" "+s.Dir)
			}
			want := strings.Split(tc.want, ", ")
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
	for args, want := range map[string]string{
		"--framework cypress": "no such suite was found; there is ", "--dir nowhere": "there is no such folder", "--dir ..": "outside of the repository",
		"--dir web/e2e": "none of these suites can start in",
	} {
		if errs := initIn(t, 2, strings.Fields(args)...); !strings.Contains(errs, want) {
			t.Errorf("%s: no %q in\n%s", args, want, errs)
		}
	}
}

// Tests like unit tests in many packages do not become a suite, or forty, without a word.
func TestInitWithGoTestsEverywhere(t *testing.T) {
	files := map[string]string{".git/config": "", "go.mod": "module x\n\ngo 1.24\n", "core/deep/b_test.go": strings.Repeat(aGoTest, 1)}
	for i := range 40 {
		files[fmt.Sprintf("pkg%02d/a_test.go", i)] = aGoTest
	}
	files["apis/a_test.go"] = aGoTest + "\nfunc TestB(t *testing.T) {}\n"
	root := repository(t, files)
	errs := initIn(t, 2)
	for _, part := range []string{"found Go tests in ./apis (2), ./core/deep (1)", "and 37 more folders", "e2e-gate init --dir apis --framework gotest", "and 22 more"} {
		if !strings.Contains(errs, part) {
			t.Errorf("no %q in\n%s", part, errs)
		}
	}
	out := initIn(t, 0, "--dir", "apis", "--framework", "gotest")
	if !strings.Contains(out, "2 tests listed, none was run:\n  gotest/a_test.go::TestA\n  gotest/a_test.go::TestB\n") {
		t.Error(out)
	}
	out = initIn(t, 0, "--yes", "--force")
	if !strings.Contains(out, "43 tests listed") || !strings.Contains(out, "  and 33 more\n") || strings.Count(written(t, root, configPath), "- name:") != 1 {
		t.Error(out)
	}
}

func TestInitFindsNothing(t *testing.T) {
	repository(t, map[string]string{"README.md": "", "package.json": "{"})
	out, errs := initSays(t, 2)
	for _, part := range []string{"mocha: ", "gotest: ", "phpunit: ", "framework: command", "note: package.json:1:2 is broken"} {
		if !strings.Contains(errs, part) {
			t.Errorf("no %q in\n%s", part, errs)
		}
	}
	if out != "" {
		t.Error(out)
	}
}

// A package.json that is broken is named with its position, and the rest is found.
func TestInitWithABrokenManifest(t *testing.T) {
	repository(t, map[string]string{
		"package.json": "{\n  \"devDependencies\": {\n    \"jest\": \"1\",\n  }\n}\n", "go.mod": "module x\n\ngo 1.24\n", "a_test.go": aGoTest,
	})
	out, errs := initSays(t, 0)
	if !strings.Contains(errs, "package.json:4:3 is broken") || !strings.Contains(out, "1 test listed, none was run:") {
		t.Errorf("%s\n%s", out, errs)
	}
}

// What is missing is said with the command that installs it, and does not fail init.
func TestInitWithoutPackages(t *testing.T) {
	root := repository(t, map[string]string{
		".git/config": "", "web/package.json": `{"devDependencies": {"vitest": "1"}}`, "web/pnpm-lock.yaml": "lockfileVersion: '9.0'\n", "web/a.test.ts": "test('a', () => {});\n",
		"web/composer.json": `{"require-dev": {"phpunit/phpunit": "^11"}}`, "web/ATest.php": "function testA\n",
	})
	t.Setenv("PATH", fakeTool(t, "npx", "exit 1"))
	out := initIn(t, 0, "--yes")
	for _, part := range []string{
		"not listed yet: suite vitest: node_modules is missing: run pnpm install --frozen-lockfile (in web)\n",
		"not listed yet: suite phpunit: vendor/bin/phpunit is missing: run composer install (in web)\n", "Next: what is missing above, then e2e-gate run\n",
	} {
		if !strings.Contains(out, part) {
			t.Errorf("no %q in\n%s", part, out)
		}
	}
	for _, part := range []string{"pnpm/action-setup@", "version: \"10\"", "cache: pnpm", "cache-dependency-path: web/pnpm-lock.yaml", "working-directory: web", "composer install"} {
		if text := written(t, root, workflowPath); !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
}

// A framework that fails at once, or never ends, does not keep init from its end.
func TestInitWhereListingFails(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the programs are shell scripts")
	}
	for script, want := range map[string]string{
		"echo no module named shop; exit 4": "no module named shop", "sleep 600": "its tests were not listed within 200ms",
	} {
		t.Run(script, func(t *testing.T) {
			repository(t, map[string]string{".git/config": "", "tests/test_a.py": "def test_a(): pass\n"})
			t.Setenv("PATH", fakeTool(t, "pytest", script)+string(os.PathListSeparator)+os.Getenv("PATH"))
			var out, errs bytes.Buffer
			app := App{Stdout: &out, Stderr: &errs, Environ: os.Environ()}
			if strings.HasPrefix(script, "sleep") {
				app.listLimit = 200 * time.Millisecond
			}
			status := app.Main(t.Context(), []string{"init"})
			if status != 0 || !strings.Contains(out.String(), want) || !strings.Contains(out.String(), "0 tests listed") || !strings.Contains(out.String(), "Next: ") {
				t.Errorf("exit status %d, no %q in\n%s\n%s", status, want, out.String(), errs.String())
			}
		})
	}
}

// fakeTool is a folder with a program of this name.
func fakeTool(t *testing.T, name, script string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Owners come from CODEOWNERS, then from the organisation of the remote, and lint names a
// placeholder once.
func TestInitOwners(t *testing.T) {
	const remote = "[remote \"origin\"]\n\turl = https://robot:s3cr3t@github.com/acme/shop.git\n"
	for name, tc := range map[string]struct {
		files map[string]string
		want  []string
		lint  int
	}{
		"CODEOWNERS": {map[string]string{"CODEOWNERS": "* @acme/all\n/a/ @acme/pay\n"}, []string{`owner: "acme/pay" # by CODEOWNERS`, `owner: "acme/all"`}, 0},
		"file by file": {map[string]string{".github/CODEOWNERS": "*.go @acme/go\n/b/ @acme/ship\n"},
			[]string{"# CODEOWNERS says file by file who owns the tests", `owner: "acme/ship"`}, 0},
		"remote":  {nil, []string{`owner: "acme" # the repository's organisation; better a team`}, 0},
		"nothing": {map[string]string{".git/config": ""}, []string{`owner: "CHANGE-ME" # the team that gets its failures`}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"a/go.mod": "module x\n\ngo 1.24\n", "a/e2e/a_test.go": aGoTest, "b/go.mod": "module y\n\ngo 1.24\n", "b/e2e/a_test.go": aGoTest}
			maps.Copy(files, tc.files)
			root := repository(t, files)
			if out, err := exec.CommandContext(t.Context(), "git", "init", "-q", ".").CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if tc.files[".git/config"] == "" && name != "nothing" {
				appendTo(t, filepath.Join(root, ".git", "config"), remote)
			}
			out, errs := initSays(t, 0, "--yes")
			text := written(t, root, configPath)
			for _, part := range tc.want {
				if !strings.Contains(text, part) {
					t.Errorf("no %q in\n%s", part, text)
				}
			}
			if all := out + errs + text + written(t, root, workflowPath); strings.Contains(all, "s3cr3t") || strings.Contains(text, "owners:") {
				t.Error(all)
			}
			if n := strings.Count(out, "CHANGE-ME"); n != tc.lint {
				t.Errorf("the placeholder is named %d times, want %d:\n%s", n, tc.lint, out)
			}
			var found bytes.Buffer
			app := App{Stdout: &found, Stderr: io.Discard, Environ: os.Environ()}
			if status := app.Main(t.Context(), []string{"lint"}); status != 0 || strings.Count(found.String(), "CHANGE-ME") != tc.lint || strings.Contains(found.String(), "no owner") {
				t.Errorf("lint: exit status %d:\n%s", status, found.String())
			}
		})
	}
}

func appendTo(t *testing.T, file, text string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Where nothing can be written init says so, and how to see what it would be.
func TestInitCannotWrite(t *testing.T) {
	root := repository(t, map[string]string{"go.mod": "module x\n\ngo 1.24\n", "a_test.go": aGoTest, ".github": "a file"})
	if errs := initIn(t, 2); !strings.Contains(errs, "cannot write .github/e2e-gate.yml: ") || !strings.Contains(errs, "--dry-run prints") {
		t.Error(errs)
	}
	if out := initIn(t, 0, "--dry-run"); !strings.Contains(out, "would write "+workflowPath) || !strings.Contains(out, "nothing was written now") {
		t.Error(out)
	}
	outside := t.TempDir()
	if err := os.Remove(filepath.Join(root, ".github")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(root, ".github")); err != nil {
		t.Skip("no links here")
	}
	initIn(t, 2)
	if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
		t.Errorf("init wrote outside of the repository: %v %v", left, err)
	}
}

// A read-only repository keeps what it has.
func TestInitReadOnly(t *testing.T) {
	if os.Getuid() <= 0 {
		t.Skip("root may write everywhere, and Windows has other permissions")
	}
	root := repository(t, map[string]string{"go.mod": "module x\n\ngo 1.24\n", "a_test.go": aGoTest})
	if err := os.Chmod(root, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(root, 0o755) })
	if errs := initIn(t, 2); !strings.Contains(errs, "permission denied") {
		t.Error(errs)
	}
}

// A config at the other default place is the config that is there.
func TestInitWithAConfigInTheRoot(t *testing.T) {
	root := repository(t, map[string]string{".git/config": "", "go.mod": "module x\n\ngo 1.24\n", "a_test.go": aGoTest, "e2e-gate.yml": "mine"})
	if out := initIn(t, 0); !strings.Contains(out, "e2e-gate.yml exists and is not changed") || strings.Count(out, "wrote ") != 1 {
		t.Error(out)
	}
	if out := initIn(t, 0, "--force"); !strings.Contains(out, "wrote e2e-gate.yml") || !strings.Contains(written(t, root, "e2e-gate.yml"), "gotest") {
		t.Error(out)
	}
	if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(configPath))); err == nil {
		t.Error("there are two configs")
	}
}

func TestAsk(t *testing.T) {
	for _, tc := range []struct {
		answer string
		want   []int
		fails  bool
	}{
		{"2\n", []int{1}, false}, {"1, 3 1\n", []int{0, 2}, false}, {"all\n", nil, false}, {"4\nx\n\n1\n", nil, true}, {"0\n3\n", []int{2}, false}, {"", nil, true}, {"-1\n", nil, true},
	} {
		got, err := ask(strings.NewReader(tc.answer), io.Discard, 3)
		if (err != nil) != tc.fails || !slices.Equal(got, tc.want) || !tc.fails && (got == nil) != (tc.want == nil) {
			t.Errorf("%q: %v, %v", tc.answer, got, err)
		}
	}
}

// A monorepo of 300 packages is walked once: what is read is bounded, whatever lies in it.
func TestInitInAMonorepo(t *testing.T) {
	files := map[string]string{"package.json": "{}", "pnpm-lock.yaml": "", "tests/test_a.py": "def test_a(): pass\n"}
	for i := range 300 {
		dir := fmt.Sprintf("packages/p%03d/", i)
		files[dir+"package.json"] = `{"devDependencies": {"vitest": "1"}}`
		files[dir+"vitest.config.ts"] = ""
		for j := range 10 {
			files[fmt.Sprintf("%ssrc/f%d.test.ts", dir, j)] = "test('a', () => {});\n"
		}
	}
	repository(t, files)
	errs := initIn(t, 2)
	if !strings.Contains(errs, "and 281 more") || strings.Count(errs, " vitest ") != 19 {
		t.Error(errs)
	}
	out := initIn(t, 0, "--dir", "packages/p007", "--dry-run")
	if !strings.Contains(out, `dir: "packages/p007"`) || strings.Contains(out, "p008") {
		t.Error(out)
	}
}

// What a repository calls its folders cannot break out of the config.
func TestInitWithHostileNames(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "e2e", "-x: *y # {{.}} ${HOME} ${{ github.token }} \"'\n- z: \u202e")
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
	out := initIn(t, 0)
	if strings.ContainsAny(out, "\u202e") {
		t.Errorf("%q", out)
	}
	cfg, err := config.Load(config.Options{Root: root, Uses: config.AllSections, Lookup: func(string) (string, bool) { return "", false }})
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Suites) != 1 || cfg.Suites[0].Dir != "e2e/-x: *y # {{.}} ${HOME} ${{ github.token }} \"'\n- z: \u202e" {
		t.Errorf("%+v", cfg.Suites)
	}
}
