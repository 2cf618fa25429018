package history

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/fingerprint"
)

// What a record says in addition to outcomes and seconds: of the run, of its gates, and of
// tests that did not simply pass. The line of a test that passed stays short.

const (
	// maxAttempts, maxGates and maxBadSpans bound what a record holds of a test, a run and
	// a gate.
	maxAttempts = 10
	maxGates    = 50
	maxBadSpans = 10
	// maxReason bounds why a test was skipped, in bytes.
	maxReason = 200
)

// Attempt is one execution of a test.
type Attempt struct {
	Outcome e2e.Outcome `json:"outcome"`
	Seconds float64     `json:"seconds"`
	// Source is why it was made; empty: it was planned.
	Source e2e.AttemptSource `json:"source,omitempty"`
}

// QuarantineState is the state of a test's quarantine.
type QuarantineState string

// The states of a quarantine; empty: there is none.
const (
	Quarantined QuarantineState = "quarantined"
	Expired     QuarantineState = "expired"
)

// Owned are tests with one owner and one criticality.
type Owned struct {
	Owner       string          `json:"owner,omitempty"`
	Criticality e2e.Criticality `json:"criticality,omitempty"`
	// Tests are ranges of positions in the record's tests, from 0: first and last,
	// first and last.
	Tests []int `json:"tests"`
}

// add adds a test. Neighbours have the same owner more often than not: a table of
// ranges takes a fraction of what a name in each line would.
func (r *Record) add(e Entry, test *e2e.Test) {
	at := len(r.Tests)
	r.Tests = append(r.Tests, e)
	if test.Owner == "" && test.Criticality == "" {
		return
	}
	i := slices.IndexFunc(r.Owners, func(o Owned) bool { return o.Owner == test.Owner && o.Criticality == test.Criticality })
	if i < 0 {
		i = len(r.Owners)
		r.Owners = append(r.Owners, Owned{Owner: test.Owner, Criticality: test.Criticality})
	}
	ranges := &r.Owners[i].Tests
	if last := len(*ranges) - 1; last > 0 && (*ranges)[last] == at-1 {
		(*ranges)[last] = at
		return
	}
	*ranges = append(*ranges, at, at)
}

// maxFingerprints is how many tests of a record have one: a shard on which more tests fail has a cause
// of its own.
const maxFingerprints = 1000

// maxExact is how many tests of a record of the default branch have what their failures say exactly: only those runs excuse anything.
const maxExact = 200

// ExactOf is [fingerprint.Exact] of a failed attempt in a run.
func ExactOf(a e2e.Attempt, run string) string {
	const most = 200 // parts that adapters keep of a test
	if len(a.Children) >= most {
		return ""
	}
	var parts []string
	for _, c := range a.Children {
		if c.Outcome == e2e.Failed {
			parts = append(parts, c.Name+"\x00"+c.Message)
		}
	}
	slices.Sort(parts)
	f := failureOf(a, run)
	f.At = startOf(run)
	return fingerprint.Exact(f, parts)
}

// startOf is the time in the id of a run, e2e-<epoch ms>-<uuid>; zero: there is none.
func startOf(run string) time.Time {
	ms, _, _ := strings.Cut(strings.TrimPrefix(run, "e2e-"), "-")
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil || n <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(n)
}

// failureOf is what a failed attempt in a run says.
func failureOf(a e2e.Attempt, run string) fingerprint.Failure {
	return fingerprint.Failure{Type: a.Type, Message: a.Message, Details: a.Details, RunValues: []string{a.Correlation, a.TestCorrelation, a.DataPrefix, run}}
}

// tried adds the attempts at a test that did not simply pass, in this run, and the fingerprint of
// its first failure if that is wanted.
//
// exact: what its failures say exactly is wanted too.
func (e *Entry) tried(attempts []e2e.Attempt, run string, fingerprinted, exact bool) {
	if len(attempts) == 1 && attempts[0].Outcome == e2e.Passed {
		return
	}
	failures := 0
	for _, a := range attempts {
		one := Attempt{Outcome: a.Outcome, Seconds: a.Seconds, Source: a.Source}
		if a.Source == e2e.SourceFirst {
			one.Source = ""
		}
		switch a.Outcome {
		case e2e.Passed:
		case e2e.Failed:
			if exact {
				switch all := ExactOf(a, run); {
				case failures == 0:
					e.Exact = all
				case all != e.Exact:
					e.Exact = ""
				}
				failures++
			}
			if e.Fingerprint == "" && fingerprinted {
				e.Fingerprint = fingerprint.Of(failureOf(a, run))
			}
		case e2e.Skipped:
			e.Reason = cut(cmp.Or(a.Message, e.Reason), maxReason)
		default:
			e.Nothing = Ambiguous
		}
		if len(e.Attempts) < maxAttempts {
			e.Attempts = append(e.Attempts, one)
		}
	}
	if e.Outcome == e2e.Lost && e.Nothing == "" {
		e.Nothing = Lost
	}
	if e.Outcome == e2e.NotRun && e.Nothing == "" {
		e.Nothing = NotRun
	}
	if e.Outcome != e2e.Skipped {
		e.Reason = ""
	}
}

// unreported are the tests of a shard that left no result: those that were kept from
// running, and those that a process was to run and the verdict calls lost.
func (c *Recorder) unreported(doc e2e.ShardRun) []Entry {
	seen, list := make(map[string]bool, len(doc.Tests)), []Entry(nil)
	for i := range doc.Tests {
		seen[doc.Tests[i].ID] = true
	}
	add := func(e Entry) {
		t := c.judged[e.ID]
		if t == nil || t.Outcome != e.Outcome || seen[e.ID] {
			return // it ran elsewhere, or stands for a batch
		}
		seen[e.ID] = true
		e.judgedAs(t)
		list = append(list, e)
	}
	for _, n := range doc.NotRun {
		add(Entry{ID: n.ID, Outcome: e2e.NotRun, Nothing: NotRun, Reason: string(n.Code)})
	}
	for _, u := range doc.Units {
		for _, id := range u.Tests {
			add(Entry{ID: id, Outcome: e2e.Lost, Nothing: Lost})
		}
	}
	return list
}

// cut bounds a text, in bytes, at the end of a character.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && s[most]&0xC0 == 0x80 {
		most--
	}
	return s[:most]
}

// aloneIn are the tests that were the only ones of their first process.
func aloneIn(doc e2e.ShardRun) map[string]bool {
	alone := map[string]bool{}
	for _, u := range doc.Units {
		if u.Attempt == 1 && len(u.Tests) == 1 {
			alone[u.Tests[0]] = true
		}
	}
	if len(alone) == 0 {
		return alone
	}
	others := map[string]bool{} // units that reported unplanned tests
	for i := range doc.Tests {
		if t := doc.Tests[i].Unplanned; t != nil {
			others[t.Unit] = true
		}
	}
	for _, u := range doc.Units {
		if len(u.Tests) == 1 && others[u.Unit] {
			delete(alone, u.Tests[0])
		}
	}
	return alone
}

// GateHealth is what was seen of a gate while the suites ran, and before.
type GateHealth struct {
	Name string `json:"name"`
	// Healthy is the share of probes that found it healthy or degraded, rounded to thousandths;
	// nil: all of them, and at least one.
	Healthy *float64 `json:"healthy,omitempty"`
	// Bad are the longest spans in which it was neither, by time.
	Bad []BadSpan `json:"bad,omitempty"`
}

// BadSpan is a time in which a gate was not healthy.
type BadSpan struct {
	// From and To are in seconds after the start of the run, rounded to tenths.
	From  float64       `json:"from"`
	To    float64       `json:"to"`
	State e2e.GateState `json:"state,omitempty"`
	// Before the suites started.
	Before bool `json:"before,omitempty"`
}

// healthOf sums up the timelines of a shard's gates.
func healthOf(doc e2e.ShardRun, started time.Time) []GateHealth {
	var list []GateHealth
	for _, g := range doc.Gates[:min(len(doc.Gates), maxGates)] {
		h, good, all := GateHealth{Name: g.Name}, 0, 0
		for _, s := range g.Timeline {
			all += s.Probes
			if s.State == e2e.Healthy || s.State == e2e.Degraded {
				good += s.Probes
				continue
			}
			h.Bad = append(h.Bad, BadSpan{tenths(s.From.Sub(started)), tenths(s.To.Sub(started)), s.State, !s.Watch})
		}
		if good < all || all == 0 {
			share := math.Round(float64(good)/float64(max(all, 1))*1000) / 1000
			h.Healthy = &share
		}
		slices.SortStableFunc(h.Bad, func(a, b BadSpan) int { return cmp.Compare(b.To-b.From, a.To-a.From) })
		h.Bad = h.Bad[:min(len(h.Bad), maxBadSpans)]
		slices.SortStableFunc(h.Bad, func(a, b BadSpan) int { return cmp.Compare(a.From, b.From) })
		list = append(list, h)
	}
	return list
}

func tenths(d time.Duration) float64 { return math.Round(d.Seconds()*10) / 10 }
