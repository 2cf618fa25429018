package folder

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/annotation"
	"github.com/org/e2e-gate/internal/publish"
)

func open(t *testing.T, dir string) *Folder {
	t.Helper()
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// tree lists what lies in a folder, with the text of its files.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && d.Name() != ownFile {
			data, readErr := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
			all[name], err = string(data), readErr
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

const hostile = "../../x\x1b[31m\r\n<b>::error::</b>\u202e\x00"

// everything publishes all that a folder takes, with texts that others may have written.
func everything(t *testing.T, f *Folder, text string) []publish.Action {
	t.Helper()
	var actions []publish.Action
	did := func(out publish.Outcome, err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
		actions = append(actions, out.Action)
	}
	ctx := t.Context()
	stamp := publish.Stamp{Key: text, Stage: text, WorkflowRun: text, Attempt: 2, SHA: text}
	did(f.Supersede(ctx, 42, stamp, text))
	did(f.UpsertComment(ctx, 42, stamp, "## body\n"))
	did(f.SetStatus(ctx, text, publish.Status{Context: text, State: publish.Success, Description: text, TargetURL: "javascript:" + text}))
	did(f.CreateCheck(ctx, text, publish.Check{Name: text, Passed: true, Title: text, Summary: "## body\n", URL: text, ID: text,
		Annotations: []annotation.Annotation{annotation.New(annotation.Error, text, 3, text, text)}}))
	id, err := f.FindDeployment(ctx, text, text, "")
	if err != nil {
		t.Error(err)
	}
	did(f.SetDeploymentStatus(ctx, publish.Deployment{ID: id, SHA: text, Environment: text}, publish.DeploymentSuccess, text, text))
	r, found, err := f.Release(ctx, text, "4bf1f7")
	if err != nil || !found || r.Facts().SHA != "4bf1f7" || !r.Facts().Draft {
		t.Fatalf("the release is %+v, %v, %v", r, found, err)
	}
	render := func(limit int) string { return strings.Repeat("n", min(limit, 9)) }
	did(r.UpsertSection(ctx, stamp, render))
	did(r.KeepSection(ctx, stamp, render))
	did(r.Attach(ctx, stamp, publish.Asset{Name: text, Data: []byte("{}")}))
	did(r.Promote(ctx, "4bf1f7"))
	return actions
}

// Whatever texts say, files have their own names, lie in the folder, and hold lines where
// lines are promised.
func TestEverythingIsInTheFolder(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "a", "out")
	everything(t, open(t, dir), hostile)
	all := tree(t, parent)
	names := []string{}
	for name, text := range all {
		names = append(names, name)
		if strings.ContainsAny(text, "\x1b\x00\u202e\r") || strings.Contains(text, "javascript:") {
			t.Errorf("%s holds %q", name, text)
		}
		if strings.HasSuffix(name, ".json") && !strings.HasPrefix(name, "a/out/"+releaseFolder) && !json.Valid([]byte(text)) {
			t.Errorf("%s is not JSON: %s", name, text)
		}
	}
	if len(all) != len(files)+1 {
		t.Errorf("there are %v", names)
	}
	for _, name := range files {
		if all["a/out/"+name] == "" {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestContents(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	status := publish.Status{Context: "e2e-gate/pr", State: publish.Failure, Description: "a <b> & c", TargetURL: "https://ci.example/7"}
	ctx, stamp := t.Context(), publish.Stamp{Stage: "pr", WorkflowRun: "7", Attempt: 1, SHA: "4bf1f7"}
	for _, err := range []error{
		second(f.UpsertComment(ctx, 0, stamp, "## passed\n")),
		second(f.SetStatus(ctx, "4bf1f7", status)),
		second(f.SetDeploymentStatus(ctx, publish.Deployment{ID: 31, SHA: "4bf1f7", Environment: "staging"}, publish.DeploymentInProgress, "running", "")),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	want := map[string]string{
		"comment.md": "## passed\n",
		"comment.json": `{
  "stage": "pr",
  "workflow_run": "7",
  "workflow_attempt": 1,
  "sha": "4bf1f7"
}
`,
		"status.json": `{
  "sha": "4bf1f7",
  "context": "e2e-gate/pr",
  "state": "failure",
  "description": "a <b> & c",
  "target_url": "https://ci.example/7"
}
`,
		"deployment.json": `{
  "deployment": 31,
  "sha": "4bf1f7",
  "environment": "staging",
  "state": "in_progress",
  "description": "running"
}
`,
	}
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func second(_ publish.Outcome, err error) error { return err }

// The same once more changes nothing; another run's files are removed before its own are
// written, and what is not ours stays.
func TestAgain(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "theirs.json"), []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := open(t, dir)
	first, before := everything(t, f, "x"), tree(t, dir)
	again, after := everything(t, f, "x"), tree(t, dir)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Error(diff)
	}
	const created = publish.Created
	want := []publish.Action{publish.Unchanged, created, created, created, created, created, publish.Unchanged, created, publish.NotHere}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Error(diff)
	}
	for i, action := range again {
		if action != publish.Unchanged && action != publish.NotHere {
			t.Errorf("call %d of the second time is %s, want unchanged", i, action)
		}
	}
	open(t, dir)
	if diff := cmp.Diff(map[string]string{"theirs.json": "1"}, tree(t, dir)); diff != "" {
		t.Errorf("after another run has opened the folder:\n%s", diff)
	}
}

// Links are refused, wherever they lead, and nothing is written or removed behind them.
func TestLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links take a right there that is not always given")
	}
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("as it was"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, prepare := range map[string]func(dir string) error{
		"the folder itself":    func(dir string) error { return os.Symlink(outside, dir) },
		"the folder is a file": func(dir string) error { return os.WriteFile(dir, nil, 0o600) },
		"a file": func(dir string) error {
			return os.Symlink(secret, filepath.Join(mkdir(t, dir), statusFile))
		},
		"a file that is missing": func(dir string) error {
			return os.Symlink(filepath.Join(outside, "new"), filepath.Join(mkdir(t, dir), commentFile))
		},
		"a folder in a file's place": func(dir string) error { return os.Mkdir(filepath.Join(mkdir(t, dir), checkFile), 0o700) },
		"the release's files":        func(dir string) error { return os.Symlink(outside, filepath.Join(mkdir(t, dir), releaseFolder)) },
		"a file of the release": func(dir string) error {
			return os.Symlink(secret, filepath.Join(mkdir(t, filepath.Join(dir, releaseFolder)), "a.json"))
		},
	} {
		dir := filepath.Join(t.TempDir(), "out")
		if err := prepare(dir); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Lstat(dir); err == nil && info.IsDir() { // as after an earlier run
			if err := os.WriteFile(filepath.Join(dir, ownFile), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		f, err := Open(dir)
		if err == nil {
			_ = f.Close()
			t.Errorf("%s: opened", name)
			continue
		}
		if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), ";") && !strings.Contains(err.Error(), ": ") {
			t.Errorf("%s: %v says not what to do", name, err)
		}
	}
	// A link that appears while the run goes on.
	dir := t.TempDir()
	f := open(t, dir)
	for name, to := range map[string]string{statusFile: secret, releaseFolder: outside} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.SetStatus(t.Context(), "", publish.Status{}); err == nil {
		t.Error("a status was written through a link")
	}
	r, _, _ := f.Release(t.Context(), "v1", "")
	if _, err := r.Attach(t.Context(), publish.Stamp{}, publish.Asset{Name: "secret", Data: []byte("x")}); err == nil {
		t.Error("a file was attached through a link")
	}
	if diff := cmp.Diff(map[string]string{"secret": "as it was"}, tree(t, outside)); diff != "" {
		t.Error(diff)
	}
}

func mkdir(t *testing.T, dir string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What somebody else has called as we do is neither removed nor replaced.
func TestFilesOfOthers(t *testing.T) {
	for _, name := range append(files[:len(files):len(files)], releaseFolder) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), []byte("theirs"), 0o600); err != nil {
			t.Fatal(err)
		}
		if f, err := Open(dir); err == nil {
			_ = f.Close()
			t.Errorf("a folder with somebody's %s was opened", name)
		}
		if diff := cmp.Diff(map[string]string{name: "theirs"}, tree(t, dir)); diff != "" {
			t.Error(diff)
		}
	}
}

// A name that cannot be a file's is refused, and one with a path is flattened.
func TestAssetNames(t *testing.T) {
	f := open(t, t.TempDir())
	r, _, _ := f.Release(t.Context(), "v1", "")
	for _, bad := range []string{"", ".", ".."} {
		if _, err := r.Attach(t.Context(), publish.Stamp{}, publish.Asset{Name: bad, Data: []byte("x")}); err == nil {
			t.Errorf("%q is taken for a file's name", bad)
		}
	}
}
