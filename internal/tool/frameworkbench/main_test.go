package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/suite"
)

func TestMedian(t *testing.T) {
	second := time.Second
	for want, pairs := range map[string][]pair{
		"2.00 (+1.0 s)":    {{second, 2 * second}},
		"1.50 (+0.5 s)":    {{second, 9 * second}, {second, second}, {second, 3 * second / 2}},
		"0.50 (-1.0 s)":    {{2 * second, second}},
		"1000.00 (+1.0 s)": {{0, second}},
	} {
		if got := median(pairs); got != want {
			t.Errorf("%v: %s, want %s", pairs, got, want)
		}
	}
}

// Each project is found by init as the framework that it is of, and one test of it can fail.
func TestProjects(t *testing.T) {
	if len(order) != len(frameworks) {
		t.Errorf("%d of %d frameworks are in the order", len(order), len(frameworks))
	}
	for _, name := range order {
		dir, failing := t.TempDir(), 0
		for file, text := range frameworks[name].project() {
			path := filepath.Join(dir, filepath.FromSlash(file))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			failing += strings.Count(text, failVariable)
		}
		found := suite.Detect(suite.ReadTree(dir))
		if len(found) != 1 || found[0].Spec.Framework != name {
			t.Errorf("%s: found %+v", name, found)
		}
		if failing != 1 {
			t.Errorf("%s: %d tests can fail", name, failing)
		}
	}
}

func TestRerunOf(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shard.json")
	for text, want := range map[string]string{
		`{"units": [{"attempt": 1, "tests": ["a"], "seconds": 9}, {"attempt": 2, "tests": ["a"], "seconds": 1.5}]}`: "1.5s",
		`{"units": [{"attempt": 1, "tests": ["a"], "seconds": 9}]}`:                                                 "no diagnostic rerun of one test",
		`{"units": [{"attempt": 2, "tests": ["a", "b"], "seconds": 9}]}`:                                            "no diagnostic rerun of one test",
		`{`: "unexpected end",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := rerunOf(file)
		if err == nil && got.String() != want || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}
