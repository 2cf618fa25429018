package github_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/adapter/github"
	"github.com/org/e2e-gate/internal/forge"
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
		if err := c.Extract(t.Context(), list[0], dir, roomy, func(name string) bool { return strings.HasSuffix(name, ".json") }); err != nil {
			t.Fatal(err)
		}
		entries, _ := os.ReadDir(dir)
		data, err := os.ReadFile(filepath.Join(dir, "shard-0.1.json"))
		if len(entries) != 2 || err != nil || string(data) != big {
			t.Errorf("whole %v: %v, %d bytes, %v", whole, entries, len(data), err)
		}
	}
}

// Documents are read with two requests: one says how many bytes there are, the other brings the
// rest of them.
func TestDocumentsInTwoRequests(t *testing.T) {
	noise := make([]byte, 2<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(noise)
	fake, c := uploaded(t, map[string]map[string]string{"a-documents": {"plan.json": string(noise), "result.json": "{}"}})
	list, err := c.Artifacts(t.Context(), 77)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	err = c.Extract(t.Context(), list[0], dir, roomy, anything)
	data, _ := os.ReadFile(filepath.Join(dir, "plan.json"))
	if n := len(fake.Downloads()); err != nil || n != 2 || !bytes.Equal(data, noise) {
		t.Errorf("%d requests, %d bytes, %v", n, len(data), err)
	}
}

var roomy = forge.Limit{File: 32 << 20, Total: 32 << 20}

func anything(string) bool { return true }

// Nothing is written beyond the limits of one file and of all, whatever an artifact says
// of its sizes, and an index that fills memory is not read.
func TestExtractWithinLimits(t *testing.T) {
	const ten = "0123456789"
	for name, c := range map[string]struct {
		files map[string]string
		limit forge.Limit
		says  string
	}{
		"just fits":      {map[string]string{"a": ten, "b": ten}, forge.Limit{File: 10, Total: 20}, ""},
		"one too large":  {map[string]string{"a": ten + "!"}, forge.Limit{File: 10, Total: 100}, "exceed the limit of 10 bytes"},
		"too many":       {map[string]string{"a": ten, "b": ten, "c": "!"}, forge.Limit{File: 10, Total: 20}, "c: extracting it would exceed the limit of 0 bytes"},
		"total is less":  {map[string]string{"a": ten}, forge.Limit{File: 100, Total: 9}, "exceed the limit of 9 bytes"},
		"says it's less": {map[string]string{githubfake.RawZip: lying(t)}, forge.Limit{File: 1 << 10, Total: 1 << 20}, ""},
		"huge index":     {map[string]string{githubfake.RawZip: crowded(t)}, roomy, "larger than any artifact that the gate writes"},
	} {
		for _, whole := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, whole %v", name, whole), func(t *testing.T) {
				fake, gh := uploaded(t, map[string]map[string]string{"x": c.files})
				fake.WholeArtifacts = whole
				list, err := gh.Artifacts(t.Context(), 77)
				if err != nil {
					t.Fatal(err)
				}
				dir := t.TempDir()
				err = gh.Extract(t.Context(), list[0], dir, c.limit, anything)
				if lies := name == "says it's less"; (err == nil) != (c.says == "" && !lies) || err != nil && !strings.Contains(err.Error(), c.says) {
					t.Errorf("%v", err)
				}
				if n := written(t, dir); n > c.limit.Total+1 {
					t.Errorf("%d bytes were written", n)
				}
			})
		}
	}
}

func written(t *testing.T, dir string) (n int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		n += info.Size()
	}
	return n
}

// lying is a zip file whose one entry of 8 MiB says that it has ten bytes.
func lying(t *testing.T) string {
	t.Helper()
	var packed, archive bytes.Buffer
	deflate, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := deflate.Write(make([]byte, 8<<20)); err != nil {
		t.Fatal(err)
	}
	if err := deflate.Close(); err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(&archive)
	to, err := w.CreateRaw(&zip.FileHeader{Name: "result.json", Method: zip.Deflate, CompressedSize64: uint64(packed.Len()), UncompressedSize64: 10})
	if err == nil {
		_, err = to.Write(packed.Bytes())
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return archive.String()
}

// crowded is a zip file whose index has 18 MB: empty entries with long comments.
func crowded(t *testing.T) string {
	t.Helper()
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for i := range 300 {
		if _, err := w.CreateRaw(&zip.FileHeader{Name: strconv.Itoa(i), Comment: strings.Repeat("c", 60_000)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.String()
}

func TestArtifactsThatCannotBeRead(t *testing.T) {
	fake, c := uploaded(t, map[string]map[string]string{"a": {"plan.json": "{}"}})
	if err := c.Extract(t.Context(), forge.Artifact{ID: 1, Name: "gone"}, t.TempDir(), roomy, anything); err == nil ||
		!strings.Contains(err.Error(), "the artifact gone was not read") {
		t.Errorf("%v", err)
	}
	fake.Fail(githubfake.Answers("GET", 403, "Resource not accessible by integration"))
	var e *github.Error
	if _, err := c.Artifacts(t.Context(), 77); !errors.As(err, &e) || !strings.Contains(err.Error(), "actions: read") {
		t.Errorf("%v", err)
	}
}
