//go:build e2e

package e2e

import (
	"net/http"
	"testing"
)

// The smoke tests answer one question after a deployment: is it worth looking
// any further?

//e2e:tags smoke, owner:case-platform, journey:case-submission, criticality:release-blocking-smoke
func TestServiceIsUp(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	var health struct{ Status string }
	s.decode(s.call(http.StatusOK, olivia, "GET", "/health", nil), &health)
	expect(s, "health of the case service", "UP", health.Status)
}

//e2e:tags smoke, owner:case-platform, journey:case-submission, criticality:release-blocking-smoke
func TestSubmittedCaseIsAccepted(t *testing.T) {
	t.Parallel()
	c := newScenario(t).openCase("Import licence")
	c.submit()
	c.awaitState("accepted")
}

//e2e:tags smoke, owner:audit-compliance, journey:audit-trail, criticality:release-blocking-smoke
func TestNewCaseHasAnAuditTrail(t *testing.T) {
	t.Parallel()
	c := newScenario(t).openCase("Import licence")
	expect(c.scenario, "audit trail of a new case", "create", actions(c.audit()))
}
