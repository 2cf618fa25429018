package history

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
)

func save(t *testing.T, d Dir, r Record) {
	t.Helper()
	if err := d.Save(r); err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, d Dir) ([]Record, []string) {
	t.Helper()
	records, skipped, err := d.Load()
	if err != nil {
		t.Fatal(err)
	}
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
	d := Dir{filepath.Join(t.TempDir(), "not", "there", "yet")}
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
	d := Dir{t.TempDir()}
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
	d := Dir{filepath.Join(t.TempDir(), "history")}
	const writers, each = 8, 20
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for n := range each {
				if err := d.Save(Record{Schema: Schema, RunID: "e2e-1-x", Attempt: 1, Shard: w*each + n, Started: day0}); err != nil {
					t.Error(err)
				}
				// All of them write this one: one wins, nobody fails.
				if err := d.Save(Record{Schema: Schema, RunID: "e2e-2-y", Attempt: 1, Shard: n, Ref: fmt.Sprint(w), Started: day0}); err != nil {
					t.Error(err)
				}
				if _, skipped, err := d.Load(); err != nil || len(skipped) > 0 {
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
	if got := len(files(t, d)); got != len(records) {
		t.Errorf("%d files for %d records", got, len(records))
	}
}

func TestUnreadableRecordsAreSkippedAndNamed(t *testing.T) {
	d := Dir{t.TempDir()}
	good := run(0, "", e2e.Passed, 1)
	save(t, d, good)
	text, err := json.Marshal(run(1, "", e2e.Passed, 1))
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(d.Path, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("cut.json", text[:len(text)/2])
	write("double.json", append(slices.Clone(text), text...))
	write("empty.json", nil)
	write("foreign.json", []byte(`{"name": "left-pad", "version": "1.0.0"}`))
	write("future.json", []byte(strings.Replace(string(text), Schema, "e2e-gate/history/v2", 1)))
	write("garbage.json", []byte("\x00\xff<html>"))
	write("kinds.json", []byte(`{"schema": "`+Schema+`", "tests": {"a": 1}}`))
	write("deep.json", []byte(strings.Repeat("[", 100_000)))
	write("notes.txt", []byte("not ours, and no record"))
	write(".record-123", text[:10]) // of a writer that died
	if err := os.Mkdir(filepath.Join(d.Path, "folder.json"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(d.Path, "dangling.json")); err != nil {
		t.Fatal(err)
	}
	huge, err := os.Create(filepath.Join(d.Path, "huge.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := huge.Truncate(maxRecordBytes + 1); err != nil { // sparse
		t.Fatal(err)
	}
	_ = huge.Close()
	records, skipped := load(t, d)
	if diff := cmp.Diff([]Record{good}, records); diff != "" {
		t.Error(diff)
	}
	var names []string
	for _, s := range skipped {
		name, why, _ := strings.Cut(s, ": ")
		names = append(names, name)
		if why == "" {
			t.Errorf("%s: no reason", name)
		}
	}
	want := []string{"cut.json", "dangling.json", "deep.json", "double.json", "empty.json", "folder.json", "foreign.json", "future.json", "garbage.json", "huge.json", "kinds.json"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

func TestOnlyTheNewestRecordsAreRead(t *testing.T) {
	d := Dir{t.TempDir()}
	for n := range maxRecords + 5 {
		save(t, d, Record{Schema: Schema, RunID: fmt.Sprintf("e2e-%013d-x", 1_700_000_000_000+n), Attempt: 1, Started: day0.Add(time.Duration(n) * time.Minute)})
	}
	records, _ := load(t, d)
	if len(records) != maxRecords || !records[0].Started.Equal(day0.Add(5*time.Minute)) {
		t.Errorf("%d records from %s on", len(records), records[0].Started)
	}
}

func TestFolderThatCannotBeUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, d := range []Dir{{file}, {filepath.Join(file, "below")}} {
		if err := d.Save(run(0, "", e2e.Passed, 1)); err == nil {
			t.Error("saved into a file")
		}
		if records, _, err := d.Load(); err == nil || records != nil {
			t.Errorf("read from a file: %v, %v", records, err)
		}
	}
	t.Run("read only", func(t *testing.T) {
		if os.Geteuid() == 0 {
			t.Skip("nothing is read only for root")
		}
		d := Dir{t.TempDir()}
		save(t, d, run(0, "", e2e.Passed, 1))
		if err := os.Chmod(d.Path, 0o555); err != nil { //nolint:gosec // a folder must be searchable
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(d.Path, 0o755) }) //nolint:gosec // so that it can be removed
		if err := d.Save(run(1, "", e2e.Passed, 1)); err == nil {
			t.Error("saved")
		}
		if records, _ := load(t, d); len(records) != 1 {
			t.Errorf("%d records", len(records))
		}
	})
}

func TestRecordThatIsNoJSON(t *testing.T) {
	d := Dir{t.TempDir()}
	r := run(0, "", e2e.Passed, 1)
	r.Started = time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC) // a year that JSON has no room for
	if err := d.Save(r); err == nil {
		t.Error("saved")
	}
	if left := files(t, d); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
}

// Whatever the run id: one file in the folder, and no two ids in the same one.
func TestHostileRunIDs(t *testing.T) {
	parent := t.TempDir()
	d := Dir{filepath.Join(parent, "history")}
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
	if got := fileName(Record{RunID: "e2e-1700000000000-0a1b", Attempt: 2, Shard: 3}); got != "e2e-1700000000000-0a1b.2.3.json" {
		t.Errorf("a harmless id is changed: %s", got)
	}
}

// FuzzDecode: no panic; no half record with an error; what was read can be
// written and read again; and it can be folded, whatever it says.
func FuzzDecode(f *testing.F) {
	good, err := json.Marshal(run(0, "refs/heads/main", e2e.Flaky, 1.5))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(good), string(good[:40]), "", "null", "[]", `{"schema":"` + Schema + `"}`, `{"schema":"` + Schema + `","tests":[{"id":"t","outcome":"passed","seconds":1e308},{}]}`,
		`{"schema":"` + Schema + `","started":"2026-11-01T00:00:00+14:00","tests":null}`, `{"SCHEMA":"` + Schema + `","shard":-1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decode(bytes.NewReader(data))
		if err != nil {
			if diff := cmp.Diff(Record{}, r); diff != "" {
				t.Error(diff)
			}
			return
		}
		stats := Fold([]Record{r})
		for _, e := range r.Tests {
			if seconds, _ := stats.Estimate(e.ID); seconds < 0 || seconds > maxSeconds {
				t.Errorf("%s takes %v s", e.ID, seconds)
			}
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decode(bytes.NewReader(text))
		if diff := cmp.Diff(r, again); diff != "" || err != nil {
			t.Error(err, diff)
		}
	})
}
