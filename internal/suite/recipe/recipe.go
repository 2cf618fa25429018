// Package recipe finds suites of frameworks that have no adapter, and says how framework: command
// runs them: what to start, where the JUnit XML is, and what to install for that.
//
// A recipe is a suite as a person would write it by hand: docs/frameworks.md shows the same ones.
package recipe

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/suite/adapter"
)

// Recipe is a framework that runs as framework: command.
type Recipe struct {
	// Runner is its name.
	Runner string
	// Signs are what Detect looks for.
	Signs  string
	detect func(t *adapter.Tree) []adapter.Detected
	// byTest is the heading of docs/frameworks.md that has a recipe with list; empty: it has none that was run.
	byTest string
}

// All are the recipes, sorted by name.
var All = []Recipe{
	{"bats", "*.bats", bats, "bats"},
	{"dotnet", "a *.csproj, *.fsproj or *.vbproj with Microsoft.NET.Test.Sdk", dotnet, ""},
	{"minitest", "test/**/*_test.rb or test_*.rb, with minitest or Rails in a Gemfile", minitest, "minitest"},
	{"newman", "newman in a package.json, and a *.postman_collection.json", newman, ""},
}

// Detect finds suites of one recipe.
func (r Recipe) Detect(t *adapter.Tree) []adapter.Detected {
	found := r.detect(t)
	for i := range found {
		d := &found[i]
		d.Runner, d.Spec.Framework = r.Runner, "command"
		if d.Spec.Reports == nil {
			d.Spec.Reports = []string{"{report_dir}/*.xml"}
		}
		if len(d.Spec.List) == 0 && r.byTest != "" {
			d.Recipe = "it runs as a whole, on one shard; with list it has shards and single reruns: docs/frameworks.md#" + r.byTest + " of e2e-gate shows how"
		}
	}
	return found
}

// lacks is the line that says what to install, unless one of the files mentions it.
func lacks(t *adapter.Tree, what, install string, files ...string) []string {
	for _, file := range files {
		if file != "" && strings.Contains(t.Read(file), what) {
			return nil
		}
	}
	return []string{install}
}

// counted are suites with the number of tests that the files in their folders hold.
func counted(t *adapter.Tree, found []adapter.Detected, what *regexp.Regexp, patterns ...string) []adapter.Detected {
	for i, d := range found {
		found[i].Tests = t.Count(t.Below(d.Spec.Dir, patterns...), what)
	}
	return found
}

var rubyTest = regexp.MustCompile(`(?m)^\s*(?:def test_|(?:test|it) ['"])`)

// above is the folder that holds the topmost folder of a name in a path; empty: no folder has it.
func above(file, name string) string {
	parts := strings.Split(path.Dir(file), "/")
	at := slices.Index(parts, name)
	if at < 0 {
		return ""
	}
	return path.Join(append([]string{"."}, parts[:at]...)...)
}

func minitest(t *adapter.Tree) []adapter.Detected {
	var files []string
	for _, file := range t.Matching("*_test.rb", "test_*.rb") {
		dir := above(file, "test")
		if dir == "" || path.Base(file) == "test_helper.rb" {
			continue
		}
		if gemfile := t.Above(dir, "Gemfile"); gemfile != "" && (strings.Contains(t.Read(gemfile), "minitest") || strings.Contains(t.Read(gemfile), "rails")) {
			files = append(files, path.Join(dir, "test"))
		}
	}
	slices.Sort(files)
	found := counted(t, adapter.ByDir(slices.Compact(files)), rubyTest, "*_test.rb", "test_*.rb")
	for i, d := range found {
		const options = "--junit --junit-filename={report_dir}/minitest.xml"
		if t.Has(path.Join(d.Spec.Dir, "bin/rails")) {
			found[i].Spec.Run = append([]string{"./bin/rails", "test"}, strings.Fields(options)...)
		} else {
			found[i].Spec.Run = []string{"bundle", "exec", "rake", "test", "TESTOPTS=" + options}
		}
		found[i].Needs = lacks(t, "minitest-junit", `it writes JUnit XML with a gem: gem "minitest-junit" in the Gemfile`,
			t.Above(d.Spec.Dir, "Gemfile"), t.Above(d.Spec.Dir, "Gemfile.lock"))
	}
	return found
}

// eachFile starts a command of a shell for each file of a batch. It reads $file, and writes its report below $reports/$file.
func eachFile(command string) []string {
	return []string{"sh", "-c", `reports=$1; shift; status=0; for file; do mkdir -p "$reports/$file"; ` + command + " || status=1; done; exit $status",
		"sh", "{report_dir}", "{tests}"}
}

var dotnetTest = regexp.MustCompile(`(?m)^\s*\[(?:Fact|Theory|Test|TestCase|TestMethod|DataTestMethod|SkippableFact)\b`)

func dotnet(t *adapter.Tree) []adapter.Detected {
	projects := t.Holding([]string{"Microsoft.NET.Test.Sdk"}, "*.csproj", "*.fsproj", "*.vbproj")
	var found []adapter.Detected
	for _, project := range projects {
		dir := path.Dir(project)
		for at := dir; ; at = path.Dir(at) { // a solution runs all its test projects
			if slices.ContainsFunc(t.Below(at, "*.sln", "*.slnx"), func(file string) bool { return path.Dir(file) == at }) {
				dir = at
				break
			}
			if at == "." {
				break
			}
		}
		at := slices.IndexFunc(found, func(d adapter.Detected) bool { return d.Spec.Dir == dir })
		if at < 0 {
			found, at = append(found, adapter.Detected{Spec: adapter.Spec{Dir: dir, Run: []string{
				"dotnet", "test", "--logger", "junit;LogFilePath={report_dir}/{assembly}.xml",
			}}}), len(found)
		}
		d := &found[at]
		d.Files = append(d.Files, project)
		d.Tests += t.Count(t.Below(path.Dir(project), "*.cs", "*.fs", "*.vb"), dotnetTest)
		props := t.Above(path.Dir(project), "Directory.Build.props")
		if len(d.Needs) == 0 {
			d.Needs = lacks(t, "JunitXml.TestLogger", "each test project writes JUnit XML with a package: dotnet add package JunitXml.TestLogger", project, props)
		}
	}
	return found
}

func newman(t *adapter.Tree) []adapter.Detected {
	var found []adapter.Detected
	for _, manifest := range t.Manifests("newman") {
		dir := path.Dir(manifest)
		for _, file := range t.Below(dir, "*.postman_collection.json") {
			rel := file
			if dir != "." {
				rel = strings.TrimPrefix(file, dir+"/")
			}
			if strings.HasPrefix(rel, "-") {
				rel = "./" + rel
			}
			found = append(found, adapter.Detected{Files: []string{file, manifest}, Spec: adapter.Spec{Dir: dir, Run: []string{
				"npx", "--no-install", "newman", "run", rel, "--reporters", "cli,junit", "--reporter-junit-export", "{report_dir}/newman.xml",
			}}})
		}
	}
	return found
}

var batsTest = regexp.MustCompile(`(?m)^@test `)

func bats(t *adapter.Tree) []adapter.Detected {
	found := counted(t, adapter.ByDir(t.Matching("*.bats")), batsTest, "*.bats")
	for i, d := range found {
		spec := &found[i].Spec
		found[i].Program = "bats"
		// Bats can end before the file of its --report-formatter is whole; it waits for what goes to stdout.
		spec.Run = []string{"sh", "-c", `bats --recursive --formatter junit . > "$1/bats.xml"`, "sh", "{report_dir}"}
		if d.Tests == 0 || len(t.Below(d.Spec.Dir, "setup_suite.bash")) > 0 { // what such a file sets up is for all files at once
			continue
		}
		spec.List = []string{"sh", "-c", `find . \( -name ".?*" -o -name node_modules \) -prune -o -type f -name "*.bats" -print | ` +
			`while IFS= read -r file; do [ "$(bats --count "$file")" = 0 ] || echo "$file"; done`}
		spec.Run = eachFile(`bats --formatter junit "$file" >"$reports/$file/bats.xml"`)
		spec.Reports = []string{"{report_dir}/**/*.xml"}
	}
	return found
}
