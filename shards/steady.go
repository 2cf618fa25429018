package shards

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// steady fills one shard after the other: owners by name, or by a hash of it for other
// turns than 0, the tests of each by id. Durations decide only where one shard ends and
// the next begins, so that a small change of the input moves few tests. An item that does
// not fit at the end of a shard makes room for the longest that does.
func steady(list []item, n int, limit float64, turn uint64) placement {
	p := newPlacement(list, n)
	queues := byOwner(list)
	slices.SortFunc(queues, func(a, b *queue) int {
		return cmp.Or(cmp.Compare(hash(a.owner, turn), hash(b.owner, turn)), strings.Compare(a.owner, b.owner))
	})
	total, _ := sum(list)
	f := filler{placement: &p, limit: limit, left: total, spare: float64(n)*limit - total}
	for _, q := range queues {
		f.begin(q)
		f.fill(q)
	}
	p.restByOwner(limit)
	return p
}

// restByOwner places each remaining item on a shard that has its owner, if it fits
// there, and else on the one with the least load.
func (p *placement) restByOwner(limit float64) {
	if !slices.Contains(p.where, -1) {
		return
	}
	homes := make([][]int, teams(p.list))
	for i, shard := range p.where {
		if at := &homes[p.list[i].team]; shard >= 0 && !slices.Contains(*at, shard) {
			*at = append(*at, shard)
		}
	}
	for i, shard := range p.where {
		if shard < 0 {
			if at := fullestThatFits(p.loads, homes[p.list[i].team], limit-p.list[i].most()); at >= 0 {
				p.put(i, at)
			}
		}
	}
	p.placeRest()
}

// hash is FNV-1a of a name and a number; all are equal for the number 0.
func hash(name string, turn uint64) uint64 {
	if turn == 0 {
		return 0
	}
	h := 14695981039346656037 ^ turn
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h ^ h>>32
}

// filler fills shards in turn.
type filler struct {
	*placement
	shard int
	limit float64
	// left is what is not placed yet, and spare how much of the shards may stay unused;
	// both in seconds.
	left, spare float64
}

func (f *filler) room() float64 { return f.limit - f.loads[f.shard] }

func (f *filler) full() bool { return f.shard >= len(f.loads) }

func (f *filler) next() {
	f.spare -= f.room()
	f.shard++
}

// begin leaves the rest of a shard unused where the next owner would be split there and
// so much may be left on each shard: that saves the split.
func (f *filler) begin(q *queue) {
	shards := len(f.loads) - f.shard
	if shards > 1 && f.loads[f.shard] > 0 && q.total > f.room() && f.room() <= f.spare/float64(shards) {
		f.next()
	}
}

// done reports whether the shard has its share of what is left, on as few shards as that
// takes. Filled up to the limit, the last shard would have little to do.
func (f *filler) done() bool {
	load := f.loads[f.shard]
	return f.left > 0 && load >= (f.left+load)/math.Ceil((f.left+load)/f.limit)-1e-9
}

func (f *filler) fill(q *queue) {
	for _, at := range q.steady(f.limit) {
		for !f.full() && !q.taken(at) && (f.done() || f.takes(q.items[at], f.shard) > f.room()) {
			if longest := q.longest(f.placement, f.shard, f.room()); longest >= 0 && !f.done() {
				f.take(q, longest)
			} else {
				f.next()
			}
		}
		if f.full() {
			return
		}
		if !q.taken(at) {
			f.take(q, at)
		}
	}
}

func (f *filler) take(q *queue, at int) {
	for _, g := range q.list[q.items[at]].shared {
		if len(f.held[g.number]) == 0 {
			f.left -= g.seconds
		}
	}
	f.left -= q.seconds(at)
	f.put(q.items[at], f.shard)
	q.take(at)
}
