// Package expect reads what a test expects of the events of its case, and says which rule the events broke.
//
// A text has rules, separated by ; or line ends:
//
//	A < B          each B has an A before it, and both come
//	once A         A comes exactly once
//	never A        A does not come
//	eventually A   A comes, any number of times
//
// Names of events are words of letters, digits and . _ - : /.
package expect

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The bounds of what is read, so that a test cannot make the gate work for long.
const (
	maxRules  = 64
	maxEvents = 4096
	maxText   = 64 << 10
)

// Rule is one rule of a text.
type Rule struct {
	kind string // before, once, never, eventually
	a, b string
}

// String is the rule as it is written.
func (r Rule) String() string {
	if r.kind == "before" {
		return r.a + " < " + r.b
	}
	return r.kind + " " + r.a
}

var (
	name   = `[\pL\pN_./:-]+`
	before = regexp.MustCompile(`^(` + name + `)\s*<\s*(` + name + `)$`)
	single = regexp.MustCompile(`^(once|never|eventually)\s+(` + name + `)$`)
)

// Parse reads rules. The error names the rule that cannot be read, by its number.
func Parse(text string) ([]Rule, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("the text is longer than %d bytes; name fewer events", maxText)
	}
	var rules []Rule
	n := 0
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ';' || r == '\n' }) {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		n++
		if len(rules) == maxRules {
			return nil, fmt.Errorf("there are more than %d rules; split the test", maxRules)
		}
		if m := before.FindStringSubmatch(part); m != nil {
			rules = append(rules, Rule{"before", m[1], m[2]})
		} else if m := single.FindStringSubmatch(part); m != nil {
			rules = append(rules, Rule{m[1], m[2], ""})
		} else {
			return nil, fmt.Errorf("rule %d is %q; write A < B, once A, never A or eventually A", n, part)
		}
	}
	if n == 0 {
		return nil, fmt.Errorf("there is no rule; write A < B, once A, never A or eventually A")
	}
	return rules, nil
}

// Events reads a list of events as tests write them: a JSON array of texts, or names that are separated by commas,
// arrows or line ends.
func Events(text string) []string {
	text = strings.TrimSpace(text)
	if len(text) > maxText {
		text = text[:maxText]
	}
	var list []string
	if strings.HasPrefix(text, "[") && json.Unmarshal([]byte(text), &list) == nil {
		return list[:min(len(list), maxEvents)]
	}
	list = nil
	for _, part := range strings.FieldsFunc(strings.NewReplacer("->", ",", "→", ",").Replace(strings.Trim(text, "[]")), func(r rune) bool {
		return r == ',' || r == '\n' || r == ';'
	}) {
		if part = strings.Trim(strings.TrimSpace(part), `"'`); part != "" && len(list) < maxEvents {
			list = append(list, part)
		}
	}
	return list
}

// Broken says of each rule that events, in their order, do not keep what is wrong.
func Broken(rules []Rule, events []string) []string {
	var list []string
	for _, r := range rules {
		if why := r.broken(events); why != "" {
			list = append(list, fmt.Sprintf("%s: %s", r, why))
		}
	}
	return list
}

func (r Rule) broken(events []string) string {
	count := func(name string) int {
		n := 0
		for _, e := range events {
			if e == name {
				n++
			}
		}
		return n
	}
	n := count(r.a)
	switch r.kind {
	case "once":
		if n != 1 {
			return came(r.a, n)
		}
	case "never":
		if n != 0 {
			return came(r.a, n)
		}
	case "eventually":
		if n == 0 {
			return came(r.a, n)
		}
	case "before":
		first, b := slices.Index(events, r.a), slices.Index(events, r.b)
		switch {
		case first < 0:
			return came(r.a, 0)
		case b < 0:
			return came(r.b, 0)
		case b < first:
			return fmt.Sprintf("%s came first", r.b)
		}
	}
	return ""
}

func came(name string, n int) string {
	switch n {
	case 0:
		return name + " is missing"
	case 1:
		return name + " came"
	default:
		return fmt.Sprintf("%s came %d times", name, n)
	}
}
