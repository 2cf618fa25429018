package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func item(uid, version string) string {
	return fmt.Sprintf(`{"metadata":{"uid":%q,"name":"n-%s","resourceVersion":%q}}`, uid, uid, version)
}

// listing answers a list; more is the token of the next page.
func listing(version, more string, items ...string) http.HandlerFunc {
	return says(200, `{"metadata":{"resourceVersion":%q,"continue":%q},"items":[%s]}`, version, more, strings.Join(items, ","))
}

// watching answers a watch with events, and ends it.
func watching(events ...string) http.HandlerFunc { return says(200, "%s", strings.Join(events, "\n")) }

func event(kind, object string) string { return fmt.Sprintf(`{"type":%q,"object":%s}`, kind, object) }

var errEnough = errors.New("enough")

// follow plays a script, and returns what it told until there were so many, with the
// queries of the requests.
func follow(t *testing.T, enough int, steps ...http.HandlerFunc) (told, asked []string, err error) {
	t.Helper()
	s := serve(t, steps...)
	err = s.client(t, "{}").Follow(within(t), pods, url.Values{"labelSelector": {"run=1"}}, func(kind string, object json.RawMessage) error {
		var p Pod
		if err := json.Unmarshal(object, &p); err != nil {
			return err
		}
		told = append(told, kind+" "+p.Metadata.UID+"@"+p.Metadata.ResourceVersion)
		if len(told) == enough {
			return errEnough
		}
		return nil
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.requests {
		q := r.URL.Query()
		if q.Get("labelSelector") != "run=1" {
			t.Errorf("the selector is lost: %s", r.URL)
		}
		text := "list"
		if q.Get("watch") != "" {
			text = "watch " + q.Get("resourceVersion")
		} else if q.Get("continue") != "" {
			text = "page " + q.Get("continue")
		}
		asked = append(asked, text)
	}
	return told, asked, err
}

func TestFollow(t *testing.T) {
	broken := func(events ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, strings.Join(events, "\n"))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	}
	gone := `{"kind":"Status","code":410,"reason":"Expired","message":"too old resource version"}`
	large := `{"kind":"Status","code":504,"reason":"Timeout","details":{"causes":[{"reason":"ResourceVersionTooLarge"}]}}`
	for _, tt := range []struct {
		name        string
		steps       []http.HandlerFunc
		told, asked string
	}{
		{"pages, then a watch", []http.HandlerFunc{
			listing("1", "p2", item("a", "1")), listing("2", "", item("b", "1")),
			watching(event("ADDED", item("c", "3")), event("MODIFIED", item("a", "4")), event("DELETED", item("b", "5"))),
		}, "LISTED a@1, LISTED b@1, ADDED c@3, MODIFIED a@4, DELETED b@5", "list, page p2, watch 2"},
		{"a watch that ends goes on where it was", []http.HandlerFunc{
			listing("1", ""), watching(event("ADDED", item("a", "2"))), watching(event("MODIFIED", item("a", "3"))),
		}, "ADDED a@2, MODIFIED a@3", "list, watch 1, watch 2"},
		{"a watch with bookmarks only goes on at the last", []http.HandlerFunc{
			listing("1", ""), watching(event("BOOKMARK", `{"metadata":{"resourceVersion":"70"}}`), event("BOOKMARK", `{"metadata":{"resourceVersion":"90"}}`)),
			watching(event("ADDED", item("a", "91"))),
		}, "ADDED a@91", "list, watch 1, watch 90"},
		{"cut in the middle of an object", []http.HandlerFunc{
			listing("1", ""), broken(event("ADDED", item("a", "2")), `{"type":"MODIFIED","object":{"meta`), watching(event("MODIFIED", item("a", "3"))),
		}, "ADDED a@2, MODIFIED a@3", "list, watch 1, watch 2"},
		{"cut before its header", []http.HandlerFunc{
			listing("1", ""), reset, status(503, "", ""), busy, watching(event("ADDED", item("a", "2"))),
		}, "ADDED a@2", "list, watch 1, watch 1, watch 1, watch 1"},
		{"410 as an answer", []http.HandlerFunc{
			listing("1", "", item("a", "1"), item("b", "1")), status(410, "Expired", "too old"), listing("9", "", item("b", "1"), item("c", "8")),
			watching(event("ADDED", item("d", "10"))),
		}, "LISTED a@1, LISTED b@1, DELETED a@1, LISTED b@1, LISTED c@8, ADDED d@10", "list, watch 1, list, watch 9"},
		{"410 as an event", []http.HandlerFunc{
			listing("1", ""), watching(event("ADDED", item("a", "2")), event("ERROR", gone)), listing("9", ""), watching(event("ADDED", item("d", "10"))),
		}, "ADDED a@2, DELETED a@2, ADDED d@10", "list, watch 1, list, watch 9"},
		{"the server's data are older than before", []http.HandlerFunc{
			listing("9", "", item("a", "9")), watching(event("ERROR", large)), listing("5", "", item("a", "5")), watching(event("MODIFIED", item("a", "6"))),
		}, "LISTED a@9, LISTED a@5, MODIFIED a@6", "list, watch 9, list, watch 5"},
		{"another error as an event", []http.HandlerFunc{
			listing("1", ""), watching(event("ERROR", `{"kind":"Status","code":500,"message":"etcd"}`)), watching(event("ERROR", `{}`)), watching(event("ADDED", item("a", "2"))),
		}, "ADDED a@2", "list, watch 1, watch 1, watch 1"},
		{"410 in the middle of a list", []http.HandlerFunc{
			listing("1", "p2", item("a", "1")), status(410, "Expired", ""), listing("2", "", item("b", "2")),
		}, "LISTED b@2", "list, page p2, list"},
		{"of the same name, but another one", []http.HandlerFunc{
			listing("1", "", `{"metadata":{"uid":"a","name":"x","resourceVersion":"1"}}`), status(410, "Gone", ""),
			listing("5", "", `{"metadata":{"uid":"z","name":"x","resourceVersion":"4"}}`),
		}, "LISTED a@1, DELETED a@1, LISTED z@4", "list, watch 1, list"},
		{"what cannot be read breaks a watch off", []http.HandlerFunc{
			listing("1", ""), watching(event("WHATEVER", item("a", "2"))), watching(event("ADDED", `{"metadata":{"uid":"a"}}`)), watching(`[`), watching(event("ADDED", item("a", "2"))),
		}, "ADDED a@2", "list, watch 1, watch 1, watch 1, watch 1"},
		{"the list fails after a 410", []http.HandlerFunc{
			listing("1", ""), status(410, "Gone", ""), status(503, "", ""), status(403, "Forbidden", "starting"), listing("3", "", item("a", "2")),
		}, "LISTED a@2", "list, watch 1, list, list, list"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			told, asked, err := follow(t, strings.Count(tt.told, ",")+1, tt.steps...)
			if !errors.Is(err, errEnough) {
				t.Error(err)
			}
			if diff := cmp.Diff(tt.told+"\n"+tt.asked, strings.Join(told, ", ")+"\n"+strings.Join(asked, ", ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFollowEnds(t *testing.T) {
	for _, tt := range []struct {
		name  string
		steps []http.HandlerFunc
		want  string
	}{
		{"forbidden", []http.HandlerFunc{status(403, "Forbidden", "may not list")}, "HTTP 403 Forbidden: may not list"},
		{"may list, but not watch", []http.HandlerFunc{listing("1", ""), status(403, "Forbidden", "may not watch")}, "HTTP 403 Forbidden: may not watch"},
		{"an endless list", []http.HandlerFunc{listing("1", "more")}, "the list does not end"},
		{"no uid", []http.HandlerFunc{listing("1", "", `{"metadata":{}}`)}, "an object has no uid"},
		{"not a list", []http.HandlerFunc{says(200, `[]`)}, "not what was expected"},
	} {
		if _, _, err := follow(t, 0, tt.steps...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, listing("1", ""), func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
	})
	if err := s.client(t, "{}").Follow(ctx, pods, nil, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// An error of the caller's own requests must not be taken for one of the watch.
func TestFollowDoesNotJudgeItsCaller(t *testing.T) {
	calls := 0
	s := serve(t, listing("1", "", item("a", "1")))
	own := &Error{Code: 503, Reason: "ServiceUnavailable"}
	err := s.client(t, "{}").Follow(within(t), pods, nil, func(string, json.RawMessage) error {
		calls++
		return own
	})
	if !errors.Is(err, own) || calls != 1 {
		t.Errorf("got %v after %d calls", err, calls)
	}
}

// Neither one event nor many must fill the memory.
func TestEventsAreBounded(t *testing.T) {
	f := &follower{Client: &Client{}, path: pods, known: map[string]json.RawMessage{}, each: func(string, json.RawMessage) error { return nil }}
	version := ""
	for i, kind := range []string{"ADDED", "MODIFIED", "ADDED", "DELETED"} {
		uid := strings.Repeat("a", 1+i/2)
		if err := f.event(kind, json.RawMessage(item(uid, "1")), &version); err != nil {
			t.Fatal(err)
		}
	}
	if f.kept != len(item("a", "1")) || len(f.known) != 1 {
		t.Errorf("%d bytes of %d objects", f.kept, len(f.known))
	}
	f.kept = maxKept
	if err := f.event("ADDED", json.RawMessage(item("b", "2")), &version); err == nil || !strings.Contains(err.Error(), "more than 200000 objects") {
		t.Error(err)
	}
	a := &allowance{r: strings.NewReader(strings.Repeat("x", 100)), left: 10}
	buffer := make([]byte, 100)
	if n, err := a.Read(buffer); n != 10 || err != nil {
		t.Error(n, err)
	}
	if _, err := a.Read(buffer); !errors.Is(err, errCut) {
		t.Error(err)
	}
}
