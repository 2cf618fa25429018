// Package s3store keeps history in an S3-compatible object store.
package s3store

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/org/e2e-gate/internal/history"
)

// Store is a bucket, or a prefix in one.
type Store struct {
	client         *minio.Client
	bucket, prefix string
	// unconditional: the store does not support conditional writes.
	unconditional atomic.Bool
}

// maxObject bounds what is read of an object, in bytes.
const maxObject = 64 << 20

// maxListed bounds how many objects are listed.
const maxListed = 100_000

// New returns the store at an address of the kind [history.KindS3], as
// [history.ParseAddress] reads it. The region comes from the address, else from
// AWS_REGION or AWS_DEFAULT_REGION, else it is us-east-1; spaces and line breaks around
// it do not count. Credentials come from the environment (AWS_ACCESS_KEY_ID and what
// goes with it, web identity), the file of AWS's tools, else from the machine's metadata
// service. It makes no request. An error says which setting cannot be used and what to
// check.
func New(address string, getenv func(string) string) (*Store, error) {
	a, err := history.ParseAddress(address)
	if err != nil {
		return nil, err
	}
	if a.Kind != history.KindS3 {
		return nil, fmt.Errorf("%s is not in an object store; use s3://BUCKET/PREFIX", a)
	}
	region := cmp.Or(a.Region, strings.TrimSpace(getenv("AWS_REGION")), strings.TrimSpace(getenv("AWS_DEFAULT_REGION")), "us-east-1")
	host, secure := "s3."+region+".amazonaws.com", true
	if a.Endpoint != nil {
		host, secure = a.Endpoint.Host, a.Endpoint.Scheme == "https"
	}
	lookup := minio.BucketLookupAuto
	if a.PathStyle {
		lookup = minio.BucketLookupPath
	}
	client, err := minio.New(host, &minio.Options{Creds: chain(getenv), Secure: secure, Region: region, BucketLookup: lookup, MaxRetries: 3})
	if err != nil {
		return nil, fmt.Errorf("the endpoint %q of the region %q cannot be used (%w); check the address and AWS_REGION", host, region, err)
	}
	return &Store{client: client, bucket: a.Bucket, prefix: a.Prefix}, nil
}

func chain(getenv func(string) string) *credentials.Credentials {
	if key := getenv("AWS_ACCESS_KEY_ID"); key != "" {
		return credentials.NewStaticV4(key, getenv("AWS_SECRET_ACCESS_KEY"), getenv("AWS_SESSION_TOKEN"))
	}
	return credentials.NewChainCredentials([]credentials.Provider{&credentials.FileAWSCredentials{}, &credentials.IAM{Client: http.DefaultClient}})
}

// List names the objects.
func (s *Store) List(ctx context.Context) ([]history.Object, error) {
	ctx, cancel := context.WithCancel(ctx) // ends the listing where it is left early
	defer cancel()
	var list []history.Object
	for o := range s.client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix}) {
		if o.Err != nil {
			return nil, plain(o.Err)
		}
		if name := strings.TrimPrefix(o.Key, s.prefix); name != "" && !strings.Contains(name, "/") {
			list = append(list, history.Object{Name: name, Size: o.Size})
		}
		if len(list) == maxListed {
			break
		}
	}
	return list, nil
}

// Get reads an object.
func (s *Store) Get(ctx context.Context, name string) ([]byte, error) {
	o, err := s.client.GetObject(ctx, s.bucket, s.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return nil, plain(err)
	}
	defer func() { _ = o.Close() }()
	data, err := io.ReadAll(io.LimitReader(o, maxObject+1))
	switch {
	case err != nil:
		return nil, plain(err)
	case len(data) > maxObject:
		return nil, fmt.Errorf("it is larger than %d MiB", maxObject>>20)
	}
	return data, nil
}

// Put adds an object. If the store supports conditional writes, it does so only if
// there is none of that name.
func (s *Store) Put(ctx context.Context, name string, data []byte) error {
	opts := minio.PutObjectOptions{ContentType: "application/gzip", DisableMultipart: true}
	if !s.unconditional.Load() {
		opts.SetMatchETagExcept("*")
	}
	_, err := s.client.PutObject(ctx, s.bucket, s.prefix+name, bytes.NewReader(data), int64(len(data)), opts)
	switch code := minio.ToErrorResponse(err); {
	case err == nil, code.StatusCode == http.StatusPreconditionFailed:
		return nil
	case code.StatusCode == http.StatusConflict: // another writer is writing it right now
		return nil
	case code.StatusCode == http.StatusNotImplemented && !s.unconditional.Swap(true):
		return s.Put(ctx, name, data)
	}
	return plain(err)
}

// Sealed tries to write an object of its own, below the same prefix, and is nil if the store denies that to this key. If the store takes
// it, the object is removed again.
func (s *Store) Sealed(ctx context.Context) error {
	name := s.prefix + "write-check-" + rand.Text()
	_, err := s.client.PutObject(ctx, s.bucket, name, bytes.NewReader(nil), 0, minio.PutObjectOptions{DisableMultipart: true})
	switch code := minio.ToErrorResponse(err); {
	case err == nil:
		_ = s.client.RemoveObject(ctx, s.bucket, name, minio.RemoveObjectOptions{})
		return errors.New("this job may write the history's bucket, so its records could be this change's own; give it a key that may only read")
	case code.Code == "AccessDenied" && code.StatusCode == http.StatusForbidden:
		return nil
	}
	return fmt.Errorf("it is not known whether this job may write the history's bucket: %w", plain(err))
}

// Delete removes an object.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := s.client.RemoveObject(ctx, s.bucket, s.prefix+name, minio.RemoveObjectOptions{}); err != nil {
		return plain(err)
	}
	return nil
}

// plain describes the store's answer without addresses, which may hold secrets.
func plain(err error) error {
	if code := minio.ToErrorResponse(err); code.Code != "" {
		return fmt.Errorf("the object store answered %s", code.Code)
	}
	var location *url.Error
	if errors.As(err, &location) {
		return fmt.Errorf("the object store cannot be reached: %w", location.Err)
	}
	if errors.Is(err, os.ErrNotExist) {
		return errors.New("there are no credentials for the object store")
	}
	return err
}
