//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

var (
	baseURL       = env("CASE_API", "http://127.0.0.1:8088")
	correlationID = env("E2E_CORRELATION_ID", "by-hand-"+rand.Text()[:8])
	client        = &http.Client{Timeout: 5 * time.Second}
)

// person is a user of the service.
type person struct{ name, role string }

var (
	olivia = person{"olivia", "officer"}
	noah   = person{"noah", "officer"}
	sam    = person{"sam", "supervisor"}
	sofia  = person{"sofia", "supervisor"}
)

type response struct {
	status  int
	body    []byte
	summary string // such as "POST /cases -> 201 in 3ms"
}

// send makes one request. It never fails a test, so any goroutine may use it.
func send(ctx context.Context, who person, method, path string, body any) (response, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return response{}, err
	}
	r, err := http.NewRequestWithContext(ctx, method, baseURL+path, bytes.NewReader(data))
	if err != nil {
		return response{}, err
	}
	r.Header.Set("X-Actor", who.name)
	r.Header.Set("X-Role", who.role)
	r.Header.Set("X-Correlation-ID", correlationID)
	if parent := os.Getenv("TRACEPARENT"); parent != "" {
		r.Header.Set("traceparent", parent)
	}
	return do(r)
}

// complaint is why the service refused, in its own words.
func (r response) complaint() string {
	var problem struct{ Detail string }
	// Anything that is not a problem document, such as a proxy's error page, is quoted as
	// it came.
	if err := json.Unmarshal(r.body, &problem); err != nil || problem.Detail == "" {
		return string(r.body)
	}
	return problem.Detail
}

func do(r *http.Request) (response, error) {
	start := time.Now()
	res, err := client.Do(r)
	took := time.Since(start).Milliseconds()
	if err != nil {
		return response{summary: fmt.Sprintf("%s %s -> no answer after %dms: %v", r.Method, r.URL.Path, took, err)}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return response{
		status:  res.StatusCode,
		body:    body,
		summary: fmt.Sprintf("%s %s -> %d in %dms", r.Method, r.URL.Path, res.StatusCode, took),
	}, err
}
