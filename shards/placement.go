package shards

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// placement is the assignment of items to shards.
type placement struct {
	list  []item
	where []int
	loads []float64
	// held are the shards of each shared group.
	held [][]held
}

// held is how many items of a group a shard has.
type held struct{ shard, items int }

func newPlacement(list []item, n int) placement {
	p := placement{list: list, where: make([]int, len(list)), loads: make([]float64, n), held: make([][]held, sharedIn(list))}
	for i := range p.where {
		p.where[i] = -1
	}
	return p
}

// has is how many items of a group a shard has.
func (p *placement) has(g *fixed, shard int) int {
	for _, h := range p.held[g.number] {
		if h.shard == shard {
			return h.items
		}
	}
	return 0
}

func (p *placement) hold(g *fixed, shard, items int) {
	list := p.held[g.number]
	for i := range list {
		if list[i].shard == shard {
			list[i].items += items
			return
		}
	}
	p.held[g.number] = append(list, held{shard, items})
}

// put adds an item to a shard, with what its groups cost where they are not there yet.
func (p *placement) put(item, shard int) {
	p.loads[shard] += p.takes(item, shard)
	p.where[item] = shard
	for _, g := range p.list[item].shared {
		p.hold(g, shard, 1)
	}
}

// drop takes an item from its shard.
func (p *placement) drop(item int) {
	shard := p.where[item]
	p.loads[shard] += p.change(shard, item, -1)
	p.where[item] = -1
	for _, g := range p.list[item].shared {
		p.hold(g, shard, -1)
	}
}

// takes is how much an item would add to a shard, in seconds.
func (p *placement) takes(item, shard int) float64 {
	it := &p.list[item]
	seconds := it.seconds
	for _, g := range it.shared {
		if p.has(g, shard) == 0 {
			seconds += g.seconds
		}
	}
	return seconds
}

// change is the change of a shard's load if one item leaves it and another one joins
// it; -1 is no item.
func (p *placement) change(shard, leaves, comes int) float64 {
	seconds := 0.0
	var out, in []*fixed
	if leaves >= 0 {
		seconds -= p.list[leaves].seconds
		out = p.list[leaves].shared
	}
	if comes >= 0 {
		seconds += p.list[comes].seconds
		in = p.list[comes].shared
	}
	for _, g := range out {
		if p.has(g, shard) == 1 && !slices.Contains(in, g) {
			seconds -= g.seconds
		}
	}
	for _, g := range in {
		if p.has(g, shard) == 0 && !slices.Contains(out, g) {
			seconds += g.seconds
		}
	}
	return seconds
}

func (p placement) makespan() float64 { return slices.Max(p.loads) }

// splits counts the pairs of owner and shard.
func (p placement) splits() int {
	n, count := len(p.loads), 0
	seen := make([]uint64, n*teams(p.list)/64+1)
	for i, shard := range p.where {
		at := p.list[i].team*n + shard
		if bit := uint64(1) << (at % 64); seen[at/64]&bit == 0 {
			seen[at/64] |= bit
			count++
		}
	}
	return count
}

// share is a shard's part of an owner's tests.
type share struct {
	owner, id string // id is the least
	seconds   float64
}

// main is the owner with the most work on each shard; empty where nothing is.
func (p placement) main() []share {
	type part struct{ shard, team int }
	parts := map[part]share{}
	for i, shard := range p.where {
		it := &p.list[i]
		have, ok := parts[part{shard, it.team}]
		if !ok || it.id < have.id {
			have.owner, have.id = it.owner, it.id
		}
		have.seconds += it.seconds
		parts[part{shard, it.team}] = have
	}
	most := make([]share, len(p.loads))
	for at, have := range parts {
		best := &most[at.shard]
		if have.seconds > best.seconds || have.seconds == best.seconds && have.owner < best.owner {
			*best = have
		}
	}
	return most
}

// numbered numbers the shards by the owner with the most work on each, then by the least
// id of its tests there: a shard keeps its number, and so its name, where it keeps those.
// Empty ones are the last.
func (p placement) numbered() placement {
	most := p.main()
	order, number := make([]int, len(most)), make([]int, len(most))
	for shard := range order {
		order[shard] = shard
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if (most[a].seconds > 0) != (most[b].seconds > 0) {
			return cmp.Compare(most[b].seconds, most[a].seconds)
		}
		return cmp.Or(strings.Compare(most[a].owner, most[b].owner), strings.Compare(most[a].id, most[b].id))
	})
	for n, shard := range order {
		number[shard] = n
	}
	q := newPlacement(p.list, len(p.loads))
	for i, shard := range p.where {
		q.put(i, number[shard])
	}
	return q
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
			more := 0.0
			if known(tests[t].High) {
				more = max(tests[t].High-tests[t].Seconds, 0)
			}
			spread[p.where[i]] += more * more
		}
	}
	for i := range list {
		list[i].Seconds = p.loads[i]
		slices.Sort(list[i].Owners)
		list[i].Owners = slices.Compact(list[i].Owners)
		list[i].High = list[i].Seconds + math.Sqrt(spread[i])
		if smoke {
			list[i].Smoke = len(list[i].Tests)
		}
	}
	return list
}
