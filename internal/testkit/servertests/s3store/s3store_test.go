// Package s3store tests history in an object store against a real one.
package s3store

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/history/s3store"
	"github.com/org/e2e-gate/internal/testkit/servertests/objectstore"
)

func open(t *testing.T, address, key, secret string) *s3store.Store {
	t.Helper()
	env := map[string]string{"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
	s, err := s3store.New(address, func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	server := objectstore.Start(t)
	address := "s3://" + objectstore.Bucket + "/team/history?endpoint=" + server.Endpoint
	s := open(t, address, objectstore.RootKey, objectstore.RootSecret)
	t.Run("immutable", func(t *testing.T) {
		if list, err := s.List(t.Context()); err != nil || len(list) != 0 {
			t.Fatalf("%v %v", list, err)
		}
		for _, text := range []string{"first", "second"} {
			if err := s.Put(t.Context(), "a", []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		list, err := s.List(t.Context())
		if err != nil || len(list) != 1 || list[0].Name != "a" || list[0].Size != 5 {
			t.Errorf("%v %v", list, err)
		}
		if data, err := s.Get(t.Context(), "a"); err != nil || string(data) != "first" {
			t.Errorf("%s %v", data, err)
		}
		for range 2 {
			if err := s.Delete(t.Context(), "a"); err != nil {
				t.Error(err)
			}
		}
		if _, err := s.Get(t.Context(), "a"); err == nil || !strings.Contains(err.Error(), "NoSuchKey") {
			t.Error(err)
		}
	})
	t.Run("50 writers", func(t *testing.T) { writers(t, s) })
	t.Run("another prefix", func(t *testing.T) {
		other := open(t, strings.Replace(address, "/team/history", "/team", 1), objectstore.RootKey, objectstore.RootSecret)
		if list, err := other.List(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("%v %v", list, err)
		}
	})
	t.Run("denied", func(t *testing.T) {
		stranger := open(t, address, objectstore.Key, objectstore.Secret)
		if _, err := stranger.List(t.Context()); err == nil || !strings.Contains(err.Error(), "AccessDenied") || strings.Contains(err.Error(), "127.0.0.1") {
			t.Error(err)
		}
		if err := stranger.Put(t.Context(), "b", nil); err == nil {
			t.Error("written")
		}
	})
	t.Run("sealed", func(t *testing.T) {
		reader := open(t, address, objectstore.Key, objectstore.Secret)
		server.Allow(t, "s3:GetObject", "s3:ListBucket")
		if err := reader.Sealed(t.Context()); err != nil {
			t.Errorf("a key that may only read: %v", err)
		}
		if _, err := reader.List(t.Context()); err != nil {
			t.Error(err)
		}
		before := len(server.Objects(t))
		server.Allow(t, "s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:DeleteObject")
		if err := reader.Sealed(t.Context()); err == nil || !strings.Contains(err.Error(), "may write the history's bucket") {
			t.Errorf("a key that may write: %v", err)
		}
		if after := len(server.Objects(t)); after != before {
			t.Errorf("the check left %d objects", after-before)
		}
		wrong := open(t, address, objectstore.Key, "another secret")
		if err := wrong.Sealed(t.Context()); err == nil || !strings.Contains(err.Error(), "it is not known") {
			t.Errorf("a wrong secret: %v", err)
		}
	})
}

// Concurrent writers lose nothing.
func writers(t *testing.T, s *s3store.Store) {
	log := &history.Log{Store: s}
	var all sync.WaitGroup
	for w := range 50 {
		all.Go(func() {
			r := history.Record{Schema: history.Schema, RunID: fmt.Sprintf("e2e-%013d-x", 1_700_000_000_000+w), Attempt: 1,
				Started: time.Unix(1_700_000_000+int64(w), 0),
				Tests:   []history.Entry{{ID: fmt.Sprintf("t%d", w), Suite: "s", Outcome: e2e.Passed, Seconds: 1}}}
			if err := log.Save(t.Context(), r); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for range 2 { // the second reads a snapshot
		stats, skipped, err := log.Load(t.Context())
		if err != nil || len(skipped) > 0 || len(stats.Known("s")) != 50 {
			t.Errorf("%d of 50 are there; %v %v", len(stats.Known("s")), skipped, err)
		}
	}
}
