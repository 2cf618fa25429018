package realsuite

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/gatebin"
)

// together is the project that holds several cases of a framework whose start costs seconds, and
// the file that marks these cases. The tests of a case are in a package of its name.
const together = "together"

// PlayTogether is [PlayContract], but the cases that one project can hold are judged out of one run
// of the gate: the exit status of each is what its own tests come to.
func PlayTogether(t *testing.T, column string, install func(t *testing.T, dir string) []string) {
	t.Helper()
	Slow(t)
	gate, projects, framework := gatebin.Build(t), ContractOf(t, column), FrameworkOf(column)
	var joined []Case
	for _, c := range Contract {
		files, ok := projects[c.Name]
		_, joins := files[together]
		switch {
		case !ok:
			t.Errorf("%s has no project of the case %s", column, c.Name)
		case joins:
			joined = append(joined, c)
		default:
			t.Run(column+"/"+c.Name, func(t *testing.T) {
				if why := Impossible(files); why != "" {
					t.Skip(why)
				}
				t.Parallel()
				c.play(t, gate, framework, files, install, nil)
			})
		}
	}
	t.Run(column+"/"+together, func(t *testing.T) {
		t.Parallel()
		playJoined(t, gate, framework, projects[together], joined, install)
	})
}

func playJoined(t *testing.T, gate, framework string, files map[string]string, joined []Case, install func(t *testing.T, dir string) []string) {
	t.Helper()
	tc := Trick{Root: t.TempDir(), Files: maps.Clone(files)}
	tc.Files[".git/keep"] = ""
	tc.Files["e2e-gate.yml"] = "version: 1\nstages: {pr: {on: [pull_request], timeout: 5m}}\nrerun: {max_failures: 100, max_share: 100%}\n" +
		"suites:\n  - {name: s, framework: " + framework + ", dir: suite}\n"
	tc.write(t)
	cmd := exec.CommandContext(t.Context(), gate, "run", "--format", "json", "--shards", "1")
	cmd.Dir, cmd.Env = tc.Root, append(os.Environ(), append(install(t, tc.Root), "NO_COLOR=1")...)
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	var r e2e.Result
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if len(r.Problems) > 0 {
		t.Errorf("%+v", r.Problems)
	}
	for _, c := range joined {
		t.Run(c.Name, func(t *testing.T) {
			own := e2e.Result{}
			of := regexp.MustCompile(`^s/(\[[^\]]*\] )?` + regexp.QuoteMeta(c.Name) + `\.`)
			for _, test := range r.Tests {
				if of.MatchString(test.ID) {
					own.Tests = append(own.Tests, test)
				}
			}
			c.check(t, own, statusOf(own))
		})
	}
}

// statusOf is the exit status that the effects of a result's tests make: a failure outweighs what
// is not known.
func statusOf(r e2e.Result) int {
	has := func(effect e2e.Effect) bool {
		return slices.ContainsFunc(r.Tests, func(test e2e.TestResult) bool { return test.Effect == effect })
	}
	switch {
	case has(e2e.Blocks):
		return e2e.ExitBlocked
	case has(e2e.NotJudged):
		return e2e.ExitNotJudged
	}
	return e2e.ExitPassed
}
