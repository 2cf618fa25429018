package httpgate

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/gate/probe"
)

// parseURL reads the address. Its problems never quote it: it may hold secrets.
func parseURL(s string) (*url.URL, []diag.Mistake) {
	problem := func(text, hint string) (*url.URL, []diag.Mistake) {
		return nil, []diag.Mistake{{Path: "url", Text: text, Hint: hint}}
	}
	const example = "write it as http://127.0.0.1:8080/health"
	u, err := url.Parse(s)
	switch {
	case s == "":
		return problem("the check has no url", example)
	case !strings.Contains(s, "://"):
		return problem("the url has no scheme", example)
	case err != nil:
		return problem("the url cannot be read", example)
	case u.Scheme != "http" && u.Scheme != "https":
		return problem(fmt.Sprintf("the url has the scheme %q", u.Scheme), "the http check supports http and https")
	case u.Hostname() == "":
		return problem("the url has no host", example)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return problem("the url's port is not between 1 and 65535", example)
		}
	}
	return u, nil
}

func checkMethod(s *Spec, r *rules) []diag.Mistake {
	if r.method == "" {
		r.method = "GET"
	}
	if !slices.Contains(methods, r.method) {
		return []diag.Mistake{{Path: "method", Text: fmt.Sprintf("unknown method %q", s.Method), Hint: diag.Expected(s.Method, methods)}}
	}
	if r.method == "HEAD" && (len(s.JSON)+len(s.Matches)+len(s.Semver) > 0 || s.BodyMatches != "") {
		return []diag.Mistake{{Path: "method", Text: "an answer to HEAD has no body, but the check expects something in it", Hint: "use GET"}}
	}
	return nil
}

func checkSentHeaders(headers map[string]string) []diag.Mistake {
	var problems []diag.Mistake
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			problems = append(problems, diag.Mistake{Path: keyPath("headers", name), Text: "this is not a header name", Hint: "use letters, digits and -"})
		case !httpguts.ValidHeaderFieldValue(headers[name]):
			problems = append(problems, diag.Mistake{
				Path: keyPath("headers", name), Text: "the value has a character that headers cannot have", Hint: "remove line breaks and control characters",
			})
		}
	}
	return problems
}

// keyPath is the path of an item of a map.
func keyPath(field, key string) string { return field + "[" + strconv.Quote(key) + "]" }

func checkTLS(s *Spec) []diag.Mistake {
	if s.TLS == nil {
		return nil
	}
	if strings.HasPrefix(s.URL, "http://") && *s.TLS != (TLS{}) {
		return []diag.Mistake{{Path: "tls", Text: "the url is plain http", Hint: "use https, or remove tls"}}
	}
	return probe.Under("tls", s.TLS.Validate())
}

// statusSet holds inclusive ranges of status codes and the words for them.
type statusSet struct {
	ranges [][2]int
	text   string
}

func (s statusSet) has(code int) bool {
	return slices.ContainsFunc(s.ranges, func(r [2]int) bool { return r[0] <= code && code <= r[1] })
}

func parseStatus(items []string) (statusSet, []diag.Mistake) {
	if len(items) == 0 {
		return statusSet{ranges: [][2]int{{200, 299}}, text: "2xx"}, nil
	}
	set := statusSet{text: strings.Join(items, " or ")}
	var problems []diag.Mistake
	for i, item := range items {
		from, to, ok := statusRange(item)
		if !ok {
			problems = append(problems, diag.Mistake{
				Path: fmt.Sprintf("status[%d]", i), Text: fmt.Sprintf("unknown status %q", item), Hint: "write it as 200, 2xx or 200-204",
			})
		}
		set.ranges = append(set.ranges, [2]int{from, to})
	}
	return set, problems
}

func statusRange(item string) (from, to int, ok bool) {
	item = strings.ToLower(strings.TrimSpace(item))
	if digit, found := strings.CutSuffix(item, "xx"); found {
		n, err := strconv.Atoi(digit)
		return 100 * n, 100*n + 99, err == nil && 1 <= n && n <= 5
	}
	first, last, isRange := strings.Cut(item, "-")
	if !isRange {
		last = first
	}
	from, err1 := strconv.Atoi(strings.TrimSpace(first))
	to, err2 := strconv.Atoi(strings.TrimSpace(last))
	return from, to, err1 == nil && err2 == nil && 100 <= from && from <= to && to <= 599
}
