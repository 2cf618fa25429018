package adapter

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// SourceFiles are the files that the globs of a suite match, from its directory with
// forward slashes, sorted. Files of package managers and builds are not sources.
func SourceFiles(dir string, globs []string, usual ...string) ([]string, error) {
	if len(globs) == 0 {
		globs = usual
	}
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	var files []string
	for _, glob := range globs {
		found, err := doublestar.Glob(os.DirFS(dir), filepath.ToSlash(glob), doublestar.WithFilesOnly(), doublestar.WithNoFollow())
		if err != nil {
			return nil, fmt.Errorf("glob %s: %w", glob, err)
		}
		files = append(files, slices.DeleteFunc(found, IsBuilt)...)
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// IsBuilt reports whether a file lies in a folder of packages or build output.
func IsBuilt(file string) bool {
	return slices.ContainsFunc(strings.Split(file, "/"), func(part string) bool {
		return slices.Contains([]string{"node_modules", "target", "build", "dist", "vendor", ".git", ".gradle", ".e2e-gate", ".venv", "venv"}, part)
	})
}
