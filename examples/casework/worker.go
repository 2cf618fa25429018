package main

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	workerInterval = 50 * time.Millisecond
	acceptAfter    = 150 * time.Millisecond
	workerSilence  = 5 * time.Second // without a round for so long it counts as dead
)

// worker does what happens after the answer: it accepts submitted cases and
// brings the work list up to date.
type worker struct {
	store       *store
	neverAccept bool         // fault
	lastRound   atomic.Int64 // Unix nanoseconds
}

func newWorker(s *store, neverAccept bool) *worker {
	w := &worker{store: s, neverAccept: neverAccept}
	w.lastRound.Store(time.Now().UnixNano())
	return w
}

// run works until ctx ends.
func (w *worker) run(ctx context.Context) {
	tick := time.NewTicker(workerInterval)
	defer tick.Stop()
	for {
		w.round(time.Now())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (w *worker) round(now time.Time) {
	if !w.neverAccept {
		w.acceptDue(now)
	}
	w.store.publish()
	w.lastRound.Store(now.UnixNano())
}

func (w *worker) acceptDue(now time.Time) {
	for _, e := range w.store.submittedBefore(now.Add(-acceptAfter)) {
		// The submit's correlation id goes on into the background work, so that a
		// search for it finds both. A write that fails shows in the store's health
		// and is tried again in the next round.
		_, _ = w.store.step(e.Case, command{action: actAccept, actor: "worker", role: system, correlationID: e.CorrelationID})
	}
}

func (w *worker) healthy() bool {
	return time.Since(time.Unix(0, w.lastRound.Load())) < workerSilence
}
