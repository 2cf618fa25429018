// Package objectstore starts a real S3-compatible gateway, which enforces permissions,
// within the test's process: one per process.
package objectstore

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"

	"github.com/org/e2e-gate/internal/testkit/servers"
)

// The accounts: one that may all, and one that may what bucket policies allow.
const (
	RootKey, RootSecret = "root-key", "root-secret-0123"
	UserKey, UserSecret = "gate-key", "gate-secret-0123"
)

// Bucket exists from the start.
const Bucket = "evidence"

// Store is the gateway.
type Store struct {
	Endpoint string
	// Dir holds the buckets as folders.
	Dir    string
	Client *minio.Client
}

// Start starts the gateway, which ends with the test.
func Start(tb testing.TB) *Store {
	tb.Helper()
	dir, side, iam := tb.TempDir(), tb.TempDir(), tb.TempDir()
	sidecar, err := meta.NewSideCar(side)
	if err != nil {
		tb.Fatal(err)
	}
	be, err := posix.New(dir, sidecar, posix.PosixOpts{SideCarDir: side})
	if err != nil {
		tb.Fatal(err)
	}
	users, err := auth.NewInternal(auth.Account{Access: RootKey, Secret: RootSecret, Role: auth.RoleAdmin}, iam)
	if err != nil {
		tb.Fatal(err)
	}
	if err := users.CreateAccount(auth.Account{Access: UserKey, Secret: UserSecret, Role: auth.RoleUser}); err != nil {
		tb.Fatal(err)
	}
	port := servers.FreePort(tb)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- embedgw.RunVersityGW(ctx, be, &embedgw.Config{
			RootUserAccess: RootKey, RootUserSecret: RootSecret, Ports: []string{fmt.Sprintf("127.0.0.1:%d", port)},
			MaxConnections: 200, MaxRequests: 200, MultipartMaxParts: 100, Quiet: true, IAMService: users,
		})
	}()
	tb.Cleanup(func() { cancel(); <-done })
	s := &Store{Endpoint: fmt.Sprintf("http://127.0.0.1:%d", port), Dir: dir}
	s.Client, err = minio.New(strings.TrimPrefix(s.Endpoint, "http://"), &minio.Options{Creds: credentials.NewStaticV4(RootKey, RootSecret, ""), Region: "us-east-1"})
	if err != nil {
		tb.Fatal(err)
	}
	s.await(tb, done)
	return s
}

// await makes the bucket as soon as the gateway answers.
func (s *Store) await(tb testing.TB, done <-chan error) {
	tb.Helper()
	limit := time.After(30 * time.Second)
	for s.Client.MakeBucket(tb.Context(), Bucket, minio.MakeBucketOptions{}) != nil {
		select {
		case err := <-done:
			tb.Fatal("the gateway ended: ", err)
		case <-limit:
			tb.Fatal("the gateway did not come up")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Allow sets what the user may do in the bucket, such as s3:GetObject.
func (s *Store) Allow(tb testing.TB, actions ...string) {
	tb.Helper()
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":[%q]},"Action":["%s"],"Resource":["arn:aws:s3:::%s","arn:aws:s3:::%s/*"]}]}`,
		UserKey, strings.Join(actions, `","`), Bucket, Bucket)
	if err := s.Client.SetBucketPolicy(tb.Context(), Bucket, policy); err != nil {
		tb.Fatal(err)
	}
}
