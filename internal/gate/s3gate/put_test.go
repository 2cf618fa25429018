package s3gate

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/gate/probe"
)

// slowStore answers an upload when the test tells it to.
type slowStore struct {
	uploading chan context.Context
	answer    chan bool
}

func (s slowStore) RoundTrip(r *http.Request) (*http.Response, error) {
	s.uploading <- r.Context()
	select {
	case <-s.answer:
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// An upload that is in progress when the run ends is not aborted: the store might
// create the object after the gate has deleted it.
func TestUploadOutlivesTheRun(t *testing.T) {
	spec := &Spec{Endpoint: "http://127.0.0.1:1", Bucket: "evidence", Region: "us-east-1", AccessKey: "a", SecretKey: "b", PathStyle: true}
	p, ok := spec.New(probe.Env{}).(*prober)
	if !ok {
		t.Fatal("another kind of prober")
	}
	store := slowStore{make(chan context.Context, 1), make(chan bool, 1)}
	client, err := p.client(store)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- p.put(ctx, client) }()
	request := <-store.uploading
	if cancel(); request.Err() != nil {
		t.Error("the upload is broken off with the run")
	}
	store.answer <- true
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
