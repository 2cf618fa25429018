package testfiles_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testfiles"
	"github.com/org/e2e-gate/internal/testkit/need"
)

func plain(s string) string { return s }

func read(t testing.TB, name string, data []byte, mask func(string) string) testfiles.Found {
	t.Helper()
	found, ok := testfiles.Read(name, bytes.NewReader(data), int64(len(data)), mask)
	if !ok {
		t.Fatalf("%s is not read", name)
	}
	return found
}

// har is a HAR of entries "METHOD URL STATUS TEXT", and of others as they are.
func har(entries ...string) []byte {
	var list []string
	for _, e := range entries {
		if p := strings.SplitN(e, " ", 4); len(p) == 4 {
			e = fmt.Sprintf(`{"time":1,"request":{"method":%q,"url":%q},"response":{"status":%s,"statusText":%q,"content":{"text":"x"}}}`, p[0], p[1], p[2], p[3])
		}
		list = append(list, e)
	}
	return []byte(`{"log":{"version":"1.2","creator":{"name":"x"},"entries":[` + strings.Join(list, ",") + `],"pages":[]}}`)
}

func TestHAR(t *testing.T) {
	got := read(t, "evidence/net.HAR", har(
		"GET https://shop.example/ 200 OK",
		"GET https://shop.example/gone 404 Not Found",
		"GET https://shop.example/gone 404 Not Found",
		"POST https://user:pass@shop.example/pay?token=abc#x 500 Internal Server Error",
		"GET https://shop.example/moved 302 Found",
		"GET https://shop.example/favicon.ico 404 Not Found",
		`{"request":{"method":"GET","url":"https://shop.example/refused"},"response":{"status":-1,"_failureText":"net::ERR_CONNECTION_REFUSED"}}`,
		`{"request":{"method":"GET","url":"https://shop.example/cut"},"response":{"status":0,"statusText":""}}`,
		`{"request":{"method":"GET","url":"https://shop.example/left"},"response":{"status":-1,"_failureText":"net::ERR_ABORTED"}}`,
		`{"request":"odd"}`,
		`{"request":{"method":"GET","url":"data:text/html,secret"},"response":{"status":500,"statusText":"x"}}`,
	), plain)
	want := []string{
		"POST https://shop.example/pay?…: 500 Internal Server Error", "GET https://shop.example/refused: net::ERR_CONNECTION_REFUSED",
		"GET https://shop.example/cut: no response", "GET data:…: 500 x", "GET https://shop.example/gone: 404 Not Found (2 times)",
		"GET https://shop.example/left: net::ERR_ABORTED",
	}
	if !slices.Equal(got.Requests, want) || got.Unread != "1 of its 11 entries cannot be read" {
		t.Errorf("%q, unread %q\nwant %q", got.Requests, got.Unread, want)
	}
}

// TestDamagedHARs say what of them is not known.
func TestDamagedHARs(t *testing.T) {
	good := har("GET https://a.example/x 500 No")
	for name, c := range map[string]struct {
		data   []byte
		found  int
		unread string
	}{
		"not JSON":    {[]byte("<html>"), 0, "it is not a HAR"},
		"another one": {[]byte(`{"log":[]}`), 0, "it is not a HAR"},
		"no entries":  {[]byte(`{"log":{"version":"1"}}`), 0, "it is not a HAR"},
		"an object":   {[]byte(`{"log":{"entries":{}}}`), 0, "it is not a HAR"},
		"nothing":     {nil, 0, "it is not a HAR"},
		"cut":         {bytes.Replace(good, []byte("],\"pages\""), []byte(`,{"requ`), 1), 1, "it is damaged behind entry 1"},
	} {
		if got := read(t, "x.har", c.data, plain); len(got.Requests) != c.found || got.Unread != c.unread {
			t.Errorf("%s: %q, unread %q", name, got.Requests, got.Unread)
		}
	}
}

// repeated is a file of a beginning, and of one piece after it again and again.
type repeated struct{ head, piece string }

func (r repeated) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		if at := off + int64(i); at < int64(len(r.head)) {
			p[i] = r.head[at]
		} else {
			p[i] = r.piece[(at-int64(len(r.head)))%int64(len(r.piece))]
		}
	}
	return len(p), nil
}

// TestHugeHARs are read up to a bound, and say so.
func TestHugeHARs(t *testing.T) {
	need.NoRaceDetector(t)
	if testing.Short() {
		t.Skip("it reads 48 MB")
	}
	for name, file := range map[string]repeated{
		"200 MB of requests": {`{"log":{"entries":[{"request":{"method":"GET","url":"https://a.example/x"},"response":{"status":500}}`,
			`,{"request":{"method":"GET","url":"https://a.example/fine"},"response":{"status":200,"content":{"text":"` + strings.Repeat("x", 20_000) + `"}}}`},
		"one of 200 MB": {`{"log":{"entries":[{"request":{"method":"GET","url":"https://a.example/x"},"response":{"status":500}},{"request":{"url":"`, "x"},
	} {
		if got, _ := testfiles.Read("x.har", file, 200<<20, plain); len(got.Requests) != 1 || got.Unread != "only its first 24 MB are read, of 200" {
			t.Errorf("%s: %q, unread %q", name, got.Requests, got.Unread)
		}
	}
}

func TestConsole(t *testing.T) {
	lines := "12:00:01 INFO ready\n[error] boom\n12:00:02 ERROR cannot load cart\nUncaught TypeError: x is undefined\nno errors were found\n" +
		`{"level":"error","message":"as JSON"}` + "\n" + `{"type":"log","text":"an error that is none"}` + "\n" + strings.Repeat("e", 2<<20) + " ERROR\n[error] last"
	want := []string{"[error] boom", "12:00:02 ERROR cannot load cart", "Uncaught TypeError: x is undefined", "as JSON", "[error] last"}
	if got := read(t, "evidence/browser-console.log", []byte(lines), plain); !slices.Equal(got.Console, want) {
		t.Errorf("%q", got.Console)
	}
	list := `[{"type":"warning","text":"w"},{"type":"error","text":"boom"},{"type":"error","text":"boom"}]`
	if got := read(t, "console.json", []byte(list), plain); !slices.Equal(got.Console, []string{"boom (2 times)"}) {
		t.Errorf("%q", got.Console)
	}
}

// An odd entry hides no other one, and is counted.
func TestOddEntries(t *testing.T) {
	for name, c := range map[string]struct {
		file, text string
		found      int
		unread     string
	}{
		"a console":       {"console.json", `[{"type":"error","text":"boom"}, 7, "x", {"level":"error","message":"bang"}]`, 2, "2 of its 4 entries cannot be read"},
		"one that is cut": {"console.json", `[{"type":"error","text":"boom"}, {"type":"err`, 1, "it is damaged behind entry 1"},
		"cut between two": {"console.json", `[{"type":"error","text":"boom"}`, 1, "it is damaged behind entry 1"},
		"a HAR cut so": {"x.har", `{"log":{"entries":[{"request":{"method":"GET","url":"https://a.example/"},"response":{"status":500}}`, 1,
			"it is damaged behind entry 1"},
		"a log":   {"console.log", "[1] ERROR boom\n[2] ERROR bang\n", 2, ""},
		"nothing": {"console.json", " []", 0, ""},
		"a HAR": {"x.har", `{"log":{"entries":[5,{"request":{"method":"GET","url":"https://a.example/"},"response":{"status":500}}]}}`, 1,
			"1 of its 2 entries cannot be read"},
	} {
		got := read(t, c.file, []byte(c.text), plain)
		if n := len(got.Console) + len(got.Requests); n != c.found || got.Unread != c.unread {
			t.Errorf("%s: %q %q, unread %q", name, got.Console, got.Requests, got.Unread)
		}
	}
}

// archive is a zip of files, in the order given: name, content.
func archive(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err == nil {
			_, err = f.Write([]byte(files[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const testTrace = `{"type":"context-options","version":10}
{"type":"before","callId":"s@1","class":"Test","method":"test.step","title":"pay"}
{"type":"before","callId":"c@2","parentId":"s@1","class":"Test","method":"pw:api","title":"Click","subtitle":"getByRole('button')"}
{"type":"after","callId":"c@2","error":{"name":"","message":"TimeoutError: locator.click: Timeout 500ms exceeded.\nCall log:\n  - waiting for getByRole('button')\n"}}
{"type":"after","callId":"s@1","error":{"message":"the step failed"}}
`

const libraryTrace = `{"type":"before","callId":"c@9","class":"Frame","method":"click","params":{"selector":"#pay"}}
{"type":"frame-snapshot","snapshot":{"html":"\"type\":\"console\""}}
{"type":"console","messageType":"error","text":"boom"}
{"type":"console","messageType":"warning","text":"w"}
{"type":"console","messageType":"error","text":"Failed to load resource: the server responded with a status of 500"}
{"type":"event","class":"BrowserContext","method":"pageError","params":{"error":{"error":{"message":"x is undefined"}}}}
{"type":"after","callId":"c@9","error":{"message":"Timeout 500ms exceeded."}}
not JSON
`

const network = `{"type":"resource-snapshot","snapshot":{"request":{"method":"POST","url":"https://shop.example/pay?t=1"},"response":{"status":500,"statusText":"No"}}}
{"type":"resource-snapshot","snapshot":{"request":{"method":"GET","url":"https://shop.example/"},"response":{"status":200,"statusText":"OK"}}}
`

func TestTrace(t *testing.T) {
	got := read(t, "evidence/003-trace.zip", archive(t, "test.trace", testTrace, "0-trace.trace", libraryTrace, "0-trace.network", network,
		"resources/x.trace", libraryTrace), plain)
	if got.Action != "Click getByRole('button'): locator.click: waited 500ms for getByRole('button')" || got.Unread != "" ||
		!slices.Equal(got.Console, []string{"uncaught: x is undefined", "boom"}) || !slices.Equal(got.Requests, []string{"POST https://shop.example/pay?…: 500 No"}) {
		t.Errorf("%+v", got)
	}
	compared := strings.NewReplacer("TimeoutError: locator.click: Timeout 500ms exceeded.",
		"Error: expect(locator).toHaveText(expected) failed\\n\\nLocator: locator('b')\\n"+
			`Expected: \"A\"\nReceived: \"B\"`).Replace(testTrace)
	if got := read(t, "trace.zip", archive(t, "test.trace", compared), plain); got.Action != `Click getByRole('button'): expected "A", actual "B"` {
		t.Errorf("%q", got.Action)
	}
	// Without the runner's part, the library's says which action it was.
	if got := read(t, "trace.zip", archive(t, "trace.trace", libraryTrace), plain); got.Action != "Frame.click #pay: Timeout 500ms exceeded." {
		t.Errorf("%q", got.Action)
	}
}

// TestTracesThatAreBombs are bounded, and say so.
func TestTracesThatAreBombs(t *testing.T) {
	need.NoRaceDetector(t)
	zeros := strings.Repeat(" ", 25<<20)
	var many []string
	for i := range 60 {
		many = append(many, fmt.Sprintf("%d-trace.trace", i), libraryTrace)
	}
	var directory []string
	for i := range 100 {
		directory = append(directory, fmt.Sprintf("resources/%060000d", i), "")
	}
	// A directory that says that it is small, and is not.
	liar := archive(t, directory...)
	copy(liar[len(liar)-10:], []byte{1, 0, 0, 0})
	for name, c := range map[string]struct {
		data   []byte
		unread string
	}{
		"a part of 25 MB":        {archive(t, "test.trace", testTrace+zeros), "it unpacks to more than is read"},
		"many parts":             {archive(t, many...), "it unpacks to more than is read"},
		"a directory of 6 MB":    {archive(t, directory...), "it is not an archive, or has too many files"},
		"one that says less":     {liar, "it is not an archive, or has too many files"},
		"text":                   {[]byte("PK not"), "it is not an archive, or has too many files"},
		"nothing":                {nil, "it is not an archive, or has too many files"},
		"an end without a start": {append([]byte("PK\x05\x06"), make([]byte, 18)...), ""},
	} {
		got, ok := testfiles.Read("trace.zip", bytes.NewReader(c.data), int64(len(c.data)), plain)
		if !ok || got.Unread != c.unread {
			t.Errorf("%s: %+v", name, got)
		}
	}
	// A part whose content is not what its sum says is not an empty one.
	bad := archive(t, "test.trace", testTrace)
	sum := crc32.ChecksumIEEE([]byte(testTrace))
	if at := bytes.LastIndex(bad, []byte{byte(sum), byte(sum >> 8), byte(sum >> 16), byte(sum >> 24)}); at < 0 {
		t.Fatal("the sum is not in the archive")
	} else {
		bad[at]++
	}
	if got := read(t, "trace.zip", bad, plain); got.Unread == "" {
		t.Errorf("damaged: %+v", got)
	}
}

// TestSecretsAreMaskedBeforeTheCut: half a secret would not be recognised any more.
func TestSecretsAreMaskedBeforeTheCut(t *testing.T) {
	const secret = "sec ret-0123456789"
	mask := func(s string) string { return strings.ReplaceAll(s, secret, "***") }
	for pad := 270; pad < 310; pad++ {
		for name, data := range map[string][]byte{
			"console.log": []byte("error " + strings.Repeat("x", pad) + " " + secret + " end"),
			"x.har":       har("GET https://a.example/" + strings.Repeat("x", pad-250) + " 500 " + strings.Repeat("y ", 110) + secret),
			"trace.zip": archive(t, "test.trace", fmt.Sprintf(`{"type":"after","callId":"x","title":"%s","error":{"message":"%s"}}`, strings.Repeat("x", pad-20), secret),
				"0.trace", fmt.Sprintf(`{"type":"console","messageType":"error","text":"%s %s"}`, strings.Repeat("x", pad), secret)),
		} {
			got := read(t, name, data, mask)
			all := strings.Join(slices.Concat(got.Console, got.Requests, []string{got.Action}), "\n")
			if strings.Contains(all, "sec") || len(all) < 200 || len(all) > 700 {
				t.Fatalf("%s: %q", name, all)
			}
		}
	}
}

func TestManyFindingsAreCounted(t *testing.T) {
	var list []string
	for i := range 50 {
		list = append(list, fmt.Sprintf("GET https://a.example/%d 404 Not Found", i))
	}
	list = append(list, "GET https://a.example/last 500 No")
	got := read(t, "x.har", har(list...), plain).Requests
	if len(got) != 21 || got[0] != "GET https://a.example/last: 500 No" || got[20] != "and 31 more failed requests" {
		t.Errorf("%d: %q", len(got), got)
	}
}

func TestReads(t *testing.T) {
	for name, want := range map[string]bool{"a/x.har": true, "007-trace.zip": true, "console.log": true, "a/Browser-Console.txt": true, "console.png": false,
		"x.zip": false, "x.log": false, "": false, "console/x.log": false} {
		if testfiles.Reads(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("x.har", har("GET https://a.example/x 500 No", `{"request":1}`))
	f.Add("console.log", []byte("[error] x\n{\"level\":\"error\",\"text\":\"y\"}\n"))
	f.Add("trace.zip", archive(f, "test.trace", testTrace, "0-trace.trace", libraryTrace, "0-trace.network", network))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		found, ok := testfiles.Read(name, bytes.NewReader(data), int64(len(data)), plain)
		if ok != testfiles.Reads(name) {
			t.Fatalf("%q: %v", name, ok)
		}
		for _, text := range slices.Concat([]string{found.Action, found.Unread}, found.Requests, found.Console) {
			if len(text) > 400 || strings.Contains(text, "\n") {
				t.Fatalf("%d bytes: %q", len(text), text)
			}
		}
		if len(found.Requests) > 21 || len(found.Console) > 21 {
			t.Fatalf("%d requests, %d errors", len(found.Requests), len(found.Console))
		}
	})
}
