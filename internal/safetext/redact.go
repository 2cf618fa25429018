package safetext

import (
	"bytes"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Mask is what stands in place of a secret.
const Mask = "***"

// minSecret and minSecretLine are the lengths, in bytes, below which a value or a
// line of one is not masked: masking "1" or "}" would only destroy the text.
const (
	minSecret     = 3
	minSecretLine = 4
)

// Redactor replaces secrets by [Mask]. A nil Redactor replaces nothing. It is safe
// for concurrent use.
type Redactor struct {
	mu       sync.Mutex
	patterns []string
	// a is nil as long as there is no secret.
	a atomic.Pointer[automaton]
}

// NewRedactor makes a redactor of secret values. In addition to each value, it
// knows its forms in JSON strings and URLs, and the lines of a value of several
// lines. Values under 3 bytes, and lines under 4, are not masked.
func NewRedactor(secrets []string) *Redactor {
	r := &Redactor{}
	r.Add(secrets...)
	return r
}

// Add makes the redactor know more secrets, such as those that are made during a
// run. Writers that exist already do not learn of them.
func (r *Redactor) Add(secrets ...string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range secrets {
		r.patterns = append(r.patterns, forms(s)...)
	}
	slices.Sort(r.patterns)
	if r.patterns = slices.Compact(r.patterns); len(r.patterns) > 0 {
		r.a.Store(newAutomaton(r.patterns))
	}
}

// known finds the secrets; nil: there are none.
func (r *Redactor) known() *automaton {
	if r == nil {
		return nil
	}
	return r.a.Load()
}

// forms lists the texts that show a secret.
func forms(secret string) []string {
	values := []string{secret, strings.TrimSpace(secret)}
	if unix := strings.ReplaceAll(secret, "\r\n", "\n"); strings.Contains(strings.TrimSpace(unix), "\n") {
		values = append(values, unix, strings.ReplaceAll(unix, "\n", "\r\n"))
		for line := range strings.SplitSeq(unix, "\n") {
			if line = strings.TrimSpace(line); len(line) >= minSecretLine {
				values = append(values, line)
			}
		}
	}
	var all []string
	for _, v := range values {
		if len(strings.TrimSpace(v)) < minSecret {
			continue
		}
		query := url.QueryEscape(v)
		all = append(all, v, query, strings.ReplaceAll(query, "+", "%20"), url.PathEscape(v), inJSON(v, true), inJSON(v, false))
	}
	return all
}

// inJSON returns s as it stands between the quotes of a JSON string.
func inJSON(s string, escapeHTML bool) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(escapeHTML)
	if err := e.Encode(s); err != nil {
		return s
	}
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(b.String()), `"`), `"`)
}

// String returns s without secrets. Of secrets that overlap nothing remains.
func (r *Redactor) String(s string) string {
	a := r.known()
	if a == nil || !a.in(s) {
		return s
	}
	f := filter{a: a}
	var out strings.Builder
	f.write(&out, []byte(s))
	f.flush(&out)
	return out.String()
}

// Writer returns a writer that passes on to w what is written to it without
// secrets, also where one is split over several writes. It holds back no more than
// the longest secret; Close passes that on too, and does not close w. Write reports
// the first error of w. The writer is safe for concurrent use.
func (r *Redactor) Writer(w io.Writer) io.WriteCloser {
	a := r.known()
	if a == nil {
		return passOn{w}
	}
	return &redactingWriter{w: w, f: filter{a: a}}
}

type passOn struct{ io.Writer }

func (passOn) Close() error { return nil }

type redactingWriter struct {
	mu  sync.Mutex
	w   io.Writer
	f   filter
	err error
}

// chunk bounds what is held of one large write.
const chunk = 64 << 10

func (w *redactingWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(p)
	for len(p) > 0 && w.err == nil {
		part := p[:min(len(p), chunk)]
		var out bytes.Buffer
		w.f.write(&out, part)
		_, w.err = w.w.Write(out.Bytes())
		p = p[len(part):]
	}
	return n - len(p), w.err
}

func (w *redactingWriter) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	var out bytes.Buffer
	w.f.flush(&out)
	_, w.err = w.w.Write(out.Bytes())
	return w.err
}

// sink is what a filter writes to; its writes do not fail.
type sink interface {
	Write(p []byte) (int, error)
	WriteString(s string) (int, error)
}

// region is a part of the held bytes that secrets cover.
type region struct{ from, to int }

// filter masks secrets in a stream.
type filter struct {
	a     *automaton
	state int32
	// held are bytes that may turn out to be part of a secret; regions are the parts
	// of them that are one already, in order and apart.
	held    []byte
	regions []region
}

func (f *filter) write(out sink, p []byte) {
	from := len(f.held)
	f.held = append(f.held, p...)
	for i := from; i < len(f.held); i++ {
		f.state = f.a.next(f.state, f.held[i])
		if n := int(f.a.nodes[f.state].match); n > 0 {
			f.found(region{max(i+1-n, 0), i + 1})
		}
	}
	// What came before the text that led to this state is in no later secret.
	f.pass(out, len(f.held)-int(f.a.nodes[f.state].depth))
}

// found notes a secret, as one with those that it overlaps.
func (f *filter) found(r region) {
	n := len(f.regions)
	for n > 0 && f.regions[n-1].to > r.from {
		n--
		r.from = min(r.from, f.regions[n].from)
	}
	f.regions = append(f.regions[:n], r)
}

// pass emits what lies before the given index, except a secret that may go on.
func (f *filter) pass(out sink, until int) {
	done, n := 0, 0
	for n < len(f.regions) && f.regions[n].to <= until {
		_, _ = out.Write(f.held[done:f.regions[n].from])
		_, _ = out.WriteString(Mask)
		done = f.regions[n].to
		n++
	}
	f.regions = append(f.regions[:0], f.regions[n:]...)
	if len(f.regions) > 0 {
		until = min(until, f.regions[0].from)
	}
	if until > done {
		_, _ = out.Write(f.held[done:until])
		done = until
	}
	f.held = append(f.held[:0], f.held[done:]...)
	for i, r := range f.regions {
		f.regions[i] = region{r.from - done, r.to - done}
	}
}

func (f *filter) flush(out sink) {
	f.pass(out, len(f.held))
	f.held, f.regions, f.state = nil, nil, 0
}

// JSON returns a JSON document without secrets in its strings, whatever escapes
// they are written with. Everything else stays as it is, so the document stays
// valid; doc is not changed.
func (r *Redactor) JSON(doc []byte) []byte {
	if r.known() == nil {
		return doc
	}
	var out bytes.Buffer
	out.Grow(len(doc))
	for len(doc) > 0 {
		start := bytes.IndexByte(doc, '"')
		if start < 0 {
			break
		}
		out.Write(doc[:start])
		end := stringEnd(doc, start)
		out.WriteString(r.literal(doc[start:end]))
		doc = doc[end:]
	}
	out.Write(doc)
	return out.Bytes()
}

// stringEnd is the index after the string that starts at the given quote.
func stringEnd(doc []byte, start int) int {
	for i := start + 1; i < len(doc); i++ {
		switch doc[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(doc)
}

// literal masks one JSON string with its quotes.
func (r *Redactor) literal(quoted []byte) string {
	inner, quote := string(quoted[1:]), ""
	if n := len(inner); n > 0 && inner[n-1] == '"' {
		inner, quote = inner[:n-1], `"`
	}
	var text string
	switch {
	case strings.IndexByte(inner, '\\') < 0, json.Unmarshal(quoted, &text) != nil:
		// Without escapes the text is what it says; outside of JSON so is all.
		return `"` + r.String(inner) + quote
	case !r.known().in(text):
		return string(quoted)
	}
	return `"` + inJSON(r.String(text), false) + quote
}
