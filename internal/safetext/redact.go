package safetext

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
)

// Mask is what stands in place of a secret.
const Mask = "***"

const (
	// minSecret is the length, in bytes, below which a value is not masked: masking "1" or
	// "}" would only destroy the text.
	minSecret = 3
	// minLine is that of a line of a value of several lines, minCoded that of a value whose
	// encoded forms are known, and minPart that of a part of one beside a cut.
	minLine, minCoded, minPart = 8, 6, 4
	// maxCoded bounds the values whose encoded forms are known: each costs twenty times its length.
	maxCoded = 32 << 10
)

// Redactor replaces secrets by [Mask]. A nil Redactor replaces nothing. It is safe
// for concurrent use.
//
// It finds a value as it is; in base64 at any offset, so also behind "user:"; in hex; with
// the escapes of URLs, of JSON and of XML or HTML, once or twice; and each of these also
// where colours, other escape sequences or the ends of lines split it. The lines of a value
// of several lines are secrets too. Beside a cut ("…") a part of a value is enough.
type Redactor struct {
	mu sync.Mutex
	// always are masked anywhere; spared says of the others whether they are a word.
	always []string
	spared map[string]bool
	// a is nil as long as there is no secret.
	a atomic.Pointer[automaton]
}

// NewRedactor makes a redactor of secret values. Values under 3 bytes are not masked.
func NewRedactor(secrets []string) *Redactor {
	r := &Redactor{}
	r.Add(secrets...)
	return r
}

// Add makes the redactor know more secrets, such as those that are made during a run.
// Writers that exist already know them from their next write on.
func (r *Redactor) Add(secrets ...string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.always = append(r.always, secrets...)
	r.build()
}

// AddUnlessWord is Add for values that are masked unless they are a word: [Redactor.Spare].
func (r *Redactor) AddUnlessWord(secrets ...string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.spared == nil {
		r.spared = map[string]bool{}
	}
	for _, s := range secrets {
		if _, known := r.spared[s]; !known {
			r.spared[s] = false
		}
	}
	r.build()
}

// Spare makes the redactor leave values alone that are a word of a text, and returns them, sorted:
// where a password is the name of a test, masking it would hide nothing and show where it stands.
// A word is what is between characters that are neither letters nor digits.
func (r *Redactor) Spare(texts ...string) []string {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.spared) == 0 {
		return nil
	}
	var found []string
	for _, text := range texts {
		for word := range strings.FieldsFuncSeq(text, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }) {
			if is, known := r.spared[word]; known && !is && !slices.Contains(r.always, word) {
				r.spared[word] = true
				found = append(found, word)
			}
		}
	}
	if len(found) > 0 {
		r.build()
	}
	slices.Sort(found)
	return found
}

// build makes the automaton of everything that is masked.
func (r *Redactor) build() {
	values := slices.Clone(r.always)
	for s, word := range r.spared {
		if !word {
			values = append(values, s)
		}
	}
	var patterns, plain []string
	for _, s := range values {
		all := forms(s)
		for _, f := range all {
			for _, p := range seen(f) {
				if len(p) >= minSecret {
					patterns = append(patterns, p)
				}
			}
		}
		if len(all) > 0 {
			plain = append(plain, joined(all[0]))
		}
	}
	if len(patterns) == 0 {
		r.a.Store(nil)
		return
	}
	slices.Sort(patterns)
	a := newAutomaton(slices.Compact(patterns))
	slices.Sort(plain)
	a.plain = slices.Compact(plain)
	r.a.Store(a)
}

// known finds the secrets; nil: there are none.
func (r *Redactor) known() *automaton {
	if r == nil {
		return nil
	}
	return r.a.Load()
}

// Finds reports whether there is a secret in s.
func (r *Redactor) Finds(s string) bool { return r.String(s) != s }

// forms lists the texts that show a secret, the secret itself first; none where it is too short.
func forms(secret string) []string {
	value := strings.TrimSpace(secret)
	if len(value) < minSecret {
		return nil
	}
	all := []string{value}
	if strings.ContainsAny(value, "\r\n") {
		for line := range strings.Lines(value) {
			if line = strings.TrimSpace(line); len(line) >= minLine && !strings.HasPrefix(line, "-----") {
				all = append(all, line)
			}
		}
	}
	if len(value) > maxCoded {
		return all
	}
	for _, v := range slices.Compact([]string{secret, value}) {
		if len(v) < minCoded {
			continue
		}
		for offset := range 3 {
			for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				all = append(all, within(alphabet, v, offset))
			}
		}
		code := hex.EncodeToString([]byte(v))
		all = append(all, code, strings.ToUpper(code))
	}
	return all
}

// within is the part of a base64 text that a value alone decides, if it begins so many bytes,
// of each three, into what is encoded.
func within(alphabet *base64.Encoding, value string, offset int) string {
	code := alphabet.EncodeToString(append(make([]byte, offset), value...))
	return code[(8*offset+5)/6 : 8*(offset+len(value))/6]
}

// joined is s without the ends of lines and the indentation after them, as a scan sees it.
func joined(s string) string {
	if !strings.ContainsAny(s, "\r\n") {
		return s
	}
	var b strings.Builder
	start := false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\n' || c == '\r':
			start = true
		case start && (c == ' ' || c == '\t'):
		default:
			start = false
			b.WriteByte(c)
		}
	}
	return b.String()
}

// String returns s without secrets. Of secrets that overlap nothing remains.
func (r *Redactor) String(s string) string {
	if r == nil {
		return s
	}
	return maskShapes(r.values(s))
}

// values returns s without the secrets whose values are known.
func (r *Redactor) values(s string) string {
	a := r.known()
	if a == nil {
		return s
	}
	s = a.afterCuts(s)
	if clear(a, s)+1 >= len(s) {
		return s
	}
	f := newFilter(a)
	var out strings.Builder
	f.write(&out, []byte(s))
	f.flush(&out)
	if !f.masked {
		return s
	}
	return out.String()
}

// Writer returns a writer that passes on to w what is written to it without
// secrets, also where one is split over several writes. It holds back no more than
// what may be the start of a secret; Close passes that on too, and does not close w. Write
// reports the first error of w. The writer is safe for concurrent use.
func (r *Redactor) Writer(w io.Writer) io.WriteCloser {
	if r == nil {
		return passOn{w}
	}
	return &redactingWriter{r: r, w: w}
}

type passOn struct{ io.Writer }

func (passOn) Close() error { return nil }

type redactingWriter struct {
	mu     sync.Mutex
	r      *Redactor
	w      io.Writer
	f      *filter
	shapes shapeFilter
	// known and out are what is written, without known secrets and then also without what looks like one.
	known, out bytes.Buffer
	err        error
}

// chunk bounds what is held of one large write.
const chunk = 64 << 10

func (w *redactingWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(p)
	for len(p) > 0 && w.err == nil {
		part := p[:min(len(p), chunk)]
		w.known.Reset()
		w.out.Reset()
		w.filter(&w.known, part)
		w.shapes.write(&w.out, w.known.Bytes())
		_, w.err = w.w.Write(w.out.Bytes())
		p = p[len(part):]
	}
	return n - len(p), w.err
}

// filter masks a part with the secrets that are known now. What an older filter held back is
// looked at again.
func (w *redactingWriter) filter(out *bytes.Buffer, part []byte) {
	a := w.r.known()
	if w.f != nil && w.f.a != a {
		held := w.f
		w.f = nil
		if a == nil {
			held.flush(out)
		} else {
			w.f = newFilter(a)
			w.f.write(out, held.held)
		}
	}
	switch {
	case a == nil:
		out.Write(part)
		return
	case w.f == nil:
		w.f = newFilter(a)
	}
	w.f.write(out, part)
}

func (w *redactingWriter) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	var known, out bytes.Buffer
	if w.f != nil {
		w.f.flush(&known)
	}
	w.shapes.write(&out, known.Bytes())
	w.shapes.flush(&out)
	_, w.err = w.w.Write(out.Bytes())
	return w.err
}
