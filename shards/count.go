package shards

import "math"

// choice compares numbers of shards by bounds: planning each count would take too long,
// and plans come close to the bound.
type choice struct {
	opts  Options
	most  int
	total float64
	// singles is the longest test outside of any group; groups are sums, with the
	// longest test of each.
	singles float64
	groups  []span
}

type span struct{ sum, longest float64 }

func newChoice(in *input) choice {
	c := choice{opts: in.opts, most: in.opts.Max}
	if c.opts.Overhead == 0 {
		c.opts.Overhead = DefaultOverhead
	}
	c.opts.Overhead = max(c.opts.Overhead, 0)
	if c.most == 0 {
		c.most = DefaultMax
	}
	c.most = min(c.most, MaxCount, max(len(in.tests), 1))
	c.add(in)
	return c
}

func (c *choice) add(in *input) {
	type part struct{ span, group int }
	paid, counted := make([]bool, len(in.cost)), map[part]bool{}
	c.groups = make([]span, in.sets+len(in.locks)+len(in.bounds))
	for _, i := range in.order {
		t, cost := &in.tests[i], in.costOf(i)
		c.total += t.Seconds
		if cost > 0 && !paid[in.group[i]] {
			paid[in.group[i]] = true
			c.total += cost
		}
		held := in.heldBy(i)
		if held < 0 {
			c.singles = max(c.singles, t.Seconds)
			continue
		}
		g := &c.groups[held]
		if p := (part{held, in.group[i]}); cost > 0 && !counted[p] {
			counted[p] = true
			g.sum += cost
		}
		g.sum += t.Seconds
		g.longest = max(g.longest, t.Seconds+cost)
		if held >= in.sets {
			g.longest = g.sum // never split
		}
	}
}

// heldBy is the bound, lock or group that holds a test together with others; -1 for none.
// Tests with several locks may hold more together: what is made of it is a bound.
func (in *input) heldBy(test int) int {
	t := &in.tests[test]
	switch {
	case len(t.Bound) > 0:
		return in.sets + len(in.locks) + in.bounds[t.Bound[0]]
	case len(t.Locks) > 0:
		return in.sets + in.locks[t.Locks[0]]
	}
	return in.set[test]
}

// makespan is a time that no plan of n shards can beat.
func (c choice) makespan(n int) float64 {
	fair := c.total / float64(n)
	longest := c.singles
	for _, g := range c.groups {
		if g.sum <= SplitShare*fair || n == 1 {
			longest = max(longest, g.sum)
		} else {
			longest = max(longest, g.longest)
		}
	}
	return max(fair, longest)
}

func (c choice) alternatives() []Alternative {
	var list []Alternative
	for n := 1; n <= c.most; n++ {
		a := Alternative{Count: n, Makespan: c.makespan(n)}
		// A shard takes a fair share on average; the slowest takes the makespan.
		others := math.Ceil((c.total-a.Makespan)/float64(max(n-1, 1))/60 + c.opts.Overhead/60)
		a.BilledMinutes = int(math.Ceil((a.Makespan+c.opts.Overhead)/60) + max(others, 1)*float64(n-1))
		list = append(list, a)
	}
	return list
}

// count minimises the makespan plus the fixed cost of the shards; counts that keep
// the budget go before those that do not.
func (c choice) count(list []Alternative) int {
	best, bestCost, bestFits := 1, math.Inf(1), false
	for _, a := range list {
		fits := c.opts.Budget <= 0 || a.Makespan <= c.opts.Budget
		cost := a.Makespan + float64(a.Count)*c.opts.Overhead
		if fits && !bestFits || fits == bestFits && cost < bestCost-1e-9 {
			best, bestCost, bestFits = a.Count, cost, fits
		}
	}
	return best
}
