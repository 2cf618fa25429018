// Package resultsfake is the service of GitHub's runners that keeps artifacts and caches, and the storage behind it, for
// tests with the code of actions/toolkit. What it knows of them is from that code (@actions/artifact 6.2, @actions/cache 6.3)
// and from Microsoft's reference of Azure Blob Storage. It refuses what they would refuse.
package resultsfake

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// largest is how much of one request is read, in bytes.
const largest = 64 << 20

// Server is the service of one workflow run.
type Server struct {
	// URL is the value of ACTIONS_RESULTS_URL, and Token that of ACTIONS_RUNTIME_TOKEN.
	URL, Token string
	// Dir is a folder that gets the files of each artifact, in a folder of its name; as
	// githubfake.Server.Artifacts reads them.
	Dir string

	mu        sync.Mutex
	artifacts []*entry
	caches    []*entry
	blobs     map[string]*blob
	said      []string
}

// entry is an artifact or a cache.
type entry struct {
	id            int
	name, version string // of a cache: its key, and what its paths and compression hash to
	blob          string
	made          time.Time
	final         bool
}

// blob is a block blob.
type blob struct {
	sig, kind string
	blocks    map[string][]byte
	data      []byte
	there     bool
}

// New starts the service on the loopback interface. The test stops it.
func New(t testing.TB, dir string) *Server {
	t.Helper()
	s := &Server{Dir: dir, blobs: map[string]*blob{}, Token: token("77")}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /twirp/{service}/{method}", s.call)
	mux.HandleFunc("/storage/{blob}", s.storage)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.note("%s %s is not known", r.Method, r.URL.Path)
		http.NotFound(w, r)
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	s.URL = srv.URL + "/"
	return s
}

// token is a JWT as the runner gets it, of which the toolkit reads one claim and checks nothing.
func token(run string) string {
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	return part(`{"alg":"none"}`) + "." + part(`{"scp":"Actions.Example Actions.Results:`+run+`:job"}`) + "." + part("none")
}

// Refused are the requests that the service or its storage refused, in words.
func (s *Server) Refused() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.said)
}

// Names are the names of the artifacts that are there, in the order in which they came.
func (s *Server) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, e := range s.artifacts {
		if e.final {
			names = append(names, e.name)
		}
	}
	return names
}

// Caches are the keys of the caches that are there, in the order in which they came.
func (s *Server) Caches() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []string
	for _, e := range s.caches {
		if e.final {
			keys = append(keys, e.name)
		}
	}
	return keys
}

// RerunAll does what "Re-run all jobs" does: the artifacts of earlier attempts are gone
// (actions/upload-artifact issues 323 and 585). "Re-run failed jobs" keeps them.
func (s *Server) RerunAll(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.artifacts {
		if err := os.RemoveAll(filepath.Join(s.Dir, e.name)); err != nil {
			t.Fatal(err)
		}
	}
	s.artifacts = nil
}

func (s *Server) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, fmt.Sprintf(format, args...))
}

// text is a string of protocol buffers' JSON, which has a wrapper where it may be missing.
type text = *string

// request has the fields of every request that is known, as the toolkit's JSON names them.
type request struct {
	Run      string   `json:"workflow_run_backend_id"`
	Job      string   `json:"workflow_job_run_backend_id"`
	Name     string   `json:"name"`
	Filter   text     `json:"name_filter"`
	ID       text     `json:"id_filter"`
	MimeType text     `json:"mime_type"`
	Version  any      `json:"version"`
	Expires  text     `json:"expires_at"`
	Size     string   `json:"size"`
	Hash     text     `json:"hash"`
	Key      string   `json:"key"`
	Restore  []string `json:"restore_keys"`
	Bytes    string   `json:"size_bytes"`
	Metadata any      `json:"metadata"`
}

// failure is an error of Twirp: its code, and the status that goes with it.
type failure struct {
	status    int
	code, msg string
}

var noArtifact = &failure{http.StatusNotFound, "not_found", "artifact not found"}

func (s *Server) call(w http.ResponseWriter, r *http.Request) {
	method := r.PathValue("method")
	var req request
	in := json.NewDecoder(http.MaxBytesReader(w, r.Body, largest))
	in.DisallowUnknownFields()
	answer, failed := any(nil), &failure{http.StatusUnauthorized, "unauthenticated", "the token is another one"}
	switch {
	case r.Header.Get("Authorization") != "Bearer "+s.Token:
	case in.Decode(&req) != nil:
		failed = &failure{http.StatusBadRequest, "malformed", "not the request of " + method}
	default:
		answer, failed = s.answer(strings.TrimPrefix(r.PathValue("service"), "github.actions.results.api.v1.")+"/"+method, req)
	}
	w.Header().Set("Content-Type", "application/json")
	if failed != nil {
		s.note("%s %s: %s", method, req.Name+req.Key, failed.msg)
		w.WriteHeader(failed.status)
		answer = map[string]string{"code": failed.code, "msg": failed.msg}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (s *Server) answer(method string, req request) (any, *failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	type object = map[string]any
	switch method {
	case "ArtifactService/CreateArtifact":
		if bad := forbidden(req.Name); bad != "" {
			return nil, &failure{http.StatusBadRequest, "invalid_argument", "the artifact name has " + bad}
		}
		if find(s.artifacts, req.Name, "") != nil {
			return nil, &failure{http.StatusConflict, "already_exists", "an artifact with this name already exists on the workflow run"}
		}
		e := s.add(&s.artifacts, req.Name, "", value(req.MimeType))
		return object{"ok": true, "signed_upload_url": s.signed(e)}, nil
	case "ArtifactService/FinalizeArtifact":
		e := find(s.artifacts, req.Name, "")
		if e == nil {
			return nil, noArtifact
		}
		b := s.blobs[e.blob]
		sum := sha256.Sum256(b.data)
		if hash := value(req.Hash); !b.there || req.Size != strconv.Itoa(len(b.data)) || hash != "" && hash != "sha256:"+hex.EncodeToString(sum[:]) {
			return nil, &failure{http.StatusBadRequest, "invalid_argument", "what was uploaded has another size or hash"}
		}
		if err := s.unpack(e); err != nil {
			return nil, &failure{http.StatusBadRequest, "invalid_argument", err.Error()}
		}
		e.final = true
		return object{"ok": true, "artifact_id": strconv.Itoa(e.id)}, nil
	case "ArtifactService/ListArtifacts":
		list := []object{}
		for _, e := range s.artifacts {
			if e.final && (req.Filter == nil || *req.Filter == e.name) && (req.ID == nil || *req.ID == strconv.Itoa(e.id)) {
				sum := sha256.Sum256(s.blobs[e.blob].data)
				list = append(list, object{"workflow_run_backend_id": req.Run, "workflow_job_run_backend_id": "another", "database_id": strconv.Itoa(e.id), "name": e.name,
					"size": strconv.Itoa(len(s.blobs[e.blob].data)), "created_at": e.made.UTC().Format(time.RFC3339), "digest": "sha256:" + hex.EncodeToString(sum[:])})
			}
		}
		return object{"artifacts": list}, nil
	case "ArtifactService/GetSignedArtifactURL":
		e := find(s.artifacts, req.Name, "")
		if e == nil || !e.final {
			return nil, noArtifact
		}
		return object{"signed_url": s.signed(e)}, nil
	case "ArtifactService/DeleteArtifact":
		e := find(s.artifacts, req.Name, "")
		if e == nil {
			return nil, noArtifact
		}
		s.artifacts = slices.DeleteFunc(s.artifacts, func(other *entry) bool { return other == e })
		if err := os.RemoveAll(filepath.Join(s.Dir, e.name)); err != nil {
			return nil, &failure{http.StatusInternalServerError, "internal", err.Error()}
		}
		return object{"ok": true, "artifact_id": strconv.Itoa(e.id)}, nil

	case "CacheService/CreateCacheEntry":
		if version, _ := req.Version.(string); find(s.caches, req.Key, version) == nil {
			return object{"ok": true, "signed_upload_url": s.signed(s.add(&s.caches, req.Key, version, ""))}, nil
		}
		return nil, &failure{http.StatusConflict, "already_exists", "cache entry with the same key, version, and scope already exists"}
	case "CacheService/FinalizeCacheEntryUpload":
		version, _ := req.Version.(string)
		e := find(s.caches, req.Key, version)
		if e == nil || !s.blobs[e.blob].there || req.Bytes != strconv.Itoa(len(s.blobs[e.blob].data)) {
			return nil, &failure{http.StatusBadRequest, "invalid_argument", "the upload is missing, or has another size"}
		}
		e.final = true
		return object{"ok": true, "entry_id": strconv.Itoa(e.id)}, nil
	case "CacheService/GetCacheEntryDownloadURL":
		version, _ := req.Version.(string)
		for i, key := range append([]string{req.Key}, req.Restore...) {
			for _, e := range slices.Backward(s.caches) {
				if e.final && e.version == version && (e.name == key || i > 0 && strings.HasPrefix(e.name, key)) {
					return object{"ok": true, "signed_download_url": s.signed(e), "matched_key": e.name}, nil
				}
			}
		}
		return object{"ok": false}, nil
	}
	return nil, &failure{http.StatusNotFound, "bad_route", "no such method"}
}

// forbidden names a character that no artifact's name may have.
func forbidden(name string) string {
	if i := strings.IndexAny(name, "\":<>|*?\r\n\\/"); i >= 0 {
		return strconv.Quote(name[i : i+1])
	}
	if name == "" {
		return "no character"
	}
	return ""
}

func value(t text) string {
	if t == nil {
		return ""
	}
	return *t
}

func find(list []*entry, name, version string) *entry {
	for _, e := range list {
		if e.name == name && e.version == version {
			return e
		}
	}
	return nil
}

// add makes an entry whose blob is to be uploaded.
func (s *Server) add(list *[]*entry, name, version, kind string) *entry {
	key := rand.Text()
	e := &entry{id: len(s.blobs) + 1, name: name, version: version, blob: key, made: time.Now()}
	// The = that a signature of Azure ends in must survive every parser of addresses.
	s.blobs[key] = &blob{sig: base64.StdEncoding.EncodeToString([]byte(rand.Text()+"==")) + "=", kind: kind, blocks: map[string][]byte{}}
	*list = append(*list, e)
	return e
}

// signed is the address of an entry's blob.
func (s *Server) signed(e *entry) string {
	return s.URL + "storage/" + e.blob + "?se=2100-01-01&sig=" + url.QueryEscape(s.blobs[e.blob].sig)
}

// unpack puts the files of an artifact into its folder.
func (s *Server) unpack(e *entry) error {
	data := s.blobs[e.blob].data
	files, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	dir := filepath.Join(s.Dir, e.name)
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // a folder of the test
		return err
	}
	return os.CopyFS(dir, files)
}

// storage is Azure Blob Storage, as far as the toolkit uses it: a blob in one piece, or in blocks and their list; and
// bytes=A- and bytes=A-B of it. A range that counts from the end is none that it knows, so the whole is sent.
func (s *Server) storage(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	b := s.blobs[r.PathValue("blob")]
	s.mu.Unlock()
	q := r.URL.Query()
	refuse := func(status int, code string) {
		s.note("storage: %s %s: %s", r.Method, r.URL.RawQuery, code)
		w.Header().Set("x-ms-error-code", code)
		w.WriteHeader(status)
	}
	switch {
	case b == nil:
		refuse(http.StatusNotFound, "BlobNotFound")
		return
	case q.Get("sig") != b.sig:
		refuse(http.StatusForbidden, "AuthenticationFailed")
		return
	case r.Header.Get("Authorization") != "":
		refuse(http.StatusBadRequest, "InvalidAuthenticationInfo")
		return
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		s.mu.Lock()
		data, there := b.data, b.there
		s.mu.Unlock()
		if !there {
			refuse(http.StatusNotFound, "BlobNotFound")
			return
		}
		if strings.HasPrefix(r.Header.Get("Range"), "bytes=-") {
			r.Header.Del("Range")
		}
		w.Header().Set("Content-Type", b.kind)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largest))
	if r.Method != http.MethodPut || err != nil {
		refuse(http.StatusBadRequest, "InvalidInput")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch q.Get("comp") {
	case "block":
		b.blocks[q.Get("blockid")] = body
	case "blocklist":
		var list struct {
			Latest []string `xml:"Latest"`
		}
		if xml.Unmarshal(body, &list) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		b.data, b.there = nil, true
		for _, id := range list.Latest {
			b.data = append(b.data, b.blocks[id]...)
		}
	default:
		b.data, b.there = body, true
	}
	w.WriteHeader(http.StatusCreated)
}
