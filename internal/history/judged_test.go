package history

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
)

// A record says how critical its tests were, and so does a snapshot that it is folded into.
func TestCriticalityOfAJudgedRun(t *testing.T) {
	r := Record{Schema: Schema, RunID: "e2e-1-x", Subject: e2e.Subject{SHA: "abc"}, Stage: "pr", Started: time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC),
		Verdict: e2e.VerdictPassed}
	for id, c := range map[string]e2e.Criticality{"smoke": e2e.ReleaseBlockingSmoke, "blocking": e2e.ReleaseBlocking, "nightly": e2e.Nightly, "none": ""} {
		r.add(Entry{ID: id, Suite: "s", Outcome: e2e.Passed, Seconds: 1}, &e2e.Test{ID: id, Criticality: c})
	}
	want := map[string]e2e.Criticality{"smoke": e2e.ReleaseBlockingSmoke, "blocking": e2e.ReleaseBlocking, "nightly": e2e.NonBlocking, "none": ""}
	data, err := encode(r)
	if err != nil {
		t.Fatal(err)
	}
	u, err := decodeEntries(data)
	if err != nil {
		t.Fatal(err)
	}
	read := newFold()
	read.addEntries("one", u)
	u.free()
	snap, err := encodeSnapshot(read, []string{"one"}, samples, fine)
	if err != nil {
		t.Fatal(err)
	}
	folded, err := decodeSnapshot(snap, func(*Record) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	for name, stats := range map[string]Stats{"folded": Fold([]Record{r}), "read": read.stats(), "of a snapshot": folded.stats()} {
		run, _ := stats.LastJudged("pr", "", []string{"abc"})
		got := map[string]e2e.Criticality{}
		for id, one := range run.Tests {
			got[id] = one.Criticality
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	r.Owners = []Owned{{Criticality: e2e.Nightly, Tests: []int{-5, 1 << 40, 7}}, {Tests: []int{3, 1}}}
	if run, _ := Fold([]Record{r}).LastJudged("pr", "", []string{"abc"}); run.Tests["smoke"].Criticality != e2e.NonBlocking {
		t.Errorf("ranges that cannot be: %+v", run)
	}
}

func TestLastJudged(t *testing.T) {
	start := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
	record := func(run, sha, stage string, hour int, edit func(r *Record), tests ...Entry) Record {
		r := Record{RunID: run, Subject: e2e.Subject{SHA: sha}, Stage: stage, Started: start.Add(time.Duration(hour) * time.Hour), Verdict: e2e.VerdictPassed,
			Tests: tests}
		r.Variant = "linux/amd64"
		if edit != nil {
			edit(&r)
		}
		return r
	}
	pass := func(id string) Entry { return Entry{ID: id, Suite: "s", Outcome: e2e.Passed} }
	fail := func(id string) Entry { return Entry{ID: id, Suite: "s", Outcome: e2e.Failed} }
	stats := Fold([]Record{
		record("1", "old", "pr", 0, nil, pass("s/a"), pass("s/b")),
		record("2", "new", "pr", 1, nil, pass("s/a"), fail("s/b")),
		record("3", "new", "pr", 2, func(r *Record) { r.Shard = 0 }, pass("s/a")),
		record("3", "new", "pr", 2, func(r *Record) { r.Shard = 1 }, Entry{ID: "s/c", Suite: "s", Outcome: e2e.Flaky},
			Entry{ID: "s/d", Suite: "s", Outcome: e2e.Passed, Nothing: Untrusted}),
		record("4", "new", "pr", 3, func(r *Record) { r.Verdict, r.Nothing = e2e.VerdictNotJudged, NotJudged }, pass("s/x")),
		record("4b", "new", "pr", 3, func(r *Record) { r.Verdict, r.Nothing = e2e.VerdictFailed, BadEnvironment }, pass("s/x")),
		record("5", "new", "pr", 4, func(r *Record) { r.Verdict = "" }, pass("s/x")),
		record("6", "new", "nightly", 5, nil, pass("s/n")),
		record("7", "new", "pr", 6, func(r *Record) { r.Variant = "windows/amd64" }, pass("s/w")),
		record("8", "elsewhere", "pr", 7, nil, pass("s/x")),
	})
	for _, tc := range []struct {
		stage, variant string
		commits        []string
		want           Judged
		found          bool
	}{
		{"pr", "linux/amd64", []string{"unknown", "new", "old"}, Judged{"3", "new", map[string]JudgedTest{"s/a": {"s", true, ""}, "s/c": {"s", true, ""},
			"s/d": {"s", false, ""}}}, true},
		{"pr", "linux/amd64", []string{"old", "new"}, Judged{"1", "old", map[string]JudgedTest{"s/a": {"s", true, ""}, "s/b": {"s", true, ""}}}, true},
		{"pr", "windows/amd64", []string{"old", "new"}, Judged{"7", "new", map[string]JudgedTest{"s/w": {"s", true, ""}}}, true},
		{"pr", "darwin/arm64", []string{"old"}, Judged{"1", "old", map[string]JudgedTest{"s/a": {"s", true, ""}, "s/b": {"s", true, ""}}}, true},
		{"nightly", "", []string{"new"}, Judged{"6", "new", map[string]JudgedTest{"s/n": {"s", true, ""}}}, true},
		{"pr", "linux/amd64", []string{"unknown"}, Judged{}, false},
		{"main", "linux/amd64", []string{"new", "old"}, Judged{}, false},
		{"pr", "linux/amd64", nil, Judged{}, false},
	} {
		got, found := stats.LastJudged(tc.stage, tc.variant, tc.commits)
		if diff := cmp.Diff(tc.want, got); diff != "" || found != tc.found {
			t.Errorf("%s %s %v: %v\n%s", tc.stage, tc.variant, tc.commits, found, diff)
		}
	}
}

// Several shards on one machine are taken again where the last run that tried them passed.
func TestRanBeside(t *testing.T) {
	record := func(run string, hour int, edit func(r *Record), outcome e2e.Outcome) Record {
		r := Record{RunID: run, Stage: "pr", Variant: "linux/amd64", OneMachine: true, Shards: 2, Verdict: e2e.VerdictPassed,
			Started: time.Date(2026, 11, 2, hour, 0, 0, 0, time.UTC), Tests: []Entry{{ID: "s::a", Suite: "s", Outcome: outcome}}}
		if edit != nil {
			edit(&r)
		}
		return r
	}
	for name, tc := range map[string]struct {
		records []Record
		want    bool
	}{
		"nothing":          {nil, false},
		"it passed":        {[]Record{record("a", 1, nil, e2e.Passed)}, true},
		"a matrix":         {[]Record{record("a", 1, func(r *Record) { r.OneMachine = false }, e2e.Passed)}, false},
		"another stage":    {[]Record{record("a", 1, func(r *Record) { r.Stage = "main" }, e2e.Passed)}, false},
		"another system":   {[]Record{record("a", 1, func(r *Record) { r.Variant = "darwin/arm64" }, e2e.Passed)}, false},
		"a flake":          {[]Record{record("a", 1, nil, e2e.Flaky)}, false},
		"it failed":        {[]Record{record("a", 1, func(r *Record) { r.Verdict = e2e.VerdictFailed }, e2e.Failed)}, false},
		"it failed lately": {[]Record{record("a", 1, nil, e2e.Passed), record("b", 2, func(r *Record) { r.Verdict = e2e.VerdictFailed }, e2e.Failed)}, false},
		"it passed lately": {[]Record{record("a", 2, nil, e2e.Passed), record("b", 1, nil, e2e.Flaky)}, true},
		"not judged since": {[]Record{record("a", 1, nil, e2e.Passed), record("b", 2, func(r *Record) { r.Verdict = e2e.VerdictNotJudged }, e2e.Failed)}, true},
	} {
		if got := Fold(tc.records).RanBeside("pr", "linux/amd64"); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
