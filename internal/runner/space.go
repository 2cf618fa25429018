package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/isolation"
)

// space holds the resources of an attempt on a shard, or the error: after one failure
// the next unit does not try again.
type space struct {
	*isolation.Space
	err error
}

// fit waits until tests of a unit may start, and returns those that may; what keeps the others is
// recorded.
func (s *Shard) fit(ctx context.Context, tests []e2e.Test, attempt int) []e2e.Test {
	for len(tests) > 0 {
		held := s.r.cfg.Hold(ctx, tests)
		if len(held.Tests) == 0 || ctx.Err() != nil {
			break
		}
		unfit := map[string]bool{}
		for _, t := range held.Tests {
			unfit[t.ID] = true
		}
		if held.Said && attempt == 1 {
			s.notRun(held.Tests, held.Code, held.Why)
		} else {
			s.unfit(held.Tests, attempt, held.Code, "", held.Why)
		}
		tests = slices.DeleteFunc(slices.Clone(tests), func(t e2e.Test) bool { return unfit[t.ID] })
	}
	return tests
}

// ready creates the resources of a unit's attempt, if its tests need them. It
// returns the environment that they add. ok is false if the unit cannot start, which is
// recorded.
func (s *Shard) ready(ctx context.Context, tests []e2e.Test, attempt int) (env map[string]string, ok bool) {
	if !slices.ContainsFunc(tests, func(t e2e.Test) bool { return s.r.cfg.IsolationScope.NeededBy(&t) }) {
		return nil, true
	}
	sp := s.space(ctx, attempt)
	switch {
	case ctx.Err() != nil:
		s.run(ctx, tests, attempt)
		return nil, false
	case sp.err != nil:
		s.unfit(tests, attempt, e2e.CodeEnvironment, sp.Log(), fmt.Sprintf("isolation of a shard failed: %v", sp.err))
		return nil, false
	}
	return sp.Env(), true
}

// unfit records tests that do not start because the environment is not fit for them.
func (s *Shard) unfit(tests []e2e.Test, attempt int, code e2e.Code, log, why string) {
	s.refuse(tests, attempt, code, why)
	if attempt == 1 {
		s.Problem(e2e.Problem{Code: code, Tests: ids(tests), LosesEvidence: true, File: log, Text: why})
	}
}

// space opens the attempt's space with its first unit.
func (s *Shard) space(ctx context.Context, attempt int) *space {
	if sp := s.spaces[attempt]; sp != nil {
		return sp
	}
	if s.r.cfg.Isolation == nil {
		return &space{Space: &isolation.Space{}}
	}
	id := s.identity(attempt, "isolation")
	opened, err := s.r.cfg.Isolation.Open(ctx, isolation.Place{Shard: s.plan.Index, Attempt: attempt, Prefix: id.prefix, Identity: id.env})
	sp := &space{opened, err}
	s.spaces[attempt] = sp
	return sp
}

// Release removes the resources of the shard's attempts so far, within its own time
// limits. The error names what could not be removed.
func (s *Shard) Release(ctx context.Context) error {
	open := s.spaces
	s.spaces = map[int]*space{}
	var errs []error
	for _, attempt := range slices.Sorted(maps.Keys(open)) {
		errs = append(errs, open[attempt].Close(ctx))
	}
	return errors.Join(errs...)
}

// Refused says why the rerun of a test could not start; empty: it could.
func (s *Shard) Refused(id string) string { return s.refused[id] }

// Beside says what else the rerun that was to run a test reported, or is empty.
func (s *Shard) Beside(id string) string {
	if t, ok := s.tests[id]; ok {
		return s.beside[t.Unit]
	}
	if run := s.runs[id]; run != nil && run.Unplanned != nil {
		return s.beside[run.Unplanned.Unit]
	}
	return ""
}
