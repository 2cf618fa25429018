package runner

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

// reporting is a suite whose script writes events to $EVENTS, as our reporters do.
type reporting struct {
	suite.Adapter
	script string
}

func (a reporting) Start(u suite.Unit) (suite.Invocation, error) {
	file := filepath.Join(u.Reports, "events.jsonl")
	argv := []string{"sh", "-c", a.script, "sh"}
	return &adapter.Process{Spec: adapter.Spec{Name: "s"}, Unit: u, Start: adapter.Command{Argv: argv, Env: []string{"EVENTS=" + file}},
		Results: &adapter.EventFile{Path: file, Test: func(ev adapter.Event) e2e.Test { return e2e.Test{ID: "s/" + ev.ID, Name: ev.ID} }}}, nil
}

// live is a rig of a suite that reports while it runs.
func liveRig(t *testing.T, text string, names ...string) *rig {
	t.Helper()
	s, tests := script(t, "", names...)
	s.Adapter = reporting{s.Adapter, "say() { echo \"$1\" >> \"$EVENTS\"; }\n" + text}
	return newRig(t, s, tests)
}

func (r *rig) happened(kind e2e.EventKind) (list []e2e.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ev := range r.events {
		if ev.Kind == kind {
			list = append(list, ev)
		}
	}
	return list
}

// A failure is told while the suite runs: this one ends only when it was.
func TestFailuresAreToldAsTheyHappen(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	r := liveRig(t, `say '{"event":"started","id":"a"}'; say '{"event":"finished","id":"a","outcome":"failed","message":"broken","at_file":"x.py","at_line":7,"seconds":0.25}'
read x < `+pipe+`
say '{"event":"finished","id":"b","outcome":"passed"}'; say '{"event":"end"}'; exit 1`, "a", "b", "c")
	if err := exec.CommandContext(t.Context(), "mkfifo", pipe).Run(); err != nil {
		t.Fatal(err)
	}
	before := r.runner.cfg.Progress
	r.runner.cfg.Progress = func(ev e2e.Event) {
		before(ev)
		if ev.Outcome == e2e.Failed {
			go func() { _ = exec.CommandContext(t.Context(), "sh", "-c", "echo > "+pipe).Run() }()
		}
	}
	r.phase(t.Context(), false)
	ended := r.happened(e2e.TestEnded)
	if len(ended) != 2 {
		t.Fatalf("%+v", ended)
	}
	if ev := ended[0]; ev.Test != "s::a" || !ev.First || ev.File != "x.py" || ev.Line != 7 || ev.Message != "broken" || ev.Seconds != 0.25 || ev.Shard != 1 {
		t.Errorf("%+v", ev)
	}
	if started := r.happened(e2e.TestStarted); len(started) != 1 || started[0].Test != "s::a" {
		t.Errorf("%+v", started)
	}
	if ev := r.happened(e2e.BatchEnded); len(ev) != 1 || ev[0].Failed != 1 || ev[0].Ended != "exit status 1" {
		t.Errorf("c never reported, so it is no longer waited for: %+v", ev)
	}
	if a := r.shard.Tests()[0].Attempts; a[0].At != "x.py:7" {
		t.Errorf("%+v", a)
	}
}

// A suite that writes its report at the end is told of then, each test once.
func TestReportsAreToldAtTheEnd(t *testing.T) {
	s, tests := script(t, `echo '<testsuite><testcase name="a"><failure message="broken"/></testcase><testcase name="b"/></testsuite>' > "$E2E_REPORT_DIR/r.xml"; exit 1`, "a", "b")
	r := newRig(t, s, tests)
	r.phase(t.Context(), false)
	var got []string
	for _, ev := range r.happened(e2e.TestEnded) {
		got = append(got, ev.Test+" "+string(ev.Outcome)+" "+ev.Message)
		if !ev.First {
			t.Errorf("%+v", ev)
		}
	}
	if !slices.Equal(got, []string{"s::a failed broken", "s::b passed "}) {
		t.Errorf("%q", got)
	}
}

// The rerun of a whole suite says so.
func TestRerunOfAWholeSuiteSaysSo(t *testing.T) {
	s, _ := script(t, `echo '<testsuite><testcase name="a"><failure/></testcase><testcase name="b"/></testsuite>' > "$E2E_REPORT_DIR/r.xml"; exit 1`)
	s.Spec.List = nil
	var err error
	if s.Adapter, err = suite.New(s.Spec, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	batch, _ := s.Adapter.(suite.Batcher).Batch()
	r := newRig(t, s, []e2e.Test{batch.Stand()})
	r.runner.cfg.Batches = map[string]string{batch.Unit: batch.ID}
	r.phase(t.Context(), false)
	r.shard.Rerun(t.Context(), []string{"s/::a"})
	started := r.happened(e2e.BatchStarted)
	if len(started) != 2 || !started[0].Whole || started[0].Tests != 0 || started[1].Attempt != 2 || started[1].Tests != 2 || started[1].Failed != 1 {
		t.Errorf("%+v", started)
	}
	if ended := r.happened(e2e.BatchEnded); ended[0].Failed != 1 || ended[1].Failed != 0 {
		t.Errorf("the suite was planned as one, and ended once: %+v", ended)
	}
}

// A shard that waits for a lock says for which, and who holds it.
func TestWaitingForALockIsTold(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	r, shards := pair(t, `case $1 in a) read x < `+pipe+`;; esac; `+passes)
	if err := exec.CommandContext(t.Context(), "mkfifo", pipe).Run(); err != nil {
		t.Fatal(err)
	}
	for id, test := range r.shard.tests {
		test.Locks = []string{e2e.MachineLock + "ports"}
		r.shard.tests[id] = test
	}
	before := r.runner.cfg.Progress
	r.runner.cfg.Progress = func(ev e2e.Event) {
		before(ev)
		if ev.Kind == e2e.ShardWaits {
			go func() { _ = exec.CommandContext(t.Context(), "sh", "-c", "echo > "+pipe).Run() }()
		}
	}
	q := r.runner.Queue(shards, false)
	slices.SortStableFunc(q.jobs, func(a, b *job) int { return strings.Compare(a.tests[0].ID, b.tests[0].ID) })
	work(t.Context(), q, shards...)
	waits := r.happened(e2e.ShardWaits)
	if len(waits) != 1 || !strings.HasPrefix(waits[0].Text, "waits for lock ports, held by shard ") || !strings.HasSuffix(waits[0].Text, " (suite s)") {
		t.Errorf("%+v", waits)
	}
}
