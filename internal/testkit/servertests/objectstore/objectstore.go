// Package objectstore is an object store for tests: a real S3 gateway over a folder,
// in this process, which enforces permissions.
package objectstore

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
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

const (
	// RootKey and RootSecret are the administrator's.
	RootKey, RootSecret = "root-key", "root-secret-0123"
	// Key and Secret are of a user who may do only what [Store.Allow] says.
	Key, Secret = "gate-key", "gate-secret-0123"
	// Bucket is the bucket that there is.
	Bucket = "evidence"
)

// Store is a real gateway, which enforces permissions. One per process.
type Store struct {
	Endpoint string
	// Client is the administrator's.
	Client *minio.Client
	dir    string
}

// Start starts a gateway with an empty bucket, which ends with the test. The test
// has another working directory until then, so it must not be a parallel one.
func Start(t testing.TB) Store {
	t.Helper()
	dir, side, iam := t.TempDir(), t.TempDir(), t.TempDir()
	// The gateway changes into its folder and depends on being there.
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Chdir(wd); err != nil {
			t.Error(err)
		}
	})
	sidecar, err := meta.NewSideCar(side)
	if err != nil {
		t.Fatal(err)
	}
	be, err := posix.New(dir, sidecar, posix.PosixOpts{SideCarDir: side})
	if err != nil {
		t.Fatal(err)
	}
	users, err := auth.NewInternal(auth.Account{Access: RootKey, Secret: RootSecret, Role: auth.RoleAdmin}, iam)
	if err != nil {
		t.Fatal(err)
	}
	if err := users.CreateAccount(auth.Account{Access: Key, Secret: Secret, Role: auth.RoleUser}); err != nil {
		t.Fatal(err)
	}
	port := servers.FreePort(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- embedgw.RunVersityGW(ctx, be, &embedgw.Config{
			RootUserAccess: RootKey, RootUserSecret: RootSecret, Ports: []string{fmt.Sprintf("127.0.0.1:%d", port)},
			MaxConnections: 200, MaxRequests: 200, MultipartMaxParts: 100, Quiet: true, IAMService: users,
		})
	}()
	t.Cleanup(func() { cancel(); <-done })
	s := Store{Endpoint: fmt.Sprintf("http://127.0.0.1:%d", port), dir: dir}
	s.Client, err = minio.New(strings.TrimPrefix(s.Endpoint, "http://"),
		&minio.Options{Creds: credentials.NewStaticV4(RootKey, RootSecret, ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	limit := time.After(30 * time.Second)
	for s.Client.MakeBucket(t.Context(), Bucket, minio.MakeBucketOptions{}) != nil {
		select {
		case err := <-done:
			t.Fatal("the gateway ended: ", err)
		case <-limit:
			t.Fatal("the gateway did not come up")
		case <-time.After(20 * time.Millisecond):
		}
	}
	return s
}

// Allow sets what the user may do, by a bucket policy.
func (s Store) Allow(t testing.TB, actions ...string) {
	t.Helper()
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":[%q]},"Action":["%s"],"Resource":["arn:aws:s3:::evidence","arn:aws:s3:::evidence/*"]}]}`, Key, strings.Join(actions, `","`))
	if err := s.Client.SetBucketPolicy(t.Context(), "evidence", policy); err != nil {
		t.Fatal(err)
	}
}

// Objects are the files left in the bucket.
func (s Store) Objects(t testing.TB) []string {
	t.Helper()
	var left []string
	err := filepath.WalkDir(filepath.Join(s.dir, "evidence"), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			left = append(left, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return left
}
