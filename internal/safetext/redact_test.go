package safetext

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestRedactorString(t *testing.T) {
	r := NewRedactor([]string{"hunter2", "hunter2-longer", "p@ss w/rd", "line one\n  line two\n}\n", "", "1", "abcdef", "defghi", `q"uo<te`})
	for in, want := range map[string]string{
		"nothing here":              "nothing here",
		"a hunter2 b":               "a *** b",
		"hunter2-longer hunter2-":   "*** ***-",
		"dsn://u:p%40ss%20w%2Frd@h": "dsn://u:***@h",
		"x p%40ss+w%2Frd":           "x ***",
		"line one\n  line two\n}":   "***",
		"see line two":              "see ***",
		"abcdefghi abcdef":          "*** ***",
		`{"k": "q\"uo<te"}`:         `{"k": "***"}`,
		`q\"uo\u003cte`:             `***`,
		"hunter":                    "hunter",
		"1 } hunter":                "1 } hunter",
	} {
		if got := r.String(in); got != want {
			t.Errorf("String(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestRedactorWithoutSecrets(t *testing.T) {
	for _, r := range []*Redactor{nil, NewRedactor(nil), NewRedactor([]string{"", "ab"})} {
		var out bytes.Buffer
		w := r.Writer(&out)
		_, _ = w.Write([]byte("x"))
		if r.String("x") != "x" || w.Close() != nil || out.String() != "x" {
			t.Errorf("%v is not a no-op", r)
		}
	}
}

func TestRedactorLearns(t *testing.T) {
	r := NewRedactor(nil)
	r.Add("hunter2")
	r.Add("", "correct horse")
	if got := r.String("hunter2, correct horse, correct+horse"); got != "***, ***, ***" {
		t.Error(got)
	}
	var none *Redactor
	none.Add("hunter2")
	if none.String("hunter2") != "hunter2" {
		t.Error("a nil redactor learned")
	}
}

// A secret is found in whatever form it is printed, and what is around it stays.
func TestRedactorForms(t *testing.T) {
	const secret = `Zq8v/T op+S"e<c>r&t%41\nß`
	r := NewRedactor([]string{secret})
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	inside := func(s string, n int) string { return s[:n] + s[n+2:] }
	for name, in := range map[string]string{
		"as it is":            secret,
		"JSON":                inJSON(secret),
		"JSON in JSON":        inJSON(inJSON(secret)),
		"JSON, ASCII":         `Zq8v/T op+S\"e\u003cc\u003Er\u0026t%41\\n\u00df`,
		"JSON, slashes":       strings.ReplaceAll(inJSON(secret), "/", `\/`),
		"query":               url.QueryEscape(secret),
		"query, lower case":   percentLower(url.QueryEscape(secret)),
		"path":                url.PathEscape(secret),
		"encodeURIComponent":  strings.ReplaceAll(url.QueryEscape(secret), "+", "%20"),
		"query in a query":    url.QueryEscape(url.QueryEscape(secret)),
		"every byte escaped":  everyByte(secret, "%%%02x"),
		"every byte in C":     everyByte(secret, `\x%02X`),
		"HTML":                html.EscapeString(secret),
		"HTML in HTML":        html.EscapeString(html.EscapeString(secret)),
		"HTML, numbers":       `Zq8v/T op+S&#x22;e&#60;c&#062;r&#38;t%41\n&szlig;`,
		"XML in JSON":         inJSON(html.EscapeString(secret)),
		"hex":                 hex.EncodeToString([]byte(secret)),
		"HEX":                 strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"colours":             secret[:5] + "\x1b[7m" + secret[5:9] + "\x1b[27m\x1b[0K" + secret[9:],
		"colours in JSON":     inJSON(secret[:5] + "\x1b[1;31m" + secret[5:]),
		"colours in C":        secret[:5] + `\033[1m` + secret[5:9] + `\e[0m` + secret[9:],
		"C1 colours":          secret[:5] + "\u009b31m" + secret[5:],
		"a link":              secret[:5] + "\x1b]8;;https://host/\x1b\\" + secret[5:] + "\x1b]8;;\a",
		"in a link":           "\x1b]8;;https://host/" + secret + "\x07",
		"an open sequence":    "\x1b]0;" + secret,
		"an open one, a line": "\x1b]0; title\n" + secret,
		"lines":               secret[:4] + "\n" + secret[4:8] + "\r\n    " + secret[8:],
		"lines in JSON":       inJSON(secret[:4] + "\r\n" + secret[4:]),
		"before a cut":        secret[:7] + "…",
		"after a cut":         "…\n" + secret[9:],
		"within an escape":    strings.TrimSuffix(strconv.QuoteToASCII(secret), `"`)[1:20] + "…",
		"beside a cut, JSON":  inJSON(secret)[:14] + "…",
	} {
		for _, around := range []string{"", "%", "a & b ", "x\\", "\x1b[0m", "\n", "+"} {
			if got := r.String(around + in + around); leaks(got, secret) {
				t.Errorf("%s: %q in %q", name, got, around)
			}
		}
		if got := r.String("before " + in + " after"); !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") {
			t.Errorf("%s: %q", name, got)
		}
	}
	for name, in := range map[string]string{
		"base64": b64(secret), "basic": b64("e2e-user:" + secret), "offset": b64("a " + secret), "in text": b64("ab " + secret + " and more"),
		"URL": base64.URLEncoding.EncodeToString([]byte(secret)), "lines": inside(b64(secret), 20)[:20] + "\n" + b64(secret)[20:],
		"escaped": url.QueryEscape(b64(secret)),
	} {
		got := r.String("Authorization: " + in + ";")
		if !strings.Contains(got, Mask) || len(got) > len("Authorization: ;")+len(Mask)+20 {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// inJSON returns s as it stands between the quotes of a JSON string.
func inJSON(s string) string {
	data, _ := json.Marshal(s)
	return string(data[1 : len(data)-1])
}

// leaks reports whether six characters of a secret in a row are left.
func leaks(text, secret string) bool {
	text = undone(undone(text, allKinds), allKinds)
	for i := range len(secret) - 6 {
		if strings.Contains(joined(text), secret[i:i+6]) {
			return true
		}
	}
	return false
}

func percentLower(s string) string {
	return regexp.MustCompile(`%..`).ReplaceAllStringFunc(s, strings.ToLower)
}

func everyByte(s, format string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, format, c)
	}
	return b.String()
}

// A value of several lines, such as a key, is secret line by line too.
func TestRedactorLines(t *testing.T) {
	const key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\nx=\n-----END KEY-----\n"
	r := NewRedactor([]string{key})
	for in, want := range map[string]string{
		key: "***\n",
		strings.ReplaceAll(key, "\n", "\r\n    "): "***\r\n    ",
		inJSON(key):              `***\n`,
		"a hkiG9w0BAQEFAASC b":   "a *** b",
		"-----BEGIN KEY----- x=": "-----BEGIN KEY----- x=",
	} {
		if got := r.String(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

// A weak value that is a word of the run is not masked.
func TestRedactorSpares(t *testing.T) {
	r := NewRedactor([]string{"checkout"})
	r.AddUnlessWord("casework", "p4ss-word", "orders77", "checkout")
	if got := r.Spare("s/e2e_casework_test.go::TestOrders", "x p4ss-word", "checkout"); !slices.Equal(got, []string{"casework"}) {
		t.Errorf("spared %v", got)
	}
	if got := r.String("casework p4ss-word orders77 checkout"); got != "casework *** *** ***" {
		t.Error(got)
	}
	r.AddUnlessWord("casework")
	if got := r.String("casework"); got != "casework" {
		t.Error("a word is masked again", got)
	}
	r.Add("casework")
	if got := r.String("casework"); got != Mask {
		t.Error("a named one is left", got)
	}
	var none *Redactor
	none.AddUnlessWord("x")
	if none.Spare("x") != nil || none.Finds("x") || !r.Finds("casework") {
		t.Error("a nil redactor knows something")
	}
}

// A writer that is open already learns of new secrets.
func TestRedactorWriterLearns(t *testing.T) {
	r := NewRedactor(nil)
	var out bytes.Buffer
	w := r.Writer(&out)
	for _, step := range []func(){
		func() { _, _ = w.Write([]byte("first hunter22 hun")) },
		func() { r.Add("hunter22") },
		func() { _, _ = w.Write([]byte("second hunter22 hun")) },
		func() { r.Add("hungry-horse") },
		func() { _, _ = w.Write([]byte("gry-horse.")) },
	} {
		step()
	}
	if err := w.Close(); err != nil || out.String() != "first hunter22 hunsecond *** ***." {
		t.Error(out.String(), err)
	}
}

func secrets() *rapid.Generator[[]string] {
	return rapid.SliceOfN(rapid.StringMatching(`[ab"\n]{3,9}`), 1, 4)
}

func TestRedactorLeavesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := secrets().Draw(t, "secrets")
		r := NewRedactor(list)
		text := strings.Join(rapid.SliceOf(rapid.OneOf(rapid.SampledFrom(list), rapid.StringMatching(`[abc"\n]{0,5}`))).Draw(t, "text"), "")
		once := r.String(text)
		for _, s := range list {
			if len(joined(strings.TrimSpace(s))) >= minSecret && strings.Contains(once, s) {
				t.Fatalf("%q is left in %q", s, once)
			}
		}
		if got := streamed(t, r, text); got != once {
			t.Fatalf("in pieces %q, at once %q", got, once)
		}
	})
}

// streamed writes text in pieces.
func streamed(t *rapid.T, r *Redactor, text string) string {
	var out bytes.Buffer
	w := r.Writer(&out)
	for text != "" {
		n := rapid.IntRange(1, len(text)).Draw(t, "piece")
		if _, err := w.Write([]byte(text[:n])); err != nil {
			t.Fatal(err)
		}
		text = text[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestRedactorWriterHoldsLittle(t *testing.T) {
	secret := strings.Repeat("s", 100) + "!"
	r := NewRedactor([]string{secret})
	w := r.Writer(discard{}).(*redactingWriter)
	piece := []byte(strings.Repeat("s", 1<<20))
	for range 10 {
		if _, err := w.Write(piece); err != nil {
			t.Fatal(err)
		}
		if len(w.f.held) > len(secret)+1 || cap(w.f.held) > 4*chunk {
			t.Fatalf("holds %d of %d bytes", len(w.f.held), cap(w.f.held))
		}
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

type full struct{}

var errFull = errors.New("disk full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestRedactorWriterReportsErrors(t *testing.T) {
	w := NewRedactor([]string{"secret"}).Writer(full{})
	if _, err := w.Write([]byte("some text")); !errors.Is(err, errFull) {
		t.Errorf("Write: %v", err)
	}
	if err := w.Close(); !errors.Is(err, errFull) {
		t.Errorf("Close: %v", err)
	}
}

// A terminal does not show what is in an escape sequence, but a file has it.
func TestRedactorInSequences(t *testing.T) {
	r := NewRedactor([]string{"hunter22", "12345678"})
	for text, want := range map[string]string{
		"\x1bhunter22 x":                  "\x1b*** x",
		"\x1b[12345678m x":                "\x1b[***m x",
		"\u009bhunter22 x":                "\u009b*** x",
		"\x1b[31mhunter22\x1b[0m":         "\x1b[31m***\x1b[0m",
		"hun\x1b[31mter22 \x1b7hunter22":  "*** \x1b7***",
		"\x1b\x1bhunter22hunter22 hunter": "\x1b\x1b****** hunter",
		"\x1bhunt\x1bhunter22":            "\x1bhunt\x1b***",
		"\x1bhunter2 hunter2":             "\x1bhunter2 hunter2",
	} {
		if got := r.String(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		var out bytes.Buffer
		w := r.Writer(&out)
		for i := range len(text) {
			_, _ = w.Write([]byte(text[i : i+1]))
		}
		if err := w.Close(); err != nil || out.String() != want {
			t.Errorf("%q byte by byte: %q, want %q", text, out.String(), want)
		}
	}
}

func FuzzRedactor(f *testing.F) {
	f.Add("secret", "a secret b", 3)
	f.Add("aaa", "aaaaaaa", 1)
	f.Add("1", "1 of 10", 1)
	f.Add(" ab\n", "what is ab\n", 9)
	f.Add("p<q\"r", "<b> p<q\"r", 5)
	f.Add("000", "\x1b000", 3)
	f.Fuzz(func(t *testing.T, secret, text string, n int) {
		r := NewRedactor([]string{secret})
		once := r.String(text)
		switch {
		case strings.Contains(text, cutMark):
			t.Skip("beside a cut a part of a secret is enough")
		case len(joined(strings.TrimSpace(secret))) < minSecret:
			// Too short to be a secret, as NewRedactor says: "1" is in any text.
			if once != text {
				t.Fatalf("%q is not a secret, but changes %q to %q", secret, text, once)
			}
		case strings.Contains(once, secret) && !strings.Contains(secret, "*"):
			t.Fatalf("%q is left in %q", secret, once)
		}
		var out bytes.Buffer
		w := r.Writer(&out)
		n = min(max(n, 0), len(text))
		_, _ = w.Write([]byte(text[:n]))
		_, _ = w.Write([]byte(text[n:]))
		if err := w.Close(); err != nil || out.String() != once {
			t.Fatalf("in pieces %q, at once %q", out.String(), once)
		}
	})
}

func BenchmarkRedactTenMegabytes(b *testing.B) {
	r := NewRedactor([]string{"hunter2", strings.Repeat("secret ", 20), "postgres://user:pass@host/db"})
	s := strings.Repeat("a line of some log with hunter words and secret things\n", 10<<20/56)
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		_ = r.String(s)
	}
}

// TestRedactorSecretsLikeEscapes is about secrets that hold what looks like an escape or a sequence of a
// terminal, in each form that escapes them once or twice.
func TestRedactorSecretsLikeEscapes(t *testing.T) {
	const marker = "Zq7pX"
	quoted := func(s string) string {
		data, _ := json.Marshal(s)
		return string(data[1 : len(data)-1])
	}
	twice := func(f func(string) string) func(string) string { return func(s string) string { return f(f(s)) } }
	forms := map[string]func(string) string{
		"plain": func(s string) string { return s }, "HTML": html.EscapeString, "HTML twice": twice(html.EscapeString), "JSON": quoted,
		"JSON twice": twice(quoted), "query": url.QueryEscape, "path": url.PathEscape,
		"ASCII": func(s string) string { q := strconv.QuoteToASCII(s); return q[1 : len(q)-1] },
	}
	parts := rapid.SliceOfN(rapid.SampledFrom([]string{
		`\e`, `\033`, `\u001b`, `%1b`, "&#27;", "[", "]", "7m", "&", "<", `"`, "'", `\`, `\\`, "%", "+", "a", "b", "amp;", "#", ";",
	}), 0, 6)
	rapid.Check(t, func(t *rapid.T) {
		secret := "s" + strings.Join(parts.Draw(t, "before"), "") + marker + strings.Join(parts.Draw(t, "after"), "") + "e"
		r := NewRedactor([]string{secret})
		for name, form := range forms {
			if got := r.String("a " + form(secret) + " b"); strings.Contains(got, marker) {
				t.Fatalf("%s of %q: %q", name, secret, got)
			}
		}
	})
}

func TestRedactorSecretsThatDifferInSpaces(t *testing.T) {
	r := NewRedactor([]string{"horse battery", "horsebattery", "one two 3", "one two 34"})
	for in, want := range map[string]string{"horse battery": "***", "horsebattery": "***", "a one two 34": "a ***", "onetwo34": "onetwo34"} {
		if got := r.String(in); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
}
