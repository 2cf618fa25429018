// Package servers starts real servers for tests: from the system's packages, on
// loopback, on a port of their own, with their data in a folder of the test, ended
// with the test.
package servers

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/testkit/need"
)

// startLimit is how long a server may take to come up on a busy machine.
const startLimit = 30 * time.Second

// Process is a running server.
type Process struct {
	tb   testing.TB
	cmd  *exec.Cmd
	log  string
	done chan struct{}
}

// FreePort is a loopback port that nothing listens on.
func FreePort(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // a listener of the test
	return l.Addr().(*net.TCPAddr).Port
}

// as prefixes a command so that it runs as the user of a package where the tests
// run as root, which some servers refuse, and gives that user the folder.
func as(tb testing.TB, user, dir string, argv ...string) []string {
	tb.Helper()
	if os.Getuid() != 0 {
		return argv
	}
	need.Tool(tb, "setpriv", "apt-get install util-linux")
	// A user that is not root must be able to reach the folder.
	for d := dir; len(d) > len(os.TempDir()); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil { //nolint:gosec // a folder of the test
			tb.Fatal(err)
		}
	}
	run(tb, "chown", "-R", user, dir)
	return append([]string{"setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--"}, argv...)
}

// slow skips a test that needs a database where only quick tests were asked for.
func slow(tb testing.TB) {
	tb.Helper()
	if testing.Short() {
		tb.Skip("a database takes seconds to start")
	}
}

// run runs a command to its end.
func run(tb testing.TB, argv ...string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = os.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("%v: %v\n%s", argv, err, out)
	}
}

// start starts a server and waits until ready says so.
func start(tb testing.TB, dir string, ready func() error, argv ...string) *Process {
	tb.Helper()
	p := &Process{tb: tb, log: filepath.Join(tb.TempDir(), "server.log"), done: make(chan struct{})}
	out, err := os.Create(p.log)
	if err != nil {
		tb.Fatal(err)
	}
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, out, out
	if err := p.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		_ = out.Close()
		close(p.done)
	}()
	tb.Cleanup(p.Kill)
	p.await(ready)
	return p
}

func (p *Process) await(ready func() error) {
	p.tb.Helper()
	limit, tick := time.NewTimer(startLimit), time.NewTicker(20*time.Millisecond)
	defer limit.Stop()
	defer tick.Stop()
	for {
		err := ready()
		if err == nil {
			return
		}
		select {
		case <-p.done:
			p.fail("the server ended", err)
		case <-limit.C:
			p.fail("the server did not come up", err)
		case <-tick.C:
		}
	}
}

func (p *Process) fail(what string, err error) {
	p.tb.Helper()
	text, _ := os.ReadFile(p.log)
	p.tb.Fatalf("%s: %v\n%s", what, err, text)
}

// Kill ends the server at once, as a crash would. It may be called again.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Accepts returns a check that a port takes connections.
func Accepts(port int) func() error {
	return func() error {
		conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
		if err != nil {
			return fmt.Errorf("connect: %w", err)
		}
		return conn.Close()
	}
}

// Signal sends a signal to the server.
func (p *Process) Signal(s os.Signal) {
	p.tb.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.tb.Fatal(err)
	}
}
