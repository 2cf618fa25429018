package schema

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/config/strictyaml"
	"github.com/org/e2e-gate/internal/testkit/golden"
)

// TestFieldsDoc writes docs/fields.md from the types of the config.
func TestFieldsDoc(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Config, field by field\n\n<!-- generated from internal/config by UPDATE_GOLDEN=1 go test ./internal/schema -->\n\n" +
		"[config](config.md) explains the fields, with examples. The same as a [JSON Schema](schema/config.schema.json). `<name>` is a name that you choose. " +
		"A single word may be written in place of a list of words. Durations are written like `90s` or `2m30s`.\n")
	topFields(&b, reflect.TypeFor[config.Config]())
	b.WriteString("\n# An organisation's config\n\nThe file of another repository that [`extends`](organization.md#one-config-for-all-repositories) names, as a " +
		"[JSON Schema](schema/organization.schema.json).\n\n| field | | |\n|---|---|---|\n")
	fieldRows(&b, "", reflect.TypeFor[config.Organization](), 0)
	golden.File(t, filepath.Join(dir, "..", "fields.md"), b.String())
}

// topFields writes the fields of a file, those that hold others in sections of their own.
func topFields(b *strings.Builder, top reflect.Type) {
	b.WriteString("\n| field | | |\n|---|---|---|\n")
	var sections []func()
	for _, f := range reflect.VisibleFields(top) {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		if nested(f.Type) == nil {
			b.WriteString(fieldRow(name, f))
			continue
		}
		fmt.Fprintf(b, "| [`%s`](#%s) | %s | %s |\n", name, name, kind(f), golden.Cell(f.Tag.Get("doc")))
		sections = append(sections, func() {
			fmt.Fprintf(b, "\n## %s\n\n| field | | |\n|---|---|---|\n", name)
			fieldRows(b, name+suffix(f.Type), nested(f.Type), 0)
		})
	}
	for _, section := range sections {
		section()
	}
}

// nested is the struct that a field holds, itself or in a list or mapping.
func nested(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || !strings.HasPrefix(t.PkgPath(), "github.com/org/e2e-gate") || !hasFields(t) {
		return nil
	}
	return t
}

func hasFields(t reflect.Type) bool {
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); name != "" && name != "-" {
			return true
		}
	}
	return false
}

// suffix is how one of several is written: stages.<name>, gates.checks[].
func suffix(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.Map:
		return ".<name>"
	case t.Kind() == reflect.Slice:
		if _, ordered := strictyaml.KeyField(t.Elem()); ordered {
			return ".<name>"
		}
		return "[]"
	}
	return ""
}

func fieldRows(b *strings.Builder, path string, t reflect.Type, depth int) {
	if depth > 6 {
		panic("the config nests forever at " + path)
	}
	for _, f := range reflect.VisibleFields(t) {
		name, opts, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case opts == "inline" || name == "" || name == "-":
		case nested(f.Type) != nil:
			b.WriteString(fieldRow(below(path, name), f))
			fieldRows(b, below(path, name)+suffix(f.Type), nested(f.Type), depth+1)
		default:
			b.WriteString(fieldRow(below(path, name), f))
		}
	}
}

func below(path, name string) string { return strings.TrimPrefix(path+"."+name, ".") }

func fieldRow(path string, f reflect.StructField) string {
	return fmt.Sprintf("| `%s` | %s | %s |\n", path, kind(f), golden.Cell(f.Tag.Get("doc")))
}

// kind says what is written there.
func kind(f reflect.StructField) string {
	if words := f.Tag.Get("enum"); words != "" {
		return "`" + strings.ReplaceAll(words, ",", "`, `") + "`"
	}
	text := word(f.Type)
	if f.Tag.Get("required") == "true" {
		text += ", required"
	}
	return text
}

func word(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.Pointer:
		return word(t.Elem())
	case t == reflect.TypeFor[time.Duration]():
		return "duration"
	case t == reflect.TypeFor[config.Percent]():
		return "percentage"
	case t == reflect.TypeFor[config.Count]():
		return "number or `auto`"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64, reflect.Uint16, reflect.Float64:
		return "number"
	case reflect.String:
		return "text"
	case reflect.Slice:
		if suffix(t) == ".<name>" {
			return "mapping by name"
		}
		return "list"
	case reflect.Map, reflect.Struct:
		return "mapping"
	default:
		return "value"
	}
}
