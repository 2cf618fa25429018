package e2e

// Event is progress of a unit, or of a test in it, while a shard runs.
type Event struct {
	// Shard counts from 0; Attempt is 1, or 2 in the diagnostic rerun.
	Shard, Attempt int
	Unit           string
	// Test is empty for an event of the unit itself.
	Test string
	// Outcome is unknown at the start and set at the end.
	Outcome Outcome
	// Tests is how many the unit has.
	Tests int
	// Ended is how its process ended, in words; Done: it has.
	Ended string
	Done  bool
}
