package shards

import (
	"cmp"
	"slices"
)

const (
	// maxSearched is the most items for which exchanges are tried. With more items,
	// filling owner by owner leaves gaps too small to matter.
	maxSearched = 4000
	// maxPairs bounds items x shards.
	maxPairs = 1 << 20
	// maxLooks bounds how many exchanges are tried for a plan. It is a count, not a
	// time, so that every machine makes the same plan.
	maxLooks = 5_000_000
)

// exchange improves a placement by moving single items and by swapping two: first
// until every shard is within the limit, then towards fewer owner splits.
type exchange struct {
	placement
	limit float64
	pairs [][]int // pairs[owner][shard]: items
	on    [][]int // items of each shard, in the total order
	looks *int    // exchanges that may still be looked at
}

// improve returns an improved placement, or the same one if it is too large.
func (p placement) improve(limit float64, looks *int) placement {
	if !searchable(p.list, len(p.loads)) {
		return p
	}
	x := newExchange(p, limit)
	x.looks = looks
	x.fit()
	x.gather()
	return x.placement
}

// searchable reports whether exchanges are worthwhile: between many small items the
// gaps are too small to matter.
func searchable(list []item, n int) bool {
	return n > 1 && len(list) <= maxSearched && len(list)*n <= maxPairs
}

func newExchange(p placement, limit float64) *exchange {
	n := len(p.loads)
	x := &exchange{placement: p, limit: limit}
	x.where, x.loads, x.held = slices.Clone(p.where), slices.Clone(p.loads), make([][]held, len(p.held))
	for g := range p.held {
		x.held[g] = slices.Clone(p.held[g])
	}
	x.pairs, x.on = make([][]int, teams(p.list)), make([][]int, n)
	for i := range x.pairs {
		x.pairs[i] = make([]int, n)
	}
	for i, s := range x.where {
		x.pairs[p.list[i].team][s]++
		x.on[s] = append(x.on[s], i)
	}
	return x
}

// relocate moves an item to another shard.
func (x *exchange) relocate(item, to int) {
	from := x.where[item]
	at, _ := slices.BinarySearch(x.on[from], item)
	x.on[from] = slices.Delete(x.on[from], at, at+1)
	at, _ = slices.BinarySearch(x.on[to], item)
	x.on[to] = slices.Insert(x.on[to], at, item)
	x.pairs[x.list[item].team][from]--
	x.pairs[x.list[item].team][to]++
	x.drop(item)
	x.put(item, to)
}

// splitsOf is how many owner splits more there are if an item changes shards.
func (x *exchange) splitsOf(item, from, to int) int {
	pair, n := x.pairs[x.list[item].team], 0
	if pair[to] == 0 {
		n++
	}
	if pair[from] == 1 {
		n--
	}
	return n
}

// step is a move (other is -1) or a swap.
type step struct {
	item, other, to int
	excess          float64 // what is above the limit afterwards, on both shards
	top             float64 // the larger load of both afterwards
	splits          int
}

func (s step) before(t step) bool {
	const tiny = 1e-9
	switch {
	case s.excess < t.excess-tiny || s.excess > t.excess+tiny:
		return s.excess < t.excess
	case s.splits != t.splits:
		return s.splits < t.splits
	}
	return s.top < t.top-tiny
}

// fit brings the fullest shard below the limit, again and again, until all are or
// nothing helps.
func (x *exchange) fit() {
	for *x.looks > 0 {
		a := fullest(x.loads)
		if x.loads[a] <= x.limit {
			return
		}
		now := step{excess: x.loads[a] - x.limit, top: x.loads[a]}
		best, found := x.bestStep(a, now)
		if !found {
			return
		}
		x.apply(best, a)
	}
}

func (x *exchange) apply(s step, from int) {
	x.relocate(s.item, s.to)
	if s.other >= 0 {
		x.relocate(s.other, from)
	}
}

func fullest(loads []float64) int {
	at := 0
	for i, l := range loads {
		if l > loads[at] {
			at = i
		}
	}
	return at
}

// bestStep looks for the exchange that relieves shard a most. One that leaves the
// excess as it is counts only if it lowers the top.
func (x *exchange) bestStep(a int, now step) (best step, found bool) {
	best = now
	best.splits = 1 << 30
	for b := range x.loads {
		if b == a || x.loads[b] >= x.loads[a] {
			continue
		}
		for _, item := range x.on[a] {
			x.consider(&best, &found, item, -1, a, b)
			for _, other := range x.near(item, b, x.loads[a]-x.loads[b]) {
				x.consider(&best, &found, item, other, a, b)
			}
		}
	}
	return best, found
}

// near returns items of shard b that are somewhat shorter than the item: a swap
// with one of them takes load off the item's shard, about half the difference.
func (x *exchange) near(item, b int, difference float64) []int {
	const width = 4
	want := x.list[item].seconds - difference/2
	at, _ := slices.BinarySearchFunc(x.on[b], want, func(i int, w float64) int { return cmp.Compare(w, x.list[i].seconds) })
	return x.on[b][max(0, at-width):min(len(x.on[b]), at+width)]
}

func (x *exchange) consider(best *step, found *bool, item, other, a, b int) {
	*x.looks--
	s := step{item: item, other: other, to: b, splits: x.splitsOf(item, a, b)}
	if other >= 0 {
		if x.list[item].team == x.list[other].team {
			s.splits = 0
		} else {
			s.splits += x.splitsOf(other, b, a)
		}
	}
	la, lb := x.loads[a]+x.change(a, item, other), x.loads[b]+x.change(b, other, item)
	if la >= x.loads[a] {
		return
	}
	s.excess, s.top = max(0, la-x.limit)+max(0, lb-x.limit), max(la, lb)
	if s.before(*best) {
		*best, *found = s, true
	}
}

// gather empties fragments, the smallest first. A fragment is the items of an owner on
// one of its shards. They move to the owner's other shards, directly or in exchange for
// items of owners that are on both.
func (x *exchange) gather() {
	for again := true; again && *x.looks > 0; {
		again = false
		for _, f := range x.fragments() {
			if x.pairs[f.owner][f.shard] > 0 && x.dissolve(f) {
				again = true
			}
		}
	}
}

type fragment struct {
	owner, shard int
	seconds      float64
}

func (x *exchange) fragments() []fragment {
	var list []fragment
	for s, items := range x.on {
		at := map[int]int{}
		for _, i := range items {
			o := x.list[i].team
			if _, ok := at[o]; !ok {
				at[o] = len(list)
				list = append(list, fragment{owner: o, shard: s})
			}
			list[at[o]].seconds += x.list[i].seconds
		}
	}
	list = slices.DeleteFunc(list, func(f fragment) bool { return x.shardsOf(f.owner) < 2 })
	slices.SortStableFunc(list, func(a, b fragment) int { return cmp.Compare(a.seconds, b.seconds) })
	return list
}

func (x *exchange) shardsOf(owner int) int {
	n := 0
	for _, c := range x.pairs[owner] {
		if c > 0 {
			n++
		}
	}
	return n
}

// dissolve moves all of a fragment away, or nothing.
func (x *exchange) dissolve(f fragment) bool {
	type undo struct{ item, back int }
	var done []undo
	move := func(item, to int) {
		done = append(done, undo{item, x.where[item]})
		x.relocate(item, to)
	}
	for _, item := range slices.Clone(x.on[f.shard]) {
		if x.list[item].team != f.owner || x.rehouse(item, f, move) {
			continue
		}
		for _, u := range slices.Backward(done) {
			x.relocate(u.item, u.back)
		}
		return false
	}
	return len(done) > 0
}

// rehouse finds another shard of its owner for an item.
func (x *exchange) rehouse(item int, f fragment, move func(item, to int)) bool {
	best := -1
	for s, n := range x.pairs[f.owner] {
		*x.looks--
		if s != f.shard && n > 0 && x.loads[s]+x.change(s, -1, item) <= x.limit && (best < 0 || x.loads[s] > x.loads[best]) {
			best = s
		}
	}
	if best >= 0 {
		move(item, best)
		return true
	}
	for s, n := range x.pairs[f.owner] {
		if s == f.shard || n == 0 {
			continue
		}
		for _, other := range x.on[s] {
			*x.looks--
			if o := x.list[other].team; o == f.owner || x.pairs[o][f.shard] == 0 || !x.swapFits(item, other, f.shard, s) {
				continue
			}
			move(other, f.shard)
			move(item, s)
			return true
		}
	}
	return false
}

func (x *exchange) swapFits(item, other, from, to int) bool {
	return x.loads[to]+x.change(to, other, item) <= x.limit && x.loads[from]+x.change(from, item, other) <= x.limit
}
