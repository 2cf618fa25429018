package runner

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite"
)

// script is a suite whose tests are the words that follow; the shell script sees
// them as $@ and writes its report to $E2E_REPORT_DIR.
func script(t *testing.T, text string, names ...string) (Suite, []e2e.Test) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the suite of this test is a shell script")
	}
	spec := suite.Spec{Name: "s", Framework: "command", Run: []string{"sh", "-c", text, "sh"}, Reports: []string{"{report_dir}/*.xml"},
		List: append([]string{"printf", `%s\n`}, names...)}
	adapter, err := suite.New(spec, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tests, _, err := adapter.Discover(t.Context(), os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	return Suite{spec, adapter}, tests
}

// passes reports every test as passed.
const passes = `{ echo "<testsuite>"; for t in "$@"; do echo "<testcase name=\"$t\"/>"; done; echo "</testsuite>"; } > "$E2E_REPORT_DIR/r.xml"`

type rig struct {
	runner *Runner
	shard  *Shard
	out    string
	events []e2e.Event
	mu     sync.Mutex
}

func newRig(t *testing.T, s Suite, tests []e2e.Test) *rig {
	t.Helper()
	r := &rig{out: t.TempDir()}
	run := e2e.Run{ID: "e2e-1-x", Stage: "pr", Target: "local", Subject: e2e.Subject{SHA: "abc"}, WorkflowAttempt: 1, Started: time.Now()}
	r.runner = New(Config{Out: r.out, Run: run, Digest: "d", Shards: 2, Suites: map[string]Suite{"s": s},
		BaseEnv:  append(os.Environ(), "GITHUB_TOKEN=t0p", "MY_SECRET=x"),
		Progress: func(ev e2e.Event) { r.mu.Lock(); defer r.mu.Unlock(); r.events = append(r.events, ev) }})
	plan := e2e.PlanShard{Index: 1, Name: "one"}
	byID := map[string]e2e.Test{}
	for _, test := range tests {
		plan.Tests = append(plan.Tests, test.ID)
		byID[test.ID] = test
	}
	r.shard = r.runner.Shard(plan, byID)
	return r
}

// phase runs what was planned for the shard.
func (r *rig) phase(ctx context.Context, smoke bool) {
	r.shard.Work(ctx, r.runner.Queue([]*Shard{r.shard}, smoke))
}

func outcome(doc e2e.ShardRun, id string) e2e.Outcome {
	i := slices.IndexFunc(doc.Tests, func(t e2e.TestRun) bool { return t.ID == id })
	if i < 0 {
		return e2e.Lost
	}
	return e2e.OutcomeOf(doc.Tests[i].Attempts)
}

func TestUnitHasIdentityEnvironmentAndFolders(t *testing.T) {
	s, tests := script(t, `env | sort > "$E2E_EVIDENCE_DIR/env.txt"; mkdir "$E2E_EVIDENCE_DIR/a"; echo shot > "$E2E_EVIDENCE_DIR/a/screen.png"; echo loud; `+passes, "a", "b")
	s.Spec.Env = map[string]string{"CASE_API": "http://x"}
	r := newRig(t, s, tests)
	r.phase(t.Context(), false)
	doc := r.shard.Document(nil, true)
	if outcome(doc, "s::a") != e2e.Passed || outcome(doc, "s::b") != e2e.Passed || len(doc.Units) != 1 || len(doc.Problems) != 0 {
		t.Fatalf("%+v", doc)
	}
	u := doc.Units[0]
	if u.Shard != 1 || u.Attempt != 1 || u.Ended != "exited" || !slices.Equal(u.Tests, []string{"s::a", "s::b"}) || len(u.Files) != 2 {
		t.Errorf("%+v", u)
	}
	log, err := os.ReadFile(filepath.Join(r.out, u.Log))
	if err != nil || string(log) != "loud\n" {
		t.Errorf("%q %v", log, err)
	}
	env, err := os.ReadFile(filepath.Join(r.out, u.Files[slices.IndexFunc(u.Files, func(f string) bool { return strings.HasSuffix(f, "env.txt") })]))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"E2E_RUN_ID=e2e-1-x", "E2E_STAGE=pr", "E2E_TARGET=local", "E2E_SHA=abc", "E2E_SHARD=1", "E2E_SHARDS=2", "E2E_ATTEMPT=1",
		"E2E_CORRELATION_ID=e2e-1-x-s1-a1", "CASE_API=http://x"} {
		if !strings.Contains(string(env), want+"\n") {
			t.Errorf("the environment lacks %s", want)
		}
	}
	for _, pattern := range []string{`(?m)^TRACEPARENT=00-[0-9a-f]{32}-[0-9a-f]{16}-01$`, `(?m)^E2E_DATA_PREFIX=e[0-9a-z]{6,10}$`} {
		if !regexp.MustCompile(pattern).Match(env) {
			t.Errorf("the environment lacks %s", pattern)
		}
	}
	if strings.Contains(string(env), "t0p") || strings.Contains(string(env), "MY_SECRET") {
		t.Error("a secret was inherited")
	}
	a := doc.Tests[0].Attempts[0]
	if len(a.Files) != 1 || !strings.HasSuffix(a.Files[0], "/a/screen.png") || a.Shard != 1 || a.WorkflowAttempt != 1 || a.Source != e2e.SourceFirst {
		t.Errorf("%+v", a)
	}
}

func TestRerunHasFreshDataAndKeepsAttempts(t *testing.T) {
	s, tests := script(t, `echo "$E2E_DATA_PREFIX" > "$E2E_EVIDENCE_DIR/p"; if [ "$E2E_ATTEMPT" = 1 ]; then echo '<testsuite><testcase name="a"><failure message="first"/></testcase><testcase name="b"/></testsuite>' > "$E2E_REPORT_DIR/r.xml"; exit 1; fi; `+passes, "a", "b")
	r := newRig(t, s, tests)
	r.phase(t.Context(), false)
	done := r.shard.Rerun(t.Context(), []string{"s::a"})
	doc := r.shard.Document(nil, true)
	if !done["s::a"] || outcome(doc, "s::a") != e2e.Flaky || outcome(doc, "s::b") != e2e.Passed {
		t.Fatalf("%+v", doc.Tests)
	}
	a := doc.Tests[0].Attempts
	if len(a) != 2 || a[0].Message != "first" || a[1].Source != e2e.SourceDiagnostic || a[1].N != 2 || a[0].DataPrefix == a[1].DataPrefix ||
		a[1].Correlation != "e2e-1-x-s1-a2" {
		t.Errorf("%+v", a)
	}
	if !slices.Equal(doc.Units[1].Tests, []string{"s::a"}) {
		t.Errorf("the rerun ran %v", doc.Units[1].Tests)
	}
}

func TestRerunThatRunsNothingIsNotDone(t *testing.T) {
	s, tests := script(t, `if [ "$E2E_ATTEMPT" = 1 ]; then echo '<testsuite><testcase name="a"><failure/></testcase></testsuite>' > "$E2E_REPORT_DIR/r.xml"; fi`, "a")
	r := newRig(t, s, tests)
	r.phase(t.Context(), false)
	if done := r.shard.Rerun(t.Context(), []string{"s::a"}); done["s::a"] {
		t.Error("a rerun without a report counts as done")
	}
	if got := outcome(r.shard.Document(nil, true), "s::a"); got != e2e.Failed {
		t.Errorf("outcome %s", got)
	}
}

// A rerun that runs more tests than requested adds no passes and hides no failure.
func TestRerunOfMoreThanAsked(t *testing.T) {
	more := func(second string) string {
		return `r() { echo "<testsuite>$1</testsuite>" > "$E2E_REPORT_DIR/r.xml"; }
if [ $E2E_ATTEMPT = 1 ]; then r '<testcase name="a"><failure/></testcase><testcase name="b"/>'; else r '<testcase name="a"/>` + second + `'; fi`
	}
	for second, want := range map[string]struct {
		b      e2e.Outcome
		beside string
	}{
		`<testcase name="b"/>`:                                               {e2e.Passed, "the rerun ran 1 other test, it passed: s::b"},
		`<testcase name="b"><failure/></testcase>`:                           {e2e.Flaky, "the rerun ran 1 other test, it failed: s::b"},
		`<testcase classname="b" name="b"><failure/></testcase>`:             {e2e.Flaky, "the rerun ran 1 other test, it failed: s::b"},
		`<testcase classname="x" name="c"><failure/></testcase>`:             {e2e.Passed, "the rerun ran 1 other test, it failed: s/x::c"},
		`<testcase name="b"/><testcase name="b"><failure/></testcase>`:       {e2e.Flaky, "the rerun ran 1 other test, it failed: s::b"},
		`<testcase file="e/b.sh" name="b"><failure message="x"/></testcase>`: {e2e.Flaky, "the rerun ran 1 other test, it failed: s::b"},
	} {
		s, tests := script(t, more(second), "a", "b")
		r := newRig(t, s, tests)
		r.phase(t.Context(), false)
		r.shard.Rerun(t.Context(), []string{"s::a"})
		doc := r.shard.Document(nil, true)
		if outcome(doc, "s::a") != e2e.Flaky || outcome(doc, "s::b") != want.b || r.shard.Beside("s::a") != want.beside {
			t.Errorf("%s: %q, %+v", second, r.shard.Beside("s::a"), doc.Tests)
		}
	}
	for _, tc := range []struct {
		second string
		want   e2e.Outcome
		beside string
	}{
		{`<testcase name="other"/>`, e2e.Lost, "the rerun ran 1 other test, it passed: s/::other"},
		{`<testcase name="other"><failure/></testcase>`, e2e.Failed, "the rerun ran 1 other test, it failed: s/::other"},
		{`<testcase name="p"/><testcase name="q"/><testcase name="r"/><testcase name="t"/>`, e2e.Lost,
			"the rerun ran 4 other tests, all passed: s/::p, s/::q, s/::r and 1 more"},
		{`<testcase name="p"/><testcase name="q"><skipped/></testcase>`, e2e.Lost, "the rerun ran 2 other tests, 1 skipped, 1 passed: s/::p, s/::q"},
		{``, e2e.Lost, ""},
	} {
		s, tests := script(t, more(tc.second), "a", "b")
		r := newRig(t, s, tests)
		r.phase(t.Context(), false)
		r.shard.Rerun(t.Context(), []string{"s::a"})
		doc := r.shard.Document(nil, true)
		if outcome(doc, "s::a") != e2e.Flaky || outcome(doc, "s::b") != e2e.Passed || outcome(doc, "s/::other") != tc.want {
			t.Errorf("%s: %+v", tc.second, doc.Tests)
		}
		if got := r.shard.Beside("s::a"); got != tc.beside {
			t.Errorf("%q, want %q", got, tc.beside)
		}
	}
}

// A rerun's pass counts only if its process ended well, or another test explains its end.
func TestRerunWhoseProcessEndsBadly(t *testing.T) {
	for second, want := range map[string]e2e.Outcome{
		`r '<testcase name="a"/>'`:                                                 e2e.Flaky,
		`r '<testcase name="a"/>'; kill -9 $$`:                                     e2e.Failed,
		`r '<testcase name="a"/>'; exit 1`:                                         e2e.Failed,
		`r '<testcase name="a"/><testcase name="x"><failure/></testcase>'; exit 1`: e2e.Flaky,
	} {
		s, tests := script(t, `r() { echo "<testsuite>$1</testsuite>" > "$E2E_REPORT_DIR/r.xml"; }
if [ $E2E_ATTEMPT = 1 ]; then r '<testcase name="a"><failure/></testcase>'; exit 1; else `+second+`; fi`, "a")
		r := newRig(t, s, tests)
		r.phase(t.Context(), false)
		r.shard.Rerun(t.Context(), []string{"s::a"})
		if doc := r.shard.Document(nil, true); outcome(doc, "s::a") != want {
			t.Errorf("%s: %+v", second, doc.Tests)
		}
	}
}

// A suite without a list runs again as a whole. A test that passes and fails is flaky,
// in whatever order.
func TestWholeSuiteFailsAgainForOthers(t *testing.T) {
	s, _ := script(t, `r() { echo "<testsuite>$1</testsuite>" > "$E2E_REPORT_DIR/r.xml"; }
if [ $E2E_ATTEMPT = 1 ]; then r '<testcase name="a"><failure/></testcase><testcase name="b"/>'; else r '<testcase name="a"/><testcase name="b"><failure/></testcase>'; fi`)
	s.Spec.List = nil
	adapter, err := suite.New(s.Spec, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s.Adapter = adapter
	batch, ok := adapter.(suite.Batcher).Batch()
	if !ok {
		t.Fatal("the suite is not a batch")
	}
	r := newRig(t, s, []e2e.Test{batch.Stand()})
	r.runner.cfg.Batches = map[string]string{batch.Unit: batch.ID}
	r.phase(t.Context(), false)
	r.shard.Rerun(t.Context(), []string{"s/::a"})
	doc := r.shard.Document(nil, true)
	if outcome(doc, "s/::a") != e2e.Flaky || outcome(doc, "s/::b") != e2e.Flaky || len(doc.Problems) != 1 {
		t.Errorf("%+v", doc)
	}
	if b := doc.Tests[1].Attempts; len(b) != 2 || b[0].Outcome != e2e.Passed || b[1].Source != e2e.SourceBeside {
		t.Errorf("what happened is not told in order: %+v", b)
	}
}

// An unplanned test that fails in one process of a shard and passes in the next
// (a set-up, reported by the smoke tests and by all others) is not flaky.
func TestUnplannedInTwoProcesses(t *testing.T) {
	s, tests := script(t, `f=''; [ "$1" = smoke ] && f='<failure/>'; echo "<testsuite><testcase name=\"$1\"/><testcase name=\"set up\">$f</testcase></testsuite>" > "$E2E_REPORT_DIR/r.xml"`, "smoke", "b")
	tests[0].Tags = []string{"smoke"}
	r := newRig(t, s, tests)
	r.phase(t.Context(), true)
	r.phase(t.Context(), false)
	doc := r.shard.Document(nil, true)
	if outcome(doc, "s/::set up") != e2e.Failed {
		t.Errorf("%+v", doc.Tests)
	}
}

func TestTimeouts(t *testing.T) {
	s, tests := script(t, `echo '<testsuite><testcase name="a"/></testsuite>' > "$E2E_REPORT_DIR/r.xml"; exec sleep 60`, "a", "b")
	s.Spec.UnitTimeout = 200 * time.Millisecond
	s.Spec.Timeout = 200 * time.Millisecond
	r := newRig(t, s, tests)
	r.phase(t.Context(), false)
	doc := r.shard.Document(nil, true)
	if outcome(doc, "s::a") != e2e.Passed || outcome(doc, "s::b") != e2e.Lost {
		t.Errorf("%+v", doc.Tests)
	}
	if len(doc.Problems) != 1 || doc.Problems[0].Code != e2e.CodeTimeout || !slices.Equal(doc.Problems[0].Tests, []string{"s::b"}) ||
		!strings.Contains(doc.Problems[0].Text, "200ms") {
		t.Errorf("%+v", doc.Problems)
	}
	// The suite's own time is used up now: a second unit does not start.
	r.phase(t.Context(), false)
	if doc := r.shard.Document(nil, true); len(doc.Units) != 1 || len(doc.NotRun) != 2 || doc.NotRun[0].Code != e2e.CodeTimeout {
		t.Errorf("%+v %+v", doc.Units, doc.NotRun)
	}
}

func TestCancelStopsAndStartsNothing(t *testing.T) {
	s, tests := script(t, `echo ready > "$E2E_EVIDENCE_DIR/ready"; exec sleep 60`, "a")
	r := newRig(t, s, tests)
	ctx, cancel := context.WithCancelCause(t.Context())
	r.runner.cfg.Progress = func(ev e2e.Event) {
		if ev.Kind == e2e.BatchStarted {
			cancel(ErrCancelled)
		}
	}
	r.phase(ctx, false)
	doc := r.shard.Document(nil, false)
	if outcome(doc, "s::a") != e2e.Lost && len(doc.NotRun) == 0 {
		t.Errorf("%+v", doc)
	}
	r.phase(ctx, false)
	doc = r.shard.Document(nil, false)
	if len(doc.NotRun) == 0 || doc.NotRun[0].Code != e2e.CodeCancelled || doc.Complete {
		t.Errorf("%+v", doc.NotRun)
	}
}

func TestProcesses(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the processes of this test are shell scripts")
	}
	root, out := t.TempDir(), t.TempDir()
	ps := NewProcesses(ProcessesConfig{Root: root, Out: out, BaseEnv: os.Environ(), Identity: map[string]string{"E2E_RUN_ID": "r1"}, Specs: []ProcessSpec{
		{Name: "stays", Run: []string{"sh", "-c", "echo $E2E_RUN_ID; exec sleep 60"}},
		{Name: "env", Up: []string{"sh", "-c", "echo up > up"}, Down: []string{"sh", "-c", "echo down > down"}, Logs: []string{"echo", "the logs"}},
	}})
	if err := ps.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ps.Logs(t.Context())
	ps.Stop()
	if err := ps.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := ps.Down(t.Context()); err != nil {
		t.Fatal("down ran twice")
	}
	for _, name := range []string{"up", "down"} {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Error(err)
		}
	}
	log, err := os.ReadFile(filepath.Join(out, "processes", "env.log"))
	if err != nil || !strings.Contains(string(log), "the logs") {
		t.Errorf("%q %v", log, err)
	}
	if len(ps.Deaths()) != 0 {
		t.Errorf("a process that was stopped counts as dead: %v", ps.Deaths())
	}
}

func TestProcessThatDiesIsReported(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the process of this test is a shell script")
	}
	ps := NewProcesses(ProcessesConfig{Root: t.TempDir(), Out: t.TempDir(), BaseEnv: os.Environ(),
		Specs: []ProcessSpec{{Name: "api", Run: []string{"sh", "-c", "echo port 8080 is in use >&2; exit 3"}}}})
	if err := ps.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	d := <-ps.Died()
	ps.Stop()
	if d.Name != "api" || d.Text != "exit status 3: port 8080 is in use" {
		t.Errorf("%+v", d)
	}
	if p := ps.Problems(func(*e2e.Scope) []string { return nil }); len(p) != 1 || p[0].Code != e2e.CodeGateLost {
		t.Errorf("%+v", p)
	}
}

func TestUpThatFailsStillOwesDown(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the commands of this test are shell scripts")
	}
	root := t.TempDir()
	ps := NewProcesses(ProcessesConfig{Root: root, Out: t.TempDir(), BaseEnv: os.Environ(), Specs: []ProcessSpec{
		{Name: "env", Up: []string{"sh", "-c", "echo no space left >&2; exit 1"}, Down: []string{"sh", "-c", "echo down > down"}},
		{Name: "later", Run: []string{"sh", "-c", "echo started > later"}},
	}})
	err := ps.Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("%v", err)
	}
	ps.Stop()
	if err := ps.Down(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(root, "down")); err != nil {
		t.Error("down was not run after a failed up")
	}
	if _, err := os.Stat(filepath.Join(root, "later")); err == nil {
		t.Error("a process was started after a failed up")
	}
	if err := ps.Start(t.Context()); err == nil {
		t.Error("no error")
	}
}

// A file that names a test is that test's; of others, nothing says whose they are, unless only one test ran.
func TestWhoseFilesTheyAre(t *testing.T) {
	for _, tc := range []struct {
		tests         []string
		first, shared int
	}{
		{[]string{"a", "b"}, 1, 2},
		{[]string{"a"}, 3, 0},
	} {
		s, tests := script(t, `cd "$E2E_EVIDENCE_DIR"; echo 1 > a.png; echo 2 > net.har; mkdir d; echo 3 > d/console.log; `+passes, tc.tests...)
		r := newRig(t, s, tests)
		r.phase(t.Context(), false)
		doc := r.shard.Document(nil, true)
		if own, unit := doc.Tests[0].Attempts[0].Files, doc.Units[0]; len(own) != tc.first || len(unit.Shared) != tc.shared || len(unit.Files) != 3 {
			t.Errorf("%v: %v, of no test %v, all %v", tc.tests, own, unit.Shared, unit.Files)
		}
	}
}

// One file name that artifacts refuse would break the whole upload.
func TestEvidenceHasPortableNames(t *testing.T) {
	s, tests := script(t, `mkdir -p "$E2E_EVIDENCE_DIR/a::b"; echo 1 > "$E2E_EVIDENCE_DIR/a::b/x?.png"; echo 2 > "$E2E_EVIDENCE_DIR/a--b"; `+passes, "a::b")
	r := newRig(t, s, tests)
	r.phase(t.Context(), false)
	doc := r.shard.Document(nil, true)
	files := doc.Tests[0].Attempts[0].Files
	if len(files) != 2 || !strings.HasSuffix(files[0], "evidence/a--b") || len(doc.Units[0].Files) != 2 {
		t.Errorf("%v %v", files, doc.Units[0].Files)
	}
	for _, f := range doc.Units[0].Files {
		if strings.ContainsAny(f, ":?") {
			t.Errorf("%s cannot be uploaded", f)
		}
	}
}
