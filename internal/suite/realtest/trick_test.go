package realtest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite"
)

// trick is a small suite that does something odd: it is listed and run, through its
// adapter.
type trick struct {
	name, dir string
	files     map[string]string
	args      []string
	spec      suite.Spec
	env       []string
	// root is where the files are written; empty: a folder of its own.
	root string
	// only is the one test to run; empty: all that were listed.
	only string
	// want are the outcomes, listing is part of a problem of discovery, problem and
	// message of what the run says.
	want, listing, problem, message string
	// kept is how many attachments are kept.
	kept int
}

func (tc trick) play(t *testing.T) {
	t.Helper()
	if tc.root == "" {
		tc.root = t.TempDir()
	}
	tc.write(t)
	a, err := suite.New(tc.spec, tc.root)
	if err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), tc.env...)
	tests, problems, err := a.Discover(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	tc.says(t, "listing", tc.listing, problems)
	tests = slices.DeleteFunc(tests, func(planned e2e.Test) bool { return tc.only != "" && planned.Name != tc.only })
	if len(tests) == 0 && tc.want == "" {
		return
	}
	rep := tc.run(t, a, tests, env)
	if got := outcomes(tests, rep); got != tc.want {
		t.Errorf("got  %s\nwant %s\n%+v", got, tc.want, rep.Problems)
	}
	tc.says(t, "run", tc.problem, rep.Problems)
	tc.attempts(t, rep)
}

func (tc trick) write(t *testing.T) {
	t.Helper()
	for name, text := range tc.files {
		file := filepath.Join(tc.root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func (tc trick) run(t *testing.T, a suite.Adapter, tests []e2e.Test, env []string) suite.Report {
	t.Helper()
	u := suite.Unit{Name: "s", Tests: tests, Attempt: 1, Reports: filepath.Join(t.TempDir(), "reports"), Env: env}
	u.Evidence = filepath.Join(filepath.Dir(u.Reports), "evidence")
	for _, dir := range []string{u.Reports, u.Evidence} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	inv, err := a.Start(u)
	if err != nil {
		t.Fatal(err)
	}
	cmd := inv.Command()
	exit := proc.Run(t.Context(), proc.Spec{Argv: cmd.Argv, Dir: cmd.Dir, Env: append(slices.Clip(env), cmd.Env...)})
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%q: %s\n%s", cmd.Argv, exit, exit.Tail)
		}
	})
	return inv.Report(exit)
}

func (tc trick) says(t *testing.T, what, want string, problems []e2e.Problem) {
	t.Helper()
	if (want == "") != (len(problems) == 0) || want != "" && !slices.ContainsFunc(problems, func(p e2e.Problem) bool { return strings.Contains(p.Text, want) }) {
		t.Errorf("%s: want %q in %+v", what, want, problems)
	}
}

func (tc trick) attempts(t *testing.T, rep suite.Report) {
	t.Helper()
	var messages strings.Builder
	kept := 0
	for _, attempts := range rep.Tests {
		for _, a := range attempts {
			messages.WriteString(a.Message + "\n")
			kept += len(a.Files)
		}
	}
	if !strings.Contains(messages.String(), tc.message) || kept != tc.kept {
		t.Errorf("want %q in %q, and %d files, not %d", tc.message, messages.String(), tc.kept, kept)
	}
}
