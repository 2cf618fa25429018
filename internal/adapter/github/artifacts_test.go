package github_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/adapter/github"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

// uploaded is a fake with artifacts, each a map of names to content.
func uploaded(t *testing.T, artifacts map[string]map[string]string) (*githubfake.Server, *github.Client) {
	t.Helper()
	fake := githubfake.New(t)
	fake.Artifacts = t.TempDir()
	for name, files := range artifacts {
		for file, text := range files {
			path := filepath.Join(fake.Artifacts, name, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	c, err := github.New(github.Options{BaseURL: fake.Listen(), Repository: fake.Repository, Token: githubfake.JobToken})
	if err != nil {
		t.Fatal(err)
	}
	return fake, c
}

func TestArtifactsOfAllPages(t *testing.T) {
	all := map[string]map[string]string{}
	for i := range 230 {
		all[fmt.Sprintf("gate-shard-%d-a1", i)] = map[string]string{"x": "y"}
	}
	fake, c := uploaded(t, all)
	list, err := c.Artifacts(t.Context(), 77)
	if err != nil || len(list) != 230 || fake.Count("") != 3 {
		t.Errorf("%d artifacts in %d requests: %v", len(list), fake.Count(""), err)
	}
}

func TestExtract(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 100_000)
	for _, whole := range []bool{false, true} {
		fake, c := uploaded(t, map[string]map[string]string{"a": {"shard-0.1.json": big, "junit.xml": "no", "units/1/shard-9.1.json": "no", "plan.json": "{}"}})
		fake.WholeArtifacts = whole
		list, err := c.Artifacts(t.Context(), 77)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "to")
		if err := c.Extract(t.Context(), list[0], dir, func(name string) bool { return strings.HasSuffix(name, ".json") }); err != nil {
			t.Fatal(err)
		}
		entries, _ := os.ReadDir(dir)
		data, err := os.ReadFile(filepath.Join(dir, "shard-0.1.json"))
		if len(entries) != 2 || err != nil || string(data) != big {
			t.Errorf("whole %v: %v, %d bytes, %v", whole, entries, len(data), err)
		}
	}
}

func TestArtifactsThatCannotBeRead(t *testing.T) {
	fake, c := uploaded(t, map[string]map[string]string{"a": {"plan.json": "{}"}})
	if err := c.Extract(t.Context(), github.Artifact{ID: 1, Name: "gone"}, t.TempDir(), func(string) bool { return true }); err == nil || !strings.Contains(err.Error(), "the artifact gone was not read") {
		t.Errorf("%v", err)
	}
	fake.Fail(githubfake.Answers("GET", 403, "Resource not accessible by integration"))
	var e *github.Error
	if _, err := c.Artifacts(t.Context(), 77); !errors.As(err, &e) || !strings.Contains(err.Error(), "actions: read") {
		t.Errorf("%v", err)
	}
}
