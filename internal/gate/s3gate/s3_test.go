package s3gate

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/gate/trust"
	"github.com/org/e2e-gate/internal/testkit/gatekit"
	"github.com/org/e2e-gate/internal/testkit/objectstore"
)

func TestStore(t *testing.T) {
	s := objectstore.Start(t)
	spec := func() *Spec {
		return &Spec{Endpoint: s.Endpoint, Bucket: "evidence", Prefix: "cases/", AccessKey: objectstore.Key, SecretKey: objectstore.Secret, PathStyle: true, Timeout: 30 * time.Second}
	}
	look := func(spec *Spec) probe.Observation {
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

func testReader(t *testing.T, s objectstore.Store, spec func() *Spec, look func(*Spec) probe.Observation) {
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

func testWrong(t *testing.T, spec func() *Spec, look func(*Spec) probe.Observation) {
	for _, tt := range []struct {
		change         func(*Spec)
		word, observed string
	}{
		{func(s *Spec) { s.Bucket = "nowhere" }, "no_bucket", "put: NoSuchBucket"},
		{func(s *Spec) { s.SecretKey = "wrong-secret-0123" }, "credentials", "put: SignatureDoesNotMatch"},
		{func(s *Spec) { s.AccessKey = "stranger" }, "credentials", "put: "},
		{func(s *Spec) { s.Region = "eu-west-9" }, "region", "put: AuthorizationHeaderMalformed"},
	} {
		wrong := spec()
		tt.change(wrong)
		if o := look(wrong); o.Word != tt.word || !strings.HasPrefix(o.Observed, tt.observed) {
			t.Errorf("got %+v, want %s", o, tt.word)
		}
	}
}

func TestCredentialsOfTheEnvironment(t *testing.T) {
	var key string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key = r.Header.Get("Authorization")
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, `<Error><Code>SlowDown</Code><RequestId>r-1</RequestId></Error>`)
	}))
	defer s.Close()
	spec := &Spec{Endpoint: s.URL, Bucket: "evidence"}
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	gatekit.Never(t, gatekit.Look(t, spec, probe.Env{}), "credentials", "no credentials found")
	t.Setenv("AWS_ACCESS_KEY_ID", "from-env")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret-of-env")
	gatekit.NotYet(t, gatekit.Look(t, spec, probe.Env{}), "put: SlowDown, request r-1")
	if !strings.Contains(key, "Credential=from-env/") {
		t.Error(key)
	}
}

func TestConnectionsThatFail(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	spec := &Spec{Endpoint: "http://" + l.Addr().String(), Bucket: "evidence", AccessKey: "a", SecretKey: "b", Timeout: 50 * time.Millisecond}
	gatekit.NotYet(t, gatekit.Look(t, spec, probe.Env{}), "no answer within 50ms")
	l.Close()
	gatekit.NotYet(t, gatekit.Look(t, spec, probe.Env{}), "connection refused")
	web := httptest.NewTLSServer(nil)
	defer web.Close()
	if o := gatekit.Look(t, &Spec{Endpoint: web.URL, Bucket: "evidence", AccessKey: "a", SecretKey: "b", TLS: &trust.TLS{}}, probe.Env{}); o.Word != "tls" {
		t.Errorf("got %+v", o)
	}
	if left := gatekit.Goroutines(t, "minio-go"); len(left) > 0 {
		t.Errorf("left behind:\n%s", strings.Join(left, "\n\n"))
	}
}

func TestValidate(t *testing.T) {
	gatekit.Problems(t, &Spec{Endpoint: "https://u:p@h/bucket", Bucket: "s3://x", Permissions: []string{"get", "read"}, AccessKey: "a", Timeout: -1},
		"endpoint: the endpoint is more than a scheme and a host", "bucket: that is no bucket name", `permissions[1]: unknown permission "read"`,
		"key: get without put needs an object that exists", "secret_key: access_key and secret_key belong together", "timeout: the duration is negative")
	p := (&Spec{Bucket: "evidence", Region: "eu-west-1"}).New(probe.Env{})
	if p.Target() != "https://s3.eu-west-1.amazonaws.com/evidence" || p.Expected() != "put, get, list, delete allowed" {
		t.Error(p.Target(), p.Expected())
	}
}
