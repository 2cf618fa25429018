//go:build unix

package attack

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

func gzipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(s))
	_ = z.Close()
	return b.String()
}

// namespace is a command in front of another, in which that may mount file systems that go with it. It
// is nil where the system does not permit it.
func namespace(t testing.TB) []string {
	t.Helper()
	for _, front := range [][]string{{"unshare", "-m"}, {"unshare", "-rm"}} {
		args := append(front[1:], "sh", "-c", `mount -t tmpfs -o size=1m none "$1"`, "sh", t.TempDir())
		if exec.CommandContext(t.Context(), front[0], args...).Run() == nil { //nolint:gosec // of this list
			return front
		}
	}
	return nil
}

// mounted runs the gate where its folder out is what the script mounts there, and copies what is in it
// to the folder copied, which is outside of that.
func mounted(t *testing.T, w *world, front []string, mount string, args ...string) outcome {
	t.Helper()
	for _, name := range []string{"out", "copied"} {
		if err := os.MkdirAll(filepath.Join(w.Dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	gate := w.process(args...)
	script := mount + ` || exit 77; "$@"; status=$?; cp -R out/. copied/ 2>/dev/null; exit $status`
	cmd := exec.CommandContext(t.Context(), front[0], append(append(front[1:], "sh", "-c", script, "sh"), gate.Args...)...) //nolint:gosec // ours
	cmd.Dir, cmd.Env = gate.Dir, gate.Env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if cmd.ProcessState.ExitCode() == 77 {
		t.Fatalf("cannot mount: %s", &stderr)
	}
	return w.came(cmd.ProcessState.ExitCode(), stdout.String(), stderr.String())
}

// neverGreen wants no result.json that says more than the exit status, and no document that is read as
// whole and is not.
func neverGreen(t *testing.T, o outcome, folder string) {
	t.Helper()
	if o.status == 0 || o.status == 2 && !strings.Contains(o.outputs["stderr"], "folder") {
		t.Errorf("exit status %d\n%s%s", o.status, o.outputs["stdout"], o.outputs["stderr"])
	}
	data, err := os.ReadFile(filepath.Join(folder, "result.json"))
	if err != nil {
		return
	}
	var r e2e.Result
	if err := json.Unmarshal(data, &r); err != nil {
		t.Errorf("result.json is half written: %v", err)
	} else if r.Verdict.State == e2e.VerdictPassed {
		t.Errorf("exit status %d, and result.json says %s", o.status, r.Verdict.State)
	}
}

// onDisk runs the gate with a folder that can hold no more, or cannot be written.
func onDisk(mount, script string) func(t *testing.T) {
	return func(t *testing.T) {
		front := namespace(t)
		if front == nil {
			t.Skip("mounting a small file system is not permitted here")
		}
		w := newWorld(t, map[string]string{"e2e-gate.yml": config(command, "rerun: {max_failures: 0}"),
			"suite.sh": script + "\n" + passes})
		o := mounted(t, w, front, mount, "run", "--out", "out")
		neverGreen(t, o, filepath.Join(w.Dir, "copied"))
	}
}

// fullAtTheEnd fills the disk with the last process of a run, after the documents are written.
func fullAtTheEnd(t *testing.T) {
	front := namespace(t)
	if front == nil {
		t.Skip("mounting a small file system is not permitted here")
	}
	w := newWorld(t, map[string]string{"suite.sh": passes, "e2e-gate.yml": config(command,
		`processes: [{name: p, up: ["true"], down: [sh, -c, "head -c 4000000 /dev/zero > out/fill"]}]`)})
	mounted(t, w, front, "mount -t tmpfs -o size=3m none out", "run", "--out", "out").wants(0, "No space left")
	var r e2e.Result
	if err := json.Unmarshal([]byte(read(t, filepath.Join(w.Dir, "copied", "result.json"))), &r); err != nil || r.Verdict.State != e2e.VerdictPassed {
		t.Errorf("%v, %+v", err, r.Verdict)
	}
}

// kept runs the gate with a history that cannot be written: the run is judged, and says so.
func kept(t *testing.T) {
	front := namespace(t)
	if front == nil {
		t.Skip("mounting a small file system is not permitted here")
	}
	w := newWorld(t, map[string]string{"e2e-gate.yml": config(command), "suite.sh": fails, ".e2e-gate/history/keep": ""})
	o := mounted(t, w, front, "mount --bind .e2e-gate/history .e2e-gate/history && mount -o remount,ro,bind .e2e-gate/history", "run", "--out", "out")
	o.wants(1, "history")
}

func diskAttacks() []attack {
	const s, none = "disk", "never green, no half-written result"
	const small, size = "mount -t tmpfs -o size=3m none out", "head -c 4000000 /dev/zero > out/fill 2>/dev/null"
	return []attack{
		{attack: "full before the run", surface: s, expected: none, try: onDisk(small+" && ( "+size+"; true )", "")},
		{attack: "full while a suite runs", surface: s, expected: none, try: onDisk(small, size)},
		{attack: "full after the suites", surface: s, expected: "judged; what was written stays whole", try: fullAtTheEnd},
		{attack: "the run's folder cannot be written", surface: s, expected: none, try: onDisk("mount --bind out out && mount -o remount,ro,bind out", "")},
		{attack: "a history that cannot be written", surface: s, expected: "judged, and said", try: kept},
		elsewhere(s, "a log that cannot be written", "said; the output's end is kept", "internal/proc TestRunWithLogOnFullDisk"),
		elsewhere(s, "a result that cannot be written", "never green", "internal/pipeline TestAResultThatCannotBeWrittenIsNeverGreen"),
		elsewhere(s, "a page that cannot be written after the result", "the result says so", "internal/pipeline TestTheWrittenResultSaysWhatTheExitStatusSays"),
	}
}
