package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// serve is the service under test: each path has one fault. A safe one does not crash.
func serve(address string, safe bool) error {
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, body)
		}
	}
	mux := http.NewServeMux()
	for path, h := range map[string]http.HandlerFunc{
		"/value": answer(http.StatusOK, `{"state":"REJECTED"}`), "/lag": answer(http.StatusOK, `{"state":"PENDING"}`),
		"/more": answer(http.StatusOK, `["a","b","case-of-another-run"]`), "/fewer": answer(http.StatusOK, `["a"]`),
		"/null":     answer(http.StatusOK, `{"state":"ACCEPTED"}`),
		"/server":   answer(http.StatusInternalServerError, `{"error":"cannot store the case"}`),
		"/gateway":  answer(http.StatusBadGateway, `<h1>502 Bad Gateway</h1>`),
		"/conflict": answer(http.StatusConflict, `{"error":"case C-1 already exists"}`),
		"/missing":  answer(http.StatusNotFound, `{"error":"no such case"}`),
		"/denied":   answer(http.StatusForbidden, `{"error":"role officer is needed"}`),
		"/limited":  answer(http.StatusTooManyRequests, `{"error":"too many requests"}`),
		"/reset":    reset,
		"/slow":     func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"/crash": func(_ http.ResponseWriter, r *http.Request) {
			if safe {
				return
			}
			go accept(nil) // net/http ends no process for a panic of a handler
			<-r.Context().Done()
		},
	} {
		mux.HandleFunc(path, h)
	}
	s := http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: time.Second}
	if err := s.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// accept is the code of the product that is wrong.
func accept(owner *struct{ name string }) { fmt.Println(owner.name) }

// reset closes the connection in the middle of an answer.
func reset(w http.ResponseWriter, _ *http.Request) {
	h, ok := w.(http.Hijacker)
	if !ok {
		return
	}
	conn, _, err := h.Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
