package shards

import (
	"container/heap"
	"math"
	"slices"
)

// place assigns items, which are in the total order, to n shards. A steady placement
// that keeps both objectives is taken; others are searched for only where there is none.
func place(list []item, n int, opts Options) placement {
	tolerance := opts.Tolerance
	if tolerance == 0 || math.IsNaN(tolerance) {
		tolerance = DefaultTolerance
	}
	looks, few := maxLooks, teams(list)+n-1 // what filling one shard after the other needs
	limit := bound(list, n) * (1 + min(max(tolerance, 0), mostTolerance))
	for turn := uint64(0); turn == 0 || turn < maxOrders && looks > 0 && searchable(list, n); turn++ {
		p := steady(list, n, limit, turn).improve(limit, &looks)
		if p.makespan() <= limit && p.splits() <= few {
			return p.numbered()
		}
	}
	return search(list, n, limit).numbered()
}

// search tries many placements, for the fewest owner splits.
func search(list []item, n int, limit float64) placement {
	base := longestFirst(list, n)
	limit = max(limit, base.makespan())
	best, fewest, looks := base, base.splits(), maxLooks
	try := func(candidate placement) {
		if s := candidate.splits(); candidate.makespan() <= limit && s < fewest {
			best, fewest = candidate, s
		}
	}
	for _, start := range []placement{steady(list, n, limit, 0), ownerByOwner(byOwner(list), list, n, limit), affinity(list, n, limit), base} {
		try(start)
		try(start.improve(limit, &looks))
	}
	// Which owner comes after which decides where shards are full: a few orders more.
	for i := 0; i < maxOrders && looks > 0 && searchable(list, n); i++ {
		queues := byOwner(list)
		shuffle(queues, uint64(i)+1)
		try(ownerByOwner(queues, list, n, limit).improve(limit, &looks))
	}
	return best
}

// With mostTolerance, everything fits on one shard.
const mostTolerance = MaxCount

// maxOrders is how many orders of owners are tried in addition to the one by work.
const maxOrders = 120

// shuffle permutes the queues, always in the same way for the same seed. (SplitMix64,
// Steele and others 2014.)
func shuffle(queues []*queue, seed uint64) {
	for i := len(queues) - 1; i > 0; i-- {
		seed += 0x9e3779b97f4a7c15
		z := (seed ^ seed>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		j := int((z ^ z>>31) % uint64(i+1)) //nolint:gosec // below i+1
		queues[i], queues[j] = queues[j], queues[i]
	}
}

// longestFirst gives each item, longest first, to the shard with the least load.
func longestFirst(list []item, n int) placement {
	p := newPlacement(list, n)
	h := newLoads(p.loads)
	for i := range list {
		p.put(i, h.order[0])
		heap.Fix(h, 0)
	}
	return p
}

// ownerByOwner fills one shard after the other up to the limit, with all of one owner's
// items before the next owner's: an owner is split only where a shard is full, so there
// are at most owners + shards - 1 pairs. An item that fits nowhere goes to the shard
// with the least load.
func ownerByOwner(queues []*queue, list []item, n int, limit float64) placement {
	p := newPlacement(list, n)
	shard := 0
	for _, queue := range queues {
		for shard < n && queue.left > 0 {
			at := queue.longest(&p, shard, limit-p.loads[shard])
			if at < 0 {
				shard++
				continue
			}
			p.put(queue.items[at], shard)
			queue.take(at)
		}
	}
	p.placeRest()
	return p
}

func (p *placement) placeRest() {
	h := newLoads(p.loads)
	for i, shard := range p.where {
		if shard < 0 {
			p.put(i, h.order[0])
			heap.Fix(h, 0)
		}
	}
}

// affinity is longest-first that prefers, among the shards where the item still
// fits under the limit, one that already has its owner.
func affinity(list []item, n int, limit float64) placement {
	p := newPlacement(list, n)
	home := make([][]int, teams(list))
	h := newLoads(p.loads)
	position := h.positions
	for i := range list {
		it := &list[i]
		shard, mine := fullestThatFits(p.loads, home[it.team], limit-it.most()), true
		if shard < 0 {
			shard, mine = h.order[0], slices.Contains(home[it.team], h.order[0])
		}
		if !mine {
			home[it.team] = append(home[it.team], shard)
		}
		p.put(i, shard)
		heap.Fix(h, position[shard])
	}
	return p
}

func fullestThatFits(loads []float64, candidates []int, room float64) int {
	best := -1
	for _, s := range candidates {
		if loads[s] <= room && (best < 0 || loads[s] > loads[best]) {
			best = s
		}
	}
	return best
}

// loads is a heap of shards by load, then index.
type loads struct {
	load      []float64
	order     []int
	positions []int
}

func newLoads(load []float64) *loads {
	h := &loads{load: load}
	for i := range load {
		h.order = append(h.order, i)
		h.positions = append(h.positions, i)
	}
	heap.Init(h)
	return h
}

func (h *loads) Len() int { return len(h.order) }

func (h *loads) Less(i, j int) bool {
	a, b := h.order[i], h.order[j]
	return h.load[a] < h.load[b] || h.load[a] == h.load[b] && a < b
}

func (h *loads) Swap(i, j int) {
	h.order[i], h.order[j] = h.order[j], h.order[i]
	h.positions[h.order[i]], h.positions[h.order[j]] = i, j
}

// Push and Pop complete heap.Interface; the set of shards never changes.
func (h *loads) Push(any) {}

// Pop completes heap.Interface.
func (h *loads) Pop() any { return nil }
