package cli

import (
	"fmt"
	"path/filepath"

	"github.com/org/e2e-gate/internal/adapter/actions"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/pipeline"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/safetext"
)

// console shows progress on stderr: as a region on a terminal, folded in GitHub's
// log, else as lines.
func (a *App) console(redact *safetext.Redactor) *report.Console {
	return report.NewConsole(report.ConsoleOptions{
		Out: a.Stderr, Width: a.terminal(a.Stderr), Height: a.height(a.Stderr), Colour: a.colour(a.Stderr),
		Folded: actions.Detect(a.getenv), Redact: redact, Now: a.Now,
	})
}

// publish shows a result where a runner of GitHub Actions keeps it: annotations,
// job summary, outputs. It never changes the verdict; what could not be shown is
// said.
func (s *setup) publish(session *pipeline.Session, r e2e.Result) {
	if !actions.Detect(s.app.getenv) {
		return
	}
	// Workflow commands go to stderr: stdout is data, and runners read both.
	runner := actions.New(s.app.Stderr, s.app.getenv)
	for _, n := range report.Annotations(r, report.AnnotationOptions{SuiteDir: s.suiteDir}) {
		s.said(runner.Annotate(actions.Annotation{Level: actions.Level(n.Level), File: n.File, Line: n.Line, Title: n.Title, Message: n.Message}))
	}
	if runner.HasSummary() {
		s.said(runner.AppendSummary(func(limit int) string { return report.Markdown(r, report.Options{MaxBytes: limit}) }))
	}
	n := report.CountsOf(r)
	s.said(runner.SetWord("verdict", string(r.Verdict.State)))
	s.said(runner.SetBool("blocks", r.Verdict.Blocks))
	for name, count := range map[string]int{"passed": n.Passed, "failed": n.Failed, "flaky": n.Flaky, "lost": n.Lost} {
		s.said(runner.SetNumber(name, count))
	}
	s.said(runner.SetLine("result", filepath.Join(session.Out(), "result.json")))
}

// mask has the runner hide secrets in the log of this job, besides our own masking.
func (s *setup) mask() {
	if !actions.Detect(s.app.getenv) {
		return
	}
	runner := actions.New(s.app.Stderr, s.app.getenv)
	for _, secret := range s.config.Masked {
		s.said(runner.AddMask(secret))
	}
}

// outputPlan hands a plan on to later jobs.
func (s *setup) outputPlan(file, matrix string) {
	if !actions.Detect(s.app.getenv) {
		return
	}
	runner := actions.New(s.app.Stderr, s.app.getenv)
	s.said(runner.SetLine("plan", file))
	s.said(runner.SetLine("matrix", matrix))
}

// said tells a failure to publish; it is no failure of the run.
func (s *setup) said(err error) {
	if err != nil {
		_, _ = fmt.Fprintln(s.app.Stderr, safeLine("note: not published: "+err.Error()))
	}
}

// suiteDir is a suite's directory from the repository root.
func (s *setup) suiteDir(name string) string {
	spec, _ := s.config.Suite(name)
	return filepath.ToSlash(spec.Dir)
}
