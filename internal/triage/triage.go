// Package triage says what kind of failure a failure is: a pure function from what
// is known about it to a category with evidence, and to clusters of failures with
// one cause.
//
// Text proposes, context decides. Ordered patterns read the failure's words and
// name a family (connection refused, duplicate key, wrong value, element not
// there); the family's table of rows, first match wins, turns health, rerun,
// history and changed paths into a category. What no row earns is UNKNOWN, with
// the candidates and the evidence that is missing.
//
// Two errors steer the tables. Calling a product regression anything else is the
// worst: an assertion on the product's outcome that failed twice stays one unless
// something names another mechanism. Blaming the product for the environment is
// second: a failure whose own words are about infrastructure is not blamed on it.
// Whether a test is flaky is a label of its own and is not decided here: a passing
// rerun is evidence, and the cause may still be data, environment or the product.
package triage

import (
	"errors"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// Health says how the environment was while the test ran. The zero value is
// unknown and is taken as ok.
type Health string

// The words for health.
const (
	HealthOK       Health = "ok"
	HealthDegraded Health = "degraded"
	HealthFailed   Health = "failed"
)

// Rerun says how the diagnostic rerun ended. The zero value is none.
type Rerun string

// The words for the rerun.
const (
	RerunPassed Rerun = "passed"
	RerunFailed Rerun = "failed"
	RerunNone   Rerun = "none"
)

// Recent says how the test did in its recent history. The zero value is unknown:
// there is no history.
type Recent string

// The words for history.
const (
	RecentStable        Recent = "stable"
	RecentFlaky         Recent = "flaky"
	RecentNew           Recent = "new"
	RecentFailingOnMain Recent = "failing-on-main"
)

// Context is what is known around a failure.
type Context struct {
	Health       Health   `json:"health"`
	Rerun        Rerun    `json:"rerun"`
	Recent       Recent   `json:"recent"`
	ChangedPaths []string `json:"changed_paths"`
}

// Input is one failure: what the pipeline has of it, and a line of the JSON lines interface. ID, Message, Details and
// Context are enough; the rest makes the answer better where it is known.
type Input struct {
	ID        string `json:"id" mask:"-"`
	Framework string `json:"framework" mask:"-"`
	Test      string `json:"test" mask:"-"`
	// Command runs the test; empty: e2e-gate run with its ID.
	Command string  `json:"command,omitempty" mask:"-"`
	Message string  `json:"message" mask:"line of Details"`
	Details string  `json:"details"`
	Context Context `json:"context"`

	// Type is the failure type that the framework reported, an exception class.
	Type string `json:"type,omitempty"`
	// Assertion and Error say which of the two the framework called it; neither
	// where it does not tell.
	Assertion bool `json:"assertion,omitempty"`
	Error     bool `json:"error,omitempty"`
	// Expected and Actual are what the test itself left as evidence.
	Expected string `json:"expected,omitempty"`
	Actual   string `json:"actual,omitempty"`
	// RerunMessage is the message of the rerun, where that failed too.
	RerunMessage string `json:"rerun_message,omitempty"`
	// Gates with their timelines, and the time of the failing attempt: where both are
	// given, health is what the gates said then, and Context.Health does not count.
	Gates []e2e.Gate `json:"gates,omitempty"`
	From  time.Time  `json:"from,omitzero"`
	To    time.Time  `json:"to,omitzero"`
	// Hosts are further hosts that belong to the environment under test.
	Hosts []string `json:"hosts,omitempty"`
	// RunValues are values of this run that the words may hold: run id, correlation
	// id, data prefix. They are taken out before failures are compared.
	RunValues []string `json:"run_values,omitempty" mask:"-"`
	// Owner answers for the test.
	Owner string `json:"owner,omitempty" mask:"-"`
	// Crashes are processes of the product that crashed before the test ended.
	Crashes []Crash `json:"crashes,omitempty"`
	// SharedPort is set where two shards on the machine collided.
	SharedPort *SharedPort `json:"shared_port,omitempty"`
	// Company is how the test did beside others.
	Company Company `json:"company,omitzero"`
	// Pressure says what the machine was measured to be short of while the test ran; empty: nothing, or not measured.
	Pressure string `json:"pressure,omitempty"`
	// Planned is how many tests the run planned; with [Triager.All] it tells a mass
	// failure. Zero: not known.
	Planned int `json:"planned,omitempty"`
}

// Result is what kind of failure it is, and why that is said.
type Result struct {
	ID         string
	Category   e2e.Category
	Cause      string
	Confidence e2e.Confidence
	// Evidence quotes what supports the category and says where it stands.
	Evidence []string
	NextStep string
	// RunnerUp is the next best category; empty where nothing else comes close.
	RunnerUp e2e.Category
	// Line is the line that decided, as it stands; empty where none did.
	Line string
}

// Triager holds the user's rules. Its methods may be called by several goroutines.
type Triager struct {
	rules []compiledRule
	paths pathMemory
}

// New prepares rules that [Validate] found nothing wrong with; the error names the
// first problem.
func New(rules []Rule) (*Triager, error) {
	compiled, problems := compile(rules)
	if len(problems) > 0 {
		p := problems[0]
		return nil, errors.New(p.Path + ": " + p.Text + "; " + p.Hint)
	}
	return &Triager{rules: compiled}, nil
}

// Triage categorises one failure. Equal inputs give equal results.
func (t *Triager) Triage(in Input) Result {
	return t.judge(propose(in, t.paths.changes(in.Context.ChangedPaths)))
}

func (t *Triager) judge(f *failure) Result {
	if r, ok := t.byRule(f.in, f.doc); ok {
		return r
	}
	if r, ok := f.known(); ok {
		return r
	}
	return f.decide()
}
