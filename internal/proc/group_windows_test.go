package proc

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The test binary plays the processes. Each one connects to the test: the connection ends when the process does.
const windowsHelper = "PROC_TEST_HELPER"

func TestMain(m *testing.M) {
	if name := os.Getenv(windowsHelper); name != "" {
		os.Exit(play(name))
	}
	os.Exit(m.Run())
}

// play is a process: it starts those behind it (a>b>c), and waits for a line of the test: the status to end with.
func play(names string) int {
	time.AfterFunc(2*time.Minute, func() { os.Exit(99) }) // even if a test fails, none stays
	name, rest, parent := strings.Cut(names, ">")
	if strings.HasPrefix(name, "break") {
		breaks := make(chan os.Signal, 1)
		signal.Notify(breaks, os.Interrupt) // Go's name of CTRL_BREAK too
		go func() {
			<-breaks
			os.Exit(7)
		}()
	}
	if parent {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), windowsHelper+"="+rest)
		if err := child.Start(); err != nil {
			return 96
		}
	}
	conn, err := net.Dial("tcp", os.Getenv("PROC_TEST_CONTROL"))
	if err != nil {
		return 98
	}
	fmt.Fprintln(conn, name)
	line, _ := bufio.NewReader(conn).ReadString('\n')
	status, err := strconv.ParseInt(strings.TrimSpace(line), 0, 64)
	if err != nil {
		return 97
	}
	return int(status)
}

// stage starts helpers and waits for those that say so.
type stage struct {
	t        *testing.T
	listener net.Listener
}

func newStage(t *testing.T) *stage {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return &stage{t, l}
}

func (s *stage) spec(names string) Spec {
	return Spec{Argv: []string{os.Args[0]}, Grace: 5 * time.Second,
		Env: append(os.Environ(), windowsHelper+"="+names, "PROC_TEST_CONTROL="+s.listener.Addr().String())}
}

// arrived waits for so many processes and returns their connections by name.
func (s *stage) arrived(n int) map[string]net.Conn {
	s.t.Helper()
	all := map[string]net.Conn{}
	for range n {
		if err := s.listener.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute)); err != nil {
			s.t.Fatal(err)
		}
		conn, err := s.listener.Accept()
		if err != nil {
			s.t.Fatalf("only %d processes came: %v", len(all), err)
		}
		s.t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil {
			s.t.Fatal(err)
		}
		all[strings.TrimSpace(line)] = conn
	}
	return all
}

// ended fails the test unless the process of a connection has ended.
func (s *stage) ended(name string, conn net.Conn) {
	s.t.Helper()
	_, err := conn.Read(make([]byte, 1))
	if t, ok := err.(net.Error); err == nil || ok && t.Timeout() {
		s.t.Errorf("%s still runs", name)
	}
}

func TestStopEndsAllOfAJob(t *testing.T) {
	s := newStage(t)
	p, err := Start(s.spec("leader>child>grandchild"))
	if err != nil {
		t.Fatal(err)
	}
	all := s.arrived(3)
	if exit := p.Stop(TimedOut); exit.Ended != TimedOut {
		t.Errorf("%+v", exit)
	}
	for name, conn := range all {
		s.ended(name, conn)
	}
}

func TestWhatALeaderLeavesIsEnded(t *testing.T) {
	s := newStage(t)
	p, err := Start(s.spec("leader>child>grandchild"))
	if err != nil {
		t.Fatal(err)
	}
	all := s.arrived(3)
	fmt.Fprintln(all["leader"], 3)
	if exit := p.Wait(); exit.Ended != Exited || exit.Code != 3 {
		t.Errorf("%+v", exit)
	}
	for name, conn := range all {
		s.ended(name, conn)
	}
}

func TestBackgroundLivesOn(t *testing.T) {
	s := newStage(t)
	spec := s.spec("leader>child")
	spec.KeepBackground = true
	p, err := Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	all := s.arrived(2)
	fmt.Fprintln(all["leader"], 0)
	if exit := p.Wait(); !exit.OK() {
		t.Errorf("%+v", exit)
	}
	_ = all["child"].SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := all["child"].Read(make([]byte, 1)); err == nil || !err.(net.Error).Timeout() {
		t.Errorf("the background process ended: %v", err)
	}
	fmt.Fprintln(all["child"], 0)
}

// An access violation ends a process with a status of Windows.
func TestStatusOfACrash(t *testing.T) {
	s := newStage(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ends := make(chan Exit, 1)
	go func() { ends <- Run(ctx, s.spec("leader")) }()
	fmt.Fprintln(s.arrived(1)["leader"], "0xC0000005")
	if exit := <-ends; exit.Ended != Exited || exit.Code != 0xC0000005 || !exit.Crashed() {
		t.Errorf("%+v", exit)
	}
}

func TestStopAsksFirst(t *testing.T) {
	s := newStage(t)
	p, err := Start(s.spec("break"))
	if err != nil {
		t.Fatal(err)
	}
	s.arrived(1)
	if exit := p.Stop(Cancelled); exit.Ended != Cancelled || exit.Code != 7 {
		t.Errorf("%+v", exit)
	}
}
