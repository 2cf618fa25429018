package githubfake

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// call is a request to a route, with the server locked.
type call struct {
	*Server
	user  User
	args  []string
	query url.Values
	body  []byte
	base  string
}

// route of the API. pattern matches the path below the prefix; its groups are the
// arguments, the first two of which are owner and name where it has any.
type route struct {
	method  string
	pattern *regexp.Regexp
	handle  func(call) answer
	// query and fields are what the route takes.
	query, fields []string
	// raw: the body is a file.
	raw bool
	// elsewhere answers for other repositories; nil: not found.
	elsewhere func(call, *Repo) answer
}

const repo = `^/repos/([^/]+)/([^/]+)`

var routes = []route{
	{"POST", regexp.MustCompile(`^` + graphQLPath + `$`), answerGraphQL, nil, []string{"query", "variables", "operationName"}, false, nil},
	{"GET", regexp.MustCompile(`^/user$`), getUser, nil, nil, false, nil},
	{"GET", regexp.MustCompile(repo + `/issues/(\d+)/comments$`), listComments, []string{"since", "per_page", "page"}, nil, false, nil},
	{"POST", regexp.MustCompile(repo + `/issues/(\d+)/comments$`), createComment, nil, []string{"body"}, false, nil},
	{"GET", regexp.MustCompile(repo + `/issues/comments/(\d+)$`), getComment, nil, nil, false, nil},
	{"PATCH", regexp.MustCompile(repo + `/issues/comments/(\d+)$`), editComment, nil, []string{"body"}, false, nil},
	{"DELETE", regexp.MustCompile(repo + `/issues/comments/(\d+)$`), deleteComment, nil, nil, false, nil},
	{"GET", regexp.MustCompile(repo + `/contents/(.+)$`), getContents, []string{"ref"}, nil, false, contentsOf},
	{"GET", regexp.MustCompile(repo + `/actions/runs/(\d+)/artifacts$`), listArtifacts, []string{"per_page", "page", "name"}, nil, false, nil},
	{"GET", regexp.MustCompile(repo + `/actions/artifacts$`), listRepositoryArtifacts, []string{"per_page", "page", "name"}, nil, false, nil},
	{"GET", regexp.MustCompile(repo + `/actions/workflows/([^/]+)/runs$`), listRuns,
		[]string{"actor", "branch", "event", "status", "per_page", "page", "created", "exclude_pull_requests"}, nil, false, nil},
	{"GET", regexp.MustCompile(repo + `/actions/runs/(\d+)$`), getRun, nil, nil, false, nil},
	{"GET", regexp.MustCompile(repo + `/actions/runs/(\d+)/attempts/(\d+)/jobs$`), listJobs, []string{"per_page", "page"}, nil, false, nil},
	{"GET", regexp.MustCompile(repo + `/pulls$`), listPulls, []string{"state", "head", "base", "sort", "direction", "per_page", "page"}, nil, false, nil},
	{"GET", regexp.MustCompile(repo + `/pulls/(\d+)$`), getPull, nil, nil, false, nil},
	{"GET", regexp.MustCompile(repo + `/pulls/(\d+)/commits$`), listPullCommits, []string{"per_page", "page"}, nil, false, nil},
	{"GET", regexp.MustCompile(repo + `/pulls/(\d+)/files$`), listPullFiles, []string{"per_page", "page"}, nil, false, nil},
	{"GET", regexp.MustCompile(repo + `/pulls/(\d+)/reviews$`), listReviews, []string{"per_page", "page"}, nil, false, nil},
	{"GET", regexp.MustCompile(repo + `/issues/(\d+)/events$`), listIssueEvents, []string{"per_page", "page"}, nil, false, nil},
	{"GET", regexp.MustCompile(repo + `/actions/runs$`), listRepositoryRuns, []string{"head_sha", "per_page", "page"}, nil, false, nil},
	{"GET", regexp.MustCompile(repo + `/collaborators/([^/]+)/permission$`), getPermission, nil, nil, false, nil},
	{"GET", regexp.MustCompile(repo + `/actions/artifacts/(\d+)/zip$`), getArtifact, nil, nil, false, nil},
	{"GET", regexp.MustCompile(repo + `/git/commits/([0-9a-f]{40})$`), getCommit, nil, nil, false, nil},
	{"POST", regexp.MustCompile(repo + `/check-runs$`), createCheck, nil,
		[]string{"name", "head_sha", "status", "conclusion", "completed_at", "output", "external_id", "details_url"}, false, nil},
	{"PATCH", regexp.MustCompile(repo + `/check-runs/(\d+)$`), updateCheck, nil, []string{"name", "output"}, false, nil},
	{"GET", regexp.MustCompile(repo + `/deployments$`), listDeployments, []string{"sha", "environment", "per_page", "page"}, nil, false,
		seen(listDeployments)},
	{"GET", regexp.MustCompile(repo + `/deployments/(\d+)/statuses$`), listDeploymentStatuses, []string{"per_page", "page"}, nil, false,
		seen(listDeploymentStatuses)},
	{"POST", regexp.MustCompile(repo + `/deployments/(\d+)/statuses$`), addDeploymentStatus, nil,
		[]string{"state", "log_url", "description", "environment", "auto_inactive"}, false, deployed(addDeploymentStatus)},
	{"GET", regexp.MustCompile(repo + `/releases$`), listReleases, []string{"per_page", "page"}, nil, false, nil},
	{"GET", regexp.MustCompile(repo + `/releases/(\d+)$`), getRelease, nil, nil, false, nil},
	{"PATCH", regexp.MustCompile(repo + `/releases/(\d+)$`), editRelease, nil, []string{"body", "draft", "target_commitish"}, false, nil},
	{"POST", regexp.MustCompile(repo + `/releases/(\d+)/assets$`), uploadAsset, []string{"name", "label"}, nil, true, nil},
	{"DELETE", regexp.MustCompile(repo + `/releases/assets/(\d+)$`), deleteAsset, nil, nil, false, nil},
	{"GET", regexp.MustCompile(repo + `/commits/((?:tags|heads)/.+|[0-9a-f]{40})$`), resolveCommit, []string{"per_page", "page"}, nil, false, commitOf},
	{"GET", regexp.MustCompile(repo + `/compare/(.+)$`), compareCommits, []string{"per_page", "page"}, nil, false, nil},
	{"GET", regexp.MustCompile(repo + `/branches/(.+)$`), getBranch, nil, nil, false, nil},
	{"GET", regexp.MustCompile(repo + `/commits/([^/]+)/status$`), combinedStatus, []string{"per_page", "page"}, nil, false, seen(combinedStatus)},
	{"GET", regexp.MustCompile(repo + `/commits/([^/]+)/statuses$`), listStatuses, []string{"per_page", "page"}, nil, false, seen(listStatuses)},
	{"POST", regexp.MustCompile(repo + `/statuses/([^/]+)$`), createStatus, nil, []string{"state", "target_url", "description", "context"}, false,
		written(createStatus)},
}

func find(method, path string) (route, []string, bool) {
	for _, r := range routes {
		if args := r.pattern.FindStringSubmatch(path); args != nil && r.method == method {
			return r, args[1:], true
		}
	}
	return route{}, nil, false
}

// match is the handler of a path; another repository than the server's is not found.
func (s *Server) match(method, path string) (func(call) answer, []string) {
	r, args, ok := find(method, path)
	switch {
	case !ok:
		return nil, nil
	case len(args) >= 2 && strings.HasPrefix(path, "/repos/") && args[0]+"/"+args[1] != s.Repository:
		return elsewhere(r.elsewhere), args
	}
	return r.handle, args
}

// answer of a route.
type answer struct {
	status int
	header http.Header
	body   []byte
	abort  bool
}

func (a answer) write(w http.ResponseWriter) {
	if a.abort {
		panic(http.ErrAbortHandler)
	}
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// tagged gives an answer to a read its tag, and says that nothing changed where the
// caller has it already, as GitHub does.
func tagged(r *http.Request, a answer) answer {
	if r.Method != http.MethodGet || a.status != http.StatusOK {
		return a
	}
	tag := fmt.Sprintf("W/\"%x\"", sha256.Sum256(a.body))
	a.header = a.header.Clone()
	a.header.Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		a.status, a.body = http.StatusNotModified, nil
	}
	return a
}

func reply(status int, value any) answer {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err) // a mistake in this package
	}
	return answer{status: status, header: http.Header{}, body: body}
}

func refusal(status int, message string) answer {
	return reply(status, map[string]string{"message": message, "documentation_url": "https://docs.github.com/rest"})
}

const notYours = "Resource not accessible by integration"

func getUser(c call) answer {
	if c.user.Type == "Bot" {
		return refusal(http.StatusForbidden, notYours)
	}
	return reply(http.StatusOK, userJSON(c.user))
}

func userJSON(u User) map[string]any {
	return map[string]any{"login": u.Login, "type": u.Type, "id": 1}
}

func (c call) commentJSON(one Comment) map[string]any {
	return map[string]any{"id": one.ID, "node_id": one.node(), "body": one.Body, "user": userJSON(one.Author), "created_at": one.Created.Format(time.RFC3339),
		"html_url": fmt.Sprintf("https://github.example/%s/pull/%d#issuecomment-%d", c.Repository, one.PR, one.ID)}
}

// number is an argument or a query parameter; 0 where it is none.
func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

func listComments(c call) answer {
	if number(c.args[2]) != c.PR {
		return refusal(http.StatusNotFound, "Not Found")
	}
	size, page := 30, max(number(c.query.Get("page")), 1)
	if n := number(c.query.Get("per_page")); n > 0 {
		size = n
	}
	list := []map[string]any{}
	for i := (page - 1) * size; i < min(page*size, len(c.comments)); i++ {
		list = append(list, c.commentJSON(c.comments[i]))
	}
	a := reply(http.StatusOK, list)
	if page*size < len(c.comments) {
		a.header.Set("Link", fmt.Sprintf(`<%s/repos/%s/issues/%d/comments?per_page=%d&page=%d>; rel="next"`, c.base, c.Repository, c.PR, size, page+1))
	}
	return a
}

// bodyOf is the text that a comment is to have.
func bodyOf(data []byte) string {
	var in struct{ Body string }
	_ = json.Unmarshal(data, &in) // checked before
	return in.Body
}

func createComment(c call) answer {
	switch {
	case number(c.args[2]) != c.PR:
		return refusal(http.StatusNotFound, "Not Found")
	case c.Locked:
		return refusal(http.StatusForbidden, "Unable to create comment because issue is locked.")
	}
	return reply(http.StatusCreated, c.commentJSON(c.add(c.PR, c.user, bodyOf(c.body))))
}

// edit changes the text and notifies accounts that it mentions for the first time, as
// GitHub does: an account that the old text mentioned is not notified again.
func (one *Comment) edit(body string) {
	told := mentions(one.Body)
	for _, name := range mentions(body) {
		if !slices.Contains(told, name) {
			one.Notified = append(one.Notified, name)
		}
	}
	one.Body = body
}

var mentioned = regexp.MustCompile(`(?:^|[\s(])(@[A-Za-z0-9][A-Za-z0-9-]*(?:/[A-Za-z0-9._-]+)?)`)

func mentions(text string) (list []string) {
	for _, m := range mentioned.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(list, m[1]) {
			list = append(list, m[1])
		}
	}
	return list
}

func getComment(c call) answer {
	one := c.find(int64(number(c.args[2])))
	if one == nil {
		return refusal(http.StatusNotFound, "Not Found")
	}
	return reply(http.StatusOK, c.commentJSON(*one))
}

func editComment(c call) answer {
	one := c.find(int64(number(c.args[2])))
	if one == nil {
		return refusal(http.StatusNotFound, "Not Found")
	}
	if c.OwnOnly && one.Author != c.user {
		return refusal(http.StatusForbidden, notYours)
	}
	one.edit(bodyOf(c.body))
	one.Edits++
	return reply(http.StatusOK, c.commentJSON(*one))
}

func deleteComment(c call) answer {
	before := len(c.comments)
	if one := c.find(int64(number(c.args[2]))); one != nil && c.OwnOnly && one.Author != c.user {
		return refusal(http.StatusForbidden, notYours)
	}
	c.drop(int64(number(c.args[2])))
	if len(c.comments) == before {
		return refusal(http.StatusNotFound, "Not Found")
	}
	return answer{status: http.StatusNoContent}
}

func statusJSON(one Status) map[string]any {
	return map[string]any{"context": one.Context, "state": one.State, "description": one.Description, "target_url": one.TargetURL}
}

// combinedStatus has pages, as the parameters of the route say: 30 statuses each, or per_page.
func combinedStatus(c call) answer {
	list, seen := []map[string]any{}, map[string]bool{}
	for _, one := range c.statuses {
		if one.SHA == c.args[2] && !seen[one.Context] {
			seen[one.Context] = true
			list = append(list, statusJSON(one))
		}
	}
	return c.page(list, "statuses", "commits/"+c.args[2]+"/status")
}

// listStatuses lists every status that was ever set, the newest first.
func listStatuses(c call) answer {
	list := []map[string]any{}
	for _, one := range c.statuses {
		if one.SHA == c.args[2] {
			with := statusJSON(one)
			with["creator"] = userJSON(one.Creator)
			list = append(list, with)
		}
	}
	size, page := max(number(c.query.Get("per_page")), 1), max(number(c.query.Get("page")), 1)
	from, to := min((page-1)*size, len(list)), min(page*size, len(list))
	a := reply(http.StatusOK, list[from:to])
	if to < len(list) {
		a.header = http.Header{"Link": {fmt.Sprintf(`<%s/repos/%s/commits/%s/statuses?per_page=%d&page=%d>; rel="next"`, c.base, c.Repository, c.args[2], size, page+1)}}
	}
	return a
}

func createStatus(c call) answer {
	var in struct {
		State, Description, Context string
		TargetURL                   string `json:"target_url"`
	}
	_ = json.Unmarshal(c.body, &in) // checked before
	one := Status{SHA: c.args[2], Context: in.Context, State: in.State, Description: in.Description, TargetURL: in.TargetURL, Creator: c.user}
	c.statuses = append([]Status{one}, c.statuses...)
	return reply(http.StatusCreated, statusJSON(one))
}

func getContents(c call) answer {
	return contents(c, c.Files)
}

// maxContents is the largest file whose text is in the answer; of files up to 100 MB only the
// object and raw media types have it ("Get repository content" of the REST documentation).
const maxContents = 1 << 20

func contents(c call, files map[string]map[string]string) answer {
	text, ok := files[c.query.Get("ref")][c.args[2]]
	if !ok {
		return refusal(http.StatusNotFound, "Not Found")
	}
	encoding, content := "base64", base64.StdEncoding.EncodeToString([]byte(text))
	if len(text) > maxContents {
		encoding, content = "none", ""
	}
	return reply(http.StatusOK, map[string]any{"type": "file", "encoding": encoding, "size": len(text), "name": path.Base(c.args[2]),
		"path": c.args[2], "content": content})
}

func compareCommits(c call) answer {
	both, ok := c.Compared[c.args[2]]
	if !ok {
		return refusal(http.StatusNotFound, "Not Found")
	}
	return reply(http.StatusOK, map[string]any{"status": "diverged", "base_commit": map[string]any{"sha": both.Tip},
		"merge_base_commit": map[string]any{"sha": both.Common}, "commits": []any{}, "files": []any{}})
}

func getBranch(c call) answer {
	protected, ok := c.Protected[c.args[2]]
	if !ok {
		return refusal(http.StatusNotFound, "Branch not found")
	}
	return reply(http.StatusOK, map[string]any{"name": c.args[2], "protected": protected, "commit": map[string]any{"sha": strings.Repeat("c", 40)}})
}

func getCommit(c call) answer {
	if _, ok := c.Files[c.args[2]]; !ok {
		return refusal(http.StatusNotFound, "Not Found")
	}
	return reply(http.StatusOK, map[string]any{"sha": c.args[2], "message": "m"})
}
