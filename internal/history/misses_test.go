package history

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

func TestAffectedMisses(t *testing.T) {
	began := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	record := func(n int, misses *Misses) Record {
		return Record{Schema: Schema, RunID: fmt.Sprintf("run-%03d", n), Attempt: 1, Started: began.Add(time.Duration(n) * time.Hour), Main: true,
			Subject: e2e.Subject{SHA: strings.Repeat("a", 40)}, Verdict: e2e.VerdictFailed, Misses: misses, Tests: []Entry{{ID: "s::a", Outcome: e2e.Passed}}}
	}
	var records []Record
	for n := range 80 {
		r := record(n, &Misses{})
		switch n % 10 {
		case 5:
			r.Misses = &Misses{Count: 1, Tests: []string{"s::a"}}
		case 6: // it does not show it
			r.Misses = nil
		case 7:
			r.Misses, r.Nothing = &Misses{Count: 3}, NotJudged
		}
		records = append(records, r)
	}
	again := record(75, &Misses{}) // a second attempt, in which it passed
	again.Attempt, again.Started = 2, again.Started.Add(time.Minute)
	records = append(records, again)
	rate, runs := Fold(records).AffectedMisses()
	if rate.Runs != 50 || rate.Count != 5 || len(runs) != 5 || runs[0].Run != "run-065" || runs[0].Tests[0] != "s::a" || runs[0].Count != 1 {
		t.Errorf("%+v %+v", rate, runs)
	}
	if rate, runs := Fold(nil).AffectedMisses(); rate.Runs != 0 || runs != nil {
		t.Errorf("%+v %+v", rate, runs)
	}
}

// What a record says that others may have written is bounded, and so is what a result makes of it.
func TestMissesAreBounded(t *testing.T) {
	r := e2e.Result{}
	for i := range 50 {
		r.Tests = append(r.Tests, e2e.TestResult{Test: e2e.Test{ID: fmt.Sprintf("s::%d", i)}, Missed: i%2 == 0})
	}
	r.Tests[0].ID = strings.Repeat("x", longestMiss+1)
	if m := MissesOf(r); m.Count != 25 || len(m.Tests) != maxMisses || m.Tests[0] != "s::2" {
		t.Errorf("%d %v", m.Count, m.Tests)
	}
	many := Record{Misses: &Misses{Count: -1, Tests: make([]string, 1000)}}
	many.Misses.Tests[3] = strings.Repeat("x", 1<<20)
	if m := many.kept().Misses; m.Count != 0 || len(m.Tests) != maxMisses || m.Tests[3] != "" {
		t.Errorf("%d %d", m.Count, len(m.Tests))
	}
}

func TestPassedLast(t *testing.T) {
	began := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	var records []Record
	for n, one := range []struct {
		main    bool
		outcome e2e.Outcome
		nothing Silence
	}{{true, e2e.Passed, ""}, {false, e2e.Failed, ""}, {true, e2e.Failed, NotJudged}, {true, e2e.Skipped, ""}, {true, e2e.Failed, ""}, {true, e2e.Flaky, ""}} {
		records = append(records, Record{Schema: Schema, RunID: fmt.Sprint(n), Started: began.Add(time.Duration(n) * time.Hour), Main: one.main, Nothing: one.nothing,
			Subject: e2e.Subject{SHA: fmt.Sprint("sha-", n)}, Tests: []Entry{{ID: "a", Outcome: one.outcome}}})
	}
	for n, want := range []string{"", "sha-0", "sha-0", "sha-0", "sha-0", "", ""} {
		commit, ok := Fold(records[:n]).PassedLast("a", "")
		if !ok {
			commit = ""
		}
		if commit != want {
			t.Errorf("after %d runs: %q, want %q", n, commit, want)
		}
	}
	if _, ok := Fold(records[:1]).PassedLast("a", "0"); ok {
		t.Error("the run itself counts")
	}
}

func TestBeyondIsBounded(t *testing.T) {
	r := e2e.Result{}
	for i := range 50 {
		r.Tests = append(r.Tests, e2e.TestResult{Test: e2e.Test{ID: fmt.Sprintf("s::%d", i), Suite: "s"}, Beyond: []string{fmt.Sprint("service-", i/2)}})
	}
	r.Tests[0].Beyond = []string{strings.Repeat("x", longestBeyond)}
	if list := BeyondOf(r); len(list) != maxBeyond || list[0] != (Beyond{"s", "service-0", "s::1"}) || list[1].Test != "s::2" {
		t.Errorf("%d %+v", len(list), list[:2])
	}
	many := Record{Beyond: make([]Beyond, 1000)}
	many.Beyond[3].Test = strings.Repeat("x", 1<<20)
	if list := many.kept().Beyond; len(list) != maxBeyond-1 {
		t.Errorf("%d", len(list))
	}
}
