package shards

import "math"

// choice weighs how many shards to take, by bounds: planning each count would take
// too long, and plans come close to the bound.
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

func newChoice(tests []Test, order []int, opts Options) choice {
	c := choice{opts: opts, most: opts.Max}
	if c.opts.Overhead == 0 {
		c.opts.Overhead = DefaultOverhead
	}
	c.opts.Overhead = max(c.opts.Overhead, 0)
	if c.most == 0 {
		c.most = DefaultMax
	}
	c.most = min(c.most, MaxCount, max(len(tests), 1))
	at := map[any]int{}
	for _, i := range order {
		t := &tests[i]
		c.total += t.Seconds
		var key any
		switch {
		case len(t.Locks) > 0:
			key = t.Locks[0] // tests with several locks may hold more together: a bound
		case t.Group != "":
			key = group{t.Group, t.Owner}
		default:
			c.singles = max(c.singles, t.Seconds)
			continue
		}
		n, ok := at[key]
		if !ok {
			n = len(c.groups)
			at[key] = n
			c.groups = append(c.groups, span{})
		}
		g := &c.groups[n]
		g.sum += t.Seconds
		g.longest = max(g.longest, t.Seconds)
		if len(t.Locks) > 0 {
			g.longest = g.sum // never split
		}
	}
	return c
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
