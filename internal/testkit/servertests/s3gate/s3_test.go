// Package s3gate tests the gate of object stores against a real one.
package s3gate

import (
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/gate/s3gate"
	"github.com/org/e2e-gate/internal/testkit/gatekit"
	"github.com/org/e2e-gate/internal/testkit/servertests/objectstore"
)

func TestStore(t *testing.T) {
	s := objectstore.Start(t)
	spec := func() *s3gate.Spec {
		return &s3gate.Spec{Endpoint: s.Endpoint, Bucket: "evidence", Prefix: "cases/", AccessKey: objectstore.Key, SecretKey: objectstore.Secret,
			PathStyle: true, Timeout: 30 * time.Second}
	}
	look := func(spec *s3gate.Spec) probe.Observation {
		env := probe.Env{Identity: map[string]string{"E2E_RUN_ID": "run-7"}}
		o := gatekit.Look(t, spec, env)
		gatekit.NoSecret(t, spec.New(env), o, objectstore.Secret)
		return o
	}
	s.Allow(t, "s3:PutObject", "s3:GetObject", "s3:ListBucket", "s3:DeleteObject")
	gatekit.Healthy(t, look(spec()), "put allowed, get allowed, list allowed, delete allowed")
	if left := s.Objects(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	// The upload is allowed, the read is not: one line says so.
	s.Allow(t, "s3:PutObject", "s3:ListBucket", "s3:DeleteObject")
	o := look(spec())
	gatekit.Never(t, o, "denied", "put allowed, get denied (AccessDenied), list allowed, delete allowed")
	if !strings.HasPrefix(o.Reason, "the credentials lack s3:GetObject on bucket evidence under cases/;") {
		t.Error(o.Reason)
	}
	// What the product does not do need not be allowed; the object goes all the same.
	write := spec()
	write.Permissions = []string{"put"}
	gatekit.Healthy(t, look(write), "put allowed")
	if left := s.Objects(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	s.Allow(t, "s3:GetObject", "s3:ListBucket")
	gatekit.Never(t, look(spec()), "denied", "put denied (AccessDenied), list allowed, delete denied (AccessDenied)")
	testReader(t, s, spec, look)
	testWrong(t, spec, look)
}

func testReader(t *testing.T, s objectstore.Store, spec func() *s3gate.Spec, look func(*s3gate.Spec) probe.Observation) {
	if _, err := s.Client.PutObject(t.Context(), "evidence", "readme", strings.NewReader("x"), 1, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	reader := spec()
	reader.Permissions, reader.Key = []string{"get", "list"}, "readme"
	gatekit.Healthy(t, look(reader), "get allowed, list allowed")
	reader.Key = "nothing"
	if o := look(reader); o.Word != "no_key" || !strings.HasPrefix(o.Observed, "get: NoSuchKey") {
		t.Errorf("got %+v", o)
	}
}

func testWrong(t *testing.T, spec func() *s3gate.Spec, look func(*s3gate.Spec) probe.Observation) {
	for _, tt := range []struct {
		change         func(*s3gate.Spec)
		word, observed string
	}{
		{func(s *s3gate.Spec) { s.Bucket = "nowhere" }, "no_bucket", "put: NoSuchBucket"},
		{func(s *s3gate.Spec) { s.SecretKey = "wrong-secret-0123" }, "credentials", "put: SignatureDoesNotMatch"},
		{func(s *s3gate.Spec) { s.AccessKey = "stranger" }, "credentials", "put: "},
		{func(s *s3gate.Spec) { s.Region = "eu-west-9" }, "region", "put: AuthorizationHeaderMalformed"},
	} {
		wrong := spec()
		tt.change(wrong)
		if o := look(wrong); o.Word != tt.word || !strings.HasPrefix(o.Observed, tt.observed) {
			t.Errorf("got %+v, want %s", o, tt.word)
		}
	}
}
