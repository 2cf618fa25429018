package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestService(t *testing.T) {
	for _, tc := range []struct {
		sick         bool
		method, path string
		want         int
	}{
		{false, "GET", "/health", http.StatusOK}, {true, "GET", "/health", http.StatusServiceUnavailable},
		{false, "POST", "/case", http.StatusCreated}, {true, "POST", "/case", http.StatusInternalServerError}, {false, "GET", "/case", http.StatusMethodNotAllowed},
	} {
		w := httptest.NewRecorder()
		service("case-api", tc.sick).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), tc.method, tc.path, nil))
		if w.Code != tc.want {
			t.Errorf("%+v: %d %s", tc, w.Code, w.Body)
		}
	}
}
