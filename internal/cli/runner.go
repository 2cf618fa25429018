package cli

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/org/e2e-gate/internal/adapter/actions"
	"github.com/org/e2e-gate/internal/annotation"
	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/safetext"
	"github.com/org/e2e-gate/internal/secrets"
)

// stepRunner is the runner of GitHub Actions that this step runs on: annotations, job summary,
// outputs. Elsewhere its methods do nothing. What could not be shown is recorded, and never
// changes the verdict.
type stepRunner struct {
	runner  *actions.Runner
	journal *publish.Journal
	// masked is a result as people may read it.
	masked func(e2e.Result) e2e.Result
}

// runner finds the runner. Workflow commands go to stderr: stdout is data, and runners read
// both.
func (s *setup) runner() stepRunner {
	if !actions.Detect(s.app.getenv) {
		return stepRunner{journal: s.journal}
	}
	return stepRunner{actions.New(s.app.Stderr, s.app.getenv), s.journal, s.forPeople}
}

// show shows a result that lies in a file.
func (o stepRunner) show(r e2e.Result, file string, in inputs) {
	if o.runner == nil {
		return
	}
	r = o.masked(r)
	for _, n := range report.Annotations(r, report.AnnotationOptions{SuiteDir: in.suiteDir, Exists: in.hasFile}) {
		o.journal.Failed(o.runner.Annotate(n))
	}
	if o.runner.HasSummary() {
		o.journal.Failed(o.runner.AppendSummary(func(limit int) string { return report.Markdown(r, report.Options{MaxBytes: limit}) }))
	}
	o.result(r, file)
}

// result sets the outputs with the verdict and the counts.
func (o stepRunner) result(r e2e.Result, file string) {
	if o.runner == nil {
		return
	}
	n := report.CountsOf(r)
	o.journal.Failed(o.runner.SetWord("verdict", string(r.Verdict.State)))
	o.journal.Failed(o.runner.SetBool("blocks", r.Verdict.Blocks))
	for name, count := range map[string]int{"passed": n.Passed, "failed": n.Failed, "flaky": n.Flaky, "lost": n.Lost} {
		o.journal.Failed(o.runner.SetNumber(name, count))
	}
	if r.Alert != nil {
		o.journal.Failed(o.runner.SetWord("alert", string(r.Alert.State)))
	}
	o.line("result", file)
}

// line sets an output.
func (o stepRunner) line(name, value string) {
	if o.runner != nil {
		o.journal.Failed(o.runner.SetLine(name, value))
	}
}

// mask has the runner hide secrets in the log of this job, in addition to our own masking.
func (o stepRunner) mask(list []secrets.Secret) {
	if o.runner == nil {
		return
	}
	for _, secret := range list {
		o.journal.Failed(o.runner.AddMask(secret.Value))
	}
}

// folder sets the outputs that name what to upload. It is called first, so that a later
// step can upload whatever happens to the run.
func (o stepRunner) folder(path, artifact string) {
	o.line("folder", path)
	o.line("artifact", artifact)
}

// plan sets the outputs with which later jobs run the plan.
func (o stepRunner) plan(file, matrix string) {
	o.line("plan", file)
	o.line("matrix", matrix)
}

// summariseUnpublished adds what could not be published to the job summary, which was
// written before anything was sent.
func (o stepRunner) summariseUnpublished() {
	lines := o.journal.Lines()
	if o.runner == nil || len(lines) == 0 || !o.runner.HasSummary() {
		return
	}
	// The verdict and its exit status are already decided, so a failure here is ignored.
	_ = o.runner.AppendSummary(func(int) string {
		text := "\n**Not published** (the verdict is not affected):\n\n"
		for _, line := range lines {
			text += "- " + safetext.Inline(line, 500) + "\n"
		}
		return text
	})
}

// maxMistakes bounds how many mistakes are annotated: GitHub shows ten.
const maxMistakes = 10

// annotate shows the error that ended a command on the page of the workflow run; a mistake
// in a file is shown at its line.
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
		// Whatever cannot be annotated was already printed.
		_ = runner.Annotate(annotation.New(annotation.Error, file, line, "e2e-gate", a.safe(m.String())))
	}
}
