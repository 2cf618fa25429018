package suite

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// Only the registry knows the folders of frameworks: none knows another, and nothing
// outside knows any.
func TestOnlyTheRegistryKnowsFrameworks(t *testing.T) {
	const ours = "github.com/org/e2e-gate/internal/suite/"
	files := 0
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "testdata":
			return fs.SkipDir
		case !strings.HasSuffix(file, ".go") || filepath.Dir(file) == filepath.FromSlash("../suite"):
			return nil
		}
		files++
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, imp := range parsed.Imports {
			name, found := strings.CutPrefix(strings.Trim(imp.Path.Value, `"`), ours)
			if found && name != "adapter" && !strings.HasPrefix(name, "adapter/") {
				t.Errorf("%s imports %s; only the registry does", file, path.Join("internal/suite", name))
			}
		}
		return nil
	})
	if err != nil || files < 100 {
		t.Errorf("%d files were read: %v", files, err)
	}
}
