package estimate

import (
	"math"
	"sync"
)

// Rate is how often something happened, with what is known of how often it happens.
type Rate struct {
	// Count of Runs.
	Count int `json:"count"`
	Runs  int `json:"runs"`
	// Low and High, from 0 to 1, hold the rate with a probability of 90 %.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Share is the observed rate, from 0 to 1; 0 where no run is known.
func (r Rate) Share() float64 { return float64(r.Count) / float64(max(r.Runs, 1)) }

// Above is the probability that the rate is higher than a limit from 0 to 1.
func (r Rate) Above(limit float64) float64 {
	if limit <= 0 {
		return 1
	}
	return 1 - incompleteBeta(float64(r.Count)+jeffreys, float64(r.Runs-r.Count)+jeffreys, limit)
}

// Exceeds reports whether enough runs say that the rate is above a limit.
func (r Rate) Exceeds(limit float64) bool {
	return r.Runs >= Enough && r.Count >= leastFlakes && r.Above(limit) >= Sure
}

const (
	// jeffreys is the parameter of the prior of every rate: Jeffreys' Beta(1/2, 1/2).
	jeffreys = 0.5
	// outside is what an interval leaves out at each end.
	outside = 0.05
)

// RateOf computes the equal-tailed credible interval of a rate (Brown, Cai and DasGupta,
// 2001). The lower end is 0 if nothing happened, and the upper is 1 if it always did, as
// they recommend.
func RateOf(count, runs int) Rate {
	if runs > maxRemembered {
		return rateOf(count, runs)
	}
	key := [2]int{count, runs}
	if r, known := rates.Load(key); known {
		return r.(Rate) //nolint:forcetypeassert // nothing else is put there
	}
	r := rateOf(count, runs)
	rates.Store(key, r)
	return r
}

// rates are those that were computed already: of many tests that fail, most have the same few numbers. Those of
// more than maxRemembered runs are computed each time, so that there are not too many.
var rates sync.Map

const maxRemembered = 100

func rateOf(count, runs int) Rate {
	r := Rate{Count: count, Runs: runs, High: 1}
	a, b := float64(count)+jeffreys, float64(runs-count)+jeffreys
	if count > 0 {
		r.Low = betaQuantile(a, b, outside)
	}
	if count < runs {
		r.High = betaQuantile(a, b, 1-outside)
	}
	return r
}

// betaQuantile is the x below which Beta(a, b) has the probability p.
func betaQuantile(a, b, p float64) float64 {
	low, high := 0.0, 1.0
	for range 45 { // one bit each
		if mid := (low + high) / 2; incompleteBeta(a, b, mid) < p {
			low = mid
		} else {
			high = mid
		}
	}
	return (low + high) / 2
}

// incompleteBeta is the regularised incomplete beta function: the probability that
// Beta(a, b) is below x. It is computed by its continued fraction (DLMF 8.17.22) with
// Lentz's method, which converges fast below the mean; above it, the other tail is.
func incompleteBeta(a, b, x float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > (a+1)/(a+b+2):
		return 1 - incompleteBeta(b, a, 1-x)
	}
	lgamma := func(v float64) float64 { l, _ := math.Lgamma(v); return l }
	front := math.Exp(a*math.Log(x)+b*math.Log1p(-x)+lgamma(a+b)-lgamma(a)-lgamma(b)) / a
	const tiny, enough, terms = 1e-300, 1e-15, 500
	nonzero := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c, d := 1.0, 1/nonzero(1-(a+b)*x/(a+1))
	f := d
	for i := 1; i < terms; i++ {
		m := float64(i)
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d, c = 1/nonzero(1+even*d), nonzero(1+even/c)
		f *= d * c
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d, c = 1/nonzero(1+odd*d), nonzero(1+odd/c)
		f *= d * c
		if math.Abs(d*c-1) < enough {
			break
		}
	}
	return front * f
}
