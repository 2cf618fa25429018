package verdict

import (
	"fmt"
	"slices"

	"github.com/org/e2e-gate/internal/e2e"
)

// ranWithoutGate are tests that ran although their shard saw a gate fail that they need, so it is not known what they
// ran against. Gates that every test needs are not looked at: nothing starts without them.
func ranWithoutGate(plan *e2e.Plan, counted []Document) (found []e2e.Problem) {
	var work map[string]e2e.Test
	for _, d := range counted {
		for _, g := range d.Shard.Gates {
			if g.Scope == nil || g.Open() {
				continue
			}
			if work == nil {
				work = plan.Work()
			}
			var ids []string
			for _, run := range d.Shard.Tests {
				t, planned := work[run.ID]
				if own, known := d.Unplanned[run.ID]; known {
					t = own
				} else if !planned && run.Unplanned != nil {
					t = *run.Unplanned
				}
				if len(run.Attempts) > 0 && g.Scope.NeededBy(&t) {
					ids = append(ids, run.ID)
				}
			}
			if len(ids) == 0 {
				continue
			}
			slices.Sort(ids)
			found = append(found, e2e.Problem{Code: e2e.CodeGateShut, Shard: d.Shard.Index, Tests: ids, LosesEvidence: true, Text: fmt.Sprintf(
				"tests ran although gate %s failed, which they need; say what they need with needs", g.Name)})
		}
	}
	return found
}

// dependency names the external dependency for which alone a test was not run. Where that excuses nothing it says why instead:
// another gate that the test needs failed too, or the change may have added the need, or may let the dependency look down.
func (m *merging) dependency(t *e2e.Test) (name, unexcused string) {
	for _, g := range m.gates {
		switch {
		case g.Open() || !g.Scope.NeededBy(t):
		case !g.Dependency || g.Scope == nil:
			return "", fmt.Sprintf("gate %s failed too, which the test needs", g.Name)
		case m.in.Excusing != nil && !slices.Contains(m.in.Excusing[t.Suite], g.Name):
			return "", fmt.Sprintf("on a change, it has to be sure that the change did not make %s look down: "+
				"the config of the base says that suite %s needs it, and the check and its times are as in the base and read no file and run no command",
				g.Name, t.Suite)
		case name == "":
			name = g.Name
		}
	}
	return name, ""
}
