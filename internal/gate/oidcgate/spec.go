// Package oidcgate is the oidc check: an OpenID provider that describes itself,
// publishes its keys, and gives a test identity a token with the expected claims.
package oidcgate

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/gate/httpgate"
	"github.com/org/e2e-gate/internal/gate/probe"
)

// Kind is the name of this kind of check in the config.
const Kind = "oidc"

// Spec is the oidc check of the config.
type Spec struct {
	Issuer       string            `yaml:"issuer" doc:"Issuer, exactly as the provider spells it: a slash at the end counts."`
	ClientID     string            `yaml:"client_id" doc:"Client that requests a token. Without one, only the discovery document and the keys are checked."`
	ClientSecret string            `yaml:"client_secret" doc:"Secret of the client. Secret."`
	Username     string            `yaml:"username" doc:"User name of a test identity that logs in by password. Default: the client itself, by client credentials."`
	Password     string            `yaml:"password" doc:"Password of the test identity. Secret."`
	Scopes       []string          `yaml:"scopes" doc:"Scopes to ask for."`
	Audience     string            `yaml:"audience" doc:"Audience to request, if the provider supports that; the token must then be for it."`
	Claims       map[string]string `yaml:"claims" doc:"JSONPath into the token's claims, and a value that must be among the selected ones, such as $.realm_access.roles[*] and case-admin. The access token if it is a JWT, else the ID token."`
	MinLife      time.Duration     `yaml:"min_life" doc:"Minimum time for which the token must still be valid."`
	TLS          *httpgate.TLS     `yaml:"tls" doc:"TLS settings for https addresses."`
	Timeout      time.Duration     `yaml:"timeout" doc:"Longest time of a single probe, up to three requests. Default 5s."`
}

// The words of retry_on in addition to those of HTTP. Errors of the token endpoint go
// by their own codes.
const (
	wordIssuer = "issuer"
	wordClaims = "claims"
	wordToken  = "token"
)

// tokenErrors are the codes of RFC 6749 for permanent failures.
var tokenErrors = map[string]string{
	"invalid_client":         "the provider does not accept the client; correct client_id and client_secret",
	"unauthorized_client":    "the client may not use this grant; allow the grant for the client",
	"invalid_scope":          "the provider does not grant a scope; correct scopes, or allow them for the client",
	"unsupported_grant_type": "the provider does not offer this grant; use another kind of login, or remove client_id",
	"invalid_grant":          "the provider does not accept the test identity; correct username and password",
	"access_denied":          "the provider denies access; check client, test identity and audience",
	"invalid_request":        "the provider does not accept the request; check client_id, scopes and audience",
	"invalid_target":         "the provider does not know the audience; correct audience",
}

// ProbeTimeout bounds a single probe.
func (s *Spec) ProbeTimeout() time.Duration { return probe.TimeoutOr(s.Timeout) }

// RetryWords are the words of retry_on for this kind: its answers that normally end the
// wait.
func (s *Spec) RetryWords() []string {
	return slices.Concat(httpgate.NeverWords(), slices.Sorted(maps.Keys(tokenErrors)), []string{wordClaims, wordIssuer, wordToken})
}

// claim is one expectation of the token.
type claim struct {
	path httpgate.Path
	text string
	want string
}

// Validate returns what is wrong with the spec.
func (s *Spec) Validate() []diag.Mistake {
	_, problems := s.compile()
	return problems
}

func (s *Spec) compile() ([]claim, []diag.Mistake) {
	problems := httpgate.CheckURL("issuer", s.Issuer)
	if len(problems) == 0 && strings.ContainsAny(s.Issuer, "?#@") {
		problems = append(problems, diag.Mistake{
			Path: "issuer", Text: "an issuer has no user, query or fragment", Hint: "write it as https://login.example.com/realms/test",
		})
	}
	missing := func(path, text string) {
		problems = append(problems, diag.Mistake{Path: path, Text: text, Hint: `write it as ` + path + `: "${E2E_LOGIN}"`})
	}
	if s.ClientID == "" && (s.ClientSecret != "" || s.Username != "" || len(s.Claims) > 0 || len(s.Scopes) > 0 || s.Audience != "" || s.MinLife != 0) {
		missing("client_id", "a token needs a client")
	}
	if s.ClientID != "" && s.ClientSecret == "" && s.Username == "" {
		missing("client_secret", "client credentials need a secret")
	}
	if (s.Username == "") != (s.Password == "") {
		missing("password", "a test identity needs username and password")
	}
	var claims []claim
	for _, path := range slices.Sorted(maps.Keys(s.Claims)) {
		p, found := httpgate.ParsePath("claims["+strconv.Quote(path)+"]", path)
		problems = append(problems, found...)
		claims = append(claims, claim{p, path, s.Claims[path]})
	}
	problems = append(problems, probe.CheckDuration("min_life", s.MinLife)...)
	problems = append(problems, probe.Under("tls", s.TLS.Validate())...)
	return claims, append(problems, probe.CheckDuration("timeout", s.Timeout)...)
}

// New builds the probe.
func (s *Spec) New(env probe.Env) probe.Probe {
	claims, problems := s.compile()
	if len(problems) > 0 {
		return probe.BrokenProbe(Kind, probe.SafeURLText(s.Issuer), problems)
	}
	caller := httpgate.NewCaller(httpgate.CallerOptions{TLS: s.TLS, Timeout: s.Timeout, Secrets: []string{s.ClientSecret, s.Password}}, env)
	return &prober{spec: s, claims: claims, caller: caller}
}

type prober struct {
	spec   *Spec
	claims []claim
	caller *httpgate.Caller

	mu sync.Mutex
	// held is a token that passed the check. It is reused until it expires, because
	// providers limit token requests.
	held *token
}

func (p *prober) Kind() string   { return Kind }
func (p *prober) Target() string { return probe.SafeURLText(p.spec.Issuer) }

func (p *prober) Expected() string {
	parts := []string{"discovery", "signing keys"}
	if p.spec.ClientID != "" {
		parts = append(parts, "a token by "+p.grant())
	}
	for _, c := range p.claims {
		parts = append(parts, c.text+" with "+c.want)
	}
	if p.spec.MinLife > 0 {
		parts = append(parts, fmt.Sprintf("valid for %s", p.spec.MinLife))
	}
	return p.caller.Mask(strings.Join(parts, ", "))
}

func (p *prober) grant() string {
	if p.spec.Username != "" {
		return "password"
	}
	return "client_credentials"
}
