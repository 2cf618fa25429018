package strictyaml

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type spec struct {
	Name    string            `yaml:"name"`
	Count   int               `yaml:"count"`
	Share   float64           `yaml:"share"`
	On      bool              `yaml:"on"`
	Off     *bool             `yaml:"off"`
	Wait    time.Duration     `yaml:"wait"`
	Tags    []string          `yaml:"tags"`
	Env     map[string]string `yaml:"env"`
	Inner   inner             `yaml:"inner"`
	Checks  []inner           `yaml:"checks"`
	Stages  []stage           `yaml:"stages"`
	Level   level             `yaml:"level"`
	Matrix  map[string]map[string]string
	Nested  map[string]map[string]int `yaml:"nested"`
	Skipped string                    `yaml:"-"`
	hidden  string                    //nolint:unused // must not be a key
}

type inner struct {
	Name string        `yaml:"name"`
	URL  string        `yaml:"url"`
	Wait time.Duration `yaml:"wait"`
	Run  []string      `yaml:"run"`
}

type stage struct {
	Key    string        `yaml:",key"`
	Budget time.Duration `yaml:"budget"`
}

type level string

func (l *level) UnmarshalText(text []byte) error {
	if s := string(text); s != "low" && s != "high" {
		return fmt.Errorf("expected low or high, found %q", s)
	}
	*l = level(text)
	return nil
}

func decode(t *testing.T, text string, opts Options) (spec, []string, *Document) {
	t.Helper()
	var v spec
	opts.File = "f.yml"
	doc := Decode([]byte(text), &v, opts)
	var messages []string
	for _, m := range doc.Diags().Messages() {
		messages = append(messages, m.String())
	}
	return v, messages, doc
}

// begins compares messages by how they begin: position and text, without hint.
func begins(t *testing.T, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d messages, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range got {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("got  %s\nwant %s", got[i], want[i])
		}
	}
}

func TestDecode(t *testing.T) {
	off := false
	got, messages, _ := decode(t, `# everything at once
name: "quoted: text"
count: 0x10
share: 2.5
on: true
off: False
wait: 1h30m
tags: [a, 'b b', c:d]
env: {A: 1, "B C": yes, D: , E: "x\ty"}
inner: {name: n, run: one}
checks:
  - name: first
    run:
      - go
      - test
  - {name: second, wait: 90s}
stages:
  pr: {budget: 3m}
  main:
  nightly:
    budget: 90m
level: high
nested: {a: {x: 1}}
`, Options{})
	if len(messages) > 0 {
		t.Fatal(messages)
	}
	want := spec{
		Name: "quoted: text", Count: 16, Share: 2.5, On: true, Off: &off, Wait: 90 * time.Minute, Tags: []string{"a", "b b", "c:d"},
		Env:    map[string]string{"A": "1", "B C": "yes", "D": "", "E": "x\ty"},
		Inner:  inner{Name: "n", Run: []string{"one"}},
		Checks: []inner{{Name: "first", Run: []string{"go", "test"}}, {Name: "second", Wait: 90 * time.Second}},
		Stages: []stage{{"pr", 3 * time.Minute}, {"main", 0}, {"nightly", 90 * time.Minute}},
		Level:  "high", Nested: map[string]map[string]int{"a": {"x": 1}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(spec{})); diff != "" {
		t.Error(diff)
	}
}

func TestFiveMistakesAreFiveMessages(t *testing.T) {
	_, messages, doc := decode(t, `nmae: x
count: many
inner:
    url: [a, b]
    wait: soon
checks:
  - name: ok
    rnu: [go]
`, Options{})
	want := []string{
		`f.yml:1:1: unknown key "nmae"; did you mean "name"?`,
		`f.yml:2:8: expected a whole number, found "many"`,
		`f.yml:4:10: expected a text here, found a list`,
		`f.yml:5:11: expected a duration such as 90s, 3m or 1h30m, found "soon"`,
		`f.yml:8:5: unknown key "rnu" in checks[0]; did you mean "run"?`,
	}
	if diff := cmp.Diff(want, messages); diff != "" {
		t.Error(diff)
	}
	if got := doc.Diags().Messages()[4].Source; got != "    rnu: [go]" {
		t.Errorf("source line %q", got)
	}
}

func TestMistakes(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"no near word", "zzzzzz: 1", []string{`f.yml:1:1: unknown key "zzzzzz"; expected one of: name, count,`}},
		{"a key that only tests know", "Skipped: 1\nhidden: 2\nMatrix: 3\n",
			[]string{`f.yml:1:1: unknown key "Skipped"`, `f.yml:2:1: unknown key "hidden"`, `f.yml:3:1: unknown key "Matrix"`}},
		{"keys are case sensitive", "Name: x", []string{`f.yml:1:1: unknown key "Name"; did you mean "name"?`}},
		{"unknown in flow style", "inner: {name: x, urll: y}", []string{`f.yml:1:18: unknown key "urll" in inner; did you mean "url"?`}},
		{"after characters of several bytes", "env: {ä: ö}\ninner: {name: 'äöü', urll: y}", []string{`f.yml:2:22: unknown key "urll"`}},
		{"number", "count: 1.5\nshare: x\nnested: {a: {b: c}}",
			[]string{`f.yml:1:8: expected a whole number, found "1.5"`, `f.yml:2:8: expected a number, found "x"`, `f.yml:3:17: expected a whole number, found "c"`}},
		{"number too large", "count: 99999999999999999999", []string{`f.yml:1:8: expected a whole number`}},
		{"number that is none", "share: nan", []string{`f.yml:1:8: expected a number`}},
		{"infinite", "share: Inf", []string{`f.yml:1:8: expected a number`}},
		{"truth", "on: yes\noff: 1", []string{`f.yml:1:5: expected true or false, found "yes"`, `f.yml:2:6: expected true or false, found "1"`}},
		{"duration without unit", "wait: 90", []string{`f.yml:1:7: expected a duration such as 90s, 3m or 1h30m, found "90"`}},
		{"negative duration", "wait: -1s", []string{`f.yml:1:7: a duration cannot be negative, found "-1s"`}},
		{"duration as list", "wait: [1s]", []string{`f.yml:1:7: expected a duration such as 90s here, found a list`}},
		{"own words", "level: middle", []string{`f.yml:1:8: expected low or high, found "middle"`}},
		{"own words as mapping", "level: {a: b}", []string{`f.yml:1:8: expected a text here, found keys and values`}},
		{"list where a text is", "name:\n  - a\n", []string{`f.yml:2:3: expected a text here, found a list`}},
		{"mapping where a text is", "name:\n  a: b\n", []string{`f.yml:2:3: expected a text here, found keys and values`}},
		{"mapping where a truth is", "on: {a: b}", []string{`f.yml:1:5: expected true or false here, found keys and values`}},
		{"mapping where a number is", "count: {a: b}", []string{`f.yml:1:8: expected a number here, found keys and values`}},
		{"text where keys are", "inner: x", []string{`f.yml:1:8: expected keys and values here, found "x"; keys are: name, url, wait, run`}},
		{"list where keys are", "inner: [x]", []string{`f.yml:1:8: expected keys and values here, found a list`}},
		{"list where a map is", "env: [A]", []string{`f.yml:1:6: expected keys and values here, found a list`}},
		{"text where a list of mappings is", "checks: x", []string{`f.yml:1:9: expected a list here, found "x"; start each entry with a dash`}},
		{"mapping where a list is", "checks: {name: x}", []string{`f.yml:1:9: expected a list here, found keys and values`}},
		{"mapping where texts are", "tags: {a: b}", []string{`f.yml:1:7: expected a list here, found keys and values`}},
		{"list in a list of texts", "tags: [a, [b], {c: d}]",
			[]string{`f.yml:1:11: expected a text here, found a list`, `f.yml:1:16: expected a text here, found keys and values`}},
		{"list where names are", "stages: [pr]", []string{`f.yml:1:9: expected names with settings here, found a list`}},
		{"text where settings are", "stages: {pr: x}", []string{`f.yml:1:14: expected keys and values here, found "x"`}},
		{"empty entry", "tags:\n  - a\n  -\n  - b\n", []string{`f.yml:3:4: this entry of the list is empty`}},
		{"doubled keys, all of them", "name: a\ninner:\n  name: a\n  name: b\nname: b\nenv: {A: 1, A: 2}\nstages: {pr: , pr: }\n", []string{
			`f.yml:4:3: duplicate key "name"; it is already in line 3`, `f.yml:5:1: duplicate key "name"; it is already in line 1`,
			`f.yml:6:13: duplicate key "A"`, `f.yml:7:16: duplicate key "pr"`,
		}},
		{"text at the top", "hello", []string{`f.yml:1:1: expected keys and values here, found "hello"`}},
		{"list at the top", "- a\n", []string{`f.yml:1:1: expected keys and values here, found a list`}},
		{"long text is cut", "count: " + strings.Repeat("ä", 100), []string{`f.yml:1:8: expected a whole number, found "` + strings.Repeat("ä", 20) + `…"`}},
		{"multi-line text points at its start", "count: |\n  1\n  2\nname: x\nzz: 1\n",
			[]string{`f.yml:1:8: expected a whole number`, `f.yml:5:1: unknown key "zz"`}},
		{"folded text", "on: >-\n  maybe\nzz: 1", []string{`f.yml:1:5: expected true or false, found "maybe"`, `f.yml:3:1: unknown key "zz"`}},
		{"CRLF", "count: x\r\ninner:\r\n  zz: 1\r\n", []string{`f.yml:1:8: expected a whole number, found "x"`, `f.yml:3:3: unknown key "zz"`}},
		{"CR alone", "count: x\rzz: 1\r", []string{`f.yml:1:8: expected a whole number`, `f.yml:2:1: unknown key "zz"`}},
		{"byte order mark", "\ufeffzz: 1\n", []string{`f.yml:1:1: unknown key "zz"`}},
		{"tab as indentation", "inner:\n\tname: x\n", []string{`f.yml:2:1: this is not valid YAML`}},
		{"not UTF-8", "name: ä\ninner: {url: \xff}\n", []string{`f.yml:2:14: the file is not encoded in UTF-8`}},
		{"UTF-16", "\xff\xfen\x00a\x00", []string{`f.yml:1:1: the file is not encoded in UTF-8`}},
		{"control character", "name: a\x00b", []string{`f.yml:1:8: there is a control character here: U+0000`}},
		{"ANSI", "name: \x1b[31m", []string{`f.yml:1:7: there is a control character here: U+001B`}},
		{"empty", "", []string{`f.yml: the file is empty`}},
		{"blank", " \n\n", []string{`f.yml: the file is empty`}},
		{"comments only", "# a\n\n# b\n", []string{`f.yml: the file is empty`}},
		{"a document that holds nothing", "---\n...\n", []string{`f.yml: the file is empty`}},
		{"null", "~", []string{`f.yml: the file is empty`}},
		{"two documents", "name: a\n---\nname: b\n---\nname: c\n", []string{`f.yml:3:1: the file holds more than one YAML document`}},
		{"two documents after a directive", "%YAML 1.2\n---\nname: a\n---\n# c\ntags: [a]\n", []string{`f.yml:6:1: the file holds more than one YAML document`}},
		{"after the end", "name: a\n...\nname: b\n", []string{`f.yml:3:1: the file holds more than one YAML document`}},
		{"open bracket", "name: x\ntags: [a, b\n", []string{`f.yml:2:7: this is not valid YAML`}},
		{"open quote", "name: 'x\n", []string{`f.yml:1:7: this is not valid YAML`}},
		{"two colons", "name: a: b", []string{`f.yml:1:7: this is not valid YAML`}},
		{"key that is not a text", "env: {? [a] : b}", []string{`f.yml:1:`}},
		{"alias without anchor", "name: *x", []string{`f.yml:1:7: the alias *x has no anchor before it`}},
		{"alias before its anchor", "name: *x\ninner: {name: &x a}", []string{`f.yml:1:7: the alias *x has no anchor before it`}},
		{"merge of a text", "inner:\n  <<: x\n", []string{`f.yml:2:7: << takes keys and values, or a list of them`}},
		{"mistake behind an anchor is said once", "checks:\n  - &c {zz: 1}\n  - *c\n",
			[]string{`f.yml:2:9: unknown key "zz" in checks[0]`, `f.yml:2:9: unknown key "zz" in checks[1]`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, messages, _ := decode(t, tc.text, Options{})
			begins(t, messages, tc.want)
		})
	}
}

func TestAnchors(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       spec
	}{
		{"alias", "name: &n x\ninner: {name: *n}", spec{Name: "x", Inner: inner{Name: "x"}}},
		{"the last of its name before", "name: &n x\ninner: {name: &n y}\nchecks: [{name: *n}]",
			spec{Name: "x", Inner: inner{Name: "y"}, Checks: []inner{{Name: "y"}}}},
		{"merge", "inner: &i {name: a, url: u}\nchecks:\n  - <<: *i\n    name: b\n  - {name: c, <<: *i}\n",
			spec{Inner: inner{Name: "a", URL: "u"}, Checks: []inner{{Name: "b", URL: "u"}, {Name: "c", URL: "u"}}}},
		{"merge of a list: the first wins", "checks:\n  - &a {name: a}\n  - &b {name: b, url: u}\n  - {<<: [*a, *b], wait: 1s}\n",
			spec{Checks: []inner{{Name: "a"}, {Name: "b", URL: "u"}, {Name: "a", URL: "u", Wait: time.Second}}}},
		{"merge in a map", "env: {<<: {A: 1, B: 1}, B: 2}", spec{Env: map[string]string{"A": "1", "B": "2"}}},
		{"tags of YAML", "name: !!str 12\ncount: !!int 3", spec{Name: "12", Count: 3}},
		{"document markers", "---\nname: x\n...\n", spec{Name: "x"}},
		{"block texts", "name: |\n  a\n   b\ninner:\n  url: >-\n    a\n    b\n", spec{Name: "a\n b\n", Inner: inner{URL: "a b"}}},
		{"explicit key", "? name\n: x", spec{Name: "x"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, messages, _ := decode(t, tc.text, Options{})
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(spec{})); diff != "" || len(messages) > 0 {
				t.Error(messages, diff)
			}
		})
	}
}

// Files that would keep a decoder busy forever, or exhaust its memory.
func TestBombs(t *testing.T) {
	aliases := func(item string) string {
		var b strings.Builder
		fmt.Fprintf(&b, "a0: &a0 %s\n", item)
		for i := 1; i < 12; i++ {
			fmt.Fprintf(&b, "a%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), i-1)
		}
		return b.String()
	}
	merges := func() string {
		var b strings.Builder
		b.WriteString("m0: &m0 {k1: a, k2: b}\n")
		for i := 1; i < 12; i++ {
			fmt.Fprintf(&b, "m%d: &m%d {<<: [%s*m%d]}\n", i, i, strings.Repeat(fmt.Sprintf("*m%d, ", i-1), 9), i-1)
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"aliases":             aliases("x") + "tags: *a11\n",
		"aliases as mapping":  aliases("{name: x}") + "checks: *a11\n",
		"merges":              merges() + "env: *m11\n",
		"alias of itself":     "checks: &x [*x, *x]",
		"mapping of itself":   "nested: &x {a: *x}",
		"merge of itself":     "inner: &x\n  <<: *x\n  name: a\n" + strings.Repeat("  # c\n", 10),
		"large merge of self": "env: &x\n  <<: *x\n" + keys(2000),
		"deep flow":           "name: " + strings.Repeat("[", 20_000),
		"deep flow, closed":   "name: " + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000),
		"deep flow mapping":   "name: " + strings.Repeat("{a: ", 20_000),
		"dashes":              strings.Repeat("- ", 20_000),
		"question marks":      strings.Repeat("? ", 20_000),
		"anchors":             "name: " + strings.Repeat("&a ", 20_000),
		"tags":                "name: " + strings.Repeat("!a ", 20_000),
		"indentation":         indented(1000),
		"many keys":           "env:\n" + keys(25_000),
		"equal keys":          "env:\n" + strings.Repeat("  k: v\n", 25_000),
		"documents":           strings.Repeat("---\nname: x\n", 25_000),
		"long list":           "tags: [" + strings.Repeat("a, ", 120_000) + "b]",
		"too large":           strings.Repeat("# comment\n", 110_000) + "name: x\n",
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, messages, _ := decode(t, text, Options{})
			runtime.ReadMemStats(&after)
			if len(messages) == 0 {
				t.Error("it was read")
			}
			if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 512<<20 {
				t.Errorf("%d MiB were allocated for %d KiB", allocated>>20, len(text)>>10)
			}
		})
	}
}

func keys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  k%d: v\n", i)
	}
	return b.String()
}

func indented(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestLargeAndLong(t *testing.T) {
	long := strings.Repeat("x", 900_000)
	for name, text := range map[string]string{
		"plain":       "name: " + long,
		"quoted":      `name: "` + long + `"`,
		"block":       "name: |-\n  " + long,
		"with spaces": "name: " + strings.Repeat(" ", 100_000) + long,
	} {
		if got, messages, _ := decode(t, text, Options{}); got.Name != long || len(messages) > 0 {
			t.Errorf("%s: %d bytes, %v", name, len(got.Name), messages)
		}
	}
	got, messages, _ := decode(t, "tags:\n"+strings.Repeat("  - abc\n", 20_000), Options{})
	if len(got.Tags) != 20_000 || len(messages) > 0 {
		t.Errorf("%d entries, %v", len(got.Tags), messages)
	}
	if _, messages, _ = decode(t, indented(90)+strings.Repeat(" ", 90)+"b: 1\n", Options{}); len(messages) != 1 ||
		!strings.Contains(messages[0], `unknown key "a"`) {
		t.Error(messages)
	}
}

func TestAtAndHas(t *testing.T) {
	_, _, doc := decode(t, "name: x\nchecks:\n  - name: a\n  - {url: b}\nstages:\n  pr: {budget: 1m}\nenv:\n  A.B: c\n", Options{})
	for path, want := range map[string]string{
		"name":             "f.yml:1:7: text",
		"checks":           "f.yml:2:1: text",
		"checks[0].name":   "f.yml:3:11: text",
		"checks[1]":        "f.yml:4:5: text",
		"checks[1].url":    "f.yml:4:11: text",
		"checks[1].name":   "f.yml:4:5: text", // not written: the nearest parent
		"checks[7].name":   "f.yml:2:1: text",
		"stages.pr":        "f.yml:6:3: text",
		"stages.pr.budget": "f.yml:6:16: text",
		"env.A.B":          "f.yml:8:8: text",
		"nowhere":          "f.yml:1:1: text",
		"":                 "f.yml:1:1: text",
	} {
		if got := doc.At(path, "text", "").String(); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
	if !doc.Has("checks[1].url") || doc.Has("checks[1].name") || doc.Has("checks[2]") {
		t.Error("Has")
	}
	_, _, empty := decode(t, "", Options{})
	if got := empty.At("a.b", "text", "hint").String(); got != "f.yml: text; hint" {
		t.Error(got)
	}
}

func TestKeys(t *testing.T) {
	if diff := cmp.Diff([]string{"name", "url", "wait", "run"}, Keys(reflect.TypeFor[inner]())); diff != "" {
		t.Error(diff)
	}
	if i, ok := KeyField(reflect.TypeFor[stage]()); !ok || i != 0 {
		t.Error(i, ok)
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[inner](), reflect.TypeFor[int]()} {
		if _, ok := KeyField(typ); ok {
			t.Error(typ)
		}
	}
}

func lookupIn(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

func TestVariables(t *testing.T) {
	opts := Options{
		Lookup:  lookupIn(map[string]string{"HOST": "h", "N": "7", "D": "90s", "L": "high", "EMPTY": "", "LOOP": "${HOST}", "YAML": "a: [b"}),
		Resolve: func(path string) bool { return !strings.HasPrefix(path, "checks") },
	}
	got, messages, _ := decode(t, `
name: "http://${HOST}/${EMPTY}"
count: ${N}
on: ${TRUTH:-true}
wait: ${D}
level: ${L}
tags: ["${LOOP}", "$${HOST}", $HOST, "${YAML}"]
env: {"${HOST}": "${HOST}"}
inner: {wait: "${NONE:-1m}", url: "${NONE:-${HOST}}"}
checks: [{name: "${UNSET}", wait: "${UNSET}"}]
`, opts)
	if len(messages) > 0 {
		t.Fatal(messages)
	}
	want := spec{
		Name: "http://h/", Count: 7, On: true, Wait: 90 * time.Second, Level: "high", Tags: []string{"${HOST}", "${HOST}", "$HOST", "a: [b"},
		Env: map[string]string{"${HOST}": "h"}, Inner: inner{Wait: time.Minute, URL: "h"}, Checks: []inner{{Name: "${UNSET}"}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(spec{})); diff != "" {
		t.Error(diff)
	}
}

func TestVariablesThatAreWrong(t *testing.T) {
	_, messages, _ := decode(t, `
name: a ${ONE} ${TWO:-x} ${THREE}
count: ${WORD}
wait: ${ONE}
env: {A: "${}", B: "${A B}", C: "${ONE"}
tags: [ok, "${FOUR}"]
`, Options{Lookup: lookupIn(map[string]string{"WORD": "many"})})
	begins(t, messages, []string{
		"f.yml:2:7: the environment variable ONE is not set; set it, or give a default: ${ONE:-value}",
		"f.yml:2:7: the environment variable THREE is not set",
		`f.yml:3:8: expected a whole number, found "many"`,
		"f.yml:4:7: the environment variable ONE is not set",
		`f.yml:5:10: invalid variable name ""`,
		`f.yml:5:20: invalid variable name "A B"`,
		`f.yml:5:33: "${ONE" has no closing brace`,
		"f.yml:6:12: the environment variable FOUR is not set",
	})
}

func TestWithoutLookupTextStaysAsItIs(t *testing.T) {
	got, messages, _ := decode(t, "name: ${A} $${B}\ncount: ${N}\nwait: ${D}\n", Options{})
	if got.Name != "${A} $${B}" || got.Count != 0 || len(messages) > 0 {
		t.Errorf("%+v %v", got, messages)
	}
}

func TestResolvedIsTold(t *testing.T) {
	var told []string
	_, messages, _ := decode(t, "name: ${A}-${B:-${C}}-${A}\ninner: {url: \"${D:-x}\"}\nchecks: [{url: \"${A}\"}]\n", Options{
		Lookup:   lookupIn(map[string]string{"A": "1", "C": "3"}),
		Resolve:  func(path string) bool { return path != "inner.url" },
		Resolved: func(path, name, value string) { told = append(told, path+" "+name+"="+value) },
	})
	if diff := cmp.Diff([]string{"name A=1", "name C=3", "name A=1", "checks[0].url A=1"}, told); diff != "" || len(messages) > 0 {
		t.Error(messages, diff)
	}
}

func TestExpand(t *testing.T) {
	lookup := lookupIn(map[string]string{"A": "1", "B_2": "2", "EMPTY": "", "BRACE": "}", "VAR": "${A}", "_": "u"})
	for _, tc := range []struct{ text, want, err string }{
		{"", "", ""},
		{"plain $A $ {A} $$", "plain $A $ {A} $$", ""},
		{"${A}", "1", ""},
		{"x${A}y${B_2}z${_}", "x1y2zu", ""},
		{"${EMPTY}", "", ""},
		{"${EMPTY:-d}", "d", ""},
		{"${NONE:-d}", "d", ""},
		{"${NONE:-}", "", ""},
		{"${A:-d}", "1", ""},
		{"${A:-${NONE}}", "1", ""}, // a default that is not needed
		{"${NONE:-${ALSO:-${A}}}", "1", ""},
		{"${NONE:-a${A}b${B_2}c}", "a1b2c", ""},
		{"${NONE:-http://x:80/-:-}", "http://x:80/-:-", ""},
		{"${NONE:-{}}", "{}", ""}, // the first brace that is free closes
		{"${VAR}", "${A}", ""},    // values are not looked into
		{"${BRACE}${A}", "}1", ""},
		{"$${A}", "${A}", ""},
		{"a$${A}b${A}", "a${A}b1", ""},
		{"${NONE:-$${A}}", "${A}", ""},
		{"${A", "", "no closing brace"},
		{"${", "", "no closing brace"},
		{"${NONE:-${A}", "", "no closing brace"},
		{"${}", "", "invalid variable name"},
		{"${:-x}", "", "invalid variable name"},
		{"${1A}", "", "invalid variable name"},
		{"${A-x}", "", "invalid variable name"},
		{"${A.B}", "", "invalid variable name"},
		{"${Ä}", "", "invalid variable name"},
		{"${ A }", "", "invalid variable name"},
		{"${NONE}", "", "NONE is not set"},
		{"${NONE:-${ALSO}}", "", "ALSO is not set"},
		{strings.Repeat("${N:-", 19) + "x" + strings.Repeat("}", 19), "x", ""},
		{strings.Repeat("${N:-", 30) + "x" + strings.Repeat("}", 30), "", "nested more than"},
	} {
		got, err := Expand(tc.text, lookup)
		if (err != nil) != (tc.err != "") || err != nil && !strings.Contains(err.Error(), tc.err) || got != tc.want {
			t.Errorf("%.60s: got %q, %v; want %q, %q", tc.text, got, err, tc.want, tc.err)
		}
	}
	if _, err := Expand("${ONE} ${TWO}", lookup); err == nil || !strings.Contains(err.Error(), "ONE") || !strings.Contains(err.Error(), "TWO") {
		t.Errorf("not all at once: %v", err)
	}
	if got := each(errors.New("one")); len(got) != 1 {
		t.Error(got)
	}
}

// One that nests half a million defaults comes back at once.
func TestExpandIsQuick(t *testing.T) {
	if _, err := Expand(strings.Repeat("${N:-", 200_000)+strings.Repeat("}", 200_000), lookupIn(nil)); err == nil {
		t.Error("no error")
	}
}
