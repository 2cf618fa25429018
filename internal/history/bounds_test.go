package history

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/need"
	"hash/crc32"
)

// heavy is an object of so many bytes, unpacked: a record with lines like those of tests.
func heavy(t *testing.T, size int, line func(n int) string) []byte {
	t.Helper()
	var buf bytes.Buffer
	zip := gzip.NewWriter(&buf)
	written, err := fmt.Fprintln(zip, `{"schema":"`+Schema+`","run_id":"e2e-1-x","started":"2026-11-01T00:00:00Z"}`)
	for n := 0; written < size && err == nil; n++ {
		var more int
		more, err = io.WriteString(zip, line(n)+"\n")
		written += more
	}
	if err := errors.Join(err, zip.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// What an object holds is known before it is unpacked: objects of half a megabyte that hold
// half a gigabyte each take no memory.
func TestBombsAreNotUnpacked(t *testing.T) {
	if testing.Short() {
		t.Skip("sums half a gigabyte; run without -short")
	}
	bomb := blanks(t, 500)
	if len(bomb) > 600<<10 {
		t.Fatalf("the object has %d bytes", len(bomb))
	}
	store := memory{}
	for n := range 12 {
		store[fmt.Sprintf("e2e-%013d-x.1.0.jsonl.gz", n)] = bomb
		store[fmt.Sprintf("snapshot-%013d-000001-x.jsonl.gz", n)] = bomb
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, skipped, err := (&Log{Store: store, Now: later}).Load(t.Context())
	runtime.ReadMemStats(&after)
	if err != nil || len(skipped) != 24 || !strings.Contains(skipped[0], "holds more than 64 MiB") {
		t.Errorf("%v %q", err, skipped)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
		t.Errorf("%d MiB were allocated", took>>20)
	}
}

// blanks packs so many MiB of spaces as one stream. After the first, each MiB is packed alike, so it is
// packed once.
func blanks(t *testing.T, mebibytes int) []byte {
	t.Helper()
	space := bytes.Repeat([]byte(" "), 1<<20)
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	var ends []int
	sum := uint32(0)
	for range 3 {
		if _, err := w.Write(space); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, out.Len())
	}
	for range mebibytes {
		sum = crc32.Update(sum, crc32.IEEETable, space)
	}
	one := out.Bytes()
	data := bytes.Clone(one[:ends[1]])
	for range mebibytes - 2 {
		data = append(data, one[ends[1]:ends[2]]...)
	}
	data = append(data, 0x03, 0x00) // an empty last block
	data = binary.LittleEndian.AppendUint32(data, sum)
	data = binary.LittleEndian.AppendUint32(data, uint32(mebibytes)<<20) //nolint:gosec // under 4 GiB
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, io.LimitReader(r, 8<<20)); err != nil || n != 8<<20 {
		t.Fatalf("the bomb is none: %d, %v", n, err)
	}
	return data
}

// An object that says less of itself than it holds is unpacked as far as it says.
func TestObjectsThatLieAboutTheirSize(t *testing.T) {
	record, err := encode(run(0, "", e2e.Passed, 1))
	if err != nil {
		t.Fatal(err)
	}
	f := newFold()
	f.names["x"] = true
	snapshot, err := encodeSnapshot(f, []string{"x"}, samples, fine)
	if err != nil {
		t.Fatal(err)
	}
	many := heavy(t, 4<<20, func(n int) string { return fmt.Sprintf(`{"id":"t%d","outcome":"passed","seconds":1}`, n*n) })
	asRecord := func(data []byte) error { _, err := decode(data); return err }
	asSnapshot := func(data []byte) error { _, err := decodeSnapshot(data, anyRecord); return err }
	for name, tc := range map[string]struct {
		read func([]byte) error
		data []byte
		size uint32
		want string
	}{
		"a record, less":      {asRecord, record, 7, "it is damaged"},
		"a record, more":      {asRecord, record, 1 << 20, "it is damaged"},
		"a snapshot, less":    {asSnapshot, snapshot, 7, "it is not a snapshot"},
		"more than all may":   {asRecord, record, 65 << 20, "it is damaged, or holds more than 64 MiB"},
		"more than it may":    {asRecord, record, 2 << 20, "it is damaged, or holds more than 300 times its size"},
		"nothing":             {asRecord, record, 0, "it is damaged"},
		"two in one":          {asRecord, append(bytes.Clone(record), record...), 0, "it is damaged"},
		"a record as a whole": {asRecord, many, 0, ""},
	} {
		data := bytes.Clone(tc.data)
		if tc.size > 0 || name == "nothing" {
			binary.LittleEndian.PutUint32(data[len(data)-4:], tc.size)
		}
		err := tc.read(data)
		if got := fmt.Sprint(err); err == nil != (tc.want == "") || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %s, want %q", name, got, tc.want)
		}
	}
}

// However many records are read at once, what they are unpacked to takes a bounded memory.
func TestMemoryOfManyLargeRecords(t *testing.T) {
	need.NoRaceDetector(t)
	if testing.Short() {
		t.Skip("reads half a gigabyte; run without -short")
	}
	const size = 24 << 20
	for name, line := range map[string]func(n int) string{
		"long lines": func(n int) string {
			return fmt.Sprintf(`{"id":"suite/%s::%d","outcome":"passed","seconds":1}`, strings.Repeat("x", 900), n*n)
		},
		"short lines": func(n int) string { return fmt.Sprintf(`{"id":"t","outcome":"passed","seconds":%d}`, n*n%997) },
	} {
		t.Run(name, func(t *testing.T) {
			data := heavy(t, size, line)
			t.Logf("%d bytes hold %d MiB", len(data), size>>20)
			store := memory{}
			for n := range 12 {
				store[fmt.Sprintf("e2e-%013d-x.1.0.jsonl.gz", n)] = data
			}
			peak := peakHeap(t)
			_, skipped, err := (&Log{Store: store, Now: later}).Load(t.Context())
			most := peak()
			t.Logf("at most %.0f MiB; not read: %d", most, len(skipped))
			if err != nil || most > 300 {
				t.Errorf("%v, %.0f MiB", err, most)
			}
		})
	}
}

func TestShortLinesAreNoTests(t *testing.T) {
	data := heavy(t, 1<<18, func(n int) string { return fmt.Sprintf(`{"id":"%d"}`, n) })
	if _, err := decode(data); err == nil || !strings.Contains(err.Error(), "too short") {
		t.Error(err)
	}
}

// A snapshot that would be too large for its readers holds fewer runs of each test.
func TestLargeSnapshots(t *testing.T) {
	store := memory{}
	log := &Log{Store: store, Now: later}
	var target strings.Builder
	for target.Len() < maxLine/35 { // 40 of them are more than a line may hold
		_, _ = fmt.Fprint(&target, target.Len()*target.Len(), " ")
	}
	for n := range 40 {
		r := run(0, "", e2e.Passed, 1)
		r.RunID, r.Started = fmt.Sprintf("e2e-%013d-x", n), day0.Add(time.Duration(n)*time.Hour)
		r.Target = target.String()
		if err := log.Save(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if _, skipped, err := log.Load(t.Context()); err != nil || len(skipped) > 0 {
		t.Fatal(err, skipped)
	}
	for name := range store {
		if IsRecord(name) {
			delete(store, name)
		}
	}
	stats, skipped, err := log.Load(t.Context())
	if runs := len(stats.Rows()); err != nil || len(skipped) > 0 || runs != samples/2 {
		t.Errorf("%d runs are in the snapshot, %v %q", runs, err, skipped)
	}
}

// Rows that the gate writes are read by the quick reader, to the same values as by the
// general one.
func TestOwnRowsAreReadQuickly(t *testing.T) {
	for _, r := range []row{
		{ID: "a › ü", Suite: "s", File: "f", Samples: []packed{
			{0, e2e.Passed, 1.25, false, 2}, {17, e2e.Failed, 0, true, 0}, {2, "", 3, false, 0}, {3, "", 3, true, 3},
		}},
		{ID: "b", Samples: []packed{{3, e2e.Flaky, 1e-9, false, 1}}},
		{ID: "odd", Samples: []packed{{4, "odd \"word\"", 5e7, true, 0}}},
	} {
		line, err := appendRow(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		id, suite, file, list, ok := quickRow(line, nil)
		got := row{string(id), string(suite), string(file), list}
		if diff := cmp.Diff(r, got, cmp.AllowUnexported(packed{})); ok != (r.ID != "odd") || ok && diff != "" {
			t.Errorf("%s: %v %s", line, ok, diff)
		}
		var general row
		if err := json.Unmarshal(line, &general); err != nil || cmp.Diff(r, general, cmp.AllowUnexported(packed{})) != "" {
			t.Errorf("%s: %v %+v", line, err, general)
		}
	}
}

func FuzzQuickRow(f *testing.F) {
	for _, line := range []string{
		`{"id":"t","suite":"s","file":"f","samples":[[0,"passed",1.5],[3,"failed",0,true]]}`, `{"id":"t","samples":[[0,"passed",1]]}`, `{"id":"t","samples":[]}`,
		`{"id":"t","samples":null}`, `{"id":"t","samples":[[0,"passed",1],]}`, `{"id":"t","samples":[[0,"passed",1]`, `{"id":"t","samples":[[0,"passed",1,false]]}`,
		`{"id":"t","samples":[[-1,"passed",1]]}`, `{"id":"t","samples":[[99999999999999999999,"passed",1]]}`, `{"id":"t","samples":[[0,"passed",1e3]]}`,
		`{"id":"t","samples":[[0,"passed",1,true,true]]}`, `{"id":"t","samples":[[0,"passed",1,true,2],[0,"failed",1,false,3]]}`,
		`{"id":"t","samples":[[0,"passed",1,false,0]]}`, `{"id":"t","samples":[[0,"passed",1,false,12]]}`, `{"id":"t","samples":[[0,"passed",1,2]]}`,
		`{"id":"t","samples":[[1.5,"passed",1]]}`,
		`{"id":"t","samples":[,[0,"passed",1]]}`, `{"id":"t","samples":[[0,"passed"]]}`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		id, suite, file, list, ok := quickRow(line, nil)
		if !ok {
			return
		}
		var want row
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatalf("%q is read, and is not a row: %v", line, err)
		}
		got := row{string(id), string(suite), string(file), list}
		if len(got.Samples) == 0 {
			got.Samples, want.Samples = nil, nil
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(packed{})); diff != "" {
			t.Errorf("%q: %s", line, diff)
		}
	})
}
