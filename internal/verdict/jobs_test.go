package verdict

import (
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

// TestJobsBefore has every way in which jobs before the verdict end, beside what they left.
func TestJobsBefore(t *testing.T) {
	for name, tc := range map[string]struct {
		jobs   []Job
		change func(*In)
		// says is a part of the reason; empty: the run passes.
		says string
	}{
		"all well":                 {[]Job{{"deploy", "success", false}, {"plan", "success", false}, {"shard", "success", false}}, nil, ""},
		"the deploy job failed":    {[]Job{{"deploy", "failure", false}, {"plan", "success", false}}, nil, "job deploy, which this one needs, failed"},
		"it was cancelled":         {[]Job{{"deploy", "cancelled", false}}, nil, "job deploy, which this one needs, was cancelled"},
		"it was skipped":           {[]Job{{"deploy", "skipped", false}}, nil, "name it in may-skip"},
		"it may be skipped":        {[]Job{{"deploy", "skipped", true}}, nil, ""},
		"it may not fail":          {[]Job{{"deploy", "failure", true}}, nil, "job deploy, which this one needs, failed"},
		"a word that is not known": {[]Job{{"deploy", "neutral", false}}, nil, `ended in a way that the gate does not know: "neutral"`},
		"no word":                  {[]Job{{"deploy", "", false}}, nil, "does not know"},

		"the plan's job failed for no reason that its document has": {[]Job{{"plan", "failure", false}}, nil, "its plan shows nothing that failed"},
		"the plan's job was cancelled":                              {[]Job{{"plan", "cancelled", false}}, nil, "job plan, which this one needs, was cancelled"},
		"a shard's job failed for no reason that documents have":    {[]Job{{"shard", "failure", false}}, nil, "its documents show nothing that failed"},
		"a shard's job was cancelled":                               {[]Job{{"shard", "cancelled", false}}, nil, "was cancelled"},
		"a shard's job failed for a flaky test": {[]Job{{"shard", "failure", false}}, func(in *In) {
			first := in.Documents[0].Shard.Tests[0].Attempts[0]
			first.Outcome = e2e.Failed
			again := in.Documents[0].Shard.Tests[0].Attempts[0]
			again.N, again.Source = 2, e2e.SourceDiagnostic
			in.Documents[0].Shard.Tests[0].Attempts = []e2e.Attempt{first, again}
			in.Documents[0].Shard.Reruns = []e2e.RerunRecord{{ID: in.Documents[0].Shard.Tests[0].ID, Done: true}}
		}, ""},
		"a deploy job beside a failed test": {[]Job{{"shard", "failure", false}, {"deploy", "failure", false}}, func(in *In) {
			in.Documents[0].Shard.Tests[0].Attempts[0].Outcome = e2e.Failed
		}, "job deploy"},
	} {
		in := world(1)
		in.Plan.Run.Job = "plan"
		for i := range in.Documents {
			in.Documents[i].Shard.Run.Job = "shard"
		}
		in.Jobs = tc.jobs
		if tc.change != nil {
			tc.change(&in)
		}
		r := Of(in).Result
		found := ""
		for _, reason := range r.Verdict.Reasons {
			if reason.Code == e2e.CodeJobBefore {
				found += reason.Text + "\n"
			}
		}
		if (tc.says == "") != (found == "") || !strings.Contains(found, tc.says) || tc.says == "" && r.Verdict.State != e2e.VerdictPassed ||
			tc.says != "" && r.Verdict.State == e2e.VerdictPassed {
			t.Errorf("%s: %s, %q", name, r.Verdict.State, found)
		}
	}
}

// TestJobsBeforeAnEmptyPlan: behind a plan without tests the shards are skipped, and the plan says why.
func TestJobsBeforeAnEmptyPlan(t *testing.T) {
	plan := &e2e.Plan{Run: e2e.Run{Job: "plan"}}
	jobs := []Job{{"plan", "failure", false}, {"shard", "skipped", false}}
	if got := against(jobs, plan, nil); len(got) > 0 {
		t.Errorf("%+v", got)
	}
	if got := against(append(jobs, Job{"deploy", "skipped", false}), &e2e.Plan{Run: e2e.Run{Job: "plan"}, Tests: make([]e2e.PlannedTest, 1)}, nil); len(got) != 3 {
		t.Errorf("%+v", got)
	}
}
