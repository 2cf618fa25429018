package pipeline

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate"
	"github.com/org/e2e-gate/internal/gate/tcpgate"
)

// Tests could start early only if a gate is undecided, and one of them needs neither that nor a failed one.
func TestSomeCouldStart(t *testing.T) {
	scope := func(name string) *e2e.Scope { return &e2e.Scope{Services: []string{name}} }
	for name, tc := range map[string]struct {
		checks  []gate.Check
		decided map[string]e2e.GateState
		needs   [][]string
		want    bool
	}{
		"the other service's":     {[]gate.Check{{Name: "a", Scope: scope("a")}, {Name: "b", Scope: scope("b")}}, map[string]e2e.GateState{"a": e2e.Healthy}, [][]string{{"a"}, {"b"}}, true},
		"all are decided":         {[]gate.Check{{Name: "a", Scope: scope("a")}}, map[string]e2e.GateState{"a": e2e.Unhealthy}, [][]string{{"b"}}, false},
		"all need it":             {[]gate.Check{{Name: "a", Scope: scope("a")}}, nil, [][]string{{"a"}, {"a", "b"}}, false},
		"one says nothing":        {[]gate.Check{{Name: "a", Scope: scope("a")}}, nil, [][]string{nil}, false},
		"every test's":            {[]gate.Check{{Name: "a", Scope: scope("a")}, {Name: "all"}}, map[string]e2e.GateState{"a": e2e.Healthy}, [][]string{{"a"}}, false},
		"every test's has failed": {[]gate.Check{{Name: "a", Scope: scope("a")}, {Name: "all"}}, map[string]e2e.GateState{"all": e2e.Unhealthy}, [][]string{{"b"}}, false},
		"its own has failed":      {[]gate.Check{{Name: "a", Scope: scope("a")}, {Name: "b", Scope: scope("b")}}, map[string]e2e.GateState{"a": e2e.Unhealthy}, [][]string{{"a"}}, false},
		"an advisory one":         {[]gate.Check{{Name: "a", Scope: scope("a")}, {Name: "all", Required: new(bool)}}, map[string]e2e.GateState{}, [][]string{{"b"}}, true},
		"only an advisory one":    {[]gate.Check{{Name: "all", Required: new(bool)}}, nil, [][]string{{"b"}}, false},
		"no test":                 {[]gate.Check{{Name: "a", Scope: scope("a")}}, nil, nil, false},
	} {
		for i := range tc.checks {
			tc.checks[i].TCP = &tcpgate.Spec{Address: "127.0.0.1:1"}
		}
		env := &environment{set: gate.New(gate.Spec{Checks: tc.checks}, gate.Options{}), decided: map[string]e2e.Gate{}}
		for _, g := range env.set.Gates() {
			if state, ok := tc.decided[g.Name]; ok {
				g.State = state
				env.decided[g.Name] = g
			}
		}
		for _, needs := range tc.needs {
			env.selected = append(env.selected, e2e.Test{Needs: needs})
		}
		if got := env.someCouldStart(); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// What is decided after suites may start keeps tests from starting, or lets them, and wakes the shards that wait.
func TestDecidedWhileSuitesRun(t *testing.T) {
	check := func(name string) gate.Check {
		return gate.Check{Name: name, Scope: &e2e.Scope{Services: []string{name}}, TCP: &tcpgate.Spec{Address: "127.0.0.1:1"}}
	}
	env := &environment{Session: &Session{opts: Options{Config: &config.Config{}, Progress: &quiet{}}},
		set: gate.New(gate.Spec{Checks: []gate.Check{check("a"), check("b"), check("c")}}, gate.Options{})}
	env.strangers = []string{"x"} // so that nothing is served
	say := func(i int, state e2e.GateState) {
		g := env.set.Gates()[i]
		g.State = state
		env.decide(g)
	}
	woken := 0
	env.wake = func() { woken++ }
	say(0, e2e.Unhealthy)
	if list := env.begin(); list[0].State != e2e.Unhealthy || len(env.undecided) != 2 || woken != 0 {
		t.Errorf("%+v %v", env.undecided, woken)
	}
	of := func(name string) []e2e.Test {
		return []e2e.Test{{ID: "1", Needs: []string{"x"}}, {ID: "2", Needs: []string{name}}}
	}
	for name, want := range map[string]string{"a": "", "b": "gate b", "c": "gate c"} {
		if got := env.waits(of(name)); got != want {
			t.Errorf("%s waits for %q", name, got)
		}
	}
	if got := env.waits([]e2e.Test{{}}); got != "gate b" {
		t.Errorf("a test that says nothing waits for %q", got)
	}
	say(1, e2e.Healthy)
	say(2, e2e.Unhealthy)
	if woken != 2 || env.waits(of("c")) != "" || len(env.unfit) != 2 || env.unfit[0].scope.Services[0] != "a" || env.unfit[1].scope.Services[0] != "c" {
		t.Errorf("%d %+v", woken, env.unfit)
	}
	if list := env.asDecided(env.set.Gates()); list[1].State != e2e.Healthy || list[2].State != e2e.Unhealthy {
		t.Errorf("%+v", list)
	}
}

// Others are waited for a while after the last one that was decided.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := &environment{Session: &Session{opts: Options{Config: &config.Config{}, Progress: &quiet{}}}, early: true,
			selected: []e2e.Test{{Needs: []string{"b"}}}}
		none := gate.Check{Name: "a", Scope: &e2e.Scope{Services: []string{"a"}}} // of no kind, so that it is never asked
		env.set = gate.New(gate.Spec{Checks: []gate.Check{none}}, gate.Options{})
		env.waiting = &gate.Waiting{}
		began := time.Now()
		if list := env.await(t.Context()); len(list) != 1 || time.Since(began) != patience || len(env.undecided) != 1 {
			t.Errorf("%v %+v", time.Since(began), list)
		}
	})
}
