package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/pipeline"
)

type orderCmd struct {
	Test    string `arg:"" help:"Id of a test that failed beside others, or a unique part of it."`
	Result  string `help:"result.json of the run in which it failed. Default: the newest of the stage below .e2e-gate/runs." placeholder:"FILE" type:"path"`
	MaxRuns int    `help:"Most runs of the suite." default:"20" placeholder:"N"`
	staged
}

// Help is shown by order --help.
func (orderCmd) Help() string {
	return "Example:\n  e2e-gate order TestCartStartsEmpty\n" +
		"It runs the test alone, then beside those that ran with it, and halves these until one is left: the test that breaks it, or the one that it needs. " +
		"These runs are no runs of the stage: nothing of them is remembered, published or judged.\n" +
		"Exit status: 0 if it found a test, 1 if the order is not the cause or one test alone is not, 2 for a mistake in the command."
}

// exitNotFound: the search came to an end without a test.
const exitNotFound = 1

// Run looks for the test that another one depends on.
func (c orderCmd) Run(ctx context.Context, a *App) error {
	if c.MaxRuns < 2 {
		return usage("--max-runs is %d; give at least 2: one alone and one beside others", c.MaxRuns)
	}
	c.Shards = "1"
	quiet := *a
	quiet.Stderr = io.Discard
	s, err := quiet.prepare(ctx, c.staged, config.AllSections, "")
	if err != nil {
		return err
	}
	r, err := a.failedRun(ctx, s.inputs, c.Result)
	if err != nil {
		return err
	}
	target, err := findTest(*r, c.Test)
	if err != nil {
		return usageError{err}
	}
	beside := companyOf(*r, target)
	if len(beside) == 0 {
		return usage("no other test of its suite ran beside %s in %s; give --result a run in which others did", target, r.Run.ID)
	}
	dir, err := os.MkdirTemp("", "e2e-gate-order")
	if err != nil {
		return fmt.Errorf("make a folder for the runs: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s.noRerun = true
	n := 0
	search := orderSearch{target: target, most: c.MaxRuns, run: func(ids []string) (bool, error) {
		// Not below .e2e-gate/runs: the newest run there is one of the stage.
		n++
		s.narrow, c.Out = pipeline.Narrow{Names: ids}, filepath.Join(dir, fmt.Sprint(n))
		session, err := s.session(ctx, c.staged, false, true, nil)
		if err != nil {
			return false, err
		}
		return outcomeOf(session.Run(ctx), target)
	}, say: func(text string) { _, _ = fmt.Fprintln(a.Stderr, safeLine(text)) }}
	found, err := search.find(beside)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(a.Stdout, found.text(r.Run.Stage))
	if err == nil && found.test == "" {
		return exitError(exitNotFound)
	}
	return err
}

// companyOf are the tests of a test's suite that ran on the shard of its first attempt, without the test.
func companyOf(r e2e.Result, target string) []string {
	shard := func(t e2e.TestResult) int {
		if len(t.Attempts) == 0 {
			return -1
		}
		return t.Attempts[0].Shard
	}
	var of e2e.TestResult
	for _, t := range r.Tests {
		if t.ID == target {
			of = t
		}
	}
	var ids []string
	for _, t := range r.Tests {
		if t.ID != target && t.Suite == of.Suite && shard(t) >= 0 && shard(t) == shard(of) {
			ids = append(ids, t.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// outcomeOf says whether a test passed when it ran first; the error is that it cannot be told.
func outcomeOf(r e2e.Result, target string) (passed bool, err error) {
	for _, t := range r.Tests {
		if t.ID != target || len(t.Attempts) == 0 {
			continue
		}
		switch t.Attempts[0].Outcome {
		case e2e.Passed:
			return true, nil
		case e2e.Failed:
			return false, nil
		case e2e.Skipped, e2e.Flaky, e2e.Lost, e2e.NotRun, e2e.OutcomeUnknown:
		}
	}
	why := "it did not run"
	for _, p := range r.Problems {
		if !p.Note {
			why = p.Text
			break
		}
	}
	return false, fmt.Errorf("cannot tell how %s ends: %s", target, why)
}

// orderSearch finds the test that a test depends on.
type orderSearch struct {
	target string
	most   int
	// run runs tests in one process and says whether the target passed.
	run func(ids []string) (passed bool, err error)
	say func(text string)

	runs int
}

// orderFound is what a search came to.
type orderFound struct {
	target string
	// alone says whether the target passes alone.
	alone bool
	// test breaks the target, or is needed by it; empty: not found, as why says.
	test, why string
	runs      int
}

func (s *orderSearch) passes(ids []string) (bool, error) {
	s.runs++
	passed, err := s.run(append(slices.Clone(ids), s.target))
	if err != nil {
		return false, err
	}
	word := "failed"
	if passed {
		word = "passed"
	}
	company := "alone"
	if len(ids) == 1 {
		company = "beside " + ids[0]
	} else if len(ids) > 1 {
		company = fmt.Sprintf("beside %d tests", len(ids))
	}
	s.say(fmt.Sprintf("run %d of at most %d: it %s %s", s.runs, s.most, word, company))
	return passed, nil
}

// find halves the tests that ran beside the target.
func (s *orderSearch) find(beside []string) (orderFound, error) {
	f := orderFound{target: s.target}
	var err error
	if f.alone, err = s.passes(nil); err != nil {
		return f, err
	}
	together, err := s.passes(beside)
	if err != nil {
		return f, err
	}
	if together == f.alone {
		word := "fails"
		if together {
			word = "passes"
		}
		f.runs, f.why = s.runs, fmt.Sprintf("it %s alone and beside the others, so their order is not the cause here", word)
		return f, nil
	}
	for len(beside) > 1 {
		half := len(beside) / 2
		part := -1
		for i, some := range [][]string{beside[:half], beside[half:]} {
			if s.runs == s.most {
				f.runs, f.why = s.runs, fmt.Sprintf("%d runs were not enough: it is one or more of %s; give --max-runs more", s.most, e2e.SomeOf(beside))
				return f, nil
			}
			passed, err := s.passes(some)
			if err != nil {
				return f, err
			}
			if passed != f.alone {
				part = i
				break
			}
		}
		switch part {
		case 0:
			beside = beside[:half]
		case 1:
			beside = beside[half:]
		default:
			f.runs, f.why = s.runs, fmt.Sprintf("it takes more than one of these together: %s", e2e.SomeOf(beside))
			return f, nil
		}
	}
	f.test, f.runs = beside[0], s.runs
	return f, nil
}

// text is what is found for a person, with a command that shows it.
func (f orderFound) text(stage string) string {
	var b strings.Builder
	switch {
	case f.test == "":
		fmt.Fprintf(&b, "not found after %d runs: %s\n", f.runs, safeLine(f.why))
		return b.String()
	case f.alone:
		fmt.Fprintf(&b, "%s passes alone, and fails beside\n%s\nwhich leaves something behind that it does not clean up. Found in %d runs.\n",
			safeLine(f.target), safeLine(f.test), f.runs)
	default:
		fmt.Fprintf(&b, "%s fails alone, and passes beside\n%s\nwhich sets up what it needs. Found in %d runs.\n", safeLine(f.target), safeLine(f.test), f.runs)
	}
	fmt.Fprintf(&b, "next: have each of the two set up and clean up its own state. To see it again:\n  e2e-gate run --stage %s --shards 1 %s %s\n",
		shellWord(stage), shellWord(f.test), shellWord(f.target))
	return b.String()
}
