package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/kube"
)

// within is a context for a test that must not hang.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func podsOf(namespace string) string { return "/api/v1/namespaces/" + namespace + "/pods" }

// create makes a pod of a spec in JSON.
func (c *Cluster) create(t *testing.T, namespace, name, spec string) {
	t.Helper()
	c.must(http.MethodPost, podsOf(namespace), json.RawMessage(fmt.Sprintf(`{"metadata":{"name":%q,"labels":{"app":"x"}},"spec":%s}`, name, spec)), nil)
}

// await waits until a pod is as wanted.
func (c *Cluster) await(t *testing.T, namespace, name string, ok func(kube.Pod) bool) kube.Pod {
	t.Helper()
	var found kube.Pod
	c.waitFor(name, func() error {
		found = kube.Pod{}
		if err := c.Client.Do(t.Context(), http.MethodGet, podsOf(namespace)+"/"+name, nil, nil, &found); err != nil {
			return err
		}
		if !ok(found) {
			text, _ := json.Marshal(found.Status)
			return fmt.Errorf("it is %s", text)
		}
		return nil
	})
	return found
}

func phase(want string) func(kube.Pod) bool {
	return func(p kube.Pod) bool { return p.Status.Phase == want }
}

func (c *Cluster) logOf(t *testing.T, namespace, pod, container string, query url.Values) string {
	t.Helper()
	log, err := c.Client.Logs(within(t, time.Minute), namespace, pod, container, query)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	text, err := io.ReadAll(log)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestKubelet holds what the other tests rely on: that a pod of this cluster is like one
// of others.
func TestKubelet(t *testing.T) {
	c := Start(t, Options{})
	ns := c.Namespace()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("of the image\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.AddImage("sh:1", Image{Copies: map[string]string{"/suite": dir}, WorkDir: "/suite", Entrypoint: []string{"/bin/sh", "-c"}, Env: []string{"FROM_IMAGE=yes"}})
	c.AddImage("scratch:1", Image{Scratch: true, User: 1000, Files: map[string]string{"/tool": build(t, "./tool")}})

	t.Run("a container has its files, variables and volumes", func(t *testing.T) {
		c.must(http.MethodPost, "/api/v1/namespaces/"+ns+"/secrets", json.RawMessage(`{"metadata":{"name":"s"},"stringData":{"password":"hunter2"}}`), nil)
		c.must(http.MethodPost, "/api/v1/namespaces/"+ns+"/configmaps", kube.ConfigMap{Metadata: kube.ObjectMeta{Name: "m"}, Data: map[string]string{"a": "1", "b": "2"}}, nil)
		c.create(t, ns, "whole", `{"restartPolicy":"Never",
			"volumes":[{"name":"v","emptyDir":{}},{"name":"s","secret":{"secretName":"s"}},
				{"name":"d","downwardAPI":{"items":[{"path":"name","fieldRef":{"fieldPath":"metadata.name"}}]}}],
			"initContainers":[{"name":"i","image":"sh:1","args":["echo first >/made/here/file; echo $FROM_IMAGE"],"volumeMounts":[{"name":"v","mountPath":"/made/here"}]}],
			"containers":[{"name":"c","image":"sh:1","args":["cat file /opt/new/file /etc/secret/password /down/name; echo more >>file; echo $A $a $(APP) '$(NONE)' $$; ls /tmp | wc -l; ls /proc/1/ns/pid >/dev/null && echo proc; touch /etc/secret/x 2>&1 | tail -c 22; printf bye >/dev/termination-log; cat /var/run/secrets/kubernetes.io/serviceaccount/namespace; exit 7"],
				"env":[{"name":"A","value":"v"},{"name":"APP","valueFrom":{"fieldRef":{"fieldPath":"metadata.labels['app']"}}}],
				"envFrom":[{"configMapRef":{"name":"m"}}],
				"volumeMounts":[{"name":"v","mountPath":"/opt/new"},{"name":"s","mountPath":"/etc/secret","readOnly":true},{"name":"d","mountPath":"/down"}]}]}`)
		p := c.await(t, ns, "whole", phase("Failed"))
		want := "of the image\nfirst\nhunter2whole" + "v 1 x $(NONE) $\n0\nproc\nRead-only file system\n" + ns
		if diff := cmp.Diff(want, c.logOf(t, ns, "whole", "c", nil)); diff != "" {
			t.Error(diff)
		}
		if got := c.logOf(t, ns, "whole", "i", nil); got != "yes\n" {
			t.Errorf("got %q", got)
		}
		end := p.Status.ContainerStatuses[0].State.Terminated
		if end == nil || end.ExitCode != 7 || end.Reason != "Error" || end.Message != "bye" ||
			p.Status.InitContainerStatuses[0].State.Terminated.Reason != "Completed" {
			t.Errorf("got %+v", p.Status)
		}
		if data, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(data) != "of the image\n" {
			t.Errorf("a container wrote to its image: %q, %v", data, err)
		}
	})

	t.Run("an image from scratch has nothing else", func(t *testing.T) {
		c.create(t, ns, "scratch", `{"restartPolicy":"Never","automountServiceAccountToken":false,"containers":[{"name":"c","image":"scratch:1","command":["/tool","/"],
			"securityContext":{"readOnlyRootFilesystem":true}}]}`)
		c.await(t, ns, "scratch", phase("Succeeded"))
		user := "user 1000, root cannot be written to\n"
		if os.Getuid() != 0 {
			user = "user 0, root cannot be written to\n"
		}
		if got := c.logOf(t, ns, "scratch", "c", nil); got != "dev\nproc\ntool\n"+user {
			t.Errorf("got %q", got)
		}
	})

	t.Run("a command that is not there", func(t *testing.T) {
		c.create(t, ns, "none", `{"restartPolicy":"Never","containers":[{"name":"c","image":"sh:1","command":["/does/not/exist"]}]}`)
		p := c.await(t, ns, "none", phase("Failed"))
		end := p.Status.ContainerStatuses[0].State.Terminated
		if end.ExitCode != 128 || end.Reason != "StartError" || !strings.Contains(end.Message, "no such file") {
			t.Errorf("got %+v", end)
		}
	})

	t.Run("deleted within the grace period, and after it", func(t *testing.T) {
		for name, script := range map[string]string{"polite": "trap 'echo asked; exit 3' TERM; echo up; while :; do sleep 0.05; done", "stubborn": "echo up; while :; do sleep 0.05; done"} {
			c.create(t, ns, name, fmt.Sprintf(`{"restartPolicy":"Never","terminationGracePeriodSeconds":1,"containers":[{"name":"c","image":"sh:1","args":[%q]}]}`, script))
			c.await(t, ns, name, phase("Running"))
			last := kube.Pod{}
			ended := errors.New("ended")
			c.waitFor("its first line", func() error {
				if c.logOf(t, ns, name, "c", nil) != "up\n" {
					return errors.New("not up")
				}
				return nil
			})
			err := c.Client.Follow(within(t, time.Minute), podsOf(ns), url.Values{"fieldSelector": {"metadata.name=" + name}}, func(kind string, object json.RawMessage) error {
				if kind == "LISTED" {
					c.must(http.MethodDelete, podsOf(ns)+"/"+name, nil, nil)
				}
				if kind == "DELETED" {
					return ended
				}
				return json.Unmarshal(object, &last)
			})
			if !errors.Is(err, ended) {
				t.Fatal(err)
			}
			want := map[string]int32{"polite": 3, "stubborn": 137}[name]
			if end := last.Status.ContainerStatuses[0].State.Terminated; end == nil || end.ExitCode != want {
				t.Errorf("%s: got %+v", name, last.Status)
			}
		}
	})

	t.Run("a sidecar ends after the others", func(t *testing.T) {
		c.create(t, ns, "side", `{"restartPolicy":"Never","volumes":[{"name":"v","emptyDir":{}}],
			"initContainers":[{"name":"s","image":"sh:1","restartPolicy":"Always","args":["trap 'echo bye; exit 0' TERM; touch /v/up; while :; do sleep 0.05; done"],"volumeMounts":[{"name":"v","mountPath":"/v"}]}],
			"containers":[{"name":"c","image":"sh:1","args":["until test -e /v/up; do sleep 0.05; done"],"volumeMounts":[{"name":"v","mountPath":"/v"}]}]}`)
		c.await(t, ns, "side", phase("Succeeded"))
		if got := c.logOf(t, ns, "side", "s", nil); got != "bye\n" {
			t.Errorf("got %q", got)
		}
	})

	t.Run("an image that cannot be pulled", func(t *testing.T) {
		c.create(t, ns, "pull", `{"restartPolicy":"Never","containers":[{"name":"c","image":"registry.invalid/none:1"}]}`)
		c.await(t, ns, "pull", func(p kube.Pod) bool {
			s := p.Status.ContainerStatuses
			return len(s) == 1 && s[0].State.Waiting != nil && s[0].State.Waiting.Reason == "ImagePullBackOff"
		})
		var events kube.List[kube.Event]
		c.must(http.MethodGet, "/api/v1/namespaces/"+ns+"/events", nil, &events)
		var found bool
		for _, e := range events.Items {
			found = found || e.InvolvedObject.Name == "pull" && e.Reason == "Failed" && strings.Contains(e.Message, `Failed to pull image "registry.invalid/none:1"`)
		}
		if !found {
			t.Errorf("got %+v", events.Items)
		}
		if _, err := c.Client.Logs(within(t, time.Minute), ns, "pull", "c", nil); !kube.Has(err, "BadRequest") || !strings.Contains(err.Error(), "waiting to start") {
			t.Error(err)
		}
	})

	const sleeps = `{"restartPolicy":"Never","containers":[{"name":"c","image":"sh:1","args":["echo up; while :; do sleep 0.05; done"]}]}`
	t.Run("evicted", func(t *testing.T) {
		c.create(t, ns, "evicted", sleeps)
		c.await(t, ns, "evicted", phase("Running"))
		c.Evict(ns, "evicted")
		p := c.await(t, ns, "evicted", phase("Failed"))
		if p.Status.Reason != "Evicted" || !hasCondition(p, "DisruptionTarget", "TerminationByKubelet") {
			t.Errorf("got %+v", p.Status)
		}
	})
	t.Run("out of memory", func(t *testing.T) {
		c.create(t, ns, "oom", sleeps)
		c.Kill(ns, "oom", "c", "OOMKilled")
		p := c.await(t, ns, "oom", phase("Failed"))
		if end := p.Status.ContainerStatuses[0].State.Terminated; end.ExitCode != 137 || end.Reason != "OOMKilled" {
			t.Errorf("got %+v", end)
		}
	})
	t.Run("its deadline", func(t *testing.T) {
		c.create(t, ns, "late", strings.Replace(sleeps, "{", `{"activeDeadlineSeconds":1,"terminationGracePeriodSeconds":0,`, 1))
		if p := c.await(t, ns, "late", phase("Failed")); p.Status.Reason != "DeadlineExceeded" {
			t.Errorf("got %+v", p.Status)
		}
	})
	t.Run("a node that is lost", func(t *testing.T) {
		c.create(t, ns, "away", strings.Replace(sleeps, "{", `{"nodeName":"node-3",`, 1))
		c.await(t, ns, "away", phase("Running"))
		c.LoseNode("node-3")
		p := c.await(t, ns, "away", func(p kube.Pod) bool { return p.Metadata.DeletionTimestamp != nil })
		if !hasCondition(p, "DisruptionTarget", "DeletionByTaintManager") || p.Status.Phase != "Running" {
			t.Errorf("got %+v", p.Status)
		}
	})
}

// build builds a program that needs no libraries.
func build(t *testing.T, pkg string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", program, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

func hasCondition(p kube.Pod, kind, reason string) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == kind && c.Status == "True" && c.Reason == reason {
			return true
		}
	}
	return false
}
