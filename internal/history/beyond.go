package history

import (
	"cmp"
	"slices"

	"github.com/org/e2e-gate/internal/e2e"
)

// Beyond is a service that the failure of a test named by its address, although the test does not need it by the config.
type Beyond struct {
	Suite   string `json:"suite" mask:"-"`
	Service string `json:"service" mask:"-"`
	// Test is the first of those that did.
	Test string `json:"test,omitempty" mask:"-"`
}

// maxBeyond bounds how many of them a record has, longestBeyond the bytes of each.
const (
	maxBeyond     = 20
	longestBeyond = 1000
)

func (b Beyond) isLong() bool { return len(b.Suite)+len(b.Service)+len(b.Test) > longestBeyond }

// BeyondOf are those of a result, one for each suite and service.
func BeyondOf(r e2e.Result) (list []Beyond) {
	for i := range r.Tests {
		t := &r.Tests[i]
		for _, service := range t.Beyond {
			one := Beyond{t.Suite, service, t.Stable()}
			known := slices.ContainsFunc(list, func(o Beyond) bool { return o.Suite == one.Suite && o.Service == one.Service })
			if !known && len(list) < maxBeyond && !one.isLong() {
				list = append(list, one)
			}
		}
	}
	return list
}

// Need is what tests of a suite seem to need, by their failures in some runs.
type Need struct {
	Beyond
	Runs int
}

// MissingNeeds are what failures in the known runs named beyond the needs of their tests, sorted by suite and service.
func (s Stats) MissingNeeds() (list []Need) {
	seen := map[*Record]bool{}
	type key struct{ suite, service, run string }
	counted := map[key]bool{}
	for _, id := range sortedIDs(s.tests) {
		for _, x := range s.tests[id].samples {
			if seen[x.record] {
				continue
			}
			seen[x.record] = true
			for _, one := range x.record.Beyond {
				if k := (key{one.Suite, one.Service, x.record.RunID}); counted[k] {
					continue
				} else {
					counted[k] = true
				}
				at := slices.IndexFunc(list, func(n Need) bool { return n.Suite == one.Suite && n.Service == one.Service })
				if at < 0 {
					at, list = len(list), append(list, Need{Beyond: one})
				}
				list[at].Runs++
			}
		}
	}
	slices.SortFunc(list, func(a, b Need) int { return cmp.Or(cmp.Compare(a.Suite, b.Suite), cmp.Compare(a.Service, b.Service)) })
	return list
}
