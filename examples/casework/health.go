package main

import "net/http"

const (
	version         = "1.4.2"
	fixturesVersion = "2.1.0"
	anotherSHA      = "0000000000000000000000000000000000000bad" // what the fault wrong-sha reports
)

type status struct {
	Status     string            `json:"status"`
	Components map[string]status `json:"components,omitempty"`
}

func upIf(ok bool) status {
	if ok {
		return status{Status: "UP"}
	}
	return status{Status: "DOWN"}
}

func (s *service) health(w http.ResponseWriter, _ *http.Request) {
	worker := s.worker.healthy() && !s.faults.workerDown()
	store := s.store.healthy() && !s.faults.storeDown()
	body := upIf(worker && store)
	body.Components = map[string]status{
		"api":    upIf(true), // it is answering
		"worker": upIf(worker),
		"store":  upIf(store),
	}
	code := http.StatusOK
	if body.Status != "UP" {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, body)
}

// info says what is deployed, for gates that must not test another build.
func (s *service) info(w http.ResponseWriter, _ *http.Request) {
	sha := s.sha
	if s.faults.wrongSHA {
		sha = anotherSHA
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"git":      map[string]string{"sha": sha},
		"version":  version,
		"fixtures": map[string]string{"version": fixturesVersion},
	})
}
