package main

import (
	"cmp"
	"math"
	"slices"
)

// allowed is the share of false alarms that a bound is for.
const allowed = 0.05

// binomial is the probability of k of n.
func binomial(k, n int, p float64) float64 {
	if p <= 0 || p >= 1 {
		if k == int(math.Round(p))*n {
			return 1
		}
		return 0
	}
	lgamma := func(v int) float64 { l, _ := math.Lgamma(float64(v + 1)); return l }
	return math.Exp(lgamma(n) - lgamma(k) - lgamma(n-k) + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
}

// knownRates is the least share of changes that any test misses which sees all runs after
// the change at once, knows both rates, and has at most 5 % false alarms (Neyman and
// Pearson, 1933). A rule that has to decide after each run, and does not know the rates,
// can only do worse.
func knownRates(from, to float64) (missed float64) {
	alarm := 0.0
	missed = 1
	for i := range within + 1 {
		k := i
		if to > from {
			k = within - i
		}
		if alarm += binomial(k, within, from); alarm > allowed+1e-12 {
			break
		}
		missed -= binomial(k, within, to)
	}
	return max(0, missed)
}

// learnedRates is the same for the likelihood ratio test that knows where the change is,
// and learns the rates from as many runs before it as after it.
func learnedRates(from, to float64) (missed float64) {
	type cell struct {
		ratio, alarm, hit float64
	}
	var cells []cell
	for a := range within + 1 {
		for b := range within + 1 {
			if (b > a) != (to > from) || a == b {
				continue
			}
			half, all := float64(within), float64(2*within)
			ratio := entropy(a, half) + entropy(b, half) - entropy(a+b, all)
			cells = append(cells, cell{ratio, binomial(a, within, from) * binomial(b, within, from), binomial(a, within, from) * binomial(b, within, to)})
		}
	}
	slices.SortFunc(cells, func(a, b cell) int { return cmp.Compare(b.ratio, a.ratio) })
	alarm := 0.0
	missed = 1
	for i := 0; i < len(cells); {
		j, more, hit := i, 0.0, 0.0
		for ; j < len(cells) && cells[j].ratio > cells[i].ratio-1e-9; j++ {
			more, hit = more+cells[j].alarm, hit+cells[j].hit
		}
		if alarm += more; alarm > allowed+1e-12 {
			break
		}
		missed -= hit
		i = j
	}
	return max(0, missed)
}

// entropy is the logarithm of the largest likelihood of k of n.
func entropy(k int, n float64) float64 {
	e := 0.0
	if k > 0 {
		e += float64(k) * math.Log(float64(k)/n)
	}
	if rest := n - float64(k); rest > 0 {
		e += rest * math.Log(rest/n)
	}
	return e
}
