//go:build unix

package cli

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/org/e2e-gate/internal/cluster"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/testkit/githubfake"
)

// manifests are what a dry run prints.
type manifest struct {
	Kind       string            `yaml:"kind"`
	BinaryData map[string]string `yaml:"binaryData"`
	Spec       struct {
		Completions int `yaml:"completions"`
		Template    struct {
			Spec struct {
				Containers []struct {
					Command []string `yaml:"command"`
				} `yaml:"containers"`
			} `yaml:"spec"`
		} `yaml:"template"`
	} `yaml:"spec"`
}

// inCluster is a repository whose suite passes or fails, with a pod spec, as its checkout and as an image has it.
func inCluster(t *testing.T) tree {
	r := newTree(t)
	r.Write("e2e-gate.yml", `version: 1
stages: {pr: {on: [pull_request, push], timeout: 5m}}
suites:
  - {name: s, framework: command, dir: e2e, list: [cat, tests], run: [sh, ./run.sh], reports: "{report_dir}/*.xml"}
shards: {count: 1}
executor: {kubernetes: {pod: pod.yaml, image: "gate:1"}}
`)
	r.Write("pod.yaml", "containers: [{name: suite, image: suites:1}]\n")
	r.Write("e2e/tests", "a\nb\n")
	r.Write("e2e/README.md", "for people")
	r.Write("e2e/run.sh", reporting(`<testcase name="a"/><testcase name="b"><failure message="500"/></testcase>`))
	r.Commit("suites")
	return r
}

// planned is the input of the pods of a dry run.
func dryRun(t *testing.T, r tree, from ...string) (input string, job manifest) {
	t.Helper()
	t.Chdir(filepath.Join(append([]string{r.Dir}, from...)...))
	var out, diag bytes.Buffer
	a := &App{Stdout: &out, Stderr: &diag, Environ: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}}
	if status := a.Main(t.Context(), []string{"run", "--executor", "kubernetes", "--dry-run", "--out", t.TempDir()}); status != 0 {
		t.Fatalf("status %d: %s", status, diag.String())
	}
	input = t.TempDir()
	dec := yaml.NewDecoder(&out)
	for {
		var m manifest
		if dec.Decode(&m) != nil {
			return input, job
		}
		for name, text := range m.BinaryData {
			data, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(input, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if m.Kind == "Job" {
			job = m
		}
	}
}

// Pods may be more than a matrix has jobs, and not so without a cluster.
func TestMoreShardsThanAMatrixHas(t *testing.T) {
	r := inCluster(t)
	text, err := os.ReadFile(filepath.Join(r.Dir, "e2e-gate.yml"))
	if err != nil {
		t.Fatal(err)
	}
	r.Write("e2e-gate.yml", strings.Replace(string(text), "count: 1}", "count: 300}", 1))
	var names strings.Builder
	for i := range 300 {
		fmt.Fprintf(&names, "t%d\n", i)
	}
	r.Write("e2e/tests", names.String())
	r.Commit("many tests")
	if _, job := dryRun(t, r); job.Spec.Completions != 300 {
		t.Errorf("%d completions", job.Spec.Completions)
	}
	for command, want := range map[string]string{"run": "one machine runs at most 256 shards", "plan": "a GitHub matrix has at most 256 jobs"} {
		var out, diag bytes.Buffer
		a := &App{Stdout: &out, Stderr: &diag, Environ: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "CI=true"}}
		status := a.Main(t.Context(), []string{command, "--stage", "pr", "--out", t.TempDir()})
		if status != e2e.ExitUsage || !strings.Contains(diag.String(), "shards.count: 300 shards are too many: "+want) {
			t.Errorf("%s: status %d: %s", command, status, diag.String())
		}
	}
}

// pod runs the program as the pod of an index does, in a copy of the repository without git, and returns what it hands over.
func pod(t *testing.T, r tree, input string, change func(image string)) (status int, files map[string]string, log string) {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	if err := os.CopyFS(image, os.DirFS(r.Dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(image, ".git")); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(image)
	}
	t.Chdir(image)
	var out, diag bytes.Buffer
	termination := filepath.Join(t.TempDir(), "termination-log")
	if err := os.WriteFile(termination, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a := &App{Stdout: &out, Stderr: &diag, termination: termination, Environ: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(),
		cluster.VariablePod + "=pod-0", cluster.VariableShards + "=0", cluster.VariableIndex + "=0"}}
	status = a.Main(t.Context(), []string{"cluster", "shard", "--in", input, "--out", filepath.Join(t.TempDir(), "out")})
	files = map[string]string{}
	if err := cluster.Received(&out, func(name string, data []byte) error { files[name] = string(data); return nil }); err != nil {
		t.Fatalf("%v: %s", err, diag.String())
	}
	said, err := os.ReadFile(termination)
	if err != nil {
		t.Fatal(err)
	}
	return status, files, string(said) + diag.String()
}

func TestAPodRunsItsShard(t *testing.T) {
	r := inCluster(t)
	input, job := dryRun(t, r)
	const want = "/e2e-gate/bin/e2e-gate cluster shard --in /e2e-gate/in --out /e2e-gate/out"
	if job.Spec.Completions != 1 || strings.Join(job.Spec.Template.Spec.Containers[0].Command, " ") != want {
		t.Errorf("job: %+v", job)
	}
	status, files, log := pod(t, r, input, func(image string) {
		if err := os.Remove(filepath.Join(image, "e2e", "README.md")); err != nil { // which an image may lack
			t.Error(err)
		}
	})
	var doc e2e.ShardRun
	if err := json.Unmarshal([]byte(files["shard-0.1.json"]), &doc); err != nil {
		t.Fatalf("%v: %s", err, log)
	}
	if status != e2e.ExitBlocked || !doc.Complete || len(doc.Tests) != 2 || e2e.OutcomeOf(doc.Tests[1].Attempts) != e2e.Failed {
		t.Errorf("status %d, %+v\n%s", status, doc.Tests, log)
	}
	if files["pod.json"] != `{"status":1}` || !strings.HasPrefix(log, "e2e-gate pr") || files[doc.Units[0].Log] == "" && len(files) < 3 {
		t.Errorf("files %v, said %s", files, log)
	}
}

// An image of another state of the suites would test something else under the same names.
func TestAPodWithAnotherImageRunsNothing(t *testing.T) {
	r := inCluster(t)
	input, _ := dryRun(t, r)
	for name, change := range map[string]func(image string) error{
		"of 3 files 1 differ (e2e/run.sh)":      func(i string) error { return os.WriteFile(filepath.Join(i, "e2e", "run.sh"), []byte("exit 0"), 0o600) },
		"of 3 files 1 are missing (e2e/run.sh)": func(i string) error { return os.Remove(filepath.Join(i, "e2e", "run.sh")) },
		"of 3 files 1 differ (e2e-gate.yml)": func(i string) error {
			return os.WriteFile(filepath.Join(i, "e2e-gate.yml"), []byte("version: 1\nstages: {pr: {on: [push], blocks: false}}\n"), 0o600)
		},
	} {
		status, files, log := pod(t, r, input, func(image string) {
			if err := change(image); err != nil {
				t.Fatal(err)
			}
		})
		if status != e2e.ExitNotJudged || len(files) != 1 || !strings.Contains(files["pod.json"], name) {
			t.Errorf("%s: status %d, %v\n%s", name, status, files, log)
		}
	}
}

// A suite behind a link consists of the files where it leads.
func TestAPodWithAnotherImageBehindALink(t *testing.T) {
	r := inCluster(t)
	r.Git("mv", "e2e", "suites")
	if err := os.Symlink("suites", filepath.Join(r.Dir, "e2e")); err != nil {
		t.Fatal(err)
	}
	r.Commit("a link")
	input, _ := dryRun(t, r)
	if status, files, log := pod(t, r, input, nil); status != e2e.ExitBlocked || files["shard-0.1.json"] == "" {
		t.Errorf("status %d, %v\n%s", status, files, log)
	}
	status, files, log := pod(t, r, input, func(image string) {
		if err := os.WriteFile(filepath.Join(image, "suites", "run.sh"), []byte("exit 0"), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	if status != e2e.ExitNotJudged || !strings.Contains(files["pod.json"], "1 differ (suites/run.sh)") {
		t.Errorf("status %d, %v\n%s", status, files, log)
	}
}

// A shard is not kept from running by the clock of its node, and does not run longer for it.
func TestClocksOfNodesDiffer(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for _, tc := range []struct {
		name          string
		until, starts time.Duration
		want          time.Duration // from now
	}{
		{"the same clock", 10 * time.Minute, time.Minute, 9 * time.Minute},
		{"hours ahead", 10 * time.Minute, 3 * time.Hour, 10 * time.Minute},
		{"hours behind", 10 * time.Minute, -3 * time.Hour, 10 * time.Minute},
	} {
		o := order{Until: now.Add(tc.until), Left: tc.until}
		if got := o.ends(now.Add(tc.starts)).Sub(now.Add(tc.starts)); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
	if end := (order{}).ends(now); !end.IsZero() {
		t.Error(end)
	}
}

// What runs in a pod could write any document: a change of the pod spec is one of the judge.
func TestAChangedPodSpecIsOneOfTheJudge(t *testing.T) {
	r := inCluster(t)
	r.Write("e2e/run.sh", reporting(`<testcase name="a"/><testcase name="b"/>`))
	base := r.Commit("base")
	r.Git("checkout", "-qb", "change")
	r.Write("pod.yaml", "containers: [{name: suite, image: suites:2}]\n")
	head := r.Commit("change")
	_, result := r.judged(githubfake.New(t), "pull_request", "refs/pull/42/merge", head, pullRequest(head, base))
	var texts []string
	for _, c := range result.Judging.Changes {
		texts = append(texts, c.What+": "+c.Text)
	}
	if want := "executor.kubernetes: pod spec pod.yaml is changed"; !slices.Contains(texts, want) {
		t.Errorf("%q, want %q", texts, want)
	}
}

func TestMistakesOfTheExecutor(t *testing.T) {
	r := inCluster(t)
	t.Chdir(r.Dir)
	for _, c := range []struct {
		args []string
		pod  string
		want string
	}{
		{[]string{"--dry-run"}, "", "--dry-run prints what --executor would create"},
		{[]string{"--executor", "kubernetes", "a"}, "", "--executor runs the whole stage"},
		{[]string{"--executor", "nomad"}, "", `--executor must be one of "","kubernetes"`},
		{[]string{"--deliver", "ftp://x"}, "", `--deliver: "ftp://x" is neither log nor an address`},
		{[]string{"--executor", "kubernetes", "--dry-run"}, "containers: []", "pod.yaml: has no containers"},
		{[]string{"--executor", "kubernetes"}, "", "no login to the cluster"},
	} {
		r.Write("pod.yaml", cmp.Or(c.pod, "containers: [{name: suite, image: suites:1}]\n"))
		var out, diag bytes.Buffer
		a := &App{Stdout: &out, Stderr: &diag, Environ: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}}
		if status := a.Main(t.Context(), append([]string{"run"}, c.args...)); status == 0 || !strings.Contains(diag.String(), c.want) {
			t.Errorf("%q: status %d, %q does not say %q", c.args, status, diag.String(), c.want)
		}
	}
}

func TestLintOfTheExecutor(t *testing.T) {
	r := inCluster(t)
	t.Chdir(r.Dir)
	config, err := os.ReadFile(filepath.Join(r.Dir, "e2e-gate.yml"))
	if err != nil {
		t.Fatal(err)
	}
	lint := func() string {
		var out, diag bytes.Buffer
		a := &App{Stdout: &out, Stderr: &diag, Environ: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}}
		a.Main(t.Context(), []string{"lint"})
		return out.String()
	}
	if out := lint(); strings.Contains(out, "executor") || strings.Contains(out, "pod.yaml") {
		t.Errorf("nothing is wrong, and lint says %s", out)
	}
	r.Write("pod.yaml", "containers: [{name: suite, command: [sh]}]\n")
	r.Write("e2e-gate.yml", strings.Replace(string(config), "pod: pod.yaml,", `pod: pod.yaml, suite_image: "x:${TAG}", pods: {u: ui.yaml},`, 1))
	out := lint()
	for _, want := range []string{"pod.yaml: its container suite has a command or args", "unknown suite u", "names the pod spec ui.yaml, which cannot be read"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q does not say %q", out, want)
		}
	}
}

// What the config includes is compared with the image from wherever the gate was started.
func TestAPodWithAnotherFragmentRunsNothing(t *testing.T) {
	r := inCluster(t)
	config, err := os.ReadFile(filepath.Join(r.Dir, "e2e-gate.yml"))
	if err != nil {
		t.Fatal(err)
	}
	r.Write("e2e-gate.yml", string(config)+"include: [\"teams/*.yml\"]\nquarantine: quarantine.yml\n")
	r.Write("teams/pay.yml", "version: 1\nowner: pay\nservices: {pay: {}}\n")
	r.Write("quarantine.yml", "[]\n")
	r.Commit("a fragment")
	input, _ := dryRun(t, r, "e2e")
	for _, file := range []string{"teams/pay.yml", "quarantine.yml"} {
		status, files, log := pod(t, r, input, func(image string) {
			if err := os.WriteFile(filepath.Join(image, filepath.FromSlash(file)), []byte("[]\n\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		})
		if status != e2e.ExitNotJudged || !strings.Contains(files["pod.json"], "1 differ ("+file+")") {
			t.Errorf("%s: status %d, %v\n%s", file, status, files, log)
		}
	}
}
