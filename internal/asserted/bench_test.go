package asserted_test

import (
	"testing"

	"github.com/org/e2e-gate/internal/asserted"
)

func BenchmarkRead(b *testing.B) {
	samples := samplesOf(b, "testdata/libraries.txt")
	for i := 0; b.Loop(); i++ {
		s := samples[i%len(samples)]
		asserted.Read(s.message, s.details)
		asserted.Headline(s.message, s.details)
	}
}
