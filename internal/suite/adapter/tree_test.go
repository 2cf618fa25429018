package adapter

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A tree reads so many files and no more, says so once, and reads no link and no large file.
func TestTreeIsBounded(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{"a": "1", "b": "2", "c": "3", "large": strings.Repeat("x", maxManifest+1)} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(root, "a"), filepath.Join(root, "link")); err != nil {
		t.Skip("no links here")
	}
	tree := ReadTree(root)
	if want := []string{"a", "b", "c", "large"}; !slices.Equal(tree.Files, want) {
		t.Errorf("%q, want %q", tree.Files, want)
	}
	if text := tree.Read("link") + tree.Read("large") + tree.Read("nothing"); text != "" {
		t.Errorf("read %d bytes", len(text))
	}
	tree.left = 2
	got := []string{tree.Read("a"), tree.Read("a"), tree.Read("b"), tree.Read("c"), tree.Read("c"), tree.Read("a")}
	if want := []string{"1", "1", "2", "", "", "1"}; !slices.Equal(got, want) || len(tree.Notes) != 1 {
		t.Errorf("%q, want %q; %q", got, want, tree.Notes)
	}
}

func TestAboveAndBelow(t *testing.T) {
	tree := &Tree{Files: []string{"a-b/x", "a/b/x", "a/x", "a0", "x", "y"}}
	for _, tc := range []struct{ dir, name, want string }{{"a/b", "x", "a/b/x"}, {"a/b/c", "x", "a/b/x"}, {"a/c", "x", "a/x"}, {".", "x", "x"}, {"a", "y", "y"}, {"a", "z", ""}} {
		if got := tree.Above(tc.dir, tc.name); got != tc.want {
			t.Errorf("%s above %s: %q, want %q", tc.name, tc.dir, got, tc.want)
		}
	}
	for dir, want := range map[string]string{"a": "a/b/x a/x", "a/b": "a/b/x", ".": "a-b/x a/b/x a/x x", "": "a-b/x a/b/x a/x x", "b": "", "a-b": "a-b/x"} {
		if got := strings.Join(tree.Below(dir, "x"), " "); got != want {
			t.Errorf("below %q: %q, want %q", dir, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	for line, want := range map[string]string{
		"mocha test/": "mocha|test/", "mocha  --grep 'a b' \"c/**\"": "mocha|--grep|a b|c/**", "mocha a && b": "", "mocha $X": "", "mocha `x`": "", "mocha 'a": "", "mocha 'a'b": "",
		"mocha \"$X\"": "", "mocha a;b": "", "mocha a > b": "", "mocha a\nb": "", "": "", "X=1 mocha": "X=1|mocha",
	} {
		words, ok := Words(line)
		if got := strings.Join(words, "|"); got != want || ok != (want != "" || line == "") {
			t.Errorf("%q: %q %v, want %q", line, got, ok, want)
		}
	}
}
