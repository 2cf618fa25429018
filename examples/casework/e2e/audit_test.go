//go:build e2e

package e2e

import (
	"net/http"
	"testing"
)

//e2e:tags api, owner:audit-compliance, journey:audit-trail
func TestAuditTrailNamesActorAndCorrelation(t *testing.T) {
	t.Parallel()
	c := newScenario(t).openCase("Data request")
	c.submit()
	submit := c.audit()[1]
	expect(c.scenario, "actor of the submit", olivia.name, submit.Actor)
	expect(c.scenario, "correlation id of the submit", correlationID, submit.CorrelationID)
}

//e2e:tags api, owner:audit-compliance, journey:audit-trail
func TestRefusedActionLeavesNoTrace(t *testing.T) {
	t.Parallel()
	c := newScenario(t).openCase("Data request")
	c.refused(http.StatusConflict, sam, "close", nil)
	c.refused(http.StatusForbidden, noah, "approve", nil)
	expect(c.scenario, "audit trail of case "+c.id, "create", actions(c.audit()))
}

// The audit trail, which an inspector may read years later.
//
//e2e:tags journey, owner:audit-compliance, journey:audit-trail
func TestAuditTrailTellsTheWholeStory(t *testing.T) {
	t.Parallel()
	c := newScenario(t).assignedCase("Data request", noah)
	c.requestEscalation(noah, "third country")
	c.decideEscalation(sam, "approve", "contract is in place")
	c.approve(sofia)
	c.close(noah)

	trail := c.audit()
	const story = "create submit accept assign request-escalation approve-escalation approve close"
	expect(c.scenario, "audit trail of case "+c.id, story, actions(trail))
	for i, e := range trail {
		expect(c.scenario, "sequence of "+e.Action, i+1, e.Sequence)
		if i > 0 && e.Time.Before(trail[i-1].Time) {
			t.Errorf("%s at %s is older than the event before it", e.Action, e.Time)
		}
	}
}

//e2e:tags journey, owner:audit-compliance, journey:audit-trail, criticality:non-blocking
func TestAuditTrailsOfTwoCasesDoNotMix(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	first, second := s.openCase("Data request"), s.openCase("Complaint")
	first.submit()
	second.submit()
	first.awaitState("accepted")
	second.awaitState("accepted")
	for _, c := range []*openedCase{first, second} {
		for _, e := range c.audit() {
			expect(s, "case of an event in the trail of "+c.id, c.id, e.Case)
		}
		expect(s, "audit trail of case "+c.id, "create submit accept", actions(c.audit()))
	}
}
