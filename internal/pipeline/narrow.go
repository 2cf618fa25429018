package pipeline

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/org/e2e-gate/internal/diag"
	"github.com/org/e2e-gate/internal/e2e"
)

// Narrow says which tests of a stage a run is narrowed to; the zero value is all of them.
type Narrow struct {
	// Names are parts of ids or of paths, whole ids, or FILE:LINE.
	Names []string
	// FailedOf is a run, and Failed are its tests that did not pass.
	FailedOf string
	Failed   []e2e.Test
}

// Any reports whether a run is narrowed at all.
func (n Narrow) Any() bool { return len(n.Names) > 0 || n.FailedOf != "" }

// asked is what documents say of it.
func (n Narrow) asked() *e2e.Narrowed {
	if !n.Any() {
		return nil
	}
	return &e2e.Narrowed{Names: n.Names, FailedOf: n.FailedOf}
}

// apply deselects what is not named. A name takes what the stage selects; where that is nothing, it takes what only
// the stage's select leaves out: a person who names a test wants to see it run. What may not run at the stage's
// target never does. The other tests of a group run as context. The error is [errStop]: what is
// named is not there, and the problems say so.
func (n Narrow) apply(root, stage string, lists []listed) ([]e2e.Problem, error) {
	if !n.Any() {
		return nil, nil
	}
	named := map[*choice]bool{}
	var problems []e2e.Problem
	for _, name := range n.Names {
		found := pick(lists, newMatcher(root, name).rank)
		for _, c := range found {
			named[c] = true
		}
		if len(found) == 0 {
			problems = append(problems, e2e.Problem{Code: e2e.CodeNoTests, LosesEvidence: true, Text: noSuchTest(stage, name, lists)})
		}
	}
	if len(problems) > 0 {
		return problems, errStop
	}
	gone := n.again(lists, named)
	switch {
	case len(named) == 0:
		return append(problems, e2e.Problem{Code: e2e.CodeNoTests, LosesEvidence: true, Text: fmt.Sprintf(
			"none of the tests that did not pass in %s can be listed in stage %s now, such as %s", n.FailedOf, stage, gone[0])}), errStop
	case len(gone) > 0:
		problems = append(problems, e2e.Problem{Code: e2e.CodeNoTests, Note: true, Text: fmt.Sprintf(
			"not run again, because they cannot be listed in stage %s now: %s", stage, e2e.SomeOf(gone))})
	}
	for _, list := range lists {
		list.keep(named)
	}
	return problems, nil
}

// again adds the failed tests to those that are named, and returns the ids of those that are not
// there any more. Of a suite that cannot list its tests all run again.
func (n Narrow) again(lists []listed, named map[*choice]bool) (gone []string) {
	failed, suites := map[string]bool{}, map[string]bool{}
	for _, t := range n.Failed {
		failed[t.ID], suites[t.Suite] = true, true
	}
	there := map[string]bool{}
	for _, list := range lists {
		there[list.spec.Name] = list.batch
		for i := range list.choices {
			c := &list.choices[i]
			if (c.why == "" || c.why == "select") && (failed[c.test.ID] || list.batch && suites[list.spec.Name]) {
				named[c], there[c.test.ID] = true, true
			}
		}
	}
	for _, t := range n.Failed {
		if !there[t.ID] && !there[t.Suite] {
			gone = append(gone, t.ID)
		}
	}
	slices.Sort(gone)
	return slices.Compact(gone)
}

// keep selects what is named, with its groups.
func (l listed) keep(named map[*choice]bool) {
	groups := map[string]bool{}
	for i := range l.choices {
		if c := &l.choices[i]; named[c] && c.test.Group != "" {
			groups[c.test.Group] = true
		}
	}
	for i := range l.choices {
		switch c := &l.choices[i]; {
		case named[c]:
			c.why, c.test.Context = "", false
		case groups[c.test.Group] && (c.why == "" || c.why == "select"):
			c.why, c.test.Context = "", true
		case c.why == "":
			c.why = e2e.WhyName
		}
	}
}

// pick returns the choices that match best, of those that the stage selects, else of those that only its select leaves out.
func pick(lists []listed, rank func(dir string, t *e2e.Test) int) []*choice {
	for _, why := range []string{"", "select"} {
		best := 0
		var found []*choice
		for _, list := range lists {
			for i := range list.choices {
				c := &list.choices[i]
				if c.why != why {
					continue
				}
				switch r := rank(list.spec.Dir, &c.test); {
				case r == 0 || r < best:
				case r > best:
					best, found = r, []*choice{c}
				default:
					found = append(found, c)
				}
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

// matcher compares tests with one name.
type matcher struct {
	name, lower string
	// file and line are set for FILE:LINE.
	file string
	line int
}

var position = regexp.MustCompile(`^(.+?):([0-9]{1,9})(?::[0-9]+)?$`)

func newMatcher(root, name string) matcher {
	m := matcher{name: name, lower: strings.ToLower(inRepository(root, name))}
	if p := position.FindStringSubmatch(name); p != nil {
		m.file = inRepository(root, p[1])
		m.line, _ = strconv.Atoi(p[2]) // nine digits
	}
	return m
}

// inRepository is a path as the repository has it, with slashes: a person types paths that are absolute, or relative to where
// they are. Anything else stays as it is.
func inRepository(root, name string) string {
	abs, err := filepath.Abs(name)
	if err == nil {
		if _, err = os.Lstat(abs); err == nil {
			if rel, err := filepath.Rel(root, abs); err == nil && filepath.IsLocal(rel) {
				return filepath.ToSlash(rel)
			}
		}
	}
	return strings.TrimPrefix(filepath.ToSlash(name), "./")
}

// The ways in which a name fits a test, from the weakest. A position fits the better the closer the test starts before it.
const (
	rankPart     = 1
	rankName     = 2
	rankPosition = 3
	rankID       = int(^uint(0) >> 1)
)

// rank says how well a test fits; 0: not.
func (m matcher) rank(dir string, t *e2e.Test) int {
	file := ""
	if t.File != "" {
		file = path.Join(filepath.ToSlash(dir), t.File)
	}
	switch {
	case t.ID == m.name:
		return rankID
	case m.line > 0 && file != "" && (file == m.file || strings.HasSuffix(file, "/"+m.file)) && t.Line <= m.line:
		return rankPosition + t.Line
	case t.Name == m.name, strings.HasSuffix(t.ID, "::"+m.name):
		return rankName
	case strings.Contains(strings.ToLower(t.ID), m.lower), file != "" && strings.Contains(strings.ToLower(file), m.lower):
		return rankPart
	}
	return 0
}

// noSuchTest says what a name could have meant.
func noSuchTest(stage, name string, lists []listed) string {
	const most = 2000
	var names, unlisted []string
	tests := 0
	for _, list := range lists {
		if list.batch {
			unlisted = append(unlisted, list.spec.Name)
			continue
		}
		tests += len(list.choices)
		for i := 0; i < len(list.choices) && len(names) < most; i++ {
			whole := list.choices[i].test.Name
			names = append(names, whole, whole[strings.LastIndexAny(whole, ":.>")+1:])
		}
	}
	text := fmt.Sprintf("none of the %d tests that stage %s can list matches %q", tests, stage, name)
	if near := diag.Nearest(name, names); near != "" {
		text += fmt.Sprintf("; did you mean %q?", near)
	} else {
		text += "; give a part of an id or of a path, or FILE:LINE"
	}
	if len(unlisted) > 0 {
		text += fmt.Sprintf("; of %s, which cannot list tests, all run if you name the suite", e2e.SomeOf(unlisted))
	}
	return text
}
