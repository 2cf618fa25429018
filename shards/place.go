package shards

import (
	"container/heap"
	"math"
	"slices"
	"sort"
	"strings"
)

// placement is the assignment of items to shards.
type placement struct {
	list  []item
	where []int
	loads []float64
}

// place assigns items, which are in the total order, to n shards.
func place(list []item, n int, opts Options) placement {
	base := longestFirst(list, n)
	tolerance := opts.Tolerance
	if tolerance == 0 {
		tolerance = DefaultTolerance
	}
	limit := max(bound(list, n)*(1+max(tolerance, 0)), base.makespan())
	best, fewest, looks := base, base.splits(), maxLooks
	try := func(candidate placement) {
		if s := candidate.splits(); candidate.makespan() <= limit && s < fewest {
			best, fewest = candidate, s
		}
	}
	for _, start := range []placement{ownerByOwner(byOwner(list), list, n, limit), affinity(list, n, limit), base} {
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

// maxOrders is how many orders of owners are tried besides the one by work.
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
	for i, it := range list {
		least := h.order[0]
		p.put(i, least, it.seconds)
		heap.Fix(h, 0)
	}
	return p
}

func newPlacement(list []item, n int) placement {
	p := placement{list: list, where: make([]int, len(list)), loads: make([]float64, n)}
	for i := range p.where {
		p.where[i] = -1
	}
	return p
}

func (p *placement) put(item, shard int, seconds float64) {
	p.where[item] = shard
	p.loads[shard] += seconds
}

func (p placement) makespan() float64 { return slices.Max(p.loads) }

func (p placement) splits() int {
	type pair struct {
		owner string
		shard int
	}
	seen := map[pair]struct{}{}
	for i, it := range p.list {
		seen[pair{it.owner, p.where[i]}] = struct{}{}
	}
	return len(seen)
}

// ownerByOwner fills one shard after the other up to the limit, with all of one
// owner's items before the next owner's: an owner is split only where a shard is
// full, so there are at most owners + shards - 1 pairs. What fits nowhere goes to
// the shard with the least load.
func ownerByOwner(queues []*queue, list []item, n int, limit float64) placement {
	p := newPlacement(list, n)
	shard := 0
	for _, queue := range queues {
		for shard < n && queue.left > 0 {
			at := queue.largestUpTo(limit - p.loads[shard])
			if at < 0 {
				shard++
				continue
			}
			p.put(queue.items[at], shard, list[queue.items[at]].seconds)
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
			p.put(i, h.order[0], p.list[i].seconds)
			heap.Fix(h, 0)
		}
	}
}

// affinity is longest-first that prefers, among the shards where the item still
// fits under the limit, one that already has its owner.
func affinity(list []item, n int, limit float64) placement {
	p := newPlacement(list, n)
	home := map[string][]int{}
	h := newLoads(p.loads)
	position := h.positions
	for i, it := range list {
		shard, mine := fullestThatFits(p.loads, home[it.owner], limit-it.seconds), true
		if shard < 0 {
			shard, mine = h.order[0], slices.Contains(home[it.owner], h.order[0])
		}
		if !mine {
			home[it.owner] = append(home[it.owner], shard)
		}
		p.put(i, shard, it.seconds)
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

// queue holds one owner's items, longest first, and finds the longest left that
// fits in logarithmic time.
type queue struct {
	owner string
	total float64
	list  []item
	items []int
	next  []int // next[i]: i or a later index that may still be there
	left  int
}

// byOwner returns the owners' queues, the one with the most work first.
func byOwner(list []item) []*queue {
	index := map[string]*queue{}
	var queues []*queue
	for i, it := range list {
		q := index[it.owner]
		if q == nil {
			q = &queue{owner: it.owner, list: list}
			index[it.owner] = q
			queues = append(queues, q)
		}
		q.items = append(q.items, i)
		q.next = append(q.next, len(q.next))
		q.total += it.seconds
		q.left++
	}
	for _, q := range queues {
		q.next = append(q.next, len(q.next))
	}
	slices.SortFunc(queues, func(a, b *queue) int {
		if a.total != b.total {
			return int(sign(b.total - a.total))
		}
		return strings.Compare(a.owner, b.owner)
	})
	return queues
}

func sign(x float64) float64 {
	if x > 0 {
		return 1
	}
	return -1
}

// largestUpTo returns the position of the longest item left that takes at most
// room seconds, or -1.
func (q *queue) largestUpTo(room float64) int {
	from := sort.Search(len(q.items), func(i int) bool { return q.list[q.items[i]].seconds <= room })
	if at := q.find(from); at < len(q.items) {
		return at
	}
	return -1
}

// find follows and shortens the links over items that were taken.
func (q *queue) find(i int) int {
	root := i
	for q.next[root] != root {
		root = q.next[root]
	}
	for q.next[i] != root {
		q.next[i], i = root, q.next[i]
	}
	return root
}

func (q *queue) take(at int) {
	q.next[at] = at + 1
	q.left--
}

// shards turns the assignment into shards; items come in the total order, so
// that each shard runs its longest first.
func (p placement) shards(tests []Test, smoke bool) []Shard {
	list := make([]Shard, len(p.loads))
	spread := make([]float64, len(p.loads))
	for i := range list {
		list[i].Index = i
	}
	for i, it := range p.list {
		s := &list[p.where[i]]
		for _, t := range it.tests {
			s.Tests = append(s.Tests, tests[t].ID)
			s.Owners = append(s.Owners, tests[t].Owner)
			more := max(tests[t].High-tests[t].Seconds, 0)
			spread[p.where[i]] += more * more
		}
		s.Seconds += it.seconds
	}
	for i := range list {
		slices.Sort(list[i].Owners)
		list[i].Owners = slices.Compact(list[i].Owners)
		list[i].High = list[i].Seconds + math.Sqrt(spread[i])
		if smoke {
			list[i].Smoke = len(list[i].Tests)
		}
	}
	return list
}
