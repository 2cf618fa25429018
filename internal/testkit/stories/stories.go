//go:build unix

package stories

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/org/e2e-gate/internal/cli"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/golden"
	"github.com/org/e2e-gate/internal/testkit/servers"
)

// Main runs the tests of a package of stories, with the gate and what it is tested with
// as commands in PATH.
func Main(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"e2e-gate":   gateMain,
		"fake-suite": fakeSuite,
		"fake-info":  fakeInfo,
	})
}

// gateMain is cmd/e2e-gate.
func gateMain() {
	ctx := cli.WithSignals(context.Background())
	app := cli.App{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ()}
	os.Exit(app.Main(ctx, os.Args[1:]))
}

// supervisor names a program that starts sooner than that of the tests, see internal/proc.
const supervisor = "E2E_GATE_TEST_SUPERVISOR"

// Run runs the stories of the package's testdata/script: one promise per file.
func Run(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("stories take a minute")
	}
	// Where the tests run under nohup, the gate would inherit that a hangup is ignored. What has a handler here is reset in a child.
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(hangup) })
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       golden.Updating(),
		Setup: func(env *testscript.Env) error {
			// A repository root of its own, and nothing of the CI that runs the tests.
			if err := os.MkdirAll(filepath.Join(env.WorkDir, ".git"), 0o755); err != nil { //nolint:gosec // a folder of the test
				return err
			}
			env.Vars = slices.DeleteFunc(env.Vars, func(kv string) bool { return strings.HasPrefix(kv, "GITHUB_") })
			env.Setenv("NO_COLOR", "1")
			// With the race detector, each command of a story would sleep for a second at its end, and start its processes slowly.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			env.Setenv(supervisor, os.Getenv(supervisor))
			if err := dated(env.WorkDir); err != nil {
				return err
			}
			env.Setenv("FREE_PORT", strconv.Itoa(servers.FreePort(t)))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":   statusOf,
			"jsonpath": jsonPath,
			"lines":    countLines,
			"waitfor":  waitFor,
			"noleft":   noneLeft,
			"ends":     waitForEnd,
			"same":     sameResult,
			"github":   githubOf(t),
		},
	})
}

// statusOf runs a command and wants an exit status: status 3 e2e-gate run.
func statusOf(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N command args...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if err != nil {
		got = -1
		if m := regexp.MustCompile(`exit status (\d+)`).FindStringSubmatch(err.Error()); m != nil {
			got, _ = strconv.Atoi(m[1])
		}
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d (%v)", got, want, err)
	}
}

// jsonPath compares values of a JSON file: jsonpath FILE verdict.state passed. A
// step selects a key, an index, or the element whose id, name or code it is.
func jsonPath(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: jsonpath FILE path value")
	}
	matches, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(matches) != 1 {
		ts.Fatalf("%s matches %d files", args[0], len(matches))
	}
	var doc any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(matches[0])), &doc))
	got := walk(doc, strings.Split(args[1], "."))
	if (got == args[2]) == neg {
		ts.Fatalf("%s is %q, want %q (not: %v)", args[1], got, args[2], neg)
	}
}

func walk(v any, path []string) string {
	for i, step := range path {
		switch x := v.(type) {
		case map[string]any:
			v = x[step]
		case []any:
			if step == "len" {
				return strconv.Itoa(len(x))
			}
			if n, err := strconv.Atoi(step); err == nil && n < len(x) {
				v = x[n]
				continue
			}
			v = find(x, step)
		default:
			return fmt.Sprintf("nothing at %s", strings.Join(path[:i], "."))
		}
	}
	switch x := v.(type) {
	case string:
		return x
	case []any, map[string]any:
		data, _ := json.Marshal(x)
		return string(data)
	}
	return fmt.Sprint(v)
}

func find(list []any, key string) any {
	for _, el := range list {
		m, ok := el.(map[string]any)
		if !ok {
			continue
		}
		for _, name := range []string{"id", "name", "code"} {
			if s, _ := m[name].(string); s == key || strings.HasSuffix(s, "::"+key) || strings.HasSuffix(s, "/"+key) {
				return m
			}
		}
	}
	return nil
}

// countLines wants a number of lines in a file: lines runs.log 2.
func countLines(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	if err != nil && want != 0 {
		ts.Check(err)
	}
	if got := strings.Count(string(data), "\n"); (got == want) == neg {
		ts.Fatalf("%s has %d lines, want %d:\n%s", args[0], got, want, data)
	}
}

// sameResult wants two results to say the same of every test, and to have the same
// verdict, whatever shards it took: same one/result.json other/result.json.
func sameResult(ts *testscript.TestScript, neg bool, args []string) {
	var said [2]string
	for i, name := range args {
		var r e2e.Result
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(name)), &r))
		var b strings.Builder
		for _, t := range r.Tests {
			fmt.Fprintf(&b, "%s %s %s %q %s %s %v", t.ID, t.Outcome, t.Effect, t.Why, t.Category, t.Owner, t.LaterPass)
			for _, a := range t.Attempts {
				fmt.Fprintf(&b, " [%d %s %s %q]", a.N, a.Outcome, a.Source, a.Message)
			}
			if t.Rerun != nil {
				fmt.Fprintf(&b, " rerun %v %s", t.Rerun.Done, t.Rerun.Reason)
			}
			b.WriteString("\n")
		}
		for _, c := range r.Clusters {
			fmt.Fprintf(&b, "%s %s %v\n", c.ID, c.Category, c.Tests)
		}
		fmt.Fprintf(&b, "%+v\n", r.Verdict)
		said[i] = b.String()
	}
	if (said[0] == said[1]) == neg {
		ts.Fatalf("%s says\n%s\n%s says\n%s", args[0], said[0], args[1], said[1])
	}
}

// waitFor waits until a file exists; the test's own deadline bounds it.
func waitFor(ts *testscript.TestScript, _ bool, args []string) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 3000 {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		<-tick.C
	}
	ts.Fatalf("%s did not appear", args[0])
}

// noneLeft wants the process whose id a file holds to be gone.
func noneLeft(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		pid, err := strconv.Atoi(strings.TrimSpace(ts.ReadFile(name)))
		ts.Check(err)
		if syscall.Kill(pid, 0) == nil {
			ts.Fatalf("process %d of %s is left behind", pid, name)
		}
	}
}

// waitForEnd waits until the processes whose ids files hold are gone.
func waitForEnd(ts *testscript.TestScript, _ bool, args []string) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for _, name := range args {
		pid, err := strconv.Atoi(strings.TrimSpace(ts.ReadFile(name)))
		ts.Check(err)
		for range 3000 {
			if err = syscall.Kill(pid, 0); err != nil {
				break
			}
			<-tick.C
		}
		if err == nil {
			ts.Fatalf("process %d of %s did not end", pid, name)
		}
	}
}

// dated replaces, in the YAML files of a story, TODAY and SOON by the day of the run and one ten
// days later: a quarantine counts for some weeks only.
func dated(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.yml"))
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	days := strings.NewReplacer("TODAY", now.Format(time.DateOnly), "SOON", now.AddDate(0, 0, 10).Format(time.DateOnly))
	for _, file := range files {
		data, err := os.ReadFile(file) //nolint:gosec // of the story
		if err != nil {
			return err
		}
		if text := days.Replace(string(data)); text != string(data) {
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil { //nolint:gosec // of the story
				return err
			}
		}
	}
	return nil
}
