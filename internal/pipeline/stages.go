package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/runner"
)

// stage is one step of a command: it takes values and returns values, and the problems
// that it met. The error means that what follows cannot be done; what the stage knew
// by then is returned all the same.
type stage[In, Out any] func(ctx context.Context, in In) (Out, []e2e.Problem, error)

// none is the input or output of a stage that has none.
type none struct{}

// errStop ends a command without an error: the evidence already says why.
var errStop = errors.New("stop")

// flow is one command on its way through its stages.
type flow struct {
	ctx context.Context //nolint:containedctx // it is the context of one call of a command
	// stopped: a stage failed, so the later ones are skipped.
	stopped bool

	mu       sync.Mutex
	problems []e2e.Problem
}

func newFlow(ctx context.Context, found []e2e.Problem) *flow {
	return &flow{ctx: ctx, problems: slices.Clip(found)}
}

// then runs a stage, unless an earlier one stopped the flow. An error or a panic becomes
// a problem, so that it is always reported.
func then[In, Out any](f *flow, name string, do stage[In, Out], in In) (out Out) {
	if f.stopped {
		return out
	}
	err := safely(func() error {
		made, problems, err := do(f.ctx, in)
		f.add(problems...)
		out = made
		return err
	})
	if err == nil {
		return out
	}
	f.stopped = true
	if !errors.Is(err, errStop) {
		f.add(e2e.Problem{Code: codeOf(f.ctx), LosesEvidence: true, Text: fmt.Sprintf("%s: %v", name, err)})
	}
	return out
}

// add notes problems, each once.
func (f *flow) add(list ...e2e.Problem) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range list {
		if !slices.ContainsFunc(f.problems, func(o e2e.Problem) bool { return o.Code == p.Code && o.Text == p.Text }) {
			f.problems = append(f.problems, p)
		}
	}
}

// found are the problems so far.
func (f *flow) found() []e2e.Problem {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.problems)
}

// codeOf is the code of an error: an error of the tool, or the end of the run's time.
func codeOf(ctx context.Context) e2e.Code {
	switch {
	case errors.Is(context.Cause(ctx), runner.ErrCancelled):
		return e2e.CodeCancelled
	case errors.Is(context.Cause(ctx), runner.ErrStageTimeout):
		return e2e.CodeTimeout
	}
	return e2e.CodeToolError
}

// safely turns a panic into an error, so that teardown and verdict still happen.
func safely(do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error (a bug in e2e-gate): %v\n%s", r, debug.Stack())
		}
	}()
	return do()
}
