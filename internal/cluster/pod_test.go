package cluster

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What stands in the file of a pod spec stays, in each of its forms.
func TestTemplatesStayAsWritten(t *testing.T) {
	const spec = `
serviceAccountName: e2e
nodeSelector: {pool: e2e}
tolerations: [{key: e2e, operator: Exists}]
volumes: [{name: data, emptyDir: {sizeLimit: 1Gi}}]
initContainers:
  - {name: proxy, image: proxy:1, restartPolicy: Always}
containers:
  - name: suite
    image: suites:1
    env: [{name: CASE_API, value: "http://case-api"}]
    volumeMounts: [{name: data, mountPath: /data}]
    resources: {requests: {cpu: 0.5, memory: 1Gi}}
`
	indented := strings.ReplaceAll(spec, "\n", "\n  ")
	for name, text := range map[string]string{
		"spec": spec, "pod": "apiVersion: v1\nkind: Pod\nmetadata: {labels: {team: pay}}\nspec:" + indented,
		"template":     "metadata: {labels: {team: pay}}\nspec:" + indented,
		"pod template": "kind: PodTemplate\ntemplate:\n  metadata: {labels: {team: pay}}\n  spec:" + strings.ReplaceAll(indented, "\n", "\n  "),
	} {
		tmpl, err := parseTemplate("pod.yaml", []byte(text), "")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		before, _ := json.Marshal(tmpl.spec)
		pod := asMap(tmpl.with(addition{image: "gate:1", labels: map[string]string{labelRun: "r"}, command: []string{"run"}, input: map[string]any{}}))
		if after, _ := json.Marshal(tmpl.spec); string(before) != string(after) {
			t.Errorf("%s: the template was changed", name)
		}
		got := pod["spec"].(map[string]any)
		want := asMap(tmpl.spec)
		container := got["containers"].([]any)[0].(map[string]any)
		for field, wanted := range want["containers"].([]any)[0].(map[string]any) {
			list, isList := wanted.([]any)
			have := container[field]
			if isList { // what the gate adds comes behind
				have = have.([]any)[:len(list)]
			}
			if diff := cmp.Diff(wanted, have); diff != "" {
				t.Errorf("%s: container %s: %s", name, field, diff)
			}
		}
		for _, field := range []string{"serviceAccountName", "nodeSelector", "tolerations"} {
			if diff := cmp.Diff(want[field], got[field]); diff != "" {
				t.Errorf("%s: %s: %s", name, field, diff)
			}
		}
		if first := got["initContainers"].([]any)[0].(map[string]any)["name"]; first != initContainer || len(got["initContainers"].([]any)) != 2 {
			t.Errorf("%s: init containers: %v", name, got["initContainers"])
		}
		if team := meta(pod)["labels"].(map[string]any)["team"]; name != "spec" && team != "pay" {
			t.Errorf("%s: label team: %v", name, team)
		}
	}
}

func TestTemplatesThatAreRefused(t *testing.T) {
	suite := func(more string) string {
		return fmt.Sprintf("containers: [{name: suite, image: s%s}]", more)
	}
	for text, want := range map[string]string{
		"containers: [":              "not a pod spec",
		"- a":                        "not a pod spec",
		"kind: Deployment\nspec: {}": "is a Deployment; give the pod spec alone",
		"restartPolicy: Never":       "has no containers",
		"containers: [{name: a, image: x}, {name: b}]":                                        "has 2 containers (a, b); name the one that runs the suites suite",
		"containers: [{name: suite, image: x}, {name: b}]":                                    "has a container beside suite, which would keep the pod from ending",
		"containers: [{name: suite}]":                                                         "its container suite has no image",
		"containers: [{image: x}]":                                                            "its container has no name",
		suite(", command: [sh]"):                                                              "has a command or args, which the gate sets",
		suite(", livenessProbe: {tcpSocket: {port: 1}}"):                                      "has a livenessProbe or startupProbe",
		suite("") + "\nrestartPolicy: OnFailure":                                              "restartPolicy is OnFailure; remove it: a shard is never run twice",
		suite("") + "\nvolumes: [{name: e2e-gate}]":                                           "volumes has the name e2e-gate, which the gate needs",
		suite("") + "\ninitContainers: [{name: e2e-gate}]":                                    "initContainers has the name e2e-gate",
		suite(", volumeMounts: [{mountPath: /e2e-gate/x}]"):                                   "volumeMounts has /e2e-gate/x, which the gate needs",
		suite(", env: [{name: JOB_COMPLETION_INDEX}]"):                                        "env has JOB_COMPLETION_INDEX, which the gate sets",
		"metadata: {labels: {e2e-gate/run: x}}\nspec: {" + suite("") + "}":                    "metadata has e2e-gate/run, which the gate sets",
		"metadata: {labels: {app.kubernetes.io/managed-by: helm}}\nspec: {" + suite("") + "}": "metadata has the label app.kubernetes.io/managed-by",
		suite("") + "\n---\n" + suite(""):                                                     "has a second document",
		strings.Repeat("#", maxTemplate+1):                                                    "larger than 1.0 MB",
	} {
		err := new(Spec).CheckTemplate("pod.yaml", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), "pod.yaml: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v does not say %q", text, err, want)
		}
	}
}

// No index may run twice, whatever ends its pod.
func TestNoIndexRunsTwice(t *testing.T) {
	tmpl, err := parseTemplate("pod.yaml", []byte(podSpec), "")
	if err != nil {
		t.Fatal(err)
	}
	b := batch{spec: Spec{Image: "gate:1"}, tmpl: tmpl, plan: planOf(3), shards: planOf(3).Shards, input: []byte("x"), deadline: DefaultDeadline}
	job, err := b.job()
	if err != nil {
		t.Fatal(err)
	}
	spec := asMap(job["spec"])
	want := asMap(map[string]any{
		"backoffLimitPerIndex": 0, "podReplacementPolicy": "Failed", "completionMode": "Indexed", "completions": 3, "parallelism": 3,
		"podFailurePolicy": map[string]any{"rules": []any{
			map[string]any{"action": "FailIndex", "onPodConditions": []any{map[string]any{"type": "DisruptionTarget", "status": "True"}}},
			map[string]any{"action": "FailIndex", "onExitCodes": map[string]any{"operator": "NotIn", "values": []int{0}}},
		}},
		"activeDeadlineSeconds": 21600, "ttlSecondsAfterFinished": 3600,
	})
	delete(spec, "template")
	if diff := cmp.Diff(want, spec); diff != "" {
		t.Error(diff) // no maxFailedIndexes among them: a failed index must not end the others
	}
	if len(b.name()) > 63-len("-255-abcde") {
		t.Errorf("the name %s leaves no room for pods", b.name())
	}
}

func TestLabels(t *testing.T) {
	for text, want := range map[string]string{
		"payments": "payments", "@acme/pay team": "acme-pay-team", "-a-": "a", "ü": "", strings.Repeat("a", 70): strings.Repeat("a", 63), "": "",
	} {
		if got := label(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// The image of a commit is the config's, where the file names none.
func TestTheImageOfTheConfig(t *testing.T) {
	for text, want := range map[string]string{"containers: [{name: suite}]": "suites:4f2c1d7", "containers: [{name: suite, image: own:1}]": "own:1"} {
		tmpl, err := parseTemplate("pod.yaml", []byte(text), "suites:4f2c1d7")
		if err != nil {
			t.Fatal(err)
		}
		if got := tmpl.list("containers")[0]["image"]; got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
