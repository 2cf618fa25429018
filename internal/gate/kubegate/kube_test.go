package kubegate

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/testkit/gatekit"
)

const token = "token-of-the-test"

// api is an API server that answers with the objects that a test puts there, in
// the shape of the real one.
type api struct {
	*httptest.Server
	mu      sync.Mutex
	objects map[string]string
	query   string
}

func newAPI(t *testing.T) *api {
	t.Helper()
	a := &api{objects: map[string]string{}}
	a.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		body, ok := a.objects[r.URL.Path]
		switch {
		case r.Header.Get("Authorization") != "Bearer "+token:
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"kind":"Status","status":"Failure","message":"Unauthorized: %s","code":401}`, r.Header.Get("Authorization"))
		case strings.Contains(r.URL.Path, "/forbidden/"):
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"kind":"Status","status":"Failure","message":"deployments.apps \"api\" is forbidden: User \"gate\" cannot get resource","code":403}`)
		case !ok:
			w.WriteHeader(http.StatusNotFound)
		default:
			if strings.HasSuffix(r.URL.Path, "/pods") {
				a.query = r.URL.Query().Get("labelSelector")
			}
			fmt.Fprint(w, body)
		}
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *api) put(kind, name, spec, status string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.objects["/apis/apps/v1/namespaces/staging/"+kind+"/"+
		name] = fmt.Sprintf(`{"metadata":{"generation":2},"spec":{"selector":{"matchLabels":{"app":"api","tier":"web"}}%s},"status":{"observedGeneration":2%s}}`, spec, status)
}

func (a *api) pods(items ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.objects["/api/v1/namespaces/staging/pods"] = `{"items":[` + strings.Join(items, ",") + `]}`
}

func running(name, image, id string) string {
	return fmt.Sprintf(`{"metadata":{"name":%q},"spec":{"containers":[{"image":%q}]},"status":{"containerStatuses":[{"name":"c","imageID":%q,"state":{"running":{}}}]}}`, name, image, id)
}

// kubeconfig writes one for the server; user is a part of YAML.
func (a *api) kubeconfig(t *testing.T, user string) string {
	t.Helper()
	ca := base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate().Raw}))
	return write(t, fmt.Sprintf(`
apiVersion: v1
kind: Config
current-context: test
contexts: [{name: test, context: {cluster: c, user: u, namespace: staging}}]
clusters: [{name: c, cluster: {server: %q, certificate-authority-data: %s}}]
users: [{name: u, user: %s}]
`, a.URL, ca, user))
}

func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestDeployments(t *testing.T) {
	a := newAPI(t)
	a.pods()
	s := &Spec{Kubeconfig: a.kubeconfig(t, "{token: "+token+"}"), Workloads: []Workload{{Name: "deployment/api"}}}
	look := func() probe.Observation { return gatekit.Look(t, s, probe.Env{}) }
	gatekit.Never(t, look(), "404", "deployment/api not found in staging")
	for _, tt := range []struct{ spec, status, observed string }{
		{`,"replicas":3`, `,"observedGeneration":1`, "its controller has not seen the change yet"},
		{`,"replicas":3`, `,"replicas":3,"updatedReplicas":1,"availableReplicas":3`, "1 of 3 pods updated"},
		{`,"replicas":3`, `,"replicas":4,"updatedReplicas":3,"availableReplicas":3`, "1 old pods left"},
		{`,"replicas":3`, `,"replicas":3,"updatedReplicas":3,"availableReplicas":2`, "2 of 3 pods available"},
		{`,"replicas":0`, ``, "scaled to 0"},
	} {
		a.put("deployments", "api", tt.spec, tt.status)
		gatekit.NotYet(t, look(), "deployment/api: "+tt.observed)
	}
	a.put("deployments", "api", `,"replicas":1`, `,"replicas":1,"updatedReplicas":1,"conditions":[{"type":"Progressing","reason":"ProgressDeadlineExceeded"}]`)
	a.pods(`{"metadata":{"name":"api-1"},"status":{"containerStatuses":[{"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}}`)
	gatekit.Never(t, look(), "progress_deadline", "deployment/api: progress deadline exceeded, pod api-1: ImagePullBackOff")
	a.put("deployments", "api", "", `,"replicas":1,"updatedReplicas":1,"availableReplicas":0`)
	a.pods(`{"metadata":{"name":"api-2"},"status":{"conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"0/3 nodes are available"}]}}`)
	gatekit.NotYet(t, look(), `deployment/api: 0 of 1 pods available, pod api-2: Unschedulable, "0/3 nodes are available"`)
	a.put("deployments", "api", `,"replicas":1`, `,"replicas":1,"updatedReplicas":1,"availableReplicas":1,"readyReplicas":1`)
	gatekit.Healthy(t, look(), "deployment/api rolled out (1)")
	if a.query != "app=api,tier=web" {
		t.Error(a.query)
	}
}

func TestImages(t *testing.T) {
	a := newAPI(t)
	a.put("deployments", "api", `,"replicas":2`, `,"replicas":2,"updatedReplicas":2,"availableReplicas":2,"readyReplicas":2`)
	look := func(image string) probe.Observation {
		return gatekit.Look(t, &Spec{Kubeconfig: a.kubeconfig(t, "{token: "+token+"}"), Workloads: []Workload{{"deployment/api", image}}}, probe.Env{})
	}
	old := strings.Replace(running("api-0", "r.test/api:1.4.1", "r.test/api@sha256:aa"), `"name":"api-0"`,
		`"name":"api-0","deletionTimestamp":"2026-01-01T00:00:00Z"`, 1)
	a.pods(running("api-1", "r.test/api:1.4.2", "r.test/api@sha256:bb"), running("api-2", "r.test/api:1.4.2", "r.test/api@sha256:bb"), old)
	for _, image := range []string{"api:1.4.2", "r.test/api:1.4.2", "sha256:bb", "r.test/api@sha256:bb"} {
		gatekit.Healthy(t, look(image), "deployment/api rolled out (2), image as expected")
	}
	gatekit.NotYet(t, look("pi:1.4.2"), "deployment/api: pod api-1 runs r.test/api:1.4.2")
	gatekit.NotYet(t, look("api@sha256:cc"), "deployment/api: pod api-1 runs r.test/api@sha256:bb")
}

func TestOtherWorkloads(t *testing.T) {
	a := newAPI(t)
	a.pods()
	look := func(name string) probe.Observation {
		return gatekit.Look(t, &Spec{Kubeconfig: a.kubeconfig(t, "{token: "+token+"}"), Namespace: "staging", Workloads: []Workload{{Name: name}}}, probe.Env{})
	}
	for _, tt := range []struct{ spec, status, observed string }{
		{`,"replicas":2`, `,"readyReplicas":1`, "1 of 2 pods ready"},
		{`,"replicas":2`, `,"readyReplicas":2,"updatedReplicas":1`, "1 of 2 pods updated"},
		{`,"replicas":2`, `,"readyReplicas":2,"updatedReplicas":2,"currentRevision":"a","updateRevision":"b"`, "waiting for revision b"},
		{`,"replicas":2,"updateStrategy":{"rollingUpdate":{"partition":1}}`, `,"readyReplicas":2,"updatedReplicas":0`, "0 of 1 pods updated"},
	} {
		a.put("statefulsets", "db", tt.spec, tt.status)
		gatekit.NotYet(t, look("statefulset/db"), "statefulset/db: "+tt.observed)
	}
	a.put("statefulsets", "db", `,"replicas":2,"updateStrategy":{"type":"OnDelete"}`, `,"readyReplicas":2,"updateRevision":"b"`)
	gatekit.Healthy(t, look("statefulset/db"), "statefulset/db rolled out (2)")
	for observed, status := range map[string]string{
		"no node accepts its pods": "", "1 of 2 pods updated": `,"desiredNumberScheduled":2,"updatedNumberScheduled":1`,
		"0 of 2 pods available": `,"desiredNumberScheduled":2,"updatedNumberScheduled":2`,
	} {
		a.put("daemonsets", "agent", "", status)
		gatekit.NotYet(t, look("daemonset/agent"), "daemonset/agent: "+observed)
	}
	a.put("daemonsets", "agent", "", `,"desiredNumberScheduled":2,"updatedNumberScheduled":2,"numberAvailable":2`)
	gatekit.Healthy(t, look("daemonset/agent"), "daemonset/agent rolled out (2)")
}

func TestLogins(t *testing.T) {
	a := newAPI(t)
	a.put("deployments", "api", "", `,"replicas":1,"updatedReplicas":1,"availableReplicas":1,"readyReplicas":1`)
	a.pods()
	w := []Workload{{Name: "deployment/api"}}
	look := func(s *Spec, env probe.Env) probe.Observation {
		o := gatekit.Look(t, s, env)
		gatekit.NoSecret(t, s.New(env), o, token, "wrong-token")
		return o
	}
	wrong := a.kubeconfig(t, "{token: wrong-token}")
	gatekit.Never(t, look(&Spec{Kubeconfig: wrong, Workloads: w}, probe.Env{}), "401", `deployment/api: HTTP 401, "Unauthorized: Bearer ***"`)
	good := a.kubeconfig(t, "{token: "+token+"}")
	gatekit.Healthy(t, look(&Spec{Workloads: w}, probe.Env{Base: []string{"KUBECONFIG=" + good}}), "deployment/api rolled out (1)")
	gatekit.Never(t, look(&Spec{Kubeconfig: good, Namespace: "forbidden", Workloads: w}, probe.Env{}), "403",
		`deployment/api: HTTP 403, "deployments.apps "api" is forbidden: User "gate" cannot get resource"`)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	gatekit.Healthy(t, look(&Spec{Kubeconfig: a.kubeconfig(t, "{tokenFile: "+file+"}"), Workloads: w}, probe.Env{}), "deployment/api rolled out (1)")
	for text, s := range map[string]*Spec{
		"the kubeconfig cannot be read": {Kubeconfig: "none"}, "the kubeconfig has no such context": {Kubeconfig: good, Context: "prod"},
		"the kubeconfig is not readable as YAML": {Kubeconfig: write(t, "a: [")},
	} {
		s.Workloads = w
		if o := look(s, probe.Env{Root: t.TempDir()}); o.Observed != text || o.Word != "login" || o.Open() {
			t.Errorf("got %+v", o)
		}
	}
	if runtime.GOOS == "windows" {
		return
	}
	plugin := filepath.Join(t.TempDir(), "plugin.sh")
	if err := os.WriteFile(plugin, []byte("#!/bin/sh\nprintf '{\"status\":{\"token\":\"%s\"}}' \"$PLUGIN_TOKEN\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	gatekit.Healthy(t, look(&Spec{Kubeconfig: a.kubeconfig(t,
		"{exec: {command: "+plugin+", apiVersion: client.authentication.k8s.io/v1, env: [{name: PLUGIN_TOKEN, value: "+token+"}]}}"), Workloads: w},
		probe.Env{Base: os.Environ()}), "deployment/api rolled out (1)")
	bad := a.kubeconfig(t, "{exec: {command: /bin/false}}")
	if o := look(&Spec{Kubeconfig: bad, Workloads: w}, probe.Env{}); o.Observed != "the kubeconfig's credential plugin returned no credential" {
		t.Errorf("got %+v", o)
	}
}

func TestInCluster(t *testing.T) {
	a := newAPI(t)
	a.put("deployments", "api", "", `,"replicas":1,"updatedReplicas":1,"availableReplicas":1,"readyReplicas":1`)
	a.pods()
	dir, before := t.TempDir(), serviceAccount
	serviceAccount = dir
	defer func() { serviceAccount = before }()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate().Raw})
	for name, data := range map[string]string{"token": token, "namespace": "staging\n", "ca.crt": string(ca)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	host, port, _ := strings.Cut(a.Listener.Addr().String(), ":")
	env := probe.Env{Base: []string{"KUBERNETES_SERVICE_HOST=" + host, "KUBERNETES_SERVICE_PORT=" + port}}
	gatekit.Healthy(t, gatekit.Look(t, &Spec{Workloads: []Workload{{Name: "deployment/api"}}}, env), "deployment/api rolled out (1)")
	a.Close()
	gatekit.NotYet(t, gatekit.Look(t, &Spec{Workloads: []Workload{{Name: "deployment/api"}}}, env), "connection refused")
}

func TestSelectors(t *testing.T) {
	s := selector{Labels: map[string]string{"b": "2", "a": "1"}}
	s.Expressions = append(s.Expressions, struct {
		Key      string   `json:"key"`
		Operator string   `json:"operator"`
		Values   []string `json:"values"`
	}{"tier", "NotIn", []string{"x", "y"}})
	if got := s.String(); got != "a=1,b=2,tier notin (x,y)" {
		t.Error(got)
	}
}

func TestValidate(t *testing.T) {
	gatekit.Problems(t, &Spec{Timeout: -1}, "workloads: the check has no workloads", "timeout: the duration is negative")
	gatekit.Problems(t, &Spec{Namespace: "a/b", Workloads: []Workload{{Name: "pod/x"}, {Name: "deployment/../x"}, {Name: "deployment/api"}}},
		`workloads[0].name: invalid workload "pod/x"`, `workloads[1].name: invalid workload "deployment/../x"`, `namespace: invalid namespace "a/b"`)
	p := (&Spec{Namespace: "staging", Workloads: []Workload{{"deployment/api", "api:1"}}}).New(probe.Env{})
	if p.Target() != "deployment/api in staging" || p.Expected() != "rolled out, deployment/api with image api:1" {
		t.Error(p.Target(), p.Expected())
	}
}
