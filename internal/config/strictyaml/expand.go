package strictyaml

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxNested bounds defaults in defaults.
const maxNested = 20

// Expand replaces ${NAME} and ${NAME:-default} in text. As in a shell, the
// default also stands in for an empty value, and may itself hold variables.
// $${ is a literal ${. An unset variable without default is an error; several
// errors come joined.
func Expand(text string, lookup func(string) (string, bool)) (string, error) {
	out, wrong := expand(text, lookup, 0)
	if len(wrong) > 0 {
		return "", errors.Join(wrong...)
	}
	return out, nil
}

func expand(text string, lookup func(string) (string, bool), nested int) (string, []error) {
	if nested > maxNested {
		return "", []error{fmt.Errorf("defaults are nested more than %d levels deep", maxNested)}
	}
	var out strings.Builder
	var wrong []error
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			out.WriteString(text)
			return out.String(), wrong
		}
		if i > 0 && text[i-1] == '$' {
			out.WriteString(text[:i-1] + "${")
			text = text[i+2:]
			continue
		}
		out.WriteString(text[:i])
		end := closing(text[i+2:])
		if end < 0 {
			return "", append(wrong, fmt.Errorf("%q has no closing brace; write $${ for a literal ${", clip(text[i:])))
		}
		value, errs := variable(text[i+2:i+2+end], lookup, nested)
		wrong = append(wrong, errs...)
		out.WriteString(value)
		text = text[i+2+end+1:]
	}
}

// closing finds the brace that closes one opened before s, over nested ones.
func closing(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '{' && i > 0 && s[i-1] == '$':
			depth++
		case s[i] == '}' && depth == 0:
			return i
		case s[i] == '}':
			depth--
		}
	}
	return -1
}

func variable(body string, lookup func(string) (string, bool), nested int) (string, []error) {
	name, def, hasDefault := strings.Cut(body, ":-")
	if !validName(name) {
		return "", []error{fmt.Errorf("invalid variable name %q; write ${NAME} or ${NAME:-default}", clip(name))}
	}
	value, ok := lookup(name)
	switch {
	case hasDefault && value == "":
		return expand(def, lookup, nested+1)
	case !ok:
		return "", []error{fmt.Errorf("the environment variable %s is not set; set it, or give a default: ${%s:-value}", name, name)}
	}
	return value, nil
}

func validName(name string) bool {
	for i, c := range name {
		if c != '_' && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// clip shortens a text for a message, between two characters.
func clip(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	n := most
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
