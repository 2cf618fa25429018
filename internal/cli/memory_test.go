package cli

import (
	"runtime/debug"
	"testing"
)

// The memory of a verdict is bounded by its tests, unless the user did so; small ones are left alone.
func TestBoundMemory(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	for _, tc := range []struct {
		tests   int
		environ []string
		want    int64
	}{{manyTests - 1, nil, before}, {100_000, []string{"GOMEMLIMIT=1GiB"}, before}, {100_000, nil, 340<<20 + 100_000*7<<8}} {
		debug.SetMemoryLimit(before)
		a := &App{Environ: tc.environ}
		if a.boundMemory(tc.tests); debug.SetMemoryLimit(-1) != tc.want {
			t.Errorf("%d tests with %v: got %d, want %d", tc.tests, tc.environ, debug.SetMemoryLimit(-1), tc.want)
		}
	}
}
