package cli

import (
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/pipeline"
	"github.com/org/e2e-gate/internal/report"
	"github.com/org/e2e-gate/internal/safetext"
)

// console shows progress on stderr: as a region on a terminal, folded in GitHub's
// log, else as lines.
func (a *App) console(redact *safetext.Redactor) *report.Console {
	width := a.terminal(a.Stderr)
	return report.NewConsole(report.ConsoleOptions{
		Out: a.Stderr, Width: width, Height: a.height(a.Stderr), Colour: a.colour(a.Stderr),
		Folded: a.getenv("GITHUB_ACTIONS") == "true", Redact: redact, Now: a.Now,
	})
}

func (s *setup) publish(*pipeline.Session, e2e.Result) {}
func (s *setup) outputs(map[string]string)             {}
