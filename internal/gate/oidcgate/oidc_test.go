package oidcgate

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/testkit/gatekit"
)

// provider is a real OpenID provider whose tokens are JWTs.
type provider struct {
	*storage.Storage
}

type jwtClient struct{ op.Client }

func (jwtClient) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }

func (p provider) ClientCredentials(ctx context.Context, id, secret string) (op.Client, error) {
	c, err := p.Storage.ClientCredentials(ctx, id, secret)
	if err != nil {
		return nil, fmt.Errorf("log in: %w", err)
	}
	return jwtClient{c}, nil
}

func (p provider) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return map[string]any{"realm_access": map[string]any{"roles": []string{"case-reader", "case-admin"}}}, nil
}

// serve runs the provider and counts token requests.
func serve(t *testing.T, jwt bool) (issuer string, tokens *atomic.Int64) {
	t.Helper()
	tokens = &atomic.Int64{}
	var handler http.Handler
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			tokens.Add(1)
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	issuer = strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	real := storage.NewStorage(storage.NewUserStore(issuer))
	var use exampleop.Storage = real
	if jwt {
		use = provider{real}
	}
	handler = exampleop.SetupServer(issuer, use, slog.New(slog.NewTextHandler(io.Discard, nil)), false)
	return issuer + "/", tokens
}

func look(t *testing.T, s *Spec) probe.Observation {
	t.Helper()
	o := gatekit.Look(t, s, probe.Env{})
	gatekit.NoSecret(t, s.New(probe.Env{}), o, "verysecret", "pw-of-the-test")
	return o
}

func client(issuer string) *Spec {
	return &Spec{Issuer: issuer, ClientID: "sid1", ClientSecret: "verysecret", Scopes: []string{"openid"}}
}

func TestProvider(t *testing.T) {
	slashed, tokens := serve(t, true)
	issuer := strings.TrimSuffix(slashed, "/")
	gatekit.Healthy(t, look(t, &Spec{Issuer: issuer}), "discovery, signing keys: 1")
	gatekit.Never(t, look(t, &Spec{Issuer: slashed}), "issuer", "issuer "+issuer)
	roles := client(issuer)
	roles.Claims = map[string]string{"$.realm_access.roles[*]": "case-admin", "$.sub": "sid1"}
	roles.Audience = "sid1"
	p := roles.New(probe.Env{})
	before := tokens.Load()
	for range 3 {
		gatekit.Healthy(t, gatekit.Again(t, roles, p), "discovery, signing keys: 1, a token")
	}
	if n := tokens.Load() - before; n != 1 {
		t.Errorf("%d tokens for one gate", n)
	}
	roles.Claims = map[string]string{"$.realm_access.roles[*]": "auditor"}
	gatekit.Never(t, look(t, roles), "claims", `$.realm_access.roles[*] = "case-reader", "case-admin"`)
	roles.Claims = map[string]string{"$.groups": "x"}
	gatekit.Never(t, look(t, roles), "claims", "$.groups is missing")
	roles.Claims, roles.Audience = nil, "billing"
	gatekit.Never(t, look(t, roles), "claims", "a token for another audience")
	long := client(issuer)
	long.MinLife = 24 * time.Hour
	if o := look(t, long); o.Word != "token" || !strings.HasPrefix(o.Observed, "the token ends in ") {
		t.Errorf("got %+v", o)
	}
	wrong := client(issuer)
	wrong.ClientSecret = "wrong-secret"
	if o := look(t, wrong); o.Word != "invalid_client" || strings.Contains(o.Observed, "wrong-secret") {
		t.Errorf("got %+v", o)
	}
	if got := p.Expected(); !strings.HasPrefix(got, "discovery, signing keys, a token by client_credentials, $.") {
		t.Error(got)
	}
}

func TestOpaqueTokens(t *testing.T) {
	slashed, _ := serve(t, false)
	s := client(strings.TrimSuffix(slashed, "/"))
	gatekit.Healthy(t, look(t, s), "discovery, signing keys: 1, an opaque token")
	s.Claims = map[string]string{"$.sub": "sid1"}
	gatekit.Never(t, look(t, s), "claims", "an opaque token")
}

// scripted is a provider that says what a test wants, for what the real one
// cannot: passwords, other keys, faults.
type scripted struct {
	server   *httptest.Server
	keys     jose.JSONWebKeySet
	answer   func(w http.ResponseWriter, r *http.Request)
	describe map[string]any
}

func newScripted(t *testing.T) *scripted {
	t.Helper()
	s := &scripted{describe: map[string]any{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(s.describe) })
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(s.keys) })
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) { s.answer(w, r) })
	s.server = httptest.NewServer(mux)
	t.Cleanup(s.server.Close)
	s.describe = map[string]any{"issuer": s.server.URL, "jwks_uri": s.server.URL + "/keys", "token_endpoint": s.server.URL + "/token"}
	return s
}

func (s *scripted) user() *Spec {
	return &Spec{Issuer: s.server.URL, ClientID: "web app", Username: "tester", Password: "pw-of-the-test"}
}

func TestPassword(t *testing.T) {
	s := newScripted(t)
	s.keys.Keys = signers(t)
	var got string
	s.answer = func(w http.ResponseWriter, r *http.Request) {
		got = r.FormValue("grant_type") + " " + r.FormValue("client_id") + " " + r.FormValue("username") + " " + r.FormValue("scope")
		if r.FormValue("password") != "pw-of-the-test" {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"error":"invalid_grant","error_description":"bad password %s"}`, r.FormValue("password"))
			return
		}
		fmt.Fprint(w, `{"access_token":"opaque","expires_in":60}`)
	}
	u := s.user()
	u.Scopes = []string{"openid", "cases"}
	gatekit.Healthy(t, look(t, u), "discovery, signing keys: 1, an opaque token")
	if got != "password web app tester openid cases" {
		t.Error(got)
	}
	u.Password = "another-password"
	gatekit.Never(t, look(t, u), "invalid_grant", `token: invalid_grant, "bad password ***"`)
}

func TestFaults(t *testing.T) {
	s := newScripted(t)
	gatekit.NotYet(t, look(t, s.user()), "no signing key")
	s.keys.Keys = signers(t)
	status := func(code int, body string) {
		s.answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code); fmt.Fprint(w, body) }
	}
	status(503, "later")
	gatekit.NotYet(t, look(t, s.user()), `token: HTTP 503, body "later"`)
	status(200, `{"token_type":"Bearer"}`)
	gatekit.Never(t, look(t, s.user()), "token", "the token endpoint answers without a token")
	// A token signed by a key that is not published.
	status(200, `{"access_token":"`+foreign(t)+`"}`)
	gatekit.NotYet(t, look(t, s.user()), "a token that no published key has signed")
	s.describe["grant_types_supported"] = []string{"authorization_code"}
	gatekit.Never(t, look(t, s.user()), "unsupported_grant_type", `token: unsupported_grant_type, "the provider offers: authorization_code"`)
	delete(s.describe, "jwks_uri")
	gatekit.Never(t, look(t, s.user()), "issuer", "discovery without jwks_uri")
	s.server.Config.Handler = http.NotFoundHandler()
	gatekit.Never(t, look(t, s.user()), "404", `discovery: HTTP 404, body "404 page not found"`)
}

func TestValidate(t *testing.T) {
	gatekit.Problems(t, &Spec{Issuer: "login", Claims: map[string]string{"role": "x"}, MinLife: -1},
		"issuer: the url has no scheme", "client_id: a token needs a client", `claims["role"]: bad JSONPath: jsonpath: unexpected identifier at position 1`, "min_life: the duration is negative")
	gatekit.Problems(t, &Spec{Issuer: "https://h/?a", ClientID: "c", Password: "x"}, "issuer: an issuer has no user, query or fragment", "client_secret: client credentials need a secret", "password: a test identity needs username and password")
}
