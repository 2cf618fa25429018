package kubernetes

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/kube"
)

// TestWholeRunInOnePod runs the plain Job and the PostSync hook of examples/kubernetes as they stand, with a suite that passes and one
// that fails.
func TestWholeRunInOnePod(t *testing.T) {
	c := Start(t, Options{})
	gate := buildGate(t)
	c.must(http.MethodPost, "/api/v1/namespaces", json.RawMessage(`{"metadata":{"name":"staging"}}`), nil)
	for _, o := range objects(t, "../../../examples/kubernetes/rbac.yaml") {
		c.must(http.MethodPost, c.pathOf(t, o), o.text, nil)
	}
	c.must(http.MethodPost, "/api/v1/namespaces/staging/secrets", json.RawMessage(`{"metadata":{"name":"e2e"},"stringData":{"CASE_API":"http://case-api"}}`), nil)
	for _, one := range []struct {
		file, test, state, headline string
		status                      int32
	}{
		{"job.yaml", "ok-1", "passed", "e2e-gate staging: passed", 0},
		{"argocd-postsync.yaml", "fail-1", "failed", "e2e-gate staging: blocked - ", 1},
	} {
		image := t.TempDir()
		for name, text := range map[string]string{
			"tests": one.test + "\n", "suite.sh": suite,
			"e2e-gate.yml": `version: 1
stages: {staging: {on: [push], timeout: 5m}}
suites:
  - {name: s, framework: command, dir: ., list: [cat, tests], run: [sh, suite.sh, "{report_dir}", "{tests}"], reports: "{report_dir}/*.xml", services: [payment-api]}
`,
		} {
			if err := os.WriteFile(filepath.Join(image, name), []byte(text), 0o644); err != nil { //nolint:gosec // read by another user
				t.Fatal(err)
			}
		}
		c.AddImage("registry.example.com/acme/e2e:4f2c1d7", Image{Copies: map[string]string{"/src": image}, Files: map[string]string{"/usr/local/bin/e2e-gate": gate},
			Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin"}})
		var made kube.Job
		c.must(http.MethodPost, jobsOf("staging"), objects(t, "../../../examples/kubernetes/"+one.file)[0].text, &made)
		pod := ""
		c.waitFor("the end of "+one.file, func() error {
			var pods kube.List[kube.Pod]
			c.must(http.MethodGet, podsOf("staging"), nil, &pods)
			for _, p := range pods.Items {
				if p.Metadata.Labels[kube.JobName] != made.Metadata.Name || len(p.Status.ContainerStatuses) == 0 || p.Status.ContainerStatuses[0].State.Terminated == nil {
					continue
				}
				pod = p.Metadata.Name
				if end := p.Status.ContainerStatuses[0].State.Terminated; end.ExitCode != one.status || !strings.HasPrefix(end.Message, one.headline) {
					t.Errorf("%s: exit status %d, message %q", one.file, end.ExitCode, end.Message)
				}
				return nil
			}
			return errors.New("it runs")
		})
		var summary kube.ConfigMap
		c.must(http.MethodGet, "/api/v1/namespaces/staging/configmaps/e2e-payment-api", nil, &summary)
		if summary.Data["state"] != one.state || !strings.HasPrefix(summary.Data["headline"], one.headline) ||
			!strings.Contains(summary.Data["summary.json"], "acme/payment-api") {
			t.Errorf("%s: summary %v", one.file, summary.Data)
		}
		log, err := c.Client.Logs(t.Context(), "staging", pod, "e2e", nil)
		if err != nil {
			t.Fatal(err)
		}
		out := t.TempDir()
		unpack := exec.CommandContext(t.Context(), gate, "cluster", "unpack", "--out", out) //nolint:gosec // the program under test
		unpack.Stdin = log
		if text, err := unpack.CombinedOutput(); err != nil {
			t.Errorf("%s: %v %s", one.file, err, text)
		}
		if data, err := os.ReadFile(filepath.Join(out, "result.json")); err != nil || !strings.Contains(string(data), one.test) { //nolint:gosec // as above
			t.Errorf("%s: result %v", one.file, err)
		}
		_ = log.Close()
	}
}
