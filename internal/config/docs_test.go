package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocs takes every YAML block of the docs for what it shows.
func TestDocs(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	docs, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := 0
	for _, doc := range append(docs, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
			if strings.HasPrefix(m[1], "# .github/workflows/") || filepath.Base(doc) == "pipelines.md" {
				continue // internal/shipping checks it
			}
			blocks++
			if err := checkBlock(t, m[1]); err != nil {
				t.Errorf("%s shows a config that is not accepted: %v\n%s", filepath.Base(doc), err, m[1])
			}
		}
	}
	if blocks < 7 {
		t.Errorf("only %d blocks were found", blocks)
	}
	// The examples are configs too.
	examples, err := filepath.Glob(filepath.Join(root, "examples", "*", "e2e-gate*.yml"))
	if err != nil || len(examples) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range examples {
		if _, err := Load(Options{Root: root, File: file, Uses: AllSections, Lookup: lookupAny}); err != nil {
			t.Error(err)
		}
	}
}

func lookupAny(name string) (string, bool) {
	switch {
	case name == "E2E_SHA":
		return "4bf1f7", true
	case strings.HasSuffix(name, "_PORT"): // of a process with port: auto
		return "42001", true
	}
	return "", false
}

func checkBlock(t *testing.T, text string) error {
	t.Helper()
	if strings.HasPrefix(text, "- ") {
		_, err := ParseQuarantine("quarantine.yml", []byte(text))
		return err
	}
	root := t.TempDir()
	dirs := []string{"examples/casework/e2e", "e2e"}
	examples, err := filepath.Glob("../../examples/*")
	if err != nil {
		return err
	}
	for _, dir := range examples {
		dirs = append(dirs, "examples/"+filepath.Base(dir))
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	if err := os.CopyFS(filepath.Join(root, "examples", "services"), os.DirFS("../../examples/services")); err != nil { // the files that a config includes
		return err
	}
	file := filepath.Join(root, "e2e-gate.yml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return err
	}
	_, err = Load(Options{Root: root, File: file, Uses: AllSections, Lookup: lookupAny})
	return err
}
