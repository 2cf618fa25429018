package shipping

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/need"
)

// fakeGH has the releases of one repository as folders: a file draft, a file notes,
// and the assets.
const fakeGH = `#!/usr/bin/env bash
set -eu
verb=$2 at=$GH_RELEASES/$3
echo "$verb" >>"$GH_RELEASES/log"
shift 3
case $verb in
view) [ -d "$at" ] || exit 1; [ -e "$at/draft" ] && echo true || echo false ;;
create)
  git ls-remote --exit-code --tags origin "refs/tags/$(basename "$at")" >/dev/null || exit 1
  mkdir "$at" "$at/assets"; touch "$at/draft"; echo "$*" >"$at/flags"
  while [ $# -gt 0 ]; do [ "$1" = --notes-file ] && cp "$2" "$at/notes"; shift; done ;;
upload)
  [ -e "$at/draft" ] || exit 1
  [ -z "${GH_NO_UPLOAD-}" ] || exit 1
  shift; cp "$@" "$at/assets" ;;
edit) [ "${*%--latest=*}" = "--verify-tag --draft=false " ]; rm "$at/draft"; echo "${@: -1}" >"$at/latest" ;;
*) exit 1 ;;
esac
`

// refuseWorkflows is what GitHub does with a tag that GITHUB_TOKEN pushes: it is refused if the workflow files of its
// commit are those of no branch,
// without the permission workflows: write (cloudposse/atmos issue 2962,
// RafPe/pod-certificate-signer issue 128).
const refuseWorkflows = `#!/bin/sh
while read -r _ new ref; do
  case $ref in refs/tags/*) ;; *) continue ;; esac
  want=$(git ls-tree -r "$new" -- .github/workflows)
  for branch in $(git for-each-ref --format='%(objectname)' refs/heads); do
    if [ "$(git ls-tree -r "$branch" -- .github/workflows)" = "$want" ]; then continue 2; fi
  done
  echo "refusing to allow a GitHub App to create or update workflow .github/workflows/e2e.yml without workflows permission" >&2
  exit 1
done
`

// releases is a repository on a server, a clone of it, and the releases of the server.
type releases struct {
	t             *testing.T
	clone, server string
	env           []string
}

func newReleases(t *testing.T) *releases {
	for _, tool := range []string{"bash", "git", "sha256sum", "awk"} {
		need.Tool(t, tool, "apt-get install "+tool)
	}
	dir := t.TempDir()
	r := &releases{t: t, clone: dir + "/clone", server: dir + "/releases"}
	r.write("bin/gh", fakeGH)
	r.env = append(os.Environ(), "PATH="+dir+"/clone/bin:"+os.Getenv("PATH"), "GH_RELEASES="+r.server, "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@example.com", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@example.com")
	r.write(".github/publish", read(t, filepath.Join(root, ".github/publish")))
	r.write(".github/workflows/e2e.yml", "name: e2e\n")
	r.write(".gitignore", "/dist/\n/bin/\n")
	r.write("CHANGELOG.md", "# Changelog\n\n## Unreleased\n\nNext.\n\n## v1.0.10\n\nTen.\n\n## v1.0.9\n\nNine.\n\n## v1.0.1\n\nOne.\n\n## "+
		"v1.1.0-rc.1\n\nSoon.\n\n## v9.9.9\n\n\n")
	if err := os.Mkdir(r.server, 0o755); err != nil {
		t.Fatal(err)
	}
	r.git("init", "-q", "-b", "main", ".")
	r.git("init", "-q", "--bare", dir+"/origin")
	r.write("bin/hook", refuseWorkflows)
	if err := os.Rename(r.clone+"/bin/hook", dir+"/origin/hooks/pre-receive"); err != nil {
		t.Fatal(err)
	}
	r.git("remote", "add", "origin", dir+"/origin")
	r.git("add", ".")
	r.git("commit", "-qm", "all")
	r.git("push", "-q", "origin", "main")
	return r
}

func (r *releases) write(name, text string) {
	r.t.Helper()
	file := filepath.Join(r.clone, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
		r.t.Fatal(err)
	}
}

func (r *releases) git(args ...string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), "git", args...)
	cmd.Dir, cmd.Env = r.clone, r.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %s: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// built puts what release build makes into dist: here, one file with some text.
func (r *releases) built(version, text string) {
	const asset = "e2e-gate_linux_amd64"
	r.write("dist/"+asset, text)
	r.write("dist/SHA256SUMS", fmt.Sprintf("# %s\n# go1.26.8\n%x  %s\n", version, sha256.Sum256([]byte(text)), asset))
}

// publish runs the script as the workflow does, in a fresh checkout of main.
func (r *releases) publish(env ...string) (string, error) {
	r.git("checkout", "-q", "--detach", "origin/main")
	for _, tag := range strings.Fields(r.git("tag")) {
		r.git("tag", "-d", tag)
	}
	cmd := exec.CommandContext(r.t.Context(), "bash", ".github/publish", "dist")
	cmd.Dir, cmd.Env = r.clone, append(r.env, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (r *releases) mustPublish(version string) {
	r.t.Helper()
	r.built(version, "program "+version)
	if out, err := r.publish(); err != nil {
		r.t.Fatalf("%s: %v\n%s", version, err, out)
	}
}

// tag is the commit of a tag on the server, or nothing.
func (r *releases) tag(name string) string {
	r.t.Helper()
	for line := range strings.Lines(r.git("ls-remote", "origin")) {
		commit, ref, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if ref == "refs/tags/"+name+"^{}" || name == "v1" && ref == "refs/tags/v1" {
			return commit
		}
	}
	return ""
}

func (r *releases) has(name string) bool {
	_, err := os.Stat(filepath.Join(r.server, name))
	return err == nil
}

// TestPublish holds what a release is: a tag whose tree holds the sums, on top of the
// commit that was built; all files, public at once; the major tag at the same commit.
func TestPublish(t *testing.T) {
	r := newReleases(t)
	r.mustPublish("v1.0.9")
	commit := r.tag("v1.0.9")
	if commit == "" || r.tag("v1") != commit {
		t.Errorf("v1.0.9 is at %q and v1 at %q", commit, r.tag("v1"))
	}
	r.git("fetch", "-q", "origin", "refs/tags/v1.0.9:refs/tags/v1.0.9")
	if got, want := r.git("show", "v1.0.9:.github/release.sha256"), strings.TrimSpace(read(t, r.clone+"/dist/SHA256SUMS")); got != want {
		t.Errorf("the tagged tree says %q, want %q", got, want)
	}
	if main := r.git("rev-parse", "origin/main"); r.git("rev-parse", "v1.0.9^{commit}^") != main ||
		r.git("ls-remote", "origin", "refs/heads/*") != main+"\trefs/heads/main" {
		t.Error("the tagged commit does not stand on main, or a branch got it")
	}
	if got := read(t, r.server+"/log"); got != "view\ncreate\nupload\nedit\n" {
		t.Errorf("the order was %q", got)
	}
	if got := strings.TrimSpace(read(t, r.server+"/v1.0.9/notes")); got != "Nine." {
		t.Errorf("the notes are %q", got)
	}
	if r.has("v1.0.9/draft") || !r.has("v1.0.9/assets/e2e-gate_linux_amd64") || !r.has("v1.0.9/assets/SHA256SUMS") {
		t.Error("not public, or not complete")
	}
}

// TestMajorTag holds that v1 is the highest version without a suffix, by number.
func TestMajorTag(t *testing.T) {
	r := newReleases(t)
	r.mustPublish("v1.0.9")
	r.mustPublish("v1.0.10")
	ten := r.tag("v1.0.10")
	r.mustPublish("v1.0.1")
	r.mustPublish("v1.1.0-rc.1")
	if r.tag("v1.1.0-rc.1") == "" || r.tag("v1.0.1") == "" || r.tag("v1") != ten {
		t.Errorf("v1 is at %q, want %q", r.tag("v1"), ten)
	}
	for version, want := range map[string]bool{"v1.0.9": true, "v1.0.10": true, "v1.0.1": false, "v1.1.0-rc.1": false} {
		if got := strings.TrimSpace(read(t, r.server+"/"+version+"/latest")) == "--latest=true"; got != want {
			t.Errorf("%s becomes Latest: %v", version, got)
		}
	}
	for version, want := range map[string]bool{"v1.1.0-rc.1": true, "v1.0.10": false} {
		if got := strings.Contains(read(t, r.server+"/"+version+"/flags"), "--prerelease"); got != want {
			t.Errorf("%s is a prerelease: %v", version, got)
		}
	}
}

// TestPublishGoesOn holds that a failure leaves nothing public, that a second run ends
// it, and that a third one changes nothing.
func TestPublishGoesOn(t *testing.T) {
	r := newReleases(t)
	r.built("v1.0.9", "program")
	if out, err := r.publish("GH_NO_UPLOAD=1"); err == nil || !r.has("v1.0.9/draft") || r.tag("v1") != "" {
		t.Fatalf("after a failed upload: %v\n%s", err, out)
	}
	commit := r.tag("v1.0.9")
	for range 2 {
		if out, err := r.publish(); err != nil || r.has("v1.0.9/draft") || r.tag("v1.0.9") != commit || r.tag("v1") != commit {
			t.Fatalf("again: %v\n%s", err, out)
		}
	}
	if got := strings.Count(read(t, r.server+"/log"), "edit"); got != 1 {
		t.Errorf("published %d times", got)
	}
}

// TestPublishAfterMainMoved holds that a release whose branch has moved meanwhile is published if no workflow
// changed, and that otherwise nothing is public, and the message says what to do.
func TestPublishAfterMainMoved(t *testing.T) {
	for file, refused := range map[string]bool{"README.md": false, ".github/workflows/e2e.yml": true} {
		r := newReleases(t)
		built := r.git("rev-parse", "HEAD")
		r.write(file, "changed\n")
		r.git("add", file)
		r.git("commit", "-qm", "meanwhile")
		r.git("push", "-q", "origin", "main")
		r.git("checkout", "-q", "--detach", built)
		r.built("v1.0.9", "program")
		cmd := exec.CommandContext(t.Context(), "bash", ".github/publish", "dist")
		cmd.Dir, cmd.Env = r.clone, r.env
		out, err := cmd.CombinedOutput()
		if (err != nil) != refused || (r.tag("v1.0.9") == "") != refused || refused && !strings.Contains(string(out), "release its newest commit") {
			t.Errorf("%s: %v\n%s", file, err, out)
		}
		if refused && r.has("v1.0.9") {
			t.Errorf("%s: there is a release", file)
		}
	}
}

// TestPublishRefuses holds what is refused before anything is public.
func TestPublishRefuses(t *testing.T) {
	r := newReleases(t)
	r.mustPublish("v1.0.9")
	before := r.git("ls-remote", "origin")
	for want, prepare := range map[string]func(){
		"has other sums":                     func() { r.built("v1.0.9", "another program") },
		"has nothing under '## v1.0.8'":      func() { r.built("v1.0.8", "program") },
		"has nothing under '## v9.9.9'":      func() { r.built("v9.9.9", "program") },
		"names no version":                   func() { r.built("v1; touch x", "program") },
		"is not what SHA256SUMS says":        func() { r.built("v1.0.10", "program"); r.write("dist/e2e-gate_linux_amd64", "worm") },
		"name the folder that release build": func() { r.write(".github/publish", "set -- \n"+read(t, filepath.Join(root, ".github/publish"))) },
	} {
		prepare()
		if out, err := r.publish(); err == nil || !strings.Contains(out, want) {
			t.Errorf("want %q, got %v\n%s", want, err, out)
		}
		r.git("checkout", "-q", "--force", "--detach", "origin/main")
	}
	if after := r.git("ls-remote", "origin"); after != before {
		t.Errorf("the server changed from\n%s\nto\n%s", before, after)
	}
}

// TestImageOfARelease pushes the image of released versions with a docker that only notes what it is told: a fix of an older line takes no
// tag of a newer one, and a pre-release takes none but its own.
func TestImageOfARelease(t *testing.T) {
	r := newReleases(t)
	r.write(".github/image", read(t, filepath.Join(root, ".github/image")))
	r.write("bin/docker", "#!/usr/bin/env bash\nset -eu\necho \"$*\" >>\"$DOCKER_LOG\"\nif [ \"$1\" = login ]; then cat >\"$DOCKER_LOG.token\"; fi\n"+
		"if [ \"$1 $2\" = 'buildx build' ]; then printf '{\\n  \"containerimage.digest\": \"sha256:%064d\"\\n}\\n' 7 >\"$RUNNER_TEMP/image.json\"; fi\n")
	for _, c := range []struct{ version, tags string }{
		{"v1.0.9", "--tag reg.example/acme/gate:v1.0.9 --tag reg.example/acme/gate:v1.0 --tag reg.example/acme/gate:v1 "},
		{"v1.0.10", "--tag reg.example/acme/gate:v1.0.10 --tag reg.example/acme/gate:v1.0 --tag reg.example/acme/gate:v1 "},
		{"v1.0.1", "--tag reg.example/acme/gate:v1.0.1 "},
		{"v1.1.0-rc.1", "--tag reg.example/acme/gate:v1.1.0-rc.1 "},
	} {
		r.mustPublish(c.version)
		for _, arch := range []string{"amd64", "arm64"} {
			if !r.has(c.version + "/assets/e2e-gate_linux_" + arch) {
				r.write("dist/e2e-gate_linux_"+arch, "program")
			}
		}
		dir := t.TempDir()
		cmd := exec.Command("bash", ".github/image", "reg.example/Acme/Gate", c.version)
		cmd.Dir = r.clone
		cmd.Env = append(r.env, "DOCKER_LOG="+dir+"/log", "RUNNER_TEMP="+dir, "GITHUB_OUTPUT="+dir+"/output", "TOKEN=secret", "USER=me")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		log := read(t, dir+"/log")
		if !strings.Contains(log, "--build-arg VERSION="+c.version+" "+c.tags+"--metadata-file") || !strings.Contains(log, "--platform linux/amd64,linux/arm64") ||
			strings.Contains(log, "secret") || read(t, dir+"/log.token") != "secret" || !strings.HasPrefix(log, "login reg.example ") {
			t.Errorf("%s: %s", c.version, log)
		}
		if got := strings.TrimSpace(read(t, dir+"/output")); got != "digest=sha256:"+fmt.Sprintf("%064d", 7) {
			t.Errorf("the digest is %q", got)
		}
	}
}
