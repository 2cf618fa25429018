package main

import (
	"context"
	"crypto/rand"
	"log"
	"net/http"
	"regexp"
	"time"
)

var (
	// What a correlation id may look like: it goes into the log, so no spaces or
	// control characters.
	correlationPattern = regexp.MustCompile(`^[!-~]{1,200}$`)
	// W3C trace context: version, trace id, parent id, flags.
	traceparentPattern = regexp.MustCompile(`^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}`)
)

type correlationKey struct{}

func correlationID(ctx context.Context) string {
	id, _ := ctx.Value(correlationKey{}).(string)
	return id
}

// correlate takes the id that the caller sent, else its trace id, else a new one.
func correlate(h http.Header) string {
	if id := h.Get("X-Correlation-ID"); correlationPattern.MatchString(id) {
		return id
	}
	if m := traceparentPattern.FindStringSubmatch(h.Get("traceparent")); m != nil {
		return m[1]
	}
	return rand.Text()
}

// logged gives each request a correlation id and writes one line about it.
func logged(logger *log.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		id := correlate(r.Header)
		w.Header().Set("X-Correlation-ID", id)
		rec := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(rec, r.WithContext(context.WithValue(r.Context(), correlationKey{}, id)))
		logger.Printf("%s %s %d %dms %s", r.Method, r.URL.EscapedPath(), rec.status, time.Since(start).Milliseconds(), id)
	})
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}
