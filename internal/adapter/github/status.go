package github

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"unicode/utf8"

	"github.com/google/go-github/v62/github"

	"github.com/org/e2e-gate/internal/safetext"
)

// State of a commit status.
type State string

// The states that GitHub knows. Only success satisfies a required check.
const (
	Success State = "success"
	Failure State = "failure"
	// StateError: there is no judgement.
	StateError State = "error"
	Pending    State = "pending"
)

// Status is what is shown beside a commit.
type Status struct {
	// Context names it among the statuses of the commit; empty is e2e-gate.
	Context string
	State   State
	// Description is one line; GitHub keeps 140 characters, more are cut.
	Description string
	// TargetURL is the page behind it; what is no http or https address is left out.
	TargetURL string
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
// to the latest of its context is not sent. An error is an [*Error].
func (c *Client) SetStatus(ctx context.Context, sha string, s Status) (Outcome, error) {
	switch s.State {
	case Success, Failure, StateError, Pending:
	default:
		return Outcome{}, c.lost(statusLost, statusRight, fmt.Errorf("there is no state %q", s.State))
	}
	if !commit.MatchString(sha) {
		return Outcome{}, c.lost(statusLost, statusRight, errors.New("the commit under test is not known by its full hash"))
	}
	ctx, done := c.begin(ctx)
	defer done()
	out, err := c.setStatus(ctx, sha, s.clean())
	if err == nil {
		return out, nil
	}
	e := c.lost(statusLost, statusRight, err)
	if note := c.readOnly(e); note != "" {
		return Outcome{Action: ReadOnly, Note: note}, nil
	}
	return Outcome{}, e
}

// clean makes a status that GitHub takes.
func (s Status) clean() Status {
	return Status{
		Context:     or(safetext.Line(s.Context, maxContext), "e2e-gate"),
		State:       s.State,
		Description: cutRunes(safetext.Line(s.Description, 4*maxDescription+40), maxDescription),
		TargetURL:   safetext.URL(s.TargetURL),
	}
}

// cutRunes keeps n characters, the last of which says that there were more.
func cutRunes(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

func (c *Client) setStatus(ctx context.Context, sha string, s Status) (Outcome, error) {
	if c.latest(ctx, sha, s.Context) == s {
		return Outcome{Action: Unchanged, URL: s.TargetURL}, nil
	}
	sent := &github.RepoStatus{State: new(string(s.State)), Context: &s.Context, Description: &s.Description}
	if s.TargetURL != "" {
		sent.TargetURL = &s.TargetURL
	}
	if _, _, err := c.api.Repositories.CreateStatus(ctx, c.owner, c.name, sha, sent); err != nil {
		return Outcome{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statuses[sha+" "+s.Context] = s
	return Outcome{Action: Created, URL: s.TargetURL}, nil
}

// latest is the latest status of a context: what this client set, none for a commit
// that nobody judged before, else what the API says. Where that cannot be read the status is only sent once more.
func (c *Client) latest(ctx context.Context, sha, name string) Status {
	c.mu.Lock()
	set, ok := c.statuses[sha+" "+name]
	fresh := c.fresh == sha
	c.mu.Unlock()
	if ok || fresh {
		return set
	}
	all, _, err := c.api.Repositories.GetCombinedStatus(ctx, c.owner, c.name, sha, &github.ListOptions{PerPage: perPage})
	if err != nil {
		return Status{}
	}
	for _, one := range all.Statuses {
		if one.GetContext() == name {
			return Status{Context: name, State: State(one.GetState()), Description: one.GetDescription(), TargetURL: one.GetTargetURL()}
		}
	}
	return Status{}
}
