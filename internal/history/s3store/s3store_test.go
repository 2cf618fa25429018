package s3store

import "testing"

func TestAddresses(t *testing.T) {
	none := func(string) string { return "" }
	for _, bad := range []string{"", "s3:", "s3://", "http://x/y", "s3://u:p@b/x", "s3://b?endpoint=ftp://x", "s3://b?colour=red", "s3://b?endpoint=%zz"} {
		if _, err := New(bad, none); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	s, err := New("s3://bucket", none)
	if err != nil || s.bucket != "bucket" || s.prefix != "" {
		t.Errorf("%+v %v", s, err)
	}
}
