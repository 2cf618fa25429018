package history

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// Imported is a test as another tool reports it.
type Imported struct {
	// Names are its possible names, the most reliable first.
	Names   []string
	File    string
	Outcome e2e.Outcome
	Seconds float64
	// Started is the zero time if the tool does not record it.
	Started time.Time
}

// ErrFormat is returned for a file in an unknown format.
var ErrFormat = errors.New("unknown format; known are: go test -json (gotestsum), pytest-split, Playwright's JSON, cypress-split timings, " +
	"CSV with the columns test and seconds")

// ReadImported reads the results of a run that another tool wrote; JUnit XML is read
// elsewhere. The format is detected from the content.
func ReadImported(data []byte) ([]Imported, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	for _, read := range []func([]byte) ([]Imported, bool){goTestEvents, pytestSplit, playwrightJSON, cypressSplit, timingsCSV} {
		if list, ok := read(data); ok {
			return slices.DeleteFunc(list, func(t Imported) bool { return !(t.Seconds >= 0 && t.Seconds <= maxSeconds) }), nil
		}
	}
	return nil, ErrFormat
}

// goTestEvents reads the events of go test -json.
func goTestEvents(data []byte) ([]Imported, bool) {
	var list []Imported
	lines, events := bufio.NewScanner(bytes.NewReader(data)), 0
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var ev struct {
			Time                  time.Time
			Action, Package, Test string
			Elapsed               float64
		}
		if json.Unmarshal(lines.Bytes(), &ev) != nil || ev.Action == "" {
			if events == 0 {
				return nil, false
			}
			continue
		}
		events++
		outcome, ends := map[string]e2e.Outcome{"pass": e2e.Passed, "fail": e2e.Failed, "skip": e2e.Skipped}[ev.Action]
		if ends && ev.Test != "" && !strings.Contains(ev.Test, "/") {
			list = append(list, Imported{Names: []string{ev.Package + "::" + ev.Test, ev.Test}, Outcome: outcome, Seconds: ev.Elapsed, Started: ev.Time})
		}
	}
	return list, events > 0
}

// pytestSplit reads .test_durations: node ids and seconds.
func pytestSplit(data []byte) ([]Imported, bool) {
	var durations map[string]float64
	if json.Unmarshal(data, &durations) != nil || len(durations) == 0 {
		return nil, false
	}
	var list []Imported
	for name, seconds := range durations {
		file, _, _ := strings.Cut(name, "::")
		list = append(list, Imported{Names: []string{name}, File: file, Outcome: e2e.Passed, Seconds: seconds})
	}
	slices.SortFunc(list, func(a, b Imported) int { return strings.Compare(a.Names[0], b.Names[0]) })
	return list, true
}

// cypressSplit reads timings of cypress-split: specs and milliseconds.
func cypressSplit(data []byte) ([]Imported, bool) {
	var doc struct {
		Durations []struct {
			Spec     string
			Duration float64
		}
	}
	if json.Unmarshal(data, &doc) != nil || len(doc.Durations) == 0 {
		return nil, false
	}
	var list []Imported
	for _, d := range doc.Durations {
		list = append(list, Imported{Names: []string{d.Spec}, File: d.Spec, Outcome: e2e.Passed, Seconds: d.Duration / 1000})
	}
	return list, true
}

type playwrightSuite struct {
	Title, File string
	Suites      []playwrightSuite
	Specs       []struct {
		Title, File string
		Tests       []struct {
			ProjectName string
			Status      string
			Results     []struct {
				Duration  float64
				StartTime time.Time
				Status    string
			}
		}
	}
}

// playwrightJSON reads Playwright's JSON report.
func playwrightJSON(data []byte) ([]Imported, bool) {
	var doc struct {
		Config json.RawMessage
		Suites []playwrightSuite
	}
	if json.Unmarshal(data, &doc) != nil || len(doc.Suites) == 0 || doc.Config == nil {
		return nil, false
	}
	var list []Imported
	for _, s := range doc.Suites {
		s.collect(nil, &list)
	}
	return list, true
}

const maxDepth = 100

func (s playwrightSuite) collect(path []string, list *[]Imported) {
	if len(path) > maxDepth {
		return
	}
	for _, spec := range s.Specs {
		for _, t := range spec.Tests {
			if len(t.Results) == 0 {
				continue
			}
			last := t.Results[len(t.Results)-1]
			name := spec.File + "::" + strings.Join(append(slices.Clip(path), spec.Title), " › ")
			outcome, known := map[string]e2e.Outcome{"expected": e2e.Passed, "flaky": e2e.Flaky, "unexpected": e2e.Failed, "skipped": e2e.Skipped}[t.Status]
			if !known {
				outcome = e2e.Failed
			}
			*list = append(*list, Imported{Names: []string{"[" + t.ProjectName + "] " + name, name}, File: spec.File, Outcome: outcome,
				Seconds: last.Duration / 1000, Started: last.StartTime})
		}
	}
	for _, inner := range s.Suites {
		inner.collect(append(slices.Clip(path), inner.Title), list)
	}
}

// timingsCSV reads a table with the columns test and seconds, among others.
func timingsCSV(data []byte) ([]Imported, bool) {
	in := csv.NewReader(bytes.NewReader(data))
	in.FieldsPerRecord = -1
	head, err := in.Read()
	test, seconds := slices.Index(head, "test"), slices.Index(head, "seconds")
	if err != nil || test < 0 || seconds < 0 {
		return nil, false
	}
	var list []Imported
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return list, true
		}
		if err != nil || len(row) <= max(test, seconds) {
			continue
		}
		if v, err := strconv.ParseFloat(row[seconds], 64); err == nil && v >= 0 && v <= maxSeconds {
			list = append(list, Imported{Names: []string{row[test]}, Outcome: e2e.Passed, Seconds: v})
		}
	}
}

// importedID starts the run id of what was imported.
const importedID = "import-"

// ImportedRecord makes a record of imported tests. Its id is derived from the file, so
// that importing the same file twice gives one record.
func ImportedRecord(identity string, started time.Time, tests []Entry) Record {
	return Record{Schema: Schema, RunID: fmt.Sprintf("%s%013d-%s", importedID, started.UnixMilli(), identity), Attempt: 1, Started: started.UTC(),
		Main: true, Tests: tests}
}
