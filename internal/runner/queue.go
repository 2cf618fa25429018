package runner

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/org/e2e-gate/internal/e2e"
)

// Pull is how the shards of one machine get their work.
type Pull string

// The ways in which shards get their work.
const (
	// PullUnits: each shard runs the processes that were planned for it, the longest
	// first. A shard without work left steals the longest one that no shard has
	// started.
	PullUnits Pull = "units"
	// PullBatches: like units, but the planned tests of a process are also split into
	// batches, so that parts of a suite that would run as one process can be stolen.
	PullBatches Pull = "batches"
	// PullOff: each shard runs what was planned for it.
	PullOff Pull = "off"
)

// minStarts is the least duration of a batch, in multiples of its start-up: the
// start-up of smaller ones would cost more than their balance gains.
const minStarts = 10

// Queue holds the units that wait to be run on this machine. It starts from the plan,
// which keeps an owner's tests together and is right when the estimates are.
type Queue struct {
	pull Pull
	// start is what one more process costs, in seconds.
	start   float64
	mu      sync.Mutex
	changed *sync.Cond
	// jobs wait, the longest first.
	jobs []*job
	held map[string]*job
	// begun shards have pulled once: no shard steals from another before that one had
	// its first.
	begun map[*Shard]bool
	// workers is the number of shards that pull.
	workers int
	// smoke: what has to wait for more than a lock is left for the next queue.
	smoke bool
}

// job is one waiting process.
type job struct {
	shard   *Shard
	tests   []e2e.Test
	seconds float64
	locks   []string
	// by is the shard that runs it; nil: it waits.
	by *Shard
}

// Queue makes the queue of the smoke tests of the shards, or of all their others.
func (r *Runner) Queue(shards []*Shard, smoke bool) *Queue {
	q := &Queue{
		pull: cmp.Or(r.cfg.Pull, PullUnits), start: r.cfg.StartSeconds, held: map[string]*job{}, begun: map[*Shard]bool{}, workers: len(shards), smoke: smoke,
	}
	q.changed = sync.NewCond(&q.mu)
	for _, s := range shards {
		for _, tests := range s.units(s.planned(smoke)) {
			q.jobs = append(q.jobs, r.job(s, tests))
		}
	}
	slices.SortStableFunc(q.jobs, longestFirst)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queues = append(r.queues, q)
	return q
}

// Take adds what another queue has left.
func (q *Queue) Take(other *Queue) {
	other.mu.Lock()
	left := other.jobs
	other.jobs = nil
	other.mu.Unlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = append(q.jobs, left...)
	slices.SortStableFunc(q.jobs, longestFirst)
}

func longestFirst(a, b *job) int { return cmp.Compare(b.seconds, a.seconds) }

func (r *Runner) job(s *Shard, tests []e2e.Test) *job {
	j := &job{shard: s, tests: tests}
	for _, t := range tests {
		j.seconds += r.cfg.Seconds[t.ID]
		j.locks = append(j.locks, t.Locks...)
	}
	return j
}

// next waits for a unit that the shard may start and takes its locks, which done
// releases. It returns nil when nothing is left for the shard. In a stopped run it
// returns what was planned for the shard, so that this is recorded.
func (q *Queue) next(ctx context.Context, s *Shard) *job {
	stop := context.AfterFunc(ctx, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.changed.Broadcast()
	})
	defer stop()
	q.mu.Lock()
	defer q.mu.Unlock()
	said := ""
	for {
		j, more := q.pick(s, ctx.Err() != nil)
		if j != nil || !more {
			return j
		}
		if text := q.waitsFor(s); text != "" && text != said {
			said = text
			s.r.cfg.Progress(e2e.Event{Kind: e2e.ShardWaits, Shard: s.plan.Index, Attempt: 1, Text: text})
		}
		q.changed.Wait()
	}
}

// waitsFor says which lock keeps the shard from work, and who holds it, or for what else its work waits; empty: for nothing. Its own
// work comes before that of others.
func (q *Queue) waitsFor(s *Shard) string {
	text := ""
	for _, j := range q.jobs {
		if j.shard != s && (text != "" || q.pull == PullOff || !s.couldStart(j)) {
			continue
		}
		i := slices.IndexFunc(j.locks, func(l string) bool { return q.held[l] != nil })
		if what := s.r.cfg.Waits(j.tests); i < 0 && what != "" {
			if text = fmt.Sprintf("waits for %s (suite %s)", what, j.tests[0].Suite); j.shard == s {
				return text
			}
		}
		if i < 0 {
			continue
		}
		holder := q.held[j.locks[i]]
		text = fmt.Sprintf("waits for lock %s, held by shard %d (suite %s)", strings.TrimPrefix(j.locks[i], e2e.MachineLock), holder.by.plan.Index,
			holder.tests[0].Suite)
		if j.shard == s {
			return text
		}
	}
	return text
}

// pick takes a unit out of the queue: one of the shard's own, else the longest of the
// others'. more says that there may be one later.
func (q *Queue) pick(s *Shard, stopped bool) (j *job, more bool) {
	if !q.begun[s] {
		q.begun[s] = true
		q.changed.Broadcast()
	}
	others := -1
	for i, j := range q.jobs {
		mine := j.shard == s
		if !mine && (stopped || q.pull == PullOff || !s.couldStart(j)) {
			continue
		}
		waits := !stopped && s.r.cfg.Waits(j.tests) != ""
		if waits && q.smoke {
			continue
		}
		more = true
		switch {
		case waits || !stopped && slices.ContainsFunc(j.locks, func(l string) bool { return q.held[l] != nil }):
		case mine:
			return q.take(s, i, stopped), true
		case others < 0 && q.begun[j.shard]:
			others = i
		}
	}
	if others < 0 {
		return nil, more
	}
	return q.take(s, others, false), true
}

// couldStart reports whether the shard would start another's unit, as far as it knows:
// it must not steal a unit that it would only refuse.
func (s *Shard) couldStart(j *job) bool {
	spec := s.r.cfg.Suites[j.tests[0].Suite].Spec
	return !s.unable && (spec.Timeout == 0 || s.spent[spec.Name] < spec.Timeout)
}

// take removes a waiting unit, or a part of it, from the queue.
func (q *Queue) take(s *Shard, i int, whole bool) *job {
	j := q.jobs[i]
	q.jobs = slices.Delete(q.jobs, i, i+1)
	if q.pull == PullBatches && !whole && q.workers > 1 {
		j = q.part(j)
	}
	j.by = s
	for _, l := range j.locks {
		q.held[l] = j
	}
	return j
}

// part splits a unit so that the batches get smaller towards the end: to half of a
// shard's fair share of all waiting work. The rest stays in the queue.
func (q *Queue) part(j *job) *job {
	waiting := j.seconds
	for _, o := range q.jobs {
		waiting += o.seconds
	}
	target := max(waiting/float64(2*q.workers), minStarts*q.start)
	now, later := j.shard.r.split(j, target)
	if later == nil {
		return j
	}
	at, _ := slices.BinarySearchFunc(q.jobs, later, longestFirst)
	q.jobs = slices.Insert(q.jobs, at, later)
	q.changed.Broadcast() // it may have fewer locks than the whole
	return now
}

// split takes files off a unit, in its order, until they reach the target. The tests of a
// file stay together: they share fixtures. So do those of a group.
func (r *Runner) split(j *job, target float64) (now, later *job) {
	if j.seconds <= target {
		return j, nil
	}
	files := uncut(j.tests)
	var taken []e2e.Test
	sum := 0.0
	for i, tests := range files {
		if i > 0 && sum >= target {
			return r.job(j.shard, taken), r.job(j.shard, slices.Concat(files[i:]...))
		}
		taken = append(taken, tests...)
		for _, t := range tests {
			sum += r.cfg.Seconds[t.ID]
		}
	}
	return j, nil
}

// uncut groups tests that stay together: those of a file, and of a group, which may lie in
// several files. Groups are in the order of each one's first test.
func uncut(tests []e2e.Test) [][]e2e.Test {
	at := map[string]int{} // by name, the place of its tests
	var lists [][]e2e.Test
	for _, t := range tests {
		names := t.Bound()
		if t.File != "" || len(names) == 0 {
			names = append(names, cmp.Or(t.File, "::"+t.ID))
		}
		home := len(lists)
		for _, name := range names {
			if i, known := at[name]; known {
				home = min(home, i)
			}
		}
		if home == len(lists) {
			lists = append(lists, nil)
		}
		for _, name := range names {
			if i, known := at[name]; known && i != home {
				lists[home] = append(lists[home], lists[i]...)
				lists[i] = nil
				for other, place := range at {
					if place == i {
						at[other] = home
					}
				}
			}
			at[name] = home
		}
		lists[home] = append(lists[home], t)
	}
	return slices.DeleteFunc(lists, func(list []e2e.Test) bool { return len(list) == 0 })
}

// done releases the locks of a unit.
func (q *Queue) done(j *job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range j.locks {
		delete(q.held, l)
	}
	q.changed.Broadcast()
}

// Work runs the first attempts of what the queue has for the shard, until nothing is left.
func (s *Shard) Work(ctx context.Context, q *Queue) {
	for {
		j := q.next(ctx, s)
		if j == nil {
			return
		}
		s.pulled(ctx, q, j)
	}
}

// pulled runs one unit. It releases the locks even after a panic, or the other shards
// would wait forever.
func (s *Shard) pulled(ctx context.Context, q *Queue, j *job) {
	defer q.done(j)
	s.took = append(s.took, ids(j.tests)...)
	s.run(ctx, j.tests, 1)
}
