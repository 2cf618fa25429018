package safetext

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

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
		if r.String("x") != "x" || string(r.JSON([]byte(`"x"`))) != `"x"` || out.String() != "x" || w.Close() != nil {
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

func TestRedactorJSON(t *testing.T) {
	r := NewRedactor([]string{"hunter2", "sec\"ret", "12345", "two\nlines", "abc\"", "{\"json\": 1}"})
	for in, want := range map[string]string{
		`{"a": "hunter2", "n": 12345, "s": "12345"}`: `{"a": "***", "n": 12345, "s": "***"}`,
		`"h\u0075nter2 \u003c"`:                      `"*** <"`,
		`["sec\"ret", "two\nlines", "x\/y"]`:         `["***", "***", "x\/y"]`,
		`["abc", "hunter2"]`:                         `["abc", "***"]`,
		`{"doc": "{\"json\": 1}"}`:                   `{"doc": "***"}`,
		`{"doc": "{\"k\": \"sec\\\"ret\"}"}`:         `{"doc": "{\"k\": \"***\"}"}`,
		`"cut short hunter2`:                         `"cut short ***`,
		`"`:                                          `"`,
		`"\`:                                         `"\`,
	} {
		if got := string(r.JSON([]byte(in))); got != want {
			t.Errorf("JSON(%s) = %s, want %s", in, got, want)
		}
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
			if len(strings.TrimSpace(s)) >= minSecret && strings.Contains(once, s) {
				t.Fatalf("%q is left in %q", s, once)
			}
		}
		if got := streamed(t, r, text); got != once {
			t.Fatalf("in pieces %q, at once %q", got, once)
		}
		doc, _ := json.Marshal(map[string]any{"k": text, "n": 1})
		var back struct {
			K string
			N int
		}
		if err := json.Unmarshal(r.JSON(doc), &back); err != nil || back.K != once || back.N != 1 {
			t.Fatalf("JSON %s: %v, %+v, want %q", doc, err, back, once)
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
		if len(w.f.held) > len(secret) || cap(w.f.held) > 4*chunk {
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

func FuzzRedactor(f *testing.F) {
	f.Add("secret", "a secret b", 3)
	f.Add("aaa", "aaaaaaa", 1)
	f.Add("1", "1 of 10", 1)
	f.Add(" ab\n", "what is ab\n", 9)
	f.Add("p<q\"r", "<b> p<q\"r", 5)
	f.Fuzz(func(t *testing.T, secret, text string, n int) {
		r := NewRedactor([]string{secret})
		once := r.String(text)
		switch {
		case len(strings.TrimSpace(secret)) < minSecret:
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
		doc, _ := json.Marshal(text)
		var back string
		if err := json.Unmarshal(r.JSON(doc), &back); err != nil {
			t.Fatalf("JSON is broken: %s", r.JSON(doc))
		}
		if utf8.ValidString(text) && utf8.ValidString(secret) && back != once {
			t.Fatalf("in JSON %q, at once %q", back, once)
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
