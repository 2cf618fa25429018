package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func newCase(t *testing.T, s *store, reference string) caseFile {
	t.Helper()
	f, err := s.create(command{action: actCreate, role: officer, details: details{Reference: reference, Title: "x"}})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func appendToJournal(t *testing.T, dir, text string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, "journal.jsonl"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func TestJournalIsReplayed(t *testing.T) {
	dir := t.TempDir()
	s := openTestStore(t, dir)
	id := newCase(t, s, "R-1").ID
	want, err := s.step(id, command{action: actSubmit, actor: "olivia", role: officer, correlationID: "c-1"})
	if err != nil {
		t.Fatal(err)
	}
	s.close()

	again := openTestStore(t, dir)
	if got, err := again.get(id); err != nil || got != want {
		t.Errorf("replayed %+v, %v\nwant %+v", got, err, want)
	}
	if got := again.list("R-"); len(got) != 1 {
		t.Errorf("work list after replay: %v", got)
	}
	if next := newCase(t, again, "R-2"); next.ID == id {
		t.Errorf("id %s was given twice", id)
	}
	_, err = again.create(command{action: actCreate, details: details{Reference: "R-1", Title: "x"}})
	if !errors.Is(err, errConflict) {
		t.Errorf("reference taken before the restart: %v, want a conflict", err)
	}
}

func TestHalfWrittenLastLineIsCutOff(t *testing.T) {
	dir := t.TempDir()
	s := openTestStore(t, dir)
	newCase(t, s, "R-1")
	s.close()
	appendToJournal(t, dir, `{"case":"CASE-1002","seq`)

	s = openTestStore(t, dir)
	newCase(t, s, "R-2") // must not continue the broken line
	s.close()
	if got := len(openTestStore(t, dir).list("")); got != 2 {
		t.Errorf("%d cases after two restarts, want 2", got)
	}
}

func TestDamagedJournalIsRefused(t *testing.T) {
	for _, tt := range []struct{ name, line, want string }{
		{"no JSON", "garbage", "line 1"},
		{"event before its case", `{"case":"CASE-9","action":"submit"}`, "never created"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			appendToJournal(t, dir, tt.line+"\n")
			j, err := openFile(dir)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := openStore(j); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v does not say %q", err, tt.want)
			}
		})
	}
}

func TestFailedWriteStopsTheStore(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	f := newCase(t, s, "R-1")
	s.close() // as good as a full disk
	submit := command{action: actSubmit, role: officer}
	for range 2 {
		if _, err := s.step(f.ID, submit); !errors.Is(err, errUnavailable) {
			t.Errorf("submit: %v, want unavailable", err)
		}
	}
	if got, _ := s.get(f.ID); got.State != draft {
		t.Errorf("state %s after a write that failed, want draft", got.State)
	}
	if s.healthy() {
		t.Error("store is healthy after a write that failed")
	}
}

func TestOneOfManyWins(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	id := newCase(t, s, "R-1").ID
	const callers = 8
	var running sync.WaitGroup
	errs := make([]error, callers)
	for i := range callers {
		running.Go(func() {
			_, errs[i] = s.step(id, command{action: actSubmit, actor: fmt.Sprint(i), role: officer})
			s.publish()
			s.list("R-")
		})
	}
	running.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, errConflict) {
			t.Errorf("loser got %v, want a conflict", err)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d submits succeeded, want 1", won, callers)
	}
}
