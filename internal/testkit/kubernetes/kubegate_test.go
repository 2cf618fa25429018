package kubernetes

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/org/e2e-gate/internal/gate/kubegate"
	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/kube"
	"github.com/org/e2e-gate/internal/testkit/gatekit"
)

// TestKubernetesCheck sees roll-outs that a real controller makes, and its refusals.
func TestKubernetesCheck(t *testing.T) {
	c := Start(t, Options{})
	ns := c.Namespace()
	c.AddImage("r.test/api:1", Image{Entrypoint: []string{"/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"}})
	config := c.User(ns, Rule{[]string{"apps"}, []string{"deployments"}, []string{"get"}}, Rule{[]string{""}, []string{"pods"}, []string{"list"}})
	spec := func(image string) *kubegate.Spec {
		return &kubegate.Spec{Kubeconfig: config, Workloads: []kubegate.Workload{{Name: "deployment/api", Image: image}}}
	}
	// until looks until a check says what it is to say.
	until := func(s *kubegate.Spec, observed string) probe.Observation {
		t.Helper()
		var o probe.Observation
		c.waitFor("the check", func() error {
			if o = gatekit.Look(t, s, probe.Env{}); o.Observed != observed {
				return errors.New(o.Observed)
			}
			return nil
		})
		return o
	}
	gatekit.Never(t, gatekit.Look(t, spec(""), probe.Env{}), "404", "deployment/api not found in "+ns)
	deployments := "/apis/apps/v1/namespaces/" + ns + "/deployments"
	c.must(http.MethodPost, deployments, json.RawMessage(`{"metadata":{"name":"api"},"spec":{"replicas":2,"progressDeadlineSeconds":3,"minReadySeconds":1,
		"selector":{"matchLabels":{"app":"api"}},"template":{"metadata":{"labels":{"app":"api"}},"spec":{"containers":[{"name":"c","image":"r.test/api:1"}]}}}}`), nil)
	c.create(t, ns, "other", `{"containers":[{"name":"c","image":"r.test/api:1"}]}`)
	gatekit.Healthy(t, until(spec("api:1"), "deployment/api rolled out (2), image as expected"), "deployment/api rolled out (2), image as expected")
	old := fmt.Sprintf("deployment/api: pod %s runs r.test/api:1", c.podNamed(t, ns, "app=api"))
	gatekit.NotYet(t, until(spec("api:2"), old), old)

	// An image that was not pushed: the roll-out waits, then it has failed.
	c.must(http.MethodPatch, deployments+"/api", json.RawMessage(`{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"r.test/api:2"}]}}}}`), nil)
	c.waitFor("the roll-out's failure", func() error {
		o := gatekit.Look(t, spec("api:2"), probe.Env{})
		if o.Word != "progress_deadline" {
			return errors.New(o.Observed)
		}
		return nil
	})
	c.AddImage("r.test/api:2", Image{Entrypoint: []string{"/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"}})
	gatekit.Healthy(t, until(spec("api:2"), "deployment/api rolled out (2), image as expected"), "deployment/api rolled out (2), image as expected")

	// Rights are those of the user.
	config = c.User(ns, Rule{[]string{"apps"}, []string{"deployments"}, []string{"get"}})
	gatekit.Never(t, gatekit.Look(t, spec(""), probe.Env{}), "403",
		fmt.Sprintf(`pods of deployment/api: HTTP 403, "pods is forbidden: User "user-2" cannot list resource "pods" in API group "" in the namespace "%s""`, ns))
}

// podNamed is the first pod in the order of a list.
func (c *Cluster) podNamed(t *testing.T, namespace, selector string) string {
	t.Helper()
	var pods kube.List[kube.Pod]
	if err := c.Client.Do(t.Context(), http.MethodGet, podsOf(namespace), map[string][]string{"labelSelector": {selector}}, nil, &pods); err != nil || len(pods.Items) == 0 {
		t.Fatalf("no pods: %v", err)
	}
	return pods.Items[0].Metadata.Name
}
