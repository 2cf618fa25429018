// Package bigrun writes a config, a plan and shard documents of as many tests as wanted, to
// measure what a verdict costs.
package bigrun

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// Run is what a generated run has.
type Run struct {
	Passed, Failed int
	// Details is the length of the details of a failure, in bytes.
	Details int
	Shards  int
}

// Config is a config for the run.
const Config = "version: 1\nstages: {pr: {}}\nsuites:\n  - {name: s, framework: command, run: [\"true\"], reports: r.xml}\n"

// ID is the id of a test; the failed ones come first.
func ID(i int) string {
	return fmt.Sprintf("s/orders/checkout_%03d_test.go::TestCheckout%06d", i%500, i)
}

// Failure is the failed attempt of a test, with details that no other test has.
func Failure(i, details int) e2e.Attempt {
	var b strings.Builder
	for n := 0; b.Len() < details; n++ {
		_, _ = fmt.Fprintf(&b, "    at checkout_%03d_test.go:%d: order o-%06d was not accepted: step %d of the checkout said <%x>\n", i%500, 10+n, i, n, i*7919+n)
	}
	return e2e.Attempt{N: 1, Outcome: e2e.Failed, Source: e2e.SourceFirst, WorkflowAttempt: 1, Seconds: 0.25, Started: at(i),
		Type: "AssertionError", Message: fmt.Sprintf("order o-%06d: expected state accepted, got submitted", i), Details: b.String()[:details],
		Correlation: fmt.Sprintf("big-0-%d", i)}
}

var start = time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)

func at(i int) time.Time { return start.Add(time.Duration(i) * time.Millisecond) }

func (r Run) test(i int) e2e.Test {
	file, name := fmt.Sprintf("orders/checkout_%03d_test.go", i%500), fmt.Sprintf("TestCheckout%06d", i)
	return e2e.Test{ID: ID(i), Suite: "s", Framework: "command", File: file, Name: name,
		Owner: fmt.Sprintf("team-%d", i%20), Criticality: e2e.ReleaseBlocking, Unit: "s"}
}

// Plan is the plan of the run.
func (r Run) Plan() *e2e.Plan {
	p := &e2e.Plan{Schema: e2e.PlanSchema, Run: e2e.Run{ID: "big", Stage: "pr", Blocks: true, WorkflowAttempt: 1, Version: "test", Started: start},
		Gates: []e2e.Gate{}, Tests: []e2e.PlannedTest{}}
	for n := range r.Shards {
		p.Shards = append(p.Shards, e2e.PlanShard{Index: n, Name: fmt.Sprintf("shard-%d", n), Tests: []string{}})
	}
	for i := range r.Failed + r.Passed {
		p.Tests = append(p.Tests, e2e.PlannedTest{Test: r.test(i), Estimate: 0.25, Source: "history: 9 runs"})
	}
	slices.SortFunc(p.Tests, func(a, b e2e.PlannedTest) int { return strings.Compare(a.ID, b.ID) })
	for i := range r.Failed + r.Passed {
		sh := &p.Shards[i%r.Shards]
		sh.Tests = append(sh.Tests, ID(i))
	}
	data, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(data)
	p.Digest = hex.EncodeToString(sum[:])
	return p
}

// Shard is the document of a shard.
func (r Run) Shard(p *e2e.Plan, index int) e2e.ShardRun {
	doc := e2e.ShardRun{Schema: e2e.ShardSchema, Run: p.Run, Digest: p.Digest, Index: index, Gates: []e2e.Gate{}, Complete: true, Tests: []e2e.TestRun{}}
	unit := e2e.UnitRun{Unit: "s", Suite: "s", Shard: index, Attempt: 1, Command: []string{"true"}, Ended: e2e.EndedExited, Seconds: 60, Log: "units/s.log", Tests: p.Shards[index].Tests}
	for i := index; i < r.Failed+r.Passed; i += r.Shards {
		a := e2e.Attempt{N: 1, Outcome: e2e.Passed, Source: e2e.SourceFirst, WorkflowAttempt: 1, Seconds: 0.25, Started: at(i)}
		if i < r.Failed {
			a, unit.Exit = Failure(i, r.Details), 1
			doc.Reruns = append(doc.Reruns, e2e.RerunRecord{ID: ID(i), Reason: "too many tests failed for a rerun to say anything"})
		}
		a.Shard, a.Files = index, []string{"units/s.log"}
		doc.Tests = append(doc.Tests, e2e.TestRun{ID: ID(i), Attempts: []e2e.Attempt{a}})
	}
	slices.SortFunc(doc.Tests, func(a, b e2e.TestRun) int { return strings.Compare(a.ID, b.ID) })
	doc.Units = []e2e.UnitRun{unit}
	return doc
}

// Write writes e2e-gate.yml, plan.json and results/shard-*.1.json into a folder.
func (r Run) Write(dir string) error {
	p := r.Plan()
	results := filepath.Join(dir, "results")
	err := errors.Join(os.MkdirAll(results, 0o755), os.WriteFile(filepath.Join(dir, "e2e-gate.yml"), []byte(Config), 0o644),
		WriteDocument(filepath.Join(dir, "plan.json"), p))
	for n := range r.Shards {
		err = errors.Join(err, WriteDocument(filepath.Join(results, fmt.Sprintf("shard-%d.1.json", n)), r.Shard(p, n)))
	}
	return err
}

// WriteDocument writes a document; that of a shard gets its checksum.
func WriteDocument(file string, v any) error {
	data, err := json.Marshal(v)
	if doc, ok := v.(e2e.ShardRun); ok && err == nil {
		zeros := strings.Repeat("0", 64)
		doc.Checksum = zeros
		if data, err = json.Marshal(doc); err == nil {
			sum := sha256.Sum256(data)
			data = bytes.Replace(data, []byte(zeros), []byte(hex.EncodeToString(sum[:])), 1)
		}
	}
	return errors.Join(err, os.WriteFile(file, data, 0o644))
}
