package testfiles

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"path"
	"strings"

	"github.com/org/e2e-gate/internal/asserted"
)

// Bounds of an archive.
const (
	maxDirectory = 4 << 20  // bytes of its directory, which is read as a whole
	maxParts     = 40       // parts of a trace that are read
	maxUnpacked  = 64 << 20 // bytes of all parts together, unpacked
)

// readTrace reads a trace of Playwright: lines of JSON for each event, in an archive.
func readTrace(r io.ReaderAt, size int64, f *finding) {
	f.requests.init()
	f.console.init()
	if !smallDirectory(r, size) {
		f.unread = "it is not an archive, or has too many files"
		return
	}
	archive, err := zip.NewReader(r, size)
	if err != nil {
		f.unread = "it is not an archive that can be read"
		return
	}
	t := &trace{f: f, begun: map[string]traceEvent{}}
	left, parts := int64(maxUnpacked), 0
	for _, part := range archive.File {
		name := part.Name
		if ext := path.Ext(name); ext != ".trace" && ext != ".network" || strings.Contains(name, "/") {
			continue
		}
		if parts++; parts > maxParts || left <= 0 {
			f.unread = "it unpacks to more than is read"
			break
		}
		in, err := part.Open()
		if err != nil {
			f.unread = "a part of it cannot be unpacked"
			continue
		}
		bounded := &io.LimitedReader{R: in, N: min(left, maxRead)}
		t.own = name == "test.trace"
		whole := bounded.N
		if err := eachLine(bounded, t.line); err != nil {
			f.unread = "a part of it is damaged"
		}
		if left, f.bytes = left-(whole-bounded.N), f.bytes+whole-bounded.N; bounded.N == 0 {
			f.unread = "it unpacks to more than is read"
		}
		_ = in.Close()
	}
	f.action = f.text(firstOf(t.failedOwn, t.failed))
}

// smallDirectory reports whether the directory of an archive is small enough to be read as a whole. A directory of 64-bit sizes is not.
func smallDirectory(r io.ReaderAt, size int64) bool {
	const record, comment = 22, 1<<16 - 1
	tail := make([]byte, min(size, record+comment))
	if n, err := r.ReadAt(tail, size-int64(len(tail))); n < len(tail) && err != nil {
		return false
	}
	for i := len(tail) - record; i >= 0; i-- {
		if !bytes.HasPrefix(tail[i:], []byte("PK\x05\x06")) {
			continue
		}
		long, offset := int64(binary.LittleEndian.Uint32(tail[i+12:])), int64(binary.LittleEndian.Uint32(tail[i+16:]))
		// What is read goes from the directory to the end of the file, wherever the directory says that it begins.
		return long <= maxDirectory && size-offset <= maxDirectory+record+comment && size-offset >= 0
	}
	return false
}

// trace is what was seen of a trace so far.
type trace struct {
	f *finding
	// own: the part was written by the test runner; others by its library, which knows less of the test.
	own   bool
	begun map[string]traceEvent
	// failedOwn and failed are the first actions that failed.
	failedOwn, failed string
}

// traceEvent is what is read of a line.
type traceEvent struct {
	Type     string `json:"type"`
	CallID   string `json:"callId"`
	Class    string `json:"class"`
	Method   string `json:"method"`
	APIName  string `json:"apiName"`
	Title    string `json:"title"`
	Subtitle string `json:"subtitle"`
	Params   struct {
		Selector string `json:"selector"`
		Locator  string `json:"locator"`
		URL      string `json:"url"`
		Error    struct {
			Error struct {
				Message string `json:"message"`
			} `json:"error"`
		} `json:"error"`
	} `json:"params"`
	Error *struct {
		Message string `json:"message"`
	} `json:"error"`
	MessageType string `json:"messageType"`
	Text        string `json:"text"`
	Location    struct {
		URL string `json:"url"`
	} `json:"location"`
	Snapshot json.RawMessage `json:"snapshot"`
}

// kinds are the lines that are read; others are most of a trace.
var kinds = [][]byte{[]byte(`"type":"before"`), []byte(`"type":"after"`), []byte(`"type":"action"`), []byte(`"type":"console"`),
	[]byte(`"type":"resource-snapshot"`), []byte(`"pageError"`)}

func (t *trace) line(line []byte) {
	head := line[:min(len(line), 400)]
	known := false
	for _, kind := range kinds {
		known = known || bytes.Contains(head, kind)
	}
	var e traceEvent
	if !known || json.Unmarshal(line, &e) != nil {
		return
	}
	switch e.Type {
	case "before":
		if len(t.begun) < 10_000 {
			t.begun[e.CallID] = e
		}
	case "after", "action":
		if e.Error != nil && e.Error.Message != "" {
			t.failure(e)
		}
		delete(t.begun, e.CallID)
	case "console":
		if e.MessageType == "error" && !strings.HasPrefix(e.Text, "Failed to load resource") { // those are among the requests
			t.f.console.add(t.f.text(e.Text), false)
		}
	case "event":
		if m := e.Params.Error.Error.Message; e.Method == "pageError" && m != "" {
			t.f.console.add(t.f.text("uncaught: "+m), true)
		}
	case "resource-snapshot":
		var request entry
		if json.Unmarshal(e.Snapshot, &request) == nil {
			t.f.request(request)
		}
	}
}

// failure keeps the first action that failed: the innermost, since an action ends before what it is part of.
func (t *trace) failure(e traceEvent) {
	if t.own && t.failedOwn != "" || !t.own && t.failed != "" {
		return
	}
	begun, known := t.begun[e.CallID]
	if !known {
		begun = e
	}
	name := firstOf(begun.APIName, begun.Title, strings.Trim(begun.Class+"."+begun.Method, "."))
	if on := firstOf(begun.Subtitle, begun.Params.Locator, begun.Params.Selector, address(begun.Params.URL)); on != "" && !strings.Contains(name, on) {
		name += " " + on
	}
	said := t.f.mask(e.Error.Message) // before it is cut
	text := name + ": " + asserted.Headline(said, "")
	if v, ok := asserted.Read(said, ""); ok {
		v.About = "" // the action says it
		text = name + ": " + v.OneLine()
	}
	if t.own {
		t.failedOwn = text
	} else {
		t.failed = text
	}
}
