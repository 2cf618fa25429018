package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// documents is the bucket that the documents of cases are kept in. Nil: there is
// none, and a document is refused.
type documents struct {
	client *minio.Client
	bucket string
}

// openDocuments reads STORE_ENDPOINT, STORE_BUCKET, STORE_ACCESS_KEY and
// STORE_SECRET_KEY. It does not connect.
func openDocuments(getenv func(string) string) (*documents, error) {
	if getenv("STORE_ENDPOINT") == "" {
		return nil, nil
	}
	u, err := url.Parse(getenv("STORE_ENDPOINT"))
	if err != nil || u.Host == "" {
		return nil, errors.New("STORE_ENDPOINT is not a URL; write it as http://127.0.0.1:9000")
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds: credentials.NewStaticV4(getenv("STORE_ACCESS_KEY"), getenv("STORE_SECRET_KEY"), ""), Secure: u.Scheme == "https", Region: "us-east-1", MaxRetries: 1,
	})
	if err != nil {
		return nil, fmt.Errorf("open the document store: %w", err)
	}
	return &documents{client, getenv("STORE_BUCKET")}, nil
}

var errNoStore = fmt.Errorf("%w: no document store is configured; set STORE_ENDPOINT", errUnavailable)

func (d *documents) key(id string) string { return "documents/" + id }

func (d *documents) put(ctx context.Context, id string, data []byte) error {
	if d == nil {
		return errNoStore
	}
	if _, err := d.client.PutObject(ctx, d.bucket, d.key(id), bytes.NewReader(data), int64(len(data)), minio.PutObjectOptions{}); err != nil {
		return fmt.Errorf("%w: store the document: %w", errUnavailable, err)
	}
	return nil
}

func (d *documents) get(ctx context.Context, id string) ([]byte, error) {
	if d == nil {
		return nil, errNoStore
	}
	object, err := d.client.GetObject(ctx, d.bucket, d.key(id), minio.GetObjectOptions{})
	if err != nil {
		return nil, fmt.Errorf("%w: read the document: %w", errUnavailable, err)
	}
	defer func() { _ = object.Close() }()
	data, err := io.ReadAll(io.LimitReader(object, maxBody))
	if err != nil {
		return nil, fmt.Errorf("%w: read the document: %w", errUnavailable, err)
	}
	return data, nil
}

// putDocument takes a document in: once it is answered it is kept.
func (s *service) putDocument(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	_, err := s.store.get(id)
	if err != nil {
		writeProblem(w, err)
		return
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		writeProblem(w, fmt.Errorf("%w: read body: %w", errInvalid, err))
		return
	}
	answer(w, map[string]int{"bytes": len(data)}, s.documents.put(r.Context(), id, data))
}

func (s *service) getDocument(w http.ResponseWriter, r *http.Request) {
	data, err := s.documents.get(r.Context(), r.PathValue("id"))
	if err != nil {
		writeProblem(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(data) // #nosec G705 -- never shown as a page
}
