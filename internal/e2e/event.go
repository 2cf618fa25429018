package e2e

import "time"

// Event is progress of a batch, or of a test in it, while a shard runs.
type Event struct {
	// Kind says what happened.
	Kind EventKind
	// Shard counts from 0; Attempt is 1, or 2 in the diagnostic rerun.
	Shard, Attempt int
	// Unit is the batch, and Suite the suite that it is of.
	Unit, Suite string
	// Test is the id of the test, as far as it is known.
	Test string
	// Outcome is that of one execution: passed, failed or skipped.
	Outcome Outcome
	// First: it is the first end of a planned test. So each planned test is counted once.
	First bool
	// File and Line say where the test failed, else where it is; Message is the failure's.
	// Details are there because Message may be their first line, whose end may split a secret.
	File    string
	Line    int
	Message string `mask:"line of Details"`
	Details string
	// Seconds is the execution's own time, 0 where the framework does not say; of a batch that has
	// ended it is the time by the clock.
	Seconds float64
	// Tests is how many the batch has. Of a suite that is run as a whole it is how many are known, 0
	// where none is; Whole says so, and Failed for how many failed tests a whole suite runs again.
	Tests, Failed int
	Whole         bool
	// Ended is how the process ended, in words.
	Ended string
	// Text is what else there is to say.
	Text string
	// At is when the batch printed something last.
	At time.Time
}

// EventKind is what an event is about.
type EventKind string

// The kinds of events.
const (
	// BatchStarted and BatchEnded are about the process.
	BatchStarted EventKind = "batch started"
	BatchEnded   EventKind = "batch ended"
	// TestStarted and TestEnded are about one execution of a test, or of a part of one.
	TestStarted EventKind = "test started"
	TestEnded   EventKind = "test ended"
	// TestPaused says that a test which started waits for its turn; it starts once more then.
	TestPaused EventKind = "test paused"
	// BatchPrinted says when the process printed something last.
	BatchPrinted EventKind = "batch printed"
	// ShardWaits says for what the shard waits.
	ShardWaits EventKind = "shard waits"
	// BatchStalls says that nothing comes from the batch.
	BatchStalls EventKind = "batch stalls"
)
