package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for _, p := range pairs {
			if v, ok := strings.CutPrefix(p, name+"="); ok {
				return v
			}
		}
		return ""
	}
}

// start runs the whole program on a free port until the returned stop, which
// returns the exit status.
func start(t *testing.T, pairs ...string) (url string, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	out, in := io.Pipe()
	status := make(chan int, 1)
	go func() {
		defer in.Close()
		status <- run(ctx, env(append(pairs, "PORT=0")...), in)
	}()
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	_, url, ok := strings.Cut(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		t.Fatalf("first line %q, %v", line, err)
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	return url, func() int { cancel(); return <-status }
}

func post(t *testing.T, url, body string) error {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func TestRunStopsCleanlyAndRemovesItsData(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	url, stop := start(t)
	if err := post(t, url+"/cases", `{"reference":"R-1","title":"x"}`); err != nil {
		t.Error(err)
	}
	if got := stop(); got != exitOK {
		t.Errorf("exit status %d, want %d", got, exitOK)
	}
	if left, _ := filepath.Glob(filepath.Join(tmp, "casework-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestRunKeepsItsDataDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	_, stop := start(t, "CASEWORK_DATA="+dir)
	stop()
	if _, err := os.Stat(filepath.Join(dir, "journal.jsonl")); err != nil {
		t.Error(err)
	}
}

func TestRunCrashes(t *testing.T) {
	url, stop := start(t, "CASEWORK_FAULT=crash")
	var err error
	for range faultAtSubmit {
		err = post(t, url+"/cases/CASE-1/submit", "")
	}
	if err == nil {
		t.Error("the crashing submit was answered")
	}
	if got := stop(); got != exitFault {
		t.Errorf("exit status %d, want %d", got, exitFault)
	}
}

func TestRunRefusesToStart(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	for _, tt := range []struct {
		name, env, says string
		status          int
	}{
		{"unknown fault", "CASEWORK_FAULT=explode", "use some of never-accept", exitFault},
		{"port in use", "PORT=" + port, "set PORT to a free port", exitFailed},
		{"bad port", "PORT=70000", "set PORT to a free port", exitFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stderr bytes.Buffer
			if got := run(t.Context(), env(tt.env), &stderr); got != tt.status {
				t.Errorf("exit status %d, want %d", got, tt.status)
			}
			if !strings.Contains(stderr.String(), tt.says) {
				t.Errorf("stderr %q does not say %q", &stderr, tt.says)
			}
		})
	}
}
