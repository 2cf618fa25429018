//go:build unix

package attack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/cli"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
	"github.com/org/e2e-gate/internal/testkit/gitkit"
)

// asGate makes the program of this test the gate, for what has to be a process of its own: killed,
// short of space, or with an environment that the kernel knows.
const asGate = "E2E_GATE_ATTACK_AS_GATE"

func TestMain(m *testing.M) {
	if os.Getenv(asGate) != "" { // as cmd/e2e-gate does
		_ = os.Unsetenv(asGate)
		_ = proc.HideMemory()
		app := cli.App{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ()}
		os.Exit(app.Main(cli.WithSignals(context.Background()), os.Args[1:]))
	}
	os.Exit(m.Run())
}

// world is a checkout in which an attack is tried, on a fake GitHub's runner.
type world struct {
	gitkit.Repo
	t    *testing.T
	fake *githubfake.Server
	// env is what the job's environment has in addition.
	env []string
	// side has the runner's own files, which are not in the checkout.
	side string
}

// newWorld makes a checkout of these files and goes there.
func newWorld(t *testing.T, files map[string]string) *world {
	t.Helper()
	w := &world{Repo: gitkit.New(t), t: t, fake: githubfake.New(t), side: t.TempDir()}
	for name, text := range files {
		w.Write(name, text)
	}
	t.Chdir(w.Dir)
	return w
}

// config is a config with these suites, and what else is given.
func config(suites string, more ...string) string {
	return "version: 1\nstages: {pr: {on: [pull_request, push]}}\n" + strings.Join(more, "\n") + "\nsuites:\n" + suites + "\n"
}

// command is a suite s of the test one, which runs suite.sh.
const command = `  - {name: s, framework: command, list: [echo, one], run: [sh, suite.sh], reports: "{report_dir}/*.xml", owner: team-a}`

// whole is a suite s whose report says what its tests are.
const whole = `  - {name: s, framework: command, run: [sh, suite.sh], reports: "{report_dir}/*.xml", owner: team-a}`

const (
	passes = `echo '<testsuite><testcase name="one"/></testsuite>' > "$E2E_REPORT_DIR/r.xml"` + "\n"
	fails  = `echo '<testsuite><testcase name="one"><failure message="expected 1, got 2"/></testcase></testsuite>' > "$E2E_REPORT_DIR/r.xml"; exit 1` + "\n"
)

// environ is the environment of the gate in a job of a pull request.
func (w *world) environ() []string {
	payload := fmt.Sprintf(`{"number": %d, "pull_request": {"number": %d, "head": {"sha": %q, "repo": {"full_name": "acme/cases"}},
		"base": {"ref": "main", "repo": {"full_name": "acme/cases"}}}}`, w.fake.PR, w.fake.PR, strings.Repeat("4", 40))
	for name, text := range map[string]string{"event.json": payload, "output.txt": "", "summary.md": ""} {
		if _, err := os.Stat(filepath.Join(w.side, name)); err != nil {
			write(w.t, filepath.Join(w.side, name), text)
		}
	}
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.side, "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=pull_request",
		"GITHUB_EVENT_PATH=" + filepath.Join(w.side, "event.json"), "GITHUB_REPOSITORY=acme/cases", "GITHUB_SHA=" + strings.Repeat("0", 40),
		"GITHUB_RUN_ID=7", "GITHUB_OUTPUT=" + filepath.Join(w.side, "output.txt"), "GITHUB_STEP_SUMMARY=" + filepath.Join(w.side, "summary.md"),
		"GITHUB_SERVER_URL=https://github.example", "GITHUB_API_URL=" + w.fake.Listen(), "GITHUB_TOKEN=" + githubfake.JobToken,
		"GIT_CONFIG_GLOBAL=" + os.DevNull}, w.env...)
}

// outcome is what came of a command of the gate.
type outcome struct {
	t      *testing.T
	status int
	// outputs are all texts that the gate wrote, by name: stdout, stderr, comment, statuses, and files.
	outputs map[string]string
	result  e2e.Result
}

// gate runs a command of the gate within this process.
func (w *world) gate(args ...string) outcome {
	w.t.Helper()
	var stdout, stderr bytes.Buffer
	app := cli.App{Stdout: &stdout, Stderr: &stderr, Environ: w.environ()}
	status := app.Main(w.t.Context(), args)
	return w.came(status, stdout.String(), stderr.String())
}

// run is the gate's run command, with everything that it can write.
func (w *world) run(args ...string) outcome {
	w.t.Helper()
	return w.gate(append([]string{"run", "--out", "out", "--comment", "--check", "--slack", "slack.json", "--statement", "statement.json"}, args...)...)
}

// process is the gate as a process of its own, not started yet.
func (w *world) process(args ...string) *exec.Cmd {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.CommandContext(w.t.Context(), self, args...) //nolint:gosec // this program
	cmd.Dir, cmd.Env = w.Dir, append(w.environ(), asGate+"=1")
	for _, name := range []string{"GORACE", "E2E_GATE_TEST_SUPERVISOR"} { // how CI has the race detector start and end quickly
		cmd.Env = append(cmd.Env, name+"="+os.Getenv(name))
	}
	return cmd
}

// started runs the gate as a process of its own.
func (w *world) started(args ...string) outcome {
	w.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := w.process(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		w.t.Fatal(err)
	}
	return w.came(cmd.ProcessState.ExitCode(), stdout.String(), stderr.String())
}

// came collects what a command left.
func (w *world) came(status int, stdout, stderr string) outcome {
	w.t.Helper()
	o := outcome{t: w.t, status: status, outputs: map[string]string{"stdout": stdout, "stderr": stderr}}
	for i, c := range w.fake.Comments() {
		o.outputs[fmt.Sprintf("comment %d", i+1)] = c.Body
	}
	for i, s := range w.fake.Statuses() {
		o.outputs[fmt.Sprintf("status %d", i+1)] = fmt.Sprintf("%+v", s)
	}
	for i, c := range w.fake.CheckRuns() {
		o.outputs[fmt.Sprintf("check %d", i+1)] = fmt.Sprintf("%+v", c)
	}
	for _, name := range []string{"output.txt", "summary.md"} {
		o.outputs[name] = read(w.t, filepath.Join(w.side, name))
	}
	for _, name := range []string{"slack.json", "statement.json"} {
		if _, err := os.Lstat(filepath.Join(w.Dir, name)); err == nil {
			o.outputs[name] = read(w.t, filepath.Join(w.Dir, name))
		}
	}
	for _, top := range []string{"out", ".e2e-gate"} {
		_ = filepath.WalkDir(filepath.Join(w.Dir, top), func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return nil //nolint:nilerr // what is not there says nothing
			}
			if info, failed := entry.Info(); failed == nil && entry.Type().IsRegular() && info.Size() < 64<<20 && !strings.Contains(path, "/reports/") {
				o.outputs[path[len(w.Dir)+1:]] = read(w.t, path)
			}
			return nil
		})
	}
	if data := o.outputs["out/result.json"]; data != "" {
		if err := json.Unmarshal([]byte(data), &o.result); err != nil {
			w.t.Errorf("result.json is damaged: %v", err)
		}
		// What the file says and what the process says are one answer.
		if o.result.Verdict.ExitStatus() != status && stdout != "" && strings.Contains(stdout, "e2e-gate pr") {
			w.t.Errorf("exit status %d, and result.json says %s", status, o.result.Verdict.State)
		}
	}
	return o
}

// says is all outputs in one text, to search in.
func (o outcome) says() string {
	var b strings.Builder
	for _, name := range o.names() {
		fmt.Fprintf(&b, "--- %s\n%s\n", name, o.outputs[name])
	}
	return b.String()
}

func (o outcome) names() []string {
	names := make([]string, 0, len(o.outputs))
	for name := range o.outputs {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// wants checks the exit status, and that each of the texts is in stdout or stderr.
func (o outcome) wants(status int, texts ...string) outcome {
	o.t.Helper()
	terminal := strings.Join(strings.Fields(o.outputs["stdout"]+o.outputs["stderr"]), " ")
	if o.status != status {
		o.t.Errorf("exit status %d, want %d\n%.8000s", o.status, status, terminal)
	}
	for _, text := range texts {
		if !strings.Contains(terminal, text) {
			o.t.Errorf("the gate does not say %q:\n%.8000s", text, terminal)
		}
	}
	return o
}

// without wants none of the texts in any output.
func (o outcome) without(texts ...string) outcome {
	o.t.Helper()
	for _, name := range o.names() {
		for _, text := range texts {
			if at := strings.Index(o.outputs[name], text); at >= 0 {
				o.t.Errorf("%s shows %q: %q", name, text, o.outputs[name][max(0, at-60):min(len(o.outputs[name]), at+len(text)+60)])
			}
		}
	}
	return o
}
