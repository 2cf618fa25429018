package github

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-github/v62/github"
)

// kind says whether to retry after a failure.
type kind int

const (
	final kind = iota
	// unreachable: no connection was made, so nothing was done.
	unreachable
	// broken: the other side or the way to it is in trouble.
	broken
	// limited: the API asks to wait.
	limited
)

// requestError is a failed request.
type requestError struct {
	kind   kind
	status int
	text   string
	// wait is how long the API asks to wait; 0 where it does not say.
	wait time.Duration
	// hopeless is a pause that was longer than the remaining time.
	hopeless time.Duration
	err      error
}

func (f *requestError) Error() string {
	text := f.text
	if f.status != 0 {
		text = fmt.Sprintf("the API answered %d", f.status)
		if f.text != "" {
			text += " (" + f.text + ")"
		}
	}
	if f.kind == limited {
		text += ", a rate limit"
	}
	if f.hopeless > 0 {
		text += fmt.Sprintf(", and waiting %s would exceed the time for publishing", f.hopeless.Round(time.Second))
	}
	return text
}

func (f *requestError) Unwrap() error { return f.err }

// refused reads an answer of 400 or more.
func refused(resp *http.Response, message string, now time.Time) *requestError {
	f := &requestError{status: resp.StatusCode, text: message, wait: waitOf(resp.Header, now)}
	switch resp.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		f.kind = broken
	case http.StatusTooManyRequests:
		f.kind = limited
	case http.StatusForbidden:
		// A 403 that does not mention a limit is about permissions: waiting cannot help.
		if f.wait > 0 || strings.Contains(strings.ToLower(message), "rate limit") {
			f.kind = limited
		}
	default:
		f.kind = final
	}
	return f
}

// unsaid is how long GitHub asks to wait after a limit that names no time.
const unsaid = time.Minute

// waitOf is how long an answer asks to wait: Retry-After, else x-ratelimit-reset
// where nothing remains. The API's own clock counts where it says its time; 0: not
// at all.
func waitOf(h http.Header, now time.Time) time.Duration {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	after := h.Get("Retry-After")
	if n, err := strconv.Atoi(after); err == nil && n >= 0 {
		return max(time.Duration(min(n, 1<<20))*time.Second, time.Second)
	}
	if at, err := http.ParseTime(after); err == nil {
		return max(at.Sub(now), time.Second)
	}
	if h.Get("X-Ratelimit-Remaining") != "0" {
		return 0
	}
	reset, err := strconv.ParseInt(h.Get("X-Ratelimit-Reset"), 10, 64)
	if err != nil {
		return unsaid
	}
	// A second more, because the time is in whole seconds.
	return max(time.Unix(reset, 0).Sub(now), 0) + time.Second
}

// retries counts the tries at one request by what went wrong. Refused connections are
// counted for all requests of a client together.
type retries struct {
	unreachable     *atomic.Int32
	broken, limited int
}

// next is the pause before the next try, and whether there is one.
func (r *retries) next(f *requestError) (time.Duration, bool) {
	switch f.kind {
	case unreachable:
		// 1 s and 2 s: an API that is not there costs under 5 s in all.
		n := r.unreachable.Add(1)
		return time.Duration(n) * time.Second, n <= 2
	case broken:
		r.broken++
		return max(f.wait, time.Second), r.broken <= 1
	case limited:
		r.limited++
		if f.wait == 0 {
			f.wait = unsaid
		}
		return f.wait, r.limited <= 3
	case final:
	default:
	}
	return 0, false
}

// Error is something that was not published, in one sentence.
type Error struct {
	// Lost names it: "the PR comment".
	Lost string
	// Permission is what the job's token needs, as a workflow says it; empty where
	// that is not the trouble.
	Permission string
	// Status is the API's answer; 0 where there was none.
	Status int
	verb   string // published, where it is empty
	why    string
	err    error
}

func (e *Error) Error() string {
	text := e.Lost + " was not " + cmp.Or(e.verb, "published") + ": " + e.why
	if e.Permission != "" {
		text += "; the job needs `permissions: " + e.Permission + "`"
	}
	return text
}

func (e *Error) Unwrap() error { return e.err }

// status is the API's answer behind an error; 0 where there was none.
func status(err error) int {
	var f *requestError
	if errors.As(err, &f) {
		return f.status
	}
	return 0
}

// lost wraps any error as an Error.
func (c *Client) lost(what, permission string, err error) *Error {
	var f *requestError
	if !errors.As(err, &f) {
		return &Error{Lost: what, why: c.scrub(c.reason(err)), err: err}
	}
	e := &Error{Lost: what, Status: f.status, why: f.Error(), err: f}
	switch f.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity:
		if f.kind == final {
			e.Permission = permission
		}
	default:
	}
	return e
}

// reason describes an error that did not come from the API.
func (c *Client) reason(err error) string {
	var (
		location *url.Error
		syntax   *json.UnmarshalTypeError
		answer   *github.ErrorResponse
	)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("the time for publishing (%s) was used up", c.time)
	case errors.Is(err, context.Canceled):
		return "it was cancelled"
	case errors.As(err, &location):
		return location.Err.Error()
	case errors.As(err, &syntax):
		return "the answer does not fit the API's description"
	case errors.As(err, &answer):
		return fmt.Sprintf("the API answered %d", answer.Response.StatusCode)
	}
	return err.Error()
}

// readOnly says in one line what a token that may only read costs; empty where that
// is not the trouble. GitHub gives runs of forks and of Dependabot such tokens.
func (c *Client) readOnly(e *Error) string {
	if !c.fork || e.Status != http.StatusForbidden || e.Permission == "" {
		return ""
	}
	return e.Lost + " was not published: the token is read-only, as in every run from a fork or of Dependabot; the job summary has the result, and a " +
		"workflow_run job can publish it"
}
