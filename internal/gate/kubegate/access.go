package kubegate

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/proc"
)

// access is how to reach an API server.
type access struct {
	server, namespace string
	token             string
	config            *tls.Config
}

// serviceAccount is where a pod finds its own identity.
var serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"

// access reads how to reach the server, each time: tokens are renewed in their
// files.
func (p *prober) access(ctx context.Context) (access, error) {
	name := p.spec.Kubeconfig
	if name != "" && !filepath.IsAbs(name) {
		name = filepath.Join(p.env.Root, name)
	}
	list := p.variable("KUBECONFIG")
	if host := p.variable("KUBERNETES_SERVICE_HOST"); name == "" && list == "" && host != "" {
		return inCluster(net.JoinHostPort(host, p.variable("KUBERNETES_SERVICE_PORT")))
	}
	names := []string{name}
	switch {
	case name != "":
	case list != "":
		names = filepath.SplitList(list)
	default:
		names[0] = filepath.Join(p.variable("HOME"), ".kube", "config")
	}
	k, err := loadKubeconfig(names)
	if err != nil {
		return access{}, err
	}
	return p.choose(ctx, k)
}

func (p *prober) variable(name string) string {
	value := ""
	for _, kv := range p.env.Base {
		if n, v, _ := strings.Cut(kv, "="); n == name {
			value = v
		}
	}
	return value
}

func inCluster(address string) (access, error) {
	token, err := os.ReadFile(filepath.Join(serviceAccount, "token"))
	if err != nil {
		return access{}, errors.New("the pod has no service account token")
	}
	config, err := trusting(cluster{CAFile: filepath.Join(serviceAccount, "ca.crt")}, "")
	if err != nil {
		return access{}, err
	}
	namespace, _ := os.ReadFile(filepath.Join(serviceAccount, "namespace"))
	return access{server: "https://" + address, namespace: strings.TrimSpace(string(namespace)), token: strings.TrimSpace(string(token)), config: config}, nil
}

// choose takes the context that the check names, or the current one.
func (p *prober) choose(ctx context.Context, k kubeconfig) (access, error) {
	want := p.spec.Context
	if want == "" {
		want = k.Current
	}
	for _, c := range k.Contexts {
		if c.Name == want {
			return p.resolve(ctx, k, c.Context.Cluster, c.Context.User, c.Context.Namespace)
		}
	}
	return access{}, errors.New("the kubeconfig has no such context")
}

func (p *prober) resolve(ctx context.Context, k kubeconfig, clusterName, userName, namespace string) (access, error) {
	a := access{namespace: namespace}
	for _, c := range k.Clusters {
		if c.Name != clusterName {
			continue
		}
		config, err := trusting(c.Cluster, c.dir)
		if err != nil {
			return a, err
		}
		a.server, a.config = c.Cluster.Server, config
		break
	}
	if a.server == "" {
		return a, errors.New("the kubeconfig's context has no cluster")
	}
	for _, u := range k.Users {
		if u.Name == userName {
			err := p.identify(ctx, u.User, &a, u.dir)
			return a, err
		}
	}
	return a, nil
}

func trusting(c cluster, dir string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.Name, InsecureSkipVerify: c.Insecure} //nolint:gosec // the kubeconfig asks for it
	pem, err := dataOrFile(c.CAData, c.CAFile, dir)
	if err != nil || pem == nil {
		return config, err
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New("the kubeconfig's certificate authority is not a PEM certificate")
	}
	return config, nil
}

func dataOrFile(data, file, dir string) ([]byte, error) {
	if data != "" {
		raw, err := base64.StdEncoding.DecodeString(data)
		if err != nil {
			return nil, errors.New("the kubeconfig holds data that is not base64")
		}
		return raw, nil
	}
	if file == "" {
		return nil, nil
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, errors.New("a file that the kubeconfig names cannot be read")
	}
	return raw, nil
}

// identify adds who we are.
func (p *prober) identify(ctx context.Context, u user, a *access, dir string) error {
	if u.Exec != nil {
		return p.execute(ctx, u, a)
	}
	token, err := dataOrFile("", u.TokenFile, dir)
	if err != nil {
		return err
	}
	if a.token = u.Token; a.token == "" {
		a.token = strings.TrimSpace(string(token))
	}
	cert, err1 := dataOrFile(u.CertData, u.CertFile, dir)
	key, err2 := dataOrFile(u.KeyData, u.KeyFile, dir)
	if err := errors.Join(err1, err2); err != nil || cert == nil {
		return err
	}
	return a.present(cert, key)
}

func (a *access) present(cert, key []byte) error {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return errors.New("the client certificate and its key do not belong together")
	}
	a.config.Certificates = []tls.Certificate{pair}
	return nil
}

// grace is how long a credential plugin gets to end by itself.
const grace = 500 * time.Millisecond

// execute asks a credential plugin, as cloud providers have them.
func (p *prober) execute(ctx context.Context, u user, a *access) error {
	set := map[string]string{"KUBERNETES_EXEC_INFO": fmt.Sprintf(`{"apiVersion":%q,"kind":"ExecCredential","spec":{"interactive":false}}`, u.Exec.API)}
	for _, e := range u.Exec.Env {
		set[e.Name] = e.Value
	}
	var out bytes.Buffer
	// The plugin is part of the kubeconfig and may need every credential there is.
	exit := proc.Run(ctx, proc.Spec{Argv: append([]string{u.Exec.Command}, u.Exec.Args...), Dir: p.env.Root, Env: withSet(p.env.Base, set), Stdout: &out,
		Grace: grace})
	var said struct {
		Status struct {
			Token string `json:"token"`
			Cert  string `json:"clientCertificateData"`
			Key   string `json:"clientKeyData"`
		} `json:"status"`
	}
	if !exit.OK() || json.Unmarshal(out.Bytes(), &said) != nil {
		return errors.New("the kubeconfig's credential plugin returned no credential")
	}
	a.token = said.Status.Token
	if said.Status.Cert != "" {
		return a.present([]byte(said.Status.Cert), []byte(said.Status.Key))
	}
	return nil
}

func withSet(base []string, set map[string]string) []string {
	env := append([]string(nil), base...)
	for name, value := range set {
		env = append(env, name+"="+value)
	}
	return env
}
