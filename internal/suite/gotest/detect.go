package gotest

import (
	"cmp"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/suite/adapter"
)

var (
	// tagged is the build tag that keeps tests out of the usual go test ./...
	tagged = regexp.MustCompile(`(?m)^//go:build (e2e|integration|acceptance|functional|smoke)\s*$`)
	// ignored are files that belong to no package.
	ignored = regexp.MustCompile(`(?m)^//go:build ignore\s*$`)
	// telling is the name of a folder of end-to-end tests.
	telling = regexp.MustCompile(`^(?:e2e|end[-_]?to[-_]?end|integration|acceptance|functional|smoke)[-_]?(?:tests?)?$`)
	// test is a test function, as it looks.
	test = regexp.MustCompile(`(?m)^func (?:Test|Fuzz)(?:[^a-z(][^(]*)?\(\s*\w+\s+\*\w*\.?[TF]\s*\)`)
)

const tagsFlag = "-tags="

// goModule is a module with its tests: files by their build tag and by telling folders, and how many
// tests the other folders have.
type goModule struct {
	dir, manifest string
	tags, named   map[string][]string
	counts        map[string]int
	others        map[string]int
	first         string
}

// detect looks for tests that a build tag keeps out of the usual go test ./..., then for folders
// with a telling name. Where a module has neither, all its tests are one suite with folders to choose.
func detect(t *adapter.Tree) []adapter.Detected {
	var all []adapter.Detected
	for _, m := range modules(t) {
		for _, tag := range slices.Sorted(maps.Keys(m.tags)) {
			all = append(all, adapter.Detected{Files: append(m.tags[tag], m.manifest), Tests: m.counts[tagsFlag+tag], Narrows: true,
				Spec: adapter.Spec{Dir: m.dir, Args: []string{tagsFlag + tag}}})
		}
		for _, dir := range slices.Sorted(maps.Keys(m.named)) {
			all = append(all, adapter.Detected{Files: append(m.named[dir], m.manifest), Tests: m.counts[dir], Narrows: true, Spec: adapter.Spec{Dir: dir}})
		}
		if len(m.tags)+len(m.named) == 0 && len(m.others) > 0 {
			all = append(all, m.loose())
		}
	}
	return all
}

// loose is a suite of all tests of a module.
func (m *goModule) loose() adapter.Detected {
	d := adapter.Detected{Files: []string{m.first, m.manifest}, Narrows: true, Spec: adapter.Spec{Dir: m.dir}}
	for _, dir := range slices.Sorted(maps.Keys(m.others)) {
		d.Tests += m.others[dir]
		if telling.MatchString(strings.ToLower(path.Base(m.dir))) {
			continue
		}
		d.Folders = append(d.Folders, adapter.Folder{Dir: dir, Tests: m.others[dir]})
	}
	return d
}

// modules are the modules of a repository with the tests that they have.
func modules(t *adapter.Tree) []*goModule {
	var all []*goModule
	at := map[string]*goModule{}
	for _, file := range t.Matching("go.mod") {
		m := &goModule{dir: path.Dir(file), manifest: file, tags: map[string][]string{}, named: map[string][]string{}}
		m.counts, m.others = map[string]int{}, map[string]int{}
		all, at[m.dir] = append(all, m), m
	}
	for _, file := range t.Matching("*_test.go") {
		manifest := t.Above(path.Dir(file), "go.mod")
		if manifest == "" || outside(file) {
			continue
		}
		m, text := at[path.Dir(manifest)], t.Read(file)
		n := len(test.FindAllStringIndex(text, -1))
		switch tag, dir := tagged.FindStringSubmatch(text), tellingFolder(m.dir, file); {
		case tag != nil:
			m.tags[tag[1]] = append(m.tags[tag[1]], file)
			m.counts[tagsFlag+tag[1]] += n
		case n == 0 || ignored.MatchString(text):
		case dir != "":
			m.named[dir] = append(m.named[dir], file)
			m.counts[dir] += n
		default:
			m.first = cmp.Or(m.first, file)
			m.others[path.Dir(file)] += n
		}
	}
	return all
}

// outside reports whether the go command does not see a file.
func outside(file string) bool {
	return slices.ContainsFunc(strings.Split(file, "/"), func(part string) bool { return strings.HasPrefix(part, "_") || strings.HasPrefix(part, ".") })
}

// tellingFolder is the topmost folder above a file, in its module, whose name tells that it holds
// end-to-end tests; empty: none does.
func tellingFolder(module, file string) string {
	found := ""
	for dir := path.Dir(file); dir != "." && dir != module; dir = path.Dir(dir) {
		if telling.MatchString(strings.ToLower(path.Base(dir))) {
			found = dir
		}
	}
	return found
}
