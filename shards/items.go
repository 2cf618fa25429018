package shards

import (
	"cmp"
	"slices"
)

// sorted is the total order of tests: longest first, then by id. Sums in any other
// order would differ in their last bits with the order of the input.
func sorted(tests []Test) []int {
	order := make([]int, len(tests))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(tests[b].Seconds, tests[a].Seconds), cmp.Compare(tests[a].ID, tests[b].ID))
	})
	return order
}

// items collects what is placed as a whole, in the total order.
func items(tests []Test, all []int, smoke bool, count int) []item {
	order := make([]int, 0, len(all))
	for _, i := range all {
		if tests[i].Smoke == smoke {
			order = append(order, i)
		}
	}
	if heads := together(tests, order, count); heads != nil {
		return joined(tests, order, heads)
	}
	list, backing := make([]item, len(order)), slices.Clone(order)
	for n, i := range order {
		list[n] = item{id: tests[i].ID, owner: tests[i].Owner, seconds: tests[i].Seconds, tests: backing[n : n+1 : n+1]}
	}
	return list
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
	slices.SortStableFunc(list, func(a, b item) int { return cmp.Or(cmp.Compare(b.seconds, a.seconds), cmp.Compare(a.id, b.id)) })
	return list
}

// group is what holds tests together softly: a group of one owner.
type group struct{ name, owner string }

// together joins tests that go to one shard: positions of order, each with the one
// before it in its set. It is nil where every test stands alone.
func together(tests []Test, order []int, count int) []int {
	total, sums := 0.0, map[group]float64{}
	locked := false
	for _, i := range order {
		t := &tests[i]
		total += t.Seconds
		locked = locked || len(t.Locks) > 0
		if t.Group != "" {
			sums[group{t.Group, t.Owner}] += t.Seconds
		}
	}
	if len(sums) == 0 && !locked {
		return nil
	}
	most := SplitShare * total / float64(max(count, 1))
	if count <= 1 {
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
