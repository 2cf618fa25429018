//go:build unix

package cli

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

const redBaseConfig = `version: 1
stages: {pr: {on: [pull_request, push, merge_group]}}
suites:
  - {name: s, framework: command, dir: e2e, list: [printf, '%s\n', pays, lists], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", owner: payments}
`

// redBaseSuite fails in the way that the product is broken in: pays says what is in src/state.
const redBaseSuite = `state=$(cat ../src/state)
{ echo '<testsuite>'
  if [ "$state" = ok ]; then echo '<testcase name="pays"/>'; else echo "<testcase name=\"pays\"><failure message=\"expected accepted, got $state\">$(cat ../src/more)</failure></testcase>"; fi
  echo '<testcase name="lists"/></testsuite>'; } > "$E2E_REPORT_DIR/r.xml"
[ "$state" = ok ]
`

// redBase is [redBaseOf] with the usual config.
func redBase(t *testing.T, runs int) (r tree, fake *githubfake.Server, base, head string) {
	t.Helper()
	return redBaseOf(t, runs, redBaseConfig, nil)
}

// redBaseOf is a repository whose main is red, after so many judged runs there, and a fake that has their records. HEAD is on a
// branch with a change elsewhere. with adds files that come with the base.
func redBaseOf(t *testing.T, runs int, config string, with func(r tree)) (r tree, fake *githubfake.Server, base, head string) {
	t.Helper()
	key := fmt.Sprint(runs, config)
	if made, ok := redBases[key]; ok && with == nil {
		return made.again(t)
	}
	r = newTree(t)
	r.env = []string{"GITHUB_WORKFLOW_REF=acme/cases/" + ourWorkflow + "@refs/heads/main"}
	r.Write("e2e-gate.yml", config)
	r.Write("e2e/run.sh", redBaseSuite)
	r.Write("src/other", "1")
	r.Write("src/more", "")
	fake = githubfake.New(t)
	judged := func(id, want int, sha string) {
		t.Helper()
		r.runID, r.ref = strconv.Itoa(id), "refs/heads/main"
		if status, out, stderr := r.run(githubfake.New(t), "push", sha, mainBranch(nil), "run"); status != want {
			t.Fatalf("exit status %d\n%s%s", status, out, stderr)
		}
		fake.Runs = append(fake.Runs, githubfake.Run{ID: id, Event: "push", Branch: "main", HeadRepository: "acme/cases", Path: ourWorkflow, SHA: sha})
		fake.RunArtifacts = append(fake.RunArtifacts, githubfake.RunArtifact{Run: id, Name: "e2e-gate-history",
			Files: filesIn(t.Fatalf, filepath.Join(r.Dir, ".e2e-gate", "kept", "e2e-gate-history-"+r.runID+"-1"))})
	}
	r.Write("src/state", "ok")
	judged(8000, e2e.ExitPassed, r.Commit("green"))
	r.Write("src/state", "draft")
	if with != nil {
		with(r)
	}
	base = r.Commit("base")
	r.Git("update-ref", "refs/remotes/origin/main", base)
	for n := range runs {
		judged(9000-n, e2e.ExitBlocked, base)
	}
	if err := os.RemoveAll(filepath.Join(r.Dir, ".e2e-gate")); err != nil {
		t.Fatal(err)
	}
	r.Git("checkout", "-qb", "change")
	r.Write("src/other", "2")
	r.runID = ""
	head = r.Commit("change")
	if with == nil {
		redBases[key] = keptBase{readTree(t, r.Dir), slices.Clone(fake.Runs), slices.Clone(fake.RunArtifacts), base, head}
	}
	return r, fake, base, head
}

// redBases are those that were made, since each takes several runs of the gate.
var redBases = map[string]keptBase{}

type keptBase struct {
	files      map[string]keptFile
	runs       []githubfake.Run
	artifacts  []githubfake.RunArtifact
	base, head string
}

type keptFile struct {
	mode os.FileMode
	data []byte
}

// again is a copy of a repository, with a fake of its own.
func (k keptBase) again(t *testing.T) (r tree, fake *githubfake.Server, base, head string) {
	t.Helper()
	r = newTree(t)
	r.env = []string{"GITHUB_WORKFLOW_REF=acme/cases/" + ourWorkflow + "@refs/heads/main"}
	r.Repo = r.At(t.TempDir())
	r.ref = "refs/heads/main"
	for _, name := range slices.Sorted(maps.Keys(k.files)) { // folders come before what is in them
		file := k.files[name]
		at := filepath.Join(r.Dir, name)
		err := error(nil)
		if file.mode.IsDir() {
			err = os.MkdirAll(at, 0o755)
		} else {
			err = os.WriteFile(at, file.data, file.mode.Perm())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	fake = githubfake.New(t)
	fake.Runs, fake.RunArtifacts = slices.Clone(k.runs), slices.Clone(k.artifacts)
	return r, fake, k.base, k.head
}

// readTree reads a folder with all that is in it.
func readTree(t *testing.T, dir string) map[string]keptFile {
	t.Helper()
	files := map[string]keptFile{}
	err := filepath.WalkDir(dir, func(at string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, at)
		file := keptFile{mode: info.Mode()}
		if err == nil && info.Mode().IsRegular() {
			file.data, err = os.ReadFile(at)
		}
		files[name] = file
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// proposedTo is the payload of a pull request of the repository.
func proposedTo(head, base string) any {
	p, _ := pullRequest(head, base).(object)
	p["repository"] = object{"default_branch": "main"}
	return p
}

// TestAFailureThatTheBaseHasToo plays pull requests on a red base, end to end: only what the forge vouches for, and only what
// the change has nothing to do with, is excused.
func TestAFailureThatTheBaseHasToo(t *testing.T) {
	for name, tc := range map[string]struct {
		runs int
		// change is done to the repository, or to what GitHub has, before the gate runs.
		change func(r tree, fake *githubfake.Server)
		event  string
		config string
		status int
		// says is a part of the result.
		says string
	}{
		"not from this change": {runs: 3, says: `"excuses": true`},
		"two runs are too few": {runs: 2, status: e2e.ExitBlocked},
		"a store that the job could write": {runs: 3, status: e2e.ExitBlocked, change: func(r tree, fake *githubfake.Server) {
			for n, a := range fake.RunArtifacts {
				for file, data := range a.Files {
					r.Write(".e2e-gate/history/"+file, string(data))
				}
				fake.RunArtifacts[n].Files = nil
			}
		}},
		"runs of a pull request": {runs: 3, status: e2e.ExitBlocked, change: func(_ tree, fake *githubfake.Server) { fake.Runs[0].Event = "pull_request" }},
		"records under another run": {runs: 3, status: e2e.ExitBlocked, change: func(_ tree, fake *githubfake.Server) {
			fake.RunArtifacts[0].Files = fake.RunArtifacts[1].Files
		}},
		"a run of a tag that is called main": {runs: 3, status: e2e.ExitBlocked, change: func(_ tree, fake *githubfake.Server) {
			for i := range fake.Runs {
				fake.Runs[i].SHA = strings.Repeat("1", 40)
			}
		}},
		"the failure says one thing more": {runs: 3, status: e2e.ExitBlocked, change: func(r tree, _ *githubfake.Server) { r.Write("src/more", "money was lost") }},
		"it fails in another way":         {runs: 3, status: e2e.ExitBlocked, change: func(r tree, _ *githubfake.Server) { r.Write("src/state", "lost") }},
		"the change touches the suite": {runs: 3, status: e2e.ExitBlocked, says: "the change touches e2e/more.sh, which belongs to the suite",
			change: func(r tree, _ *githubfake.Server) { r.Write("e2e/more.sh", "") }},
		"the change says who owns what": {runs: 3, status: e2e.ExitBlocked, says: "the change touches CODEOWNERS, which says whose files are whose",
			change: func(r tree, _ *githubfake.Server) { r.Write("CODEOWNERS", "/src/other @acme/payments\n") }},
		"the change alters its judge": {runs: 3, status: e2e.ExitBlocked, says: "the change alters what judges it",
			change: func(r tree, _ *githubfake.Server) {
				r.Write("e2e-gate.yml", strings.Replace(redBaseConfig, "{pr: {", "{pr: {budget: 9m, ", 1))
			}},
		"a base that may not be red at all": {runs: 3, status: e2e.ExitBlocked, config: "exonerate: {max_age: 0s}\n",
			says: "longer than the 0s that a red base excuses"},
		"in the merge queue":     {runs: 3, status: e2e.ExitBlocked, event: "merge_group"},
		"GitHub does not answer": {runs: 3, status: e2e.ExitBlocked, change: func(_ tree, fake *githubfake.Server) { fake.RunArtifacts, fake.Runs = nil, nil }},
	} {
		t.Run(name, func(t *testing.T) {
			r, fake, base, head := redBaseOf(t, tc.runs, redBaseConfig+tc.config, nil)
			if tc.change != nil {
				tc.change(r, fake)
				head = r.Commit("more")
			}
			event, ref, payload := "pull_request", "refs/pull/42/merge", proposedTo(head, base)
			if tc.event == "merge_group" {
				event, ref = tc.event, "refs/heads/gh-readonly-queue/main/pr-42-x"
				payload = mainBranch(object{"merge_group": object{"head_sha": head, "base_sha": base, "base_ref": "refs/heads/main"}})
			}
			r.ref = ref
			status, out, stderr := r.run(fake, event, head, payload, "run")
			if status != tc.status || !strings.Contains(out, tc.says) {
				t.Errorf("exit status %d, want %d and %q\n%s\n%s", status, tc.status, tc.says, out, stderr)
			}
			if same := strings.Contains(out, "(3 runs), in the same way in 3 judged runs"); name == "not from this change" && !same ||
				name == "it fails in another way" && (same || !strings.Contains(out, "fails on main too since")) {
				t.Errorf("since when:\n%s", out)
			}
			if next := strings.Count(out, `"next_step": "nothing in this change: repair it on main"`); tc.status == 0 && next < 2 || tc.status != 0 && next > 0 {
				t.Errorf("the next step, %d times:\n%s", next, out)
			}
			if excused := strings.Contains(out, `"excuses": true`); excused != (tc.status == 0) {
				t.Errorf("excused: %v\n%s", excused, out)
			}
		})
	}
}
