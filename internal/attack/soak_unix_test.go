//go:build unix

package attack

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// soak is many runs in one checkout with one history, most of which are disturbed.
type soak struct {
	*world
	rng   *rand.Rand
	front []string
	// usual is how long a run takes that is left alone: kills fall into that time.
	usual time.Duration
	// record are numbers of runs that have to be in the history.
	mu      sync.Mutex
	record  []string
	killed  int
	came    map[string]int
	started int
}

// soakRun is one run: what its tests do, how it is disturbed, and what came of that.
type soakRun struct {
	// marker is an argument of every process of the run: a number, which sleep takes too.
	marker, truth string
	// out is the run's folder, and kept where its documents can be read after the run.
	out, kept string
	// signal is sent after the time; 0: none.
	signal syscall.Signal
	after  time.Duration
	// mount is what a shell does before the gate; empty: nothing.
	mount string
	// fills has its suite fill the disk.
	fills bool
	// bare says that the run cannot be expected to be remembered.
	bare   bool
	status int
	output string
	ended  bool // by itself: neither killed, nor by a signal
}

const (
	soakConfig = `version: 1
stages: {pr: {on: [pull_request]}}
processes:
  - {name: env, up: [sh, up.sh, "${SOAK}"], down: ["true"]}
  - {name: stays, run: [sh, stays.sh, "${SOAK}"]}
rerun: {max_failures: 2, max_share: 100%}
suites:
  - {name: s, framework: command, list: [cat, tests], run: [sh, suite.sh, "${SOAK}", "{tests_file}"], reports: "{report_dir}/*.xml", owner: team-a}
`
	// What is left running is left in each of the ways that a test could find.
	upScript    = `if test "$(uname)" = Linux; then sleep 600 "$1" & fi` + "\n"
	staysScript = `if test "$(uname)" = Linux; then setsid env -i /bin/sh -c "/bin/sleep 600 $1 &"; sleep 600 "$1" & else sleep 600 & fi; wait` + "\n"
	soakSuite   = `if test "$(uname)" = Linux; then setsid env -i /bin/sh -c "/bin/sleep 600 $1 &"; fi
sleep "0.0$(($$ % 10))"
if test -n "$SOAK_FILL"; then head -c 8000000 /dev/zero > "$SOAK_FILL/fill" 2>/dev/null; fi
{
  echo "<testsuite>"
  while read -r name || test -n "$name"; do
    if test "$name" = bad && { test "$SOAK_TRUTH" = fails || test "$SOAK_TRUTH" = flakes -a "$E2E_ATTEMPT" = 1; }; then
      echo "<testcase name=\"$name\"><failure message=\"expected 1, got 2\"/></testcase>"; failed=1
    else
      echo "<testcase name=\"$name\"/>"
    fi
  done < "$2"
  echo "</testsuite>"
} > "$E2E_REPORT_DIR/r.xml"
exit ${failed:-0}
`
)

// TestSoak: whatever happens to the gate, no run that ended by itself is missing in the history, none is
// green without evidence, no process is left, and no document is half written. E2E_GATE_SOAK is how many
// runs; .ci/run soak has 200. E2E_GATE_SEED repeats the choices, not the timing.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some ten seconds")
	}
	total, seed := 12, uint64(time.Now().UnixNano()) //nolint:gosec // any number
	for name, set := range map[string]func(n uint64){
		"E2E_GATE_SOAK": func(n uint64) { total = int(n) }, "E2E_GATE_SEED": func(n uint64) { seed = n }, //nolint:gosec // small
	} {
		if text := os.Getenv(name); text != "" {
			n, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			set(n)
		}
	}
	t.Logf("E2E_GATE_SEED=%d, %d runs", seed, total)
	s := &soak{rng: rand.New(rand.NewPCG(seed, 1)), front: namespace(t), came: map[string]int{}} //nolint:gosec // not for secrets
	s.world = newWorld(t, map[string]string{"e2e-gate.yml": soakConfig, "tests": "one\ntwo\nbad\nfour\nfive\nsix\n", "up.sh": upScript, "stays.sh": staysScript,
		"suite.sh": soakSuite})
	if s.front == nil {
		t.Log("mounting a small file system is not permitted here: no full disk, no folder that cannot be written")
	}
	undisturbed := s.next("passes")
	began := time.Now()
	s.tryRun(t, undisturbed)
	s.usual = time.Since(began)
	if undisturbed.status != 0 {
		t.Fatalf("a run that is left alone ends with %d\n%s", undisturbed.status, undisturbed.output)
	}
	kinds := []func(*testing.T){s.together, s.shortOfSpace, s.readOnly, s.disturbed, s.disturbed, s.disturbed}
	for round := 0; s.started < total && !t.Failed(); round++ {
		pick := round
		if round >= len(kinds) { // each once, then as it comes
			pick = s.rng.IntN(3 * len(kinds) / 2)
		}
		kinds[min(pick, len(kinds)-1)](t)
	}
	s.everythingIsThere(t)
	t.Logf("%d runs, %d killed: %v", s.started, s.killed, s.came)
}

// next is a run with a marker of its own.
func (s *soak) next(truth string) *soakRun {
	if truth == "" {
		truth = []string{"passes", "fails", "flakes"}[s.rng.IntN(3)]
	}
	s.started++
	marker := fmt.Sprintf("0.%d%06d", os.Getpid(), s.started)
	out := filepath.Join("out", marker)
	return &soakRun{marker: marker, truth: truth, out: out, kept: filepath.Join(s.Dir, out)}
}

// kill has a run get a signal at a random moment of its usual time.
func (s *soak) kill(r *soakRun) *soakRun {
	r.signal = []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}[s.rng.IntN(2)]
	if runtime.GOOS != "linux" {
		r.signal = syscall.SIGTERM // what the gate started would stay
	}
	r.after = time.Duration(s.rng.Int64N(int64(s.usual)*5/4 + 1))
	return r
}

func (s *soak) disturbed(t *testing.T) { s.tryRun(t, s.kill(s.next(""))) }

// together runs six gates at once, of which some are killed.
func (s *soak) together(t *testing.T) {
	var group sync.WaitGroup
	for i := range 6 {
		r := s.next("")
		if i%3 == 2 {
			s.kill(r)
		}
		group.Go(func() { s.tryRun(t, r) })
	}
	group.Wait()
}

// shortOfSpace gives a run a small disk, which a suite may fill.
func (s *soak) shortOfSpace(t *testing.T) {
	if s.front == nil {
		s.disturbed(t)
		return
	}
	r := s.next("")
	r.mount, r.fills = fmt.Sprintf("mount -t tmpfs -o size=%dk none %s", 8<<s.rng.IntN(8), r.out), s.rng.IntN(2) == 0
	if s.rng.IntN(4) == 0 {
		r.mount, r.fills, r.bare = fmt.Sprintf("mount -t tmpfs -o size=%dk none .e2e-gate/history", 4<<s.rng.IntN(3)), false, true
	}
	s.tryRun(t, r)
}

// readOnly gives a run a folder that cannot be written: its own, the history, or the whole checkout.
func (s *soak) readOnly(t *testing.T) {
	if s.front == nil {
		s.disturbed(t)
		return
	}
	r := s.next("")
	dir := []string{r.out, ".e2e-gate/history", "."}[s.rng.IntN(3)]
	r.mount, r.bare = fmt.Sprintf("mount --bind %[1]s %[1]s && mount -o remount,ro,bind %[1]s && cd \"$PWD\"", dir), true
	s.tryRun(t, r)
}

// tryRun runs a gate, disturbs it, and looks at what it left.
func (s *soak) tryRun(t *testing.T, r *soakRun) {
	t.Helper()
	if err := os.MkdirAll(r.kept, 0o755); err != nil {
		t.Error(err)
		return
	}
	cmd := s.process("run", "--shards", "2", "--out", r.out)
	if r.mount != "" {
		r.kept = filepath.Join(s.side, "kept", r.marker)
		script := r.mount + ` || exit 77; kept=$1; shift; "$@"; status=$?; mkdir -p "$kept"; cp -R ` + r.out + `/. "$kept" 2>/dev/null; exit $status`
		inside := exec.CommandContext(t.Context(), s.front[0], append(append(s.front[1:], "sh", "-c", script, "sh", r.kept), cmd.Args...)...) //nolint:gosec // ours
		inside.Dir, inside.Env, cmd = cmd.Dir, cmd.Env, inside
	}
	cmd.Env = append(cmd.Env, "SOAK="+r.marker, "SOAK_TRUTH="+r.truth, "GITHUB_RUN_ID="+r.number(),
		"GITHUB_OUTPUT="+filepath.Join(s.side, r.number()+".output"), "GITHUB_STEP_SUMMARY="+filepath.Join(s.side, r.number()+".summary"))
	if r.fills {
		cmd.Env = append(cmd.Env, "SOAK_FILL="+r.out)
	}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	sent := false
	if r.signal != 0 {
		select {
		case err := <-done:
			done <- err
		case <-time.After(r.after): // a random moment, not a wait for something
			sent = cmd.Process.Signal(r.signal) == nil
		}
	}
	<-done
	r.status, r.output, r.ended = cmd.ProcessState.ExitCode(), output.String(), cmd.ProcessState.Exited()
	if r.status == 77 && strings.Contains(r.output, "mount") {
		t.Errorf("cannot mount: %s", r.output)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !r.ended {
		s.killed++
	}
	s.came[fmt.Sprintf("%s, %s: %d", r.truth, r.how(sent), r.status)]++
	s.look(t, r, sent)
	if t.Failed() {
		t.Logf("%+v", *r)
	}
}

// number is that of the workflow's run, by which a record is known also where a result cannot be written.
func (r *soakRun) number() string { return strings.TrimLeft(r.marker[len(r.marker)-6:], "0") }

// how names the disturbance.
func (r *soakRun) how(sent bool) string {
	switch {
	case sent:
		return r.signal.String()
	case strings.Contains(r.mount, "tmpfs"):
		return "small disk"
	case r.mount != "":
		return "read-only"
	}
	return "left alone"
}

// look checks what a run left.
func (s *soak) look(t *testing.T, r *soakRun, sent bool) {
	t.Helper()
	green := r.truth != "fails"
	statuses := []int{1, 3}
	if green {
		statuses = []int{0, 3}
	}
	switch {
	case !sent && r.mount == "":
		statuses = statuses[:1]
	case !sent:
		statuses = append(statuses, 2)
	case !r.ended: // its last words are a document, or none
		statuses = append(statuses, -1)
	}
	if r.truth == "flakes" && (sent || r.mount != "") {
		statuses = append(statuses, 1) // a failure that had no rerun yet
	}
	if !slices.Contains(statuses, r.status) {
		t.Errorf("exit status %d, and its tests: %s, want one of %v", r.status, r.truth, statuses)
	}
	s.none(t, r)
	result := documents(t, r, green)
	if r.ended && (r.status == 0) != (result.Verdict.State == e2e.VerdictPassed) && (r.status == 0 || result.Schema != "") {
		t.Errorf("exit status %d, and result.json says %q", r.status, result.Verdict.State)
	}
	if r.ended && r.status <= 1 && !r.bare {
		s.record = append(s.record, r.number())
	}
	if _, err := os.Stat(filepath.Join(r.kept, "plan.json")); err == nil && !r.ended {
		s.judgedAgain(t, r, green)
	}
}

// documents checks that each document is whole, and that a green result has evidence of each test.
func documents(t *testing.T, r *soakRun, green bool) (result e2e.Result) {
	t.Helper()
	entries, _ := os.ReadDir(r.kept)
	for _, e := range entries {
		switch name := e.Name(); {
		case strings.HasPrefix(name, "."):
			if r.ended && r.mount == "" {
				t.Errorf("the temporary file %s is left", name)
			}
		case strings.HasSuffix(name, ".json"):
			data, err := os.ReadFile(filepath.Join(r.kept, name))
			if err != nil || !json.Valid(data) {
				t.Errorf("%s is half written: %v", name, err)
			}
			if name == "result.json" {
				if err := json.Unmarshal(data, &result); err != nil {
					t.Error(err)
				}
			}
		}
	}
	if result.Verdict.State != e2e.VerdictPassed {
		return result
	}
	if !green {
		t.Error("result.json says passed, and a test failed")
	}
	if n := evidence(result); n != 6 || len(result.Documents) != 3 {
		t.Errorf("green with evidence of %d of 6 tests, made of %d documents", n, len(result.Documents))
	}
	for _, d := range result.Documents {
		data, err := os.ReadFile(filepath.Join(r.kept, d.File))
		if sum := sha256.Sum256(data); err != nil || hex.EncodeToString(sum[:]) != d.SHA256 {
			t.Errorf("the result was made of another %s than is there: %v", d.File, err)
		}
	}
	return result
}

// judgedAgain judges what a killed run left behind.
func (s *soak) judgedAgain(t *testing.T, r *soakRun, green bool) {
	t.Helper()
	out := filepath.Join(s.side, "again", r.marker)
	cmd := s.process("verdict", "--plan", filepath.Join(r.kept, "plan.json"), "--results", r.kept, "--out", out)
	text, _ := cmd.CombinedOutput()
	status := cmd.ProcessState.ExitCode()
	if status != 3 && (status != 0 || !green) && (status != 1 || r.truth == "passes") {
		t.Errorf("judged again: exit status %d, and its tests: %s\n%s", status, r.truth, text)
	}
	if status != 0 {
		return
	}
	var result e2e.Result
	if err := json.Unmarshal([]byte(read(t, filepath.Join(out, "result.json"))), &result); err != nil || evidence(result) != 6 {
		t.Errorf("judged again: %v, green with evidence of %d of 6 tests", err, evidence(result))
	}
}

// evidence is how many tests are known to have passed.
func evidence(r e2e.Result) (n int) {
	for _, test := range r.Tests {
		if test.Outcome == e2e.Passed || test.Outcome == e2e.Flaky {
			n++
		}
	}
	return n
}

// none wants no process of the run to be left, some time after its gate has ended.
func (s *soak) none(t *testing.T, r *soakRun) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return // elsewhere the process group is ended, and nothing if the gate is killed
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var left []string
	for range 1500 {
		if left = processesWith(r.marker); len(left) == 0 {
			return
		}
		<-tick.C
	}
	t.Errorf("processes are left: %v", left)
}

// processesWith are the processes that have an argument with this text.
func processesWith(marker string) (list []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil && bytes.Contains(data, []byte(marker)) {
			list = append(list, file+" "+string(bytes.ReplaceAll(data, []byte{0}, []byte{' '})))
		}
	}
	return list
}

// everythingIsThere checks the history after all runs.
func (s *soak) everythingIsThere(t *testing.T) {
	t.Helper()
	dir, temporary := filepath.Join(s.Dir, ".e2e-gate", "history"), 0
	known := map[string]bool{}
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || d.IsDir():
			return err
		case strings.HasPrefix(d.Name(), "."):
			temporary++
			return nil
		}
		text := read(t, path)
		var head struct {
			Run string `json:"workflow_run"`
		}
		first, _, _ := strings.Cut(text, "\n")
		if err := json.Unmarshal([]byte(first), &head); err != nil || head.Run == "" && !strings.HasPrefix(d.Name(), "snapshot-") {
			t.Errorf("the record %s does not say of which run it is: %v", d.Name(), err)
		}
		known[head.Run] = true
		for line := range strings.Lines(text) {
			if !json.Valid([]byte(line)) || !strings.HasSuffix(line, "\n") {
				t.Errorf("the record %s is half written: %q", d.Name(), line)
			}
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	if temporary > s.killed {
		t.Errorf("%d temporary files are left in the history, and %d runs were killed", temporary, s.killed)
	}
	for _, run := range s.record {
		if !known[run] {
			t.Errorf("run %s ended by itself, and has no record", run)
		}
	}
	s.gate("history", "show").wants(0).lacks(t, "cannot be read")
	s.gate("plan", "--out", "planned").lacks(t, "cannot be read")
}

// lacks wants none of the texts in stderr.
func (o outcome) lacks(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(o.outputs["stderr"], text) {
			t.Errorf("the gate says %q:\n%s", text, o.outputs["stderr"])
		}
	}
}
