package history

import (
	"slices"
	"time"

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
	// First is how many seconds after the process its first test began; 0: not known. It is part of
	// Seconds, unless tests ran at once.
	First float64 `json:"first,omitempty"`
}

// beyond is what the process took in addition to its tests, at least: where tests ran at once, their sum
// hides how long it took to start.
func (p Process) beyond() float64 { return max(p.Seconds, p.First) }

// plausible reports whether the times can be.
func (p Process) plausible() bool {
	can := func(seconds float64) bool { return seconds >= 0 && seconds <= maxSeconds }
	return p.Files >= 1 && can(p.Seconds) && can(p.First)
}

// processes are the first processes of a shard that ended by themselves and whose tests
// all reported. The times of others say nothing about their start-up.
func (c *Recorder) processes(doc e2e.ShardRun) []Process {
	seconds, began := make(map[string]float64, len(doc.Tests)), map[string]time.Time{}
	for i := range doc.Tests {
		t, sum, any := &doc.Tests[i], 0.0, false
		for n := range t.Attempts {
			if a := &t.Attempts[n]; a.Planned() {
				sum, any = sum+a.Seconds, true
				if at := began[t.ID]; !a.Started.IsZero() && (at.IsZero() || a.Started.Before(at)) {
					began[t.ID] = a.Started
				}
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
			p.Seconds, p.First = max(0, p.Seconds), first(doc.Run.Started, u, began)
			list = append(list, p)
		}
	}
	return list
}

// first is when the first test of a process began, in seconds after the process; 0: not known.
func first(run time.Time, u e2e.UnitRun, began map[string]time.Time) float64 {
	var earliest time.Time
	for _, id := range u.Tests {
		at := began[id]
		if at.IsZero() {
			return 0
		}
		if earliest.IsZero() || at.Before(earliest) {
			earliest = at
		}
	}
	seconds := earliest.Sub(run).Seconds() - u.Offset
	if run.IsZero() || seconds < 0 || seconds > u.Seconds { // the clock of the framework is another one
		return 0
	}
	return seconds
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

// cost is what a process takes to start, and each of its files more, in seconds.
type cost struct{ process, file float64 }

// startups computes what processes and files take beyond their tests, from records, the newest first.
func (s *Stats) startups(records []*Record) {
	all := map[part][]begun{}
	for _, r := range records {
		for _, p := range r.Processes {
			if !p.plausible() {
				continue
			}
			for _, key := range []part{{p.Suite, p.Unit}, {p.Suite, ""}} {
				all[key] = append(all[key], begun{p, r.onMain()})
			}
		}
	}
	s.starts = map[part]cost{}
	for key, list := range all {
		main := slices.DeleteFunc(slices.Clone(list), func(b begun) bool { return !b.main })
		if len(main) >= enoughOnMain {
			list = main
		}
		if len(list) >= enoughStarts {
			s.starts[key] = costOf(list[:min(len(list), window)])
		}
	}
}

// costOf tells what a process takes from what its files take. One more file adds the median slope between
// processes with different numbers of files (Theil and Sen), and never more than the median share of a file;
// the process is the rest. Where all processes have as many files, the process is what passes before its first
// test, and the files are the rest; where that is not known either, all of it is the files'.
func costOf(list []begun) cost {
	var shares, slopes, firsts, rests []float64
	for i, a := range list {
		shares = append(shares, a.beyond()/float64(a.Files))
		if a.First > 0 {
			firsts = append(firsts, a.First)
			rests = append(rests, max(0, a.Seconds-a.First)/float64(a.Files))
		}
		for _, b := range list[:i] {
			if a.Files != b.Files {
				slopes = append(slopes, (a.beyond()-b.beyond())/float64(a.Files-b.Files))
			}
		}
	}
	most := median(shares)
	switch {
	case len(slopes) >= enoughStarts:
		c := cost{file: min(max(0, median(slopes)), most)}
		var processes []float64
		for _, a := range list {
			processes = append(processes, max(0, a.beyond()-c.file*float64(a.Files)))
		}
		c.process = median(processes)
		return c
	case len(firsts) >= enoughStarts:
		return cost{median(firsts), median(rests)}
	}
	return cost{file: most}
}

// Startup is what the tests of one more file take on a shard beyond themselves, in
// seconds, learned from processes of the same unit or else of the same suite; 0 where
// too few are known.
func (s Stats) Startup(suite, unit string) float64 { return s.costOf(suite, unit).file }

// Start is what one more process of a suite takes beyond its tests and the start-up of their files, in
// seconds; learned and known as [Stats.Startup].
func (s Stats) Start(suite, unit string) float64 { return s.costOf(suite, unit).process }

func (s Stats) costOf(suite, unit string) cost {
	if c, ok := s.starts[part{suite, unit}]; ok {
		return c
	}
	return s.starts[part{suite, ""}]
}
