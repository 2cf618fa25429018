package e2e

import (
	"fmt"
	"slices"
	"strings"
)

// Scope says which tests need a gate, a background process or an isolation: those that need one of its
// services, or are of one of its journeys. A nil scope is that of all tests.
type Scope struct {
	Services []string `json:"services,omitempty" mask:"-" doc:"Services: a test that needs one of them needs it."`
	Journeys []string `json:"journeys,omitempty" mask:"-" doc:"Journeys: their tests need it."`
}

// NeededBy reports whether a test needs what has the scope. A test that does not say what it needs, needs
// everything.
func (s *Scope) NeededBy(t *Test) bool {
	if s == nil || len(t.Needs) == 0 {
		return true
	}
	return t.Journey != "" && slices.Contains(s.Journeys, t.Journey) || meet(s.Services, t.Needs)
}

// Overlaps reports whether two scopes name a service or a journey in common. Nil is everything.
func (s *Scope) Overlaps(o *Scope) bool {
	return s == nil || o == nil || meet(s.Services, o.Services) || meet(s.Journeys, o.Journeys)
}

// Union is the scope of what either is needed for.
func (s *Scope) Union(o *Scope) *Scope {
	if s == nil || o == nil {
		return nil
	}
	return &Scope{joined(s.Services, o.Services), joined(s.Journeys, o.Journeys)}
}

// String names what it is for: "service payment-api", "services a, b; journey c".
func (s *Scope) String() string {
	if s == nil {
		return "every test"
	}
	var parts []string
	for _, part := range []struct {
		what string
		list []string
	}{{"service", s.Services}, {"journey", s.Journeys}} {
		switch len(part.list) {
		case 0:
		case 1:
			parts = append(parts, part.what+" "+part.list[0])
		default:
			parts = append(parts, fmt.Sprintf("%ss %s", part.what, SomeOf(part.list)))
		}
	}
	return strings.Join(parts, "; ")
}

func meet(a, b []string) bool {
	return slices.ContainsFunc(a, func(one string) bool { return slices.Contains(b, one) })
}

func joined(a, b []string) []string {
	list := slices.Concat(a, b)
	slices.Sort(list)
	return slices.Compact(list)
}

// Needed tells which scopes some tests need, in a time that does not depend on the number of tests. The zero
// value is that of no test.
type Needed struct {
	all                bool
	services, journeys map[string]bool
}

// NeededFor collects what tests need. all: what their number and their needs are is not known.
func NeededFor(tests []Test, all bool) Needed {
	n := Needed{all: all, services: map[string]bool{}, journeys: map[string]bool{}}
	for i := range tests {
		t := &tests[i]
		n.all = n.all || len(t.Needs) == 0
		for _, name := range t.Needs {
			n.services[name] = true
		}
		if t.Journey != "" {
			n.journeys[t.Journey] = true
		}
	}
	return n
}

// Has reports whether one of the tests needs what has the scope.
func (n Needed) Has(s *Scope) bool {
	return s == nil || n.all || slices.ContainsFunc(s.Services, func(name string) bool { return n.services[name] }) ||
		slices.ContainsFunc(s.Journeys, func(name string) bool { return n.journeys[name] })
}
