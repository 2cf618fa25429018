package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/report"
)

// ranThere are the earlier runs of the stage against its target, of the same service and key, the newest first, as far as the history
// knows them. It is read once, and only where a rate or an alert needs it.
func (s *Session) ranThere(ctx context.Context) []history.Ran {
	if s.ran == nil {
		stats, _, _ := s.loadHistory(ctx, none{})
		s.ran = slices.DeleteFunc(stats.Ran(s.run), func(r history.Ran) bool { return !r.Started.Before(s.run.Started) || r.Refused })
		if s.ran == nil {
			s.ran = []history.Ran{}
		}
	}
	return s.ran
}

// checkRate refuses a run of a stage that ran against its target as often as the target allows. Nothing has been started or probed.
func (s *Session) checkRate(ctx context.Context, _ none) (none, []e2e.Problem, error) {
	target, _ := s.opts.Config.Target(s.run.Target)
	most, within, err := target.Limit()
	if most == 0 && target.Alert.Runs() == 0 || err != nil {
		return none{}, nil, err
	}
	ran := s.ranThere(ctx)
	var unread []e2e.Problem
	if s.pastUnread != "" {
		unread = []e2e.Problem{{Code: e2e.CodeToolError, Note: true, Text: fmt.Sprintf(
			"rate and alert of targets.%s may overlook earlier runs: %s", target.Name, s.pastUnread)}}
	}
	if most == 0 {
		return none{}, unread, nil
	}
	var lately []history.Ran
	for _, r := range ran {
		if s.run.Started.Sub(r.Started) < within {
			lately = append(lately, r)
		}
	}
	if len(lately) < most {
		return none{}, unread, nil
	}
	again := lately[most-1].Started.Add(within)
	text := fmt.Sprintf("stage %s began %s against %s within %s, and targets.%s.rate allows %s, so nothing was run; run it again after %s",
		s.run.Stage, report.Plural(len(lately), "run", "runs"), s.run.Target, within, target.Name, target.Rate, again.UTC().Format(time.RFC3339))
	return none{}, []e2e.Problem{{Code: e2e.CodeRate, LosesEvidence: true, Text: text}}, errStop
}

// alerted is the alert of the target after this run. A run that was stopped or refused says nothing about the target.
func (s *Session) alerted(ctx context.Context, r e2e.Result) *e2e.Alert {
	target, _ := s.opts.Config.Target(s.run.Target)
	of := target.Alert.Runs()
	says := func(code e2e.Code) bool {
		return slices.ContainsFunc(r.Verdict.Reasons, func(reason e2e.Reason) bool { return reason.Code == code })
	}
	if of == 0 || s.run.Narrowed != nil || says(e2e.CodeRate) || says(e2e.CodeCancelled) {
		return nil
	}
	passed := []bool{r.Verdict.State == e2e.VerdictPassed}
	for _, one := range s.ranThere(context.WithoutCancel(ctx)) {
		if !one.Stopped {
			passed = append(passed, one.Verdict == e2e.VerdictPassed)
		}
	}
	return e2e.AlertOf(s.run.Target, target.Alert.After, of, passed)
}
