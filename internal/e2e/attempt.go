package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Outcome is the outcome of a test, or of one attempt at it. The zero value is unknown:
// it never counts as a pass.
type Outcome string

// The outcomes of the domain. An attempt is passed, failed or skipped; the
// others only describe a test.
const (
	OutcomeUnknown Outcome = ""
	Passed         Outcome = "passed"
	Failed         Outcome = "failed"
	Flaky          Outcome = "flaky"
	Skipped        Outcome = "skipped"
	// Lost: planned and started, or meant to start, and never reported.
	Lost Outcome = "lost"
	// NotRun: stopped before it could start.
	NotRun Outcome = "not_run"
)

// AttemptSource says why an attempt was made.
type AttemptSource string

// The sources of attempts.
const (
	// SourceFirst is the planned run of the test.
	SourceFirst AttemptSource = "first"
	// SourceDiagnostic is the gate's one diagnostic rerun.
	SourceDiagnostic AttemptSource = "diagnostic"
	// SourceFramework is a retry that the framework made by itself, and said so.
	SourceFramework AttemptSource = "framework"
	// SourceBeside is an execution that was not asked for: the rerun of another test ran
	// this one too. Its failure is a second outcome; its pass proves nothing.
	SourceBeside AttemptSource = "beside"
)

// Attempt is one execution of one test. Attempts are only ever appended.
type Attempt struct {
	N               int           `json:"n" doc:"Number of the attempt at this test, from 1, in order of time."`
	Outcome         Outcome       `json:"outcome" doc:"What the framework reported." enum:"passed,failed,skipped"`
	Error           bool          `json:"error,omitempty" doc:"The failure was an unexpected error, not an assertion."`
	Source          AttemptSource `json:"source,omitempty" doc:"Why the attempt was made: the planned run, the diagnostic rerun, a retry that the framework states, or beside the rerun of another test." enum:"first,diagnostic,framework,beside"`
	Twin            int           `json:"twin,omitempty" doc:"Which of several tests with this id it is an attempt at, from 1 in the order of the report; absent if the id is unique. The number holds within one process only."`
	Line            int           `json:"line,omitempty" doc:"Line in the file of the test, where several tests have this id and the framework says which line is this one's; absent otherwise."`
	At              string        `json:"at,omitempty" doc:"Where it failed, as far as the framework says, else where the test is: file and line, from the repository root if the file is there, else as the framework names it."`
	Tracked         bool          `json:"tracked,omitempty" doc:"The file of at is in the checkout and tracked by git, so the forge has a page of it."`
	Uncounted       string        `json:"uncounted,omitempty" doc:"Why the attempt is shown but decides nothing; absent if it counts."`
	Kept            bool          `json:"kept,omitempty" doc:"The test was kept from running: it is no skip of its own. The outcome is skipped then."`
	KeptBy          string        `json:"kept_by,omitempty" mask:"-" doc:"Id of the failed test that kept it from running; absent if that is not known."`
	WorkflowAttempt int           `json:"workflow_attempt,omitempty" doc:"Attempt of the workflow run, from 1."`
	Shard           int           `json:"shard" doc:"Index of the shard, from 0."`
	Worker          string        `json:"worker,omitempty" doc:"Which of the framework's parallel workers ran it, as the framework names them; absent where it does not say."`
	Started         time.Time     `json:"started,omitzero" doc:"Start, UTC; absent where the framework does not say."`
	Seconds         float64       `json:"seconds" doc:"Duration in seconds as the framework reported it."`
	Type            string        `json:"type,omitempty" doc:"Failure type, such as an exception class."`
	Message         string        `json:"message,omitempty" mask:"line of Details" doc:"Failure message."`
	Details         string        `json:"details,omitempty" doc:"Stack trace and output of the test, bounded."`
	DetailsIn       string        `json:"details_in,omitempty" mask:"-" doc:"In a result with more than 1000 failures: the shard's document that has details and evidence of this attempt, which the result does not repeat. The attempts of a test that name one document stand in its order there."`
	Correlation     string        `json:"correlation,omitempty" mask:"-" doc:"E2E_CORRELATION_ID of the process: run id, shard, attempt."`
	TestCorrelation string        `json:"test_correlation,omitempty" mask:"-" doc:"Of a test that failed: the correlation id of this test alone, E2E_RUN_ID, E2E_ATTEMPT and 12 digits of the SHA-256 of its own name, which the test can compute."`
	DataPrefix      string        `json:"data_prefix,omitempty" mask:"-" doc:"E2E_DATA_PREFIX that the process had."`
	Trace           string        `json:"trace_id,omitempty" mask:"-" doc:"Trace id of the TRACEPARENT that the process had."`
	Links           []Link        `json:"links,omitempty" doc:"Links to logs and traces, from the templates of the config; only for failed and flaky tests."`
	Files           []string      `json:"files,omitempty" mask:"-" doc:"Evidence files, relative to the run's folder."`
	Evidence        []Evidence    `json:"evidence,omitempty" doc:"What the test itself states by properties e2e.<name>."`
	Children        []Child       `json:"children,omitempty" doc:"Subtests of this attempt."`
}

// CountedRetry reports whether the attempt is a retry that the framework made by itself, and
// that counts.
func (a Attempt) CountedRetry() bool { return a.Source == SourceFramework && a.Uncounted == "" }

// Planned reports whether the attempt was made by a first process, not by a diagnostic rerun.
func (a Attempt) Planned() bool {
	return a.Source != SourceDiagnostic && a.Source != SourceBeside && a.Uncounted == ""
}

// Place is a file with a line, "a_test.go:24"; without a line it is the file, and without a file empty.
func Place(file string, line int) string {
	if file == "" || line <= 0 {
		return file
	}
	return file + ":" + strconv.Itoa(line)
}

// SplitPlace is the opposite of [Place].
func SplitPlace(place string) (file string, line int) {
	if i := strings.LastIndexByte(place, ':'); i > 0 {
		if line, err := strconv.Atoi(place[i+1:]); err == nil && line > 0 {
			return place[:i], line
		}
	}
	return place, 0
}

// Link is a named http or https URL.
type Link struct {
	Name string `json:"name" mask:"-" doc:"Name in the config."`
	URL  string `json:"url" doc:"Where it leads."`
}

// Child is a test that discovery could not see (a subtest, a dynamic test) and
// that counts as part of its planned parent.
type Child struct {
	Name    string  `json:"name" doc:"Name below the parent."`
	Outcome Outcome `json:"outcome" doc:"What the framework reported." enum:"passed,failed,skipped"`
	Seconds float64 `json:"seconds" doc:"Duration in seconds."`
	Message string  `json:"message,omitempty" doc:"Failure message."`
}

// OutcomeOf derives a test's outcome from its attempts, in order of time. Only a
// reported pass is a pass. Attempts that do not count are left out, but no failure of a
// first execution. Of several tests
// with one id, the worst counts.
//
//   - every attempt passed (or passed and skipped): passed
//   - every attempt skipped: skipped
//   - it was only ever kept from running: [NotRun]
//   - the last attempt that ran failed: failed
//   - an earlier attempt failed and the last that ran passed: flaky
//   - it passed, and failed beside the rerun of another test: flaky
//   - no attempts: [Lost]
//   - an attempt of an unknown outcome: [Failed] where another failed, else [Lost]
func OutcomeOf(attempts []Attempt) Outcome {
	if len(attempts) == 1 {
		return outcomeOfOne(attempts)
	}
	twins := Twins(attempts)
	if len(twins) == 1 {
		return outcomeOfOne(twins[0])
	}
	outcomes := make([]Outcome, len(twins))
	for i, list := range twins {
		outcomes[i] = outcomeOfOne(list)
	}
	if len(outcomes) == 0 {
		return Lost
	}
	return Worst(outcomes...)
}

func outcomeOfOne(attempts []Attempt) Outcome {
	var failed, beside, unknown bool
	last := Lost
	for i := range attempts {
		a := &attempts[i]
		if a.leftOut() {
			continue
		}
		if a.Source == SourceBeside && (last == Passed || last == Failed || last == Skipped) {
			beside = beside || a.Outcome != Passed && a.Outcome != Skipped
			continue
		}
		switch a.Outcome {
		case Failed:
			failed, last = true, Failed
		case Passed:
			last = Passed
		case Skipped:
			switch {
			case a.Kept && last == Lost:
				last = NotRun
			case !a.Kept && (last == Lost || last == NotRun):
				last = Skipped
			}
		case OutcomeUnknown, Flaky, Lost, NotRun:
			unknown = true
		default:
			unknown = true
		}
	}
	switch {
	case unknown && failed:
		return Failed
	case unknown:
		return Lost
	case last == Passed && (failed || beside):
		return Flaky
	case last == Skipped && beside:
		return Failed
	}
	return last
}

// leftOut reports whether an attempt decides nothing. A failure always counts, except that of
// a retry which the framework made within a diagnostic rerun: the one before it counts.
func (a Attempt) leftOut() bool {
	return a.Uncounted != "" && (a.Outcome == Passed || a.Outcome == Skipped || a.Source == SourceFramework)
}

// Twins groups the attempts at tests that share one id, by the number of the test. The
// attempts at a test with an id of its own are one group; no attempts are no group.
func Twins(attempts []Attempt) [][]Attempt {
	if len(attempts) == 0 {
		return nil
	}
	one := true
	for i := range attempts {
		one = one && attempts[i].Twin == attempts[0].Twin
	}
	if one {
		return [][]Attempt{slices.Clip(attempts)}
	}
	at := map[int]int{}
	var groups [][]Attempt
	for _, a := range attempts {
		i, known := at[a.Twin]
		if !known {
			i = len(groups)
			at[a.Twin] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], a)
	}
	return groups
}

// JoinTwins joins the attempts of tests that share one id (a class in two browsers, a
// set-up in two processes). They stay separate tests: a pass of one is not a retry of the
// other's failure.
func JoinTwins(have, more []Attempt) []Attempt {
	if len(have) == 0 {
		return more
	}
	if len(more) == 0 {
		return have
	}
	var joined []Attempt
	for i, list := range append(Twins(have), Twins(more)...) {
		for _, a := range list {
			a.Twin = i + 1
			joined = append(joined, a)
		}
	}
	return joined
}

// Numbered returns attempts with their numbers, from 1 in their order. Only this function
// sets the number of an attempt.
func Numbered(attempts []Attempt) []Attempt {
	numbered := append([]Attempt{}, attempts...)
	for i := range numbered {
		numbered[i].N = i + 1
	}
	return numbered
}

// Worst returns the outcome of a parent whose children (or doubles) ended with
// the given outcomes, in whatever order: failed before unknown before lost before
// not run before flaky before passed before skipped.
func Worst(outcomes ...Outcome) Outcome {
	worst := OutcomeUnknown
	for i, o := range outcomes {
		if i == 0 || rank(o) > rank(worst) {
			worst = o
		}
	}
	return worst
}

func rank(o Outcome) int {
	switch o {
	case Failed:
		return 7
	case Lost:
		return 5
	case NotRun:
		return 4
	case Flaky:
		return 3
	case Passed:
		return 2
	case Skipped:
		return 1
	case OutcomeUnknown:
	default:
	}
	return 6
}

// Category is the kind of a failure. The zero value is treated as
// [Unknown].
type Category string

// The failure categories of the domain.
const (
	ProductRegression  Category = "PRODUCT_REGRESSION"
	TestBug            Category = "TEST_BUG"
	EnvironmentFailure Category = "ENVIRONMENT_FAILURE"
	FlakyTiming        Category = "FLAKY_TIMING"
	DataCollision      Category = "DATA_COLLISION"
	ExternalDependency Category = "EXTERNAL_DEPENDENCY"
	Unknown            Category = "UNKNOWN"
)

// Categories lists the allowed words in the order in which reports show them.
func Categories() []Category {
	return []Category{ProductRegression, TestBug, EnvironmentFailure, FlakyTiming, DataCollision, ExternalDependency, Unknown}
}

// Confidence says how well a category is supported by its evidence.
type Confidence string

// The levels of confidence.
const (
	ConfidenceHigh   Confidence = "high"
	ConfidenceMedium Confidence = "medium"
	ConfidenceLow    Confidence = "low"
)

// SomeOf names at most five of a list, for sentences.
func SomeOf(list []string) string {
	const most = 5
	if len(list) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
	}
	return strings.Join(list, ", ")
}
