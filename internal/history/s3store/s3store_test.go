package s3store

import (
	"strings"
	"testing"
)

func TestNew(t *testing.T) {
	at := func(address string, env map[string]string) (*Store, error) {
		return New(address, func(name string) string { return env[name] })
	}
	s, err := at("s3://bucket", nil)
	if err != nil || s.bucket != "bucket" || s.prefix != "" || s.client.EndpointURL().Host != "s3.us-east-1.amazonaws.com" {
		t.Errorf("%+v %v", s, err)
	}
	// Secrets and files often end with a line break.
	s, err = at("s3://bucket/p", map[string]string{"AWS_REGION": "eu-central-1\n"})
	if err != nil || s.client.EndpointURL().Host != "s3.eu-central-1.amazonaws.com" {
		t.Errorf("%+v %v", s, err)
	}
	if _, err := at("s3://bucket/p", map[string]string{"AWS_REGION": "eu central 1"}); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("a region with spaces is taken, or not said: %v", err)
	}
	for _, bad := range []string{"", "dir:x", "s3:", "s3://", "http://x/y", "s3://u:p@b/x", "s3://b?endpoint=ftp://x", "s3://b?colour=red",
		"s3://b?endpoint=%zz"} {
		if _, err := at(bad, nil); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
