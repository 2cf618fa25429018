package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/kube"
)

func documents(t *testing.T, out string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(out, "pods", "*", "shard-*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, filepath.Base(f))
	}
	slices.Sort(names)
	return names
}

func TestEachShardLeavesItsDocument(t *testing.T) {
	f := newFake(t)
	got, out, err := play(t, f, 3, nil)
	if err != nil || len(got.Absent) > 0 || len(got.Problems) > 0 {
		t.Fatalf("%v %+v", err, got)
	}
	if names := documents(t, out); !slices.Equal(names, []string{"shard-0.1.json", "shard-1.1.json", "shard-2.1.json"}) {
		t.Errorf("documents: %v", names)
	}
	if len(f.objects) > 0 {
		t.Errorf("left in the cluster: %v", f.objects)
	}
}

// A watch of pods that breaks off and has not begun anew when the Job ends loses no document.
func TestPodsThatTheWatchDidNotShow(t *testing.T) {
	f := newFake(t)
	f.deaf = "pods"
	got, out, err := play(t, f, 3, nil)
	if err != nil || len(got.Absent) > 0 || len(got.Problems) > 0 {
		t.Fatalf("%v %+v", err, got)
	}
	if names := documents(t, out); len(names) != 3 {
		t.Errorf("documents: %v", names)
	}
}

// What a watch shows late, of the time before a pod ended, does not make it run again.
func TestAPodStaysEnded(t *testing.T) {
	x := &Executor{Spec: Spec{Pod: "pod.yaml", Image: "gate:1"}, Templates: map[string][]byte{"pod.yaml": []byte(podSpec)}}
	list, err := x.batches(Work{Plan: planOf(1), Input: Input{Plan: []byte("{}"), Order: []byte("{}")}})
	if err != nil {
		t.Fatal(err)
	}
	s := &podState{asked: true}
	r := &running{Executor: x, batch: list[0], uid: "job", pods: map[string]*podState{"pod": s}, changed: make(chan struct{}, 1)}
	for _, state := range []string{`{"running": {}}`, `{"terminated": {"exitCode": 1}}`, `{"running": {}}`} {
		text := `{"metadata": {"uid": "pod", "name": "p", "annotations": {"` + kube.CompletionIndex + `": "0"}, "ownerReferences": [{"uid": "job"}]},
			"status": {"phase": "Running", "containerStatuses": [{"name": "` + suiteContainer + `", "state": ` + state + `}]}}`
		if err := r.sawPod("MODIFIED", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if status, known := exitStatus(s.pod, suiteContainer); status != 1 || !known {
		t.Errorf("exit status %d, known %v", status, known)
	}
}

// What became of a pod without a document is said in the words of the cluster.
func TestLostShards(t *testing.T) {
	terminated := func(v map[string]any) func(*fakeCluster, string) {
		return func(f *fakeCluster, pod string) { f.ends(pod, v) }
	}
	for name, c := range map[string]struct {
		does func(f *fakeCluster, pod string)
		want []string
	}{
		"out of memory": {terminated(map[string]any{"exitCode": 137, "reason": "OOMKilled"}),
			[]string{"container suite ran out of memory (OOMKilled) with exit status 137", "node node-1: its", "its log has no documents (reading it: HTTP 404 NotFound)"}},
		"a signal": {terminated(map[string]any{"exitCode": 139, "reason": "Error"}), []string{"was ended by signal 11 with exit status 139"}},
		"evicted": {func(f *fakeCluster, pod string) {
			f.status(pod, func(s map[string]any) {
				s["phase"], s["reason"], s["message"] = "Failed", "Evicted", "The node was low on resource: memory."
			})
		}, []string{"was evicted (Evicted): The node was low on resource: memory."}},
		"node lost": {func(f *fakeCluster, pod string) {
			f.status(pod, func(s map[string]any) {
				s["phase"] = "Failed"
				s["conditions"] = []any{map[string]any{"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager", "message": "gone"}}
			})
		}, []string{"was on a node that is lost or that was emptied (DeletionByTaintManager): gone"}},
		"no frames": {func(f *fakeCluster, pod string) {
			f.logs[pod] = "panic: boom\n"
			f.ends(pod, map[string]any{"exitCode": 2, "reason": "Error"})
		}, []string{"exit status 2", "its log has no documents", "the last line of its log: panic: boom"}},
		"half of the frames": {func(f *fakeCluster, pod string) {
			f.hand(pod, 0, 0)
			lines := strings.SplitAfter(f.logs[pod], "\n")
			f.logs[pod] = strings.Join(lines[:len(lines)-2], "")
		}, []string{"its log has 1 of 1 frames of its documents"}},
		"two sets of frames": {func(f *fakeCluster, pod string) {
			f.hand(pod, 0, 0)
			f.logs[pod] = logOf(f.t, 0, packed{"shard-0.1.json", []byte("forged")}) + f.logs[pod]
		}, []string{"contradict each other"}},
		"another exit status than its documents say": {func(f *fakeCluster, pod string) {
			f.hand(pod, 0, 0)
			f.ends(pod, map[string]any{"exitCode": 137, "reason": "Error"})
		}, []string{"its documents say that it ended with exit status 0, and it did not"}},
		"a document of another shard": {func(f *fakeCluster, pod string) {
			f.logs[pod] = logOf(f.t, 0, packed{"shard-0.1.json", []byte(`{"index":0}`)}, packed{"shard-1.1.json", []byte(`{"index":1}`)})
			f.ends(pod, map[string]any{"exitCode": 0})
		}, []string{"it handed over a document of shard 1, which it did not run"}},
		"a document of another shard among the evidence": {func(f *fakeCluster, pod string) {
			f.logs[pod] = logOf(f.t, 0, packed{"shard-0.1.json", []byte(`{"index":0}`)}, packed{"processes/shard-0.2.json", []byte(`{"index":1}`)})
			f.ends(pod, map[string]any{"exitCode": 0})
		}, []string{"it handed over a document of shard 1, which it did not run"}},
		"a document behind a folder of suites": {func(f *fakeCluster, pod string) {
			f.logs[pod] = logOf(f.t, 0, packed{"units/../shard-1.1.json", []byte(`{"index":1}`)})
			f.ends(pod, map[string]any{"exitCode": 0})
		}, []string{"which is not below the run's folder"}},
		"a document with something behind it": {func(f *fakeCluster, pod string) {
			f.logs[pod] = logOf(f.t, 0, packed{"shard-0.1.json", []byte(`{"index":0}{`)})
			f.ends(pod, map[string]any{"exitCode": 0})
		}, []string{"its document shard-0.1.json cannot be read"}},
		"a container that was started again": {func(f *fakeCluster, pod string) {
			f.logs[pod] = logOf(f.t, 0, packed{"shard-0.1.json", []byte("{}")})
			f.status(pod, func(s map[string]any) {
				s["phase"] = "Succeeded"
				s["containerStatuses"] = []any{map[string]any{"name": suiteContainer, "restartCount": 1, "state": map[string]any{"terminated": map[string]any{"exitCode": 0}}}}
			})
		}, []string{"its container was started 2 times, so what it handed over may be a second run"}},
		"a file outside of the folder": {func(f *fakeCluster, pod string) {
			f.logs[pod] = logOf(f.t, 0, packed{"../../shard-0.1.json", []byte("{}")})
			f.ends(pod, map[string]any{"exitCode": 0})
		}, []string{"which is not below the run's folder"}},
		"deleted before anything": {func(f *fakeCluster, pod string) { f.drop(podsPath + "/" + pod) }, []string{"no pod of it is known; the Job ended: Failed: FailedIndexes"}},
		"refused": {func(f *fakeCluster, pod string) {
			var b strings.Builder
			if _, err := writeFrames(&b, []packed{{footerName, []byte(`{"status":3,"refused":"the image does not have the files"}`)}}, nil); err != nil {
				f.t.Fatal(err)
			}
			f.logs[pod] = b.String()
			f.ends(pod, map[string]any{"exitCode": 3})
		}, []string{"it refused to run: the image does not have the files"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.pods = func(f *fakeCluster, pod string, index int) {
				if index == 0 {
					c.does(f, pod)
				} else {
					f.hand(pod, index, 0)
					f.end("Failed", "FailedIndexes")
				}
			}
			got, out, err := play(t, f, 2, func(x *Executor) { x.Again = "e2e-gate run" })
			if err != nil {
				t.Fatal(err)
			}
			text := got.Absent[0]
			for _, want := range append(c.want, "Run it again: e2e-gate run") {
				if !strings.Contains(text, want) {
					t.Errorf("%q does not say %q", text, want)
				}
			}
			if names := documents(t, out); len(got.Absent) != 1 || !slices.Equal(names, []string{"shard-1.1.json"}) {
				t.Errorf("documents %v, absent %v", names, got.Absent)
			}
		})
	}
}

// A stream that broke off is read again: frames of both readings count.
func TestABrokenLogIsReadAgain(t *testing.T) {
	f := newFake(t)
	f.pods = func(f *fakeCluster, pod string, index int) {
		f.hand(pod, index, 1)
		whole := f.logs[pod]
		f.streams[pod] = []string{whole[:len(whole)/2]}
		f.end("Failed", "FailedIndexes")
	}
	got, out, err := play(t, f, 1, nil)
	if err != nil || len(got.Absent) > 0 || len(documents(t, out)) != 1 {
		t.Errorf("%v %+v", err, got)
	}
}

// Of a second pod of one index both documents are kept: the verdict says that they differ.
func TestTwoPodsOfOneIndex(t *testing.T) {
	second := func(f *fakeCluster, pod string, index int) {
		f.hand(pod, index, 0)
		if !strings.HasSuffix(pod, "again") {
			for name, o := range f.objects {
				if strings.HasPrefix(name, jobsPath) {
					f.pod(o, pod+"-again", index)
				}
			}
			f.end("Complete", "")
		}
	}
	f := newFake(t)
	f.pods = second
	_, out, err := play(t, f, 1, nil)
	if names := documents(t, out); err != nil || len(names) != 2 {
		t.Errorf("%v: documents %v", err, names)
	}
	f = newFake(t)
	f.pods = func(f *fakeCluster, pod string, index int) {
		if strings.HasSuffix(pod, "again") {
			f.ends(pod, map[string]any{"exitCode": 137, "reason": "OOMKilled"})
			return
		}
		second(f, pod, index)
	}
	got, _, err := play(t, f, 1, nil)
	const want = "had a second pod, of which no document arrived"
	if err != nil || len(got.Problems) != 1 || !got.Problems[0].LosesEvidence || !strings.Contains(got.Problems[0].Text, want) {
		t.Errorf("%v %+v", err, got)
	}
}

// silent is a cluster whose logs never come.
type silent struct{ *fakeCluster }

func (s silent) Logs(ctx context.Context, _, pod, container string, query url.Values) (io.ReadCloser, error) {
	if s.logs[pod] != "" {
		return s.fakeCluster.Logs(ctx, "", pod, container, query)
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

// A node that is lost never says that its pods have ended, and no log of them can be read.
func TestAPodThatDoesNotGoIsGivenUp(t *testing.T) {
	f := newFake(t)
	began := time.Now()
	var looks atomic.Int64
	f.pods = func(f *fakeCluster, pod string, index int) {
		if index == 1 {
			f.hand(pod, index, 0)
			return
		}
		p := asMap(f.objects[podsPath+"/"+pod])
		meta(p)["deletionTimestamp"] = began.UTC().Format(time.RFC3339)
		p["status"] = map[string]any{"phase": "Running",
			"conditions":        []any{map[string]any{"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager", "message": "gone"}},
			"containerStatuses": []any{map[string]any{"name": suiteContainer, "state": map[string]any{"running": map[string]any{}}}}}
		f.put(podsPath+"/"+pod, p)
	}
	got, _, err := play(t, f, 2, func(x *Executor) {
		x.API = silent{f}
		x.Now = func() time.Time { return began.Add(time.Duration(looks.Add(1)) * time.Second) }
	})
	want := "was on a node that is lost or that was emptied (DeletionByTaintManager): gone; its node did not say within 1m0s that it has ended"
	if err != nil || len(got.Absent) != 1 || !strings.Contains(got.Absent[0], want) {
		t.Errorf("%v %+v", err, got)
	}
}

func TestAPodThatDoesNotStartIsGivenUp(t *testing.T) {
	f := newFake(t)
	f.events = []kube.Event{{InvolvedObject: kube.ObjectReference{UID: "any"}, Type: "Warning", Reason: "Failed", Message: "manifest unknown"}}
	f.pods = func(f *fakeCluster, pod string, index int) {
		if index == 1 {
			f.hand(pod, index, 0)
			return
		}
		f.status(pod, func(s map[string]any) {
			s["containerStatuses"] = []any{map[string]any{"name": suiteContainer,
				"state": map[string]any{"waiting": map[string]any{"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}}}
		})
	}
	got, _, err := play(t, f, 2, func(x *Executor) { x.Spec.StartTimeout = 300 * time.Millisecond })
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"did not start within 300ms", "cannot get its image (ImagePullBackOff): Back-off pulling image", "manifest unknown"} {
		if !strings.Contains(got.Absent[0], want) {
			t.Errorf("%q does not say %q", got.Absent[0], want)
		}
	}
	if len(got.Absent) != 1 {
		t.Errorf("absent: %v", got.Absent)
	}
}

func TestAJobThatMakesNoPods(t *testing.T) {
	f := newFake(t)
	f.events = []kube.Event{{InvolvedObject: kube.ObjectReference{UID: "any"}, Type: "Warning", Reason: "FailedCreate", Message: "exceeded quota: team"}}
	f.pods = func(f *fakeCluster, pod string, _ int) { f.drop(podsPath + "/" + pod) } // before anybody could see it
	got, _, err := play(t, f, 1, func(x *Executor) { x.Spec.StartTimeout = 30 * time.Millisecond })
	if err != nil || !strings.Contains(got.Absent[0], "the Job created no pod within 30ms: FailedCreate: exceeded quota: team") {
		t.Errorf("%v %+v", err, got)
	}
}

func TestAJobThatSomebodyDeletes(t *testing.T) {
	f := newFake(t)
	f.pods = func(f *fakeCluster, pod string, index int) {
		if index == 0 {
			f.hand(pod, index, 0)
			return
		}
		for name := range f.objects {
			if strings.HasPrefix(name, jobsPath) || strings.HasPrefix(name, podsPath+"/") && strings.HasSuffix(name, pod) {
				f.drop(name)
			}
		}
	}
	got, out, err := play(t, f, 2, nil)
	if err != nil || len(documents(t, out)) != 1 || got.Absent[1] == "" {
		t.Errorf("%v %+v", err, got)
	}
}

func TestWhatKeepsARunFromStarting(t *testing.T) {
	for name, c := range map[string]struct {
		change func(f *fakeCluster, x *Executor)
		want   []string
	}{
		"an old cluster":  {func(f *fakeCluster, _ *Executor) { f.minor = "28+" }, []string{"has Kubernetes v1.28+.0, and 1.29 or newer is needed"}},
		"a missing right": {func(f *fakeCluster, _ *Executor) { f.denied = []string{"get pods/log", "delete jobs"} }, []string{"may not: delete jobs, get pods/log", "kind: Role"}},
		"a feature that is off": {func(f *fakeCluster, _ *Executor) { f.drops = "backoffLimitPerIndex" },
			[]string{"does not keep backoffLimitPerIndex of a Job, so it could run a shard twice"}},
		"another feature that is off": {func(f *fakeCluster, _ *Executor) { f.drops = "podFailurePolicy" }, []string{"does not keep podFailurePolicy"}},
		"no namespace":                {func(_ *fakeCluster, x *Executor) { x.Spec.Namespace = "other" }, []string{"the namespace other does not exist"}},
		"no room": {func(f *fakeCluster, x *Executor) {
			x.Templates["pod.yaml"] = []byte("containers: [{name: suite, image: s, resources: {requests: {cpu: 2}, limits: {cpu: 2}}}]")
			f.objects["/api/v1/namespaces/e2e/resourcequotas/team"] = asMap(map[string]any{"metadata": map[string]any{"name": "team"},
				"status": map[string]any{"hard": map[string]any{"requests.cpu": "4"}, "used": map[string]any{"requests.cpu": "3"}}})
		}, []string{"the quota team leaves no room for the pods: one of 2 asks for 2 of requests.cpu, and 1 of 4 are left"}},
		"nothing said of what a quota counts": {func(f *fakeCluster, _ *Executor) {
			f.objects["/api/v1/namespaces/e2e/resourcequotas/team"] = asMap(map[string]any{"metadata": map[string]any{"name": "team"},
				"status": map[string]any{"hard": map[string]any{"limits.memory": "4Gi"}, "used": map[string]any{}}})
		}, []string{"it asks that each container says its limits.memory, and suite does not"}},
		"more than the limits allow": {func(f *fakeCluster, x *Executor) {
			x.Templates["pod.yaml"] = []byte("containers: [{name: suite, image: s, resources: {limits: {memory: 8Gi}}}]")
			f.objects["/api/v1/namespaces/e2e/limitranges/small"] = asMap(map[string]any{"metadata": map[string]any{"name": "small"},
				"spec": map[string]any{"limits": []any{map[string]any{"type": "Container", "max": map[string]any{"memory": "4Gi"}}}}})
		}, []string{"container suite asks for 8Gi memory, and the most is 4Gi"}},
		"a Job that is refused": {func(f *fakeCluster, _ *Executor) {
			f.refuse["POST jobs"] = &kube.Error{Code: 403, Reason: "Forbidden", Message: "admission webhook denied it"}
		}, []string{"the Job cannot be created: HTTP 403 Forbidden: admission webhook denied it"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			_, _, err := play(t, f, 2, func(x *Executor) { c.change(f, x) })
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not say %q", err, want)
				}
			}
			for name := range f.objects {
				if strings.Contains(name, "/jobs/") || strings.Contains(name, "/configmaps/") {
					t.Errorf("left in the cluster: %s", name)
				}
			}
		})
	}
}

func TestASecondRunOfOneKey(t *testing.T) {
	taken := func(f *fakeCluster, until time.Time) {
		name := claimPrefix + keyOf(planOf(1).Run)
		f.put("/api/v1/namespaces/e2e/configmaps/"+name, asMap(map[string]any{"metadata": map[string]any{"name": name, "labels": map[string]any{labelManaged: managedBy},
			"annotations": map[string]any{noteUntil: until.UTC().Format(time.RFC3339)}}, "data": map[string]any{"run": "e2e-other"}}))
	}
	f := newFake(t)
	taken(f, time.Now().Add(time.Hour))
	if _, _, err := play(t, f, 1, func(x *Executor) { x.Spec.SameKey = RefuseSame }); !errors.Is(err, errTaken) || !strings.Contains(err.Error(), "e2e-other") {
		t.Errorf("refuse: %v", err)
	}
	if _, _, err := play(t, f, 1, nil); err != nil {
		t.Errorf("allow: %v", err)
	}
	f = newFake(t)
	taken(f, time.Now().Add(-time.Second)) // of a run that was killed
	if _, _, err := play(t, f, 1, func(x *Executor) { x.Spec.SameKey = RefuseSame }); err != nil || len(f.objects) > 0 {
		t.Errorf("after a dead run: %v, left %v", err, f.objects)
	}
	f = newFake(t)
	taken(f, time.Now().Add(time.Hour))
	waited := false
	if _, _, err := play(t, f, 1, func(x *Executor) {
		x.Spec.SameKey = WaitSame
		x.Note = func(text string) {
			if strings.Contains(text, "waiting for its end") {
				waited = true
				f.mu.Lock()
				defer f.mu.Unlock()
				f.drop("/api/v1/namespaces/e2e/configmaps/" + claimPrefix + keyOf(planOf(1).Run))
			}
		}
	}); err != nil || !waited {
		t.Errorf("wait: %v, waited %v", err, waited)
	}
}

func TestSweep(t *testing.T) {
	f := newFake(t)
	put := func(kind, name, by string, age time.Duration, notes map[string]any) {
		f.put("/"+kind+"/"+name, asMap(map[string]any{"metadata": map[string]any{"name": name, "labels": map[string]any{labelManaged: by, labelRun: "x"}, "annotations": notes,
			"creationTimestamp": time.Now().Add(-age).UTC().Format(time.RFC3339)}}))
	}
	put("apis/batch/v1/namespaces/e2e/jobs", "old", managedBy, 7*time.Hour, nil)
	put("apis/batch/v1/namespaces/e2e/jobs", "young", managedBy, time.Hour, nil)
	put("apis/batch/v1/namespaces/e2e/jobs", "foreign", "helm", 7*time.Hour, nil)
	put("api/v1/namespaces/e2e/configmaps", "input", managedBy, 7*time.Hour, nil)
	put("api/v1/namespaces/e2e/configmaps", claimPrefix+"x", managedBy, 7*time.Hour,
		map[string]any{noteUntil: time.Now().Add(time.Hour).UTC().Format(time.RFC3339)})
	x := &Executor{API: f}
	removed, err := x.Sweep(t.Context(), 6*time.Hour)
	if err != nil || !slices.Equal(removed, []string{"jobs/old", "configmaps/input"}) {
		t.Errorf("%v: removed %v", err, removed)
	}
}

func TestAStoppedRunLeavesNothing(t *testing.T) {
	f := newFake(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	f.pods = func(f *fakeCluster, pod string, _ int) {
		f.status(pod, func(s map[string]any) {
			s["phase"] = "Running"
			s["containerStatuses"] = []any{map[string]any{"name": suiteContainer, "state": map[string]any{"running": map[string]any{}}}}
		})
		cancel(errors.New("interrupt"))
	}
	x := &Executor{Spec: Spec{Pod: "pod.yaml", Image: "gate:1"}, Templates: map[string][]byte{"pod.yaml": []byte(podSpec)}, API: f, Note: func(string) {}, tick: 10 * time.Millisecond}
	got, err := x.Run(ctx, Work{Plan: planOf(2), Input: Input{Plan: []byte("{}"), Order: []byte("{}")}, Out: t.TempDir()})
	if err != nil || !strings.Contains(got.Absent[0], "the run was stopped before it ended") || len(f.objects) > 0 {
		t.Errorf("%v %+v, left %d", err, got, len(f.objects))
	}
	if _, err := os.Stat(filepath.Join(t.TempDir(), "pods")); err == nil {
		t.Error("documents from nowhere")
	}
}

// Suites with pods of their own have a Job of their own, and each document its shard.
func TestJobsForEachPodSpec(t *testing.T) {
	f := newFake(t)
	plan := planOf(3)
	for i := range plan.Tests {
		plan.Tests[i].Suite = []string{"api", "ui", "api"}[i]
	}
	var said []string
	f.pods = func(f *fakeCluster, pod string, index int) {
		spec := f.objects[podsPath+"/"+pod]["spec"].(map[string]any)
		container := spec["containers"].([]any)[0].(map[string]any)
		for _, e := range container["env"].([]any) {
			if entry := e.(map[string]any); entry["name"] == VariableShards {
				shard, err := ShardOf(entry["value"].(string), strconv.Itoa(index))
				if err != nil {
					t.Error(err)
				}
				said = append(said, fmt.Sprintf("%s runs shard %d", container["image"], shard))
				f.hand(pod, shard, 0)
			}
		}
	}
	x := &Executor{Spec: Spec{Pod: "pod.yaml", Pods: map[string]string{"ui": "ui.yaml"}, Image: "gate:1"}, API: f, Note: func(string) {}, tick: 10 * time.Millisecond,
		Templates: map[string][]byte{"pod.yaml": []byte(podSpec), "ui.yaml": []byte("containers: [{name: suite, image: browser:1}]")}}
	out := t.TempDir()
	got, err := x.Run(t.Context(), Work{Plan: plan, Input: Input{Plan: []byte("{}"), Order: []byte("{}")}, Out: out})
	slices.Sort(said)
	if want := []string{"browser:1 runs shard 1", "suites:1 runs shard 0", "suites:1 runs shard 2"}; err != nil || !slices.Equal(said, want) || len(got.Absent) > 0 || len(f.objects) > 0 {
		t.Errorf("%v: %v, absent %v, left %d", err, said, got.Absent, len(f.objects))
	}
	if names := documents(t, out); !slices.Equal(names, []string{"shard-0.1.json", "shard-1.1.json", "shard-2.1.json"}) {
		t.Errorf("documents %v", names)
	}
}

// Job and pods are watched apart. With many pods, the end of the Job may be seen first: then no shard is lost for it.
func TestTheWatchOfPodsIsBehind(t *testing.T) {
	f := newFake(t)
	f.listed = make(chan struct{})
	got, out, err := play(t, f, 40, nil)
	if err != nil || len(got.Absent) > 0 || len(got.Problems) > 0 || len(documents(t, out)) != 40 {
		t.Errorf("%v, %d documents, absent %v, problems %v", err, len(documents(t, out)), got.Absent, got.Problems)
	}
}
