package githubfake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/org/e2e-gate/internal/testkit/need"
)

// schema is GitHub's own description of the routes that the fake has.
type schema struct{ router routers.Router }

// load reads the description once for a test binary. Without one, requests are held
// against the rules of this package only, and the log says so.
func load(t testing.TB) *schema {
	s, err := loaded()
	if err == nil {
		return s
	}
	text := fmt.Sprintf("githubfake: requests are not checked against GitHub's OpenAPI description: %v", err)
	if os.Getenv(need.EnvAll) != "" {
		t.Fatal(text)
	}
	t.Log(text)
	return nil
}

var loaded = sync.OnceValues(func() (*schema, error) {
	data, err := description()
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		return nil, fmt.Errorf("read the description: %w", err)
	}
	doc.Servers = nil
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, fmt.Errorf("read the description: %w", err)
	}
	return &schema{router}, nil
})

// described is where the description lies beside the repository, if it does.
const described = "shared/github/github-openapi-trimmed.json"

// description is GitHub's, cut down to our routes: from beside the repository if all of them
// are in it, else from the package registry.
func description() ([]byte, error) {
	if root, ok := moduleRoot(); ok {
		if data, err := os.ReadFile(filepath.Join(filepath.Dir(root), filepath.FromSlash(described))); err == nil {
			if trimmed, err := trim(data); err == nil {
				return trimmed, nil
			}
		}
	}
	return fetched()
}

// moduleRoot is the directory of go.mod above the test's.
func moduleRoot() (string, bool) {
	dir, err := os.Getwd()
	if err != nil {
		return "", false
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, true
		}
		if dir == filepath.Dir(dir) {
			return "", false
		}
	}
}

// templates are our routes as the description writes them.
var templates = []string{
	"/user", "/repos/{owner}/{repo}/issues/{issue_number}/comments", "/repos/{owner}/{repo}/issues/comments/{comment_id}",
	"/repos/{owner}/{repo}/commits/{ref}/status", "/repos/{owner}/{repo}/statuses/{sha}",
	"/repos/{owner}/{repo}/contents/{path}", "/repos/{owner}/{repo}/git/commits/{commit_sha}",
	"/repos/{owner}/{repo}/actions/runs/{run_id}", "/repos/{owner}/{repo}/actions/runs/{run_id}/artifacts",
	"/repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/jobs",
	"/repos/{owner}/{repo}/actions/artifacts", "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs",
	"/repos/{owner}/{repo}/releases", "/repos/{owner}/{repo}/releases/{release_id}", "/repos/{owner}/{repo}/releases/{release_id}/assets",
	"/repos/{owner}/{repo}/releases/assets/{asset_id}", "/repos/{owner}/{repo}/commits/{ref}",
	"/repos/{owner}/{repo}/check-runs", "/repos/{owner}/{repo}/check-runs/{check_run_id}",
	"/repos/{owner}/{repo}/deployments", "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
	"/repos/{owner}/{repo}/pulls", "/repos/{owner}/{repo}/actions/artifacts/{artifact_id}/{archive_format}",
	"/repos/{owner}/{repo}/commits/{ref}/statuses", "/repos/{owner}/{repo}/compare/{basehead}", "/repos/{owner}/{repo}/branches/{branch}",
	"/repos/{owner}/{repo}/pulls/{pull_number}", "/repos/{owner}/{repo}/pulls/{pull_number}/commits", "/repos/{owner}/{repo}/pulls/{pull_number}/files",
	"/repos/{owner}/{repo}/pulls/{pull_number}/reviews", "/repos/{owner}/{repo}/issues/{issue_number}/events",
	"/repos/{owner}/{repo}/actions/runs", "/repos/{owner}/{repo}/collaborators/{username}/permission",
}

// trim keeps our routes and what they refer to: the whole has ten megabytes.
func trim(data []byte) ([]byte, error) {
	var doc map[string]any
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("read the description: %w", err)
	}
	paths, _ := doc["paths"].(map[string]any)
	kept := map[string]any{}
	for _, name := range templates {
		if paths[name] == nil {
			return nil, fmt.Errorf("the description has no %s", name)
		}
		// A ref or a path may hold slashes.
		kept[strings.NewReplacer("{ref}", "{ref:.+}", "{path}", "{path:.+}", "{branch}", "{branch:.+}").Replace(name)] = paths[name]
	}
	components := map[string]any{}
	refer(kept, doc, components)
	return json.Marshal(map[string]any{"openapi": doc["openapi"], "info": doc["info"], "paths": kept, "components": components})
}

// refer copies every component that a value refers to, and what that refers to.
func refer(value any, doc, components map[string]any) {
	switch v := value.(type) {
	case []any:
		for _, one := range v {
			refer(one, doc, components)
		}
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			copyComponent(ref, doc, components)
		}
		for _, one := range v {
			refer(one, doc, components)
		}
	default:
	}
}

func copyComponent(ref string, doc, components map[string]any) {
	parts := strings.Split(ref, "/") // #/components/<group>/<name>
	if len(parts) != 4 {
		return
	}
	all, _ := doc["components"].(map[string]any)
	from, _ := all[parts[2]].(map[string]any)
	to, _ := components[parts[2]].(map[string]any)
	if to == nil {
		to = map[string]any{}
		components[parts[2]] = to
	}
	if to[parts[3]] == nil && from[parts[3]] != nil {
		to[parts[3]] = from[parts[3]]
		refer(from[parts[3]], doc, components)
	}
}

// check holds a request against the description and the rules.
func (s *Server) check(r *http.Request, path string, body []byte) error {
	found, _, _ := find(r.Method, path)
	err := found.check(r.URL.Query(), body)
	if err == nil && path == graphQLPath {
		_, err = readQuery(s.t, body)
		return err
	}
	if err != nil || s.schema == nil {
		return err
	}
	return s.schema.check(r, path, body)
}

func (s *schema) check(r *http.Request, path string, body []byte) error {
	in := r.Clone(context.Background())
	in.URL = &url.URL{Path: path, RawQuery: r.URL.RawQuery}
	in.Body = io.NopCloser(bytes.NewReader(body))
	route, args, err := s.router.FindRoute(in)
	if err != nil {
		return err
	}
	return openapi3filter.ValidateRequest(in.Context(), &openapi3filter.RequestValidationInput{
		Request: in, PathParams: args, Route: route, Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	})
}

// Limits that GitHub enforces and its description does not say.
const (
	maxPage        = 100
	maxComment     = 65_536  // characters
	maxRelease     = 125_000 // characters
	maxDescription = 140     // characters
)

// check holds a request against what the description does not say: limits, and
// properties and parameters that are not read.
func (r route) check(query url.Values, body []byte) error {
	for name := range query {
		if !slices.Contains(r.query, name) {
			return fmt.Errorf("there is no parameter %q", name)
		}
	}
	if n := number(query.Get("per_page")); n > maxPage {
		return fmt.Errorf("per_page is %d, more than %d", n, maxPage)
	}
	if r.raw {
		return nil
	}
	if len(r.fields) == 0 {
		if len(body) > 0 {
			return errors.New("it takes no body")
		}
		return nil
	}
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil {
		return fmt.Errorf("the body is not an object: %w", err)
	}
	for name := range fields {
		if !slices.Contains(r.fields, name) {
			return fmt.Errorf("there is no property %q", name)
		}
	}
	return r.limits(fields)
}

func (r route) limits(fields map[string]any) error {
	body := maxComment
	if slices.Contains(r.fields, "target_commitish") {
		body = maxRelease
	}
	for name, limit := range map[string]int{"body": body, "description": maxDescription} {
		if text, _ := fields[name].(string); utf8.RuneCountInString(text) > limit {
			return fmt.Errorf("%s has %d characters, more than %d", name, utf8.RuneCountInString(text), limit)
		}
	}
	if target, _ := fields["target_url"].(string); target != "" && !strings.HasPrefix(target, "https://") && !strings.HasPrefix(target, "http://") {
		return errors.New("target_url must use http(s) scheme")
	}
	return nil
}
