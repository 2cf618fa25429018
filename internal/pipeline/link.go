package pipeline

import (
	"github.com/org/e2e-gate/internal/e2e"
)

// link adds the links of the config to the attempts of tests that somebody will
// look into.
func (s *Session) link(r *e2e.Result) {
	for i := range r.Tests {
		t := &r.Tests[i]
		for n := range t.Attempts {
			t.Attempts[n].Links = nil // what a shard's document says is no link of this config
			if t.Outcome == e2e.Failed || t.Outcome == e2e.Flaky || t.LaterPass {
				t.Attempts[n].Links = s.opts.Config.Links.Of(s.run, t.ID, t.Attempts[n])
			}
		}
	}
}
