package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/safetext"
)

type planCmd struct {
	staged
	Comment    bool   `help:"Say in the pull request's comment about an older commit that this one is being judged. Needs GITHUB_TOKEN with pull-requests: write."`
	Deployment string `help:"Environment. Its newest deployment of the commit gets the status in_progress. Default on deployment events with --comment: the event's. Needs deployments: write." placeholder:"ENV"`
	Tests      string `help:"Plan without a repository: JSON list of {id, owner, tags}." placeholder:"FILE" type:"path"`
	Timings    string `help:"Plan without a repository: CSV with the header test,seconds." placeholder:"FILE" type:"path"`
	Budget     string `help:"With --tests or --timings: time that the plan should stay within." placeholder:"D"`
	Overhead   string `help:"With --tests or --timings: fixed cost of one more shard. Default 20s." placeholder:"D"`
}

// Help is shown by plan --help.
func (planCmd) Help() string {
	return "Examples:\n  e2e-gate plan --shards 4 --out plan/\n  e2e-gate plan --timings timings.csv --shards auto --budget 5m --format json"
}

// Run plans.
func (c planCmd) Run(ctx context.Context, a *App) error {
	if c.Tests != "" || c.Timings != "" {
		return c.planTables(a)
	}
	s, err := a.prepare(ctx, c.staged, config.AllSections, "")
	if err != nil {
		return err
	}
	session, err := s.session(ctx, c.staged, true, !s.trigger.CI, s.past.backups(s.console))
	if err != nil {
		return err
	}
	s.runner().folder(session.Out(), artifactName(c.Key, "plan", s.stage.Name, s.trigger.WorkflowAttempt))
	s.announce(ctx, publish.Wanted{Comment: c.Comment, Deployment: c.Deployment})
	plan, err := session.MakePlan(ctx)
	s.console.Done()
	if err != nil {
		return err
	}
	if c.Format == "json" {
		err = s.json(plan)
	} else {
		err = a.printPlan(safetext.Shown(s.redact, plan), s.shown(filepath.Join(session.Out(), "plan.json")))
	}
	if err == nil {
		err = s.handOver(filepath.Join(session.Out(), "plan.json"), matrix(plan))
	}
	if err == nil && !sound(plan) {
		err = exitError(e2e.ExitNotJudged)
	}
	return err
}

// sound reports whether the plan can lead to a verdict.
func sound(p *e2e.Plan) bool {
	for _, problem := range p.Problems {
		if problem.LosesEvidence {
			return false
		}
	}
	return e2e.GatesOpenForAll(p.Gates) && p.Planned() > 0 // each shard waits once more for what only some tests need
}

// handOver sets the outputs with which later jobs run the plan.
func (s *setup) handOver(file, matrix string) error {
	if err := s.droppedOutput("matrix", matrix); err != nil {
		return err
	}
	s.runner().plan(file, matrix)
	return nil
}

// matrix is the strategy.matrix of a workflow. The names are neutral: GitHub drops an output that
// holds a masked value, and the name of a team may be somebody's password.
func matrix(p *e2e.Plan) string {
	type entry struct {
		Index int    `json:"index"`
		Name  string `json:"name"`
	}
	include := []entry{}
	for _, sh := range p.Shards {
		if len(sh.Tests) > 0 {
			include = append(include, entry{sh.Index, fmt.Sprintf("shard %d", sh.Index)})
		}
	}
	data, err := json.Marshal(map[string]any{"include": include})
	if err != nil {
		return `{"include":[]}`
	}
	return string(data)
}

// printAlternatives shows what other numbers of shards would cost.
func (a *App) printAlternatives(p *e2e.Plan) {
	if len(p.Weighed) < 2 {
		return
	}
	tw := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "\nIF THERE WERE\tAT LEAST\tBILLED")
	for _, w := range p.Weighed {
		mark := ""
		if w.Count == len(p.Shards) {
			mark = "\tchosen"
		}
		_, _ = fmt.Fprintf(tw, "%s\t%.1f s\t%d min%s\n", report.Plural(w.Count, "shard", "shards"), w.Makespan, w.BilledMinutes, mark)
	}
	_ = tw.Flush()
}

// Above maxListedTests tests only their files are listed, and at most maxListedFiles of them.
const (
	maxListedTests = 50
	maxListedFiles = 200
)

// printPlanned lists what is planned, in the order of ids: each test, or its file with the number of its tests.
func (a *App) printPlanned(p *e2e.Plan) {
	var names []string
	tests, seconds := map[string]int{}, map[string]float64{}
	add := func(name string, estimate float64, source string) {
		if tests[name] == 0 {
			names = append(names, name)
		}
		if tests[name]++; !e2e.Guessed(source) {
			seconds[name] += estimate
		}
	}
	folded := p.Planned() > maxListedTests
	for _, t := range p.Tests {
		switch name := t.Suite + "/" + cmp.Or(t.File, t.Class); {
		case !folded:
			add(t.ID, t.Estimate, t.Source)
		case t.File == "" && t.Class == "":
			add(t.Suite, t.Estimate, t.Source)
		default:
			add(name, t.Estimate, t.Source)
		}
	}
	for _, b := range p.Batches {
		add(b.ID, b.Estimate, b.Source)
	}
	slices.Sort(names)
	tw := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	switch {
	case folded:
		_, _ = fmt.Fprintln(tw, "FILE\tTESTS\tSECONDS")
	case len(names) > 0:
		_, _ = fmt.Fprintln(tw, "TEST\tSECONDS")
	}
	for _, name := range names[:min(len(names), maxListedFiles)] {
		count := ""
		if folded {
			count = fmt.Sprintf("\t%d", tests[name])
		}
		took := "-" // never timed
		if s := seconds[name]; s > 0 {
			took = fmt.Sprintf("%.1f", s)
		}
		_, _ = fmt.Fprintf(tw, "%s%s\t%s\n", safeLine(name), count, took)
	}
	_ = tw.Flush()
	if more := len(names) - maxListedFiles; more > 0 {
		_, _ = fmt.Fprintf(a.Stdout, "and %s; --format json has all\n", report.Plural(more, "more file", "more files"))
	}
	if len(names) > 0 {
		_, _ = fmt.Fprintln(a.Stdout)
	}
}

func (a *App) printPlan(p *e2e.Plan, file string) error {
	for _, problem := range p.Problems {
		label := "problem: "
		if problem.Note {
			label = "note: "
		}
		_, _ = fmt.Fprintln(a.Stdout, safeLine(label+problem.Text))
	}
	for _, g := range p.Gates {
		if !g.Open() {
			_, _ = fmt.Fprintln(a.Stdout, safeLine(fmt.Sprintf("gate %s failed: expected %s, observed %s", g.Name, g.Expected, g.Observed)))
		}
	}
	a.printPlanned(p)
	tw := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "SHARD\tTESTS\tSECONDS\tOWNERS")
	for _, sh := range p.Shards {
		took := "-"
		if p.Guessed < p.Planned() {
			took = fmt.Sprintf("%.1f", sh.Expected())
		}
		_, _ = fmt.Fprintf(tw, "%s\t%d\t%s\t%s\n", safeLine(sh.Name), len(sh.Tests), took, safeLine(listed(sh.Owners)))
	}
	_ = tw.Flush()
	expected := fmt.Sprintf("%.1f s expected (lower bound %.1f s), %d guessed", p.Makespan, p.Bound, p.Guessed)
	if p.Guessed >= p.Planned() {
		expected = "no timings yet"
	}
	_, _ = fmt.Fprintf(a.Stdout, "%s on %s, %s\n", report.Plural(p.Planned(), "test", "tests"), report.Plural(len(p.Shards), "shard", "shards"), expected)
	a.printAlternatives(p)
	told := slices.ContainsFunc(p.Problems, func(problem e2e.Problem) bool { return problem.LosesEvidence })
	if p.Planned() == 0 && e2e.GatesOpen(p.Gates) && !told {
		_, _ = fmt.Fprintln(a.Stdout, e2e.NoTests(len(p.Deselected) > 0))
	}
	if p.Advice != "" {
		_, _ = fmt.Fprintln(a.Stdout, safeLine(p.Advice))
	}
	if p.Extends != nil {
		_, _ = fmt.Fprintln(a.Stdout, safeLine("config of the organisation: "+p.Extends.String()))
	}
	_, err := fmt.Fprintln(a.Stdout, "plan: "+file)
	return err
}
