package httpgate

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/theory/jsonpath"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/safetext"
)

// Caller makes the requests of other kinds of checks that speak HTTP, by the rules of
// the http check: one connection per request, bounded answers, proxies, careful
// redirects, no secret in any text.
type Caller struct {
	prober *prober
	config *tls.Config
	// Mask removes the caller's secrets from a text.
	Mask func(string) string
}

// CallerOptions are what all requests of a [Caller] share.
type CallerOptions struct {
	Headers map[string]string
	TLS     *TLS
	// Config is the TLS config of every request, if there is no TLS section.
	Config  *tls.Config
	Timeout time.Duration
	// Secrets are removed from every text, in addition to those in headers and
	// addresses.
	Secrets []string
}

// NewCaller builds a caller from options that [CheckURL], [CheckHeaders] and
// [TLS.Validate] found nothing wrong with.
func NewCaller(o CallerOptions, env probe.Env) *Caller {
	secrets := slices.Clone(o.Secrets)
	for _, name := range slices.Sorted(maps.Keys(o.Headers)) {
		if probe.SecretName(name) {
			secrets = append(secrets, o.Headers[name])
			secrets = append(secrets, strings.Fields(o.Headers[name])...)
		}
	}
	mask := env.Hide(secrets)
	env.Redact = mask
	spec := &Spec{Headers: o.Headers, TLS: o.TLS, Timeout: o.Timeout}
	p := newProber(spec, rules{url: &url.URL{}, redirects: redirectPolicy{max: defaultRedirects}}, env)
	return &Caller{prober: p, config: o.Config, Mask: mask}
}

// Request is one request of a [Caller].
type Request struct {
	Method string // empty: GET
	URL    string
	// Headers are sent in addition to those of the caller, and before them.
	Headers map[string]string
	// Lists are as Headers, with several values of one name.
	Lists http.Header
	Body  []byte
}

// Do makes one request. A failure is returned as an observation: no connection, an
// untrusted certificate, a redirect that is not followed. A response of any status is
// returned for the caller to judge.
func (c *Caller) Do(ctx context.Context, r Request) (Answer, *probe.Observation) {
	u, err := url.Parse(r.URL)
	if err != nil || u.Host == "" {
		o := probe.Broken("unreadable address", "the address cannot be read; correct it in the config")
		return Answer{}, &o
	}
	p := *c.prober
	p.rules.url, p.rules.method, p.sent, p.more, p.lists = u, r.Method, r.Body, r.Headers, r.Lists
	p.mask = p.env.Hide(probe.URLSecrets(u))
	config, fault := c.trust()
	if fault != nil {
		return Answer{}, fault
	}
	transport := p.transport(config)
	defer transport.CloseIdleConnections()
	a, err := p.ask(ctx, &http.Client{Transport: transport, CheckRedirect: p.checkRedirect})
	if err != nil {
		o := masked(p.fault(err), p.mask)
		return Answer{}, &o
	}
	if o, wrong := p.spec.TLS.CheckDays(a.tls); wrong {
		return Answer{}, &o
	}
	return Answer{a}, nil
}

func (c *Caller) trust() (*tls.Config, *probe.Observation) {
	if c.config != nil {
		return c.config.Clone(), nil
	}
	return c.prober.spec.TLS.Config(c.prober.env.Root)
}

func masked(o probe.Observation, mask func(string) string) probe.Observation {
	o.Observed, o.Reason, o.Key = mask(o.Observed), mask(o.Reason), mask(o.Key)
	return o
}

// Answer is what came back to a [Caller].
type Answer struct{ a answer }

// Code is the status code.
func (a Answer) Code() int { return a.a.code }

// OK reports a status of 2xx.
func (a Answer) OK() bool { return a.a.code >= 200 && a.a.code < 300 }

// Header is a header of the answer, as the other side wrote it.
func (a Answer) Header(name string) string { return a.a.header.Get(name) }

// JSON is the document in the body; ok is false if there is none.
func (a Answer) JSON() (doc any, ok bool) { return a.a.doc, a.a.isJSON }

// Body is the start of the body, as the other side wrote it.
func (a Answer) Body() []byte { return a.a.body }

// Quote quotes a part of the answer, without secrets.
func (a Answer) Quote(s string) string { return a.a.quote(s) }

// Plain is a part of the answer on one bounded line, without secrets.
func (a Answer) Plain(s string) string { return safetext.Plain(a.a.mask(s), probe.MaxQuote) }

// WrongStatus judges a status that was not the expected one.
func (a Answer) WrongStatus() probe.Observation { return masked(wrongStatus(a.a), a.a.mask) }

// NotJSON judges an answer that should be JSON and is not.
func (a Answer) NotJSON() probe.Observation { return masked(notJSON(a.a), a.a.mask) }

// Ambiguous judges an answer in JSON with an object that has a key twice; nil: there is none.
func (a Answer) Ambiguous() *probe.Observation {
	if a.a.twice == nil {
		return nil
	}
	o := masked(ambiguous(a.a), a.a.mask)
	return &o
}

// HasKeyTwice reports whether an object of a JSON document has a key twice.
func HasKeyTwice(doc []byte) bool { return duplicateKey(doc) != nil }

// NeverWords are the words of retry_on that a [Caller]'s answers may carry.
func NeverWords() []string { return (&Spec{}).RetryWords() }

// CheckURL returns what is wrong with the address of a request.
func CheckURL(path, text string) []diag.Mistake {
	_, problems := parseURL(text)
	for i := range problems {
		problems[i].Path = path
	}
	return problems
}

// CheckHeaders returns what is wrong with headers to send, in a field named
// headers.
func CheckHeaders(headers map[string]string) []diag.Mistake { return checkSentHeaders(headers) }

// Path is a parsed JSONPath.
type Path struct{ path *jsonpath.Path }

// ParsePath reads a JSONPath; where names it in the config.
func ParsePath(where, text string) (Path, []diag.Mistake) {
	p, err := jsonpath.Parse(text)
	if err != nil {
		return Path{}, []diag.Mistake{
			{Path: where, Text: "bad JSONPath: " + safetext.Plain(err.Error(), probe.MaxQuote), Hint: "write it as $.status or $.components.db.status"},
		}
	}
	return Path{p}, nil
}

// First is the first value that the path selects, strings without quotes, all
// else as JSON; ok is false where there is none or it is null.
func (p Path) First(doc any) (text string, ok bool) {
	for _, node := range p.path.Select(doc) {
		if node != nil {
			return plainText(node), true
		}
	}
	return "", false
}

// All are all values that the path selects.
func (p Path) All(doc any) []any { return p.path.Select(doc) }

// Range is a parsed version constraint.
type Range struct{ judge judge }

// ParseRange reads a version constraint; where names it in the config.
func ParseRange(where, text string) (Range, []diag.Mistake) {
	j, fault := inRange(text)
	if fault != "" {
		return Range{}, []diag.Mistake{{Path: where, Text: fault, Hint: hints["semver"]}}
	}
	return Range{j}, nil
}

// Has reports whether a version is in the range. If it is not, it says what to try.
func (r Range) Has(version string) (ok bool, hint string) { return r.judge(version) }

// EqualText reports whether a JSON value equals a scalar of the config.
func EqualText(value any, want string) bool { return equalText(value, want) }

// Text is a JSON value on one line.
func Text(value any) string { return jsonText(value) }

// Status is a parsed set of status codes.
type Status struct{ set statusSet }

// ParseStatus reads status codes in a field named status, such as 403 or 4xx.
func ParseStatus(items []string) (Status, []diag.Mistake) {
	set, problems := parseStatus(items)
	return Status{set}, problems
}

// Has reports whether a code is in the set.
func (s Status) Has(code int) bool { return s.set.has(code) }

func (s Status) String() string { return fmt.Sprintf("HTTP %s", s.set.text) }

// SameNumber compares two decimal numbers exactly; false where one is none.
func SameNumber(a, b string) bool { return sameNumber(a, b) }

// Decode reads one JSON document, keeping numbers as they are written.
func Decode(body []byte) (any, bool) { return decode(body) }
