package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestUnknownFaultIsRefused(t *testing.T) {
	_, err := parseFaults("crash,never-acept")
	if err == nil || !strings.Contains(err.Error(), "never-acept") || !strings.Contains(err.Error(), faultWords) {
		t.Errorf("error %v names neither the word nor the allowed ones", err)
	}
}

func TestFaultNeverAccept(t *testing.T) {
	if got := stateAfter(t, time.Hour, true); got.State != submitted {
		t.Errorf("state %s after an hour, want submitted", got.State)
	}
}

func TestFaultUnhealthy(t *testing.T) {
	f := newFixture(t, "unhealthy")
	wantDown(t, f, "worker")
}

func TestFaultWrongSHA(t *testing.T) {
	f := newFixture(t, "wrong-sha")
	if got := f.want(t, 200, "GET", "/info", "").body["git"].(map[string]any)["sha"]; got == "abc123" {
		t.Error("/info tells the truth")
	}
}

func TestFaultUnhealthyLater(t *testing.T) {
	f := newFixture(t, "unhealthy-later")
	for n := 1; n <= faultAtSubmit; n++ {
		f.want(t, 200, "GET", "/health", "")
		f.submitNew(t, 200, n)
	}
	wantDown(t, f, "store")
	f.submitNew(t, 503, faultAtSubmit+1)
}

func TestFaultCrash(t *testing.T) {
	f := newFixture(t, "crash")
	for n := 1; n < faultAtSubmit; n++ {
		f.submitNew(t, 200, n)
	}
	defer func() {
		if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("recovered %v, want an aborted request", err)
		}
		<-f.faults.crashed // or the test times out
	}()
	f.submitNew(t, 0, faultAtSubmit)
}

// submitNew creates the n-th case and submits it.
func (f *fixture) submitNew(t *testing.T, status, n int) {
	t.Helper()
	f.want(t, 201, "POST", "/cases", fmt.Sprintf(`{"reference":"R-%d","title":"x"}`, n))
	f.want(t, status, "POST", fmt.Sprintf("/cases/CASE-%d/submit", 1000+n), "")
}

func wantDown(t *testing.T, f *fixture, component string) {
	t.Helper()
	body := f.want(t, 503, "GET", "/health", "").body
	if body["status"] != "DOWN" {
		t.Errorf("status %v, want DOWN", body["status"])
	}
	for name, c := range body["components"].(map[string]any) {
		want := "UP"
		if name == component {
			want = "DOWN"
		}
		if got := c.(map[string]any)["status"]; got != want {
			t.Errorf("component %s is %v, want %s", name, got, want)
		}
	}
}
