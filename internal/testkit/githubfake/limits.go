package githubfake

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// GitHub's limits, from "Rate limits for the REST API" in its docs: GITHUB_TOKEN has 1,000
// requests an hour and repository, which all workflows share; 900 points a minute, where a read
// costs 1 and a write 5; 80 requests a minute that create content.
const (
	hourly          = 1000
	pointsAMinute   = 900
	contentAMinute  = 80
	pointsOfAWrite  = 5
	minuteInSeconds = 60
)

// spending is what was asked for in the current hour and minute.
type spending struct {
	began time.Time
	used  int
	last  []spent
}

type spent struct {
	at     time.Time
	points int
}

// refill begins a new hour where the last one is over.
func (s *Server) refill(now time.Time) {
	if s.spending.began.IsZero() {
		s.spending.began, s.spending.used = now, s.Used
	}
	if now.Sub(s.spending.began) >= time.Hour {
		s.spending.began, s.spending.used = now, 0
	}
}

func (s *Server) hourlyLimit() int {
	if s.Hourly > 0 {
		return s.Hourly
	}
	return hourly
}

// overLimit refuses a request for which nothing is left.
func (s *Server) overLimit(method string) (answer, bool) {
	now := time.Now()
	s.refill(now)
	if s.spending.used >= s.hourlyLimit() {
		return refusal(http.StatusForbidden, "API rate limit exceeded for installation ID 1."), true
	}
	s.spending.last = slices.DeleteFunc(s.spending.last, func(one spent) bool { return now.Sub(one.at) >= time.Minute })
	points, content := 0, 0
	for _, one := range s.spending.last {
		points += one.points
		if one.points == pointsOfAWrite {
			content++
		}
	}
	if points >= pointsAMinute || method != http.MethodGet && content >= contentAMinute {
		return refusal(http.StatusForbidden, secondary).with("Retry-After", strconv.Itoa(minuteInSeconds)), true
	}
	cost := 1
	if method != http.MethodGet {
		cost = pointsOfAWrite
	}
	s.spending.last = append(s.spending.last, spent{now, cost})
	return answer{}, false
}

// spend counts an answer, and writes into its header what is left. "Nothing has changed" is
// free ("Best practices for using the REST API", conditional requests).
func (s *Server) spend(a answer) answer {
	if a.abort || a.status == http.StatusNotImplemented || a.status == http.StatusUnauthorized {
		return a
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refill(time.Now())
	limit := s.hourlyLimit()
	if a.status != http.StatusNotModified && s.spending.used < limit {
		s.spending.used++
	}
	a.header = a.header.Clone()
	return a.with("X-Ratelimit-Limit", strconv.Itoa(limit), "X-Ratelimit-Used", strconv.Itoa(s.spending.used),
		"X-Ratelimit-Remaining", strconv.Itoa(limit-s.spending.used), "X-Ratelimit-Reset", strconv.FormatInt(s.spending.began.Add(time.Hour).Unix(), 10))
}
