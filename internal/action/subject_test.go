package action

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

const deployedSHA = "0123456789abcdef0123456789abcdef01234567"

// A service's repository sends what it deployed; the tests are a checkout of their own in a folder, and the status goes to the service.
func TestSubjectUnderAct(t *testing.T) {
	w := newActWorld(t, "pass")
	pay := &githubfake.Repo{Private: true, Files: map[string]map[string]string{deployedSHA: {}}}
	w.fake.Others = map[string]*githubfake.Repo{"acme/pay": pay}
	flow := strings.Replace(workflow, "on: [pull_request, push, merge_group, release]", "on: [repository_dispatch]", 1)
	flow = strings.Replace(flow, "uses: org/e2e-gate@v1\n",
		"uses: org/e2e-gate@v1\n        with: {working-directory: tests, stage: main, subject-token: \"${{ secrets.SUBJECT_TOKEN }}\"}\n", 1)
	write(t, filepath.Join(w.dir, ".github/workflows/e2e.yml"), flow)
	tests := filepath.Join(w.dir, "tests")
	for name, text := range map[string]string{"e2e-gate.yml": config, "suite.sh": suite, "mode": "pass", ".gitignore": ".e2e-gate\n"} {
		write(t, filepath.Join(tests, name), text)
		if name != ".gitignore" {
			_ = os.Remove(filepath.Join(w.dir, name))
		}
	}
	git := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", tests, "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q", "-b", "main")
	git("add", "-A")
	git("commit", "-qm", "the tests")
	git("update-ref", "refs/remotes/origin/main", "HEAD")
	payload := `{"action": "deployed", "branch": "main", "repository": {"full_name": "acme/cases", "default_branch": "main"}, "client_payload": {"subject": ` +
		`{"repository": "acme/pay", "sha": "` + deployedSHA + `", "version": "4.2.0"}}}`
	got := w.act(t.Context(), "repository_dispatch", payload, "-s", "SUBJECT_TOKEN="+githubfake.AppToken)
	statuses := w.fake.StatusesThere("acme/pay")
	if got.status != 0 || len(statuses) != 2 || statuses[0].State != "success" || statuses[0].SHA != deployedSHA || len(w.fake.Statuses()) != 0 {
		t.Fatalf("exit status %d, %+v, %+v\n%s", got.status, statuses, w.fake.Statuses(), got.tail())
	}
	for _, want := range []string{"/acme/pay/commit/" + deployedSHA + ") of acme/pay, version 4&#46;2.0", "tests at commit `" + git("rev-parse", "HEAD")[:10] + "`", "deployed version not verified"} {
		if !strings.Contains(got.summary, want) {
			t.Errorf("the summary does not say %q:\n%s", want, got.summary)
		}
	}
	if keys := w.cached(); len(keys) != 1 {
		t.Errorf("caches %q", keys)
	}
	files, err := filepath.Glob(filepath.Join(w.kept, "*", "evidence", "*", "env.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, w.kept) {
		if data, err := os.ReadFile(file); err == nil && strings.Contains(string(data), githubfake.AppToken) {
			t.Errorf("%s has the token", file)
		}
	}
}

// cached are the keys of the caches that were saved.
func (w *world) cached() []string {
	data, err := os.ReadFile(filepath.Join(w.kept, "..", "cache-keys"))
	if err != nil {
		return nil
	}
	return strings.Fields(string(data))
}
