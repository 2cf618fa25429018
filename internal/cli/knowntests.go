package cli

import (
	"path"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history"
)

// knownTests are the tests of the repository, by the names that other tools give them.
type knownTests struct {
	// byName has the zero test if two tests have the name.
	byName map[string]e2e.Test
	// byFile are the tests of a file, by its path from the suite's folder and from the
	// repository's.
	byFile map[string][]e2e.Test
}

func newKnownTests() knownTests {
	return knownTests{byName: map[string]e2e.Test{}, byFile: map[string][]e2e.Test{}}
}

// add takes in a test of a suite in the folder dir.
func (k knownTests) add(t e2e.Test, dir string) {
	_, short, _ := strings.Cut(t.ID, "/")
	names := []string{t.ID, short, t.Class + "::" + t.Name, t.Class + "." + t.Name, t.File + "::" + t.Name, t.Name, path.Join(dir, t.Name)}
	for _, file := range files(t, dir) {
		k.byFile[file] = append(k.byFile[file], t)
		if t.Framework == "pytest" {
			names = append(names, pytestName(file, t.Name))
		}
	}
	for _, name := range names {
		if other, taken := k.byName[name]; taken && other.ID != t.ID {
			k.byName[name] = e2e.Test{} // ambiguous: two tests have this name
		} else {
			k.byName[name] = t
		}
	}
	k.byName[t.ID] = t
}

// files are the paths that may name a test's file.
func files(t e2e.Test, dir string) []string {
	if t.File == "" {
		return nil
	}
	return slices.Compact([]string{t.File, path.Join(dir, t.File)})
}

// pytestName is what pytest calls a test in JUnit XML: the modules and classes with dots as the class,
// and the rest as the name.
func pytestName(file, node string) string {
	_, inFile, _ := strings.Cut(node, "::")
	plain, _, _ := strings.Cut(inFile, "[") // a parameter may hold anything
	module := strings.ReplaceAll(strings.TrimSuffix(file, ".py"), "/", ".")
	if at := strings.LastIndex(plain, "::"); at >= 0 {
		return module + "." + strings.ReplaceAll(plain[:at], "::", ".") + "::" + inFile[at+2:]
	}
	return module + "::" + inFile
}

// entries are the records of an imported test, or of the tests of an imported file, which
// share its time.
func (k knownTests) entries(t history.Imported, suite string) []history.Entry {
	for _, name := range t.Names {
		if known := k.byName[name]; known.ID != "" {
			return []history.Entry{entryOf(known, t, 1)}
		}
	}
	if len(t.Names) == 0 {
		return nil
	}
	var list []history.Entry
	if its := k.byFile[t.File]; t.Names[0] == t.File {
		for _, known := range its {
			list = append(list, entryOf(known, t, len(its)))
		}
	}
	if len(list) == 0 && suite != "" {
		list = append(list, history.Entry{ID: suite + "/" + t.Names[0], Suite: suite, File: t.File, Outcome: t.Outcome, Seconds: t.Seconds})
	}
	return list
}

// entryOf records one of several tests that share an imported time.
func entryOf(known e2e.Test, t history.Imported, of int) history.Entry {
	return history.Entry{ID: known.ID, Suite: known.Suite, File: known.File, Outcome: t.Outcome, Seconds: t.Seconds / float64(of)}
}
