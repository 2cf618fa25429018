// Package runner runs the units of shards: each a process with an identity, an
// environment and folders of its own, under locks and time limits. What a unit does is
// always recorded. A failed test is a result, not an error.
package runner

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/isolation"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite"
)

// Suite is a suite with its adapter.
type Suite struct {
	Spec    suite.Spec
	Adapter suite.Adapter
}

// Config is shared by all shards.
type Config struct {
	// Root is the repository root; Out is the run's folder, and units get folders below it.
	Root   string
	Out    string
	Run    e2e.Run
	Digest string
	// Shards is the number of shards of the plan.
	Shards int
	Suites map[string]Suite
	// BaseEnv is the environment that child processes may inherit from; Secrets are
	// withheld by name.
	BaseEnv []string
	Secrets []string
	// Redact wraps a log so that secrets do not reach it; nil: as it is.
	Redact func(io.Writer) io.WriteCloser
	// Checkpoint is given a shard's document when a unit starts and when it ends, so that
	// a gate that is killed leaves what was known. It may be nil.
	Checkpoint func(e2e.ShardRun)
	// Progress is called with each event. It must be fast and safe for concurrent calls
	// from several shards. It may be nil.
	Progress func(e2e.Event)
	Now      func() time.Time
	// Patience is how long nothing may happen in a batch.
	Patience Patience
	// Pull is how shards get their work; empty: [PullUnits].
	Pull Pull
	// Batches are the ids of units whose tests are not known before they have run, by unit.
	Batches map[string]string
	// Whole is how many planned tests the suites have of which all tests were selected, by name.
	Whole map[string]int
	// Seconds are the estimates of the plan, by test id; StartSeconds is what one more
	// process costs.
	Seconds      map[string]float64
	StartSeconds float64
	// Isolation gives each attempt on each shard its own resources; nil for none. IsolationScope says which
	// tests need them; nil: all.
	Isolation      *isolation.Isolation
	IsolationScope *e2e.Scope
	// Hold waits until the environment is healthy enough for some tests to start. If it
	// never will be for some of them, Hold returns these, with the reason. Several shards call it concurrently. It
	// may be nil.
	Hold func(ctx context.Context, tests []e2e.Test) Held
	// Waits says for what tests have to wait that may start later, as "gate api"; empty: for nothing. Until then, a shard
	// starts other work. [Runner.Wake] tells that this has changed. It must not call the runner.
	Waits func(tests []e2e.Test) string
}

// Held are tests that must not start.
type Held struct {
	Tests []e2e.Test
	Code  e2e.Code
	Why   string
	// Said: the reason is told elsewhere, as that of a gate is.
	Said bool
}

// Runner runs shards of one plan on this machine.
type Runner struct {
	cfg   Config
	ports *ports

	mu     sync.Mutex
	queues []*Queue
}

// Wake has shards look again for work that they may start.
func (r *Runner) Wake() {
	r.mu.Lock()
	queues := slices.Clone(r.queues)
	r.mu.Unlock()
	for _, q := range queues {
		q.mu.Lock()
		q.changed.Broadcast()
		q.mu.Unlock()
	}
}

// New makes a runner.
func New(cfg Config) *Runner {
	if cfg.Progress == nil {
		cfg.Progress = func(e2e.Event) {}
	}
	if cfg.Redact == nil {
		cfg.Redact = func(w io.Writer) io.WriteCloser { return nopCloser{w} }
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Patience = cfg.Patience.withDefaults()
	if cfg.Hold == nil {
		cfg.Hold = func(context.Context, []e2e.Test) Held { return Held{} }
	}
	if cfg.Waits == nil {
		cfg.Waits = func([]e2e.Test) string { return "" }
	}
	return &Runner{cfg: cfg, ports: &ports{
		look: proc.Ports, offset: func() float64 { return cfg.Now().Sub(cfg.Run.Started).Seconds() }, running: map[*proc.Process]*[]e2e.PortSpan{},
	}}
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// Shard is one shard while it runs. Its methods are not safe for concurrent use;
// different shards are independent.
type Shard struct {
	r     *Runner
	plan  e2e.PlanShard
	tests map[string]e2e.Test
	doc   e2e.ShardRun
	runs  map[string]*e2e.TestRun
	spent map[string]time.Duration
	seq   int
	// took are the planned tests that the shard took from the queue, its own and others'.
	took []string
	// unable: a unit could not start here, so this shard does not steal.
	unable bool
	// spaces are open, by attempt.
	spaces map[int]*space
	// refused says why the rerun of a test could not start.
	refused map[string]string
	// asked are the tests whose rerun was asked for.
	asked map[string]bool
	// beside says what else a rerun of a unit reported.
	beside map[string]string
}

// Shard prepares a shard. tests maps the plan's ids to tests.
func (r *Runner) Shard(plan e2e.PlanShard, tests map[string]e2e.Test) *Shard {
	s := &Shard{r: r, plan: plan, tests: tests, runs: map[string]*e2e.TestRun{}, spent: map[string]time.Duration{}, spaces: map[int]*space{},
		refused: map[string]string{}, asked: map[string]bool{}, beside: map[string]string{}}
	s.doc = e2e.ShardRun{Schema: e2e.ShardSchema, Run: r.cfg.Run, Digest: r.cfg.Digest, Index: plan.Index, Platform: runtime.GOOS + "/" + runtime.GOARCH}
	return s
}

// planned are the shard's smoke tests, or all others, in the order of the plan.
func (s *Shard) planned(smoke bool) []string {
	if n := s.plan.Smoke; n > 0 && n <= len(s.plan.Tests) {
		if smoke {
			return s.plan.Tests[:n:n]
		}
		return s.plan.Tests[n:]
	}
	var list []string
	for _, id := range s.plan.Tests {
		if s.tests[id].Smoke() == smoke {
			list = append(list, id)
		}
	}
	return list
}

// Took returns the planned tests that the shard took from the queue, its own and stolen
// ones, in order.
func (s *Shard) Took() []string { return slices.Clone(s.took) }

// Rerun runs tests again, one unit at a time: the diagnostic rerun. Nothing else may run
// on this machine then, so locks are not taken. With a test runs what [Shard.With] names. It
// returns the ids that reported.
func (s *Shard) Rerun(ctx context.Context, ids []string) map[string]bool {
	all := slices.Clone(ids)
	for _, id := range ids {
		s.asked[id] = true
		all = append(all, s.With(id)...)
	}
	ids = s.inOrder(all)
	before := map[string]int{}
	for _, id := range ids {
		before[id] = s.attempts(id)
	}
	for _, tests := range s.units(s.plannedFor(ids)) {
		s.run(ctx, tests, 2)
	}
	done := map[string]bool{}
	for _, id := range ids {
		done[id] = s.attempts(id) > before[id]
	}
	return done
}

// With names the tests that run again with a failed one, in the order of the plan: the others
// of its group, and those that it kept from running.
func (s *Shard) With(id string) []string {
	group := s.tests[id].Group
	var list []string
	for _, other := range s.took {
		if other != id && (group != "" && s.tests[other].Group == group || s.keptBy(other) == id) {
			list = append(list, other)
		}
	}
	return list
}

// Cause is what a failed test has in common with others that run again with it: its group, or
// a set-up that failed in the same way for several. It is empty for a failure that stands
// alone. seconds is how long all that runs again with it takes; in a group, the failed test
// with the least id has those of the group, and the others have none.
func (s *Shard) Cause(id string) (cause string, seconds float64) {
	test, others := s.tests[id], s.With(id)
	if cause = test.Group; cause == "" {
		cause = setUpOf(test, s.runs[id])
	}
	seconds = s.tookSeconds(id)
	for _, other := range others {
		if run := s.runs[other]; test.Group != "" && other < id && run != nil && e2e.OutcomeOf(run.Attempts) == e2e.Failed {
			return cause, 0
		}
		seconds += max(s.tookSeconds(other), s.r.cfg.Seconds[other])
	}
	return cause, seconds
}

// setUps are how messages begin that adapters give tests whose set-up failed.
var setUps = []string{"in set-up: ", "in a hook: ", "before the tests of "}

// setUpOf names the set-up that failed for a test, with its message; empty: none did.
func setUpOf(test e2e.Test, run *e2e.TestRun) string {
	message := run.Attempts[len(run.Attempts)-1].Message
	for _, start := range setUps {
		if test.ID != "" && strings.HasPrefix(message, start) {
			return test.Unit + "\n" + message
		}
	}
	return ""
}

// tookSeconds is how long the last attempt at a test took.
func (s *Shard) tookSeconds(id string) float64 {
	if run := s.runs[id]; run != nil && len(run.Attempts) > 0 {
		return run.Attempts[len(run.Attempts)-1].Seconds
	}
	return 0
}

// keptBy is the failed test that kept another one from running; empty: it ran, or that is not
// known.
func (s *Shard) keptBy(id string) string {
	run := s.runs[id]
	if run == nil || e2e.OutcomeOf(run.Attempts) != e2e.NotRun {
		return ""
	}
	return run.Attempts[len(run.Attempts)-1].KeptBy
}

// inOrder sorts tests as the shard took them, each once; others stay behind.
func (s *Shard) inOrder(ids []string) []string {
	at := map[string]int{}
	for i, id := range s.took {
		at[id] = i - len(s.took)
	}
	ids = slices.Clone(ids)
	slices.SortStableFunc(ids, func(a, b string) int { return cmp.Or(at[a]-at[b], strings.Compare(a, b)) })
	return slices.Compact(ids)
}

// plannedFor maps tests that a batch reported to the batch.
func (s *Shard) plannedFor(ids []string) []string {
	var planned []string
	for _, id := range ids {
		if _, ok := s.tests[id]; !ok {
			id = s.batchOf(id)
		}
		if id != "" && !slices.Contains(planned, id) {
			planned = append(planned, id)
		}
	}
	return planned
}

// Planned is the test of that id, or what stands for the batch of this shard that reported it.
func (s *Shard) Planned(id string) (e2e.Test, bool) {
	if t, ok := s.tests[id]; ok {
		return t, true
	}
	t, ok := s.tests[s.batchOf(id)]
	return t, ok
}

// batchOf is the batch of this shard that reported a test; empty where none did.
func (s *Shard) batchOf(id string) string {
	run := s.runs[id]
	if run == nil || run.Unplanned == nil {
		return ""
	}
	batch := s.r.cfg.Batches[run.Unplanned.Unit]
	if !slices.Contains(s.took, batch) {
		return ""
	}
	return batch
}

func (s *Shard) attempts(id string) int {
	if run := s.runs[id]; run != nil {
		return len(run.Attempts)
	}
	return 0
}

// units groups tests that run in one process, in the order of their first test.
func (s *Shard) units(ids []string) [][]e2e.Test {
	at := map[string]int{}
	var units [][]e2e.Test
	for _, id := range ids {
		t := s.tests[id]
		i, ok := at[t.Unit]
		if !ok {
			i = len(units)
			at[t.Unit] = i
			units = append(units, nil)
		}
		units[i] = append(units[i], t)
	}
	return units
}

// Problem records a problem of the shard.
func (s *Shard) Problem(p e2e.Problem) {
	p.Shard = s.plan.Index
	s.doc.Problems = append(s.doc.Problems, p)
}

// Reran records what became of the failed tests' reruns.
func (s *Shard) Reran(records []e2e.RerunRecord) { s.doc.Reruns = records }

// Tests returns what was reported so far, sorted by id.
func (s *Shard) Tests() []e2e.TestRun {
	list := make([]e2e.TestRun, 0, len(s.runs))
	for _, id := range slices.Sorted(maps.Keys(s.runs)) {
		run := *s.runs[id]
		run.Attempts = e2e.Numbered(run.Attempts)
		list = append(list, run)
	}
	return list
}

// Document is the shard's document as things stand; complete says that nothing
// was left undone.
func (s *Shard) Document(gates []e2e.Gate, complete bool) e2e.ShardRun {
	doc := s.doc
	doc.Tests, doc.Gates, doc.Complete = s.Tests(), gates, complete
	doc.Run.Finished = s.r.cfg.Now().UTC()
	if complete {
		doc.Running = nil
	}
	return doc
}

// maxRunning bounds how many running tests are named.
const maxRunning = 20

// checkpoint writes the document down, with the tests that run now.
func (s *Shard) checkpoint(running []e2e.Test) {
	s.doc.Running = ids(running)[:min(len(running), maxRunning)]
	if s.r.cfg.Checkpoint != nil {
		s.r.cfg.Checkpoint(s.Document(nil, false))
	}
}

// notRun records why tests did not start.
func (s *Shard) notRun(tests []e2e.Test, code e2e.Code, reason string) {
	for _, t := range tests {
		s.doc.NotRun = append(s.doc.NotRun, e2e.NotRunTest{ID: t.ID, Code: code, Reason: reason})
	}
}

// Identity is what a test process or a background process knows about the run.
func Identity(run e2e.Run) map[string]string {
	return map[string]string{"E2E_RUN_ID": run.ID, "E2E_STAGE": run.Stage, "E2E_TARGET": run.Target, "E2E_SHA": run.SHA}
}

// identity holds the ids of one attempt on this shard, or of one unit of it.
type identity struct {
	env                        map[string]string
	correlation, prefix, trace string
}

// identity is what a unit of one attempt on this shard gets. The trace is the
// unit's own; all else is the attempt's.
func (s *Shard) identity(attempt int, unit string) identity {
	run := s.r.cfg.Run
	correlation := fmt.Sprintf("%s-s%d-a%d", run.ID, s.plan.Index, attempt)
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", correlation, run.WorkflowAttempt))
	trace := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%s", correlation, run.WorkflowAttempt, unit))
	id := identity{env: Identity(run), correlation: correlation, prefix: "e" + new(big.Int).SetBytes(sum[:6]).Text(36), trace: hex.EncodeToString(trace[:16])}
	maps.Copy(id.env, map[string]string{
		"E2E_SHARD": strconv.Itoa(s.plan.Index), "E2E_SHARDS": strconv.Itoa(s.r.cfg.Shards),
		"E2E_ATTEMPT": strconv.Itoa(attempt), "E2E_CORRELATION_ID": correlation, "E2E_DATA_PREFIX": id.prefix,
		"TRACEPARENT": "00-" + id.trace + "-" + hex.EncodeToString(trace[16:24]) + "-01",
	})
	return id
}

// folder makes the folders of one unit.
func (s *Shard) folder(unit string, attempt int) (rel string, err error) {
	s.seq++
	rel = filepath.Join("units", fmt.Sprintf("%d-%03d-%s-%d", s.plan.Index, s.seq, slug(unit), attempt))
	err = os.MkdirAll(s.r.cfg.Out, 0o755)
	var root *os.Root
	if err == nil {
		root, err = os.OpenRoot(s.r.cfg.Out)
	}
	if err != nil {
		return "", fmt.Errorf("open the run's folder: %w", err)
	}
	defer func() { _ = root.Close() }()
	for _, sub := range []string{"reports", "evidence"} {
		if err := root.MkdirAll(filepath.Join(rel, sub), 0o755); err != nil {
			return "", fmt.Errorf("make the batch's folder: %w", err)
		}
	}
	return rel, nil
}

func slug(name string) string {
	s := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			return c
		}
		return '-'
	}, name)
	return strings.Trim(s[max(0, len(s)-40):], "-")
}

// env is the environment of a unit.
func (s *Shard) env(spec suite.Spec, isolated, identity map[string]string, reports, evidence string) []string {
	own := map[string]string{"E2E_REPORT_DIR": reports, "E2E_EVIDENCE_DIR": evidence}
	return proc.CleanEnv(proc.Env{Base: s.r.cfg.BaseEnv, Secrets: s.r.cfg.Secrets, Pass: spec.PassEnv,
		Set: []map[string]string{spec.Env, isolated, identity, own}})
}
