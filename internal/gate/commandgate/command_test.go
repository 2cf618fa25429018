package commandgate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/proc"
)

// TestMain plays the command: the test binary starts itself.
func TestMain(m *testing.M) {
	if mode, ok := os.LookupEnv("COMMANDGATE_PLAY"); ok {
		play(mode)
	}
	os.Exit(m.Run())
}

func play(mode string) {
	switch mode {
	case "env":
		dir, _ := os.Getwd()
		fmt.Println(os.Getenv("GITHUB_TOKEN"), os.Getenv("API_TOKEN"), os.Getenv("E2E_RUN_ID"), os.Getenv("DSN"), filepath.Base(dir))
		os.Exit(3)
	case "hang":
		time.Sleep(time.Hour) // not select{}, which is a deadlock to Go on Windows
	case "noise":
		fmt.Printf("%s\n\x1b[31mlast line\x1b[0m %s\n\n", strings.Repeat("x", 1<<16), strings.Repeat("y", 500))
		os.Exit(1)
	}
	code, _ := strconv.Atoi(mode)
	os.Exit(code)
}

func self(t *testing.T, mode string) *Spec {
	t.Helper()
	name, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &Spec{Run: []string{name}, Env: map[string]string{"COMMANDGATE_PLAY": mode, "GOCOVERDIR": t.TempDir()}, Timeout: time.Minute}
}

func look(t *testing.T, s *Spec, env probe.Env) probe.Observation {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), s.ProbeTimeout())
	defer cancel()
	return s.New(env).Probe(ctx)
}

func want(t *testing.T, o probe.Observation, state e2e.GateState, finality e2e.Finality, observed string) {
	t.Helper()
	if o.State != state || o.Finality != finality || o.Observed != observed {
		t.Errorf("got %s/%q %q, want %s/%q %q", o.State, o.Finality, o.Observed, state, finality, observed)
	}
	if state != e2e.Healthy && !strings.Contains(o.Reason, ";") {
		t.Errorf("reason %q says not what to try", o.Reason)
	}
}

func TestExitStatus(t *testing.T) {
	want(t, look(t, self(t, "0"), probe.Env{}), e2e.Healthy, "", "exit status 0")
	want(t, look(t, self(t, "1"), probe.Env{}), e2e.Unhealthy, e2e.NotYet, "exit status 1")
	for _, code := range []string{"126", "127"} {
		o := look(t, self(t, code), probe.Env{})
		want(t, o, e2e.ProbeError, e2e.Never, "exit status "+code)
		if o.Word != "not_found" {
			t.Errorf("word %q", o.Word)
		}
	}
}

func TestTimeout(t *testing.T) {
	s := self(t, "hang")
	s.Timeout = 100 * time.Millisecond
	want(t, look(t, s, probe.Env{}), e2e.Unhealthy, e2e.NotYet, "no result within 100ms")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	want(t, s.New(probe.Env{}).Probe(ctx), e2e.Unhealthy, e2e.NotYet, "not started in time")
}

func TestCommandsThatCannotStart(t *testing.T) {
	dir := t.TempDir()
	want(t, look(t, &Spec{Run: []string{"no-such-command-of-the-gate"}}, probe.Env{}), e2e.ProbeError, e2e.Never, "command not found: no-such-command-of-the-gate")
	want(t, look(t, &Spec{Run: []string{"./ready.sh"}}, probe.Env{Root: dir}), e2e.ProbeError, e2e.Never, "command not found: ./ready.sh")
	s := self(t, "0")
	s.Dir = "nowhere"
	if o := look(t, s, probe.Env{Root: dir}); o.State != e2e.ProbeError || o.Finality != e2e.Never {
		t.Errorf("got %+v", o)
	}
	if runtime.GOOS == "windows" { // where files have no execute permission
		if err := os.WriteFile(filepath.Join(dir, "text.exe"), []byte("not a program"), 0o600); err != nil {
			t.Fatal(err)
		}
		want(t, look(t, &Spec{Run: []string{"./text.exe"}}, probe.Env{Root: dir}), e2e.ProbeError, e2e.Never, "command not executable: ./text.exe")
		return
	}
	for name, mode := range map[string]os.FileMode{"plain": 0o600, "binary": 0o700} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte{0x7f, 'E', 'L', 'F', 0}, mode); err != nil {
			t.Fatal(err)
		}
		want(t, look(t, &Spec{Run: []string{"./" + name}}, probe.Env{Root: dir}), e2e.ProbeError, e2e.Never, "command not executable: ./"+name)
	}
}

func TestShortageMayPass(t *testing.T) {
	p := prober{spec: &Spec{Run: []string{"x"}}}
	o := p.judge(proc.Exit{Ended: proc.NotStarted, Err: errors.New("resource temporarily unavailable")})
	want(t, o, e2e.ProbeError, e2e.NotYet, "command could not be started")
}

func TestEnvironment(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := self(t, "env")
	s.Dir, s.PassEnv = "sub", []string{"API_TOKEN"}
	env := probe.Env{Root: dir, Base: []string{"GITHUB_TOKEN=ghs_1", "API_TOKEN=passed99", "DSN=postgres"},
		Identity: map[string]string{"E2E_RUN_ID": "e2e-1"}, Secrets: []string{"DSN"}}
	// A variable that is passed on by name is still a secret: it is masked in the
	// command's output.
	want(t, look(t, s, env), e2e.Unhealthy, e2e.NotYet, `exit status 3, printed "*** e2e-1 sub"`)
}

func TestOutputIsQuotedAndBounded(t *testing.T) {
	o := look(t, self(t, "noise"), probe.Env{})
	if !strings.HasPrefix(o.Observed, `exit status 1, printed "last line yyy`) || len([]rune(o.Observed)) > probe.MaxQuote+40 {
		t.Errorf("got %q", o.Observed)
	}
}

func TestTargetShowsNoSecrets(t *testing.T) {
	s := &Spec{
		Run: []string{"psql", "postgres://u:pw@db.test:5432/app?sslkey=x", "--password=abc", "--token", "def", "-c", "select 1", "API_KEY=ghi",
			"--dsn=pg://u:p@h/", "jkl-secret"},
		Env: map[string]string{"MY_SECRET": "jkl-secret"},
	}
	p := s.New(probe.Env{})
	if want := "psql postgres://db.test:5432/app --password=*** --token *** -c select 1 API_KEY=*** --dsn=*** ***"; p.Target() != want ||
		p.Kind() != "command" || p.Expected() != "exit status 0" {
		t.Errorf("got %s", p.Target())
	}
}

func TestValidate(t *testing.T) {
	for _, s := range []*Spec{{}, {Run: []string{" "}}} {
		if problems := s.Validate(); len(problems) != 1 || problems[0].Path != "run" {
			t.Errorf("got %+v", problems)
		}
	}
	if problems := (&Spec{Run: []string{"x"}, Timeout: -1}).Validate(); len(problems) != 1 || problems[0].Path != "timeout" {
		t.Errorf("got %+v", problems)
	}
	if (&Spec{}).ProbeTimeout() != probe.DefaultTimeout {
		t.Error("no default timeout")
	}
}
