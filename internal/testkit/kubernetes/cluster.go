package kubernetes

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/kube"
	"github.com/org/e2e-gate/internal/proc"
)

// Options are how a cluster is to be.
type Options struct {
	// Nodes is how many; zero: 3. Each takes 110 pods, as kubelets do, unless Pods says
	// another number.
	Nodes, Pods int
	// Server are further flags of the API server, Controllers of the controller manager.
	Server, Controllers []string
}

// Cluster is a running one.
type Cluster struct {
	// Kubeconfig is a file for a user who may do everything.
	Kubeconfig string
	// Client is that user's.
	Client *kube.Client

	// root is the test that the cluster ends with, tb the one that uses it now.
	root    testing.TB
	tb      testing.TB
	options Options
	program string
	dir     string
	port    int
	etcd    string
	ca      *authority
	users   atomic.Int32
	breaks  atomic.Int32

	server *proc.Process
	mu     sync.Mutex
	images map[string]Image
	nodes  map[string]*node
	pods   map[string]*pod // by uid
	work   sync.WaitGroup
	ctx    context.Context
}

// Start starts a cluster which ends with the test: in about five seconds, after the first
// build.
func Start(tb testing.TB, options Options) *Cluster {
	tb.Helper()
	if options.Nodes == 0 {
		options.Nodes = 3
	}
	if options.Pods == 0 {
		options.Pods = 110
	}
	c := &Cluster{root: tb, tb: tb, options: options, program: controlPlane(tb), dir: tb.TempDir(),
		images: map[string]Image{}, nodes: map[string]*node{}, pods: map[string]*pod{}}
	ctx, cancel := context.WithCancel(context.Background())
	c.ctx = ctx
	c.ca = newAuthority(tb, c.dir)
	c.ca.issue(tb, "apiserver", nil, "127.0.0.1")
	c.startEtcd()
	c.port = freePort(tb)
	c.StartServer()
	c.Kubeconfig = c.configure("admin", "system:masters")
	client, err := kube.Open(ctx, kube.Where{Kubeconfig: c.Kubeconfig})
	if err != nil {
		tb.Fatal(err)
	}
	c.Client = client
	c.run("kube-controller-manager", append([]string{"--kubeconfig", c.Kubeconfig, "--leader-elect=false", "--bind-address=127.0.0.1", "--secure-port=0",
		"--use-service-account-credentials=false", "--root-ca-file", c.ca.file, "--service-account-private-key-file", c.ca.key("apiserver"),
		// Nodes that say nothing are lost in seconds, not in minutes.
		"--node-monitor-period=1s", "--node-monitor-grace-period=12s"}, options.Controllers...)...)
	c.run("kube-scheduler", "--kubeconfig", c.Kubeconfig, "--leader-elect=false", "--bind-address=127.0.0.1", "--secure-port=0")
	tb.Cleanup(func() {
		cancel()
		c.endPods()
		c.work.Wait()
	})
	for i := range options.Nodes {
		c.addNode(fmt.Sprintf("node-%d", i+1))
	}
	c.work.Go(c.followPods)
	c.waitFor("the default service account", func() error {
		return c.Client.Do(ctx, http.MethodGet, "/api/v1/namespaces/default/serviceaccounts/default", nil, nil, nil)
	})
	return c
}

// For uses the cluster for a subtest, until that ends: what goes wrong is that test's. Subtests
// that share a cluster must not run at the same time.
func (c *Cluster) For(tb testing.TB) {
	c.tb = tb
	tb.Cleanup(func() { c.tb = c.root })
}

// run starts one of the servers. Its log stands in the cluster's folder; the end of it is
// shown when the test fails.
func (c *Cluster) run(name string, flags ...string) *proc.Process {
	c.tb.Helper()
	log, err := os.OpenFile(filepath.Join(c.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		c.tb.Fatal(err)
	}
	p, err := proc.Start(proc.Spec{Argv: append([]string{c.program, name}, flags...), Dir: c.dir, Env: os.Environ(), Log: log, Grace: 200 * time.Millisecond})
	if err != nil {
		c.tb.Fatal(err)
	}
	c.root.Cleanup(func() {
		if c.root.Failed() {
			c.root.Logf("%s: %s", name, tail(filepath.Join(c.dir, name+".log"), 2000))
		}
		p.Stop(proc.Cancelled)
		log.Close() //nolint:errcheck,gosec // a log of a test
	})
	return p
}

func tail(name string, size int) string {
	data, err := os.ReadFile(name)
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-size):])
}

func (c *Cluster) startEtcd() {
	client, peer := freePort(c.tb), freePort(c.tb)
	c.etcd = fmt.Sprintf("http://127.0.0.1:%d", client)
	c.run("etcd", "--data-dir", filepath.Join(c.dir, "etcd"), "--listen-client-urls", c.etcd, "--advertise-client-urls", c.etcd,
		"--listen-peer-urls", fmt.Sprintf("http://127.0.0.1:%d", peer), "--unsafe-no-fsync", "--log-level", "warn")
}

// StartServer starts the API server, and waits until it is ready. It is to be called after
// [Cluster.StopServer] only.
func (c *Cluster) StartServer() {
	c.tb.Helper()
	c.server = c.run("kube-apiserver", append([]string{"--etcd-servers", c.etcd, "--secure-port", fmt.Sprint(c.port), "--bind-address=127.0.0.1",
		"--cert-dir", c.dir, "--tls-cert-file", c.ca.cert("apiserver"), "--tls-private-key-file", c.ca.key("apiserver"), "--client-ca-file", c.ca.file,
		"--service-account-issuer=https://kubernetes.test", "--service-account-key-file", c.ca.key("apiserver"),
		"--service-account-signing-key-file", c.ca.key("apiserver"), "--endpoint-reconciler-type=none", "--authorization-mode=RBAC",
		"--kubelet-preferred-address-types=InternalIP", "--allow-privileged=true", "--etcd-compaction-interval=0",
		// Pods leave a node that is lost in seconds, not in minutes.
		"--default-unreachable-toleration-seconds=2", "--default-not-ready-toleration-seconds=2"}, c.options.Server...)...)
	server := c.server
	c.waitFor("the API server", func() error {
		select {
		case <-server.Done():
			c.tb.Fatalf("the API server ended: %s", tail(filepath.Join(c.dir, "kube-apiserver.log"), 4000))
		default:
		}
		resp, err := c.ca.client(c.tb).Get(c.URL() + "/readyz")
		if err != nil {
			return err
		}
		defer resp.Body.Close() //nolint:errcheck // only read
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("readyz: %s", resp.Status)
		}
		return nil
	})
}

// StopServer kills the API server.
func (c *Cluster) StopServer() {
	c.tb.Helper()
	c.server.Stop(proc.Cancelled)
}

// RestartServer kills the API server and starts it again, at the same address.
func (c *Cluster) RestartServer() {
	c.tb.Helper()
	c.StopServer()
	c.StartServer()
}

// Compact makes etcd forget all but the newest versions. An API server that is started
// afterwards answers 410 Gone to a watch from an older one.
func (c *Cluster) Compact() {
	c.tb.Helper()
	var status struct {
		Header struct {
			Revision json.Number `json:"revision"`
		} `json:"header"`
	}
	c.ask("/v3/maintenance/status", `{}`, &status)
	c.ask("/v3/kv/compaction", fmt.Sprintf(`{"revision":%q,"physical":true}`, status.Header.Revision), nil)
}

func (c *Cluster) ask(path, body string, into any) {
	c.tb.Helper()
	resp, err := http.Post(c.etcd+path, "application/json", strings.NewReader(body)) //nolint:noctx // etcd on loopback
	if err != nil {
		c.tb.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		c.tb.Fatalf("etcd %s: %s %v %s", path, resp.Status, err, data)
	}
	if into != nil && json.Unmarshal(data, into) != nil {
		c.tb.Fatalf("etcd %s: %s", path, data)
	}
}

// URL is the API server's address.
func (c *Cluster) URL() string { return fmt.Sprintf("https://127.0.0.1:%d", c.port) }

// Namespace makes a namespace with a name of its own, and returns it when pods may be made
// there.
func (c *Cluster) Namespace() string {
	c.tb.Helper()
	var made kube.Namespace
	c.must(http.MethodPost, "/api/v1/namespaces", kube.Namespace{Metadata: kube.ObjectMeta{GenerateName: "test-"}}, &made)
	name := made.Metadata.Name
	c.waitFor("the service account of "+name, func() error {
		return c.Client.Do(c.ctx, http.MethodGet, "/api/v1/namespaces/"+name+"/serviceaccounts/default", nil, nil, nil)
	})
	c.waitFor("the CA of "+name, func() error {
		return c.Client.Do(c.ctx, http.MethodGet, "/api/v1/namespaces/"+name+"/configmaps/kube-root-ca.crt", nil, nil, nil)
	})
	return name
}

// Rule is one of RBAC.
type Rule struct {
	APIGroups []string `json:"apiGroups"`
	Resources []string `json:"resources"`
	Verbs     []string `json:"verbs"`
}

// User makes a user who may do in a namespace what the rules say, and returns the path of
// a kubeconfig for that user and namespace.
func (c *Cluster) User(namespace string, rules ...Rule) string {
	c.tb.Helper()
	name := fmt.Sprintf("user-%d", c.users.Add(1))
	path := "/apis/rbac.authorization.k8s.io/v1/namespaces/" + namespace
	if rules == nil {
		rules = []Rule{}
	}
	c.must(http.MethodPost, path+"/roles", map[string]any{"metadata": map[string]string{"name": name}, "rules": rules}, nil)
	c.must(http.MethodPost, path+"/rolebindings", map[string]any{"metadata": map[string]string{"name": name},
		"roleRef":  map[string]string{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
		"subjects": []any{map[string]string{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}}}, nil)
	file := c.configure(name, "")
	data, err := os.ReadFile(file)
	if err != nil {
		c.tb.Fatal(err)
	}
	data = bytes.Replace(data, []byte("user: me}"), []byte("user: me, namespace: "+namespace+"}"), 1)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		c.tb.Fatal(err)
	}
	if len(rules) == 0 {
		return file
	}
	client, err := kube.Open(c.ctx, kube.Where{Kubeconfig: file})
	if err != nil {
		c.tb.Fatal(err)
	}
	// The authorizer reads rules a moment after they are written.
	c.waitFor("the rules of "+name, func() error {
		r := rules[len(rules)-1]
		review := kube.SelfSubjectAccessReview{Spec: kube.SelfSubjectAccessReviewSpec{ResourceAttributes: &kube.ResourceAttributes{
			Namespace: namespace, Verb: r.Verbs[0], Group: r.APIGroups[0], Resource: r.Resources[0]}}}
		if resource, sub, ok := strings.Cut(r.Resources[0], "/"); ok {
			review.Spec.ResourceAttributes.Resource, review.Spec.ResourceAttributes.Subresource = resource, sub
		}
		if err := client.Do(c.ctx, http.MethodPost, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", nil, review, &review); err != nil {
			return err
		}
		if !review.Status.Allowed {
			return fmt.Errorf("not allowed yet: %+v", review.Status)
		}
		return nil
	})
	return file
}

// configure writes a kubeconfig for a user, who has a client certificate.
func (c *Cluster) configure(user, group string) string {
	c.tb.Helper()
	var groups []string
	if group != "" {
		groups = []string{group}
	}
	c.ca.issue(c.tb, user, groups, "")
	file := filepath.Join(c.dir, user+".kubeconfig")
	text := fmt.Sprintf("apiVersion: v1\nkind: Config\ncurrent-context: test\ncontexts:\n- {name: test, context: {cluster: test, user: me}}\n"+
		"clusters:\n- {name: test, cluster: {server: %q, certificate-authority: %q}}\nusers:\n- {name: me, user: {client-certificate: %q, client-key: %q}}\n",
		c.URL(), c.ca.file, c.ca.cert(user), c.ca.key(user))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		c.tb.Fatal(err)
	}
	return file
}

// must does something as the user who may do everything.
func (c *Cluster) must(method, path string, body, into any) {
	c.tb.Helper()
	if err := c.Client.Do(c.ctx, method, path, nil, body, into); err != nil {
		c.tb.Fatal(err)
	}
}

// waitFor asks until there is no error, for at most a minute.
func (c *Cluster) waitFor(what string, ask func() error) {
	c.tb.Helper()
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if err = ask(); err == nil {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-c.ctx.Done():
		}
	}
	c.tb.Fatalf("%s: %v", what, err)
}

func freePort(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a port of a test
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // it was only asked for its port
	return l.Addr().(*net.TCPAddr).Port
}

// authority signs certificates; all of them stand in its folder.
type authority struct {
	dir, file string
	root      *x509.Certificate
	signer    *ecdsa.PrivateKey
	serial    int64
}

func (a *authority) cert(name string) string { return filepath.Join(a.dir, name+".crt") }
func (a *authority) key(name string) string  { return filepath.Join(a.dir, name+".key") }

func newAuthority(tb testing.TB, dir string) *authority {
	a := &authority{dir: dir}
	a.file = a.cert("ca")
	template := &x509.Certificate{Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	a.sign(tb, "ca", template)
	return a
}

// issue writes a certificate for a server at an address, or for a client with groups.
func (a *authority) issue(tb testing.TB, name string, groups []string, address string) {
	tb.Helper()
	template := &x509.Certificate{Subject: pkix.Name{CommonName: name, Organization: groups}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	if address != "" {
		template.IPAddresses = []net.IP{net.ParseIP(address)}
	}
	a.sign(tb, name, template)
}

func (a *authority) sign(tb testing.TB, name string, template *x509.Certificate) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	a.serial++
	template.SerialNumber = big.NewInt(a.serial)
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	parent, signer := a.root, a.signer
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		tb.Fatal(err)
	}
	if a.root == nil {
		if a.root, err = x509.ParseCertificate(der); err != nil {
			tb.Fatal(err)
		}
		a.signer = key
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{a.cert(name): {Type: "CERTIFICATE", Bytes: der}, a.key(name): {Type: "EC PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
}

// client asks without a login.
func (a *authority) client(tb testing.TB) *http.Client {
	tb.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(a.root)
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: tlsConfig(pool), DisableKeepAlives: true}}
}
