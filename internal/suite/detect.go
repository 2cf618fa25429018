package suite

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/org/e2e-gate/internal/suite/adapter"
	"github.com/org/e2e-gate/internal/suite/recipe"
)

// Detected is a suite that was found in a repository.
type Detected = adapter.Detected

// Tree is the files of a repository.
type Tree = adapter.Tree

// ReadTree reads the names of a repository's files, or of those in some folders and above them.
func ReadTree(root string, folders ...string) *Tree { return adapter.ReadTree(root, folders...) }

// Detect looks for suites in a repository: those of the frameworks with an adapter, then those that
// run as framework: command. It reads names and sources, within bounds, and starts nothing; what
// cannot be read is left out.
func Detect(t *Tree) []Detected {
	var all []Detected
	for _, name := range slices.Sorted(maps.Keys(frameworks)) {
		if detect := frameworks[name].Detect; detect != nil {
			all = append(all, withVariables(t, name, named(name, "", detect(t)))...)
		}
	}
	for _, r := range recipe.All {
		all = append(all, named("command", r.Runner, r.Detect(t))...)
	}
	return all
}

// started says how frameworks of Node are started: by a program, and a word behind it in a script that runs tests.
var started = map[string][][2]string{
	"cucumber": {{"cucumber-js"}}, "cypress": {{"cypress", "run"}}, "jest": {{"jest"}}, "mocha": {{"mocha"}}, "nodetest": {{"node", "--test"}, {"tsx", "--test"}},
	"playwright": {{"playwright", "test"}}, "vitest": {{"vitest"}}, "webdriverio": {{"wdio"}},
}

// withVariables gives suites the variables that the script of their package.json sets for the framework: without its
// NODE_OPTIONS, a suite of ES modules in Jest may not load.
func withVariables(t *Tree, framework string, found []Detected) []Detected {
	for i := range found {
		scripts := t.Package(path.Join(found[i].Spec.Dir, "package.json"))
		for _, start := range started[framework] {
			if env := scripts.VariablesOf(start[0], start[1]); env != nil {
				found[i].Spec.Env = env
			}
		}
	}
	return found
}

// named completes what a framework has found: one suite for each directory.
func named(framework, runner string, found []Detected) []Detected {
	for i := range found {
		found[i].Spec.Framework, found[i].Runner = framework, runner
		slices.Sort(found[i].Files)
	}
	return Rename(found)
}

// Rename names suites by their kind, with the directory where there are several of one kind.
func Rename(found []Detected) []Detected {
	kinds, seen := map[string]int{}, map[string]int{}
	for _, d := range found {
		kinds[d.Kind()]++
	}
	for i := range found {
		s := &found[i].Spec
		if s.Dir = path.Clean(s.Dir); s.Dir == "." {
			s.Dir = ""
		}
		s.Name = found[i].Kind()
		if kinds[s.Name] > 1 && s.Dir != "" {
			s.Name += "-" + strings.ReplaceAll(s.Dir, "/", "-")
		}
		if seen[s.Name]++; seen[s.Name] > 1 {
			s.Name += "-" + strconv.Itoa(seen[s.Name])
		}
	}
	return found
}

// Narrow is a suite without the tests outside of a folder; false: it has none in there, or
// cannot start there.
func Narrow(d Detected, folder string) (Detected, bool) {
	in := func(dir string) bool { return folder == "." || dir == folder || strings.HasPrefix(dir, folder+"/") }
	if in(path.Clean(d.Spec.Dir)) {
		d.Folders = nil // the folder was named
		return d, true
	}
	outside := !strings.HasPrefix(folder, d.Spec.Dir+"/") && d.Spec.Dir != ""
	if outside || !d.Narrows {
		return d, false
	}
	d.Files = slices.DeleteFunc(slices.Clone(d.Files), func(file string) bool { return !in(path.Dir(file)) })
	if d.Folders != nil {
		var inside []string
		d.Tests = 0
		for _, f := range d.Folders {
			if in(f.Dir) {
				d.Tests += f.Tests
				inside = append(inside, f.Dir)
			}
		}
		d.Folders = nil
		if len(d.Files) == 0 {
			d.Files = inside
		}
	}
	// What names folders names those of the whole suite.
	d.Spec.Args = slices.DeleteFunc(slices.Clone(d.Spec.Args), func(arg string) bool { return !strings.HasPrefix(arg, "-") })
	d.Spec.Dir = folder
	return d, len(d.Files) > 0
}

// Signs are what [Detect] looks for, a line for each framework, sorted.
func Signs() []string {
	var signs []string
	for _, name := range slices.Sorted(maps.Keys(frameworks)) {
		if f := frameworks[name]; f.Detect != nil {
			signs = append(signs, name+": "+f.Signs)
		}
	}
	for _, r := range recipe.All {
		signs = append(signs, r.Runner+": "+r.Signs)
	}
	slices.Sort(signs)
	return signs
}

// Folder is a folder with about how many tests.
type Folder = adapter.Folder

// Only is a suite with the tests of one of its folders, and of those below it.
func Only(d Detected, f Folder) Detected {
	if f.Dir == path.Clean(d.Spec.Dir) { // not those below it, which are all
		d.Spec.Packages, d.Tests, d.Folders, d.Files = []string{"."}, f.Tests, nil, []string{f.Dir}
		return d
	}
	d, _ = Narrow(d, f.Dir)
	return d
}
