package adapter

import (
	"bytes"
	"io"
	"io/fs"
	"os"
)

// Tail reads the lines that are added to a file while another process writes it. A suite may put
// anything in the place of the file: only a regular one is read, and one that got shorter is read no
// more.
type Tail struct {
	offset  int64
	partial []byte
	// skipping: the line is too long, and is left out.
	skipping, stopped bool
}

// maxFollowed bounds what is read of a file at once, in bytes: a gate that followed slowly would not see
// how the process ended.
const maxFollowed = 64 << 20

// Lines calls each with every line that is complete and new, without its end. Lines of more than most
// bytes are left out. What cannot be read now may be there the next time.
func (t *Tail) Lines(name string, most int, each func(line []byte)) {
	info, err := os.Lstat(name)
	if t.stopped || err != nil {
		return
	}
	if !info.Mode().IsRegular() || info.Size() < t.offset {
		t.stopped = true
		return
	}
	if info.Size() == t.offset {
		return
	}
	f, err := openWithoutWaiting(name)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	if now, err := f.Stat(); err != nil || now.Mode().Type() != 0 || !os.SameFile(info, now) {
		t.stopped = t.stopped || err == nil && now.Mode()&fs.ModeType != 0
		return
	}
	if _, err := f.Seek(t.offset, io.SeekStart); err != nil {
		return
	}
	buf := make([]byte, 64<<10)
	for read := 0; read < maxFollowed; {
		n, err := f.Read(buf)
		t.offset, read = t.offset+int64(n), read+n
		t.take(buf[:n], most, each)
		if err != nil || n == 0 {
			return
		}
	}
}

func (t *Tail) take(data []byte, most int, each func([]byte)) {
	for len(data) > 0 {
		part, rest, ended := bytes.Cut(data, []byte("\n"))
		data = rest
		if t.skipping = t.skipping || len(t.partial)+len(part) > most; !t.skipping {
			t.partial = append(t.partial, part...)
		}
		if !ended {
			return
		}
		if !t.skipping && len(t.partial) > 0 {
			each(t.partial)
		}
		t.partial, t.skipping = t.partial[:0], false
	}
}
