package kubernetes

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

const (
	// maxLog is after how many bytes a kubelet starts a new file of a container's log. The
	// API returns the newest file only.
	maxLog = 10 << 20
	// maxLine is where container runtimes split a line.
	maxLine = 16 << 10
)

// entry is a line, or a part of one.
type entry struct {
	at   time.Time
	text []byte
	full bool
}

// logFile is the newest file of a container's log.
type logFile struct {
	mu      sync.Mutex
	entries []entry
	rest    []byte // of a line that has not ended
	size    int
	// dropped counts entries of older files, so that a reader knows where it is.
	dropped int
	ended   bool
	changed chan struct{}
	// cut is closed to break off what is read now.
	cut chan struct{}
	// breaks is how many of the next readings break off in the middle.
	breaks int
}

func newLog() *logFile { return &logFile{changed: make(chan struct{}), cut: make(chan struct{})} }

func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		switch {
		case i >= 0 && i < maxLine:
			l.add(l.rest[:i], true)
			l.rest = l.rest[i+1:]
			continue
		case len(l.rest) >= maxLine:
			l.add(l.rest[:maxLine], false)
			l.rest = l.rest[maxLine:]
			continue
		}
		break
	}
	l.notify()
	return len(p), nil
}

func (l *logFile) add(text []byte, full bool) {
	e := entry{time.Now(), bytes.Clone(text), full}
	size := len(text) + len("2006-01-02T15:04:05.999999999Z stdout F \n")
	if l.size+size > maxLog {
		l.dropped += len(l.entries)
		l.entries, l.size = nil, 0
	}
	l.entries, l.size = append(l.entries, e), l.size+size
}

func (l *logFile) notify() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// end marks the end of the container.
func (l *logFile) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.rest) > 0 {
		l.add(l.rest, false)
		l.rest = nil
	}
	l.ended = true
	l.notify()
}

// breakOff ends all readers in the middle.
func (l *logFile) breakOff() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.cut)
	l.cut = make(chan struct{})
}

// last is the end of the log, as FallbackToLogsOnError has it.
func (l *logFile) last(size int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var text []byte
	for _, e := range l.entries {
		text = append(text, e.text...)
		if e.full {
			text = append(text, '\n')
		}
	}
	return string(text[max(0, len(text)-size):])
}

// serve writes the log as a kubelet does.
func (l *logFile) serve(ctx context.Context, w http.ResponseWriter, query url.Values) {
	l.mu.Lock()
	cut, next := l.cut, l.start(query)
	breaks := l.breaks > 0
	if breaks {
		l.breaks--
	}
	whole := l.size
	l.mu.Unlock()
	out := &capped{w: w, left: -1}
	if breaks {
		out.left = whole / (2 + l.breaks)
		defer func() { panic(http.ErrAbortHandler) }()
	}
	if n, err := strconv.Atoi(query.Get("limitBytes")); err == nil && !breaks {
		out.left = n
	}
	stamps, follow, fresh := query.Get("timestamps") == "true", query.Get("follow") == "true", true
	for {
		l.mu.Lock()
		next = max(next, l.dropped)
		entries, ended, changed := l.entries[next-l.dropped:], l.ended, l.changed
		next += len(entries)
		l.mu.Unlock()
		for _, e := range entries {
			if fresh && stamps {
				out.write([]byte(e.at.UTC().Format(time.RFC3339Nano) + " "))
			}
			out.write(e.text)
			if fresh = e.full; fresh {
				out.write([]byte("\n"))
			}
		}
		if flusher, ok := w.(http.Flusher); ok && len(entries) > 0 {
			flusher.Flush()
		}
		if !follow || ended || out.left == 0 {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		case <-cut:
			panic(http.ErrAbortHandler)
		}
	}
}

// start is the number of the first entry that a query asks for.
func (l *logFile) start(query url.Values) int {
	first := 0
	since := time.Time{}
	if t, err := time.Parse(time.RFC3339Nano, query.Get("sinceTime")); err == nil {
		since = t
	}
	if n, err := strconv.Atoi(query.Get("sinceSeconds")); err == nil {
		since = time.Now().Add(-time.Duration(n) * time.Second)
	}
	for first < len(l.entries) && l.entries[first].at.Before(since) {
		first++
	}
	if n, err := strconv.Atoi(query.Get("tailLines")); err == nil {
		at := len(l.entries)
		for ; at > first; at-- {
			if l.entries[at-1].full {
				if n == 0 {
					break
				}
				n--
			}
		}
		first = at
	}
	return l.dropped + first
}

// capped writes at most what is left; less than zero: all.
type capped struct {
	w    io.Writer
	left int
}

func (c *capped) write(p []byte) {
	if c.left >= 0 {
		p = p[:min(len(p), c.left)]
		c.left -= len(p)
	}
	c.w.Write(p) //nolint:errcheck,gosec // a reader that went away is seen by its context
}
