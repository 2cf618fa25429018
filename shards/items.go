package shards

import (
	"cmp"
	"slices"
	"strings"
)

// sorted is the total order of tests: longest first, then by id. Sums in any other
// order would differ in their last bits with the order of the input.
func sorted(tests []Test) []int {
	type key struct {
		seconds float64
		test    int
	}
	keys := make([]key, len(tests))
	for i := range tests {
		keys[i] = key{tests[i].Seconds, i}
	}
	slices.SortFunc(keys, func(a, b key) int {
		switch {
		case a.seconds > b.seconds:
			return -1
		case a.seconds < b.seconds:
			return 1
		}
		return strings.Compare(tests[a.test].ID, tests[b.test].ID)
	})
	order := make([]int, len(tests))
	for i, k := range keys {
		order[i] = k.test
	}
	return order
}

// item is a test, or the tests of a group, that is placed on one shard.
type item struct {
	id    string
	owner string
	team  int // the owner's number, in the order of the list that was made
	// seconds of its tests and of the groups that are in no other item.
	seconds float64
	tests   []int
	// shared are the groups that other items have tests of as well.
	shared []*fixed
}

// fixed is what a group costs on each shard on which one of its items lies, in seconds.
type fixed struct {
	number  int // of the shared groups of its list
	seconds float64
}

// most is what the item takes on a shard that has nothing of its groups yet.
func (it *item) most() float64 {
	seconds := it.seconds
	for _, g := range it.shared {
		seconds += g.seconds
	}
	return seconds
}

// sum is what a list takes at least, and its longest item.
func sum(list []item) (total, longest float64) {
	seen := make([]bool, sharedIn(list))
	for i := range list {
		it := &list[i]
		total += it.seconds
		longest = max(longest, it.most())
		for _, g := range it.shared {
			if !seen[g.number] {
				seen[g.number] = true
				total += g.seconds
			}
		}
	}
	return total, longest
}

// sharedIn is how many groups the items of a list share.
func sharedIn(list []item) int {
	n := 0
	for i := range list {
		for _, g := range list[i].shared {
			n = max(n, g.number+1)
		}
	}
	return n
}

// bound is a time that no placement of the list can beat.
func bound(list []item, count int) float64 {
	total, longest := sum(list)
	return max(total/float64(count), longest)
}

// items collects the items, in the total order.
func (in *input) items(smoke bool) []item {
	order, tests := in.phase(smoke), in.tests
	var list []item
	if heads := in.together(order); heads != nil {
		list = joined(tests, order, heads)
		in.addFixed(list)
		slices.SortStableFunc(list, func(a, b item) int {
			return cmp.Or(cmp.Compare(b.seconds, a.seconds), strings.Compare(a.id, b.id))
		})
	} else {
		list = make([]item, len(order))
		for n, i := range order {
			list[n] = item{id: tests[i].ID, owner: tests[i].Owner, seconds: tests[i].Seconds, tests: order[n : n+1 : n+1]}
		}
	}
	numberTeams(list)
	return list
}

func numberTeams(list []item) {
	teams := map[string]int{}
	for i := range list {
		n, ok := teams[list[i].owner]
		if !ok {
			n = len(teams)
			teams[list[i].owner] = n
		}
		list[i].team = n
	}
}

// teams is how many owners the items of a list have.
func teams(list []item) int {
	n := 0
	for i := range list {
		n = max(n, list[i].team+1)
	}
	return n
}

// joined makes one item from all tests with the same head.
func joined(tests []Test, order, heads []int) []item {
	at := make([]int, len(order)) // one more than the place of a head's item; 0: none yet
	var list []item
	for n, i := range order {
		head := find(heads, n)
		if have := at[head] - 1; have >= 0 {
			list[have].seconds += tests[i].Seconds
			list[have].tests = append(list[have].tests, i)
			continue
		}
		list = append(list, item{id: tests[i].ID, owner: tests[i].Owner, seconds: tests[i].Seconds, tests: order[n : n+1 : n+1]})
		at[head] = len(list)
	}
	return list
}

// addFixed adds what groups cost: to the one item that has a group, or as shared to all
// of them.
func (in *input) addFixed(list []item) {
	first, shared := make([]int, len(in.cost)), make([]*fixed, len(in.cost))
	numbers := 0
	for n := range list {
		for _, i := range list[n].tests {
			g := in.group[i]
			if in.costOf(i) == 0 || first[g] == n+1 || shared[g] != nil && slices.Contains(list[n].shared, shared[g]) {
				continue
			}
			if first[g] == 0 {
				first[g] = n + 1
				continue
			}
			if shared[g] == nil {
				shared[g] = &fixed{numbers, in.cost[g]}
				numbers++
				list[first[g]-1].shared = append(list[first[g]-1].shared, shared[g])
			}
			list[n].shared = append(list[n].shared, shared[g])
		}
	}
	for g, n := range first {
		if n > 0 && shared[g] == nil {
			list[n-1].seconds += in.cost[g]
		}
	}
}

// together joins tests that go to one shard: positions of order, each with the one
// before it in its set. It is nil where every test stands alone.
func (in *input) together(order []int) []int {
	if in.sets+len(in.locks)+len(in.bounds) == 0 {
		return nil
	}
	sums, total := in.setSums(order)
	most := SplitShare * total / float64(max(in.opts.Count, 1))
	if in.opts.Count <= 1 {
		most = total
	}
	heads, first := make([]int, len(order)), make([]int, in.sets+len(in.locks)+len(in.bounds))
	join := func(n, key int) {
		if head := first[key] - 1; head >= 0 {
			heads[find(heads, n)] = find(heads, head)
		} else {
			first[key] = n + 1
		}
	}
	for n := range order {
		heads[n] = n
	}
	for n, i := range order {
		if set := in.set[i]; set >= 0 && sums[set] <= most {
			join(n, set)
		}
		for _, lock := range in.tests[i].Locks {
			join(n, in.sets+in.locks[lock])
		}
		for _, bound := range in.tests[i].Bound {
			join(n, in.sets+len(in.locks)+in.bounds[bound])
		}
	}
	return heads
}

// setSums are the durations of whole sets, with the fixed cost of their group.
func (in *input) setSums(order []int) (sums []float64, total float64) {
	sums = make([]float64, in.sets)
	for _, i := range order {
		seconds := in.tests[i].Seconds
		if set := in.set[i]; set >= 0 {
			if sums[set] == 0 {
				seconds += in.costOf(i)
			}
			sums[set] += seconds
		}
		total += seconds
	}
	return sums, total
}

// find follows and shortens the way to the head of a set.
func find(heads []int, n int) int {
	for heads[n] != n {
		heads[n] = heads[heads[n]]
		n = heads[n]
	}
	return n
}

// drawnIn turns all tests that are bound to a smoke test into smoke tests, and with locks
// those that share a lock with one, for plans in which smoke tests run next to the others.
// It does not change its input.
func drawnIn(tests []Test, locks bool) []Test {
	found := false
	for i := range tests { // without a copy of each
		t := &tests[i]
		found = found || t.Smoke && (len(t.Bound) > 0 || locks && len(t.Locks) > 0)
	}
	if !found {
		return tests
	}
	tests = slices.Clone(tests)
	bound, locked := map[string]bool{}, map[string]bool{}
	for again := true; again; {
		again = false
		for i := range tests {
			t := &tests[i]
			again = draw(t, t.Bound, bound) || again
			if locks {
				again = draw(t, t.Locks, locked) || again
			}
		}
	}
	return tests
}

// draw makes a test smoke if one of its names is, or its names if the test is. It reports
// whether it changed any.
func draw(t *Test, names []string, smoke map[string]bool) (changed bool) {
	if !t.Smoke && slices.ContainsFunc(names, func(n string) bool { return smoke[n] }) {
		t.Smoke, changed = true, true
	}
	for _, n := range names {
		if t.Smoke && !smoke[n] {
			smoke[n], changed = true, true
		}
	}
	return changed
}
