package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const pods = "/api/v1/namespaces/staging/pods"

func TestDo(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, `{"metadata":{"name":%q,"labels":{"type":%q,"query":%q,"who":%q}}}`, string(body), r.Header.Get("Content-Type"), r.URL.RawQuery, r.Header.Get("Authorization"))
	})
	c := s.client(t, "{token: "+token+"}")
	if c.Server() != s.URL || c.Namespace() != "staging" {
		t.Error(c.Server(), c.Namespace())
	}
	var got ConfigMap
	if err := c.Do(within(t), "PATCH", "/api/v1/namespaces/staging/configmaps/x", map[string][]string{"dryRun": {"All"}}, map[string]int{"a": 1}, &got); err != nil {
		t.Fatal(err)
	}
	want := ObjectMeta{Name: `{"a":1}`, Labels: map[string]string{"type": "application/merge-patch+json", "query": "dryRun=All", "who": "Bearer " + token}}
	if diff := cmp.Diff(want, got.Metadata); diff != "" {
		t.Error(diff)
	}
}

// What a server says ends up in messages: on one line, without the token, and bounded.
func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		want   Error
	}{
		{"a status", status(403, "Forbidden", "pods is forbidden:\n\x1b[31mUser \"x\""), Error{Code: 403, Reason: "Forbidden", Message: `pods is forbidden: User "x"`}},
		{"the token comes back", status(422, "Invalid", "Bearer "+token), Error{Code: 422, Reason: "Invalid", Message: "Bearer ***"}},
		{"something else answers", says(404, "<html>\n%s</html>", token), Error{Code: 404, Message: "<html> ***</html>"}},
		{"nothing", says(400, ""), Error{Code: 400}},
		{"a redirect is not followed", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.test/", http.StatusFound)
		}, Error{Code: 302}},
		{"details", says(409, `{"kind":"Status","reason":"Conflict","details":{"uid":"1","retryAfterSeconds":3}}`),
			Error{Code: 409, Reason: "Conflict", Details: json.RawMessage(`{"uid":"1","retryAfterSeconds":3}`), RetryAfter: 3 * time.Second}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tt.answer)
			err := s.client(t, "{token: "+token+"}").Do(within(t), "GET", pods, nil, nil, nil)
			var got *Error
			if !errors.As(err, &got) {
				t.Fatal(err)
			}
			if tt.want.Code == 302 {
				got.Message = "" // net/http's own
			}
			if diff := cmp.Diff(tt.want, *got); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(err.Error(), token) || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("got %q", err)
			}
			if n := len(s.seen()); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
	long := status(400, "BadRequest", strings.Repeat("x", 50_000))
	if err := serve(t, long).client(t, "{}").Do(within(t), "GET", pods, nil, nil, nil); len(err.Error()) > 2200 {
		t.Errorf("%d bytes", len(err.Error()))
	}
	err := serve(t, says(200, "[1")).client(t, "{}").Do(within(t), "GET", pods, nil, nil, &Pod{})
	if err == nil || !strings.Contains(err.Error(), "not what was expected") {
		t.Error(err)
	}
}

// reset ends the connection instead of answering.
func reset(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func half(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	fmt.Fprint(w, `{"metadata":`)
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func busy(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Retry-After", "0")
	w.WriteHeader(429)
}

func TestTroubleIsTriedAgain(t *testing.T) {
	s := serve(t, status(503, "ServiceUnavailable", "starting"), busy, reset, half, status(500, "InternalError", "etcd"), says(200, `{"metadata":{"name":"x"}}`))
	var got Pod
	if err := s.client(t, "{}").Do(within(t), "GET", pods+"/x", nil, nil, &got); err != nil || got.Metadata.Name != "x" {
		t.Error(got, err)
	}
	// A server that has just started knows no rules yet; one that runs has its reasons.
	s = serve(t, status(403, "Forbidden", "no rules"), status(503, "", ""), status(403, "Forbidden", "no rules"), says(200, `{}`))
	c := s.client(t, "{}")
	if err := c.Do(within(t), "GET", pods, nil, nil, nil); !Has(err, "Forbidden") {
		t.Error(err)
	}
	if err := c.Do(within(t), "GET", pods, nil, nil, nil); err != nil {
		t.Error(err)
	}
	// It may also have ended and started between two requests.
	s = serve(t, says(200, `{}`), status(403, "Forbidden", "no rules"), says(200, `{}`))
	c = s.client(t, "{}")
	if err := c.Do(within(t), "GET", pods, nil, nil, nil); err != nil {
		t.Error(err)
	}
	s.CloseClientConnections()
	if err := c.Do(within(t), "GET", pods, nil, nil, nil); err != nil {
		t.Error(err)
	}
}

func TestPatienceEnds(t *testing.T) {
	s := serve(t, status(503, "ServiceUnavailable", "down"))
	c := s.client(t, "{}")
	c.patience = 20 * time.Millisecond
	if err := c.Do(within(t), "GET", pods, nil, nil, nil); !Has(err, "ServiceUnavailable") || len(s.seen()) < 2 {
		t.Error(err, len(s.seen()))
	}
	c.patience = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	s.mu.Lock()
	s.steps = []http.HandlerFunc{status(503, "ServiceUnavailable", "down"), func(w http.ResponseWriter, r *http.Request) {
		cancel()
		status(503, "ServiceUnavailable", "down")(w, r)
	}}
	s.mu.Unlock()
	if err := c.Do(ctx, "GET", pods, nil, nil, nil); !errors.Is(err, context.Canceled) || !Has(err, "ServiceUnavailable") {
		t.Error(err)
	}
}

func TestNoPostTwice(t *testing.T) {
	for name, step := range map[string]http.HandlerFunc{"5xx": status(500, "InternalError", ""), "reset": reset, "half an answer": half} {
		s := serve(t, step, says(201, `{}`))
		err := s.client(t, "{}").Do(within(t), "POST", pods, nil, map[string]string{}, nil)
		if !errors.Is(err, ErrUnsure) || len(s.seen()) != 1 {
			t.Errorf("%s: got %v after %v", name, err, s.seen())
		}
	}
	s := serve(t, busy, says(201, `{}`))
	if err := s.client(t, "{}").Do(within(t), "POST", pods, nil, map[string]string{}, nil); err != nil {
		t.Errorf("a request that was not let in: %v", err)
	}
	s.Close()
	c := s.client(t, "{}")
	c.patience = 20 * time.Millisecond
	if err := c.Do(within(t), "POST", pods, nil, map[string]string{}, nil); err == nil || errors.Is(err, ErrUnsure) {
		t.Errorf("nothing was sent: %v", err)
	}
}

func TestCreate(t *testing.T) {
	mine := func(found json.RawMessage) bool { return strings.Contains(string(found), "mine") }
	exists := status(409, "AlreadyExists", "there")
	for _, tt := range []struct {
		name  string
		steps []http.HandlerFunc
		want  string // the name of what was created, or the error's reason
		sent  string
	}{
		{"at once", []http.HandlerFunc{says(201, `{"metadata":{"name":"mine"}}`)}, "mine", "POST"},
		{"there before", []http.HandlerFunc{exists}, "AlreadyExists", "POST"},
		{"the answer is lost", []http.HandlerFunc{reset, says(200, `{"metadata":{"name":"mine"}}`)}, "mine", "POST GET"},
		{"the answer is lost, and another one's is there", []http.HandlerFunc{reset, says(200, `{"metadata":{"name":"other"}}`)}, "AlreadyExists", "POST GET"},
		{"the request is lost", []http.HandlerFunc{reset, status(404, "NotFound", ""), says(201, `{"metadata":{"name":"mine"}}`)}, "mine", "POST GET POST"},
		{"it was only slow", []http.HandlerFunc{reset, status(404, "NotFound", ""), exists, says(200, `{"metadata":{"name":"mine"}}`)}, "mine", "POST GET POST GET"},
		{"no look either", []http.HandlerFunc{reset, status(400, "BadRequest", ""), says(201, `{"metadata":{"name":"mine"}}`)}, "mine", "POST GET POST"},
		{"refused", []http.HandlerFunc{status(422, "Invalid", "")}, "Invalid", "POST"},
		{"refused the second time", []http.HandlerFunc{reset, status(404, "NotFound", ""), status(422, "Invalid", "")}, "Invalid", "POST GET POST"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tt.steps...)
			var got Pod
			err := s.client(t, "{}").Create(within(t), pods, "x", map[string]string{}, &got, mine)
			name := got.Metadata.Name
			if e := (*Error)(nil); errors.As(err, &e) {
				name = e.Reason
			}
			var sent []string
			for _, r := range s.seen() {
				sent = append(sent, strings.Fields(r)[0])
			}
			if name != tt.want || strings.Join(sent, " ") != tt.sent {
				t.Errorf("got %q, %v after %v", name, err, sent)
			}
		})
	}
}

func TestLogs(t *testing.T) {
	s := serve(t, status(500, "InternalError", "dial tcp: the kubelet is away"), func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "one %s\n", r.URL.RawQuery)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	log, err := s.client(t, "{}").Logs(within(t), "staging", "p", "suite", map[string][]string{"follow": {"true"}})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	text, err := io.ReadAll(log)
	if string(text) != "one container=suite&follow=true\n" || err == nil {
		t.Errorf("got %q, %v: a stream that broke off is not an end", text, err)
	}
	waits := serve(t, status(400, "BadRequest", "container is waiting to start"))
	if _, err := waits.client(t, "{}").Logs(within(t), "n", "p", "c", nil); !Has(err, "BadRequest") {
		t.Error(err)
	}
}

// only lets a request with one of these tokens through.
func only(good *atomic.Value) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+good.Load().(string) {
			status(401, "Unauthorized", "Unauthorized: "+r.Header.Get("Authorization"))(w, r)
			return
		}
		says(200, `{}`)(w, r)
	}
}

func TestTokensAreRenewed(t *testing.T) {
	var good atomic.Value
	good.Store("first")
	s := serve(t, only(&good))
	file := write(t, "token", "first\n")
	c := s.client(t, "{tokenFile: '"+file+"'}")
	get := func() error { return c.Do(within(t), "GET", pods, nil, nil, nil) }
	if err := get(); err != nil {
		t.Fatal(err)
	}
	good.Store("second")
	if err := get(); err == nil || strings.Contains(err.Error(), "first") {
		t.Errorf("the file has the old token still: %v", err)
	}
	if err := os.WriteFile(file, []byte("second\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := get(); err != nil {
		t.Errorf("401, and a new token in the file: %v", err)
	}
	// The file is read again in time, before a request is refused; while it is away, the old token does.
	clock := time.Now()
	c.now = func() time.Time { return clock }
	if err := os.Rename(file, file+"-"); err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(2 * tokenAge)
	if err := get(); err != nil {
		t.Errorf("the file is away for a moment: %v", err)
	}
	if err := os.WriteFile(file, []byte("third\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	good.Store("third")
	clock = clock.Add(2 * tokenAge)
	before := len(s.seen())
	if err := get(); err != nil || len(s.seen()) != before+1 {
		t.Errorf("a token of a minute ago: %v", err)
	}
}

func TestPlugins(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the plugin is a shell script")
	}
	var good atomic.Value
	good.Store("1")
	s := serve(t, only(&good))
	dir := t.TempDir()
	text := "#!/bin/sh\necho run >>\"$0.runs\"\nprintf '%s' \"$KUBERNETES_EXEC_INFO\" >\"$0.info\"\nuntil=$(cat \"$0.until\")\n" +
		"printf '{\"status\":{\"token\":\"%s\",\"expirationTimestamp\":\"%s\"}}' $(wc -l <\"$0.runs\") \"$until\"\n"
	plugin := filepath.Join(dir, "plugin")
	for name, text := range map[string]string{"plugin": text, "plugin.until": "2999-01-01T00:00:00Z", "config": ""} {
		if name == "config" {
			text = fmt.Sprintf("current-context: t\ncontexts: [{name: t, context: {cluster: c, user: u}}]\n"+
				"clusters: [{name: c, cluster: {server: %q, certificate-authority-data: %s}}]\n"+
				"users: [{name: u, user: {exec: {command: ./plugin, apiVersion: client.authentication.k8s.io/v1, provideClusterInfo: true}}}]\n", s.URL, s.ca())
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Open(within(t), Where{Kubeconfig: filepath.Join(dir, "config"), Root: t.TempDir(), Env: os.Environ()})
	if err != nil {
		t.Fatal(err)
	}
	get := func() error { return c.Do(within(t), "GET", pods, nil, nil, nil) }
	runs := func() int {
		data, _ := os.ReadFile(plugin + ".runs")
		return strings.Count(string(data), "\n")
	}
	if err := errors.Join(get(), get()); err != nil || runs() != 1 {
		t.Errorf("got %v after %d runs", err, runs())
	}
	var info struct {
		Spec struct {
			Cluster struct {
				Server string
				CA     []byte `json:"certificate-authority-data"`
			}
		}
	}
	data, _ := os.ReadFile(plugin + ".info")
	if json.Unmarshal(data, &info) != nil || info.Spec.Cluster.Server != s.URL || !strings.HasPrefix(string(info.Spec.Cluster.CA), "-----BEGIN CERTIFICATE") {
		t.Errorf("the plugin was told %s", data)
	}
	good.Store("2") // the first token is revoked
	if err := os.WriteFile(plugin+".until", []byte(time.Now().Add(time.Hour).UTC().Format(time.RFC3339)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := get(); err != nil || runs() != 2 {
		t.Errorf("got %v after %d runs", err, runs())
	}
	clock := time.Now().Add(time.Hour)
	c.now = func() time.Time { return clock }
	good.Store("3") // the second has expired
	before := len(s.seen())
	if err := get(); err != nil || runs() != 3 || len(s.seen()) != before+1 {
		t.Errorf("got %v after %d runs", err, runs())
	}
	// One that says what has expired already is not asked for each request.
	if err := errors.Join(get(), get()); err != nil || runs() != 3 {
		t.Errorf("got %v after %d runs", err, runs())
	}
}

// The current context may change while a run lasts.
func TestTheClusterStays(t *testing.T) {
	var good atomic.Value
	good.Store("first")
	s := serve(t, only(&good))
	other := serve(t, says(200, `{}`))
	c := s.client(t, "{token: first}")
	entry := func(name string, s *script) string {
		return fmt.Sprintf("- {name: %s, cluster: {server: %q, certificate-authority-data: %s}}\n", name, s.URL, s.ca())
	}
	config := func(current, server string) {
		text := "current-context: " + current + "\ncontexts:\n- {name: test, context: {cluster: " + server + ", user: u}}\n" +
			"- {name: other, context: {cluster: other, user: u}}\n" +
			"users: [{name: u, user: {token: second}}]\nclusters:\n" + entry("c", s) + entry("other", other)
		if err := os.WriteFile(c.where.Kubeconfig, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config("other", "c")
	good.Store("second")
	if err := c.Do(within(t), "GET", pods, nil, nil, nil); err != nil {
		t.Errorf("another current context: %v", err)
	}
	config("test", "other")
	good.Store("third")
	err := c.Do(within(t), "GET", pods, nil, nil, nil)
	if err == nil || !strings.Contains(err.Error(), "names another API server") || len(other.seen()) > 0 {
		t.Errorf("another cluster: %v, %v", err, other.seen())
	}
}

func TestWhoWeAre(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		text, _ := json.Marshal([]any{r.Header["Authorization"], r.Header["Impersonate-User"], r.Header["Impersonate-Group"], r.Header["Impersonate-Extra-A%2fb"]})
		says(418, `{"kind":"Status","message":%q}`, text)(w, r)
	})
	for user, want := range map[string]string{
		"{}": `[null,null,null,null]`,
		"{token: t-1, as: ann, as-groups: [x, y], as-user-extra: {a/b: [c]}}": `[["Bearer ***"],["ann"],["x","y"],["c"]]`,
		"{username: ann, password: secret-1}":                                 `[["Basic ***"],null,null,null]`,
	} {
		err := s.client(t, user).Do(within(t), "GET", pods, nil, nil, nil)
		if e := (*Error)(nil); !errors.As(err, &e) || e.Message != want {
			t.Errorf("%s: got %v, want %s", user, err, want)
		}
	}
	for user, want := range map[string]string{
		"{auth-provider: {name: gcp}}": "auth-provider", "{as-groups: [x]}": "without a user", "{token: \"a b\"}": "one line of ASCII",
		"{client-certificate-data: eA==, client-key-data: eA==}": "do not belong together", "{client-key-data: '!', client-certificate-data: eA==}": "not base64",
		"{exec: {command: /does/not/exist}}": "returned no credential",
	} {
		_, err := Open(within(t), Where{Kubeconfig: configure(t, s.URL, "insecure-skip-tls-verify: true", user)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", user, err)
		}
	}
	for cluster, want := range map[string]string{"proxy-url: '::'": "proxy-url", "certificate-authority-data: eA==": "not a PEM"} {
		if _, err := Open(within(t), Where{Kubeconfig: configure(t, s.URL, cluster, "{}")}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", cluster, err)
		}
	}
	for _, server := range []string{"ftp://x", "x", "https://u:p@x", "%"} {
		if _, err := Open(within(t), Where{Kubeconfig: configure(t, server, "", "{}")}); err == nil || !strings.Contains(err.Error(), "server is not an address") {
			t.Errorf("%s: got %v", server, err)
		}
	}
}

// A server with a certificate of somebody else will not have ours in a second.
func TestUntrustedServers(t *testing.T) {
	s := serve(t, says(200, `{}`))
	c, err := Open(within(t), Where{Kubeconfig: configure(t, s.URL, "", "{token: "+token+"}")})
	if err != nil {
		t.Fatal(err)
	}
	err = c.Do(within(t), "POST", pods, nil, nil, nil)
	if err == nil || !strings.Contains(err.Error(), "certificate") || errors.Is(err, ErrUnsure) || len(s.seen()) > 0 {
		t.Errorf("got %v", err)
	}
}

func TestInCluster(t *testing.T) {
	var good atomic.Value
	good.Store(token)
	s := serve(t, only(&good))
	dir := t.TempDir()
	host, port, _ := strings.Cut(s.Listener.Addr().String(), ":")
	for name, data := range map[string]string{"token": token, "namespace": "prod\n", "ca.crt": s.pem()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w := Where{ServiceAccount: dir, Env: []string{"KUBERNETES_SERVICE_HOST=" + host, "KUBERNETES_SERVICE_PORT=" + port, "HOME=" + dir}}
	c, err := Open(within(t), w)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Do(within(t), "GET", pods, nil, nil, nil); err != nil || c.Namespace() != "prod" {
		t.Error(err, c.Namespace())
	}
	// A context that is asked for is another cluster than the pod's, perhaps.
	w.Context = "staging"
	if _, err := Open(within(t), w); err == nil || err.Error() != "the kubeconfig cannot be read" {
		t.Error(err)
	}
}

func TestProxies(t *testing.T) {
	for _, tt := range []struct{ cluster, env, server, want string }{
		{"", "", "https://x.test", ""},
		{"", "HTTPS_PROXY=http://p.test:1", "https://x.test", "http://p.test:1"},
		{"", "https_proxy=http://p.test:1", "http://x.test", ""},
		{"", "HTTPS_PROXY=http://p.test:1", "https://127.0.0.1", ""},
		{"proxy-url: 'socks5://q.test:1'", "HTTPS_PROXY=http://p.test:1", "https://127.0.0.1", "socks5://q.test:1"},
	} {
		w := Where{Kubeconfig: configure(t, tt.server, tt.cluster, "{}"), Env: []string{tt.env}}
		l, err := w.Login(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		choose, err := w.proxies(l)
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), "GET", l.Server, nil)
		if err != nil {
			t.Fatal(err)
		}
		u, err := choose(req)
		got := ""
		if u != nil {
			got = u.String()
		}
		if err != nil || got != tt.want {
			t.Errorf("%+v: got %s, %v", tt, got, err)
		}
	}
}

func TestQuantities(t *testing.T) {
	for text, want := range map[string]string{
		"500m": "1/2", "2": "2/1", "1.5Gi": "1610612736/1", "3e2": "300/1", "1E": "1000000000000000000/1", "-1": "-1/1", "+1k": "1000/1",
		".5": "1/2", "1u": "1/1000000",
		"": "", "x": "", "1e999999999": "", "1/2": "", "+-1": "", "1 ": "", "0x10": "", "1Kib": "", "m": "", ".": "", "1_0": "",
	} {
		got := ""
		if v, ok := Quantity(text).Value(); ok {
			got = v.String()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	var q map[string]Quantity
	if err := json.Unmarshal([]byte(`{"a":"1Gi","b":2}`), &q); err != nil || q["a"] != "1Gi" || q["b"] != "2" {
		t.Error(q, err)
	}
	if err := json.Unmarshal([]byte(`{"a":[]}`), &q); err == nil {
		t.Error("a list is not a quantity")
	}
}
