package workspace

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, target, file string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, file); err != nil {
		t.Skip("needs symbolic links: ", err)
	}
}

func TestCheck(t *testing.T) {
	for _, name := range own {
		for what, make := range map[string]func(t *testing.T, file string){
			"a link to a folder": func(t *testing.T, file string) { link(t, t.TempDir(), file) },
			"a link in the tree": func(t *testing.T, file string) { link(t, ".", file) },
			"a dangling link":    func(t *testing.T, file string) { link(t, "nowhere", file) },
		} {
			t.Run(name+": "+what, func(t *testing.T) {
				root := t.TempDir()
				if err := Check(root); err != nil {
					t.Fatal(err)
				}
				file := filepath.Join(root, filepath.FromSlash(name))
				make(t, file)
				err := Check(root)
				if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "remove it") {
					t.Errorf("got %v", err)
				}
				if dir, err := Open(root, filepath.Join(root, Name, "runs", "r1")); err == nil {
					_ = dir.Close()
					t.Errorf("it was opened")
				}
			})
		}
		root := t.TempDir()
		write(t, filepath.Join(root, filepath.FromSlash(name), "file"), "x")
		if err := Check(root); err != nil {
			t.Error(err)
		}
	}
}

// A folder of a run is made wherever the user wants it, but no link of the checkout leads out.
func TestOpen(t *testing.T) {
	root, elsewhere := t.TempDir(), t.TempDir()
	for _, dir := range []string{filepath.Join(root, Name, "runs", "r1"), filepath.Join(root, "out", "deep"), filepath.Join(elsewhere, "out"), elsewhere, root} {
		opened, err := Open(root, dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := Replace(opened, "file", []byte("x")); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "file")); err != nil {
			t.Error(err)
		}
		_ = opened.Close()
	}
	link(t, elsewhere, filepath.Join(root, "way"))
	if dir, err := Open(root, filepath.Join(root, "way", "out2")); err == nil {
		_ = dir.Close()
		t.Error("a link led out of the checkout")
	} else if !strings.Contains(err.Error(), "no link may lead out") {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(elsewhere, "out2")); err == nil {
		t.Error("a folder was made outside")
	}
}

func TestReplaceDoesNotFollowLinks(t *testing.T) {
	root := t.TempDir()
	outside := filepath.Join(t.TempDir(), "outside")
	write(t, outside, "before")
	link(t, outside, filepath.Join(root, "result.json"))
	if err := ReplaceFile(filepath.Join(root, "result.json"), []byte("after")); err != nil {
		t.Fatal(err)
	}
	kept, _ := os.ReadFile(outside)
	made, _ := os.ReadFile(filepath.Join(root, "result.json"))
	if string(kept) != "before" || string(made) != "after" {
		t.Errorf("outside %q, inside %q", kept, made)
	}
	if entries, _ := os.ReadDir(root); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	write(t, filepath.Join(root, "folder", "x"), "x")
	if err := ReplaceFile(filepath.Join(root, "folder"), nil); err == nil || !strings.Contains(err.Error(), "write folder") {
		t.Errorf("got %v", err)
	}
	if entries, _ := os.ReadDir(root); len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
}
