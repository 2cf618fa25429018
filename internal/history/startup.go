package history

import (
	"slices"

	"github.com/org/e2e-gate/internal/e2e"
)

// Process is the time that a process of a suite took in addition to its tests: start-up
// and fixtures.
type Process struct {
	Suite string `json:"suite"`
	Unit  string `json:"unit"`
	// Files is how many files its tests are in.
	Files int `json:"files"`
	// Seconds are its wall time without the sum of its tests; never negative, though tests
	// of one process may run at once.
	Seconds float64 `json:"seconds"`
}

// processes are the first processes of a shard that ended by themselves and whose tests
// all reported. The times of others say nothing about their start-up.
func (c *Recorder) processes(doc e2e.ShardRun) []Process {
	seconds := make(map[string]float64, len(doc.Tests))
	for i := range doc.Tests {
		t, sum, any := &doc.Tests[i], 0.0, false
		for n := range t.Attempts {
			if a := &t.Attempts[n]; a.Planned() {
				sum, any = sum+a.Seconds, true
			}
		}
		if any {
			seconds[t.ID] += sum
		}
	}
	var list []Process
	for _, u := range doc.Units {
		if u.Attempt != 1 || u.Ended != e2e.EndedExited {
			continue
		}
		p, files, all := Process{Suite: u.Suite, Unit: u.Unit, Seconds: u.Seconds}, map[string]bool{}, true
		for _, id := range u.Tests {
			took, reported := seconds[id]
			all = all && reported
			p.Seconds -= took
			if file := c.test(id).File; file != "" {
				files[file] = true
			}
		}
		if p.Files = len(files); all && p.Files > 0 {
			p.Seconds = max(0, p.Seconds)
			list = append(list, p)
		}
	}
	return list
}

// enoughStarts is the least number of processes for an estimate of a file's start-up.
const enoughStarts = 3

// part is a unit of a suite, or with an empty unit all of the suite's.
type part struct{ suite, unit string }

// begun is one process in one record.
type begun struct {
	Process
	main bool
}

// startups computes what files take beyond their tests, from records, the newest first.
func (s *Stats) startups(records []*Record) {
	all := map[part][]begun{}
	for _, r := range records {
		for _, p := range r.Processes {
			if p.Files < 1 || p.Seconds < 0 || p.Seconds > maxSeconds {
				continue
			}
			for _, key := range []part{{p.Suite, p.Unit}, {p.Suite, ""}} {
				all[key] = append(all[key], begun{p, r.onMain()})
			}
		}
	}
	s.starts = map[part]float64{}
	for key, list := range all {
		main := slices.DeleteFunc(slices.Clone(list), func(b begun) bool { return !b.main })
		if len(main) >= enoughOnMain {
			list = main
		}
		if len(list) >= enoughStarts {
			s.starts[key] = perFile(list[:min(len(list), window)])
		}
	}
}

// perFile is what one more file adds to a process: the median slope between processes with
// different numbers of files (Theil and Sen), and never more than the median share of a
// file. Where all processes have as many files, it is that share.
func perFile(list []begun) float64 {
	var shares, slopes []float64
	for i, a := range list {
		shares = append(shares, a.Seconds/float64(a.Files))
		for _, b := range list[:i] {
			if a.Files != b.Files {
				slopes = append(slopes, (a.Seconds-b.Seconds)/float64(a.Files-b.Files))
			}
		}
	}
	most := median(shares)
	if len(slopes) < enoughStarts {
		return most
	}
	return min(max(0, median(slopes)), most)
}

// Startup is what the tests of one more file take on a shard beyond themselves, in
// seconds, learned from processes of the same unit or else of the same suite; 0 where
// too few are known.
func (s Stats) Startup(suite, unit string) float64 {
	if seconds, ok := s.starts[part{suite, unit}]; ok {
		return seconds
	}
	return s.starts[part{suite, ""}]
}
