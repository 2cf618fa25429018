package github

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

// writer is a stage that writes its section into the release's body.
type writer struct {
	c     *Client
	r     Release
	stamp publish.Stamp
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

// A section that is overwritten again and again is given up with an error. If it cannot be
// read again, that is no error.
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
	if out, err := c.KeepSection(context.Background(), w.r, w.stamp, w.text); err != nil || out.Action != publish.Unchanged {
		t.Error(out, err)
	}
}

// What somebody changed within the section is put right, and a copy of it, which would
// go on saying what it said, goes; the notes around stay.
func TestSectionIsPutRight(t *testing.T) {
	s, c := drafted(t, "Notes.")
	w := newWriter(t, s, "smoke")
	w.write(t)
	body := s.ReleaseNow(6).Body
	sect := body[strings.Index(body, markerHead):]
	for name, edited := range map[string]string{
		"edited within":  strings.Replace(body, "section of smoke", "section of smoke: passed, honestly", 1),
		"copied":         sect + "\n\nNotes.\n\n" + sect + "\n\nMore.",
		"copied by hand": sect + "\n\nNotes.\n\n" + strings.Replace(sect, "section of", "honestly, section of", 1) + "\n\nMore.",
		"with CRLF":      strings.ReplaceAll("Notes.\n\n"+sect+"\n\nMore.", "\n", "\r\n"),
		"with no end":    "Notes.\n\n" + strings.ReplaceAll(sect, sectionEnd(w.stamp), ""),
	} {
		s.SetReleaseBody(6, edited)
		if _, err := c.UpsertSection(context.Background(), w.r, w.stamp, w.text); err != nil {
			t.Error(name, err)
		}
		got := s.ReleaseNow(6).Body
		if strings.Contains(got, "honestly") || !strings.Contains(got, "Notes.") || strings.Contains(edited, "More.") != strings.Contains(got, "More.") {
			t.Errorf("%s:\n%s", name, got)
		}
		if strings.Count(got, sectionEnd(w.stamp)) != 1 || name != "with no end" && strings.Count(got, markerHead) != 1 {
			t.Errorf("%s: %d sections\n%s", name, strings.Count(got, markerHead), got)
		}
	}
}
