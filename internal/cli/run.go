package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate"
	"github.com/org/e2e-gate/internal/pipeline"
	"github.com/org/e2e-gate/internal/report"
)

// published are the flags of commands that may publish their result.
type published struct {
	Comment    bool   `help:"Publish on GitHub: a comment on the pull request and the commit status e2e-gate/<stage>. Takes GITHUB_TOKEN with pull-requests: write and statuses: write."`
	Check      bool   `help:"Add a check run with annotations at file and line, beside the job. Takes checks: write."`
	Deployment string `help:"Environment whose newest deployment of the commit under test gets a deployment status; on deployment events the default is their own. Takes deployments: write." placeholder:"ENV"`
	Statement  string `help:"Write the verdict as an in-toto statement, for an attestation." placeholder:"FILE" type:"path"`
	Slack      string `help:"Write the result as a message for Slack (Block Kit), for a step that sends it." placeholder:"FILE" type:"path"`
	Promote    bool   `help:"Publish the release's draft if the verdict is passed, as of the commit that was judged. Takes contents: write."`
}

// any reports whether something is to be published through the API.
func (p published) any() bool { return p.Comment || p.Promote || p.Check || p.Deployment != "" }

type runCmd struct {
	staged
	published
}

// Help is shown by run --help.
func (runCmd) Help() string {
	return "Example: e2e-gate run --config examples/casework/e2e-gate.yml"
}

// Run is the whole stage on this machine.
func (c runCmd) Run(ctx context.Context, a *App) error {
	s, err := a.prepare(ctx, c.staged, config.AllSections, "")
	if err != nil {
		return err
	}
	s.fetchEarlier(ctx, c.staged)
	s.elsewhere = s.backups()
	session, err := s.session(ctx, c.staged, false)
	if err != nil {
		return err
	}
	s.outputFolder(session, c.Key, "run", s.stage.Name)
	s.deploying(ctx, c.published)
	s.superseding(ctx, c.Comment, c.Key)
	result := session.Run(ctx)
	return s.finish(ctx, c.Format, c.published, session, result)
}

// finish shows a result everywhere it belongs, and exits with its status.
func (s *setup) finish(ctx context.Context, format string, where published, session *pipeline.Session, r e2e.Result) error {
	s.console.Done()
	s.writeStatement(where.Statement, r)
	s.writeSlack(where.Slack, r)
	s.publish(session, r)
	s.outputHistory(ctx)
	if where.any() {
		s.out = session.Out()
		s.publishOnGitHub(ctx, where, r)
		s.summarise()
	}
	if err := s.show(format, session, r, ""); err != nil {
		return fmt.Errorf("cannot print the result: %w", err)
	}
	return exitError(r.Verdict.ExitStatus())
}

// show prints a result; document is the file that was left, where it is no result.json.
func (s *setup) show(format string, session *pipeline.Session, r e2e.Result, document string) error {
	if format == "json" {
		return s.json(r)
	}
	text := report.Final(r, report.FinalOptions{Width: s.app.terminal(s.app.Stdout), Colour: s.app.colour(s.app.Stdout), Out: s.shown(session.Out()), Document: document})
	_, err := fmt.Fprint(s.app.Stdout, text)
	return err
}

// json prints a document without secrets.
func (s *setup) json(v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = s.app.Stdout.Write(append(s.redact.JSON(data), '\n'))
	return err
}

// shown is a path as a person would type it.
func (s *setup) shown(path string) string {
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, path); err == nil && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel)
		}
	}
	return path
}

type gatesCmd struct{ staged }

// Help is shown by gates --help.
func (gatesCmd) Help() string {
	return "Example: e2e-gate gates --format json\nExit status: 0 open, 3 shut."
}

// Run checks the gates.
func (c gatesCmd) Run(ctx context.Context, a *App) error {
	s, session, err := a.begin(ctx, c.staged, config.EnvironmentSections)
	if err != nil {
		return err
	}
	gates, problems := session.CheckGates(ctx)
	s.console.Done()
	rep := gate.NewReport(gates)
	rep.Open = rep.Open && len(problems) == 0
	for _, p := range problems {
		_, _ = fmt.Fprintln(a.Stderr, safeLine("problem: "+p.Text))
	}
	if c.Format == "json" {
		err = s.json(rep)
	} else {
		err = a.printGates(rep)
	}
	if err == nil && !rep.Open {
		err = exitError(e2e.ExitNotJudged)
	}
	return err
}

func (a *App) printGates(rep gate.Report) error {
	for _, c := range rep.Checks {
		line := fmt.Sprintf("%-10s %s (%s): %s", c.State, c.Name, c.Kind, c.Observed)
		if c.Reason != "" {
			line += "; " + c.Reason
		}
		_, _ = fmt.Fprintln(a.Stdout, safeLine(line))
	}
	word := "shut"
	if rep.Open {
		word = "open"
	}
	_, err := fmt.Fprintf(a.Stdout, "gates %s\n", word)
	return err
}

type planCmd struct {
	staged
	Comment    bool   `help:"Say in the comment on the pull request, where there is one of an older commit, that this one is being judged. Takes GITHUB_TOKEN with pull-requests: write."`
	Deployment string `help:"Environment whose newest deployment of the commit is said to be in progress; on deployment events with --comment the default is their own. Takes deployments: write." placeholder:"ENV"`
	Tests      string `help:"Plan without a repository: JSON list of {id, owner, tags}." placeholder:"FILE" type:"path"`
	Timings    string `help:"Plan without a repository: CSV with the header test,seconds." placeholder:"FILE" type:"path"`
	Budget     string `help:"With --tests or --timings: time that the plan should keep." placeholder:"D"`
	Overhead   string `help:"With --tests or --timings: fixed cost of one more shard. Default 20s." placeholder:"D"`
}

// Help is shown by plan --help.
func (planCmd) Help() string {
	return "Examples:\n  e2e-gate plan --shards 4 --out plan/\n  e2e-gate plan --timings timings.csv --shards auto --budget 5m --format json"
}

// Run plans.
func (c planCmd) Run(ctx context.Context, a *App) error {
	if c.Tests != "" || c.Timings != "" {
		return c.bare(a)
	}
	s, err := a.prepare(ctx, c.staged, config.AllSections, "")
	if err != nil {
		return err
	}
	s.elsewhere = s.backups()
	session, err := s.session(ctx, c.staged, true)
	if err != nil {
		return err
	}
	s.outputFolder(session, c.Key, "plan", s.stage.Name)
	s.deploying(ctx, published{Comment: c.Comment, Deployment: c.Deployment})
	s.superseding(ctx, c.Comment, c.Key)
	plan, err := session.MakePlan(ctx)
	s.console.Done()
	if err != nil {
		return err
	}
	if c.Format == "json" {
		err = s.json(plan)
	} else {
		err = a.printPlan(plan, s.shown(filepath.Join(session.Out(), "plan.json")))
	}
	s.outputPlan(filepath.Join(session.Out(), "plan.json"), matrix(plan))
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
	return e2e.GatesOpen(p.Gates) && len(p.Tests) > 0
}

// matrix is the strategy.matrix of a workflow.
func matrix(p *e2e.Plan) string {
	type entry struct {
		Index int    `json:"index"`
		Name  string `json:"name"`
	}
	include := []entry{}
	for _, sh := range p.Shards {
		if len(sh.Tests) > 0 {
			include = append(include, entry{sh.Index, sh.Name})
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

func (a *App) printPlan(p *e2e.Plan, file string) error {
	for _, problem := range p.Problems {
		_, _ = fmt.Fprintln(a.Stdout, safeLine("problem: "+problem.Text))
	}
	for _, g := range p.Gates {
		if !g.Open() {
			_, _ = fmt.Fprintln(a.Stdout, safeLine(fmt.Sprintf("gate %s is shut: expected %s, observed %s", g.Name, g.Expected, g.Observed)))
		}
	}
	tw := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "SHARD\tTESTS\tSECONDS\tOWNERS")
	for _, sh := range p.Shards {
		_, _ = fmt.Fprintf(tw, "%s\t%d\t%.1f\t%s\n", safeLine(sh.Name), len(sh.Tests), sh.Seconds, safeLine(join(sh.Owners)))
	}
	_ = tw.Flush()
	_, _ = fmt.Fprintf(a.Stdout, "%s on %s, %.1f s expected (no plan can beat %.1f s), %d guessed\n",
		report.Plural(len(p.Tests), "test", "tests"), report.Plural(len(p.Shards), "shard", "shards"), p.Makespan, p.Bound, p.Guessed)
	a.printAlternatives(p)
	if len(p.Tests) == 0 && e2e.GatesOpen(p.Gates) {
		_, _ = fmt.Fprintln(a.Stdout, "no test was selected; look at the stage's select expression and at the tags of the tests")
	}
	if p.Advice != "" {
		_, _ = fmt.Fprintln(a.Stdout, safeLine(p.Advice))
	}
	_, err := fmt.Fprintln(a.Stdout, "plan: "+file)
	return err
}
