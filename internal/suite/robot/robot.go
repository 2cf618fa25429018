// Package robot runs Robot Framework.
package robot

import (
	"embed"
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
	own := l.Spec.Args
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

// switches are options of Robot Framework without a value.
var switches = regexp.MustCompile(`^(?:--(?:no)?(?:rpa|statusrc|exitonerror|skipteardownonexit|quiet|dotted)|-\.)$`)

// sources is where files and folders begin in arguments: behind the last option and its value.
func sources(args []string) int {
	at := 0
	for i := 0; i < len(args); i++ {
		if !strings.HasPrefix(args[i], "-") || args[i] == "-" {
			continue
		}
		if !strings.Contains(args[i], "=") && !switches.MatchString(args[i]) {
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
