// Package fixturesgate is the fixtures check: the API that creates test data has a
// version that the tests support, and refuses production.
package fixturesgate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/gate/httpgate"
	"github.com/org/e2e-gate/internal/gate/probe"
)

// Kind is the name of this kind of check in the config.
const Kind = "fixtures"

// The words of retry_on in addition to those of HTTP.
const (
	wordMissing      = "no_version"
	wordIncompatible = "incompatible"
	wordProduction   = "production"
)

// Spec is the fixtures check of the config.
type Spec struct {
	URL         string            `yaml:"url" doc:"Address where the fixture API reports its version."`
	JSON        string            `yaml:"json" doc:"JSONPath to the version in the answer. Default $.version."`
	Semver      string            `yaml:"semver" doc:"Versions that the tests support, such as ^2.0.0."`
	Environment string            `yaml:"environment" doc:"JSONPath to the name of the environment in the same answer. A name listed in forbidden is never healthy."`
	Forbidden   []string          `yaml:"forbidden" doc:"Names of environments that must not have fixtures. Default production, prod, live."`
	Refuses     *Refusal          `yaml:"refuses" doc:"A request that the fixture API must refuse."`
	Headers     map[string]string `yaml:"headers" doc:"Headers to send."`
	TLS         *httpgate.TLS     `yaml:"tls" doc:"TLS settings for https addresses."`
	Timeout     time.Duration     `yaml:"timeout" doc:"Longest time of a single probe. Default 5s."`
}

// Refusal is a request that must be refused.
type Refusal struct {
	URL     string            `yaml:"url" doc:"Address of the request. It must do no harm if it is not refused."`
	Method  string            `yaml:"method" doc:"GET (the default), HEAD, OPTIONS or POST without a body."`
	Headers map[string]string `yaml:"headers" doc:"Headers to send in addition to those of the check, such as the name of the production environment."`
	Status  []string          `yaml:"status" doc:"Status codes that are a refusal. Default 401, 403, 404, 405, 410, 451. No answer does not count as a refusal."`
}

var (
	forbidden = []string{"production", "prod", "live"}
	refusals  = []string{"401", "403", "404", "405", "410", "451"}
	methods   = []string{"GET", "HEAD", "OPTIONS", "POST"}
)

// ProbeTimeout bounds a single probe.
func (s *Spec) ProbeTimeout() time.Duration { return probe.TimeoutOr(s.Timeout) }

// RetryWords are the words of retry_on for this kind: its answers that normally end the
// wait.
func (s *Spec) RetryWords() []string {
	return append(httpgate.NeverWords(), wordMissing, wordIncompatible, wordProduction)
}

// rules is a parsed spec.
type rules struct {
	version     httpgate.Path
	environment httpgate.Path
	semver      httpgate.Range
	refused     httpgate.Status
}

// Validate returns what is wrong with the spec.
func (s *Spec) Validate() []diag.Mistake {
	_, problems := s.compile()
	return problems
}

func (s *Spec) compile() (r rules, problems []diag.Mistake) {
	problems = httpgate.CheckURL("url", s.URL)
	var found []diag.Mistake
	r.version, found = httpgate.ParsePath("json", cmp.Or(s.JSON, "$.version"))
	problems = append(problems, found...)
	if r.semver, found = httpgate.ParseRange("semver", s.Semver); s.Semver == "" {
		found = []diag.Mistake{{Path: "semver", Text: "missing semver: which versions do the tests support?", Hint: "write it as ^2.0.0"}}
	}
	problems = append(problems, found...)
	if s.Environment != "" {
		r.environment, found = httpgate.ParsePath("environment", s.Environment)
		problems = append(problems, found...)
	}
	if s.Refuses != nil {
		r.refused, found = s.Refuses.compile()
		problems = append(problems, probe.Under("refuses", found)...)
	}
	return r, slices.Concat(problems, httpgate.CheckHeaders(s.Headers), probe.Under("tls", s.TLS.Validate()), probe.CheckDuration("timeout", s.Timeout))
}

func (f *Refusal) compile() (httpgate.Status, []diag.Mistake) {
	problems := httpgate.CheckURL("url", f.URL)
	if f.Method != "" && !slices.Contains(methods, strings.ToUpper(f.Method)) {
		problems = append(problems, diag.Mistake{Path: "method", Text: fmt.Sprintf("unknown method %q", f.Method), Hint: diag.Expected(f.Method, methods)})
	}
	problems = append(problems, httpgate.CheckHeaders(f.Headers)...)
	items := f.Status
	if len(items) == 0 {
		items = refusals
	}
	status, found := httpgate.ParseStatus(items)
	return status, append(problems, found...)
}

// New builds the probe.
func (s *Spec) New(env probe.Env) probe.Probe {
	r, problems := s.compile()
	if len(problems) > 0 {
		return probe.BrokenProbe(Kind, probe.SafeURLText(s.URL), problems)
	}
	options := httpgate.CallerOptions{Headers: s.Headers, TLS: s.TLS, Timeout: s.Timeout}
	p := &prober{spec: s, rules: r, caller: httpgate.NewCaller(options, env)}
	if s.Refuses != nil {
		for name, value := range s.Refuses.Headers {
			if probe.SecretName(name) {
				options.Secrets = append(options.Secrets, value)
			}
		}
		p.refused = httpgate.NewCaller(options, env)
	}
	return p
}

type prober struct {
	spec  *Spec
	rules rules
	// caller asks for the version, refused makes the request that must be refused.
	caller, refused *httpgate.Caller
}

func (p *prober) Kind() string   { return Kind }
func (p *prober) Target() string { return probe.SafeURLText(p.spec.URL) }

func (p *prober) Expected() string {
	text := "version in " + p.spec.Semver
	if p.spec.Environment != "" {
		text += ", environment not " + strings.Join(p.forbidden(), ", ")
	}
	if p.spec.Refuses != nil {
		text += ", " + probe.SafeURLText(p.spec.Refuses.URL) + " refused"
	}
	return text
}

func (p *prober) forbidden() []string {
	if len(p.spec.Forbidden) > 0 {
		return p.spec.Forbidden
	}
	return forbidden
}

// Probe asks for the version, and then makes the request that must be refused.
func (p *prober) Probe(ctx context.Context) probe.Observation {
	o := p.version(ctx)
	if !o.Open() || p.spec.Refuses == nil {
		return o
	}
	if fault := p.mustRefuse(ctx); fault != nil {
		return *fault
	}
	return probe.Healthy(o.Observed + ", refuses production")
}

func (p *prober) version(ctx context.Context) probe.Observation {
	a, fault := p.caller.Do(ctx, httpgate.Request{URL: p.spec.URL})
	if fault != nil {
		return *fault
	}
	if !a.OK() {
		return a.WrongStatus()
	}
	doc, ok := a.JSON()
	if !ok {
		return a.NotJSON()
	}
	return p.judge(a, doc)
}

func (p *prober) judge(a httpgate.Answer, doc any) probe.Observation {
	version, ok := p.rules.version.First(doc)
	if !ok {
		return probe.Never(wordMissing, cmp.Or(p.spec.JSON, "$.version")+" is missing", "the answer has no version; compare json with the answer")
	}
	observed := "version " + a.Plain(version)
	if ok, hint := p.rules.semver.Has(version); !ok {
		return probe.Never(wordIncompatible, observed, fmt.Sprintf("the tests support versions in %s; %s, or add incompatible to retry_on if the "+
			"fixture API is deployed with the product", p.spec.Semver, hint))
	}
	if p.spec.Environment == "" {
		return probe.Healthy(observed)
	}
	name, ok := p.rules.environment.First(doc)
	switch {
	case !ok:
		return probe.Never(wordMissing, p.spec.Environment+" is missing", "the answer does not name its environment; compare environment with the answer")
	case slices.ContainsFunc(p.forbidden(), func(f string) bool { return strings.EqualFold(f, name) }):
		return probe.Never(wordProduction, observed+", environment "+a.Plain(name),
			"the fixture API runs in a forbidden environment; point the check and the tests elsewhere, and remove the fixture API there")
	}
	return probe.Healthy(observed + ", environment " + a.Plain(name))
}

func (p *prober) mustRefuse(ctx context.Context) *probe.Observation {
	r := p.spec.Refuses
	a, fault := p.refused.Do(ctx, httpgate.Request{Method: strings.ToUpper(r.Method), URL: r.URL, Headers: r.Headers})
	switch {
	case fault != nil:
		fault.Observed = "production: " + fault.Observed
		return fault
	case p.rules.refused.Has(a.Code()):
		return nil
	}
	observed := fmt.Sprintf("production is not refused: HTTP %d", a.Code())
	o := probe.Never(wordProduction, observed, "the fixture API accepts a request that it must refuse; block it for production before tests create data there")
	if a.Code() >= 500 || a.Code() == 429 {
		o = probe.NotYet(observed, "the answer to the request that must be refused is unclear; look at the log of the fixture API")
	}
	return &o
}
