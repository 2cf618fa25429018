package runner

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/isolation"
)

func TestHeldBackTestsAreNotRun(t *testing.T) {
	s, tests := script(t, passes, "a", "b")
	r := newRig(t, s, tests)
	r.runner.cfg.Hold = func(context.Context) string { return "gate api is down" }
	r.phase(t.Context(), false)
	doc := r.shard.Document(nil, true)
	if len(doc.NotRun) != 2 || doc.NotRun[0].Code != e2e.CodeGateLost || doc.NotRun[0].Reason != "gate api is down" || len(doc.Units) != 0 {
		t.Errorf("%+v", doc)
	}
	if len(doc.Problems) != 1 || !doc.Problems[0].LosesEvidence || len(doc.Problems[0].Tests) != 2 {
		t.Errorf("%+v", doc.Problems)
	}
}

// A rerun that is held back leaves the first attempt as it is, and says why.
func TestHeldBackRerun(t *testing.T) {
	s, tests := script(t, `echo '<testsuite><testcase name="a"><failure/></testcase></testsuite>' > "$E2E_REPORT_DIR/r.xml"`, "a")
	r := newRig(t, s, tests)
	r.phase(t.Context(), false)
	r.runner.cfg.Hold = func(context.Context) string { return "gate api is down" }
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
