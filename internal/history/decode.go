package history

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
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
	maxUnpacked = 64 << 20
	// maxRatio bounds how many times its own size an object holds, beyond freeUnpacked bytes.
	// Records of tests that are named by a pattern hold 10 to 30 times, and a snapshot of
	// 10,000 tests that never take any time 115 times.
	maxRatio     = 300
	freeUnpacked = 1 << 20
	// maxLine bounds a line of it, in bytes.
	maxLine = 4 << 20
	// maxTests bounds the tests of a record: a shard has fewer by far.
	maxTests = 250_000
	// entrySize is what a test takes in memory while its record is read, in bytes, and
	// shortestLine what lines have on average at least: so the memory is bounded by the text.
	entrySize    = 104
	shortestLine = 35
)

var errEmpty = errors.New("it is empty")

// sizeOf is how many bytes an object holds, as its last bytes say it. Whatever it holds
// beyond that is never unpacked.
func sizeOf(data []byte) (int, error) {
	const shortest = 20 // of any gzip file
	if len(data) == 0 {
		return 0, errEmpty
	}
	if len(data) < shortest || data[0] != 0x1f || data[1] != 0x8b {
		return 0, errors.New("it is not a history object")
	}
	size := int64(binary.LittleEndian.Uint32(data[len(data)-4:]))
	switch {
	case size > maxUnpacked:
		return 0, fmt.Errorf("it is damaged, or holds more than %d MiB", maxUnpacked>>20)
	case size > freeUnpacked && size > maxRatio*int64(len(data)):
		return 0, fmt.Errorf("it is damaged, or holds more than %d times its size", maxRatio)
	}
	return int(size), nil
}

// entry is a test of a record. Its bytes lie in the text of an [unpacked], so that
// reading a test that is known already allocates nothing.
type entry struct {
	id, suite, file []byte
	outcome         e2e.Outcome
	seconds         float64
	silent          bool
	// environment: it was at fault.
	environment bool
}

// unpacked is a record in the memory of the one that was read before.
type unpacked struct {
	zip     gzip.Reader
	packed  bytes.Reader
	text    []byte
	record  Record
	entries []entry
	// owners are those of the record, which the fold does not keep.
	owners []Owned
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
	if cap(u.text) <= maxKept && cap(u.entries) <= maxKeptTests {
		unpackers.Put(u)
	}
}

// read unpacks a record into the text.
func (u *unpacked) read(data []byte) error {
	size, err := sizeOf(data)
	if err != nil {
		return err
	}
	u.packed.Reset(data)
	if err := u.zip.Reset(&u.packed); err != nil {
		return fmt.Errorf("it is not a history object: %w", err)
	}
	if cap(u.text) <= size {
		u.text = make([]byte, size+1)
	}
	u.text = u.text[:size+1]
	n := 0
	for n <= size && err == nil {
		var more int
		more, err = u.zip.Read(u.text[n:])
		n += more
	}
	u.text = u.text[:min(n, size)]
	switch {
	case !errors.Is(err, io.EOF) && err != nil:
		return fmt.Errorf("it is damaged: %w", err)
	case n != size:
		return errors.New("it is damaged: it holds more than it says, or less")
	case n == 0:
		return errEmpty
	}
	return nil
}

// parse reads the lines of the text: the record without its tests, then a test each.
func (u *unpacked) parse() error {
	u.record, u.entries, u.owners = Record{}, u.entries[:0], nil
	for n, rest := 1, u.text; len(rest) > 0; n++ {
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
		if len(u.entries) > len(u.text)/shortestLine+1 {
			return errors.New("its lines are too short to be tests")
		}
		e, err := entryOf(line)
		u.entries = append(u.entries, e)
		return err
	}
	if err := json.Unmarshal(line, &u.record); err != nil {
		return fmt.Errorf("it is not a history record: %w", err)
	}
	u.owners = u.record.Owners
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
	return entry{[]byte(e.ID), []byte(e.Suite), []byte(e.File), e.Outcome, e.Seconds, e.Nothing != "", e.Nothing == BadEnvironment}, err
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

// quickRow reads a row of a snapshot as encodeSnapshot writes it. Its samples are appended
// to list. Any line that looks different is not ok.
func quickRow(line []byte, list []packed) (id, suite, file []byte, samples []packed, ok bool) {
	s := scan{rest: line}
	s.field(`{"id":`, &id)
	if bytes.HasPrefix(s.rest, []byte(`,"suite":`)) {
		s.field(`,"suite":`, &suite)
	}
	if bytes.HasPrefix(s.rest, []byte(`,"file":`)) {
		s.field(`,"file":`, &file)
	}
	s.literal(`,"samples":[`)
	for separator := ""; !s.failed && !bytes.Equal(s.rest, []byte("]}")); separator = "," {
		s.literal(separator)
		list = append(list, s.sample())
	}
	return id, suite, file, list, !s.failed
}

// sample reads a sample.
func (s *scan) sample() (p packed) {
	var outcome []byte
	s.literal("[")
	position, err := strconv.Atoi(string(s.number(',')))
	s.field(",", &outcome)
	s.literal(",")
	end := byte(']')
	if i := bytes.IndexAny(s.rest, ",]"); i >= 0 {
		end = s.rest[i]
	}
	seconds, bad := strconv.ParseFloat(string(s.number(end)), 64)
	s.failed = s.failed || err != nil || bad != nil
	switch {
	case end == ']':
	case bytes.HasPrefix(s.rest, []byte(",true")):
		s.literal(",true")
		p.silent = true
	default:
		s.literal(",false,")
		p.column = s.column()
	}
	if p.silent && bytes.HasPrefix(s.rest, []byte(",")) {
		s.literal(",")
		p.column = s.column()
	}
	s.literal("]")
	p.record, p.outcome, p.seconds = position, outcomeOf(outcome), seconds
	return p
}

// column reads one that is known.
func (s *scan) column() column {
	if s.failed || len(s.rest) == 0 || s.rest[0] < '0'+byte(columnSmoke) || s.rest[0] > '0'+byte(columnOthers) {
		s.failed = true
		return columnUnknown
	}
	c := column(s.rest[0] - '0')
	s.rest = s.rest[1:]
	return c
}

// number reads a plain number up to a character, which stays.
func (s *scan) number(end byte) []byte {
	i := bytes.IndexByte(s.rest, end)
	if s.failed || i < 0 || !plainNumber(s.rest[:i]) {
		s.failed = true
		return nil
	}
	number := s.rest[:i]
	s.rest = s.rest[i:]
	return number
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
	// Eight characters at once: most texts are ASCII without escapes.
	const each, high = 0x0101010101010101, 0x8080808080808080
	rest := text
	for len(rest) >= 8 {
		eight := binary.LittleEndian.Uint64(rest)
		slash := eight ^ each*'\\'
		if (eight|(eight-each*' ')|(slash-each))&high != 0 {
			break // perhaps one that is not ASCII, a control character, or a backslash
		}
		rest = rest[8:]
	}
	ascii := true
	for _, b := range rest {
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

// outcomes are the words of ours.
var outcomes = []e2e.Outcome{e2e.Passed, e2e.Failed, e2e.Flaky, e2e.Skipped, e2e.Lost, e2e.NotRun}

// outcomeOf is a word of ours, or a copy of what else stands there.
func outcomeOf(text []byte) e2e.Outcome {
	for _, o := range outcomes {
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
