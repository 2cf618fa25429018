package adapter

import (
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
