package junit

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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
	want := `{"files":[{"path":` + strconv.Quote(good) + `,"tests":3,"passed":2,"failed":0,"errors":0,"skipped":1,"flaky":1,"seconds":0.3,"problems":[]},` +
		`{"path":` + strconv.Quote(bad) + `,"tests":2,"passed":0,"failed":1,"errors":1,"skipped":0,"flaky":0,"seconds":1,"problems":[{"message":"1:88: the report ends inside of test case \"b\"; complete cases before it are kept, the rest is lost","loses_evidence":true}]}],` +
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

// What a comma is in a time is a matter of the whole report.
func TestDecimalComma(t *testing.T) {
	for _, tt := range []struct {
		rule, suite string
		times       []string
		want        []float64
		sum         float64
	}{
		{"nothing says that it is decimal", "", []string{"1,234"}, []float64{1234}, 1234},
		{"a time below one says so", "", []string{"25,357", "0,160"}, []float64{25.357, 0.16}, 25.517},
		{"a time with two decimals says so, in front", "", []string{"1,25", "25,357"}, []float64{1.25, 25.357}, 26.607},
		{"the time of a suite says so", "0,5", []string{"25,357"}, []float64{25.357}, 25.357},
		{"points for thousands say so", "", []string{"1.234,5", "2,500"}, []float64{1234.5, 2.5}, 1237},
		{"a decimal point says that it is not", "", []string{"1,234", "0.5"}, []float64{1234, 0.5}, 1234.5},
		{"two commas say that it is not", "", []string{"1,234", "0,5", "1,000,000"}, []float64{1234, 0.5, 1000000}, 1001234.5},
	} {
		report := `<testsuite time="` + tt.suite + `">`
		for i, text := range tt.times {
			report += fmt.Sprintf(`<testcase name="%d" time="%s"/>`, i, text)
		}
		m := &Merger{}
		sum, err := Read(strings.NewReader(report+`</testsuite>`), Options{}, m.Add)
		if err != nil {
			t.Fatal(err)
		}
		if sum.DecimalComma {
			m.DecimalComma()
		}
		var got []float64
		for _, test := range m.Tests() {
			got = append(got, test.Attempts[0].Seconds)
		}
		if !slices.Equal(got, tt.want) || math.Abs(sum.Seconds-tt.sum) > 1e-6 {
			t.Errorf("%s: got %v, sum %v", tt.rule, got, sum.Seconds)
		}
	}
	m := &Merger{}
	report := `<testsuite><testcase name="a" time="1,500"><flakyFailure time="2,500"/></testcase></testsuite>`
	if _, err := Read(strings.NewReader(report), Options{}, m.Add); err != nil || m.LongestInDoubt() != 2500 {
		t.Fatalf("%v %v", err, m.LongestInDoubt())
	}
	m.DecimalComma()
	if a := m.Tests()[0].Attempts; a[0].Seconds != 2.5 || a[1].Seconds != 1.5 || m.LongestInDoubt() != 0 {
		t.Errorf("%+v", a)
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
