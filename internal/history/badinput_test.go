package history

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
)

// A record of a run that has not begun would be the newest one for as long. It does not
// count, by itself or in a snapshot, until its time has come.
func TestRecordsOfTheFuture(t *testing.T) {
	today := day0.Add(48 * time.Hour)
	now := today
	store := memory{}
	log := &Log{Store: store, Now: func() time.Time { return now }}
	for n := range foldFrom {
		save(t, store, run(n, "refs/heads/main", e2e.Passed, 1))
	}
	soon, ahead := run(30, "refs/heads/main", e2e.Passed, 1), run(31, "refs/heads/main", e2e.Failed, 1)
	soon.Started = today.Add(23 * time.Hour) // the clock of another machine is not ours
	ahead.Started = today.AddDate(4, 0, 0)
	named := run(32, "refs/heads/main", e2e.Failed, 1)
	named.RunID = fmt.Sprintf("e2e-%d-x", today.AddDate(4, 0, 0).UnixMilli())
	for _, r := range []Record{soon, ahead, named} {
		save(t, store, r)
	}
	store["snapshot-9999999999999-000001-x.jsonl.gz"] = []byte("of no use")
	check := func(wantRuns, wantSkipped int) {
		t.Helper()
		stats, skipped, err := log.Load(t.Context())
		if err != nil || len(skipped) != wantSkipped || len(stats.Rows()) != wantRuns {
			t.Errorf("%v, %d runs, want %d, not read %q", err, len(stats.Rows()), wantRuns, skipped)
		}
		for _, why := range skipped {
			if !strings.Contains(why, "set the clock of the machine that wrote it") {
				t.Errorf("%s: what to do is not said", why)
			}
		}
	}
	check(foldFrom+1, 3)
	check(foldFrom+1, 3) // through the snapshot
	now = today.AddDate(5, 0, 0)
	delete(store, "snapshot-9999999999999-000001-x.jsonl.gz")
	check(foldFrom+3, 0)
	// A gate whose clock was wrong has folded them: they do not count here either.
	for name := range store {
		if IsRecord(name) {
			delete(store, name)
		}
	}
	for n := range foldFrom {
		r := run(n, "refs/heads/main", e2e.Passed, 1)
		r.RunID, r.Started = fmt.Sprint("again-", n), ahead.Started
		save(t, store, r)
	}
	check(2*foldFrom+1, 0) // the two that came too early went with their files
	now = today
	for name := range store {
		if strings.HasPrefix(name, snapshotPrefix) && name > fmt.Sprintf("%s%013d", snapshotPrefix, today.UnixMilli()+86_400_000) {
			store[fmt.Sprintf("%s%013d-999999-y%s", snapshotPrefix, today.UnixMilli(), recordSuffix)] = store[name]
			delete(store, name)
		}
		if IsRecord(name) {
			delete(store, name)
		}
	}
	check(foldFrom+1, 1)
}

// Two repositories in one store: the records of the other do not count, and that is said.
func TestHistoriesOfTwoRepositories(t *testing.T) {
	store := memory{}
	for n := range 2 * foldFrom {
		r := run(n, "refs/heads/main", e2e.Passed, 1)
		r.RunID = fmt.Sprint("run-", n)
		r.Repository = []string{"acme/cases", "acme/other"}[n%2]
		save(t, store, r)
	}
	ours := run(99, "", e2e.Passed, 1) // of a gate that did not write it down, or on a desk
	save(t, store, ours)
	for repository, want := range map[string]struct{ runs, skipped int }{
		"ACME/cases": {foldFrom + 1, foldFrom}, "acme/third": {1, 2 * foldFrom}, "": {2*foldFrom + 1, 0},
	} {
		copied := memory{}
		for name, data := range store {
			copied[name] = data
		}
		log := &Log{Store: copied, Now: later, Repository: repository}
		stats, skipped, err := log.Load(t.Context())
		if err != nil || len(stats.Rows()) != want.runs || len(skipped) != want.skipped {
			t.Errorf("%s: %d runs, not read %d, %v", repository, len(stats.Rows()), len(skipped), err)
		}
		if len(skipped) > 0 && !strings.Contains(skipped[0], "give each repository a store or a prefix of its own") {
			t.Errorf("what to do is not said: %s", skipped[0])
		}
	}
	// The snapshot of a reader that did not know its repository has both.
	log := &Log{Store: store, Now: later}
	if _, _, err := log.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name := range store {
		if IsRecord(name) {
			delete(store, name)
		}
	}
	log.Repository = "acme/cases"
	stats, skipped, err := log.Load(t.Context())
	if err != nil || len(stats.Rows()) != foldFrom+1 || len(skipped) != 1 {
		t.Errorf("%d runs, %q, %v", len(stats.Rows()), skipped, err)
	}
}

// slow is a store that does not answer.
type slow struct {
	memory
	list, heeds bool
	end         chan struct{}
}

func (s slow) wait(ctx context.Context) error {
	if !s.heeds {
		<-s.end
		return nil
	}
	select {
	case <-s.end:
	case <-ctx.Done():
	}
	return ctx.Err()
}

func (s slow) List(ctx context.Context) ([]Object, error) {
	if s.list {
		if err := s.wait(ctx); err != nil {
			return nil, err
		}
	}
	return s.memory.List(ctx)
}

func (s slow) Get(ctx context.Context, name string) ([]byte, error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	return s.memory.Get(ctx, name)
}

func TestStoreThatDoesNotAnswer(t *testing.T) {
	records := memory{}
	for n := range 20 {
		save(t, records, run(n, "", e2e.Passed, 1))
	}
	for _, list := range []bool{true, false} {
		for _, heeds := range []bool{true, false} {
			end := make(chan struct{})
			log := &Log{Store: slow{records, list, heeds, end}, Timeout: time.Millisecond, Now: later}
			stats, _, err := log.Load(t.Context())
			if err == nil || !strings.Contains(err.Error(), "did not answer within 1ms") || len(stats.Rows()) > 0 {
				t.Errorf("%v %+v", err, stats.Rows())
			}
			close(end)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	end := make(chan struct{})
	defer close(end)
	if _, _, err := (&Log{Store: slow{records, true, false, end}}).Load(ctx); err == nil || strings.Contains(err.Error(), "did not answer") {
		t.Error(err)
	}
}

// What a slow store handed over in time counts: the newest runs, and they are in the
// snapshot for the next reader.
func TestStoreThatIsTooSlow(t *testing.T) {
	for _, heeds := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			records := memory{}
			for n := range 2 * foldFrom {
				r := run(0, "", e2e.Passed, 1)
				r.RunID, r.Started = fmt.Sprintf("e2e-%013d-x", n), day0.Add(time.Duration(n)*time.Hour)
				save(t, records, r)
			}
			end := make(chan struct{})
			store := &stalls{slow: slow{records, false, heeds, end}, after: foldFrom + 2*readers}
			stats, skipped, err := (&Log{Store: store, Now: later}).Load(t.Context())
			rows := stats.Rows()
			if err != nil || len(skipped) != 1 || !strings.Contains(skipped[0], "the store was too slow to hand over this one and ") {
				t.Errorf("%v %q", err, skipped)
			}
			// Several are asked for at once, so one of the last that were answered may wait for another.
			if len(rows) < foldFrom || len(rows) > foldFrom+2*readers || rows[0].Run != fmt.Sprintf("e2e-%013d-x", 2*foldFrom-1) {
				t.Errorf("%d runs", len(rows))
			}
			close(end)
			synctest.Wait()
			if _, skipped, err = (&Log{Store: records, Now: later}).Load(t.Context()); err != nil || len(skipped) > 0 {
				t.Error(err, skipped)
			}
			if !slices.ContainsFunc(slices.Collect(maps.Keys(records)), func(name string) bool { return strings.HasPrefix(name, snapshotPrefix) }) {
				t.Error("there is no snapshot")
			}
		})
	}
}

// stalls is a store that answers a few times.
type stalls struct {
	slow
	after int64
	asked atomic.Int64
	mu    sync.Mutex
}

func (s *stalls) Put(ctx context.Context, name string, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.memory.Put(ctx, name, data)
}

func (s *stalls) Get(ctx context.Context, name string) ([]byte, error) {
	if s.asked.Add(1) > s.after {
		if err := s.wait(ctx); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.memory.Get(ctx, name)
}

// Numbers that cannot be change no statistic, and no reader ends because of them.
func TestNumbersThatCannotBe(t *testing.T) {
	good := func(n int) Record {
		r := run(n, "refs/heads/main", e2e.Passed, 2)
		r.Overhead, r.Processes = 3, []Process{{"s", "u", 2, 1, 0.5}}
		return r
	}
	store := memory{}
	for n := range 6 {
		save(t, store, good(n))
	}
	facts := func() []any {
		t.Helper()
		stats, skipped, err := (&Log{Store: store, Now: later}).Load(t.Context())
		if err != nil || len(skipped) > 0 {
			t.Fatal(err, skipped)
		}
		overhead, _ := stats.Overhead()
		seconds, _ := stats.Estimate("t")
		return []any{overhead, stats.Startup("s", "u"), stats.Start("s", "u"), stats.Whole("s"), seconds, stats.High("t")}
	}
	want := facts()
	for i, change := range []func(*Record){
		func(r *Record) { r.Overhead = -1e300 }, func(r *Record) { r.Overhead = 1e300 }, func(r *Record) { r.Processes[0].Seconds = -1e300 },
		func(r *Record) { r.Processes[0].Seconds = math.MaxFloat64 }, func(r *Record) { r.Processes[0].Files = -7 },
		func(r *Record) { r.Processes[0].First = -1 }, func(r *Record) { r.Processes[0].First = 1e300 },
		func(r *Record) { r.Processes[0].Files = math.MinInt64 }, func(r *Record) { r.Attempt, r.Shard, r.Shards = -1, math.MinInt64, -5 },
		func(r *Record) { r.Owners = []Owned{{Tests: []int{-1, math.MaxInt64, 3}}} },
	} {
		r := good(7 + i)
		r.Tests[0].Seconds = 2
		change(&r)
		save(t, store, r)
	}
	for _, seconds := range []float64{math.MaxFloat64, maxSeconds + 1} {
		r := run(20, "refs/heads/main", e2e.Passed, seconds)
		r.RunID = fmt.Sprint(seconds)
		save(t, store, r)
	}
	if diff := cmp.Diff(want, facts()); diff != "" {
		t.Error(diff)
	}
	for _, seconds := range []float64{math.NaN(), math.Inf(1)} {
		if _, err := encode(run(0, "", e2e.Passed, seconds)); err == nil {
			t.Errorf("%v seconds are written", seconds)
		}
	}
	for _, text := range []string{"NaN", "1e999", "-Infinity"} {
		data := heavy(t, 200, func(int) string { return `{"id":"t","outcome":"passed","seconds":` + text + `}` })
		if _, err := decode(data); err == nil {
			t.Errorf("%s is a number", text)
		}
	}
}

// A gate of before reads records and snapshots of this one, as this one reads its.
func TestGatesOfTwoVersionsInOneStore(t *testing.T) {
	type entryBefore struct {
		ID      string      `json:"id"`
		Suite   string      `json:"suite,omitempty"`
		File    string      `json:"file,omitempty"`
		Outcome e2e.Outcome `json:"outcome"`
		Seconds float64     `json:"seconds"`
		Nothing string      `json:"nothing,omitempty"`
	}
	r := run(0, "refs/heads/main", e2e.Failed, 1)
	share := 0.5
	r.Repository, r.Base, r.Policy, r.Variant, r.Shards = "acme/cases", "b", "p", "linux/amd64", 4
	r.Gates = []GateHealth{{Name: "api", Healthy: &share, Bad: []BadSpan{{1, 2, e2e.Unhealthy, true}}}, {Name: "db"}}
	r.Owners, r.Deselected = []Owned{{Owner: "a", Tests: []int{0, 0}}}, []e2e.Deselected{{Suite: "s", Why: "select", Count: 1, Tests: []string{"x"}}}
	r.Tests = append(r.Tests, Entry{
		ID: "u", Outcome: e2e.Failed, Nothing: Ambiguous, Attempts: []Attempt{{Outcome: e2e.Failed}}, Fingerprint: "f1:0", Reason: "r",
		Quarantine: Expired, Alone: true,
	})
	data, err := encode(r)
	if err != nil {
		t.Fatal(err)
	}
	var tests []entryBefore
	err = unpack(data, func(line []byte) error {
		var head struct {
			Schema  string    `json:"schema"`
			RunID   string    `json:"run_id"`
			Shard   int       `json:"shard"`
			Started time.Time `json:"started"`
		}
		if err := json.Unmarshal(line, &head); err != nil || head.Schema != "e2e-gate/history/v1" || head.RunID != r.RunID || !head.Started.Equal(r.Started) {
			t.Errorf("%v %+v", err, head)
		}
		return nil
	}, func(line []byte) error {
		var e entryBefore
		err := json.Unmarshal(line, &e)
		tests = append(tests, e)
		return err
	})
	want := []entryBefore{{"t", "s", "f", e2e.Failed, 1, ""}, {ID: "u", Outcome: e2e.Failed, Nothing: "ambiguous"}, {}} // one without an id, which it ignores
	if diff := cmp.Diff(want, tests); err != nil || diff != "" {
		t.Error(err, diff)
	}
	// What that gate wrote: no field of this one, and twenty samples at most.
	old := heavy(t, 1, nil)
	if got, err := decode(old); err != nil || got.Variant != "" || got.Nothing != "" {
		t.Errorf("%v %+v", err, got)
	}
	snapshot, err := pack(1, func(write func(any) error) error {
		err := write(map[string]any{"schema": SnapshotSchema, "names": []string{"x"}, "records": []any{map[string]any{"schema": Schema, "run_id": "e2e-1-x"}}})
		if err == nil {
			err = write(map[string]any{"id": "t", "suite": "s", "samples": [][]any{{0, "passed", 1.5}, {0, "failed", 2, true}}})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := decodeSnapshot(snapshot, anyRecord)
	if err != nil || len(f.tests["t"].samples) != 2 || !slices.ContainsFunc(f.tests["t"].samples, func(x sample) bool { return x.silent }) {
		t.Errorf("%v %+v", err, f)
	}
}
