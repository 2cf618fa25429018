package probe

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/safetext"
)

func TestClean(t *testing.T) {
	for _, tt := range []struct {
		in    string
		limit int
		want  string
	}{
		{"  a\r\n\tb\x1b[0m ", 20, "a b"},
		{"abcdef", 3, "abc…"},
		{"abc", 3, "abc"},
		{"ab cdef", 3, "ab…"},
		{"a\u202eb\u200bc", 9, "a b c"},
		{"\xff\xfea", 9, "a"},
		{"äöü€", 4, "äöü€"},
	} {
		if got := safetext.Plain(tt.in, tt.limit); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestCleanIsOneBoundedLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) })).Draw(t, "s")
		limit := rapid.IntRange(1, 50).Draw(t, "limit")
		got := safetext.Plain(s, limit)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > limit+1 || strings.ContainsFunc(got, unicode.IsControl) {
			t.Fatalf("got %q", got)
		}
		if again := safetext.Plain(got, limit+1); again != got {
			t.Fatalf("%q became %q", got, again)
		}
	})
}

func TestQuote(t *testing.T) {
	if Quote(" \n") != "an empty answer" || Quote("a\nb") != `"a b"` || len([]rune(Quote(strings.Repeat("x", 999)))) != MaxQuote+3 {
		t.Error("bad quotes")
	}
}

func TestSafeURLText(t *testing.T) {
	for in, want := range map[string]string{
		"https://u:p@h:1/a?b#c": "https://h:1/a", "//h/x": "//h/x", "postgres://u:p@h/db?x": "postgres://h/db", "not a url": "[unreadable address]",
		"http://[": "[unreadable address]",
	} {
		if got := SafeURLText(in); got != want {
			t.Errorf("%s: got %s", in, got)
		}
	}
}

func TestMaskerTakesTheLongestFirst(t *testing.T) {
	mask := Masker([]string{"abcd", "abcdef", "xy", ""})
	if got := mask("abcdef abcd xy"); got != "*** *** xy" {
		t.Errorf("got %q", got)
	}
	if Masker(nil)("a") != "a" {
		t.Error("nothing to mask")
	}
	env := Env{Redact: func(s string) string { return strings.ReplaceAll(s, "zz", "*") }}
	if got := env.Hide([]string{"abcd"})("abcd zz"); got != "*** *" {
		t.Errorf("got %q", got)
	}
}

func TestURLSecrets(t *testing.T) {
	u, _ := url.Parse("https://u:p%40ss@h/?token=t&q=short&long=12345678&sig=1")
	got := " " + strings.Join(URLSecrets(u), " ") + " "
	for _, want := range []string{"p@ss", "p%40ss", " t ", "12345678", " 1 ", "token=t&q=short&long=12345678&sig=1"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
	if strings.Contains(got, " short ") {
		t.Errorf("got %q", got)
	}
}

func TestNetFault(t *testing.T) {
	for want, err := range map[string]error{
		"connection refused":                  &url.Error{Op: "Get", URL: "http://h/?token=abc", Err: syscall.ECONNREFUSED},
		"network unreachable":                 fmt.Errorf("dial: %w", syscall.EHOSTUNREACH),
		"no answer within 5s":                 fmt.Errorf("x: %w", context.DeadlineExceeded),
		"connection failed: odd [address] ok": fmt.Errorf("get https://h/?token=abc: %w", errors.New("odd https://h/?token=abc ok")),
	} {
		o := NetFault(err, 5*time.Second)
		if o.Observed != want || o.Finality != e2e.NotYet || !strings.Contains(o.Reason, ";") {
			t.Errorf("%v: got %+v", err, o)
		}
	}
}

func TestSameAs(t *testing.T) {
	a, b := NotYet("slow 1s", ""), NotYet("slow 2s", "")
	if a.SameAs(b) || !a.SameAs(a) || Healthy("x").SameAs(Degraded("x", "")) {
		t.Error("words decide")
	}
	a.Key, b.Key = "slow", "slow"
	if !a.SameAs(b) {
		t.Error("keys decide")
	}
	if (Observation{}).Open() || !Degraded("", "").Open() || NotYet("", "").Open() || Broken("", "").Open() {
		t.Error("only healthy and degraded are open")
	}
}

func TestPaths(t *testing.T) {
	for _, tt := range [][3]string{{"a", "b", "a.b"}, {"a", "[1]", "a[1]"}, {"", "b", "b"}, {"a", "", "a"}} {
		if got := Join(tt[0], tt[1]); got != tt[2] {
			t.Errorf("got %s", got)
		}
	}
	if TimeoutOr(0) != DefaultTimeout || TimeoutOr(time.Second) != time.Second {
		t.Error("bad default")
	}
}
