package adapter

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Package is what a package.json says. What has another form than npm's is left out.
type Package struct {
	// Uses are the packages that it depends on.
	Uses map[string]bool
	// Scripts are its scripts by name.
	Scripts map[string]string
	// Keys are the names of all its parts.
	Keys map[string]bool
	// Manager is its packageManager, such as pnpm@9.1.0.
	Manager string
}

// Package reads a package.json. One that is broken is noted with its position, and empty.
func (t *Tree) Package(file string) *Package {
	if p := t.packages[file]; p != nil {
		return p
	}
	p := &Package{Uses: map[string]bool{}, Scripts: map[string]string{}, Keys: map[string]bool{}}
	t.packages[file] = p
	text := strings.TrimPrefix(t.Read(file), "\uFEFF")
	var parts map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &parts); err != nil {
		t.note(fmt.Sprintf("%s is broken, so what it says is not known: %v", position(file, text, err), err))
		return p
	}
	for key, value := range parts {
		p.Keys[key] = true
		switch key {
		case "dependencies", "devDependencies", "optionalDependencies", "peerDependencies":
			var list map[string]any
			if json.Unmarshal(value, &list) == nil {
				for name := range list {
					p.Uses[name] = true
				}
			}
		case "scripts":
			var list map[string]any
			if json.Unmarshal(value, &list) == nil {
				for name, script := range list {
					if line, ok := script.(string); ok {
						p.Scripts[name] = line
					}
				}
			}
		case "packageManager":
			_ = json.Unmarshal(value, &p.Manager) // another form names no manager
		}
	}
	return p
}

// position is a file with line and column of a mistake in its JSON.
func position(file, text string, err error) string {
	at := 0
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		at = int(syntax.Offset) - 1
		if strings.Contains(err.Error(), "unexpected end") {
			at = len(text)
		}
	}
	if kind := (*json.UnmarshalTypeError)(nil); errors.As(err, &kind) {
		at = int(kind.Offset) - 1
	}
	at = min(max(at, 0), len(text))
	before := text[:at]
	return fmt.Sprintf("%s:%d:%d", file, strings.Count(before, "\n")+1, at-strings.LastIndex(before, "\n"))
}

// Manifests are the package.json files that depend on a package of npm, or have a part of its name.
func (t *Tree) Manifests(name string) []string {
	return slices.DeleteFunc(t.Matching("package.json"), func(file string) bool {
		p := t.Package(file)
		return !p.Uses[name] && !p.Keys[name]
	})
}

// ScriptOf is the command line of the first script that starts a program and does nothing else, in
// words, without the variables that it sets before; test comes first. Without one it returns nil.
func (p *Package) ScriptOf(program string) []string {
	for _, line := range p.scriptsOf(program) {
		return line.words
	}
	return nil
}

// VariablesOf are the variables that the scripts set, also by cross-env, that start a program with a word among its arguments
// (empty: with any): those of the script test, or those on which all agree. One script may be for debugging.
func (p *Package) VariablesOf(program, word string) map[string]string {
	lines := slices.DeleteFunc(p.scriptsOf(program), func(line commandLine) bool { return word != "" && !slices.Contains(line.words, word) })
	if len(lines) == 0 {
		return nil
	}
	first := lines[0]
	if first.script != "test" && slices.ContainsFunc(lines, func(line commandLine) bool { return !maps.Equal(line.env, first.env) }) {
		return nil
	}
	return first.env
}

// commandLine is a script that does one thing.
type commandLine struct {
	script string
	words  []string
	env    map[string]string
}

// scriptsOf are the scripts that start a program; test comes first.
func (p *Package) scriptsOf(program string) []commandLine {
	var lines []commandLine
	names := slices.Sorted(maps.Keys(p.Scripts))
	slices.SortStableFunc(names, func(a, b string) int { return usual(a) - usual(b) })
	for _, name := range names {
		if words, ok := Words(p.Scripts[name]); ok {
			if words, env := assignments(words); len(words) > 0 && words[0] == program {
				lines = append(lines, commandLine{name, words, env})
			}
		}
	}
	return lines
}

var assignment = regexp.MustCompile(`^([A-Za-z_]\w*)=(.*)$`)

// assignments takes the variables that a command line sets from its front.
func assignments(words []string) ([]string, map[string]string) {
	if len(words) > 0 && words[0] == "cross-env" {
		words = words[1:]
	}
	var env map[string]string
	for len(words) > 0 {
		m := assignment.FindStringSubmatch(words[0])
		if m == nil {
			break
		}
		if env == nil {
			env = map[string]string{}
		}
		env[m[1]], words = m[2], words[1:]
	}
	return words, env
}

func usual(script string) int {
	if script == "test" {
		return 0
	}
	return 1
}

// plain are the characters that mean themselves in every shell.
var plain = regexp.MustCompile(`^[\w@%+=:,./*{}~^!-]+$`)

// Words splits a command line as a shell would. It refuses one that needs a shell for more than that.
func Words(line string) ([]string, bool) {
	var words []string
	for rest := strings.TrimLeft(line, " \t"); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		quote := rest[0]
		if quote == '"' || quote == '\'' {
			word, after, closed := strings.Cut(rest[1:], string(quote))
			if !closed || after != "" && after[0] != ' ' && after[0] != '\t' || strings.ContainsAny(word, "\\$`") {
				return nil, false
			}
			words, rest = append(words, word), after
			continue
		}
		word, after, _ := strings.Cut(rest, " ")
		if !plain.MatchString(word) {
			return nil, false
		}
		words, rest = append(words, word), after
	}
	return words, true
}

// JSTests are the names of test files in JavaScript and TypeScript.
var JSTests = func() []string {
	var all []string
	for _, kind := range []string{"*.test.", "*.spec."} {
		for _, ext := range []string{"js", "cjs", "mjs", "jsx", "ts", "cts", "mts", "tsx"} {
			all = append(all, kind+ext)
		}
	}
	return all
}()

// jsTest is a test in JavaScript, as it looks.
var jsTest = regexp.MustCompile(`(?m)^\s*(?:it|test)(?:\.\w+)*\s*(?:\(|` + "`" + `)`)

// Scenario is one of Gherkin in English, as it looks.
var Scenario = regexp.MustCompile(`(?m)^\s*(?:Scenario(?: Outline| Template)?|Example):`)

// JSCount is about how many tests the files in a folder hold that import what import says, or, if it
// begins with "!", that do not.
func (t *Tree) JSCount(dir, imports string, patterns ...string) int {
	n := 0
	without, not := strings.CutPrefix(imports, "!")
	for _, file := range t.Below(dir, patterns...) {
		text := t.Read(file)
		if imports == "" || strings.Contains(text, without) != not {
			n += len(jsTest.FindAllStringIndex(text, -1))
		}
	}
	return n
}

// Counted is suites of JavaScript with the number of their tests.
func (t *Tree) Counted(found []Detected, imports string, patterns ...string) []Detected {
	for i := range found {
		found[i].Tests = t.JSCount(path.Clean(found[i].Spec.Dir), imports, patterns...)
	}
	return found
}
