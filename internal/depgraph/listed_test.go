package depgraph

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What go list says that a package of this repository depends on, the graph says too.
func TestAsGoListSays(t *testing.T) {
	if testing.Short() {
		t.Skip("it lists this repository")
	}
	root := filepath.Join("..", "..")
	var files []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		switch base := path.Base(name); {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(base, ".") || base == "node_modules"):
			return fs.SkipDir
		case d.Type().IsRegular() && (path.Ext(base) == ".go" || base == "go.mod"):
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	g, err := Read(os.DirFS(root), files, []string{Go})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "list", "-deps", "-test", "-json=ImportPath,Dir,Deps,GoFiles,Module,ForTest,Standard", "./internal/...", "./cmd/...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("go list: %v", err)
	}
	const module = "github.com/org/e2e-gate"
	type listed struct {
		ImportPath string
		Deps       []string
		GoFiles    []string
		Standard   bool
		ForTest    string
	}
	packages := map[string]listed{}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages[p.ImportPath] = p
	}
	affects, checked := map[string][]string{}, 0
	for name, p := range packages {
		if !strings.HasPrefix(name, module+"/") || p.ForTest != "" || strings.HasSuffix(name, ".test") {
			continue
		}
		for _, dep := range p.Deps {
			used, ours := packages[dep], strings.HasPrefix(dep, module+"/")
			if !ours || len(used.GoFiles) == 0 {
				continue
			}
			file := strings.TrimPrefix(dep, module+"/") + "/" + used.GoFiles[0]
			if affects[file] == nil {
				own, known := g.Of(file)
				if !known {
					t.Fatalf("%s is of no package", file)
				}
				for _, part := range g.Users(own) {
					affects[file] = append(affects[file], part.Dir)
				}
			}
			if !slices.Contains(affects[file], strings.TrimPrefix(name, module+"/")) {
				t.Errorf("%s does not affect %s, which depends on it", file, name)
			}
			checked++
		}
	}
	if checked < 500 {
		t.Errorf("only %d dependencies were compared", checked)
	}
}
