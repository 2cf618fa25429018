package history

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
)

// deselectedLine is a line of a record after its tests. A gate that does not know it
// reads it as a test without an id, which it ignores.
type deselectedLine struct {
	Deselected e2e.Deselected `json:"deselected"`
}

// encode writes a record: JSON lines, compressed. The first line is the record without
// its tests, each other one a test. What was not selected comes last, where the fold
// passes over it.
func encode(r Record) ([]byte, error) {
	tests, deselected := r.Tests, r.Deselected
	r.Tests, r.Deselected = nil, nil
	return pack(func(write func(any) error) error {
		err := write(r)
		for i := 0; err == nil && i < len(tests); i++ {
			err = write(tests[i])
		}
		for i := 0; err == nil && i < len(deselected); i++ {
			err = write(deselectedLine{deselected[i]})
		}
		return err
	})
}

func pack(body func(write func(any) error) error) ([]byte, error) {
	var buf bytes.Buffer
	zip := gzip.NewWriter(&buf)
	out := json.NewEncoder(zip)
	out.SetEscapeHTML(false)
	if err := body(out.Encode); err != nil {
		return nil, err
	}
	err := zip.Close()
	return buf.Bytes(), err
}

// unpack reads lines; head is the first.
func unpack(data []byte, head func([]byte) error, line func([]byte) error) error {
	zip, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("it is not a history object: %w", err)
	}
	bounded := &io.LimitedReader{R: zip, N: maxUnpacked}
	scan := bufio.NewScanner(bounded)
	scan.Buffer(nil, maxLine)
	for n := 0; scan.Scan(); n++ {
		if n == 0 {
			err = head(scan.Bytes())
		} else {
			err = line(scan.Bytes())
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	switch {
	case scan.Err() != nil:
		return fmt.Errorf("it is damaged: %w", scan.Err())
	case bounded.N <= 0:
		return fmt.Errorf("it holds more than %d MiB", maxUnpacked>>20)
	}
	return nil
}

// SnapshotSchema of a snapshot.
const SnapshotSchema = "e2e-gate/history-snapshot/v1"

// snapshot is the result of folding records.
type snapshot struct {
	Schema string `json:"schema"`
	// Names of the records that are in it.
	Names []string `json:"names"`
	// WorkflowRuns are those whose records are in it, or were.
	WorkflowRuns []string `json:"workflow_runs,omitempty"`
	// Records without tests, to which the samples refer by position.
	Records []Record `json:"records"`
}

// row is a test in a snapshot. A sample is [position of its record, outcome, seconds], and
// true behind them where it says nothing.
type row struct {
	ID      string   `json:"id"`
	Suite   string   `json:"suite,omitempty"`
	File    string   `json:"file,omitempty"`
	Samples []packed `json:"samples"`
}

type packed struct {
	record  int
	outcome e2e.Outcome
	seconds float64
	silent  bool
}

func (p packed) MarshalJSON() ([]byte, error) {
	parts := []any{p.record, p.outcome, p.seconds}
	if p.silent {
		parts = append(parts, true)
	}
	return json.Marshal(parts)
}

func (p *packed) UnmarshalJSON(data []byte) error {
	parts := []any{&p.record, &p.outcome, &p.seconds, &p.silent}
	return json.Unmarshal(data, &parts)
}

// encodeSnapshot writes what was folded.
func encodeSnapshot(f *fold, names []string) ([]byte, error) {
	head := snapshot{Schema: SnapshotSchema, Names: names, WorkflowRuns: newestRuns(f.workflowRuns)}
	at := map[*Record]int{}
	ids := sortedIDs(f.tests)
	for _, id := range ids {
		for _, x := range f.tests[id].samples {
			if _, ok := at[x.record]; !ok {
				at[x.record] = len(head.Records)
				head.Records = append(head.Records, *x.record)
			}
		}
	}
	return pack(func(write func(any) error) error {
		err := write(head)
		for i := 0; err == nil && i < len(ids); i++ {
			k := f.tests[ids[i]]
			r := row{ID: ids[i], Suite: k.suite, File: k.file}
			for _, x := range k.samples {
				r.Samples = append(r.Samples, packed{at[x.record], x.outcome, x.seconds, x.silent})
			}
			err = write(r)
		}
		return err
	})
}

// decodeSnapshot adds a snapshot to a fold, completely or not at all.
func decodeSnapshot(data []byte, into *fold) error {
	var head snapshot
	var rows []row
	err := unpack(data, func(line []byte) error {
		if err := json.Unmarshal(line, &head); err != nil {
			return fmt.Errorf("it is not a snapshot: %w", err)
		}
		return schemaIs(head.Schema, SnapshotSchema)
	}, func(line []byte) error {
		var r row
		if err := json.Unmarshal(line, &r); err != nil {
			return err
		}
		for _, p := range r.Samples {
			if p.record < 0 || p.record >= len(head.Records) {
				return fmt.Errorf("a sample refers to record %d of %d", p.record, len(head.Records))
			}
		}
		rows = append(rows, r)
		return nil
	})
	if err == nil && head.Schema == "" {
		err = errEmpty
	}
	if err != nil {
		return err
	}
	for _, r := range rows {
		for _, p := range r.Samples {
			if r.ID != "" {
				take(into.of(r.ID), r.Suite, r.File, sample{&head.Records[p.record], p.outcome, p.seconds, p.silent})
			}
		}
	}
	for _, name := range head.Names {
		into.names[name] = true
	}
	for _, run := range head.WorkflowRuns {
		into.workflowRuns[run] = true
	}
	return nil
}

// newestRuns are workflow runs by age, the newest that there is room for: their ids are
// numbers that grow.
func newestRuns(runs map[string]bool) []string {
	list := slices.SortedFunc(maps.Keys(runs), func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
	return list[max(0, len(list)-maxNames):]
}
