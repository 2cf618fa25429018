package github

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

// writer is a stage that writes its section into the release's body.
type writer struct {
	c     *Client
	r     Release
	stamp Stamp
}

func newWriter(t testing.TB, s *githubfake.Server, stage string) *writer {
	c := client(t, s)
	st := stamp("7001", 1)
	st.Stage = stage
	return &writer{c, findOK(t, c), st}
}

func (w *writer) text(int) string { return "section of " + w.stamp.Stage }

func (w *writer) write(t testing.TB) {
	t.Helper()
	if _, err := w.c.UpsertSection(context.Background(), w.r, w.stamp, w.text); err != nil {
		t.Error(err)
	}
}

func (w *writer) keep(t testing.TB) {
	t.Helper()
	if _, err := w.c.KeepSection(context.Background(), w.r, w.stamp, w.text); err != nil {
		t.Error(err)
	}
}

func bothThere(t testing.TB, body string) {
	t.Helper()
	for _, want := range []string{"Notes.", "section of smoke\n", "section of full\n"} {
		if strings.Count(body, want) != 1 {
			t.Errorf("%q stands there %d times:\n%s", want, strings.Count(body, want), body)
		}
	}
}

// Two stages write one body at once: wherever the other's write falls between two
// requests of the first, both sections are there after both have looked again.
func TestTwoStagesOneBody(t *testing.T) {
	for _, at := range []struct {
		method string
		n      int
	}{{"GET", 1}, {"PATCH", 1}, {"GET", 2}} {
		for _, first := range []string{"smoke", "full"} {
			t.Run(fmt.Sprintf("%s before %s %d", first, at.method, at.n), func(t *testing.T) {
				s, _ := drafted(t, "Notes.")
				a, b := newWriter(t, s, "smoke"), newWriter(t, s, "full")
				if first == "full" {
					a, b = b, a
				}
				s.Fail(githubfake.Meanwhile(at.method, "/releases/6", at.n, func() { b.write(t) }))
				a.write(t)
				a.keep(t)
				b.keep(t)
				bothThere(t, s.ReleaseNow(6).Body)
			})
		}
	}
}

// A body that was read before the other one wrote does not cost the other's section.
func TestSectionReadsAgain(t *testing.T) {
	s, _ := drafted(t, "Notes.")
	a, b := newWriter(t, s, "smoke"), newWriter(t, s, "full")
	b.write(t)
	b.keep(t)
	a.write(t)
	bothThere(t, s.ReleaseNow(6).Body)
}

// Who is overwritten for ever gives up, and says so; who cannot look is not worried.
func TestSectionThatIsNotKept(t *testing.T) {
	s, c := drafted(t, "Notes.")
	w := newWriter(t, s, "smoke")
	w.write(t)
	again := githubfake.Meanwhile("GET", "/releases/6", 1, func() { s.SetReleaseBody(6, "Notes.") })
	again.Times = 0
	s.Fail(again)
	before := s.Count("PATCH")
	_, err := w.c.KeepSection(context.Background(), w.r, w.stamp, w.text)
	sentence(t, err, "the release's section was not published", "needs:")
	if n := s.Count("PATCH") - before; n != maxWrites {
		t.Errorf("%d writes", n)
	}
	s.Heal()
	s.Fail(githubfake.Answers("GET", 500, "oops"))
	if out, err := c.KeepSection(context.Background(), w.r, w.stamp, w.text); err != nil || out.Action != Unchanged {
		t.Error(out, err)
	}
}
