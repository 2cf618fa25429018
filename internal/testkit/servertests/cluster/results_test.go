// Package cluster tests results of pods in an object store against a real one. The cluster is
// played: its pods hand over at once, and end.
package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/org/e2e-gate/internal/cluster"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history/s3store"
	"github.com/org/e2e-gate/internal/kube"
	"github.com/org/e2e-gate/internal/testkit/servertests/objectstore"
)

const (
	runID   = "e2e-1700000000000-0a1b"
	podName = "pod-0"
	jobUID  = "job"
)

// pod is the one that there is, after its end.
const pod = `{"metadata":{"name":"` + podName + `","uid":"pod",
	"annotations":{"batch.kubernetes.io/job-completion-index":"0"},"ownerReferences":[{"uid":"` + jobUID + `"}]},
	"status":{"phase":"Failed","containerStatuses":[{"name":"suite","state":{"terminated":{"exitCode":1,"reason":"Error"}}}]}}`

// played is a cluster in which the Job has one pod, whose log is what deliver says, and which
// ends with 1.
type played struct {
	deliver func(log io.Writer)

	mu   sync.Mutex
	log  bytes.Buffer
	made chan struct{} // closed when the Job was created
}

func (p *played) Namespace() string { return "e2e" }

func (p *played) Create(_ context.Context, dir, _ string, _, into any, _ func(json.RawMessage) bool) error {
	if path.Base(dir) != "jobs" {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deliver(&p.log)
	close(p.made)
	return answer(kube.Job{Metadata: kube.ObjectMeta{UID: jobUID}}, into)
}

func answer(v, into any) error {
	data, err := json.Marshal(v)
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(data, into)
}

func (p *played) Do(_ context.Context, method, name string, _ url.Values, body, into any) error {
	switch {
	case name == "/version":
		return answer(kube.Version{Major: "1", Minor: "33", GitVersion: "v1.33.0"}, into)
	case path.Base(name) == "selfsubjectaccessreviews":
		review := body.(kube.SelfSubjectAccessReview)
		review.Status.Allowed = true
		return answer(review, into)
	case method == http.MethodPost: // a dry run
		return answer(body, into)
	case method == http.MethodGet && path.Base(name) == "pods":
		return answer(map[string]any{"items": []json.RawMessage{json.RawMessage(pod)}}, into)
	case method == http.MethodGet:
		return answer(map[string]any{"items": []any{}}, into)
	}
	return nil
}

func (p *played) Follow(ctx context.Context, name string, _ url.Values, each func(kind string, object json.RawMessage) error) error {
	select {
	case <-p.made:
	case <-ctx.Done():
		return ctx.Err()
	}
	object := `{"metadata":{"uid":"` + jobUID + `"},"status":{"conditions":[{"type":"Failed","status":"True","reason":"FailedIndexes"}]}}`
	if path.Base(name) == "pods" {
		object = pod
	}
	if err := each("LISTED", json.RawMessage(object)); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

func (p *played) Logs(context.Context, string, string, string, url.Values) (io.ReadCloser, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return io.NopCloser(bytes.NewReader(bytes.Clone(p.log.Bytes()))), nil
}

func open(t *testing.T, address, key, secret string) *s3store.Store {
	t.Helper()
	env := map[string]string{"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
	s, err := s3store.New(cluster.StoreOf(address, runID), func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const (
	document = `{"index":0}`
	evidence = "expected 200, got 500"
)

// parcel is what a pod has: a document and the output of a batch.
func parcel(t *testing.T) cluster.Parcel {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"shard-0.1.json": document, "units/0-001-s-1/output.log": evidence} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	documents := []string{"shard-0.1.json"}
	return cluster.Parcel{Dir: dir, Documents: documents, Evidence: cluster.EvidenceOf(dir, documents, nil), Status: 1}
}

// replace puts something else in the place of the objects whose names have a part.
func replace(t *testing.T, server objectstore.Store, part string) {
	t.Helper()
	n := 0
	for o := range server.Client.ListObjects(t.Context(), objectstore.Bucket, minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		if !strings.Contains(o.Key, part) {
			continue
		}
		n++
		const other = "something else"
		_, err := server.Client.PutObject(t.Context(), objectstore.Bucket, o.Key, strings.NewReader(other), int64(len(other)), minio.PutObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n != 1 {
		t.Fatalf("%d objects have %q in their names", n, part)
	}
}

// TestResults: documents and evidence go through a store that each side has its own key for.
func TestResults(t *testing.T) {
	server := objectstore.Start(t)
	address := "s3://" + objectstore.Bucket + "/team/results?endpoint=" + server.Endpoint
	root := [2]string{objectstore.RootKey, objectstore.RootSecret}
	limited := [2]string{objectstore.Key, objectstore.Secret}
	for _, c := range []struct {
		name      string
		allowed   []string // of the limited key
		pod, gate [2]string
		then      func() // what happens before the gate reads
		absent    string // why there is no document; empty: there is one
		note      string
		evidence  bool
		objects   int
	}{
		{name: "a pod that may only write", allowed: []string{"s3:PutObject"}, pod: limited, gate: root, evidence: true, objects: 2},
		{name: "a gate that may only read", allowed: []string{"s3:GetObject"}, pod: root, gate: limited, evidence: true, objects: 2},
		{name: "a pod that may not write", allowed: []string{"s3:GetObject"}, pod: limited, gate: root,
			note: "all evidence: the store of results did not take it (the object store answered AccessDenied)"},
		{name: "a gate that may only write", allowed: []string{"s3:PutObject"}, pod: limited, gate: limited, objects: 2,
			absent: "its documents in the store of results cannot be read: the object store answered AccessDenied"},
		{name: "another object in the place of the document", allowed: []string{"s3:PutObject"}, pod: limited, gate: root, objects: 2,
			then: func() { replace(t, server, podName+".0.") }, absent: "its digest does not fit: something else was put in its place"},
		{name: "another object in the place of the evidence", allowed: []string{"s3:PutObject"}, pod: limited, gate: root, objects: 2,
			then: func() { replace(t, server, podName+".1.") }, note: "its digest does not fit: something else was put in its place"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server.Allow(t, c.allowed...)
			for o := range server.Client.ListObjects(t.Context(), objectstore.Bucket, minio.ListObjectsOptions{Recursive: true}) {
				if err := server.Client.RemoveObject(t.Context(), objectstore.Bucket, o.Key, minio.RemoveObjectOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			var notes strings.Builder
			api := &played{made: make(chan struct{}), deliver: func(log io.Writer) {
				if err := cluster.Deliver(t.Context(), log, open(t, address, c.pod[0], c.pod[1]), podName, parcel(t)); err != nil {
					t.Error(err)
				}
				if c.then != nil {
					c.then()
				}
			}}
			x := cluster.Executor{Spec: cluster.Spec{Pod: "pod.yaml", Image: "gate:1"}, API: api, Store: open(t, address, c.gate[0], c.gate[1]),
				Templates: map[string][]byte{"pod.yaml": []byte("containers: [{name: suite, image: 'suites:1'}]\n")},
				Note:      func(text string) { fmt.Fprintln(&notes, text) }}
			plan := &e2e.Plan{Run: e2e.Run{ID: runID, Stage: "pr"}, Tests: []e2e.PlannedTest{{Test: e2e.Test{ID: "s::a", Suite: "s"}}},
				Shards: []e2e.PlanShard{{Index: 0, Name: "0-mixed", Tests: []string{"s::a"}}}}
			out := t.TempDir()
			got, err := x.Run(t.Context(), cluster.Work{Plan: plan, Input: cluster.Input{Plan: []byte("{}"), Order: []byte("{}")}, Out: out})
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Problems) > 0 || (got.Absent[0] == "") != (c.absent == "") || !strings.Contains(got.Absent[0], c.absent) {
				t.Errorf("absent %q, want %q; problems %v", got.Absent[0], c.absent, got.Problems)
			}
			if data, err := os.ReadFile(filepath.Join(out, "pods", podName, "shard-0.1.json")); (c.absent == "") != (string(data) == document) {
				t.Errorf("the document: %q, %v", data, err)
			}
			if data, err := os.ReadFile(filepath.Join(out, "units", "0-001-s-1", "output.log")); c.evidence != (string(data) == evidence) {
				t.Errorf("the evidence: %q, %v", data, err)
			}
			if !strings.Contains(notes.String(), c.note) {
				t.Errorf("it does not say %q:\n%s", c.note, notes.String())
			}
			n := 0
			for o := range server.Client.ListObjects(t.Context(), objectstore.Bucket, minio.ListObjectsOptions{Recursive: true}) {
				if n++; !strings.HasPrefix(o.Key, "team/results/"+runID+"/"+podName+".") {
					t.Errorf("an object of another place: %s", o.Key)
				}
			}
			if n != c.objects {
				t.Errorf("%d objects, want %d", n, c.objects)
			}
		})
	}
}
