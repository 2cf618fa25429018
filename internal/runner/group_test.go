package runner

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

// steps is a suite whose tests build on one another: create, pay and close are a group, other is
// not. $fails names the tests that fail in each attempt; what comes behind one in the group is
// skipped. It notes what it was told to run.
const steps = `echo "$E2E_ATTEMPT: $*" >> "$RAN"
case $E2E_ATTEMPT in 1) bad=$FIRST;; *) bad=$SECOND;; esac
down=no
{ echo "<testsuite>"
for t in "$@"; do
  case " $bad " in *" $t "*) echo "<testcase name=\"$t\"><failure message=\"no $t\"/></testcase>"; down=yes; continue;; esac
  if [ $down = yes ] && [ $t != other ]; then echo "<testcase name=\"$t\"><skipped/></testcase>"; else echo "<testcase name=\"$t\"/>"; fi
done
echo "</testsuite>"; } > "$E2E_REPORT_DIR/r.xml"`

// A group is repeated whole, with what was kept from running; what had passed in it is not
// labelled by that, unless it fails.
func TestRerunOfAGroup(t *testing.T) {
	for _, tc := range []struct {
		name, first, second string
		want, beside        string
	}{
		{"the cause passes", "pay", "", "create passed, pay flaky, close passed, other passed", "the rerun ran 1 other test, it passed: s::create"},
		{"the cause fails again", "pay", "pay", "create passed, pay failed, close not_run, other passed", "the rerun ran 1 other test, it passed: s::create"},
		{"what was kept fails", "pay", "close", "create passed, pay flaky, close failed, other passed", "the rerun ran 1 other test, it passed: s::create"},
		{"a step before the cause fails now", "pay", "create", "create flaky, pay failed, close not_run, other passed",
			"the rerun ran 1 other test, it failed: s::create"},
		{"the first step fails", "create", "", "create flaky, pay passed, close passed, other passed", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, tests := script(t, steps, "create", "pay", "close", "other")
			ran := t.TempDir() + "/ran"
			s.Spec.Env = map[string]string{"FIRST": tc.first, "SECOND": tc.second, "RAN": ran}
			for i := range tests {
				if tests[i].Name != "other" {
					tests[i].Group = "s/case"
				}
			}
			r := newRig(t, s, tests)
			r.phase(t.Context(), false)
			cause := "s::" + tc.first
			if group, _ := r.shard.Cause(cause); group != "s/case" {
				t.Errorf("the cause is %q", group)
			}
			done := r.shard.Rerun(t.Context(), []string{cause})
			var got []string
			doc := r.shard.Document(nil, true)
			for _, name := range []string{"create", "pay", "close", "other"} {
				got = append(got, fmt.Sprintf("%s %s", name, outcome(doc, "s::"+name)))
			}
			if strings.Join(got, ", ") != tc.want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), tc.want)
			}
			if beside := r.shard.Beside(cause); beside != tc.beside || !done[cause] {
				t.Errorf("beside %q, want %q; done: %t", beside, tc.beside, done[cause])
			}
			list, err := os.ReadFile(ran)
			if want := "1: create pay close other\n2: create pay close\n"; err != nil || string(list) != want {
				t.Errorf("ran %q, %v", list, err)
			}
		})
	}
}

// A rerun that dies takes no evidence from tests of the group that had passed before.
func TestRerunOfAGroupThatDies(t *testing.T) {
	s, tests := script(t, `[ $E2E_ATTEMPT = 1 ] || exit 9; `+steps, "create", "pay", "close")
	s.Spec.Env = map[string]string{"FIRST": "pay", "SECOND": "", "RAN": t.TempDir() + "/ran"}
	for i := range tests {
		tests[i].Group = "s/case"
	}
	r := newRig(t, s, tests)
	r.phase(t.Context(), false)
	r.shard.Rerun(t.Context(), []string{"s::pay"})
	doc := r.shard.Document(nil, true)
	if outcome(doc, "s::create") != e2e.Passed || outcome(doc, "s::pay") != e2e.Failed || outcome(doc, "s::close") != e2e.NotRun {
		t.Errorf("%+v", doc.Tests)
	}
	if len(doc.Problems) == 0 {
		t.Error("the rerun died, and nothing says so")
	}
	for _, p := range doc.Problems {
		if slices.Contains(p.Tests, "s::create") || !p.LosesEvidence {
			t.Errorf("%+v", p)
		}
	}
}

// A test that never reported stays lost when the rerun of its group reports it, unless it fails there.
// One that had passed is flaky if its first execution there fails, whatever the framework's retry does.
func TestRerunOfAGroupReportsMore(t *testing.T) {
	for _, tc := range []struct{ name, close, want string }{
		{"passes", "", "create flaky, pay flaky, close lost"},
		{"fails", `<failure message="no close"/>`, "create flaky, pay flaky, close failed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			first := `<testcase name="create"/><testcase name="pay"><failure message="no pay"/></testcase>`
			second := `<testcase name="create"><flakyFailure message="no create"/></testcase><testcase name="pay"/><testcase name="close">` + tc.close + `</testcase>`
			s, tests := script(t, `case $E2E_ATTEMPT in 1) echo "$FIRST";; *) echo "$SECOND";; esac > "$E2E_REPORT_DIR/r.xml"`, "create", "pay", "close")
			s.Spec.Env = map[string]string{"FIRST": "<testsuite>" + first + "</testsuite>", "SECOND": "<testsuite>" + second + "</testsuite>"}
			for i := range tests {
				tests[i].Group = "s/case"
			}
			r := newRig(t, s, tests)
			r.phase(t.Context(), false)
			r.shard.Rerun(t.Context(), []string{"s::pay"})
			doc := r.shard.Document(nil, true)
			var got []string
			for _, name := range []string{"create", "pay", "close"} {
				got = append(got, fmt.Sprintf("%s %s", name, outcome(doc, "s::"+name)))
			}
			if strings.Join(got, ", ") != tc.want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), tc.want)
			}
		})
	}
}

// Tests that one set-up failed for are one failure; others are not.
func TestCauseOfASetUp(t *testing.T) {
	s := New(Config{}).Shard(e2e.PlanShard{}, map[string]e2e.Test{"a": {ID: "a", Unit: "u"}, "b": {ID: "b", Unit: "u"}, "c": {ID: "c", Unit: "u"}})
	for id, message := range map[string]string{"a": "in set-up: no database", "b": "in set-up: no database", "c": "no database"} {
		s.runs[id] = &e2e.TestRun{ID: id, Attempts: []e2e.Attempt{{Outcome: e2e.Failed, Message: message, Seconds: 2}}}
	}
	a, seconds := s.Cause("a")
	b, _ := s.Cause("b")
	if c, _ := s.Cause("c"); a == "" || a != b || c != "" || seconds != 2 {
		t.Errorf("%q, %q, %q, %f s", a, b, c, seconds)
	}
}

// A process that runs a part of its suite is told so: a shard's, a rerun, what was selected.
func TestPart(t *testing.T) {
	for _, tc := range []struct {
		name  string
		whole int
		want  string
	}{{"the whole suite", 2, "1=,2=1"}, {"a shard of it", 5, "1=1,2=1"}, {"a selection", 0, "1=1,2=1"}} {
		s, tests := script(t, `printf '%s=%s,' $E2E_ATTEMPT "$E2E_PART" >> "$RAN"; `+passes, "a", "b")
		ran := t.TempDir() + "/ran"
		s.Spec.Env = map[string]string{"RAN": ran}
		r := newRig(t, s, tests)
		r.runner.cfg.Whole = map[string]int{"s": tc.whole}
		r.phase(t.Context(), false)
		r.shard.Rerun(t.Context(), []string{"s::a", "s::b"})
		got, err := os.ReadFile(ran)
		if err != nil || strings.TrimSuffix(string(got), ",") != tc.want {
			t.Errorf("%s: %q, want %s (%v)", tc.name, got, tc.want, err)
		}
	}
}
