package runner

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite"
)

// machine plays shards without processes: each runs what it pulls for as long as it
// takes in truth, not as estimated.
type machine struct {
	t      *testing.T
	q      *Queue
	shards []*Shard
	takes  map[string]float64
	busy   map[*Shard]*job
	until  map[*Shard]float64
	ran    []string
	jobs   int
	// startup is what each process takes in addition to its tests.
	startup float64
}

func newMachine(t *testing.T, rnd *rand.Rand, pull Pull) *machine {
	m := &machine{t: t, takes: map[string]float64{}, busy: map[*Shard]*job{}, until: map[*Shard]float64{}}
	r := New(Config{Pull: pull, Seconds: map[string]float64{}, StartSeconds: rnd.Float64()})
	tests := map[string]e2e.Test{}
	plans := make([]e2e.PlanShard, 1+rnd.IntN(6))
	for i := range rnd.IntN(60) {
		x := e2e.Test{ID: fmt.Sprintf("s::%d", i), Unit: fmt.Sprintf("u%d", rnd.IntN(12)), File: fmt.Sprintf("f%d", rnd.IntN(20))}
		if rnd.IntN(4) == 0 {
			x.Locks = []string{fmt.Sprintf("lock %d", rnd.IntN(3))}
		}
		tests[x.ID] = x
		r.cfg.Seconds[x.ID] = rnd.ExpFloat64()
		m.takes[x.ID] = rnd.ExpFloat64() // estimates may be as wrong as that
		at := rnd.IntN(len(plans))
		plans[at].Tests = append(plans[at].Tests, x.ID)
	}
	for i, p := range plans {
		p.Index = i
		m.shards = append(m.shards, r.Shard(p, tests))
	}
	m.q = r.Queue(m.shards, false)
	return m
}

// start gives work to shards that have none, and checks that no shard idles while there
// is work.
func (m *machine) start(now float64) {
	for range 2 { // at the very start, no shard steals before all have begun
		m.pull(now)
	}
	for _, s := range m.shards {
		for _, j := range m.q.jobs {
			free := !slices.ContainsFunc(j.locks, func(l string) bool { return m.q.held[l] != nil })
			if m.busy[s] == nil && free && (j.shard == s || m.q.pull != PullOff) {
				m.t.Errorf("shard %d idles beside a unit that could run", s.plan.Index)
			}
		}
	}
}

func (m *machine) pull(now float64) {
	for _, s := range m.shards {
		if m.busy[s] != nil {
			continue
		}
		j, _ := m.q.pick(s, false)
		if j == nil {
			continue
		}
		for other, o := range m.busy {
			if o != nil && slices.ContainsFunc(j.locks, func(l string) bool { return slices.Contains(o.locks, l) }) {
				m.t.Errorf("shards %d and %d hold one lock", s.plan.Index, other.plan.Index)
			}
		}
		m.busy[s], m.until[s] = j, now+m.startup
		m.jobs++
		for _, x := range j.tests {
			m.until[s] += m.takes[x.ID]
			m.ran = append(m.ran, x.ID)
		}
	}
}

// play runs all, and returns how long it took.
func (m *machine) play() float64 {
	now := 0.0
	for {
		m.start(now)
		var first *Shard
		for _, s := range m.shards {
			if m.busy[s] != nil && (first == nil || m.until[s] < m.until[first]) {
				first = s
			}
		}
		if first == nil {
			return now
		}
		now = m.until[first]
		m.q.done(m.busy[first])
		m.busy[first] = nil
	}
}

// Each test runs exactly once, under its locks, and no shard idles beside work it could
// do, however wrong the estimates are.
func TestQueue(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	for range 400 {
		pull := []Pull{PullUnits, PullBatches, PullOff}[rnd.IntN(3)]
		m := newMachine(t, rnd, pull)
		m.play()
		if len(m.q.jobs) > 0 || len(m.q.held) > 0 || len(m.ran) != len(m.takes) {
			t.Fatalf("%s: %d units wait and %d locks are held at the end; %d of %d tests ran", pull, len(m.q.jobs), len(m.q.held), len(m.ran), len(m.takes))
		}
		slices.Sort(m.ran)
		if len(slices.Compact(m.ran)) != len(m.takes) {
			t.Fatalf("%s: a test ran twice", pull)
		}
	}
}

// Parts of a suite that runs as one process can be stolen in batches, which get
// smaller. A file's tests stay in one batch, and no batch is too small to be worth a
// start.
func TestBatches(t *testing.T) {
	r := New(Config{Pull: PullBatches, Seconds: map[string]float64{}, StartSeconds: 1})
	tests, plans := map[string]e2e.Test{}, []e2e.PlanShard{{Index: 0}, {Index: 1}}
	for i := range 200 {
		x := e2e.Test{ID: fmt.Sprintf("s::%d", i), Unit: "s", File: fmt.Sprintf("f%d", i/2)}
		tests[x.ID], r.cfg.Seconds[x.ID] = x, 1
		plans[i/100].Tests = append(plans[i/100].Tests, x.ID)
	}
	a, b := r.Shard(plans[0], tests), r.Shard(plans[1], tests)
	q := r.Queue([]*Shard{a, b}, false)
	q.begun[b] = true
	var sizes []int
	for j, _ := q.pick(a, false); j != nil; j, _ = q.pick(a, false) {
		sizes = append(sizes, len(j.tests))
		q.done(j)
	}
	if want := []int{50, 38, 12, 26, 20, 14, 10, 10, 10, 10}; !slices.Equal(sizes, want) {
		t.Errorf("batches of %v tests, want %v", sizes, want)
	}
}

// One shard alone has no other that could steal: it starts each process once.
func TestNoBatchesForOneShard(t *testing.T) {
	r := New(Config{Pull: PullBatches, Seconds: map[string]float64{"a": 60, "b": 60}})
	tests := map[string]e2e.Test{"a": {ID: "a", Unit: "s", File: "f"}, "b": {ID: "b", Unit: "s", File: "g"}}
	s := r.Shard(e2e.PlanShard{Tests: []string{"a", "b"}}, tests)
	if j, _ := r.Queue([]*Shard{s}, false).pick(s, false); len(j.tests) != 2 {
		t.Errorf("%+v", j)
	}
}

// pair is two shards of which the first has two units and the second none.
func pair(t *testing.T, text string) (*rig, []*Shard) {
	s, tests := script(t, text, "a", "b")
	tests[0].Unit, tests[1].Unit = "first", "second"
	r := newRig(t, s, tests)
	return r, []*Shard{r.shard, r.runner.Shard(e2e.PlanShard{Index: 0, Name: "zero"}, r.shard.tests)}
}

func work(ctx context.Context, q *Queue, shards ...*Shard) {
	var group sync.WaitGroup
	for _, s := range shards {
		group.Go(func() { s.Work(ctx, q) })
	}
	group.Wait()
}

// The first unit ends only after the second has run, so the second must be stolen.
func TestIdleShardTakesOver(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	r, shards := pair(t, `case $1 in a) read x < `+pipe+`;; b) echo > `+pipe+`;; esac; `+passes)
	if err := exec.CommandContext(t.Context(), "mkfifo", pipe).Run(); err != nil {
		t.Fatal(err)
	}
	work(t.Context(), r.runner.Queue(shards, false), shards...)
	docs := []e2e.ShardRun{shards[0].Document(nil, true), shards[1].Document(nil, true)}
	for i, id := range []string{"s::a", "s::b"} {
		if outcome(docs[i], id) != e2e.Passed || len(docs[i].Units) != 1 || docs[i].Units[0].TakenOver != (i == 1) || !slices.Equal(shards[i].Took(), []string{id}) {
			t.Errorf("%s: %+v, took %v", id, docs[i].Units, shards[i].Took())
		}
	}
}

// A shard that cannot or may not run the units of others must not cost their tests.
func TestUnableShardTakesNothingOver(t *testing.T) {
	for name, spoil := range map[string]func(*Shard){
		"a unit could not start":         func(s *Shard) { s.unable = true },
		"the suite's time is used up":    func(s *Shard) { s.spent["s"] = time.Minute },
		"everybody runs what is planned": func(s *Shard) { s.r.cfg.Pull = PullOff },
	} {
		r, shards := pair(t, passes)
		r.runner.cfg.Suites["s"] = Suite{suite.Spec{Name: "s", Timeout: time.Minute}, nil}
		spoil(shards[1])
		q := r.runner.Queue(shards, false)
		if j, more := q.pick(shards[1], false); j != nil || more {
			t.Errorf("%s, and it takes %+v (more: %t)", name, j, more)
		}
		if j, _ := q.pick(shards[0], false); j == nil {
			t.Errorf("%s: the other shard has lost its own", name)
		}
	}
}

// A shard that waits for a lock ends with the run, and records what it could not start.
func TestCancelWhileWaitingForALock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Config{})
		tests := map[string]e2e.Test{"a": {ID: "a", Unit: "a", Locks: []string{"db"}}, "b": {ID: "b", Unit: "b", Locks: []string{"db"}}}
		first, second := r.Shard(e2e.PlanShard{Tests: []string{"a"}}, tests), r.Shard(e2e.PlanShard{Index: 1, Tests: []string{"b"}}, tests)
		q := r.Queue([]*Shard{first, second}, false)
		if j, _ := q.pick(first, false); j == nil || q.held["db"] == nil {
			t.Fatal("the first unit does not start")
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan struct{})
		go func() { second.Work(ctx, q); close(ended) }()
		synctest.Wait()
		cancel(ErrCancelled)
		<-ended
		if doc := second.Document(nil, false); len(doc.NotRun) != 1 || doc.NotRun[0].Code != e2e.CodeCancelled {
			t.Errorf("%+v", doc.NotRun)
		}
	})
}

// BenchmarkPull shows how long a stage takes against its bound when durations differ from
// their estimates: 4 shards, 40 files of one suite and of eight.
func BenchmarkPull(b *testing.B) {
	for _, suites := range []int{1, 8} {
		for _, pull := range []Pull{PullOff, PullUnits, PullBatches} {
			b.Run(fmt.Sprintf("suites=%d/%s", suites, pull), func(b *testing.B) {
				rnd := rand.New(rand.NewPCG(1, 1))
				var took, bound, started float64
				for b.Loop() {
					m := &machine{t: &testing.T{}, takes: map[string]float64{}, busy: map[*Shard]*job{}, until: map[*Shard]float64{}}
					least := m.stage(rnd, pull, 4, 40, suites)
					took, bound, started = took+m.play(), bound+least, started+float64(m.jobs)
				}
				b.ReportMetric(took/bound, "makespan/bound")
				b.ReportMetric(started/float64(b.N), "processes")
			})
		}
	}
}

// stage fills a machine with files of 5 to 60 s that take 0.5 to 2 times their estimate,
// planned evenly by the estimates, and returns the least that the stage can take. A start
// costs 2 s.
func (m *machine) stage(rnd *rand.Rand, pull Pull, shards, files, suites int) float64 {
	const start = 2
	r := New(Config{Pull: pull, Seconds: map[string]float64{}, StartSeconds: start})
	tests, plans, load := map[string]e2e.Test{}, make([]e2e.PlanShard, shards), make([]float64, shards)
	sum, longest := 0.0, 0.0
	for i := range files {
		x := e2e.Test{ID: strconv.Itoa(i), Unit: fmt.Sprintf("s%d", i%suites), File: strconv.Itoa(i)}
		tests[x.ID] = x
		r.cfg.Seconds[x.ID] = 5 + 55*rnd.Float64()
		m.takes[x.ID] = r.cfg.Seconds[x.ID] * math.Exp2(2*rnd.Float64()-1)
		sum, longest = sum+m.takes[x.ID], max(longest, m.takes[x.ID])
		at := 0
		for k := range load {
			if load[k] < load[at] {
				at = k
			}
		}
		load[at] += r.cfg.Seconds[x.ID]
		plans[at].Index, plans[at].Tests = at, append(plans[at].Tests, x.ID)
	}
	for _, p := range plans {
		m.shards = append(m.shards, r.Shard(p, tests))
	}
	m.q, m.startup = r.Queue(m.shards, false), start
	return max(sum/float64(shards), longest) + start
}

// The queue never cuts a file or a group, whichever of its tests comes first.
func TestUncut(t *testing.T) {
	file := func(id, file string) e2e.Test { return e2e.Test{ID: id, File: file} }
	group := func(id, file, group string) e2e.Test { return e2e.Test{ID: id, File: file, Group: group} }
	for _, tc := range []struct {
		name  string
		tests []e2e.Test
		want  string
	}{
		{"files", []e2e.Test{file("a", "x"), file("b", "y"), file("c", "x")}, "a c|b"},
		{"alone without a file", []e2e.Test{file("a", ""), file("b", "")}, "a|b"},
		{"a group without a file", []e2e.Test{group("a", "", "g"), file("b", ""), group("c", "", "g")}, "a c|b"},
		{"a group in two files", []e2e.Test{file("a", "x"), file("b", "y"), group("c", "y", "g"), group("d", "x", "g"), file("e", "y")}, "a b c d e"},
		{"a file that is kept", []e2e.Test{{ID: "a", File: "x", Keep: "k"}, file("b", "y"), {ID: "c", File: "z", Keep: "k"}}, "a c|b"},
	} {
		var lists []string
		for _, list := range uncut(tc.tests) {
			lists = append(lists, strings.Join(ids(list), " "))
		}
		if got := strings.Join(lists, "|"); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

// Where the plan counts what runs first, that counts: a group with one smoke test is smoke.
func TestPlannedSmoke(t *testing.T) {
	tests := map[string]e2e.Test{"a": {ID: "a", Tags: []string{"smoke"}}, "b": {ID: "b", Group: "g"}, "c": {ID: "c"}}
	for _, tc := range []struct {
		smoke       int
		first, rest string
	}{{2, "a b", "c"}, {0, "a", "b c"}, {9, "a", "b c"}} {
		s := New(Config{}).Shard(e2e.PlanShard{Tests: []string{"a", "b", "c"}, Smoke: tc.smoke}, tests)
		if first, rest := strings.Join(s.planned(true), " "), strings.Join(s.planned(false), " "); first != tc.first || rest != tc.rest {
			t.Errorf("%d: %s, then %s", tc.smoke, first, rest)
		}
	}
}

// A unit that waits for something is passed over until that is over, and a shard with nothing else to do says so and waits.
func TestUnitsThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		waits := "gate pay"
		var said []string
		r := New(Config{Seconds: map[string]float64{"pay::a": 9}, Progress: func(e e2e.Event) {
			if e.Kind == e2e.ShardWaits {
				said = append(said, e.Text)
			}
		}, Waits: func(tests []e2e.Test) string {
			mu.Lock()
			defer mu.Unlock()
			if tests[0].Suite == "pay" {
				return waits
			}
			return ""
		}})
		tests := map[string]e2e.Test{"pay::a": {ID: "pay::a", Suite: "pay", Unit: "pay"}, "case::a": {ID: "case::a", Suite: "case", Unit: "case"}}
		s := r.Shard(e2e.PlanShard{Tests: []string{"pay::a", "case::a"}}, tests)
		q := r.Queue([]*Shard{s}, false)
		if j := q.next(t.Context(), s); j == nil || j.tests[0].ID != "case::a" { // although the other takes longer
			t.Fatalf("%+v", j)
		}
		pulled := make(chan *job, 1)
		go func() { pulled <- q.next(t.Context(), s) }()
		r.Wake() // nothing has changed
		synctest.Wait()
		select {
		case j := <-pulled:
			t.Fatalf("%+v was started", j)
		default:
		}
		mu.Lock()
		waits = ""
		mu.Unlock()
		r.Wake()
		if j := <-pulled; j == nil || j.tests[0].ID != "pay::a" {
			t.Errorf("%+v", j)
		}
		if !slices.Equal(said, []string{"waits for gate pay (suite pay)"}) {
			t.Errorf("%q", said)
		}
		// Among smoke tests it keeps no shard waiting, and comes with the others.
		mu.Lock()
		waits = "gate pay"
		mu.Unlock()
		smoke := map[string]e2e.Test{"pay::a": {ID: "pay::a", Suite: "pay", Unit: "pay", Tags: []string{"smoke"}},
			"case::a": {ID: "case::a", Suite: "case", Unit: "case", Tags: []string{"smoke"}}}
		s = r.Shard(e2e.PlanShard{Tests: []string{"pay::a", "case::a"}, Smoke: 2}, smoke)
		first := r.Queue([]*Shard{s}, true)
		if j := first.next(t.Context(), s); j == nil || j.tests[0].ID != "case::a" {
			t.Errorf("%+v", j)
		}
		if j := first.next(t.Context(), s); j != nil {
			t.Errorf("%+v", j)
		}
		mu.Lock()
		waits = ""
		mu.Unlock()
		q = r.Queue([]*Shard{s}, false)
		if q.Take(first); len(first.jobs) != 0 {
			t.Errorf("%d are left", len(first.jobs))
		}
		if j := q.next(t.Context(), s); j == nil || j.tests[0].ID != "pay::a" {
			t.Errorf("%+v", j)
		}
		// In a run that is stopped, it is taken to be recorded.
		s = r.Shard(e2e.PlanShard{Tests: []string{"pay::a", "case::a"}}, tests)
		waits = "gate pay"
		q = r.Queue([]*Shard{s}, false)
		_ = q.next(t.Context(), s)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if j := q.next(ctx, s); j == nil || j.tests[0].ID != "pay::a" {
			t.Errorf("stopped: %+v", j)
		}
	})
}
