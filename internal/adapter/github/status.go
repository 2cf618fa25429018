package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"unicode/utf8"

	"github.com/google/go-github/v62/github"

	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/safetext"
)

// RunPage is the page of an attempt of a workflow run, given the run's own. Attempts
// after the first have a page each, which tells them apart.
func RunPage(page string, attempt int) string {
	if attempt < 2 || !runPage.MatchString(page) {
		return page
	}
	return fmt.Sprintf("%s/attempts/%d", page, attempt)
}

var runPage = regexp.MustCompile(`^(.*/actions/runs/)(\d+)(?:/attempts/(\d+))?$`)

// statusOvertaken reports whether a run of the same repository that is newer than this status's
// has set the other one, or the same run has, as far as their pages say. In one attempt of
// a run the gate is called once; a second call after a failure must not turn it green.
func statusOvertaken(s, by publish.Status) bool {
	a, b := runPage.FindStringSubmatch(s.TargetURL), runPage.FindStringSubmatch(by.TargetURL)
	if a == nil || b == nil || a[1] != b[1] {
		return false
	}
	order := compareStamps(stampOf(a), stampOf(b))
	return order < 0 || order == 0 && !s.Redo
}

// sameAttempt reports whether two statuses are of one attempt of a run, as far as their pages say.
func sameAttempt(a, b publish.Status) bool {
	return a.TargetURL == b.TargetURL && runPage.MatchString(a.TargetURL)
}

// stampOf reads the run and the attempt that a page is of.
func stampOf(page []string) publish.Stamp {
	attempt, _ := strconv.Atoi(page[3])
	return publish.Stamp{WorkflowRun: page[2], Attempt: max(attempt, 1)}
}

const (
	maxDescription = 140 // characters
	maxContext     = 200 // bytes
)

const (
	statusLost  = "the commit status"
	statusRight = "statuses: write"
)

var commit = regexp.MustCompile(`^[0-9a-fA-F]{40}([0-9a-fA-F]{24})?$`)

// SetStatus sets the status of a commit, which is its full hash. One that is equal
// to the latest of its context is not sent, and a success does not replace a worse state that
// a newer run, or another job of this run, set; anything else does, so that a made-up page
// cannot prevent a failure from being shown. An early failure is no verdict: a success of the same
// attempt replaces it, and it replaces nothing of this attempt or a newer one; nor does a pending one. An error is an [*Error].
func (c *Client) SetStatus(ctx context.Context, sha string, s publish.Status) (publish.Outcome, error) {
	switch s.State {
	case publish.Success, publish.Failure, publish.StateError, publish.Pending:
	default:
		return publish.Outcome{}, c.lost(statusLost, statusRight, fmt.Errorf("unknown state %q", s.State))
	}
	if !commit.MatchString(sha) {
		return publish.Outcome{}, c.lost(statusLost, statusRight, errors.New("the commit under test is not known by its full hash"))
	}
	ctx, done := c.begin(ctx)
	defer done()
	out, err := c.setStatus(ctx, sha, cleanStatus(s))
	if err == nil {
		return out, nil
	}
	e := c.lost(statusLost, statusRight, err)
	if note := c.readOnly(e); note != "" {
		return publish.Outcome{Action: publish.ReadOnly, Note: note}, nil
	}
	return publish.Outcome{}, e
}

// cleanStatus makes a status that GitHub takes.
func cleanStatus(s publish.Status) publish.Status {
	return publish.Status{
		Context:     cmp.Or(safetext.Line(s.Context, maxContext), "e2e-gate"),
		State:       s.State,
		Description: cutRunes(safetext.Line(s.Description, 4*maxDescription+40), maxDescription),
		TargetURL:   safetext.URL(s.TargetURL),
		Redo:        s.Redo,
	}
}

// cutRunes keeps n characters, the last of which says that there were more.
func cutRunes(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

func (c *Client) setStatus(ctx context.Context, sha string, s publish.Status) (publish.Outcome, error) {
	there, err := c.latest(ctx, sha, s.Context)
	corrects := s.State == publish.Success && there.Early() && sameAttempt(s, there)
	begun := there.State == publish.Pending && sameAttempt(s, there)
	overtaken := s.State == publish.Success && there.State != publish.Success && !corrects && !begun && statusOvertaken(s, there)
	switch s.Redo = false; {
	case there == s:
		return publish.Outcome{Action: publish.Unchanged, URL: s.TargetURL}, nil
	case (s.Early() || s.State == publish.Pending) && err != nil:
		return publish.Outcome{}, err
	case (s.Early() || s.State == publish.Pending) && statusOvertaken(s, there):
		return publish.Outcome{Action: publish.Superseded, URL: there.TargetURL, Note: "the commit status is that of a verdict already"}, nil
	case overtaken:
		return publish.Outcome{Action: publish.Superseded, URL: there.TargetURL,
			Note: "the commit status was not changed: a newer run of the workflow, or another job of this one, set it; two calls of the gate for one stage need a " +
				"`key` each"}, nil
	}
	sent := &github.RepoStatus{State: new(string(s.State)), Context: &s.Context, Description: &s.Description}
	if s.TargetURL != "" {
		sent.TargetURL = &s.TargetURL
	}
	if _, _, err := c.api.Repositories.CreateStatus(ctx, c.owner, c.name, sha, sent); err != nil {
		return publish.Outcome{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statuses[sha+" "+s.Context] = s
	if corrects {
		return publish.Outcome{Action: publish.Corrected, URL: s.TargetURL, Note: fmt.Sprintf(
			"the job watch had set the commit status to failure (%s), and the verdict is success: the verdict counts", there.Description)}, nil
	}
	return publish.Outcome{Action: publish.Created, URL: s.TargetURL}, nil
}

// latest is the latest status of a context: what this client set, none for a commit
// that was not judged before, else what the API says. If that cannot be read, a verdict's status is sent again.
func (c *Client) latest(ctx context.Context, sha, name string) (publish.Status, error) {
	c.mu.Lock()
	set, ok := c.statuses[sha+" "+name]
	fresh := c.fresh == sha
	c.mu.Unlock()
	if ok || fresh {
		return set, nil
	}
	opts := &github.ListOptions{PerPage: perPage}
	for range maxStatusPages {
		all, resp, err := c.api.Repositories.GetCombinedStatus(ctx, c.owner, c.name, sha, opts)
		if err != nil {
			return publish.Status{}, err
		}
		for _, one := range all.Statuses {
			if one.GetContext() == name {
				return publish.Status{Context: name, State: publish.State(one.GetState()), Description: one.GetDescription(), TargetURL: one.GetTargetURL()}, nil
			}
		}
		if opts.Page = resp.NextPage; opts.Page == 0 {
			break
		}
	}
	return publish.Status{}, nil
}
