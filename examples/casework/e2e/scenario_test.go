//go:build e2e

package e2e

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// dataPrefix keeps the data of shards, attempts and runs apart.
var dataPrefix = env("E2E_DATA_PREFIX", "by-hand-"+rand.Text()[:8])

// scenarios counts them, because "go test -count" runs a test several times in one
// process, and with one prefix.
var scenarios atomic.Int64

// scenario is what one test works with: data of its own and the evidence that it
// leaves when it fails.
type scenario struct {
	t          *testing.T
	evidence   *evidence
	namespace  string // begins every reference of this test and of no other
	references int    // given out
}

func newScenario(t *testing.T) *scenario {
	t.Helper()
	name := strings.ReplaceAll(t.Name(), "/", "-")
	s := &scenario{
		t:         t,
		evidence:  &evidence{},
		namespace: fmt.Sprintf("%s-%s-%d-", dataPrefix, name, scenarios.Add(1)),
	}
	t.Cleanup(func() { s.evidence.report(t) })
	return s
}

// expect fails the test unless got is what was wanted.
func expect[T comparable](s *scenario, what string, want, got T) {
	s.t.Helper()
	s.evidence.compare(want, got)
	if got != want {
		s.t.Fatalf("%s: expected %v, got %v", what, want, got)
	}
}

// call makes a request that has to be answered with a status.
func (s *scenario) call(want int, who person, method, path string, body any) response {
	s.t.Helper()
	got, err := send(s.t.Context(), who, method, path, body)
	s.evidence.requested(got.summary)
	if err != nil {
		s.evidence.compare(fmt.Sprintf("status %d", want), err)
		s.t.Fatalf("case service did not answer %s %s: %v", method, path, err)
	}
	s.evidence.compare(fmt.Sprintf("status %d", want), fmt.Sprintf("status %d", got.status))
	if got.status != want {
		s.t.Fatalf("%s %s by %s %s: expected status %d, got %d: %s", method, path, who.role, who.name, want, got.status, got.complaint())
	}
	return got
}

func (s *scenario) decode(r response, into any) {
	s.t.Helper()
	if err := json.Unmarshal(r.body, into); err != nil {
		s.t.Fatalf("%s: %v in %q", r.summary, err, r.body)
	}
}

func (s *scenario) newReference() string {
	s.references++
	return fmt.Sprint(s.namespace, s.references)
}

// caseFile is a case as the API shows it.
type caseFile struct {
	ID        string
	Reference string
	Title     string
	State     string
	Assignee  string
}

// event is an entry of a case's audit trail.
type event struct {
	Case          string    `json:"case"`
	Sequence      int       `json:"sequence"`
	Time          time.Time `json:"time"`
	Actor         string    `json:"actor"`
	Action        string    `json:"action"`
	State         string    `json:"state"`
	CorrelationID string    `json:"correlation_id"`
}

// openedCase is a case that the test opened.
type openedCase struct {
	*scenario
	id, reference string
}

// openCase has olivia open a case.
func (s *scenario) openCase(title string) *openedCase {
	s.t.Helper()
	reference := s.newReference()
	var f caseFile
	s.decode(s.call(http.StatusCreated, olivia, "POST", "/cases", map[string]string{"reference": reference, "title": title}), &f)
	s.evidence.opened(f.ID)
	s.evidence.saw(f.ID, f.State)
	return &openedCase{s, f.ID, reference}
}

// assignedCase opens a case and brings it to an officer's desk.
func (s *scenario) assignedCase(title string, to person) *openedCase {
	s.t.Helper()
	c := s.openCase(title)
	c.submit()
	c.awaitState("accepted")
	c.assign(to)
	return c
}

// act takes a step that has to succeed.
func (c *openedCase) act(who person, step string, body any) caseFile {
	c.t.Helper()
	return c.read(c.call(http.StatusOK, who, "POST", c.path(step), body))
}

// refused takes a step that the service has to refuse with a status.
func (c *openedCase) refused(status int, who person, step string, body any) {
	c.t.Helper()
	c.call(status, who, "POST", c.path(step), body)
}

func (c *openedCase) submit()           { c.t.Helper(); c.act(olivia, "submit", nil) }
func (c *openedCase) assign(to person)  { c.t.Helper(); c.act(sam, "assign", assignee(to)) }
func (c *openedCase) approve(by person) { c.t.Helper(); c.act(by, "approve", nil) }
func (c *openedCase) close(by person)   { c.t.Helper(); c.act(by, "close", nil) }

func (c *openedCase) requestEscalation(by person, reason string) {
	c.t.Helper()
	c.act(by, "escalation", map[string]string{"reason": reason})
}

func (c *openedCase) decideEscalation(by person, decision, reason string) {
	c.t.Helper()
	c.act(by, "escalation/decision", map[string]string{"decision": decision, "reason": reason})
}

func assignee(p person) map[string]string { return map[string]string{"assignee": p.name} }

func (c *openedCase) path(step string) string { return "/cases/" + c.id + "/" + step }

func (c *openedCase) read(r response) caseFile {
	c.t.Helper()
	var f caseFile
	c.decode(r, &f)
	c.evidence.saw(f.ID, f.State)
	return f
}

// current is the case as it stands now.
func (c *openedCase) current() caseFile {
	c.t.Helper()
	return c.read(c.call(http.StatusOK, olivia, "GET", "/cases/"+c.id, nil))
}

func (c *openedCase) expectState(want string) {
	c.t.Helper()
	expect(c.scenario, "state of case "+c.id, want, c.current().State)
}

// awaitState waits for what happens in the background.
func (c *openedCase) awaitState(want string) {
	c.t.Helper()
	eventually(c.t, patience, fmt.Sprintf("case %s was not %s", c.id, want), func() (bool, string) {
		got := c.current().State
		c.evidence.compare("state "+want, "state "+got)
		return got == want, fmt.Sprintf("expected state %s, last state %s", want, got)
	})
}

// workList is what the list shows of the test's own cases: states by reference.
// It is a projection and may be a moment behind.
func (s *scenario) workList() map[string]string {
	s.t.Helper()
	var list struct{ Cases []caseFile }
	s.decode(s.call(http.StatusOK, olivia, "GET", "/cases?reference="+url.QueryEscape(s.namespace), nil), &list)
	states := map[string]string{}
	for _, f := range list.Cases {
		states[f.Reference] = f.State
	}
	return states
}

// awaitListed waits until the work list shows the case in a state.
func (c *openedCase) awaitListed(want string) {
	c.t.Helper()
	eventually(c.t, patience, fmt.Sprintf("work list did not show case %s as %s", c.id, want), func() (bool, string) {
		got := c.workList()[c.reference]
		c.evidence.compare("listed as "+want, "listed as "+got)
		return got == want, fmt.Sprintf("expected %s, last listed as %q", want, got)
	})
}

func (c *openedCase) audit() []event {
	c.t.Helper()
	events, err := auditTrail(c.t.Context(), c.id)
	if err != nil {
		c.t.Fatalf("read audit trail of case %s: %v", c.id, err)
	}
	return events
}

func auditTrail(ctx context.Context, id string) ([]event, error) {
	auditor := person{"ada", "officer"}
	r, err := send(ctx, auditor, "GET", "/cases/"+id+"/audit", nil)
	if err != nil {
		return nil, err
	}
	if r.status != http.StatusOK {
		return nil, fmt.Errorf("%s", r.summary)
	}
	var body struct{ Events []event }
	if err := json.Unmarshal(r.body, &body); err != nil {
		return nil, fmt.Errorf("%s: %w", r.summary, err)
	}
	return body.Events, nil
}

// actions tells what happened, in order, in one line.
func actions(events []event) string {
	words := make([]string, len(events))
	for i, e := range events {
		words[i] = e.Action
	}
	return strings.Join(words, " ")
}
