package proc

import (
	"bufio"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestPorts has a grandchild that listens, and this process, whose ports are not the child's.
func TestPorts(t *testing.T) {
	if os.Getenv("LISTEN") != "" {
		l, err := net.Listen("tcp", os.Getenv("LISTEN")) //nolint:noctx // of the test
		if err != nil {
			t.Fatal(err)
		}
		_, _ = os.Stdout.WriteString("port " + strconv.Itoa(l.Addr().(*net.TCPAddr).Port) + "\n")
		select {}
	}
	own, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // of the test
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close() //nolint:errcheck // of the test
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0", "[::ffff:127.0.0.1]:0"} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		p, err := Start(Spec{Argv: []string{"/bin/sh", "-c", `"$0" -test.run='^TestPorts$' & wait`, os.Args[0]}, Env: append(os.Environ(), "LISTEN="+address), Stdout: w})
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(r).ReadString('\n')
		port, _ := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "port ")))
		if got := Ports([]*Process{p})[p]; port == 0 || !slices.Equal(got, []int{port}) {
			t.Errorf("%s: listens on %v, want %q %v", address, got, line, err)
		}
		p.Stop(Cancelled)
		p.Wait()
		if got := Ports([]*Process{p})[p]; len(got) > 0 {
			t.Errorf("%s: it has ended, and listens on %v", address, got)
		}
		_, _ = r.Close(), w.Close()
	}
}
