//go:build unix

package cli

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/forge"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

const travelConfig = `version: 1
stages: {pr: {on: [pull_request]}}
suites:
  - {name: a, framework: command, list: [echo, one], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", owner: team-a}
  - {name: b, framework: command, list: [echo, two], run: [sh, ./run.sh], reports: "{report_dir}/*.xml", owner: team-b}
`

// travel is a workflow run of plan, two shards and verdict, each on a machine of its own,
// whose documents go over artifacts.
type travel struct {
	t        *testing.T
	fake     *githubfake.Server
	dir, url string
	attempt  int
	jobs     int
	// event is the payload; runner the name of the machine. name is the event's, pull_request where it is empty; config is
	// travelConfig where it is empty.
	event, runner, name, config string
	// apart: documents are an artifact of their own; given: the runner fetches those for the gate.
	apart, given bool
	// patience is how long a document is waited for.
	patience string
	// masks are what the runner masks; outputs are those of the last job, as the next ones get them.
	masks   []string
	outputs map[string]string
}

func newTravel(t *testing.T) *travel {
	t.Helper()
	w := &travel{t: t, fake: githubfake.New(t), dir: t.TempDir(), attempt: 1, event: "{}", patience: "0s"}
	w.url = w.fake.Listen()
	return w
}

// job runs a command on a machine with nothing but the checkout, and uploads what it left.
func (w *travel) job(outcome string, args ...string) (status int, out string) {
	w.t.Helper()
	w.jobs++
	dir := filepath.Join(w.dir, fmt.Sprint(w.jobs))
	for name, text := range map[string]string{"repo/.git/keep": "", "repo/e2e-gate.yml": cmp.Or(w.config, travelConfig), "output": "", "summary": "", "event.json": w.event,
		"repo/run.sh": `echo "<testsuite><testcase name=\"$1\">` + outcome + `</testcase></testsuite>" > "$E2E_REPORT_DIR/r.xml"`} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
	w.t.Chdir(filepath.Join(dir, "repo"))
	var stdout, stderr bytes.Buffer
	app := App{Stdout: &stdout, Stderr: &stderr, Environ: []string{"PATH=" + os.Getenv("PATH"), "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=" + cmp.Or(w.name, "pull_request"),
		"GITHUB_REPOSITORY=acme/cases",
		"GITHUB_SHA=" + strings.Repeat("a", 40), "GITHUB_RUN_ID=7", fmt.Sprintf("GITHUB_RUN_ATTEMPT=%d", w.attempt), "GITHUB_OUTPUT=" + filepath.Join(dir, "output"),
		"GITHUB_EVENT_PATH=" + filepath.Join(dir, "event.json"), "GITHUB_STEP_SUMMARY=" + filepath.Join(dir, "summary"), "GITHUB_SERVER_URL=https://github.example",
		"GITHUB_API_URL=" + w.url, "GITHUB_TOKEN=" + githubfake.JobToken, "RUNNER_NAME=" + w.runner, "GITHUB_JOB=gate", "E2E_GATE_UPLOAD_PATIENCE=" + w.patience}}
	if w.given {
		app.Environ = append(app.Environ, givenVariable+"="+w.fetch(args[0]))
	}
	status = app.Main(w.t.Context(), args)
	w.upload(dir)
	return status, stdout.String() + stderr.String()
}

// fetch does what the first step of action.yml has the runner do. Of the only artifact that
// matches, no folder is made (download-artifact.ts of actions/download-artifact, "artifacts.length
// === 1").
func (w *travel) fetch(command string) string {
	w.t.Helper()
	dir, kinds := filepath.Join(w.dir, fmt.Sprint(w.jobs), "given"), "plan"
	if command == "verdict" || w.attempt > 1 {
		kinds = "plan|shard|run|verdict"
	}
	pattern := regexp.MustCompile(`^e2e-gate-(` + kinds + `)-.*-documents$`)
	latest := map[string]githubfake.RunArtifact{}
	for _, a := range w.fake.RunArtifacts {
		if pattern.MatchString(a.Name) && !a.Deleted {
			latest[a.Name] = a
		}
	}
	for name, a := range latest {
		to := filepath.Join(dir, name)
		if len(latest) == 1 {
			to = dir
		}
		if err := os.MkdirAll(to, 0o755); err != nil {
			w.t.Fatal(err)
		}
		for file, data := range a.Files {
			if err := os.WriteFile(filepath.Join(to, file), data, 0o644); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	return dir
}

var outputLine = regexp.MustCompile(`(?m)^(artifact|folder|matrix)<<(.+)\n(.+)\n`)

// upload keeps the folder that a job's outputs name.
func (w *travel) upload(dir string) {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "output"))
	if err != nil {
		w.t.Fatal(err)
	}
	outputs := map[string]string{}
	for _, m := range outputLine.FindAllStringSubmatch(string(data), -1) {
		outputs[m[1]] = m[3]
	}
	files := map[string][]byte{}
	for _, name := range []string{"plan.json", "shard-0.1.json", "shard-1.1.json", "shard-0.2.json", "shard-1.2.json", "shard-1.3.json", "result.json"} {
		if data, err := os.ReadFile(filepath.Join(outputs["folder"], name)); err == nil {
			files[name] = data
		}
	}
	if w.apart {
		w.fake.RunArtifacts = append(w.fake.RunArtifacts, githubfake.RunArtifact{Run: 7, Name: outputs["artifact"] + documentsSuffix, Files: files})
	}
	w.fake.RunArtifacts = append(w.fake.RunArtifacts, githubfake.RunArtifact{Run: 7, Name: outputs["artifact"], Files: files})
	w.outputs = map[string]string{}
	if handed := githubfake.JobOutput(outputs["matrix"], w.masks); handed != "" {
		w.outputs["matrix"] = handed
	}
}

// uploaded is the place of the last artifact of a name, in the list and in addresses.
func (w *travel) uploaded(name string) (at int, path string) {
	w.t.Helper()
	for i, a := range slices.Backward(w.fake.RunArtifacts) {
		if a.Name == name {
			return i, fmt.Sprintf("artifacts/%d", 90_000+i)
		}
	}
	w.t.Fatalf("there is no artifact %s", name)
	return 0, ""
}

const broken = `<failure message='expected 1, got 2'/>`

// firstAttempt plans and runs all: the first shard with an outcome of its own.
func (w *travel) firstAttempt(outcome string) {
	w.t.Helper()
	for _, job := range []struct {
		outcome string
		args    []string
	}{{"", []string{"plan", "--shards", "2"}}, {outcome, []string{"shard", "--index", "0"}}, {"", []string{"shard", "--index", "1"}}} {
		if status, out := w.job(job.outcome, job.args...); status != 0 && job.outcome == "" {
			w.t.Fatalf("%v: exit status %d\n%s", job.args, status, out)
		}
	}
}

func TestDocumentsTravel(t *testing.T) {
	w := newTravel(t)
	w.firstAttempt("")
	if status, out := w.job("", "verdict"); status != 0 {
		t.Fatalf("exit status %d\n%s", status, out)
	}
}

// What a shard uploaded last is there and cannot be fetched: that it was green before says
// nothing.
func TestANewerDocumentThatCannotBeFetched(t *testing.T) {
	w := newTravel(t)
	w.firstAttempt("")
	w.attempt = 2
	w.job(broken, "shard", "--index", "0")
	_, path := w.uploaded("e2e-gate-shard-0-team-a-a2")
	w.fake.Fail(githubfake.Fault{Path: path, Change: githubfake.Answers("", 500, "oops").Change})
	status, out := w.job("", "verdict")
	if status != e2e.ExitNotJudged || !strings.Contains(out, "0-team-a in attempt 2 of the workflow run cannot be read") ||
		strings.Contains(out, "shard 1-team-b left no document") {
		t.Errorf("exit status %d\n%s", status, out)
	}
}

// The failure of an earlier attempt cannot be fetched: no rerun is given, and it is said.
func TestAnEarlierDocumentThatCannotBeFetched(t *testing.T) {
	w := newTravel(t)
	w.firstAttempt(broken)
	_, path := w.uploaded("e2e-gate-shard-0-team-a-a1")
	w.fake.Fail(githubfake.Fault{Path: path, Change: githubfake.Answers("", 500, "oops").Change})
	w.attempt = 2
	if status, out := w.job(broken, "shard", "--index", "0"); status != e2e.ExitBlocked || !strings.Contains(out, "attempts_unreadable") ||
		strings.Contains(out, "one diagnostic rerun for") {
		t.Errorf("exit status %d\n%s", status, out)
	}
	w.job("", "shard", "--index", "0")
	if status, out := w.job("", "verdict"); !strings.Contains(out, "attempts_unreadable") {
		t.Errorf("exit status %d\n%s", status, out)
	}
}

// An upload that failed half-way took the name; the second one counts.
func TestASecondUpload(t *testing.T) {
	w := newTravel(t)
	w.firstAttempt("")
	at, path := w.uploaded("e2e-gate-shard-1-team-b-a1")
	again := w.fake.RunArtifacts[at]
	again.Name += "-again"
	w.fake.RunArtifacts = append(w.fake.RunArtifacts, again)
	w.fake.Fail(githubfake.Fault{Path: path, Change: githubfake.Answers("", 404, "Not Found").Change})
	if status, out := w.job("", "verdict"); status != 0 {
		t.Errorf("exit status %d\n%s", status, out)
	}
}

func TestTwoArtifactsOfOneName(t *testing.T) {
	w := newTravel(t)
	w.firstAttempt("")
	at, _ := w.uploaded("e2e-gate-shard-1-team-b-a1")
	double := w.fake.RunArtifacts[at]
	w.fake.RunArtifacts = append(w.fake.RunArtifacts, double)
	if status, out := w.job("", "verdict"); status != 0 {
		t.Errorf("two equal ones: exit status %d\n%s", status, out)
	}
	double.Files = maps.Clone(double.Files)
	changed := bytes.Replace(double.Files["shard-1.1.json"], []byte(`"passed"`), []byte(`"failed"`), 1)
	double.Files["shard-1.1.json"] = regexp.MustCompile(`"checksum": "[0-9a-f]+",`).ReplaceAll(changed, nil)
	w.fake.RunArtifacts = append([]githubfake.RunArtifact{}, append(w.fake.RunArtifacts, double)...)
	if status, out := w.job("", "verdict"); status != e2e.ExitNotJudged || !strings.Contains(out, "two different documents") {
		t.Errorf("two that differ: exit status %d\n%s", status, out)
	}
}

// A document that was changed after its shard's gate had written it is not read.
func TestAnArtifactThatWasChanged(t *testing.T) {
	w := newTravel(t)
	w.firstAttempt("")
	at, _ := w.uploaded("e2e-gate-shard-1-team-b-a1")
	changed := w.fake.RunArtifacts[at]
	changed.Files = maps.Clone(changed.Files)
	changed.Files["shard-1.1.json"] = bytes.Replace(changed.Files["shard-1.1.json"], []byte(`"seconds": 0`), []byte(`"seconds": 9`), 1)
	if bytes.Equal(changed.Files["shard-1.1.json"], w.fake.RunArtifacts[at].Files["shard-1.1.json"]) {
		t.Fatal("nothing was changed")
	}
	w.fake.RunArtifacts[at] = changed
	if status, out := w.job("", "verdict"); status != e2e.ExitNotJudged || !strings.Contains(out, "changed after the gate wrote it") {
		t.Errorf("exit status %d\n%s", status, out)
	}
}

// After "Re-run all jobs" the shards are waited for that the new plan has, not those of the
// attempt before, though their names are the same.
func TestWhatIsWaitedFor(t *testing.T) {
	plan := &e2e.Plan{Run: e2e.Run{WorkflowAttempt: 2},
		Shards: []e2e.PlanShard{{Index: 0, Name: "0-team-a", Tests: []string{"a::one"}}, {Index: 1, Name: "1-empty"}}}
	r := &remote{list: []upload{{Artifact: forge.Artifact{ID: 1}, kind: "shard", slug: "0-team-a", attempt: 1}}}
	if got := r.missing(plan); got != "0-team-a" {
		t.Errorf("missing is %q", got)
	}
	r.list = append(r.list, upload{Artifact: forge.Artifact{ID: 2}, kind: "shard", slug: "0-team-a", attempt: 2})
	if got := r.missing(plan); got != "" {
		t.Errorf("missing is %q", got)
	}
}

// "Re-run failed jobs" runs the red shard again, "Re-run all jobs" plans again: either way
// what failed twice before is no pass, and nothing is run a second time for a diagnosis.
func TestRerunsOfTheWorkflow(t *testing.T) {
	for name, jobs := range map[string][][]string{
		"failed jobs": {{"shard", "--index", "0"}},
		"all jobs":    {{"plan", "--shards", "2"}, {"shard", "--index", "0"}, {"shard", "--index", "1"}},
	} {
		for outcome, want := range map[string]string{"": "later_pass", broken: "test_failed"} {
			w := newTravel(t)
			w.firstAttempt(broken)
			w.job("", "verdict")
			w.attempt = 2
			for _, args := range jobs {
				if _, out := w.job(outcome, args...); strings.Contains(out, "one diagnostic rerun for a::one") {
					t.Errorf("%s: a second diagnostic rerun\n%s", name, out)
				}
				if name == "all jobs" && args[0] == "shard" {
					outcome = "" // the second shard was green and is
				}
			}
			status, out := w.job("", "verdict", "--format", "json")
			if status != e2e.ExitBlocked || !strings.Contains(out, `"code": "`+want+`"`) || strings.Contains(out, `"attempts_unreadable"`) ||
				strings.Contains(out, `"lost"`) {
				t.Errorf("%s, want %s: exit status %d\n%s", name, want, status, out)
			}
		}
	}
}

// A green shard that was run again, and was red, is not undone by a third attempt.
func TestThreeAttempts(t *testing.T) {
	w := newTravel(t)
	w.firstAttempt("")
	w.attempt = 2
	w.job(broken, "shard", "--index", "1")
	w.attempt = 3
	w.job("", "shard", "--index", "1")
	status, out := w.job("", "verdict", "--format", "json")
	if status != e2e.ExitBlocked || !strings.Contains(out, `"code": "later_pass"`) {
		t.Errorf("exit status %d\n%s", status, out)
	}
}

// GitHub does not list the artifacts: the verdict says that, and not that shards crashed alone.
func TestArtifactsThatAreNotListed(t *testing.T) {
	w := newTravel(t)
	w.firstAttempt("")
	at, _ := w.uploaded("e2e-gate-plan-pr-a1")
	plan := filepath.Join(t.TempDir(), "plan.json")
	if err := os.WriteFile(plan, w.fake.RunArtifacts[at].Files["plan.json"], 0o644); err != nil {
		t.Fatal(err)
	}
	w.fake.Fail(githubfake.Fault{Path: "runs/7/artifacts", Change: githubfake.Answers("", 403, "Resource not accessible by integration").Change})
	status, out := w.job("", "verdict", "--format", "json", "--plan", plan)
	if status != e2e.ExitNotJudged || !strings.Contains(out, "a shard document cannot be read: the list of artifacts") ||
		strings.Contains(out, "not published") {
		t.Errorf("exit status %d\n%s", status, out)
	}
}
