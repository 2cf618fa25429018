package kube

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/org/e2e-gate/internal/safetext"
)

const (
	// MaxBody is how many bytes an answer to [Client.Do] may have.
	MaxBody = 64 << 20
	// maxStatus is how much of an error's body is read.
	maxStatus = 64 << 10
	// maxMessage is how many characters of a server's message are kept.
	maxMessage = 2000

	requestTimeout = time.Minute
	dialTimeout    = 10 * time.Second
	// tokenAge is after how long a token that has a file is read again, as client-go does.
	tokenAge = time.Minute
	// early is how long before its end a credential is renewed.
	early = 10 * time.Second
	// aftermath is for how long after trouble, or with a new connection in place of one
	// that was there, a refusal may be that of a server that has just started: for a
	// moment it answers 403 to everybody, because it has not read the rules yet.
	aftermath = 15 * time.Second
)

// ErrUnsure is wrapped by an error after which it is not known whether the server did
// what it was asked to do: the answer did not arrive, or was a status of 5xx.
var ErrUnsure = errors.New("it is not known whether the API server did it")

// Error is an answer of the API that is not a success.
type Error struct {
	// Code is the HTTP status.
	Code int
	// Reason is the API's word, such as NotFound, AlreadyExists, Conflict, Forbidden,
	// Invalid, Expired; empty where something else than the API answered.
	Reason string
	// Message is what the server says, on one bounded line without secrets.
	Message string
	// Details is what the server wrote, unchanged: it may hold anything.
	Details json.RawMessage
	// RetryAfter is what the server asks for; zero: nothing.
	RetryAfter time.Duration
}

func (e *Error) Error() string {
	text := fmt.Sprintf("HTTP %d", e.Code)
	if e.Reason != "" {
		text += " " + e.Reason
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// Has reports whether an error is an answer with that reason.
func Has(err error, reason string) bool {
	var e *Error
	return errors.As(err, &e) && e.Reason == reason
}

// Client talks to one API server. It is safe for concurrent use.
type Client struct {
	where Where
	// patience is for how long a request is tried again; pause is the first time between two tries.
	patience, pause time.Duration
	now             func() time.Time

	// renewing is held while credentials are read: a plugin may take its time.
	renewing chan struct{}
	mu       sync.Mutex
	state    state
	trouble  time.Time
	answered bool
}

// state is a login with the connections made with it.
type state struct {
	login  Login
	read   time.Time
	http   *http.Client
	redact *safetext.Redactor
}

// Open reads the credentials. It does not talk to the server, except that a credential
// plugin may. The client lives on after ctx.
func Open(ctx context.Context, w Where) (*Client, error) {
	c := &Client{where: w, patience: 2 * time.Minute, pause: 200 * time.Millisecond, now: time.Now, renewing: make(chan struct{}, 1)}
	login, err := w.Login(ctx)
	if err != nil {
		return nil, err
	}
	// The current context may be changed while a run lasts; that must not move it to another cluster.
	c.where.Context = login.context
	return c, c.adopt(login)
}

// Namespace is the one that was asked for, else that of the login, else "default".
func (c *Client) Namespace() string {
	if c.where.Namespace != "" {
		return c.where.Namespace
	}
	if login := c.current().login; login.Namespace != "" {
		return login.Namespace
	}
	return "default"
}

// Server is the server's address.
func (c *Client) Server() string { return c.current().login.Server }

func (c *Client) current() state {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// adopt uses a login from now on; connections stay if they may.
func (c *Client) adopt(login Login) error {
	u, err := url.Parse(login.Server)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("the kubeconfig's server is not an address such as https://10.0.0.1:6443")
	}
	proxies, err := c.where.proxies(login)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.state
	c.state = state{login: login, read: c.now(), http: old.http, redact: safetext.NewRedactor(login.Secrets())}
	if old.http != nil && old.login.material == login.material {
		return nil
	}
	dialer := &net.Dialer{Timeout: dialTimeout}
	transport := &http.Transport{
		Proxy: proxies, DialContext: dialer.DialContext, TLSClientConfig: login.TLS, TLSHandshakeTimeout: dialTimeout, ForceAttemptHTTP2: true,
		IdleConnTimeout: 90 * time.Second, MaxIdleConnsPerHost: 32,
		// A watch over a connection that is dead without a word would wait forever.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}
	c.state.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if old.http != nil {
		old.http.CloseIdleConnections()
	}
	return nil
}

// login returns what to use for a request. rejected is what the server refused: if it is
// still the current one, it is renewed, and ok is false where that changes nothing.
func (c *Client) login(ctx context.Context, rejected *state) (s state, ok bool, err error) {
	select {
	case c.renewing <- struct{}{}:
		defer func() { <-c.renewing }()
	case <-ctx.Done():
		return state{}, false, ctx.Err()
	}
	s = c.current()
	now := c.now()
	aged := s.login.fromFile && now.Sub(s.read) > tokenAge
	expired := !s.login.expires.IsZero() && now.Add(early).After(s.login.expires) && now.Sub(s.read) > early
	refused := rejected != nil && rejected.read.Equal(s.read)
	if !aged && !expired && !refused {
		return s, true, nil
	}
	login, err := c.where.Login(ctx)
	switch {
	case err != nil && !refused && ctx.Err() == nil:
		// What is there may still do; if not, the server says so, and it is read again.
		c.mu.Lock()
		defer c.mu.Unlock()
		c.state.read = now
		return c.state, true, nil
	case err != nil:
		return s, false, err
	case login.Server != s.login.Server:
		return s, false, errors.New("the kubeconfig's context names another API server than before")
	}
	changed := login.Header.Get("Authorization") != s.login.Header.Get("Authorization") || login.material != s.login.material
	if err := c.adopt(login); err != nil {
		return s, false, err
	}
	return c.current(), changed, nil
}

// request is what is sent.
type request struct {
	method, path string
	query        url.Values
	body         []byte
	accept       string
	// header bounds the time until the answer's header; zero: nothing does.
	header time.Duration
}

// send makes one request, and a second one with renewed credentials where the server
// refuses them. The response is a success. Its body ends by cancelling ctx.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	s, _, err := c.login(ctx, nil)
	if err != nil {
		return nil, &loginError{err}
	}
	resp, err := c.once(ctx, r, s)
	if e := (*Error)(nil); errors.As(err, &e) && e.Code == http.StatusUnauthorized {
		renewed, changed, fault := c.login(ctx, &s)
		if fault != nil {
			return nil, fmt.Errorf("%w; %w", err, fault)
		}
		if changed {
			resp, err = c.once(ctx, r, renewed)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && ctx.Err() == nil && isTrouble(err) {
		c.trouble = c.now()
	}
	c.answered = c.answered || err == nil
	return resp, err
}

// connected: a connection that is not the first may lead to a server that has started anew.
func (c *Client) connected(info httptrace.GotConnInfo) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !info.Reused && c.answered {
		c.trouble = c.now()
	}
}

func (c *Client) once(ctx context.Context, r request, s state) (*http.Response, error) {
	u, err := url.Parse(s.login.Server)
	if err != nil {
		return nil, err
	}
	u.Path = strings.TrimSuffix(u.Path, "/") + r.path
	u.RawQuery = r.query.Encode()
	timed, cancel := context.WithCancelCause(ctx)
	if r.header > 0 {
		timer := time.AfterFunc(r.header, func() { cancel(errors.New("no answer within " + r.header.String())) })
		defer timer.Stop()
	}
	traced := httptrace.WithClientTrace(timed, &httptrace.ClientTrace{GotConn: c.connected})
	req, err := http.NewRequestWithContext(traced, r.method, u.String(), bytes.NewReader(r.body))
	if err != nil {
		cancel(nil)
		return nil, err
	}
	req.Header = s.login.Header.Clone()
	req.Header.Set("Accept", r.accept)
	req.Header.Set("User-Agent", "e2e-gate")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
		if r.method == http.MethodPatch {
			req.Header.Set("Content-Type", "application/merge-patch+json")
		}
	}
	resp, err := s.http.Do(req)
	if err != nil {
		defer cancel(nil)
		if cause := context.Cause(timed); cause != nil && ctx.Err() == nil {
			err = cause
		}
		return nil, s.clean(err)
	}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		resp.Body = &body{ReadCloser: resp.Body, cancel: func() { cancel(nil) }, state: s}
		return resp, nil
	}
	defer cancel(nil)
	defer resp.Body.Close() //nolint:errcheck // the answer is an error already
	data, _ := io.ReadAll(io.LimitReader(resp.Body, maxStatus))
	return nil, s.parseError(resp, data)
}

// body is an answer's; closing it ends the request.
type body struct {
	io.ReadCloser
	cancel func()
	state  state
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.cancel()
	return err
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.state.clean(err)
	}
	return n, err
}

// cleaned is an error whose text was made harmless: what a proxy or a server says may stand in it.
type cleaned struct {
	text string
	err  error
}

func (c *cleaned) Error() string { return c.text }
func (c *cleaned) Unwrap() error { return c.err }

func (s state) clean(err error) error {
	inner := err
	// The outer error repeats the address with the whole query.
	if u := (*url.Error)(nil); errors.As(err, &u) {
		inner = u.Err
	}
	return &cleaned{s.plain(inner.Error()), err}
}

func (s state) plain(text string) string {
	return safetext.Plain(s.redact.String(text), maxMessage)
}

// parseError reads an answer of the API's kind Status, or of something else.
func (s state) parseError(resp *http.Response, data []byte) *Error {
	e := &Error{Code: resp.StatusCode, RetryAfter: retryAfter(resp.Header)}
	var status struct {
		Kind    string          `json:"kind"`
		Reason  string          `json:"reason"`
		Message string          `json:"message"`
		Details json.RawMessage `json:"details"`
	}
	if json.Unmarshal(data, &status) != nil || status.Kind != "Status" {
		e.Message = safetext.Plain(s.redact.String(string(data)), 200)
		return e
	}
	e.Reason, e.Message, e.Details = s.plain(status.Reason), s.plain(status.Message), status.Details
	var details struct {
		Seconds float64 `json:"retryAfterSeconds"`
	}
	if json.Unmarshal(status.Details, &details) == nil && e.RetryAfter == 0 && details.Seconds > 0 {
		e.RetryAfter = time.Duration(min(details.Seconds, 60) * float64(time.Second))
	}
	return e
}

// retryAfter is at most a minute: an answer must not stop a run.
func retryAfter(h http.Header) time.Duration {
	var seconds int
	if n, err := fmt.Sscanf(h.Get("Retry-After"), "%d", &seconds); n != 1 || err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, time.Minute)
}

// isTrouble reports an error of the way to the server or of the server itself, which may
// be over soon.
func isTrouble(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.Code >= 500 || e.Code == http.StatusTooManyRequests
	}
	if e := (*cleaned)(nil); !errors.As(err, &e) {
		return false // of our own making
	}
	return !isUntrusted(err)
}

// mayPass reports whether it makes sense to ask again.
func (c *Client) mayPass(err error) bool {
	if isTrouble(err) {
		return true
	}
	e := (*Error)(nil)
	if !errors.As(err, &e) || e.Code != http.StatusForbidden && e.Code != http.StatusUnauthorized {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.trouble.IsZero() && c.now().Sub(c.trouble) < aftermath
}

// mayBeDone is false where the server surely did not do what it was asked to.
func mayBeDone(err error) bool {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.Code >= 500
	}
	if e := (*loginError)(nil); errors.As(err, &e) || isUntrusted(err) {
		return false
	}
	op := (*net.OpError)(nil)
	return !errors.As(err, &op) || op.Op != "dial"
}

// loginError is one of reading the credentials: nothing was sent.
type loginError struct{ error }

func (l *loginError) Unwrap() error { return l.error }

// isUntrusted reports a server that is not the one that the kubeconfig trusts, or does
// not speak TLS: it will not be another one next time.
func isUntrusted(err error) bool {
	verify, record := (*tls.CertificateVerificationError)(nil), tls.RecordHeaderError{}
	return errors.As(err, &verify) || errors.As(err, &record)
}

// retry calls try until it succeeds, or an error is not one that may pass, or patience or
// ctx end; the error is then the last one that says something.
func (c *Client) retry(ctx context.Context, try func() error, again func(error) bool) error {
	began, wait := c.now(), c.pause
	var last error
	for {
		err := try()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			if last != nil {
				return fmt.Errorf("%w (%w)", last, ctx.Err())
			}
			return err
		}
		last = err
		if !again(err) || c.now().Sub(began) > c.patience {
			return err
		}
		if !sleep(ctx, max(wait, askedFor(err))) {
			return fmt.Errorf("%w (%w)", err, ctx.Err())
		}
		wait = min(2*wait, 25*c.pause)
	}
}

func askedFor(err error) time.Duration {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}

// sleep reports whether the time passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Do sends a request and reads the JSON answer into a value; into may be nil. path begins
// with /api or /apis. body is marshalled, unless it is nil or a []byte or
// [json.RawMessage]; a PATCH is a JSON merge patch. The error is an [*Error] where the
// API answered.
//
// Trouble on the way (no connection, 429, 5xx) is tried again for two minutes within
// ctx. A POST is tried again only where the server surely did not do it, and its error
// wraps [ErrUnsure] where it may have; see [Client.Create]. A DELETE that was tried again
// may find nothing any more.
func (c *Client) Do(ctx context.Context, method, path string, query url.Values, body, into any) error {
	data, err := marshal(body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	r := request{method: method, path: path, query: query, body: data, accept: "application/json", header: requestTimeout}
	var answer []byte
	err = c.retry(ctx, func() (err error) {
		answer, err = c.exchange(ctx, r)
		return err
	}, func(err error) bool { return c.mayPass(err) && (method != http.MethodPost || !mayBeDone(err)) })
	switch {
	case err != nil && method == http.MethodPost && mayBeDone(err):
		return fmt.Errorf("%s %s: %w (%w)", method, path, err, ErrUnsure)
	case err != nil:
		return fmt.Errorf("%s %s: %w", method, path, err)
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("%s %s: the answer is not what was expected: %s", method, path, c.current().plain(err.Error()))
	}
	return nil
}

func marshal(body any) ([]byte, error) {
	switch b := body.(type) {
	case nil:
		return nil, nil
	case []byte:
		return b, nil
	case json.RawMessage:
		return b, nil
	}
	return json.Marshal(body)
}

// exchange sends a request and reads the whole answer.
func (c *Client) exchange(ctx context.Context, r request) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 2*requestTimeout, errSlow)
	defer cancel()
	resp, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(resp.Body, MaxBody+1))
	if err == nil && len(data) > MaxBody {
		err = fmt.Errorf("the answer has more than %d MB", MaxBody>>20)
	}
	if err != nil && errors.Is(context.Cause(ctx), errSlow) {
		err = errSlow
	}
	return data, err
}

var errSlow = errors.New("the answer did not end within two minutes")

// Create posts an object into a collection. Where it is not known whether the server
// created it, the object of that name is looked for, and ours decides whether it is the
// one: if so, that is a success; if there is none, it is created. An object that was there
// before, or is not ours, is an [*Error] with the reason AlreadyExists.
//
// ours gets the object that was found; compare something that only this call knows, such
// as a label with a random value. name is the object's.
func (c *Client) Create(ctx context.Context, path, name string, object, into any, ours func(found json.RawMessage) bool) error {
	unsure := false
	var answer json.RawMessage
	post := func() error {
		err := c.Do(ctx, http.MethodPost, path, nil, object, &answer)
		if errors.Is(err, ErrUnsure) {
			unsure = true
		}
		if err == nil || !unsure {
			return err
		}
		if e := (*Error)(nil); !errors.Is(err, ErrUnsure) && (!errors.As(err, &e) || e.Reason != "AlreadyExists") {
			return err // a later try was refused, and the earlier one may have been done
		}
		var found json.RawMessage
		look := c.Do(ctx, http.MethodGet, path+"/"+url.PathEscape(name), nil, nil, &found)
		switch {
		case look == nil && ours(found):
			answer = found
			return nil
		case look == nil:
			return fmt.Errorf("create %s: %w", name,
				&Error{Code: http.StatusConflict, Reason: "AlreadyExists", Message: "an object of that name is there, and is not ours"})
		}
		return err
	}
	err := c.retry(ctx, post, func(err error) bool { return errors.Is(err, ErrUnsure) && c.mayPass(err) })
	if err != nil || into == nil {
		return err
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("create %s: the answer is not what was expected: %s", name, c.current().plain(err.Error()))
	}
	return nil
}

// Logs reads a container's log; query is as the API has it: follow, sinceTime, tailLines,
// limitBytes, timestamps, previous. Opening it is tried again as [Client.Do] does; a
// stream that breaks off is an error of Read, or, where the server lost the node, an end
// like any other. The caller bounds what it reads, and closes it.
func (c *Client) Logs(ctx context.Context, namespace, pod, container string, query url.Values) (io.ReadCloser, error) {
	path := "/api/v1/namespaces/" + namespace + "/pods/" + pod + "/log"
	q := url.Values{"container": {container}}
	for name, values := range query {
		q[name] = values
	}
	var resp *http.Response
	err := c.retry(ctx, func() (err error) {
		// The header comes with the first line, which may take its time.
		resp, err = c.send(ctx, request{method: http.MethodGet, path: path, query: q, accept: "*/*"}) //nolint:bodyclose // the caller's
		return err
	}, c.mayPass)
	if err != nil {
		return nil, fmt.Errorf("log of container %s of pod %s: %w", container, pod, err)
	}
	return resp.Body, nil
}
