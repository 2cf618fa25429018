package junit

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFilesGivesTheDocument(t *testing.T) {
	dir := t.TempDir()
	write := func(name, report string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(report), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("good.xml", `<testsuite><testcase name="a" time="0.1"/><testcase name="b" time="0.2"><flakyError/></testcase><testcase name="c"><skipped/></testcase></testsuite>`)
	bad := write("bad.xml", `<testsuite><testcase name="a" time="1"><failure/></testcase><testcase name="b"><error/>`)
	r := Files([]string{good, bad}, Options{})
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"files":[{"path":"` + good + `","tests":3,"passed":2,"failed":0,"errors":0,"skipped":1,"flaky":1,"seconds":0.3,"problems":[]},` +
		`{"path":"` + bad + `","tests":2,"passed":0,"failed":1,"errors":1,"skipped":0,"flaky":0,"seconds":1,"problems":[{"message":"1:88: the report ends inside of test case \"b\"; complete cases before it are kept, the rest is lost","loses_evidence":true}]}],` +
		`"totals":{"tests":5,"passed":2,"failed":1,"errors":1,"skipped":1,"flaky":1,"seconds":1.3}}`
	if string(data) != want {
		t.Errorf("got  %s\nwant %s", data, want)
	}
	if !r.LosesEvidence() || Files([]string{good}, Options{}).LosesEvidence() {
		t.Error("LosesEvidence is wrong")
	}
	if data, _ := json.Marshal(Files(nil, Options{})); !strings.HasPrefix(string(data), `{"files":[],"totals":{`) {
		t.Errorf("no files: %s", data)
	}
}

func TestParseSeconds(t *testing.T) {
	tests := []struct {
		text string
		want float64
		ok   bool
	}{
		{"", 0, true},
		{" 1.5 ", 1.5, true},
		{"1,234.5", 1234.5, true},
		{"1.234,5", 1234.5, true},
		{"1,234", 1234, true},
		{"12,345,678.25", 12345678.25, true},
		{"1,5", 1.5, true},
		{"0,123", 0.123, true},
		{"12,34", 12.34, true},
		{"1e3", 1000, true},
		{"1.5e-3", 0.0015, true},
		{"0.5s", 0.5, true},
		{"120 ms", 0.12, true},
		{"1m30s", 90, true},
		{"0:01:30.5", 90.5, true},
		{"1,2,3", 0, false},
		{"1,23.4", 0, false},
		{"NaN", 0, false},
		{"Inf", 0, false},
		{"-3", 0, false},
		{"-1,5", 0, false},
		{"1e300", 0, false},
		{"<<computed>>", 0, false},
		{"a:b", 0, false},
		{"-1:2", 0, false},
	}
	for _, tt := range tests {
		if got, ok := parseSeconds(tt.text); got != tt.want || ok != tt.ok {
			t.Errorf("parseSeconds(%q) = %v, %t, want %v, %t", tt.text, got, ok, tt.want, tt.ok)
		}
	}
}

func TestParseStamp(t *testing.T) {
	const want = "2025-01-02T03:04:05Z"
	for _, text := range []string{
		"2025-01-02T03:04:05", "2025-01-02T03:04:05Z", "2025-01-02T05:04:05.000+02:00", "2025-01-02T05:04:05+0200",
		"2025-01-02 03:04:05", "2025-01-02T03:04:05 UTC", "Thu, 02 Jan 2025 03:04:05 GMT", " 2025-01-02T03:04:05.000000 ",
	} {
		if got := parseStamp(text).Format("2006-01-02T15:04:05Z07:00"); got != want {
			t.Errorf("parseStamp(%q) = %s", text, got)
		}
	}
	if !parseStamp("").IsZero() || !parseStamp("yesterday").IsZero() {
		t.Error("no time is a time")
	}
}
