//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// evidence collects what an engineer needs who has only the report of a failure: what
// was expected, what was seen, the case's state and audit trail, the last request and
// the id to search the logs for.
type evidence struct {
	mu               sync.Mutex
	expected, actual string
	state            string
	request          string
	cases            []string // that the test opened
	current          string   // that it used last
}

func (e *evidence) compare(expected, actual any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.expected, e.actual = fmt.Sprint(expected), fmt.Sprint(actual)
}

func (e *evidence) requested(summary string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.request = summary
}

func (e *evidence) opened(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cases = append(e.cases, id)
}

func (e *evidence) saw(id, state string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.current, e.state = id, state
}

// report leaves the evidence with a failed test: as attributes, which go test
// hands on, and the whole audit trail as a file.
func (e *evidence) report(t *testing.T) {
	if !t.Failed() {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	trail, err := e.trail()
	attr(t, "e2e.expected", e.expected)
	attr(t, "e2e.actual", e.actual)
	attr(t, "e2e.state", e.state)
	attr(t, "e2e.events", e.story(trail, err))
	attr(t, "e2e.request", e.request)
	attr(t, "e2e.trace", correlationID)
	writeTrail(t, trail)
}

// trail fetches the audit trail of every case that the test opened.
func (e *evidence) trail() ([]event, error) {
	// The test's own context has ended by now.
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var all []event
	for _, id := range e.cases {
		events, err := auditTrail(ctx, id)
		if err != nil {
			return all, err
		}
		all = append(all, events...)
	}
	return all, nil
}

// story tells the trail of the current case in one line.
func (e *evidence) story(trail []event, err error) string {
	var steps []string
	for _, ev := range trail {
		if ev.Case == e.current {
			steps = append(steps, fmt.Sprintf("%d %s by %s", ev.Sequence, ev.Action, ev.Actor))
		}
	}
	if err != nil {
		steps = append(steps, "audit trail not readable: "+err.Error())
	}
	return strings.Join(steps, ", ")
}

// attr records one line about the test; an empty value says nothing.
func attr(t *testing.T, key, value string) {
	if value = strings.Join(strings.Fields(value), " "); value != "" {
		t.Attr(key, value)
	}
}

func writeTrail(t *testing.T, trail []event) {
	dir := os.Getenv("E2E_EVIDENCE_DIR")
	if dir == "" || len(trail) == 0 {
		return
	}
	dir = filepath.Join(dir, filepath.FromSlash(t.Name()))
	data, err := json.MarshalIndent(trail, "", "  ")
	if err == nil {
		err = os.MkdirAll(dir, 0o750)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "audit.json"), data, 0o600)
	}
	if err != nil {
		t.Logf("write evidence: %v", err)
	}
}
