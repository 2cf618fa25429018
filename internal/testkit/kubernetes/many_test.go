package kubernetes

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/cluster"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/bigrun"
)

// TestManyPods runs 1,000 shards whose pods only hand over a document, which this program
// writes for them. All else is real: the gate that plans, watches, reads and judges, and the
// control plane, with the limits that controllers have when no flag says otherwise.
func TestManyPods(t *testing.T) {
	const pods = 1000
	dir := t.TempDir()
	audit, policy := filepath.Join(dir, "audit.log"), filepath.Join(dir, "audit.yaml")
	rules := "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived, ResponseStarted]\nrules: [{level: Metadata}]\n"
	if err := os.WriteFile(policy, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	c := Start(t, Options{Nodes: pods/110 + 1, Server: []string{"--audit-policy-file", policy, "--audit-log-path", audit}})
	gate := buildGate(t)
	c.AddImage("gate:1", Image{Play: func(Played) int32 { return 0 }, Entrypoint: []string{"/e2e-gate"}}) // nothing needs the program

	s := newStand(t, c, gate, pods, append(names("ok", pods-1), "fail-1")...)
	c.AddImage("suites:"+s.namespace, Image{Play: writesDocument(t)})
	config := strings.Replace(s.read("e2e-gate.yml", "start_timeout: 40s", "start_timeout: 9m"), " timeout: 5m", " timeout: 9m", 1)
	s.write("e2e-gate.yml", config)

	began := time.Now()
	r := s.start()
	r.limit = 9 * time.Minute
	r.expectOnly(1, with(all("passed", names("ok", pods-1)...), all("failed", "fail-1")), "expected 200, got 500")
	took := time.Since(began)
	usage, ok := r.cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		t.Fatal("no usage of the process")
	}
	t.Logf("%d pods: %s from the start to the verdict; the gate took %d MiB at its peak and %s of processor time", pods, took.Round(time.Second), usage.Maxrss>>10,
		(r.cmd.ProcessState.UserTime() + r.cmd.ProcessState.SystemTime()).Round(100*time.Millisecond))
	requests(t, audit)
	// The cluster deletes the pods one after the other, as its controllers' limits allow.
	left := len(s.left())
	for until := time.Now().Add(8 * time.Minute); left > 0 && time.Now().Before(until); left = len(s.left()) {
		pause(c.ctx, time.Second)
	}
	s.nothingLeft()
	t.Logf("nothing is left %s after the start", time.Since(began).Round(time.Second))
}

// writesDocument plays a pod: it reads its input, and hands over the document of a shard whose
// tests have passed, but those that are named to fail.
func writesDocument(t *testing.T) func(Played) int32 {
	return func(p Played) int32 {
		status, err := document(t, p)
		if err != nil {
			t.Errorf("pod %s: %v", p.Env[cluster.VariablePod], err)
			return e2e.ExitUsage // of no shard that left a document
		}
		return int32(status) //nolint:gosec // an exit status
	}
}

func document(t *testing.T, p Played) (status int, err error) {
	in, err := cluster.ReadInput(p.Path("/e2e-gate/in"))
	if err != nil {
		return 0, err
	}
	index, err := cluster.ShardOf(p.Env[cluster.VariableShards], p.Env[cluster.VariableIndex])
	if err != nil {
		return 0, err
	}
	var plan e2e.Plan
	if err := json.Unmarshal(in.Plan, &plan); err != nil {
		return 0, err
	}
	at := slices.IndexFunc(plan.Shards, func(sh e2e.PlanShard) bool { return sh.Index == index })
	if at < 0 {
		return 0, fmt.Errorf("the plan has no shard %d", index)
	}
	now, work := time.Now().UTC(), plan.Work()
	doc := e2e.ShardRun{Schema: e2e.ShardSchema, Run: plan.Run, Digest: plan.Digest, Index: index, Gates: []e2e.Gate{}, Complete: true, Tests: []e2e.TestRun{}}
	unit := e2e.UnitRun{Suite: "s", Shard: index, Attempt: 1, Command: []string{"sh"}, Ended: e2e.EndedExited, Seconds: 0.1, Tests: plan.Shards[at].Tests}
	for _, id := range plan.Shards[at].Tests {
		unit.Unit = work[id].Unit
		a := e2e.Attempt{N: 1, Outcome: e2e.Passed, Source: e2e.SourceFirst, WorkflowAttempt: plan.Run.WorkflowAttempt, Shard: index, Seconds: 0.1, Started: now}
		if strings.Contains(id, "fail-") {
			a.Outcome, a.Message, unit.Exit, status = e2e.Failed, "expected 200, got 500", 1, e2e.ExitBlocked
			doc.Reruns = append(doc.Reruns, e2e.RerunRecord{ID: id, Reason: "the test that plays this pod runs nothing"})
		}
		doc.Tests = append(doc.Tests, e2e.TestRun{ID: id, Attempts: []e2e.Attempt{a}})
	}
	doc.Units = []e2e.UnitRun{unit}
	name := fmt.Sprintf("shard-%d.%d.json", index, plan.Run.WorkflowAttempt)
	if err := bigrun.WriteDocument(filepath.Join(p.Dir, name), doc); err != nil {
		return 0, err
	}
	return status, cluster.Deliver(t.Context(), p.Log, nil, p.Env[cluster.VariablePod], cluster.Parcel{Dir: p.Dir, Documents: []string{name}, Status: status})
}

// requests logs what was asked of the API server, by who asked.
func requests(t *testing.T, audit string) {
	t.Helper()
	f, err := os.Open(audit)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read
	counts := map[string]int{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e struct {
			Verb   string
			User   struct{ Username string }
			Agent  string                                 `json:"userAgent"`
			Object struct{ Resource, Subresource string } `json:"objectRef"`
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		who := "the gate"
		if !strings.HasPrefix(e.User.Username, "user-") {
			if who, _, _ = strings.Cut(e.Agent, "/"); who != "kube-controller-manager" && who != "kube-scheduler" {
				continue // the kubelets, and this test
			}
		}
		counts[who+" "+e.Verb+" "+strings.TrimSuffix(e.Object.Resource+"/"+e.Object.Subresource, "/")]++
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	var all []string
	for what, n := range counts {
		if n >= 100 || strings.HasPrefix(what, "the gate") {
			all = append(all, fmt.Sprintf("%s: %d", what, n))
		}
	}
	slices.Sort(all)
	t.Logf("requests: %s", strings.Join(all, "; "))
	if n := counts["the gate list pods"] + counts["the gate get pods"]; n > 100 {
		t.Errorf("the gate asked %d times for pods, which it watches", n)
	}
}
