package pipeline

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

// This file reads and writes documents element by element: a document of a million tests is never
// in memory as text.

// encode writes a document as [json.MarshalIndent] renders it, without secrets: every element of
// its lists by itself, and masked at the very last. An element of a list of more than [maxLaidOut] is one line.
func encode(ctx context.Context, w io.Writer, r *safetext.Redactor, doc any) error {
	out := bufio.NewWriterSize(w, 64<<10)
	e := encoder{ctx: ctx, out: out, masks: true, redact: r, indent: "  ", line: "\n", colon: ": "}
	e.json = json.NewEncoder(&e.buf)
	if err := e.object(doc); err != nil {
		return err
	}
	_ = out.WriteByte('\n')
	return out.Flush()
}

// encodeCompact writes a document as [json.Marshal] renders it, with its secrets.
func encodeCompact(ctx context.Context, w io.Writer, doc any) error {
	out := bufio.NewWriterSize(w, 64<<10)
	e := encoder{ctx: ctx, out: out, colon: ":"}
	e.json = json.NewEncoder(&e.buf)
	return errors.Join(e.object(doc), out.Flush())
}

// maxLaidOut is how many elements of a list have a line for each of their fields. Where there are more,
// each element is one line, which takes a third less.
const maxLaidOut = 10_000

type encoder struct {
	ctx    context.Context //nolint:containedctx // of one call
	out    *bufio.Writer
	redact *safetext.Redactor
	// masks: the texts are cleaned, see [safetext.Redacted].
	masks bool
	// indent is of one level; line ends lines, and is empty for a compact document.
	indent, line, colon string
	// json writes to buf.
	json *json.Encoder
	buf  bytes.Buffer
}

func (e *encoder) object(doc any) error {
	v := reflect.Indirect(reflect.ValueOf(doc))
	if !v.CanAddr() { // so that elements need not be copied to be looked at
		own := reflect.New(v.Type()).Elem()
		own.Set(v)
		v = own
	}
	_ = e.out.WriteByte('{')
	first := true
	for i := range v.NumField() {
		name, omitted := jsonName(v.Type().Field(i), v.Field(i))
		if omitted {
			continue
		}
		if !first {
			_ = e.out.WriteByte(',')
		}
		first = false
		_, _ = e.out.WriteString(e.line + e.indent + `"` + name + `"` + e.colon)
		if err := e.field(v.Type().Field(i), v.Field(i)); err != nil {
			return err
		}
	}
	if !first {
		_, _ = e.out.WriteString(e.line)
	}
	return e.out.WriteByte('}')
}

// jsonName is the name of a field in JSON. omitted: it does not appear.
func jsonName(f reflect.StructField, v reflect.Value) (name string, omitted bool) {
	name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	switch {
	case name == "-" || !f.IsExported():
		return "", true
	case strings.Contains(options, "omitzero"):
		omitted = v.IsZero()
	case strings.Contains(options, "omitempty"):
		omitted = v.IsZero() || (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0
		if v.Kind() == reflect.Struct {
			omitted = false
		}
	}
	return name, omitted
}

func (e *encoder) field(f reflect.StructField, v reflect.Value) error {
	if v.Kind() != reflect.Slice || v.Len() == 0 || v.Type().Elem().Kind() != reflect.Struct {
		return e.value(v, f.Tag.Get("mask") != "-", e.indent)
	}
	line, compact := e.line, v.Len() > maxLaidOut
	_ = e.out.WriteByte('[')
	for i := range v.Len() {
		if i > 0 {
			_ = e.out.WriteByte(',')
		}
		_, _ = e.out.WriteString(line + e.indent + e.indent)
		if e.line = line; compact {
			e.line = ""
		}
		if err := e.value(v.Index(i), true, e.indent+e.indent); err != nil {
			return err
		}
	}
	e.line = line
	_, _ = e.out.WriteString(line + e.indent)
	return e.out.WriteByte(']')
}

// value writes a value that stands behind a prefix of spaces. masked: it may hold text.
func (e *encoder) value(v reflect.Value, masked bool, prefix string) error {
	if err := e.ctx.Err(); err != nil {
		return err
	}
	doc := v.Addr().Interface()
	if masked && e.masks {
		doc = safetext.Redacted(e.redact, doc)
	}
	e.buf.Reset()
	if e.line == "" {
		e.json.SetIndent("", "")
	} else {
		e.json.SetIndent(prefix, e.indent)
	}
	if err := e.json.Encode(doc); err != nil {
		return err
	}
	_, err := e.out.Write(bytes.TrimSuffix(e.buf.Bytes(), []byte("\n")))
	return err
}

// decode reads a document of the gate element by element. It refuses fields that the schema
// does not have, or that stand there twice: one may be another whose name was damaged. Each test of
// a shard is given to a function, which may change it. size is how many bytes there are; a wrong one does no harm.
func decode(ctx context.Context, r io.Reader, size int64, into any, each func(*e2e.TestRun)) error {
	dec := json.NewDecoder(bufio.NewReaderSize(r, 256<<10))
	dec.DisallowUnknownFields()
	if err := expect(dec, json.Delim('{')); err != nil {
		return err
	}
	v := reflect.ValueOf(into).Elem()
	fields := map[string]reflect.Value{}
	for i := range v.NumField() {
		if name, _ := jsonName(v.Type().Field(i), v.Field(i)); name != "" {
			fields[name] = v.Field(i)
		}
	}
	in := reading{ctx: ctx, dec: dec, size: size, words: words{}, each: each}
	for seen := map[string]bool{}; dec.More(); {
		token, err := dec.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		field, known := fields[name]
		switch {
		case !known:
			return fmt.Errorf("json: unknown field %q", name)
		case seen[name]:
			return fmt.Errorf("json: duplicate field %q", name)
		}
		seen[name] = true
		if err := in.field(field); err != nil {
			return err
		}
	}
	if err := expect(dec, json.Delim('}')); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the end of the document")
	}
	return nil
}

func expect(dec *json.Decoder, want json.Delim) error {
	token, err := dec.Token()
	if err == nil && token != want {
		err = fmt.Errorf("json: found %v instead of %v", token, want)
	}
	return err
}

// reading is a document that is being read, of so many bytes.
type reading struct {
	ctx   context.Context //nolint:containedctx // of one call
	dec   *json.Decoder
	size  int64
	words words
	each  func(*e2e.TestRun)
}

func (in reading) field(v reflect.Value) error {
	switch list := v.Addr().Interface().(type) {
	case *[]e2e.TestRun:
		return decodeList(in, list, func(t *e2e.TestRun) { in.words.run(t); in.each(t) })
	case *[]e2e.PlannedTest:
		return decodeList(in, list, func(t *e2e.PlannedTest) { in.words.test(&t.Test); in.words.keep(&t.Source) })
	case *[]e2e.NotRunTest:
		return decodeList(in, list, func(t *e2e.NotRunTest) { in.words.keep(&t.Reason) })
	case *[]e2e.RerunRecord:
		return decodeList(in, list, func(t *e2e.RerunRecord) { in.words.keep(&t.Reason) })
	}
	return in.dec.Decode(v.Addr().Interface())
}

// sampled is after how many elements of a list it is estimated how many there are.
const sampled = 1000

// decodeList reads a list, and does something with each element.
func decodeList[T any](in reading, list *[]T, with func(*T)) error {
	ctx, dec := in.ctx, in.dec
	token, err := dec.Token()
	if err != nil || token == nil { // null
		return err
	}
	if token != json.Delim('[') {
		return fmt.Errorf("json: found %v instead of a list", token)
	}
	*list = []T{}
	start := dec.InputOffset()
	for dec.More() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(*list) == MaxTests {
			return fmt.Errorf("it has more than %d tests (%s); split the stage", MaxTests, e2e.CodeTooManyTests)
		}
		if len(*list) == sampled { // a list that grows by doubling is copied again and again, and has two copies meanwhile
			if read := dec.InputOffset(); read > start && in.size > read {
				rest := (in.size - read) * sampled / (read - start)
				*list = slices.Grow(*list, int(min(rest+rest/64, MaxTests)))
			}
		}
		var one T
		if err := dec.Decode(&one); err != nil {
			return err
		}
		with(&one)
		*list = append(*list, one)
	}
	if unused := cap(*list) - len(*list); unused > len(*list)/8 {
		*list = append(make([]T, 0, len(*list)), *list...)
	}
	*list = slices.Clip(*list)
	_, err = dec.Token()
	return err
}

// words are texts that many tests of a document share, so that each is kept once.
type words map[string]string

// maxWords bounds them; what comes later is kept as it is.
const maxWords = 20_000

func (w words) keep(s *string) {
	switch known, ok := w[*s]; {
	case ok:
		*s = known
	case len(w) < maxWords:
		w[*s] = *s
	}
}

func (w words) test(t *e2e.Test) {
	for _, s := range []*string{&t.Suite, &t.Framework, &t.File, &t.Class, &t.Owner, &t.Journey, &t.Unit, &t.Group, &t.Keep, (*string)(&t.Criticality)} {
		w.keep(s)
	}
	for i := range t.Tags {
		w.keep(&t.Tags[i])
	}
	if strings.HasSuffix(t.ID, t.Name) { // no second copy
		t.Name = t.ID[len(t.ID)-len(t.Name):]
	}
}

func (w words) run(t *e2e.TestRun) {
	if t.Unplanned != nil {
		w.test(t.Unplanned)
	}
	for i := range t.Attempts {
		a := &t.Attempts[i]
		for _, s := range []*string{(*string)(&a.Outcome), (*string)(&a.Source), &a.Uncounted, &a.Type} {
			w.keep(s)
		}
		for n := range a.Files {
			w.keep(&a.Files[n])
		}
	}
}
