//go:build unix

package action

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

// shown is a workflow of the docs.
func shown(t *testing.T, doc, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(read(t, doc), "```yaml\n# .github/workflows/"+name+"\n")
	flow, _, _ := strings.Cut(rest, "```")
	if !ok {
		t.Fatalf("%s does not show %s", doc, name)
	}
	return flow
}

// tools puts programs into the way of what a workflow calls; each writes its arguments
// to a file of its name.
func (w *world) tools(names ...string) (said func(string) string) {
	w.t.Helper()
	dir := w.t.TempDir()
	for _, name := range names {
		write(w.t, filepath.Join(dir, name), "#!/bin/sh\necho \"$@\" >> "+filepath.Join(dir, name+".said")+"\n")
		if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
			w.t.Fatal(err)
		}
	}
	w.t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return func(name string) string {
		data, _ := os.ReadFile(filepath.Join(dir, name+".said"))
		return string(data)
	}
}

func (w *world) head() string {
	w.t.Helper()
	out, err := exec.Command("git", "-C", w.dir, "rev-parse", "HEAD").Output()
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// Both workflows of docs/releases.md: a draft is published when its gate passed, and
// stays one when it did not.
func TestReleaseUnderAct(t *testing.T) {
	const tag = "v1.2.0"
	for _, c := range []struct {
		flow, event, payload, mode string
		draft                      bool
		gh                         string
	}{
		{"release.yml", "push", `{"ref": "refs/tags/v1.2.0", "repository": {"full_name": "acme/cases"}}`, "pass", false, "release create"},
		{"release.yml", "push", `{"ref": "refs/tags/v1.2.0", "repository": {"full_name": "acme/cases"}}`, "fail", true, "release create"},
		{"release-by-hand.yml", "workflow_dispatch", `{"inputs": {"tag": "v1.2.0"}, "ref": "refs/heads/main"}`, "pass", true, "release edit v1.2.0 --draft=false"},
		{"release-by-hand.yml", "workflow_dispatch", `{"inputs": {"tag": "v1.2.0"}, "ref": "refs/heads/main"}`, "fail", true, ""},
	} {
		t.Run(c.flow+"/"+c.mode, func(t *testing.T) {
			w := newActWorld(t, c.mode)
			said := w.tools("gh")
			// act copies the folder only for a checkout without a ref.
			flow := strings.Replace(shown(t, "docs/releases.md", c.flow), "          ref: ${{ inputs.tag }}\n", "", 1)
			write(t, filepath.Join(w.dir, ".github/workflows/e2e.yml"), flow)
			w.fake.Releases = []githubfake.Release{{ID: 6, Tag: tag, Draft: true, Body: "Notes."}}
			w.fake.Refs = map[string]string{"tags/" + tag: w.head()}
			got := w.act(t.Context(), c.event, c.payload)
			r := w.fake.ReleaseNow(6)
			if (got.status == 0) != (c.mode == "pass") || r.Draft != c.draft || len(r.Assets) != 2 || !strings.HasPrefix(r.Body, "Notes.\n\n<!-- e2e-gate") {
				t.Fatalf("exit status %d, %+v\n%s", got.status, r, got.tail())
			}
			if calls := said("gh"); !strings.Contains(calls, c.gh) || c.gh == "" && calls != "" {
				t.Errorf("gh was called with %q, want %q", calls, c.gh)
			}
			if s := w.fake.Statuses(); len(s) != 1 || s[0].SHA != w.head() || s[0].Context != "e2e-gate/release" {
				t.Errorf("%+v", s)
			}
		})
	}
}

// The gate before a deployment, as docs/workflows.md shows it: the job behind it runs if
// the gate let it through.
func TestDeployUnderAct(t *testing.T) {
	for mode, deployed := range map[string]bool{"pass": true, "fail": false} {
		w := newActWorld(t, mode)
		write(t, filepath.Join(w.dir, ".github/workflows/e2e.yml"), shown(t, "docs/workflows.md", "deploy.yml"))
		got := w.act(t.Context(), "push", `{"ref": "refs/heads/main", "repository": {"full_name": "acme/cases", "default_branch": "main"}}`)
		if (got.status == 0) != deployed || !strings.Contains(got.log, "deploy to staging here") ||
			strings.Contains(got.log, "deploy to production here") != deployed {
			t.Errorf("%s: exit status %d\n%s", mode, got.status, got.tail())
		}
		if s := w.fake.Statuses(); len(s) != 1 || (s[0].State == "success") != deployed {
			t.Errorf("%+v", s)
		}
	}
}
