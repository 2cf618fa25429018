// Package versiongate is the version check: the deployed version is the one under test,
// on every instance, and the roll-out is over.
package versiongate

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
const Kind = "version"

// wordMissing is the name in retry_on of an answer without a version.
const wordMissing = "no_version"

// minSHA is the shortest abbreviation of a commit that is accepted.
const minSHA = 7

const (
	defaultPath = "$.version"
	maxAnswers  = 50
)

// Spec is the version check of the config.
type Spec struct {
	URL     []string          `yaml:"url" doc:"Address that reports the deployed version, or several: all must report the same."`
	JSON    string            `yaml:"json" doc:"JSONPath to the version in the answer. Default $.version."`
	Header  string            `yaml:"header" doc:"Header that holds the version, instead of json."`
	SHA     string            `yaml:"sha" doc:"Commit that must be deployed, such as ${E2E_SHA}: equal, or one is the start of the other, with at least 7 characters."`
	Equals  string            `yaml:"equals" doc:"Version that must be deployed, exactly."`
	Semver  string            `yaml:"semver" doc:"Version constraint, such as ^2.0.0."`
	Answers int               `yaml:"answers" doc:"Requests in a row to each address, each on its own connection, that must all report it: one of several instances may still be the old one. Default 1."`
	Headers map[string]string `yaml:"headers" doc:"Headers to send."`
	TLS     *httpgate.TLS     `yaml:"tls" doc:"TLS settings for https addresses."`
	Timeout time.Duration     `yaml:"timeout" doc:"Longest time of a single probe of all addresses. Default 5s."`
}

// ProbeTimeout bounds one look at all addresses.
func (s *Spec) ProbeTimeout() time.Duration { return probe.TimeoutOr(s.Timeout) }

// RetryWords are the words of retry_on for this kind: its answers that normally end the
// wait.
func (s *Spec) RetryWords() []string { return append(httpgate.NeverWords(), wordMissing) }

// rules is a parsed spec.
type rules struct {
	path httpgate.Path
	text string
	// is reports whether a version is the expected version.
	is func(version string) (ok bool, hint string)
}

// Validate returns what is wrong with the spec.
func (s *Spec) Validate() []diag.Mistake {
	_, problems := s.compile()
	return problems
}

func (s *Spec) compile() (rules, []diag.Mistake) {
	var problems []diag.Mistake
	if len(s.URL) == 0 {
		problems = append(problems, diag.Mistake{Path: "url", Text: "the check has no url", Hint: "write it as http://127.0.0.1:8080/info"})
	}
	for i, u := range s.URL {
		problems = append(problems, httpgate.CheckURL(fmt.Sprintf("url[%d]", i), u)...)
	}
	r, found := s.expected()
	problems = append(problems, found...)
	if s.JSON != "" && s.Header != "" {
		problems = append(problems, diag.Mistake{Path: "header", Text: "json and header exclude each other", Hint: "remove one of them"})
	}
	path, found := httpgate.ParsePath("json", orDefault(s.JSON))
	r.path = path
	problems = append(problems, found...)
	if s.Answers < 0 || s.Answers > maxAnswers {
		problems = append(problems, diag.Mistake{Path: "answers", Text: fmt.Sprintf("the number is not between 1 and %d", maxAnswers), Hint: "use 3 or 5"})
	}
	return r, slices.Concat(problems, httpgate.CheckHeaders(s.Headers), probe.Under("tls", s.TLS.Validate()), probe.CheckDuration("timeout", s.Timeout))
}

func orDefault(path string) string {
	if path == "" {
		return defaultPath
	}
	return path
}

// hint is what to try where another version is deployed.
const hint = "wait for the roll-out to finish, or deploy the version under test"

func (s *Spec) expected() (rules, []diag.Mistake) {
	given := 0
	for _, text := range []string{s.SHA, s.Equals, s.Semver} {
		if text != "" {
			given++
		}
	}
	switch {
	case given != 1:
		return rules{}, []diag.Mistake{{Text: "the check needs exactly one of sha, equals, semver", Hint: `write it as sha: "${E2E_SHA}"`}}
	case s.SHA != "":
		return rules{text: "commit " + s.SHA, is: func(v string) (bool, string) { return sameCommit(v, s.SHA), hint }}, nil
	case s.Equals != "":
		return rules{text: "version " + s.Equals, is: func(v string) (bool, string) { return v == s.Equals, hint }}, nil
	}
	r, problems := httpgate.ParseRange("semver", s.Semver)
	return rules{text: "version in " + s.Semver, is: r.Has}, problems
}

func sameCommit(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	if len(a) > len(b) {
		a, b = b, a
	}
	return a == b || len(a) >= minSHA && strings.HasPrefix(b, a)
}

// New builds the probe.
func (s *Spec) New(env probe.Env) probe.Probe {
	r, problems := s.compile()
	if len(problems) > 0 {
		target := ""
		if len(s.URL) > 0 {
			target = probe.SafeURLText(s.URL[0])
		}
		return probe.BrokenProbe(Kind, target, problems)
	}
	caller := httpgate.NewCaller(httpgate.CallerOptions{Headers: s.Headers, TLS: s.TLS, Timeout: s.Timeout}, env)
	return &prober{spec: s, rules: r, caller: caller}
}

type prober struct {
	spec   *Spec
	rules  rules
	caller *httpgate.Caller
}

func (p *prober) Kind() string { return Kind }

func (p *prober) Target() string {
	safe := make([]string, len(p.spec.URL))
	for i, u := range p.spec.URL {
		safe[i] = probe.SafeURLText(u)
	}
	return strings.Join(safe, ", ")
}

// Demands is the commit or the version that must be deployed; empty: a range.
func (p *prober) Demands() string { return cmp.Or(p.spec.SHA, p.spec.Equals) }

func (p *prober) Expected() string {
	if n := p.answers(); n > 1 {
		return fmt.Sprintf("%s in %d answers in a row", p.rules.text, n)
	}
	return p.rules.text
}

func (p *prober) answers() int { return max(p.spec.Answers, 1) * len(p.spec.URL) }

// Probe asks every address as often as the config says.
func (p *prober) Probe(ctx context.Context) probe.Observation {
	var seen tally
	for _, u := range p.spec.URL {
		for range max(p.spec.Answers, 1) {
			version, fault := p.ask(ctx, u)
			if fault != nil {
				return p.placed(*fault, u)
			}
			ok, why := p.rules.is(version)
			seen.add(p.caller.Mask(version), p.place(u), ok, why)
		}
	}
	return seen.judge(p.rules.text)
}

func (p *prober) ask(ctx context.Context, u string) (string, *probe.Observation) {
	a, fault := p.caller.Do(ctx, httpgate.Request{URL: u})
	if fault != nil {
		return "", fault
	}
	if !a.OK() {
		o := a.WrongStatus()
		return "", &o
	}
	version, what := a.Header(p.spec.Header), "header "+p.spec.Header
	if p.spec.Header == "" {
		doc, ok := a.JSON()
		if !ok {
			o := a.NotJSON()
			return "", &o
		}
		version, _ = p.rules.path.First(doc)
		what = orDefault(p.spec.JSON)
	}
	if version == "" {
		o := probe.Never(wordMissing, what+" is missing",
			"the answer has no version; compare json or header with the answer, or add no_version to retry_on if the old build has none")
		return "", &o
	}
	return a.Plain(version), nil
}

// place names the address where there are several.
func (p *prober) place(u string) string {
	if len(p.spec.URL) == 1 {
		return ""
	}
	return " at " + probe.SafeURLText(u)
}

func (p *prober) placed(o probe.Observation, u string) probe.Observation {
	o.Observed += p.place(u)
	return o
}
