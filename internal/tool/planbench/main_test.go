package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/need"
)

// Every planner places every test, and ours is not beaten where it says it is not.
func TestPlanners(t *testing.T) {
	need.NoRaceDetector(t)
	file := filepath.Join(t.TempDir(), "suite.csv")
	var table strings.Builder
	table.WriteString("date,commit,test,seconds\n")
	for _, date := range []string{"2026-01-01", "2026-02-01"} {
		for i := range 60 {
			table.WriteString(date + ",c,a/b" + string(rune('0'+i%3)) + "/t" + string(rune('A'+i)) + "," + string(rune('1'+i%7)) + "\n")
		}
	}
	if err := os.WriteFile(file, []byte(table.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := read(file)
	if err != nil || len(d.known) != 60 || len(d.next) != 60 {
		t.Fatalf("%d known, %d next: %v", len(d.known), len(d.next), err)
	}
	for _, p := range planners {
		for _, shard := range p.plan(d.known, 4) {
			if shard < 0 || shard > 3 {
				t.Errorf("%s: shard %d", p.name, shard)
			}
		}
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	if err := run(out, "2,4", []string{file}); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(out.Name())
	if lines := strings.Count(string(text), "\n"); lines != 1+2*len(planners) {
		t.Errorf("%d lines:\n%s", lines, text)
	}
}
