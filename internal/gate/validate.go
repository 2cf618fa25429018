package gate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/gate/probe"
)

// Validate returns everything that is wrong with a resolved section, in the order
// of the config. Paths start below "gates": checks[2].http.url.
func (s *Spec) Validate() []diag.Mistake {
	problems := slices.Concat(probe.CheckDuration("timeout", s.Timeout), probe.CheckDuration("interval", s.Interval),
		checkCount("stable_for", s.StableFor), probe.Under("watch", s.Watch.validate()))
	names := map[string]int{}
	for i := range s.Checks {
		c := &s.Checks[i]
		at := fmt.Sprintf("checks[%d]", i)
		problems = append(problems, probe.Under(at, c.validateName(names, i))...)
		problems = append(problems, probe.Under(at, c.validateKind())...)
		problems = append(problems, probe.Under(at, s.validateTimes(c))...)
	}
	return append(problems, s.validateNeeds(names)...)
}

func (w Watch) validate() []diag.Mistake {
	problems := append(probe.CheckDuration("interval", w.Interval), probe.CheckDuration("grace", w.Grace)...)
	if w.Interval > 0 && w.Interval < minWatchInterval {
		problems = append(problems, diag.Mistake{
			Path: "interval", Text: fmt.Sprintf("%s is too short for a watch", w.Interval),
			Hint: fmt.Sprintf("use at least %s: the watch must not put load on the system under test", minWatchInterval),
		})
	}
	return problems
}

func checkCount(path string, n int) []diag.Mistake {
	if n >= 0 {
		return nil
	}
	return []diag.Mistake{{Path: path, Text: "the number is negative", Hint: "use 1 or more"}}
}

// validateName notes the check's index under its name.
func (c *Check) validateName(names map[string]int, i int) []diag.Mistake {
	if c.Name == "" {
		return []diag.Mistake{{Path: "name", Text: "the check has no name", Hint: "name it after what it checks"}}
	}
	if first, double := names[c.Name]; double {
		return []diag.Mistake{{Path: "name", Text: fmt.Sprintf("checks[%d] has the same name %q", first, c.Name), Hint: "give each check its own name"}}
	}
	names[c.Name] = i
	return nil
}

func (c *Check) validateKind() []diag.Mistake {
	chosen := c.chosen()
	if len(chosen) != 1 {
		return []diag.Mistake{c.wrongKinds(chosen)}
	}
	k := chosen[0]
	problems := probe.Under(k.name, k.spec.Validate())
	words := k.spec.RetryWords()
	for i, word := range c.RetryOn {
		if slices.Contains(words, strings.ToLower(word)) {
			continue
		}
		p := diag.Mistake{
			Path: fmt.Sprintf("retry_on[%d]", i), Text: fmt.Sprintf("unknown word %q in retry_on of a check of kind %s", word, k.name),
			Hint: diag.Expected(word, words),
		}
		if len(words) == 0 {
			p.Hint = "remove it: no answer of this kind ends the wait early"
		}
		problems = append(problems, p)
	}
	return problems
}

func (c *Check) wrongKinds(chosen []kind) diag.Mistake {
	if len(chosen) == 0 {
		return diag.Mistake{Text: "the check does not say what to probe", Hint: "give it one of: " + kindNames(c.kinds())}
	}
	return diag.Mistake{
		Path: chosen[1].name, Text: "the check has several kinds: " + kindNames(chosen),
		Hint: "write one check for each, with needs between them if one depends on another",
	}
}

func kindNames(kinds []kind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return strings.Join(names, ", ")
}

// validateTimes also finds a check that cannot become stable before its timeout: it
// would always fail.
func (s *Spec) validateTimes(c *Check) []diag.Mistake {
	problems := slices.Concat(probe.CheckDuration("timeout", c.Timeout), probe.CheckDuration("interval", c.Interval), checkCount("stable_for", c.StableFor))
	limit, interval, stable := s.times(c)
	if least := time.Duration(stable-1) * interval; least >= limit {
		problems = append(problems, diag.Mistake{
			Path: "stable_for",
			Text: fmt.Sprintf("%d successes in a row, %s apart, cannot be seen within %s", stable, interval, limit),
			Hint: "raise timeout, or lower stable_for or interval",
		})
	}
	return problems
}

func (s *Spec) times(c *Check) (limit, interval time.Duration, stableFor int) {
	return firstPositive(c.Timeout, s.Timeout, DefaultTimeout), firstPositive(c.Interval, s.Interval, DefaultInterval),
		firstPositive(c.StableFor, s.StableFor, DefaultStableFor)
}

func (s *Spec) validateNeeds(names map[string]int) []diag.Mistake {
	var problems []diag.Mistake
	known := make([]string, 0, len(s.Checks))
	for i := range s.Checks {
		known = append(known, s.Checks[i].Name)
	}
	for i := range s.Checks {
		for j, need := range s.Checks[i].Needs {
			if _, ok := names[need]; !ok {
				problems = append(problems, diag.Mistake{
					Path: fmt.Sprintf("checks[%d].needs[%d]", i, j), Text: fmt.Sprintf("there is no check named %q", need), Hint: diag.Expected(need, known),
				})
			}
		}
	}
	return append(problems, s.cycles(names)...)
}

// cycles reports each cycle of needs once, at the first of its checks.
func (s *Spec) cycles(names map[string]int) []diag.Mistake {
	var problems []diag.Mistake
	const open, closed = 1, 2
	state := make([]int, len(s.Checks))
	var visit func(i int, path []int)
	visit = func(i int, path []int) {
		switch state[i] {
		case closed:
			return
		case open:
			problems = append(problems, s.cycle(append(path[slices.Index(path, i):], i)))
			return
		}
		state[i] = open
		for _, need := range s.Checks[i].Needs {
			if j, ok := names[need]; ok {
				visit(j, append(slices.Clone(path), i))
			}
		}
		state[i] = closed
	}
	for i := range s.Checks {
		visit(i, nil)
	}
	return problems
}

func (s *Spec) cycle(path []int) diag.Mistake {
	words := make([]string, len(path))
	for k, i := range path {
		words[k] = s.Checks[i].Name
	}
	return diag.Mistake{
		Path: fmt.Sprintf("checks[%d].needs", path[0]),
		Text: "the checks wait for each other: " + strings.Join(words, " needs "),
		Hint: "remove one of these needs",
	}
}
