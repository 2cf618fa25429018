package oidcgate

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/org/e2e-gate/internal/gate/httpgate"
	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/safetext"
)

// algorithms are those that prove who signed. "none" and shared secrets do not.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512, jose.PS256, jose.PS384, jose.PS512,
	jose.EdDSA}

// token is the answer of the token endpoint.
type token struct {
	// signed is the parsed token; nil for an opaque one.
	signed *jose.JSONWebSignature
	// ends is when the token expires, as the provider says; zero if it does not say.
	ends time.Time
}

func (t *token) lasts(atLeast time.Duration) bool {
	return t.ends.IsZero() || time.Until(t.ends) > atLeast
}

func (t *token) String() string {
	if t.signed == nil {
		return "an opaque token"
	}
	return "a token"
}

// basic is the header of RFC 6749, section 2.3.1: both parts are encoded as in a
// form first.
func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

// readToken reads the answer of the token endpoint.
func readToken(a httpgate.Answer) (*token, *probe.Observation) {
	var said struct {
		Access  string  `json:"access_token"`
		ID      string  `json:"id_token"`
		Expires float64 `json:"expires_in"`
		Error   string  `json:"error"`
		Text    string  `json:"error_description"`
	}
	readable := json.Unmarshal(a.Body(), &said) == nil
	if _, known := tokenErrors[said.Error]; known {
		o := tokenError(said.Error, a.Plain(said.Text))
		return nil, &o
	}
	if !a.OK() {
		o := a.WrongStatus()
		o.Observed = "token: " + o.Observed
		return nil, &o
	}
	if twice := a.Ambiguous(); twice != nil {
		twice.Observed = "token: " + twice.Observed
		return nil, twice
	}
	if !readable || said.Access == "" {
		o := probe.Never(wordToken, "the token endpoint answers without a token", "the answer has no access_token; check the provider, or add token to retry_on")
		return nil, &o
	}
	t := &token{}
	if said.Expires > 0 {
		t.ends = time.Now().Add(time.Duration(said.Expires * float64(time.Second)))
	}
	for _, text := range []string{said.Access, said.ID} {
		if signed, err := jose.ParseSignedCompact(text, algorithms); err == nil {
			t.signed = signed
			break
		}
	}
	return t, nil
}

// judge checks signature, issuer, audience, life and claims.
func (p *prober) judge(t *token, keys jose.JSONWebKeySet, d description) *probe.Observation {
	never := func(word, observed, reason string) *probe.Observation {
		o := probe.Never(word, observed, reason+"; or add "+word+" to retry_on")
		return &o
	}
	if !t.lasts(p.spec.MinLife) {
		return never(wordToken, "the token expires in "+time.Until(t.ends).Round(time.Second).String(),
			"tokens expire too soon; raise their lifetime at the provider, or lower min_life")
	}
	if t.signed == nil {
		if len(p.claims) > 0 || p.spec.Audience != "" {
			return never(wordClaims, "an opaque token", "the token cannot be read; have the provider issue JWTs to the client, ask for the scope openid, or "+
				"leave claims out")
		}
		return nil
	}
	payload, ok := verify(t.signed, keys)
	if !ok {
		o := probe.NotYet("a token not signed by any published key",
			"the signature does not match the provider's keys; wait until a key rotation has ended, or check the provider")
		return &o
	}
	var claims struct {
		Issuer   string `json:"iss"`
		Audience any    `json:"aud"`
	}
	if httpgate.HasKeyTwice(payload) {
		return never(wordToken, "a token with a key twice in its claims", "readers differ in which of the two they take; have the provider write each claim once")
	}
	if json.Unmarshal(payload, &claims) != nil {
		return never(wordToken, "a token without claims", "the token is not a JSON Web Token; check the provider")
	}
	switch {
	case claims.Issuer != d.Issuer:
		return never(wordToken, "a token of issuer "+probe.SafeURLText(claims.Issuer), "the token is of another issuer; correct the provider's public address")
	case p.spec.Audience != "" && !isFor(claims.Audience, p.spec.Audience):
		return never(wordClaims, "a token for another audience", "the token is not for the audience; allow it for the client, or correct audience")
	}
	return p.judgeClaims(payload, never)
}

func verify(signed *jose.JSONWebSignature, keys jose.JSONWebKeySet) ([]byte, bool) {
	for _, key := range keys.Keys {
		if id := signed.Signatures[0].Header.KeyID; id != "" && key.KeyID != "" && id != key.KeyID {
			continue
		}
		if payload, err := signed.Verify(key.Key); err == nil {
			return payload, true
		}
	}
	return nil, false
}

func isFor(audience any, want string) bool {
	switch a := audience.(type) {
	case string:
		return a == want
	case []any:
		return slices.Contains(a, any(want))
	}
	return false
}

func (p *prober) judgeClaims(payload []byte, never func(word, observed, reason string) *probe.Observation) *probe.Observation {
	doc, ok := httpgate.Decode(payload)
	if !ok {
		return never(wordToken, "a token without claims", "the token is not a JSON Web Token; check the provider")
	}
	for _, c := range p.claims {
		found := c.path.All(doc)
		if slices.ContainsFunc(found, func(v any) bool { return httpgate.EqualText(v, c.want) }) {
			continue
		}
		return never(wordClaims, c.text+" "+seen(found),
			fmt.Sprintf("%s was expected among them; give the test identity this role or claim, and ask for its scope", c.want))
	}
	return nil
}

// seen lists claims. They are names of roles, not secrets.
func seen(found []any) string {
	if len(found) == 0 {
		return "is missing"
	}
	texts := make([]string, len(found))
	for i, v := range found {
		texts[i] = httpgate.Text(v)
	}
	return "= " + safetext.Plain(strings.Join(texts, ", "), probe.MaxQuote)
}
