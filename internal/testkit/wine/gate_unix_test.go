//go:build unix

package wine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/testkit/servers"
)

// patience is how long a command may take, and how long something may take to begin or end.
const patience = 2 * time.Minute

// bench is the gate for Windows with a suite.
type bench struct {
	*Wine
	gate, suite string
}

// The gate for Windows: init, lint, whole runs, one over shards, processes, timeouts and locked files.
func TestGate(t *testing.T) {
	w := Start(t)
	b := &bench{Wine: w, gate: w.Build(t, "./cmd/e2e-gate"), suite: w.Build(t, "./internal/testkit/wine/suite")}
	t.Run("init", b.init)
	t.Run("run", b.run)
	t.Run("shards", b.shards)
	t.Run("timeout", b.timeout)
	t.Run("killed", b.killed)
	t.Run("locked", b.locked)
}

// repository is a folder with a config, whose port is free, and files of tests.
type repository struct {
	t    *testing.T
	b    *bench
	dir  string
	port int
}

// new makes a repository. In the config, <suite> is the program of the suite, <port> a free port.
func (b *bench) new(t *testing.T, config string) *repository {
	t.Helper()
	r := &repository{t: t, b: b, dir: t.TempDir(), port: servers.FreePort(t)}
	text := strings.NewReplacer("<suite>", "'"+Path(b.suite)+"'", "<port>", fmt.Sprint(r.port)).Replace(config)
	write(t, filepath.Join(r.dir, "e2e-gate.yml"), text)
	for _, name := range []string{"e2e/cart_test.go", "e2e/pay_test.go"} {
		write(t, filepath.Join(r.dir, name), "")
	}
	return r
}

// do runs the gate and wants an exit status. It returns what was printed.
func (r *repository) do(status int, args ...string) string {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	cmd := r.b.Command(ctx, r.dir, r.b.gate, args...)
	cmd.Env = append(cmd.Env, "GITHUB_ACTIONS=true", "GITHUB_OUTPUT="+Path(filepath.Join(r.dir, "output")),
		"GITHUB_STEP_SUMMARY="+Path(filepath.Join(r.dir, "summary.md")))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.t.Fatalf("%q: %v\n%s", args, err, out)
	}
	if got := cmd.ProcessState.ExitCode(); got != status {
		r.t.Errorf("%q: exit status %d, want %d\n%s", args, got, status, out)
	}
	return strings.ReplaceAll(string(out), "\r\n", "\n")
}

// want looks for texts.
func (r *repository) want(text string, parts ...string) {
	r.t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			r.t.Errorf("no %q in\n%s", part, text)
		}
	}
}

// result are the outcomes by test of a result, and its verdict.
func (r *repository) result(name string) (verdict string, outcomes map[string]string) {
	r.t.Helper()
	data, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		r.t.Fatal(err)
	}
	var document struct {
		Verdict struct{ State string }
		Tests   []struct{ ID, Outcome string }
	}
	if err := json.Unmarshal(data, &document); err != nil {
		r.t.Fatal(err)
	}
	outcomes = map[string]string{}
	for _, test := range document.Tests {
		outcomes[test.ID] = test.Outcome
	}
	return document.Verdict.State, outcomes
}

// alive waits until something listens on the port, or until nothing does.
func (r *repository) alive(want bool) {
	r.t.Helper()
	limit, tick := time.NewTimer(patience), time.NewTicker(20*time.Millisecond)
	defer limit.Stop()
	defer tick.Stop()
	for {
		conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", r.port), time.Second)
		if err == nil {
			_ = conn.Close()
		}
		if (err == nil) == want {
			return
		}
		select {
		case <-limit.C:
			r.t.Fatalf("listening: %v, want %v", !want, want)
		case <-tick.C:
		}
	}
}

func (b *bench) init(t *testing.T) {
	r := b.new(t, "")
	if err := os.Remove(filepath.Join(r.dir, "e2e-gate.yml")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(r.dir, "web/package.json"), `{"devDependencies": {"vitest": "4"}}`)
	write(t, filepath.Join(r.dir, "web/a.test.js"), "")
	r.want(r.do(0, "init", "--yes"), "wrote .github/e2e-gate.yml", "wrote .github/workflows/e2e.yml", "Node.js is not installed")
	config, err := os.ReadFile(filepath.Join(r.dir, ".github/e2e-gate.yml"))
	if err != nil {
		t.Fatal(err)
	}
	r.want(string(config), `dir: "web"`)
	r.want(r.do(0, "lint"), "is valid")
}

const twoSuites = `
version: 1
stages:
  pr: {on: [pull_request], select: "", budget: 1m, timeout: 2m}
processes:
  - {name: service, run: [<suite>, serve, "<port>"]}
gates:
  timeout: 60s
  interval: 100ms
  checks:
    - {name: service, http: {url: "http://127.0.0.1:<port>/", json: {"$.status": UP}}}
suites:
  - name: names
    framework: command
    list: [<suite>, list]
    run: [<suite>, run, "{report_dir}", "{tests_file}"]
    reports: "{report_dir}/*.xml"
    env: {SUITE_TESTS: "pass1 pass2 flaky fail"}
    owner: team-a
  - name: files
    framework: command
    list: [<suite>, list]
    run: [<suite>, run, "{report_dir}", "{tests_file}"]
    reports: "{report_dir}\\*.xml"
    env: {SUITE_TESTS: 'e2e\cart_test.go e2e\pay_test.go'}
    owner: team-b
`

var outcomesOfTwoSuites = map[string]string{
	"names::pass1": "passed", "names::pass2": "passed", "names::flaky": "flaky", "names::fail": "failed",
	"files::e2e/cart_test.go": "passed", "files::e2e/pay_test.go": "failed",
}

func (r *repository) same(document string) {
	r.t.Helper()
	verdict, outcomes := r.result(document)
	if got := fmt.Sprint(outcomes); verdict != "failed" || got != fmt.Sprint(outcomesOfTwoSuites) {
		r.t.Errorf("%s: %s, %s\nwant %v", document, verdict, got, outcomesOfTwoSuites)
	}
}

func (b *bench) run(t *testing.T) {
	r := b.new(t, twoSuites)
	r.want(r.do(0, "lint"), "is valid")
	out := r.do(1, "run", "--out", "out")
	r.want(out, "gate service: healthy", "rerun: one diagnostic rerun for ", "::error file=e2e/pay_test.go,", "::warning title=flaky%3A names%3A%3Aflaky::")
	r.same("out/result.json")
	r.alive(false)
	for _, name := range []string{"output", "summary.md", "out/report.html", "out/junit.xml", "out/processes/service.log"} {
		if info, err := os.Stat(filepath.Join(r.dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Documents travel to other systems: their paths have slashes.
	for _, name := range []string{"out/plan.json", "out/shard-0.1.json"} {
		data, err := os.ReadFile(filepath.Join(r.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"id", "log", "file", "unit"} {
			if regexp.MustCompile(`"` + key + `": "[^"]*\\`).Match(data) {
				t.Errorf("%s has a %s with a backslash:\n%s", name, key, data)
			}
		}
	}
	r.want(r.do(1, "run", "--out", "again", "--failed-of", `out\result.json`), "narrowed to 2 of 6 tests", "at          e2e/pay_test.go\n")
}

func (b *bench) shards(t *testing.T) {
	r := b.new(t, twoSuites)
	r.do(0, "plan", "--out", "plan", "--shards", "2")
	failed := 0
	for i := range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		cmd := b.Command(ctx, r.dir, b.gate, "shard", "--plan", `plan\plan.json`, "--index", fmt.Sprint(i), "--out", "results")
		out, err := cmd.CombinedOutput()
		cancel()
		if code := cmd.ProcessState.ExitCode(); code == 1 {
			failed++
		} else if code != 0 {
			t.Errorf("shard %d: %v\n%s", i, err, out)
		}
		r.alive(false)
	}
	if failed == 0 {
		t.Error("no shard failed")
	}
	r.do(1, "verdict", "--plan", "plan/plan.json", "--results", "results", "--out", "merged")
	r.same("merged/result.json")
	if err := os.Remove(filepath.Join(r.dir, "results/shard-1.1.json")); err != nil {
		t.Fatal(err)
	}
	r.want(r.do(1, "verdict", "--plan", "plan/plan.json", "--results", "results", "--out", "partial"), "left no document")
	if _, outcomes := r.result("partial/result.json"); len(outcomes) != 6 || !slices.Contains(slices.Collect(maps.Values(outcomes)), "lost") {
		t.Errorf("no test is lost: %v", outcomes)
	}
}

const hanging = `
version: 1
stages:
  pr: {on: [pull_request], select: "", budget: 1m, timeout: 2m}
suites:
  - name: s
    framework: command
    list: [<suite>, list]
    run: [<suite>, run, "{report_dir}", "{tests_file}"]
    reports: "{report_dir}/*.xml"
    env: {SUITE_TESTS: "hang", SUITE_PORT: "<port>"}
    unit_timeout: TIMEOUT
    owner: team-a
`

// A batch that is stopped ends with all that it started, and its tests are not passed.
func (b *bench) timeout(t *testing.T) {
	r := b.new(t, strings.Replace(hanging, "TIMEOUT", "10s", 1))
	r.want(r.do(3, "run", "--out", "out"), "10s")
	if verdict, outcomes := r.result("out/result.json"); verdict != "not_judged" || outcomes["s::hang"] != "lost" {
		t.Errorf("%s, %v", verdict, outcomes)
	}
	r.alive(false)
}

// A gate that is killed takes with it what it started: its job objects are closed.
func (b *bench) killed(t *testing.T) {
	r := b.new(t, strings.Replace(hanging, "TIMEOUT", "5m", 1))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := b.Command(ctx, r.dir, b.gate, "run", "--out", "out")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.alive(true)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	r.alive(false)
}

const passing = `
version: 1
stages:
  pr: {on: [pull_request], select: "", budget: 1m, timeout: 2m}
suites:
  - name: s
    framework: command
    list: [<suite>, list]
    run: [<suite>, run, REPORTS, "{tests_file}"]
    reports: "REPORTS/*.xml"
    env: {SUITE_TESTS: "pass"}
    owner: team-a
history: {store: "dir:history"}
`

// Files that another process has locked, as scanners and editors do, are named, and nothing is green without evidence.
func (b *bench) locked(t *testing.T) {
	r := b.new(t, strings.ReplaceAll(passing, "REPORTS", "fixed"))
	if err := os.Mkdir(filepath.Join(r.dir, "fixed"), 0o755); err != nil { //nolint:gosec // a folder of the test
		t.Fatal(err)
	}
	r.do(0, "run", "--out", "out")
	records, err := filepath.Glob(filepath.Join(r.dir, "history/*.jsonl.gz"))
	if err != nil || len(records) != 1 {
		t.Fatalf("%q, %v", records, err)
	}
	for file, want := range map[string]struct {
		status int
		says   string
	}{
		records[0]: {0, "1 record of the history cannot be read and does not count"},
		// The suite cannot write its report, and the earlier one does not count.
		filepath.Join(r.dir, "fixed", "report.xml"): {3, "the reports of batch s cannot be read"},
		filepath.Join(r.dir, "out", "result.json"):  {3, "result.json"},
	} {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			r := &repository{t: t, b: b, dir: r.dir, port: servers.FreePort(t)}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			holder := b.Command(ctx, r.dir, b.suite, "lock", Path(file), fmt.Sprint(r.port))
			if err := holder.Start(); err != nil {
				t.Fatal(err)
			}
			r.alive(true)
			r.want(r.do(want.status, "run", "--out", "out"), want.says)
			_ = holder.Process.Kill()
			_ = holder.Wait()
			r.alive(false)
		})
	}
}
