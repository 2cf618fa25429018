package github

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// proxied makes one request, in a process of its own: Go reads the variables of proxies once.
const proxied = "E2E_GATE_TEST_PROXIED"

// The client goes through the proxy that the environment names, and around it where NO_PROXY says so.
func TestProxies(t *testing.T) {
	if os.Getenv(proxied) != "" {
		c, err := New(Options{BaseURL: "https://api.corp.invalid/api/v3", Repository: "acme/cases", Token: "t",
			Sleep: func(context.Context, time.Duration) error { return nil }})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if _, err := c.WorkflowRun(ctx, 1); err == nil {
			t.Fatal("a host that does not exist answered")
		}
		return
	}
	for name, tc := range map[string]struct {
		env  []string
		asks bool
	}{
		"a proxy":                   {nil, true},
		"another host is excepted":  {[]string{"NO_PROXY=api.other.invalid"}, true},
		"the host is excepted":      {[]string{"NO_PROXY=api.corp.invalid"}, false},
		"its domain is excepted":    {[]string{"NO_PROXY=localhost,.corp.invalid"}, false},
		"the lower case is as good": {[]string{"no_proxy=.corp.invalid"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var asked []string
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				asked = append(asked, r.Method+" "+r.Host)
				w.WriteHeader(http.StatusForbidden)
			}))
			defer proxy.Close()
			cmd := exec.Command(os.Args[0], "-test.run=^TestProxies$") //nolint:gosec // this test itself
			cmd.Env = append([]string{proxied + "=1", "HTTPS_PROXY=" + proxy.URL, "PATH=" + os.Getenv("PATH"), "GORACE=" + os.Getenv("GORACE")}, tc.env...)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if (len(asked) > 0) != tc.asks || tc.asks && asked[0] != "CONNECT api.corp.invalid:443" {
				t.Errorf("the proxy was asked %q", asked)
			}
		})
	}
}
