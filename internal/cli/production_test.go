//go:build unix

package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/gitkit"
)

// synthetic is a checkout whose stage tests production by a suite that passes unless the file "down" is there, and a clock.
type synthetic struct {
	gitkit.Repo
	t   *testing.T
	now time.Time
}

func newSynthetic(t *testing.T, target string) *synthetic {
	t.Helper()
	s := &synthetic{gitkit.New(t), t, time.Now().Add(-24 * time.Hour).Truncate(time.Second)}
	s.Write("e2e-gate.yml", "version: 1\nstages:\n  synthetic: {on: [schedule], target: production, blocks: false}\n  other: {on: [push], target: production}\n"+
		"targets: {production: {"+target+"}}\nsuites:\n"+
		"  - {name: s, framework: command, list: [echo, a], run: [sh, ./run.sh], reports: \"{report_dir}/*.xml\", services: [x]}\n")
	s.Write("run.sh", "echo ran >> ran.txt\ntest ! -e down || fail='<failure/>'\n"+`echo "<testsuite><testcase name=\"a\">$fail</testcase></testsuite>" > "$E2E_REPORT_DIR/r.xml"`)
	s.Write(".gitignore", ".e2e-gate\nran.txt\ndown\nm.txt\nslack.json\n")
	s.Commit("one")
	t.Chdir(s.Dir)
	return s
}

// run runs the stage some time later.
func (s *synthetic) run(later time.Duration, down bool, args ...string) (status int, r e2e.Result) {
	s.t.Helper()
	s.now = s.now.Add(later)
	if down {
		s.Write("down", "")
	} else {
		_ = os.Remove(filepath.Join(s.Dir, "down"))
	}
	var out, bad bytes.Buffer
	app := App{Stdout: &out, Stderr: &bad, Environ: []string{"PATH=" + os.Getenv("PATH")}, Now: func() time.Time { return s.now }}
	status = app.Main(s.t.Context(), append([]string{"run", "--format", "json"}, args...))
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		s.t.Fatalf("exit status %d: %v\n%s\n%s", status, err, out.String(), bad.String())
	}
	return status, r
}

func (s *synthetic) file(name string) string {
	data, _ := os.ReadFile(filepath.Join(s.Dir, name))
	return string(data)
}

// A stage that ran as often as its target allows is refused before anything starts, and is not judged.
func TestRateOfATarget(t *testing.T) {
	s := newSynthetic(t, "rate: 2/10m")
	for i, one := range []struct {
		later   time.Duration
		args    []string
		refused bool
	}{
		{0, nil, false}, {time.Minute, nil, false}, {time.Minute, nil, true}, {time.Minute, []string{"--stage", "other"}, false}, {6 * time.Minute, nil, true},
		{2 * time.Minute, nil, false}, {time.Second, nil, false}, {time.Second, nil, true}, {time.Hour, nil, false},
	} {
		before := s.file("ran.txt")
		status, r := s.run(one.later, false, one.args...)
		ran := s.file("ran.txt") != before
		if ran == one.refused {
			t.Errorf("run %d: ran %v, refused %v", i, ran, one.refused)
		}
		limited := len(r.Problems) > 0 && r.Problems[0].Code == e2e.CodeRate
		if limited != one.refused || status != 0 {
			t.Errorf("run %d: exit status %d, %+v", i, status, r.Problems)
		}
		if limited && (r.Verdict.State != e2e.VerdictNotJudged || !strings.Contains(r.Problems[0].Text, "targets.production.rate allows 2/10m")) {
			t.Errorf("run %d: exit status %d, %+v", i, status, r.Verdict)
		}
	}
}

// Where records of earlier runs cannot be read, the result says that rate and alert may overlook them.
func TestRateAndAlertOfABrokenHistory(t *testing.T) {
	for _, target := range []string{"rate: 1/h", "alert: {after: 2, of: 3}"} {
		s := newSynthetic(t, target)
		if status, r := s.run(0, false); status != 0 || len(r.Problems) > 0 {
			t.Fatalf("%d %+v", status, r.Problems)
		}
		files, err := filepath.Glob(filepath.Join(s.Dir, ".e2e-gate/history/*.gz"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, file := range files {
			if err := os.WriteFile(file, []byte("garbage"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		status, r := s.run(time.Minute, false)
		if status != 0 || r.Verdict.State != e2e.VerdictPassed || len(r.Problems) != 1 || !r.Problems[0].Note ||
			!strings.Contains(r.Problems[0].Text, "rate and alert of targets.production may overlook earlier runs: 1 record of the history cannot be read") {
			t.Errorf("%s: exit status %d, %+v", target, status, r.Problems)
		}
	}
}

// A plan is refused as well, so that no shard starts, and so is the verdict.
func TestRateOfAMatrix(t *testing.T) {
	s := newSynthetic(t, "rate: 1/h")
	s.run(0, false)
	s.now = s.now.Add(time.Minute)
	command := func(args ...string) (int, string) {
		var out bytes.Buffer
		app := App{Stdout: &out, Stderr: &out, Environ: []string{"PATH=" + os.Getenv("PATH")}, Now: func() time.Time { return s.now }}
		return app.Main(t.Context(), args), out.String()
	}
	dir := t.TempDir()
	status, out := command("plan", "--out", dir)
	if status != e2e.ExitNotJudged || !strings.Contains(out, "targets.production.rate allows 1/h") {
		t.Errorf("exit status %d\n%s", status, out)
	}
	status, out = command("verdict", "--plan", filepath.Join(dir, "plan.json"), "--results", t.TempDir(), "--format", "json")
	var r e2e.Result
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.Verdict.State != e2e.VerdictNotJudged || !strings.Contains(out, `"rate_limited"`) {
		t.Errorf("exit status %d, %v\n%s", status, err, out)
	}
	if s.file("ran.txt") != "ran\n" {
		t.Errorf("it ran %q", s.file("ran.txt"))
	}
}

// An alert begins and ends with the runs that the policy counts, whether they failed or could not be judged, and says so wherever it is read.
func TestAlertOfATarget(t *testing.T) {
	s := newSynthetic(t, "alert: {after: 2, of: 3}")
	for i, one := range []struct {
		down bool
		want e2e.AlertState
	}{{false, ""}, {true, ""}, {false, ""}, {true, e2e.AlertRaised}, {true, e2e.AlertFiring}, {false, e2e.AlertFiring}, {false, e2e.AlertRecovered}, {false, ""}} {
		status, r := s.run(time.Minute, one.down, "--metrics", "m.txt", "--slack", "slack.json")
		got := e2e.AlertState("")
		if r.Alert != nil {
			got = r.Alert.State
		}
		if got != one.want || status != 0 {
			t.Errorf("run %d: exit status %d, alert %q, want %q", i, status, got, one.want)
		}
		on := one.want == e2e.AlertRaised || one.want == e2e.AlertFiring
		if value := map[bool]string{true: "1", false: "0"}[on]; !strings.Contains(s.file("m.txt"), `e2e_gate_alert{stage="synthetic",target="production"} `+value+"\n") {
			t.Errorf("run %d: %s", i, s.file("m.txt"))
		}
		if says := strings.Contains(s.file("slack.json"), "ALERT") || strings.Contains(s.file("slack.json"), "RECOVERED"); says != (one.want != "") {
			t.Errorf("run %d: %s", i, s.file("slack.json"))
		}
	}
	if left, err := filepath.Glob(filepath.Join(s.Dir, ".e2e-gate-*")); err != nil || len(left) > 0 {
		t.Errorf("left: %q, %v", left, err)
	}
}

// A gate that fails is an outage as well, although nothing is judged then.
func TestAlertWithoutAVerdict(t *testing.T) {
	s := newSynthetic(t, "alert: {after: 2}")
	s.Write("e2e-gate.yml", strings.Replace(s.file("e2e-gate.yml"), "suites:", "gates: {timeout: 50ms, interval: 10ms, checks: [{name: up, command: {run: [test, -e, up]}}]}\nsuites:", 1))
	for i, want := range []e2e.AlertState{"", e2e.AlertRaised, e2e.AlertFiring} {
		_, r := s.run(time.Minute, false)
		if r.Verdict.State != e2e.VerdictNotJudged || (r.Alert == nil) != (want == "") || r.Alert != nil && r.Alert.State != want {
			t.Errorf("run %d: %s, %+v, want %q", i, r.Verdict.State, r.Alert, want)
		}
	}
}

// A run of some tests is no verdict: what would be read as one is refused, before it says that a run runs.
func TestARunOfSomeTestsHasNoSummary(t *testing.T) {
	s := newSynthetic(t, "rate: 9/m")
	s.Write("sum.json", "earlier")
	for _, flag := range []string{"--summary", "--metrics", "--slack"} {
		var bad bytes.Buffer
		app := App{Stdout: &bad, Stderr: &bad, Environ: []string{"PATH=" + os.Getenv("PATH")}, Now: time.Now}
		status := app.Main(t.Context(), []string{"run", "a", flag, "sum.json"})
		if status != e2e.ExitUsage || !strings.Contains(bad.String(), "a run of some tests is not published") || s.file("sum.json") != "earlier" {
			t.Errorf("%s: exit status %d, %q\n%s", flag, status, s.file("sum.json"), bad.String())
		}
	}
}

// A name that no ConfigMap has is a mistake of the flag: as a part of an address it would lead to another object.
func TestNamesOfConfigMaps(t *testing.T) {
	newSynthetic(t, "rate: 9/m")
	for _, name := range []string{"", "../secrets/x", "E2E", "a/b", "a?x=1", "-a", strings.Repeat("a", 254)} {
		var bad bytes.Buffer
		app := App{Stdout: &bad, Stderr: &bad, Environ: []string{"PATH=" + os.Getenv("PATH")}, Now: time.Now}
		if status := app.Main(t.Context(), []string{"run", "--summary", "configmap:" + name}); status != e2e.ExitUsage || !strings.Contains(bad.String(), "is not the name of a ConfigMap") {
			t.Errorf("%q: exit status %d\n%s", name, status, bad.String())
		}
	}
}
