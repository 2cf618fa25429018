package verdict

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/policy"
)

// judge finds alibis, applies earlier attempts, quarantine and budgets, and has the
// policy decide.
func judge(ctx context.Context, in In, a accepted, counted []e2e.ShardRun, r *e2e.Result) error {
	now := alibis{gates: gatesSeen(in, a.counted), ends: endsOf(in, counted), shards: counted}
	before := alibis{gates: gatesOf(a.earlier.Shards), ends: endsOn(a.earlier.Shards), shards: a.earlier.Shards}
	var ids map[string]bool
	known := func(id string) bool {
		if ids == nil { // few runs ask
			ids = make(map[string]bool, len(r.Tests))
			for i := range r.Tests {
				ids[r.Tests[i].Stable()] = true
			}
		}
		return ids[id]
	}
	all, allBefore := now, before
	for i := range r.Tests {
		if err := ended(ctx, i); err != nil {
			return err
		}
		t := &r.Tests[i]
		now, before := all.needed(&t.Test), allBefore.needed(&t.Test)
		earlier := a.earlier.Attempts[t.Stable()]
		if t.Set != "" {
			earlier = besideTwin(earlier, t.Attempts, t.Twins)
		}
		t.Environment = now.of(t.Attempts[len(earlier):])
		if t.Environment == nil {
			crashes := now.crashes(t.Attempts[len(earlier):])
			if t.Evidence = append(t.Evidence, crashes...); len(crashes) == 0 {
				t.Environment = now.collision(t.Suite, t.Attempts[len(earlier):])
			}
		}
		laterPass(t, earlier, before.of(earlier))
		if t.Set != "" || t.Twins < 2 { // else fewer of them were reported than any entry can say
			t.Quarantine = in.Quarantine.Find(t.Stable(), t.Twins, known, in.Now)
		}
		t.Lacks = in.Lacks[t.Stable()]
	}
	in.Base.excuse(r.Tests, probesOf(in, counted, r.Tests), in.Now)
	r.Budgets = budgets(in, a.counted, r.Tests)
	if err := ctx.Err(); err != nil {
		return err
	}
	var err error
	r.Verdict, err = policy.DecideInPlace(ctx, policy.Evidence{
		Blocks: in.Run.Blocks, Gates: r.Gates, Tests: r.Tests, Problems: r.Problems, Budgets: r.Budgets, Judging: in.Judging, Table: in.Table,
		LeftOut: in.Plan != nil && len(in.Plan.Deselected) > 0,
	})
	return err
}

// endsOf are the background processes that ended by themselves, here and on the
// machines of the shards.
func endsOf(in In, counted []e2e.ShardRun) []end {
	list := endsOn(counted)
	for _, e := range in.Ends {
		list = append(list, end{ProcessEnd: e, here: true})
	}
	return list
}

func endsOn(docs []e2e.ShardRun) []end {
	var list []end
	for _, doc := range docs {
		for _, e := range doc.Ends {
			list = append(list, end{ProcessEnd: e, shard: doc.Index, attempt: doc.Run.WorkflowAttempt})
		}
	}
	return list
}

// gatesSeen are the gates of this run, and what each shard saw of them. Timelines stay apart:
// between those of two workflow attempts, another build is no surprise.
func gatesSeen(in In, counted []Document) []e2e.Gate {
	gates := in.Gates
	if gates == nil && in.Plan != nil {
		gates = in.Plan.Gates
	}
	list := slices.Clone(gates)
	for _, g := range gates {
		for _, d := range counted {
			for _, seen := range d.Shard.Gates {
				if seen.Name == g.Name {
					g.Timeline = seen.Timeline
					list = append(list, g)
				}
			}
		}
	}
	return list
}

func gatesOf(docs []e2e.ShardRun) []e2e.Gate {
	var list []e2e.Gate
	for _, doc := range docs {
		list = append(list, doc.Gates...)
	}
	return list
}

// budgets measures the stage and its journeys. The stage's time is that of its slowest
// shard, from its first unit to its last.
func budgets(in In, counted []Document, tests []e2e.TestResult) []e2e.Budget {
	list := []e2e.Budget{}
	if in.Budget > 0 && len(counted) > 0 {
		b := e2e.Budget{Scope: "stage", Name: in.Run.Stage, Limit: in.Budget, Used: slowestShard(counted)}
		if b.Over = b.Used > b.Limit; b.Over {
			b.Text = fmt.Sprintf("stage %s took %s, its budget is %s; slowest: %s; look at long set-up, waits and repeated logins before adding shards",
				b.Name, duration(b.Used), duration(b.Limit), slowest(tests))
		}
		list = append(list, b)
	}
	spent := map[string]float64{}
	for _, t := range tests {
		if len(t.Attempts) > 0 && t.Outcome != e2e.Skipped {
			spent[t.Journey] += t.Attempts[len(t.Attempts)-1].Seconds
		}
	}
	for _, j := range in.Journeys {
		used, ran := spent[j.Name]
		if j.Limit <= 0 || !ran {
			continue
		}
		b := e2e.Budget{Scope: "journey", Name: j.Name, Limit: j.Limit, Used: used, Over: used > j.Limit}
		if b.Over {
			b.Text = fmt.Sprintf("journey %s took %s, its max_runtime is %s; owner: %s", b.Name, duration(b.Used), duration(b.Limit), cmp.Or(j.Owner, "not set"))
		}
		list = append(list, b)
	}
	return list
}

// slowestShard is the longest time of a shard, in seconds.
func slowestShard(counted []Document) float64 {
	most := 0.0
	for _, d := range counted {
		first, last := 0.0, 0.0
		for i, u := range d.Shard.Units {
			if i == 0 || u.Offset < first {
				first = u.Offset
			}
			last = max(last, u.Offset+u.Seconds)
		}
		most = max(most, last-first)
	}
	return most
}

func duration(seconds float64) string {
	if seconds < 60 {
		return fmt.Sprintf("%.1fs", seconds)
	}
	return fmt.Sprintf("%dm%02ds", int(seconds)/60, int(seconds)%60)
}
