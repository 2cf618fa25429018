// Package verdict turns evidence into a result by pure functions: plan, shard
// documents and everything that is known around them go in as plain values, and one
// [e2e.Result] with its verdict comes out. It does no I/O, reads no clock and keeps
// no state: [Of] of the same input is the same result, and leaves its input alone.
//
// The steps are files: accept.go (which documents count, and why the others do not),
// earlier.go (what earlier attempts of the workflow run said), merge.go (attempts
// side by side, by planned test), alibi.go (was the environment at fault), judge.go
// (gates, quarantine, budgets, policy).
//
// What kind of failure a failure is (triage) is not known here and is added later: no
// category can change a verdict.
package verdict

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/policy"
)

// In is all that a result is made from: values only. The zero value is not judged.
type In struct {
	// Run is the run that judges: its stage, commit and workflow attempt say which
	// documents are of this run.
	Run e2e.Run
	// Plan is what was to run; nil where nothing was planned, as behind failed gates.
	Plan *e2e.Plan
	// Gates as this run saw them; nil: as the plan saw them.
	Gates []e2e.Gate
	// Ends are background processes of this machine that ended by themselves.
	Ends []e2e.ProcessEnd
	// Documents are what shards left. Local says that the shards ran in this very
	// process: their documents count as they are. Else they were found in files, and
	// each has to show that it belongs to this plan.
	Documents []Document
	Local     bool
	// Unreadable are documents that are there and cannot be read.
	Unreadable []Unreadable
	// Absent says of shards that left no document, or none that is complete, why: what the machine that ran them says. By index.
	Absent map[int]string
	// Results are the runs of results that were found with the documents: an attempt that
	// found its gates failed left a result and no shard.
	Results []e2e.Run
	// Earlier is what earlier attempts of this workflow run said, where it is known
	// already; see [Before]. Otherwise Witnesses say what became of attempts without documents.
	Earlier   Earlier
	Witnesses []Witness
	// Jobs are those before this one in the workflow, as far as they are told.
	Jobs []Job
	// Problems were found before the judging, in order.
	Problems   []e2e.Problem
	Table      policy.Table
	Quarantine policy.Quarantine
	// Judging says whose config judges; nil: not known.
	Judging *e2e.Judging
	// Excusing are the dependencies that may excuse tests of a change for not having run, by the suite's name; no other
	// one excuses anything. Nil: every dependency that they need counts.
	Excusing map[string][]string
	// Lacks are what planned tests do not have that the stage requires, by id, so that their pass proves nothing.
	Lacks map[string][]string
	// Budget is the stage's, in seconds; 0: none.
	Budget   float64
	Journeys []JourneyBudget
	// Known are the ids that earlier runs reported, by suite.
	Known map[string][]string
	// Base is what the base does, to tell a failure that it has too; without runs nothing is excused.
	Base Base
	// Now is when the judging happens: deadlines are compared with it.
	Now time.Time
}

// Document is the document of a shard and where it was found.
type Document struct {
	File string
	// Name is the file's, from the folder that was read; Sum is the SHA-256 of its bytes.
	Name, Sum string
	// Sealed: the file has its checksum, so these are the bytes that a gate wrote.
	Sealed bool
	Shard  e2e.ShardRun
	// Unplanned are the tests that the document reports but that are not planned, by id,
	// with owner, journey and criticality; without an entry the document's own words
	// hold.
	Unplanned map[string]e2e.Test
}

// Unreadable is a document that a shard left and that cannot be read.
type Unreadable struct {
	// Index and Attempt are those of the shard, -1 where they are not known.
	Index, Attempt int
	// Text says what is wrong with it.
	Text string
}

// JourneyBudget is how long a journey may take.
type JourneyBudget struct {
	Name  string
	Owner string
	// Limit in seconds.
	Limit float64
}

// Out is what came of it.
type Out struct {
	// Result is the whole result, except for what triage says of its failures.
	Result e2e.Result
	// Counted are the documents that the result is made of, in the order of the plan.
	Counted []e2e.ShardRun
}

// Of judges.
func Of(in In) Out {
	out, err := Within(context.Background(), in)
	if err != nil {
		panic(err) // only the end of a context is one
	}
	return out
}

// Within is [Of] for as long as a context lasts; the error is that it ended.
func Within(ctx context.Context, in In) (Out, error) {
	r := e2e.Result{
		Schema: e2e.ResultSchema, Run: in.Run, Gates: slices.Clone(in.Gates), Tests: []e2e.TestResult{}, Clusters: []e2e.Cluster{},
		Shards: []e2e.ShardResult{}, Budgets: []e2e.Budget{}, Judging: in.Judging,
	}
	r.Run.Finished = in.Now.UTC()
	a, err := accept(ctx, in)
	if err != nil {
		return Out{}, err
	}
	r.Run.Before = a.earlier.Note
	if in.Plan != nil {
		if r.Gates == nil {
			r.Gates = in.Plan.Gates
		}
		r.Gates = mergeGates(r.Gates, a.counted)
		r.Plan = Summary(in.Plan)
		m, err := newMerge(ctx, in, a)
		if err == nil {
			m.gates = r.Gates
			r.Tests, err = m.results(ctx)
		}
		if err != nil {
			return Out{}, err
		}
		r.Shards = shardResults(in.Plan.Shards, a.counted)
		a.problems.add(m.gone...)
		a.problems.add(ranWithoutGate(in.Plan, a.counted)...)
		a.problems.add(a.earlier.failedUnseen(r.Tests)...)
		r.Problems = m.expand(mergeProblems(a.allProblems()))
	} else {
		r.Problems = mergeProblems(a.allProblems())
	}
	r.Problems = append(r.Problems, notVerified(r)...)
	in.Judging = measured(in.Judging, in.Plan, r.Tests)
	r.Judging = in.Judging
	counted := shardsOf(a.counted)
	if err := judge(ctx, in, a, counted, &r); err != nil {
		return Out{}, err
	}
	out := Out{Result: r}
	if len(a.counted) > 0 {
		out.Counted = counted
	}
	return out, nil
}

// notVerified says of something deployed that no gate proved that it is what the tests ran against, where they ran.
func notVerified(r e2e.Result) []e2e.Problem {
	run := r.Run
	deployed := run.Named || run.Environment != ""
	ran := slices.ContainsFunc(r.Tests, func(t e2e.TestResult) bool { return len(t.Attempts) > 0 })
	if !deployed || !ran || run.SHA == "" && run.ProductVersion == "" || run.VerifiedBy(r.Gates) {
		return nil
	}
	return []e2e.Problem{{Code: e2e.CodeNotVerified, Note: true, Text: "the deployed version is not verified: no gate compared what is deployed with " +
		strings.TrimSpace(cmp.Or(run.ProductVersion, fmt.Sprintf("commit %.10s", run.SHA))) + ". Add a check of the kind version, with sha: \"${E2E_SHA}\" or " +
		"equals: \"${E2E_SUBJECT_VERSION}\""}}
}

// Summary is what a result repeats of its plan.
func Summary(p *e2e.Plan) e2e.PlanSummary {
	s := e2e.PlanSummary{Digest: p.Digest, Tests: p.Planned(), Shards: len(p.Shards), Makespan: p.Makespan, Guessed: p.Guessed}
	for _, b := range p.Batches {
		s.Whole = append(s.Whole, b.Suite)
	}
	if all := p.Whole(); p.Run.Narrowed != nil || all > p.Planned() {
		s.Of = all
	}
	return s
}

// ended is the error of a context, asked once in so many steps of a loop over all tests.
func ended(ctx context.Context, step int) error {
	if step%1024 != 0 {
		return nil
	}
	return ctx.Err()
}

// problems are problems in the order in which they were found, each once.
type problems []e2e.Problem

func (ps *problems) add(list ...e2e.Problem) {
	for _, p := range list {
		if !slices.ContainsFunc(*ps, func(o e2e.Problem) bool { return o.Code == p.Code && o.Text == p.Text }) {
			*ps = append(*ps, p)
		}
	}
}
