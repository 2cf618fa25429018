// Package github publishes on GitHub and what answers like it (Enterprise, Gitea,
// Forgejo): one comment on a pull request, updated in place, and a commit status.
//
// Publishing shows a verdict and never changes it. It is bounded in time and says in one
// sentence what was not published; a read-only token is not an error.
//
// It hides github.com/google/go-github/v62, which waits by the wall clock, refuses
// requests by itself after a rate limit, and sends the token wherever a redirect
// points. See [Client] for what holds instead.
package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/google/go-github/v62/github"

	"github.com/org/e2e-gate/internal/forge"
	"github.com/org/e2e-gate/internal/publish"
)

// Bounds of publishing.
const (
	// PublishTime is how long all calls of a client may take together; the contract
	// says under 60 s.
	PublishTime = 50 * time.Second
	// requestTime is how long one request may take.
	requestTime = 20 * time.Second
	// maxAnswer bounds what is read of an answer, in bytes: a page of 100 comments
	// of 65,536 characters each fits.
	maxAnswer = 32 << 20
)

// DefaultURL is where GitHub's own API answers.
const DefaultURL = "https://api.github.com/"

// Options of [New].
type Options struct {
	// BaseURL is GITHUB_API_URL, with or without a slash at its end; empty is
	// [DefaultURL].
	BaseURL string
	// GraphQLURL is GITHUB_GRAPHQL_URL; empty, or on another host than BaseURL: what
	// needs it is left out.
	GraphQLURL string
	// Repository is owner/name.
	Repository string
	// Forge is the name of a forge that answers like GitHub and has less; empty: GitHub.
	Forge string
	// Token is sent to BaseURL and nowhere else.
	Token string
	// Login is the account behind the token where it is known. Comments of bots
	// count as ours without it, as does what the API says of our own.
	Login string
	// Fork: the run was started from a fork or by Dependabot, so that a refused
	// write is what is to be expected.
	Fork bool
	// Transport carries the requests; nil is Go's own, with proxies from the
	// environment.
	Transport http.RoundTripper
	// Now and Sleep are the clock; nil is the real one. Sleep ends early, with an
	// error, when the context does.
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
	// Time is how long all calls may take together; 0: [PublishTime].
	Time time.Duration
	// Budget is told what the answers say of the hour's requests; nil: they are not kept.
	Budget *forge.Budget
	// UserAgent names the program; empty is e2e-gate.
	UserAgent string
}

// Client publishes for one repository. It is safe for concurrent use.
//
// Where the connection is refused, two more tries are made in all. A request is
// repeated once after 502, 503, 504, a broken connection or an answer that is not
// JSON, and after a rate limit that passes in time (Retry-After, x-ratelimit-reset).
// All other answers are final. All calls together take [PublishTime] at most, or what
// [Options] say.
type Client struct {
	owner, name string
	fork        bool
	api         *github.Client
	// plain carries no token: for storage that the API points to.
	plain *http.Client
	// graph is the address of GraphQL; nil if there is none.
	graph  *url.URL
	budget *forge.Budget
	now    func() time.Time
	scrub  func(string) string
	time   time.Duration

	mu    sync.Mutex
	spent time.Duration
	login string
	asked bool
	// statuses are what this client set last, by commit and context.
	statuses map[string]publish.Status
	// fresh is a commit that no run judged before this one, as far as the comment says.
	fresh string
	// commit is one that the token can read.
	commit string
}

var repositoryName = regexp.MustCompile(`^([A-Za-z0-9._-]+)/([A-Za-z0-9._-]+)$`)

// New returns a client. It does no request. A repository that is not owner/name, and
// a base URL that is not http or https or holds a user, are errors.
func New(o Options) (*Client, error) {
	parts := repositoryName.FindStringSubmatch(o.Repository)
	if parts == nil {
		return nil, fmt.Errorf("repository %q is not owner/name; set GITHUB_REPOSITORY", o.Repository)
	}
	base, err := baseURL(o.BaseURL)
	if err != nil {
		return nil, err
	}
	s := newSender(o, base)
	api := github.NewClient(&http.Client{Transport: s, CheckRedirect: sameHostOnly(base)})
	api.BaseURL = base
	api.UserAgent = cmp.Or(o.UserAgent, "e2e-gate")
	return &Client{
		owner: parts[1], name: parts[2], fork: o.Fork, api: api, now: s.now, scrub: s.scrub,
		login: o.Login, time: cmp.Or(o.Time, PublishTime), statuses: map[string]publish.Status{}, plain: &http.Client{Transport: s.next},
		graph: graphQLURL(o.GraphQLURL, base), budget: o.Budget,
	}, nil
}

// baseURL reads GITHUB_API_URL. go-github insists on the slash at its end.
func baseURL(text string) (*url.URL, error) {
	u, err := url.Parse(cmp.Or(text, DefaultURL))
	switch {
	case err != nil:
		return nil, errors.New("the API's address is not a URL; look at GITHUB_API_URL")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "":
		return nil, errors.New("the API's address must be an http or https URL without user and query; look at GITHUB_API_URL")
	case !strings.HasSuffix(u.Path, "/"):
		u.Path += "/"
	}
	return u, nil
}

// sameHostOnly follows redirects, as of a renamed repository, on the same host only.
func sameHostOnly(base *url.URL) func(*http.Request, []*http.Request) error {
	return func(req *http.Request, via []*http.Request) error {
		if len(via) > 3 || req.URL.Host != base.Host || req.URL.Scheme != base.Scheme {
			return errors.New("the API redirects to another host")
		}
		return nil
	}
}

// begin limits a call to the rest of the time for publishing. done subtracts what it used.
func (c *Client) begin(ctx context.Context) (context.Context, func()) {
	c.mu.Lock()
	left := c.time - c.spent
	c.mu.Unlock()
	start := c.now()
	ctx, cancel := context.WithTimeout(withEnd(ctx, start.Add(left)), left)
	return ctx, func() {
		cancel()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.spent += c.now().Sub(start)
	}
}

// endKey is the key of a call's end in its context, by the client's own clock.
type endKey struct{}

func withEnd(ctx context.Context, end time.Time) context.Context {
	return context.WithValue(ctx, endKey{}, end)
}
