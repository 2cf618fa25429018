package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/gitkit"
)

// TestFilesOfFailures: what the files of a failed attempt show stands with it, masked; those of a pass are not read, a file is read
// once, and what is not read is said.
func TestFilesOfFailures(t *testing.T) {
	out := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(out, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("units/1/evidence/a.har", `{"log":{"entries":[{"request":{"method":"GET","url":"https://a.example/hush"},"response":{"status":500,"statusText":"No"}}]}}`)
	write("units/1/evidence/console.log", "[error] boom\n")
	write("units/1/evidence/bad-trace.zip", "not an archive")
	write("secret/console.log", "[error] outside\n")
	if err := os.Symlink(filepath.Join(out, "secret", "console.log"), filepath.Join(out, "units", "1", "evidence", "link-console.log")); err != nil {
		t.Skip("no links here")
	}
	failed := e2e.Attempt{Outcome: e2e.Failed, Evidence: []e2e.Evidence{{Kind: e2e.EvidenceEntity, Text: "CASE-1"}}, Files: []string{"units/1/evidence/a.har",
		"units/1/evidence/console.log", "units/1/evidence/bad-trace.zip", "units/1/evidence/gone.har", "../../etc/console.log", "units/1/output.log"}}
	passed := failed
	passed.Outcome = e2e.Passed
	own := []e2e.TestRun{{ID: "a", Attempts: []e2e.Attempt{failed, passed}}}
	docs := []e2e.ShardRun{{Tests: own}, {Tests: []e2e.TestRun{{ID: "b", Attempts: []e2e.Attempt{failed}}}}}
	files := &evidenceFiles{}
	files.add(out, docs, func(s string) string { return strings.ReplaceAll(s, "hush", "***") })
	var list []string
	for _, e := range docs[0].Tests[0].Attempts[0].Evidence {
		list = append(list, fmt.Sprintf("%s: %s (%s)", e.Kind, e.Text, e.Source))
	}
	want := `entity: CASE-1 ()
network: GET https://a.example/***: 500 No (a.har)
console: [error] boom (console.log)
not_read: bad-trace.zip: it is not an archive, or has too many files; gone.har: it cannot be opened; console.log: it cannot be opened (files of the test)`
	if got := strings.Join(list, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if n := len(docs[0].Tests[0].Attempts[1].Evidence); n != 1 {
		t.Errorf("%d facts of a pass", n)
	}
	if len(own[0].Attempts[0].Evidence) != 1 {
		t.Error("the shard's own document was changed")
	}
	if len(files.known) != 5 || len(docs[1].Tests[0].Attempts[0].Evidence) != 4 {
		t.Errorf("%d files were read, %d facts", len(files.known), len(docs[1].Tests[0].Attempts[0].Evidence))
	}
	// Beyond the bound, each file says that it is left out.
	full := &evidenceFiles{bytes: maxEvidenceBytes + 1}
	again := []e2e.ShardRun{{Tests: []e2e.TestRun{{ID: "a", Attempts: []e2e.Attempt{failed}}}}}
	full.add(out, again, strings.Clone)
	if text := again[0].Tests[0].Attempts[0].Evidence[1].Text; !strings.HasPrefix(text, "a.har: of one run, 300 files and 256 MB are read; console.log: of") {
		t.Error(text)
	}
}

// TestFindTracked: only a file that git tracks has a page at the forge, and only a run that has a page itself knows where.
func TestFindTracked(t *testing.T) {
	repo := gitkit.New(t)
	for _, name := range []string{"e2e/a.js", "e2e/generated.js"} {
		file := filepath.Join(repo.Dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	repo.Git("add", "e2e/a.js")
	for url, want := range map[string]bool{"": false, "https://github.com/a/b/actions/runs/1": true} {
		docs := []e2e.ShardRun{{Tests: []e2e.TestRun{{ID: "a", Attempts: []e2e.Attempt{{Outcome: e2e.Failed, At: "e2e/a.js:3"},
			{Outcome: e2e.Failed, At: "e2e/generated.js:3"}, {Outcome: e2e.Passed, At: "e2e/a.js:3"}, {Outcome: e2e.Failed, At: "a.js"}}}}}}
		own := docs[0].Tests
		s := &Session{opts: Options{Root: repo.Dir, BaseEnv: os.Environ()}, run: e2e.Run{URL: url}}
		(&execution{environment: &environment{Session: s}}).findTracked(docs)
		for i, a := range docs[0].Tests[0].Attempts {
			if a.Tracked != (want && i == 0) {
				t.Errorf("%q: attempt %d: %v", url, i, a.Tracked)
			}
		}
		if own[0].Attempts[0].Tracked {
			t.Error("the shard's own document was changed")
		}
	}
}
