package github

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/org/e2e-gate/internal/forge"
	"github.com/org/e2e-gate/internal/safetext"
)

// sender is the transport below go-github: it adds the token, bounds time and
// answers, and repeats what is worth repeating. Every unsuccessful answer is a
// [*requestError], so that go-github's own reading of rate limits, which goes by the wall
// clock, never sees one.
type sender struct {
	next  http.RoundTripper
	base  *url.URL
	token string
	now   func() time.Time
	sleep func(context.Context, time.Duration) error
	// unreachable counts refused connections.
	unreachable atomic.Int32
	memory      memory
	budget      *forge.Budget
}

func newSender(o Options, base *url.URL) *sender {
	s := &sender{next: o.Transport, base: base, token: o.Token, now: o.Now, sleep: o.Sleep, budget: o.Budget}
	if s.next == nil {
		s.next = http.DefaultTransport
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.sleep == nil {
		s.sleep = sleep
	}
	return s
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// scrub removes the token from a text of the other side.
func (s *sender) scrub(text string) string {
	if s.token == "" {
		return text
	}
	return strings.ReplaceAll(text, s.token, "***")
}

// RoundTrip sends a request until it is answered, or not worth another try.
func (s *sender) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		_ = req.Body.Close()
	}
	tries := retries{unreachable: &s.unreachable}
	for {
		resp, fail := s.once(req, body)
		if fail == nil {
			return resp, nil
		}
		pause, again := tries.next(fail)
		if !again {
			return nil, fail
		}
		if !s.fits(req.Context(), pause) {
			fail.hopeless = pause
			return nil, fail
		}
		if s.sleep(req.Context(), pause) != nil {
			return nil, fail
		}
	}
}

// fits reports whether a pause ends before the time to publish does.
func (s *sender) fits(ctx context.Context, pause time.Duration) bool {
	end, ok := ctx.Value(endKey{}).(time.Time)
	return !ok || s.now().Add(pause).Before(end)
}

// once sends a request and reads the whole answer.
func (s *sender) once(req *http.Request, body []byte) (*http.Response, *requestError) {
	ctx, cancel := context.WithTimeout(req.Context(), requestTime)
	defer cancel()
	out := req.Clone(ctx)
	if body != nil {
		out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	if s.token != "" && athome(s.base, out.URL) {
		out.Header.Set("Authorization", "Bearer "+s.token)
	}
	s.memory.ask(out)
	resp, err := s.next.RoundTrip(out)
	if err != nil {
		return nil, lostConnection(ctx, err)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	_ = resp.Body.Close()
	resp.Request = req
	s.spent(resp.Header)
	if old, ok := s.memory.same(resp); ok {
		return answer(resp, old), nil
	}
	return s.judge(ctx, resp, data, err)
}

// spent reads how much of the hour's requests is used. Enterprise Server has no limits unless somebody
// sets them, and then does not say so.
func (s *sender) spent(h http.Header) {
	limit, err := strconv.Atoi(h.Get("X-Ratelimit-Limit"))
	left, err2 := strconv.Atoi(h.Get("X-Ratelimit-Remaining"))
	if err == nil && err2 == nil && (h.Get("X-Ratelimit-Resource") == "" || h.Get("X-Ratelimit-Resource") == "core") {
		s.budget.Set(limit-left, limit)
	}
}

// judge turns an unusable answer into an error.
func (s *sender) judge(ctx context.Context, resp *http.Response, data []byte, err error) (*http.Response, *requestError) {
	switch {
	case resp.StatusCode >= 400:
		return nil, refused(resp, s.scrub(message(data)), s.now())
	case resp.StatusCode >= 300 || resp.StatusCode == http.StatusNoContent:
	case resp.Request.Method != http.MethodGet && (err != nil || !json.Valid(data)):
		// The request was carried out. Repeating it because the answer is damaged would do it twice.
		data = []byte("{}")
	case err != nil:
		return nil, lostConnection(ctx, err)
	case len(data) > maxAnswer:
		return nil, &requestError{kind: final, text: "the answer is larger than " + safetext.Size(maxAnswer)}
	case !json.Valid(data):
		return nil, &requestError{kind: broken, text: "the answer is damaged: not JSON"}
	}
	for name := range resp.Header {
		// go-github would refuse the next request by them, until a time of its own.
		if strings.HasPrefix(strings.ToLower(name), "x-ratelimit-") {
			resp.Header.Del(name)
		}
	}
	s.memory.keep(resp, data)
	return answer(resp, data), nil
}

// message is what an answer says about itself.
func message(data []byte) string {
	var said struct {
		Message string
		Errors  []json.RawMessage
	}
	head, _ := safetext.Cut(string(data), 64<<10)
	if json.Unmarshal([]byte(head), &said) != nil {
		return ""
	}
	for i, e := range said.Errors {
		var one struct{ Message, Field, Code string }
		if i == 3 {
			break
		}
		if json.Unmarshal(e, &one) == nil {
			said.Message += fmt.Sprintf("; %s %s", one.Field, cmp.Or(one.Message, one.Code))
		}
	}
	return safetext.Line(said.Message, 300)
}

// lostConnection is a failure without an answer.
func lostConnection(ctx context.Context, err error) *requestError {
	var op *net.OpError
	dial := errors.As(err, &op) && op.Op == "dial"
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return &requestError{kind: final, text: "it was cancelled", err: err}
	case ctx.Err() != nil || op != nil && op.Timeout():
		return &requestError{kind: final, text: fmt.Sprintf("the API did not answer within %s", requestTime), err: err}
	case dial:
		return &requestError{kind: unreachable, text: "no connection to the API; look at GITHUB_API_URL and the network", err: err}
	case op != nil, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return &requestError{kind: broken, text: "the connection to the API broke", err: err}
	}
	return &requestError{kind: final, text: "no secure connection to the API", err: err}
}
