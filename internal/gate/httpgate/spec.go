// Package httpgate is the http check: one request, and what is expected of the
// answer.
package httpgate

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/gate/trust"
)

// Kind is the name of this kind of check in the config.
const Kind = "http"

// Spec is the http check of the config.
type Spec struct {
	URL           string            `yaml:"url" doc:"Address to request, http or https. User, password and query string are sent and never shown."`
	Method        string            `yaml:"method" doc:"GET (the default), HEAD, OPTIONS or POST without a body."`
	Status        []string          `yaml:"status" doc:"Healthy status codes: 200, 2xx, 200-204. Default 2xx."`
	Headers       map[string]string `yaml:"headers" doc:"Headers to send. They are not sent on to another host by a redirect."`
	ExpectHeaders map[string]string `yaml:"expect_headers" doc:"Headers that the answer must have, with exactly this value."`
	HeaderMatches map[string]string `yaml:"header_matches" doc:"Headers that the answer must have, with a value in which this regular expression (RE2) matches."`
	JSON          map[string]string `yaml:"json" doc:"JSONPath (RFC 9535) and the expected value. The path must select at least one value, and every selected value must equal it. Numbers compare as numbers, 1.0 equals 1."`
	Matches       map[string]string `yaml:"matches" doc:"JSONPath and a regular expression (RE2) that must match somewhere in every selected value."`
	Semver        map[string]string `yaml:"semver" doc:"JSONPath and a version constraint, such as ^2.0.0 or >=1.4 <3. Pre-releases match only if the constraint names one, such as >=2.0.0-0."`
	BodyMatches   string            `yaml:"body_matches" doc:"Regular expression (RE2) that must match somewhere in the first mebibyte of the body."`
	Redirects     string            `yaml:"redirects" doc:"A number: follow that many redirects on the same host. follow: up to 10, also to other hosts. none: judge the redirect itself. Default 5. A redirect to another host or to a login page is never healthy unless followed."`
	TLS           *TLS              `yaml:"tls" doc:"TLS settings for an https address."`
	Timeout       time.Duration     `yaml:"timeout" doc:"Longest time of a single request. Default 5s."`
	MaxLatency    time.Duration     `yaml:"max_latency" doc:"An answer that takes longer counts as not healthy yet."`
}

// TLS says how to trust an https address.
type TLS = trust.TLS

// ProbeTimeout bounds a single request.
func (s *Spec) ProbeTimeout() time.Duration { return probe.TimeoutOr(s.Timeout) }

// The words of retry_on in addition to status codes.
const (
	wordTLS      = trust.Word
	wordRedirect = "redirect"
	wordNotJSON  = "not_json"
)

// RetryWords are the words of retry_on for this kind: its answers that normally end the
// wait.
func (s *Spec) RetryWords() []string {
	var list []string
	for _, code := range slices.Sorted(maps.Keys(neverCodes)) {
		list = append(list, statusWordOf(code))
	}
	return append(list, wordTLS, wordRedirect, wordNotJSON)
}

// Validate returns what is wrong with the spec.
func (s *Spec) Validate() []diag.Mistake {
	_, problems := compile(s)
	return problems
}

// New builds the probe.
func (s *Spec) New(env probe.Env) probe.Probe {
	r, problems := compile(s)
	if len(problems) > 0 {
		return probe.BrokenProbe(Kind, probe.SafeURLText(s.URL), problems)
	}
	return newProber(s, r, env)
}

// rules is a parsed spec: nothing in it can fail any more.
type rules struct {
	url       *url.URL
	method    string
	status    statusSet
	redirects redirectPolicy
	headers   []expectation
	json      []expectation
	body      []expectation
	// ownStatus: the config says itself what $.status must be.
	ownStatus bool
}

var methods = []string{"GET", "HEAD", "OPTIONS", "POST"}

func compile(s *Spec) (rules, []diag.Mistake) {
	r := rules{method: strings.ToUpper(s.Method)}
	var all, found []diag.Mistake
	r.url, found = parseURL(s.URL)
	all = append(all, found...)
	all = append(all, checkMethod(s, &r)...)
	r.status, found = parseStatus(s.Status)
	all = append(all, found...)
	all = append(all, checkSentHeaders(s.Headers)...)
	r.headers, found = headerExpectations(s)
	all = append(all, found...)
	r.json, found = jsonExpectations(s)
	all = append(all, found...)
	r.body, found = bodyExpectations(s)
	all = append(all, found...)
	r.ownStatus = namesStatus(s.JSON) || namesStatus(s.Matches)
	r.redirects, found = parseRedirects(s.Redirects)
	all = append(all, found...)
	all = append(all, checkTLS(s)...)
	all = append(all, probe.CheckDuration("timeout", s.Timeout)...)
	all = append(all, probe.CheckDuration("max_latency", s.MaxLatency)...)
	return r, all
}
