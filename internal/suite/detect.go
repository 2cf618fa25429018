package suite

import (
	"cmp"
	"encoding/json"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Detected is a suite that a repository seems to have.
type Detected struct {
	Spec Spec
	// Why says what it was found by: one line.
	Why string
}

// Detect looks for suites of all frameworks below a directory, sorted by directory,
// with a name each. Nothing is started.
func Detect(root string) ([]Detected, error) {
	r := repository{root: root}
	if err := walkSources(root, func(file string) error {
		rel, err := filepath.Rel(root, file)
		if err == nil && len(r.files) < maxDetected && !slices.Contains(strings.Split(filepath.ToSlash(rel), "/"), "testdata") {
			r.files = append(r.files, filepath.ToSlash(rel))
		}
		return err
	}); err != nil {
		return nil, err
	}
	var found []Detected
	for _, name := range slices.Sorted(maps.Keys(frameworks)) {
		if detect := frameworks[name].detect; detect != nil {
			for _, d := range detect(r) {
				d.Spec.Framework = name
				found = append(found, d)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b Detected) int { return cmp.Compare(a.Spec.Dir, b.Spec.Dir) })
	name(found)
	return found, nil
}

// Signs are what [Detect] looks for, a line for each framework, sorted.
func Signs() []string {
	var signs []string
	for _, name := range slices.Sorted(maps.Keys(frameworks)) {
		if f := frameworks[name]; f.detect != nil {
			signs = append(signs, name+": "+f.signs)
		}
	}
	return signs
}

// maxDetected bounds the files that are looked at.
const maxDetected = 200_000

// name gives each suite the name of its directory, with its framework's and a number
// where that is not enough.
func name(found []Detected) {
	taken := map[string]bool{}
	for i, d := range found {
		base := notInName.ReplaceAllString(path.Base(d.Spec.Dir), "-")
		if d.Spec.Dir == "" || strings.Trim(base, "-.") == "" {
			base = "e2e"
		}
		candidates := []string{base, base + "-" + d.Spec.Framework}
		for n := 2; taken[candidates[0]]; n++ {
			if candidates = candidates[1:]; len(candidates) == 0 {
				candidates = []string{base + "-" + d.Spec.Framework + "-" + string(rune('0'+n))}
			}
		}
		found[i].Spec.Name = candidates[0]
		taken[candidates[0]] = true
	}
}

var notInName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// repository is what detection sees.
type repository struct {
	root string
	// files are paths from root, with slashes, in order.
	files []string
}

// read returns the beginning of a file.
func (r repository) read(file string) string {
	f, err := os.Open(filepath.Join(r.root, filepath.FromSlash(file)))
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	text := make([]byte, 64<<10)
	n, _ := f.Read(text)
	return string(text[:n])
}

// named are the files whose name matches, shallow ones first.
func (r repository) named(pattern string) []string {
	var list []string
	for _, file := range r.files {
		if ok, err := path.Match(pattern, path.Base(file)); ok && err == nil {
			list = append(list, file)
		}
	}
	slices.SortStableFunc(list, func(a, b string) int { return strings.Count(a, "/") - strings.Count(b, "/") })
	return list
}

// under are the files below a directory that match.
func (r repository) under(dir, pattern string) []string {
	return slices.DeleteFunc(r.named(pattern), func(file string) bool { return !within(file, dir) })
}

func within(file, dir string) bool {
	return dir == "." || file == dir || strings.HasPrefix(file, dir+"/")
}

// tops are the directories of files that match, without those below another.
func (r repository) tops(patterns ...string) []string {
	var dirs []string
	for _, pattern := range patterns {
		for _, file := range r.named(pattern) {
			dirs = append(dirs, path.Dir(file))
		}
	}
	slices.SortFunc(dirs, func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.Count(a, "/"), strings.Count(b, "/")), cmp.Compare(a, b))
	})
	if slices.Contains(dirs, ".") {
		return []string{"."}
	}
	var tops []string
	for _, dir := range dirs {
		if !slices.ContainsFunc(tops, func(top string) bool { return within(dir, top) }) {
			tops = append(tops, dir)
		}
	}
	return tops
}

// spec is that of a suite in a directory as path.Dir gives it.
func specIn(dir string, args ...string) Spec {
	if dir == "." {
		dir = ""
	}
	return Spec{Dir: dir, Args: args}
}

// detectJUnit finds builds with tests that import JUnit 5.
func detectJUnit(tool string, args func(r repository, dir string) []string, markers ...string) func(r repository) []Detected {
	return func(r repository) []Detected {
		var found []Detected
		for _, dir := range r.tops(markers...) {
			for _, pattern := range []string{"*.java", "*.kt"} {
				at := slices.IndexFunc(r.under(dir, pattern), func(file string) bool { return strings.Contains(r.read(file), "org.junit.jupiter") })
				if at >= 0 {
					found = append(found, Detected{specIn(dir, args(r, dir)...), r.under(dir, pattern)[at] + " imports JUnit 5, and " + tool + " builds it"})
					break
				}
			}
		}
		return found
	}
}

func noArguments(repository, string) []string { return nil }

// gradleTasks are the source sets beside test that look like those of E2E tests, as
// tasks of the same name.
func gradleTasks(r repository, dir string) []string {
	var tasks []string
	for _, file := range r.files {
		if m := e2eSourceSet.FindStringSubmatch(file); m != nil && within(file, dir) && !slices.Contains(tasks, m[1]) {
			tasks = append(tasks, m[1])
		}
	}
	return tasks
}

var e2eSourceSet = regexp.MustCompile(`(?:^|/)src/((?:e2e|integration|acceptance|functional|smoke)Tests?)/`)

// e2ePath is a path with a directory that says that what is below it are E2E tests.
var e2ePath = regexp.MustCompile(`(?i)^(.*/)?(e2e|e2e[-_]tests?|end[-_]?(to|2)[-_]?end|integration[-_]?tests?|acceptance|journeys|smoke)(/|$)`)

var goBuildTag = regexp.MustCompile(`(?m)^//go:build (e2e|integration|acceptance|smoke)$`)

// detectGo finds directories of Go tests that are E2E tests by their name or by
// their build constraint: unit tests need no gate.
func detectGo(r repository) []Detected {
	var found []Detected
	for _, file := range r.named("*_test.go") {
		dir := path.Dir(file)
		tag := ""
		if m := goBuildTag.FindStringSubmatch(r.read(file)); m != nil {
			tag = m[1]
		}
		if tag == "" && !e2ePath.MatchString(dir) || slices.ContainsFunc(found, func(d Detected) bool { return within(dir, cmp.Or(d.Spec.Dir, ".")) }) {
			continue
		}
		if tag != "" {
			found = append(found, Detected{specIn(dir, "-tags="+tag), file + " has the build constraint " + tag})
		} else {
			found = append(found, Detected{specIn(dir), file + " is a Go test, and its folder says what for"})
		}
	}
	return found
}

// detectPython finds the directory from which pytest is started.
func detectPython(r repository) []Detected {
	tests := append(r.named("test_*.py"), r.named("*_test.py")...)
	if len(tests) == 0 {
		return nil
	}
	var found []Detected
	for _, file := range append(r.named("pytest.ini"), append(r.named("pyproject.toml"), append(r.named("setup.cfg"), r.named("tox.ini")...)...)...) {
		dir := path.Dir(file)
		known := slices.ContainsFunc(found, func(d Detected) bool { return within(dir, cmp.Or(d.Spec.Dir, ".")) })
		if has := slices.ContainsFunc(tests, func(t string) bool { return within(t, dir) }); has && !known && (path.Base(file) == "pytest.ini" || strings.Contains(r.read(file), "pytest")) {
			found = append(found, Detected{specIn(dir), file + " sets pytest up"})
		}
	}
	if len(found) == 0 {
		found = append(found, Detected{specIn(r.tops("conftest.py", "test_*.py", "*_test.py")[0]), tests[0] + " is a test of pytest"})
	}
	return found
}

// detectNode finds directories whose package.json needs a package, or that hold a
// file of the framework's own. (Cypress and Playwright are mostly set up by one.)
func detectNode(needs string, configs ...string) func(r repository) []Detected {
	return func(r repository) []Detected {
		var found []Detected
		add := func(dir, why string) {
			if !slices.ContainsFunc(found, func(d Detected) bool { return d.Spec.Dir == specIn(dir).Dir }) {
				found = append(found, Detected{specIn(dir), why})
			}
		}
		for _, pattern := range configs {
			for _, file := range r.named(pattern) {
				add(path.Dir(file), file+" sets it up")
			}
		}
		for _, file := range r.named("package.json") {
			var manifest struct{ Dependencies, DevDependencies map[string]string }
			if len(found) > 0 || json.Unmarshal([]byte(r.read(file)), &manifest) != nil {
				continue
			}
			if manifest.Dependencies[needs] != "" || manifest.DevDependencies[needs] != "" {
				add(path.Dir(file), file+" needs "+needs)
			}
		}
		return found
	}
}
