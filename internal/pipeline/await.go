package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/runner"
)

// patience is how long suites wait for gates that only some of their tests need, after the last of the others was decided: most
// become healthy at about the same time.
const patience = 5 * time.Second

// await waits for the gates. If only gates are left that some tests do not need, and these tests could start, it ends before that. It
// returns all gates, those that are undecided as not healthy.
func (env *environment) await(ctx context.Context) []e2e.Gate {
	for timer := (<-chan time.Time)(nil); ; {
		if env.early && timer == nil && env.someCouldStart() {
			timer = time.After(patience)
		}
		select {
		case <-env.waiting.Ended():
		case <-env.waiting.News():
			timer = nil
			continue
		case <-timer:
		case <-ctx.Done():
		}
		return env.begin()
	}
}

// someCouldStart reports whether only gates are undecided that not every test needs, and a selected test needs none of these and none
// that failed.
func (env *environment) someCouldStart() bool {
	gates := env.set.Gates()
	env.mu.Lock()
	defer env.mu.Unlock()
	var missing []*e2e.Scope
	undecided := false
	for _, g := range gates {
		now, known := env.decided[g.Name]
		switch {
		case !g.Required, known && now.Open():
			continue
		case g.Scope == nil:
			return false
		}
		undecided = undecided || !known
		missing = append(missing, g.Scope)
	}
	return undecided && slices.ContainsFunc(env.selected, func(t e2e.Test) bool {
		return !slices.ContainsFunc(missing, func(scope *e2e.Scope) bool { return scope.NeededBy(&t) })
	})
}

// begin ends the time before suites start. What is decided from here on concerns the tests that wait for it.
func (env *environment) begin() []e2e.Gate {
	gates := env.asDecided(env.set.Gates())
	env.mu.Lock()
	defer env.mu.Unlock()
	var names []string
	for i, g := range gates {
		now, known := env.decided[g.Name]
		if known { // between the two looks
			gates[i] = now
		}
		switch {
		case known:
			env.shut(now)
		case g.Required && g.Scope != nil:
			env.undecided = append(env.undecided, g)
			names = append(names, g.Name)
		}
	}
	if len(names) > 0 {
		env.opts.Progress.Note(fmt.Sprintf("not healthy yet: gate %s; tests that need it wait for it, and the others start", strings.Join(names, ", gate ")))
	}
	return gates
}

// decide notes that a gate is not waited for any more.
func (env *environment) decide(g e2e.Gate) {
	env.mu.Lock()
	if env.decided == nil {
		env.decided = map[string]e2e.Gate{}
	}
	env.decided[g.Name] = g
	wake := env.wake
	at := slices.IndexFunc(env.undecided, func(o e2e.Gate) bool { return o.Name == g.Name })
	if at >= 0 {
		env.undecided = slices.Delete(env.undecided, at, at+1)
		env.shut(g)
	}
	env.mu.Unlock()
	if at < 0 {
		return
	}
	env.served([]e2e.Gate{g})
	if wake != nil {
		wake()
	}
}

// shut keeps the tests from starting that need a gate, if it failed. It is called with the lock.
func (env *environment) shut(g e2e.Gate) {
	if g.Open() || g.Scope == nil {
		return
	}
	code, what := e2e.CodeGateShut, fmt.Sprintf("gate %s failed", g.Name)
	if g.Dependency {
		code, what = e2e.CodeDependency, fmt.Sprintf("dependency %s is down", g.Name)
	}
	env.unfit = append(env.unfit, unfit{g.Scope, runner.Held{Code: code, Said: true, Why: fmt.Sprintf(
		"%s: expected %s, observed %s", what, g.Expected, cmp.Or(g.Observed, "nothing"))}})
}

func (env *environment) keep(u unfit) {
	env.mu.Lock()
	defer env.mu.Unlock()
	env.unfit = append(env.unfit, u)
}

// waits names the gate that tests still have to wait for; empty: none.
func (env *environment) waits(tests []e2e.Test) string {
	env.mu.Lock()
	defer env.mu.Unlock()
	for _, g := range env.undecided {
		for i := range tests {
			if g.Scope.NeededBy(&tests[i]) {
				return "gate " + g.Name
			}
		}
	}
	return ""
}

// asDecided are gates as they are, those that are decided as they were then.
func (env *environment) asDecided(gates []e2e.Gate) []e2e.Gate {
	env.mu.Lock()
	defer env.mu.Unlock()
	list := append([]e2e.Gate{}, gates...)
	for i, g := range list {
		if now, known := env.decided[g.Name]; known {
			list[i] = now
		}
	}
	return list
}
