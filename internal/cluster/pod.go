package cluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/org/e2e-gate/internal/safetext"
)

// maxTemplate bounds the file of a pod spec, in bytes.
const maxTemplate = 1 << 20

// What the gate adds to a pod, by name and path. A template that has one of them is refused.
const (
	suiteContainer = "suite"
	initContainer  = "e2e-gate"
	volumeProgram  = "e2e-gate"
	volumeInput    = "e2e-gate-input"
	pathOwn        = "/e2e-gate"
	pathProgram    = pathOwn + "/bin"
	pathInput      = pathOwn + "/in"
	pathOut        = pathOwn + "/out"
	program        = pathProgram + "/e2e-gate"
	// pathInstall is where the init container has the volume: in the gate's image, pathOwn is the program itself, and no runtime mounts
	// a folder over a file.
	pathInstall = "/e2e-gate-volume"
)

// template is a pod as a file describes it: values of JSON.
type template struct {
	labels, annotations map[string]any
	spec                map[string]any
	// at is the place of the container that runs the suites.
	at int
}

// CheckTemplate returns what keeps a file from being the pod of a run.
func (s *Spec) CheckTemplate(file string, text []byte) error {
	_, err := parseTemplate(file, text, s.SuiteImage)
	return err
}

// parseTemplate reads a pod spec, a Pod or a pod template, in YAML or JSON. image is that of the suites where the file names none.
func parseTemplate(file string, text []byte, image string) (template, error) {
	fail := func(format string, args ...any) (template, error) {
		return template{}, fmt.Errorf("%s: "+format, append([]any{file}, args...)...)
	}
	if len(text) > maxTemplate {
		return fail("larger than %s; a pod spec is not", safetext.Size(maxTemplate))
	}
	var root map[string]any
	dec := yaml.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(&root); err != nil {
		return fail("not a pod spec: %s", strings.TrimSpace(yaml.FormatError(err, false, false)))
	}
	var more any
	if dec.Decode(&more) == nil {
		return fail("has a second document; put the pod spec alone into the file")
	}
	root, err := plainJSON(root)
	if err != nil {
		return fail("not a pod spec: %v", err)
	}
	if kind, _ := root["kind"].(string); kind != "" && kind != "Pod" && kind != "PodTemplate" {
		return fail("is a %s; give the pod spec alone (what stands under template of a Job)", safetext.Plain(kind, 40))
	}
	if t, ok := root["template"].(map[string]any); ok && root["containers"] == nil { // a PodTemplate
		root = t
	}
	t := template{spec: root}
	if s, ok := root["spec"].(map[string]any); ok && root["containers"] == nil {
		t.spec = s
		meta, _ := root["metadata"].(map[string]any)
		t.labels, _ = meta["labels"].(map[string]any)
		t.annotations, _ = meta["annotations"].(map[string]any)
	}
	if t.at, err = t.suiteAt(); err != nil {
		return fail("%v", err)
	}
	if c := t.list("containers")[t.at]; c["image"] == nil && image != "" {
		c["image"] = image
	}
	if err := t.free(); err != nil {
		return fail("%v", err)
	}
	return t, nil
}

// plainJSON makes values of YAML what JSON has, with numbers as they stand.
func plainJSON(v map[string]any) (map[string]any, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, errors.New("it has a key that is no text")
	}
	return decoded(data)
}

func decoded(data []byte) (v map[string]any, err error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	err = dec.Decode(&v)
	return v, err
}

func (t template) list(key string) []map[string]any {
	all, _ := t.spec[key].([]any)
	var list []map[string]any
	for _, v := range all {
		m, _ := v.(map[string]any)
		list = append(list, m)
	}
	return list
}

// suiteAt finds the container that runs the suites.
func (t template) suiteAt() (int, error) {
	containers := t.list("containers")
	var names []string
	for i, c := range containers {
		name, _ := c["name"].(string)
		if name == suiteContainer {
			return i, nil
		}
		names = append(names, safetext.Plain(name, 60))
	}
	switch len(containers) {
	case 0:
		return 0, errors.New("has no containers; write the pod spec with containers: [{name: suite, image: ...}]")
	case 1:
		return 0, nil
	}
	return 0, fmt.Errorf("has %d containers (%s); name the one that runs the suites %s, and make the others native sidecars "+
		"(initContainers with restartPolicy: Always), or the pod never ends", len(containers), strings.Join(names, ", "), suiteContainer)
}

// free refuses what the gate sets itself.
func (t template) free() error {
	c := t.list("containers")[t.at]
	name, _ := c["name"].(string)
	switch image, _ := c["image"].(string); {
	case name == "":
		return errors.New("its container has no name; write name: suite")
	case image == "":
		return fmt.Errorf("its container %s has no image; name the image with the suites, or set suite_image in executor.kubernetes", safetext.Plain(name, 60))
	case len(t.list("containers")) > 1:
		return fmt.Errorf("has a container beside %s, which would keep the pod from ending; make it a native sidecar (in initContainers, with restartPolicy: Always)",
			suiteContainer)
	case c["command"] != nil || c["args"] != nil:
		return fmt.Errorf("its container %s has a command or args, which the gate sets; remove them, and do what the container needs first in the image "+
			"or in an init container", safetext.Plain(name, 60))
	case c["livenessProbe"] != nil || c["startupProbe"] != nil:
		return fmt.Errorf("its container %s has a livenessProbe or startupProbe, which would kill tests that take their time; remove it", safetext.Plain(name, 60))
	}
	if p, _ := t.spec["restartPolicy"].(string); p != "" && p != "Never" {
		return fmt.Errorf("restartPolicy is %s; remove it: a shard is never run twice", safetext.Plain(p, 20))
	}
	if rules, _ := c["restartPolicy"].(string); rules != "" || c["restartPolicyRules"] != nil {
		return errors.New("its container has a restartPolicy; remove it: a shard is never run twice")
	}
	for _, key := range []string{"initContainers", "volumes"} {
		for _, v := range t.list(key) {
			if n, _ := v["name"].(string); n == volumeProgram || n == volumeInput {
				return fmt.Errorf("%s has the name %s, which the gate needs; rename it", key, n)
			}
		}
	}
	mounts, _ := c["volumeMounts"].([]any)
	for _, m := range mounts {
		mount, _ := m.(map[string]any)
		if path, _ := mount["mountPath"].(string); path == pathOwn || strings.HasPrefix(path, pathOwn+"/") {
			return fmt.Errorf("volumeMounts has %s, which the gate needs; choose another path", safetext.Plain(path, 100))
		}
	}
	env, _ := c["env"].([]any)
	for _, e := range env {
		entry, _ := e.(map[string]any)
		if n, _ := entry["name"].(string); strings.HasPrefix(n, variablePrefix) || n == "JOB_COMPLETION_INDEX" {
			return fmt.Errorf("env has %s, which the gate sets; remove it", safetext.Plain(n, 60))
		}
	}
	for _, set := range []map[string]any{t.labels, t.annotations} {
		for name := range set {
			if strings.HasPrefix(name, labelPrefix) {
				return fmt.Errorf("metadata has %s, which the gate sets; remove it", safetext.Plain(name, 60))
			}
		}
	}
	if name, _ := t.labels[labelManaged].(string); name != "" && name != managedBy {
		return fmt.Errorf("metadata has the label %s, which the gate sets; remove it", labelManaged)
	}
	return nil
}

// addition is what the gate adds to a pod.
type addition struct {
	image   string
	labels  map[string]string
	env     []any
	command []string
	input   map[string]any // volume source
}

// with is the pod template of a Job: the file's, and what the gate adds.
func (t template) with(a addition) map[string]any {
	spec := maps.Clone(t.spec)
	containers := slices.Clone(t.spec["containers"].([]any)) //nolint:forcetypeassert // checked when it was parsed
	c := maps.Clone(containers[t.at].(map[string]any))       //nolint:forcetypeassert // as above
	c["command"] = a.command
	c["env"] = appended(c["env"], a.env...)
	c["volumeMounts"] = appended(c["volumeMounts"],
		map[string]any{"name": volumeProgram, "mountPath": pathOwn}, map[string]any{"name": volumeInput, "mountPath": pathInput, "readOnly": true})
	containers[t.at] = c
	spec["containers"] = containers
	copies := map[string]any{
		"name": initContainer, "image": a.image, "args": []string{"cluster", "install", pathInstall + "/bin"},
		"volumeMounts": []any{map[string]any{"name": volumeProgram, "mountPath": pathInstall}},
		"resources": map[string]any{
			"requests": map[string]string{"cpu": "10m", "memory": "64Mi"}, "limits": map[string]string{"cpu": "1", "memory": "256Mi"},
		},
		"securityContext": map[string]any{
			"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": map[string]any{"drop": []string{"ALL"}},
		},
	}
	if policy, ok := c["imagePullPolicy"]; ok {
		copies["imagePullPolicy"] = policy
	}
	// First: a native sidecar of the template may be started once the program is there, and not the other way round.
	spec["initContainers"] = append([]any{copies}, appended(spec["initContainers"])...)
	spec["volumes"] = appended(spec["volumes"],
		map[string]any{"name": volumeProgram, "emptyDir": map[string]any{}}, map[string]any{"name": volumeInput, "projected": a.input})
	spec["restartPolicy"] = "Never"
	labels := maps.Clone(t.labels)
	if labels == nil {
		labels = map[string]any{}
	}
	for name, value := range a.labels {
		labels[name] = value
	}
	meta := map[string]any{"labels": labels}
	if len(t.annotations) > 0 {
		meta["annotations"] = t.annotations
	}
	return map[string]any{"metadata": meta, "spec": spec}
}

func appended(list any, more ...any) []any {
	have, _ := list.([]any)
	return append(slices.Clone(have), more...)
}
