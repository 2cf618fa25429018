package pytest

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/suite/adapter"
)

// collected are the files that pytest collects.
var collected = []string{"test_*.py", "*_test.py"}

// test is a test of pytest or unittest, as it looks.
var test = regexp.MustCompile(`(?m)^\s*(?:async )?def test`)

// roots are files that stand at the root of a project in Python.
var roots = []string{"pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "requirements.txt", "Pipfile", "Pipfile.lock", "uv.lock", "poetry.lock"}

// detect looks for a configuration of pytest, else for a conftest.py, and for test files
// that lie outside of both.
func detect(t *adapter.Tree) []adapter.Detected {
	files := append(t.Matching("pytest.ini", ".pytest.ini"), t.Holding([]string{
		"[tool.pytest", "[tool:pytest]", "[pytest]",
	}, "pyproject.toml", "setup.cfg", "tox.ini")...)
	if len(files) == 0 {
		files = t.Matching("conftest.py")
	}
	found := adapter.ByDir(files)
	found = append(found, plain(t, found)...)
	for i := range found {
		d := &found[i]
		d.Tests, d.Narrows = t.Count(t.Below(d.Spec.Dir, collected...), test), true
		d.Spec.Run = starter(t, d.Spec.Dir)
	}
	return found
}

// plain are suites of test files that lie in none of those that were found. Each starts at the root
// of its project, as people start pytest, with the folders that hold the tests.
func plain(t *adapter.Tree, found []adapter.Detected) []adapter.Detected {
	var all []adapter.Detected
	for _, file := range t.Matching(collected...) {
		inside := func(d adapter.Detected) bool { return d.Spec.Dir == "." || strings.HasPrefix(file, d.Spec.Dir+"/") }
		if slices.ContainsFunc(found, inside) || len(test.FindStringIndex(t.Read(file))) == 0 {
			continue
		}
		dir := "."
		if root := t.Above(path.Dir(file), roots...); root != "" {
			dir = path.Dir(root)
		}
		at := slices.IndexFunc(all, func(d adapter.Detected) bool { return d.Spec.Dir == dir })
		if at < 0 {
			all, at = append(all, adapter.Detected{Spec: adapter.Spec{Dir: dir}}), len(all)
		}
		all[at].Files = append(all[at].Files, file)
	}
	for i := range all {
		all[i].Spec.Args = foldersOf(all[i])
	}
	return all
}

// maxFolders is how many folders are named to pytest; with more it looks for the tests itself.
const maxFolders = 5

// foldersOf are the arguments with which pytest collects what was found, and no other folder.
func foldersOf(d adapter.Detected) []string {
	var folders []string
	for _, file := range d.Files {
		if d.Spec.Dir != "." {
			file = strings.TrimPrefix(file, d.Spec.Dir+"/")
		}
		folder, _, below := strings.Cut(file, "/")
		if !below {
			return nil
		}
		if strings.ContainsAny(folder[:1], "-@") || strings.ContainsAny(folder, "[]:") { // it would be an option, a file of arguments, or the id of a test
			return nil
		}
		if !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	if len(folders) > maxFolders {
		return nil
	}
	return folders
}

// starter is how a project that keeps its environment in a tool starts pytest.
func starter(t *adapter.Tree, dir string) []string {
	switch path.Base(t.Above(dir, "uv.lock", "poetry.lock", "Pipfile.lock")) {
	case "uv.lock":
		return []string{"uv", "run", "pytest"}
	case "poetry.lock":
		return []string{"poetry", "run", "pytest"}
	case "Pipfile.lock":
		return []string{"pipenv", "run", "pytest"}
	}
	return nil
}
