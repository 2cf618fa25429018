// Package gatekit is shared by the tests of the kinds of health checks: a probe as the
// gate makes it, certificates, and a leak check.
package gatekit

import (
	"context"
	"runtime/pprof"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate/probe"
)

// Look probes once, as the gate does, and fails the test if the spec is not valid.
func Look(tb testing.TB, s probe.Spec, env probe.Env) probe.Observation {
	tb.Helper()
	if problems := s.Validate(); len(problems) > 0 {
		tb.Fatalf("the spec is not valid: %+v", problems)
	}
	return Again(tb, s, s.New(env))
}

// Again probes with a probe that exists, bounded as the spec says.
func Again(tb testing.TB, s probe.Spec, p probe.Probe) probe.Observation {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), s.ProbeTimeout())
	defer cancel()
	o := p.Probe(ctx)
	if o.State != e2e.Healthy && !strings.ContainsAny(o.Reason, ";:") {
		tb.Errorf("reason %q says not what to try", o.Reason)
	}
	return o
}

// Want compares an answer with the expected one.
func Want(tb testing.TB, o probe.Observation, state e2e.GateState, finality e2e.Finality, observed string) {
	tb.Helper()
	if o.State != state || o.Finality != finality || o.Observed != observed {
		tb.Errorf("got %s/%q %q (%s)\nwant %s/%q %q", o.State, o.Finality, o.Observed, o.Reason, state, finality, observed)
	}
}

// Healthy, NotYet and Never are [Want] for the three usual answers; word is the name of
// the answer in retry_on.
func Healthy(tb testing.TB, o probe.Observation, observed string) {
	tb.Helper()
	Want(tb, o, e2e.Healthy, e2e.FinalityNone, observed)
}

// NotYet wants a transient failure.
func NotYet(tb testing.TB, o probe.Observation, observed string) {
	tb.Helper()
	Want(tb, o, e2e.Unhealthy, e2e.NotYet, observed)
}

// Never wants a permanent failure.
func Never(tb testing.TB, o probe.Observation, word, observed string) {
	tb.Helper()
	Want(tb, o, e2e.Unhealthy, e2e.Never, observed)
	if o.Word != word {
		tb.Errorf("word %q, want %q", o.Word, word)
	}
}

// Problems wants the given problems, each as "path: text", each with a hint.
func Problems(tb testing.TB, s probe.Spec, want ...string) {
	tb.Helper()
	var got []string
	for _, p := range s.Validate() {
		got = append(got, p.Path+": "+p.Text)
		if p.Hint == "" {
			tb.Errorf("%s says not what to try", p.Text)
		}
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		tb.Errorf("problems\n%q\nwant\n%q", got, want)
	}
}

// NoSecret fails if one of the secrets is in anything that the probe says.
func NoSecret(tb testing.TB, p probe.Probe, o probe.Observation, secrets ...string) {
	tb.Helper()
	said := strings.Join([]string{p.Target(), p.Expected(), o.Observed, o.Reason, o.Key}, "\n")
	for _, s := range secrets {
		if strings.Contains(said, s) {
			tb.Errorf("a secret is shown:\n%s", said)
		}
	}
}

// Goroutines are the stacks that hold one of the given words.
func Goroutines(tb testing.TB, words ...string) []string {
	tb.Helper()
	var all strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&all, 2); err != nil {
		tb.Fatal(err)
	}
	var found []string
	for stack := range strings.SplitSeq(all.String(), "\n\n") {
		for _, word := range words {
			if strings.Contains(stack, word) {
				found = append(found, stack)
				break
			}
		}
	}
	return found
}
