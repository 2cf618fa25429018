//go:build unix

package attack

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf16"

	"github.com/org/e2e-gate/internal/e2e"
)

// bounded fails if what is done takes more memory in all than a gigabyte: the inputs have megabytes.
func bounded(t *testing.T, do func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) >> 20; n > 1024 {
		t.Errorf("%d MiB were allocated", n)
	}
}

func inXML(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

// failedCase is a failed test, to see that what is around it does not hide it.
const failedCase = `<testcase name="bad"><failure message="expected 1, got 2">at x.go:1</failure></testcase>`

// reported runs a suite that ends with the status and leaves the report. The result is exit, and no
// output has any of the texts.
func reported(report string, status, exit int, without ...string) func(t *testing.T) {
	return func(t *testing.T) {
		w := newWorld(t, map[string]string{"e2e-gate.yml": config(whole), "r.xml": report,
			"suite.sh": fmt.Sprintf("cp r.xml $E2E_REPORT_DIR/; exit %d\n", status)})
		bounded(t, func() {
			o := w.run().wants(exit).without(without...)
			for _, name := range []string{"comment 1", "summary.md", "slack.json"} {
				if len(o.outputs[name]) > 1<<20 {
					t.Errorf("%s has %d bytes", name, len(o.outputs[name]))
				}
			}
			if !strings.Contains(report, `name="bad"`) || exit != 1 {
				return
			}
			for _, test := range o.result.Tests {
				if strings.Contains(test.ID, "bad") && test.Outcome == e2e.Failed && test.Effect == e2e.Blocks {
					return
				}
			}
			t.Errorf("the failed test does not block: %+v", o.result.Verdict)
		})
	}
}

func suiteOf(cases string) string { return "<testsuite>" + cases + "</testsuite>" }

// laughs is an entity that would expand to a billion words.
func laughs() string {
	var b strings.Builder
	b.WriteString(`<!DOCTYPE t [<!ENTITY l0 "hahahaha">`)
	for i := 1; i < 10; i++ {
		fmt.Fprintf(&b, `<!ENTITY l%d "%s">`, i, strings.Repeat(fmt.Sprintf("&l%d;", i-1), 10))
	}
	return b.String() + `]><testsuite><testcase name="bad"><failure message="&l9;">&l9;</failure></testcase></testsuite>`
}

func inUTF16(s string) string {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// fetchesEntity serves a document to which an external entity leads.
func fetchesEntity(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer server.Close()
	reported(`<!DOCTYPE t SYSTEM "`+server.URL+`/dtd" [<!ENTITY f SYSTEM "file:///etc/passwd"><!ENTITY h SYSTEM "`+server.URL+`/x"><!ENTITY % p SYSTEM "`+
		server.URL+`/p"> %p;]>`+suiteOf(`<testcase name="bad"><failure message="&f;&h;">&f;&h;</failure></testcase>`), 1, 1, "root:x:", "/bin/")(t)
	if n := asked.Load(); n != 0 {
		t.Errorf("the report made the gate send %d requests", n)
	}
}

// replacedBy runs a suite that makes something else in the report's place.
func replacedBy(make string) func(t *testing.T) {
	return func(t *testing.T) {
		w := newWorld(t, map[string]string{"e2e-gate.yml": config(whole, "rerun: {max_failures: 0}"), "suite.sh": `cd "$E2E_REPORT_DIR" && ` + make + "\n"})
		w.run().wants(3).without("root:x:")
	}
}

func reportAttacks() []attack {
	const s = "JUnit report"
	return []attack{
		{attack: "entities that expand to a billion words", surface: s, expected: "not expanded; the failure blocks",
			try: reported(laughs(), 1, 1, strings.Repeat("haha", 4))},
		{attack: "external entities of files and addresses", surface: s, expected: "nothing is read or requested; the failure blocks", try: fetchesEntity},
		{attack: "elements 200,000 deep", surface: s, expected: "not judged", try: reported(strings.Repeat("<a>", 200_000)+failedCase, 0, 3)},
		{attack: "300,000 attributes", surface: s, expected: "the failure beside them blocks",
			try: reported(suiteOf("<testcase name='a' "+numbered(300_000, "a%d='x' ")+"/>"+failedCase), 1, 1)},
		{attack: "300,000 properties", surface: s, expected: "the failure that they belong to blocks",
			try: reported(suiteOf("<testcase name=\"bad\"><properties>"+numbered(300_000,
				"<property name='p%d' value='x'/>")+"</properties><failure/></testcase>"), 1, 1)},
		{attack: "NUL bytes", surface: s, expected: "the failure blocks, and no output has a NUL",
			try: reported(suiteOf("<testcase name=\"bad\"><failure message=\"\x00\">\x00\x00</failure><system-out>\x00</system-out></testcase>"), 1, 1, "\x00")},
		{attack: "cut within a test that passed", surface: s, expected: "not judged",
			try: reported(`<testsuite><testcase name="a"/><testcase name="b"><system-out>x`, 0, 3)},
		{attack: "cut between two tests, with the number declared", surface: s, expected: "not judged",
			try: reported(`<testsuite tests="2"><testcase name="a"/></testsuite>`, 0, 3)},
		{attack: "UTF-16", surface: s, expected: "read; the failure blocks", try: reported(inUTF16(suiteOf(failedCase)), 1, 1)},
		{attack: "UTF-16 that is cut in a character", surface: s, expected: "not judged",
			try: reported(inUTF16(suiteOf(`<testcase name="a"/><testcase name="b"/>`))[:81], 0, 3)},
		{attack: "5 MB of name, message and output", surface: s, expected: "cut in what people read; the failure blocks",
			try: reported(suiteOf(`<testcase name="a" classname="`+strings.Repeat("n", 5<<20)+`"><failure message="`+strings.Repeat("m", 5<<20)+`"/></testcase>`+
				`<testcase name="bad"><failure/><system-out>`+strings.Repeat("o", 5<<20)+`</system-out></testcase>`), 1, 1)},
		{attack: "a million character references", surface: s, expected: "the failure blocks", slow: true,
			try: reported(suiteOf(`<testcase name="bad"><failure>`+strings.Repeat("&#x41;", 1_000_000)+`</failure></testcase>`), 1, 1)},
		{attack: "300,000 processing instructions and comments", surface: s, expected: "the failure blocks",
			try: reported(strings.Repeat("<?x y?><!-- z -->", 300_000)+suiteOf(failedCase), 1, 1)},
		{attack: "a failure within the output of a test", surface: s, expected: "text; what the runner's status says decides: not judged",
			try: reported(suiteOf(`<testcase name="a"><system-out>x<failure/></system-out></testcase>`), 1, 3)},
		{attack: "a failure whose element has another case", surface: s, expected: "no pass: the runner's status says that something failed",
			try: reported(suiteOf(`<testcase name="a"><Failure/></testcase>`), 1, 3)},
		{attack: "a failure, and a runner that ends with 0", surface: s, expected: "blocks", try: reported(suiteOf(failedCase), 0, 1)},
		{attack: "no failure, and a runner that ends with 1", surface: s, expected: "not judged", try: reported(suiteOf(`<testcase name="a"/>`), 1, 3)},
		{attack: "a failure, then a pass of the same name", surface: s, expected: "two tests, not a retry: blocks",
			try: reported(suiteOf(failedCase+`<testcase name="bad"/>`), 1, 1)},
		{attack: "a failure that calls itself the environment's", surface: s, expected: "blocks: no text changes an effect",
			try: reported(suiteOf(`<testcase name="bad"><properties><property name="e2e.category" value="ENVIRONMENT"/></properties>`+
				`<failure message="connect: connection refused"/></testcase>`), 1, 1)},
		{attack: "an attachment of another file", surface: s, expected: "not copied, not shown",
			try: reported(suiteOf(`<testcase name="bad"><failure/><system-out>[[ATTACHMENT|/etc/passwd]] `+
				`[[ATTACHMENT|../../../../../../etc/passwd]]</system-out></testcase>`), 1, 1, "root:x:")},
		{attack: "a page of a proxy", surface: s, expected: "not judged", try: reported("<!DOCTYPE html><html><body>502 Bad Gateway</body></html>", 0, 3)},
		{attack: "a link to /etc/passwd", surface: s, expected: "not read; not judged", try: replacedBy("ln -s /etc/passwd r.xml")},
		{attack: "a link to a device without end", surface: s, expected: "not read; not judged", try: replacedBy("ln -s /dev/zero r.xml")},
		{attack: "a pipe that is never written", surface: s, expected: "not waited for; not judged", try: replacedBy("mkfifo r.xml")},
		{attack: "a link to itself", surface: s, expected: "not judged", try: replacedBy("ln -s r.xml r.xml")},
		{attack: "a folder", surface: s, expected: "not judged", try: replacedBy("mkdir r.xml")},
		{attack: "a report of an earlier run", surface: s, expected: "old files do not count: not judged", try: func(t *testing.T) {
			newWorld(t, map[string]string{"e2e-gate.yml": config(strings.Replace(whole, "{report_dir}/*.xml", "old.xml", 1)), "suite.sh": "true\n",
				"old.xml": suiteOf(`<testcase name="a"/>`)}).run().wants(3)
		}},
		elsewhere(s, "two outputs of one element", "joined", "internal/junit TestTraps/two outputs"),
		elsewhere(s, "elements and attributes moved, doubled and dropped at random", "no failure is lost", "internal/junit FuzzDisturbedReports"),
		elsewhere(s, "millions of cases", "memory stays flat", "internal/junit TestMemoryStaysFlat"),
	}
}
