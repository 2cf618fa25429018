package kubegate

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/testkit/gatekit"
	"github.com/org/e2e-gate/internal/testkit/servers"
)

// TestRealServer sees the shapes of the real API, its refusals and its selectors.
func TestRealServer(t *testing.T) {
	server := servers.StartAPIServer(t)
	send := func(method, path, kind, body string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, server.URL()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", kind)
		resp, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode >= 300 {
			text, _ := io.ReadAll(resp.Body)
			t.Fatalf("%s %s: %s", method, path, text)
		}
	}
	config := func(token string) string {
		return write(t, fmt.Sprintf("current-context: t\ncontexts: [{name: t, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: %q, "+
			"certificate-authority: %q, tls-server-name: kubernetes}}]\nusers: [{name: u, user: {token: %s}}]\n", server.URL(), server.CAFile, token))
	}
	s := &Spec{Kubeconfig: config(servers.APIToken), Workloads: []Workload{{Name: "deployment/api", Image: "api:2"}}}
	look := func() probe.Observation { return gatekit.Look(t, s, probe.Env{}) }
	gatekit.Never(t, look(), "404", "deployment/api not found in default")
	const json, patch = "application/json", "application/merge-patch+json"
	const template = `{"metadata":{"labels":{"app":"api"}},"spec":{"containers":[{"name":"c","image":"r.test/api:2"}]}}`
	send("POST", "/apis/apps/v1/namespaces/default/deployments", json,
		`{"metadata":{"name":"api"},"spec":{"replicas":1,"selector":{"matchLabels":{"app":"api"}},"template":`+template+`}}`)
	gatekit.NotYet(t, look(), "deployment/api: its controller has not seen the change yet")
	status := "/apis/apps/v1/namespaces/default/deployments/api/status"
	send("PATCH", status, patch, `{"status":{"observedGeneration":1,"replicas":1,"updatedReplicas":1}}`)
	gatekit.NotYet(t, look(), "deployment/api: 0 of 1 pods available")
	pod := func(name, label, image string) {
		send("POST", "/api/v1/namespaces/default/pods", json,
			fmt.Sprintf(`{"metadata":{"name":%q,"labels":{"app":%q}},"spec":{"containers":[{"name":"c","image":%q}]}}`, name, label, image))
	}
	pod("api-1", "api", "r.test/api:2")
	pod("other", "other", "r.test/other:1")
	send("PATCH", status, patch, `{"status":{"availableReplicas":1,"readyReplicas":1}}`)
	gatekit.Healthy(t, look(), "deployment/api rolled out (1), image as expected")
	pod("api-2", "api", "r.test/api:1")
	gatekit.NotYet(t, look(), "deployment/api: pod api-2 runs r.test/api:1")
	send("PATCH", status, patch, `{"status":{"conditions":[{"type":"Progressing","status":"False","reason":"ProgressDeadlineExceeded"}]}}`)
	gatekit.Never(t, look(), "progress_deadline", "deployment/api: progress deadline exceeded")
	s.Kubeconfig = config("unknown")
	gatekit.Never(t, look(), "401", `deployment/api: HTTP 401, "Unauthorized"`)
}
