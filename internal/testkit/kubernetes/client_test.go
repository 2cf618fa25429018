package kubernetes

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/kube"
)

// open is the client of a kubeconfig.
func open(t *testing.T, kubeconfig string) *kube.Client {
	t.Helper()
	client, err := kube.Open(t.Context(), kube.Where{Kubeconfig: kubeconfig})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func jobsOf(namespace string) string { return "/apis/batch/v1/namespaces/" + namespace + "/jobs" }

// job is an Indexed Job of a shell script; no index is tried twice.
func job(name string, completions, parallelism int32, script string) kube.Job {
	template, _ := json.Marshal(map[string]any{"spec": map[string]any{"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "automountServiceAccountToken": false,
		"containers": []any{map[string]any{"name": "suite", "image": "sh:1", "args": []string{script}}}}})
	return kube.Job{Metadata: kube.ObjectMeta{Name: name}, Spec: kube.JobSpec{Completions: &completions, Parallelism: &parallelism, CompletionMode: "Indexed",
		BackoffLimitPerIndex: new(int32(0)), Template: template}}
}

func TestClient(t *testing.T) {
	c := Start(t, Options{Nodes: 5, Pods: 300})
	c.AddImage("sh:1", Image{Entrypoint: []string{"/bin/sh", "-c"}})
	t.Run("its types are those of the API", func(t *testing.T) { testTypes(t, c) })
	t.Run("a verb is missing", func(t *testing.T) { testRights(t, c) })
	t.Run("a quota is exceeded", func(t *testing.T) { testQuota(t, c) })
	t.Run("logs that are cut, full, or gone", func(t *testing.T) { testLogs(t, c) })
	t.Run("a job of many pods, whose logs are read side by side", func(t *testing.T) { testManyPods(t, c) })
	t.Run("the API server ends in the middle", func(t *testing.T) { testRestart(t, c) })
	t.Run("versions that are forgotten", func(t *testing.T) { testCompaction(t, c) })
}

func testRights(t *testing.T, c *Cluster) {
	ns := c.Namespace()
	client := open(t, c.User(ns, Rule{[]string{""}, []string{"pods"}, []string{"list"}}))
	if client.Namespace() != ns {
		t.Errorf("got %s", client.Namespace())
	}
	err := client.Follow(within(t, time.Minute), podsOf(ns), nil, nil)
	if !kube.Has(err, "Forbidden") || !strings.Contains(err.Error(), `cannot watch resource "pods"`) {
		t.Errorf("may list, but not watch: %v", err)
	}
	err = client.Create(within(t, time.Minute), jobsOf(ns), "x", job("x", 1, 1, "true"), nil, nil)
	if !kube.Has(err, "Forbidden") || !strings.Contains(err.Error(), `cannot create resource "jobs" in API group "batch"`) {
		t.Error(err)
	}
	for verb, want := range map[string]bool{"list": true, "watch": false} {
		review := kube.SelfSubjectAccessReview{Spec: kube.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &kube.ResourceAttributes{Namespace: ns, Verb: verb, Resource: "pods"}}}
		if err := client.Do(t.Context(), http.MethodPost, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", nil, review, &review); err != nil {
			t.Fatal(err)
		}
		if review.Status.Allowed != want {
			t.Errorf("%s: got %+v", verb, review.Status)
		}
	}
}

func testQuota(t *testing.T, c *Cluster) {
	ns := c.Namespace()
	c.must(http.MethodPost, "/api/v1/namespaces/"+ns+"/resourcequotas", json.RawMessage(`{"metadata":{"name":"q"},"spec":{"hard":{"pods":"1","requests.cpu":"1500m"}}}`), nil)
	var quota kube.ResourceQuota
	c.waitFor("the quota", func() error {
		c.must(http.MethodGet, "/api/v1/namespaces/"+ns+"/resourcequotas/q", nil, &quota)
		if quota.Status.Hard["pods"] == "" {
			return errors.New("not counted yet")
		}
		return nil
	})
	if v, ok := quota.Status.Hard["requests.cpu"].Value(); !ok || v.RatString() != "3/2" {
		t.Errorf("got %+v", quota.Status)
	}
	const spec = `{"metadata":{"name":%q},"spec":{"containers":[{"name":"c","image":"none:1","resources":{"requests":{"cpu":"1"}}}]}}`
	c.must(http.MethodPost, podsOf(ns), json.RawMessage(fmt.Sprintf(spec, "a")), nil)
	err := c.Client.Do(t.Context(), http.MethodPost, podsOf(ns), nil, json.RawMessage(fmt.Sprintf(spec, "b")), nil)
	const used = "exceeded quota: q, requested: pods=1,requests.cpu=1, used: pods=1,requests.cpu=1, limited: pods=1,requests.cpu=1500m"
	if !kube.Has(err, "Forbidden") || !strings.Contains(err.Error(), used) {
		t.Errorf("got %v", err)
	}
}

func testLogs(t *testing.T, c *Cluster) {
	ns := c.Namespace()
	c.create(t, ns, "cut", `{"terminationGracePeriodSeconds":0,"containers":[{"name":"c","image":"sh:1","args":["echo one; echo two; while :; do sleep 0.05; done"]}]}`)
	c.await(t, ns, "cut", phase("Running"))
	log, err := c.Client.Logs(within(t, time.Minute), ns, "cut", "c", url.Values{"follow": {"true"}})
	if err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, len("one\ntwo\n"))
	if _, err := io.ReadFull(log, buffer); err != nil || string(buffer) != "one\ntwo\n" {
		t.Fatalf("got %q, %v", buffer, err)
	}
	c.CutLogs(ns, "cut", "c")
	rest, err := io.ReadAll(log)
	// Measured: the API server ends its answer like any other when a kubelet goes away. So
	// an end without an error is no proof that a log is whole.
	if len(rest) > 0 || err != nil {
		t.Errorf("got %q, %v", rest, err)
	}
	if got := c.logOf(t, ns, "cut", "c", url.Values{"tailLines": {"1"}}); got != "two\n" {
		t.Errorf("got %q", got)
	}
	if got := c.logOf(t, ns, "cut", "c", url.Values{"limitBytes": {"5"}}); got != "one\nt" {
		t.Errorf("got %q", got)
	}

	// 12 MB: the API has the newest file only, as kubelets keep 10 MiB in each.
	c.create(t, ns, "full", `{"restartPolicy":"Never","containers":[{"name":"c","image":"sh:1","args":["echo first; i=0; while test $i -lt 1200; do printf '%010000d\\n' $i; i=$((i+1)); done"]}]}`)
	c.await(t, ns, "full", phase("Succeeded"))
	text := c.logOf(t, ns, "full", "c", nil)
	if !strings.HasSuffix(text, "1199\n") || strings.HasPrefix(text, "first") || len(text) > 10<<20 {
		t.Errorf("%d bytes, from %q", len(text), text[:min(20, len(text))])
	}

	c.must(http.MethodDelete, podsOf(ns)+"/cut", nil, nil)
	c.waitFor("the end of the pod", func() error {
		_, err := c.Client.Logs(t.Context(), ns, "cut", "c", nil)
		if !kube.Has(err, "NotFound") {
			return fmt.Errorf("it is there: %w", err)
		}
		return nil
	})
}

// indexes is what an index set such as 0-2,5 holds.
func indexes(text string) int {
	n := 0
	for part := range strings.SplitSeq(text, ",") {
		first, last, ranged := strings.Cut(part, "-")
		if !ranged {
			last = first
		}
		a, err1 := strconv.Atoi(first)
		b, err2 := strconv.Atoi(last)
		if err1 == nil && err2 == nil {
			n += b - a + 1
		}
	}
	return n
}

func testManyPods(t *testing.T, c *Cluster) {
	ns := c.Namespace()
	began := time.Now()
	pods := 200
	if n, err := strconv.Atoi(os.Getenv("E2E_GATE_KUBE_PODS")); err == nil {
		pods = n
	}
	many := int32(pods) //nolint:gosec // at most the nodes' room
	spec := job("many", many, many, "echo shard $JOB_COMPLETION_INDEX; test $JOB_COMPLETION_INDEX != 7")
	if err := c.Client.Create(within(t, time.Minute), jobsOf(ns), "many", spec, nil, nil); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var work sync.WaitGroup
	logs, nodes, limit := map[string]string{}, map[string]bool{}, make(chan struct{}, 16)
	done := errors.New("done")
	started := map[string]bool{}
	err := c.Client.Follow(within(t, 5*time.Minute), podsOf(ns), url.Values{"labelSelector": {kube.JobName + "=many"}}, func(kind string, object json.RawMessage) error {
		var p kube.Pod
		if err := json.Unmarshal(object, &p); err != nil {
			return err
		}
		if p.Status.Phase != "Succeeded" && p.Status.Phase != "Failed" || started[p.Metadata.UID] {
			return nil
		}
		started[p.Metadata.UID], nodes[p.Spec.NodeName] = true, true
		work.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			log, err := c.Client.Logs(within(t, time.Minute), ns, p.Metadata.Name, "suite", url.Values{"follow": {"true"}})
			if err != nil {
				t.Error(err)
				return
			}
			defer log.Close()
			text, err := io.ReadAll(log)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			logs[p.Metadata.Annotations[kube.CompletionIndex]] += string(text)
		})
		if len(started) == pods {
			return done
		}
		return nil
	})
	work.Wait()
	if !errors.Is(err, done) {
		t.Fatal(err)
	}
	want := map[string]string{}
	for i := range pods {
		want[strconv.Itoa(i)] = fmt.Sprintf("shard %d\n", i)
	}
	if diff := cmp.Diff(want, logs); diff != "" {
		t.Error(diff)
	}
	if len(nodes) != 5 {
		t.Errorf("they ran on %v", nodes)
	}
	var ended kube.Job
	c.waitFor("the job", func() error {
		c.must(http.MethodGet, jobsOf(ns)+"/many", nil, &ended)
		if len(ended.Status.Conditions) == 0 {
			return errors.New("it has not ended")
		}
		return nil
	})
	if s := ended.Status; s.FailedIndexes == nil || *s.FailedIndexes != "7" || indexes(s.CompletedIndexes) != pods-1 || s.Failed != 1 {
		t.Errorf("got %+v", s)
	}
	t.Logf("from the job to its %d logs: %s", pods, time.Since(began).Round(time.Millisecond))
	c.must(http.MethodDelete, jobsOf(ns)+"/many", nil, nil)
}

func testRestart(t *testing.T, c *Cluster) {
	ns := c.Namespace()
	if err := c.Client.Create(within(t, time.Minute), jobsOf(ns), "j", job("j", 4, 1, "sleep 1; echo end"), nil, nil); err != nil {
		t.Fatal(err)
	}
	phases := map[string]string{}
	done := errors.New("done")
	restarted := make(chan struct{})
	once := sync.Once{}
	client := open(t, c.User(ns, Rule{[]string{""}, []string{"pods"}, []string{"list", "watch", "get"}}))
	err := client.Follow(within(t, 3*time.Minute), podsOf(ns), nil, func(kind string, object json.RawMessage) error {
		var p kube.Pod
		if err := json.Unmarshal(object, &p); err != nil {
			return err
		}
		phases[p.Metadata.Annotations[kube.CompletionIndex]] = p.Status.Phase
		if p.Status.Phase == "Running" {
			once.Do(func() {
				go func() {
					defer close(restarted)
					c.RestartServer()
				}()
			})
		}
		ended := 0
		for _, phase := range phases {
			if phase == "Succeeded" {
				ended++
			}
		}
		if ended == 4 {
			return done
		}
		return nil
	})
	if !errors.Is(err, done) {
		t.Error(err)
	}
	<-restarted
	// Each request in a restart succeeds in the end, also for a user whose rights the new server reads first.
	stop := make(chan struct{})
	go func() {
		defer close(stop)
		c.RestartServer()
	}()
	for n := 0; ; n++ {
		if err := client.Do(within(t, time.Minute), http.MethodGet, podsOf(ns), nil, nil, nil); err != nil {
			t.Error(err)
		}
		select {
		case <-stop:
			t.Logf("%d requests", n)
			return
		default:
		}
	}
}

// testCompaction takes away what a watch wants to go on with.
func testCompaction(t *testing.T, c *Cluster) {
	ns := c.Namespace()
	path := "/api/v1/namespaces/" + ns + "/configmaps"
	name := func(n int) string { return fmt.Sprintf("m-%d", n) }
	add := func(n int) {
		c.must(http.MethodPost, path, kube.ConfigMap{Metadata: kube.ObjectMeta{Name: name(n), Labels: map[string]string{"of": "test"}}}, nil)
	}
	for n := range 3 {
		add(n)
	}
	// The client's own way to the server, which is cut while the others go on.
	proxy := newCutter(t, strings.TrimPrefix(c.URL(), "https://"))
	file := c.User(ns, Rule{[]string{""}, []string{"configmaps"}, []string{"list", "watch"}})
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(data), c.URL(), "https://"+proxy.address())), 0o600); err != nil {
		t.Fatal(err)
	}
	client := open(t, file)
	var told []string
	done := errors.New("done")
	err = client.Follow(within(t, 3*time.Minute), path, url.Values{"labelSelector": {"of=test"}}, func(kind string, object json.RawMessage) error {
		var m kube.ConfigMap
		if err := json.Unmarshal(object, &m); err != nil {
			return err
		}
		told = append(told, kind+" "+m.Metadata.Name)
		switch len(told) {
		case 3:
			go add(3)
		case 4:
			proxy.cut()
			c.must(http.MethodDelete, path+"/"+name(1), nil, nil)
			add(4)
			c.Compact()
			c.RestartServer()
			proxy.mend()
		case 9:
			return done
		}
		return nil
	})
	if !errors.Is(err, done) {
		t.Error(err)
	}
	want := []string{"LISTED m-0", "LISTED m-1", "LISTED m-2", "ADDED m-3", "DELETED m-1", "LISTED m-0", "LISTED m-2", "LISTED m-3", "LISTED m-4"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
}

// cutter passes connections on to a server until it is cut.
type cutter struct {
	net.Listener
	mu    sync.Mutex
	off   bool
	conns []net.Conn
}

func newCutter(t *testing.T, to string) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{Listener: l}
	t.Cleanup(func() {
		l.Close()
		c.cut()
	})
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			c.mu.Lock()
			if err != nil || c.off {
				in.Close()
				if err == nil {
					out.Close()
				}
				c.mu.Unlock()
				continue
			}
			c.conns = append(c.conns, in, out)
			c.mu.Unlock()
			for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
				go func() {
					io.Copy(pair[0], pair[1])
					pair[0].Close()
				}()
			}
		}
	}()
	return c
}

func (c *cutter) address() string { return c.Addr().String() }

func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = true
	for _, conn := range c.conns {
		conn.Close()
	}
	c.conns = nil
}

func (c *cutter) mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = false
}
