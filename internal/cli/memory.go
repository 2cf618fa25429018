package cli

import "runtime/debug"

// manyTests is from how many tests on memory is bounded; smaller runs need little.
const manyTests = 20_000

// boundMemory has the memory of a verdict over many tests collected earlier than Go does by itself, which
// lets it double. The bound is soft: what is needed is taken. A bound that the user set, GOMEMLIMIT, holds.
func (a *App) boundMemory(tests int) {
	if tests >= manyTests && a.getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softLimit(tests))
	}
}

// softLimit is that bound, in bytes.
func softLimit(tests int) int64 {
	// More would not save time: fresh memory costs as much as the collections that it saves.
	const fixed, each = 340 << 20, 7 << 8
	return fixed + each*int64(tests)
}
