package links

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/e2e"
)

func TestOf(t *testing.T) {
	run := e2e.Run{ID: "e2e-1-x", Stage: "pr", Subject: e2e.Subject{SHA: "abc"}}
	a := e2e.Attempt{Correlation: "e2e-1-x-s0-a1", DataPrefix: "e1", Trace: "4bf9"}
	got := Templates{
		"trace": "https://t.example/{trace_id}", "logs": "http://l.example/a?q={correlation_id}&s={stage}#{sha}",
		"test": "https://t.example/{test}/{run_id}/{data_prefix}",
	}.Of(run, `s/a b::Test<x>&"é`, a)
	want := []e2e.Link{
		{Name: "logs", URL: "http://l.example/a?q=e2e-1-x-s0-a1&s=pr#abc"},
		{Name: "test", URL: "https://t.example/s%2Fa%20b%3A%3ATest%3Cx%3E%26%22%C3%A9/e2e-1-x/e1"},
		{Name: "trace", URL: "https://t.example/4bf9"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := (Templates{"trace": "https://t.example/{trace_id}", "long": "https://t.example/{test}"}).Of(run, strings.Repeat("x", 3000),
		e2e.Attempt{}); got != nil {
		t.Errorf("%v", got)
	}
}

// No value changes the host of a link.
func TestValuesStayValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringN(1, 100, 300).Draw(t, "value")
		for _, l := range (Templates{"a": "https://logs.example/v1/{test}?q={test}&z=1#{test}"}).Of(e2e.Run{}, value, e2e.Attempt{}) {
			u, err := url.Parse(l.URL)
			if err != nil || u.Host != "logs.example" || u.Query().Get("q") != value || u.Query().Get("z") != "1" || u.Path != "/v1/"+value {
				t.Fatalf("%q: %s %v", value, l.URL, err)
			}
		}
	})
}

func TestValidate(t *testing.T) {
	for template, want := range map[string]string{
		"https://logs.example/{nope}":              "unknown placeholder {nope}",
		"https://logs.example/{}":                  "unknown placeholder {}",
		"javascript:alert({run_id})":               "absolute http",
		"//logs.example/{run_id}":                  "absolute http",
		"https://{stage}.example/":                 "part of the host",
		"https://logs.example:{stage}/":            "absolute http",
		"https://u:p@logs.example/":                "cannot hold a user",
		"https://logs.example/{run_id":             "brace",
		"https://logs.example/?q={correlation_id}": "",
		"http://127.0.0.1:3000/{trace_id}":         "",
	} {
		got := (Templates{"x": template}).Validate()
		if want == "" && len(got) == 0 {
			continue
		}
		if want == "" || len(got) != 1 || !strings.Contains(got[0].Text, want) || got[0].Path != "x" {
			t.Errorf("%s: %v, want %q", template, got, want)
		}
	}
	many := Templates{}
	for i := range maxLinks + 1 {
		many[string(rune('a'+i))] = "https://logs.example/"
	}
	if got := many.Validate(); !slices.ContainsFunc(got, func(p diag.Mistake) bool { return p.Path == "k" }) {
		t.Error(got)
	}
}
