package e2e

import (
	"fmt"
	"slices"
	"strings"
)

// EvidenceKind names what a piece of evidence shows.
type EvidenceKind string

// The kinds of evidence that a test states by a property e2e.<kind>, in the order in which they are shown.
const (
	EvidenceJourney     EvidenceKind = "journey"
	EvidenceRunID       EvidenceKind = "run_id"
	EvidenceCorrelation EvidenceKind = "correlation"
	EvidenceEntity      EvidenceKind = "entity"
	EvidenceExpected    EvidenceKind = "expected"
	EvidenceActual      EvidenceKind = "actual"
	EvidenceMissing     EvidenceKind = "missing"
	EvidenceState       EvidenceKind = "state"
	EvidenceEvents      EvidenceKind = "events"
	EvidenceAudit       EvidenceKind = "audit"
	EvidenceRequest     EvidenceKind = "request"
	EvidenceTrace       EvidenceKind = "trace"
	EvidenceLogs        EvidenceKind = "logs"
	// EvidenceProperty is any other property e2e.<name>; [Evidence.Name] has its name.
	EvidenceProperty EvidenceKind = "property"
)

// The kinds of evidence that only the gate finds. No property of a test becomes one of them.
const (
	EvidenceHealth EvidenceKind = "health"
	EvidenceTriage EvidenceKind = "triage"
	EvidenceCrash  EvidenceKind = "crash"
	EvidenceLog    EvidenceKind = "log"
	// EvidenceAction is the action that failed in a trace, EvidenceNetwork are the requests that failed in a trace or a HAR, and
	// EvidenceConsole the errors of a browser's console: read from the files of the test.
	EvidenceAction  EvidenceKind = "action"
	EvidenceNetwork EvidenceKind = "network"
	EvidenceConsole EvidenceKind = "console"
	// EvidenceUnread are the files of the test that could have shown more, and why they were not read, or not in full.
	EvidenceUnread EvidenceKind = "not_read"
	// EvidenceRerun is how a later execution failed, where it failed differently.
	EvidenceRerun EvidenceKind = "rerun"
)

// Evidence is one fact about a failure, with its source.
type Evidence struct {
	Kind   EvidenceKind `json:"kind" doc:"What it shows. Stated by the test: journey, run_id, correlation, entity, expected, actual, missing, state, events, audit, request, trace, logs, and property for any other name. Found by the gate: health, triage, log, correlation, rerun; action, network, console: what a trace, a HAR or a console of the test shows; not_read: those of them that were not read, or not in full; crash: a background process crashed before the test ended."`
	Name   string       `json:"name,omitempty" doc:"Of the kind property: the property's name without e2e."`
	Text   string       `json:"text" doc:"The fact itself, bounded."`
	Source string       `json:"source,omitempty" doc:"Where it came from: a property, a gate, a file with line."`
}

// Label is what the evidence is called where people read it.
func (e Evidence) Label() string {
	if e.Kind == EvidenceProperty {
		return e.Name
	}
	return strings.ReplaceAll(string(e.Kind), "_", " ")
}

// statable are the kinds that a test states, in their order.
var statable = []EvidenceKind{
	EvidenceJourney, EvidenceRunID, EvidenceCorrelation, EvidenceEntity, EvidenceExpected, EvidenceActual, EvidenceMissing, EvidenceState,
	EvidenceEvents, EvidenceAudit, EvidenceRequest, EvidenceTrace, EvidenceLogs, EvidenceProperty,
}

// EvidenceKinds are all kinds.
func EvidenceKinds() []EvidenceKind {
	return append(slices.Clone(statable), EvidenceHealth, EvidenceTriage, EvidenceCrash, EvidenceLog, EvidenceAction, EvidenceNetwork, EvidenceConsole,
		EvidenceUnread, EvidenceRerun)
}

// spelledOtherwise are names of properties that mean a kind of another name.
var spelledOtherwise = map[string]EvidenceKind{"correlation_id": EvidenceCorrelation, "trace_id": EvidenceTrace}

// Bounds of what a test states: properties, and bytes of each, by which callers of [StatedEvidence] cut.
const (
	StatedMost  = 64
	StatedBytes = 16 << 10
)

// Property is what a test says of itself. Source says where it stood.
type Property struct{ Name, Value, Source string }

// StatedEvidence makes evidence of the properties e2e.<name>: the kinds that are known first, in
// their order, then others under their own names. The first of two equal ones counts. Beyond [StatedMost] it says
// how many there were.
func StatedEvidence(properties []Property) []Evidence {
	var list []Evidence
	for _, p := range properties {
		name, ours := strings.CutPrefix(p.Name, "e2e.")
		if !ours || name == "" || strings.TrimSpace(p.Value) == "" {
			continue
		}
		source := p.Name
		if p.Source != "" {
			source = p.Source + " " + p.Name
		}
		e := Evidence{Kind: EvidenceProperty, Name: name, Text: p.Value, Source: source}
		switch kind, other := spelledOtherwise[name]; {
		case name == "category":
			// The opinion of the test's author decides nothing.
			if !slices.Contains(Categories(), Category(strings.TrimSpace(p.Value))) {
				break
			}
			e = Evidence{Kind: EvidenceTriage, Text: "the suite itself calls this " + strings.TrimSpace(p.Value), Source: source}
		case other:
			e.Kind, e.Name = kind, ""
		case name != string(EvidenceProperty) && slices.Contains(statable, EvidenceKind(name)):
			e.Kind, e.Name = EvidenceKind(name), ""
		}
		if !slices.ContainsFunc(list, func(have Evidence) bool { return have.Kind == e.Kind && have.Name == e.Name && have.Text == e.Text }) {
			list = append(list, e)
		}
	}
	list = inOrder(list)
	if over := len(list) - StatedMost; over > 0 {
		list = append(list[:StatedMost:StatedMost], Evidence{Kind: EvidenceProperty, Name: "more", Source: "e2e-gate",
			Text: fmt.Sprintf("%d more properties e2e.* of this test are not kept: a test has room for %d", over, StatedMost)})
	}
	return list
}

// inOrder sorts facts by their kinds, in the order in which they are shown.
func inOrder(list []Evidence) []Evidence {
	rank := func(e Evidence) int {
		if i := slices.Index(statable, e.Kind); i >= 0 {
			return i
		}
		return len(statable)
	}
	slices.SortStableFunc(list, func(a, b Evidence) int { return rank(a) - rank(b) })
	return list
}

// WithCompared adds the two values that an assertion compared, as they were read from the text of a failure, unless the test itself
// stated either of them.
func WithCompared(list []Evidence, expected, actual string) []Evidence {
	if slices.ContainsFunc(list, func(e Evidence) bool { return e.Kind == EvidenceExpected || e.Kind == EvidenceActual }) {
		return list
	}
	return inOrder(append(slices.Clone(list),
		Evidence{Kind: EvidenceExpected, Text: expected, Source: ReadFromMessage}, Evidence{Kind: EvidenceActual, Text: actual, Source: ReadFromMessage}))
}

// ReadFromMessage is the source of facts that no test stated.
const ReadFromMessage = "read from the message"

// Compared are the two values that an assertion compared; ok is false where either is not known, or both are the same.
func Compared(list []Evidence) (expected, actual string, ok bool) {
	for _, e := range list {
		switch {
		case e.Kind == EvidenceExpected && expected == "":
			expected = e.Text
		case e.Kind == EvidenceActual && actual == "":
			actual = e.Text
		}
	}
	return expected, actual, strings.TrimSpace(expected) != "" && strings.TrimSpace(actual) != "" && expected != actual
}
