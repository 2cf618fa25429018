package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/org/e2e-gate/internal/forge"
	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/verdict"
)

// maxAsked bounds how many earlier attempts are asked about, the newest ones: a token has
// 1,000 requests an hour, which all workflows of a repository share. What is not asked is not
// known, and so not judged.
const maxAsked = 20

// witnesses says how earlier attempts of this workflow run ended, where their documents are
// missing. The conclusion of the gate's own step decides. A commit status may only make that
// worse; the comment of the pull request says which tests failed.
func (s *setup) witnesses(ctx context.Context, attempts []int) []verdict.Witness {
	unknown := func(why string) []verdict.Witness {
		var list []verdict.Witness
		for _, n := range attempts {
			list = append(list, verdict.Witness{Attempt: n, Why: why})
		}
		return list
	}
	if s.trigger.Platform != "" {
		return unknown(s.trigger.Platform + " cannot be asked about that; start a new run, or hand on the documents of the earlier attempt with --results")
	}
	run, err := strconv.ParseInt(s.trigger.WorkflowRun, 10, 64)
	if err != nil {
		return unknown("the workflow run is not a number")
	}
	c, err := s.connect()
	if err != nil {
		return unknown(err.Error())
	}
	asked, ok := c.(forge.Attempts)
	if !ok {
		return unknown("this forge does not say how earlier attempts ended")
	}
	w := witnessing{s: s, forge: asked, page: c.AttemptPage, run: run}
	if w.own, err = w.ownStep(ctx); err != nil {
		return unknown(err.Error())
	}
	var list []verdict.Witness
	for _, n := range attempts[max(0, len(attempts)-maxAsked):] {
		list = append(list, w.attempt(ctx, n))
	}
	return w.corroborated(ctx, list)
}

// witnessing asks the forge about attempts of one workflow run.
type witnessing struct {
	s     *setup
	forge forge.Attempts
	page  func(run string, attempt int) string
	run   int64
	own   ownStep
}

// ownStep is the step that runs the gate, by the names that the forge shows. A step without a
// name is not known: then its job's conclusion counts.
type ownStep struct {
	job    string
	name   string
	number int
}

// ownStep finds the job that runs on this machine now, and its running step.
func (w witnessing) ownStep(ctx context.Context) (ownStep, error) {
	jobs, err := w.forge.Jobs(ctx, w.run, w.s.trigger.WorkflowAttempt)
	if err != nil {
		return ownStep{}, err
	}
	runner := w.s.app.getenv("RUNNER_NAME")
	mine := slices.DeleteFunc(slices.Clone(jobs), func(j forge.Job) bool { return !j.Running || runner == "" || j.Runner != runner })
	if len(mine) == 0 { // an older server names no runner; a job's name is its key, unless it has one of its own
		mine = slices.DeleteFunc(slices.Clone(jobs), func(j forge.Job) bool { return j.Name == "" || j.Name != w.s.app.getenv("GITHUB_JOB") })
	}
	if len(mine) != 1 {
		return ownStep{}, errors.New("the forge does not show which job this one is")
	}
	own := ownStep{job: mine[0].Name}
	running := slices.DeleteFunc(slices.Clone(mine[0].Steps), func(st forge.Step) bool { return !st.Running })
	if len(running) == 1 {
		own.name, own.number = running[0].Name, running[0].Number
	}
	return own, nil
}

// attempt says how the gate ended in an attempt.
func (w witnessing) attempt(ctx context.Context, n int) verdict.Witness {
	answer := verdict.Witness{Attempt: n}
	jobs, err := w.forge.Jobs(ctx, w.run, n)
	if err != nil {
		answer.Why = err.Error()
		return answer
	}
	same := slices.DeleteFunc(slices.Clone(jobs), func(j forge.Job) bool { return j.Name != w.own.job })
	switch {
	case len(same) > 1:
		answer.Why = fmt.Sprintf("that attempt had %d jobs named %s", len(same), w.own.job)
	case len(same) == 1:
		answer.Ending = w.endingOf(same[0])
		if answer.Ending == "" {
			answer.Why = fmt.Sprintf("the forge says %q of the job %s in that attempt", same[0].Conclusion, w.own.job)
		}
	case n > 1 && len(jobs) > 0:
		answer.Ending = verdict.NoVerdict // it was not run again in that attempt
	default:
		answer.Why = fmt.Sprintf("that attempt had no job named %s", w.own.job)
	}
	return answer
}

// endingOf reads the conclusion of the gate's step. A job that no machine took, or whose
// step was never started or was stopped, reached no verdict. If the step is not known, only a
// job that did not start, or that succeeded, says something.
func (w witnessing) endingOf(j forge.Job) verdict.Ending {
	at := slices.IndexFunc(j.Steps, func(st forge.Step) bool { return st.Name == w.own.name && st.Number == w.own.number })
	if w.own.name != "" && at < 0 { // steps in front of it may have other numbers
		named := slices.DeleteFunc(slices.Clone(j.Steps), func(st forge.Step) bool { return st.Name != w.own.name })
		if len(named) == 1 {
			at = slices.Index(j.Steps, named[0])
		}
	}
	conclusion := j.Conclusion
	switch {
	case at >= 0:
		conclusion = j.Steps[at].Conclusion
		if conclusion == "" && !j.Steps[at].Running && j.Conclusion == "" {
			return "" // the attempt is not over, as far as the forge knows
		}
	case len(j.Steps) == 0 && (conclusion == "failure" || conclusion == "cancelled" || conclusion == "skipped"):
		return verdict.NoVerdict
	case conclusion == "cancelled", conclusion == "skipped":
		// The step may have failed before the job was cancelled.
		return ""
	}
	switch conclusion {
	case "success":
		return verdict.EndedWell
	case "failure", "timed_out":
		return verdict.EndedBadly
	case "cancelled", "skipped":
		return verdict.NoVerdict
	case "":
		if at >= 0 {
			return verdict.NoVerdict // the machine was lost while the step ran
		}
	}
	return ""
}

// statuses are those of a commit in a context, where the verdict is posted.
func (w witnessing) statuses(ctx context.Context, sha, name string) ([]forge.CommitStatus, error) {
	from := w.forge
	if w.s.foreign() {
		c, err := w.s.posts()
		if err != nil {
			return nil, err
		}
		there, ok := c.(forge.Attempts)
		if !ok {
			return nil, nil
		}
		from = there
	}
	return from.StatusesOf(ctx, sha, name)
}

// corroborated adds what the gate itself published in those attempts: which tests failed,
// and failures that the step does not show, as with continue-on-error.
func (w witnessing) corroborated(ctx context.Context, list []verdict.Witness) []verdict.Witness {
	t := w.s.posted()
	name := publish.StatusName(w.s.stage.Name, w.s.key)
	statuses, err := w.statuses(ctx, t.SHA, name)
	if err != nil {
		statuses = nil // they could only have made it worse
	}
	// What the job watch says early is no verdict: an attempt ended as if it had not been there.
	statuses = slices.DeleteFunc(statuses, func(st forge.CommitStatus) bool {
		return publish.Status{State: publish.State(st.State), Description: st.Description}.Early()
	})
	var failed forge.FailedTests
	found := false
	if t.PullRequest != 0 {
		failed, found, err = w.forge.FailedBefore(ctx, t.PullRequest, w.s.stage.Name, w.s.key, t.WorkflowRun)
		found = found && err == nil
	}
	for i := range list {
		a := &list[i]
		page := w.page(t.URL, a.Attempt)
		said := func(state publish.State) bool {
			return slices.ContainsFunc(statuses, func(st forge.CommitStatus) bool { return st.TargetURL == page && st.State == string(state) })
		}
		if said(publish.Failure) && a.Ending != "" {
			a.Ending = verdict.EndedBadly
		}
		// That no test failed is believed of an attempt of which the status says that it was
		// not judged, which cannot be edited later.
		if found && a.Attempt <= failed.Attempt && (len(failed.Digests) > 0 || said(publish.StateError) && !said(publish.Failure)) {
			a.Failed = failed.Digests
		}
	}
	return list
}
