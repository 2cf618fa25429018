package suite

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Detected is a suite that a repository seems to have.
type Detected struct {
	// Files prove it, from the repository root with forward slashes, sorted.
	Files []string
	// Spec is what a config would say of it; its name is the framework's, with the
	// directory where several have it.
	Spec Spec
}

const (
	// maxSearched and maxDepth bound what is looked at in a repository.
	maxSearched = 50_000
	maxDepth    = 8
	// maxManifest bounds a file that is read to look for a framework's name in it.
	maxManifest = 1 << 20
)

// tree is the files of a repository, from its root, without those of packages and
// builds.
type tree struct {
	root  string
	files []string
}

// Detect looks for suites in a repository. It reads names and a few manifests, and
// starts nothing; what cannot be read is left out.
func Detect(root string) []Detected {
	t := &tree{root: root}
	t.walk(".", 0)
	slices.Sort(t.files)
	var all []Detected
	for _, name := range slices.Sorted(maps.Keys(frameworks)) {
		if detect := frameworks[name].detect; detect != nil {
			all = append(all, named(name, detect(t))...)
		}
	}
	return all
}

func (t *tree) walk(dir string, depth int) {
	entries, err := os.ReadDir(filepath.Join(t.root, filepath.FromSlash(dir)))
	if err != nil || depth > maxDepth {
		return
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case len(t.files) >= maxSearched || built(e.Name()):
			continue
		case e.Type().IsRegular():
			t.files = append(t.files, name)
		case e.Type() == fs.ModeDir && !strings.HasPrefix(e.Name(), ".") && e.Name() != "testdata":
			t.walk(name, depth+1)
		}
	}
}

// named completes what a framework has found: one suite for each directory.
func named(framework string, found []Detected) []Detected {
	seen := map[string]int{}
	for i := range found {
		s := &found[i].Spec
		s.Framework, s.Name = framework, framework
		if s.Dir == "." {
			s.Dir = ""
		}
		if len(found) > 1 && s.Dir != "" {
			s.Name = framework + "-" + strings.ReplaceAll(s.Dir, "/", "-")
		}
		if seen[s.Name]++; seen[s.Name] > 1 {
			s.Name += "-" + strconv.Itoa(seen[s.Name])
		}
		slices.Sort(found[i].Files)
	}
	return found
}

// matching are the files whose base name matches one of the patterns.
func (t *tree) matching(patterns ...string) []string {
	var found []string
	for _, file := range t.files {
		for _, pattern := range patterns {
			if ok, _ := path.Match(pattern, path.Base(file)); ok {
				found = append(found, file)
				break
			}
		}
	}
	return found
}

// holding are the files of these names that hold one of the texts.
func (t *tree) holding(texts []string, patterns ...string) []string {
	return slices.DeleteFunc(t.matching(patterns...), func(file string) bool {
		info, err := os.Stat(filepath.Join(t.root, filepath.FromSlash(file)))
		if err != nil || info.Size() > maxManifest {
			return true
		}
		data, err := os.ReadFile(filepath.Join(t.root, filepath.FromSlash(file)))
		return err != nil || !slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(string(data), text) })
	})
}

// byDir makes a suite of each directory that holds one of the files; those below
// another such directory belong to it.
func byDir(files []string) []Detected {
	var found []Detected
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b string) int {
		return strings.Compare(path.Dir(a)+"/", path.Dir(b)+"/")
	})
	for _, file := range files {
		at := slices.IndexFunc(found, func(d Detected) bool {
			return d.Spec.Dir == "." || path.Dir(file) == d.Spec.Dir || strings.HasPrefix(file, d.Spec.Dir+"/")
		})
		if path.Dir(file) == "." {
			at = slices.IndexFunc(found, func(d Detected) bool { return d.Spec.Dir == "." })
		}
		if at < 0 {
			found = append(found, Detected{Spec: Spec{Dir: path.Dir(file)}})
			at = len(found) - 1
		}
		found[at].Files = append(found[at].Files, file)
	}
	return found
}

// scripts are the names under which a configuration in JavaScript may stand.
func scripts(name string) []string {
	var all []string
	for _, ext := range []string{"js", "cjs", "mjs", "ts", "cts", "mts"} {
		all = append(all, name+"."+ext)
	}
	return all
}

// manifests are the package.json files that name a package of npm.
func (t *tree) manifests(name string) []string {
	return t.holding([]string{`"` + name + `"`}, "package.json")
}

func detectPytest(t *tree) []Detected {
	files := append(t.matching("pytest.ini", ".pytest.ini"), t.holding([]string{"[tool.pytest", "[tool:pytest]", "[pytest]"}, "pyproject.toml", "setup.cfg", "tox.ini")...)
	if len(files) == 0 {
		files = t.matching("conftest.py")
	}
	return byDir(files)
}

func detectPlaywright(t *tree) []Detected {
	return byDir(t.matching(scripts("playwright.config")...))
}

func detectCypress(t *tree) []Detected { return byDir(t.matching(scripts("cypress.config")...)) }

func detectVitest(t *tree) []Detected {
	return byDir(append(t.matching(append(scripts("vitest.config"), scripts("vitest.workspace")...)...), t.manifests("vitest")...))
}

func detectJest(t *tree) []Detected {
	return byDir(append(t.matching(append(scripts("jest.config"), "jest.config.json")...), t.manifests("jest")...))
}

// detectCucumber takes the place of the manifest of cucumber-js; other Cucumbers are
// started by a build tool, which run: of the suite has to name.
func detectCucumber(t *tree) []Detected {
	if len(t.matching("*.feature")) == 0 {
		return nil
	}
	return byDir(append(t.matching(append(scripts("cucumber"), "cucumber.json", "cucumber.yaml", "cucumber.yml")...), t.manifests("@cucumber/cucumber")...))
}

// detectGoTest wants tests that a build tag keeps out of the usual go test ./..., or
// a folder that says what it holds.
func detectGoTest(t *tree) []Detected {
	var all []Detected
	for _, module := range byDir(t.matching("go.mod")) {
		for _, tag := range []string{"e2e", "integration"} {
			var files []string
			for _, file := range t.holding([]string{"//go:build " + tag + "\n"}, "*_test.go") {
				if module.Spec.Dir == "." || strings.HasPrefix(file, module.Spec.Dir+"/") {
					files = append(files, file)
				}
			}
			if len(files) > 0 {
				all = append(all, Detected{Files: append(files, module.Files[0]), Spec: Spec{Dir: module.Spec.Dir, Args: []string{"-tags=" + tag}}})
			}
		}
	}
	return all
}
