package history

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"
)

// Object in a store.
type Object struct {
	Name string
	Size int64
	// Refused is why it must not be read; empty: it may.
	Refused string
}

// Store keeps objects by name: letters, digits and "._-". It may be shared by any number
// of readers and writers.
type Store interface {
	// List names the objects, in any order. A store that does not exist yet is empty.
	List(ctx context.Context) ([]Object, error)
	Get(ctx context.Context, name string) ([]byte, error)
	// Put adds a complete object. An object of that name stays as it is, which is not an
	// error.
	Put(ctx context.Context, name string, data []byte) error
	// Delete removes an object; it is not an error if there is none.
	Delete(ctx context.Context, name string) error
}

// Log keeps records in a store. It is safe for concurrent use.
type Log struct {
	Store Store
	// Copies also gets every record that is saved; it may be nil.
	Copies Store
	// Backups are asked for what the store may have lost; nil: there are none.
	Backups BackupSource
	// Now is the clock; nil is the real one.
	Now func() time.Time
	// Repository is owner/name; records of another home do not count. Empty: all do.
	Repository string
	// Timeout bounds how long Load waits for the store and the backups; 0 is a minute.
	Timeout time.Duration
}

const (
	recordSuffix   = ".jsonl.gz"
	snapshotPrefix = "snapshot-"
	// maxObject bounds an object, in bytes, packed.
	maxObject = 64 << 20
	// maxRead bounds how many records are read in addition to a snapshot, the newest
	// first, and how large they are together.
	maxRead      = 2000
	maxReadBytes = 512 << 20
	// foldFrom is how many records outside of any snapshot make a new one worth writing.
	foldFrom = 24
	// keptFor is how long records stay after they are in a snapshot: long enough for a
	// reader that has listed them to read them, and for a person to look at them.
	keptFor = 14 * 24 * time.Hour
	// keptSnapshots is how many snapshots stay. Those of the last hour stay too:
	// another reader may be reading them.
	keptSnapshots = 3
	// loadTime bounds how long Load waits for a store.
	loadTime = time.Minute
	// writeTime bounds how long it then writes a snapshot.
	writeTime = 20 * time.Second
	// maxAhead is how much later than our clock the start of a run may be.
	maxAhead = 24 * time.Hour
	// maxNames bounds how many folded records, and workflow runs, a snapshot names.
	maxNames = 20_000
	// readers is how many objects are read at once, and maxHeld how much memory what they
	// unpack may take, in bytes.
	readers = 4
	maxHeld = 128 << 20
)

func (l *Log) now() time.Time {
	if l.Now == nil {
		return time.Now()
	}
	return l.Now()
}

// Save adds a record. It never rewrites an existing one.
func (l *Log) Save(ctx context.Context, r Record) error {
	data, err := encode(r)
	if err == nil {
		err = l.Store.Put(ctx, recordName(r), data)
	}
	if err == nil && l.Copies != nil {
		err = l.Copies.Put(ctx, recordName(r), data)
	}
	if err != nil {
		return fmt.Errorf("save history: %w", err)
	}
	return nil
}

// Load folds the newest snapshot and all records that are not in it. Objects that
// cannot be read, and those that the store does not hand over within the timeout, are left
// out and reported; the error means that nothing could be read at all. If many records
// were folded, Load writes a new snapshot for the next reader.
func (l *Log) Load(ctx context.Context) (stats Stats, skipped []string, err error) {
	limit := cmp.Or(l.Timeout, loadTime)
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	type loaded struct {
		stats   Stats
		skipped []string
		err     error
	}
	done := make(chan loaded, 1)
	go func() { // a store may not heed the context, such as a folder of a network that hangs
		stats, skipped, err := l.load(within)
		done <- loaded{stats, skipped, err}
	}()
	hard := time.NewTimer(limit + limit/4)
	defer hard.Stop()
	select {
	case got := <-done:
		if got.err == nil || within.Err() == nil {
			return got.stats, got.skipped, got.err
		}
	case <-hard.C:
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return Stats{}, nil, fmt.Errorf("read history: %w", context.Cause(ctx))
	}
	return Stats{}, nil, fmt.Errorf("read history: the store did not answer within %s; look at its health, or use another one", limit)
}

func (l *Log) load(ctx context.Context) (stats Stats, skipped []string, err error) {
	objects, err := l.Store.List(ctx)
	if err != nil {
		return Stats{}, nil, fmt.Errorf("read history: %w", err)
	}
	var snapshots, records []Object
	for _, o := range objects {
		switch {
		case IsRecord(o.Name):
			records = append(records, o)
		case strings.HasSuffix(o.Name, recordSuffix):
			snapshots = append(snapshots, o)
		default:
		}
	}
	byName := func(a, b Object) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(snapshots, byName)
	slices.SortFunc(records, byName)
	f, skipped := l.newest(ctx, snapshots)
	before := len(f.names)
	skipped = append(skipped, l.records(ctx, slices.DeleteFunc(slices.Clone(records), func(o Object) bool { return f.names[o.Name] }), f)...)
	skipped = append(skipped, l.repair(ctx, f)...)
	if ctx.Err() != nil && len(f.names) == 0 {
		return Stats{}, nil, ctx.Err()
	}
	stats = f.stats()
	if len(f.names)-before >= foldFrom {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime) // the next reader needs less time
		defer cancel()
		l.compact(ctx, f)
		l.retire(ctx, snapshots, records, f.names)
	}
	return stats, skipped, nil
}

// refused is why a record does not count; empty: it does.
func (l *Log) refused(r *Record) string {
	home := cmp.Or(r.Home, r.Repository)
	switch {
	case l.ahead(r.Started):
		return fmt.Sprintf("it says that its run starts on %s; set the clock of the machine that wrote it, or of this one", r.Started.UTC().Format(time.DateOnly))
	case l.Repository != "" && r.Repository != "" && !strings.EqualFold(l.Repository, home):
		return fmt.Sprintf("it is of the repository %s, and this is %s; give each repository a store or a prefix of its own", home, l.Repository)
	}
	return ""
}

// ahead reports whether a time is later than any clock may be wrong. Such a run would be
// the newest one for as long.
func (l *Log) ahead(t time.Time) bool { return t.Sub(l.now()) > maxAhead }

// nameAhead reports whether the name of a record or a snapshot has such a time.
func (l *Log) nameAhead(name string) bool {
	m := stamped.FindStringSubmatch(name)
	if m == nil {
		return false
	}
	ms, err := strconv.ParseInt(m[1], 10, 64)
	return err != nil || l.ahead(time.UnixMilli(ms))
}

var stamped = regexp.MustCompile(`^(?:e2e|snapshot)-(\d+)-`)

// newest reads the newest snapshot that can be read.
func (l *Log) newest(ctx context.Context, snapshots []Object) (f *fold, skipped []string) {
	for _, o := range slices.Backward(snapshots) {
		data, err := l.get(ctx, o)
		if err == nil {
			f, err = decodeSnapshot(data, l.refused)
		}
		if err == nil {
			for _, why := range slices.Sorted(maps.Keys(f.refused)) {
				skipped = append(skipped, fmt.Sprintf("%s: of a record in it: %s", o.Name, why))
			}
			return f, skipped
		}
		skipped = append(skipped, fmt.Sprintf("%s: %v", o.Name, err))
	}
	return newFold(), skipped
}

func (l *Log) get(ctx context.Context, o Object) ([]byte, error) {
	switch {
	case o.Refused != "":
		return nil, errors.New(o.Refused)
	case l.nameAhead(o.Name):
		return nil, errors.New("its name has a time that is not there yet; set the clock of the machine that wrote it, or of this one")
	}
	if o.Size > maxObject {
		return nil, fmt.Errorf("it is larger than %d MiB", maxObject>>20)
	}
	return l.Store.Get(ctx, o.Name)
}

// records reads records, several at once. Names start with the run id, and that with
// the time: the newest are the last.
func (l *Log) records(ctx context.Context, list []Object, f *fold) (skipped []string) {
	list = list[max(0, len(list)-maxRead):]
	for total := int64(0); len(list) > 0; {
		size := int64(0)
		for _, o := range list {
			size += o.Size
		}
		if total = size; total <= maxReadBytes {
			break
		}
		skipped = append(skipped, fmt.Sprintf("%s: the records are larger than %d MiB together", list[0].Name, maxReadBytes>>20))
		list = list[1:]
	}
	list = slices.Clone(list)
	slices.Reverse(list) // the newest first: what is older may not count any more
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	next := l.readAhead(ctx, list)
	for i, o := range list {
		one, ok := receive(ctx, next)
		if !ok {
			return append(skipped, fmt.Sprintf("%s: the store was too slow to hand over this one and %d older ones", o.Name, len(list)-i-1))
		}
		if one.err != nil {
			skipped = append(skipped, fmt.Sprintf("%s: %v", o.Name, one.err))
			continue
		}
		if why := l.refused(&one.record.record); why != "" {
			skipped = append(skipped, fmt.Sprintf("%s: %s", o.Name, why))
		} else {
			f.addEntries(o.Name, one.record)
		}
		one.record.free()
		one.release()
	}
	return skipped
}

// receive is the next record; not ok: there is no time left.
func receive(ctx context.Context, next <-chan chan decoded) (one decoded, ok bool) {
	select {
	case <-ctx.Done():
		return decoded{}, false
	case ch := <-next:
		select {
		case <-ctx.Done():
			return decoded{}, false
		case one = <-ch:
			return one, true
		}
	}
}

// decoded is a record, or why it cannot be read.
type decoded struct {
	record *unpacked
	// release gives back the memory that the record was counted with.
	release func()
	err     error
}

// readAhead reads records in their order, a few before they are asked for. All that are
// unpacked at one time take at most maxHeld bytes.
func (l *Log) readAhead(ctx context.Context, list []Object) <-chan chan decoded {
	ahead := make(chan chan decoded, readers)
	held := semaphore.NewWeighted(maxHeld)
	go func() {
		turn := make(chan struct{})
		close(turn)
		for _, o := range list {
			one, mine, next := make(chan decoded, 1), turn, make(chan struct{})
			turn = next
			select {
			case ahead <- one:
			case <-ctx.Done():
				return
			}
			go func() {
				data, err := l.get(ctx, o)
				<-mine // memory is handed out in order, or the one that is asked for could wait for the others
				one <- unpackWithin(ctx, held, data, err, next)
			}()
		}
	}()
	return ahead
}

// unpackWithin unpacks a record as soon as there is memory for it, and then closes next.
func unpackWithin(ctx context.Context, held *semaphore.Weighted, data []byte, err error, next chan struct{}) decoded {
	size := 0
	if err == nil {
		size, err = sizeOf(data)
	}
	weight := min(int64(size)*(1+entrySize/shortestLine+1), maxHeld)
	if err == nil {
		err = held.Acquire(ctx, weight)
	}
	close(next)
	if err != nil {
		return decoded{err: err}
	}
	u, err := decodeEntries(data)
	if err != nil {
		held.Release(weight)
		return decoded{err: err}
	}
	return decoded{record: u, release: func() { held.Release(weight) }}
}

// compact writes a snapshot. It only makes the next plan faster, so a store that cannot
// be written to is not an error.
func (l *Log) compact(ctx context.Context, f *fold) {
	names := slices.Sorted(maps.Keys(f.names))
	names = names[max(0, len(names)-maxNames):]
	data, err := encodeSnapshot(f, names, samples, fine)
	for most := samples / 2; errors.Is(err, errLarge) && most > 0; most /= 2 {
		data, err = encodeSnapshot(f, names, most, fine) // fewer runs of each test are better than none
	}
	if err != nil {
		return
	}
	sum := sha256.Sum256(data)
	_ = l.Store.Put(ctx, fmt.Sprintf("%s%013d-%06d-%x%s", snapshotPrefix, l.now().UnixMilli(), len(names), sum[:6], recordSuffix), data)
}

// dated matches the names of records that contain their time.
var dated = regexp.MustCompile(`^e2e-\d{13}-`)

// retire removes records that a snapshot of an earlier reader holds and that are old, and
// old snapshots.
func (l *Log) retire(ctx context.Context, snapshots, records []Object, folded map[string]bool) {
	if len(snapshots) == 0 {
		return // the snapshot that this reader wrote is not proven yet
	}
	read := fmt.Sprintf("%s%013d", snapshotPrefix, l.now().Add(-time.Hour).UnixMilli())
	for _, o := range snapshots[:max(0, len(snapshots)-keptSnapshots)] {
		if o.Name < read {
			_ = l.Store.Delete(ctx, o.Name)
		}
	}
	before := fmt.Sprintf("e2e-%013d", l.now().Add(-keptFor).UnixMilli())
	for _, o := range records {
		if folded[o.Name] && dated.MatchString(o.Name) && o.Name < before {
			_ = l.Store.Delete(ctx, o.Name)
		}
	}
}

// recordName is the object name of a record: the run id if all its characters are safe,
// else its safe characters and a hash, so that no two ids share a name.
func recordName(r Record) string {
	const most = 100
	id := strings.Map(func(c rune) rune {
		if c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			return c
		}
		return '_'
	}, r.RunID)
	if id != r.RunID || id == "" || len(id) > most || strings.HasPrefix(id, snapshotPrefix) || !filepath.IsLocal(id) { // CON is a device on Windows
		sum := sha256.Sum256([]byte(r.RunID))
		id = fmt.Sprintf("x%s_%x", id[:min(len(id), most)], sum[:8])
	}
	return fmt.Sprintf("%s.%d.%d%s", id, r.Attempt, r.Shard, recordSuffix)
}

// IsRecord reports whether a file's name is one that a record may have.
func IsRecord(name string) bool {
	return strings.HasSuffix(name, recordSuffix) && !strings.HasPrefix(name, snapshotPrefix)
}

func sortedIDs(tests map[string]*known) []string { return slices.Sorted(maps.Keys(tests)) }
