// Package strictyaml decodes YAML into Go values and reports every mistake in one
// pass, each with file, line, column and a hint in the user's words.
//
// It uses goccy/go-yaml's parser. That library's own strict decoding stops at the first
// unknown field and its messages name Go types, which a user of a config file has never
// seen. So this package walks the library's syntax tree.
//
// Struct fields are named by the tag `yaml:"name"`. Besides the usual kinds it
// knows: time.Duration ("90s"), encoding.TextUnmarshaler, a single scalar where a
// list of strings is wanted, and mappings whose order counts: a slice of structs
// with a field tagged `yaml:",key"` is read from a mapping, in file order.
package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/org/e2e-gate/internal/diag"
)

// maxNodes bounds the work: aliases can make a small file describe a huge tree.
const maxNodes = 100_000

// MaxBytes is the largest input that is read.
const MaxBytes = 1 << 20

// Options of one decoding.
type Options struct {
	// File is the name that messages show.
	File string
	// Lookup resolves ${NAME}. Where it is nil, text stays as it is.
	Lookup func(name string) (value string, ok bool)
	// Resolve says whether ${NAME} below this path of keys is resolved.
	Resolve func(path string) bool
	// Refuse says why a variable must not be used, with a hint; empty: it may be.
	Refuse func(name string) (text, hint string)
	// Resolved is told of every variable whose value went into the document.
	Resolved func(path, name, value string)
}

// Document is what was read, with the position of every key and value.
type Document struct {
	file      string
	lines     []string
	positions map[string]position
	diags     diag.List
}

type position struct{ line, col int }

// Decode reads YAML into the value that into points to. The document's Diags
// hold every mistake; the value is only to be used where there is none.
func Decode(data []byte, into any, opts Options) *Document {
	doc := &Document{file: opts.File, positions: map[string]position{}}
	if len(data) > MaxBytes {
		doc.diags.Add(diag.Message{File: opts.File, Text: fmt.Sprintf("the file is larger than %d MiB", MaxBytes>>20), Hint: "is this the right file?"})
		return doc
	}
	data = lineBreaks(data)
	doc.lines = strings.Split(string(data), "\n")
	if !doc.readable(data) {
		return doc
	}
	body, ok := doc.parse(data)
	if !ok {
		return doc
	}
	d := &decoder{doc: doc, opts: opts, targets: anchors(body)}
	d.value(body, reflect.ValueOf(into).Elem(), "")
	return doc
}

// lineBreaks drops a byte order mark and makes all line breaks one.
func lineBreaks(data []byte) []byte {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	return bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
}

// readable reports whether the input is text.
func (d *Document) readable(data []byte) bool {
	line, col := 1, 1
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && size == 1:
			d.diags.Add(d.message(position{line, col}, "the file is not encoded in UTF-8", "save it as UTF-8"))
			return false
		case r < ' ' && r != '\t' && r != '\n' || r == 0x7f:
			d.diags.Add(d.message(position{line, col}, fmt.Sprintf("there is a control character here: %U", r),
				"is this the right file? In double quotes it can be written as an escape"))
			return false
		}
		if col++; r == '\n' {
			line, col = line+1, 1
		}
		data = data[size:]
	}
	return true
}

// Diags returns every mistake found so far, ordered by position.
func (d *Document) Diags() *diag.List { return &d.diags }

// At returns a message about the value at a path such as gates.checks[2].name;
// where that path was not written, it is about the nearest parent that was.
func (d *Document) At(path, text, hint string) diag.Message {
	for {
		if pos, ok := d.positions[path]; ok {
			return d.message(pos, text, hint)
		}
		if path == "" {
			return diag.Message{File: d.file, Text: text, Hint: hint}
		}
		path = Parent(path)
	}
}

// Has reports whether the path was written in the file.
func (d *Document) Has(path string) bool {
	_, ok := d.positions[path]
	return ok
}

// Parent cuts the last key or index off a path.
func Parent(path string) string {
	if i := strings.LastIndexAny(path, ".["); i >= 0 {
		return path[:i]
	}
	return ""
}

func (d *Document) message(pos position, text, hint string) diag.Message {
	m := diag.Message{File: d.file, Line: pos.line, Col: pos.col, Text: text, Hint: hint}
	if pos.line >= 1 && pos.line <= len(d.lines) {
		m.Source = d.lines[pos.line-1]
	}
	return m
}

func (d *Document) parse(data []byte) (body ast.Node, ok bool) {
	// The parser is third-party code, and the file is untrusted.
	defer func() {
		if r := recover(); r != nil {
			d.diags.Add(diag.Message{File: d.file, Text: fmt.Sprintf("this is not valid YAML: the parser gave up: %v", r)})
			body, ok = nil, false
		}
	}()
	tokens := lexer.Tokenize(string(data))
	if at, text, hint := refuse(tokens); at != nil {
		d.diags.Add(d.message(tokenPos(at), text, hint))
		return nil, false
	}
	// Duplicate keys are all found later.
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.diags.Add(d.syntax(err))
		return nil, false
	}
	for _, doc := range file.Docs {
		if doc.Body != nil && doc.Body.Type() != ast.CommentType && doc.Body.Type() != ast.DirectiveType && doc.Body.Type() != ast.NullType {
			return doc.Body, true
		}
	}
	d.diags.Add(diag.Message{File: d.file, Text: "the file is empty"})
	return nil, false
}

func (d *Document) syntax(err error) diag.Message {
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) {
		return d.message(tokenPos(syntax.Token), "this is not valid YAML: "+syntax.Message, "check indentation and quotes")
	}
	return diag.Message{File: d.file, Text: "this is not valid YAML: " + err.Error()}
}

func tokenPos(t *token.Token) position {
	if t == nil || t.Position == nil {
		return position{}
	}
	return position{t.Position.Line, t.Position.Column}
}

// Keys lists the keys that a struct type knows, in the order of its fields.
func Keys(t reflect.Type) []string {
	var keys []string
	for _, f := range reflect.VisibleFields(t) {
		if name := fieldName(f); name != "" {
			keys = append(keys, name)
		}
	}
	return keys
}

func fieldName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if name == "-" || !f.IsExported() {
		return ""
	}
	return name
}

// KeyField returns the index of the field that takes a mapping's key, or false.
func KeyField(t reflect.Type) (int, bool) {
	if t.Kind() != reflect.Struct {
		return 0, false
	}
	i := slices.IndexFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return f.Tag.Get("yaml") == ",key" })
	return i, i >= 0
}
