// Package oidcgate tests the gate of OpenID providers against a real provider.
package oidcgate

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/org/e2e-gate/internal/gate/oidcgate"
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

func look(t *testing.T, s *oidcgate.Spec) probe.Observation {
	t.Helper()
	o := gatekit.Look(t, s, probe.Env{})
	gatekit.NoSecret(t, s.New(probe.Env{}), o, "verysecret", "pw-of-the-test")
	return o
}

func client(issuer string) *oidcgate.Spec {
	return &oidcgate.Spec{Issuer: issuer, ClientID: "sid1", ClientSecret: "verysecret", Scopes: []string{"openid"}}
}

func TestProvider(t *testing.T) {
	slashed, tokens := serve(t, true)
	issuer := strings.TrimSuffix(slashed, "/")
	gatekit.Healthy(t, look(t, &oidcgate.Spec{Issuer: issuer}), "discovery, signing keys: 1")
	gatekit.Never(t, look(t, &oidcgate.Spec{Issuer: slashed}), "issuer", "issuer "+issuer)
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
	if o := look(t, long); o.Word != "token" || !strings.HasPrefix(o.Observed, "the token expires in ") {
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
