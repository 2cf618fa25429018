package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

// TestLogLines: a failed attempt gets the lines of its own test, the last ones, whatever else the logs hold.
func TestLogLines(t *testing.T) {
	dir := t.TempDir()
	mine, other, passed := e2e.CorrelationOf("e2e-1", 1, "mine"), e2e.CorrelationOf("e2e-1", 1, "other"), e2e.CorrelationOf("e2e-1", 1, "passed")
	var api strings.Builder
	for i := range 30 {
		fmt.Fprintf(&api, "line %d of %s\n", i, other)
	}
	fmt.Fprintf(&api, "{\"id\":%q,\"again\":%q,\"msg\":\"refused\"}\nnothing\nof another run: e2e-2%s\n%s is fine\n", mine, mine, strings.TrimPrefix(mine, "e2e-1"), passed)
	api.WriteString(strings.Repeat("x", 200<<10) + mine + "\n" + mine + strings.Repeat("y", 200<<10) + "\n" + mine + " \xff no line end")
	for name, text := range map[string]string{"api.log": api.String(), "db.log": mine + " in the database\r\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	attempt := func(outcome e2e.Outcome, id string) []e2e.Attempt {
		return []e2e.Attempt{{N: 1, Outcome: outcome, TestCorrelation: id}}
	}
	shard := []e2e.TestRun{{ID: "mine", Attempts: attempt(e2e.Failed, mine)}, {ID: "other", Attempts: attempt(e2e.Failed, other)},
		{ID: "passed", Attempts: attempt(e2e.Passed, passed)}}
	docs := []e2e.ShardRun{{Run: e2e.Run{ID: "e2e-1"}, Logs: []string{"db.log", "api.log", "gone.log"}, Tests: shard}}
	planned := []e2e.PlannedTest{{Test: e2e.Test{Name: "mine"}}, {Test: e2e.Test{Name: "a::other"}}, {Test: e2e.Test{Name: "b::other"}}}
	addLogLines(dir, planned, docs)
	got := docs[0].Tests
	if list := got[0].Attempts[0].Evidence; len(list) != 2 || list[0].Source != "log of api" || list[1].Text != mine+" in the database" ||
		list[1].Source != "log of db" {
		t.Fatalf("%+v", list)
	}
	lines := strings.Split(got[0].Attempts[0].Evidence[0].Text, "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], "refused") || len(lines[1]) > lineBytes+len("…") || lines[2] != mine+" \uFFFD no line end" {
		t.Errorf("%q", lines)
	}
	lines = strings.Split(got[1].Attempts[0].Evidence[0].Text, "\n")
	if len(lines) != logLines || lines[0] != "line 10 of "+other || lines[logLines-1] != "line 29 of "+other {
		t.Errorf("%q", lines)
	}
	if source := got[1].Attempts[0].Evidence[0].Source; source != "log of api, of any of 2 tests with this name" {
		t.Error(source)
	}
	if len(got[2].Attempts[0].Evidence) != 0 || len(shard[0].Attempts[0].Evidence) != 0 {
		t.Error("a passed test, or the shard's own list, has lines")
	}
}
