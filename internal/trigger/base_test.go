package trigger

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The base becomes an argument of git, and a payload may hold anything.
func TestBase(t *testing.T) {
	sha := "4bf1f7f0c2b1d9a5e8c3f6a7b8d9e0f1a2b3c4d5"
	for _, tc := range []struct{ event, payload, want string }{
		{"pull_request", `{"pull_request": {"base": {"sha": "` + sha + `"}}}`, sha},
		{"pull_request", `{"pull_request": {"base": {"sha": "--output=/tmp/x"}}}`, ""},
		{"pull_request", `{"pull_request": {"base": {"sha": "` + sha[:7] + `"}}}`, ""},
		{"merge_group", `{"merge_group": {"base_sha": "` + sha + `"}}`, sha},
		{"push", `{"before": "` + sha + `"}`, sha},
		{"push", `{"before": "` + strings.Repeat("0", 40) + `"}`, ""},
		{"schedule", `{"before": "` + sha + `"}`, ""},
	} {
		file := filepath.Join(t.TempDir(), "event.json")
		if err := os.WriteFile(file, []byte(tc.payload), 0o644); err != nil {
			t.Fatal(err)
		}
		env := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": tc.event, "GITHUB_EVENT_PATH": file}
		if got := Detect(func(name string) string { return env[name] }).BaseSHA; got != tc.want {
			t.Errorf("%s %s: %q", tc.event, tc.payload, got)
		}
	}
}
