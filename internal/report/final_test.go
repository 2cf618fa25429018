package report

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/e2e"
)

// command finds what a runner would take for a command.
var command = regexp.MustCompile(`(?m)^[\s\p{Z}]*::|##\[`)

// visible fails where text holds what no terminal or log should get.
func visible(t rapid.TB, text string) {
	t.Helper()
	if bad := command.FindString(text); bad != "" {
		t.Errorf("%q would be taken for a command", bad)
	}
	if i := strings.IndexFunc(text, func(r rune) bool {
		return r < ' ' && r != '\n' || r == 0x7f || r == 0x202e || r == 0x200b || r == 0xfffe
	}); i >= 0 {
		t.Errorf("%q is not text", text[max(i-40, 0):min(i+10, len(text))])
	}
}

func TestFinal(t *testing.T) {
	for name, r := range results() {
		t.Run(name, func(t *testing.T) {
			got := Final(r, FinalOptions{Out: ".e2e-gate/runs/1"})
			compare(t, name+".final.txt", got)
			visible(t, got)
			lines := strings.Split(strings.TrimSpace(got), "\n")
			if first, last := lines[0], lines[len(lines)-1]; first != last || !strings.HasPrefix(first, "e2e-gate") {
				t.Errorf("the verdict is not first and last:\n%s\n%s", first, last)
			}
			if len(lines) > 500 {
				t.Errorf("%d lines are too many for a terminal", len(lines))
			}
		})
	}
}

var ansi = regexp.MustCompile("\x1b\\[[0-9;]*m")

// Without colours the same words must be there; with them, no other bytes.
func TestFinalColourChangesNoWord(t *testing.T) {
	for name, r := range results() {
		plain := Final(r, FinalOptions{Width: 100})
		colour := Final(r, FinalOptions{Width: 100, Colour: true})
		if name != "zero" && colour == plain {
			t.Errorf("%s: no colour", name)
		}
		if ansi.ReplaceAllString(colour, "") != plain {
			t.Errorf("%s: colours change words", name)
		}
	}
}

// Lines are at most 80 columns, unless they hold an id or a path, which are there
// to be copied.
func TestFinalFitsEightyColumns(t *testing.T) {
	for name, r := range map[string]e2e.Result{"flake": passedWithFlake(), "blocked": blockedWithClusters(), "shut": gateShut()} {
		for line := range strings.SplitSeq(Final(r, FinalOptions{Width: 80}), "\n") {
			if columns(line) > 80 && !strings.ContainsAny(line, "/") {
				t.Errorf("%s: %d columns: %s", name, columns(line), line)
			}
		}
	}
}

// Into a pipe or a file nothing is folded: ids and messages are searched for and copied.
func TestFinalIsNotFoldedInAPipe(t *testing.T) {
	r := blockedWithClusters()
	long := strings.TrimSpace(strings.Repeat("word ", 50))
	r.Clusters = nil
	for i := range r.Tests {
		r.Tests[i].NextStep = long
	}
	if got := Final(r, FinalOptions{}); !strings.Contains(got, long) {
		t.Error(got)
	}
	if got := Final(r, FinalOptions{Width: 80}); strings.Contains(got, long) {
		t.Error("lines of a terminal are not wrapped")
	}
}

// What a shard prints must not look like the verdict of the stage.
func TestFinalOfAShardIsNoVerdict(t *testing.T) {
	for name, r := range results() {
		got := Final(r, FinalOptions{Part: "shard 0 of 3"})
		lines := strings.Split(strings.TrimSpace(got), "\n")
		for _, line := range []string{lines[0], lines[len(lines)-1]} {
			verdict := regexp.MustCompile("PASSED|BLOCKED|NOT JUDGED").MatchString(line)
			if verdict || !strings.Contains(line, ", shard 0 of 3: ") {
				t.Errorf("%s: %s", name, line)
			}
		}
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"one two three four", "one two|three four"},
		{"  indented text here", "  indented|  text here"},
		{"an aaaaaaaaaaaaaaaaaaaa id", "an|aaaaaaaaaaaaaaaaaaaa|id"},
		{"日本語日本語日本語", "日本語日本語日本語"},
		{"see a/very/long/path/to/x", "see|a/very/long/path/to/x"},
		{"", ""},
	} {
		if got := strings.Join(wrap(c.text, 12), "|"); got != c.want {
			t.Errorf("wrap(%q) = %q, want %q", c.text, got, c.want)
		}
	}
	if got := fitEnd("shard 0  1/2  long/path/to/a_test.go::TestA (0:01)", 40, 14); got != "shard 0  1/2  ...a_test.go::TestA (0:01)" {
		t.Errorf("fitEnd = %q", got)
	}
	if got := fit("日本語日本語", 8); got != "日本..." {
		t.Errorf("fit = %q", got)
	}
}

// What was not checked, since its suite was split, stands with the facts, and is no problem.
func TestFinalNamesWhatWasNotChecked(t *testing.T) {
	r := e2e.Result{Problems: []e2e.Problem{{Code: e2e.CodeNotChecked, Note: true, Text: "not checked, since suite s was split: unused snapshots"}}}
	got := Final(r, FinalOptions{})
	if !strings.Contains(got, "note        not checked, since suite s was split: unused snapshots") || strings.Contains(got, "PROBLEM") {
		t.Error(got)
	}
}
