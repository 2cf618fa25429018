package kube

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"

	"github.com/org/e2e-gate/internal/proc"
)

// Where says how to reach a cluster. Its zero value is what kubectl does without
// arguments, except that a pod's own service account comes before ~/.kube/config.
type Where struct {
	// Kubeconfig is one file, relative to Root. Empty: the files of KUBECONFIG, else the
	// pod's service account, else ~/.kube/config.
	Kubeconfig string
	// Context names one of the kubeconfig's; empty: its current one. A pod's service
	// account has none, so that it is not used where a context is named.
	Context string
	// Namespace is what [Client.Namespace] returns; empty: that of the context, else
	// "default".
	Namespace string
	// ServiceAccount is the folder in which a pod finds its own identity; empty: the one
	// that Kubernetes mounts.
	ServiceAccount string
	// Root is the folder of relative paths and of credential plugins.
	Root string
	// Env is the environment as NAME=VALUE, in which the last of equal names wins. It has
	// the proxies too.
	Env []string
}

// Login is how to reach an API server, and as whom.
type Login struct {
	// Server is the address, such as https://10.0.0.1:6443, without a slash at its end.
	Server string
	// Namespace is that of the context or of the service account; it may be empty.
	Namespace string
	// Header is to be sent with every request. It is secret.
	Header http.Header
	// TLS is the way to trust the server, and the client's certificate.
	TLS *tls.Config
	// Proxy is the kubeconfig's own proxy; empty: those of the environment.
	Proxy string

	context string
	// expires is when a credential plugin's answer does; zero: unknown.
	expires time.Time
	// fromFile: the token may be renewed in its file at any time.
	fromFile bool
	// material tells apart what connections are made of.
	material [sha256.Size]byte
}

// Secrets are what no text may show.
func (l Login) Secrets() []string {
	var secrets []string
	kind, value, _ := strings.Cut(l.Header.Get("Authorization"), " ")
	if value != "" {
		secrets = append(secrets, value)
	}
	if pair, err := base64.StdEncoding.DecodeString(value); err == nil && kind == "Basic" {
		if _, password, _ := strings.Cut(string(pair), ":"); password != "" {
			secrets = append(secrets, password)
		}
	}
	if u, err := url.Parse(l.Proxy); err == nil && u.User != nil {
		if password, ok := u.User.Password(); ok && password != "" {
			secrets = append(secrets, password)
		}
	}
	return secrets
}

// ProxyEnv are the variables of an environment that say what Proxy does.
func (l Login) ProxyEnv() []string {
	if l.Proxy == "" {
		return nil
	}
	return []string{"HTTPS_PROXY=" + l.Proxy, "HTTP_PROXY=" + l.Proxy, "NO_PROXY=", "no_proxy="}
}

// Login reads the credentials, each time: tokens are renewed in their files. Its
// errors quote no file, for kubeconfigs hold secrets.
func (w Where) Login(ctx context.Context) (Login, error) {
	name := w.Kubeconfig
	if name != "" && !filepath.IsAbs(name) {
		name = filepath.Join(w.Root, name)
	}
	list := w.variable("KUBECONFIG")
	if host := w.variable("KUBERNETES_SERVICE_HOST"); name == "" && list == "" && w.Context == "" && host != "" {
		return w.inCluster(net.JoinHostPort(host, w.variable("KUBERNETES_SERVICE_PORT")))
	}
	names := []string{name}
	switch {
	case name != "":
	case list != "":
		names = filepath.SplitList(list)
	default:
		names[0] = filepath.Join(w.variable("HOME"), ".kube", "config")
	}
	k, err := loadKubeconfig(names)
	if err != nil {
		return Login{}, err
	}
	return w.choose(ctx, k)
}

func (w Where) variable(name string) string {
	value := ""
	for _, kv := range w.Env {
		if n, v, _ := strings.Cut(kv, "="); n == name {
			value = v
		}
	}
	return value
}

func (w Where) inCluster(address string) (Login, error) {
	dir := w.ServiceAccount
	if dir == "" {
		dir = "/var/run/secrets/kubernetes.io/serviceaccount"
	}
	token, err := readSmall(filepath.Join(dir, "token"))
	if err != nil {
		return Login{}, errors.New("the pod has no service account token")
	}
	l := Login{Server: "https://" + address, Header: http.Header{}, fromFile: true}
	if err := l.trust(cluster{CAFile: filepath.Join(dir, "ca.crt")}, ""); err != nil {
		return Login{}, err
	}
	namespace, _ := readSmall(filepath.Join(dir, "namespace"))
	l.Namespace = strings.TrimSpace(string(namespace))
	return l, l.bear(string(token))
}

// choose takes the context that is asked for, or the current one.
func (w Where) choose(ctx context.Context, k kubeconfig) (Login, error) {
	want := w.Context
	if want == "" {
		want = k.Current
	}
	for _, c := range k.Contexts {
		if c.Name == want {
			l, err := w.resolve(ctx, k, c.Context.Cluster, c.Context.User, c.Context.Namespace)
			l.context = want
			return l, err
		}
	}
	return Login{}, errors.New("the kubeconfig has no such context")
}

func (w Where) resolve(ctx context.Context, k kubeconfig, clusterName, userName, namespace string) (Login, error) {
	l := Login{Namespace: namespace, Header: http.Header{}}
	var at namedCluster
	for _, c := range k.Clusters {
		if c.Name != clusterName {
			continue
		}
		at = c
		if err := l.trust(c.Cluster, c.dir); err != nil {
			return l, err
		}
		l.Server, l.Proxy = strings.TrimSuffix(c.Cluster.Server, "/"), c.Cluster.Proxy
		break
	}
	if l.Server == "" {
		return l, errors.New("the kubeconfig's context has no cluster")
	}
	for _, u := range k.Users {
		if u.Name == userName {
			err := w.identify(ctx, u, at, &l)
			return l, err
		}
	}
	return l, nil
}

// trust sets how the server is trusted.
func (l *Login) trust(c cluster, dir string) error {
	l.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.Name, InsecureSkipVerify: c.Insecure} //nolint:gosec // the kubeconfig asks for it
	pem, err := dataOrFile(c.CAData, c.CAFile, dir)
	if err != nil {
		return err
	}
	l.mix(pem, []byte(c.Name), fmt.Append(nil, c.Insecure), []byte(c.Proxy))
	if pem == nil {
		return nil
	}
	l.TLS.RootCAs = x509.NewCertPool()
	if !l.TLS.RootCAs.AppendCertsFromPEM(pem) {
		return errors.New("the kubeconfig's certificate authority is not a PEM certificate")
	}
	return nil
}

// mix adds to what connections are made of.
func (l *Login) mix(parts ...[]byte) {
	h := sha256.New()
	h.Write(l.material[:])
	for _, p := range parts {
		fmt.Fprintf(h, "%d:", len(p))
		h.Write(p)
	}
	h.Sum(l.material[:0])
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
	raw, err := readSmall(file)
	if err != nil {
		return nil, errors.New("a file that the kubeconfig names cannot be read")
	}
	return raw, nil
}

// maxFile is how many bytes a kubeconfig, a token or a certificate may have.
const maxFile = 4 << 20

func readSmall(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = errors.New("too large")
	}
	return data, err
}

// bear sets the token to send.
func (l *Login) bear(token string) error {
	token = strings.TrimSpace(token)
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("the token is not on one line of ASCII")
	}
	if token != "" {
		l.Header.Set("Authorization", "Bearer "+token)
	}
	return nil
}

// identify adds who we are, in the order of client-go.
func (w Where) identify(ctx context.Context, named namedUser, at namedCluster, l *Login) error {
	u := named.User
	if err := l.impersonate(u); err != nil {
		return err
	}
	if u.Exec != nil {
		return w.execute(ctx, named, at, l)
	}
	if u.Provider != nil {
		return errors.New("the kubeconfig's user has an auth-provider, which kubectl has not had since 1.26; use exec")
	}
	// A file with the token comes first: it is renewed, a copy in the kubeconfig is not.
	token, err := dataOrFile("", u.TokenFile, named.dir)
	if err != nil && u.Token == "" {
		return err
	}
	l.fromFile = err == nil && u.TokenFile != ""
	if strings.TrimSpace(string(token)) == "" {
		token = []byte(u.Token)
	}
	if err := l.bear(string(token)); err != nil {
		return err
	}
	if u.Username != "" && len(token) == 0 {
		l.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.Username+":"+u.Password)))
	}
	cert, err1 := dataOrFile(u.CertData, u.CertFile, named.dir)
	key, err2 := dataOrFile(u.KeyData, u.KeyFile, named.dir)
	if err := errors.Join(err1, err2); err != nil || cert == nil {
		return err
	}
	return l.present(cert, key)
}

// impersonate: to leave it out would be to act with other rights than the kubeconfig says.
func (l *Login) impersonate(u user) error {
	if u.As == "" {
		if u.AsUID != "" || len(u.AsGroups) > 0 || len(u.AsExtra) > 0 {
			return errors.New("the kubeconfig impersonates groups without a user")
		}
		return nil
	}
	l.Header.Set("Impersonate-User", u.As)
	if u.AsUID != "" {
		l.Header.Set("Impersonate-Uid", u.AsUID)
	}
	for _, group := range u.AsGroups {
		l.Header.Add("Impersonate-Group", group)
	}
	for name, values := range u.AsExtra {
		for _, value := range values {
			l.Header.Add("Impersonate-Extra-"+url.PathEscape(name), value)
		}
	}
	return nil
}

func (l *Login) present(cert, key []byte) error {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return errors.New("the client certificate and its key do not belong together")
	}
	l.TLS.Certificates = []tls.Certificate{pair}
	l.mix(cert, key)
	return nil
}

// grace is how long a credential plugin gets to end by itself.
const grace = 500 * time.Millisecond

// execute asks a credential plugin, as cloud providers have them.
func (w Where) execute(ctx context.Context, named namedUser, at namedCluster, l *Login) error {
	plugin := named.User.Exec
	info, err := execInfo(plugin, at)
	if err != nil {
		return err
	}
	set := map[string]string{"KUBERNETES_EXEC_INFO": info}
	for _, e := range plugin.Env {
		set[e.Name] = e.Value
	}
	command := plugin.Command
	if strings.ContainsRune(filepath.ToSlash(command), '/') && !filepath.IsAbs(command) {
		command = filepath.Join(named.dir, command)
	}
	var out bytes.Buffer
	// The plugin is part of the kubeconfig and may need every credential there is.
	exit := proc.Run(ctx, proc.Spec{Argv: append([]string{command}, plugin.Args...), Dir: w.Root, Env: withSet(w.Env, set),
		Stdout: &limited{w: &out, left: maxFile}, Grace: grace})
	var said struct {
		Status struct {
			Token   string    `json:"token"`
			Cert    string    `json:"clientCertificateData"`
			Key     string    `json:"clientKeyData"`
			Expires time.Time `json:"expirationTimestamp"`
		} `json:"status"`
	}
	if !exit.OK() || json.Unmarshal(out.Bytes(), &said) != nil || said.Status.Token == "" && said.Status.Cert == "" {
		return errors.New("the kubeconfig's credential plugin returned no credential")
	}
	l.expires = said.Status.Expires
	if err := l.bear(said.Status.Token); err != nil {
		return err
	}
	if said.Status.Cert != "" {
		return l.present([]byte(said.Status.Cert), []byte(said.Status.Key))
	}
	return nil
}

// execInfo is what a plugin is told, of the API version that it speaks.
func execInfo(plugin *execPlugin, at namedCluster) (string, error) {
	spec := map[string]any{"interactive": false}
	if plugin.ClusterInfo {
		ca, err := dataOrFile(at.Cluster.CAData, at.Cluster.CAFile, at.dir)
		if err != nil {
			return "", err
		}
		info := map[string]any{"server": at.Cluster.Server}
		if at.Cluster.Name != "" {
			info["tls-server-name"] = at.Cluster.Name
		}
		if at.Cluster.Insecure {
			info["insecure-skip-tls-verify"] = true
		}
		if ca != nil {
			info["certificate-authority-data"] = ca // base64 in JSON
		}
		if at.Cluster.Proxy != "" {
			info["proxy-url"] = at.Cluster.Proxy
		}
		spec["cluster"] = info
	}
	data, err := json.Marshal(map[string]any{"apiVersion": plugin.API, "kind": "ExecCredential", "spec": spec})
	return string(data), err
}

// limited keeps the start of what is written.
type limited struct {
	w    *bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	l.w.Write(p[:n])
	return len(p), nil
}

func withSet(base []string, set map[string]string) []string {
	env := append([]string(nil), base...)
	for name, value := range set {
		env = append(env, name+"="+value)
	}
	return env
}

// proxies are the kubeconfig's own, else those of the environment.
func (w Where) proxies(l Login) (func(*http.Request) (*url.URL, error), error) {
	if l.Proxy != "" {
		u, err := url.Parse(l.Proxy)
		if err != nil || u.Host == "" {
			return nil, errors.New("the kubeconfig's proxy-url is not an address")
		}
		return http.ProxyURL(u), nil
	}
	get := func(name string) string {
		if v := w.variable(name); v != "" {
			return v
		}
		return w.variable(strings.ToLower(name))
	}
	config := httpproxy.Config{HTTPProxy: get("HTTP_PROXY"), HTTPSProxy: get("HTTPS_PROXY"), NoProxy: get("NO_PROXY"), CGI: w.variable("REQUEST_METHOD") != ""}
	choose := config.ProxyFunc()
	return func(r *http.Request) (*url.URL, error) { return choose(r.URL) }, nil
}
