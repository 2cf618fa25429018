package schema

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/invopop/jsonschema"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/config/strictyaml"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/golden"
	"github.com/org/e2e-gate/shards"
)

const dir = "../../docs/schema"

// writer makes the schema of one type.
type writer struct {
	tag   string // struct tag that names fields: yaml or json
	types map[string]reflect.Type
}

func (w *writer) reflector() *jsonschema.Reflector {
	return &jsonschema.Reflector{
		FieldNameTag: w.tag, RequiredFromJSONSchemaTags: true, Anonymous: true,
		AllowAdditionalProperties: w.tag == "json", // documents may grow within a major version
		Namer: func(t reflect.Type) string {
			if t.Name() == "" {
				return "" // written in place
			}
			// suite passes on the types of suite/adapter under its own name.
			parts := strings.Split(strings.TrimSuffix(t.PkgPath(), "/adapter"), "/")
			name := parts[len(parts)-1] + "." + t.Name()
			w.types[name] = t
			return name
		},
		LookupComment: func(t reflect.Type, field string) string {
			if t.Kind() != reflect.Struct {
				return ""
			}
			f, _ := t.FieldByName(field)
			return f.Tag.Get("doc")
		},
		Mapper: w.special,
	}
}

// special are types that are written in a way of their own.
func (w *writer) special(t reflect.Type) *jsonschema.Schema {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: `^([0-9.]+(ns|us|µs|ms|s|m|h))+$|\$\{`, Examples: []any{"90s", "3m"}}
	case t == reflect.TypeFor[config.Percent]():
		return &jsonschema.Schema{Type: "string", Pattern: `^[0-9.]+ *%$|\$\{`, Examples: []any{"20%"}}
	case t == reflect.TypeFor[config.Count]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Const: "auto"}, {Type: "integer", Minimum: "1", Maximum: json.Number(strconv.Itoa(shards.MaxCount))}, {Type: "string", Pattern: `\$\{`}}}
	case w.tag == "yaml" && t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String:
		text := &jsonschema.Schema{Type: "string"}
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{text, {Type: "array", Items: text}}}
	case w.tag == "yaml" && t.Kind() == reflect.Slice:
		if _, ordered := strictyaml.KeyField(t.Elem()); ordered {
			r := w.reflector()
			r.DoNotReference = true
			one := r.ReflectFromType(t.Elem())
			one.Version = ""
			return &jsonschema.Schema{Type: "object", AdditionalProperties: one}
		}
	}
	return nil
}

// schema makes the document: descriptions and allowed words come from the tags.
func schema(t *testing.T, typ reflect.Type, tag, title string) []byte {
	t.Helper()
	w := &writer{tag: tag, types: map[string]reflect.Type{}}
	s := w.reflector().ReflectFromType(typ)
	s.Title = title
	for name, def := range s.Definitions {
		w.finish(def, w.types[name])
	}
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(data, '\n')
}

// finish adds what the library does not read from our tags.
func (w *writer) finish(def *jsonschema.Schema, t reflect.Type) {
	if t == nil || t.Kind() != reflect.Struct || def.Properties == nil {
		return
	}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get(w.tag), ",")
		if f.Tag.Get("yaml") == ",key" {
			def.Properties.Delete(f.Name) // the key of the mapping, not a field of it
		}
		p, ok := def.Properties.Get(name)
		if !ok || name == "" {
			continue
		}
		if words := f.Tag.Get("enum"); words != "" {
			enum(p, strings.Split(words, ","))
		}
		if f.Tag.Get("required") == "true" && !slices.Contains(def.Required, name) {
			def.Required = append(def.Required, name)
		}
		if sub := p.AdditionalProperties; w.tag == "yaml" && sub != nil && sub.Properties != nil {
			w.finish(sub, f.Type.Elem())
		}
	}
	slices.Sort(def.Required)
}

func enum(p *jsonschema.Schema, words []string) {
	var allowed []any
	for _, word := range words {
		allowed = append(allowed, word)
	}
	if len(p.AnyOf) == 2 && p.AnyOf[1].Items != nil { // a word or a list of words
		one := &jsonschema.Schema{Type: "string", Enum: allowed}
		p.AnyOf = []*jsonschema.Schema{one, {Type: "array", Items: one}}
		return
	}
	p.Enum = allowed
}

func TestSchemasAreUpToDate(t *testing.T) {
	for _, tc := range []struct {
		file, tag, title string
		typ              reflect.Type
	}{
		{"config.schema.json", "yaml", "Config of e2e-gate", reflect.TypeFor[config.Config]()},
		{"organization.schema.json", "yaml", "Config of an organisation, which extends names", reflect.TypeFor[config.Organization]()},
		{"fragment.schema.json", "yaml", "Part of a config of e2e-gate, which include names", reflect.TypeFor[config.Fragment]()},
		{"plan.schema.json", "json", "plan.json of e2e-gate", reflect.TypeFor[e2e.Plan]()},
		{"shard.schema.json", "json", "shard-<n>.<attempt>.json of e2e-gate", reflect.TypeFor[e2e.ShardRun]()},
		{"result.schema.json", "json", "result.json of e2e-gate", reflect.TypeFor[e2e.Result]()},
	} {
		golden.File(t, filepath.Join(dir, tc.file), string(schema(t, tc.typ, tc.tag, tc.title)))
	}
}

// TestEveryFieldIsDescribed holds the promise that each field of the config and
// the documents has a description.
func TestEveryFieldIsDescribed(t *testing.T) {
	seen := map[reflect.Type]bool{}
	described(t, reflect.TypeFor[config.Config](), "yaml", seen)
	described(t, reflect.TypeFor[config.Organization](), "yaml", seen)
	described(t, reflect.TypeFor[config.Fragment](), "yaml", seen)
	for _, typ := range []reflect.Type{reflect.TypeFor[e2e.Plan](), reflect.TypeFor[e2e.ShardRun](), reflect.TypeFor[e2e.Result]()} {
		described(t, typ, "json", seen)
	}
}

func described(t *testing.T, typ reflect.Type, tag string, seen map[reflect.Type]bool) {
	t.Helper()
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || seen[typ] || !strings.HasPrefix(typ.PkgPath(), "github.com/org/e2e-gate") {
		return
	}
	seen[typ] = true
	for _, f := range reflect.VisibleFields(typ) {
		name, _, _ := strings.Cut(f.Tag.Get(tag), ",")
		if name == "-" || name == "" {
			continue
		}
		if f.Tag.Get("doc") == "" {
			t.Errorf("%s.%s has no description", typ, f.Name)
		}
		described(t, f.Type, tag, seen)
	}
}
