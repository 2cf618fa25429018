package github

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

var (
	one   = strings.Repeat("1", 40)
	two   = strings.Repeat("2", 40)
	large = strings.Repeat("x", 2<<20)
)

// organised is a fake with an organisation's repositories.
func organised(t *testing.T) *githubfake.Server {
	s := githubfake.New(t)
	files := map[string]map[string]string{one: {"a b.yml": "one"}, two: {"f/c.yml": "two", "large.yml": large, "mid.yml": large[:1<<20]}}
	s.Others = map[string]*githubfake.Repo{
		"acme/.github": {Files: files, Refs: map[string]string{"heads/main": two, "tags/v1": one, "heads/v1": two, "heads/a/b": one}},
		"acme/private": {Private: true, Files: files, Refs: map[string]string{"heads/main": two}},
	}
	return s
}

func app(o *Options) { o.Token = githubfake.AppToken }

func TestFileElsewhere(t *testing.T) {
	for _, tc := range []struct {
		repository, ref, path string
		set                   []func(*Options)
		text, sha, fails      string
		requests              int
	}{
		{"acme/.github", "main", "f/c.yml", nil, "two", two, "", 3},
		{"acme/.github", "v1", "a b.yml", nil, "one", one, "", 2},
		{"acme/.github", "a/b", "a b.yml", nil, "one", one, "", 3},
		{"acme/.github", two, "f/c.yml", nil, "two", two, "", 1},
		{"acme/.github", "gone", "f/c.yml", nil, "", "", "has neither a tag nor a branch gone", 2},
		{"acme/.github", strings.Repeat("e", 40), "f/c.yml", nil, "", "", "has no commit eeee", 2},
		{"acme/.github", two, "none.yml", nil, "", "", "has no such file at commit 2222222222", 2},
		{"acme/.github", two, "large.yml", nil, "", "", "it is larger than 1.0 MB", 1},
		{"acme/.github", two, "mid.yml", nil, large[:1<<20], two, "", 1},
		{"acme/private", "main", "f/c.yml", nil, "", "", "give the input token an App's token with contents: read on acme/private", 1},
		{"acme/private", two, "f/c.yml", nil, "", "", "give the input token an App's token with contents: read on acme/private", 2},
		{"acme/private", "main", "f/c.yml", []func(*Options){app}, "two", two, "", 3},
		{"acme/unknown", "main", "f/c.yml", []func(*Options){app}, "", "", "the token does not see repository acme/unknown", 1},
		{"acme", "main", "f/c.yml", nil, "", "", "is not owner/name", 0},
	} {
		t.Run(tc.repository+" "+tc.ref[:min(len(tc.ref), 6)]+" "+tc.path, func(t *testing.T) {
			s := organised(t)
			data, sha, err := client(t, s, tc.set...).FileElsewhere(context.Background(), tc.repository, tc.ref, tc.path, 1<<20)
			if string(data) != tc.text || sha != tc.sha || (err != nil) != (tc.fails != "") || s.Count("") != tc.requests {
				t.Errorf("%d bytes, %s, %v, %d requests", len(data), sha, err, s.Count(""))
			}
			if tc.fails != "" {
				sentence(t, err, tc.fails)
			}
		})
	}
}

// What goes wrong on the way is an error, and nothing is asked of another host.
func TestFileElsewhereFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		fault githubfake.Fault
		says  string
	}{
		"forbidden":               {githubfake.Answers(http.MethodGet, http.StatusForbidden, "Resource not accessible by integration"), "contents: read"},
		"in trouble":              {githubfake.Answers(http.MethodGet, http.StatusInternalServerError, ""), "answered 500"},
		"cut":                     {githubfake.Truncated(http.MethodGet, 9), "damaged"},
		"sent to another host":    {githubfake.Redirected("http://elsewhere.test/x"), "another host"},
		"a branch without commit": {githubfake.Replies(http.MethodGet, `{"sha": "main"}`), "names no commit"},
	} {
		bubble(t, func(t *testing.T, s *githubfake.Server) {
			t.Helper()
			s.Others = map[string]*githubfake.Repo{"acme/.github": {Refs: map[string]string{"tags/v1": one}, Files: map[string]map[string]string{one: {"c.yml": "x"}}}}
			s.Fail(tc.fault)
			host := ""
			c := client(t, s, func(o *Options) {
				next := o.Transport
				o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
					if r.URL.Host != "api.test" {
						host = r.URL.Host
					}
					return next.RoundTrip(r)
				})
			})
			_, _, err := c.FileElsewhere(context.Background(), "acme/.github", "v1", "c.yml", 1<<20)
			if err == nil || host != "" {
				t.Fatalf("%s: %v, %s", name, err, host)
			}
			sentence(t, err, tc.says)
		})
	}
}
