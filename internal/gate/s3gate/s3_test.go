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

	"github.com/org/e2e-gate/internal/gate/probe"
	"github.com/org/e2e-gate/internal/gate/trust"
	"github.com/org/e2e-gate/internal/testkit/gatekit"
)

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
		"endpoint: the endpoint has more than a scheme and a host", "bucket: this is not a bucket name", `permissions[1]: unknown permission "read"`,
		"key: get without put needs an existing object", "secret_key: access_key and secret_key belong together", "timeout: the duration is negative")
	p := (&Spec{Bucket: "evidence", Region: "eu-west-1"}).New(probe.Env{})
	if p.Target() != "https://s3.eu-west-1.amazonaws.com/evidence" || p.Expected() != "put, get, list, delete allowed" {
		t.Error(p.Target(), p.Expected())
	}
}
