// Package robot runs Robot Framework.
package robot

import (
	"embed"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/suite/adapter"
)

//go:embed e2e_gate_robot.py
var files embed.FS

// Framework is Robot Framework.
var Framework = adapter.Framework{
	New:    newAdapter,
	Detect: detect, Signs: "*.robot with test cases",
	Fields:   []string{"run", "args"},
	Flags:    []string{"dryrun", "exitonfailure", "X", "rerunfailed", "R", "rerunfailedsuites", "S", "runemptysuite", "outputdir", "d"},
	Validate: validate,

	TellsErrors: true,
}

// newAdapter runs Robot Framework with listeners of ours: one before those of the suite, and one
// behind them.
func newAdapter(s adapter.Spec, root string) adapter.Adapter {
	return adapter.NewReporting(s, root, adapter.LaunchSpec{
		Start:     []string{"robot"},
		Files:     files,
		Python:    true,
		Arguments: arguments,
		Environment: func(l adapter.Launch, _ []string) []string {
			return []string{"E2E_GATE_OUTPUT=" + output(l)}
		},
	})
}

// output is where Robot Framework writes its logs and reports.
func output(l adapter.Launch) string {
	if l.Listing() {
		return l.File("output")
	}
	return filepath.Join(l.Evidence, "robot")
}

// written are options for files that a listing does not write.
var written = []string{"--output", "-o", "--log", "-l", "--report", "-r", "--xunit", "-x", "--debugfile", "-b"}

// arguments puts files and folders last, as Robot Framework wants it.
func arguments(l adapter.Launch) ([]string, error) {
	args := []string{"--listener", "e2e_gate_robot.First"}
	own := expanded(l.Dir, l.Spec.Args)
	for _, word := range own {
		switch name, _, _ := strings.Cut(long(word), "="); name {
		case "--rerunfailed", "--rerunfailedsuites":
			return nil, fmt.Errorf("suite %s: %s in a file of arguments leaves out the tests that passed in an earlier run; remove it", l.Spec.Name, name)
		}
	}
	if l.Listing() {
		own = adapter.WithoutFlags(own, nil, written...)
		args = append(args, "--dryrun", "--output", "NONE", "--log", "NONE", "--report", "NONE")
	}
	at := sources(own)
	args = append(append(args, own[:at]...), "--listener", "e2e_gate_robot.Last", "--outputdir", output(l))
	if at == len(own) {
		return append(args, "."), nil
	}
	return append(args, own[at:]...), nil
}

// expanded puts what files of arguments say in their place, as Robot Framework does: they may name files and
// folders, which have to stay last. A file that cannot be read, or that needs variables, is left to Robot Framework.
func expanded(dir string, args []string) []string {
	args = slices.Clone(args)
	for i, files := 0, 0; i < len(args) && files < maxFiles; i++ {
		name, value, hasValue := strings.Cut(args[i], "=")
		end := i + 1
		switch short, ok := strings.CutPrefix(args[i], "-A"); {
		case ok && short != "":
			value = short
		case (ok || long(name) == "--argumentfile") && !hasValue && end < len(args):
			value, end = args[end], end+1
		case long(name) != "--argumentfile" || !hasValue:
			continue
		}
		if !filepath.IsAbs(value) {
			value = filepath.Join(dir, value)
		}
		text, err := os.ReadFile(value) //nolint:gosec // the file of the user's own config, as Robot Framework reads it
		if err != nil || len(text) > adapter.MaxArguments || needsVariables.Match(text) {
			continue
		}
		args = slices.Replace(args, i, end, words(string(text))...)
		i, files = i-1, files+1
	}
	return args
}

// maxFiles bounds files of arguments that name each other.
const maxFiles = 100

var needsVariables = regexp.MustCompile(`(?i)^(?:\x{FEFF})?#\s*expandvars:`)

// words are the arguments in a file: one on a line, where an option may have its value behind it.
func words(text string) []string {
	var all []string
	for line := range strings.Lines(strings.TrimPrefix(text, "\uFEFF")) {
		line = strings.TrimSpace(line)
		switch at := strings.IndexAny(line, " ="); {
		case line == "" || strings.HasPrefix(line, "#"):
		case at < 0 || !strings.HasPrefix(line, "-"):
			all = append(all, line)
		case line[at] == ' ':
			all = append(all, line[:at], strings.TrimSpace(line[at:]))
		default:
			all = append(all, line[:at], line[at+1:])
		}
	}
	return all
}

// long is an option as Robot Framework reads it, which passes over case and hyphens.
func long(option string) string {
	if name, ok := strings.CutPrefix(option, "--"); ok {
		return "--" + strings.ToLower(strings.ReplaceAll(name, "-", ""))
	}
	return option
}

// switches are options of Robot Framework without a value.
var switches = regexp.MustCompile(`^(?:--(?:no)?(?:rpa|statusrc|exitonerror|exitonfailure|skipteardownonexit|quiet|dotted|dryrun|runemptysuite|` +
	`legacyoutput|timestampoutputs|splitlog)|-[.TX]+)$`)

// sources is where files and folders begin in arguments: behind the last option and its value.
func sources(args []string) int {
	at := 0
	for i := 0; i < len(args); i++ {
		if !strings.HasPrefix(args[i], "-") || args[i] == "-" {
			continue
		}
		word := long(args[i])
		glued := strings.Contains(word, "=") || !strings.HasPrefix(word, "--") && len(word) > 2 // its value is in the same word
		if !glued && !switches.MatchString(word) {
			i++ // its value
		}
		at = min(i+1, len(args))
	}
	return at
}

func validate(s adapter.Spec, fail func(path, text, hint string)) {
	for _, word := range s.Run {
		if path.Base(filepath.ToSlash(word)) == "pabot" {
			fail("run", "pabot is not supported", "start robot, and let shards run tests beside each other")
		}
	}
}

var tables = regexp.MustCompile(`(?mi)^\*{1,3} *(?:test cases?|tasks?) *\**[ \t]*\r?$`)

func detect(t *adapter.Tree) []adapter.Detected {
	files := slices.DeleteFunc(t.Matching("*.robot"), func(file string) bool { return !tables.MatchString(t.Read(file)) })
	tops := map[string][]string{}
	var dirs []string
	for _, file := range files {
		// A folder at the top of its project, such as tests: its resources and variables are found from there.
		dir := "."
		if root := t.Above(path.Dir(file), "pyproject.toml", "requirements.txt", "setup.py", "robot.toml"); root != "" {
			dir = path.Dir(root)
		}
		if tops[dir] == nil {
			dirs = append(dirs, dir)
		}
		tops[dir] = append(tops[dir], file)
	}
	slices.Sort(dirs)
	var found []adapter.Detected
	for _, dir := range dirs {
		d := adapter.Detected{Files: tops[dir], Spec: adapter.Spec{Dir: dir, Args: topsOf(dir, tops[dir])}}
		switch path.Base(t.Above(dir, "uv.lock", "poetry.lock", "Pipfile.lock")) {
		case "uv.lock":
			d.Spec.Run = []string{"uv", "run", "robot"}
		case "poetry.lock":
			d.Spec.Run = []string{"poetry", "run", "robot"}
		case "Pipfile.lock":
			d.Spec.Run = []string{"pipenv", "run", "robot"}
		}
		for _, file := range d.Files {
			d.Tests += count(t.Read(file))
		}
		found = append(found, d)
	}
	return found
}

// topsOf are the folders below dir that hold the files, else dir itself: at most three of them.
func topsOf(dir string, files []string) []string {
	var tops []string
	for _, file := range files {
		if dir != "." {
			file = strings.TrimPrefix(file, dir+"/")
		}
		top, _, below := strings.Cut(file, "/")
		if !below || strings.HasPrefix(top, "-") {
			return []string{"."}
		}
		if !slices.Contains(tops, top) {
			tops = append(tops, top)
		}
	}
	if len(tops) > 3 {
		return []string{"."}
	}
	return tops
}

// count is how many lines of the table of test cases begin a test.
func count(text string) int {
	n, inside := 0, false
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "*"):
			inside = tables.MatchString(line)
		case inside && strings.TrimSpace(line) != "" && !strings.ContainsAny(line[:1], " \t#|"):
			n++
		}
	}
	return n
}
