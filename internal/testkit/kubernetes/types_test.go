package kubernetes

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/kube"
)

// schema is a part of what an API server publishes of its types.
type schema struct {
	Ref        string            `json:"$ref"`
	AllOf      []schema          `json:"allOf"`
	OneOf      []schema          `json:"oneOf"`
	Type       string            `json:"type"`
	Format     string            `json:"format"`
	Properties map[string]schema `json:"properties"`
	Items      *schema           `json:"items"`
	Values     *schema           `json:"additionalProperties"`
}

// published are the schemas of a group by their names.
type published map[string]schema

func (p published) resolve(s schema) schema {
	for {
		switch {
		case len(s.AllOf) == 1:
			s = s.AllOf[0]
		case s.Ref != "":
			s = p[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
		default:
			return s
		}
	}
}

// compare reports each field of a type of ours that the API has not, or has with another type.
func (p published) compare(at string, typ reflect.Type, s schema) []string {
	s = p.resolve(s)
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	want := map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Int32: "integer", reflect.Int64: "integer", reflect.Slice: "array",
		reflect.Map: "object", reflect.Struct: "object"}[typ.Kind()]
	switch typ {
	case reflect.TypeFor[json.RawMessage]():
		return nil
	case reflect.TypeFor[time.Time]():
		if s.Type != "string" || s.Format != "date-time" {
			return []string{fmt.Sprintf("%s: the API has %s %s", at, s.Type, s.Format)}
		}
		return nil
	case reflect.TypeFor[kube.Quantity]():
		if len(s.OneOf) != 2 { // text or number
			return []string{fmt.Sprintf("%s: the API has %+v", at, s)}
		}
		return nil
	case reflect.TypeFor[[]byte]():
		want = "string"
	}
	if s.Type != want {
		return []string{fmt.Sprintf("%s: the API has %q, and we have %s", at, s.Type, typ)}
	}
	var wrong []string
	switch {
	case typ.Kind() == reflect.Map && s.Values == nil:
		wrong = []string{at + ": the API has an object with certain fields"}
	case typ.Kind() == reflect.Map:
		wrong = p.compare(at+"{}", typ.Elem(), *s.Values)
	case want == "array":
		wrong = p.compare(at+"[]", typ.Elem(), *s.Items)
	case typ.Kind() == reflect.Struct:
		for field := range typ.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			property, ok := s.Properties[name]
			if !ok {
				wrong = append(wrong, at+"."+name+": the API has no such field")
				continue
			}
			wrong = append(wrong, p.compare(at+"."+name, field.Type, property)...)
		}
	}
	return wrong
}

// testTypes compares internal/kube with what the API server publishes.
func testTypes(t *testing.T, c *Cluster) {
	for _, group := range []struct {
		path, prefix string
		types        []any
	}{
		{"api/v1", "io.k8s.api.core.v1.", []any{kube.Pod{}, kube.Event{}, kube.Node{}, kube.Namespace{}, kube.ConfigMap{}, kube.ResourceQuota{}, kube.LimitRange{}}},
		{"apis/batch/v1", "io.k8s.api.batch.v1.", []any{kube.Job{}}},
		{"apis/authorization.k8s.io/v1", "io.k8s.api.authorization.v1.", []any{kube.SelfSubjectAccessReview{}}},
	} {
		var doc struct {
			Components struct {
				Schemas published `json:"schemas"`
			} `json:"components"`
		}
		if err := c.Client.Do(t.Context(), http.MethodGet, "/openapi/v3/"+group.path, nil, nil, &doc); err != nil {
			t.Fatal(err)
		}
		for _, value := range group.types {
			typ := reflect.TypeOf(value)
			for _, wrong := range doc.Components.Schemas.compare(typ.Name(), typ, doc.Components.Schemas[group.prefix+typ.Name()]) {
				t.Error(wrong)
			}
		}
		if group.path == "api/v1" {
			type wrong struct {
				Phase    int32             `json:"phase"`
				Unknown  string            `json:"unknown"`
				Status   string            `json:"status"`
				Metadata map[string]string `json:"metadata"`
			}
			if got := doc.Components.Schemas.compare("Pod", reflect.TypeFor[wrong](), doc.Components.Schemas[group.prefix+"Pod"]); len(got) != 4 {
				t.Errorf("the comparison finds %q", got)
			}
		}
	}
}
