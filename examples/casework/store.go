package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// store keeps all cases in memory and every event in an append-only journal, which
// it replays when it is opened. It is safe for concurrent use.
type store struct {
	mu      sync.RWMutex
	journal journal
	broken  error // the write that failed; the store is read-only from then on

	cases      map[string]*record
	ids        []string // in order of creation
	references map[string]bool

	workList []caseFile // see publish; never changed in place
	stale    bool       // the work list is behind
}

type record struct {
	caseFile
	events []event
}

// openStore replays a journal, which it owns from then on.
func openStore(j journal) (*store, error) {
	s := &store{journal: j, cases: map[string]*record{}, references: map[string]bool{}}
	if err := s.replay(); err != nil {
		s.close()
		return nil, fmt.Errorf("replay the journal: %w", err)
	}
	s.publish()
	return s, nil
}

func (s *store) close() { s.journal.close() }

func (s *store) replay() error {
	lines, err := s.journal.all()
	if err != nil {
		return err
	}
	for i, line := range lines {
		number := i + 1
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		if e.Action != actCreate && s.cases[e.Case] == nil {
			return fmt.Errorf("line %d: %s of %q, which was never created", number, e.Action, e.Case)
		}
		s.apply(e)
	}
	return nil
}

func (s *store) apply(e event) {
	r := s.cases[e.Case]
	if e.Action == actCreate {
		r = &record{}
		s.cases[e.Case] = r
		s.ids = append(s.ids, e.Case)
		s.references[e.Reference] = true
	}
	r.apply(e)
	r.events = append(r.events, e)
	s.stale = true
}

// write makes an event happen: first in the journal, then in memory.
func (s *store) write(e event) error {
	if s.broken != nil {
		return fmt.Errorf("%w: an earlier write to the journal failed: %w", errUnavailable, s.broken)
	}
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	if err := s.journal.append(line); err != nil {
		// Half a line may be there now; a line appended to it would be lost with it.
		s.broken = err
		return fmt.Errorf("%w: write journal: %w", errUnavailable, err)
	}
	s.apply(e)
	return nil
}

// create opens a case.
func (s *store) create(c command) (caseFile, error) {
	if err := c.valid(); err != nil {
		return caseFile{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.references[c.Reference] {
		return caseFile{}, fmt.Errorf("%w: reference %q is taken", errConflict, c.Reference)
	}
	id := fmt.Sprintf("CASE-%d", 1001+len(s.ids))
	if err := s.write(c.event(id, 1)); err != nil {
		return caseFile{}, err
	}
	return s.cases[id].caseFile, nil
}

// step takes one action on an existing case.
func (s *store) step(id string, c command) (caseFile, error) {
	if err := c.valid(); err != nil {
		return caseFile{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(id)
	if err != nil {
		return caseFile{}, err
	}
	if err := c.allowed(r.caseFile); err != nil {
		return caseFile{}, err
	}
	if err := s.write(c.event(id, r.Version+1)); err != nil {
		return caseFile{}, err
	}
	return r.caseFile, nil
}

func (s *store) find(id string) (*record, error) {
	r, ok := s.cases[id]
	if !ok {
		return nil, fmt.Errorf("%w: there is no case %q", errNotFound, id)
	}
	return r, nil
}

func (s *store) get(id string) (caseFile, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, err := s.find(id)
	if err != nil {
		return caseFile{}, err
	}
	return r.caseFile, nil
}

// audit returns the events of a case, oldest first.
func (s *store) audit(id string) ([]event, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, err := s.find(id)
	if err != nil {
		return nil, err
	}
	return slices.Clone(r.events), nil
}

// publish brings the work list up to date. The list is a projection: it answers
// without touching the cases and is a moment behind them, until the next publish.
func (s *store) publish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stale {
		return
	}
	list := make([]caseFile, 0, len(s.ids))
	for _, id := range s.ids {
		list = append(list, s.cases[id].caseFile)
	}
	s.workList, s.stale = list, false
}

// list returns the work list's cases whose reference starts with prefix.
func (s *store) list(prefix string) []caseFile {
	s.mu.RLock()
	list := s.workList
	s.mu.RUnlock()
	found := []caseFile{} // so that none is [] in JSON, not null
	for _, f := range list {
		if strings.HasPrefix(f.Reference, prefix) {
			found = append(found, f)
		}
	}
	return found
}

// submittedBefore returns the submit events of cases that have waited for
// acceptance since t or longer.
func (s *store) submittedBefore(t time.Time) []event {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var due []event
	for _, id := range s.ids {
		if r := s.cases[id]; r.State == submitted && !r.Updated.After(t) {
			due = append(due, r.events[len(r.events)-1])
		}
	}
	return due
}

func (s *store) healthy() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.broken == nil
}
