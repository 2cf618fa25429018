package github_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/adapter/github"
	"github.com/org/e2e-gate/internal/forge"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

const workflowFile = ".github/workflows/e2e.yml"

// Of a repository's artifacts of a name: who left them, and whether in a fork.
func TestArtifactsNamed(t *testing.T) {
	fake := githubfake.New(t)
	fake.Prefix = "/api/v3" // as on Enterprise
	c, err := github.New(github.Options{BaseURL: fake.Listen(), Repository: fake.Repository, Token: githubfake.JobToken})
	if err != nil {
		t.Fatal(err)
	}
	fake.Runs = []githubfake.Run{{ID: 3, Branch: "main", HeadRepository: "acme/cases"}, {ID: 2, Branch: "main", HeadRepository: "someone/cases"}}
	for range 60 {
		fake.RunArtifacts = append(fake.RunArtifacts, githubfake.RunArtifact{Run: 3, Name: "h", Files: map[string][]byte{"a": []byte("abc")}},
			githubfake.RunArtifact{Run: 2, Name: "h"},
			githubfake.RunArtifact{Run: 3, Name: "other"}, githubfake.RunArtifact{Run: 3, Name: "h", Expired: true}, githubfake.RunArtifact{Run: 99, Name: "h"})
	}
	first, more, err := c.ArtifactsNamed(t.Context(), "h", 1)
	if err != nil || !more || len(first) != 75 {
		t.Fatalf("%d, more %v, %v", len(first), more, err)
	}
	want := []forge.Artifact{{ID: 90_000, Name: "h", Size: 3, Run: 3, Branch: "main", OwnHead: true}, {ID: 90_001, Name: "h", Run: 2, Branch: "main"},
		{ID: 90_004, Name: "h"}}
	if diff := cmp.Diff(want, first[:3]); diff != "" {
		t.Error(diff)
	}
	if last, more, err := c.ArtifactsNamed(t.Context(), "h", 3); err != nil || more || len(last) != 30 {
		t.Errorf("%d, more %v, %v", len(last), more, err)
	}
	fake.Fail(githubfake.Answers("GET", 403, "Resource not accessible by integration"))
	var e *github.Error
	if _, _, err := c.ArtifactsNamed(t.Context(), "h", 1); !errors.As(err, &e) || !strings.Contains(err.Error(), "actions: read") {
		t.Error(err)
	}
}

func TestWorkflowRuns(t *testing.T) {
	fake, c := uploaded(t, nil)
	for i := range 120 {
		fake.Runs = append(fake.Runs, githubfake.Run{ID: 500 - i, Attempt: 2, Event: "push", Branch: "main", SHA: "s", HeadRepository: "acme/cases",
			Path: workflowFile + "@refs/heads/main"},
			githubfake.Run{ID: 900, Branch: "feature", Path: workflowFile}, githubfake.Run{ID: 901, Branch: "main", Path: ".github/workflows/lint.yml"})
	}
	fake.Runs[0].HeadRepository = "" // of a fork that was deleted
	first, more, err := c.WorkflowRuns(t.Context(), workflowFile, "main", 1)
	if err != nil || !more || len(first) != 100 {
		t.Fatalf("%d, more %v, %v", len(first), more, err)
	}
	run := forge.WorkflowRun{ID: 500, Attempt: 2, Event: "push", SHA: "s", Branch: "main", Path: workflowFile}
	next := run
	next.ID, next.HeadRepository = 499, "acme/cases"
	if diff := cmp.Diff([]forge.WorkflowRun{run, next}, first[:2]); diff != "" {
		t.Error(diff)
	}
	if last, more, err := c.WorkflowRuns(t.Context(), workflowFile, "main", 2); err != nil || more || len(last) != 20 {
		t.Errorf("%d, more %v, %v", len(last), more, err)
	}
	fake.Fail(githubfake.Truncated("GET", 0))
	if _, _, err := c.WorkflowRuns(t.Context(), workflowFile, "other", 1); err == nil {
		t.Error("half an answer is read")
	}
}

// An artifact is read within bounds, however its storage answers.
func TestReadArtifact(t *testing.T) {
	for _, whole := range []bool{false, true} {
		fake, c := uploaded(t, nil)
		fake.WholeArtifacts = whole
		zeros := make([]byte, 3<<20) // packs to little
		fake.RunArtifacts = []githubfake.RunArtifact{
			{Name: "good", Files: map[string][]byte{"a.gz": []byte("one"), "b.gz": []byte("two"), "notes.txt": nil, "deep/c.gz": nil, `win\d.gz`: nil}},
			{Name: "bomb", Files: map[string][]byte{"a.gz": zeros[:1<<20], "b.gz": zeros}},
		}
		list, err := c.Artifacts(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		isGz := func(name string) bool { return strings.HasSuffix(name, ".gz") }
		files, err := c.ReadArtifact(t.Context(), list[0], 1<<20, isGz)
		if diff := cmp.Diff([][]byte{[]byte("one"), []byte("two")}, files); err != nil || diff != "" {
			t.Errorf("whole %v: %v %s", whole, err, diff)
		}
		if files, err := c.ReadArtifact(t.Context(), list[1], 2<<20, isGz); err == nil ||
			!strings.Contains(err.Error(), "the limit of 1.0 MB") || files != nil {
			t.Errorf("whole %v: %d files, %v", whole, len(files), err)
		}
		if _, err := c.ReadArtifact(t.Context(), list[1], 2<<10, isGz); err == nil {
			t.Errorf("whole %v: an artifact that is too large is read", whole)
		}
		fake.StorageStatus = 503
		if _, err := c.ReadArtifact(t.Context(), list[0], 1<<20, isGz); err == nil || !strings.Contains(err.Error(), "answered 503") ||
			strings.Contains(err.Error(), "s3cret") {
			t.Errorf("whole %v: %v", whole, err)
		}
	}
}
