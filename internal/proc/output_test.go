package proc

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

func TestTail(t *testing.T) {
	const cut = "[earlier output is in the log]\n"
	long := strings.Repeat("0123456789", TailBytes/10+1)
	for _, tc := range []struct {
		name   string
		writes []string
		want   string
	}{
		{"nothing", nil, ""},
		{"short", []string{"a", "", "b\n"}, "ab\n"},
		{"exactly full", []string{long[:TailBytes]}, long[:TailBytes]},
		{"one byte more", []string{long[:TailBytes], "x"}, cut + long[1:TailBytes] + "x"},
		{"one write too large", []string{"a" + long[:TailBytes]}, cut + long[:TailBytes]},
		{"many writes", []string{long, long, long, long, "end"}, cut + (long + "end")[len(long)+3-TailBytes:]},
		{"not within a character", []string{"é" + long[:TailBytes-1]}, cut + long[:TailBytes-1]},
		{"not within a long character", []string{"🙂" + long[:TailBytes-3]}, cut + long[:TailBytes-3]},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out := tail{logged: true}
			for _, w := range tc.writes {
				if n, err := out.Write([]byte(w)); n != len(w) || err != nil {
					t.Fatalf("wrote %d, %v", n, err)
				}
			}
			if got := out.String(); got != tc.want {
				t.Errorf("got %d bytes %.60q…, want %d bytes %.60q…", len(got), got, len(tc.want), tc.want)
			}
			if got := out.String(); !utf8.ValidString(got) || got != tc.want {
				t.Error("the second look differs")
			}
		})
	}
	unlogged := tail{}
	_, _ = unlogged.Write([]byte(long))
	if got := unlogged.String(); strings.Contains(got, "in the log") || !strings.HasPrefix(got, "[earlier output was not kept]\n") {
		t.Errorf("points at a log that is not there: %.60q", got)
	}
}

func TestTailIsBounded(t *testing.T) {
	out := tail{}
	line := bytes.Repeat([]byte("x"), 1000)
	if allocated := allocatedBy(func() {
		for range 20_000 {
			_, _ = out.Write(line)
		}
	}); allocated > 16*TailBytes {
		t.Errorf("20 MB through a tail allocated %d bytes", allocated)
	}
}

func TestLogAppends(t *testing.T) {
	name := filepath.Join(t.TempDir(), "output.log")
	for _, text := range []string{"first\n", "second\n"} {
		log := openLog(t, name)
		_, _ = io.WriteString(log, text)
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := readFile(t, name); got != "first\nsecond\n" {
		t.Errorf("got %q", got)
	}
}

func TestLogIsCapped(t *testing.T) {
	name := filepath.Join(t.TempDir(), "output.log")
	log := openLog(t, name)
	log.written = MaxLog - 4
	for _, text := range []string{"ab", "cdef", "gh"} {
		if n, err := io.WriteString(log, text); n != len(text) || err != nil {
			t.Fatalf("the writer was failed: %d, %v", n, err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, name); !strings.HasPrefix(got, "abcd\n[4 more bytes") || !strings.Contains(got, "not kept") {
		t.Errorf("got %q", got)
	}
}

func TestLogTakesSeveralWriters(t *testing.T) {
	name := filepath.Join(t.TempDir(), "output.log")
	log := openLog(t, name)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				_, _ = io.WriteString(log, "a whole line\n")
			}
		})
	}
	all.Wait()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, name); got != strings.Repeat("a whole line\n", 800) {
		t.Error("lines were lost or mixed")
	}
}

func TestLogCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"file/output.log", "../output.log"} {
		if _, err := OpenLog(dir, name); err == nil {
			t.Errorf("%s was opened", name)
		}
	}
}

// A log on a full disk: writers go on, and Close tells.
func TestLogWriteError(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil || runtime.GOOS == "windows" { // Wine has it
		t.Skip("needs /dev/full")
	}
	log := fullDisk(t)
	for range 3 {
		if n, err := io.WriteString(log, "text"); n != 4 || err != nil {
			t.Fatalf("the writer was failed: %d, %v", n, err)
		}
	}
	if err := log.Close(); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("Close said %v", err)
	}
}

func TestCaptureKeepsTheTailWhereTheLogFails(t *testing.T) {
	kept := &tail{}
	c := &capture{tail: kept, log: writerFunc(func([]byte) (int, error) { return 0, errors.New("disk full") })}
	for _, text := range []string{"one ", "two"} {
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
	}
	if got := kept.String(); got != "one two" {
		t.Errorf("got %q", got)
	}
}

// The waits of a stream, in a bubble with a clock of its own.
func TestStreamDrain(t *testing.T) {
	const grace = time.Second
	t.Run("to the end", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r, w := io.Pipe()
			var got bytes.Buffer
			s := newStream(r, &got)
			_, _ = io.WriteString(w, "all")
			_ = w.Close()
			s.drain(grace)
			if got.String() != "all" {
				t.Errorf("got %q", got.String())
			}
		})
	})
	t.Run("silent and never closed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r, w := io.Pipe()
			var got bytes.Buffer
			s := newStream(r, &got)
			_, _ = io.WriteString(w, "all")
			start := time.Now()
			s.drain(grace)
			if waited := time.Since(start); waited < grace || waited > 2*grace {
				t.Errorf("waited %s", waited)
			}
			_, _ = io.WriteString(w, "too late") // is read, so that the process is not blocked
			_ = w.Close()
			<-s.done
			if got.String() != "all" {
				t.Errorf("got %q", got.String())
			}
		})
	})
	t.Run("still printing now and then", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r, w := io.Pipe()
			var got bytes.Buffer
			s := newStream(r, &got)
			go func() {
				for range 10 {
					time.Sleep(grace * 9 / 10)
					_, _ = io.WriteString(w, "x")
				}
				_ = w.Close()
			}()
			s.drain(grace)
			if got.String() != strings.Repeat("x", 10) {
				t.Errorf("got %q", got.String())
			}
		})
	})
	t.Run("printing without end", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r, w := io.Pipe()
			var got int
			s := newStream(r, writerFunc(func(p []byte) (int, error) { got += len(p); return len(p), nil }))
			stopped := make(chan struct{})
			go func() {
				defer close(stopped)
				for chunk := make([]byte, 32<<10); ; time.Sleep(grace / 8) {
					if _, err := w.Write(chunk); err != nil {
						return
					}
				}
			}()
			s.drain(grace)
			_ = r.Close()
			<-s.done
			<-stopped
			if got < pipeSize || got > 2*pipeSize {
				t.Errorf("%d bytes of an endless stream were taken", got)
			}
		})
	})
	t.Run("slow consumer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r, w := io.Pipe()
			var got bytes.Buffer
			s := newStream(r, writerFunc(func(p []byte) (int, error) {
				time.Sleep(10 * grace)
				return got.Write(p)
			}))
			go func() {
				for _, text := range []string{"one ", "two ", "three"} {
					_, _ = io.WriteString(w, text)
				}
				_ = w.Close()
			}()
			synctest.Wait()
			s.drain(grace)
			if got.String() != "one two three" {
				t.Errorf("got %q", got.String())
			}
		})
	})
	t.Run("failing consumer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r, w := io.Pipe()
			calls := 0
			s := newStream(r, writerFunc(func([]byte) (int, error) { calls++; return 0, errors.New("full") }))
			for range 3 {
				if _, err := io.WriteString(w, "x"); err != nil {
					t.Fatal("the process was blocked:", err)
				}
			}
			_ = w.Close()
			s.drain(grace)
			if calls != 1 {
				t.Errorf("a failed consumer was called %d times", calls)
			}
		})
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// fullDisk is a log on a full disk. Not [OpenLog], which removes devices.
func fullDisk(t *testing.T) *Log {
	t.Helper()
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return &Log{f: f}
}

func openLog(t *testing.T, name string) *Log {
	t.Helper()
	log, err := OpenLog(filepath.Dir(name), filepath.Base(name))
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// allocatedBy counts the bytes that f allocates, by whatever goroutine.
func allocatedBy(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
