package safetext

import (
	"reflect"
	"strings"
)

// Redacted returns a copy of a value of plain data (structs, pointers, slices, maps,
// strings) in which every string is valid UTF-8 and holds no secret. What is not data,
// and fields that are not exported, are taken over as they are. The value itself is
// left alone.
func Redacted[T any](r *Redactor, v T) T {
	out := reflect.ValueOf(&v).Elem()
	r.clean(out)
	return v
}

// clean replaces strings below a value that may be written to. What several values
// share, behind pointers and in slices and maps, is copied first.
func (r *Redactor) clean(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(r.String(strings.ToValidUTF8(v.String(), "\uFFFD")))
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				r.clean(f)
			}
		}
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		own := reflect.New(v.Type().Elem())
		own.Elem().Set(v.Elem())
		r.clean(own.Elem())
		v.Set(own)
	case reflect.Slice:
		if v.IsNil() {
			return
		}
		own := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(own, v)
		for i := range own.Len() {
			r.clean(own.Index(i))
		}
		v.Set(own)
	case reflect.Map:
		if v.IsNil() {
			return
		}
		own := reflect.MakeMapWithSize(v.Type(), v.Len())
		for it := v.MapRange(); it.Next(); {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			key.Set(it.Key())
			value.Set(it.Value())
			r.clean(key)
			r.clean(value)
			own.SetMapIndex(key, value)
		}
		v.Set(own)
	default:
	}
}
