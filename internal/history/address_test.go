package history

import (
	"errors"
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]string{
		"": "actions", "actions": "actions", "dir:../x y": "dir:../x y",
		"s3://bucket": "s3://bucket/", "s3://bucket/a/b/?region=%20eu-central-1%0A&path_style=true": "s3://bucket/a/b",
		"s3://b/p?endpoint=http://127.0.0.1:9000": "s3://b/p",
	} {
		a, err := ParseAddress(text)
		if err != nil || a.String() != want {
			t.Errorf("%q is read as %q, %v; want %q", text, a, err, want)
		}
	}
	a, err := ParseAddress("s3://b/p?region=%20eu-central-1%0A&path_style=true&endpoint=https://s.example.com")
	if err != nil || a.Region != "eu-central-1" || !a.PathStyle || a.Prefix != "p/" || a.Endpoint.Host != "s.example.com" {
		t.Errorf("the address is read as %+v, %v", a, err)
	}
	for _, bad := range []string{
		"ftp:x", "dir:", "s3:", "s3://", "s3:x", "s3://u:geheim@b/x", "s3://b?endpoint=ftp://x", "s3://b?colour=red", "s3://b?endpoint=%zz", "s3://b?endpoint=http:",
	} {
		_, err := ParseAddress(bad)
		var wrong *AddressError
		if !errors.As(err, &wrong) || wrong.Hint == "" || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%q is read with the error %v", bad, err)
		}
	}
}
