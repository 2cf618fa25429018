package actions

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/org/e2e-gate/internal/annotation"
)

// world is a runner with files of its own.
type world struct {
	*Runner
	out             *bytes.Buffer
	output, summary string
}

func newWorld(t *testing.T) world {
	t.Helper()
	dir := t.TempDir()
	w := world{out: &bytes.Buffer{}, output: filepath.Join(dir, "output"), summary: filepath.Join(dir, "summary")}
	env := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": w.output, "GITHUB_STEP_SUMMARY": w.summary}
	w.Runner = New(w.out, func(name string) string { return env[name] })
	return w
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return lines(string(data))
}

// lines is what the runner makes of a text, whose lines the library ends as the system does: on Windows it takes both
// (FileCommandManager.cs).
func lines(text string) string {
	if runtime.GOOS == "windows" {
		return strings.ReplaceAll(text, "\r\n", "\n")
	}
	return text
}

const hostile = "a\n::set-output name=x::y\r\n##[error]z 100%, \x1b[31mred\x00 \U0001F600"

func TestCommands(t *testing.T) {
	w := newWorld(t)
	for _, err := range []error{
		w.Group(hostile), w.EndGroup(),
		w.Annotate(annotation.New(annotation.Error, "e2e/a,b:c_test.go", 7, hostile, hostile)),
		w.Annotate(annotation.New(annotation.Warning, "", 7, "", "no file")),
		w.Annotate(annotation.New(annotation.Notice, "", 0, "", strings.Repeat("x", 10<<20))),
		w.AddMask("secret one\nsecret two\n\n}\r\n100%"),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	got := lines(w.out.String())
	want := []string{
		"::group::a ::set-output name=x::y ## [error]z 100%25, red␀ [U+1F600]",
		"::endgroup::",
		"::error file=e2e/a%2Cb%3Ac_test.go,line=7,title=a %3A%3Aset-output name=x%3A%3Ay ## [error]z 100%25%2C red␀ [U+1F600]::a%0A: :set-output " +
			"name=x::y%0A## [error]z 100%25, red␀ [U+1F600]",
		"::warning::no file",
	}
	if !strings.HasPrefix(got, strings.Join(want, "\n")+"\n::notice::xxx") {
		t.Errorf("%.2000s", got)
	}
	if !strings.HasSuffix(got, "\n::add-mask::secret one\n::add-mask::secret two\n::add-mask::100%25\n") || len(got) > 8000 {
		t.Errorf("%d bytes: %s", len(got), got[max(0, len(got)-300):])
	}
	if err := w.Annotate(annotation.New("fatal", "", 0, "", "")); err == nil {
		t.Error("a level that does not exist is taken")
	}
}

func TestOutsideOfARunnerNothingIsPrinted(t *testing.T) {
	var out bytes.Buffer
	r := New(&out, func(string) string { return "" })
	for what, err := range map[string]error{"group": r.Group("x"), "mask": r.AddMask("secret"),
		"annotate": r.Annotate(annotation.New(annotation.Error, "", 0, "", "")), "end": r.EndGroup()} {
		if !errors.Is(err, ErrNotActions) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if out.Len() > 0 || r.HasSummary() || r.SetNumber("n", 1) == nil || r.AppendSummary(func(int) string { return "x" }) == nil {
		t.Errorf("printed %q", out.String())
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestFailedWritesAreErrors(t *testing.T) {
	dir := t.TempDir()
	env := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": dir, "GITHUB_STEP_SUMMARY": dir}
	r := New(full{}, func(name string) string { return env[name] })
	for what, err := range map[string]error{
		"group": r.Group("x"), "output": r.SetWord("verdict", "passed"), "summary": r.AppendSummary(func(int) string { return "x" }),
		"annotation": r.Annotate(annotation.New(annotation.Error, "", 0, "", "x")),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func TestOutputs(t *testing.T) {
	w := newWorld(t)
	for _, err := range []error{
		w.SetWord("verdict", "not_judged"), w.SetNumber("failed", 3), w.SetBool("blocks", true), w.SetLine("result", ".e2e-gate/runs/1/result.json"),
		w.SetJSON("matrix", map[string]any{"include": []any{map[string]any{"index": 0, "name": "a\nb " + delimiter}}}),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	got := parseOutputs(t, read(t, w.output))
	want := map[string]string{
		"verdict": "not_judged", "failed": "3", "blocks": "true", "result": ".e2e-gate/runs/1/result.json",
		"matrix": `{"include":[{"index":0,"name":"a\nb \u005fGitHubActionsFileCommandDelimeter_"}]}`,
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s = %q, want %q", name, got[name], value)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d outputs: %v", len(got), got)
	}
}

// parseOutputs reads the file as the runner does.
func parseOutputs(t *testing.T, text string) map[string]string {
	t.Helper()
	outputs := map[string]string{}
	for text != "" {
		name, rest, ok := strings.Cut(text, "<<")
		end, rest, ok2 := strings.Cut(rest, "\n")
		value, rest, ok3 := strings.Cut(rest, "\n"+end+"\n")
		if !ok || !ok2 || !ok3 {
			t.Fatalf("malformed: %q", text)
		}
		outputs[name], text = value, rest
	}
	return outputs
}

func TestOutputsRefuse(t *testing.T) {
	w := newWorld(t)
	for what, err := range map[string]error{
		"line feed":  w.SetLine("result", "a\nb"),
		"return":     w.SetLine("result", "a\rb"),
		"delimiter":  w.SetLine("result", delimiter),
		"inside":     w.SetLine("result", "x"+delimiter),
		"NUL":        w.SetLine("result", "a\x00"),
		"no UTF-8":   w.SetLine("result", "\xff"),
		"word":       w.SetWord("verdict", "passed or not"),
		"name":       w.SetWord("a=b", "passed"),
		"empty name": w.SetWord("", "passed"),
		"too large":  w.SetJSON("matrix", strings.Repeat("x", MaxOutput)),
		"no JSON":    w.SetJSON("matrix", func() {}),
	} {
		if err == nil {
			t.Errorf("%s is taken", what)
		}
	}
	if err := w.SetJSON("m", strings.Repeat("x", MaxOutput)); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	if got := read(t, w.output); got != "" {
		t.Errorf("written: %q", got)
	}
}

func TestSummary(t *testing.T) {
	w := newWorld(t)
	if !w.HasSummary() {
		t.Fatal("no summary")
	}
	if err := os.WriteFile(w.summary, []byte("earlier, without a line end"), 0o600); err != nil {
		t.Fatal(err)
	}
	limit := 0
	if err := w.AppendSummary(func(n int) string { limit = n; return "## verdict" }); err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, w.summary), "earlier, without a line end\n## verdict\n"; got != want || limit != MaxSummary-27-3 {
		t.Errorf("%q, want %q; limit %d", got, want, limit)
	}
}

func TestSummaryStaysWithinItsLimit(t *testing.T) {
	w := newWorld(t)
	if err := w.AppendSummary(func(limit int) string { return strings.Repeat("ü line\n", limit) }); err != nil {
		t.Fatal(err)
	}
	got := read(t, w.summary)
	if len(got) > MaxSummary || !utf8.ValidString(got) || !strings.HasSuffix(got, cutNote+"\n") {
		t.Errorf("%d bytes, end %q", len(got), got[len(got)-100:])
	}
	if err := w.AppendSummary(func(int) string { return "more" }); !errors.Is(err, ErrSummaryFull) {
		t.Errorf("a full summary: %v", err)
	}
	if again := read(t, w.summary); again != got {
		t.Error("a full summary was written to")
	}
}

// FuzzAnnotate: whatever an annotation is made of, the runner gets one command on one line,
// with no more fields than those that were set, and no other command before or behind it.
func FuzzAnnotate(f *testing.F) {
	for _, s := range []string{"", hostile, "a,line=1::b", "%0A::error::x", "x\r::add-mask::y", "\u3000::stop-commands::t", "\xff\U0001F600"} {
		f.Add(s, 7, s, s)
	}
	f.Fuzz(func(t *testing.T, file string, line int, title, message string) {
		w := newWorld(t)
		if err := w.Annotate(annotation.New(annotation.Error, file, line, title, message)); err != nil {
			t.Fatal(err)
		}
		got := lines(w.out.String())
		text, ended := strings.CutSuffix(got, "\n")
		head, data, ok := strings.Cut(strings.TrimPrefix(text, "::error"), "::")
		if !ended || !ok || !strings.HasPrefix(text, "::error") || strings.ContainsAny(text, "\r\n") || strings.Contains(data, "##[") || !utf8.ValidString(text) {
			t.Fatalf("the runner gets %q", got)
		}
		for _, field := range strings.Split(strings.TrimPrefix(head, " "), ",") {
			name, value, _ := strings.Cut(field, "=")
			if head != "" && name != "file" && name != "line" && name != "title" || strings.Contains(value, ":") {
				t.Fatalf("the field %q is in %q", field, got)
			}
		}
	})
}
