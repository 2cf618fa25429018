package history

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

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
	tests, deselected := r.Tests, affordable(r.Deselected, len(r.Tests))
	r.Tests, r.Deselected = nil, nil
	return pack(gzip.DefaultCompression, func(write func(any) error) error {
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

// fewDeselected is how many ids of tests that were not selected are always affordable.
const fewDeselected = 100

// affordable leaves out the ids of tests that were not selected where they would be more
// than half as many as the tests: a run of few of many tests would mostly hold the others.
func affordable(list []e2e.Deselected, tests int) []e2e.Deselected {
	ids := 0
	for _, d := range list {
		ids += len(d.Tests)
	}
	if ids <= max(fewDeselected, tests/2) {
		return list
	}
	list = slices.Clone(list)
	for i := range list {
		list[i].Tests = nil
	}
	return list
}

// pack compresses lines, one for each value; bytes are a line as they are.
func pack(level int, body func(write func(any) error) error) ([]byte, error) {
	var buf bytes.Buffer
	zip, err := gzip.NewWriterLevel(&buf, level)
	if err != nil {
		return nil, err
	}
	out := json.NewEncoder(zip)
	out.SetEscapeHTML(false)
	write := func(v any) error {
		line, ok := v.([]byte)
		if !ok {
			return out.Encode(v)
		}
		_, err := zip.Write(append(line, '\n'))
		return err
	}
	if err := body(write); err != nil {
		return nil, err
	}
	err = zip.Close()
	return buf.Bytes(), err
}

// unpack reads lines as a stream; head is the first.
func unpack(data []byte, head func([]byte) error, line func([]byte) error) error {
	size, err := sizeOf(data)
	if err != nil {
		return err
	}
	zip, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("it is not a history object: %w", err)
	}
	bounded := &io.LimitedReader{R: zip, N: int64(size) + 1}
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
		return errors.New("it is damaged: it holds more than it says")
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
	// Incidents are the starts of runs in which the environment was at fault, by run id.
	Incidents map[string]time.Time `json:"incidents,omitempty"`
	// Ran are runs against a target, by run id and attempt.
	Ran map[string]Ran `json:"ran,omitempty"`
	// Records without tests, to which the samples refer by position.
	Records []Record `json:"records"`
}

// row is a test in a snapshot. A sample is [position of its record, outcome, seconds], and
// behind them whether it says nothing, and its column, where that is true and this is known.
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
	column  column
}

// appendRow writes a row by hand: a snapshot has hundreds of thousands of samples.
func appendRow(line []byte, r row) ([]byte, error) {
	head, err := json.Marshal(struct {
		ID    string `json:"id"`
		Suite string `json:"suite,omitempty"`
		File  string `json:"file,omitempty"`
	}{r.ID, r.Suite, r.File})
	if err != nil {
		return nil, err
	}
	line = append(append(line, head[:len(head)-1]...), `,"samples":[`...)
	for i, p := range r.Samples {
		if i > 0 {
			line = append(line, ',')
		}
		line = append(strconv.AppendInt(append(line, '['), int64(p.record), 10), ',')
		if slices.Contains(outcomes, p.outcome) {
			line = append(append(append(line, '"'), p.outcome...), '"')
		} else if word, err := json.Marshal(p.outcome); err == nil {
			line = append(line, word...)
		}
		if math.IsNaN(p.seconds) || math.IsInf(p.seconds, 0) {
			return nil, fmt.Errorf("test %s took %v seconds", r.ID, p.seconds)
		}
		line = strconv.AppendFloat(append(line, ','), p.seconds, 'f', -1, 64)
		switch {
		case p.silent:
			line = append(line, ",true"...)
		case p.column != columnUnknown:
			line = append(line, ",false"...)
		}
		if p.column != columnUnknown {
			line = strconv.AppendUint(append(line, ','), uint64(p.column), 10)
		}
		line = append(line, ']')
	}
	return append(line, "]}"...), nil
}

func (p *packed) UnmarshalJSON(data []byte) error {
	parts := []any{&p.record, &p.outcome, &p.seconds, &p.silent, &p.column}
	return json.Unmarshal(data, &parts)
}

// errLarge is returned for a snapshot that no reader would accept.
var errLarge = errors.New("the snapshot is too large")

// fine is how a snapshot is written for readers of a store: quickly, and as exact as it can be.
var fine = density{level: gzip.BestSpeed, seconds: func(s float64) float64 { return s }, runs: maxNames}

// dense is how one is written that has to be small: durations with three digits, which differ less
// than two runs of a test do, and as many workflow runs as a repair may list.
var dense = density{level: gzip.DefaultCompression, seconds: threeDigits, runs: 1000}

// density is how much room a snapshot takes.
type density struct {
	level, runs int
	seconds     func(float64) float64
}

func threeDigits(s float64) float64 {
	short, err := strconv.ParseFloat(strconv.FormatFloat(s, 'g', 3, 64), 64)
	if err != nil {
		return s
	}
	return short
}

// encodeSnapshot writes what was folded, with so many of the newest samples for each
// statistic.
func encodeSnapshot(f *fold, names []string, most int, d density) ([]byte, error) {
	head := snapshot{Schema: SnapshotSchema, Names: names, WorkflowRuns: newestRuns(f.workflowRuns, d.runs), Incidents: newestIncidents(f.incidents)}
	for _, key := range newestRan(f.ran, maxRan) {
		if head.Ran == nil {
			head.Ran = map[string]Ran{}
		}
		head.Ran[key] = f.ran[key]
	}
	at := map[*Record]int{}
	ids := sortedIDs(f.tests)
	for _, id := range ids {
		for x := range f.tests[id].newest(most) {
			if _, ok := at[x.record]; !ok {
				at[x.record] = len(head.Records)
				head.Records = append(head.Records, *x.record)
			}
		}
	}
	size := 0
	data, err := pack(d.level, func(write func(any) error) error {
		line, err := json.Marshal(head)
		if err == nil && len(line) >= maxLine {
			err = errLarge
		}
		if err == nil {
			err = write(line)
		}
		var r row
		for i := 0; err == nil && i < len(ids); i++ {
			k := f.tests[ids[i]]
			r = row{ID: ids[i], Suite: k.suite, File: k.file, Samples: r.Samples[:0]}
			for x := range k.newest(most) {
				r.Samples = append(r.Samples, packed{at[x.record], x.outcome, d.seconds(x.seconds), x.silent, x.column})
			}
			if line, err = appendRow(line[:0], r); err == nil {
				err = write(line)
			}
		}
		return err
	})
	if err == nil {
		size, err = sizeOf(data)
	}
	if err != nil || size > maxUnpacked {
		return nil, errLarge
	}
	return data, err
}

// decodeSnapshot reads a snapshot, completely or not at all, but for the samples of records
// that do not count.
func decodeSnapshot(data []byte, refused func(*Record) string) (*fold, error) {
	var head snapshot
	var out []bool
	f := newFold()
	var samples []packed
	err := unpack(data, func(line []byte) error {
		if err := json.Unmarshal(line, &head); err != nil {
			return fmt.Errorf("it is not a snapshot: %w", err)
		}
		for i := range head.Records {
			head.Records[i] = head.Records[i].kept()
			why := refused(&head.Records[i])
			if out = append(out, why != ""); why != "" {
				f.refused[why] = true
			}
		}
		return schemaIs(head.Schema, SnapshotSchema)
	}, func(line []byte) error {
		id, suite, file, list, ok := quickRow(line, samples[:0])
		samples = list
		if !ok {
			var r row
			if err := json.Unmarshal(line, &r); err != nil {
				return err
			}
			id, suite, file, samples = []byte(r.ID), []byte(r.Suite), []byte(r.File), r.Samples
		}
		for _, p := range samples {
			if p.record < 0 || p.record >= len(head.Records) {
				return fmt.Errorf("a sample refers to record %d of %d", p.record, len(head.Records))
			}
		}
		if len(id) == 0 {
			return nil
		}
		samples = slices.DeleteFunc(samples, func(p packed) bool { return out[p.record] })
		if len(samples) == 0 {
			return nil
		}
		k := f.of(string(id))
		k.samples = slices.Grow(k.samples, min(len(samples), maxMixed))
		for _, p := range samples {
			take(k, suite, file, sample{&head.Records[p.record], p.outcome, p.seconds, p.silent, p.column})
		}
		return nil
	})
	if err == nil && head.Schema == "" {
		err = errEmpty
	}
	if err != nil {
		return nil, err
	}
	for _, name := range head.Names {
		f.names[name] = true
	}
	for _, run := range head.WorkflowRuns {
		f.workflowRuns[run] = true
	}
	maps.Copy(f.incidents, head.Incidents)
	maps.Copy(f.ran, head.Ran)
	return f, nil
}

// maxRan bounds how many runs against a target a snapshot remembers.
const maxRan = 500

// maxIncidents bounds how many incidents a snapshot remembers.
const maxIncidents = 500

// newestIncidents are those that a snapshot remembers.
func newestIncidents(all map[string]time.Time) map[string]time.Time {
	runs := slices.SortedFunc(maps.Keys(all), func(a, b string) int { return cmp.Or(all[b].Compare(all[a]), strings.Compare(a, b)) })
	kept := map[string]time.Time{}
	for _, run := range runs[:min(len(runs), maxIncidents)] {
		kept[run] = all[run]
	}
	return kept
}

// newestRuns are workflow runs by age, the newest that there is room for: their ids are
// numbers that grow.
func newestRuns(runs map[string]bool, most int) []string {
	list := slices.SortedFunc(maps.Keys(runs), func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
	return list[max(0, len(list)-most):]
}
