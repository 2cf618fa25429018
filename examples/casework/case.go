package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
)

type state string

const (
	draft               state = "draft"
	submitted           state = "submitted"
	accepted            state = "accepted"
	assigned            state = "assigned"
	escalationRequested state = "escalation-requested"
	escalated           state = "escalated"
	approved            state = "approved"
	closed              state = "closed"
)

type action string

const (
	actCreate            action = "create"
	actSubmit            action = "submit"
	actAccept            action = "accept"
	actAssign            action = "assign"
	actRequestEscalation action = "request-escalation"
	actApproveEscalation action = "approve-escalation"
	actRejectEscalation  action = "reject-escalation"
	actApprove           action = "approve"
	actClose             action = "close"
)

type role string

const (
	officer    role = "officer"
	supervisor role = "supervisor"
	system     role = "system" // the worker; no request has it
)

// rules is the whole life of a case: who may do what in which state, and where that
// leads. An empty role admits everyone.
var rules = map[action]struct {
	from []state
	to   state
	role role
}{
	actCreate:            {to: draft},
	actSubmit:            {from: []state{draft}, to: submitted},
	actAccept:            {from: []state{submitted}, to: accepted, role: system},
	actAssign:            {from: []state{accepted, assigned}, to: assigned},
	actRequestEscalation: {from: []state{assigned}, to: escalationRequested},
	actApproveEscalation: {from: []state{escalationRequested}, to: escalated, role: supervisor},
	actRejectEscalation:  {from: []state{escalationRequested}, to: assigned, role: supervisor},
	actApprove:           {from: []state{assigned, escalated}, to: approved, role: supervisor},
	actClose:             {from: []state{approved}, to: closed},
}

// What can be wrong with a command; the API gives each its status.
var (
	errInvalid     = errors.New("invalid request")
	errForbidden   = errors.New("forbidden")
	errNotFound    = errors.New("not found")
	errConflict    = errors.New("conflict")
	errUnavailable = errors.New("unavailable")
)

// caseFile is a case as it stands: the sum of its events.
type caseFile struct {
	ID        string    `json:"id"`
	Reference string    `json:"reference"`
	Title     string    `json:"title"`
	State     state     `json:"state"`
	Assignee  string    `json:"assignee,omitempty"`
	Version   int       `json:"version"` // sequence of the last event
	Updated   time.Time `json:"updated"`
}

// details are the data of an action.
type details struct {
	Reference string `json:"reference,omitempty"`
	Title     string `json:"title,omitempty"`
	Assignee  string `json:"assignee,omitempty"`
	Reason    string `json:"reason,omitempty"`
}

// event is one line of the journal and of a case's audit trail.
type event struct {
	Case          string    `json:"case"`
	Sequence      int       `json:"sequence"` // from 1, per case, without gaps
	Time          time.Time `json:"time"`
	Actor         string    `json:"actor"`
	Action        action    `json:"action"`
	State         state     `json:"state"` // after the action
	CorrelationID string    `json:"correlation_id"`
	details
}

func (f *caseFile) apply(e event) {
	f.ID, f.State, f.Version, f.Updated = e.Case, e.State, e.Sequence, e.Time
	if e.Action == actCreate {
		f.Reference, f.Title = e.Reference, e.Title
	}
	if e.Action == actAssign {
		f.Assignee = e.Assignee
	}
}

// command is a request for an action.
type command struct {
	action        action
	actor         string
	role          role
	correlationID string
	details
}

// valid checks what can be checked without looking at the case.
func (c command) valid() error {
	if need := rules[c.action].role; need != "" && need != c.role {
		return fmt.Errorf("%w: %s needs the role %s, %s is %s", errForbidden, c.action, need, c.actor, c.role)
	}
	switch {
	case c.action == actCreate && !validReference(c.Reference):
		return fmt.Errorf("%w: reference must have 1 to 200 printable characters and no space", errInvalid)
	case c.action == actCreate && c.Title == "":
		return fmt.Errorf("%w: title is missing", errInvalid)
	case c.action == actAssign && c.Assignee == "":
		return fmt.Errorf("%w: assignee is missing", errInvalid)
	case c.action == actRequestEscalation && c.Reason == "":
		return fmt.Errorf("%w: reason is missing", errInvalid)
	}
	return nil
}

func validReference(s string) bool {
	bad := func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }
	return s != "" && len(s) <= 200 && !strings.ContainsFunc(s, bad)
}

// allowed checks the command against the current state of the case.
func (c command) allowed(f caseFile) error {
	from := rules[c.action].from
	if !slices.Contains(from, f.State) {
		return fmt.Errorf("%w: case %s is %s, %s needs %s", errConflict, f.ID, f.State, c.action, oneOf(from))
	}
	if c.action == actApprove && c.actor == f.Assignee {
		return fmt.Errorf("%w: %s works on case %s, another person has to approve it", errForbidden, c.actor, f.ID)
	}
	return nil
}

func oneOf(states []state) string {
	words := make([]string, len(states))
	for i, s := range states {
		words[i] = string(s)
	}
	return strings.Join(words, " or ")
}

// event is the record of the command once it is carried out.
func (c command) event(id string, sequence int) event {
	return event{
		Case: id, Sequence: sequence, Time: time.Now().UTC(),
		Actor: c.actor, Action: c.action, State: rules[c.action].to,
		CorrelationID: c.correlationID, details: c.details,
	}
}
