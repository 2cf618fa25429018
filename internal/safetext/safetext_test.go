package safetext

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// Hostile is a name with everything in it that has broken a report somewhere.
const hostile = "a|b `c` ``` @team #12 GH-7 [x](javascript:alert(1)) ![i](http://x/y.png) https://evil.example www.evil.example me@evil.example " +
	"<!-- e2e-gate --> <script>alert(1)</script> <img src=x onerror=y> \u202eevil\u202c\u200b \x1b[31mred\x1b[0m \x1b]0;title\x07 NUL\x00 \xff\xfe " +
	"::set-output name=x::y ##[error]boom $x$ _it_ *b* ~~s~~ \U0001F600 &lt; \\| %0A"

// samples are hostile lines beside which random text is put together.
var samples = []string{
	hostile, "::error::x", "  ::add-mask::x", "###[group]x", "\r::set-output::", "<!", "--", "!--", "<!--", "`", "````", "@", "#", "1", "team", "\n", "\r",
	"\x1b", "[", "]", "\x9b31m",
	"\u009b31m", "\u202e", "\u200d", "\ufeff", "\x00", "\x7f", "\xc3", "\xe2\x80", "http", "://", "www", ".", "gh", "-", "::", ":", "##[", "</details>",
	"</code>", "|", "\\", " ", "\t",
	"\u2028", "1.", "1)", "- x", "+", "=", "_", "a", "\U000E0041", "\U0001F600", "\uffff", "%", ",", "$", "&", "&#64;", "```\n", "\x1b]8;;http://x\x1b\\",
	"\x1b]", "\u3000",
}

func texts() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(samples), rapid.String()), 0, 12).Draw(t, "parts"), "")
	})
}

func checkClean(t rapid.TB, what, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Fatalf("%s is not UTF-8: %q", what, s)
	}
	for _, r := range s {
		if r < ' ' && r != '\n' && r != '\t' || hidden(r) || r == 0x7f {
			t.Fatalf("%s holds %U: %q", what, r, s)
		}
	}
}

var (
	breaksMarkdown = regexp.MustCompile("(?i)<!--|@\\w|#\\d|\\bgh-\\d|://|www\\.|[|`\\[\\]*~$\\\\]|^[-+=#]|^\\d{1,9}[.)]")
	entities       = regexp.MustCompile(`&(#\d+|amp|lt|gt);`)
	tags           = regexp.MustCompile(`<[^>]*>?`)
	command        = regexp.MustCompile(`(?m)^[\s\p{Z}]*::|##\[`)
)

func checkInline(t rapid.TB, s string) {
	t.Helper()
	checkClean(t, "inline", s)
	for _, tag := range tags.FindAllString(s, -1) {
		if tag != "<b>" && tag != "</b>" {
			t.Fatalf("inline holds the tag %q: %q", tag, s)
		}
	}
	if bad := breaksMarkdown.FindString(entities.ReplaceAllString(s, "·")); bad != "" || strings.Contains(s, "\n") {
		t.Fatalf("inline holds %q: %q", bad, s)
	}
}

func checkCode(t rapid.TB, s string) {
	t.Helper()
	if inner, ok := strings.CutPrefix(s, "<code>"); ok {
		checkInline(t, " "+strings.TrimSuffix(inner, "</code>"))
		return
	}
	if s != "" && (strings.Count(s, "`") != 2 || s[0] != '`' || s[len(s)-1] != '`' || strings.ContainsAny(s, "|<\n")) {
		t.Fatalf("code span is open: %q", s)
	}
	checkClean(t, "code", s)
}

func checkFence(t rapid.TB, s string) {
	t.Helper()
	checkClean(t, "fence", s)
	lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	fence := strings.TrimSuffix(lines[0], "text")
	body := strings.Join(lines[1:len(lines)-1], "\n")
	if lines[len(lines)-1] != fence || len(fence) < 3 || strings.Trim(fence, "`") != "" || strings.Contains(body, fence) || strings.Contains(body, "<!--") {
		t.Fatalf("fence is open: %q", s)
	}
}

func checkLog(t rapid.TB, s string) {
	t.Helper()
	checkClean(t, "log", s)
	if bad := command.FindString(s); bad != "" {
		t.Fatalf("log holds %q: %q", bad, s)
	}
}

// checkAll holds what is promised of every form of s.
func checkAll(t rapid.TB, s string, limit, lines int) {
	t.Helper()
	once := func(what string, f func(string) string) string {
		t.Helper()
		v := f(s)
		if again := f(v); again != v {
			t.Fatalf("%s is not idempotent for %q:\n%q\n%q", what, s, v, again)
		}
		return v
	}
	checkClean(t, "clean", once("Clean", Clean))
	for what, f := range map[string]func(string) string{
		"Line": func(s string) string { return Line(s, limit) }, "Text": func(s string) string { return Text(s, limit, lines) },
		"Shorten": func(s string) string { return Shorten(Clean(s), limit) },
	} {
		if v := once(what, f); len(v) > max(limit, 0) {
			t.Fatalf("%s is %d bytes, more than %d: %q", what, len(v), limit, v)
		}
	}
	if n := strings.Count(Text(s, limit, lines), "\n"); lines > 0 && n >= lines {
		t.Fatalf("%d lines, more than %d", n+1, lines)
	}
	once("Neutral", Neutral)
	checkInline(t, Inline(s, limit))
	for part := range strings.SplitSeq(Cell(s, limit, lines), "<br>") {
		checkInline(t, part)
	}
	checkCode(t, Code(s, limit))
	checkFence(t, Fence(s, limit, lines))
	checkLog(t, Log(s, limit, lines))
	checkLog(t, once("LogLine", func(s string) string { return LogLine(s, 10*len(s)+4096) }))
	checkCommand(t, s, limit)
	if h := HTML(s, limit); strings.ContainsAny(h, "<>\"'`") {
		t.Fatalf("HTML holds markup: %q", h)
	}
}

func checkCommand(t rapid.TB, s string, limit int) {
	t.Helper()
	a := Annotation(s, limit)
	checkLog(t, a)
	if strings.IndexFunc(a, wide) >= 0 || len(a) > max(limit, 0) {
		t.Fatalf("annotation is %d bytes or wide: %q", len(a), a)
	}
}

func TestEveryForm(t *testing.T) {
	for _, s := range samples {
		checkAll(t, s, 10_000, 0)
		checkAll(t, s, 40, 3)
	}
	rapid.Check(t, func(t *rapid.T) {
		checkAll(t, texts().Draw(t, "text"), rapid.IntRange(-1, 300).Draw(t, "limit"), rapid.IntRange(0, 5).Draw(t, "lines"))
	})
}

func FuzzEveryForm(f *testing.F) {
	for _, s := range samples {
		f.Add(s, 100, 3)
	}
	f.Fuzz(func(t *testing.T, s string, limit, lines int) {
		checkAll(t, s, limit%100_000, max(lines%100, 0))
	})
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain\tnaïve 日本\n":           "plain\tnaïve 日本\n",
		"a\r\nb\rc\u2028d":            "a\nb\nc\nd",
		"\x1b[1;31mred\x1b[0m":        "red",
		"\x1b]0;title\x07x\x1b(By":    "xy",
		"\x1b]8;;http://x\x1b\\link":  "link",
		"\x1b]never ended\nnext":      "␛]never ended\nnext",
		"\u009b31mred":                "red",
		"a\x00b\x07c\x7f":             "a␀b␇c␡",
		"\u202eabc":                   "[U+202E]abc",
		"a\u200bb\ufeff":              "a[U+200B]b[U+FEFF]",
		"\xff\xfea\xc3":               "\uFFFDa\uFFFD",
		"e\u0301 \u0600 \U0001F600 ü": "e\u0301 \u0600 \U0001F600 ü",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCutting(t *testing.T) {
	if head, cut := Cut("aü日", 4); head != "aü" || cut != 3 {
		t.Errorf("Cut = %q, %d", head, cut)
	}
	if head, cut := Cut("日", 0); head != "" || cut != 3 {
		t.Errorf("Cut = %q, %d", head, cut)
	}
	if got, want := Shorten(strings.Repeat("x", 5000), 40), strings.Repeat("x", 23)+"… (4.9 KB more)"; got != want {
		t.Errorf("Shorten = %q, want %q", got, want)
	}
	if got, want := Line(strings.Repeat("y", 10<<20), 32), strings.Repeat("y", 14)+"… (10.0 MB more)"; got != want {
		t.Errorf("Line = %q, want %q", got, want)
	}
	if got, want := Text("\n\na \nb\nc\nd\n\n", 1000, 3), "a\nb\n… (2 more lines)"; got != want {
		t.Errorf("Text = %q, want %q", got, want)
	}
	if got, want := Text("a\nb", 1000, 1), "a … (1 more line)"; got != want {
		t.Errorf("Text = %q, want %q", got, want)
	}
	if Size(1) != "1 byte" || Size(2048) != "2.0 KB" {
		t.Error(Size(1), Size(2048))
	}
}

func TestMarkdownStaysReadable(t *testing.T) {
	for in, want := range map[string]string{
		"case-journeys/submission_test.go::TestSubmit": "case-journeys/submission_test.go::TestSubmit",
		"@team saw #12":        "&#64;<b></b>team saw &#35;<b></b>12",
		"a <!-- b":             "a &lt;!-- b",
		"see https://x.y/z":    "see https&#58;<b></b>//x.y/z",
		"1. item":              "1&#46; item",
		"high-level C# _x_ ok": "high-level C# &#95;x&#95; ok",
	} {
		if got := Inline(in, 1000); got != want {
			t.Errorf("Inline(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"api/com.acme.CaseIT::submits(String)[2]": "`api/com.acme.CaseIT::submits(String)[2]`",
		"@team #12":      "`@team #12`",
		"a|b `c` <!-- x": "<code>a&#124;b &#96;c&#96; &lt;!-- x</code>",
		" \n":            "",
	} {
		if got := Code(in, 1000); got != want {
			t.Errorf("Code(%q) = %q, want %q", in, got, want)
		}
	}
	if got, want := Fence("a\n```\n<!-- x -->", 1000, 0), "````text\na\n```\n< !-- x -->\n````\n"; got != want {
		t.Errorf("Fence = %q, want %q", got, want)
	}
	if got, want := Cell("a|b\nc", 100, 2), "a&#124;b<br>c"; got != want {
		t.Errorf("Cell = %q, want %q", got, want)
	}
}

func TestLinks(t *testing.T) {
	for target, want := range map[string]string{
		"https://github.com/o/r/actions/runs/1?x=(1)|": "https://github.com/o/r/actions/runs/1?x=%281%29%7C",
		"javascript:alert(1)":                          "", "//x": "", "https://u:p@x/": "", "https://": "", "https://x/\n": "",
		"https://x/" + strings.Repeat("a", 2000): "",
	} {
		if got := URL(target); got != want {
			t.Errorf("URL(%q) = %q, want %q", target, got, want)
		}
	}
	if got, want := Link("run [1]", "https://x/y", 100), "[run &#91;1&#93;](https://x/y)"; got != want {
		t.Errorf("Link = %q, want %q", got, want)
	}
	if got, want := Link("run", "javascript:x", 100), "run"; got != want {
		t.Errorf("Link = %q, want %q", got, want)
	}
}

func TestLogs(t *testing.T) {
	for in, want := range map[string]string{
		"::set-output name=a::b": ": :set-output name=a::b",
		"a ##[error]b":           "a ## [error]b",
		"x\r::add-mask::y":       "x ::add-mask::y",
		"suite/f.go::TestX":      "suite/f.go::TestX",
	} {
		if got := LogLine(in, 1000); got != want {
			t.Errorf("LogLine(%q) = %q, want %q", in, got, want)
		}
	}
	if got, want := Log("x\r\u3000::add-mask::y", 1000, 0), "x\n\u3000: :add-mask::y"; got != want {
		t.Errorf("Log = %q, want %q", got, want)
	}
}

// Ten megabytes must cost what is shown of them: what is built for a limit is
// bounded by the limit, not by the text.
func TestTenMegabytesAreCheap(t *testing.T) {
	const limit = 2000
	for _, unit := range []string{"x", "`", "\x1b]", "\xff", "\u202e", "::\n", "<!--"} {
		s := strings.Repeat(unit, 10<<20/len(unit))
		for what, got := range map[string]string{
			"Inline": Inline(s, limit), "Cell": Cell(s, limit, 20), "Code": Code(s, limit), "Fence": Fence(s, limit, 20), "HTML": HTML(s, limit),
			"LogLine": LogLine(s, limit), "Log": Log(s, limit, 20), "Annotation": Annotation(s, limit),
		} {
			if len(got) > 13*limit {
				t.Errorf("%s of %q is %d bytes", what, unit, len(got))
			}
		}
		checkClean(t, "Clean", Clean(s[:len(s)/10]))
	}
}

func BenchmarkLineOfTenMegabytes(b *testing.B) {
	s := strings.Repeat(hostile, 10<<20/len(hostile))
	for b.Loop() {
		Line(s, 300)
	}
}

func BenchmarkCleanTenMegabytes(b *testing.B) {
	s := strings.Repeat(hostile, 10<<20/len(hostile))
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		Clean(s)
	}
}
