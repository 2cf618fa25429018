package kubernetes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/kube"
)

// buildGate builds the program under test, without libraries, as it is released.
func buildGate(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "e2e-gate")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", program, "./cmd/e2e-gate")
	cmd.Dir, cmd.Env = "../../..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// suite is a script that runs tests: fail-1 fails, hang-1 never ends, and so on.
const suite = `#!/bin/sh
report=$1; shift; status=0
echo '<testsuite>' >"$report/part"
for test; do
  echo "runs $test"
  case $test in
  hang-*) while :; do sleep 0.05; done ;;
  slow-*) sleep 4 ;;
  esac
  case $test in
  fail-*) status=1; echo "<testcase name='$test'><failure message='expected 200, got 500'/></testcase>" >>"$report/part" ;;
  *) echo "<testcase name='$test'/>" >>"$report/part" ;;
  esac
done
echo '</testsuite>' >>"$report/part"
mv "$report/part" "$report/r.xml"
exit $status
`

// stand is a repository whose suites run in a namespace of a cluster.
type stand struct {
	*Cluster
	t              *testing.T
	gate           string
	dir, namespace string
	config         map[string]string // of executor.kubernetes
}

// newStand makes a repository with tests, and the image of it.
func newStand(t *testing.T, c *Cluster, gate string, shards int, tests ...string) *stand {
	t.Helper()
	s := &stand{Cluster: c, t: t, gate: gate, dir: t.TempDir(), namespace: c.Namespace(), config: map[string]string{}}
	s.config["kubeconfig"] = c.User(s.namespace, s.rights()...)
	s.write("tests", strings.Join(tests, "\n")+"\n")
	s.write("suite.sh", suite)
	s.write("pod.yaml", "terminationGracePeriodSeconds: 10\ncontainers: [{name: suite, image: 'suites:"+s.namespace+"'}]\n")
	s.write("e2e-gate.yml", fmt.Sprintf(`version: 1
stages: {deploy: {on: [push], timeout: 5m}}
suites:
  - {name: s, framework: command, dir: ., list: [cat, tests], run: [sh, suite.sh, "{report_dir}", "{tests}"], reports: "{report_dir}/*.xml"}
shards: {count: %d}
executor: {kubernetes: {pod: pod.yaml, image: "gate:1", kubeconfig: kubeconfig}}
`, shards))
	s.git("init", "-q", "-b", "main")
	s.write(".gitignore", "kubeconfig\nout*/\n.e2e-gate/\n")
	s.git("add", ".")
	s.git("-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "suites")
	image := t.TempDir()
	for _, name := range []string{"tests", "suite.sh", "pod.yaml", "e2e-gate.yml", ".gitignore"} {
		data, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(image, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c.AddImage("suites:"+s.namespace, Image{Copies: map[string]string{"/work/repo": image}, WorkDir: "/work/repo", User: 1000})
	s.login(s.config["kubeconfig"])
	return s
}

// login makes a run use a kubeconfig.
func (s *stand) login(file string) {
	s.t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write("kubeconfig", string(data))
}

// rights are those of the Role that the gate prints.
func (s *stand) rights() []Rule {
	s.t.Helper()
	out, err := exec.CommandContext(s.t.Context(), s.gate, "cluster", "role", "--namespace", s.namespace).Output()
	if err != nil {
		s.t.Fatal(err)
	}
	var role struct {
		Rules []struct {
			APIGroups []string `yaml:"apiGroups"`
			Resources []string `yaml:"resources"`
			Verbs     []string `yaml:"verbs"`
		} `yaml:"rules"`
	}
	if err := yaml.Unmarshal(out, &role); err != nil {
		s.t.Fatal(err)
	}
	var rules []Rule
	for _, r := range role.Rules {
		rules = append(rules, Rule(r))
	}
	return rules
}

func (s *stand) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stand) git(args ...string) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), "git", args...)
	cmd.Dir = s.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// gateRun is a run of the gate.
type gateRun struct {
	s      *stand
	cmd    *exec.Cmd
	out    string
	output bytes.Buffer
	done   chan struct{}
}

// start starts a run with these tests of the repository.
func (s *stand) start(args ...string) *gateRun {
	s.t.Helper()
	r := &gateRun{s: s, out: s.t.TempDir(), done: make(chan struct{})}
	r.cmd = exec.CommandContext(s.t.Context(), s.gate, append([]string{"run", "--executor", "kubernetes", "--stage", "deploy", "--out", r.out}, args...)...)
	r.cmd.Dir = s.dir
	r.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.t.TempDir()}
	r.cmd.Stdout, r.cmd.Stderr = &r.output, &r.output
	if err := r.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		r.cmd.Wait()
		close(r.done)
	}()
	return r
}

// end waits for the run's end, and returns its exit status and its result.
func (r *gateRun) end() (int, e2e.Result) {
	r.s.t.Helper()
	select {
	case <-r.done:
	case <-time.After(4 * time.Minute):
		r.cmd.Process.Kill()
		<-r.done
		r.s.t.Fatalf("the run did not end:\n%s", r.output.String())
	}
	r.s.t.Cleanup(func() {
		if r.s.t.Failed() {
			r.s.t.Logf("%s", r.output.String())
		}
	})
	var result e2e.Result
	data, err := os.ReadFile(filepath.Join(r.out, "result.json"))
	if err == nil {
		err = json.Unmarshal(data, &result)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		r.s.t.Fatal(err)
	}
	return r.cmd.ProcessState.ExitCode(), result
}

// outcomes are those of the tests by their names.
func outcomes(result e2e.Result) map[string]string {
	got := map[string]string{}
	for _, test := range result.Tests {
		got[strings.TrimPrefix(test.ID, "s::")] = string(test.Outcome)
	}
	return got
}

// expect compares a run with what is to come of it: its exit status, the outcome of each test, and words of its output.
// Nothing may be left in the cluster.
func (r *gateRun) expect(status int, tests map[string]string, words ...string) {
	r.s.t.Helper()
	got, result := r.end()
	if got != status {
		r.s.t.Errorf("exit status %d, want %d", got, status)
	}
	if diff := cmp.Diff(tests, outcomes(result)); diff != "" {
		r.s.t.Errorf("tests (-want +got):\n%s", diff)
	}
	data, err := json.Marshal(result)
	if err != nil {
		r.s.t.Fatal(err)
	}
	for _, word := range words {
		if !strings.Contains(string(data)+r.output.String(), word) {
			r.s.t.Errorf("the run does not say %q; its problems are %+v", word, result.Problems)
		}
	}
	r.s.nothingLeft()
}

// left are the objects in the namespace that are not the cluster's own.
func (s *stand) left() []string {
	s.t.Helper()
	var names []string
	for _, path := range []string{jobsOf(s.namespace), podsOf(s.namespace), "/api/v1/namespaces/" + s.namespace + "/configmaps"} {
		var list kube.List[struct {
			Metadata kube.ObjectMeta `json:"metadata"`
		}]
		s.must(http.MethodGet, path, nil, &list)
		for _, o := range list.Items {
			if o.Metadata.Name != "kube-root-ca.crt" {
				names = append(names, path[strings.LastIndex(path, "/")+1:]+"/"+o.Metadata.Name)
			}
		}
	}
	return names
}

func (s *stand) nothingLeft() {
	s.t.Helper()
	if left := s.left(); len(left) > 0 {
		s.t.Errorf("left in the cluster: %v", left)
	}
}

// podOfTest waits until a pod says that it runs a test, and returns the pod's name.
func (s *stand) podOfTest(test string) string {
	s.t.Helper()
	var found string
	s.waitFor("a pod with "+test, func() error {
		var pods kube.List[kube.Pod]
		s.must(http.MethodGet, podsOf(s.namespace), nil, &pods)
		for _, p := range pods.Items {
			if pod := s.podOf(s.namespace, p.Metadata.Name); pod != nil {
				for _, file := range pod.outputs() {
					if strings.Contains(file, "runs "+test) {
						found = p.Metadata.Name
						return nil
					}
				}
			}
		}
		return fmt.Errorf("%d pods, none of which has begun it", len(pods.Items))
	})
	return found
}

func names(prefix string, n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("%s-%d", prefix, i+1))
	}
	return list
}

func all(outcome string, tests ...string) map[string]string {
	m := map[string]string{}
	for _, t := range tests {
		m[t] = outcome
	}
	return m
}

func with(m map[string]string, more map[string]string) map[string]string {
	m = maps.Clone(m)
	maps.Copy(m, more)
	return m
}

// TestExecutor runs whole runs of the gate in a cluster, with what clusters do to them.
func TestExecutor(t *testing.T) {
	c := Start(t, Options{Nodes: 5})
	gate := buildGate(t)
	c.AddImage("gate:1", Image{Scratch: true, Files: map[string]string{"/e2e-gate": gate}, Entrypoint: []string{"/e2e-gate"}, WorkDir: "/work", User: 65532})

	t.Run("three shards", func(t *testing.T) {
		s := newStand(t, c, gate, 3, names("ok", 6)...)
		s.start().expect(0, all("passed", names("ok", 6)...))
	})
	t.Run("a failure is a failure", func(t *testing.T) {
		s := newStand(t, c, gate, 3, append(names("ok", 5), "fail-1")...)
		s.start().expect(1, with(all("passed", names("ok", 5)...), all("failed", "fail-1")), "expected 200, got 500")
	})
	_ = slices.Sorted[string]
	_ = syscall.SIGINT
}
