package shards

// input is the planner's input, with numbers in place of names, so that names are
// compared once.
type input struct {
	opts  Options
	tests []Test
	order []int // all tests, in the total order
	// group and set are the numbers of each test's group and of its tests of one owner;
	// -1: none.
	group, set []int
	sets       int
	cost       []float64 // of a group on each shard, in seconds
	// locks and bounds are the numbers of each lock and of each bound.
	locks, bounds map[string]int
}

func newInput(tests []Test, opts Options) *input {
	in := &input{opts: opts, tests: tests, order: sorted(tests), locks: map[string]int{}, bounds: map[string]int{}}
	in.group, in.set = make([]int, len(tests)), make([]int, len(tests))
	type pair struct {
		group int
		owner string
	}
	groups, sets := map[string]int{}, map[pair]int{}
	for _, i := range in.order {
		t := &tests[i]
		for _, l := range t.Locks {
			number(in.locks, l)
		}
		for _, b := range t.Bound {
			number(in.bounds, b)
		}
		in.group[i], in.set[i] = -1, -1
		if t.Group == "" {
			continue
		}
		in.group[i] = number(groups, t.Group)
		if in.group[i] == len(in.cost) {
			in.cost = append(in.cost, fixedCost(opts, t.Group))
		}
		in.set[i] = number(sets, pair{in.group[i], t.Owner})
	}
	in.sets = len(sets)
	return in
}

// fixedCost is what a group costs on each shard, in seconds.
func fixedCost(opts Options, group string) float64 {
	if seconds := opts.GroupSeconds[group]; known(seconds) {
		return seconds
	}
	return 0
}

// number is that of a key, in the order in which keys come.
func number[K comparable](numbers map[K]int, key K) int {
	n, ok := numbers[key]
	if !ok {
		n = len(numbers)
		numbers[key] = n
	}
	return n
}

// costOf is what the group of a test costs, in seconds.
func (in *input) costOf(test int) float64 {
	if g := in.group[test]; g >= 0 {
		return in.cost[g]
	}
	return 0
}

// phase are the tests that are smoke, or those that are not, in the total order.
func (in *input) phase(smoke bool) []int {
	order := make([]int, 0, len(in.order))
	for _, i := range in.order {
		if in.tests[i].Smoke == smoke {
			order = append(order, i)
		}
	}
	return order
}
