package runner

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/isolation"
)

func TestHeldBackTestsAreNotRun(t *testing.T) {
	s, tests := script(t, passes, "a", "b")
	r := newRig(t, s, tests)
	r.runner.cfg.Hold = func(_ context.Context, tests []e2e.Test) Held {
		return Held{Tests: tests, Code: e2e.CodeGateLost, Why: "gate api is down"}
	}
	r.phase(t.Context(), false)
	doc := r.shard.Document(nil, true)
	if len(doc.NotRun) != 2 || doc.NotRun[0].Code != e2e.CodeGateLost || doc.NotRun[0].Reason != "gate api is down" || len(doc.Units) != 0 {
		t.Errorf("%+v", doc)
	}
	if len(doc.Problems) != 1 || !doc.Problems[0].LosesEvidence || len(doc.Problems[0].Tests) != 2 {
		t.Errorf("%+v", doc.Problems)
	}
}

// What one test needs holds back that test alone, and the rest of its batch runs.
func TestATestThatIsHeldBackLeavesTheOthersOfItsBatchAlone(t *testing.T) {
	s, tests := script(t, `echo '<testsuite><testcase name="b"/></testsuite>' > "$E2E_REPORT_DIR/r.xml"`, "a", "b")
	for _, said := range []bool{false, true} {
		r := newRig(t, s, tests)
		r.runner.cfg.Hold = func(_ context.Context, tests []e2e.Test) Held {
			if tests[0].ID == "s::a" {
				return Held{Tests: tests[:1], Code: e2e.CodeGateShut, Why: "gate payment failed", Said: said}
			}
			return Held{}
		}
		r.phase(t.Context(), false)
		doc := r.shard.Document(nil, true)
		if len(doc.NotRun) != 1 || doc.NotRun[0].ID != "s::a" || doc.NotRun[0].Code != e2e.CodeGateShut || doc.NotRun[0].Reason != "gate payment failed" {
			t.Errorf("%+v", doc.NotRun)
		}
		if len(doc.Units) != 1 || !slices.Equal(doc.Units[0].Tests, []string{"s::b"}) || outcome(doc, "s::b") != e2e.Passed {
			t.Errorf("%+v", doc)
		}
		if want := map[bool]int{false: 1, true: 0}[said]; len(doc.Problems) != want {
			t.Errorf("%+v", doc.Problems)
		}
	}
}

// Only batches with a test that needs an isolation get one.
func TestIsolationIsForTestsThatNeedIt(t *testing.T) {
	s, tests := script(t, `echo "$E2E_REPORT_DIR" >> "$LOG"; `+passes, "a", "b")
	tests[0].Needs, tests[1].Needs, tests[1].Unit = []string{"case"}, []string{"database"}, "other"
	for _, of := range []string{"database", "payment"} {
		r := newRig(t, s, tests)
		log := filepath.Join(r.out, "ups")
		r.runner.cfg.IsolationScope = &e2e.Scope{Services: []string{of}}
		r.runner.cfg.Isolation = isolation.New(isolation.Config{Spec: isolation.Spec{Up: []string{"sh", "-c", "echo up >> " + log}}, Root: r.out, Out: r.out,
			BaseEnv: os.Environ()})
		r.phase(t.Context(), false)
		if err := r.shard.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(log); (err == nil) != (of == "database") {
			t.Errorf("isolation of %s: %v", of, err)
		}
	}
}

// A rerun that is held back leaves the first attempt as it is, and says why.
func TestHeldBackRerun(t *testing.T) {
	s, tests := script(t, `echo '<testsuite><testcase name="a"><failure/></testcase></testsuite>' > "$E2E_REPORT_DIR/r.xml"`, "a")
	r := newRig(t, s, tests)
	r.phase(t.Context(), false)
	r.runner.cfg.Hold = func(_ context.Context, tests []e2e.Test) Held {
		return Held{Tests: tests, Code: e2e.CodeGateLost, Why: "gate api is down"}
	}
	if done := r.shard.Rerun(t.Context(), []string{"s::a"}); done["s::a"] || r.shard.Refused("s::a") != "gate api is down" {
		t.Errorf("done %v, refused %q", done, r.shard.Refused("s::a"))
	}
	if doc := r.shard.Document(nil, true); outcome(doc, "s::a") != e2e.Failed || len(doc.NotRun) != 0 || len(doc.Problems) != 0 {
		t.Errorf("%+v", doc)
	}
}

// An attempt has one space for all of its units, and the rerun another one; what
// failed once is not tried again by the next unit.
func TestSpaceOfAnAttempt(t *testing.T) {
	s, tests := script(t, `echo "$SPACE" >> "$LOG"; `+passes, "a", "b")
	tests[0].Tags, tests[1].Unit = []string{"smoke"}, "other"
	r := newRig(t, s, tests)
	log := filepath.Join(r.out, "log")
	s.Spec.Env = map[string]string{"LOG": log, "SPACE": "of the suite"}
	r.runner.cfg.Suites["s"] = s
	spec := isolation.Spec{Up: []string{"sh", "-c", `echo "up $E2E_ATTEMPT" >> ` + log + `; echo "SPACE=$E2E_DATA_PREFIX" > "$E2E_ISOLATION_ENV"`},
		Down: []string{"sh", "-c", "echo down >> " + log}}
	r.runner.cfg.Isolation = isolation.New(isolation.Config{Spec: spec, Root: r.out, Out: r.out, BaseEnv: os.Environ()})
	r.phase(t.Context(), true)
	r.phase(t.Context(), false)
	if err := r.shard.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.shard.Rerun(t.Context(), []string{"s::a"})
	if err := r.shard.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	first, second := r.shard.identity(1, "").prefix, r.shard.identity(2, "").prefix
	want := strings.Join([]string{"up 1", first, first, "down", "up 2", second, "down", ""}, "\n")
	if got, err := os.ReadFile(log); err != nil || string(got) != want {
		t.Errorf("%q %v, want %q", got, err, want)
	}
	a := r.shard.Document(nil, true).Tests
	if a[0].Attempts[0].Trace == a[1].Attempts[0].Trace || len(a[0].Attempts[0].Trace) != 32 || a[0].Attempts[0].Trace == a[0].Attempts[1].Trace {
		t.Errorf("units share a trace: %+v", a)
	}
}
