package publish

import (
	"context"
	"fmt"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/report"
)

// maxCheckAnnotations is how many annotations of a level a check run gets.
const maxCheckAnnotations = 500

// check adds the check run. It reports false if the place has none.
func (p *Publisher) check(ctx context.Context, place Place, w Wanted, r e2e.Result) bool {
	if !w.Check {
		return true
	}
	checks, ok := place.(Checks)
	if ok {
		p.Journal.Outcome(checks.CreateCheck(ctx, r.Run.SHA, p.checkOf(r)))
	}
	return ok
}

// checkOf is a result as a check run. Its name differs from that of every job and status,
// so that a rule cannot mean two things.
func (p *Publisher) checkOf(r e2e.Result) Check {
	r = p.Shown(r)
	return Check{
		Name:        strings.TrimSpace("e2e-gate report: " + r.Run.Stage + " " + r.Run.Key),
		Passed:      r.Verdict.ExitStatus() == e2e.ExitPassed,
		Title:       report.HeadlineOf(r).Text("-"),
		Summary:     report.Comment(r, report.CommentOptions{MaxBytes: MaxCheckText}),
		URL:         r.Run.URL,
		ID:          fmt.Sprintf("%s.%d", r.Run.WorkflowRun, r.Run.WorkflowAttempt),
		Annotations: report.Annotations(r, report.AnnotationOptions{SuiteDir: p.SuiteDir, Exists: p.HasFile, Max: maxCheckAnnotations}),
	}
}
