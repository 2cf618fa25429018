package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
)

const maxBody = 64 << 10 // bytes

// service is the HTTP API over the store.
type service struct {
	store     *store
	documents *documents
	worker    *worker
	faults    *faults
	sha       string
	log       *log.Logger
}

func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", s.health)
	mux.HandleFunc("GET /info", s.info)
	mux.HandleFunc("POST /cases", s.create)
	mux.HandleFunc("GET /cases", s.list)
	mux.HandleFunc("GET /cases/{id}", s.get)
	mux.HandleFunc("GET /cases/{id}/audit", s.audit)
	mux.HandleFunc("PUT /cases/{id}/document", s.putDocument)
	mux.HandleFunc("GET /cases/{id}/document", s.getDocument)
	mux.HandleFunc("POST /cases/{id}/submit", s.submit)
	mux.HandleFunc("POST /cases/{id}/assign", s.take(actAssign))
	mux.HandleFunc("POST /cases/{id}/escalation", s.take(actRequestEscalation))
	mux.HandleFunc("POST /cases/{id}/escalation/decision", s.decide)
	mux.HandleFunc("POST /cases/{id}/approve", s.take(actApprove))
	mux.HandleFunc("POST /cases/{id}/close", s.take(actClose))
	return logged(s.log, mux)
}

func (s *service) create(w http.ResponseWriter, r *http.Request) {
	c, err := commandOf(r, actCreate)
	err = cmp.Or(err, decode(w, r, &c.details))
	if err != nil {
		writeProblem(w, err)
		return
	}
	file, err := s.store.create(c)
	if err != nil {
		writeProblem(w, err)
		return
	}
	w.Header().Set("Location", "/cases/"+file.ID)
	writeJSON(w, http.StatusCreated, file)
}

func (s *service) list(w http.ResponseWriter, r *http.Request) {
	cases := s.store.list(r.URL.Query().Get("reference"))
	writeJSON(w, http.StatusOK, map[string]any{"cases": cases})
}

func (s *service) get(w http.ResponseWriter, r *http.Request) {
	file, err := s.store.get(r.PathValue("id"))
	answer(w, file, err)
}

func (s *service) audit(w http.ResponseWriter, r *http.Request) {
	events, err := s.store.audit(r.PathValue("id"))
	answer(w, map[string]any{"events": events}, err)
}

func (s *service) submit(w http.ResponseWriter, r *http.Request) {
	if err := s.faults.beforeSubmit(); err != nil {
		writeProblem(w, err)
		return
	}
	s.take(actSubmit)(w, r)
}

// take returns the handler of an action that its path names.
func (s *service) take(a action) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := commandOf(r, a)
		err = cmp.Or(err, decode(w, r, &c.details))
		s.step(w, r, c, err)
	}
}

// decide takes the action that the body names.
func (s *service) decide(w http.ResponseWriter, r *http.Request) {
	var body struct{ Decision, Reason string }
	err := decode(w, r, &body)
	actions := map[string]action{"approve": actApproveEscalation, "reject": actRejectEscalation}
	a, known := actions[body.Decision]
	if err == nil && !known {
		err = fmt.Errorf("%w: decision is %q; use approve or reject", errInvalid, body.Decision)
	}
	c, roleErr := commandOf(r, a)
	c.Reason = body.Reason
	s.step(w, r, c, cmp.Or(err, roleErr))
}

// step carries the command out unless reading it failed, and answers.
func (s *service) step(w http.ResponseWriter, r *http.Request, c command, err error) {
	if err != nil {
		writeProblem(w, err)
		return
	}
	file, err := s.store.step(r.PathValue("id"), c)
	answer(w, file, err)
}

// commandOf reads who wants to act. A real service would ask an identity
// provider; here the headers are believed.
func commandOf(r *http.Request, a action) (command, error) {
	who := role(cmp.Or(r.Header.Get("X-Role"), string(officer)))
	if who != officer && who != supervisor {
		return command{}, fmt.Errorf("%w: X-Role is %q; use officer or supervisor", errInvalid, who)
	}
	return command{
		action:        a,
		actor:         cmp.Or(r.Header.Get("X-Actor"), string(who)),
		role:          who,
		correlationID: correlationID(r.Context()),
	}, nil
}

// decode reads a JSON body; no body at all means no details.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: read body: %w", errInvalid, err)
	}
	return nil
}
