package adapter_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

func TestTail(t *testing.T) {
	file := filepath.Join(t.TempDir(), "events.jsonl")
	var tail adapter.Tail
	var got []string
	look := func(added string, want ...string) {
		t.Helper()
		f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(added); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		got = nil
		tail.Lines(file, 10, func(line []byte) { got = append(got, string(line)) })
		if !slices.Equal(got, want) {
			t.Errorf("after %.40q: %q, want %q", added, got, want)
		}
	}
	tail.Lines(file, 10, func([]byte) { t.Error("there is no file yet") })
	look("one\ntw", "one")
	look("")
	look("o\n\nthree\n", "two", "three")
	look("a line that is too long" + strings.Repeat("x", 100_000))
	look("x\nfour\n", "four")
	if err := os.WriteFile(file, []byte("new\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	look("five\n") // the file is another one: what was in it is not known
	look(strings.Repeat("six\n", 100_000))
}

// A suite may put anything in the place of the file. The gate must not wait for it.
func TestTailOfWhatIsNoFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no named pipes in folders")
	}
	dir := t.TempDir()
	pipe, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "link")
	if err := exec.CommandContext(t.Context(), "mkfifo", pipe).Run(); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{pipe, link, dir} {
		var tail adapter.Tail
		tail.Lines(name, 10, func(line []byte) { t.Errorf("%s: %q", name, line) })
	}
}

// What happens is told once, and never what a test amends or what was told before.
func TestFollow(t *testing.T) {
	file := filepath.Join(t.TempDir(), "events.jsonl")
	var told []string
	p := &adapter.Process{Unit: adapter.Unit{Progress: func(p adapter.Progress) {
		told = append(told, fmt.Sprintf("%s|%s|%s|%s:%d|%s|%g", p.Test, p.Part, p.Outcome, p.File, p.Line, p.Message, p.Seconds))
	}}, Results: &adapter.EventFile{Path: file}}
	p.Follow()
	lines := []string{
		`{"event":"started","id":"a"}`, `damaged`, `{"event":"finished","id":"a","outcome":"failed","message":"m","at_file":"x.py","at_line":7,"seconds":0.5}`,
		`{"event":"finished","id":"a","amends":true,"outcome":"failed"}`, `{"event":"running","id":"b","part":"p"}`,
		`{"event":"progress","id":"b","part":"p","outcome":"passed"}`, `{"event":"finished","id":"b","part":"p","outcome":"passed","told":true}`, `{"event":"end"}`, "",
	}
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	p.Follow()
	p.Follow()
	want := []string{"a|||:0||0", "a||" + string(e2e.Failed) + "|x.py:7|m|0.5", "b|p||:0||0", "b|p|passed|:0||0"}
	if !slices.Equal(told, want) {
		t.Errorf("%q", told)
	}
	(&adapter.Process{Results: nil}).Follow() // its results are read at the end
}
