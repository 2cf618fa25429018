package history

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
)

// decode reads a complete record, into memory of its own.
func decode(data []byte) (Record, error) {
	u, err := decodeEntries(data)
	if err != nil {
		return Record{}, err
	}
	defer u.free()
	r := u.record
	for _, e := range u.entries {
		r.Tests = append(r.Tests, e.own())
	}
	return r, nil
}

func (e entry) own() Entry {
	return Entry{ID: string(e.id), Suite: string(e.suite), File: string(e.file), Outcome: e.outcome, Seconds: e.seconds}
}

var hardLines = []string{
	`{"id":"t","suite":"s","file":"f","outcome":"passed","seconds":1.5}`, `{"id":"t","outcome":"failed","seconds":0}`, `{"id":"","outcome":"","seconds":0}`,
	`{"id":"Ä › x","file":"f","outcome":"passed","seconds":0.125}`, `{"id":"a\"b","outcome":"passed","seconds":1}`,
	`{"id":"a\\","outcome":"passed","seconds":1}`,
	"{\"id\":\"\xff\",\"outcome\":\"passed\",\"seconds\":1}", "{\"id\":\"a\tb\",\"outcome\":\"passed\",\"seconds\":1}",
	`{"id":"t","outcome":"passed","seconds":-1}`,
	`{"id":"t","outcome":"passed","seconds":01}`, `{"id":"t","outcome":"passed","seconds":1.}`, `{"id":"t","outcome":"passed","seconds":1e3}`,
	`{"id":"t","outcome":"passed","seconds":1e999}`,
	`{"id":"t","outcome":"passed","seconds":` + strings.Repeat("9", 400) + `}`, `{"id":"t","outcome":"passed","seconds":1} `,
	`{"id":"t","outcome":"passed","seconds":1}}`,
	`{"id":"t","outcome":"passed","seconds":1,"id":"u"}`, `{"ID":"t","outcome":"passed","seconds":1}`, `{"id": "t", "outcome": "odd", "seconds": 2}`,
	`null`, `{}`, ``, `[]`, `{"id":"t","outcome":"passed","seconds":1,"alone":true}`, `{"id":"t","outcome":"passed","seconds":1,"alone":true,"alone":true}`,
	`{"id":"t","outcome":"passed","seconds":1,"alone":false}`,
	`{"id":"t","suite":"s"`, `{"id":"t","outcome":"passed","seconds":.5}`, `{"id":7,"outcome":"passed","seconds":1}`,
	"{\"id\":\"t\",\"outcome\":\"passed\",\"seconds\":1}\r",
}

// The quick reader gives the same result as the general JSON reader, or none.
func FuzzQuickEntry(f *testing.F) {
	for _, line := range hardLines {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		e, ok := quickEntry(line)
		if !ok {
			return
		}
		var want Entry
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatalf("%q is read as %+v, and is not JSON: %v", line, e.own(), err)
		}
		want.Alone = false // no statistic asks for it
		if diff := cmp.Diff(want, e.own()); diff != "" {
			t.Errorf("%q: %s", line, diff)
		}
	})
}

// Records that the gate writes are read by the quick reader: otherwise the fold would
// be ten times slower.
func TestOwnLinesAreReadQuickly(t *testing.T) {
	for _, e := range []Entry{
		{ID: "s/[x] y.ts::Ä › buys", Suite: "s", File: "y.ts", Outcome: e2e.Flaky, Seconds: 12.625}, {ID: "t", Outcome: e2e.Lost},
		{ID: "t", Suite: "s", Outcome: e2e.NotRun, Seconds: 0.001}, {ID: "t", Outcome: e2e.Passed, Seconds: 2, Alone: true},
	} {
		var line bytes.Buffer
		if err := json.NewEncoder(&line).Encode(e); err != nil {
			t.Fatal(err)
		}
		got, ok := quickEntry(bytes.TrimSuffix(line.Bytes(), []byte("\n")))
		e.Alone = false // no statistic asks for it
		if diff := cmp.Diff(e, got.own()); !ok || diff != "" {
			t.Errorf("%s%v %s", line.String(), ok, diff)
		}
	}
}

// A record is read as a whole or not at all, and what was read before never shows.
func TestMemoryIsUsedAgain(t *testing.T) {
	long := run(0, "refs/heads/main", e2e.Passed, 1)
	for range 300 {
		long.Tests = append(long.Tests, long.Tests[0])
	}
	short := Record{Schema: Schema, RunID: "b"}
	for range 3 {
		for _, want := range []Record{long, short} {
			data, err := encode(want)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := decode(data[:len(data)-9]); err == nil {
				t.Error("a cut record is read")
			}
			if got, err := decode(data); err != nil || cmp.Diff(want, got) != "" {
				t.Errorf("%v %s", err, cmp.Diff(want, got))
			}
		}
	}
}

// anyRecord refuses none.
func anyRecord(*Record) string { return "" }
