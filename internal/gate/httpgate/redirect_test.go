package httpgate

import (
	"net/http"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

// other gives the address of a server under a name that is another host.
func other(url string) string { return strings.Replace(url, "127.0.0.1", "localhost", 1) }

func TestRedirects(t *testing.T) {
	elsewhere := answering(t, 200, "elsewhere")
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		to := map[string]string{
			"/moved": "/health", "/twice": "/moved", "/away": other(elsewhere) + "/x?token=abcd", "/login-needed": "/users/sign_in?next=/health",
			"/loop": "/loop", "/nowhere": "",
		}
		if location, ok := to[r.URL.Path]; ok {
			if location != "" {
				w.Header().Set("Location", location)
			}
			w.WriteHeader(http.StatusFound)
		}
	}).URL
	for _, tt := range []struct {
		path, redirects string
		state           e2e.GateState
		finality        e2e.Finality
		observed        string
	}{
		{"/moved", "", e2e.Healthy, "", "HTTP 200"},
		{"/twice", "2", e2e.Healthy, "", "HTTP 200"},
		{"/twice", "1", e2e.Unhealthy, e2e.Never, "more than 1 redirects, the last to " + url + "/health"},
		{"/moved", "none", e2e.Unhealthy, e2e.Never, "HTTP 302, redirect to /health"},
		{"/moved", "0", e2e.Unhealthy, e2e.Never, "HTTP 302, redirect to /health"},
		{"/away", "none", e2e.Unhealthy, e2e.Never, "HTTP 302, redirect to " + other(elsewhere) + "/x"},
		{"/away", "", e2e.Unhealthy, e2e.Never, "redirected to another host: " + other(elsewhere) + "/x"},
		{"/away", "3", e2e.Unhealthy, e2e.Never, "redirected to another host: " + other(elsewhere) + "/x"},
		{"/away", "follow", e2e.Healthy, "", "HTTP 200"},
		{"/login-needed", "", e2e.Unhealthy, e2e.Never, "redirected to a login page: " + url + "/users/sign_in"},
		{"/login-needed", "follow", e2e.Healthy, "", "HTTP 200"},
		{"/loop", "", e2e.Unhealthy, e2e.Never, "more than 5 redirects, the last to " + url + "/loop"},
		{"/nowhere", "none", e2e.Unhealthy, e2e.Never, "HTTP 302, redirect to nowhere"},
	} {
		t.Run(tt.path+" "+tt.redirects, func(t *testing.T) {
			o := look(t, &Spec{URL: url + tt.path, Redirects: tt.redirects})
			want(t, o, tt.state, tt.finality, tt.observed)
			if tt.state != e2e.Healthy && o.Word != wordRedirect {
				t.Errorf("word %q", o.Word)
			}
		})
	}
	want(t, look(t, &Spec{URL: url + "/moved", Redirects: "none", Status: []string{"302"}}), e2e.Healthy, "", "HTTP 302")
}

func TestCredentialsStayWithTheirHost(t *testing.T) {
	var seen []*http.Request
	record := func(_ http.ResponseWriter, r *http.Request) { seen = append(seen, r) }
	target := serve(t, record).URL
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/here" {
			record(w, r)
			return
		}
		http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusTemporaryRedirect)
	}).URL
	headers := map[string]string{"Authorization": "Bearer abc", "X-Api-Key": "k", "Cookie": "a=b"}
	for _, to := range []string{other(target), target, "/here"} {
		seen = nil
		want(t, look(t, &Spec{URL: strings.Replace(url, "//", "//u:p@", 1) + "/?to=" + to, Headers: headers, Redirects: "follow"}), e2e.Healthy, "", "HTTP 200")
		if len(seen) != 1 {
			t.Fatalf("%d requests", len(seen))
		}
		h := seen[0].Header
		has := h.Get("Authorization") != "" || h.Get("X-Api-Key") != "" || h.Get("Cookie") != ""
		if has != (to == "/here") {
			t.Errorf("redirected to %s with %v", to, h)
		}
		if to != "/here" && h.Get("Referer") != "" {
			t.Errorf("redirected to %s with referer %s", to, h.Get("Referer"))
		}
	}
}
