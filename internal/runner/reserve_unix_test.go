//go:build unix

package runner

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestReserve(t *testing.T) {
	specs := []ProcessSpec{{Name: "payment-api", Port: AutoPort}, {Name: "plain"}, {Name: "worker", Port: AutoPort, Count: 2}}
	r, err := Reserve("/checkout", specs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	vars := r.Variables()
	if len(vars) != 3 || vars["PAYMENT_API_PORT"] == "" || vars["WORKER_1_PORT"] == "" || vars["WORKER_2_PORT"] == "" {
		t.Errorf("%v", vars)
	}
	port := vars["PAYMENT_API_PORT"]
	if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
		_ = l.Close()
		t.Error("another program could take the port before the process starts")
	}
	other, err := Reserve("/checkout", specs) // another run of the same checkout
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for name, number := range other.Variables() {
		if number == vars[name] {
			t.Errorf("two runs have %s=%s", name, number)
		}
	}
	if !r.Holds(port) || r.Holds("1") {
		t.Error("it is not known which ports are taken for processes")
	}
	r.release("payment-api")
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil || r.Holds(port) {
		t.Fatalf("%v", err)
	}
	_ = l.Close()
	r.Close()
	again, err := Reserve("/checkout", specs[:1])
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := strconv.Itoa(again.Port("payment-api")); got != port {
		t.Logf("the port of the last run, %s, was taken meanwhile: %s", port, got)
	}
	var none *Reserved
	none.release("x")
	none.Close()
	if none.Port("x") != 0 || none.Holds("0") || len(none.Variables()) != 0 {
		t.Error("no reservation has ports")
	}
}

// Each copy is told its own number and its own port, and where the others are.
func TestCopiesOfAProcess(t *testing.T) {
	root := t.TempDir()
	spec := ProcessSpec{Name: "worker", Port: AutoPort, Count: 2, Env: map[string]string{"MINE": "{port}"},
		Up: []string{"sh", "-c", `echo "$1 $2 $MINE" > "$1.txt"`, "x", "{index}", "{port}"}}
	specs := append(spec.Copies(), ProcessSpec{Name: "own", Up: []string{"sh", "-c", `echo "$1" > own.txt`, "x", "{port} {index}"}})
	ports, err := Reserve(root, specs)
	if err != nil {
		t.Fatal(err)
	}
	ps := NewProcesses(ProcessesConfig{Specs: specs, Root: root, Out: filepath.Join(root, "out"), BaseEnv: os.Environ(), Ports: ports,
		Redact: func(w io.Writer) io.WriteCloser { return nopCloser{w} }})
	if err := ps.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"1.txt": "1 N N", "2.txt": "2 N N", "own.txt": "{port} {index}"} {
		data, err := os.ReadFile(filepath.Join(root, name))
		number := strconv.Itoa(ports.Port("worker-" + strings.TrimSuffix(name, ".txt")))
		if got := strings.TrimSpace(string(data)); err != nil || got != strings.ReplaceAll(want, "N", number) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if files := ps.LogFiles(); !slices.Contains(files, "processes/worker-2.log") {
		t.Errorf("%q", files)
	}
	for _, count := range []int{-1, 0, MaxCopies + 1, 1 << 30} {
		spec.Count = count
		if list := spec.Copies(); len(list) != 1 || list[0].Name != "worker" {
			t.Errorf("count %d: %d processes", count, len(list))
		}
	}
}
