package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/kube"
)

// fakeCluster has the objects of one namespace and a controller for Indexed Jobs. What a real API server and a real controller do is
// shown by the tests of internal/testkit/kubernetes; this one plays pods that end in any way, at once.
type fakeCluster struct {
	t *testing.T

	mu       sync.Mutex
	objects  map[string]map[string]any // by path
	watchers []watcher
	version  int
	// pods plays the pod of an index; nil: it hands over its document and ends with 0.
	pods func(f *fakeCluster, pod string, index int)
	logs map[string]string
	// streams are what the next readings of a log give before they break off.
	streams map[string][]string
	denied  []string
	minor   string
	drops   string // field of a Job that is not kept
	deaf    string // the watch of this kind breaks off before anything happens, and does not begin anew
	refuse  map[string]error
	calls   []string
	events  []kube.Event
	// listed: the watch of pods is behind. It gives nothing until pods were listed, and then how they were before their end.
	listed chan struct{}
}

type watcher struct {
	path string
	ch   chan change
}

type change struct {
	kind   string
	object json.RawMessage
}

func newFake(t *testing.T) *fakeCluster {
	return &fakeCluster{t: t, objects: map[string]map[string]any{}, logs: map[string]string{}, streams: map[string][]string{}, minor: "33",
		refuse: map[string]error{}}
}

func (f *fakeCluster) Namespace() string { return "e2e" }

func asMap(v any) map[string]any {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	m, err := decoded(data)
	if err != nil {
		panic(err)
	}
	return m
}

func meta(o map[string]any) map[string]any { return o["metadata"].(map[string]any) }

func notFound() error { return &kube.Error{Code: http.StatusNotFound, Reason: "NotFound"} }

func (f *fakeCluster) tell(kind, p string, o map[string]any) {
	f.version++
	meta(o)["resourceVersion"] = strconv.Itoa(f.version)
	data, _ := json.Marshal(o)
	for _, w := range f.watchers {
		if w.path == path.Dir(p) {
			w.ch <- change{kind, data}
		}
	}
}

func (f *fakeCluster) put(p string, o map[string]any) {
	kind := "MODIFIED"
	if f.objects[p] == nil {
		kind = "ADDED"
		f.version++
		meta(o)["uid"] = fmt.Sprintf("uid-%d", f.version)
		if meta(o)["creationTimestamp"] == nil {
			meta(o)["creationTimestamp"] = time.Now().UTC().Format(time.RFC3339)
		}
	}
	f.objects[p] = o
	f.tell(kind, p, o)
}

func (f *fakeCluster) drop(p string) {
	if o := f.objects[p]; o != nil {
		delete(f.objects, p)
		f.tell("DELETED", p, o)
	}
}

func (f *fakeCluster) Create(ctx context.Context, dir, name string, object, into any, _ func(json.RawMessage) bool) error {
	return f.Do(ctx, http.MethodPost, dir, nil, object, into)
}

func (f *fakeCluster) Do(_ context.Context, method, p string, query url.Values, body, into any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, method+" "+p)
	answer := func(v any) error {
		if into == nil {
			return nil
		}
		data, _ := json.Marshal(v)
		return json.Unmarshal(data, into)
	}
	if err := f.refuse[method+" "+path.Base(p)]; err != nil && query.Get("dryRun") == "" {
		return err
	}
	switch {
	case p == "/version":
		return answer(kube.Version{Major: "1", Minor: f.minor, GitVersion: "v1." + f.minor + ".0"})
	case strings.HasSuffix(p, "/selfsubjectaccessreviews"):
		review := body.(kube.SelfSubjectAccessReview)
		a := review.Spec.ResourceAttributes
		review.Status.Allowed = !slices.Contains(f.denied, a.Verb+" "+strings.TrimSuffix(a.Resource+"/"+a.Subresource, "/"))
		return answer(review)
	case p == "/api/v1/namespaces/e2e":
		return answer(kube.Namespace{Status: kube.NamespaceStatus{Phase: "Active"}})
	case strings.HasSuffix(p, "/events"):
		uid := strings.TrimPrefix(query.Get("fieldSelector"), "involvedObject.uid=")
		var list kube.List[kube.Event]
		for _, e := range f.events {
			if e.InvolvedObject.UID == uid || e.InvolvedObject.UID == "any" {
				list.Items = append(list.Items, e)
			}
		}
		return answer(list)
	case method == http.MethodPost:
		o := asMap(body)
		if query.Get("dryRun") == "All" {
			spec := o["spec"].(map[string]any)
			delete(spec, f.drops)
			return answer(o)
		}
		name := p + "/" + meta(o)["name"].(string)
		if f.objects[name] != nil {
			return &kube.Error{Code: http.StatusConflict, Reason: "AlreadyExists"}
		}
		f.put(name, o)
		if strings.HasSuffix(p, "/jobs") {
			f.start(name)
		}
		return answer(o)
	case method == http.MethodPut:
		f.put(p, asMap(body))
		return nil
	case method == http.MethodDelete:
		o := f.objects[p]
		if o == nil {
			return notFound()
		}
		f.drop(p)
		for name, owned := range f.objects {
			owners, _ := meta(owned)["ownerReferences"].([]any)
			for _, owner := range owners {
				if owner.(map[string]any)["uid"] == meta(o)["uid"] {
					f.drop(name)
				}
			}
		}
		return nil
	case method == http.MethodGet && f.objects[p] != nil:
		return answer(f.objects[p])
	case method == http.MethodGet && slices.Contains([]string{"jobs", "pods", "configmaps", "resourcequotas", "limitranges"}, path.Base(p)):
		if f.listed != nil && p == podsPath {
			defer close(f.listed)
		}
		return answer(map[string]any{"items": f.under(p, query.Get("labelSelector"))})
	}
	return notFound()
}

func (f *fakeCluster) under(dir, selector string) (list []map[string]any) {
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range f.objects {
			if !yield(name) {
				return
			}
		}
	}) {
		labels, _ := meta(f.objects[name])["labels"].(map[string]any)
		ok := path.Dir(name) == dir
		for pair := range strings.SplitSeq(selector, ",") {
			key, value, has := strings.Cut(pair, "=")
			ok = ok && (!has || labels[key] == value)
		}
		if ok {
			list = append(list, f.objects[name])
		}
	}
	return list
}

func (f *fakeCluster) Follow(ctx context.Context, dir string, query url.Values, each func(kind string, object json.RawMessage) error) error {
	f.mu.Lock()
	ch := make(chan change, 1000)
	if path.Base(dir) == f.deaf {
		f.mu.Unlock()
		<-ctx.Done()
		return ctx.Err()
	}
	f.watchers = append(f.watchers, watcher{dir, ch})
	var first []json.RawMessage
	for _, o := range f.under(dir, query.Get("labelSelector")) {
		data, _ := json.Marshal(o)
		first = append(first, data)
	}
	f.mu.Unlock()
	if f.listed != nil && dir == podsPath {
		return f.followLate(ctx, first, each)
	}
	for _, o := range first {
		if err := each("LISTED", o); err != nil {
			return err
		}
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case c := <-ch:
			if err := each(c.kind, c.object); err != nil {
				return err
			}
		}
	}
}

// followLate is Follow of pods that is behind: what it gives was before what a list gave.
func (f *fakeCluster) followLate(ctx context.Context, pods []json.RawMessage, each func(kind string, object json.RawMessage) error) error {
	select {
	case <-f.listed:
	case <-ctx.Done():
	}
	for _, o := range pods {
		p, err := decoded(o)
		if err != nil {
			return err
		}
		p["status"] = map[string]any{"phase": "Running", "containerStatuses": []any{map[string]any{"name": suiteContainer, "state": map[string]any{"running": map[string]any{}}}}}
		old, _ := json.Marshal(p)
		if err := each("LISTED", old); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

func (f *fakeCluster) Logs(_ context.Context, _, pod, container string, _ url.Values) (io.ReadCloser, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if container != suiteContainer {
		f.t.Errorf("the log of container %q was asked for", container)
	}
	if parts := f.streams[pod]; len(parts) > 0 {
		f.streams[pod] = parts[1:]
		return io.NopCloser(io.MultiReader(strings.NewReader(parts[0]), broken{})), nil
	}
	text, ok := f.logs[pod]
	if !ok {
		return nil, notFound()
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

const (
	podsPath = "/api/v1/namespaces/e2e/pods"
	jobsPath = "/apis/batch/v1/namespaces/e2e/jobs"
)

// start makes the pods of a Job, and lets each end.
func (f *fakeCluster) start(job string) {
	o := f.objects[job]
	n, _ := o["spec"].(map[string]any)["completions"].(json.Number).Int64()
	for i := range int(n) {
		f.pod(o, fmt.Sprintf("%s-%d-abcde", meta(o)["name"], i), i)
	}
	if f.pods == nil {
		f.end("Complete", "")
	}
}

// pod makes a pod of an index.
func (f *fakeCluster) pod(job map[string]any, name string, index int) {
	tmpl := job["spec"].(map[string]any)["template"].(map[string]any)
	p := asMap(tmpl)
	m := meta(p)
	m["name"] = name
	m["annotations"] = map[string]any{kube.CompletionIndex: strconv.Itoa(index)}
	m["ownerReferences"] = []any{map[string]any{"uid": meta(job)["uid"]}}
	p["spec"].(map[string]any)["nodeName"] = "node-1"
	p["status"] = map[string]any{"phase": "Pending"}
	f.put(podsPath+"/"+name, p)
	if f.pods != nil {
		f.pods(f, name, index)
		return
	}
	f.hand(name, index, 0)
}

// hand lets a pod hand over the document of its shard, and end.
func (f *fakeCluster) hand(name string, index, status int) {
	f.logs[name] = logOf(f.t, status, packed{fmt.Sprintf("shard-%d.1.json", index), []byte(fmt.Sprintf(`{"index":%d,"pod":%q}`, index, name))})
	f.ends(name, map[string]any{"exitCode": status, "reason": map[bool]string{true: "Completed", false: "Error"}[status == 0]})
}

// ends sets how the suites' container of a pod ended.
func (f *fakeCluster) ends(name string, terminated map[string]any) {
	f.status(name, func(status map[string]any) {
		status["phase"] = "Failed"
		if fmt.Sprint(terminated["exitCode"]) == "0" {
			status["phase"] = "Succeeded"
		}
		status["containerStatuses"] = []any{map[string]any{"name": suiteContainer, "state": map[string]any{"terminated": terminated}}}
	})
}

func (f *fakeCluster) status(name string, change func(map[string]any)) {
	p := asMap(f.objects[podsPath+"/"+name])
	status := p["status"].(map[string]any)
	change(status)
	f.put(podsPath+"/"+name, p)
}

// end ends the Job.
func (f *fakeCluster) end(kind, reason string) {
	for name, o := range f.objects {
		if path.Dir(name) == jobsPath {
			job := asMap(o)
			job["status"] = map[string]any{"conditions": []any{map[string]any{"type": kind, "status": "True", "reason": reason}}}
			f.put(name, job)
		}
	}
}

func logOf(t *testing.T, status int, files ...packed) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("shard 0 of 1: PASSED\n")
	footing, _ := json.Marshal(footer{Status: status})
	if _, err := writeFrames(&b, append(files, packed{footerName, footing}), nil); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const podSpec = "containers:\n  - {name: suite, image: suites:1}\n"

// planOf is a plan of so many shards with a test each.
func planOf(shards int) *e2e.Plan {
	p := &e2e.Plan{Run: e2e.Run{ID: "e2e-1700000000000-0a1b", Stage: "pr"}}
	for i := range shards {
		id := fmt.Sprintf("s::%d", i)
		p.Tests = append(p.Tests, e2e.PlannedTest{Test: e2e.Test{ID: id}})
		p.Shards = append(p.Shards, e2e.PlanShard{Index: i, Name: fmt.Sprintf("%d-payments", i), Tests: []string{id}, Owners: []string{"payments"}})
	}
	return p
}

// play runs a plan in a fake cluster.
func play(t *testing.T, f *fakeCluster, shards int, change func(*Executor)) (Outcome, string, error) {
	t.Helper()
	out := t.TempDir()
	x := &Executor{Spec: Spec{Pod: "pod.yaml", Image: "gate:1"}, Templates: map[string][]byte{"pod.yaml": []byte(podSpec)}, API: f, Note: func(text string) { t.Log(text) }, tick: 10 * time.Millisecond}
	if change != nil {
		change(x)
	}
	got, err := x.Run(t.Context(), Work{Plan: planOf(shards), Input: Input{Plan: []byte("{}"), Order: []byte("{}")}, Out: out})
	return got, out, err
}
