// Package links makes links to logs and traces of an attempt from templates of the
// config, such as https://logs.example/?q={correlation_id}.
package links

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/e2e"
)

// Templates are the section "links" of the config: a URL by name.
type Templates map[string]string

// placeholders are the words that a template may hold, and their values.
var placeholders = map[string]func(e2e.Run, string, e2e.Attempt) string{
	"run_id":              func(r e2e.Run, _ string, _ e2e.Attempt) string { return r.ID },
	"stage":               func(r e2e.Run, _ string, _ e2e.Attempt) string { return r.Stage },
	"sha":                 func(r e2e.Run, _ string, _ e2e.Attempt) string { return r.SHA },
	"test":                func(_ e2e.Run, test string, _ e2e.Attempt) string { return test },
	"correlation_id":      func(_ e2e.Run, _ string, a e2e.Attempt) string { return a.Correlation },
	"test_correlation_id": func(_ e2e.Run, _ string, a e2e.Attempt) string { return a.TestCorrelation },
	"data_prefix":         func(_ e2e.Run, _ string, a e2e.Attempt) string { return a.DataPrefix },
	"trace_id":            func(_ e2e.Run, _ string, a e2e.Attempt) string { return a.Trace },
}

const words = "{run_id}, {correlation_id}, {test_correlation_id}, {data_prefix}, {trace_id}, {test}, {sha}, {stage}"

var placeholder = regexp.MustCompile(`\{([^{}]*)\}`)

// Bounds of the section and of what it makes, in links and bytes.
const (
	maxLinks  = 10
	maxLength = 2000
)

// Validate returns what is wrong with resolved templates. Paths start below
// "links".
func (t Templates) Validate() []diag.Mistake {
	var found []diag.Mistake
	for _, name := range t.names() {
		found = append(found, validate(name, t[name])...)
	}
	if len(t) > maxLinks {
		found = append(found, diag.Mistake{
			Path: t.names()[maxLinks], Text: fmt.Sprintf("there are %d links", len(t)), Hint: fmt.Sprintf("at most %d are shown with a test", maxLinks),
		})
	}
	return found
}

func validate(name, template string) []diag.Mistake {
	for _, m := range placeholder.FindAllStringSubmatch(template, -1) {
		if placeholders[m[1]] == nil {
			return []diag.Mistake{{Path: name, Text: fmt.Sprintf("unknown placeholder %s", m[0]), Hint: "use some of " + words}}
		}
	}
	// The value of a placeholder must come after the host.
	const standIn = "x0placeholder0x"
	u, err := url.Parse(placeholder.ReplaceAllString(template, standIn))
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return []diag.Mistake{{Path: name, Text: "a link is an absolute http or https URL", Hint: "write it as https://logs.example/?q={correlation_id}"}}
	case u.User != nil:
		return []diag.Mistake{{Path: name, Text: "a link cannot hold a user", Hint: "everybody who reads a report would see it"}}
	case strings.Contains(u.Host, standIn):
		return []diag.Mistake{{Path: name, Text: "a placeholder cannot be part of the host", Hint: "use it in the path or the query"}}
	case strings.ContainsAny(placeholder.ReplaceAllString(template, ""), "{}"):
		return []diag.Mistake{{Path: name, Text: "unmatched brace", Hint: "use some of " + words}}
	}
	return nil
}

func (t Templates) names() []string {
	names := make([]string, 0, len(t))
	for name := range t {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Of makes the links of an attempt, by name. A link with an empty placeholder, or that
// is too long to follow, is left out.
func (t Templates) Of(run e2e.Run, test string, a e2e.Attempt) []e2e.Link {
	var list []e2e.Link
	for _, name := range t.names() {
		if target := expand(t[name], run, test, a); target != "" && len(list) < maxLinks {
			list = append(list, e2e.Link{Name: name, URL: target})
		}
	}
	return list
}

func expand(template string, run e2e.Run, test string, a e2e.Attempt) string {
	missing := false
	text := placeholder.ReplaceAllStringFunc(template, func(word string) string {
		value := ""
		if of := placeholders[strings.Trim(word, "{}")]; of != nil {
			value = of(run, test, a)
		}
		missing = missing || value == ""
		// A plus is a space in a query only.
		return strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
	})
	if missing || len(text) > maxLength {
		return ""
	}
	return text
}
