package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// stateAfter submits a case to a running worker and returns its state after d.
func stateAfter(t *testing.T, d time.Duration, neverAccept bool) caseFile {
	t.Helper()
	var got caseFile
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := openTestStore(t, dir)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); newWorker(s, neverAccept).run(ctx) }()

		id := newCase(t, s, "R-1").ID
		if _, err := s.step(id, command{action: actSubmit, role: officer, correlationID: "c-1"}); err != nil {
			t.Fatal(err)
		}
		<-time.After(d) // of the bubble's clock: no time passes
		synctest.Wait()
		cancel()
		<-done
		got = s.list("R-")[0]
	})
	return got
}

func TestWorkerAcceptsAfterAMoment(t *testing.T) {
	if got := stateAfter(t, acceptAfter-time.Millisecond, false); got.State != submitted {
		t.Errorf("state %s before its time, want submitted", got.State)
	}
	if got := stateAfter(t, acceptAfter+workerInterval, false); got.State != accepted {
		t.Errorf("state %s, want accepted", got.State)
	}
}

func TestAcceptanceKeepsTheSubmitsCorrelation(t *testing.T) {
	f := newFixture(t, "")
	f.want(t, 201, "POST", "/cases", `{"reference":"R-1","title":"x"}`)
	f.want(t, 200, "POST", firstCase+"/submit", "", "X-Correlation-ID: c-1")
	f.acceptAll()
	events, err := f.store.audit("CASE-1001")
	if err != nil {
		t.Fatal(err)
	}
	if last := events[len(events)-1]; last.Action != actAccept || last.CorrelationID != "c-1" {
		t.Errorf("last event is %s with correlation id %q", last.Action, last.CorrelationID)
	}
}

func TestSilentWorkerIsUnhealthy(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorker(openTestStore(t, dir), false)
		<-time.After(workerSilence)
		if w.healthy() {
			t.Errorf("worker is healthy without a round for %s", workerSilence)
		}
		w.round(time.Now())
		if !w.healthy() {
			t.Error("worker is unhealthy right after a round")
		}
	})
}
