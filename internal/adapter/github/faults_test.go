package github

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

// Every fault that passes: the comment is there, nothing is doubled, and it took as
// long as it had to.
func TestFaultsThatPass(t *testing.T) {
	for name, c := range map[string]struct {
		fault     githubfake.Fault
		low, high time.Duration
	}{
		"502 once on reading":     {githubfake.Broken("GET", 502, 1, false), time.Second, 2 * time.Second},
		"503 once on writing":     {githubfake.Broken("write", 503, 1, false), time.Second, 2 * time.Second},
		"504 and done":            {githubfake.Broken("write", 504, 1, true), time.Second, 2 * time.Second},
		"reset on reading":        {githubfake.Reset("GET", 1, false), time.Second, 2 * time.Second},
		"reset on writing":        {githubfake.Reset("write", 1, true), time.Second, 2 * time.Second},
		"truncated list":          {githubfake.Truncated("GET", 1), time.Second, 2 * time.Second},
		"truncated answer":        {githubfake.Truncated("POST", 0), 0, 0},
		"429 with Retry-After":    {githubfake.TooMany(7), 7 * time.Second, 8 * time.Second},
		"429 with Retry-After: 0": {githubfake.TooMany(0), time.Second, time.Second},
		"secondary limit":         {githubfake.SecondaryLimit(12), 12 * time.Second, 13 * time.Second},
		"slow":                    {githubfake.Slow(3 * time.Second), 9 * time.Second, 9 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *githubfake.Server) {
				s.Fail(c.fault)
				start := time.Now()
				upsertOK(t, client(t, s), stamp("7001", 1), plain, publish.Created)
				took(t, start, c.low, c.high)
				only(t, s, stamp("7001", 1), plain)
			})
		})
	}
}

// The primary limit passes at a time by the server's clock.
func TestPrimaryLimit(t *testing.T) {
	bubble(t, func(t *testing.T, s *githubfake.Server) {
		start := time.Now()
		s.Fail(githubfake.PrimaryLimit(start.Add(20 * time.Second)))
		upsertOK(t, client(t, s), stamp("7001", 1), plain, publish.Created)
		took(t, start, 20*time.Second, 22*time.Second)
	})
}

// Every fault that does not pass: one sentence with what was lost, within the time.
func TestFaultsThatStay(t *testing.T) {
	for name, c := range map[string]struct {
		faults []githubfake.Fault
		high   time.Duration
		words  []string
	}{
		"read-only token": {[]githubfake.Fault{githubfake.ForbiddenWrite()}, 0,
			[]string{"403", "not accessible by integration", "`permissions: pull-requests: write`"}},
		"no permission": {[]githubfake.Fault{githubfake.Answers("", 403, "Resource not accessible")}, 0, []string{"403", "pull-requests: write"}},
		"not found":     {[]githubfake.Fault{githubfake.Answers("", 404, "Not Found")}, 0, []string{"404", "pull-requests: write"}},
		"bad token": {[]githubfake.Fault{githubfake.Answers("", 401, "Bad credentials: "+githubfake.JobToken)}, 0,
			[]string{"401", "***", "pull-requests: write"}},
		"refused":         {[]githubfake.Fault{githubfake.Answers("POST", 422, "Validation\nFailed")}, 0, []string{"422", "Validation Failed"}},
		"502 twice":       {[]githubfake.Fault{githubfake.Broken("", 502, 0, false)}, time.Second, []string{"502"}},
		"500":             {[]githubfake.Fault{githubfake.Answers("", 500, "oops")}, 0, []string{"500", "oops"}},
		"resets":          {[]githubfake.Fault{githubfake.Reset("", 0, false)}, time.Second, []string{"connection to the API broke"}},
		"truncated lists": {[]githubfake.Fault{githubfake.Truncated("GET", 0)}, time.Second, []string{"not JSON"}},
		"429 for an hour": {[]githubfake.Fault{githubfake.TooMany(3600)}, 0, []string{"429", "waiting 1h0m0s would exceed the time for publishing"}},
		"secondary limit": {[]githubfake.Fault{githubfake.SecondaryLimit(0)}, 0, []string{"rate limit", "waiting 1m0s"}},
		"429 again, again": {[]githubfake.Fault{githubfake.TooMany(9), githubfake.TooMany(9), githubfake.TooMany(9), githubfake.TooMany(9)},
			27 * time.Second, []string{"429", "rate limit"}},
		"slower than a try": {[]githubfake.Fault{githubfake.Slow(time.Minute)}, 20 * time.Second, []string{"did not answer within 20s"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *githubfake.Server) {
				s.Fail(c.faults...)
				start := time.Now()
				_, err := client(t, s).UpsertComment(context.Background(), 42, stamp("7001", 1), plain)
				took(t, start, 0, c.high)
				sentence(t, err, append(c.words, "the PR comment was not published")...)
				if len(s.Comments()) != 0 {
					t.Errorf("%+v", s.Comments())
				}
			})
		})
	}
}

// From a fork a refused write is no error; another trouble still is.
func TestForkIsReadOnly(t *testing.T) {
	s := githubfake.New(t)
	c := client(t, s, func(o *Options) { o.Fork = true })
	s.Fail(githubfake.ForbiddenWrite())
	comment := upsertOK(t, c, stamp("7001", 1), plain, publish.ReadOnly)
	status, err := c.SetStatus(context.Background(), head, publish.Status{State: publish.Success})
	if err != nil || status.Action != publish.ReadOnly {
		t.Errorf("%+v, %v", status, err)
	}
	for _, note := range []string{comment.Note, status.Note} {
		if !strings.Contains(note, "the token is read-only") || strings.Contains(note, "\n") {
			t.Error(note)
		}
	}
	s.Heal()
	s.Fail(githubfake.Answers("", 404, "Not Found"))
	_, err = c.UpsertComment(context.Background(), 42, stamp("7001", 1), plain)
	sentence(t, err, "404")
	s.Heal()
	upsertOK(t, c, stamp("7001", 1), plain, publish.Created)
}

func TestLockedPullRequest(t *testing.T) {
	s := githubfake.New(t)
	s.Locked = true
	_, err := client(t, s).UpsertComment(context.Background(), 42, stamp("7001", 1), plain)
	sentence(t, err, "issue is locked")
}

// All that is published takes under a minute, however much goes wrong: a second call
// has only what the first one left.
func TestPublishingIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T, s *githubfake.Server) {
		s.Fail(githubfake.Slow(15 * time.Second))
		c, start := client(t, s), time.Now()
		for range 5 {
			_, _ = c.UpsertComment(context.Background(), 42, stamp("7001", 1), plain)
			_, _ = c.SetStatus(context.Background(), head, publish.Status{State: publish.Success})
		}
		took(t, start, 45*time.Second, PublishTime)
		_, err := c.SetStatus(context.Background(), head, publish.Status{State: publish.Success})
		sentence(t, err, "the commit status was not published", "used up")
	})
}

func TestCancelled(t *testing.T) {
	bubble(t, func(t *testing.T, s *githubfake.Server) {
		s.Fail(githubfake.Slow(10 * time.Second))
		ctx, cancel := context.WithTimeoutCause(context.Background(), 2*time.Second, errors.New("the job is over"))
		defer cancel()
		start := time.Now()
		_, err := client(t, s).UpsertComment(ctx, 42, stamp("7001", 1), plain)
		took(t, start, 2*time.Second, 2*time.Second)
		sentence(t, err)
	})
}

// A refused connection is retried twice, within 5 s for everything that is published.
func TestRefusedConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, tries := githubfake.New(t), 0
		c := client(t, s, func(o *Options) {
			o.Transport = roundTrip(func(*http.Request) (*http.Response, error) {
				tries++
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connect: connection refused")}
			})
		})
		start := time.Now()
		_, err := c.UpsertComment(context.Background(), 42, stamp("7001", 1), plain)
		sentence(t, err, "no connection to the API")
		if tries != 3 {
			t.Errorf("%d tries", tries)
		}
		_, err = c.SetStatus(context.Background(), head, publish.Status{State: publish.Success})
		sentence(t, err, "no connection to the API")
		took(t, start, 3*time.Second, 5*time.Second)
		if tries != 5 {
			t.Errorf("%d tries", tries)
		}
	})
}

// The same over a real port without a listener, with sleeps that are counted.
func TestRefusedConnectionOnLoopback(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + l.Addr().String()
	_ = l.Close()
	var slept time.Duration
	c, err := New(Options{BaseURL: address, Repository: "acme/cases", Sleep: func(_ context.Context, d time.Duration) error {
		slept += d
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.SetStatus(context.Background(), head, publish.Status{State: publish.Success})
	sentence(t, err, "no connection to the API")
	if slept != 3*time.Second {
		t.Errorf("slept %s", slept)
	}
}

// The whole over a real connection, below a path as Enterprise has it, with and
// without the slash.
func TestOverLoopback(t *testing.T) {
	for _, slash := range []string{"", "/"} {
		s := githubfake.New(t)
		s.Prefix = "/api/v3"
		for range 120 {
			s.AddComment(githubfake.Person, "hello")
		}
		c, err := New(Options{BaseURL: s.Listen() + slash, Repository: s.Repository, Token: githubfake.JobToken,
			Sleep: func(context.Context, time.Duration) error { return nil }})
		if err != nil {
			t.Fatal(err)
		}
		s.Fail(githubfake.Reset("GET", 1, false))
		upsertOK(t, c, stamp("7001", 1), plain, publish.Created)
		if out, err := c.SetStatus(context.Background(), head, publish.Status{State: publish.Success}); err != nil || out.Action != publish.Created {
			t.Errorf("%+v, %v", out, err)
		}
	}
}

// The token goes to the API's own address, also where that redirects.
func TestRedirects(t *testing.T) {
	s := githubfake.New(t)
	var hosts []string
	var location string
	c := client(t, s, func(o *Options) {
		o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			hosts = append(hosts, r.URL.Host+" "+r.Header.Get("Authorization"))
			if strings.Contains(r.URL.Path, "/moved/") || strings.HasPrefix(r.URL.Path, "/repos/") && location != "" && len(hosts) == 1 {
				return &http.Response{StatusCode: http.StatusTemporaryRedirect, Header: http.Header{"Location": {location}}, Body: http.NoBody, Request: r}, nil
			}
			return s.Transport().RoundTrip(r)
		})
	})
	location = "http://elsewhere.test/repos/acme/cases/issues/42/comments"
	_, err := c.UpsertComment(context.Background(), 42, stamp("7001", 1), plain)
	sentence(t, err, "redirects to another host")
	if len(hosts) != 1 {
		t.Errorf("%q", hosts)
	}
	hosts, location = nil, "http://api.test/repos/acme/cases/issues/42/comments?per_page=100"
	upsertOK(t, c, stamp("7001", 1), plain, publish.Created)
	for _, h := range hosts {
		if h != "api.test Bearer "+githubfake.JobToken {
			t.Errorf("%q", hosts)
		}
	}
}

func TestAnswerThatIsTooLarge(t *testing.T) {
	s := githubfake.New(t)
	c := client(t, s, func(o *Options) {
		o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: endless{}, Request: r}, nil
		})
	})
	_, err := c.UpsertComment(context.Background(), 42, stamp("7001", 1), plain)
	sentence(t, err, "larger than 32.0 MB")
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
func (endless) Close() error               { return nil }

func TestRetryHeaders(t *testing.T) {
	now := time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)
	for _, c := range []struct {
		headers []string
		want    time.Duration
	}{
		{nil, 0},
		{[]string{"Retry-After", "30"}, 30 * time.Second},
		{[]string{"Retry-After", "0"}, time.Second},
		{[]string{"Retry-After", "-5"}, 0},
		{[]string{"Retry-After", "99999999999999999999"}, 0},
		{[]string{"Retry-After", "soon"}, 0},
		{[]string{"Retry-After", now.Add(time.Minute).Format(http.TimeFormat)}, time.Minute},
		{[]string{"Retry-After", "5", "X-Ratelimit-Remaining", "0", "X-Ratelimit-Reset", "1"}, 5 * time.Second},
		{[]string{"X-Ratelimit-Remaining", "0", "X-Ratelimit-Reset", "1773480443"}, 31 * time.Second},
		{[]string{"X-Ratelimit-Remaining", "0", "X-Ratelimit-Reset", "1"}, time.Second},
		{[]string{"X-Ratelimit-Remaining", "0"}, unsaid},
		{[]string{"X-Ratelimit-Remaining", "12", "X-Ratelimit-Reset", "1773480443"}, 0},
		// Our clock is an hour late; the server's counts.
		{[]string{"X-Ratelimit-Remaining", "0", "X-Ratelimit-Reset", "1773484043", "Date", now.Add(time.Hour).Format(http.TimeFormat)}, 31 * time.Second},
	} {
		h := http.Header{}
		for i := 0; i < len(c.headers); i += 2 {
			h.Set(c.headers[i], c.headers[i+1])
		}
		if got := waitOf(h, now); got != c.want {
			t.Errorf("%v: %s, want %s", c.headers, got, c.want)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{
		{}, {Repository: "acme"}, {Repository: "acme/cases/x"}, {Repository: "acme/../x y"}, {Repository: "acme/cases", BaseURL: "ftp://x"},
		{Repository: "acme/cases", BaseURL: "http://user:pass@x/"}, {Repository: "acme/cases", BaseURL: "://"}, {Repository: "acme/cases", BaseURL: "/api"},
	} {
		if _, err := New(o); err == nil || strings.Contains(err.Error(), "pass@") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for in, want := range map[string]string{"": DefaultURL, "https://ghe.test/api/v3": "https://ghe.test/api/v3/",
		"https://gitea.test/api/v1/": "https://gitea.test/api/v1/"} {
		c, err := New(Options{Repository: "acme/cases", BaseURL: in})
		if err != nil || c.api.BaseURL.String() != want {
			t.Errorf("%q: %v", in, err)
		}
	}
}
