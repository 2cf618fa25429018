package githubfake

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// artifact is a folder below [Server.Artifacts].
type artifact struct {
	id   int
	name string
}

// artifacts are those that there are now: what a job uploads shows at once.
func (s *Server) artifacts() []artifact {
	entries, _ := os.ReadDir(s.Artifacts)
	var list []artifact
	for i, e := range entries {
		if e.IsDir() {
			list = append(list, artifact{5000 + i, e.Name()})
		}
	}
	return list
}

func listArtifacts(c call) answer {
	size, page := 30, max(number(c.query.Get("page")), 1)
	if n := number(c.query.Get("per_page")); n > 0 {
		size = n
	}
	all, list := c.artifacts(), []map[string]any{}
	for i := (page - 1) * size; i < min(page*size, len(all)); i++ {
		list = append(list, map[string]any{"id": all[i].id, "name": all[i].name, "expired": false, "size_in_bytes": 1})
	}
	a := reply(http.StatusOK, map[string]any{"total_count": len(all), "artifacts": list})
	if page*size < len(all) {
		a.header.Set("Link", fmt.Sprintf(`<%s/repos/%s/actions/runs/%s/artifacts?per_page=%d&page=%d>; rel="next"`, c.base, c.Repository, c.args[2], size, page+1))
	}
	return a
}

func getArtifact(c call) answer {
	for _, a := range c.artifacts() {
		if a.id == number(c.args[2]) {
			c.zipped[a.id] = a.name
			return answer{status: http.StatusFound, header: http.Header{"Location": {fmt.Sprintf("%s%s/%d?sig=s3cret", strings.TrimSuffix(c.base, c.Prefix), storage, a.id)}}}
		}
	}
	return refusal(http.StatusNotFound, "Not Found")
}

// storage is the path of what is no part of the API: it takes no token.
const storage = "/storage"

// serveStorage serves an artifact as a zip file, with ranges unless
// [Server.WholeArtifacts] is set.
func (s *Server) serveStorage(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "" {
		s.t.Error("githubfake: the token was sent to the storage")
	}
	s.mu.Lock()
	name := s.zipped[number(strings.TrimPrefix(r.URL.Path, storage+"/"))]
	s.mu.Unlock()
	data, err := zipOf(filepath.Join(s.Artifacts, name))
	if name == "" || err != nil {
		http.NotFound(w, r)
		return
	}
	if s.WholeArtifacts {
		_, _ = w.Write(data)
		return
	}
	http.ServeContent(w, r, name+".zip", time.Time{}, bytes.NewReader(data))
}

// RawZip is a file in the folder of an artifact that is its zip file already.
const RawZip = ".zip"

func zipOf(dir string) ([]byte, error) {
	if data, err := os.ReadFile(filepath.Join(dir, RawZip)); err == nil {
		return data, nil
	}
	var buf bytes.Buffer
	archive := zip.NewWriter(&buf)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		to, err := archive.Create(filepath.ToSlash(rel))
		if err != nil {
			return err
		}
		_, err = to.Write(data)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = archive.Close()
	return buf.Bytes(), err
}
