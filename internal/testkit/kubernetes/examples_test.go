package kubernetes

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/org/e2e-gate/internal/kube"
)

// crds are where the kinds of other projects come from: files of modules, which are as their releases have them.
var crds = map[string][]string{
	"github.com/argoproj/argo-rollouts@v1.8.3":      {"manifests/crds/analysis-template-crd.yaml"},
	"github.com/fluxcd/kustomize-controller@v1.6.0": {"config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml"},
	"github.com/fluxcd/helm-controller@v1.4.0":      {"config/crd/bases/helm.toolkit.fluxcd.io_helmreleases.yaml"},
}

// unchecked are kinds whose definition is in no module that can be had.
var unchecked = map[string]bool{"kargo.akuity.io/v1alpha1 Stage": true}

// TestExamples has a real API server check every manifest of examples/kubernetes, by the definitions of its kind, without creating it.
func TestExamples(t *testing.T) {
	c := Start(t, Options{})
	for module, files := range crds {
		var found struct{ Dir string }
		out, err := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", module).Output()
		if err != nil || json.Unmarshal(out, &found) != nil {
			t.Fatalf("%s cannot be had: %v %s", module, err, out)
		}
		for _, file := range files {
			for _, crd := range objects(t, filepath.Join(found.Dir, file)) {
				c.must(http.MethodPost, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd.text, nil)
			}
		}
	}
	for _, name := range []string{"staging", "payments", "flux-system"} {
		c.must(http.MethodPost, "/api/v1/namespaces", json.RawMessage(`{"metadata":{"name":"`+name+`"}}`), nil)
		c.must(http.MethodPost, "/api/v1/namespaces/"+name+"/serviceaccounts", json.RawMessage(`{"metadata":{"name":"e2e"}}`), nil)
	}
	files, err := filepath.Glob("../../../examples/kubernetes/*.yaml")
	if err != nil || len(files) < 8 {
		t.Fatalf("%v: %v", files, err)
	}
	for _, file := range files {
		for _, o := range objects(t, file) {
			name := strings.TrimSpace(o.APIVersion + " " + o.Kind)
			switch {
			case unchecked[name]:
				continue
			case o.Kind == "": // the pod spec of a Job
				o.APIVersion, o.Kind, o.Metadata.Namespace = "v1", "Pod", "staging"
				o.text = json.RawMessage(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"},"spec":` + string(o.text) + `}`)
			}
			path := c.pathOf(t, o)
			err := c.Client.Do(t.Context(), http.MethodPost, path, url.Values{"dryRun": {"All"}, "fieldValidation": {"Strict"}}, o.text, nil)
			if err != nil && !kube.Has(err, "AlreadyExists") { // the account is there
				t.Errorf("%s: %s %s: %v", filepath.Base(file), name, o.Metadata.Name, err)
			}
		}
	}
	// The check sees what it is for.
	bad := json.RawMessage(`{"apiVersion":"argoproj.io/v1alpha1","kind":"AnalysisTemplate","metadata":{"name":"x"},"spec":{"metrics":[{"name":"a","countt":1,"provider":{}}]}}`)
	if err := c.Client.Do(t.Context(), http.MethodPost, "/apis/argoproj.io/v1alpha1/namespaces/staging/analysistemplates",
		url.Values{"dryRun": {"All"}, "fieldValidation": {"Strict"}}, bad, nil); err == nil {
		t.Error("an AnalysisTemplate with a field that it does not have was accepted")
	}
}

// TestRolloutsReadNoEarlierVerdict runs the script of the first analysis: a run that ended before it began left the ConfigMap as an earlier
// one wrote it, so that nothing may read it, whatever the exit status.
func TestRolloutsReadNoEarlierVerdict(t *testing.T) {
	var template struct {
		Spec struct {
			Metrics []struct {
				Provider struct {
					Job struct {
						Spec struct{ Template struct{ Spec kube.PodSpec } }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(objects(t, "../../../examples/kubernetes/argo-rollouts.yaml")[0].text, &template); err != nil {
		t.Fatal(err)
	}
	script := template.Spec.Metrics[0].Provider.Job.Spec.Template.Spec.Containers[0].Args[0]
	for _, c := range []struct {
		status string
		began  bool
		goesOn bool
	}{{"0", true, true}, {"1", true, true}, {"3", true, true}, {"3", false, false}, {"2", false, false}, {"137", true, false}} {
		dir := t.TempDir()
		gate := "#!/bin/sh\nexit " + c.status + "\n"
		if c.began {
			gate = "#!/bin/sh\necho {} > " + dir + "/result.json\nexit " + c.status + "\n"
		}
		if err := os.WriteFile(filepath.Join(dir, "e2e-gate"), []byte(gate), 0o700); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(script, "/tmp/e2e", dir)) //nolint:gosec // of the example
		cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		if out, err := cmd.CombinedOutput(); (err == nil) != c.goesOn {
			t.Errorf("exit status %s, began %v: %v %s", c.status, c.began, err, out)
		}
	}
}

// object is a document of a manifest.
type object struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"metadata"`
	text json.RawMessage
}

func objects(t *testing.T, file string) (list []object) {
	t.Helper()
	data, err := os.ReadFile(file) //nolint:gosec // a manifest
	if err != nil {
		t.Fatal(err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var v map[string]any
		err := dec.Decode(&v)
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if v == nil {
			continue
		}
		var o object
		if o.text, err = json.Marshal(v); err == nil {
			err = json.Unmarshal(o.text, &o)
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		list = append(list, o)
	}
}

// pathOf is the collection of an object, as the server's discovery says.
func (c *Cluster) pathOf(t *testing.T, o object) string {
	t.Helper()
	base := "/apis/" + o.APIVersion
	if !strings.Contains(o.APIVersion, "/") {
		base = "/api/" + o.APIVersion
	}
	path := ""
	c.waitFor("the kind "+o.Kind, func() error {
		var found struct {
			Resources []struct {
				Name, Kind string
				Namespaced bool
			} `json:"resources"`
		}
		if err := c.Client.Do(t.Context(), http.MethodGet, base, nil, nil, &found); err != nil {
			return err
		}
		for _, r := range found.Resources {
			if r.Kind == o.Kind && !strings.Contains(r.Name, "/") {
				if path = base + "/" + r.Name; r.Namespaced {
					path = base + "/namespaces/" + o.Metadata.Namespace + "/" + r.Name
				}
				return nil
			}
		}
		return errors.New("the server does not have it yet")
	})
	return path
}
