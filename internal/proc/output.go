package proc

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// TailBytes is how much of the captured output is kept in memory.
const TailBytes = 64 << 10

// MaxLog is how much of the captured output of one process is kept in its log.
// A child that prints without end must not fill the disk.
const MaxLog = 256 << 20

// drainGrace bounds the wait for output after the process has ended: somebody
// who inherited the pipe and could not be ended must not hold the run up.
const drainGrace = 2 * time.Second

// output reads what a process prints.
type output struct {
	tail    tail
	log     logFile
	readers []*os.File
	writers []*os.File
	copies  sync.WaitGroup
}

// connect gives the process its pipes. They are our own, and not those of
// os/exec, since Cmd.Wait would wait for every grandchild that holds one.
func (p *Process) connect() (*output, error) {
	out := &output{}
	if err := out.log.open(p.spec.Log); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotStarted, err)
	}
	captured := io.MultiWriter(&out.tail, &out.log)
	w, err := out.pipe(captured)
	if err != nil {
		out.abandon()
		return nil, err
	}
	p.cmd.Stdout, p.cmd.Stderr = w, w
	if p.spec.Stdout != nil {
		if w, err = out.pipe(p.spec.Stdout); err != nil {
			out.abandon()
			return nil, err
		}
		p.cmd.Stdout = w
	}
	return out, nil
}

func (o *output) pipe(to io.Writer) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotStarted, err)
	}
	o.readers, o.writers = append(o.readers, r), append(o.writers, w)
	o.copies.Go(func() {
		// A consumer that fails must not block the process on a full pipe.
		if _, err := io.Copy(to, r); err != nil {
			_, _ = io.Copy(io.Discard, r)
		}
	})
	return w, nil
}

// started closes our copies of the ends that the process writes to.
func (o *output) started() {
	for _, w := range o.writers {
		_ = w.Close()
	}
}

func (o *output) abandon() {
	o.started()
	o.finish()
}

// finish waits until everything that was printed has been read.
func (o *output) finish() {
	read := make(chan struct{})
	go func() {
		o.copies.Wait()
		close(read)
	}()
	timer := time.NewTimer(drainGrace)
	defer timer.Stop()
	select {
	case <-read:
	case <-timer.C:
	}
	for _, r := range o.readers {
		_ = r.Close()
	}
	<-read
	o.log.close()
}

// tail keeps the last TailBytes written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
	cut bool
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	if len(p) > TailBytes {
		p, t.cut = p[len(p)-TailBytes:], true
	}
	t.buf = append(t.buf, p...)
	if len(t.buf) > 2*TailBytes {
		t.trim()
	}
	return n, nil
}

func (t *tail) trim() {
	if over := len(t.buf) - TailBytes; over > 0 {
		t.cut = true
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
}

// String returns the end of what was written, and says so if it is not all.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trim()
	if t.cut {
		return "[earlier output is in the log]\n" + string(t.buf)
	}
	return string(t.buf)
}

// logFile is a file that takes at most MaxLog bytes; the rest is counted.
type logFile struct {
	f       *os.File
	written int64
	dropped int64
	err     error
}

func (l *logFile) open(name string) error {
	if name == "" {
		return nil
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644) //nolint:gosec // logs are for people and uploads
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	l.f = f
	return nil
}

func (l *logFile) Write(p []byte) (int, error) {
	if l.f == nil || l.err != nil {
		return len(p), nil
	}
	keep := p
	if room := MaxLog - l.written; int64(len(keep)) > room {
		keep = keep[:max(room, 0)]
	}
	l.dropped += int64(len(p) - len(keep))
	n, err := l.f.Write(keep)
	l.written += int64(n)
	l.err = err
	return len(p), nil
}

func (l *logFile) close() {
	if l.f == nil {
		return
	}
	if l.dropped > 0 {
		_, _ = fmt.Fprintf(l.f, "\n[%d more bytes were printed and not kept: a log holds at most %d]\n", l.dropped, MaxLog)
	}
	if err := l.f.Close(); l.err == nil {
		l.err = err
	}
	l.f = nil
}
