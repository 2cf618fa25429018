//go:build unix

package action

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/need"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
	"github.com/org/e2e-gate/internal/testkit/resultsfake"
)

// withToolkit takes actions made of GitHub's own toolkit in place of the stand-ins for artifacts and caches,
// with a service as its code expects it.
func (w *world) withToolkit() (service *resultsfake.Server, flags []string) {
	w.t.Helper()
	dir := w.t.TempDir()
	for _, name := range []string{"package.json", "toolkit.js"} {
		write(w.t, filepath.Join(dir, name), read(w.t, "internal/action/testdata/toolkit/"+name))
	}
	realsuite.Node(w.t, dir)
	bundle := filepath.Join(dir, "toolkit.cjs")
	if err := realsuite.Tool(dir, filepath.Join(dir, "node_modules", ".bin", "esbuild"), "toolkit.js", "--bundle", "--keep-names", "--platform=node",
		"--format=cjs", "--log-level=error", "--define:import.meta.url=here", `--banner:js=const here = require("node:url").pathToFileURL(__filename).href`, "--outfile="+bundle); err != nil {
		w.t.Fatal(err)
	}
	action := func(at, inputs string) string {
		folder, name := filepath.Join(dir, at), filepath.Base(at)
		write(w.t, filepath.Join(folder, "action.yml"), "name: "+name+"\ninputs: {"+inputs+"}\noutputs: {download-path: {}, artifact-url: {}}\nruns: {using: node20, main: "+name+".cjs}\n")
		if err := os.Link(bundle, filepath.Join(folder, name+".cjs")); err != nil {
			w.t.Fatal(err)
		}
		return folder
	}
	caches := filepath.Dir(action("cache/restore", "path: {required: true}, key: {required: true}, restore-keys: {}"))
	action("cache/save", "path: {required: true}, key: {required: true}")
	service = resultsfake.New(w.t, w.kept)
	yml := read(w.t, "action.yml")
	return service, []string{
		"--local-repository", pinOf(w.t, yml, "actions/upload-artifact") + "=" +
			action("upload", `name: {}, path: {}, include-hidden-files: {default: "false"}, if-no-files-found: {default: warn}, overwrite: {default: "false"}`),
		"--local-repository", pinOf(w.t, yml, "actions/download-artifact") + "=" + action("download", "pattern: {}, path: {}"),
		"--local-repository", pinOf(w.t, yml, "actions/cache/restore", "actions/cache") + "=" + caches,
		"--env", "ACTIONS_RESULTS_URL=" + service.URL, "--env", "ACTIONS_RUNTIME_TOKEN=" + service.Token, "--env", "ACTIONS_CACHE_SERVICE_V2=true",
	}
}

// Documents and evidence travel between the jobs of both attempts by GitHub's own code.
func TestMatrixWithTheToolkitUnderAct(t *testing.T) {
	need.Tool(t, "node", "install Node.js")
	odd := `echo seen > "$E2E_EVIDENCE_DIR/b2: \"page\"?.txt"` + "\n"
	w := newMatrixWorld(t, map[string]string{"is-b2": "fail", "each.sh": odd + each})
	service, flags := w.withToolkit()
	got := w.actMatrix(flags...)
	if list := w.fake.Comments(); got.status != 1 || len(list) != 1 || !strings.Contains(list[0].Body, "b::b2") || strings.Contains(list[0].Body, "lost") {
		t.Fatalf("exit status %d, %+v, refused %q\n%s", got.status, list, service.Refused(), got.tail())
	}
	if list := w.fake.Requests(); len(list) > 10 || slices.ContainsFunc(list, aboutTheRun) {
		t.Errorf("%d requests, some about artifacts of the run: %+v", len(list), list)
	}
	first := service.Names()
	for _, name := range []string{"e2e-gate-plan-pr-a1", "e2e-gate-plan-pr-a1-documents", "e2e-gate-verdict-pr-a1", "e2e-gate-verdict-pr-a1-documents"} {
		if !slices.Contains(first, name) {
			t.Errorf("there is no artifact %s in %q", name, first)
		}
	}
	// The toolkit refuses a whole artifact for one such name, so no evidence may keep it.
	if found, err := filepath.Glob(filepath.Join(w.kept, "e2e-gate-shard-*-a1", "units", "*", "evidence", "b2*page*.txt")); err != nil || len(found) == 0 {
		t.Errorf("evidence with an odd name is lost: %v, %v", found, err)
	}
	if err := os.Remove(filepath.Join(w.dir, "is-b2")); err != nil {
		t.Fatal(err)
	}
	got = w.actMatrix(append(flags, "--env", "GITHUB_RUN_ATTEMPT=2")...)
	if list := w.fake.Comments(); got.status != 1 || len(list) != 1 || !strings.Contains(list[0].Body, "later_pass") ||
		strings.Contains(list[0].Body, "attempts_unreadable") {
		t.Errorf("exit status %d, %+v, refused %q\n%s", got.status, list, service.Refused(), got.tail())
	}
	if list := service.Refused(); len(list) > 0 {
		t.Errorf("refused: %q", list)
	}
	// Nothing shows any more what failed.
	service.RerunAll(t)
	got = w.actMatrix(append(flags, "--env", "GITHUB_RUN_ATTEMPT=3")...)
	if list := w.fake.Comments(); got.status != 1 || len(list) != 1 || !strings.Contains(list[0].Body, "not judged") {
		t.Errorf("exit status %d, %+v, refused %q\n%s", got.status, list, service.Refused(), got.tail())
	}
}

// The history is saved and restored, and the run's artifact of it replaced, by GitHub's own code.
func TestHistoryWithTheToolkitUnderAct(t *testing.T) {
	need.Tool(t, "node", "install Node.js")
	w := newActWorld(t, "pass")
	service, flags := w.withToolkit()
	push := `{"ref": "refs/heads/main", "repository": {"full_name": "acme/cases", "default_branch": "main"}}`
	for attempt := range 2 {
		got := w.act(t.Context(), "push", push, append(flags, "--env", "GITHUB_RUN_ATTEMPT="+strconv.Itoa(attempt+1))...)
		if n := len(service.Caches()); n != attempt+1 {
			t.Fatalf("%d caches, %q, refused %q\n%s", n, service.Caches(), service.Refused(), got.tail())
		}
	}
	got := w.act(t.Context(), "pull_request", strings.Replace(pullRequest(w.fake), `"repository": {`, `"repository": {"default_branch": "main", `, 1),
		append(flags, "--env", "GITHUB_RUN_ID=78")...)
	plan, err := os.ReadFile(filepath.Join(w.kept, "e2e-gate-run-pr-a1", "plan.json"))
	if err != nil || !strings.Contains(string(plan), "history: ") || !strings.Contains(got.log, "restored "+service.Caches()[1]) {
		t.Errorf("%v: the plan was made without history: %s, refused %q\n%s", err, plan, service.Refused(), got.tail())
	}
}
