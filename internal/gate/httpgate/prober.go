package httpgate

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/gate/trust"
)

// maxBody is how much of an answer is read.
const maxBody = 1 << 20

type prober struct {
	spec  *Spec
	rules rules
	env   probe.Env
	proxy func(*url.URL) (*url.URL, error)
	mask  func(string) string
	// sent, more and lists are body and headers of a request of another kind.
	sent  []byte
	more  map[string]string
	lists http.Header
}

func newProber(s *Spec, r rules, env probe.Env) *prober {
	secrets := probe.URLSecrets(r.url)
	for name, value := range s.Headers {
		if probe.SecretName(name) {
			// "Bearer abc": a service may echo the part after the scheme alone.
			secrets = append(secrets, value)
			secrets = append(secrets, strings.Fields(value)...)
		}
	}
	return &prober{spec: s, rules: r, env: env, proxy: proxyFrom(env.Base), mask: env.Hide(secrets)}
}

func (p *prober) Kind() string   { return Kind }
func (p *prober) Target() string { return probe.SafeURL(p.rules.url) }

// Expected says what a healthy answer is.
func (p *prober) Expected() string {
	parts := []string{"HTTP " + p.rules.status.text}
	for _, list := range [][]expectation{p.rules.headers, p.rules.json, p.rules.body} {
		for _, e := range list {
			parts = append(parts, e.text)
		}
	}
	if p.spec.MaxLatency > 0 {
		parts = append(parts, "within "+p.spec.MaxLatency.String())
	}
	if text := p.spec.TLS.Expected(); text != "" {
		parts = append(parts, text)
	}
	return p.mask(strings.Join(parts, ", "))
}

// Probe makes one request on a new connection: a kept connection to a healthy instance
// would hide one that died.
func (p *prober) Probe(ctx context.Context) probe.Observation {
	o := p.look(ctx)
	o.Observed, o.Reason, o.Key = p.mask(o.Observed), p.mask(o.Reason), p.mask(o.Key)
	return o
}

func (p *prober) look(ctx context.Context) probe.Observation {
	config, fault := p.spec.TLS.Config(p.env.Root)
	if fault != nil {
		return *fault
	}
	transport := p.transport(config)
	defer transport.CloseIdleConnections()
	a, err := p.ask(ctx, &http.Client{Transport: transport, CheckRedirect: p.checkRedirect})
	if err != nil {
		return p.fault(err)
	}
	return p.judge(a)
}

func (p *prober) transport(config *tls.Config) *http.Transport { return transport(config, p.proxy) }

// Transport is the transport of the http check: proxies from the given environment,
// bounded headers. The caller closes its idle connections.
func Transport(config *tls.Config, vars []string) *http.Transport {
	t := transport(config, proxyFrom(vars))
	t.DisableKeepAlives = false
	return t
}

func transport(config *tls.Config, proxy func(*url.URL) (*url.URL, error)) *http.Transport {
	return &http.Transport{
		Proxy:                  func(r *http.Request) (*url.URL, error) { return proxy(r.URL) },
		DialContext:            (&net.Dialer{}).DialContext,
		TLSClientConfig:        config,
		ForceAttemptHTTP2:      true,
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: maxBody,
		OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, r *http.Response) error {
			if r.StatusCode != http.StatusOK {
				return &proxyError{r.StatusCode}
			}
			return nil
		},
	}
}

// answer is what came back.
type answer struct {
	code   int
	header http.Header
	body   []byte
	cut    bool
	doc    any
	isJSON bool
	// twice is a key that one object of the document has twice; nil: there is none.
	twice   *string
	health  health
	tls     *tls.ConnectionState
	latency time.Duration
	mask    func(string) string
}

// quote quotes a part of the answer. Secrets go before the cut.
func (a answer) quote(s string) string { return probe.Quote(a.mask(s)) }

func (p *prober) ask(ctx context.Context, client *http.Client) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, p.rules.method, p.rules.url.String(), bytes.NewReader(p.sent))
	if err != nil {
		return answer{}, fmt.Errorf("make request: %w", err)
	}
	p.dress(req)
	start := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, fmt.Errorf("send request: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return answer{}, fmt.Errorf("read answer: %w", err)
	}
	a := answer{code: resp.StatusCode, header: resp.Header, body: body, tls: resp.TLS, latency: time.Since(start), mask: p.mask}
	if a.cut = len(body) > maxBody; a.cut {
		a.body = body[:maxBody]
		return a, nil
	}
	if a.doc, a.isJSON = decode(body); a.isJSON {
		a.health, a.twice = summarise(a.doc), duplicateKey(body)
	}
	return a, nil
}

func (p *prober) dress(req *http.Request) {
	req.Header.Set("Accept", "application/json, */*;q=0.5")
	req.Header.Set("User-Agent", "e2e-gate")
	for name, value := range p.more {
		req.Header.Set(name, value)
	}
	maps.Copy(req.Header, p.lists)
	for name, value := range p.spec.Headers {
		if strings.EqualFold(name, "host") {
			req.Host = value
			continue
		}
		req.Header.Set(name, value)
	}
}

type proxyError struct{ code int }

func (e *proxyError) Error() string { return fmt.Sprintf("the proxy answered %d", e.code) }

// fault turns an error of the request into an answer. The error's own text quotes
// the URL with its query and is not used.
func (p *prober) fault(err error) probe.Observation {
	var redirect *redirectError
	var proxy *proxyError
	var op *net.OpError
	switch {
	case errors.As(err, &redirect):
		return probe.Never(wordRedirect, redirect.observed, redirect.reason)
	case errors.As(err, &proxy) && proxy.code == http.StatusProxyAuthRequired:
		return probe.Never(statusWordOf(proxy.code), proxy.Error(), "the proxy asks for a login; put it into HTTPS_PROXY, or the host into NO_PROXY")
	case errors.As(err, &proxy):
		return probe.NotYet(proxy.Error(), "the proxy cannot reach the host; check HTTPS_PROXY, or put the host into NO_PROXY")
	}
	if o, ok := trust.Fault(err); ok {
		return o
	}
	if errors.As(err, &op) && op.Op == "proxyconnect" {
		o := probe.NetFault(op.Err, p.spec.ProbeTimeout())
		return probe.NotYet("proxy: "+o.Observed, "the proxy cannot be reached; check HTTP_PROXY and HTTPS_PROXY, or put the host into NO_PROXY")
	}
	return probe.NetFault(err, p.spec.ProbeTimeout())
}

// proxyFrom reads the proxies of an environment; the last of equal names wins, as
// in os.Environ.
func proxyFrom(vars []string) func(*url.URL) (*url.URL, error) {
	values := map[string]string{}
	for _, kv := range vars {
		if name, value, ok := strings.Cut(kv, "="); ok {
			values[name] = value
		}
	}
	get := func(name string) string {
		if v := values[name]; v != "" {
			return v
		}
		return values[strings.ToLower(name)]
	}
	config := httpproxy.Config{
		HTTPProxy: get("HTTP_PROXY"), HTTPSProxy: get("HTTPS_PROXY"), NoProxy: get("NO_PROXY"),
		CGI: values["REQUEST_METHOD"] != "",
	}
	return config.ProxyFunc()
}
