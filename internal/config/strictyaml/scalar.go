package strictyaml

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// scalar sets a string, number, truth value, duration or text value.
func (d *decoder) scalar(n ast.Node, v reflect.Value, path string) {
	text, ok := scalarText(n)
	if !ok {
		d.fail(n, fmt.Sprintf("expected %s here, found %s", wanted(v), describe(n)), "")
		return
	}
	text, resolved := d.resolve(n, text, path)
	if !resolved && !isString(v) && strings.Contains(text, "${") {
		return // not needed by this command, or already reported
	}
	if err := set(v, text); err != nil {
		d.fail(n, err.Error(), "")
	}
}

func isString(v reflect.Value) bool {
	return v.Kind() == reflect.String && !v.Addr().Type().Implements(textType)
}

// resolve replaces ${NAME}; false: it was left as it is.
func (d *decoder) resolve(n ast.Node, text, path string) (string, bool) {
	if !strings.Contains(text, "${") || d.opts.Lookup == nil || d.opts.Resolve != nil && !d.opts.Resolve(path) {
		return text, !strings.Contains(text, "${")
	}
	refused := false
	out, err := Expand(text, func(name string) (string, bool) {
		if d.opts.Refuse != nil {
			if why, hint := d.opts.Refuse(name); why != "" {
				d.fail(n, why, hint)
				refused = true
				return "refused", true
			}
		}
		value, ok := d.opts.Lookup(name)
		if ok && d.opts.Resolved != nil {
			d.opts.Resolved(path, name, value)
		}
		return value, ok
	})
	if refused {
		return text, false
	}
	if err != nil {
		for _, e := range each(err) {
			d.fail(n, e.Error(), "")
		}
		return text, false
	}
	return out, true
}

// each takes joined errors apart.
func each(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // the one that Expand returns
		return joined.Unwrap()
	}
	return []error{err}
}

func scalarText(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.StringNode:
		return n.Value, true
	case *ast.NullNode, *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode:
		return "", false
	case ast.ScalarNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func set(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	if v.Type() == durationType {
		return setDuration(v, text)
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		switch text {
		case "true", "True", "TRUE":
			v.SetBool(true)
		case "false", "False", "FALSE":
			v.SetBool(false)
		default:
			return fmt.Errorf("expected true or false, found %q", clip(text))
		}
	case reflect.Int, reflect.Int64:
		i, err := strconv.ParseInt(text, 0, 64)
		if err != nil {
			return fmt.Errorf("expected a whole number, found %q", clip(text))
		}
		v.SetInt(i)
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return fmt.Errorf("expected a number, found %q", clip(text))
		}
		v.SetFloat(f)
	default:
		return fmt.Errorf("cannot read %s", v.Type())
	}
	return nil
}

func setDuration(v reflect.Value, text string) error {
	dur, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("expected a duration such as 90s, 3m or 1h30m, found %q", clip(text))
	}
	if dur < 0 {
		return fmt.Errorf("a duration cannot be negative, found %q", clip(text))
	}
	v.SetInt(int64(dur))
	return nil
}

func wanted(v reflect.Value) string {
	switch {
	case v.Type() == durationType:
		return "a duration such as 90s"
	case v.Kind() == reflect.Bool:
		return "true or false"
	case v.Kind() == reflect.Int || v.Kind() == reflect.Int64 || v.Kind() == reflect.Float64:
		return "a number"
	}
	return "a text"
}

func describe(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys and values"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	}
	if text, ok := scalarText(n); ok {
		return strconv.Quote(clip(text))
	}
	return "something else"
}
