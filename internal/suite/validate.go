package suite

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

// Validate returns what is wrong with the settings of a suite; written says whether a
// setting stands in the file.
func Validate(s Spec, written func(key string) bool) []diag.Mistake {
	var found []diag.Mistake
	fail := func(path, text, hint string) { found = append(found, diag.Mistake{Path: path, Text: text, Hint: hint}) }
	if s.Framework == "" {
		fail("", fmt.Sprintf("suite %s needs a framework", s.Name), "framework: gotest, or command for anything that writes JUnit XML")
	}
	f, known := frameworks[s.Framework]
	if !known {
		return found // reported by the check of the enumeration
	}
	for _, key := range ownFields() {
		if written(key) && !slices.Contains(f.Fields, key) {
			fail(key, fmt.Sprintf("%s belongs to framework %s, not to %s", key, owners(key), s.Framework), "")
		}
	}
	if f.Validate != nil {
		f.Validate(s, fail)
	}
	const hint = "choose tests with select, limits with timeout and unit_timeout"
	for i, arg := range s.Args {
		if flag := managed(f, arg); flag != "" {
			fail(fmt.Sprintf("args[%d]", i), fmt.Sprintf("the gate sets %s itself", flag), hint)
		}
	}
	own := ownWords(s)
	for i, word := range s.Run[own:] {
		if flag := managed(f, word); strings.HasPrefix(flag, "--") {
			fail(fmt.Sprintf("run[%d]", own+i), fmt.Sprintf("the gate sets %s itself", flag), hint)
		}
	}
	return found
}

// ownWords is where the framework's own words begin in run: behind its program. Words before it, and those of a script, are not known.
func ownWords(s Spec) int {
	at := slices.IndexFunc(s.Run, func(word string) bool {
		name := strings.TrimSuffix(path.Base(filepath.ToSlash(word)), ".exe")
		return name == s.Framework || slices.ContainsFunc(started[s.Framework], func(start [2]string) bool { return start[0] == name })
	})
	if at < 0 {
		return len(s.Run)
	}
	return at + 1
}

// managed returns the flag of an argument if the gate sets it itself.
func managed(f adapter.Framework, arg string) string {
	flag, _, _ := strings.Cut(arg, "=")
	bare := strings.TrimLeft(flag, "-")
	same := func(own string) bool { return spelt(own) == spelt(strings.TrimPrefix(bare, f.FlagPrefix)) }
	if bare == flag || !slices.ContainsFunc(f.Flags, same) {
		return ""
	}
	return flag
}

// spelt is a flag in the one spelling of several: frameworks of Node take --testNamePattern and --test-name-pattern.
func spelt(flag string) string {
	if len(flag) == 1 {
		return flag // -o and -O are two
	}
	return strings.ToLower(strings.ReplaceAll(flag, "-", ""))
}

// ownFields are the settings that only some frameworks have, sorted.
func ownFields() []string {
	all := map[string]bool{}
	for _, f := range frameworks {
		for _, key := range f.Fields {
			all[key] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// owners names the frameworks that have a setting.
func owners(key string) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(frameworks)) {
		if slices.Contains(frameworks[name].Fields, key) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
