package history

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/e2e"
)

func save(t *testing.T, d Store, r Record) {
	t.Helper()
	if err := (&Log{Store: d, Now: later}).Save(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// load reads all records of a store, oldest first.
func load(t *testing.T, d Store) ([]Record, []string) {
	t.Helper()
	objects, err := d.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var records []Record
	var skipped []string
	for _, o := range objects {
		if !strings.HasSuffix(o.Name, recordSuffix) || strings.HasPrefix(o.Name, snapshotPrefix) {
			continue
		}
		data, err := (&Log{Store: d, Now: later}).get(t.Context(), o)
		var r Record
		if err == nil {
			r, err = decode(data)
		}
		if err != nil {
			skipped = append(skipped, o.Name+": "+err.Error())
			continue
		}
		records = append(records, r)
	}
	slices.SortFunc(records, Record.key)
	return records, skipped
}

func files(t *testing.T, d Dir) []string {
	t.Helper()
	entries, err := os.ReadDir(d.Path)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestRoundTrip(t *testing.T) {
	d := Dir{Path: filepath.Join(t.TempDir(), "not", "there", "yet")}
	if records, skipped := load(t, d); records != nil || skipped != nil {
		t.Error("a folder that is not there holds something")
	}
	older := run(0, "refs/heads/main", e2e.Failed, 0)
	newer := run(1, "refs/pull/7/merge", e2e.Passed, 1.5)
	newer.Tests = append(newer.Tests, Entry{ID: "s/[x] y.ts::Ä › \"q\" <b> \u2028", Outcome: e2e.Flaky, Seconds: 2})
	save(t, d, newer)
	save(t, d, older)
	records, skipped := load(t, d)
	if diff := cmp.Diff([]Record{older, newer}, records); diff != "" || len(skipped) > 0 {
		t.Error(skipped, diff)
	}
	for _, name := range files(t, d) {
		info, err := os.Stat(filepath.Join(d.Path, name))
		if err != nil || info.Mode().Perm()&0o444 != 0o444 {
			t.Errorf("%s cannot be read by the next job's user: %v", name, info.Mode())
		}
	}
}

// A second record of the same run, attempt and shard leaves the first one's file
// as it is, to the byte.
func TestRecordsAreImmutable(t *testing.T) {
	d := Dir{Path: t.TempDir()}
	first := run(0, "", e2e.Failed, 0)
	save(t, d, first)
	names := files(t, d)
	before, err := os.ReadFile(filepath.Join(d.Path, names[0]))
	if err != nil {
		t.Fatal(err)
	}
	second := first
	second.Tests = []Entry{{ID: "t", Outcome: e2e.Passed, Seconds: 1}}
	save(t, d, second)
	after, err := os.ReadFile(filepath.Join(d.Path, names[0]))
	if err != nil || !bytes.Equal(before, after) || !slices.Equal(names, files(t, d)) {
		t.Errorf("the record was changed: %v, %q", err, files(t, d))
	}
	for _, other := range []func(*Record){func(r *Record) { r.Attempt = 2 }, func(r *Record) { r.Shard = 1 }, func(r *Record) { r.RunID = "other" }} {
		next := second
		other(&next)
		save(t, d, next)
	}
	if records, _ := load(t, d); len(records) != 4 {
		t.Errorf("%d of 4 records are there", len(records))
	}
}

func TestConcurrentWritersLoseNothing(t *testing.T) {
	d := Dir{Path: filepath.Join(t.TempDir(), "history")}
	const writers, each = 50, 4
	log, ctx := &Log{Store: d, Now: later}, t.Context()
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for n := range each {
				if err := log.Save(ctx, Record{Schema: Schema, RunID: "e2e-1-x", Attempt: 1, Shard: w*each + n, Started: day0}); err != nil {
					t.Error(err)
				}
				// All of them write this one: one wins, none fails.
				if err := log.Save(ctx, Record{Schema: Schema, RunID: "e2e-2-y", Attempt: 1, Shard: n, Subject: e2e.Subject{Ref: fmt.Sprint(w)},
					Started: day0}); err != nil {
					t.Error(err)
				}
				if _, skipped, err := log.Load(ctx); err != nil || len(skipped) > 0 {
					t.Errorf("a reader saw half a record: %v, %v", skipped, err)
				}
			}
		})
	}
	all.Wait()
	records, skipped := load(t, d)
	if len(records) != writers*each+each || len(skipped) > 0 {
		t.Errorf("%d records, skipped %v", len(records), skipped)
	}
	stats, skipped, err := log.Load(ctx)
	if err != nil || len(skipped) > 0 {
		t.Error(skipped, err)
	}
	_ = stats
}

func TestUnreadableRecordsAreSkippedAndNamed(t *testing.T) {
	d := Dir{Path: t.TempDir()}
	good := run(0, "", e2e.Passed, 1)
	save(t, d, good)
	whole, err := encode(run(1, "", e2e.Passed, 1))
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(d.Path, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	zipped := func(lines ...string) []byte {
		var buf bytes.Buffer
		zip := gzip.NewWriter(&buf)
		_, _ = zip.Write([]byte(strings.Join(lines, "\n")))
		_ = zip.Close()
		return buf.Bytes()
	}
	write("cut.jsonl.gz", whole[:len(whole)/2])
	write("empty.jsonl.gz", nil)
	write("nothing.jsonl.gz", zipped())
	write("foreign.jsonl.gz", zipped(`{"name": "left-pad", "version": "1.0.0"}`))
	write("future.jsonl.gz", zipped(`{"schema": "e2e-gate/history/v2"}`))
	write("garbage.jsonl.gz", []byte("\x00\xff<html>"))
	write("kinds.jsonl.gz", zipped(`{"schema": "`+Schema+`"}`, `{"id": 7}`))
	write("deep.jsonl.gz", zipped(strings.Repeat("[", 100_000)))
	write("snapshot-1-1-x.jsonl.gz", zipped(`{"schema": "`+SnapshotSchema+`", "names": ["`+recordName(good)+`"]}`, `{"id": "t", "samples": [[5, "passed", 1]]}`))
	write("notes.txt", []byte("not ours, and no record"))
	write(".record-123", whole[:10]) // of a writer that died
	if err := os.Mkdir(filepath.Join(d.Path, "folder.jsonl.gz"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(d.Path, "dangling.jsonl.gz")); err != nil {
		t.Fatal(err)
	}
	huge, err := os.Create(filepath.Join(d.Path, "huge.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if err := huge.Truncate(maxObject + 1); err != nil { // sparse
		t.Fatal(err)
	}
	_ = huge.Close()
	stats, skipped, err := (&Log{Store: d, Now: later}).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, runs := stats.Estimate("t"); runs != 1 {
		t.Errorf("%d runs, want the one good record", runs)
	}
	var names []string
	for _, s := range skipped {
		name, why, _ := strings.Cut(s, ": ")
		names = append(names, name)
		if why == "" {
			t.Errorf("%s: no reason", name)
		}
	}
	slices.Sort(names)
	want := []string{"cut", "dangling", "deep", "empty", "folder", "foreign", "future", "garbage", "huge", "kinds", "nothing", "snapshot-1-1-x"}
	for i := range want {
		want[i] += recordSuffix
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

func TestFolderThatCannotBeUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, d := range []Dir{{Path: file}, {Path: filepath.Join(file, "below")}} {
		log := &Log{Store: d, Now: later}
		if err := log.Save(t.Context(), run(0, "", e2e.Passed, 1)); err == nil {
			t.Error("saved into a file")
		}
		if _, _, err := log.Load(t.Context()); err == nil {
			t.Error("read from a file")
		}
	}
	t.Run("read only", func(t *testing.T) {
		if os.Geteuid() == 0 {
			t.Skip("nothing is read only for root")
		}
		d := Dir{Path: t.TempDir()}
		save(t, d, run(0, "", e2e.Passed, 1))
		if err := os.Chmod(d.Path, 0o555); err != nil { //nolint:gosec // a folder must be searchable
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(d.Path, 0o755) }) //nolint:gosec // so that it can be removed
		if err := (&Log{Store: d, Now: later}).Save(t.Context(), run(1, "", e2e.Passed, 1)); err == nil {
			t.Error("saved")
		}
		if records, _ := load(t, d); len(records) != 1 {
			t.Errorf("%d records", len(records))
		}
	})
}

func TestRecordThatIsNoJSON(t *testing.T) {
	d := Dir{Path: t.TempDir()}
	r := run(0, "", e2e.Passed, 1)
	r.Started = time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC) // a year that JSON has no room for
	if err := (&Log{Store: d, Now: later}).Save(t.Context(), r); err == nil {
		t.Error("saved")
	}
	if left := files(t, d); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
}

// Whatever the run id: one file in the folder, and no two ids in the same one.
func TestHostileRunIDs(t *testing.T) {
	parent := t.TempDir()
	d := Dir{Path: filepath.Join(parent, "history")}
	ids := []string{
		"", ".", "..", "../x", "/etc/passwd", `..\x`, "a/b", "a_b", "a:b", "a.b", "a b", "ä", "ö", "a\x00b", "-rf", "CON", "a\nb", "*", "%2e",
		strings.Repeat("x", 300), strings.Repeat("x", 301), strings.Repeat("ä", 300), "e2e-1-x", "e2e-1-x.1",
	}
	for _, id := range ids {
		save(t, d, Record{Schema: Schema, RunID: id, Attempt: 1, Started: day0})
	}
	records, skipped := load(t, d)
	if len(records) != len(ids) || len(skipped) > 0 {
		t.Errorf("%d of %d records, skipped %v", len(records), len(ids), skipped)
	}
	if entries, _ := os.ReadDir(parent); len(entries) != 1 {
		t.Errorf("files beside the folder: %v", entries)
	}
	for _, name := range files(t, d) {
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" || len(name) > 200 {
			t.Errorf("name %q", name)
		}
	}
	if got := recordName(Record{RunID: "e2e-1700000000000-0a1b", Attempt: 2, Shard: 3}); got != "e2e-1700000000000-0a1b.2.3.jsonl.gz" {
		t.Errorf("a harmless id is changed: %s", got)
	}
}

// FuzzDecode: no panic; no half record with an error.
func FuzzDecode(f *testing.F) {
	for _, r := range []Record{{Schema: Schema}, run(0, "", e2e.Passed, 1)} {
		data, err := encode(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)-3])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decode(data)
		if err != nil {
			if diff := cmp.Diff(Record{}, r); diff != "" {
				t.Errorf("half a record with %v: %s", err, diff)
			}
			return
		}
		again, err := encode(r)
		if err != nil {
			return // a date that JSON has no room for
		}
		if back, err := decode(again); err != nil || cmp.Diff(r, back) != "" {
			t.Errorf("%v: %s", err, cmp.Diff(r, back))
		}
	})
}

// Queries get the same answers, whether samples are in a snapshot or in records next to
// it.
func TestSnapshotsChangeNoAnswer(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seen := map[string]bool{}
		var records []Record
		for _, r := range rapid.SliceOfN(genRecord, foldFrom, 80).Draw(rt, "records") {
			if name := recordName(r); !seen[name] {
				seen[name] = true
				records = append(records, r)
			}
		}
		want := view(Fold(records))
		store := memory{}
		log := &Log{Store: store, Now: later}
		cut := rapid.IntRange(0, len(records)).Draw(rt, "cut")
		for i, r := range records {
			if i == cut {
				if _, _, err := log.Load(t.Context()); err != nil {
					rt.Fatal(err)
				}
			}
			if err := log.Save(t.Context(), r); err != nil {
				rt.Fatal(err)
			}
		}
		for range 2 { // the second reads the snapshot of the first
			got, skipped, err := log.Load(t.Context())
			if err != nil || len(skipped) > 0 {
				rt.Fatal(skipped, err)
			}
			if diff := cmp.Diff(want, view(got)); diff != "" {
				rt.Fatal(diff)
			}
		}
	})
}

// memory is a store for tests.
type memory map[string][]byte

func (m memory) List(context.Context) ([]Object, error) {
	var list []Object
	for name, data := range m {
		list = append(list, Object{Name: name, Size: int64(len(data))})
	}
	return list, nil
}

func (m memory) Get(_ context.Context, name string) ([]byte, error) { return m[name], nil }

func (m memory) Put(_ context.Context, name string, data []byte) error {
	if _, there := m[name]; !there {
		m[name] = data
	}
	return nil
}

func (m memory) Delete(_ context.Context, name string) error {
	delete(m, name)
	return nil
}

func TestRetention(t *testing.T) {
	store := memory{}
	now := day0
	log := &Log{Store: store, Now: func() time.Time { return now }}
	count := func(prefix string) int {
		n := 0
		for name := range store {
			if strings.HasPrefix(name, prefix) {
				n++
			}
		}
		return n
	}
	for n := range 10 * foldFrom {
		now = day0.Add(time.Duration(n) * 6 * time.Hour)
		r := run(0, "", e2e.Passed, 1)
		r.RunID, r.Started = fmt.Sprintf("e2e-%013d-x", now.UnixMilli()), now
		save(t, store, r)
		if _, _, err := log.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	// 14 days of 4 runs stay, and what was not folded since.
	if records, snapshots := count("e2e-"), count(snapshotPrefix); records < 56 || records > 56+2*foldFrom || snapshots > keptSnapshots+1 {
		t.Errorf("%d records and %d snapshots stay", records, snapshots)
	}
	if stats, _, err := log.Load(t.Context()); err != nil || stats.Recent("t") != Stable {
		t.Error(err)
	}
}
