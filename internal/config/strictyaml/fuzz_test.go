package strictyaml

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

type simple struct {
	A string            `yaml:"a"`
	N int               `yaml:"n"`
	B bool              `yaml:"b"`
	L []string          `yaml:"l"`
	M map[string]string `yaml:"m"`
	I struct {
		A string `yaml:"a"`
	} `yaml:"i"`
	S []struct {
		A string `yaml:"a"`
	} `yaml:"s"`
}

// FuzzDecode: no input makes it panic or run on, every message has a place in the
// file, and where there is no message the value is what the library's own decoder
// reads.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"", "a: x\nn: 1\nb: true\nl: [a, b]\nm: {k: v}\ni: {a: x}\ns: [{a: 1}, {a: 2}]\n", "a: |\n  x\n  y\nl:\n- >-\n  z\n- \"\\t\"\n- 'it''s'\n",
		"a: &x y\nl: [*x, *x]\n", "i: &i {a: b}\ns: [*i, {<<: *i}]\n", "n: x\nb: y\nzz: 1\nzz: 2\n", "? a\n: b\n", "---\na: 1\n---\na: 2\n", "%YAML 1.2\n---\na: 1\n",
		"a: \x00", "\ufeffa: 1\r\nn: 2\r\n", "a: [", "a: {b", "a: 'x", "l: [a:b, c: d]\n", "a: ${X} $${Y} ${Z:-${X}}\n", "m:\n  k: # c\n  j: |+\n    x\n\n",
		"a:\n\t- b", "l: [[a]]", "!!map {a: !!str 1}",
		"l: *x", "&a a: &b b", "m: {*x : y}", "a: - b", "- - - a", "a: @", "n: 0x1F\n", "n: 017\n", "n: 1_0\n", "a: ~\nl: [~]\n", "m: {1: 2, null: 3, true: 4}\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			t.Skip()
		}
		var ours simple
		doc := Decode([]byte(text), &ours, Options{File: "f", Lookup: func(name string) (string, bool) { return "v", name == "X" }})
		lines := strings.Count(text, "\n") + strings.Count(text, "\r") + 1
		for _, m := range doc.Diags().Messages() {
			if m.Line < 0 || m.Line > lines+1 || m.Col < 0 || !utf8.ValidString(m.String()) || m.Text == "" {
				t.Errorf("message %+v", m)
			}
		}
		if doc.Diags().HasErrors() || strings.ContainsAny(text, "$&*!<?%") {
			return // texts with variables, anchors, tags and merges are compared in the tests
		}
		theirs, ok := reference(text)
		if _, null := theirs.M[""]; !ok || null {
			return // a key that is null has the text "null" here, and none there
		}
		theirs.M, ours.M = numbered(theirs.M), numbered(ours.M)
		if diff := cmp.Diff(theirs, ours, cmpopts.EquateEmpty(), cmp.Comparer(sameText)); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	})
}

// sameText treats 007 and 7 as the same: the library reads a number and writes it, ours
// keeps the text.
func sameText(a, b string) bool {
	return a == b || number(a) != "" && number(a) == number(b)
}

// numbered does the same for keys.
func numbered(m map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range m {
		if n := number(k); n != "" {
			k, v = n, "" // which of two equal numbers wins does not matter here
		}
		out[k] = v
	}
	return out
}

func number(s string) string {
	s = strings.ReplaceAll(s, "_", "")
	if i, err := strconv.ParseInt(s, 0, 64); err == nil {
		return strconv.FormatInt(i, 10)
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return ""
}

func reference(text string) (v simple, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false // theirs may panic
		}
	}()
	return v, yaml.Unmarshal(lineBreaks([]byte(text)), &v) == nil
}

// FuzzExpand: it ends, and it is the identity where nothing is to be expanded.
func FuzzExpand(f *testing.F) {
	for _, seed := range []string{"${A}", "$${A}", "${A:-${B:-c}}", "${", "${}}", "$$${A}", "${A:-$${B}}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out, err := Expand(text, func(name string) (string, bool) { return "<" + name + ">", name == "A" })
		if err != nil && out != "" {
			t.Error("a half value with an error")
		}
		if !strings.Contains(text, "${") && out != text {
			t.Errorf("%q turned into %q", text, out)
		}
	})
}
