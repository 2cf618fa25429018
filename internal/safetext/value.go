package safetext

import (
	"reflect"
	"strings"
	"sync"
	"unicode/utf8"
)

// Redacted returns a value of plain data (structs, pointers, slices, maps, strings) in which every
// string is valid UTF-8 and no text holds a secret. Keys, numbers, words of enumerations (types of
// their own) and fields with the tag mask:"-", such as ids, are never rewritten: documents refer to
// one another by them. What is not data, and fields that are not exported, stay as they are. The value
// itself is left alone; what has to change is copied, and shared otherwise.
func Redacted[T any](r *Redactor, v T) T {
	return cleaned(r, v, onlyTexts)
}

// Shown is [Redacted] for a value that is rendered for people: nothing refers to its ids and names any
// more, so those are masked too, also with escapes that rendering would add to.
func Shown[T any](r *Redactor, v T) T { return cleaned(r, v, everything) }

// IsClean reports whether [Redacted] would change nothing.
func IsClean[T any](r *Redactor, v T) bool {
	_, changed := r.clean(reflect.ValueOf(&v).Elem(), onlyTexts)
	return !changed
}

func cleaned[T any](r *Redactor, v T, what reach) T {
	out := reflect.ValueOf(&v).Elem()
	if clean, changed := r.clean(out, what); changed {
		out.Set(clean)
	}
	return v
}

// reach is which strings are masked.
type reach int

const (
	nothing reach = iota
	onlyTexts
	everything
)

var stringType = reflect.TypeFor[string]()

// clean is a value without secrets. It is not changed itself.
func (r *Redactor) clean(v reflect.Value, what reach) (out reflect.Value, changed bool) {
	switch v.Kind() {
	case reflect.String:
		if v.Len() == 0 {
			return v, false
		}
		s := v.String()
		if !utf8.ValidString(s) {
			s = strings.ToValidUTF8(s, "\uFFFD")
		}
		if what != nothing && v.Type() == stringType {
			s = r.String(s)
		}
		if s == v.String() {
			return v, false
		}
		out = reflect.New(v.Type()).Elem()
		out.SetString(s)
		return out, true
	case reflect.Struct:
		return r.cleanStruct(v, what)
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return v, false
		}
		elem, changed := r.clean(v.Elem(), what)
		switch {
		case !changed:
			return v, false
		case v.Kind() == reflect.Interface:
			return elem, true
		}
		out = reflect.New(v.Type().Elem())
		out.Elem().Set(elem)
		return out, true
	case reflect.Slice:
		return r.cleanSlice(v, what)
	case reflect.Map:
		return r.cleanMap(v, what)
	default:
		return v, false
	}
}

func (r *Redactor) cleanStruct(v reflect.Value, what reach) (out reflect.Value, changed bool) {
	out = v
	for _, f := range fieldsOf(v.Type()) {
		if f.skips(v.Field(f.index)) {
			continue
		}
		within := what
		if f.kept && what == onlyTexts {
			within = nothing
		}
		field, is := r.clean(v.Field(f.index), within)
		if line, of := r.firstLine(v, f, within); of {
			field, is = line, true
		}
		if !is {
			continue
		}
		if !changed {
			out = reflect.New(v.Type()).Elem()
			out.Set(v)
			changed = true
		}
		out.Field(f.index).Set(field)
	}
	return out, changed
}

// firstLine is a field that is the first line of another: it is masked as that line is, since the
// end of the line may split a secret.
func (r *Redactor) firstLine(v reflect.Value, f field, what reach) (line reflect.Value, changed bool) {
	if f.of < 0 || what == nothing {
		return line, false
	}
	own, whole := v.Field(f.index).String(), strings.TrimSpace(v.Field(f.of).String())
	rest, is := strings.CutPrefix(whole, own)
	if own == "" || !is || strings.TrimLeft(rest, " \t\r\n") == rest {
		return line, false
	}
	masked, _, _ := strings.Cut(r.String(whole), "\n")
	masked = strings.TrimSpace(masked)
	if strings.HasPrefix(masked, own) {
		return line, false
	}
	line = reflect.New(v.Field(f.index).Type()).Elem()
	line.SetString(strings.ToValidUTF8(masked, "\uFFFD"))
	return line, true
}

func (r *Redactor) cleanSlice(v reflect.Value, what reach) (out reflect.Value, changed bool) {
	out = v
	if !holdsStrings(v.Type().Elem()) {
		return v, false
	}
	for i := range v.Len() {
		elem, is := r.clean(v.Index(i), what)
		if !is {
			continue
		}
		if !changed {
			out = reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(out, v)
			changed = true
		}
		out.Index(i).Set(elem)
	}
	return out, changed
}

func (r *Redactor) cleanMap(v reflect.Value, what reach) (out reflect.Value, changed bool) {
	out = v
	for it := v.MapRange(); it.Next(); {
		key, isKey := r.clean(it.Key(), nothing)
		elem, isElem := r.clean(it.Value(), what)
		if !isKey && !isElem {
			continue
		}
		if !changed {
			out = reflect.MakeMapWithSize(v.Type(), v.Len())
			for other := v.MapRange(); other.Next(); {
				out.SetMapIndex(other.Key(), other.Value())
			}
			changed = true
		}
		if isKey {
			out.SetMapIndex(it.Key(), reflect.Value{})
		}
		out.SetMapIndex(key, elem)
	}
	return out, changed
}

// field is one that may hold strings; kept: it holds no text. of is the field whose first line it
// may be, as the tag mask:"line of NAME" says; -1: none.
type field struct {
	index int
	kept  bool
	of    int
}

// skips reports whether a field holds nothing, as most do.
func (f field) skips(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String, reflect.Slice, reflect.Map:
		return v.Len() == 0
	case reflect.Pointer, reflect.Interface:
		return v.IsNil()
	default:
		return false
	}
}

// known are the fields of types that were seen, and whether other types hold strings.
var known struct{ fields, strings sync.Map }

func fieldsOf(t reflect.Type) []field {
	if list, ok := known.fields.Load(t); ok {
		return list.([]field)
	}
	var list []field
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() && holdsStrings(f.Type) {
			one := field{i, f.Tag.Get("mask") == "-", -1}
			if name, ok := strings.CutPrefix(f.Tag.Get("mask"), "line of "); ok {
				if other, ok := t.FieldByName(name); ok {
					one.of = other.Index[0]
				}
			}
			list = append(list, one)
		}
	}
	known.fields.Store(t, list)
	return list
}

func holdsStrings(t reflect.Type) bool {
	if is, ok := known.strings.Load(t); ok {
		return is.(bool)
	}
	known.strings.Store(t, true) // of a type that holds itself
	is := false
	switch t.Kind() {
	case reflect.String, reflect.Interface, reflect.Map:
		is = true
	case reflect.Pointer, reflect.Slice:
		is = holdsStrings(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && holdsStrings(f.Type) {
				is = true
			}
		}
	default:
	}
	known.strings.Store(t, is)
	return is
}
