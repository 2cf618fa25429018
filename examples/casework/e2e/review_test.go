//go:build e2e

package e2e

import (
	"net/http"
	"sync"
	"testing"
	"time"
)

//e2e:tags api, owner:case-platform, journey:case-review
func TestDraftCanOnlyBeSubmitted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		step string
		body any
	}{
		{"assign", assignee(noah)},
		{"escalation", map[string]string{"reason": "urgent"}},
		{"approve", nil},
		{"close", nil},
	} {
		t.Run(tt.step, func(t *testing.T) {
			c := newScenario(t).openCase("Building permit")
			c.refused(http.StatusConflict, sam, tt.step, tt.body)
			c.expectState("draft")
		})
	}
}

//e2e:tags api, owner:case-platform, journey:case-review
func TestOfficerCannotApprove(t *testing.T) {
	t.Parallel()
	c := newScenario(t).openCase("Building permit")
	c.refused(http.StatusForbidden, noah, "approve", nil)
	c.expectState("draft")
}

// The way of most cases, from the first word to the archive.
//
//e2e:tags journey, owner:case-platform, journey:case-review
func TestCaseGoesFromDraftToClosed(t *testing.T) {
	t.Parallel()
	c := newScenario(t).openCase("Building permit")
	c.submit()
	c.awaitState("accepted")
	c.assign(noah)
	c.approve(sam)
	c.close(noah)
	c.expectState("closed")
}

//e2e:tags journey, owner:case-platform, journey:case-review
func TestReassignedCaseKeepsItsHistory(t *testing.T) {
	t.Parallel()
	c := newScenario(t).assignedCase("Building permit", olivia)
	if fault(faultSlow) {
		<-time.After(3 * time.Second) // as a set-up that has grown slow would
	}
	c.assign(noah)
	expect(c.scenario, "assignee of case "+c.id, noah.name, c.current().Assignee)
	expect(c.scenario, "audit trail of case "+c.id, "create submit accept assign assign", actions(c.audit()))
}

//e2e:tags journey, owner:case-platform, journey:case-review
func TestOneOfTwoApprovalsWins(t *testing.T) {
	t.Parallel()
	c := newScenario(t).assignedCase("Building permit", noah)
	var running sync.WaitGroup
	var answers [2]response
	var errs [2]error
	for i, who := range []person{sam, sofia} {
		running.Go(func() { answers[i], errs[i] = send(t.Context(), who, "POST", c.path("approve"), nil) })
	}
	running.Wait()

	statuses := map[int]int{}
	for i, r := range answers {
		c.evidence.requested(r.summary)
		if errs[i] != nil {
			t.Fatalf("case service did not answer: %s", r.summary)
		}
		statuses[r.status]++
	}
	expect(c.scenario, "approvals that succeeded", 1, statuses[http.StatusOK])
	expect(c.scenario, "approvals refused as too late", 1, statuses[http.StatusConflict])
	c.expectState("approved")
}
