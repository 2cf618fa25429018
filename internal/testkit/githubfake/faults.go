package githubfake

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is something that goes wrong. A zero Fault hits every request, indefinitely.
type Fault struct {
	// Method and Path choose the requests: one method, or "write" for all but GET; a
	// part of the path. Empty: any.
	Method, Path string
	// Skip lets so many of them through first; Times is how many are hit after that,
	// 0 for all.
	Skip, Times int
	// Late: the request is done before it goes wrong.
	Late bool
	// Before runs first, without a lock.
	Before func()
	// Change makes the answer; nil leaves the one that all being well would give. It
	// gets that one where the fault is Late.
	Change func(answer) answer
	// Delay is slept before the answer, in the bubble's time where there is one.
	Delay time.Duration

	seen int
}

// Fail switches faults on. The first one that hits a request counts.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.faults = append(s.faults, &f)
	}
}

// Heal switches all faults off.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

func (f *Fault) hits(method, path string) bool {
	if f.Method == "write" && method == http.MethodGet || f.Method != "write" && f.Method != "" && f.Method != method || !strings.Contains(path, f.Path) {
		return false
	}
	f.seen++
	return f.seen > f.Skip && (f.Times == 0 || f.seen <= f.Skip+f.Times)
}

// faulty answers a request, as the faults have it.
func (s *Server) faulty(r *http.Request, path string, well func() answer) answer {
	s.mu.Lock()
	i := slices.IndexFunc(s.faults, func(f *Fault) bool { return f.hits(r.Method, path) })
	var f Fault
	if i >= 0 {
		f = *s.faults[i]
	}
	s.mu.Unlock()
	if f.Before != nil {
		f.Before()
	}
	if f.Delay > 0 {
		select {
		case <-r.Context().Done():
			return answer{status: 499, abort: true}
		case <-time.After(f.Delay):
		}
	}
	switch {
	case f.Change == nil:
		return well()
	case f.Late:
		return f.Change(well())
	}
	return f.Change(answer{})
}

// always answers in one way.
func always(a answer) func(answer) answer { return func(answer) answer { return a } }

// with adds headers, given as name and value in turn.
func (a answer) with(headers ...string) answer {
	if a.header == nil {
		a.header = http.Header{}
	}
	for i := 0; i+1 < len(headers); i += 2 {
		a.header.Set(headers[i], headers[i+1])
	}
	return a
}

// ForbiddenWrite is a token that may only read.
func ForbiddenWrite() Fault {
	return Fault{Method: "write", Change: always(refusal(http.StatusForbidden, notYours))}
}

// Answers gives a status and a message to requests of a method.
func Answers(method string, status int, message string) Fault {
	return Fault{Method: method, Change: always(refusal(status, message))}
}

// TooMany is a 429 that asks to wait, once.
func TooMany(seconds int) Fault {
	return Fault{Times: 1, Change: always(refusal(http.StatusTooManyRequests, "Too many requests").with("Retry-After", strconv.Itoa(seconds)))}
}

const secondary = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."

// SecondaryLimit is a 403 for writing too much, once; seconds of 0 name no time.
func SecondaryLimit(seconds int) Fault {
	a := refusal(http.StatusForbidden, secondary)
	if seconds > 0 {
		a = a.with("Retry-After", strconv.Itoa(seconds))
	}
	return Fault{Method: "write", Times: 1, Change: always(a)}
}

// PrimaryLimit is a 403 because the hour's requests are used up until a time, once.
func PrimaryLimit(reset time.Time) Fault {
	return Fault{Times: 1, Change: always(refusal(http.StatusForbidden, "API rate limit exceeded for installation ID 1.").
		with("X-Ratelimit-Remaining", "0", "X-Ratelimit-Reset", strconv.FormatInt(reset.Unix(), 10)))}
}

// Broken answers 502, 503 or 504 with a page, so many times. Late: the request was
// carried out nevertheless.
func Broken(method string, status, times int, late bool) Fault {
	return Fault{Method: method, Times: times, Late: late, Change: always(answer{status: status, body: []byte("<html>Unicorn!</html>")})}
}

// GraphQLRefused is an answer of GraphQL that names an error, in its words.
func GraphQLRefused(kind, message string) Fault {
	return Fault{Method: http.MethodPost, Path: graphQLPath,
		Change: always(reply(http.StatusOK, map[string]any{"data": nil, "errors": []map[string]any{{"type": kind, "message": message}}}))}
}

// Slow answers after a time.
func Slow(d time.Duration) Fault { return Fault{Delay: d} }

// Reset breaks the connection without an answer, so many times.
func Reset(method string, times int, late bool) Fault {
	return Fault{Method: method, Times: times, Late: late, Change: always(answer{abort: true})}
}

// Truncated cuts the JSON of answers in half, so many times; what was asked for is
// done.
func Truncated(method string, times int) Fault {
	return Fault{Method: method, Times: times, Late: true, Change: func(a answer) answer {
		a.body = a.body[:len(a.body)/2]
		return a
	}}
}

// DeletedBetween deletes a comment after it was listed and before it is edited.
func (s *Server) DeletedBetween(id int64) Fault {
	return Fault{Method: http.MethodPatch, Times: 1, Before: func() { s.DeleteComment(id) }}
}

// Meanwhile runs a function before the n-th request (from 1) of a method and a path,
// as another job might.
func Meanwhile(method, path string, n int, do func()) Fault {
	return Fault{Method: method, Path: path, Skip: n - 1, Times: 1, Before: do}
}

// Redirected sends every read to an address, as GitHub does for a repository that was renamed.
func Redirected(to string) Fault {
	return Fault{Method: http.MethodGet, Change: always(reply(http.StatusMovedPermanently, map[string]string{"url": to}).with("Location", to))}
}

// Replies gives a text to requests of a method, as an answer of success.
func Replies(method, text string) Fault {
	return Fault{Method: method, Change: always(answer{status: http.StatusOK, body: []byte(text)})}
}
