package proc

import (
	"strings"
	"testing"
)

func TestCarries(t *testing.T) {
	for _, tc := range []struct {
		environ string
		want    bool
	}{
		{"A=1|E2E_GATE_PROCESS=7-8-1|B=2|", true},
		{"E2E_GATE_PROCESS=7-8-1|", true},
		{"E2E_GATE_PROCESS=7-8-1", true},
		{"E2E_GATE_PROCESS=7-8-1/9-9-1|", true},   // started by a gate that we started
		{"E2E_GATE_PROCESS=7-8-12|", false},       // another start of ours
		{"E2E_GATE_PROCESS=3-3-3/7-8-1|", false},  // not ours
		{"XE2E_GATE_PROCESS=7-8-1|", false},       // another name
		{"A=E2E_GATE_PROCESS=7-8-1|", false},      // a value
		{"A=1\nE2E_GATE_PROCESS=7-8-1|B|", false}, // a value of two lines
		{"", false},
	} {
		if got := carries([]byte(strings.ReplaceAll(tc.environ, "|", "\x00")), []byte(cookieName+"=7-8-1")); got != tc.want {
			t.Errorf("%q: got %v", tc.environ, got)
		}
	}
}

func TestCookies(t *testing.T) {
	a, b := newCookie(), newCookie()
	if a == b || strings.Contains(a, "/") {
		t.Errorf("got %s and %s", a, b)
	}
	t.Setenv(cookieName, "1-2-3")
	if inner := newCookie(); !strings.HasPrefix(inner, "1-2-3/") {
		t.Errorf("the cookie of a gate in a gate is %s", inner)
	}
}

// Killing by cookie does not end processes of other starts.
func TestCookieIsOfOneStart(t *testing.T) {
	t.Parallel()
	c := newControl(t)
	one := startAgent(t, c, Spec{Argv: self("one")})
	other := startAgent(t, c, Spec{Argv: self("other")})
	c.agent("one")
	survivor := c.agent("other")
	if found := withCookie(one.cookie); len(found) != 1 || found[0] != one.PID() {
		t.Errorf("found %v, want %d", found, one.PID())
	}
	one.Stop(Cancelled)
	survivor.tell("print 1")
	survivor.exit(0)
	if exit := other.Wait(); !exit.OK() || exit.Tail != "x" {
		t.Errorf("got %+v", exit)
	}
}
