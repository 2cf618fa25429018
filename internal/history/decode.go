package history

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/org/e2e-gate/internal/e2e"
)

const (
	// maxUnpacked bounds what an object holds, in bytes.
	maxUnpacked = 512 << 20
	// maxLine bounds a line of it, in bytes.
	maxLine = 4 << 20
	// maxTests bounds the tests of a record: a shard has fewer by far.
	maxTests = 1_000_000
)

var errEmpty = errors.New("it is empty")

// entry is a test of a record. Its bytes lie in the text of an [unpacked], so that
// reading a test that is known already allocates nothing.
type entry struct {
	id, suite, file []byte
	outcome         e2e.Outcome
	seconds         float64
	silent          bool
}

// unpacked is a record in the memory of the one that was read before.
type unpacked struct {
	zip     gzip.Reader
	packed  bytes.Reader
	text    bytes.Buffer
	record  Record
	entries []entry
}

var unpackers = sync.Pool{New: func() any { return new(unpacked) }}

// decodeEntries reads a record completely or not at all. The result must be freed, and
// must not be used after that.
func decodeEntries(data []byte) (*unpacked, error) {
	u, _ := unpackers.Get().(*unpacked)
	err := u.read(data)
	if err == nil {
		err = u.parse()
	}
	if err != nil {
		u.free()
		return nil, err
	}
	return u, nil
}

// maxKept bounds the memory that waits for the next record, in bytes and tests.
const (
	maxKept      = 32 << 20
	maxKeptTests = 200_000
)

func (u *unpacked) free() {
	u.packed.Reset(nil)
	if u.text.Cap() <= maxKept && cap(u.entries) <= maxKeptTests {
		unpackers.Put(u)
	}
}

// read unpacks a record into the text.
func (u *unpacked) read(data []byte) error {
	u.packed.Reset(data)
	u.text.Reset()
	if err := u.zip.Reset(&u.packed); err != nil {
		return fmt.Errorf("it is not a history object: %w", err)
	}
	n, err := u.text.ReadFrom(io.LimitReader(&u.zip, maxUnpacked+1))
	switch {
	case err != nil:
		return fmt.Errorf("it is damaged: %w", err)
	case n > maxUnpacked:
		return fmt.Errorf("it holds more than %d MiB", maxUnpacked>>20)
	case n == 0:
		return errEmpty
	}
	return nil
}

// parse reads the lines of the text: the record without its tests, then a test each.
func (u *unpacked) parse() error {
	u.record, u.entries = Record{}, u.entries[:0]
	for n, rest := 1, u.text.Bytes(); len(rest) > 0; n++ {
		line := rest
		if end := bytes.IndexByte(rest, '\n'); end >= 0 {
			line, rest = rest[:end], rest[end+1:]
		} else {
			rest = nil
		}
		if err := u.line(n, line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return nil
}

func (u *unpacked) line(n int, line []byte) error {
	switch {
	case len(line) > maxLine:
		return fmt.Errorf("it has more than %d MiB", maxLine>>20)
	case n > maxTests+1:
		return fmt.Errorf("the record has more than %d tests", maxTests)
	case n > 1 && bytes.HasPrefix(line, beginsDeselected):
		return nil
	case n > 1:
		e, err := entryOf(line)
		u.entries = append(u.entries, e)
		return err
	}
	if err := json.Unmarshal(line, &u.record); err != nil {
		return fmt.Errorf("it is not a history record: %w", err)
	}
	u.record = u.record.kept()
	return schemaIs(u.record.Schema, Schema)
}

// beginsDeselected starts a line that no statistic asks for.
var beginsDeselected = []byte(`{"deselected":`)

// entryOf reads the line of a test.
func entryOf(line []byte) (entry, error) {
	if e, ok := quickEntry(line); ok {
		return e, nil
	}
	var e Entry
	err := json.Unmarshal(line, &e)
	return entry{[]byte(e.ID), []byte(e.Suite), []byte(e.File), e.Outcome, e.Seconds, e.Nothing != ""}, err
}

// quickEntry reads a line as encode writes it, ten times as fast as what can read any
// JSON. Any line that looks different is not ok; that is not an error.
func quickEntry(line []byte) (e entry, ok bool) {
	var outcome []byte
	s := scan{rest: line}
	s.field(`{"id":`, &e.id)
	if bytes.HasPrefix(s.rest, []byte(`,"suite":`)) {
		s.field(`,"suite":`, &e.suite)
	}
	if bytes.HasPrefix(s.rest, []byte(`,"file":`)) {
		s.field(`,"file":`, &e.file)
	}
	s.field(`,"outcome":`, &outcome)
	s.literal(`,"seconds":`)
	number, end := bytes.CutSuffix(s.rest, []byte("}"))
	number, _ = bytes.CutSuffix(number, []byte(`,"alone":true`))
	if s.failed || !end || !plainNumber(number) {
		return entry{}, false
	}
	var err error
	e.seconds, err = strconv.ParseFloat(string(number), 64)
	e.outcome = outcomeOf(outcome)
	return e, err == nil
}

// scan reads what is expected from the start of a line.
type scan struct {
	rest   []byte
	failed bool
}

func (s *scan) literal(text string) {
	if s.failed || len(s.rest) < len(text) || string(s.rest[:len(text)]) != text {
		s.failed = true
		return
	}
	s.rest = s.rest[len(text):]
}

// field reads a key and a string without escapes.
func (s *scan) field(key string, to *[]byte) {
	s.literal(key)
	s.literal(`"`)
	end := bytes.IndexByte(s.rest, '"')
	if s.failed || end < 0 || !plainText(s.rest[:end]) {
		s.failed = true
		return
	}
	*to, s.rest = s.rest[:end], s.rest[end+1:]
}

// plainText reports whether the text of a JSON string is the string.
func plainText(text []byte) bool {
	ascii := true
	for _, b := range text {
		if b < ' ' || b == '\\' {
			return false
		}
		ascii = ascii && b < utf8.RuneSelf
	}
	return ascii || utf8.Valid(text)
}

// plainNumber reports whether a text is a JSON number without sign and exponent.
func plainNumber(text []byte) bool {
	whole, fraction, point := bytes.Cut(text, []byte("."))
	return digits(whole) && (len(whole) == 1 || whole[0] != '0') && (!point || digits(fraction))
}

func digits(text []byte) bool {
	for _, b := range text {
		if b < '0' || b > '9' {
			return false
		}
	}
	return len(text) > 0
}

// outcomeOf is a word of ours, or a copy of what else stands there.
func outcomeOf(text []byte) e2e.Outcome {
	for _, o := range [...]e2e.Outcome{e2e.Passed, e2e.Failed, e2e.Flaky, e2e.Skipped, e2e.Lost, e2e.NotRun} {
		if string(text) == string(o) {
			return o
		}
	}
	return e2e.Outcome(text)
}

func schemaIs(got, want string) error {
	if got != want {
		return fmt.Errorf("its schema is %q, but this e2e-gate reads %s", got, want)
	}
	return nil
}
