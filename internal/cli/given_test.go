//go:build unix

package cli

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/forge"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

// artifactRequests are those that list artifacts or fetch one.
func artifactRequests(fake *githubfake.Server) (n int) {
	for _, r := range fake.Requests() {
		if strings.Contains(r.Path, "artifacts") {
			n++
		}
	}
	return n
}

// The runner fetches documents without the API: a shard asks GitHub for nothing, and the verdict
// lists nothing.
func TestDocumentsThatTheRunnerFetched(t *testing.T) {
	w := newTravel(t)
	w.apart, w.given = true, true
	w.firstAttempt("")
	if n := artifactRequests(w.fake); n != 0 {
		t.Errorf("plan and shards made %d requests about artifacts: %+v", n, w.fake.Requests())
	}
	status, out := w.job("", "verdict")
	if status != 0 || artifactRequests(w.fake) != 0 || w.fake.Count("") > 10 || len(w.fake.Downloads()) != 0 {
		t.Errorf("exit status %d, %+v\n%s", status, w.fake.Requests(), out)
	}
}

// Without the runner, documents are read from the small artifact alone.
func TestDocumentsApartFromEvidence(t *testing.T) {
	w := newTravel(t)
	w.apart = true
	w.firstAttempt("")
	if status, out := w.job("", "verdict"); status != 0 {
		t.Fatalf("exit status %d\n%s", status, out)
	}
	for _, name := range w.fake.Downloads() {
		if !strings.HasSuffix(name, documentsSuffix) {
			t.Errorf("%s was fetched", name)
		}
	}
}

// What the runner did not fetch, or fetched without its documents, the forge is asked for.
func TestDocumentsThatTheRunnerDidNotFetch(t *testing.T) {
	for name, change := range map[string]func(*githubfake.RunArtifact){
		"deleted": func(a *githubfake.RunArtifact) { a.Deleted = true },
		"empty":   func(a *githubfake.RunArtifact) { a.Files = map[string][]byte{"other.txt": []byte("x")} },
	} {
		w := newTravel(t)
		w.apart, w.given = true, true
		w.firstAttempt("")
		at, _ := w.uploaded("e2e-gate-shard-1-team-b-a1" + documentsSuffix)
		change(&w.fake.RunArtifacts[at])
		status, out := w.job("", "verdict")
		if status != 0 || len(w.fake.Downloads()) == 0 {
			t.Errorf("%s: exit status %d, %v\n%s", name, status, w.fake.Downloads(), out)
		}
	}
}

// A document that was changed is not believed because the runner fetched it.
func TestAFetchedDocumentThatWasChanged(t *testing.T) {
	w := newTravel(t)
	w.apart, w.given = true, true
	w.firstAttempt("")
	at, _ := w.uploaded("e2e-gate-shard-1-team-b-a1" + documentsSuffix)
	files := maps.Clone(w.fake.RunArtifacts[at].Files)
	files["shard-1.1.json"] = []byte(strings.Replace(string(files["shard-1.1.json"]), `"seconds": 0`, `"seconds": 9`, 1))
	w.fake.RunArtifacts[at].Files = files
	if status, out := w.job("", "verdict"); status != e2e.ExitNotJudged || !strings.Contains(out, "changed after the gate wrote it") {
		t.Errorf("exit status %d\n%s", status, out)
	}
}

// Both kinds of re-runs, where the runner fetches: what failed twice before is no pass.
func TestRerunsWithFetchedDocuments(t *testing.T) {
	for _, all := range []bool{false, true} {
		w := newTravel(t)
		w.apart, w.given = true, true
		w.firstAttempt(broken)
		w.job("", "verdict")
		w.attempt = 2
		if all {
			w.job("", "plan", "--shards", "2")
			w.job("", "shard", "--index", "1")
		}
		if _, out := w.job("", "shard", "--index", "0"); strings.Contains(out, "one diagnostic rerun for") {
			t.Errorf("a second diagnostic rerun\n%s", out)
		}
		status, out := w.job("", "verdict", "--format", "json")
		if status != e2e.ExitBlocked || !strings.Contains(out, `"code": "later_pass"`) || strings.Contains(out, `"lost"`) {
			t.Errorf("all %v: exit status %d\n%s", all, status, out)
		}
	}
}

func needsOf(t *testing.T, plan, shard string, outputs map[string]string) string {
	t.Helper()
	data, err := json.Marshal(map[string]any{
		"plan": map[string]any{"result": plan, "outputs": outputs}, "shard": map[string]any{"result": shard, "outputs": map[string]string{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A verdict waits for documents that may still appear, and for no others.
func TestWhatIsNotWaitedFor(t *testing.T) {
	for result, waits := range map[string]bool{"cancelled": false, "skipped": false, "failure": true} {
		w := newTravel(t)
		w.job("", "plan", "--shards", "2")
		w.patience = "1ms"
		status, out := w.job("", "verdict", "--needs", needsOf(t, "success", result, w.outputs))
		if waited := strings.Contains(out, "waiting for the documents of shard"); status != e2e.ExitNotJudged || waited != waits {
			t.Errorf("%s: exit status %d\n%s", result, status, out)
		}
	}
}

// The runner drops an output that holds a masked value, without a word to the jobs behind it.
func TestAnOutputThatWasEmptied(t *testing.T) {
	const emptied = "the output matrix of the plan's job arrived empty"
	for name, c := range map[string]struct {
		masks       []string
		plan, shard string
		want        bool
	}{
		"emptied":             {githubfake.Masks("::add-mask::shard\n"), "success", "skipped", true},
		"cancelled":           {githubfake.Masks("::add-mask::shard\n"), "success", "cancelled", false},
		"the plan failed":     {githubfake.Masks("::add-mask::shard\n"), "failure", "skipped", false},
		"skipped, and handed": {nil, "success", "skipped", false},
	} {
		w := newTravel(t)
		w.masks = c.masks
		if status, out := w.job("", "plan", "--shards", "2"); status != 0 {
			t.Fatal(out)
		}
		status, out := w.job("", "verdict", "--needs", needsOf(t, c.plan, c.shard, w.outputs))
		if status != e2e.ExitNotJudged || strings.Contains(out, emptied) != c.want {
			t.Errorf("%s: exit status %d\n%s", name, status, out)
		}
	}
	w := newTravel(t)
	w.firstAttempt("")
	if status, out := w.job("", "verdict", "--needs", "{"); status != e2e.ExitUsage || !strings.Contains(out, "toJSON(needs)") {
		t.Errorf("exit status %d\n%s", status, out)
	}
}

// A link in the runner's folder is not followed.
func TestFetchedLinks(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	from := filepath.Join(dir, "from")
	if err := os.Mkdir(from, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(from, "plan.json")); err != nil {
		t.Fatal(err)
	}
	if err := copyDocuments(from, filepath.Join(dir, "to")); err == nil {
		t.Error("a link was copied")
	}
}

// Where requests are scarce, the list of artifacts is read once more and not every five seconds.
func TestPauseWhenRequestsAreScarce(t *testing.T) {
	for used, want := range map[int]time.Duration{799: uploadPause, 800: 40 * time.Second} {
		var log bytes.Buffer
		app := &App{Stderr: &log, budget: &forge.Budget{}}
		app.budget.Set(used, 1000)
		if got := (&remote{app: app}).pause(40 * time.Second); got != want || (log.Len() > 0) != (used == 800) {
			t.Errorf("%d: %s, %s", used, got, log.String())
		}
	}
}
