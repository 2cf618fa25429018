//go:build e2e

package e2e

import (
	"context"
	"os"
	"testing"
	"time"
)

const pollInterval = 20 * time.Millisecond

// patience is for what the worker does within 0.2 s. E2E_PATIENCE changes it.
var patience = func() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("E2E_PATIENCE")); err == nil && d > 0 {
		return d
	}
	return 3 * time.Second
}()

// eventually polls check until it is ok. After timeout the test fails, with what
// did not happen and what check saw last.
func eventually(t *testing.T, timeout time.Duration, what string, check func() (ok bool, last string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		ok, last := check()
		if ok {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s within %s: %s", what, timeout, last)
		case <-tick.C:
		}
	}
}
