package scaffold

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/suite"
)

// Plan is what is written for some suites of a repository.
type Plan struct {
	tree  *suite.Tree
	steps []step
	// installs are the commands that install what a suite needs, by its name.
	installs map[string][]Install
}

// Install is a command line that a person types in a folder, from the root.
type Install struct{ Dir, Command string }

func (i Install) String() string {
	if i.Dir == "." {
		return i.Command
	}
	return fmt.Sprintf("%s (in %s)", i.Command, i.Dir)
}

// ecosystem is what installs the toolchain and packages of some frameworks.
type ecosystem struct {
	kinds []string
	// setup are the steps for suites in these folders, with the commands of each folder.
	setup func(t *suite.Tree, dirs []string, kinds map[string][]string) ([]step, map[string][]Install)
}

var ecosystems = []ecosystem{
	{[]string{"gotest"}, setupGo},
	{[]string{"playwright", "cypress", "vitest", "jest", "cucumber", "mocha", "webdriverio", "nodetest", "newman"}, setupNode},
	{[]string{"junit5-maven", "junit5-gradle"}, setupJava},
	{[]string{"pytest", "robot", "behave"}, setupPython},
	{[]string{"rspec", "minitest"}, setupRuby},
	{[]string{"phpunit"}, setupPHP},
	{[]string{"dotnet"}, setupDotnet},
	{[]string{"bats"}, setupBats},
}

// Make is the plan for suites of a tree.
func Make(t *suite.Tree, suites []suite.Detected) Plan {
	p := Plan{tree: t, installs: map[string][]Install{}}
	for _, e := range ecosystems {
		var dirs []string
		kinds := map[string][]string{}
		for _, d := range suites {
			if dir := path.Clean(d.Spec.Dir); slices.Contains(e.kinds, d.Kind()) {
				if kinds[dir] == nil {
					dirs = append(dirs, dir)
				}
				kinds[dir] = append(kinds[dir], d.Kind())
			}
		}
		if len(dirs) == 0 {
			continue
		}
		steps, installs := e.setup(t, dirs, kinds)
		for _, s := range steps {
			if !slices.ContainsFunc(p.steps, func(have step) bool { return fmt.Sprint(have) == fmt.Sprint(s) }) {
				p.steps = append(p.steps, s)
			}
		}
		for _, d := range suites {
			if slices.Contains(e.kinds, d.Kind()) {
				p.installs[d.Spec.Name] = installs[path.Clean(d.Spec.Dir)]
			}
		}
	}
	return p
}

// version is the first group of the first pattern that a file above a folder holds.
func version(t *suite.Tree, dir string, what *regexp.Regexp, names ...string) string {
	for _, name := range names {
		if file := t.Above(dir, name); file != "" {
			if m := what.FindStringSubmatch(t.Read(file)); m != nil {
				return m[1]
			}
		}
	}
	return ""
}

func setupGo(t *suite.Tree, dirs []string, _ map[string][]string) ([]step, map[string][]Install) {
	s := step{uses: "actions/setup-go"}
	var sums []string
	for _, dir := range dirs {
		file := t.Above(dir, "go.mod")
		if file == "" {
			continue
		}
		if len(s.with) == 0 {
			s.with = append(s.with, pair{"go-version-file", file})
		}
		if sum := path.Join(path.Dir(file), "go.sum"); t.Has(sum) && !slices.Contains(sums, sum) {
			sums = append(sums, sum)
		}
	}
	switch {
	case len(s.with) == 0:
		s.with = append(s.with, pair{"go-version", "stable"})
	case len(sums) == 0:
		s.raw = append(s.raw, pair{"cache", "false"})
		s.note = "without a go.sum nothing is there to cache"
	case len(sums) > 1 || sums[0] != "go.sum":
		s.with = append(s.with, pair{"cache-dependency-path", strings.Join(sums, "\n")})
	}
	return []step{s}, nil
}

var (
	nodeEngines = regexp.MustCompile(`"(?:engines|volta|devEngines)"\s*:\s*\{[^{}]*(?:\{[^{}]*\}[^{}]*)*"node"`)
	lockVersion = regexp.MustCompile(`(?m)^lockfileVersion: '?(\d+)`)
	toolNode    = regexp.MustCompile(`(?m)^nodejs\s`)
)

// nodeProject is a folder with the packages of suites.
type nodeProject struct {
	dir, manager, lock string
	berry              bool
}

// project is the one that a folder belongs to: its nearest lock file knows.
func project(t *suite.Tree, dir string) nodeProject {
	locks := []string{"package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb"}
	p := nodeProject{manager: "npm", lock: t.Above(dir, locks...)}
	if p.lock == "" {
		p.dir = "."
		if manifest := t.Above(dir, "package.json"); manifest != "" {
			p.dir = path.Dir(manifest)
		}
		return p
	}
	p.dir = path.Dir(p.lock)
	switch base := path.Base(p.lock); {
	case base == "pnpm-lock.yaml":
		p.manager = "pnpm"
	case base == "yarn.lock":
		p.manager = "yarn"
		p.berry = t.Has(path.Join(p.dir, ".yarnrc.yml")) || strings.Contains(t.Read(p.lock), "\n__metadata:")
	case strings.HasPrefix(base, "bun"):
		p.manager = "bun"
	}
	return p
}

// install is the command that installs exactly what the lock file says.
func (p nodeProject) install() string {
	switch {
	case p.manager == "pnpm":
		return "pnpm install --frozen-lockfile"
	case p.manager == "yarn" && p.berry:
		return "yarn install --immutable"
	case p.manager == "yarn":
		return "yarn install --frozen-lockfile"
	case p.manager == "bun":
		return "bun install --frozen-lockfile"
	case p.lock == "":
		return "npm install"
	}
	return "npm ci"
}

func setupNode(t *suite.Tree, dirs []string, kinds map[string][]string) ([]step, map[string][]Install) {
	var projects []nodeProject
	installs := map[string][]Install{}
	var browsers []step
	for _, dir := range dirs {
		if ofNodeAlone(t, dir, kinds[dir]) {
			continue
		}
		p := project(t, dir)
		if !slices.Contains(projects, p) {
			projects = append(projects, p)
		}
		installs[dir] = []Install{{p.dir, p.install()}}
		if slices.Contains(kinds[dir], "playwright") {
			const command = "npx --no-install playwright install --with-deps"
			browsers = append(browsers, step{run: command, dir: dir})
			installs[dir] = append(installs[dir], Install{dir, "npx playwright install"})
		}
	}
	var steps []step
	node := step{uses: "actions/setup-node", with: nodeVersion(t, dirs[0])}
	var locks []string
	cached := len(projects) > 0
	for _, p := range projects {
		cached = cached && p.lock != "" && p.manager == projects[0].manager && p.manager != "bun"
		locks = append(locks, p.lock)
		switch {
		case p.manager == "pnpm":
			steps = append(steps, pnpm(t, p))
		case p.manager == "yarn" && p.berry:
			steps = append(steps, step{note: "the version of Yarn that the repository names", run: "corepack enable", dir: "."})
		}
	}
	if cached {
		node.with = append(node.with, pair{"cache", projects[0].manager})
		if len(locks) > 1 || path.Dir(locks[0]) != "." {
			node.with = append(node.with, pair{"cache-dependency-path", strings.Join(locks, "\n")})
		}
	} else {
		node.raw = append(node.raw, pair{"package-manager-cache", "false"})
	}
	steps = append(steps, node)
	for _, p := range projects {
		s := step{run: p.install(), dir: p.dir}
		switch {
		case p.manager == "bun":
			s.note = "Bun, from npm; its lock file says which packages"
			s.run = "npm install --global bun && bun install --frozen-lockfile"
		case p.lock == "":
			s.note = "commit a lock file, and use npm ci here: then every run installs the same packages"
		}
		steps = append(steps, s)
	}
	return append(steps, browsers...), installs
}

// ofNodeAlone reports whether suites need no package: those of node:test, where their package.json names none.
func ofNodeAlone(t *suite.Tree, dir string, kinds []string) bool {
	manifest := t.Above(dir, "package.json")
	return !slices.ContainsFunc(kinds, func(kind string) bool { return kind != "nodetest" }) && (manifest == "" || len(t.Package(manifest).Uses) == 0)
}

func nodeVersion(t *suite.Tree, dir string) []pair {
	if file := t.Above(dir, ".nvmrc", ".node-version"); file != "" {
		return []pair{{"node-version-file", file}}
	}
	if file := t.Above(dir, ".tool-versions"); file != "" && toolNode.MatchString(t.Read(file)) {
		return []pair{{"node-version-file", file}}
	}
	if file := t.Above(dir, "package.json"); file != "" && nodeEngines.MatchString(t.Read(file)) {
		return []pair{{"node-version-file", file}}
	}
	return []pair{{"node-version", "lts/*"}}
}

// pnpm installs pnpm, at the version that package.json names, else one that writes such a lock file.
func pnpm(t *suite.Tree, p nodeProject) step {
	s := step{uses: "pnpm/action-setup"}
	manifest := path.Join(p.dir, "package.json")
	named := t.Has(manifest) && t.Package(manifest).Manager != ""
	if !named {
		number := "10"
		if m := lockVersion.FindStringSubmatch(t.Read(p.lock)); m != nil && m[1] < "9" && len(m[1]) == 1 {
			number = "8"
		}
		s.note = "package.json names no version of pnpm (packageManager); this one reads its lock file"
		s.with = append(s.with, pair{"version", number})
	}
	if p.dir != "." && named {
		s.with = append(s.with, pair{"package_json_file", manifest})
	}
	return s
}

var (
	pomRelease   = regexp.MustCompile(`<(?:maven\.compiler\.release|java\.version|release|maven\.compiler\.target|maven\.compiler\.source)>\s*(?:1\.)?(\d+)\s*<`)
	gradleTarget = regexp.MustCompile(`(?:JavaLanguageVersion\.of\(|jvmToolchain\(|sourceCompatibility\s*=\s*(?:JavaVersion\.VERSION_|['"])?(?:1[._])?)\s*(\d+)`)
)

func setupJava(t *suite.Tree, dirs []string, kinds map[string][]string) ([]step, map[string][]Install) {
	dir := dirs[0]
	cache := "maven"
	if slices.Contains(kinds[dir], "junit5-gradle") {
		cache = "gradle"
	}
	s := step{uses: "actions/setup-java", with: []pair{{"distribution", "temurin"}}}
	number := version(t, dir, pomRelease, "pom.xml")
	if cache == "gradle" {
		number = version(t, dir, gradleTarget, "build.gradle", "build.gradle.kts", "app/build.gradle", "app/build.gradle.kts")
	}
	switch file := t.Above(dir, ".java-version", ".sdkmanrc"); {
	case file != "":
		s.with = append(s.with, pair{"java-version-file", file})
	case number != "":
		s.with = append(s.with, pair{"java-version", number})
	default:
		s.note = "the build does not say which Java; change this to yours"
		s.with = append(s.with, pair{"java-version", "21"})
	}
	s.with = append(s.with, pair{"cache", cache})
	return []step{s}, nil
}

var (
	pyRequires = regexp.MustCompile(`(?m)^\s*(?:requires-python|python)\s*=`)
	pyExtra    = regexp.MustCompile(`(?m)^(test|tests|testing|dev)\s*=\s*\[`)
	pyGroups   = regexp.MustCompile(`(?ms)^\[dependency-groups\]\s*$(.*?)(?:^\[|\z)`)
	pyExtras   = regexp.MustCompile(`(?ms)^\[project\.optional-dependencies\]\s*$(.*?)(?:^\[|\z)`)
)

// requirements are files that name packages for pip; each that is there is installed.
var requirements = []string{
	"requirements.txt", "requirements-dev.txt", "requirements-test.txt", "requirements-tests.txt", "dev-requirements.txt", "test-requirements.txt",
	"requirements_dev.txt", "requirements_test.txt", "requirements/dev.txt", "requirements/test.txt", "requirements/tests.txt", "tests/requirements.txt",
	"e2e/requirements.txt",
}

func setupPython(t *suite.Tree, dirs []string, kinds map[string][]string) ([]step, map[string][]Install) {
	installs := map[string][]Install{}
	var steps, later []step
	var cached []string
	python := step{uses: "actions/setup-python", with: pythonVersion(t, dirs[0])}
	tool := ""
	uses := func(name string) bool { // one setup knows one cache
		first := tool == "" || tool == name
		if first {
			tool = name
		}
		return first
	}
	for _, dir := range dirs {
		lock := t.Above(dir, "uv.lock", "poetry.lock", "Pipfile.lock")
		at := path.Dir(lock)
		switch path.Base(lock) {
		case "uv.lock":
			steps = append(steps, step{uses: "astral-sh/setup-uv"})
			later = append(later, step{run: "uv sync --locked", dir: at})
			installs[dir] = []Install{{at, "uv sync"}}
			continue
		case "poetry.lock":
			steps = append(steps, step{run: "pipx install poetry", dir: "."})
			later = append(later, step{run: "poetry install --no-interaction", dir: at})
			installs[dir] = []Install{{at, "poetry install"}}
			if uses("poetry") {
				cached = append(cached, lock)
			}
			continue
		case "Pipfile.lock":
			steps = append(steps, step{run: "pipx install pipenv", dir: "."})
			later = append(later, step{run: "pipenv sync --dev", dir: at})
			installs[dir] = []Install{{at, "pipenv sync --dev"}}
			if uses("pipenv") {
				cached = append(cached, lock)
			}
			continue
		}
		in, command, files := pip(t, dir, kinds[dir])
		later = append(later, step{run: command, dir: in})
		installs[dir] = []Install{{in, command}}
		if len(files) > 0 && uses("pip") {
			cached = append(cached, files...)
		}
	}
	if tool != "" {
		python.with = append(python.with, pair{"cache", tool})
		if !slices.Equal(cached, []string{"requirements.txt"}) {
			python.with = append(python.with, pair{"cache-dependency-path", strings.Join(cached, "\n")})
		}
	}
	return append(append(steps, python), later...), installs
}

func pythonVersion(t *suite.Tree, dir string) []pair {
	if file := t.Above(dir, ".python-version"); file != "" {
		return []pair{{"python-version-file", file}}
	}
	if file := t.Above(dir, "pyproject.toml"); file != "" && pyRequires.MatchString(t.Read(file)) {
		return []pair{{"python-version-file", file}}
	}
	return []pair{{"python-version", "3.x"}}
}

// pip is the command that installs the packages of a folder's suites, where it starts, and the files
// that it reads. It holds only names that are known here.
func pip(t *suite.Tree, dir string, kinds []string) (in, command string, files []string) {
	in = "."
	if file := t.Above(dir, append([]string{"pyproject.toml", "setup.py"}, requirements...)...); file != "" {
		in = path.Dir(file)
	}
	// tests/requirements.txt above is that of the folder which holds tests.
	if base := path.Base(in); in != "." && slices.Contains([]string{"requirements", "tests", "e2e"}, base) && !t.Has(path.Join(in, "requirements.txt")) {
		in = path.Dir(in)
	}
	var args []string
	text := ""
	for _, name := range requirements {
		if file := path.Join(in, name); t.Has(file) {
			args = append(args, "-r "+name)
			files = append(files, file)
			text += t.Read(file)
		}
	}
	if file := path.Join(in, "pyproject.toml"); t.Has(file) && strings.Contains(t.Read(file), "[project]") {
		files = append(files, file)
		all := t.Read(file)
		text += all
		own := "-e ."
		if m := pyExtras.FindStringSubmatch(all); m != nil {
			if extra := pyExtra.FindStringSubmatch(m[1]); extra != nil {
				own = `-e ".[` + extra[1] + `]"`
			}
		}
		args = append(args, own)
		if m := pyGroups.FindStringSubmatch(all); m != nil {
			if group := pyExtra.FindStringSubmatch(m[1]); group != nil {
				args = append(args, "--group "+group[1])
			}
		}
	} else if file := path.Join(in, "setup.py"); t.Has(file) {
		args, files = append(args, "-e ."), append(files, file)
		text += t.Read(file)
	}
	for kind, needs := range map[string]string{"pytest": "pytest", "robot": "robotframework", "behave": "behave"} {
		if slices.Contains(kinds, kind) && !strings.Contains(strings.ToLower(text), needs) {
			args = append(args, needs)
		}
	}
	return in, "pip install " + strings.Join(args, " "), files
}

var gemRuby = regexp.MustCompile(`(?m)^ruby\s+["'](\d+\.\d+(?:\.\d+)?)["']`)

func setupRuby(t *suite.Tree, dirs []string, _ map[string][]string) ([]step, map[string][]Install) {
	installs := map[string][]Install{}
	var steps []step
	for _, dir := range dirs {
		s := step{uses: "ruby/setup-ruby"}
		gemfile := t.Above(dir, "Gemfile")
		at := path.Dir(gemfile)
		if gemfile == "" {
			at = "."
		}
		switch number := version(t, dir, gemRuby, "Gemfile"); {
		case t.Has(path.Join(at, ".ruby-version")) || t.Has(path.Join(at, ".tool-versions")): // the action reads them
		case number != "":
			s.with = append(s.with, pair{"ruby-version", number})
		default:
			s.with = append(s.with, pair{"ruby-version", "ruby"})
		}
		if gemfile == "" {
			steps = append(steps, s, step{note: "commit a Gemfile: then every run installs the same gems", run: "gem install rspec", dir: "."})
			installs[dir] = []Install{{".", "gem install rspec"}}
			continue
		}
		s.raw = append(s.raw, pair{"bundler-cache", "true"})
		if at != "." {
			s.with = append(s.with, pair{"working-directory", at})
		}
		steps = append(steps, s)
		installs[dir] = []Install{{at, "bundle install"}}
	}
	return steps, installs
}

var phpRequires = regexp.MustCompile(`"php"\s*:\s*"[^0-9"]*(\d+\.\d+)`)

func setupPHP(t *suite.Tree, dirs []string, _ map[string][]string) ([]step, map[string][]Install) {
	installs := map[string][]Install{}
	php := step{uses: "shivammathur/setup-php", with: []pair{{"coverage", "none"}}}
	if number := version(t, dirs[0], phpRequires, "composer.json"); number != "" && t.Above(dirs[0], ".php-version") == "" {
		php.with = append(php.with, pair{"php-version", number})
	}
	steps := []step{php}
	seen := map[string]bool{}
	for _, dir := range dirs {
		manifest := t.Above(dir, "composer.json")
		if manifest == "" {
			steps[0].with = append(steps[0].with, pair{"tools", "phpunit"})
			installs[dir] = []Install{{".", "composer require --dev phpunit/phpunit"}}
			continue
		}
		at := path.Dir(manifest)
		installs[dir] = []Install{{at, "composer install"}}
		if seen[at] {
			continue
		}
		seen[at] = true
		if lock := path.Join(at, "composer.lock"); t.Has(lock) && len(seen) == 1 {
			steps = append(steps, step{id: "composer", run: `echo "dir=$(composer config cache-files-dir)" >> "$GITHUB_OUTPUT"`, dir: "."},
				step{uses: "actions/cache", raw: []pair{{"path", "${{ steps.composer.outputs.dir }}"}, {"key", "composer-${{ hashFiles('**/composer.lock') }}"},
					{"restore-keys", "composer-"}}})
		}
		steps = append(steps, step{run: "composer install --no-interaction --no-progress --prefer-dist", dir: at})
	}
	return steps, installs
}

var targetFramework = regexp.MustCompile(`<TargetFrameworks?>\s*net(\d+\.\d+)`)

func setupDotnet(t *suite.Tree, dirs []string, _ map[string][]string) ([]step, map[string][]Install) {
	s := step{uses: "actions/setup-dotnet"}
	dir := dirs[0]
	if file := t.Above(dir, "global.json"); file != "" {
		s.with = append(s.with, pair{"global-json-file", file})
	} else {
		number := version(t, dir, targetFramework, "Directory.Build.props")
		for _, file := range t.Below(dir, "*.csproj", "*.fsproj", "*.vbproj") {
			if m := targetFramework.FindStringSubmatch(t.Read(file)); m != nil && number == "" {
				number = m[1]
			}
		}
		if number == "" {
			number, s.note = "10.0", "the projects do not say which .NET; change this to yours"
		}
		s.with = append(s.with, pair{"dotnet-version", number + ".x"})
	}
	if locks := t.Below(dir, "packages.lock.json"); len(locks) > 0 {
		s.with, s.raw = append(s.with, pair{"cache-dependency-path", strings.Join(locks, "\n")}), append(s.raw, pair{"cache", "true"})
	}
	return []step{s}, nil
}

func setupBats(_ *suite.Tree, dirs []string, _ map[string][]string) ([]step, map[string][]Install) {
	const command = "sudo apt-get update && sudo apt-get install --yes bats"
	installs := map[string][]Install{}
	for _, dir := range dirs {
		installs[dir] = []Install{{".", command}}
	}
	return []step{{run: command, dir: "."}}, installs
}
