package depgraph

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// npmPackage is what is read of a package.json.
type npmPackage struct {
	Name       string                     `json:"name"`
	Workspaces json.RawMessage            `json:"workspaces"`
	Plain      map[string]json.RawMessage `json:"dependencies"`
	Dev        map[string]json.RawMessage `json:"devDependencies"`
	Peer       map[string]json.RawMessage `json:"peerDependencies"`
	Optional   map[string]json.RawMessage `json:"optionalDependencies"`
}

type npmGraph struct{ folders }

// readNPM reads what packages of npm, pnpm and yarn depend on. Every package.json with a name or with dependencies counts, whether
// or not it is one of the workspaces: one that is not is used by nothing here but by its path.
func (g *Graph) readNPM(tree fs.FS, files []string) (kind, error) {
	byName, byDir, sources := map[string][]int{}, folders{}, folders{}
	found, pnpm := map[int]npmPackage{}, map[string]bool{}
	for _, file := range files {
		if path.Base(file) == "pnpm-workspace.yaml" {
			pnpm[path.Dir(file)] = true
		}
	}
	for _, file := range files {
		switch path.Base(file) {
		case "package.json":
		case "package.json5", "package.yaml":
			return nil, fmt.Errorf("%s is not read: only package.json is", file)
		default:
			continue
		}
		data, err := read(tree, file)
		if errors.Is(err, errGone) {
			continue
		}
		if err != nil {
			return nil, err
		}
		var p npmPackage
		var odd *json.UnmarshalTypeError
		if err := json.Unmarshal(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), &p); err != nil && !errors.As(err, &odd) {
			continue // no package manager can read it: it is an example, or the change breaks it, and then everything is affected
		}
		whole := len(p.Workspaces) > 0 || pnpm[path.Dir(file)]
		uses := len(p.Plain) + len(p.Dev) + len(p.Peer) + len(p.Optional)
		if p.Name == "" && uses == 0 && path.Dir(file) != "." && !whole {
			continue // it only says how its folder is loaded
		}
		at := g.add(Part{Dir: path.Dir(file)})
		found[at], byName[p.Name], byDir[path.Dir(file)] = p, append(byName[p.Name], at), append(byDir[path.Dir(file)], at)
		if !whole { // the folder of workspaces has files of others, and its own may be for all of them
			sources[path.Dir(file)] = append(sources[path.Dir(file)], at)
		}
	}
	if len(found) == 0 {
		return nil, errors.New("the repository has no package.json with a name")
	}
	for at, p := range found {
		for _, list := range []map[string]json.RawMessage{p.Plain, p.Dev, p.Peer, p.Optional} {
			for name, raw := range list {
				var version string
				_ = json.Unmarshal(raw, &version) // another one says nothing more than the name
				used := slices.Clone(byName[name])
				if alias := aliasOf(version); alias != "" {
					used = append(used, byName[alias]...)
				}
				if dir := dirOf(version); dir != "" {
					used = append(used, byDir[path.Join(g.parts[at].Dir, dir)]...)
				}
				for _, one := range used {
					g.use(at, one)
				}
			}
		}
	}
	g.fill(byDir, files)
	return npmGraph{sources}, nil
}

// aliasOf is the name in a version such as npm:@acme/http@^1 or workspace:@acme/http@*.
func aliasOf(version string) string {
	kind, name, ok := strings.Cut(version, ":")
	if !ok || kind != "npm" && kind != "workspace" {
		return ""
	}
	if at := strings.LastIndexByte(name, '@'); at > 0 {
		name = name[:at]
	}
	return name
}

// dirOf is the folder in a version such as file:../http, link:../http or workspace:../http.
func dirOf(version string) string {
	kind, dir, ok := strings.Cut(version, ":")
	if !ok || kind != "file" && kind != "link" && kind != "portal" && kind != "workspace" || !strings.HasPrefix(dir, ".") {
		return ""
	}
	return dir
}

// of: a file is of every package whose folder it is in, since one may hold the files of another as examples or as its output.
func (n npmGraph) of(file string) (parts []int, known bool) {
	parts = n.above(file)
	return parts, len(parts) > 0
}
