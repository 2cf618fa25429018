//go:build unix

package proc

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The test binary plays the processes: helperMode says which. helperArg tells it not to
// run tests, even if a bug removed the mode: tests that start themselves would never
// end.
const (
	helperArg   = "helper"
	helperMode  = "PROC_TEST_HELPER"
	helperDials = "PROC_TEST_CONTROL"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == helperArg {
		// Not os.Exit: the race detector would sleep, the coverage would print.
		syscall.Exit(helper(os.Getenv(helperMode), os.Args[2:]))
	}
	code := m.Run()
	left := leftBehind()
	for n := 0; len(left) > 0 && n < 1000; n++ { // what was told to end takes its time on a machine with much to do
		time.Sleep(10 * time.Millisecond)
		left = leftBehind()
	}
	if len(left) > 0 {
		fmt.Fprintln(os.Stderr, "processes are left over:", left)
		code = 1
	}
	os.Exit(code)
}

func helper(mode string, args []string) int {
	// Even if a test fails, none of its processes stays.
	time.AfterFunc(2*time.Minute, func() { os.Exit(99) })
	switch mode {
	case "exit":
		code, _ := strconv.Atoi(args[0])
		return code
	case "say":
		fmt.Println(strings.Join(args, " "))
		fmt.Fprintln(os.Stderr, "to stderr")
	case "env":
		fmt.Println(strings.Join(os.Environ(), "\n"))
	case "dir":
		dir, _ := os.Getwd()
		fmt.Println(dir)
	case "flood":
		return flood(args[0], args[1])
	case "agent":
		return agent(args)
	case "gate":
		return gate(args)
	case "relay":
		if err := spawn(args[0], "setsid"); err != nil {
			return 1
		}
	default:
		return 96
	}
	return 0
}

// gate starts agents as a gate does, and waits until it is killed.
func gate(names []string) int {
	env := append(mode("agent"), helperDials+"="+os.Getenv(helperDials))
	for _, name := range names {
		if _, err := Start(Spec{Argv: self(name, "deaf"), Env: env, KeepBackground: strings.HasPrefix(name, "up")}); err != nil {
			return 1
		}
	}
	select {}
}

func flood(size, end string) int {
	left, _ := strconv.Atoi(size)
	chunk := bytes.Repeat([]byte("0123456789abcdef"), 4096)
	if end == "lines" {
		for i := 99; i < len(chunk); i += 100 {
			chunk[i] = '\n'
		}
	}
	for left > 0 {
		n, err := os.Stdout.Write(chunk[:min(left, len(chunk))])
		if err != nil {
			return 1
		}
		left -= n
	}
	return 0
}

// agent does what the test tells it over a connection, line by line, and ends
// when the connection does.
//
//	deaf as second argument: it ignores SIGTERM
//	told: it reports SIGTERM and goes on
func agent(args []string) int {
	addr, _, _ := strings.Cut(os.Getenv(helperDials), "/")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return 98
	}
	name, hears := args[0], ""
	if len(args) > 1 {
		hears = args[1]
	}
	switch hears {
	case "deaf":
		signal.Ignore(syscall.SIGTERM)
	case "told":
		terms := make(chan os.Signal, 8)
		signal.Notify(terms, syscall.SIGTERM)
		go func() {
			for range terms {
				fmt.Fprintln(conn, "term")
			}
		}()
	}
	fmt.Fprintln(conn, "hello", name, os.Getpid())
	for in := bufio.NewScanner(conn); in.Scan(); {
		words := strings.Fields(in.Text())
		switch words[0] {
		case "exit":
			code, _ := strconv.Atoi(words[1])
			return code
		case "print":
			n, _ := strconv.Atoi(words[1])
			if _, err := os.Stdout.Write(bytes.Repeat([]byte("x"), n)); err != nil {
				fmt.Fprintln(conn, "failed", err)
				continue
			}
		case "signal-parent":
			n, _ := strconv.Atoi(words[1])
			if err := syscall.Kill(os.Getppid(), syscall.Signal(n)); err != nil {
				fmt.Fprintln(conn, "failed", err)
				continue
			}
		case "spawn":
			if err := spawn(words[1], words[2]); err != nil {
				fmt.Fprintln(conn, "failed", err)
				continue
			}
		}
		fmt.Fprintln(conn, "done")
	}
	return 97
}

// spawn starts an agent that leaves this process in the way that how says.
func spawn(name, how string) error {
	cmd := exec.Command(os.Args[0], helperArg, name)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = os.Environ()
	mode := "agent"
	switch how {
	case "deaf", "told":
		cmd.Args = append(cmd.Args, how)
	case "setsid":
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		cmd.Stdout, cmd.Stderr = nil, nil
	case "loud-setsid":
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	case "double":
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		mode = "relay"
	case "bare":
		cmd.Args = append(cmd.Args, "deaf")
		cmd.Env = []string{helperDials + "=" + os.Getenv(helperDials)}
	case "cleared":
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		cmd.Env = []string{helperDials + "=" + os.Getenv(helperDials)}
	}
	cmd.Env = append(cmd.Env, helperMode+"="+mode)
	if err := cmd.Start(); err != nil {
		return err
	}
	if how == "double" {
		return cmd.Wait()
	}
	go func() { _ = cmd.Wait() }()
	return nil
}

// control is the test's side of the agents.
type control struct {
	t        *testing.T
	listener net.Listener
	mu       sync.Mutex
	arrived  map[string]chan *remote
}

// remote is one agent.
type remote struct {
	t    *testing.T
	name string
	pid  int
	conn net.Conn
	in   *bufio.Reader
}

func newControl(t *testing.T) *control {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &control{t: t, listener: l, arrived: map[string]chan *remote{}}
	t.Cleanup(func() { _ = l.Close() })
	go c.accept()
	return c
}

func (c *control) accept() {
	for {
		conn, err := c.listener.Accept()
		if err != nil {
			return
		}
		c.t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(time.Minute)) // a hang becomes a failure
		r := &remote{t: c.t, conn: conn, in: bufio.NewReader(conn)}
		line, _ := r.in.ReadString('\n')
		if _, err := fmt.Sscanf(line, "hello %s %d", &r.name, &r.pid); err == nil {
			c.slot(r.name) <- r
		}
	}
}

func (c *control) slot(name string) chan *remote {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.arrived[name] == nil {
		c.arrived[name] = make(chan *remote, 1)
	}
	return c.arrived[name]
}

// agent waits for the agent of that name.
func (c *control) agent(name string) *remote {
	c.t.Helper()
	select {
	case r := <-c.slot(name):
		return r
	case <-time.After(time.Minute):
		c.t.Fatalf("agent %s never came", name)
		return nil
	}
}

// env is what an agent needs.
func (c *control) env(mode string) []string {
	return []string{helperMode + "=" + mode, fmt.Sprintf("%s=%s/%d", helperDials, c.listener.Addr(), os.Getpid())}
}

// tell sends a command and waits until it was done.
func (r *remote) tell(format string, args ...any) {
	r.t.Helper()
	fmt.Fprintf(r.conn, format+"\n", args...)
	if got := r.hear(); got != "done" {
		r.t.Fatalf("agent %s was told %q and said %q", r.name, fmt.Sprintf(format, args...), got)
	}
}

// send sends a command that may end the agent before it can answer.
func (r *remote) send(format string, args ...any) { fmt.Fprintf(r.conn, format+"\n", args...) }

func (r *remote) exit(code int) { fmt.Fprintf(r.conn, "exit %d\n", code) }

// hear returns the next line, or "" when the process has ended.
func (r *remote) hear() string {
	line, err := r.in.ReadString('\n')
	if ne := net.Error(nil); errors.As(err, &ne) && ne.Timeout() {
		r.t.Fatalf("agent %s neither spoke nor ended", r.name)
	}
	return strings.TrimSpace(line)
}

// self is the command of a helper.
func self(args ...string) []string { return append([]string{os.Args[0], helperArg}, args...) }

func mode(m string) []string { return []string{helperMode + "=" + m} }
