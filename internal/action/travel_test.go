//go:build unix

package action

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/githubfake"
	"github.com/org/e2e-gate/internal/testkit/need"
)

// gh answers as gh attestation verify does, from what the attest action signed.
const gh = `#!/bin/sh
echo "$@" >> "$ARTIFACTS/gh.said"
payload=$(jq '{_type: "https://in-toto.io/Statement/v1", subject: [{name: "statement.json", digest: {sha256: "00"}}], predicateType: "https://in-toto.io/attestation/test-result/v0.1", predicate: .}' "$ARTIFACTS/signed" | base64 -w0)
echo "[{\"attestation\": {\"bundle\": {\"dsseEnvelope\": {\"payloadType\": \"application/vnd.in-toto+json\", \"payload\": \"$payload\", \"signatures\": [{\"sig\": \"x\"}]}}}}]"
`

// The workflow of docs/attestation.md: a deployment believes a signed verdict, of this
// commit, and nothing else.
func TestAttestationUnderAct(t *testing.T) {
	need.Tool(t, "jq", "install jq") // hosted runners have it
	for mode, deployed := range map[string]bool{"pass": true, "fail": false} {
		w := newActWorld(t, mode)
		flow := shown(t, "docs/attestation.md", "e2e-attested.yml")
		write(t, filepath.Join(w.dir, ".github/workflows/e2e.yml"), strings.Replace(flow, "    needs: gate\n", "    needs: gate\n    if: always()\n", 1))
		dir, attest := t.TempDir(), filepath.Join(t.TempDir(), "attest")
		write(t, filepath.Join(attest, "action.yml"), attestStub)
		write(t, filepath.Join(dir, "gh"), gh)
		if err := os.Chmod(filepath.Join(dir, "gh"), 0o755); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
		got := w.act(t.Context(), "push", `{"ref": "refs/heads/main", "repository": {"full_name": "acme/cases", "default_branch": "main"}}`,
			"--local-repository", pinOf(t, flow, "actions/attest")+"="+attest, "--local-repository", pinOf(t, flow, "actions/download-artifact")+"="+noop(t),
			"--env", "GITHUB_SHA="+w.head())
		if strings.Contains(got.log, "deploy to production here") != deployed {
			t.Errorf("%s: exit status %d\n%s", mode, got.status, got.tail())
		}
	}
}

// Both workflows of docs/forks.md: the run of a fork posts nothing, and the one behind it
// posts what it left, with the state that GitHub gives the job.
func TestForkUnderAct(t *testing.T) {
	w := newActWorld(t, "fail")
	write(t, filepath.Join(w.dir, ".github/workflows/e2e.yml"), shown(t, "docs/forks.md", "e2e.yml"))
	payload := strings.Replace(pullRequest(w.fake), `"head": {"ref": "change", "sha": "`+headSHA+`", "repo": {"full_name": "acme/cases"}}`,
		`"head": {"ref": "change", "sha": "`+headSHA+`", "repo": {"full_name": "mallory/cases"}}`, 1)
	w.fake.Fail(githubfake.ForbiddenWrite())
	got := w.act(t.Context(), "pull_request", payload)
	w.fake.Heal()
	if got.status == 0 || len(w.fake.Comments()) != 0 || len(w.fake.Statuses()) != 0 || !strings.Contains(got.log, "fork") {
		t.Fatalf("exit status %d, %d comments\n%s", got.status, len(w.fake.Comments()), got.tail())
	}
	w.fake.Change(func(s *githubfake.Server) {
		s.Artifacts = w.kept
		s.Runs = []githubfake.Run{{ID: 77, Attempt: 1, Event: "pull_request", SHA: headSHA, Branch: "change", HeadRepository: "mallory/cases",
			Conclusion: "failure", Jobs: map[string]string{"e2e gate": "failure"}}}
		s.Pulls = []githubfake.Pull{{Number: s.PR, SHA: headSHA, Branch: "change", HeadRepository: "mallory/cases", Base: "main"}}
	})
	write(t, filepath.Join(w.dir, ".github/workflows/e2e.yml"), shown(t, "docs/forks.md", "e2e-forks.yml"))
	got = w.act(t.Context(), "workflow_run", fmt.Sprintf(`{"action": "completed", "workflow_run": {"id": 77, "run_attempt": 1, "event": "pull_request", "head_sha": %q, "head_branch": "change"},
		"repository": {"full_name": "acme/cases", "default_branch": "main"}}`, headSHA), "--env", "GITHUB_RUN_ID=78")
	comments, statuses := w.fake.Comments(), w.fake.Statuses()
	if got.status != 0 || len(comments) != 1 || len(statuses) != 1 {
		t.Fatalf("exit status %d, %+v %+v\n%s", got.status, comments, statuses, got.tail())
	}
	if !strings.Contains(comments[0].Body, "unverified, from a fork") || !strings.Contains(comments[0].Body, "A::one") || statuses[0].State == "success" ||
		statuses[0].SHA != headSHA {
		t.Errorf("%+v\n%s", statuses[0], comments[0].Body)
	}
}
