package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/gatebin"
)

const (
	stepToken = "ghs_hidden0123456789"
	// otherUser has no rights.
	otherUser = 65534
	spyEnv    = "E2E_GATE_TEST_SPY"
)

func TestMain(m *testing.M) {
	if os.Getenv(spyEnv) != "" {
		os.Exit(spy(os.Stdout))
	}
	os.Exit(m.Run())
}

// spy reads environment and memory of this process's ancestors, as far as the system lets it, and
// says where a token is.
func spy(out io.Writer) int {
	found, read := 0, 0
	look := func(what string, data []byte) {
		if read += len(data); bytes.Contains(data, []byte(stepToken)) {
			found++
			_, _ = fmt.Fprintf(out, "LEAK in %s\n", what)
		}
	}
	look("the spy's environment", []byte(strings.Join(os.Environ(), "\n")))
	for pid := os.Getppid(); pid > 1; pid = parent(pid) {
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		_, _ = fmt.Fprintf(out, "looked at %d %s", pid, name)
		environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		look(fmt.Sprintf("the environment of %d %s", pid, name), environ)
		memory(pid, func(data []byte) { look(fmt.Sprintf("the memory of %d %s", pid, name), data) })
		if strings.HasPrefix(string(name), "e2e-gate") && len(environ) == 0 {
			_, _ = fmt.Fprintln(out, "the gate is hidden")
		}
	}
	_, _ = fmt.Fprintf(out, "read %d bytes\n", read)
	return found
}

func parent(pid int) int {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		if v, ok := strings.CutPrefix(line, "PPid:"); ok {
			n, _ := strconv.Atoi(strings.TrimSpace(v))
			return n
		}
	}
	return 0
}

// memory reads what may be read of a process's memory.
func memory(pid int, look func([]byte)) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return
	}
	defer mem.Close() //nolint:errcheck // it was only read
	for line := range strings.Lines(string(maps)) {
		var from, to int64
		var mode string
		if n, _ := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); n != 3 || mode[0] != 'r' || to-from > 64<<20 {
			continue
		}
		data := make([]byte, to-from)
		n, _ := mem.ReadAt(data, from)
		look(data[:n])
	}
}

// A test that runs as the same user finds the token of the step nowhere: not in the gate, nor in
// what is between the gate and itself, nor in the shell that the gate replaced.
func TestTokenIsHiddenFromTests(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("starting the gate as another user needs root")
	}
	dir, err := os.MkdirTemp("/tmp", "e2e-gate-hidden-") // a folder that others may enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	binary, spyBinary := filepath.Join(dir, "e2e-gate"), filepath.Join(dir, "spy")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	programs := map[string]string{}
	for name, file := range map[string]string{"e2e-gate": gatebin.Build(t), "spy": self} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		programs[name] = string(data)
	}
	work := filepath.Join(dir, "work")
	for name, content := range map[string]string{
		"work/e2e-gate.yml": "version: 1\nstages: {pr: {}}\nsuites:\n  - {name: s, framework: command, run: [sh, suite.sh], reports: r.xml, env: {" + spyEnv + ": x}}\n",
		"work/suite.sh":     spyBinary + " >spied.txt 2>&1 || exit 9\necho '<testsuite tests=\"1\"><testcase name=\"a\" classname=\"c\"/></testsuite>' >r.xml\n",
		"spy":               programs["spy"],
		"e2e-gate":          programs["e2e-gate"],
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{dir, work} {
		if err := os.Chmod(path, 0o777); err != nil { //nolint:gosec // for the other user
			t.Fatal(err)
		}
	}
	// As a step with a documented workflow runs it.
	cmd := exec.Command("sh", "-c", `exec "$0" run`, binary)
	cmd.Dir = work
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GITHUB_TOKEN=" + stepToken, "INPUT_TOKEN=" + stepToken, "ACTIONS_RUNTIME_TOKEN=" + stepToken}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: otherUser, Gid: otherUser}}
	out, err := cmd.CombinedOutput()
	spied, _ := os.ReadFile(filepath.Join(work, "spied.txt"))
	if err != nil {
		t.Errorf("%v\n%s\n%s", err, out, spied)
	}
	if !bytes.Contains(spied, []byte("the gate is hidden")) || bytes.Contains(spied, []byte("LEAK")) {
		t.Errorf("%s\n%s", spied, out)
	}
}
