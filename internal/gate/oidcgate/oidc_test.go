package oidcgate

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/testkit/gatekit"
)

func look(t *testing.T, s *Spec) probe.Observation {
	t.Helper()
	o := gatekit.Look(t, s, probe.Env{})
	gatekit.NoSecret(t, s.New(probe.Env{}), o, "verysecret", "pw-of-the-test")
	return o
}

// scripted is a provider with scripted answers, for cases that the real one of
// testkit/servertests cannot play: passwords, other keys, errors.
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
	gatekit.NotYet(t, look(t, s.user()), "a token not signed by any published key")
	s.describe["grant_types_supported"] = []string{"authorization_code"}
	gatekit.Never(t, look(t, s.user()), "unsupported_grant_type", `token: unsupported_grant_type, "the provider offers: authorization_code"`)
	delete(s.describe, "jwks_uri")
	gatekit.Never(t, look(t, s.user()), "issuer", "discovery without jwks_uri")
	s.server.Config.Handler = http.NotFoundHandler()
	gatekit.Never(t, look(t, s.user()), "404", `discovery: HTTP 404, body "404 page not found"`)
}

// A key that stands twice in an object leaves open what the provider says.
func TestDuplicateKeys(t *testing.T) {
	key := newKey(t)
	discovery, keys, claims, end := "", "", "", ""
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"issuer":"http://%[1]s","jwks_uri":"http://%[1]s/keys","token_endpoint":"http://%[1]s/token"%[2]s}`, r.Host, discovery)
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		public, err := jose.JSONWebKey{Key: key.Public(), Algorithm: "ES256", Use: "sig"}.MarshalJSON()
		if err != nil {
			t.Error(err)
		}
		fmt.Fprintf(w, `{"keys":[%s%s}]}`, public[:len(public)-1], keys)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"access_token":%q,"expires_in":60%s}`, signedBy(t, key, `{"iss":"http://`+r.Host+`"`+claims+`}`), end)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	spec := &Spec{Issuer: server.URL, ClientID: "web app", Username: "tester", Password: "pw-of-the-test"}
	gatekit.Healthy(t, look(t, spec), "discovery, signing keys: 1, a token")
	discovery = `,"issuer":"` + server.URL + `"`
	gatekit.Never(t, look(t, spec), "not_json", `discovery: HTTP 200, duplicate key "issuer" in the JSON`)
	discovery, keys = "", `,"use":"sig"`
	gatekit.Never(t, look(t, spec), "not_json", `keys: HTTP 200, duplicate key "use" in the JSON`)
	keys, end = "", `,"expires_in":3600`
	gatekit.Never(t, look(t, spec), "not_json", `token: HTTP 200, duplicate key "expires_in" in the JSON`)
	end, claims = "", `,"aud":"a","aud":"b"`
	gatekit.Never(t, look(t, spec), "token", "a token with a key twice in its claims")
}

func TestValidate(t *testing.T) {
	gatekit.Problems(t, &Spec{Issuer: "login", Claims: map[string]string{"role": "x"}, MinLife: -1},
		"issuer: the url has no scheme", "client_id: a token needs a client", `claims["role"]: bad JSONPath: jsonpath: unexpected identifier at position 1`,
		"min_life: the duration is negative")
	gatekit.Problems(t, &Spec{Issuer: "https://h/?a", ClientID: "c", Password: "x"}, "issuer: an issuer has no user, query or fragment",
		"client_secret: client credentials need a secret", "password: a test identity needs username and password")
}
