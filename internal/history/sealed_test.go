package history

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
)

// sealedStore is a store in memory with an answer to whether it is sealed.
type sealedStore struct {
	objects map[string][]byte
	open    error
}

func (s sealedStore) Sealed(context.Context) error { return s.open }

func (s sealedStore) List(context.Context) (list []Object, err error) {
	for name, data := range s.objects {
		list = append(list, Object{Name: name, Size: int64(len(data))})
	}
	return list, nil
}

func (s sealedStore) Get(_ context.Context, name string) ([]byte, error) {
	if data, ok := s.objects[name]; ok {
		return data, nil
	}
	return nil, errors.New("gone")
}

func (s sealedStore) Put(context.Context, string, []byte) error { return errors.New("denied") }
func (s sealedStore) Delete(context.Context, string) error      { return errors.New("denied") }

// TestFoundIn reads records of a store that the job may not write, and nothing of one that it may.
func TestFoundIn(t *testing.T) {
	at := time.Date(2026, 5, 4, 3, 0, 0, 0, time.UTC)
	objects := map[string][]byte{"readme.txt": []byte("x")}
	add := func(n int, change func(*Record)) {
		r := Record{Schema: Schema, RunID: fmt.Sprintf("e2e-%d", 1000+n), WorkflowRun: fmt.Sprint(n), Attempt: 1, Stage: "pr", Main: true, Started: at,
			Subject: e2e.Subject{SHA: "base", Repository: "acme/cases"}, Variant: "linux/amd64", Verdict: e2e.VerdictFailed, Tests: []Entry{{ID: "s::a",
				Outcome: e2e.Failed}}}
		name := recordName(r)
		if change != nil {
			change(&r)
		}
		data, err := encode(r)
		if err != nil {
			t.Fatal(err)
		}
		objects[name] = data
	}
	for n := range 5 {
		add(n, nil)
	}
	add(5, func(r *Record) { r.Main = false })        // of another branch
	add(6, func(r *Record) { r.RunID = "e2e-other" }) // under another name
	objects["e2e-9999.1.0"+recordSuffix] = []byte("no record")
	found, faults, err := FoundIn(t.Context(), sealedStore{objects: objects})
	if err != nil || len(found) != 5 || len(faults) != 2 || found[0].WorkflowRun != "4" || found[0].SHA != "base" {
		t.Errorf("%d, %q, %v", len(found), faults, err)
	}
	runs, refused := Vouched(found, Question{Repository: "acme/cases", Stage: "pr", Variant: "linux/amd64", Commits: []string{"base"},
		Tests: map[string]bool{"s::a": true},
		Now:   at.Add(time.Hour)})
	if len(runs) != 5 || len(refused) > 0 {
		t.Errorf("%+v %q", runs, refused)
	}
	if found, _, err := FoundIn(t.Context(), sealedStore{objects: objects, open: errors.New("it took a write")}); err == nil || len(found) > 0 {
		t.Errorf("%d, %v", len(found), err)
	}
}
