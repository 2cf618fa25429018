package httpgate

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate/probe"
)

func look(t *testing.T, s *Spec) probe.Observation { return lookIn(t, s, probe.Env{}) }

func lookIn(t *testing.T, s *Spec, env probe.Env) probe.Observation {
	t.Helper()
	if problems := s.Validate(); len(problems) > 0 {
		t.Fatalf("the spec is not valid: %+v", problems)
	}
	ctx, cancel := context.WithTimeout(t.Context(), s.ProbeTimeout())
	defer cancel()
	return s.New(env).Probe(ctx)
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// answering serves one answer.
func answering(t *testing.T, code int, body string, headers ...string) string {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	}).URL
}

func want(t *testing.T, o probe.Observation, state e2e.GateState, finality e2e.Finality, observed string) {
	t.Helper()
	if o.State != state || o.Finality != finality || o.Observed != observed {
		t.Errorf("got %s/%q %q (%s)\nwant %s/%q %q", o.State, o.Finality, o.Observed, o.Reason, state, finality, observed)
	}
	if state != e2e.Healthy && (o.Reason == "" || !strings.ContainsAny(o.Reason, ";:")) {
		t.Errorf("reason %q says not what to try", o.Reason)
	}
}

const spring = `{"status":"DOWN","components":{"db":{"status":"UP"},"worker":{"status":"DOWN","details":{"queue":"stuck"}}}}`

func TestAnswers(t *testing.T) {
	const ny, nv = e2e.NotYet, e2e.Never
	json := map[string]string{"$.status": "UP"}
	for _, tt := range []struct {
		name     string
		code     int
		body     string
		spec     Spec
		state    e2e.GateState
		finality e2e.Finality
		observed string
	}{
		{"any 2xx", 204, "", Spec{}, e2e.Healthy, "", "HTTP 204"},
		{"text", 200, "fine", Spec{}, e2e.Healthy, "", "HTTP 200"},
		{"json up", 200, `{"status":"UP"}`, Spec{JSON: json}, e2e.Healthy, "", "HTTP 200, status UP"},
		{"json down", 200, `{"status":"DOWN"}`, Spec{JSON: json}, e2e.Unhealthy, ny, `HTTP 200, status DOWN, $.status = "DOWN"`},
		{"json missing", 200, `{}`, Spec{JSON: json}, e2e.Unhealthy, ny, `HTTP 200, $.status is missing`},
		{"several wrong", 200, `{"a":1,"b":"x"}`, Spec{JSON: map[string]string{"$.a": "2", "$.b": "y"}}, e2e.Unhealthy, ny, `HTTP 200, $.a = 1, $.b = "x"`},
		{"all selected", 200, `{"c":[{"s":"UP"},{"s":"DOWN"}]}`, Spec{JSON: map[string]string{"$.c[*].s": "UP"}}, e2e.Unhealthy, ny, `HTTP 200, $.c[*].s = "DOWN"`},
		{"not json", 200, "<html><head><title>Sign  in</title>", Spec{JSON: json}, e2e.Unhealthy, nv, `HTTP 200, not JSON, page "Sign in"`},
		{"two documents", 200, `{"status":"UP"} {}`, Spec{JSON: json}, e2e.Unhealthy, nv, `HTTP 200, not JSON, body "{"status":"UP"} {}"`},
		{"truncated json", 200, `{"status":`, Spec{JSON: json}, e2e.Unhealthy, nv, `HTTP 200, not JSON, body "{"status":"`},
		{"empty", 200, "", Spec{JSON: json}, e2e.Unhealthy, nv, `HTTP 200, not JSON`},
		{"huge", 200, `"` + strings.Repeat("x", maxBody) + `"`, Spec{JSON: json}, e2e.Unhealthy, nv, `HTTP 200, more than 1048576 bytes`},
		{"huge, not read", 200, strings.Repeat("x", 2*maxBody), Spec{}, e2e.Healthy, "", `HTTP 200`},
		{"matches", 200, `{"v":"build-42"}`, Spec{Matches: map[string]string{"$.v": `^build-\d+$`}}, e2e.Healthy, "", "HTTP 200"},
		{"matches number", 200, `{"v":42}`, Spec{Matches: map[string]string{"$.v": `^4`}}, e2e.Healthy, "", "HTTP 200"},
		{"matches not", 200, `{"v":"x"}`, Spec{Matches: map[string]string{"$.v": `^build`}}, e2e.Unhealthy, ny, `HTTP 200, $.v = "x"`},
		{"semver", 200, `{"v":"v2.3.1"}`, Spec{Semver: map[string]string{"$.v": "^2.0.0"}}, e2e.Healthy, "", "HTTP 200"},
		{"semver lower", 200, `{"v":"1.9.0"}`, Spec{Semver: map[string]string{"$.v": "^2.0.0"}}, e2e.Unhealthy, ny, `HTTP 200, $.v = "1.9.0"`},
		{"semver none", 200, `{"v":"main"}`, Spec{Semver: map[string]string{"$.v": "^2.0.0"}}, e2e.Unhealthy, ny, `HTTP 200, $.v = "main"`},
		{"semver pre", 200, `{"v":"2.1.0-rc.1"}`, Spec{Semver: map[string]string{"$.v": "^2.0.0"}}, e2e.Unhealthy, ny, `HTTP 200, $.v = "2.1.0-rc.1"`},
		{"semver pre allowed", 200, `{"v":"2.1.0-rc.1"}`, Spec{Semver: map[string]string{"$.v": ">=2.0.0-0"}}, e2e.Healthy, "", "HTTP 200"},
		{"body", 200, "all systems go", Spec{BodyMatches: "systems? go"}, e2e.Healthy, "", "HTTP 200"},
		{"body not", 200, "no\x1b[31m systems\n", Spec{BodyMatches: "go"}, e2e.Unhealthy, ny, `HTTP 200, body "no systems"`},
		{"header", 200, "", Spec{ExpectHeaders: map[string]string{"x-build": "7"}, HeaderMatches: map[string]string{"X-Build": "^[0-9]$"}}, e2e.Healthy, "",
			"HTTP 200"},
		{"header not", 200, "", Spec{ExpectHeaders: map[string]string{"x-build": "8", "X-None": ""}, HeaderMatches: map[string]string{"Set-Cookie": "^a"}},
			e2e.Unhealthy, ny, `HTTP 200, header X-None is missing, header X-Build = "7", header Set-Cookie has another value`},
		{"own status", 503, "", Spec{Status: []string{"200", "500-503"}}, e2e.Healthy, "", "HTTP 503"},
		{"own status, body down", 503, `{"status":"DOWN"}`, Spec{Status: []string{"503"}}, e2e.Healthy, "", "HTTP 503, status DOWN"},
		{"other 2xx", 200, "", Spec{Status: []string{"204"}}, e2e.Unhealthy, ny, "HTTP 200"},
		{"bad request", 400, "", Spec{}, e2e.Unhealthy, nv, "HTTP 400"},
		{"unauthorized", 401, "", Spec{}, e2e.Unhealthy, nv, "HTTP 401"},
		{"forbidden", 403, "", Spec{}, e2e.Unhealthy, nv, "HTTP 403"},
		{"not found", 404, "404 page not found\n", Spec{JSON: json}, e2e.Unhealthy, nv, `HTTP 404, body "404 page not found"`},
		{"method", 405, "", Spec{}, e2e.Unhealthy, nv, "HTTP 405"},
		{"gone", 410, "", Spec{}, e2e.Unhealthy, nv, "HTTP 410"},
		{"request timeout", 408, "", Spec{}, e2e.Unhealthy, ny, "HTTP 408"},
		{"conflict", 409, "", Spec{}, e2e.Unhealthy, ny, "HTTP 409"},
		{"teapot", 418, "", Spec{}, e2e.Unhealthy, ny, "HTTP 418"},
		{"server error", 500, "", Spec{}, e2e.Unhealthy, ny, "HTTP 500"},
		{"bad gateway", 502, "<html><title>502 Bad Gateway</title>", Spec{}, e2e.Unhealthy, ny, `HTTP 502, page "502 Bad Gateway"`},
		{"spring", 503, spring, Spec{}, e2e.Unhealthy, ny, "HTTP 503, status DOWN, failing: worker"},
		{"spring with 200", 200, spring, Spec{}, e2e.Unhealthy, ny, "HTTP 200, status DOWN, failing: worker"},
		{"degraded", 200, `{"status":"warn","checks":{"disk:space":[{"status":"warn"}],"cpu":[{"status":"pass"}]}}`, Spec{}, e2e.Degraded, "",
			"HTTP 200, status warn, failing: disk:space"},
		{"degraded and expected", 200, `{"status":"warn"}`, Spec{JSON: map[string]string{"$['status']": "warn"}}, e2e.Healthy, "", "HTTP 200, status warn"},
		{"degraded, other expectation", 200, `{"status":"warn","v":1}`, Spec{JSON: map[string]string{"$.v": "1.0"}}, e2e.Degraded, "", "HTTP 200, status warn"},
		{"partially", 200, `{"status":"Partially Available","failures":{"rabbitmq":"dial tcp"}}`, Spec{}, e2e.Degraded, "",
			"HTTP 200, status Partially Available, failing: rabbitmq"},
		{"starting", 200, `{"status":"starting"}`, Spec{}, e2e.Unhealthy, ny, "HTTP 200, status starting"},
		{"status of another kind", 200, `{"status":200}`, Spec{}, e2e.Healthy, "", "HTTP 200"},
		{"unknown word", 200, `{"status":"shipped"}`, Spec{}, e2e.Healthy, "", "HTTP 200, status shipped"},
		{"latency", 200, "", Spec{MaxLatency: time.Hour}, e2e.Healthy, "", "HTTP 200"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.spec.URL = answering(t, tt.code, tt.body, "X-Build", "7", "Set-Cookie", "b=secretvalue")
			want(t, look(t, &tt.spec), tt.state, tt.finality, tt.observed)
		})
	}
}

func TestSlowAnswers(t *testing.T) {
	o := look(t, &Spec{URL: answering(t, 200, ""), MaxLatency: time.Nanosecond})
	if o.State != e2e.Unhealthy || o.Finality != e2e.NotYet || o.Key != "slow" || !strings.HasPrefix(o.Observed, "HTTP 200 after ") {
		t.Errorf("got %+v", o)
	}
}

func TestReasonsSayWhatToTry(t *testing.T) {
	for _, tt := range []struct {
		code int
		body string
		want string
	}{
		{404, "", "there is nothing at this path; check the path, and that the right version is deployed; or add 404 to retry_on if roll-outs answer like this"},
		{503, spring, "the service is up but reports that a part of it fails (worker); look at that part"},
		{503, "", "the server that answers has no healthy service behind it; check that the service was started, and look at its log"},
		{500, "", "the service fails; look at its log"},
		{429, "", "the service limits requests; raise its limit for the gate, or raise interval"},
		{409, "", "the status is not the expected one; check the service, or set status"},
		{200, `{"status":"DOWN"}`, "the answer is not the expected one: $.status = UP was expected; wait for the roll-out to finish, or correct the expectation"},
	} {
		o := look(t, &Spec{URL: answering(t, tt.code, tt.body), JSON: map[string]string{"$.status": "UP"}})
		if o.Reason != tt.want {
			t.Errorf("%d: got  %q\nwant %q", tt.code, o.Reason, tt.want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	o := look(t, &Spec{URL: answering(t, 429, "", "Retry-After", "30")})
	if o.RetryAfter != 30*time.Second {
		t.Errorf("got %s", o.RetryAfter)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "x": 0, "-3": 0, "0": 0, "99999999999999": 0,
		now.Add(90 * time.Second).Format(http.TimeFormat): 90 * time.Second, now.Add(-time.Hour).Format(http.TimeFormat): 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}

func TestWordsForRetryOn(t *testing.T) {
	known := (&Spec{}).RetryWords()
	for _, tt := range []struct {
		code int
		body string
		word string
	}{{404, "", "404"}, {401, "", "401"}, {200, "x", "not_json"}, {302, "", "redirect"}, {503, "", ""}} {
		o := look(t, &Spec{URL: answering(t, tt.code, tt.body, "Location", "http://login.test/"), JSON: map[string]string{"$": "1"}})
		if o.Word != tt.word {
			t.Errorf("%d: got %q", tt.code, o.Word)
		}
		if tt.word != "" && !strings.Contains(" "+strings.Join(known, " ")+" ", " "+tt.word+" ") {
			t.Errorf("retry_on does not know %s", tt.word)
		}
	}
}

func TestExpectedAndTarget(t *testing.T) {
	s := &Spec{
		URL: "https://user:hunter22@api.test:8443/health/ready?token=abcdef#x", Status: []string{"200", "3xx"},
		Headers: map[string]string{"Authorization": "Bearer s3cr3t"}, ExpectHeaders: map[string]string{"x-echo": "s3cr3t"},
		JSON: map[string]string{"$.status": "UP"}, Semver: map[string]string{"$.version": "^2.0.0"}, BodyMatches: "hunter22",
		MaxLatency: time.Second, TLS: &TLS{MinDaysLeft: 14},
	}
	p := s.New(probe.Env{})
	if got := p.Target(); got != "https://api.test:8443/health/ready" || p.Kind() != "http" {
		t.Errorf("target %s", got)
	}
	want := "HTTP 200 or 3xx, header X-Echo = ***, $.status = UP, $.version in ^2.0.0, body matches ***, within 1s, certificate valid for 14 days"
	if diff := cmp.Diff(want, p.Expected()); diff != "" {
		t.Error(diff)
	}
}

// A secret that a service echoes must not reach any output.
func TestSecretsDoNotComeBack(t *testing.T) {
	long := strings.Repeat("y", probe.MaxQuote-4)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprintf(w, "Cannot GET %s as %s %s with %s%s%s", r.URL, user, password, r.Header.Get("X-Api-Key"), long, r.Header.Get("X-Api-Key"))
	}).URL
	s := &Spec{URL: strings.Replace(url, "http://", "http://me:hunter22@", 1) + "/x?token=abcd&q=longvalue99",
		Headers: map[string]string{"X-Api-Key": "topsecretkey"}}
	o := lookIn(t, s, probe.Env{Redact: func(s string) string { return strings.ReplaceAll(s, "Cannot", "C*") }})
	for _, secret := range []string{"hunter22", "abcd", "longvalue99", "topsecret", "tops", "token=", "Cannot"} {
		if strings.Contains(o.Observed+o.Reason+o.Key, secret) {
			t.Errorf("%s is in %q", secret, o.Observed)
		}
	}
}

func TestRequestIsWhatTheConfigSays(t *testing.T) {
	var got *http.Request
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r }).URL
	look(t, &Spec{URL: url + "/a?b=c", Method: "post", Headers: map[string]string{"Host": "virtual.test", "X-A": "1", "accept": "text/plain"}})
	if got.Method != "POST" || got.URL.RawQuery != "b=c" || got.Host != "virtual.test" || got.Header.Get("X-A") != "1" ||
		got.Header.Get("Accept") != "text/plain" || got.Header.Get("User-Agent") != "e2e-gate" {
		t.Errorf("unexpected request %+v", got)
	}
}

// A kept connection would keep reaching the instance that it was opened to.
func TestEveryProbeHasItsOwnConnection(t *testing.T) {
	remotes := map[string]bool{}
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) { remotes[r.RemoteAddr] = true }).URL
	p := (&Spec{URL: url}).New(probe.Env{})
	for range 3 {
		p.Probe(t.Context())
	}
	if len(remotes) != 3 {
		t.Errorf("%d connections for 3 probes", len(remotes))
	}
}

func TestFaultsOnTheWay(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := "http://" + free.Addr().String()
	_ = free.Close()
	hangs := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }).URL
	resets := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}
	}).URL
	breaksOff := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("short"))
	}).URL
	for _, tt := range []struct{ url, observed string }{
		{refused, "connection refused"},
		{hangs, "no answer within 50ms"},
		{resets, "connection closed without an answer"},
		{breaksOff, "connection closed without an answer"},
		{"http://gate.invalid/?token=abcd", "host not found: gate.invalid"},
	} {
		s := &Spec{URL: tt.url}
		if tt.url == hangs {
			s.Timeout = 50 * time.Millisecond
		}
		want(t, look(t, s), e2e.Unhealthy, e2e.NotYet, tt.observed)
	}
}

func TestProxyFromTheEnvironment(t *testing.T) {
	var asked string
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.RequestURI
		if r.Method == http.MethodConnect {
			w.WriteHeader(http.StatusProxyAuthRequired)
		}
	}).URL
	env := func(vars ...string) probe.Env { return probe.Env{Base: vars} }
	want(t, lookIn(t, &Spec{URL: "http://api.test/health"}, env("http_proxy="+proxy)), e2e.Healthy, "", "HTTP 200")
	if asked != "GET http://api.test/health" {
		t.Errorf("the proxy was asked %q", asked)
	}
	want(t, lookIn(t, &Spec{URL: "https://api.test/health"}, env("HTTPS_PROXY="+proxy)), e2e.Unhealthy, e2e.Never, "the proxy answered 407")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = free.Close()
	want(t, lookIn(t, &Spec{URL: "http://api.test/health"}, env("HTTP_PROXY=http://u:hunter22@"+free.Addr().String())), e2e.Unhealthy, e2e.NotYet,
		"proxy: connection refused")
	want(t, lookIn(t, &Spec{URL: "http://gate.invalid/"}, env("HTTP_PROXY="+proxy, "NO_PROXY=.invalid")), e2e.Unhealthy, e2e.NotYet,
		"host not found: gate.invalid")
	bad := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }).URL
	want(t, lookIn(t, &Spec{URL: "https://api.test/"}, env("HTTPS_PROXY="+bad)), e2e.Unhealthy, e2e.NotYet, "the proxy answered 502")
}

func TestIPv6(t *testing.T) {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("this machine has no IPv6 loopback")
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	_ = s.Listener.Close()
	s.Listener = l
	s.Start()
	defer s.Close()
	want(t, look(t, &Spec{URL: s.URL}), e2e.Healthy, "", "HTTP 200")
}

func TestSafeURLOfEveryTarget(t *testing.T) {
	u, _ := url.Parse("https://a:b@[::1]:8443/p%2Fq?x=y#z")
	if got := probe.SafeURL(u); got != "https://[::1]:8443/p%2Fq" {
		t.Errorf("got %s", got)
	}
}
