package shards

import (
	"slices"
	"sort"
	"strings"
)

// queue holds one owner's items, longest first, and finds the longest left that
// fits in logarithmic time.
type queue struct {
	owner string
	total float64
	list  []item
	items []int
	next  []int // next[i]: i or a later index that may still be there
	left  int
	fixed float64 // the most that an item's shared groups cost
}

// byOwner returns the owners' queues, the one with the most work first.
func byOwner(list []item) []*queue {
	queues := make([]*queue, teams(list))
	for i := range list {
		it := &list[i]
		q := queues[it.team]
		if q == nil {
			q = &queue{owner: it.owner, list: list}
			queues[it.team] = q
		}
		q.items = append(q.items, i)
		q.next = append(q.next, len(q.next))
		q.total += it.seconds
		q.left++
		q.fixed = max(q.fixed, it.most()-it.seconds)
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

// longest returns the position of the longest item left that takes at most room seconds on
// a shard, its groups included, or -1.
func (q *queue) longest(p *placement, shard int, room float64) int {
	at := q.largestUpTo(room)
	if at >= 0 && q.fixed > 0 && p.takes(q.items[at], shard) > room {
		at = q.largestUpTo(room - q.fixed)
	}
	return at
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

func (q *queue) seconds(at int) float64 { return q.list[q.items[at]].seconds }

func (q *queue) taken(at int) bool { return q.next[at] != at }

// long is the share of a shard from which a test counts as long.
const long = 0.05

// steady are the positions of the queue, long ones first, each kind in the order of ids:
// the last ones fill what the long ones leave.
func (q *queue) steady(limit float64) []int {
	type key struct {
		id string
		at int
	}
	keys, longs := make([]key, len(q.items)), 0
	for i, n := range q.items {
		keys[i] = key{q.list[n].id, i}
		if q.seconds(i) > long*limit {
			longs++
		}
	}
	for _, kind := range [][]key{keys[:longs], keys[longs:]} {
		slices.SortFunc(kind, func(a, b key) int { return strings.Compare(a.id, b.id) })
	}
	order := make([]int, len(keys))
	for i, k := range keys {
		order[i] = k.at
	}
	return order
}
