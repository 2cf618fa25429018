//go:build unix

package proc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
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

	"github.com/google/go-cmp/cmp"
)

func TestRunExits(t *testing.T) {
	for _, tc := range []struct {
		args []string
		code int
		ok   bool
		text string
	}{
		{[]string{"0"}, 0, true, "exit status 0"},
		{[]string{"1"}, 1, false, "exit status 1"},
		{[]string{"127"}, 127, false, "exit status 127"},
	} {
		exit := Run(t.Context(), Spec{Argv: self(tc.args...), Env: mode("exit")})
		if exit.Ended != Exited || exit.Code != tc.code || exit.OK() != tc.ok || exit.String() != tc.text || exit.Err != nil || exit.Started.IsZero() {
			t.Errorf("%q: got %+v, %s", tc.args, exit, exit)
		}
	}
}

func TestExitIsOnlyOKWhenItRanToItsEnd(t *testing.T) {
	for _, ended := range []Ended{"", Signalled, TimedOut, Cancelled, NotStarted, "other"} {
		e := Exit{Ended: ended}
		if e.OK() {
			t.Errorf("%q with code 0 is OK", ended)
		}
		if e.String() == "" {
			t.Errorf("%q says nothing", ended)
		}
	}
}

func TestNotStarted(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		spec Spec
		want error
	}{
		{"no command", Spec{}, ErrNotStarted},
		{"empty command", Spec{Argv: []string{"", "x"}}, ErrNotStarted},
		{"not in PATH", Spec{Argv: []string{"e2e-gate-no-such-tool"}}, exec.ErrNotFound},
		{"no such file", Spec{Argv: []string{"./no-such-tool"}, Dir: dir}, fs.ErrNotExist},
		{"no such directory", Spec{Argv: self(), Dir: filepath.Join(dir, "missing")}, fs.ErrNotExist},
		{"not executable", Spec{Argv: []string{text}}, fs.ErrPermission},
		{"NUL in an argument", Spec{Argv: self("a\x00b")}, syscall.EINVAL},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.spec.Stdout = io.Discard
			exit := Run(t.Context(), tc.spec)
			if exit.Ended != NotStarted || exit.Code != -1 || exit.OK() || !errors.Is(exit.Err, ErrNotStarted) || !errors.Is(exit.Err, tc.want) {
				t.Errorf("got %+v", exit)
			}
			if p, err := Start(tc.spec); p != nil || !errors.Is(err, tc.want) {
				t.Errorf("Start: %v, %v", p, err)
			}
		})
	}
}

func TestRunWithContextThatHasEnded(t *testing.T) {
	reason := errors.New("no time left")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	marker := filepath.Join(t.TempDir(), "started")
	exit := Run(ctx, Spec{Argv: []string{"touch", marker}})
	if exit.Ended != NotStarted || exit.Code != -1 || !errors.Is(exit.Err, reason) {
		t.Errorf("got %+v", exit)
	}
	if _, err := os.Stat(marker); err == nil {
		t.Error("it was started all the same")
	}
}

func TestCommandRelativeToDir(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(exe, filepath.Join(dir, "bin", "tool")); err != nil {
		t.Fatal(err)
	}
	exit := Run(t.Context(), Spec{Argv: []string{"./bin/tool", helperArg}, Dir: dir, Env: mode("dir")})
	real, _ := filepath.EvalSymlinks(dir)
	if !exit.OK() || strings.TrimSpace(exit.Tail) != real {
		t.Errorf("got %s, %q", exit, exit.Tail)
	}
}

func TestEnvIsTheWholeEnvironment(t *testing.T) {
	t.Setenv("PROC_TEST_OF_THE_GATE", "must not be seen")
	exit := Run(t.Context(), Spec{Argv: self(), Env: append(mode("env"), "A=1")})
	var names []string
	for _, kv := range strings.Split(strings.TrimSpace(exit.Tail), "\n") {
		name, _, _ := strings.Cut(kv, "=")
		names = append(names, name)
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{"A", helperMode}, names); diff != "" {
		t.Error(diff)
	}
}

func TestOutputGoesWhereItShould(t *testing.T) {
	t.Run("together", func(t *testing.T) {
		var log bytes.Buffer
		exit := Run(t.Context(), Spec{Argv: self("a", "b"), Env: mode("say"), Log: &log})
		if exit.Tail != "a b\nto stderr\n" || log.String() != exit.Tail {
			t.Errorf("tail %q, log %q", exit.Tail, log.String())
		}
	})
	t.Run("apart", func(t *testing.T) {
		var out, log bytes.Buffer
		exit := Run(t.Context(), Spec{Argv: self("a", "b"), Env: mode("say"), Stdout: &out, Log: &log})
		if out.String() != "a b\n" || exit.Tail != "to stderr\n" || log.String() != exit.Tail {
			t.Errorf("stdout %q, tail %q, log %q", out.String(), exit.Tail, log.String())
		}
	})
}

// 100 MB of lines, and one line of 50 MB, pass through with next to no memory.
// Not parallel: it counts what the whole process allocates.
func TestFloodTakesNoMemory(t *testing.T) {
	const allowed = 4 << 20
	for _, tc := range []struct {
		name, end string
		size      int
	}{
		{"100 MB of lines", "lines", 100 << 20},
		{"a line of 50 MB", "one line", 50 << 20},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var logged, consumed counter
			var exits [2]Exit
			argv := self(strconv.Itoa(tc.size), tc.end)
			allocated := allocatedBy(func() {
				exits[0] = Run(t.Context(), Spec{Argv: argv, Env: mode("flood"), Log: &logged})
				exits[1] = Run(t.Context(), Spec{Argv: argv, Env: mode("flood"), Stdout: &consumed})
			})
			if allocated > allowed {
				t.Errorf("two runs allocated %d bytes, more than %d", allocated, allowed)
			}
			if !exits[0].OK() || !exits[1].OK() || int(logged) != tc.size || int(consumed) != tc.size {
				t.Errorf("%s logged %d, %s consumed %d, want %d", exits[0], logged, exits[1], consumed, tc.size)
			}
			if n := len(exits[0].Tail); n < TailBytes || n > TailBytes+100 {
				t.Errorf("the tail has %d bytes", n)
			}
		})
	}
}

type counter int

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

// What a process left in the place of a log is removed, and nothing is written through a link.
func TestLogReplacesWhatIsNotAFile(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"link":   os.Symlink(outside, filepath.Join(dir, "link")),
		"pipe":   syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600),
		"folder": os.MkdirAll(filepath.Join(dir, "folder", "x"), 0o755),
	} {
		if err != nil {
			t.Fatal(err)
		}
		log := openLog(t, filepath.Join(dir, name))
		_, _ = log.Write([]byte("said"))
		if err := log.Close(); err != nil {
			t.Error(err)
		}
		if data, err := os.ReadFile(filepath.Join(dir, name)); string(data) != "said" {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	if data, _ := os.ReadFile(outside); len(data) > 0 {
		t.Errorf("it was written through a link: %q", data)
	}
}

// A full disk loses the log file, but neither the process nor the tail of its output.
func TestRunWithLogOnFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("needs /dev/full")
	}
	log := fullDisk(t)
	exit := Run(t.Context(), Spec{Argv: self("200000", "lines"), Env: mode("flood"), Log: log})
	if !exit.OK() || len(exit.Tail) < TailBytes {
		t.Errorf("%s with a tail of %d bytes", exit, len(exit.Tail))
	}
	if err := log.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the log's error is %v", err)
	}
}

func TestConsumerThatFailsDoesNotBlockTheProcess(t *testing.T) {
	calls := 0
	failing := writerFunc(func([]byte) (int, error) { calls++; return 0, errors.New("cannot parse") })
	if exit := Run(t.Context(), Spec{Argv: self("1000000", "lines"), Env: mode("flood"), Stdout: failing}); !exit.OK() || calls != 1 {
		t.Errorf("%s after %d calls", exit, calls)
	}
	if exit := Run(t.Context(), Spec{Argv: self("1000000", "lines"), Env: mode("flood"), Log: failing}); !exit.OK() || len(exit.Tail) < TailBytes {
		t.Errorf("%s with a tail of %d bytes", exit, len(exit.Tail))
	}
}

// The consumer stands still until the process has ended; nothing is lost.
func TestConsumerThatBlocksLosesNothing(t *testing.T) {
	t.Parallel()
	c := newControl(t)
	release := make(chan struct{})
	var got counter
	p, err := Start(Spec{Argv: self("leader"), Env: c.env("agent"), Stdout: writerFunc(func(b []byte) (int, error) {
		<-release
		return got.Write(b)
	})})
	if err != nil {
		t.Fatal(err)
	}
	leader := c.agent("leader")
	leader.tell("print 1000")
	leader.tell("print 50000")
	leader.exit(0)
	if line := leader.hear(); line != "" {
		t.Fatalf("it lives on and says %q", line)
	}
	close(release)
	if exit := p.Wait(); !exit.OK() || got != 51000 {
		t.Errorf("%s, %d bytes came through", exit, got)
	}
}

func TestEndedByContext(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, hears string
		deadline    bool
		want        Ended
	}{
		{"cancel", "", false, Cancelled},
		{"deadline", "", true, TimedOut},
		{"cancel, deaf to SIGTERM", "deaf", false, Cancelled},
		{"deadline, deaf to SIGTERM", "deaf", true, TimedOut},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := newControl(t)
			ctx := newManual(t, tc.deadline)
			done := make(chan Exit)
			go func() {
				done <- Run(ctx, Spec{Argv: self("leader", tc.hears), Env: c.env("agent"), Grace: 10 * time.Millisecond})
			}()
			leader := c.agent("leader")
			ctx.end()
			exit := <-done
			if exit.Ended != tc.want || exit.Code != -1 || exit.OK() {
				t.Errorf("got %+v", exit)
			}
			if line := leader.hear(); line != "" {
				t.Errorf("it lives on and says %q", line)
			}
		})
	}
}

// manual is a context that ends when the test says so, also by "deadline".
type manual struct {
	context.Context
	done chan struct{}
	err  error
}

func newManual(t *testing.T, deadline bool) *manual {
	m := &manual{Context: t.Context(), done: make(chan struct{}), err: context.Canceled}
	if deadline {
		m.err = context.DeadlineExceeded
	}
	return m
}

func (m *manual) end()                  { close(m.done) }
func (m *manual) Done() <-chan struct{} { return m.done }
func (m *manual) Err() error {
	select {
	case <-m.done:
		return m.err
	default:
		return nil
	}
}

func TestRealDeadline(t *testing.T) {
	t.Parallel()
	c := newControl(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	exit := Run(ctx, Spec{Argv: self("leader", "deaf"), Env: c.env("agent"), Grace: time.Millisecond})
	if exit.Ended != TimedOut {
		t.Errorf("got %+v", exit)
	}
}

// A process that ends by itself within the grace states its status.
func TestStopLetsTheProcessEndByItself(t *testing.T) {
	t.Parallel()
	c := newControl(t)
	p := startAgent(t, c, Spec{Argv: self("leader", "told"), Grace: time.Minute})
	leader := c.agent("leader")
	exits := make(chan Exit)
	go func() { exits <- p.Stop(TimedOut) }()
	if line := leader.hear(); line != "term" {
		t.Fatalf("it heard %q", line)
	}
	leader.exit(3)
	if exit := <-exits; exit.Ended != TimedOut || exit.Code != 3 || exit.OK() {
		t.Errorf("got %+v", exit)
	}
}

// The whole group gets the grace, not only its leader: npm or a shell ends at once, and
// the server behind it needs its time. No process is asked twice.
func TestStopGivesTheWholeGroupItsGrace(t *testing.T) {
	t.Parallel()
	c := newControl(t)
	p, err := start(Spec{Argv: self("leader"), Env: c.env("agent"), Grace: time.Minute}, patience{leftover: 1, drain: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	leader := c.agent("leader")
	leader.tell("spawn server told")
	server := c.agent("server")
	exits := make(chan Exit)
	go func() { exits <- p.Stop(Cancelled) }()
	if line := server.hear(); line != "term" {
		t.Fatalf("the server heard %q", line)
	}
	if line := leader.hear(); line != "" {
		t.Fatalf("the leader says %q", line)
	}
	for syscall.Kill(p.PID(), 0) == nil { // until the leader was waited for
		runtime.Gosched()
	}
	for range 100 {
		server.tell("print 0") // it lives on
	}
	server.tell("print 5") // and may still say something
	server.exit(0)
	if line := server.hear(); line != "" {
		t.Errorf("the server was asked twice: %q", line)
	}
	if exit := <-exits; exit.Ended != Cancelled || exit.Tail != "xxxxx" {
		t.Errorf("got %+v", exit)
	}
}

func TestStopKillsTheWholeGroupAfterTheGrace(t *testing.T) {
	t.Parallel()
	c := newControl(t)
	p := startAgent(t, c, Spec{Argv: self("leader"), Grace: 10 * time.Millisecond})
	c.agent("leader").tell("spawn server deaf")
	server := c.agent("server")
	if exit := p.Stop(Cancelled); exit.Ended != Cancelled {
		t.Errorf("got %+v", exit)
	}
	if line := server.hear(); line != "" {
		t.Errorf("the server lives on and says %q", line)
	}
}

func TestStopTwiceAndAtOnceAndTooLate(t *testing.T) {
	t.Parallel()
	t.Run("at once", func(t *testing.T) {
		t.Parallel()
		c := newControl(t)
		p := startAgent(t, c, Spec{Argv: self("leader", "deaf"), Grace: 10 * time.Millisecond})
		c.agent("leader")
		first := p.Stop(TimedOut)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if exit := p.Stop(Cancelled); exit != first || exit.Ended != TimedOut {
					t.Errorf("got %+v", exit)
				}
			})
		}
		all.Wait()
	})
	t.Run("concurrently", func(t *testing.T) {
		t.Parallel()
		c := newControl(t)
		p := startAgent(t, c, Spec{Argv: self("leader"), Grace: time.Minute})
		c.agent("leader")
		exits := make(chan Exit)
		for _, why := range []Ended{TimedOut, Cancelled, TimedOut, Cancelled} {
			go func() { exits <- p.Stop(why) }()
		}
		first := <-exits
		if first.Ended != TimedOut && first.Ended != Cancelled {
			t.Errorf("got %+v", first)
		}
		for range 3 {
			if exit := <-exits; exit != first {
				t.Errorf("one says %+v, another %+v", first, exit)
			}
		}
	})
	t.Run("after the end", func(t *testing.T) {
		t.Parallel()
		p, err := Start(Spec{Argv: self("0"), Env: mode("exit")})
		if err != nil {
			t.Fatal(err)
		}
		<-p.Done()
		if exit := p.Stop(Cancelled); !exit.OK() {
			t.Errorf("a stop that came too late changed the end: %+v", exit)
		}
	})
	t.Run("while it ends", func(t *testing.T) {
		t.Parallel()
		for range 20 {
			p, err := Start(Spec{Argv: self("0"), Env: mode("exit")})
			if err != nil {
				t.Fatal(err)
			}
			if exit := p.Stop(Cancelled); exit.Ended != Cancelled && !exit.OK() {
				t.Errorf("got %+v", exit)
			}
		}
	})
}

func TestKilledFromOutside(t *testing.T) {
	t.Parallel()
	c := newControl(t)
	p := startAgent(t, c, Spec{Argv: self("leader")})
	c.agent("leader")
	if err := syscall.Kill(p.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if exit := p.Wait(); exit.Ended != Signalled || exit.Code != -1 || exit.OK() {
		t.Errorf("got %+v", exit)
	}
}

// Whatever process is left behind, in whatever way: when Wait returns, none is there.
func TestNobodyIsLeftBehind(t *testing.T) {
	t.Parallel()
	ways := map[string]bool{"group": true, "bare": true, "deaf": true, "told": true, "setsid": onLinux, "loud-setsid": onLinux, "double": onLinux, "cleared": onLinux}
	for how, found := range ways {
		if !found {
			continue
		}
		for _, stopped := range []bool{false, true} {
			name := how
			if stopped {
				name += ", stopped"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := newControl(t)
				p, err := start(Spec{Argv: self("leader"), Env: c.env("agent"), Grace: 20 * time.Millisecond},
					patience{leftover: 20 * time.Millisecond, drain: time.Minute})
				if err != nil {
					t.Fatal(err)
				}
				leader := c.agent("leader")
				leader.tell("spawn orphan %s", how)
				orphan := c.agent("orphan")
				if stopped {
					p.Stop(Cancelled)
				} else {
					leader.exit(0)
				}
				exit := p.Wait()
				if stopped == exit.OK() {
					t.Errorf("got %+v", exit)
				}
				if !hasEnded(orphan.pid) {
					t.Errorf("%d is there after Wait", orphan.pid)
				}
				for line := "term"; line != ""; { // a polite one says that it was asked
					if line = orphan.hear(); line != "" && line != "term" {
						t.Errorf("it lives on and says %q", line)
					}
				}
			})
		}
	}
}

// What a process leaves behind is asked to end before it is killed.
func TestLeftoversAreAskedFirst(t *testing.T) {
	t.Parallel()
	c := newControl(t)
	p, err := start(Spec{Argv: self("leader"), Env: c.env("agent")}, patience{leftover: time.Minute, drain: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	leader := c.agent("leader")
	leader.tell("spawn orphan told")
	orphan := c.agent("orphan")
	leader.exit(0)
	if line := orphan.hear(); line != "term" {
		t.Errorf("it heard %q", line)
	}
	orphan.tell("print 3")
	orphan.exit(0)
	if exit := p.Wait(); !exit.OK() || exit.Tail != "xxx" {
		t.Errorf("%s, %q", exit, exit.Tail)
	}
}

// A process that is not ours may hold the pipe. It must not block the run.
func TestWaitReturnsWhereThePipeIsHeld(t *testing.T) {
	t.Parallel()
	for _, stdout := range []bool{false, true} {
		c := newControl(t)
		spec := Spec{Argv: self("leader"), Env: c.env("agent")}
		var out bytes.Buffer
		if stdout {
			spec.Stdout = &out
		}
		p, err := start(spec, patience{drain: 20 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		leader := c.agent("leader")
		letGo := holdOutput(t, c, leader)
		leader.exit(5)
		if exit := p.Wait(); exit.Ended != Exited || exit.Code != 5 {
			t.Errorf("got %+v", exit)
		}
		letGo()
	}
}

// Processes that an "up" command leaves running keep running and may print: a closed
// pipe would end them.
func TestKeepBackground(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"told", "loud-setsid", "setsid"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			c := newControl(t)
			var out bytes.Buffer
			p, err := start(Spec{Argv: self("leader"), Env: c.env("agent"), Stdout: &out, KeepBackground: true}, patience{background: 20 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			leader := c.agent("leader")
			leader.tell("spawn server %s", how)
			server := c.agent("server")
			leader.exit(0)
			if exit := p.Wait(); !exit.OK() {
				t.Errorf("got %+v", exit)
			}
			server.tell("print 300000")
			if out.Len() > 0 {
				t.Errorf("%d bytes came after the end", out.Len())
			}
			server.exit(0)
			if line := server.hear(); line != "" {
				t.Errorf("%q", line)
			}
		})
	}
	t.Run("not when it was stopped", func(t *testing.T) {
		t.Parallel()
		c := newControl(t)
		p := startAgent(t, c, Spec{Argv: self("leader", "deaf"), KeepBackground: true, Grace: 10 * time.Millisecond})
		c.agent("leader").tell("spawn server deaf")
		server := c.agent("server")
		p.Stop(Cancelled)
		if line := server.hear(); line != "" {
			t.Errorf("the server lives on and says %q", line)
		}
	})
}

func startAgent(t *testing.T, c *control, spec Spec) *Process {
	t.Helper()
	spec.Env = c.env("agent")
	p, err := Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// What cuts the tail sees the output without secrets, so none is cut in two.
func TestTheTailIsRedactedBeforeItIsCut(t *testing.T) {
	exit := Run(t.Context(), Spec{Argv: self("200000", "lines"), Env: mode("flood"), Redact: func(w io.Writer) io.WriteCloser { return &closing{w: w} }})
	if !exit.OK() || strings.ContainsAny(exit.Tail[40:], "0123456789") || !strings.HasSuffix(exit.Tail, "closed") {
		t.Errorf("%s: ...%q", exit, exit.Tail[max(0, len(exit.Tail)-80):])
	}
}

// closing passes on all but digits, and says so when it is closed.
type closing struct{ w io.Writer }

func (c *closing) Write(p []byte) (int, error) {
	_, err := c.w.Write(bytes.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, p))
	return len(p), err
}

func (c *closing) Close() error {
	_, err := io.WriteString(c.w, "closed")
	return err
}
