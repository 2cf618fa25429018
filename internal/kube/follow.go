package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

const (
	pageSize = 500
	// maxListed bounds the objects of a collection, and maxKept their bytes, whatever a server says.
	maxListed = 200_000
	maxKept   = 512 << 20
	// maxEvent is how many bytes an event of a watch may have; the API's objects have at most 1.5 MB.
	maxEvent = 8 << 20
	// watchFor is how long a watch lasts at least; the server ends it then.
	watchFor = 5 * time.Minute
)

// errGone: the server does not know any more what happened since the last list.
var errGone = errors.New("the list is too old")

// Follow lists objects and then watches them, until ctx ends or each returns an error,
// which it returns. path is that of a collection, and query may have labelSelector and
// fieldSelector. each is never called concurrently. kind is
//
//   - LISTED for each object of a list, of which there may be several: what happened
//     between two may be unknown;
//   - ADDED, MODIFIED, DELETED as the server says;
//   - DELETED also for an object that a new list has not any more, as it was last seen,
//     before the objects of that list.
//
// Trouble with the server is waited for without end once a first list has succeeded. An
// answer that will not change, such as 403 or 404, is returned as an [*Error].
func (c *Client) Follow(ctx context.Context, path string, query url.Values, each func(kind string, object json.RawMessage) error) error {
	f := &follower{Client: c, path: path, query: query, each: each, wait: c.pause}
	for {
		version, err := f.list(ctx)
		if err == nil {
			f.listed = true
			err = f.watch(ctx, version)
		}
		stop := stopped{}
		switch {
		case errors.Is(err, errGone):
		case errors.As(err, &stop):
			return stop.error
		case f.listed && ctx.Err() == nil && c.mayPass(err):
		default:
			return err
		}
		if err := f.rest(ctx, err); err != nil {
			return err
		}
	}
}

type follower struct {
	*Client
	path   string
	query  url.Values
	each   func(kind string, object json.RawMessage) error
	known  map[string]json.RawMessage // by uid
	kept   int                        // bytes of known
	listed bool
	wait   time.Duration
}

// rest waits before the server is asked again: longer each time until something comes.
func (f *follower) rest(ctx context.Context, why error) error {
	wait := f.wait/2 + rand.N(f.wait) //nolint:gosec // spreads clients
	f.wait = min(2*f.wait, 50*f.pause)
	if !sleep(ctx, max(wait, askedFor(why))) {
		return ctx.Err()
	}
	return nil
}

// heard: something came, so that the next trouble is a new one.
func (f *follower) heard() { f.wait = f.pause }

// meta is what Follow itself reads of an object.
type meta struct {
	Metadata struct {
		UID     string `json:"uid"`
		Version string `json:"resourceVersion"`
	} `json:"metadata"`
}

// page is a part of a list.
type page struct {
	Metadata ListMeta          `json:"metadata"`
	Items    []json.RawMessage `json:"items"`
}

// list reads all pages and tells what they say; it returns their version.
func (f *follower) list(ctx context.Context) (string, error) {
	query := maps.Clone(f.query)
	if query == nil {
		query = url.Values{}
	}
	query.Set("limit", strconv.Itoa(pageSize))
	listed, order, kept := map[string]json.RawMessage{}, []string(nil), 0
	for {
		var p page
		if err := f.Do(ctx, http.MethodGet, f.path, query, nil, &p); err != nil {
			if e := (*Error)(nil); errors.As(err, &e) && e.Code == http.StatusGone {
				return "", errGone // the list was compacted while it was read
			}
			return "", err
		}
		for _, item := range p.Items {
			var m meta
			if json.Unmarshal(item, &m) != nil || m.Metadata.UID == "" {
				return "", fmt.Errorf("list %s: an object has no uid", f.path)
			}
			if _, twice := listed[m.Metadata.UID]; !twice {
				order = append(order, m.Metadata.UID)
			}
			kept += len(item)
			listed[m.Metadata.UID] = item
		}
		if len(listed) > maxListed || kept > maxKept || len(p.Items) == 0 && p.Metadata.Continue != "" {
			return "", fmt.Errorf("list %s: the list does not end", f.path)
		}
		if p.Metadata.Continue == "" {
			f.kept = kept
			return p.Metadata.ResourceVersion, f.tell(listed, order)
		}
		query.Set("continue", p.Metadata.Continue)
	}
}

func (f *follower) tell(listed map[string]json.RawMessage, order []string) error {
	before := f.known
	f.known = listed
	for _, uid := range slices.Sorted(maps.Keys(before)) {
		if _, there := listed[uid]; !there {
			if err := f.each("DELETED", before[uid]); err != nil {
				return stopped{err}
			}
		}
	}
	for _, uid := range order {
		if err := f.each("LISTED", listed[uid]); err != nil {
			return stopped{err}
		}
	}
	return nil
}

// watch tells what happens after a version. It returns errGone where a new list is
// needed, and else only what cannot pass.
func (f *follower) watch(ctx context.Context, version string) error {
	for {
		err := f.stream(ctx, &version)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		stop := stopped{}
		switch {
		case errors.Is(err, errGone), errors.As(err, &stop):
			return err
		case err != nil && !errors.Is(err, errCut) && !f.mayPass(err):
			return err
		}
		if err := f.rest(ctx, err); err != nil {
			return err
		}
	}
}

// stopped is an error of each: it may look like one of ours, and is not judged.
type stopped struct{ error }

// errCut: a stream broke off, or held what cannot be read. What came before it was told.
var errCut = errors.New("the watch broke off")

// stream reads one watch to its end, which is nil where the server ended it.
func (f *follower) stream(ctx context.Context, version *string) error {
	lasts := watchFor + rand.N(watchFor) //nolint:gosec // spreads clients
	ctx, cancel := context.WithTimeout(ctx, lasts+requestTimeout)
	defer cancel()
	query := maps.Clone(f.query)
	if query == nil {
		query = url.Values{}
	}
	query.Set("watch", "1")
	query.Set("allowWatchBookmarks", "true")
	query.Set("resourceVersion", *version)
	query.Set("timeoutSeconds", strconv.Itoa(int(lasts/time.Second)))
	resp, err := f.send(ctx, request{method: http.MethodGet, path: f.path, query: query, accept: "application/json", header: requestTimeout})
	if err != nil {
		return gone(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	from := &allowance{r: resp.Body}
	decoder := json.NewDecoder(from)
	for {
		var event struct {
			Type   string          `json:"type"`
			Object json.RawMessage `json:"object"`
		}
		from.left = maxEvent
		switch err := decoder.Decode(&event); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return errCut
		}
		if err := f.event(event.Type, event.Object, version); err != nil {
			return err
		}
		f.heard()
	}
}

// gone tells the answers that ask for a new list from others. A version is too large
// where the server's data are older than before, as after a backup.
func gone(err error) error {
	e := (*Error)(nil)
	if !errors.As(err, &e) {
		return err
	}
	var details struct{ Causes []struct{ Reason string } }
	if e.Code == http.StatusGone {
		return errGone
	}
	if json.Unmarshal(e.Details, &details) == nil {
		for _, cause := range details.Causes {
			if cause.Reason == "ResourceVersionTooLarge" {
				return errGone
			}
		}
	}
	return err
}

func (f *follower) event(kind string, object json.RawMessage, version *string) error {
	if kind == "ERROR" {
		s := f.current()
		return gone(s.parseError(&http.Response{StatusCode: statusCode(object)}, object))
	}
	var m meta
	if json.Unmarshal(object, &m) != nil || m.Metadata.Version == "" {
		return errCut
	}
	switch kind {
	case "BOOKMARK":
		*version = m.Metadata.Version
		return nil
	case "ADDED", "MODIFIED":
		f.kept += len(object) - len(f.known[m.Metadata.UID])
		f.known[m.Metadata.UID] = object
		if len(f.known) > maxListed || f.kept > maxKept {
			return stopped{fmt.Errorf("watch %s: more than %d objects, or more than %d MB", f.path, maxListed, maxKept>>20)}
		}
	case "DELETED":
		f.kept -= len(f.known[m.Metadata.UID])
		delete(f.known, m.Metadata.UID)
	default:
		return errCut
	}
	if err := f.each(kind, object); err != nil {
		return stopped{err}
	}
	*version = m.Metadata.Version
	return nil
}

// statusCode is that of a Status within a watch; what has none is the server's fault.
func statusCode(object json.RawMessage) int {
	var status struct {
		Code int `json:"code"`
	}
	if json.Unmarshal(object, &status) != nil || status.Code == 0 {
		return http.StatusInternalServerError
	}
	return status.Code
}

// allowance is a reader of what is left, which is set anew for each event.
type allowance struct {
	r    io.Reader
	left int
}

func (a *allowance) Read(p []byte) (int, error) {
	if a.left <= 0 {
		return 0, errCut
	}
	n, err := a.r.Read(p[:min(len(p), a.left)])
	a.left -= n
	return n, err
}
