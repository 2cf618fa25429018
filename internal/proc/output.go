package proc

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// TailBytes is how much of the captured output is kept in memory.
const TailBytes = 64 << 10

// MaxLog is how much of the captured output of one process is kept in its log.
// A child that prints without end must not fill the disk.
const MaxLog = 256 << 20

// patience is how long we wait for processes that should have ended.
type patience struct {
	// leftover is the grace for processes that their parent left behind.
	leftover time.Duration
	// drain is how long a pipe may be silent after the process has ended: a process
	// that inherited it and could not be ended must not block the run.
	drain time.Duration
	// background is the same with [Spec.KeepBackground], where no process is ended.
	background time.Duration
}

func patient() patience {
	return patience{leftover: 250 * time.Millisecond, drain: 2 * time.Second, background: 250 * time.Millisecond}
}

// pipeSize is more than a pipe holds. It bounds the output that is still read after the
// process has ended.
const pipeSize = 1 << 20

// output reads what a process prints.
type output struct {
	tail    tail
	safe    io.WriteCloser // the tail, without secrets
	streams []*stream
	writers []*os.File
}

// connect gives the process its pipes. They are our own, and not those of
// os/exec, since Cmd.Wait would wait for every grandchild that holds one.
func (p *Process) connect() (*output, error) {
	out := &output{tail: tail{logged: p.spec.Log != nil}}
	out.safe = nopCloser{&out.tail}
	if p.spec.Redact != nil {
		out.safe = p.spec.Redact(&out.tail)
	}
	w, err := out.pipe(&capture{tail: out.safe, log: p.spec.Log})
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
	o.streams, o.writers = append(o.streams, newStream(r, to)), append(o.writers, w)
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
	o.finish(patient().drain, false)
}

// finish waits until everything that was printed has been read. After that no
// consumer is written to any more. Where processes live on, their output is read
// on, and dropped: a closed pipe would end them.
func (o *output) finish(grace time.Duration, livesOn bool) {
	var all sync.WaitGroup
	for _, s := range o.streams {
		all.Go(func() {
			s.drain(grace)
			if !livesOn {
				_ = s.from.Close()
			}
		})
	}
	all.Wait()
	_ = o.safe.Close() // nothing writes to it any more; a tail cannot fail
}

// stream carries one pipe to its consumer.
type stream struct {
	from  io.ReadCloser
	done  chan struct{} // closed when the pipe has ended
	read  atomic.Int64  // bytes
	steps atomic.Int64  // reads and deliveries
	mu    sync.Mutex    // held while the consumer is at work
	to    io.Writer     // nil: what comes is dropped
}

func newStream(from io.ReadCloser, to io.Writer) *stream {
	s := &stream{from: from, to: to, done: make(chan struct{})}
	go s.copy()
	return s
}

func (s *stream) copy() {
	defer close(s.done)
	defer s.from.Close() //nolint:errcheck // it was only read
	buf := make([]byte, 32<<10)
	for {
		n, err := s.from.Read(buf)
		s.read.Add(int64(n))
		s.steps.Add(1)
		s.deliver(buf[:n])
		if err != nil {
			return
		}
	}
}

// deliver passes output on. A consumer that fails gets no more of it, because it must
// not block the process on a full pipe.
func (s *stream) deliver(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.to == nil || len(p) == 0 {
		return
	}
	if _, err := s.to.Write(p); err != nil {
		s.to = nil
	}
	s.steps.Add(1)
}

// drain waits for the end of the pipe, and gives up on one that is silent for the
// grace or that never stops. For a slow consumer it waits, always.
func (s *stream) drain(grace time.Duration) {
	first, last := s.read.Load(), s.steps.Load()
	for {
		timer := time.NewTimer(grace)
		select {
		case <-s.done:
			timer.Stop()
			return
		case <-timer.C:
		}
		endless := s.read.Load()-first > pipeSize
		if endless {
			s.mu.Lock()
		} else if !s.mu.TryLock() {
			continue
		}
		now := s.steps.Load()
		if endless || now == last {
			s.to = nil
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		last = now
	}
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// capture keeps the tail, also where the log fails.
type capture struct {
	tail io.Writer
	log  io.Writer
}

func (c *capture) Write(p []byte) (int, error) {
	if c.log != nil {
		if _, err := c.log.Write(p); err != nil {
			c.log = nil
		}
	}
	return c.tail.Write(p)
}

// tail keeps the last TailBytes bytes written to it.
type tail struct {
	mu     sync.Mutex
	buf    []byte
	cut    bool
	logged bool // there is a log that holds all of it
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

// String returns the end of what was written, and says so if it is not all. It
// does not start within a character.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trim()
	if !t.cut {
		return string(t.buf)
	}
	end := t.buf
	for i := 0; i < utf8.UTFMax-1 && len(end) > 0 && !utf8.RuneStart(end[0]); i++ {
		end = end[1:]
	}
	if t.logged {
		return "[earlier output is in the log]\n" + string(end)
	}
	return "[earlier output was not kept]\n" + string(end)
}

// Log is a file of at most [MaxLog] bytes; the rest is counted. Its Write never fails:
// a full disk must not stop the process that prints. It may be written to from several
// goroutines.
type Log struct {
	mu      sync.Mutex
	f       *os.File
	written int64
	dropped int64
	err     error
}

// OpenLog creates a log file below a folder, or appends to it. Processes may write to the folder:
// what they left in the place of a log, such as a link or a pipe, is removed.
func OpenLog(dir, name string) (*Log, error) {
	f, err := openFile(dir, name)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return &Log{f: f}, nil
}

func openFile(dir, name string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, err
	}
	if info, err := root.Lstat(name); err == nil && !info.Mode().IsRegular() {
		if err := root.RemoveAll(name); err != nil {
			return nil, err
		}
	}
	return root.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
}

// Write always takes all of p.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
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

// Close notes in the log how much was left out, and returns the first error of a write.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dropped > 0 {
		_, _ = fmt.Fprintf(l.f, "\n[%d more bytes were printed and not kept: a log holds at most %d]\n", l.dropped, MaxLog)
	}
	if err := l.f.Close(); l.err == nil {
		l.err = err
	}
	return l.err
}
