package versiongate

import (
	"fmt"
	"strings"

	"github.com/org/e2e-gate/internal/gate/probe"
)

// tally counts versions, in the order in which they were first seen.
type tally struct {
	lines []*line
	total int
}

type line struct {
	version, place string
	count          int
	ok             bool
	hint           string
}

func (t *tally) add(version, place string, ok bool, hint string) {
	t.total++
	for _, l := range t.lines {
		if l.version == version && l.place == place {
			l.count++
			return
		}
	}
	t.lines = append(t.lines, &line{version: version, place: place, count: 1, ok: ok, hint: hint})
}

// judge evaluates the answers together. How often each of two versions answers is
// chance, so it does not make a different answer.
func (t *tally) judge(want string) probe.Observation {
	expected, others := 0, ""
	versions := map[string]bool{}
	for _, l := range t.lines {
		versions[l.version] = true
		if l.ok {
			expected += l.count
		} else if others == "" {
			others = l.hint
		}
	}
	switch {
	case expected == t.total:
		return probe.Healthy(t.String())
	case len(versions) > 1:
		o := probe.NotYet("rolling: "+t.String(), fmt.Sprintf("%s was expected, but instances still answer with something else; %s", want, others))
		o.Key = "rolling"
		return o
	}
	return probe.NotYet(t.String(), fmt.Sprintf("%s was expected; %s", want, others))
}

// String lists the versions: 4bf1f7a x2, 0d1c2b3 x1 at http://b/info.
func (t *tally) String() string {
	parts := make([]string, len(t.lines))
	for i, l := range t.lines {
		parts[i] = l.version
		if t.total > 1 {
			parts[i] += fmt.Sprintf(" x%d%s", l.count, l.place)
		}
	}
	return strings.Join(parts, ", ")
}
