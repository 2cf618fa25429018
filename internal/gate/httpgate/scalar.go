package httpgate

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// decode reads one JSON document, keeping numbers as they are written.
func decode(body []byte) (any, bool) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var doc any
	if dec.Decode(&doc) != nil {
		return nil, false
	}
	_, err := dec.Token()
	return doc, errors.Is(err, io.EOF)
}

// duplicateKey is the first key that stands twice in one object of a JSON document; nil: none does.
// Readers differ in which of the two they take.
func duplicateKey(body []byte) *string {
	dec := json.NewDecoder(bytes.NewReader(body))
	type object struct {
		keys map[string]bool // nil for a list
		key  bool            // the next string is a key
	}
	var open []object
	for {
		token, err := dec.Token()
		if err != nil {
			return nil
		}
		at := len(open) - 1
		switch token {
		case json.Delim('{'):
			open = append(open, object{map[string]bool{}, true})
			continue
		case json.Delim('['):
			open = append(open, object{})
			continue
		case json.Delim('}'), json.Delim(']'):
			open = open[:at]
			at--
		default:
			if key, ok := token.(string); ok && at >= 0 && open[at].key {
				if open[at].keys[key] {
					return &key
				}
				open[at].keys[key], open[at].key = true, false
				continue
			}
		}
		if at >= 0 && open[at].keys != nil { // a value has ended
			open[at].key = true
		}
	}
}

// equalText reports whether a JSON value equals a scalar of the config: numbers by
// value (1.0 is 1, and no digit of a long one is lost), true, false and null by their
// words, strings by their characters, lists and objects as JSON.
func equalText(value any, want string) bool {
	switch v := value.(type) {
	case string:
		return v == want
	case json.Number:
		return sameNumber(v.String(), want)
	case bool:
		return strings.EqualFold(want, strconv.FormatBool(v))
	case nil:
		return strings.EqualFold(want, "null")
	default:
		other, ok := decode([]byte(want))
		return ok && equalValue(value, other)
	}
}

func equalValue(a, b any) bool {
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		return ok && equalLists(a, b)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && equalObjects(a, b)
	case json.Number:
		b, ok := b.(json.Number)
		return ok && sameNumber(a.String(), b.String())
	default:
		return a == b
	}
}

func equalLists(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !equalValue(a[i], b[i]) {
			return false
		}
	}
	return true
}

func equalObjects(a, b map[string]any) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || !equalValue(v, w) {
			return false
		}
	}
	return true
}

// sameNumber compares two decimal numbers exactly and without computing them:
// 1e400000000 must cost nothing.
func sameNumber(a, b string) bool {
	da, oka := readDecimal(a)
	db, okb := readDecimal(b)
	return oka && okb && da == db
}

// decimal is ±0.digits × 10^exp, without zeros at either end of the digits.
type decimal struct {
	negative bool
	digits   string
	exp      int64
}

func readDecimal(s string) (decimal, bool) {
	var d decimal
	s, d.negative = strings.CutPrefix(strings.TrimSpace(s), "-")
	mantissa, exponent, hasExponent := strings.Cut(strings.ToLower(s), "e")
	if hasExponent {
		n, err := strconv.ParseInt(exponent, 10, 32)
		if err != nil {
			return d, false
		}
		d.exp = n
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if whole == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return d, false
	}
	d.exp += int64(len(whole))
	digits := whole + fraction
	stripped := strings.TrimLeft(digits, "0")
	d.exp -= int64(len(digits) - len(stripped))
	if d.digits = strings.TrimRight(stripped, "0"); d.digits == "" {
		return decimal{}, true
	}
	return d, true
}

// plainText is a value as a person would write it: strings without quotes.
func plainText(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	return jsonText(value)
}

// jsonText is a value as JSON, on one line, with sorted keys.
func jsonText(value any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return "[unprintable]"
	}
	return strings.TrimSuffix(b.String(), "\n")
}
