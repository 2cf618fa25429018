package shards

import (
	"cmp"
	"slices"
	"strings"
)

// sorted is the total order of tests: longest first, then by id. Sums in any other
// order would differ in their last bits with the order of the input.
func sorted(tests []Test) []int {
	order := make([]int, len(tests))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if a, b := tests[a].Seconds, tests[b].Seconds; a != b {
			return cmp.Compare(b, a)
		}
		return strings.Compare(tests[a].ID, tests[b].ID)
	})
	return order
}

// item is what is placed as a whole: a test, or the tests of a group.
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
type fixed struct{ seconds float64 }

// most is what the item takes where nothing of its groups is there yet.
func (it *item) most() float64 {
	seconds := it.seconds
	for _, g := range it.shared {
		seconds += g.seconds
	}
	return seconds
}

// sum is what a list takes at least, and its longest item.
func sum(list []item) (total, longest float64) {
	seen := map[*fixed]bool{}
	for i := range list {
		it := &list[i]
		total += it.seconds
		longest = max(longest, it.most())
		for _, g := range it.shared {
			if !seen[g] {
				seen[g] = true
				total += g.seconds
			}
		}
	}
	return total, longest
}

// bound is a time that no placement of the list can beat.
func bound(list []item, count int) float64 {
	total, longest := sum(list)
	return max(total/float64(count), longest)
}

// items collects what is placed as a whole, in the total order.
func items(tests []Test, all []int, smoke bool, opts Options) []item {
	order := make([]int, 0, len(all))
	for _, i := range all {
		if tests[i].Smoke == smoke {
			order = append(order, i)
		}
	}
	var list []item
	if heads := together(tests, order, opts); heads != nil {
		list = joined(tests, order, heads)
		addFixed(list, tests, opts)
		slices.SortStableFunc(list, func(a, b item) int { return cmp.Or(cmp.Compare(b.seconds, a.seconds), cmp.Compare(a.id, b.id)) })
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

// joined makes one item of all tests with the same head.
func joined(tests []Test, order, heads []int) []item {
	at := map[int]int{}
	var list []item
	for n, i := range order {
		head := find(heads, n)
		if have, ok := at[head]; ok {
			list[have].seconds += tests[i].Seconds
			list[have].tests = append(list[have].tests, i)
			continue
		}
		at[head] = len(list)
		list = append(list, item{id: tests[i].ID, owner: tests[i].Owner, seconds: tests[i].Seconds, tests: []int{i}})
	}
	return list
}

// addFixed adds what groups cost: to the one item that has a group, or as shared to all
// of them.
func addFixed(list []item, tests []Test, opts Options) {
	if len(opts.GroupSeconds) == 0 {
		return
	}
	var names []string
	in := map[string][]int{}
	for n := range list {
		for _, i := range list[n].tests {
			name := tests[i].Group
			if at := in[name]; opts.fixed(name) == 0 || len(at) > 0 && at[len(at)-1] == n {
				continue
			}
			if in[name] == nil {
				names = append(names, name)
			}
			in[name] = append(in[name], n)
		}
	}
	for _, name := range names {
		cost := &fixed{opts.fixed(name)}
		for _, n := range in[name] {
			if len(in[name]) == 1 {
				list[n].seconds += cost.seconds
			} else {
				list[n].shared = append(list[n].shared, cost)
			}
		}
	}
}

// fixed is what a group costs on each shard, in seconds.
func (o *Options) fixed(group string) float64 {
	if seconds := o.GroupSeconds[group]; group != "" && known(seconds) {
		return seconds
	}
	return 0
}

// group is what holds tests together softly: a group of one owner.
type group struct{ name, owner string }

// together joins tests that go to one shard: positions of order, each with the one
// before it in its set. It is nil where every test stands alone.
func together(tests []Test, order []int, opts Options) []int {
	sums, total, locked := groupSums(tests, order, opts)
	if len(sums) == 0 && !locked {
		return nil
	}
	most := SplitShare * total / float64(max(opts.Count, 1))
	if opts.Count <= 1 {
		most = total
	}
	heads, first := make([]int, len(order)), map[any]int{}
	join := func(n int, key any) {
		if head, ok := first[key]; ok {
			heads[find(heads, n)] = find(heads, head)
		} else {
			first[key] = n
		}
	}
	for n := range order {
		heads[n] = n
	}
	for n, i := range order {
		t := &tests[i]
		if g := (group{t.Group, t.Owner}); t.Group != "" && sums[g] <= most {
			join(n, g)
		}
		for _, lock := range t.Locks {
			join(n, lock)
		}
	}
	return heads
}

// groupSums are what groups take as a whole, with their fixed cost.
func groupSums(tests []Test, order []int, opts Options) (sums map[group]float64, total float64, locked bool) {
	sums = map[group]float64{}
	for _, i := range order {
		t := &tests[i]
		total += t.Seconds
		locked = locked || len(t.Locks) > 0
		if t.Group == "" {
			continue
		}
		g := group{t.Group, t.Owner}
		if _, seen := sums[g]; !seen {
			sums[g] = opts.fixed(t.Group)
			total += sums[g]
		}
		sums[g] += t.Seconds
	}
	return sums, total, locked
}

// find follows and shortens the way to the head of a set.
func find(heads []int, n int) int {
	for heads[n] != n {
		heads[n] = heads[heads[n]]
		n = heads[n]
	}
	return n
}

// drawIn makes smoke tests of all tests that share a lock with one, for plans in which
// smoke tests run beside the others.
func drawIn(tests []Test) {
	smoke := map[string]bool{}
	for again := true; again; {
		again = false
		for i := range tests {
			t := &tests[i]
			t.Smoke = t.Smoke || slices.ContainsFunc(t.Locks, func(l string) bool { return smoke[l] })
			for _, l := range t.Locks {
				if t.Smoke && !smoke[l] {
					smoke[l], again = true, true
				}
			}
		}
	}
}
