// Package model_test shows that no verdict of a generated fault model is wrong: worlds of
// internal/testkit/model are judged as the gate does, and compared with what truly happened.
package model_test

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/testkit/model"
)

// seedOf is the seed of a test: that of E2E_GATE_MODEL_SEED, else of the clock.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano()) //nolint:gosec // any seed will do
	if text := os.Getenv("E2E_GATE_MODEL_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("E2E_GATE_MODEL_SEED=%d", seed)
	return seed
}

// worlds is how many different worlds are judged: so many as E2E_GATE_MODEL_WORLDS says, else
// a million, fewer where that would take long.
func worlds() int {
	if n, err := strconv.Atoi(os.Getenv("E2E_GATE_MODEL_WORLDS")); err == nil {
		return n
	}
	switch {
	case raceDetector, testing.Short():
		return 5_000
	}
	return 1_000_000
}

// TestNoVerdictIsWrong judges worlds until so many differ by more than names. The first
// ones hold every triple of values of the dimensions that is possible; the others are drawn.
func TestNoVerdictIsWrong(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(1600)) // small values that are gone at once
	seed, n := seedOf(t), worlds()
	run := &run{t: t, enough: n}
	began := time.Now()
	if n >= 1_000_000 {
		run.cover(seed)
	}
	run.parallel(func(worker uint64) {
		rng := rand.New(rand.NewPCG(seed, worker)) //nolint:gosec // not for secrets
		for !run.done() {
			run.try(model.Draw(rng))
		}
	})
	t.Logf("%d worlds, %d wrong greens, %d wrong reds (%d passed, %d failed, %d not judged; %s)", run.count(), run.greens.Load(), run.reds.Load(),
		run.answers[model.Passed].Load(), run.answers[model.Failed].Load(), run.answers[model.NotJudged].Load(), time.Since(began).Round(time.Second))
	for answer := range run.answers {
		if run.answers[answer].Load() < int64(n/100) {
			t.Errorf("fewer than 1%% of the worlds are %s, so they show little", model.Answer(answer))
		}
	}
}

// run judges worlds and counts those that differ.
type run struct {
	t       *testing.T
	enough  int
	known   [256]part
	total   atomic.Int64
	answers [3]atomic.Int64
	// greens are passes that the oracle refuses, reds the other disagreements.
	greens, reds atomic.Int64
	shown        atomic.Int64
}

type part struct {
	sync.Mutex
	keys map[uint64]struct{}
}

func (r *run) count() int { return int(r.total.Load()) }

// maxShown bounds how many disagreements are shown.
const maxShown = 5

func (r *run) done() bool { return r.count() >= r.enough || r.shown.Load() >= maxShown }

// parallel runs work on all processors.
func (r *run) parallel(work func(worker uint64)) {
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() { work(uint64(worker)) })
	}
	group.Wait()
}

const workers = 2

// add reports whether no world like it was judged before.
func (r *run) add(w *model.World) bool {
	key := w.Key()
	p := &r.known[key%uint64(len(r.known))]
	p.Lock()
	defer p.Unlock()
	if p.keys == nil {
		p.keys = map[uint64]struct{}{}
	}
	if _, ok := p.keys[key]; ok {
		return false
	}
	p.keys[key] = struct{}{}
	r.total.Add(1)
	return true
}

// try judges a world, if it is a new one.
func (r *run) try(w model.World) {
	if !r.add(&w) {
		return
	}
	want := w.Oracle()
	r.answers[want].Add(1)
	if w.Agrees(want) {
		return
	}
	counter, word := &r.reds, "wrong red"
	if string(w.Judge().Verdict.State) == model.Passed.String() {
		counter, word = &r.greens, "wrong green"
	}
	counter.Add(1)
	if r.shown.Add(1) > maxShown {
		return
	}
	small := smallest(w)
	v := small.Judge().Verdict
	r.t.Errorf("%s: %v\nthe oracle says %s, the judge %s (blocks: %t): %+v\nfrom %v", word, small, small.Oracle(), v.State, v.Blocks, v.Reasons, w)
}

// smallest tries smaller worlds as long as one is wrong too.
func smallest(w model.World) model.World {
	for {
		list := w.Smaller()
		i := slices.IndexFunc(list, func(s model.World) bool { return !s.Agrees(s.Oracle()) })
		if i < 0 {
			return w
		}
		w = list[i]
	}
}

var sizes = model.Dims()

// triples notes which triples of values of dimensions occurred: for each pair of values, a row with
// a bit for each value of each dimension.
type triples struct {
	// bit is where the bits of a dimension's values begin.
	bit []int
	// words is how long a row is.
	words int
	seen  []atomic.Uint64
	all   int
}

func newTriples() *triples {
	x := &triples{}
	values := 0
	for _, size := range sizes {
		x.bit = append(x.bit, values)
		values += size
	}
	x.words = (values + 63) / 64
	x.seen = make([]atomic.Uint64, values*values*x.words)
	for i := range sizes {
		for j := i + 1; j < len(sizes); j++ {
			for k := j + 1; k < len(sizes); k++ {
				x.all += sizes[i] * sizes[j] * sizes[k]
			}
		}
	}
	return x
}

// rowOf is the first word of the row of a pair: of values i and j, each counted over all dimensions.
func (x *triples) rowOf(i, j int) int {
	return (i*(x.bit[len(x.bit)-1]+sizes[len(sizes)-1]) + j) * x.words
}

// note notes the triples of a world and returns how many are new.
func (x *triples) note(w *model.World) (added int) {
	behind := make([]uint64, x.words) // the bits of the world's values in dimensions behind j
	for j := len(sizes) - 2; j >= 1; j-- {
		bit := x.bit[j+1] + int(w[j+1])
		behind[bit/64] |= 1 << (bit % 64)
		for i := range j {
			row := x.seen[x.rowOf(x.bit[i]+int(w[i]), x.bit[j]+int(w[j])):][:x.words]
			for n := x.bit[j+1] / 64; n < x.words; n++ {
				if fresh := behind[n] &^ row[n].Load(); fresh != 0 {
					added += bits.OnesCount64(fresh &^ row[n].Or(fresh))
				}
			}
		}
	}
	return added
}

func (x *triples) has(t model.Triple) bool {
	value := func(n int) int { return x.bit[t[n].Dim] + t[n].Value }
	bit := value(2)
	return x.seen[x.rowOf(value(0), value(1))+bit/64].Load()&(1<<(bit%64)) != 0
}

// cover judges worlds until every triple of values that is possible has occurred: drawn
// ones as long as they bring many new ones, then one for each that is missing.
func (r *run) cover(seed uint64) {
	x := newTriples()
	r.parallel(func(worker uint64) {
		rng := rand.New(rand.NewPCG(seed, worker+100)) //nolint:gosec // not for secrets
		const batch, few = 500, 20
		for added := batch * few; added >= batch*few && !r.done(); {
			added = 0
			for range batch {
				w := model.Draw(rng)
				r.try(w)
				added += x.note(&w)
			}
		}
	})
	drawn := r.count()
	impossible := make([]atomic.Int64, len(sizes))
	var next, lies atomic.Int64
	r.parallel(func(worker uint64) {
		rng := rand.New(rand.NewPCG(seed, worker+200)) //nolint:gosec // not for secrets
		for i := int(next.Add(1)) - 1; i < len(sizes); i = int(next.Add(1)) - 1 {
			x.each(i, func(triple model.Triple) {
				possible := triple.Possible()
				switch {
				case r.shown.Load() >= maxShown:
				case x.has(triple) != possible && !possible && lies.Add(1) <= maxShown:
					r.t.Errorf("%v is said to be impossible, and there is a world", triple)
				case !possible:
					for _, v := range triple {
						impossible[v.Dim].Add(1)
					}
				case !x.has(triple):
					if w, ok := triple.World(rng); ok {
						x.note(&w)
						r.try(w)
					}
				}
			})
		}
	})
	r.table(x, impossible, drawn)
}

// each calls f with each triple whose first dimension is i.
func (x *triples) each(i int, f func(model.Triple)) {
	for j := i + 1; j < len(sizes); j++ {
		for k := j + 1; k < len(sizes); k++ {
			for v := range sizes[i] * sizes[j] * sizes[k] {
				f(model.Triple{{Dim: i, Value: v / sizes[k] / sizes[j]}, {Dim: j, Value: v / sizes[k] % sizes[j]}, {Dim: k, Value: v % sizes[k]}})
			}
		}
	}
}

// table prints, for each dimension, how many triples with it occurred, and how many cannot.
func (r *run) table(x *triples, impossible []atomic.Int64, drawn int) {
	occurred, missing, sum, none := make([]int, len(sizes)), 0, 0, int64(0)
	for i := range sizes {
		none += impossible[i].Load()
		x.each(i, func(triple model.Triple) {
			if x.has(triple) {
				sum++
				for _, v := range triple {
					occurred[v.Dim]++
				}
			} else if triple.Possible() {
				if missing++; missing <= maxShown && r.shown.Load() < maxShown {
					r.t.Errorf("no world has %v", triple)
				}
			}
		})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-20s %6s %10s %10s\n", "dimension", "values", "triples", "impossible")
	for d := range sizes {
		fmt.Fprintf(&b, "%-20s %6d %10d %10d\n", model.NameOf(d), sizes[d], occurred[d], impossible[d].Load())
	}
	r.t.Logf("%d triples occurred, %d of %d are impossible, %d are missing, in %d drawn worlds and %d made for a triple\n%s",
		sum, none/3, x.all, missing, drawn, r.count()-drawn, b.String())
}
