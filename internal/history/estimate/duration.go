package estimate

import (
	"cmp"
	"math"
	"slices"
)

// Pace is what a test takes.
type Pace struct {
	// Start is the index of the first duration after the last change; 0: none is known.
	Start int `json:"-"`
	// From and To are the medians before and after it, in seconds; both 0 without a change.
	From float64 `json:"from_seconds"`
	To   float64 `json:"to_seconds"`
}

// Changed reports whether a change is known.
func (p Pace) Changed() bool { return p.Start > 0 }

// Ratio is how many times as long it takes since; 1 without a change.
func (p Pace) Ratio() float64 {
	if !p.Changed() || p.From <= 0 {
		return 1
	}
	return p.To / p.From
}

// Slower reports whether the change made it slower.
func (p Pace) Slower() bool { return p.Ratio() > 1 }

// These numbers are chosen from the table of internal/tool/historybench.
const (
	// leastSide is the least number of durations on each side of a change.
	leastSide = 4
	// rankLimit is the standardised rank statistic from which a change is believed.
	rankLimit = 3.4
	// leastRatio is the smallest change of the median that is worth saying.
	leastRatio = 1.3
)

// PaceOf finds the last change in durations above 0, the oldest first. It is Pettitt's test
// (1979): the split whose two sides differ most by the Mann-Whitney statistic, which uses
// ranks only, so that outliers do not count for more than others. Where one is found, what
// came after it is searched again. A stretch that was slow and ended hides both its ends
// from a search of the whole, so the newer two thirds and the newest third are searched too.
func PaceOf(seconds []float64) Pace {
	var p Pace
	for n := len(seconds); n > 0 && !p.Changed(); n -= max(len(seconds)/3, 1) {
		p = lastChange(seconds, len(seconds)-n)
	}
	return p
}

func lastChange(seconds []float64, from int) (p Pace) {
	for {
		list := seconds[from:]
		if split(list) < rankLimit {
			return p
		}
		at := nearest(list)
		before, after := Median(list[:at]), Median(list[at:])
		if r := after / before; r < leastRatio && r > 1/leastRatio {
			return p
		}
		from += at
		p = Pace{Start: from, From: before, To: after}
	}
}

// nearest is the split whose two medians are nearest to the logarithms of the durations
// (least absolute deviations): it says where a change is, once it is known that there is one.
func nearest(list []float64) (at int) {
	least := math.Inf(1)
	for i := leastSide; i <= len(list)-leastSide; i++ {
		if d := deviation(list[:i]) + deviation(list[i:]); d < least {
			at, least = i, d
		}
	}
	return at
}

func deviation(list []float64) (sum float64) {
	middle := math.Log(Median(list))
	for _, v := range list {
		sum += math.Abs(math.Log(v) - middle)
	}
	return sum
}

// split is how well the best split of a list divides it: the absolute standardised
// Mann-Whitney statistic; 0 where the list is too short.
func split(list []float64) (z float64) {
	n := len(list)
	ranks := ranksOf(list)
	sum := 0.0
	for i := range max(n-leastSide, 0) {
		sum += ranks[i]
		left := float64(i + 1)
		if i+1 < leastSide {
			continue
		}
		mean, spread := left*float64(n+1)/2, math.Sqrt(left*float64(n-i-1)*float64(n+1)/12)
		z = max(z, math.Abs(sum-mean)/spread)
	}
	return z
}

// ranksOf are the ranks of values; equal ones share the middle.
func ranksOf(list []float64) []float64 {
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(list[a], list[b]) })
	ranks := make([]float64, len(list))
	for i := 0; i < len(order); {
		j := i + 1
		for j < len(order) && list[order[j]] == list[order[i]] {
			j++
		}
		for _, at := range order[i:j] {
			ranks[at] = float64(i+j+1) / 2
		}
		i = j
	}
	return ranks
}

// Median of a list; 0 for an empty one.
func Median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	list = slices.Sorted(slices.Values(list))
	return (list[(len(list)-1)/2] + list[len(list)/2]) / 2
}
