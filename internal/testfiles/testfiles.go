// Package testfiles reads what the files show that a test left: failed requests of a HAR, errors of a console, and the failed action,
// requests and console of a trace of Playwright. Whatever it reads was written by a stranger: every file is read up to a bound, and
// what is not read is said.
package testfiles

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Bounds of what is read and kept.
const (
	maxRead  = 24 << 20 // bytes of a HAR or a console, and of each part of a trace
	maxLine  = 1 << 20  // bytes of a line; longer ones are passed over
	maxFound = 20       // requests, and messages
	maxText  = 300      // bytes of a message, after masking
)

// Found is what a file shows. Its texts are masked, and not escaped.
type Found struct {
	// Action is the action of a trace that failed, with its error; empty where none is known.
	Action string
	// Requests failed: answered with a status of 400 or more, or not at all. Those without an answer of the server's come first.
	Requests []string
	// Console are errors of a console.
	Console []string
	// Bytes is how many were read, of an archive unpacked.
	Bytes int64
	// Unread says what of the file was not read; empty: all of it was.
	Unread string
}

// Reads tells whether a file of this name is one that [Read] knows.
func Reads(name string) bool { return kindOf(name) != nil }

// reader reads a file of a kind.
type reader func(r io.ReaderAt, size int64, f *finding)

func kindOf(name string) reader {
	base := strings.ToLower(path.Base(name))
	switch {
	case strings.HasSuffix(base, ".har"):
		return readHAR
	case strings.HasSuffix(base, "trace.zip"):
		return readTrace
	case strings.Contains(base, "console") && slices.Contains([]string{".log", ".txt", ".json", ".jsonl", ".ndjson"}, path.Ext(base)):
		return readConsole
	}
	return nil
}

// Read reads a file. mask takes secrets out of a text, before it is cut. ok is false where the file shows nothing and is of no
// kind that is known.
func Read(name string, r io.ReaderAt, size int64, mask func(string) string) (found Found, ok bool) {
	read := kindOf(name)
	if read == nil {
		return Found{}, false
	}
	f := &finding{mask: mask}
	f.bytes = min(size, maxRead)
	read(r, size, f)
	return f.found(), true
}

// finding collects what a file shows.
type finding struct {
	mask     func(string) string
	action   string
	requests tally
	console  tally
	unread   string
	bytes    int64
}

// tally counts texts, in the order in which they came first, the urgent ones apart.
type tally struct {
	urgent, other []string
	count         map[string]int
	left          int
}

func (t *tally) add(text string, urgent bool) {
	if t.count[text]++; t.count[text] > 1 {
		return
	}
	list := &t.other
	if urgent {
		list = &t.urgent
	}
	if len(*list) == maxFound {
		delete(t.count, text)
		t.left++
		return
	}
	*list = append(*list, text)
}

func (t *tally) lines(what string) []string {
	list := slices.Concat(t.urgent, t.other)
	left := t.left + max(len(list)-maxFound, 0)
	list = list[:min(len(list), maxFound)]
	for i, text := range list {
		if n := t.count[text]; n > 1 {
			list[i] = fmt.Sprintf("%s (%d times)", text, n)
		}
	}
	if left > 0 {
		list = append(list, fmt.Sprintf("and %d more %s", left, what))
	}
	return list
}

func (f *finding) found() Found {
	return Found{Action: f.action, Requests: f.requests.lines("failed requests"), Console: f.console.lines("errors"), Bytes: f.bytes, Unread: f.unread}
}

// text is one line of text, masked and bounded. It is masked as a whole, before its spaces are changed: half a secret is none that
// is known.
func (f *finding) text(s string) string {
	if len(s) > maxLine {
		return "(a text of more than 1 MB)"
	}
	s = strings.ToValidUTF8(strings.Join(strings.Fields(f.mask(s)), " "), "\uFFFD")
	if len(s) > maxText {
		cut := maxText
		for cut > 0 && s[cut]&0xc0 == 0x80 {
			cut--
		}
		s = s[:cut] + "…"
	}
	return s
}

// entry is what is read of an entry of a HAR.
type entry struct {
	Request struct {
		Method string `json:"method"`
		URL    string `json:"url"`
	} `json:"request"`
	Response struct {
		Status  json.Number `json:"status"`
		Text    string      `json:"statusText"`
		Failure string      `json:"_failureText"`
		Error   string      `json:"_error"`
	} `json:"response"`
	Error string `json:"_error"`
}

// request files an entry if its request failed.
func (f *finding) request(e entry) {
	if e.Request.URL == "" || strings.HasSuffix(e.Request.URL, "/favicon.ico") {
		return
	}
	status, err := e.Response.Status.Int64()
	why, urgent := fmt.Sprintf("%d %s", status, e.Response.Text), status >= 500
	switch failure := firstOf(e.Response.Failure, e.Response.Error, e.Error); {
	case err == nil && status >= 400:
	case failure != "":
		why, urgent = failure, !aborted.MatchString(failure)
	case err != nil || status <= 0:
		why, urgent = "no response", true
	default:
		return
	}
	f.requests.init()
	f.requests.add(f.text(e.Request.Method+" "+address(f.mask(e.Request.URL))+": "+strings.TrimSpace(why)), urgent)
}

// aborted is what browsers say of a request that the page itself gave up, as one does that is closed.
var aborted = regexp.MustCompile(`(?i)abort|cancel`)

func (t *tally) init() {
	if t.count == nil {
		t.count = map[string]int{}
	}
}

func firstOf(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

// address is an address without its query and account, which may hold secrets.
func address(raw string) string {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		head, _, _ := strings.Cut(raw, "?")
		return head
	case u.Scheme == "data" || u.Scheme == "blob":
		return u.Scheme + ":…"
	}
	query := ""
	if u.RawQuery != "" {
		query = "?…"
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	return u.String() + query
}

// readHAR reads the entries of a HAR one after the other.
func readHAR(r io.ReaderAt, size int64, f *finding) {
	dec := json.NewDecoder(io.NewSectionReader(r, 0, min(size, maxRead)))
	dec.UseNumber()
	if !into(dec, "log") || !into(dec, "entries") {
		f.unread = "it is not a HAR"
		f.cut(size)
		return
	}
	if t, err := dec.Token(); err != nil || t != json.Delim('[') {
		f.unread = "it is not a HAR"
		f.cut(size)
		return
	}
	n := entries{}
	for dec.More() {
		var e entry
		if err := dec.Decode(&e); n.end(err) {
			break
		} else if err == nil {
			f.request(e)
		}
	}
	f.unread = n.unread(dec)
	f.cut(size)
}

// cut says that a file was longer than what was read of it.
func (f *finding) cut(size int64) {
	if size > maxRead {
		f.unread = fmt.Sprintf("only its first %d MB are read, of %d", maxRead>>20, size>>20)
	}
}

// into goes to the value of a key of the object that comes next.
func into(dec *json.Decoder, key string) bool {
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return false
		}
		if name == key {
			return true
		}
		var other json.RawMessage
		if dec.Decode(&other) != nil {
			return false
		}
	}
	return false
}

var (
	errorWord = regexp.MustCompile(`(?i)^\W*(?:\S+ ){0,3}\W*(?:error|severe|fatal)\b|\buncaught\b|\bunhandled (?:promise )?rejection`)
	levels    = []string{"error", "severe", "fatal", "assert"}
)

// message is a line of a console as JSON, as tools write them.
type message struct {
	Type, Level, Text, Message string
}

// readConsole takes the lines of a log that are errors: by their level where they are JSON, else by their first words.
func readConsole(r io.ReaderAt, size int64, f *finding) {
	f.console.init()
	data, err := io.ReadAll(io.NewSectionReader(r, 0, min(size, maxRead)))
	if f.consoleArray(data) {
		f.cut(size)
		return
	}
	if err != nil {
		f.unread = "it cannot be read to its end"
	}
	// Masked before it is cut into lines, since a secret may have several.
	_ = eachLine(strings.NewReader(f.mask(string(data))), func(line []byte) {
		var m message
		if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 && trimmed[0] == '{' && json.Unmarshal(trimmed, &m) == nil {
			f.consoleMessage(m)
			return
		}
		if errorWord.Match(line[:min(len(line), 4096)]) {
			f.console.add(f.text(string(line)), false)
		}
	})
	f.cut(size)
}

// consoleArray takes the messages of a JSON array. It reports whether the data is one; a line of a log may start with a bracket too.
func (f *finding) consoleArray(data []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('[') {
		return false
	}
	n := entries{}
	for dec.More() {
		var m message
		if err := dec.Decode(&m); n.end(err) {
			break
		} else if err == nil {
			f.consoleMessage(m)
		}
	}
	if n.good == 0 && (n.odd > 0 || n.damaged) {
		return false
	}
	f.unread = n.unread(dec)
	return true
}

// entries counts those of a list.
type entries struct {
	good, odd int
	damaged   bool
}

// end counts an entry by the error of decoding it, and reports whether no other can be read. Behind an odd entry, the next one may
// be good.
func (n *entries) end(err error) bool {
	var typ *json.UnmarshalTypeError
	switch {
	case err == nil:
		n.good++
	case errors.As(err, &typ):
		n.odd++
	default:
		n.damaged = true
	}
	return n.damaged
}

// unread says which entries of the list, whose end comes next, were not read.
func (n *entries) unread(dec *json.Decoder) string {
	if _, err := dec.Token(); n.damaged || err != nil {
		return fmt.Sprintf("it is damaged behind entry %d", n.good+n.odd)
	}
	if n.odd > 0 {
		return fmt.Sprintf("%d of its %d entries cannot be read", n.odd, n.odd+n.good)
	}
	return ""
}

func (f *finding) consoleMessage(m message) {
	if text := firstOf(m.Text, m.Message); text != "" && slices.Contains(levels, strings.ToLower(firstOf(m.Level, m.Type))) {
		f.console.add(f.text(text), false)
	}
}

// eachLine calls a function for each line that is not too long. The error is that of reading.
func eachLine(r io.Reader, use func(line []byte)) error {
	in := bufio.NewReaderSize(r, 64<<10)
	var line []byte
	for skip := false; ; {
		part, err := in.ReadSlice('\n')
		if skip = skip || len(line)+len(part) > maxLine; skip {
			line = line[:0]
		} else {
			line = append(line, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if !skip && len(line) > 0 {
			use(bytes.TrimRight(line, "\r\n"))
		}
		if line, skip = line[:0], false; err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err //nolint:wrapcheck // the caller says of what
		}
	}
}
