package githubfake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"

	"github.com/org/e2e-gate/internal/testkit/need"
)

// graphQLPath is GraphQL's route below the API's prefix.
const graphQLPath = "/graphql"

// graphQLAddress is its path as a whole: on Enterprise it is beside the REST API.
func (s *Server) graphQLAddress() string { return strings.TrimSuffix(s.Prefix, "/v3") + graphQLPath }

// ListenGraphQL is GITHUB_GRAPHQL_URL for what [Server.Listen] returned.
func (s *Server) ListenGraphQL(api string) string {
	return strings.TrimSuffix(api, s.Prefix) + s.graphQLAddress()
}

// QueueEntry of a merge queue, in the order of its list. SHA is the head of its merge
// group; empty: it is not being checked yet.
type QueueEntry struct {
	PR  int
	SHA string
}

// queries is GitHub's own description of GraphQL.
var queries = sync.OnceValues(func() (*ast.Schema, error) {
	data, err := graphQL.cached(".graphql", func(data []byte) ([]byte, error) { return data, nil })
	if err != nil {
		return nil, err
	}
	doc, err := parser.ParseSchemas(validator.Prelude, &ast.Source{Name: graphQL.inside, Input: string(data)})
	if err != nil {
		return nil, err
	}
	for _, def := range doc.Definitions {
		def.Fields = distinct(def.Fields)
	}
	return validator.ValidateSchemaDocument(doc)
})

// distinct keeps the first field of a name: GitHub's description says one twice.
func distinct(fields ast.FieldList) ast.FieldList {
	seen := map[string]bool{}
	return slices.DeleteFunc(fields, func(f *ast.FieldDefinition) bool {
		again := seen[f.Name]
		seen[f.Name] = true
		return again
	})
}

// query is a request to GraphQL.
type query struct {
	*ast.OperationDefinition
	variables map[string]any
}

// readQuery reads a request and holds it against GitHub's description: names, types,
// arguments, variables. Without the description it is parsed only, and the log says so.
func readQuery(t testing.TB, body []byte) (query, error) {
	var in struct {
		Query     string
		Variables map[string]any
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return query{}, err
	}
	schema, err := queries()
	if err != nil {
		text := fmt.Sprintf("githubfake: GraphQL is not checked against GitHub's description: %v", err)
		if os.Getenv(need.EnvAll) != "" {
			t.Fatal(text)
		}
		t.Log(text)
		return operation(in.Variables)(parser.ParseQuery(&ast.Source{Input: in.Query}))
	}
	doc, errs := gqlparser.LoadQueryWithRules(schema, in.Query, nil)
	if len(errs) > 0 {
		return query{}, errs
	}
	q, err := operation(in.Variables)(doc, nil)
	if err != nil {
		return q, err
	}
	if len(in.Variables) != len(q.VariableDefinitions) {
		return q, fmt.Errorf("it has %d variables and declares %d", len(in.Variables), len(q.VariableDefinitions))
	}
	_, err = validator.VariableValues(schema, q.OperationDefinition, in.Variables)
	return q, err
}

// operation takes the one operation of a document.
func operation(variables map[string]any) func(*ast.QueryDocument, error) (query, error) {
	return func(doc *ast.QueryDocument, err error) (query, error) {
		if err != nil {
			return query{}, err
		}
		if len(doc.Operations) != 1 || len(doc.Fragments) > 0 {
			return query{}, fmt.Errorf("the fake takes one operation without fragments, not %d", len(doc.Operations))
		}
		return query{doc.Operations[0], variables}, nil
	}
}

// resolver is a field with arguments. A refusal is GitHub's type and message.
type resolver func(args map[string]any) (value any, refused string)

func answerGraphQL(c call) answer {
	q, err := readQuery(c.t, c.body)
	if err != nil {
		return refusal(http.StatusUnprocessableEntity, err.Error()) // it was checked before
	}
	root := map[string]any{"repository": resolver(c.repository), "minimizeComment": resolver(c.minimizeComment)}
	data, refused := q.project(q.SelectionSet, root)
	if refused != "" {
		kind, message, _ := strings.Cut(refused, ": ")
		return reply(http.StatusOK, map[string]any{"data": data, "errors": []map[string]any{{"type": kind, "message": message}}})
	}
	return reply(http.StatusOK, map[string]any{"data": data})
}

// project selects the requested fields of a value. Fields that the fake does not have
// are null.
func (q query) project(set ast.SelectionSet, value any) (any, string) {
	switch v := value.(type) {
	case []any:
		list := make([]any, len(v))
		for i, el := range v {
			var refused string
			if list[i], refused = q.project(set, el); refused != "" {
				return nil, refused
			}
		}
		return list, ""
	case map[string]any:
		return q.fields(set, v)
	}
	return value, ""
}

func (q query) fields(set ast.SelectionSet, from map[string]any) (any, string) {
	out := map[string]any{}
	for _, sel := range set {
		field, ok := sel.(*ast.Field)
		if !ok {
			return nil, "UNSUPPORTED: the fake takes fields only"
		}
		value := from[field.Name]
		if resolve, ok := value.(resolver); ok {
			args := map[string]any{}
			for _, a := range field.Arguments {
				args[a.Name], _ = a.Value.Value(q.variables)
			}
			var refused string
			if value, refused = resolve(args); refused != "" {
				return map[string]any{field.Alias: nil}, refused
			}
		}
		projected, refused := q.project(field.SelectionSet, value)
		if refused != "" {
			return nil, refused
		}
		out[field.Alias] = projected
	}
	return out, ""
}

func (c call) repository(args map[string]any) (any, string) {
	if name := fmt.Sprintf("%s/%s", args["owner"], args["name"]); name != c.Repository {
		return nil, "NOT_FOUND: Could not resolve to a Repository with the name '" + name + "'."
	}
	return map[string]any{"pullRequest": resolver(c.pullRequest), "mergeQueue": resolver(func(args map[string]any) (any, string) {
		entries, ok := c.Queue[fmt.Sprint(args["branch"])]
		if !ok {
			return nil, ""
		}
		list := []any{}
		for i, e := range entries {
			node := map[string]any{"position": i + 1, "headCommit": nil, "pullRequest": map[string]any{"number": e.PR}}
			if e.SHA != "" {
				node["headCommit"] = map[string]any{"oid": e.SHA}
			}
			list = append([]any{node}, list...) // their order is not specified
		}
		return map[string]any{"entries": resolver(func(map[string]any) (any, string) { return map[string]any{"nodes": list}, "" })}, ""
	})}, ""
}

// pullRequest answers with null and an error for one that does not exist, as GitHub does.
func (c call) pullRequest(args map[string]any) (any, string) {
	i := slices.IndexFunc(c.Pulls, func(p Pull) bool { return fmt.Sprint(p.Number) == fmt.Sprint(args["number"]) })
	if i < 0 {
		return nil, fmt.Sprintf("NOT_FOUND: Could not resolve to a PullRequest with the number of %v.", args["number"])
	}
	p := c.Pulls[i]
	var status any // null where a commit has no status at all
	if slices.ContainsFunc(c.statuses, func(s Status) bool { return s.SHA == p.SHA }) {
		status = map[string]any{"context": resolver(func(args map[string]any) (any, string) {
			at := slices.IndexFunc(c.statuses, func(s Status) bool { return s.SHA == p.SHA && s.Context == args["name"] }) // the newest comes first
			if at < 0 {
				return nil, ""
			}
			return map[string]any{"state": strings.ToUpper(c.statuses[at].State)}, ""
		})}
	}
	return map[string]any{"number": p.Number, "title": p.Title, "headRefOid": p.SHA, "changedFiles": len(p.Files),
		"commits": resolver(func(map[string]any) (any, string) {
			return map[string]any{"nodes": []any{map[string]any{"commit": map[string]any{"oid": p.SHA, "status": status}}}}, ""
		})}, ""
}

// node is a comment's id in GraphQL.
func (one Comment) node() string { return fmt.Sprintf("IC_%d", one.ID) }

func (c call) minimizeComment(args map[string]any) (any, string) {
	input, _ := args["input"].(map[string]any)
	for i := range c.comments {
		if c.comments[i].node() == input["subjectId"] {
			c.comments[i].Minimised = fmt.Sprint(input["classifier"])
			return map[string]any{"minimizedComment": map[string]any{"isMinimized": true}}, ""
		}
	}
	return nil, fmt.Sprintf("NOT_FOUND: Could not resolve to a node with the global id of '%v'", input["subjectId"])
}
