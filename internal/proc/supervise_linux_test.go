package proc

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Everything that one start leaves behind is gone after it, and nothing of another start.
func TestSupervisorEndsItsOwnTreeOnly(t *testing.T) {
	t.Parallel()
	c := newControl(t)
	other := startAgent(t, c, Spec{Argv: self("other")})
	survivor := c.agent("other")
	survivor.tell("spawn daemon cleared")
	daemon := c.agent("daemon")
	// A double fork, in a session of its own, without environment and without our pipes.
	const lost = `setsid env -i /bin/sh -c '/bin/sleep 3600 </dev/null >/dev/null 2>&1 & echo $!'`
	exit := Run(t.Context(), Spec{Argv: []string{"/bin/sh", "-c", lost}, Env: []string{"PATH=/usr/bin:/bin"}})
	pid, err := strconv.Atoi(strings.TrimSpace(exit.Tail))
	if !exit.OK() || err != nil {
		t.Fatalf("%s, %q", exit, exit.Tail)
	}
	if !hasEnded(pid) {
		t.Errorf("%d outlives its batch", pid)
	}
	survivor.tell("print 1")
	daemon.tell("print 0")
	survivor.exit(0)
	if exit := other.Wait(); !exit.OK() || exit.Tail != "x" {
		t.Errorf("got %+v", exit)
	}
	if line := daemon.hear(); line != "" {
		t.Errorf("the daemon lives on and says %q", line)
	}
}

// Whatever the gate had started ends with it, even if it has no time for anything.
func TestNothingOutlivesAGateThatIsKilled(t *testing.T) {
	t.Parallel()
	c := newControl(t)
	gate := exec.Command(self()[0], helperArg, "batch", "background", "up") //nolint:noctx // it is killed
	gate.Env = c.env("gate")
	if err := gate.Start(); err != nil {
		t.Fatal(err)
	}
	batch, background, up := c.agent("batch"), c.agent("background"), c.agent("up")
	batch.tell("spawn of-batch cleared")
	background.tell("spawn of-background double")
	up.tell("spawn of-up setsid")
	up.exit(0)
	all := []*remote{batch, background, up, c.agent("of-batch"), c.agent("of-background"), c.agent("of-up")}
	for _, r := range all {
		if r != up {
			r.tell("print 0")
		}
	}
	if err := gate.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_ = gate.Wait()
	for _, r := range all {
		if line := r.hear(); line != "" {
			t.Errorf("%s lives on and says %q", r.name, line)
		}
	}
	t.Logf("all had ended after %s", time.Since(began))
}

// A process that ends its supervisor is not one that passed, whatever it does next.
func TestSupervisorThatIsKilled(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		c := newControl(t)
		p := startAgent(t, c, Spec{Argv: self("leader"), KeepBackground: keep})
		leader := c.agent("leader")
		leader.tell("spawn server deaf")
		server := c.agent("server")
		leader.send("signal-parent 9")
		leader.exit(0)
		if exit := p.Wait(); exit.Ended != Signalled || exit.Code != -1 || exit.OK() || exit.Crashed() {
			t.Errorf("got %+v", exit)
		}
		if line := server.hear(); line != "" {
			t.Errorf("the rest of its group lives on and says %q", line)
		}
	}
}

// The same after the leader has ended: its status is known, but not what else there is.
func TestSupervisorThatIsKilledLater(t *testing.T) {
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
		t.Fatalf("it heard %q", line)
	}
	orphan.send("signal-parent 9")
	if exit := p.Wait(); exit.OK() || exit.Ended != Signalled {
		t.Errorf("got %+v", exit)
	}
	for line := "done"; line != ""; { // it may have had the time to answer
		if line = orphan.hear(); line != "" && line != "done" {
			t.Errorf("it lives on and says %q", line)
		}
	}
}

func TestSupervisorThatIsStopped(t *testing.T) {
	t.Parallel()
	c := newControl(t)
	p := startAgent(t, c, Spec{Argv: self("leader", "deaf"), Grace: 10 * time.Millisecond})
	leader := c.agent("leader")
	leader.tell("signal-parent %d", syscall.SIGSTOP)
	if exit := p.Stop(TimedOut); exit.Ended != TimedOut {
		t.Errorf("got %+v", exit)
	}
	if line := leader.hear(); line != "" {
		t.Errorf("it lives on and says %q", line)
	}
}

// A supervisor that is asked by another than the gate, as a system that shuts down does, ends
// what it supervises.
func TestSupervisorIsAskedToEnd(t *testing.T) {
	t.Parallel()
	c := newControl(t)
	p := startAgent(t, c, Spec{Argv: self("leader", "deaf"), Grace: 10 * time.Millisecond})
	c.agent("leader").send("signal-parent %d", syscall.SIGTERM)
	if exit := p.Wait(); exit.Ended != Signalled || exit.signal != int(syscall.SIGKILL) || exit.Crashed() {
		t.Errorf("got %+v", exit)
	}
}

func TestSignalsArePassedOn(t *testing.T) {
	t.Parallel()
	for sig, crashed := range map[string]bool{"SEGV": true, "ABRT": true, "KILL": false, "TERM": false} {
		exit := Run(t.Context(), Spec{Argv: []string{"/bin/sh", "-c", "kill -" + sig + " $$"}})
		if exit.Ended != Signalled || exit.Code != -1 || exit.Crashed() != crashed {
			t.Errorf("%s: got %+v", sig, exit)
		}
	}
}

func TestArgumentsArePassedOn(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	long := strings.Repeat("a", 100<<10) // a pipe holds 64 kB
	exit := Run(t.Context(), Spec{Argv: self("", "\xff\n", `"`, long), Env: append(mode("say"), "ODD=\xfe"), Stdout: &out})
	if want := " \xff\n \" " + long + "\n"; !exit.OK() || out.String() != want {
		t.Errorf("%s, %.100q", exit, out.String())
	}
	exit = Run(t.Context(), Spec{Argv: self(strings.Repeat("a", 8<<20))})
	if exit.Ended != NotStarted || !errors.Is(exit.Err, syscall.E2BIG) {
		t.Errorf("got %+v", exit)
	}
}

// What an up command left running ends when that is asked for, and its supervisor does not hold
// the output meanwhile.
func TestLeftIsEnded(t *testing.T) {
	t.Parallel()
	c := newControl(t)
	p, err := start(Spec{Argv: self("leader"), Env: c.env("agent"), KeepBackground: true}, patience{background: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	leader := c.agent("leader")
	leader.tell("spawn server setsid")
	server := c.agent("server")
	leader.exit(0)
	exit := p.Wait()
	server.tell("print 0")
	exit.Left.End()
	if !exit.OK() || !hasEnded(server.pid) {
		t.Errorf("%s, and the server has ended: %v", exit, hasEnded(server.pid))
	}
	exit.Left.End() // has no effect
}

func TestSupervisorIsNotForPeople(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), self()[0], superviseCommand)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != exitUsage || !strings.Contains(string(out), "not for people") {
		t.Errorf("%v, %q", err, out)
	}
}

// The difference of the two is what a supervisor costs.
func BenchmarkStart(b *testing.B) {
	b.Run("supervised", func(b *testing.B) {
		for b.Loop() {
			if exit := Run(b.Context(), Spec{Argv: []string{"/bin/true"}}); !exit.OK() {
				b.Fatal(exit)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			if err := exec.CommandContext(b.Context(), "/bin/true").Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// A leader may kill its supervisor before that has said that it runs. The gate does not know the leader then, but
// it holds the pipes that it prints to.
func TestSupervisorThatIsKilledAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var all sync.WaitGroup
	for n := range 16 {
		all.Go(func() {
			file := filepath.Join(dir, strconv.Itoa(n))
			exit := Run(t.Context(), Spec{Argv: []string{"sh", "-c", `kill -9 $PPID; echo $$ > "$0"; exec sleep 600`, file}})
			if exit.OK() {
				t.Errorf("got %+v", exit)
			}
			text, err := os.ReadFile(file)
			pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil || pid == 0 {
				return // it was ended before it could say who it is
			}
			for range 1000 { // what was killed takes its time to end
				if p, runs := stat(pid); !runs || p.group != pid {
					return
				}
				time.Sleep(pause)
			}
			t.Errorf("%d lives on", pid)
		})
	}
	all.Wait()
}
