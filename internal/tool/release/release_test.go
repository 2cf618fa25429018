package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// hostAsset is the file of this machine's platform.
func hostAsset(t *testing.T) string {
	t.Helper()
	p, err := platformOf(platform{runtime.GOOS, runtime.GOARCH}.asset())
	if err != nil {
		t.Skip(err)
	}
	return p.asset()
}

// copyTree copies what git would hold of this module to another place.
func copyTree(t *testing.T, to string) {
	t.Helper()
	for _, part := range []string{"go.mod", "go.sum", "cmd", "internal", "shards"} {
		from := filepath.Join("..", "..", "..", part)
		info, err := os.Stat(from)
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			err = os.CopyFS(filepath.Join(to, part), os.DirFS(from))
		} else {
			var data []byte
			if data, err = os.ReadFile(from); err == nil {
				err = os.WriteFile(filepath.Join(to, part), data, 0o644)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestSameBytes holds that a release can be built again: by check, from a copy of
// the tree elsewhere, and in an environment that asks for other code.
func TestSameBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the program twice")
	}
	asset := hostAsset(t)
	tree, folder := t.TempDir(), t.TempDir()
	copyTree(t, tree)
	if err := run(t.Context(), []string{"build", "v7.8.9-rc.1", folder, asset}, os.Stderr); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(folder, asset), "version").Output()
	if err != nil || strings.TrimSpace(string(out)) != "e2e-gate v7.8.9-rc.1" {
		t.Errorf("version prints %q, %v", out, err)
	}

	t.Chdir(tree)
	t.Setenv("GOFLAGS", "-tags=elsewhere -race")
	t.Setenv("GOAMD64", "v3")
	sumsPath := filepath.Join(folder, sumsFile)
	var said bytes.Buffer
	if err := run(t.Context(), []string{"check", sumsPath}, &said); err != nil || said.String() != "same "+asset+"\n" {
		t.Fatalf("%v, %q", err, said.String())
	}

	// One byte of the program's text, and the sums say so.
	main := filepath.Join(tree, "internal/cli/cli.go")
	source, err := os.ReadFile(main)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(main, bytes.Replace(source, []byte("internal error (a bug"), []byte("Internal error (a bug"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"check", sumsPath}, &said); err == nil || !strings.Contains(err.Error(), "check out the tag v7.8.9-rc.1") {
		t.Errorf("another program has the same sum: %v", err)
	}
}

func TestSumsAreRead(t *testing.T) {
	line := strings.Repeat("0a", 32) + "  e2e-gate_linux_amd64\n"
	for text, want := range map[string]string{
		"# v1.2.3\n# go1.26.8\n" + line:                                "",
		"# v1.2.3\r\n# go1.26.8\r\n" + strings.TrimSuffix(line, "\n"):  "",
		"# v1.2.3\n# go1.26.8\n":                                       "has 2 lines",
		"# v1.2\n# go1.26.8\n" + line:                                  `invalid version "v1.2"`,
		"# v1.2.3; rm\n# go1.26.8\n" + line:                            "invalid version",
		"# v01.2.3\n# go1.26.8\n" + line:                               "invalid version",
		"# v1.2.3\n# devel\n" + line:                                   `"devel" is not a released Go version`,
		"# v1.2.3\n# go1.26.8\n" + line + "../../etc/passwd\n":         ":4: ",
		"# v1.2.3\n# go1.26.8\n" + strings.ToUpper(line):               ":3: ",
		"# v1.2.3\n# go1.26.8\n" + strings.Replace(line, "  ", " ", 1): ":3: ",
	} {
		file := filepath.Join(t.TempDir(), sumsFile)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := readSums(file)
		switch {
		case want == "" && (err != nil || s.version != "v1.2.3" || s.tools != "go1.26.8" || len(s.list) != 1):
			t.Errorf("%q: %v, %v", text, s, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestUsage(t *testing.T) {
	folder := t.TempDir()
	forged := filepath.Join(folder, sumsFile)
	if err := os.WriteFile(forged, []byte("# v1.2.3\n# go1.26.8\n"+strings.Repeat("0a", 32)+"  e2e-gate_plan9_mips\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"":                              "say build VERSION FOLDER",
		"build v1.2.3":                  "say build VERSION FOLDER",
		"build 1.2.3 " + folder:         `invalid version "1.2.3"; use one like v1.2.3`,
		"build v1.2.3 " + folder + " x": `"x" is not a file of a release`,
		"check " + forged:               "is not a file of a release",
		"check " + forged + ".none":     "they are in the tree of a release's tag",
	} {
		err := run(t.Context(), strings.Fields(args), os.Stderr)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("release %s: %v, want %q", args, err, want)
		}
	}
}
