package workflows

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// truth is whether a condition is true, as far as that is known before the run: the lesser of two holds for both, the greater for either.
type truth int

const (
	no      truth = -1
	unknown truth = 0
	yes     truth = 1
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// holds reports whether a condition is true on an event whatever happened before, and whether it is also if jobs before it failed. It
// knows the event's name and that a comparison with the repository's name is right in the repository itself, and nothing else.
func holds(condition any, event string) (certain, always bool) {
	if condition == nil {
		return true, false
	}
	text := bare(condition)
	certain = evaluate(text, event, yes) == yes
	return certain, certain && statusAlways.MatchString(text) && evaluate(text, event, unknown) == yes
}

var (
	statusAlways = regexp.MustCompile(`(?i)\balways\s*\(`)
	tokens       = regexp.MustCompile(`^\s*(\|\||&&|==|!=|[()!,]|'(?:[^']|'')*'|[^\s()!,='|&]+)`)
)

// maxTokens bounds a condition, so that none nests without end.
const maxTokens = 1000

// evaluate says whether an expression is true. success is what success() is.
func evaluate(text, event string, success truth) truth {
	e := &expression{event: event, success: success}
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		m := tokens.FindString(text)
		if m == "" || len(e.rest) == maxTokens {
			return unknown
		}
		e.rest, text = append(e.rest, m), text[len(m):]
	}
	if result := e.either(); len(e.rest) == 0 {
		return result
	}
	return unknown
}

// expression is one of GitHub's, as the tokens of it that are left.
type expression struct {
	rest    []string
	event   string
	success truth
}

func (e *expression) accept(token string) bool {
	if len(e.rest) == 0 || e.rest[0] != token {
		return false
	}
	e.rest = e.rest[1:]
	return true
}

func (e *expression) either() truth {
	result := e.both()
	for e.accept("||") {
		result = max(result, e.both())
	}
	return result
}

func (e *expression) both() truth {
	result := e.one()
	for e.accept("&&") {
		result = min(result, e.one())
	}
	return result
}

func (e *expression) one() truth {
	if e.accept("!") {
		return -e.one()
	}
	if e.accept("(") {
		result := e.either()
		if !e.accept(")") {
			e.rest = append(e.rest, ")") // more than an expression
		}
		return result
	}
	left := e.value()
	for _, operator := range []string{"==", "!="} {
		if e.accept(operator) {
			result := equal(left, e.value(), e.event)
			if operator == "!=" {
				result = -result
			}
			return result
		}
	}
	switch strings.ToLower(left) {
	case "true", "always()":
		return yes
	case "false":
		return no
	case "success()":
		return e.success
	}
	if m := amongEvents.FindStringSubmatch(left); m != nil {
		var names []string
		if json.Unmarshal([]byte(m[1]), &names) == nil {
			return truthOf(slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, e.event) }))
		}
	}
	return unknown
}

var amongEvents = regexp.MustCompile(`(?i)^contains\(fromjson\('(\[[^']*\])'\),github\.event_name\)$`)

// value is a name, a text or a call, in one piece.
func (e *expression) value() string {
	if len(e.rest) == 0 {
		return ""
	}
	text := e.rest[0]
	e.rest = e.rest[1:]
	if len(e.rest) == 0 || e.rest[0] != "(" {
		return text
	}
	for depth := 0; len(e.rest) > 0; {
		token := e.rest[0]
		text, e.rest = text+token, e.rest[1:]
		switch token {
		case "(":
			depth++
		case ")":
			if depth--; depth == 0 {
				return text
			}
		}
	}
	return text
}

// equal compares what is known with a text; GitHub does not look at the case of letters.
func equal(a, b, event string) truth {
	if strings.HasPrefix(a, "'") {
		a, b = b, a
	}
	if !strings.HasPrefix(b, "'") {
		return unknown
	}
	switch strings.ToLower(a) {
	case "github.event_name":
		return truthOf(strings.EqualFold(strings.Trim(b, "'"), event))
	case "github.repository", "github.repository_owner":
		return yes
	}
	return unknown
}
