package githubfake

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// RunArtifact is an artifact of one workflow run, which may have others of its name.
type RunArtifact struct {
	// Run is the id of one in [Server.Runs].
	Run   int
	Name  string
	Files map[string][]byte
	// Expired: its retention is over. It is listed, and its content is gone.
	Expired bool
	// Deleted: somebody, or "Re-run all jobs", removed it. It is not listed any more.
	Deleted bool
}

// artifact is a folder below [Server.Artifacts], or one of a run.
type artifact struct {
	id, run int
	name    string
	expired bool
	files   func() (map[string][]byte, error)
}

// artifacts are those that there are now, as far as a run sees them: what a job uploads
// shows at once. The repository, 0, sees all.
func (s *Server) artifacts(run int) []artifact {
	entries, _ := os.ReadDir(s.Artifacts)
	var list []artifact
	for i, e := range entries {
		if e.IsDir() {
			dir := filepath.Join(s.Artifacts, e.Name())
			list = append(list, artifact{id: 5000 + i, run: s.newest(), name: e.Name(), files: func() (map[string][]byte, error) { return filesOf(dir) }})
		}
	}
	for i, a := range s.RunArtifacts {
		if !a.Deleted && (run == 0 || run == a.Run) {
			list = append(list, artifact{90_000 + i, a.Run, a.Name, a.Expired, func() (map[string][]byte, error) { return a.Files, nil }})
		}
	}
	return list
}

// newest is the run that the folders belong to, if runs are listed.
func (s *Server) newest() int {
	if len(s.Runs) == 0 {
		return 0
	}
	return s.Runs[0].ID
}

func (s *Server) artifactJSON(a artifact) map[string]any {
	size := 0
	files, _ := a.files()
	for _, data := range files {
		size += len(data)
	}
	out := map[string]any{"id": a.id, "name": a.name, "expired": a.expired, "size_in_bytes": size, "workflow_run": nil}
	if r := s.run(strconv.Itoa(a.run)); r != nil {
		head := repositoryID
		if r.HeadRepository != s.Repository {
			head++
		}
		out["workflow_run"] = map[string]any{"id": r.ID, "repository_id": repositoryID, "head_repository_id": head, "head_branch": r.Branch, "head_sha": r.SHA}
	}
	return out
}

const repositoryID = 1296269

func listArtifacts(c call) answer {
	return c.listed(c.artifacts(number(c.args[2])), "actions/runs/"+c.args[2]+"/artifacts")
}

func listRepositoryArtifacts(c call) answer { return c.listed(c.artifacts(0), "actions/artifacts") }

func (c call) listed(all []artifact, where string) answer {
	var list []map[string]any
	for _, a := range all {
		if name := c.query.Get("name"); name == "" || name == a.name {
			list = append(list, c.artifactJSON(a))
		}
	}
	return c.page(list, "artifacts", where)
}

// getArtifact answers 410 for an artifact whose retention is over, as the description of the
// route says.
func getArtifact(c call) answer {
	for _, a := range c.artifacts(0) {
		if a.id == number(c.args[2]) && a.expired {
			return refusal(http.StatusGone, "Artifact has expired")
		}
		if a.id == number(c.args[2]) {
			c.zipped[a.id] = a
			return answer{status: http.StatusFound, header: http.Header{"Location": {fmt.Sprintf("%s%s/%d?sig=s3cret", strings.TrimSuffix(c.base, c.Prefix),
				storage, a.id)}}}
		}
	}
	return refusal(http.StatusNotFound, "Not Found")
}

// storage is a path outside of the API, which takes no token.
const storage = "/storage"

// serveStorage serves an artifact as a zip file, with ranges unless
// [Server.WholeArtifacts] is set. GitHub's storage is Azure Blob, which knows bytes=A- and
// bytes=A-B ("Specifying the range header for Blob service operations" in Microsoft's
// reference). Of a range that counts from the end, the reference says nothing: the whole file
// is sent, or, with [Server.SuffixRefused], 400. A client that asks for one fails the test,
// because it may transfer everything without noticing. The address carries its own permission
// (a shared access signature); a request with a second one, in Authorization, is refused.
func (s *Server) serveStorage(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "" {
		s.t.Errorf("githubfake: the token was sent to the storage")
		w.WriteHeader(http.StatusForbidden)
		return
	}
	s.mu.Lock()
	a, known := s.zipped[number(strings.TrimPrefix(r.URL.Path, storage+"/"))]
	s.downloads = append(s.downloads, a.name)
	fault := s.StorageStatus
	s.mu.Unlock()
	if fault != 0 {
		w.WriteHeader(fault)
		return
	}
	if !known {
		http.NotFound(w, r)
		return
	}
	data, err := zipOf(a)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	if s.WholeArtifacts {
		_, _ = w.Write(data)
		return
	}
	if span := r.Header.Get("Range"); span != "" && !blobRange.MatchString(span) {
		s.t.Errorf("githubfake: the storage knows no range %q, only bytes=A- and bytes=A-B", span)
		if s.SuffixRefused {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = w.Write(data)
		return
	}
	http.ServeContent(w, r, a.name+".zip", time.Time{}, bytes.NewReader(data))
}

var blobRange = regexp.MustCompile(`^bytes=\d+-\d*$`)

// Downloads are the artifacts that the storage was asked for, once for each request.
func (s *Server) Downloads() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.downloads)
}

// RawZip is a file in the folder of an artifact that is its zip file already.
const RawZip = ".zip"

func zipOf(a artifact) ([]byte, error) {
	files, err := a.files()
	if err != nil {
		return nil, err
	}
	if data, ok := files[RawZip]; ok {
		return data, nil
	}
	var buf bytes.Buffer
	archive := zip.NewWriter(&buf)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		to, err := archive.Create(name)
		if err == nil {
			_, err = to.Write(files[name])
		}
		if err != nil {
			return nil, err
		}
	}
	err = archive.Close()
	return buf.Bytes(), err
}

// filesOf are the files below a folder.
func filesOf(dir string) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(rel)], err = os.ReadFile(path)
		return err
	})
	return files, err
}
