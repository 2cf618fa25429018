package oidcgate

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/org/e2e-gate/internal/gate/httpgate"
	"github.com/org/e2e-gate/internal/gate/probe"
)

// description is a provider's discovery document (OpenID Connect Discovery 1.0).
type description struct {
	Issuer        string   `json:"issuer"`
	TokenEndpoint string   `json:"token_endpoint"`
	JWKS          string   `json:"jwks_uri"`
	Grants        []string `json:"grant_types_supported"`
	AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
}

// Probe reads description and keys, and gets a token unless one is held.
func (p *prober) Probe(ctx context.Context) probe.Observation {
	o := p.look(ctx)
	o.Observed, o.Reason, o.Key = p.caller.Mask(o.Observed), p.caller.Mask(o.Reason), p.caller.Mask(o.Key)
	return o
}

func (p *prober) look(ctx context.Context) probe.Observation {
	d, fault := p.discover(ctx)
	if fault != nil {
		return *fault
	}
	keys, fault := p.keys(ctx, d)
	if fault != nil {
		return *fault
	}
	text := fmt.Sprintf("discovery, signing keys: %d", len(keys.Keys))
	if p.spec.ClientID == "" {
		return probe.Healthy(text)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil || !p.held.lasts(p.spec.MinLife) {
		t, fault := p.token(ctx, d)
		if fault != nil {
			return *fault
		}
		p.held = t
	}
	if fault := p.judge(p.held, keys, d); fault != nil {
		// A deployment may grant roles later, so the next probe gets a new token.
		p.held = nil
		return *fault
	}
	return probe.Healthy(text + ", " + p.held.String())
}

// get reads a JSON document of the provider.
func (p *prober) get(ctx context.Context, address, what string, into any) *probe.Observation {
	a, fault := p.caller.Do(ctx, httpgate.Request{URL: address})
	if fault == nil && !a.OK() {
		o := a.WrongStatus()
		fault = &o
	}
	if fault == nil {
		if _, isJSON := a.JSON(); !isJSON || json.Unmarshal(a.Body(), into) != nil {
			o := a.NotJSON()
			fault = &o
		} else {
			fault = a.Ambiguous()
		}
	}
	if fault != nil {
		fault.Observed = what + ": " + fault.Observed
	}
	return fault
}

func (p *prober) discover(ctx context.Context) (description, *probe.Observation) {
	var d description
	if fault := p.get(ctx, strings.TrimSuffix(p.spec.Issuer, "/")+"/.well-known/openid-configuration", "discovery", &d); fault != nil {
		return d, fault
	}
	if d.Issuer != p.spec.Issuer {
		o := probe.Never(wordIssuer, "issuer "+probe.SafeURLText(d.Issuer),
			"the provider reports another issuer; use that one (every character counts), or add issuer to retry_on")
		return d, &o
	}
	for _, address := range []string{d.JWKS, d.TokenEndpoint} {
		if u, err := url.Parse(address); address != "" && (err != nil || strings.HasPrefix(p.spec.Issuer, "https:") && u.Scheme != "https") {
			o := probe.Never(wordIssuer, "an address of the provider is not https: "+probe.SafeURLText(address),
				"the provider sends logins over plain http; correct its public address")
			return d, &o
		}
	}
	return d, nil
}

func (p *prober) keys(ctx context.Context, d description) (jose.JSONWebKeySet, *probe.Observation) {
	var all, signing jose.JSONWebKeySet
	if d.JWKS == "" {
		o := probe.Never(wordIssuer, "discovery without jwks_uri", "the provider does not say where its keys are; correct its configuration")
		return all, &o
	}
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if fault := p.get(ctx, d.JWKS, "keys", &raw); fault != nil {
		return all, fault
	}
	for _, text := range raw.Keys {
		var key jose.JSONWebKey
		// A key of an unknown kind is not an error of the provider.
		if json.Unmarshal(text, &key) == nil && key.Valid() && key.IsPublic() && key.Use != "enc" {
			signing.Keys = append(signing.Keys, key)
		}
	}
	if len(signing.Keys) == 0 {
		o := probe.NotYet("no signing key", "the provider publishes no key to check tokens with; wait until it has created one")
		return signing, &o
	}
	return signing, nil
}

// token asks for a token.
func (p *prober) token(ctx context.Context, d description) (*token, *probe.Observation) {
	grant := p.grant()
	if d.TokenEndpoint == "" || len(d.Grants) > 0 && !slices.Contains(d.Grants, grant) {
		o := tokenError("unsupported_grant_type", "the provider offers: "+strings.Join(d.Grants, ", "))
		return nil, &o
	}
	form := url.Values{"grant_type": {grant}}
	for name, value := range map[string]string{"scope": strings.Join(p.spec.Scopes, " "), "audience": p.spec.Audience, "username": p.spec.Username,
		"password": p.spec.Password} {
		if value != "" {
			form.Set(name, value)
		}
	}
	r := httpgate.Request{Method: "POST", URL: d.TokenEndpoint, Headers: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}
	p.authenticate(form, r.Headers, d)
	r.Body = []byte(form.Encode())
	a, fault := p.caller.Do(ctx, r)
	if fault != nil {
		fault.Observed = "token: " + fault.Observed
		return nil, fault
	}
	return readToken(a)
}

// authenticate puts the client's proof where the provider takes it.
func (p *prober) authenticate(form url.Values, headers map[string]string, d description) {
	switch {
	case p.spec.ClientSecret == "":
		form.Set("client_id", p.spec.ClientID)
	case slices.Contains(d.AuthMethods, "client_secret_post") && !slices.Contains(d.AuthMethods, "client_secret_basic"):
		form.Set("client_id", p.spec.ClientID)
		form.Set("client_secret", p.spec.ClientSecret)
	default:
		headers["Authorization"] = basic(p.spec.ClientID, p.spec.ClientSecret)
	}
}

func tokenError(code, detail string) probe.Observation {
	observed := "token: " + code
	if detail != "" {
		observed += ", " + probe.Quote(detail)
	}
	return probe.Never(code, observed, tokenErrors[code]+"; or add "+code+" to retry_on")
}
