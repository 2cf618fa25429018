//go:build unix

package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/history"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
	"github.com/org/e2e-gate/internal/trigger"
)

const ourWorkflow = ".github/workflows/e2e.yml"

// filesIn are the files of a folder.
func filesIn(fatal func(string, ...any), dir string) map[string][]byte {
	files := map[string][]byte{}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if err == nil {
			files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name()))
		}
	}
	if err != nil {
		fatal("%v", err)
	}
	return files
}

// backedUp is a fake with the history of some runs as artifacts, the newest first.
func backedUp(t *testing.T, runs int) *githubfake.Server {
	t.Helper()
	fake := githubfake.New(t)
	for n := range runs {
		fake.Runs = append(fake.Runs, githubfake.Run{ID: 9000 - n, Event: "push", Branch: "main", HeadRepository: "acme/cases", Path: ourWorkflow})
		fake.RunArtifacts = append(fake.RunArtifacts, githubfake.RunArtifact{Run: 9000 - n, Name: "e2e-gate-history", Files: recordFile(t, 9000-n)})
	}
	return fake
}

// recordFile is what a run left.
func recordFile(t *testing.T, run int) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	log := history.Log{Store: history.Dir{Path: dir}}
	err := log.Save(t.Context(), history.Record{Schema: history.Schema, RunID: fmt.Sprintf("e2e-%013d-x", 1_700_000_000_000+run),
		WorkflowRun: strconv.Itoa(run), Attempt: 1, Main: true,
		Started: time.Unix(1_700_000_000+int64(run), 0), Tests: []history.Entry{{ID: "t", Suite: "s", Outcome: e2e.Passed, Seconds: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	return filesIn(t.Fatalf, dir)
}

// repaired loads a history that was lost. What was said is in the log.
func repaired(t *testing.T, fake *githubfake.Server) (runs int, said string) {
	t.Helper()
	var log bytes.Buffer
	app := &App{Stdout: &log, Stderr: &log, Now: func() time.Time { return time.Unix(1_700_100_000, 0) }, Transport: fake.Transport(),
		Environ: []string{"GITHUB_ACTIONS=true", "GITHUB_TOKEN=" + githubfake.JobToken, "GITHUB_API_URL=http://api.test"}}
	past := keptHistory{app: app, root: t.TempDir(), store: history.Dir{Path: t.TempDir()},
		trigger: trigger.Trigger{CI: true, Event: "pull_request", Repository: "acme/cases", MainBranch: "main", Workflow: ourWorkflow}}
	console := app.console(nil)
	stats, skipped, err := past.log(past.backups(console)).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if console.Done(); strings.Contains(log.String(), githubfake.JobToken) || strings.Contains(log.String(), "s3cret") {
		t.Error("a secret is in the log")
	}
	_, runs = stats.Estimate("t")
	return runs, log.String() + strings.Join(skipped, "\n")
}

func TestArtifactsThatDoNotCount(t *testing.T) {
	for name, change := range map[string]func(*githubfake.Server){
		"of a fork":                            func(f *githubfake.Server) { f.Runs[0].HeadRepository = "someone/cases" },
		"of another branch":                    func(f *githubfake.Server) { f.Runs[0].Branch = "feature" },
		"of a pull request":                    func(f *githubfake.Server) { f.Runs[0].Event = "pull_request" },
		"of a run after another":               func(f *githubfake.Server) { f.Runs[0].Event = "workflow_run" },
		"of another workflow":                  func(f *githubfake.Server) { f.Runs[0].Path = ".github/workflows/other.yml" },
		"of a workflow of that name elsewhere": func(f *githubfake.Server) { f.Runs[0].Path = "elsewhere/e2e.yml" },
		"of an unknown run":                    func(f *githubfake.Server) { f.RunArtifacts[0].Run = 1 },
		"of another name":                      func(f *githubfake.Server) { f.RunArtifacts[0].Name = "e2e-gate-history-2" },
		"expired":                              func(f *githubfake.Server) { f.RunArtifacts[0].Expired = true },
		"with the records of another run":      func(f *githubfake.Server) { f.RunArtifacts[0].Files = recordFile(t, 4) },
		"with something else": func(f *githubfake.Server) {
			f.RunArtifacts[0].Files = map[string][]byte{"e2e-1-x.1.0.jsonl.gz": []byte("<html>")}
		},
		"with too much": func(f *githubfake.Server) { f.RunArtifacts[0].Files["big.jsonl.gz"] = make([]byte, maxRepair+1) },
		"with files in folders and other things": func(f *githubfake.Server) {
			f.RunArtifacts[0].Files = map[string][]byte{"../x.jsonl.gz": nil, "notes.txt": nil}
		},
	} {
		t.Run(name, func(t *testing.T) {
			fake := backedUp(t, 2)
			change(fake)
			runs, said := repaired(t, fake)
			if runs != 1 {
				t.Errorf("%d runs are known, want the other one\n%s", runs, said)
			}
			if strings.HasPrefix(name, "of a pull request") && !strings.Contains(said, "1 of 2 are not from a push") {
				t.Errorf("no line says that an artifact does not count: %s", said)
			}
		})
	}
}

// Each list is read for two pages and twenty artifacts are fetched, whatever there is.
func TestRepairIsBounded(t *testing.T) {
	for _, tc := range []struct {
		name            string
		change          func(*githubfake.Server)
		runs, downloads int
		lists, ofRuns   int
	}{
		{"all of 250 are lost", func(*githubfake.Server) {}, 20, 20, 1, 1},
		{"none", func(f *githubfake.Server) { f.RunArtifacts = nil }, 0, 0, 1, 0},
		{"all are of another branch", func(f *githubfake.Server) {
			for i := range f.Runs {
				f.Runs[i].Branch = "feature"
			}
		}, 0, 0, 2, 0},
		{"a fork left 250 before them", func(f *githubfake.Server) {
			f.Runs = append(f.Runs, githubfake.Run{ID: 5, Event: "pull_request", Branch: "main", HeadRepository: "someone/cases", Path: ourWorkflow})
			theirs := make([]githubfake.RunArtifact, 250)
			for i := range theirs {
				theirs[i] = githubfake.RunArtifact{Run: 5, Name: "e2e-gate-history"}
			}
			f.RunArtifacts = append(theirs, f.RunArtifacts...)
		}, 0, 0, 2, 0},
		{"their runs are too long ago", func(f *githubfake.Server) {
			newer := make([]githubfake.Run, 300)
			for i := range newer {
				newer[i] = githubfake.Run{ID: 20_000 + i, Event: "push", Branch: "main", HeadRepository: "acme/cases", Path: ourWorkflow}
			}
			f.Runs = append(newer, f.Runs...)
		}, 0, 0, 1, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fake := backedUp(t, 250)
			tc.change(fake)
			runs, said := repaired(t, fake)
			lists, ofRuns := 0, 0
			for _, r := range fake.Requests() {
				switch {
				case strings.HasSuffix(r.Path, "/actions/artifacts"):
					lists++
				case strings.Contains(r.Path, "/actions/workflows/"):
					ofRuns++
				}
			}
			if runs != tc.runs || len(fake.Downloads()) != tc.downloads || lists != tc.lists || ofRuns != tc.ofRuns {
				t.Errorf("%d runs after %d downloads and %d and %d lists\n%s", runs, len(fake.Downloads()), lists, ofRuns, said)
			}
		})
	}
}

// Every route with every fault: the rest is known, it ends in time, and one line says
// what is missing.
func TestRepairWithFaults(t *testing.T) {
	for _, path := range []string{"/actions/artifacts", "/actions/workflows/", "/zip"} {
		for name, fault := range stay() {
			t.Run(path+" "+name, func(t *testing.T) {
				fake := backedUp(t, 3)
				synctest.Test(t, func(t *testing.T) {
					fake.Fail(at(fault, "GET", path))
					start := time.Now()
					runs, said := repaired(t, fake)
					if took := time.Since(start); runs != 0 || strings.Count(said, "was not repaired") != 1 || took > repairTime+time.Second {
						t.Errorf("%d runs after %s\n%s", runs, took, said)
					}
				})
			})
		}
	}
	for name, fault := range pass() {
		t.Run(name, func(t *testing.T) {
			fake := backedUp(t, 3)
			synctest.Test(t, func(t *testing.T) {
				fake.Fail(fault)
				if runs, said := repaired(t, fake); runs != 3 {
					t.Errorf("%d of 3 runs are known\n%s", runs, said)
				}
			})
		})
	}
}

// A workflow that a ruleset requires lies in another repository: the judging config names the one
// whose runs are trusted.
func TestTrustedRunsOfARequiredWorkflow(t *testing.T) {
	const named, other = "history: {workflow: .github/workflows/e2e.yml}\n", "history: {workflow: .github/workflows/other.yml}\n"
	for name, tc := range map[string]struct{ main, change, says string }{
		"no workflow is named":     {"", "", "name the workflow of the default branch in history.workflow"},
		"the base names it":        {named, "", "the history was incomplete: 1 records"},
		"the change names another": {named, other, "the history was incomplete: 1 records"},
		"the change names one":     {"", named, "name the workflow of the default branch in history.workflow"},
		"the base names another":   {other, named, "1 of 1 are not from a push"},
	} {
		t.Run(name, func(t *testing.T) {
			r, base, head := proposing(t, tc.main, tc.change+"links: {}\n")
			r.env, r.ref = []string{"GITHUB_WORKFLOW_REF=acme/gates/.github/workflows/required.yml@refs/heads/main"}, "refs/pull/42/merge"
			payload := mainBranch(pullRequest(head, base).(object))
			_, _, stderr := r.run(backedUp(t, 1), "pull_request", head, payload, "plan", "--out", "plan")
			if !strings.Contains(stderr, tc.says) {
				t.Error(stderr)
			}
		})
	}
}

// If the trusted runs are unknown, none is trusted, and one line says so.
func TestRepairNeedsToKnowWhomToBelieve(t *testing.T) {
	fake := backedUp(t, 1)
	app := &App{Transport: fake.Transport(), Environ: []string{"GITHUB_ACTIONS=true", "GITHUB_TOKEN=" + githubfake.JobToken}}
	for _, t2 := range []trigger.Trigger{{Repository: "acme/cases", MainBranch: "main"}, {Repository: "acme/cases", Workflow: ourWorkflow}} {
		var log bytes.Buffer
		app.Stderr = &log
		console := app.console(nil)
		found := keptHistory{app: app, trigger: t2}.backups(console).Missing(t.Context(), func(string) bool { return false })
		if console.Done(); len(found) > 0 || !strings.Contains(log.String(), "trusted runs are unknown") {
			t.Errorf("%v %s", found, log.String())
		}
	}
	for _, other := range []keptHistory{{trigger: trigger.Trigger{Forge: "Gitea", Repository: "acme/cases"}}, {address: history.Address{Kind: history.KindS3}}} {
		other.app = app
		if other.backups(nil) != nil {
			t.Errorf("%+v is repaired from GitHub's artifacts", other.address)
		}
	}
	if fake.Count("") > 0 {
		t.Errorf("%d requests", fake.Count(""))
	}
}

// What the plan could know more is not worth the requests that others need.
func TestRepairWhenRequestsAreScarce(t *testing.T) {
	fake := backedUp(t, 30)
	fake.Used = 850
	runs, said := repaired(t, fake)
	if runs != 0 || len(fake.Downloads()) != 0 || fake.Count("") > 2 || !strings.Contains(said, "852 of the 1000 requests") {
		t.Errorf("%d runs, %d requests\n%s", runs, fake.Count(""), said)
	}
}
