package proc

import (
	"os"
	"path/filepath"
	"testing"
)

// A program is found where the process that it becomes would look, such as in the environment of a suite.
func TestProgram(t *testing.T) {
	tool := "tool"
	if filepath.Separator == '\\' {
		tool = "tool.exe"
	}
	dir, other, own := t.TempDir(), t.TempDir(), t.TempDir()
	program := func(folder string) string {
		t.Helper()
		file := filepath.Join(folder, tool)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("#!/bin/sh\n"), 0o755); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
		return file
	}
	venv, elsewhere := program(filepath.Join(dir, ".venv", "bin")), program(other)
	program(dir) // in no PATH
	t.Setenv("PATH", own)
	list := string(os.PathListSeparator)
	for _, tc := range []struct {
		what, name, path, want string
	}{
		{"a folder of the environment", "tool", "PATH=" + other + list + own, elsewhere},
		{"a relative one is the suite's", "tool", "PATH=" + filepath.Join(".venv", "bin") + list + other, venv},
		{"an empty one is none", "tool", "PATH=" + list, ""},
		{"the gate's own PATH", "tool", "PATH=" + own, ""},
		{"a path stays", "./tool", "PATH=" + other, "./tool"},
		{"no PATH", "tool", "HOME=" + dir, ""},
	} {
		got, err := Program(tc.name, dir, []string{"PATH=/nowhere", tc.path})
		if tc.path[:5] != "PATH=" {
			got, err = Program(tc.name, dir, []string{tc.path})
		}
		if err != nil {
			got = ""
		}
		if got != tc.want {
			t.Errorf("%s: %q, %v, want %q", tc.what, got, err, tc.want)
		}
	}
	mine := program(own)
	if got, err := Program("tool", dir, []string{"PATH=" + t.TempDir()}); got != mine || err != nil {
		t.Errorf("the gate's own PATH counts too: %q, %v", got, err)
	}
	exit := Run(t.Context(), Spec{Argv: []string{"tool"}, Dir: dir, Env: []string{"PATH=" + filepath.Join(".venv", "bin")}})
	if filepath.Separator == '/' && !exit.OK() {
		t.Errorf("%+v", exit)
	}
}
