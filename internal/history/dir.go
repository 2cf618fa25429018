package history

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Dir keeps records as files in a directory.
type Dir struct {
	Path string
}

// Bounds on what is read.
const (
	maxRecords     = 400
	maxRecordBytes = 32 << 20
)

// Load reads the newest records. What cannot be read is left out and said; the
// error means that nothing could be read at all. A directory that does not exist
// yet is empty.
func (d Dir) Load() (records []Record, skipped []string, err error) {
	entries, err := os.ReadDir(d.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read history: %w", err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".json") {
			names = append(names, e.Name())
		}
	}
	// Names start with the run id, and that with the time in milliseconds.
	slices.Sort(names)
	for _, name := range names[max(0, len(names)-maxRecords):] {
		r, err := readRecord(filepath.Join(d.Path, name))
		if err != nil {
			skipped = append(skipped, fmt.Sprintf("%s: %v", name, err))
			continue
		}
		records = append(records, r)
	}
	slices.SortFunc(records, Record.key)
	return records, skipped, nil
}

func readRecord(file string) (Record, error) {
	info, err := os.Stat(file)
	if err != nil {
		return Record{}, err
	}
	if !info.Mode().IsRegular() {
		return Record{}, errors.New("it is no file")
	}
	f, err := os.Open(file) //nolint:gosec // below the history folder
	if err != nil {
		return Record{}, err
	}
	defer func() { _ = f.Close() }()
	return decode(f)
}

func decode(from io.Reader) (Record, error) {
	data, err := io.ReadAll(io.LimitReader(from, maxRecordBytes+1))
	if err != nil {
		return Record{}, err
	}
	if len(data) > maxRecordBytes {
		return Record{}, fmt.Errorf("it is larger than %d MiB", maxRecordBytes>>20)
	}
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		return Record{}, fmt.Errorf("it is no history record: %w", err)
	}
	if r.Schema != Schema {
		return Record{}, fmt.Errorf("its schema is %q, and this gate reads %s", r.Schema, Schema)
	}
	return r, nil
}

// Save adds a record. One that is there already is never rewritten.
func (d Dir) Save(r Record) error {
	if err := os.MkdirAll(d.Path, 0o755); err != nil { //nolint:gosec // shared with other jobs of the runner
		return fmt.Errorf("save history: %w", err)
	}
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("save history: %w", err)
	}
	tmp, err := os.CreateTemp(d.Path, ".record-*")
	if err != nil {
		return fmt.Errorf("save history: %w", err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	if _, err = tmp.Write(data); err == nil {
		err = tmp.Chmod(0o644) // the next job may run as somebody else
	}
	if err == nil {
		err = tmp.Sync()
	}
	if closed := tmp.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = publish(tmp.Name(), filepath.Join(d.Path, fileName(r)))
	}
	if err != nil {
		return fmt.Errorf("save history: %w", err)
	}
	return nil
}

// publish makes the record appear whole under its name. A hard link fails where
// the name exists, which is what makes records immutable; a file system without
// links gets a rename.
func publish(tmp, name string) error {
	err := os.Link(tmp, name)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	if _, there := os.Stat(name); there == nil {
		return nil
	}
	return os.Rename(tmp, name)
}

// fileName is the key of a record as a name: the run id where that is harmless,
// else its harmless part and a hash, so that no two ids share a name.
func fileName(r Record) string {
	const most = 100
	id := strings.Map(func(c rune) rune {
		if c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			return c
		}
		return '_'
	}, r.RunID)
	if id != r.RunID || id == "" || len(id) > most {
		sum := sha256.Sum256([]byte(r.RunID))
		id = fmt.Sprintf("%s_%x", id[:min(len(id), most)], sum[:8])
	}
	return fmt.Sprintf("%s.%d.%d.json", id, r.Attempt, r.Shard)
}
