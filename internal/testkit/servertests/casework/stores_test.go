//go:build unix

// Package casework runs the example casework with a real PostgreSQL and a real object
// store.
package casework

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/gatebin"
	"github.com/org/e2e-gate/internal/testkit/need"
	"github.com/org/e2e-gate/internal/testkit/servers"
	"github.com/org/e2e-gate/internal/testkit/servertests/objectstore"
)

// stores are what the second config of the example needs.
type stores struct {
	gate     string // the program
	root     string
	postgres *servers.Postgres
	objects  objectstore.Store
}

// everything is what the service does with its bucket, and the gate tries.
var everything = []string{"s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:ListBucket"}

// run runs the example with the second config.
func (s stores) run(t *testing.T, env ...string) (status int, r e2e.Result, printed string) {
	t.Helper()
	environ := []string{"NO_COLOR=1", "GATE_HISTORY=" + t.TempDir(), "GATES_TIMEOUT=20s", "STORES_DATABASE_URL=" + s.postgres.DSN("casework_template"),
		"STORE_ENDPOINT=" + s.objects.Endpoint, "STORE_BUCKET=" + objectstore.Bucket, "STORE_ACCESS_KEY=" + objectstore.Key, "STORE_SECRET_KEY=" + objectstore.Secret}
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); !strings.HasPrefix(name, "GITHUB_") && !strings.HasPrefix(name, "E2E_") && !strings.HasPrefix(name, "CASE") {
			environ = append(environ, kv)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	dir := t.TempDir()
	// In a process of its own: the gateway in this one depends on its working directory.
	cmd := exec.CommandContext(ctx, s.gate, "run", "--config", "examples/casework/e2e-gate.stores.yml", "--out", dir)
	cmd.Dir, cmd.Env = s.root, append(environ, env...)
	output, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	status, printed = cmd.ProcessState.ExitCode(), string(output)
	data, err := os.ReadFile(filepath.Join(dir, "result.json"))
	if err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	s.postgres.NothingLeft(t, dir, printed, objectstore.Secret)
	return status, r, printed
}

// TestStores runs the example against a real PostgreSQL and a real object store.
func TestStores(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		need.Missing(t, "the example needs the go command in PATH")
	}
	root := gatebin.Root(t)
	s := stores{gatebin.Build(t), root, servers.StartPostgres(t), objectstore.Start(t)}
	servers.Exec(t, "pgx", s.postgres.DSN("postgres"), "CREATE DATABASE casework_template")
	schema, err := os.ReadFile(filepath.Join(root, "examples/casework/schema.sql"))
	if err != nil {
		t.Fatal(err)
	}
	servers.Exec(t, "pgx", s.postgres.DSN("casework_template"), string(schema))

	t.Run("all is well", func(t *testing.T) {
		s.objects.Allow(t, everything...)
		status, r, printed := s.run(t)
		if status != e2e.ExitPassed || r.Verdict.State != e2e.VerdictPassed || len(r.Shards) != 2 {
			t.Fatalf("status %d, %+v\n%s", status, r.Verdict, printed)
		}
		for _, test := range r.Tests {
			if test.Outcome != e2e.Passed {
				t.Errorf("%s %s", test.ID, test.Outcome)
			}
		}
		if left := s.objects.Objects(t); len(left) != 1 { // the document of the test
			t.Errorf("objects %v", left)
		}
	})
	t.Run("an upload is allowed and its reading is denied", func(t *testing.T) {
		s.objects.Allow(t, "s3:PutObject", "s3:ListBucket", "s3:DeleteObject")
		status, r, printed := s.run(t)
		const line = "put allowed, get denied (AccessDenied), list allowed, delete allowed"
		if status != e2e.ExitNotJudged || len(r.Tests) != 0 || !strings.Contains(strings.Join(strings.Fields(printed), " "), line) {
			t.Errorf("status %d, %d tests, no line %q in\n%s", status, len(r.Tests), line, printed)
		}
		for _, g := range r.Gates {
			if g.Name == "documents" && (g.Observed != line || g.Finality != e2e.Never) {
				t.Errorf("%+v", g)
			}
		}
	})
	t.Run("the template is behind", func(t *testing.T) {
		s.objects.Allow(t, everything...)
		servers.Exec(t, "pgx", s.postgres.DSN("casework_template"), "UPDATE schema_migrations SET version = 0")
		defer servers.Exec(t, "pgx", s.postgres.DSN("casework_template"), "UPDATE schema_migrations SET version = 1")
		status, r, printed := s.run(t, "GATES_TIMEOUT=1s")
		if status != e2e.ExitNotJudged || r.Gates[0].Open() || !strings.Contains(r.Gates[0].Observed, "0") {
			t.Errorf("status %d, %+v\n%s", status, r.Gates, printed)
		}
	})
	t.Run("a failing test leaves nothing either", func(t *testing.T) {
		status, r, printed := s.run(t, "E2E_FAULT=crash", "CASEWORK_FAULT=never-accept", "E2E_PATIENCE=300ms")
		if status != e2e.ExitBlocked || r.Verdict.State != e2e.VerdictFailed {
			t.Fatalf("status %d\n%s", status, printed)
		}
		for _, test := range r.Tests {
			if test.Outcome == e2e.Failed && (len(test.Attempts) != 2 || test.Attempts[0].DataPrefix == test.Attempts[1].DataPrefix ||
				len(test.Attempts[0].Links) != 2) {
				t.Errorf("%+v", test.Attempts)
			}
		}
	})
}
