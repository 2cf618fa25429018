package adapter

import (
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/proc"
)

func TestOutputTail(t *testing.T) {
	for tail, want := range map[string]string{
		"": "it printed nothing",
		"a\n\x1b[31mError: no database\x1b[0m\n  \x1b[36m❯ setup x.js:1\x1b[0m\n    at main (x.js:3)\n\n": "end of its output: Error: no database",
		"Error: hook\n  at x\n [cause]: Error: no database\n}\na\nb":                                      "end of its output: [cause]: Error: no database | } | a",
		"1\n2\n3\n4": "end of its output: 2 | 3 | 4",
	} {
		if got := OutputTail(proc.Exit{Tail: tail}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// The place of an error and the config that it is of stay, and no other line of a stack.
func TestOutputTailPlaces(t *testing.T) {
	const conftest = "ImportError while loading conftest '/a/conftest.py'."
	for _, tc := range []struct{ tail, want string }{
		{
			"Error: no stage\n    at f (node:internal/x:1:2)\n    at g (/a/node_modules/b.js:3:4)\n    at file:///a/jest.config.mjs:2:7\n    at /a/c.js:5:6\n",
			"Error: no stage | at /a/jest.config.mjs:2",
		}, {
			"Error: one\n    at /a/b.js:1:2\nError: two\n",
			"Error: two",
		}, {
			"failed to load config from /a/vitest.config.mjs\n\nStartup Error\nError: no stage\n",
			"failed to load config from /a/vitest.config.mjs | Error: no stage",
		}, {
			conftest + "\nconftest.py:2: in <module>\n    raise RuntimeError('x')\nE   RuntimeError: x\n",
			conftest + " | E   RuntimeError: x | at conftest.py:2",
		}, {
			conftest + "\n/lib/ast.py:50: in parse\n    return x\nE     File \"/a/conftest.py\", line 2\nE       x\nE   IndentationError: unexpected indent\n",
			conftest + " | E   IndentationError: unexpected indent | at /a/conftest.py:2",
		},
	} {
		if got := OutputTail(proc.Exit{Tail: tc.tail}); got != "end of its output: "+tc.want {
			t.Errorf("got  %q\nwant %q", got, tc.want)
		}
	}
}

func TestClip(t *testing.T) {
	for _, tc := range []struct {
		text string
		most int
		want string
	}{
		{"", 3, ""}, {"abc", 3, "abc"}, {"abcd", 3, "abc…"}, {"aäö", 3, "aä…"}, {"aäö", 2, "a…"}, {"a\xffb", 9, "a\uFFFDb"},
	} {
		if got := Clip(tc.text, tc.most); got != tc.want {
			t.Errorf("%q at %d: got %q, want %q", tc.text, tc.most, got, tc.want)
		}
	}
}

func TestFirstLines(t *testing.T) {
	for text, want := range map[string]string{"": "", " a\nb \n": "a | b", "a\nb\nc": "a | b | …"} {
		if got := FirstLines(text, 2); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestArgumentsAndVariables(t *testing.T) {
	if args := []string{"--workers=2", "-x"}; !HasFlag(args, "--workers") || !HasFlag(args, "-w", "-x") || HasFlag(args, "--work", "2") {
		t.Errorf("flags of %q", args)
	}
	env := []string{"A=1", "AB=2", "A=3"}
	if got := Variable(env, "A") + Variable(env, "B"); got != "3" {
		t.Errorf("the last setting counts: got %q", got)
	}
}

func TestWithoutFlags(t *testing.T) {
	args := []string{"--on", "a", "--on=true", "--value", "x", "--value=y", "--other", "z", "--value"}
	if got := strings.Join(WithoutFlags(args, []string{"--on"}, "--value"), " "); got != "a --other z" {
		t.Error(got)
	}
}
