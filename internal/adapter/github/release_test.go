package github

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

// drafted is a fake with one draft of v1, and its client.
func drafted(t testing.TB, body string) (*githubfake.Server, *Client) {
	t.Helper()
	s := githubfake.New(t)
	s.Releases = []githubfake.Release{{ID: 6, Tag: "v1", Target: head, Draft: true, Body: body}}
	return s, client(t, s)
}

func findOK(t testing.TB, c *Client) Release {
	t.Helper()
	r, found, err := c.FindRelease(context.Background(), "v1")
	if err != nil || !found {
		t.Fatalf("%+v, %v, %v", r, found, err)
	}
	return r
}

func sectionOf(t testing.TB, c *Client, st publish.Stamp, body string, want publish.Action) {
	t.Helper()
	out, err := c.UpsertSection(context.Background(), findOK(t, c), st, func(int) string { return body })
	if err != nil || out.Action != want {
		t.Fatalf("%+v, %v; want %s", out, err, want)
	}
}

// What people wrote around the section stays, wherever the section is.
func TestSectionInPlace(t *testing.T) {
	s, c := drafted(t, "Before.")
	sectionOf(t, c, stamp("7001", 1), "one\n", publish.Updated)
	r := s.ReleaseNow(6)
	s.Releases[0].Body = r.Body + "\n\nAfter."
	other := stamp("7001", 1)
	other.Stage = "nightly"
	sectionOf(t, c, other, "other\n", publish.Updated)
	sectionOf(t, c, stamp("7001", 1), "one\n", publish.Unchanged)
	sectionOf(t, c, stamp("7002", 1), "two\n", publish.Updated)
	sectionOf(t, c, stamp("7001", 2), "late\n", publish.Superseded)
	body := s.ReleaseNow(6).Body
	before, rest, ok := strings.Cut(body, "<!-- e2e-gate:v1 ")
	if !ok || before != "Before.\n\n" || !strings.Contains(rest, "two\n<!-- /e2e-gate:v1 key=pr stage=pr -->\n\nAfter.\n\n<!-- e2e-gate:v1 ") ||
		!strings.HasSuffix(body, "other\n<!-- /e2e-gate:v1 key=pr stage=nightly -->") || strings.Contains(body, "one") || strings.Contains(body, "late") {
		t.Errorf("%s", body)
	}
}

// Sections that somebody damaged, or made up, never make a mess of the rest.
func TestDamagedSection(t *testing.T) {
	own := mark(stamp("7001", 1), "old")
	for name, body := range map[string]string{
		"no end":       "Notes.\n\n" + own + "\nMore notes.",
		"end only":     "Notes.\n\n" + sectionEnd(stamp("", 1)) + "\nMore notes.",
		"end first":    sectionEnd(stamp("", 1)) + "\nNotes. More notes.\n" + own,
		"no marker":    "Notes. <!-- e2e-gate:v1 --> More notes.",
		"other's only": "Notes. More notes. <!-- e2e-gate:v1 key=x run=99999 attempt=1 hash=y stage=z sha=1 --><!-- /e2e-gate:v1 key=x stage=z -->",
	} {
		t.Run(name, func(t *testing.T) {
			s, c := drafted(t, body)
			for range 2 {
				out, err := c.UpsertSection(context.Background(), findOK(t, c), stamp("7002", 1), func(int) string { return "new" })
				if err != nil {
					t.Fatal(out, err)
				}
			}
			got := s.ReleaseNow(6).Body
			if !strings.Contains(got, "Notes.") || !strings.Contains(got, "More notes.") || strings.Count(got, "\nnew\n") != 1 {
				t.Errorf("%s", got)
			}
		})
	}
}

// The body keeps to GitHub's limit, and what others wrote is never cut.
func TestSectionWithinTheLimit(t *testing.T) {
	for _, c := range []struct {
		notes int
		ok    bool
	}{{100, true}, {maxBody - 2000, true}, {maxBody - 100, false}} {
		notes := strings.Repeat("ä", c.notes/2)
		s, cl := drafted(t, notes)
		limit := 0
		_, err := cl.UpsertSection(context.Background(), findOK(t, cl), stamp("7001", 1), func(n int) string {
			limit = n
			return strings.Repeat("x", 2*n)
		})
		got := s.ReleaseNow(6).Body
		if (err == nil) != c.ok || len(got) > maxBody || !strings.HasPrefix(got, notes) || c.ok && len(got) < maxBody-10 {
			t.Errorf("%d bytes of notes: %v, limit %d, %d bytes", c.notes, err, limit, len(got))
		}
		if err != nil {
			sentence(t, err, "the release's section was not published", "shorten them")
		}
	}
}

func TestReleaseCommit(t *testing.T) {
	for name, c := range map[string]struct {
		target string
		refs   map[string]string
		want   string
		tagged bool
	}{
		"a tag":              {"main", map[string]string{"tags/v1": head, "heads/main": "x"}, head, true},
		"a branch":           {"main", map[string]string{"heads/main": head}, head, false},
		"a commit":           {head, nil, head, false},
		"a tag and a commit": {strings.Repeat("b", 40), map[string]string{"tags/v1": head}, head, true},
	} {
		s, cl := drafted(t, "")
		s.Releases[0].Target, s.Refs = c.target, c.refs
		if r := findOK(t, cl); r.SHA != c.want || r.Tagged != c.tagged || !r.Draft {
			t.Errorf("%s: %+v", name, r)
		}
	}
	s, c := drafted(t, "")
	s.Releases[0].Target = "gone"
	_, _, err := c.FindRelease(context.Background(), "v1")
	sentence(t, err, "the release v1 was not read", "422")
	if _, found, err := c.FindRelease(context.Background(), "v2"); found || err != nil {
		t.Error(found, err)
	}
}

func TestAttach(t *testing.T) {
	s, c := drafted(t, "")
	attach := func(st publish.Stamp, data string) (publish.Outcome, error) {
		return c.Attach(context.Background(), findOK(t, c), st, publish.Asset{Name: "result.json", Data: []byte(data)})
	}
	for _, step := range []struct {
		run  string
		data string
		want publish.Action
	}{{"7001", "one", publish.Created}, {"7001", "again", publish.Unchanged}, {"7002", "two", publish.Created}} {
		if out, err := attach(stamp(step.run, 1), step.data); err != nil || out.Action != step.want {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	if list := s.ReleaseNow(6).Assets; len(list) != 1 || string(list[0].Data) != "two" {
		t.Errorf("%+v", list)
	}
	_, err := attach(stamp("7003", 1), "")
	sentence(t, err, "the release's file result.json was not published", "0 bytes")
	s.Releases[0].Draft = false
	_, err = attach(stamp("7003", 1), "x")
	sentence(t, err, "already published")
}

// The token follows no address of somebody else's, whatever the API says.
func TestUploadsStayAtHome(t *testing.T) {
	for base, addresses := range map[string]map[string]bool{
		"https://api.github.com/": {"https://uploads.github.com/x": true, "https://api.github.com/x": true, "http://uploads.github.com/x": false,
			"https://uploads.github.com.evil.test/x": false, "https://evil.test/": false, "https://u:p@uploads.github.com/": false},
		"https://ghe.test/api/v3/":  {"https://ghe.test/api/uploads/x": true, "https://uploads.ghe.test/x": false, "": false},
		"https://api.acme.ghe.com/": {"https://uploads.acme.ghe.com/x": true, "https://uploads.github.com/x": false},
	} {
		c, err := New(Options{BaseURL: base, Repository: "acme/cases", Token: "t", Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			t.Errorf("a request to %s", r.URL)
			return nil, http.ErrHandlerTimeout
		})})
		if err != nil {
			t.Fatal(err)
		}
		for address, want := range addresses {
			if _, err := c.uploadURL(Release{uploads: address}); (err == nil) != want {
				t.Errorf("%s, %s: %v", base, address, err)
			}
		}
	}
}

func TestPromote(t *testing.T) {
	s, c := drafted(t, "")
	r := findOK(t, c)
	for _, sha := range []string{"", "main", strings.Repeat("b", 40)} {
		_, err := c.Promote(context.Background(), r, sha)
		sentence(t, err, "the release itself was not published", "not the one that was judged")
	}
	if out, err := c.Promote(context.Background(), r, head); err != nil || out.Action != publish.Updated || s.ReleaseNow(6).Draft {
		t.Errorf("%+v, %v", out, err)
	}
	if out, err := c.Promote(context.Background(), findOK(t, c), head); err != nil || out.Action != publish.Unchanged || s.ReleaseNow(6).Edits != 1 {
		t.Errorf("%+v, %v", out, err)
	}
}

// GitHub takes several drafts of one tag, and one beside the published release: that one
// is the tag's.
func TestReleaseBesideADraft(t *testing.T) {
	s := githubfake.New(t)
	s.Releases = []githubfake.Release{{ID: 7, Tag: "v1", Target: head, Draft: true}, {ID: 6, Tag: "v1", Target: head},
		{ID: 5, Tag: "v1", Target: head, Draft: true}}
	s.Refs = map[string]string{"tags/v1": head}
	if r := findOK(t, client(t, s)); r.ID != 6 || r.Draft {
		t.Errorf("%+v", r)
	}
	s.Releases = append(s.Releases[:1], s.Releases[2])
	if r := findOK(t, client(t, s)); r.ID != 7 {
		t.Errorf("%+v", r)
	}
}

// A tag that is moved while files are attached is another commit.
func TestPromoteReadsTheTagAgain(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(refs map[string]string)
		published bool
	}{
		"as it was":  {func(map[string]string) {}, true},
		"moved":      {func(refs map[string]string) { refs["tags/v1"] = strings.Repeat("e", 40) }, false},
		"taken away": {func(refs map[string]string) { delete(refs, "tags/v1") }, true},
	} {
		s, cl := drafted(t, "Notes.")
		s.Releases[0].Target = "main"
		s.Refs = map[string]string{"tags/v1": head, "heads/main": strings.Repeat("e", 40)}
		r := findOK(t, cl)
		c.meanwhile(s.Refs)
		_, err := cl.Promote(context.Background(), r, head)
		now := s.ReleaseNow(6)
		if (err == nil) != c.published || now.Draft == c.published || name == "taken away" && now.Target != head {
			t.Errorf("%s: %v, %+v", name, err, now)
		}
	}
}
