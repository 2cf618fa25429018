package junit

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	gojunit "github.com/joshdk/go-junit"
)

// benchCases times about 400 bytes is the size of the benchmarks' report: 20 MB.
// With 500_000 it is the report of 200 MB that the reader was measured on.
const benchCases = 50_000

// synthetic is a report of n cases, produced on the fly: 4 % fail with a stack
// trace, 2 % are skipped, 10 % have output, all of one hundred suites.
type synthetic struct {
	n, i int
	buf  bytes.Buffer
}

func (s *synthetic) Read(p []byte) (int, error) {
	for s.buf.Len() < len(p) && s.i <= s.n {
		s.next()
	}
	return s.buf.Read(p)
}

func (s *synthetic) next() {
	w := &s.buf
	if s.i == 0 {
		fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"%d\">\n", s.n)
	}
	if s.i == s.n {
		w.WriteString("</testsuites>\n")
		s.i++
		return
	}
	per := max(1, s.n/100)
	if s.i%per == 0 {
		fmt.Fprintf(w, "<testsuite name=\"com.acme.cases.CaseIT%d\" timestamp=\"2025-01-02T03:04:05\">\n<properties><property name=\"owner\" "+
			"value=\"case-platform\"/></properties>\n", s.i/per)
	}
	fmt.Fprintf(w, "  <testcase classname=\"com.acme.cases.submission.CaseSubmissionIntegrationIT%d\" name=\"submits a case with %d attachments and "+
		"waits for the audit trail of the second instance to appear\" file=\"src/test/java/com/acme/cases/submission/CaseSubmissionIntegrationIT.java\" "+
		"line=\"%d\" time=\"%d.%03d\"", s.i/per, s.i, s.i%900+1, s.i%7, s.i%1000)
	switch {
	case s.i%25 == 3:
		w.WriteString("><failure message=\"expected: &lt;200&gt; but was: &lt;500&gt;\" " +
			"type=\"org.opentest4j.AssertionFailedError\"><![CDATA[org.opentest4j.AssertionFailedError: expected\n")
		for range 8 {
			w.WriteString("\tat com.acme.cases.submission.CaseSubmissionIT.submits(CaseSubmissionIT.java:118)\n")
		}
		w.WriteString("]]></failure></testcase>\n")
	case s.i%50 == 7:
		w.WriteString("><skipped message=\"not on this stage\"/></testcase>\n")
	case s.i%10 == 1:
		w.WriteString("><system-out>")
		for range 10 {
			w.WriteString("12:00:01.123 INFO  case-api &lt;POST&gt; /cases took 12 ms\n")
		}
		w.WriteString("</system-out></testcase>\n")
	default:
		w.WriteString("/>\n")
	}
	s.i++
	if s.i%per == 0 || s.i == s.n {
		w.WriteString("</testsuite>\n")
	}
}

func syntheticBytes(b *testing.B) []byte {
	b.Helper()
	data, err := io.ReadAll(&synthetic{n: benchCases})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	return data
}

// BenchmarkRead is ours, from a file, as reports are read. peak-MB is the largest
// heap in use while reading, garbage included, less what was in use before.
func BenchmarkRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "report.xml")
	if err := os.WriteFile(path, syntheticBytes(b), 0o600); err != nil {
		b.Fatal(err)
	}
	before, peak := heap(true), uint64(0)
	for b.Loop() {
		n := 0
		sum, err := ReadFile(path, Options{}, func(Case) error {
			if n++; n%5_000 == 0 {
				peak = max(peak, max(heap(false), before)-before)
			}
			return nil
		})
		if err != nil || sum.Tests != benchCases || len(sum.Problems) != 0 {
			b.Fatalf("%+v, %v", sum, err)
		}
	}
	b.ReportMetric(float64(peak)/1e6, "peak-MB")
}

func heap(collect bool) uint64 {
	if collect {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkGoJUnit reads the same with go-junit alone.
func BenchmarkGoJUnit(b *testing.B) {
	data := syntheticBytes(b)
	for b.Loop() {
		if _, err := gojunit.Ingest(data); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEncodingXML only cuts the same into tokens, with encoding/xml.
func BenchmarkEncodingXML(b *testing.B) {
	data := syntheticBytes(b)
	for b.Loop() {
		d := xml.NewDecoder(bytes.NewReader(data))
		for {
			if _, err := d.RawToken(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
}
