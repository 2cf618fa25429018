package gate

import (
	"slices"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// maxSpans bounds the timeline of a check; a run may watch a flapping service for
// hours.
const maxSpans = 100

// keptEnds is how many spans at either end are never dropped.
const keptEnds = 10

// timeline collects the answers of a check over time.
type timeline struct {
	spans []e2e.Span
	last  Observation
}

// add notes a probe. An answer equal to the one before makes its span longer.
func (t *timeline) add(o Observation, from, to time.Time, watch bool) {
	from, to = from.UTC(), to.UTC()
	if n := len(t.spans); n > 0 && t.spans[n-1].Watch == watch && t.last.SameAs(o) {
		t.spans[n-1].To = to
		t.spans[n-1].Probes++
		return
	}
	t.last = o
	t.spans = append(t.spans, e2e.Span{From: from, To: to, State: o.State, Observed: o.Observed, Probes: 1, Watch: watch})
	if len(t.spans) > maxSpans {
		t.drop()
	}
}

// drop removes the least useful span: the oldest healthy one between the two ends, or
// else the oldest of those. Spans are never joined over a gap: that would claim an
// answer for a time in which there was another.
func (t *timeline) drop() {
	middle := t.spans[keptEnds : len(t.spans)-keptEnds]
	i := slices.IndexFunc(middle, func(s e2e.Span) bool { return s.State == e2e.Healthy })
	at := keptEnds + max(i, 0)
	t.spans = slices.Delete(t.spans, at, at+1)
}
