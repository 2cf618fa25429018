package pipeline

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// Bounds of the lines that a test gets from the logs of background processes.
const (
	// logLines are kept of each log for an attempt, the last ones; lineBytes of each line.
	logLines  = 20
	lineBytes = 400
	// logBytes are read of each log, from its end: a service may write gigabytes.
	logBytes = 64 << 20
)

// addLogLines gives each failed attempt the lines of the logs of background processes that hold its test's correlation id.
// planned are the tests of the plan: where several have one name, the lines may be of any of them, and say so.
// The logs have been masked when they were written. Logs that cannot be read are left alone: their names stand with the failure.
func addLogLines(out string, planned []e2e.PlannedTest, docs []e2e.ShardRun) {
	wanted := map[string][]*e2e.Attempt{}
	logs := map[string]bool{}
	runID := ""
	for d := range docs {
		for _, name := range docs[d].Logs {
			logs[name] = true
		}
		runID = docs[d].Run.ID
		docs[d].Tests = slices.Clone(docs[d].Tests)
		for t := range docs[d].Tests {
			run := &docs[d].Tests[t]
			if len(logs) == 0 || !slices.ContainsFunc(run.Attempts, func(a e2e.Attempt) bool { return a.Outcome == e2e.Failed && a.TestCorrelation != "" }) {
				continue
			}
			run.Attempts = slices.Clone(run.Attempts) // the shard goes on with its own
			for a := range run.Attempts {
				if one := &run.Attempts[a]; one.Outcome == e2e.Failed && one.TestCorrelation != "" {
					wanted[one.TestCorrelation] = append(wanted[one.TestCorrelation], one)
				}
			}
		}
	}
	if len(wanted) == 0 || runID == "" {
		return
	}
	ids := regexp.MustCompile(regexp.QuoteMeta(runID) + `-\d+-[0-9a-f]{12}`)
	named := namesakes(planned, docs)
	for _, name := range slices.Sorted(maps.Keys(logs)) {
		found := linesOf(filepath.Join(out, filepath.FromSlash(name)), ids, wanted)
		for id, lines := range found {
			source := "log of " + strings.TrimSuffix(path.Base(name), path.Ext(name))
			if n := named[id[strings.LastIndexByte(id, '-')+1:]]; n > 1 {
				source += fmt.Sprintf(", of any of %d tests with this name", n)
			}
			for _, a := range wanted[id] {
				a.Evidence = append(slices.Clip(a.Evidence), e2e.Evidence{Kind: e2e.EvidenceLogs, Text: strings.Join(lines, "\n"), Source: source})
			}
		}
	}
}

// namesakes are those of a whole run.
func namesakes(planned []e2e.PlannedTest, docs []e2e.ShardRun) e2e.Namesakes {
	count := e2e.Namesakes{}
	for _, t := range planned {
		count.Add(t.Test)
	}
	for _, doc := range docs {
		for _, run := range doc.Tests {
			if run.Unplanned != nil {
				count.Add(*run.Unplanned)
			}
		}
	}
	return count
}

// linesOf are the last lines of a log that hold each of the ids.
func linesOf(file string, ids *regexp.Regexp, wanted map[string][]*e2e.Attempt) map[string][]string {
	f, err := os.Open(file) //nolint:gosec // a file of the run's own folder
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil
	} else if info.Size() > logBytes {
		if _, err := f.Seek(-logBytes, io.SeekEnd); err != nil {
			return nil
		}
	}
	found := map[string][]string{}
	for in := bufio.NewReaderSize(f, 64<<10); ; {
		start, err := in.ReadSlice('\n')
		line := string(start)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.ReadSlice('\n') // of a longer line, the beginning is searched
		}
		for _, id := range slices.Compact(ids.FindAllString(line, 4)) {
			if wanted[id] == nil {
				continue
			}
			if list := append(found[id], shortLine(line)); len(list) > logLines {
				found[id] = slices.Delete(list, 0, 1)
			} else {
				found[id] = list
			}
		}
		if err != nil {
			return found
		}
	}
}

func shortLine(line string) string {
	head, cut := safetext.Cut(strings.TrimRight(strings.ToValidUTF8(line, "\uFFFD"), "\r\n"), lineBytes)
	if cut > 0 {
		head += "…"
	}
	return head
}
