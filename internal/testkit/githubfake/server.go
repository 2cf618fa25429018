// Package githubfake is GitHub for tests: comments, statuses and users that
// remember what was done to them, behind the routes that the gate uses and no other.
// An unknown route answers 501 and fails the test, and so does a request that
// GitHub's OpenAPI description or one of its unwritten rules refuses. What goes wrong
// in real life is switched on with [Server.Fail].
package githubfake

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// User is an account. Type is "Bot" or "User".
type User struct{ Login, Type string }

// The accounts behind tokens: the job's own, which has no GET /user, and a person's.
var (
	JobBot = User{Login: "github-actions[bot]", Type: "Bot"}
	Person = User{Login: "octocat", Type: "User"}
	App    = User{Login: "acme-gate[bot]", Type: "Bot"}
)

// The tokens that every server knows.
const (
	JobToken    = "job-token-0123456789"
	PersonToken = "person-token-0123456789"
	// AppToken is that of an App which is installed in all repositories of the organisation.
	AppToken = "app-token-0123456789"
)

// Comment on a pull request.
type Comment struct {
	ID      int64
	PR      int
	Author  User
	Body    string
	Edits   int
	Created time.Time
	// Notified are the accounts that GitHub notified, in order: an edit notifies newly
	// mentioned ones.
	Notified []string
	// Minimised is the reason why it is folded, in GitHub's words; empty if it is not.
	Minimised string
}

// Status of a commit. The latest of a context comes first.
type Status struct {
	SHA, Context, State, Description, TargetURL string
	Creator                                     User
}

// Comparison of a branch with a commit: the branch's tip, and the newest commit in common.
type Comparison struct{ Tip, Common string }

// Repo is a repository beside the server's own.
type Repo struct {
	// Private: only [AppToken] sees it. ReadOnly: that App may not write there. Other tokens never may.
	Private, ReadOnly bool
	// Files and Refs are as those of [Server].
	Files map[string]map[string]string
	Refs  map[string]string
	// Deployments, oldest first.
	Deployments []Deployment
	statuses    []Status
}

// Request is a request that was made, with its answer.
type Request struct {
	Method, Path, Query string
	Status              int
}

// Server is the fake. Its fields may be set before the first request.
type Server struct {
	// Prefix is what the API's path starts with: "" as on api.github.com, "/api/v3" as
	// on Enterprise.
	Prefix string
	// Repository is the one that exists, owner/name.
	Repository string
	// PR exists; Locked: it takes no comments.
	PR     int
	Locked bool
	// OwnOnly: a token changes and deletes its own comments only.
	OwnOnly bool
	// Queue are merge queues by branch.
	Queue map[string][]QueueEntry
	// Files of commits: full hash, path, text. A commit that is not in it does not
	// exist.
	Files map[string]map[string]string
	// Artifacts is a folder whose folders are the artifacts of every workflow run, by
	// name; where the repository's are listed, those of the first of Runs. RunArtifacts
	// are of one run each, the newest first. WholeArtifacts: their storage does not know
	// ranges; SuffixRefused: it answers 400 to a range that counts from the end. It answers
	// with StorageStatus where that is set.
	Artifacts      string
	RunArtifacts   []RunArtifact
	WholeArtifacts bool
	SuffixRefused  bool
	StorageStatus  int
	// Runs of workflows, the newest first, and open pull requests that can be asked for.
	Runs  []Run
	Pulls []Pull
	// Compared are answers to comparisons "branch...commit"; Protected are branches that exist.
	Compared  map[string]Comparison
	Protected map[string]bool
	// Permissions of accounts: admin, maintain, write, triage, read. Others have none.
	Permissions map[string]string
	// Releases, newest first; Refs are commits by "tags/<name>" and "heads/<name>".
	Releases []Release
	Refs     map[string]string
	// Others are more repositories that exist, by owner/name. Of them files, commits, statuses and deployments can be read.
	Others map[string]*Repo
	// Deployments, oldest first.
	Deployments []Deployment
	// Hourly is how many requests a token has in an hour; 0: 1,000, as GITHUB_TOKEN has for
	// all workflows of a repository together. Used are spent before the first one.
	Hourly, Used int

	t        testing.TB
	schema   *schema
	mu       sync.Mutex
	users    map[string]User
	comments []Comment
	statuses []Status
	checks   []CheckRun
	requests []Request
	faults   []*Fault
	lastID   int64
	zipped   map[int]artifact // artifacts whose address was given out
	// downloads are names of artifacts that were downloaded.
	downloads []string
	spending  spending
}

// New returns a server without comments and statuses: repository acme/cases with
// pull request 42.
func New(t testing.TB) *Server {
	t.Helper()
	return &Server{t: t, schema: load(t), Repository: "acme/cases", PR: 42, lastID: 1000,
		users: map[string]User{JobToken: JobBot, PersonToken: Person, AppToken: App}, zipped: map[int]artifact{}}
}

// Listen serves on a loopback port until the test ends, and returns the API's address
// without a slash at its end.
func (s *Server) Listen() string {
	srv := httptest.NewServer(s)
	s.t.Cleanup(srv.Close)
	return srv.URL + s.Prefix
}

// Transport carries requests to the server within the process, so that tests in a
// bubble of testing/synctest have their own time.
func (s *Server) Transport() http.RoundTripper { return inProcess{s} }

// Change edits the fields of a server that answers already.
func (s *Server) Change(edit func(*Server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	edit(s)
}

// AddToken makes a token known.
func (s *Server) AddToken(token string, u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[token] = u
}

// AddComment puts a comment on the pull request, and returns its id.
func (s *Server) AddComment(author User, body string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(s.PR, author, body).ID
}

func (s *Server) add(pr int, author User, body string) Comment {
	s.lastID++
	c := Comment{ID: s.lastID, PR: pr, Author: author, Created: time.Unix(1_700_000_000+s.lastID, 0).UTC()}
	c.edit(body)
	s.comments = append(s.comments, c)
	return c
}

// DeleteComment removes a comment, as a person does in the browser.
func (s *Server) DeleteComment(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(id)
}

// EditComment changes a comment's text, as a person or another job does.
func (s *Server) EditComment(id int64, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one := s.find(id); one != nil {
		one.edit(body)
	}
}

func (s *Server) find(id int64) *Comment {
	i := slices.IndexFunc(s.comments, func(c Comment) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	return &s.comments[i]
}

func (s *Server) drop(id int64) {
	s.comments = slices.DeleteFunc(s.comments, func(c Comment) bool { return c.ID == id })
}

// Comments are those on the pull request, oldest first.
func (s *Server) Comments() []Comment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.comments)
}

// AddStatus sets a status, as another client does.
func (s *Server) AddStatus(one Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.statuses = slices.Insert(s.statuses, 0, one)
}

// Statuses are all that were set, latest first.
func (s *Server) Statuses() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.statuses)
}

// Requests are those made so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Count is how many requests used a method; all for "".
func (s *Server) Count(method string) int {
	n := 0
	for _, r := range s.Requests() {
		if method == "" || r.Method == method {
			n++
		}
	}
	return n
}

// ServeHTTP answers one request of the API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, storage+"/") {
		s.serveStorage(w, r)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	path, ok := strings.CutPrefix(r.URL.Path, s.Prefix)
	switch {
	case r.URL.Path == s.graphQLAddress():
		path = graphQLPath
	case !ok:
		path = "(outside of " + s.Prefix + ")"
	}
	a := s.faulty(r, path, func() answer { return s.spend(tagged(r, s.route(r, path, body))) })
	s.mu.Lock()
	s.requests = append(s.requests, Request{Method: r.Method, Path: path, Query: r.URL.RawQuery, Status: a.status})
	s.mu.Unlock()
	a.write(w)
}

// route answers as GitHub does when all is well.
func (s *Server) route(r *http.Request, path string, body []byte) answer {
	handle, args := s.match(r.Method, path)
	if handle == nil {
		s.t.Errorf("githubfake: no route for %s %s", r.Method, path)
		return refusal(http.StatusNotImplemented, "the fake has no such route")
	}
	if err := s.check(r, path, body); err != nil {
		s.t.Errorf("githubfake: %s %s: GitHub does not take this: %v", r.Method, path, err)
		return refusal(http.StatusUnprocessableEntity, "Validation Failed")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	user, known := s.users[token]
	if !known || kind != "Bearer" && kind != "token" {
		return refusal(http.StatusUnauthorized, "Bad credentials")
	}
	if a, over := s.overLimit(r.Method); over {
		return a
	}
	return handle(call{Server: s, user: user, args: args, query: r.URL.Query(), body: body, base: base(r, s.Prefix)})
}

// base is the address as the caller sees it, for links.
func base(r *http.Request, prefix string) string { return "http://" + r.Host + prefix }

// inProcess is a RoundTripper without a network.
type inProcess struct{ s *Server }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	in.Host = in.URL.Host
	rec := httptest.NewRecorder()
	aborted := serve(p.s, rec, in)
	switch err := r.Context().Err(); {
	case err != nil:
		return nil, err
	case aborted:
		return nil, fmt.Errorf("in process: %w", io.ErrUnexpectedEOF)
	}
	resp := rec.Result()
	resp.Request = r
	return resp, nil
}

// serve reports whether the handler broke the connection.
func serve(h http.Handler, w http.ResponseWriter, r *http.Request) (aborted bool) {
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler { //nolint:errorlint // a panic's value, not a chain
				panic(p)
			}
			aborted = true
		}
	}()
	h.ServeHTTP(w, r)
	return false
}
