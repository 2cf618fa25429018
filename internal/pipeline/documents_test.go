package pipeline

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

// Whatever byte of a shard's document is changed, it is not read.
func TestChecksumOfAShardsDocument(t *testing.T) {
	s := verdictSession(t, 1)
	if err := s.writeShards(t.Context(), []e2e.ShardRun{shardDoc(s, 0, 1, pass("s::a", "s::b"))}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(s.out, "shard-0.1.json")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var doc e2e.ShardRun
	if _, err := readWhole(t.Context(), file, e2e.ShardSchema, &doc); err != nil || len(doc.Checksum) != 64 || doc.Checksum == noChecksum {
		t.Fatalf("%v, checksum %q", err, doc.Checksum)
	}
	for i := range good {
		bad := slices.Clone(good)
		bad[i] ^= 1
		if hasItsChecksum(bad) {
			t.Fatalf("byte %d may be changed", i)
		}
	}
	for name, bad := range map[string][]byte{
		"another format":  []byte(strings.ReplaceAll(string(good), "\n", "")),
		"another outcome": []byte(strings.Replace(string(good), `"passed"`, `"failed"`, 1)),
		"another order":   []byte(strings.Replace(string(good), `"complete"`, `"checksum": "`+doc.Checksum+`", "complete"`, 1)),
		"more at the end": append(slices.Clone(good), '\n'),
	} {
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := readWhole(t.Context(), file, e2e.ShardSchema, &doc)
		if err == nil || !strings.Contains(err.Error(), "changed after the gate wrote it") && !strings.Contains(err.Error(), "duplicate field") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// Documents below .e2e-gate/runs that git tracks came with the checkout, and are not read.
func TestDocumentsThatCameWithTheCheckout(t *testing.T) {
	only := func(name string) func(context.Context) (func(string) bool, error) {
		return func(context.Context) (func(string) bool, error) { return func(n string) bool { return n == name }, nil }
	}
	for name, tc := range map[string]struct {
		tracked func(context.Context) (func(string) bool, error)
		read    int
		note    string
	}{
		"nothing is tracked":      {func(context.Context) (func(string) bool, error) { return nil, nil }, 2, ""},
		"one is tracked":          {only("r1/shard-0.1.json"), 1, "git tracks this file"},
		"git cannot be asked":     {func(context.Context) (func(string) bool, error) { return nil, errors.New("no git") }, 0, "no git"},
		"there is no one to ask":  {nil, 2, ""},
		"only another is tracked": {only("r3/result.json"), 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := verdictSession(t, 2)
			notes := &quiet{}
			s.opts.Progress, s.opts.Tracked = notes, tc.tracked
			elsewhere := s.out
			for _, run := range []string{"r1", "r2"} {
				s.out = filepath.Join(s.runs(), run)
				r := e2e.Result{Schema: e2e.ResultSchema, Run: s.run}
				docs := []e2e.ShardRun{shardDoc(s, 0, 1, pass("s::a", "s::b"))}
				if err := errors.Join(s.writeShards(t.Context(), docs), s.write(t.Context(), "result.json", r)); err != nil {
					t.Fatal(err)
				}
			}
			s.out = elsewhere
			docs, bad := s.ours(t.Context()).readShards(t.Context(), s.runs())
			if len(docs) != tc.read || len(bad) > 0 || tc.note != "" && !strings.Contains(strings.Join(notes.notes, "\n"), tc.note) {
				t.Errorf("%d documents, %v, %q", len(docs), bad, notes.notes)
			}
			// The results of a run are left out in the same way.
			s.opts.Tracked = only("r2/result.json")
			if runs := s.ours(t.Context()).readRuns(s.runs()); len(runs) != 1 {
				t.Errorf("%d results", len(runs))
			}
			// Elsewhere the user says what is read.
			if err := s.writeShards(t.Context(), []e2e.ShardRun{shardDoc(s, 1, 1, pass("s::c"))}); err != nil {
				t.Fatal(err)
			}
			if docs, _ := s.ours(t.Context()).readShards(t.Context(), s.out); len(docs) != 1 || docs[0].Name != "shard-1.1.json" || len(docs[0].Sum) != 64 {
				t.Errorf("got %+v", docs)
			}
		})
	}
}

func hasItsChecksum(data []byte) bool {
	b := newBlanked()
	_, _ = b.Write(data)
	return b.fits()
}
