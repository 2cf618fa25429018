//go:build unix

package action

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The workflow of docs/organization.md with two gates: each has its comment, its status, its artifacts
// and, on the default branch, its history.
func TestTwoGatesUnderAct(t *testing.T) {
	w := newActWorld(t, "pass")
	flow := strings.Replace(shown(t, "docs/organization.md", "e2e-two.yml"), "  merge_group:\n", "  merge_group:\n  push:\n", 1)
	write(t, filepath.Join(w.dir, ".github/workflows/e2e.yml"), flow)
	for _, key := range []string{"web", "api"} {
		write(t, filepath.Join(w.dir, key, "e2e-gate.yml"), strings.Replace(config, "  - name: s\n", "  - name: "+key+"\n", 1))
	}
	got := w.act(t.Context(), "pull_request", pullRequest(w.fake))
	var contexts []string
	for _, s := range w.fake.Statuses() {
		if s.State == "success" {
			contexts = append(contexts, s.Context)
		}
	}
	slices.Sort(contexts)
	if want := []string{"e2e-gate/pr (api)", "e2e-gate/pr (web)"}; got.status != 0 || len(w.fake.Comments()) != 2 || !slices.Equal(contexts, want) {
		t.Fatalf("exit status %d, %d comments, %q\n%s", got.status, len(w.fake.Comments()), contexts, got.tail())
	}
	for _, name := range []string{"web-run-pr-a1", "api-run-pr-a1"} {
		if _, err := os.Stat(filepath.Join(w.kept, name, "result.json")); err != nil {
			t.Error(err)
		}
	}
	push := `{"ref": "refs/heads/main", "repository": {"full_name": "acme/cases", "default_branch": "main"}}`
	if got := w.act(t.Context(), "push", push); got.status != 0 {
		t.Fatalf("exit status %d\n%s", got.status, got.tail())
	}
	keys, _ := os.ReadFile(filepath.Join(w.kept, "..", "cache-keys"))
	for _, want := range []string{"e2e-gate-history-web/77-1-web\n", "e2e-gate-history-api/77-1-api\n"} {
		if !strings.Contains(string(keys), want) {
			t.Errorf("%q is not among the caches:\n%s", want, keys)
		}
	}
}
