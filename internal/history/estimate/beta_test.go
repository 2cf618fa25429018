package estimate

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// The values are by numerical integration of the density, in another language.
func TestIncompleteBeta(t *testing.T) {
	for _, tc := range [][4]float64{
		{0.5, 0.5, 0.25, 0.333333333333}, {3.5, 17.5, 0.15, 0.469655512867}, {0.5, 20.5, 0.05, 0.850529495047}, {2.5, 18.5, 0.3, 0.982425442387},
		{20.5, 0.5, 0.9, 0.038839169806}, {60.5, 0.5, 0.97, 0.055386732397}, {1, 1, 0.3, 0.3}, {2, 3, 0.4, 0.5248}, {5.5, 5.5, 0.5, 0.5},
		{30, 70, 0.25, 0.135814904283}, {2, 3, 0, 0}, {2, 3, -1, 0}, {2, 3, 1, 1}, {2, 3, 7, 1},
	} {
		if got := incompleteBeta(tc[0], tc[1], tc[2]); math.Abs(got-tc[3]) > 1e-9 {
			t.Errorf("I_%v(%v, %v) = %.12f, want %.12f", tc[2], tc[0], tc[1], got, tc[3])
		}
	}
}

// For whole numbers, it is a sum of binomial probabilities.
func TestIncompleteBetaIsABinomialTail(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.IntRange(1, 60).Draw(t, "a"), rapid.IntRange(1, 60).Draw(t, "b")
		x := rapid.Float64Range(0.001, 0.999).Draw(t, "x")
		n, sum := a+b-1, 0.0
		lgamma := func(v int) float64 { l, _ := math.Lgamma(float64(v + 1)); return l }
		for k := a; k <= n; k++ {
			sum += math.Exp(lgamma(n) - lgamma(k) - lgamma(n-k) + float64(k)*math.Log(x) + float64(n-k)*math.Log1p(-x))
		}
		if got := incompleteBeta(float64(a), float64(b), x); math.Abs(got-sum) > 1e-9 {
			t.Fatalf("%v, want %v", got, sum)
		}
	})
}

func TestRateOf(t *testing.T) {
	for _, tc := range []struct {
		count, runs int
		low, high   float64
	}{{3, 20, 0.056248, 0.313680}, {0, 20, 0, 0.090476}, {20, 20, 0.909524, 1}, {1, 5, 0.036447, 0.562845}, {10, 60, 0.099797, 0.256759}, {0, 0, 0, 1}} {
		got := RateOf(tc.count, tc.runs)
		if math.Abs(got.Low-tc.low) > 1e-6 || math.Abs(got.High-tc.high) > 1e-6 {
			t.Errorf("%d of %d: %v to %v, want %v to %v", tc.count, tc.runs, got.Low, got.High, tc.low, tc.high)
		}
	}
	if got := RateOf(0, 0).Share(); got != 0 {
		t.Error(got)
	}
	if got := (Rate{Count: 10, Runs: 20}).Above(0.02); got < 0.999 {
		t.Error(got)
	}
	if got := (Rate{Runs: 20}).Above(0.05); math.Abs(got-(1-0.850529495047)) > 1e-9 {
		t.Error(got)
	}
	if got := (Rate{}).Above(0); got != 1 {
		t.Error(got)
	}
}

func TestExceeds(t *testing.T) {
	for _, tc := range []struct {
		count, runs int
		limit       float64
		want        bool
	}{
		{2, 5, 0.02, true}, {2, 4, 0.02, false}, {1, 5, 0.02, false}, {2, 60, 0.02, false}, {3, 60, 0.02, true}, {30, 60, 0.6, false}, {0, 60, 0, false},
	} {
		if got := RateOf(tc.count, tc.runs).Exceeds(tc.limit); got != tc.want {
			t.Errorf("%d of %d above %v: %t", tc.count, tc.runs, tc.limit, got)
		}
	}
}
