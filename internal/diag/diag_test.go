package diag

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMessageString(t *testing.T) {
	for _, tc := range []struct {
		m    Message
		want string
	}{
		{Message{Text: "no file"}, "no file"},
		{Message{File: "a.yml", Text: "empty"}, "a.yml: empty"},
		{Message{File: "a.yml", Line: 3, Text: "bad"}, "a.yml:3: bad"},
		{Message{File: "a.yml", Line: 3, Col: 7, Text: "bad", Hint: "try b"}, "a.yml:3:7: bad; try b"},
		{Message{File: "a.yml", Line: 3, Col: 7, Text: "odd", Severity: Warning}, "a.yml:3:7: warning: odd"},
	} {
		if got := tc.m.String(); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
}

func TestListOrdersAndDropsDoubles(t *testing.T) {
	var l List
	if l.Err() != nil {
		t.Fatal("an empty list is an error")
	}
	l.Add(Message{File: "b", Line: 1, Text: "z", Severity: Warning})
	if l.Err() != nil {
		t.Fatal("a warning alone is an error")
	}
	l.Add(Message{File: "a", Line: 10, Text: "y"}, Message{File: "a", Line: 2, Text: "x"}, Message{File: "a", Line: 10, Text: "y"})
	want := "a:2: x\na:10: y\nb:1: warning: z"
	if diff := cmp.Diff(want, l.Err().Error()); diff != "" {
		t.Error(diff)
	}
}

func TestNearest(t *testing.T) {
	allowed := []string{"timeout", "interval", "stable_for", "checks"}
	for word, want := range map[string]string{"time_out": "timeout", "intreval": "interval", "check": "checks", "zzz": "", "": ""} {
		if got := Nearest(word, allowed); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
	if got := Expected("zzz", []string{"a1", "b1"}); got != "expected one of: a1, b1" {
		t.Error(got)
	}
}
