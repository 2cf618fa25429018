// Package flagsgate is the flags check: feature flags have their values, asked for
// through OpenFeature's remote evaluation protocol (OFREP).
package flagsgate

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/gate/httpgate"
	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/safetext"
)

// Kind is the name of this kind of check in the config.
const Kind = "flags"

// Spec is the flags check of the config.
type Spec struct {
	URL          string            `yaml:"url" doc:"Address of the flag service; /ofrep/v1/evaluate/flags/<key> is added."`
	Expect       map[string]string `yaml:"expect" doc:"Keys of flags and the values that they must have. Numbers compare as numbers, objects as JSON."`
	Context      map[string]string `yaml:"context" doc:"Evaluation context. Default of targetingKey: e2e-gate."`
	AllowDefault []string          `yaml:"allow_default" doc:"Flags that may be answered without a value, which leaves the choice to the code's default."`
	Headers      map[string]string `yaml:"headers" doc:"Headers to send, such as Authorization or X-API-Key. Their values are never shown."`
	TLS          *httpgate.TLS     `yaml:"tls" doc:"TLS settings for an https address."`
	Timeout      time.Duration     `yaml:"timeout" doc:"Longest time of a single probe of all flags. Default 5s."`
}

// The words of retry_on in addition to those of HTTP.
const (
	wordMissing = "missing_or_disabled"
	wordContext = "context"
)

// ProbeTimeout bounds a single probe.
func (s *Spec) ProbeTimeout() time.Duration { return probe.TimeoutOr(s.Timeout) }

// RetryWords are the words of retry_on for this kind: its answers that normally end the
// wait.
func (s *Spec) RetryWords() []string {
	return append(httpgate.NeverWords(), wordContext, wordMissing)
}

// Validate returns what is wrong with the spec.
func (s *Spec) Validate() []diag.Mistake {
	problems := httpgate.CheckURL("url", s.URL)
	if len(s.Expect) == 0 {
		problems = append(problems, diag.Mistake{Path: "expect", Text: "the check lists no flags", Hint: "write it as expect: {new-checkout: true}"})
	}
	for _, key := range slices.Sorted(maps.Keys(s.Expect)) {
		if strings.TrimSpace(key) == "" {
			problems = append(problems, diag.Mistake{Path: "expect[" + strconv.Quote(key) + "]", Text: "the key of the flag is empty", Hint: "name the flag"})
		}
	}
	for i, key := range s.AllowDefault {
		if _, ok := s.Expect[key]; !ok {
			problems = append(problems, diag.Mistake{
				Path: fmt.Sprintf("allow_default[%d]", i), Text: fmt.Sprintf("the flag %q is not expected", key),
				Hint: "add it to expect with its default, or remove it here",
			})
		}
	}
	return slices.Concat(problems, httpgate.CheckHeaders(s.Headers), probe.Under("tls", s.TLS.Validate()), probe.CheckDuration("timeout", s.Timeout))
}

// New builds the probe.
func (s *Spec) New(env probe.Env) probe.Probe {
	if problems := s.Validate(); len(problems) > 0 {
		return probe.BrokenProbe(Kind, probe.SafeURLText(s.URL), problems)
	}
	options := httpgate.CallerOptions{Headers: s.Headers, TLS: s.TLS, Timeout: s.Timeout}
	for _, value := range s.Headers {
		options.Secrets = append(options.Secrets, value)
	}
	return &prober{spec: s, caller: httpgate.NewCaller(options, env)}
}

type prober struct {
	spec   *Spec
	caller *httpgate.Caller
}

func (p *prober) Kind() string   { return Kind }
func (p *prober) Target() string { return probe.SafeURLText(p.spec.URL) }

func (p *prober) Expected() string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(p.spec.Expect)) {
		parts = append(parts, key+" = "+p.spec.Expect[key])
	}
	return p.caller.Mask(strings.Join(parts, ", "))
}

// Probe asks for each flag by itself: the bulk call is meant for clients with a
// context that does not change.
func (p *prober) Probe(ctx context.Context) probe.Observation {
	var wrong []probe.Observation
	for _, key := range slices.Sorted(maps.Keys(p.spec.Expect)) {
		o := p.ask(ctx, key)
		if o.Open() {
			continue
		}
		wrong = append(wrong, o)
		if ctx.Err() != nil {
			break
		}
	}
	if len(wrong) == 0 {
		return probe.Healthy(fmt.Sprintf("flags as expected: %d", len(p.spec.Expect)))
	}
	return together(wrong)
}

// together is the first permanent failure, with what was seen of all flags.
func together(wrong []probe.Observation) probe.Observation {
	first := wrong[0]
	if i := slices.IndexFunc(wrong, func(o probe.Observation) bool { return o.Word != "" }); i >= 0 {
		first = wrong[i]
	}
	var seen []string
	for _, o := range wrong {
		if !slices.Contains(seen, o.Observed) {
			seen = append(seen, o.Observed)
		}
		first.RetryAfter = max(first.RetryAfter, o.RetryAfter)
	}
	first.Observed, first.Key = strings.Join(seen, ", "), ""
	return first
}

func (p *prober) ask(ctx context.Context, key string) probe.Observation {
	evaluation := map[string]any{"targetingKey": "e2e-gate"}
	for name, value := range p.spec.Context {
		evaluation[name] = value
	}
	body, err := json.Marshal(map[string]any{"context": evaluation})
	if err != nil {
		return probe.Broken("the context cannot be sent", "context cannot be written as JSON; correct it")
	}
	a, fault := p.caller.Do(ctx, httpgate.Request{Method: http.MethodPost, URL: p.address(key),
		Headers: map[string]string{"Content-Type": "application/json"}, Body: body})
	if fault != nil {
		return *fault
	}
	return p.judge(key, a)
}

func (p *prober) address(key string) string {
	return strings.TrimSuffix(p.spec.URL, "/") + "/ofrep/v1/evaluate/flags/" + url.PathEscape(key)
}

// judge reads one answer (OFREP 0.3.0, evaluateFlag).
func (p *prober) judge(key string, a httpgate.Answer) probe.Observation {
	doc, isJSON := a.JSON()
	said, isObject := doc.(map[string]any)
	name := safetext.Plain(key, probe.MaxQuote)
	code, _ := said["errorCode"].(string)
	if twice := a.Ambiguous(); twice != nil && a.OK() {
		twice.Observed = name + ": " + twice.Observed
		return *twice
	}
	switch {
	case code == "FLAG_NOT_FOUND", a.OK() && said["reason"] == "DISABLED" && said["value"] == nil && !slices.Contains(p.spec.AllowDefault, key):
		// Services confuse the two codes.
		return probe.Never(wordMissing, name+" is missing or disabled",
			"the flag service does not return the flag; create it, enable it for this environment, correct its key, or add missing_or_disabled to retry_on")
	case a.Code() == http.StatusBadRequest && code != "":
		return probe.Never(wordContext, name+": "+a.Plain(code),
			"the flag service cannot evaluate the flag; put what it needs into context, or correct the flag's targeting")
	case a.OK() && !isJSON:
		return a.NotJSON()
	case !a.OK():
		return a.WrongStatus()
	case !isObject:
		return probe.NotYet(name+": the answer is not an object", "the service does not speak OFREP; check url")
	}
	return p.compare(key, name, said, a)
}

func (p *prober) compare(key, name string, said map[string]any, a httpgate.Answer) probe.Observation {
	value, has := said["value"]
	if !has || value == nil {
		if slices.Contains(p.spec.AllowDefault, key) {
			return probe.Healthy(name + " by default")
		}
		return probe.NotYet(name+" without a value", "the flag service leaves the value to the code's default; set one, or name the flag in allow_default")
	}
	if httpgate.EqualText(value, p.spec.Expect[key]) {
		return probe.Healthy(name)
	}
	text := name + " = " + a.Plain(httpgate.Text(value))
	if reason, ok := said["reason"].(string); ok {
		text += " (" + a.Plain(reason) + ")"
	}
	return probe.NotYet(text, fmt.Sprintf("%s = %s was expected; set the flag for this environment, or correct expect or context", name,
		p.caller.Mask(p.spec.Expect[key])))
}
