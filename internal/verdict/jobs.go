package verdict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/e2e"
)

// Job is a job before this one in the workflow, and how it ended.
type Job struct {
	// ID is its key in the workflow; Result is success, failure, cancelled or skipped.
	ID, Result string
	// MaySkip: it is no fault if it was skipped.
	MaySkip bool
}

// Against says what jobs before this one say against judging, where none of them is the gate's own. A deploy job that failed, or that
// did not run, leaves an environment of which it is not known whether it has the change.
func Against(jobs []Job) []e2e.Problem { return against(jobs, nil, nil) }

// against is [Against] where the gate's own jobs left a plan and documents: what those show is the reason why their jobs failed.
func against(jobs []Job, plan *e2e.Plan, counted []Document) (list []e2e.Problem) {
	for _, j := range jobs {
		own, shown := "", false
		switch {
		case j.Result == "success" || j.Result == "skipped" && j.MaySkip:
			continue
		case plan != nil && j.ID == plan.Run.Job:
			own, shown = "plan", plan.Planned() == 0 || !allHealthy(plan.Gates) || e2e.LoseEvidence(plan.Problems)
		case plan != nil && slices.ContainsFunc(counted, func(d Document) bool { return d.Shard.Run.Job == j.ID }):
			own, shown = "documents", len(counted) < len(plan.Shards) || slices.ContainsFunc(counted, func(d Document) bool {
				return d.Shard.Run.Job == j.ID && showsFailure(d.Shard)
			})
		case plan != nil && plan.Planned() == 0 && j.Result == "skipped":
			continue // that nothing was planned is said, and it is why
		}
		name := strings.TrimSpace(j.ID)
		switch {
		case j.Result == "failure" && own != "" && shown:
		case j.Result == "failure" && own != "":
			list = append(list, before("job %s failed, and its %s %s nothing that failed, so something else went wrong there", name, own,
				map[string]string{"plan": "shows", "documents": "show"}[own]))
		case j.Result == "failure":
			list = append(list, before("job %s, which this one needs, failed, so it is not known what was tested", name))
		case j.Result == "cancelled":
			list = append(list, before("job %s, which this one needs, was cancelled, so it is not known what was tested", name))
		case j.Result == "skipped":
			list = append(list, before("job %s, which this one needs, was skipped, so it is not known what was tested; if that is meant, name it in may-skip", name))
		default:
			list = append(list, before("job %s, which this one needs, ended in a way that the gate does not know: %q", name, j.Result))
		}
	}
	return list
}

func before(format string, args ...any) e2e.Problem {
	return e2e.Problem{Code: e2e.CodeJobBefore, LosesEvidence: true, Text: fmt.Sprintf(format, args...)}
}

func allHealthy(gates []e2e.Gate) bool {
	return !slices.ContainsFunc(gates, func(g e2e.Gate) bool { return g.Required && g.State != e2e.Healthy })
}

// showsFailure reports whether a shard's document has a reason for its job to fail.
func showsFailure(doc e2e.ShardRun) bool {
	return !doc.Complete || len(doc.NotRun) > 0 || len(doc.Ends) > 0 || e2e.LoseEvidence(doc.Problems) ||
		slices.ContainsFunc(doc.Tests, func(t e2e.TestRun) bool {
			return slices.ContainsFunc(t.Attempts, func(a e2e.Attempt) bool { return a.Outcome != e2e.Passed && a.Outcome != e2e.Skipped })
		})
}
