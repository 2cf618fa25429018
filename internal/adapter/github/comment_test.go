package github

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/publish"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

func TestCommentIsCreatedAndUpdatedInPlace(t *testing.T) {
	for name, set := range map[string]func(*Options){"job": func(*Options) {}, "person": person} {
		t.Run(name, func(t *testing.T) {
			s := githubfake.New(t)
			out := upsertOK(t, client(t, s, set), stamp("7001", 1), plain, publish.Created)
			if !strings.Contains(out.URL, "/pull/42#issuecomment-") {
				t.Errorf("URL %q", out.URL)
			}
			only(t, s, stamp("7001", 1), plain)
			upsertOK(t, client(t, s, set), stamp("7002", 1), "other", publish.Updated)
			only(t, s, stamp("7002", 1), "other")
			if n := s.Comments()[0].Edits; n != 1 {
				t.Errorf("%d edits", n)
			}
		})
	}
}

// A comment and a status of a usual run: at most 6 requests, also with a pending
// status before them.
func TestUsualRunTakesSixRequests(t *testing.T) {
	s := githubfake.New(t)
	for _, one := range []struct {
		run    string
		states []publish.State
		want   int
	}{
		{"7001", []publish.State{publish.Pending, publish.Success}, 6}, // status: read, set, set; comments: read, create, read
		{"7002", []publish.State{publish.Pending, publish.Success}, 6}, // comments: read, edit, look again
		{"7003", []publish.State{publish.Failure}, 5},
		{"7003", []publish.State{publish.Failure}, 2},
	} {
		before, c := s.Count(""), client(t, s)
		for _, state := range one.states {
			if _, err := c.SetStatus(context.Background(), head, publish.Status{State: state, Description: one.run}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.UpsertComment(context.Background(), 42, stamp(one.run, 1), "body of "+one.run); err != nil {
			t.Fatal(err)
		}
		if n := s.Count("") - before; n != one.want {
			t.Errorf("%s: %d requests, want %d: %+v", one.run, n, one.want, s.Requests()[before:])
		}
	}
}

func TestUnchangedIsNotWritten(t *testing.T) {
	s := githubfake.New(t)
	upsertOK(t, client(t, s), stamp("7001", 1), plain, publish.Created)
	before := s.Count("POST") + s.Count("PATCH") + s.Count("DELETE")
	for _, body := range []string{plain, strings.ReplaceAll(plain, "\n", "\r\n"), plain + "\n"} {
		upsertOK(t, client(t, s), stamp("7001", 2), body, publish.Unchanged)
	}
	if after := s.Count("POST") + s.Count("PATCH") + s.Count("DELETE"); after != before {
		t.Errorf("%d writes", after-before)
	}
	// Somebody wrote into our comment: the marker's hash alone does not tell.
	s.DeleteComment(s.Comments()[0].ID)
	s.AddComment(githubfake.JobBot, mark(stamp("7001", 1), plain)+"and a passed test, honestly")
	upsertOK(t, client(t, s), stamp("7001", 2), plain, publish.Updated)
	only(t, s, stamp("7001", 2), plain)
}

func TestNewerRunIsNeverOverwritten(t *testing.T) {
	for _, c := range []struct {
		there, ours publish.Stamp
		want        publish.Action
	}{
		{stamp("7002", 1), stamp("7001", 1), publish.Superseded},
		{stamp("7002", 1), stamp("7001", 9), publish.Superseded},
		{stamp("7001", 2), stamp("7001", 1), publish.Superseded},
		{stamp("10000", 1), stamp("9999", 1), publish.Superseded},
		{stamp("123456789012345678901234567890", 1), stamp("123456789012345678901234567889", 1), publish.Superseded},
		{stamp("7001", 1), stamp("", 1), publish.Superseded},
		{stamp("7001", 1), stamp("7001", 1), publish.Updated},
		{stamp("7001", 1), stamp("7001", 2), publish.Updated},
		{stamp("9999", 3), stamp("10000", 1), publish.Updated},
		{stamp("", 1), stamp("1", 1), publish.Updated},
	} {
		s := githubfake.New(t)
		s.AddComment(githubfake.JobBot, mark(c.there, "there"))
		out := upsertOK(t, client(t, s), c.ours, "ours", c.want)
		if c.want == publish.Superseded {
			only(t, s, c.there, "there")
			if out.Note == "" || s.Count("PATCH")+s.Count("POST") > 0 {
				t.Errorf("%+v: %+v", out, s.Requests())
			}
			continue
		}
		only(t, s, c.ours, "ours")
	}
}

// Only comments with our marker in the first line, of our key and stage, written by a
// bot or by ourselves, are ours.
func TestOthersCommentsAreLeftAlone(t *testing.T) {
	s := githubfake.New(t)
	other, stage := stamp("1", 1), stamp("1", 1)
	other.Key, stage.Stage = "other", "release"
	theirs := []string{
		mark(stamp("1", 1), "forged by a person"), "> " + mark(stamp("1", 1), "quoted"), "hello\n" + mark(stamp("1", 1), "not first"),
		"<!-- e2e-gate:v2 key=pr run=1 attempt=1 hash=x stage=pr -->\n", "<!-- e2e-gate:v1 key=pr", "", "\n",
	}
	for _, body := range theirs {
		s.AddComment(githubfake.Person, body)
	}
	s.AddComment(githubfake.JobBot, mark(other, "other key"))
	s.AddComment(githubfake.JobBot, mark(stage, "other stage"))
	before := s.Comments()
	upsertOK(t, client(t, s), stamp("7001", 1), plain, publish.Created)
	after := s.Comments()
	for i, c := range before {
		if diff := cmp.Diff(c, after[i]); diff != "" {
			t.Error(diff)
		}
	}
	if len(after) != len(before)+1 || s.Count("") > 4 {
		t.Errorf("%d comments, %+v", len(after), s.Requests())
	}
	holds(t, after[len(after)-1].Body, stamp("7001", 1), plain)
}

// A person's token finds its own comment by the login that is configured, without
// asking who it is.
func TestLoginIsConfigured(t *testing.T) {
	s := githubfake.New(t)
	s.AddComment(githubfake.Person, mark(stamp("1", 1), "old"))
	upsertOK(t, client(t, s, person, func(o *Options) { o.Login = "OctoCat" }), stamp("7001", 1), plain, publish.Updated)
	only(t, s, stamp("7001", 1), plain)
	if n := s.Count(""); n != 3 {
		t.Errorf("%+v", s.Requests())
	}
}

// Where GET /user is refused, the login is learned from what we write, and what we
// wrote before is found after all.
func TestLoginIsLearned(t *testing.T) {
	s := githubfake.New(t)
	s.Fail(githubfake.Fault{Method: "GET", Path: "/user", Change: githubfake.Answers("", 403, "no").Change})
	s.AddComment(githubfake.Person, mark(stamp("1", 1), "old"))
	upsertOK(t, client(t, s, person), stamp("7001", 1), plain, publish.Updated)
	only(t, s, stamp("7001", 1), plain)
}

func TestCommentOnALaterPage(t *testing.T) {
	s := githubfake.New(t)
	for i := range 250 {
		s.AddComment(githubfake.Person, fmt.Sprintf("comment %d", i))
	}
	s.AddComment(githubfake.JobBot, mark(stamp("1", 1), "old"))
	upsertOK(t, client(t, s), stamp("7001", 1), plain, publish.Updated)
	if n := s.Count(""); n != 5 || len(s.Comments()) != 251 {
		t.Errorf("%d requests, %d comments", n, len(s.Comments()))
	}
	holds(t, s.Comments()[250].Body, stamp("7001", 1), plain)
}

func TestPagesAreBounded(t *testing.T) {
	s := githubfake.New(t)
	for range 3100 {
		s.AddComment(githubfake.Person, "x")
	}
	upsertOK(t, client(t, s), stamp("7001", 1), plain, publish.Created)
	if n := s.Count("GET"); n > maxPages+1 {
		t.Errorf("%d pages", n)
	}
}

// The oldest one stays, with the newest text.
func TestDoublesAreRemoved(t *testing.T) {
	s := githubfake.New(t)
	first := s.AddComment(githubfake.JobBot, mark(stamp("3", 1), "a"))
	s.AddComment(githubfake.Person, "hello")
	s.AddComment(githubfake.JobBot, mark(stamp("5", 1), "b"))
	s.AddComment(githubfake.JobBot, mark(stamp("4", 1), "c"))
	upsertOK(t, client(t, s), stamp("7001", 1), plain, publish.Updated)
	list := s.Comments()
	if len(list) != 2 || list[0].ID != first || list[1].Body != "hello" {
		t.Fatalf("%+v", list)
	}
	holds(t, list[0].Body, stamp("7001", 1), plain)
}

// A double that cannot be deleted is no reason to fail.
func TestDoubleThatStays(t *testing.T) {
	s := githubfake.New(t)
	s.AddComment(githubfake.JobBot, mark(stamp("3", 1), "a"))
	s.AddComment(githubfake.JobBot, mark(stamp("3", 1), "b"))
	s.Fail(githubfake.Answers("DELETE", 403, "no"))
	upsertOK(t, client(t, s), stamp("7001", 1), plain, publish.Updated)
}

func TestDeletedBetweenListingAndEditing(t *testing.T) {
	s := githubfake.New(t)
	id := s.AddComment(githubfake.JobBot, mark(stamp("1", 1), "old"))
	s.Fail(s.DeletedBetween(id))
	upsertOK(t, client(t, s), stamp("7001", 1), plain, publish.Created)
	only(t, s, stamp("7001", 1), plain)
}

// Two jobs find no comment and both create one: the oldest one stays, with the body
// of the newer run, whoever is faster.
func TestTwoJobsCreateAtOnce(t *testing.T) {
	for _, c := range []struct {
		name          string
		inner, outer  publish.Stamp
		wantInnerBody bool
	}{
		{"newer in between", stamp("7002", 1), stamp("7001", 1), true},
		{"older in between", stamp("7001", 1), stamp("7002", 1), false},
		{"same run", stamp("7001", 1), stamp("7001", 1), false},
	} {
		for _, where := range []struct {
			method string
			n      int
		}{{"POST", 1}, {"GET", 2}} {
			t.Run(fmt.Sprintf("%s, before %s %d", c.name, where.method, where.n), func(t *testing.T) {
				s := githubfake.New(t)
				// The other job's whole life falls between two requests of ours.
				s.Fail(githubfake.Meanwhile(where.method, "/comments", where.n, func() {
					if _, err := client(t, s).UpsertComment(context.Background(), 42, c.inner, "inner"); err != nil {
						t.Error(err)
					}
				}))
				if _, err := client(t, s).UpsertComment(context.Background(), 42, c.outer, "outer"); err != nil {
					t.Fatal(err)
				}
				switch list := s.Comments(); {
				case c.wantInnerBody:
					only(t, s, c.inner, "inner")
				case reflect.DeepEqual(c.inner, c.outer) && len(list) == 1:
					// Neither is newer: whoever wrote last.
				default:
					only(t, s, c.outer, "outer")
				}
			})
		}
	}
}

// An older job read before we wrote and writes after us: we write again, but not
// forever.
func TestOlderRunWritesLast(t *testing.T) {
	for name, times := range map[string]int{"once": 1, "forever": 0} {
		s := githubfake.New(t)
		id := s.AddComment(githubfake.JobBot, mark(stamp("1", 1), "old"))
		late := githubfake.Meanwhile("GET", "/issues/comments/", 1, func() { s.EditComment(id, mark(stamp("2", 1), "late")) })
		late.Times = times
		s.Fail(late)
		upsertOK(t, client(t, s), stamp("7001", 1), plain, publish.Updated)
		if times == 1 {
			only(t, s, stamp("7001", 1), plain)
		}
		if n := s.Count("PATCH"); n != map[string]int{"once": 2, "forever": maxWrites}[name] {
			t.Errorf("%s: %d edits", name, n)
		}
	}
}

// Many jobs at once, in any order: one comment is left, and it is the newest run's.
func TestManyJobsAtOnce(t *testing.T) {
	for range 20 {
		s := githubfake.New(t)
		var all sync.WaitGroup
		for run := range 5 {
			all.Go(func() {
				c := client(t, s)
				if _, err := c.UpsertComment(context.Background(), 42, stamp(fmt.Sprint(7001+run), 1), fmt.Sprint("body ", run)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if len(s.Comments()) == 0 {
			t.Fatal("no comment is left")
		}
		// What a race may leave behind is settled by the next writer.
		upsertOK(t, client(t, s), stamp("7005", 2), "last", publish.Updated)
		only(t, s, stamp("7005", 2), "last")
	}
}

// A comment that was created although the answer was 502 is found again.
func TestCreatedAndNotTold(t *testing.T) {
	for name, fault := range map[string]githubfake.Fault{
		"502": githubfake.Broken("POST", 502, 1, true), "reset": githubfake.Reset("POST", 1, true), "truncated": githubfake.Truncated("POST", 1),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *githubfake.Server) {
				s.Fail(fault)
				upsertOK(t, client(t, s), stamp("7001", 1), plain, publish.Created)
				only(t, s, stamp("7001", 1), plain)
			})
		})
	}
}

func TestCommentThatIsTooLong(t *testing.T) {
	s := githubfake.New(t)
	long := strings.Repeat("a line with an ä\n", 10_000)
	upsertOK(t, client(t, s), stamp("7001", 1), long, publish.Created)
	got := s.Comments()[0].Body
	if n := utf8.RuneCountInString(got); n > maxComment || n < 60_000 || !strings.HasSuffix(got, cutNote) {
		t.Errorf("%d characters, %q", n, got[len(got)-100:])
	}
	upsertOK(t, client(t, s), stamp("7001", 1), long, publish.Unchanged)
}

func TestNoPullRequest(t *testing.T) {
	c := client(t, githubfake.New(t))
	_, err := c.UpsertComment(context.Background(), 0, stamp("1", 1), plain)
	sentence(t, err, "the PR comment was not published", "no pull request")
	_, err = c.UpsertComment(context.Background(), 42, stamp("x-1", 1), plain)
	sentence(t, err, "GITHUB_RUN_ID")
}

func TestCommentInABubbleOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := githubfake.New(t)
		s.Prefix = "/api/v3"
		upsertOK(t, client(t, s), stamp("7001", 1), plain, publish.Created)
		only(t, s, stamp("7001", 1), plain)
	})
}
