package httpgate

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/gate/probe"
)

const (
	defaultRedirects = 5
	maxRedirects     = 10
)

type redirectPolicy struct {
	// max is how many are followed; none is followed where it is 0.
	max int
	// anywhere also follows redirects to other hosts and to login pages.
	anywhere bool
}

func parseRedirects(s string) (redirectPolicy, []diag.Mistake) {
	switch s {
	case "":
		return redirectPolicy{max: defaultRedirects}, nil
	case "none":
		return redirectPolicy{}, nil
	case "follow":
		return redirectPolicy{max: maxRedirects, anywhere: true}, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > maxRedirects {
		return redirectPolicy{}, []diag.Mistake{{
			Path: "redirects", Text: fmt.Sprintf("unknown redirects %q", s), Hint: fmt.Sprintf("use none, follow, or a number up to %d", maxRedirects),
		}}
	}
	return redirectPolicy{max: n}, nil
}

// redirectError ends a chain of redirects. Its texts hold no query string.
type redirectError struct{ observed, reason string }

func (e *redirectError) Error() string { return e.observed }

func (p *prober) checkRedirect(req *http.Request, via []*http.Request) error {
	policy, first := p.rules.redirects, via[0].URL
	if policy.max == 0 {
		return http.ErrUseLastResponse
	}
	to := probe.SafeURL(req.URL)
	switch {
	case !policy.anywhere && !strings.EqualFold(req.URL.Hostname(), first.Hostname()):
		return &redirectError{"redirected to another host: " + to,
			"the address redirects to another host, as login pages do; use an address that answers directly, or set redirects: follow"}
	case !policy.anywhere && loginPath(req.URL.Path) && !loginPath(first.Path):
		return &redirectError{"redirected to a login page: " + to,
			"the address asks for a login; use an address that answers without, or send credentials with headers"}
	case len(via) > policy.max:
		return &redirectError{fmt.Sprintf("more than %d redirects, the last to %s", policy.max, to),
			"the address redirects too often; use the final address, or raise redirects"}
	}
	if !mayHaveCredentials(first, req.URL) {
		p.strip(req)
	}
	return nil
}

// strip removes from a redirected request everything that the config put into the first
// one. net/http would keep headers that it does not recognise as credentials, and send
// the first URL with its query string as referer.
func (p *prober) strip(req *http.Request) {
	for _, sent := range []map[string]string{p.spec.Headers, p.more} {
		for name := range sent {
			req.Header.Del(name)
		}
	}
	for name := range p.lists {
		req.Header.Del(name)
	}
	for _, name := range []string{"Authorization", "Cookie", "Referer"} {
		req.Header.Del(name)
	}
	if req.URL.User != nil {
		u := *req.URL
		u.User = nil
		req.URL = &u
	}
}

// mayHaveCredentials reports whether what was meant for one address may be sent
// to another: the same origin, or the same host by https instead of http.
func mayHaveCredentials(first, to *url.URL) bool {
	if !strings.EqualFold(first.Hostname(), to.Hostname()) {
		return false
	}
	upgrade := first.Scheme == "http" && to.Scheme == "https"
	return upgrade || first.Scheme == to.Scheme && port(first) == port(to)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

var loginSegments = map[string]bool{
	"login": true, "log-in": true, "log_in": true, "signin": true, "sign-in": true, "sign_in": true, "logon": true,
	"sso": true, "saml": true, "saml2": true, "oauth": true, "oauth2": true, "authorize": true,
}

func loginPath(path string) bool {
	for segment := range strings.SplitSeq(strings.ToLower(path), "/") {
		name, _, _ := strings.Cut(segment, ".")
		if loginSegments[name] {
			return true
		}
	}
	return false
}
