package cluster

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/history"
)

// memory is a store of objects.
type memory struct {
	objects map[string][]byte
	full    bool
}

func (m *memory) List(context.Context) (list []history.Object, err error) {
	for _, name := range slices.Sorted(maps.Keys(m.objects)) {
		list = append(list, history.Object{Name: name})
	}
	return list, nil
}

func (m *memory) Get(_ context.Context, name string) ([]byte, error) {
	if data, ok := m.objects[name]; ok {
		return data, nil
	}
	return nil, errors.New("the object store answered NoSuchKey")
}

func (m *memory) Put(_ context.Context, name string, data []byte) error {
	if m.full {
		return errors.New("the object store answered QuotaExceeded")
	}
	if _, there := m.objects[name]; !there { // as a store with conditional writes does
		m.objects[name] = data
	}
	return nil
}

func (m *memory) Delete(_ context.Context, name string) error {
	delete(m.objects, name)
	return nil
}

// parcel is a run's folder with a document and a log.
func parcelOf(t *testing.T, status int) Parcel {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"shard-0.1.json": `{"index":0}`, "units/0-001-s-1/output.log": "expected 200, got 500"} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	documents := []string{"shard-0.1.json"}
	return Parcel{Dir: dir, Documents: documents, Evidence: EvidenceOf(dir, documents, nil), Status: status}
}

// delivered is the log of a pod that hands over a parcel.
func delivered(t *testing.T, store history.Store, pod string, p Parcel) string {
	t.Helper()
	var log strings.Builder
	if err := Deliver(t.Context(), &log, store, pod, p); err != nil {
		t.Fatal(err)
	}
	return log.String()
}

func TestDocumentsComeByAStore(t *testing.T) {
	for name, c := range map[string]struct {
		store  memory
		change func(m *memory)
		want   string // why there is no document; empty: there is one
		log    bool   // the evidence came too
	}{
		"as they were put":     {log: true},
		"a store that is full": {store: memory{full: true}},
		"another object in their place": {change: func(m *memory) {
			for name := range m.objects {
				data, err := pack([]packed{{"shard-0.1.json", []byte(`{"index":0,"forged":true}`)}})
				if err != nil {
					t.Fatal(err)
				}
				m.objects[name] = data
			}
		}, want: "its digest does not fit: something else was put in its place"},
		"gone": {change: func(m *memory) { clear(m.objects) }, want: "its documents in the store of results cannot be read: the object store answered NoSuchKey"},
		"evidence that is gone": {change: func(m *memory) {
			for name := range m.objects {
				if strings.Contains(name, ".1.") {
					delete(m.objects, name)
				}
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			store := &c.store
			store.objects = map[string][]byte{}
			f := newFake(t)
			f.pods = func(f *fakeCluster, pod string, _ int) {
				f.logs[pod] = delivered(t, store, pod, parcelOf(t, 1))
				if c.change != nil {
					c.change(store)
				}
				f.ends(pod, map[string]any{"exitCode": 1, "reason": "Error"})
				f.end("Failed", "FailedIndexes")
			}
			got, out, err := play(t, f, 1, func(x *Executor) { x.Store = store })
			if err != nil {
				t.Fatal(err)
			}
			if c.want != "" {
				if !strings.Contains(got.Absent[0], c.want) || len(documents(t, out)) > 0 {
					t.Errorf("%q does not say %q", got.Absent[0], c.want)
				}
				return
			}
			_, missing := os.Stat(filepath.Join(out, "units", "0-001-s-1", "output.log"))
			if len(got.Absent) > 0 || len(documents(t, out)) != 1 || (missing == nil) != c.log {
				t.Errorf("absent %v, documents %v, log: %v", got.Absent, documents(t, out), missing)
			}
		})
	}
}

// A test that makes the gate crash and prints documents of its own proves nothing: no shard that left a document ends like that.
func TestACrashedGateLeftNoDocument(t *testing.T) {
	for _, status := range []int{2, 134} {
		f := newFake(t)
		f.pods = func(f *fakeCluster, pod string, _ int) {
			f.logs[pod] = logOf(t, status, packed{"shard-0.1.json", []byte(`{"index":0,"forged":true}`)})
			f.ends(pod, map[string]any{"exitCode": status, "reason": "Error"})
			f.end("Failed", "FailedIndexes")
		}
		got, out, err := play(t, f, 1, nil)
		if err != nil || got.Absent[0] == "" || len(documents(t, out)) > 0 {
			t.Errorf("status %d: %v, absent %v", status, err, got.Absent)
		}
	}
}
