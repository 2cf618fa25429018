package gate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate/probe"
)

var up = probe.Healthy("up")

func TestWaitPollsUntilHealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Spec{Timeout: time.Minute, Interval: 2 * time.Second})
		f := b.add(Check{Name: "api"}, &fake{script: after(3, notYet("connection refused"), up)})
		start := time.Now()
		g := b.wait(t)["api"]
		wantGate(t, g, e2e.Healthy, e2e.FinalityNone, 4)
		if want := []time.Duration{0, 2 * time.Second, 4 * time.Second, 6 * time.Second}; !slices.Equal(f.offsets(start), want) {
			t.Errorf("probed at %v, want %v", f.offsets(start), want)
		}
		if g.Seconds != 6 || g.Reason != "" || g.Observed != "up" || g.Expected != "to be well" {
			t.Errorf("unexpected gate %+v", g)
		}
		want := []e2e.Span{
			{From: start.UTC(), To: start.UTC().Add(4 * time.Second), State: e2e.Unhealthy, Observed: "connection refused", Probes: 3},
			{From: start.UTC().Add(6 * time.Second), To: start.UTC().Add(6 * time.Second), State: e2e.Healthy, Observed: "up", Probes: 1},
		}
		if diff := cmp.Diff(want, g.Timeline); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWaitEndsAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Spec{Timeout: 9 * time.Second, Interval: 2 * time.Second})
		b.add(Check{Name: "slow"}, &fake{script: always(notYet("connection refused"))})
		hung := b.add(Check{Name: "hung"}, &fake{script: always(up), takes: time.Hour})
		start := time.Now()
		gates := b.wait(t)
		if took := time.Since(start); took > 9*time.Second {
			t.Errorf("the wait took %s, longer than its deadline", took)
		}
		// 0, 2, 4, 6, 8 and a last look half way through the last second.
		wantGate(t, gates["slow"], e2e.Unhealthy, e2e.NotYet, 6)
		if want := "not healthy within 9s (6 probes): connection refused; look at it"; gates["slow"].Reason != want {
			t.Errorf("reason %q, want %q", gates["slow"].Reason, want)
		}
		wantGate(t, gates["hung"], e2e.Unhealthy, e2e.NotYet, 2)
		if want := []time.Duration{0, 7 * time.Second}; !slices.Equal(hung.offsets(start), want) {
			t.Errorf("probed at %v, want %v: each probe is bounded by its own timeout and the deadline", hung.offsets(start), want)
		}
	})
}

func TestWaitEndsACheckThatCannotBecomeHealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Spec{Timeout: time.Minute, Interval: time.Second})
		b.add(Check{Name: "wrong path"}, &fake{script: always(probe.Never("404", "HTTP 404", "there is nothing at this path; check the path"))})
		b.add(Check{Name: "broken"}, &fake{script: always(probe.Broken("cannot read ca_file", "correct it"))})
		b.add(Check{Name: "roll-out", RetryOn: []string{"404", "TLS"}},
			&fake{script: after(2, probe.Never("404", "HTTP 404", "x"), after(2, probe.Never("tls", "default certificate", "x"), up)(2))})
		b.add(Check{Name: "other"}, &fake{script: after(4, notYet("starting"), up)})
		gates := b.wait(t)
		wantGate(t, gates["wrong path"], e2e.Unhealthy, e2e.Never, 1)
		wantGate(t, gates["broken"], e2e.ProbeError, e2e.Never, 1)
		wantGate(t, gates["roll-out"], e2e.Healthy, e2e.FinalityNone, 3)
		wantGate(t, gates["other"], e2e.Healthy, e2e.FinalityNone, 5)
		if gates["wrong path"].Reason != "there is nothing at this path; check the path" || gates["wrong path"].Seconds != 0 {
			t.Errorf("unexpected gate %+v", gates["wrong path"])
		}
	})
}

func TestWaitAsksForSuccessesInARow(t *testing.T) {
	flapping := func(n int) Observation {
		if n%3 == 2 {
			return notYet("down")
		}
		return up
	}
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Spec{Timeout: 30 * time.Second, Interval: time.Second, StableFor: 3})
		b.add(Check{Name: "steady"}, &fake{script: after(2, notYet("down"), up)})
		b.add(Check{Name: "flapping"}, &fake{script: flapping})
		b.add(Check{Name: "twice", StableFor: 2}, &fake{script: flapping})
		b.add(Check{Name: "half", StableFor: 2}, &fake{script: after(1, up, probe.Degraded("status warn", "disk; clean it"))})
		gates := b.wait(t)
		wantGate(t, gates["steady"], e2e.Healthy, e2e.FinalityNone, 5)
		wantGate(t, gates["twice"], e2e.Healthy, e2e.FinalityNone, 2)
		wantGate(t, gates["half"], e2e.Degraded, e2e.FinalityNone, 2)
		g := gates["flapping"]
		if g.Open() || g.State != e2e.Unhealthy {
			t.Errorf("a flapping check is open: %+v", g)
		}
		if gates["half"].Reason != "disk; clean it" {
			t.Errorf("a degraded check lacks its reason: %+v", gates["half"])
		}
	})
}

func TestWaitSaysThatItWasHealthyAndNotForLongEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Spec{Timeout: 3 * time.Second, Interval: time.Second, StableFor: 3})
		b.add(Check{Name: "late"}, &fake{script: after(3, notYet("down"), up)})
		g := b.wait(t)["late"]
		wantGate(t, g, e2e.Unhealthy, e2e.NotYet, 4)
		if !strings.HasPrefix(g.Reason, "healthy 1 time in a row within 3s, but stable_for asks for 3") {
			t.Errorf("reason %q", g.Reason)
		}
	})
}

func TestWaitHonoursNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Spec{Timeout: 20 * time.Second, Interval: time.Second})
		first := b.add(Check{Name: "second", Needs: []string{"first"}}, &fake{script: always(up)})
		b.add(Check{Name: "first"}, &fake{script: after(5, notYet("down"), up)})
		b.add(Check{Name: "refused"}, &fake{script: always(probe.Never("401", "HTTP 401", "no"))})
		b.add(Check{Name: "after refused", Needs: []string{"first", "refused"}}, &fake{script: always(up)})
		b.add(Check{Name: "after that", Needs: []string{"after refused"}}, &fake{script: always(up)})
		b.add(Check{Name: "hopeless", Timeout: 30 * time.Second}, &fake{script: always(notYet("down"))})
		b.add(Check{Name: "impatient", Needs: []string{"hopeless"}, Timeout: 3 * time.Second}, &fake{script: always(up)})
		start := time.Now()
		gates := b.wait(t)
		wantGate(t, gates["second"], e2e.Healthy, e2e.FinalityNone, 1)
		if want := []time.Duration{5 * time.Second}; !slices.Equal(first.offsets(start), want) {
			t.Errorf("probed at %v, want %v", first.offsets(start), want)
		}
		wantGate(t, gates["after refused"], e2e.Unhealthy, e2e.Never, 0)
		wantGate(t, gates["after that"], e2e.Unhealthy, e2e.Never, 0)
		wantGate(t, gates["impatient"], e2e.Unhealthy, e2e.NotYet, 0)
		for name, want := range map[string]string{
			"after refused": "it needs refused, which is unhealthy; look at that check first",
			"after that":    "it needs after refused, which is unhealthy; look at that check first",
			"impatient":     "it needs hopeless, which was not healthy within 3s; look at that check first",
		} {
			if g := gates[name]; g.Reason != want || g.Observed != "not probed" {
				t.Errorf("%s: %q, %q, want %q", name, g.Observed, g.Reason, want)
			}
		}
	})
}

func TestWaitReleasesAdvisoryChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Spec{Timeout: time.Minute, Interval: 10 * time.Second, StableFor: 3})
		b.add(Check{Name: "api", Interval: time.Second, StableFor: 1}, &fake{script: after(3, notYet("down"), up)})
		b.add(advisory(Check{Name: "never there"}), &fake{script: always(notYet("down"))})
		b.add(advisory(Check{Name: "just in time"}), &fake{script: after(1, notYet("down"), up)})
		b.add(advisory(Check{Name: "after", Needs: []string{"never there"}}), &fake{script: always(up)})
		start := time.Now()
		gates := b.wait(t)
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("the wait took %s, want 3s", took)
		}
		wantGate(t, gates["never there"], e2e.Unhealthy, e2e.NotYet, 2)
		wantGate(t, gates["just in time"], e2e.Healthy, e2e.FinalityNone, 2)
		wantGate(t, gates["after"], e2e.Unhealthy, e2e.NotYet, 0)
		if g := gates["never there"]; g.Required || !g.Open() || !strings.HasPrefix(g.Reason, "advisory check, not healthy when all required checks had ended") {
			t.Errorf("unexpected gate %+v", g)
		}
	})
}

func TestWaitProbesAdvisoryChecksAloneOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Spec{Timeout: time.Minute})
		b.add(advisory(Check{Name: "a"}), &fake{script: always(notYet("down"))})
		wantGate(t, b.wait(t)["a"], e2e.Unhealthy, e2e.NotYet, 1)
	})
}

func TestWaitForAnAdvisoryCheckThatARequiredOneNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Spec{Timeout: time.Minute, Interval: time.Second})
		b.add(advisory(Check{Name: "a"}), &fake{script: after(7, notYet("down"), up)})
		b.add(Check{Name: "b", Needs: []string{"a"}}, &fake{script: always(up)})
		gates := b.wait(t)
		wantGate(t, gates["a"], e2e.Healthy, e2e.FinalityNone, 8)
		wantGate(t, gates["b"], e2e.Healthy, e2e.FinalityNone, 1)
	})
}

func TestWaitObeysRetryAfterWithinTheDeadline(t *testing.T) {
	limited := notYet("HTTP 429")
	limited.RetryAfter = 20 * time.Second
	for _, tt := range []struct {
		timeout time.Duration
		want    []time.Duration
	}{
		{time.Minute, []time.Duration{0, 20 * time.Second}},
		{15 * time.Second, []time.Duration{0, 10 * time.Second}},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(Spec{Timeout: tt.timeout, Interval: time.Second})
			f := b.add(Check{Name: "api"}, &fake{script: after(1, limited, up)})
			start := time.Now()
			wantGate(t, b.wait(t)["api"], e2e.Healthy, e2e.FinalityNone, 2)
			if !slices.Equal(f.offsets(start), tt.want) {
				t.Errorf("probed at %v, want %v", f.offsets(start), tt.want)
			}
		})
	}
}

func TestWaitEndsWhenAProcessDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Spec{Timeout: time.Minute, Interval: time.Second})
		died := make(chan Death, 1)
		b.options.Died = died
		b.add(Check{Name: "open"}, &fake{script: always(up)})
		b.add(Check{Name: "waiting"}, &fake{script: always(notYet("connection refused"))})
		b.add(Check{Name: "probing"}, &fake{script: always(up), takes: 4 * time.Second})
		b.add(Check{Name: "dependent", Needs: []string{"waiting"}}, &fake{script: always(up)})
		start := time.Now()
		time.AfterFunc(2500*time.Millisecond, func() { died <- Death{Name: "case-api", Text: "exit status 1"} })
		gates := b.wait(t)
		if took := time.Since(start); took != 2500*time.Millisecond {
			t.Errorf("the wait took %s", took)
		}
		wantGate(t, gates["open"], e2e.Healthy, e2e.FinalityNone, 1)
		wantGate(t, gates["waiting"], e2e.Unhealthy, e2e.Never, 3)
		wantGate(t, gates["probing"], e2e.Unhealthy, e2e.Never, 0)
		wantGate(t, gates["dependent"], e2e.Unhealthy, e2e.Never, 0)
		want := "process case-api ended: exit status 1 while the gate waited for it to be healthy; look at its log"
		if g := gates["waiting"]; g.Reason != want || g.Timeline[len(g.Timeline)-1].Observed != "process case-api ended: exit status 1" {
			t.Errorf("unexpected gate %+v", g)
		}
	})
}

func TestWaitIgnoresAClosedDeathChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Spec{Timeout: time.Minute, Interval: time.Second})
		died := make(chan Death)
		close(died)
		b.options.Died = died
		b.add(Check{Name: "api"}, &fake{script: after(2, notYet("down"), up)})
		wantGate(t, b.wait(t)["api"], e2e.Healthy, e2e.FinalityNone, 3)
	})
}

func TestWaitCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Spec{Timeout: time.Minute, Interval: 2 * time.Second})
		b.add(Check{Name: "waiting"}, &fake{script: always(notYet("connection refused"))})
		b.add(Check{Name: "hung"}, &fake{script: always(up), takes: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, cancel)
		start := time.Now()
		gates := byName(b.set().Wait(ctx))
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("the wait took %s", took)
		}
		wantGate(t, gates["waiting"], e2e.Unhealthy, e2e.NotYet, 2)
		wantGate(t, gates["hung"], e2e.Unhealthy, e2e.NotYet, 0)
		if g := gates["waiting"]; g.Observed != "connection refused" || g.Reason != "the wait was cancelled before the check was healthy; run again" {
			t.Errorf("unexpected gate %+v", g)
		}
	})
}

func TestWaitJitters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Spec{Timeout: time.Minute, Interval: 10 * time.Second})
		numbers := []float64{0, 0.5, 0.999999}
		b.options.Random = func() float64 {
			n := numbers[0]
			numbers = numbers[1:]
			return n
		}
		f := b.add(Check{Name: "api"}, &fake{script: after(3, notYet("down"), up)})
		start := time.Now()
		b.wait(t)
		at := f.offsets(start)
		for i, want := range []time.Duration{8 * time.Second, 10 * time.Second, 12 * time.Second} {
			if got := (at[i+1] - at[i]).Round(time.Millisecond); got != want {
				t.Errorf("pause %d was %s, want %s", i, got, want)
			}
		}
	})
}

func TestWaitSurvivesACrashingProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Spec{})
		b.add(Check{Name: "crash"}, &fake{script: func(int) Observation { panic("index out of range") }})
		b.add(Check{Name: "silent"}, &fake{script: always(Observation{})})
		gates := b.wait(t)
		wantGate(t, gates["crash"], e2e.ProbeError, e2e.Never, 1)
		wantGate(t, gates["silent"], e2e.ProbeError, e2e.Never, 1)
		if !strings.Contains(gates["crash"].Observed, "index out of range") {
			t.Errorf("unexpected gate %+v", gates["crash"])
		}
	})
}

func TestWaitRedactsEveryWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const secret = "hunter2hunter2"
		b := newBench(Spec{Timeout: 3 * time.Second, Interval: time.Second})
		b.options.Redact = func(s string) string { return strings.ReplaceAll(s, secret, "***") }
		died := make(chan Death, 1)
		b.options.Died = died
		var updates []e2e.Gate
		b.options.OnUpdate = func(g e2e.Gate) { updates = append(updates, g) }
		long := strings.Repeat("x", probe.MaxText-7) + secret
		b.add(Check{Name: "a " + secret}, &fake{script: always(probe.NotYet("saw "+secret, "because "+secret))})
		b.add(Check{Name: "cut"}, &fake{script: always(probe.NotYet(long, "hunter2"))})
		time.AfterFunc(2*time.Second, func() { died <- Death{Name: secret, Text: secret} })
		gates := b.set().Wait(t.Context())
		if text := fmt.Sprintf("%+v %+v", gates, updates); strings.Contains(text, "hunter2h") || strings.Contains(text, "xhunter2") {
			t.Error("a secret is in ", text)
		}
		if len(updates) == 0 {
			t.Error("no updates")
		}
	})
}

func TestWaitReportsProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(Spec{Timeout: time.Minute, Interval: time.Second, StableFor: 2})
		var seen []string
		b.options.OnUpdate = func(g e2e.Gate) { seen = append(seen, fmt.Sprintf("%s %s %s", g.State, g.Finality, g.Observed)) }
		b.add(Check{Name: "api"}, &fake{script: after(2, notYet("down"), up)})
		b.wait(t)
		want := []string{"unhealthy not_yet down", "healthy  up"}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWaitForNothing(t *testing.T) {
	gates := New(Spec{}, Options{}).Wait(t.Context())
	if gates == nil || len(gates) != 0 || !e2e.GatesOpen(gates) {
		t.Errorf("unexpected gates %v", gates)
	}
}

func TestTheDeathOfAScopedProcessEndsTheWaitForItsOwnChecksOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		payment := &e2e.Scope{Services: []string{"payment"}}
		b := newBench(Spec{Timeout: time.Minute, Interval: time.Second})
		died := make(chan Death, 1)
		b.options.Died = died
		b.add(Check{Name: "payment", Scope: payment}, &fake{script: always(notYet("connection refused"))})
		b.add(Check{Name: "case", Scope: &e2e.Scope{Services: []string{"case"}}}, &fake{script: after(5, notYet("starting"), up)})
		b.add(Check{Name: "database"}, &fake{script: after(5, notYet("starting"), up)})
		start := time.Now()
		time.AfterFunc(2500*time.Millisecond, func() { died <- Death{Name: "payment-api", Text: "exit status 1", Scope: payment} })
		gates := b.wait(t)
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("the wait took %s", took)
		}
		wantGate(t, gates["payment"], e2e.Unhealthy, e2e.Never, 3)
		wantGate(t, gates["case"], e2e.Healthy, e2e.FinalityNone, 6)
		wantGate(t, gates["database"], e2e.Healthy, e2e.FinalityNone, 6)
	})
}
