package scaffold

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/need"
	"github.com/org/e2e-gate/internal/testkit/suitetest"
)

const (
	goTest  = "package x\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {}\n"
	pyTest  = "def test_a():\n    pass\n"
	javaSrc = "import org.junit.jupiter.api.Test;\n"
	csproj  = `<Project><PropertyGroup><TargetFramework>net8.0</TargetFramework></PropertyGroup><PackageReference Include="Microsoft.NET.Test.Sdk" /></Project>`
)

func vitest(more ...string) map[string]string {
	files := map[string]string{"package.json": `{"devDependencies": {"vitest": "4"}}`}
	for i := 0; i < len(more); i += 2 {
		files[more[i]] = more[i+1]
	}
	return files
}

// repositories are shapes of repositories, with steps of their workflows in order: "uses" without
// the version, or "run" with its folder, each with what follows with.
var repositories = []struct {
	name  string
	files map[string]string
	want  []string
}{
	{"go", map[string]string{"go.mod": "module x", "go.sum": "", "a_test.go": goTest}, []string{"actions/setup-go go-version-file=go.mod"}},
	{"go below, without a sum", map[string]string{"svc/go.mod": "module x", "svc/a_test.go": goTest}, []string{"actions/setup-go cache=false go-version-file=svc/go.mod"}},
	{"two modules", map[string]string{"a/go.mod": "module x", "a/go.sum": "", "a/a_test.go": goTest, "b/go.mod": "module y", "b/go.sum": "", "b/a_test.go": goTest},
		[]string{"actions/setup-go cache-dependency-path=a/go.sum,b/go.sum go-version-file=a/go.mod"}},
	{"npm", vitest("package-lock.json", "{}", ".nvmrc", "22"), []string{"actions/setup-node cache=npm node-version-file=.nvmrc", "npm ci"}},
	{"npm without a lock file", vitest(), []string{"actions/setup-node node-version=lts/* package-manager-cache=false", "npm install"}},
	{"npm with engines", map[string]string{"web/package.json": `{"engines": {"node": ">=20"}, "devDependencies": {"vitest": "4"}}`, "web/package-lock.json": "{}"},
		[]string{"actions/setup-node cache-dependency-path=web/package-lock.json cache=npm node-version-file=web/package.json", "npm ci in web"}},
	{"pnpm", vitest("pnpm-lock.yaml", "lockfileVersion: '6.0'\n"), []string{"pnpm/action-setup version=8", "actions/setup-node cache=pnpm node-version=lts/*", "pnpm install --frozen-lockfile"}},
	{"pnpm that is named", map[string]string{"package.json": `{"packageManager": "pnpm@10.1.0", "devDependencies": {"vitest": "4"}}`, "pnpm-lock.yaml": "lockfileVersion: '9.0'\n"},
		[]string{"pnpm/action-setup", "actions/setup-node cache=pnpm node-version=lts/*", "pnpm install --frozen-lockfile"}},
	{"yarn", vitest("yarn.lock", ""), []string{"actions/setup-node cache=yarn node-version=lts/*", "yarn install --frozen-lockfile"}},
	{"yarn berry", vitest("yarn.lock", "# lock\n\n__metadata:\n", ".tool-versions", "nodejs 22.1.0\n"),
		[]string{"corepack enable", "actions/setup-node cache=yarn node-version-file=.tool-versions", "yarn install --immutable"}},
	{"bun", vitest("bun.lock", "{}"), []string{"actions/setup-node node-version=lts/* package-manager-cache=false", "npm install --global bun && bun install --frozen-lockfile"}},
	{"playwright in a workspace", map[string]string{"package-lock.json": "{}", "package.json": "{}", "e2e/package.json": "{}", "e2e/playwright.config.ts": ""},
		[]string{"actions/setup-node cache=npm node-version=lts/*", "npm ci", "npx --no-install playwright install --with-deps in e2e"}},
	{"maven", map[string]string{"pom.xml": "<java.version>17</java.version>", "src/test/java/ATest.java": javaSrc},
		[]string{"actions/setup-java cache=maven distribution=temurin java-version=17"}},
	{"maven of Java 8", map[string]string{"pom.xml": "<maven.compiler.source>1.8</maven.compiler.source>", "src/test/java/ATest.java": javaSrc},
		[]string{"actions/setup-java cache=maven distribution=temurin java-version=8"}},
	{"gradle", map[string]string{"build.gradle.kts": "java { toolchain { languageVersion = JavaLanguageVersion.of(25) } }", "src/test/kotlin/ATest.kt": javaSrc},
		[]string{"actions/setup-java cache=gradle distribution=temurin java-version=25"}},
	{"gradle with a file", map[string]string{"build.gradle": "", ".java-version": "21", "src/test/java/ATest.java": javaSrc},
		[]string{"actions/setup-java cache=gradle distribution=temurin java-version-file=.java-version"}},
	{"pip", map[string]string{"tests/test_a.py": pyTest, "requirements.txt": "flask\n", "requirements-dev.txt": "pytest\n", ".python-version": "3.12"},
		[]string{"actions/setup-python cache-dependency-path=requirements.txt,requirements-dev.txt cache=pip python-version-file=.python-version",
			"pip install -r requirements.txt -r requirements-dev.txt"}},
	{"nothing of Python", map[string]string{"tests/test_a.py": pyTest}, []string{"actions/setup-python python-version=3.x", "pip install pytest"}},
	{"requirements of the tests", map[string]string{"tests/test_a.py": pyTest, "tests/requirements.txt": "pytest\n"},
		[]string{"actions/setup-python cache-dependency-path=tests/requirements.txt cache=pip python-version=3.x", "pip install -r requirements.txt in tests"}},
	{"groups", map[string]string{"tests/test_a.py": pyTest, "pyproject.toml": "[project]\nrequires-python = '>=3.10'\n[dependency-groups]\ndev = [\"pytest\"]\n"},
		[]string{"actions/setup-python cache-dependency-path=pyproject.toml cache=pip python-version-file=pyproject.toml", "pip install -e . --group dev"}},
	{"uv", map[string]string{"tests/test_a.py": pyTest, "pyproject.toml": "[project]\n", "uv.lock": ""},
		[]string{"astral-sh/setup-uv", "actions/setup-python python-version=3.x", "uv sync --locked"}},
	{"poetry", map[string]string{"tests/test_a.py": pyTest, "poetry.lock": ""},
		[]string{"pipx install poetry", "actions/setup-python cache-dependency-path=poetry.lock cache=poetry python-version=3.x", "poetry install --no-interaction"}},
	{"pipenv", map[string]string{"api/tests/test_a.py": pyTest, "api/Pipfile.lock": ""},
		[]string{"pipx install pipenv", "actions/setup-python cache-dependency-path=api/Pipfile.lock cache=pipenv python-version=3.x", "pipenv sync --dev in api"}},
	{"robot", map[string]string{"tests/a.robot": "*** Test Cases ***\nA\n    Log    a\n"}, []string{"actions/setup-python python-version=3.x", "pip install robotframework"}},
	{"rspec", map[string]string{"spec/a_spec.rb": "it 'a'\n", "Gemfile": "ruby \"3.3\"\ngem 'rspec'\n"}, []string{"ruby/setup-ruby bundler-cache=true ruby-version=3.3"}},
	{"rspec with a version file", map[string]string{"api/spec/a_spec.rb": "", "api/Gemfile": "", "api/.ruby-version": "3.3"},
		[]string{"ruby/setup-ruby bundler-cache=true working-directory=api"}},
	{"rspec alone", map[string]string{"spec/a_spec.rb": ""}, []string{"ruby/setup-ruby ruby-version=ruby", "gem install rspec"}},
	{"minitest", map[string]string{"test/a_test.rb": "", "Gemfile": "gem 'minitest'"}, []string{"ruby/setup-ruby bundler-cache=true ruby-version=ruby"}},
	{"phpunit", map[string]string{"phpunit.xml": "", "composer.json": `{"require": {"php": "^8.2"}, "require-dev": {"phpunit/phpunit": "^11"}}`, "composer.lock": "{}"},
		[]string{"shivammathur/setup-php coverage=none php-version=8.2", `echo "dir=$(composer config cache-files-dir)" >> "$GITHUB_OUTPUT"`,
			"actions/cache key=composer-${{ hashFiles('**/composer.lock') }} path=${{ steps.composer.outputs.dir }} restore-keys=composer-",
			"composer install --no-interaction --no-progress --prefer-dist"}},
	{"phpunit alone", map[string]string{"phpunit.xml": ""}, []string{"shivammathur/setup-php coverage=none tools=phpunit"}},
	{"dotnet", map[string]string{"All.sln": "", "t/A.csproj": csproj, "t/packages.lock.json": "{}"},
		[]string{"actions/setup-dotnet cache-dependency-path=t/packages.lock.json cache=true dotnet-version=8.0.x"}},
	{"dotnet with a version", map[string]string{"t/A.csproj": csproj, "global.json": "{}"}, []string{"actions/setup-dotnet global-json-file=global.json"}},
	{"bats", map[string]string{"tests/a.bats": ""}, []string{"sudo apt-get update && sudo apt-get install --yes bats"}},
	{"hostile names", map[string]string{"-x: ${{ github.token }} \"'\n$(id)/package.json": `{"devDependencies": {"vitest": "4"}}`, "-x: ${{ github.token }} \"'\n$(id)/package-lock.json": "{}"},
		[]string{"actions/setup-node cache-dependency-path=-x: ${{ '${{' }} github.token }} \"',$(id)/package-lock.json cache=npm node-version=lts/*",
			"npm ci in -x: ${{ '${{' }} github.token }} \"'\n$(id)"}},
}

// The workflow has the steps that the files show, and actionlint accepts it.
func TestWorkflow(t *testing.T) {
	dir := t.TempDir()
	var all []string
	for _, r := range repositories {
		t.Run(r.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && r.name == "hostile names" {
				t.Skip("files cannot have such names here")
			}
			tree := suite.ReadTree(suitetest.Files(t, r.files))
			text := Make(tree, suite.Detect(tree)).Workflow()
			if got := stepsOf(t, text); !slices.Equal(got, r.want) {
				t.Errorf("got  %q\nwant %q\n%s", got, r.want, text)
			}
			file := filepath.Join(dir, strings.ReplaceAll(r.name, " ", "-")+".yml")
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			all = append(all, file)
		})
	}
	t.Run("actionlint", func(t *testing.T) {
		actionlint := need.Tool(t, "actionlint", ".ci/run test builds it from tools/go.mod")
		if out, err := exec.CommandContext(t.Context(), actionlint, append([]string{"-no-color", "-oneline"}, all...)...).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// stepsOf are the steps of a workflow between the checkout and the gate.
func stepsOf(t *testing.T, text string) []string {
	t.Helper()
	var w struct {
		Jobs map[string]struct {
			Steps []struct {
				Uses, Run string
				Dir       string `yaml:"working-directory"`
				With      map[string]any
			}
		}
	}
	if err := yaml.Unmarshal([]byte(text), &w); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	steps := w.Jobs["gate"].Steps
	if len(steps) < 2 || !strings.HasPrefix(steps[0].Uses, "actions/checkout@") || steps[len(steps)-1].Uses != "org/e2e-gate@v1" {
		t.Fatalf("%+v", steps)
	}
	var list []string
	for _, s := range steps[1 : len(steps)-1] {
		action, commit, _ := strings.Cut(s.Uses, "@")
		if s.Uses != "" && len(commit) != 40 {
			t.Errorf("%s is not pinned", s.Uses)
		}
		words := []string{action + s.Run}
		if s.Dir != "" {
			words = append(words, "in", s.Dir)
		}
		var with []string
		for key, value := range s.With {
			text, _ := value.(string)
			if flag, ok := value.(bool); ok && !flag {
				text = "false"
			} else if ok {
				text = "true"
			}
			with = append(with, key+"="+strings.ReplaceAll(text, "\n", ","))
		}
		slices.Sort(with)
		list = append(list, strings.Join(append(words, with...), " "))
	}
	return list
}

func TestOrganisation(t *testing.T) {
	for remote, want := range map[string]string{
		"https://github.com/acme/shop.git": "acme", "https://x:token@github.example.com:8443/acme/shop": "acme", "git@github.com:acme/shop.git": "acme",
		"ssh://git@github.com:22/acme/shop.git": "acme", "https://github.com/acme": "", "/srv/git/shop": "", "../shop": "", `C:\git\shop`: "", "file:///srv/git/shop": "",
		"https://github.com/-x/shop": "", "https://github.com/a b/shop": "", "": "", "https://github.com/acme/": "",
	} {
		if got := Organisation(remote); got != want {
			t.Errorf("%q: %q, want %q", remote, got, want)
		}
	}
}

func TestScalar(t *testing.T) {
	for text, want := range map[string]string{
		"go.mod": "go.mod", "lts/*": "lts/*", "3.x": `"3.x"`, "true": `"true"`, ".": `"."`, "a: b": `"a: b"`, "": `""`, "a\nb": `"a\nb"`, "x ${{ y }}": `"x ${{ '${{' }} y }}"`,
		"8": `"8"`, "No": `"No"`, "a #b": `"a #b"`,
	} {
		if got := scalar(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// Every kind that is found has a toolchain.
func TestEveryKindHasAToolchain(t *testing.T) {
	var kinds []string
	for _, e := range ecosystems {
		kinds = append(kinds, e.kinds...)
	}
	for _, sign := range suite.Signs() {
		if kind, _, _ := strings.Cut(sign, ":"); !slices.Contains(kinds, kind) {
			t.Errorf("%s has no toolchain", kind)
		}
	}
}

func TestMissing(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files map[string]string
		tools string
		want  string
	}{
		{"no go", map[string]string{"go.mod": "module x", "a_test.go": goTest}, "", "go is not installed, or not in PATH: install it"},
		{"go", map[string]string{"go.mod": "module x", "a_test.go": goTest}, "go", ""},
		{"no modules", vitest("package-lock.json", "{}"), "npx", "node_modules is missing: run npm ci"},
		{"no Node", vitest(), "", "Node.js is not installed: install it, then run npm install"},
		{"modules", vitest("node_modules/x", ""), "npx", ""},
		{"modules above", map[string]string{"web/package.json": `{"devDependencies": {"vitest": "4"}}`, "node_modules/x": ""}, "npx", ""},
		{"no pytest", map[string]string{"tests/test_a.py": pyTest, "requirements.txt": "pytest"}, "", "pytest is not installed, or not in PATH: run pip install -r requirements.txt"},
		{"venv", map[string]string{"tests/test_a.py": pyTest, ".venv/bin/pytest": ""}, "", "pytest is in .venv, which is not active: run . .venv/bin/activate"},
		{"uv", map[string]string{"tests/test_a.py": pyTest, "uv.lock": ""}, "", "uv is not installed, or not in PATH: install it"},
		{"wrapper", map[string]string{"pom.xml": "", "mvnw": "", "mvnw.cmd": "", "src/test/java/ATest.java": javaSrc}, "", ""},
		{"no Maven", map[string]string{"pom.xml": "", "src/test/java/ATest.java": javaSrc}, "", "mvn is not installed, or not in PATH: install it"},
		{"composer", map[string]string{"phpunit.xml": "", "composer.json": "{}"}, "", "vendor/bin/phpunit is missing: run composer install"},
		{"browsers too", map[string]string{"e2e/playwright.config.ts": "", "e2e/package.json": "{}"}, "npx",
			"node_modules is missing: run npm install (in e2e), then npx playwright install (in e2e)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			root := suitetest.Files(t, tc.files)
			tree := suite.ReadTree(root)
			found := suite.Detect(tree)
			if len(found) != 1 {
				t.Fatalf("%+v", found)
			}
			if got := Make(tree, found).Missing(root, found[0], func(program string) bool { return program == tc.tools }); got != tc.want {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}

// Variables of a suite are values, whatever they hold.
func TestVariables(t *testing.T) {
	var d suite.Detected
	d.Spec.Name, d.Spec.Framework, d.Spec.Env = "jest", "jest", map[string]string{"NODE_OPTIONS": "--experimental-vm-modules", "A": `${B} "x"`}
	text, err := Config([]Suite{{Detected: d, Owner: "t"}})
	if want := `    env: {A: "$${B} \"x\"", NODE_OPTIONS: "--experimental-vm-modules"}` + "\n"; err != nil || !strings.Contains(text, want) {
		t.Errorf("%v\n%s\nhas no %s", err, text, want)
	}
}
