package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/org/e2e-gate/internal/adapter/actions"
	"github.com/org/e2e-gate/internal/annotation"
	"github.com/org/e2e-gate/internal/diag"
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
		s.said(runner.Annotate(n))
	}
	if runner.HasSummary() {
		s.said(runner.AppendSummary(func(limit int) string { return report.Markdown(r, report.Options{MaxBytes: limit}) }))
	}
	s.outputResult(runner, r, filepath.Join(session.Out(), "result.json"))
}

// outputResult sets the outputs that say how it went.
func (s *setup) outputResult(runner *actions.Runner, r e2e.Result, file string) {
	n := report.CountsOf(r)
	s.said(runner.SetWord("verdict", string(r.Verdict.State)))
	s.said(runner.SetBool("blocks", r.Verdict.Blocks))
	for name, count := range map[string]int{"passed": n.Passed, "failed": n.Failed, "flaky": n.Flaky, "lost": n.Lost} {
		s.said(runner.SetNumber(name, count))
	}
	s.said(runner.SetLine("result", file))
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

// maxMistakes bounds how many mistakes are annotated: GitHub shows ten.
const maxMistakes = 10

// annotate shows what ended a command on the page of the workflow run, where a
// mistake in a file has its line.
func (a *App) annotate(err error) {
	if !actions.Detect(a.getenv) {
		return
	}
	runner := actions.New(a.Stderr, a.getenv)
	mistakes := diag.Errors{{Text: err.Error()}}
	_ = errors.As(err, &mistakes)
	for _, m := range mistakes[:min(len(mistakes), maxMistakes)] {
		file, line := m.File, m.Line
		if wd, err := os.Getwd(); err == nil && filepath.IsAbs(file) {
			if rel, err := filepath.Rel(wd, file); err == nil {
				file = filepath.ToSlash(rel)
			}
		}
		m.File, m.Line, m.Col = "", 0, 0
		// What cannot be annotated was printed already.
		_ = runner.Annotate(annotation.New(annotation.Error, file, line, "e2e-gate", m.String()))
	}
}

// outputFolder names, before anything else happens, what a step is to upload: it
// must be known whatever becomes of the run.
func (s *setup) outputFolder(session *pipeline.Session, key, kind, slug string) {
	if !actions.Detect(s.app.getenv) {
		return
	}
	runner := actions.New(s.app.Stderr, s.app.getenv)
	s.said(runner.SetLine("folder", session.Out()))
	s.said(runner.SetLine("artifact", artifactName(key, kind, slug, s.trigger.WorkflowAttempt)))
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
		s.incomplete = true
		s.unpublished = append(s.unpublished, err.Error())
		_, _ = fmt.Fprintln(s.app.Stderr, safeLine("note: not published: "+err.Error()))
	}
}

// summarise adds to the job summary, which was written before anything was sent
// anywhere, what could not be published.
func (s *setup) summarise() {
	if len(s.unpublished) == 0 || !actions.Detect(s.app.getenv) {
		return
	}
	if runner := actions.New(s.app.Stderr, s.app.getenv); runner.HasSummary() {
		// The verdict and its exit status are out; nobody is left to tell of a failure.
		_ = runner.AppendSummary(func(int) string {
			text := "\n**Not published** (the verdict is not affected):\n\n"
			for _, line := range s.unpublished {
				text += "- " + safetext.Inline(line, 500) + "\n"
			}
			return text
		})
	}
}

// suiteDir is a suite's directory from the repository root.
func (s *setup) suiteDir(name string) string {
	spec, _ := s.config.Suite(name)
	return filepath.ToSlash(spec.Dir)
}
