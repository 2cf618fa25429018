package pipeline

import (
	"cmp"
	"context"
	"slices"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/policy"
	"github.com/org/e2e-gate/internal/triage"
	"github.com/org/e2e-gate/internal/verdict"
)

// evidence is what a command knows when its stages have ended.
type evidence struct {
	plan  *e2e.Plan
	gates []e2e.Gate
	stats history.Stats
	// documents of the shards; local: they ran in this process.
	documents  []verdict.Document
	local      bool
	unreadable []verdict.Unreadable
	// absent says of shards without a whole document why, where whoever ran them knows. By index.
	absent map[int]string
	// results are the runs of results that were found with the documents.
	results []e2e.Run
	earlier verdict.Earlier
	// witnesses of earlier attempts, where earlier is found among the documents.
	witnesses []verdict.Witness
	ends      []e2e.ProcessEnd
}

// localDocuments are documents of shards that ran in this process.
func localDocuments(docs []e2e.ShardRun) []verdict.Document {
	var list []verdict.Document
	for _, doc := range docs {
		list = append(list, verdict.Document{Shard: doc})
	}
	return list
}

// judged is a result, and the documents that it is made of.
type judged struct {
	result e2e.Result
	docs   []e2e.ShardRun
	// local: the documents are those of shards that ran in this process.
	local bool
}

// judge computes the result from the evidence, then explains the failures. A run on one
// machine and documents from many machines are treated alike.
// The error is that the context ended.
func (s *Session) judge(ctx context.Context, ev evidence, problems []e2e.Problem) (judged, error) {
	problems = append(problems, s.tooMany(reported(ev))...)
	engine, err := triage.New(s.opts.Config.Triage.Rules)
	if err != nil {
		problems = append(problems, e2e.Problem{Code: e2e.CodeToolError, LosesEvidence: true, Text: "triage rules: " + err.Error()})
	}
	in := s.input(ev, problems)
	out, stopped := verdict.Within(ctx, in)
	if stopped == nil {
		in, out, stopped = s.exonerated(ctx, in, out)
	}
	if stopped == nil {
		out, stopped = s.approved(ctx, in, out)
	}
	r := out.Result
	if err == nil && stopped == nil {
		r, stopped = s.explained(ctx, engine, r, ev.stats, out.Counted)
	}
	if stopped != nil {
		return judged{}, stopped
	}
	r.Grouped = s.grouped(ctx, &r)
	r.Alert = s.alerted(ctx, r)
	return judged{s.linked(r), out.Counted, ev.local}, nil
}

// input is what a verdict is made from.
func (s *Session) input(ev evidence, problems []e2e.Problem) verdict.In {
	docs := s.enriched(ev)
	return verdict.In{
		Run: s.run, Plan: ev.plan, Gates: ev.gates, Ends: ev.ends, Documents: docs, Local: ev.local,
		Unreadable: ev.unreadable, Absent: ev.absent, Results: ev.results, Earlier: ev.earlier, Witnesses: ev.witnesses, Jobs: s.opts.Jobs, Problems: problems,
		Table: s.opts.Config.Policy.Table(), Quarantine: s.opts.Quarantine, Judging: s.opts.Judging,
		Excusing: s.excusing(), Lacks: s.lacks(ev.plan, docs),
		Budget: s.opts.Stage.Budget.Seconds(), Journeys: s.journeyBudgets(), Known: s.knownTests(ev), Now: s.opts.Now(),
	}
}

// excusing are the dependencies that may excuse a test of a change, by its suite: those that the suite needs by the base's
// config. Tags and journeys of tests are the change's, and so are what a check reads in the checkout and how long all checks
// may take: a change could let a dependency look down with them.
func (s *Session) excusing() map[string][]string {
	if s.opts.Judging == nil || s.opts.Judging.By != e2e.JudgedByBase && s.opts.Judging.By != e2e.JudgedByNothing {
		return nil
	}
	by := map[string][]string{}
	b, now := s.opts.Baseline, s.opts.Config.Gates
	if b == nil || b.Judge == nil || b.Judge.Gates.Timeout != now.Timeout || b.Judge.Gates.Interval != now.Interval || b.Judge.Gates.StableFor != now.StableFor {
		return by
	}
	for _, d := range b.Judge.Depends {
		if d.Check.ReadsCheckout() {
			continue
		}
		users := b.Judge.UsersOf(d.Name)
		for _, spec := range b.Judge.Suites {
			if slices.ContainsFunc(slices.Concat(spec.Services, spec.Needs), func(name string) bool { return slices.Contains(users, name) }) {
				by[spec.Name] = append(by[spec.Name], d.Name)
			}
		}
	}
	return by
}

// reported is how many tests are planned or reported.
func reported(ev evidence) int {
	n := 0
	if ev.plan != nil {
		n = len(ev.plan.Tests)
	}
	for _, d := range ev.documents {
		for i := range d.Shard.Tests {
			if d.Shard.Tests[i].Unplanned != nil {
				n++
			}
		}
	}
	return n
}

// approved judges once more, if the change affects tests in a way that blocks by the base's
// policy, and people may approve that.
func (s *Session) approved(ctx context.Context, in verdict.In, out verdict.Out) (verdict.Out, error) {
	if s.opts.Approve == nil || out.Result.Judging == nil || len(out.Result.Judging.Changes) == 0 {
		return out, nil
	}
	in.Table = in.Table.Blocking(policy.RowJudgeChanged) // so the base says, whoever's policy judges by now
	if j := out.Result.Judging; slices.ContainsFunc(j.Changes, func(c e2e.JudgeChange) bool { return c.What == e2e.ChangedTests }) {
		given, missing := s.opts.Approve()
		now := *in.Judging
		now.ApprovedBy, now.Unapproved = given, missing
		in.Judging = &now
	}
	return verdict.Within(ctx, in)
}

// enriched adds owner, journey and criticality to the tests that only the documents know.
func (s *Session) enriched(ev evidence) []verdict.Document {
	if ev.plan == nil {
		return ev.documents
	}
	batches := map[string]e2e.Batch{}
	for _, b := range ev.plan.Batches {
		batches[b.Unit] = b.Batch
	}
	list := make([]verdict.Document, len(ev.documents))
	for i, d := range ev.documents {
		d.Unplanned = map[string]e2e.Test{}
		for _, run := range d.Shard.Tests {
			if run.Unplanned == nil {
				continue
			}
			t := *run.Unplanned
			of, ok := batches[t.Unit]
			if !ok {
				of = e2e.Batch{Suite: t.Suite}
			}
			d.Unplanned[run.ID] = s.inherit(t, of)
		}
		list[i] = d
	}
	return list
}

// inherit gives a test that only its report knows the metadata of its suite.
func (s *Session) inherit(t e2e.Test, of e2e.Batch) e2e.Test {
	for key, value := range map[string]string{"owner": t.Owner, "journey": t.Journey, "criticality": string(t.Criticality)} {
		if value != "" {
			t.Tags = append(t.Tags[:len(t.Tags):len(t.Tags)], key+":"+value)
		}
	}
	if spec, ok := s.opts.Config.Suite(of.Suite); ok {
		raw := t
		enrich(s.opts.Config, &t, spec, nil)
		t.Needs = s.needs(&t, spec)
		s.opts.Baseline.hold(&t, raw, of.Suite)
	}
	t.Owner = cmp.Or(t.Owner, of.Owner)
	return t
}

func (s *Session) journeyBudgets() []verdict.JourneyBudget {
	var list []verdict.JourneyBudget
	for _, j := range s.opts.Config.Journeys {
		list = append(list, verdict.JourneyBudget{Name: j.Name, Owner: j.Owner, Limit: j.MaxRuntime.Seconds()})
	}
	return list
}

// knownTests are the ids that earlier runs reported of suites that cannot list theirs.
func (s *Session) knownTests(ev evidence) map[string][]string {
	known := map[string][]string{}
	if ev.plan == nil {
		return known
	}
	for _, b := range ev.plan.Batches {
		known[b.Suite] = ev.stats.Known(b.Suite)
	}
	return known
}

// linked adds the links of the config to the attempts of failed and flaky tests.
func (s *Session) linked(r e2e.Result) e2e.Result {
	for i := range r.Tests {
		t := &r.Tests[i]
		shared := true // with the shard's document
		for n := range t.Attempts {
			var links []e2e.Link // what a shard's document says is not a link of this config
			if t.Outcome == e2e.Failed || t.Outcome == e2e.Flaky || t.LaterPass {
				links = s.opts.Config.Links.Of(s.run, t.ID, t.Attempts[n])
			}
			if shared && (links != nil || t.Attempts[n].Links != nil) {
				t.Attempts, shared = slices.Clone(t.Attempts), false
			}
			if !shared {
				t.Attempts[n].Links = links
			}
		}
	}
	return r
}
