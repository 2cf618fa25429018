package kubernetes

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/org/e2e-gate/internal/kube"
)

func tlsConfig(pool *x509.CertPool) *tls.Config {
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

// node is one kubelet.
type node struct {
	name string
	lost atomic.Bool
	stop context.CancelFunc
}

// addNode registers a node, serves its logs, and keeps its lease.
func (c *Cluster) addNode(name string) {
	c.tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // of a test
	if err != nil {
		c.tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(c.ctx)
	n := &node{name: name, stop: stop}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.serveLogs(n, w, r) })}
	c.work.Go(func() {
		if err := server.ServeTLS(listener, c.ca.cert("apiserver"), c.ca.key("apiserver")); !errors.Is(err, http.ErrServerClosed) {
			c.root.Errorf("the kubelet of %s: %v", name, err)
		}
	})
	c.work.Go(func() {
		<-ctx.Done()
		server.Close() //nolint:errcheck,gosec // its readers are cut off
	})
	c.nodes[name] = n
	now := time.Now().UTC().Format(time.RFC3339)
	amount := map[string]string{"cpu": "64", "memory": "256Gi", "ephemeral-storage": "100Gi", "pods": fmt.Sprint(c.options.Pods)}
	condition := func(kind, status string) map[string]string {
		return map[string]string{"type": kind, "status": status, "reason": "Test", "message": "of a test", "lastHeartbeatTime": now, "lastTransitionTime": now}
	}
	c.must(http.MethodPost, "/api/v1/nodes", map[string]any{
		"metadata": map[string]any{"name": name, "labels": map[string]string{"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}},
		"status": map[string]any{
			"addresses": []any{map[string]string{"type": "InternalIP", "address": "127.0.0.1"}, map[string]string{"type": "Hostname", "address": name}},
			"capacity":  amount, "allocatable": amount,
			"conditions": []any{condition("Ready", "True"), condition("MemoryPressure", "False"),
				condition("DiskPressure", "False"), condition("PIDPressure", "False")},
			"daemonEndpoints": map[string]any{"kubeletEndpoint": map[string]int{"Port": listener.Addr().(*net.TCPAddr).Port}},
			"nodeInfo": map[string]string{"architecture": "amd64", "bootID": "", "containerRuntimeVersion": "test://1", "kernelVersion": "", "kubeProxyVersion": "",
				"kubeletVersion": "v1.36.3", "machineID": "", "operatingSystem": "linux", "osImage": "test", "systemUUID": ""},
		},
	}, nil)
	c.work.Go(func() { c.keepLease(ctx, name) })
}

// keepLease says each second that a node is there.
func (c *Cluster) keepLease(ctx context.Context, name string) {
	const path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
	spec := func() map[string]any {
		return map[string]any{"spec": map[string]any{"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")}}
	}
	for ctx.Err() == nil {
		brief, cancel := context.WithTimeout(ctx, time.Second)
		err := c.Client.Do(brief, http.MethodPatch, path+"/"+name, nil, spec(), nil)
		if kube.Has(err, "NotFound") {
			lease := spec()
			lease["metadata"] = map[string]string{"name": name}
			_ = c.Client.Do(brief, http.MethodPost, path, nil, lease, nil) // or in a second
		}
		cancel()
		pause(ctx, time.Second)
	}
}

// pause waits, and reports whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// serveLogs answers /containerLogs/NAMESPACE/POD/CONTAINER.
func (c *Cluster) serveLogs(n *node, w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/containerLogs/"), "/")
	if len(parts) != 3 {
		http.NotFound(w, r)
		return
	}
	p := c.podOf(parts[0], parts[1])
	if p == nil || p.node != n {
		http.Error(w, fmt.Sprintf("pod %q not found", parts[1]), http.StatusNotFound)
		return
	}
	log, waits := p.log(parts[2])
	if log == nil {
		http.Error(w, fmt.Sprintf("container %q in pod %q is waiting to start: %s", parts[2], parts[1], waits), http.StatusBadRequest)
		return
	}
	log.serve(r.Context(), w, r.URL.Query())
}

// followPods gives each pod that was put on one of the nodes to a goroutine of its own.
func (c *Cluster) followPods() {
	err := c.Client.Follow(c.ctx, "/api/v1/pods", nil, func(kind string, object json.RawMessage) error {
		var head kube.Pod
		if err := json.Unmarshal(object, &head); err != nil {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		p := c.pods[head.Metadata.UID]
		switch {
		case p != nil:
			p.seen(object, head, kind == "DELETED")
			if kind == "DELETED" {
				delete(c.pods, head.Metadata.UID)
			}
		case kind == "DELETED" || head.Spec.NodeName == "" || head.Status.Phase == "Succeeded" || head.Status.Phase == "Failed":
		case c.nodes[head.Spec.NodeName] != nil && !c.nodes[head.Spec.NodeName].lost.Load():
			p, err := c.newPod(c.nodes[head.Spec.NodeName], object)
			if err != nil {
				return err
			}
			c.pods[head.Metadata.UID] = p
			p.seen(object, head, false)
			c.work.Go(p.run)
		}
		return nil
	})
	if c.ctx.Err() == nil {
		c.root.Errorf("follow the pods: %v", err)
	}
}

func (c *Cluster) podOf(namespace, name string) *pod {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.pods {
		if p.meta.Namespace == namespace && p.meta.Name == name {
			return p
		}
	}
	return nil
}

// endPods kills what runs.
func (c *Cluster) endPods() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.pods {
		p.cancel(errLost)
	}
}

// AddImage makes an image known. A pod with another one waits with ImagePullBackOff.
func (c *Cluster) AddImage(name string, image Image) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.images[name] = image
}

func (c *Cluster) image(name string) (Image, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	image, ok := c.images[name]
	return image, ok
}

// find waits until a pod's containers were started.
func (c *Cluster) find(namespace, name string) *pod {
	c.tb.Helper()
	var p *pod
	c.waitFor("pod "+name, func() error {
		if p = c.podOf(namespace, name); p == nil {
			return errors.New("it has no node yet")
		}
		return nil
	})
	return p
}

// Evict ends a pod as a kubelet does that is short of memory.
func (c *Cluster) Evict(namespace, name string) {
	c.tb.Helper()
	c.find(namespace, name).cancel(errEvicted)
}

// Kill kills a container's first process, and with it the container. As reason, OOMKilled
// plays the kernel; "" is a kill -9 of unknown origin.
func (c *Cluster) Kill(namespace, name, container, reason string) {
	c.tb.Helper()
	p := c.find(namespace, name)
	c.waitFor("container "+container, func() error { return p.kill(container, reason) })
}

// CutLogs breaks off what is read of a container's log now.
func (c *Cluster) CutLogs(namespace, name, container string) {
	c.tb.Helper()
	p := c.find(namespace, name)
	c.waitFor("log of "+container, func() error {
		log, waits := p.log(container)
		if log == nil {
			return errors.New(waits)
		}
		log.breakOff()
		return nil
	})
}

// Flood fills a container's log with lines that it did not print, until the kubelet starts a
// new file.
func (c *Cluster) Flood(namespace, name, container string) {
	c.tb.Helper()
	log, waits := c.find(namespace, name).log(container)
	if log == nil {
		c.tb.Fatalf("container %s: %s", container, waits)
		return
	}
	for range 11 << 10 {
		fmt.Fprintf(log, "%01023d\n", 0)
	}
}

// BreakLogs breaks off the next readings of the log of each container that starts from now
// on, so many times, after about half of it.
func (c *Cluster) BreakLogs(times int) { c.breaks.Store(int32(times)) } //nolint:gosec // of a test

// LoseNode takes a node away without a word: its kubelet says nothing any more, and its
// containers are gone.
func (c *Cluster) LoseNode(name string) {
	c.tb.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.nodes[name]
	if n == nil {
		c.tb.Fatalf("there is no node %s", name)
		return
	}
	n.lost.Store(true)
	n.stop()
	for _, p := range c.pods {
		if p.node == n {
			p.cancel(errLost)
		}
	}
}
