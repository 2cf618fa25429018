package kubernetes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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
  echo "$HOSTNAME" >"/marks/$test"
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
	marks          string            // where each test says in which pod it runs
	config         map[string]string // of executor.kubernetes
}

// newStand makes a repository with tests, and the image of it.
func newStand(t *testing.T, c *Cluster, gate string, shards int, tests ...string) *stand {
	t.Helper()
	c.For(t)
	s := &stand{Cluster: c, t: t, gate: gate, dir: t.TempDir(), namespace: c.Namespace(), config: map[string]string{}}
	s.config["kubeconfig"] = c.User(s.namespace, s.rights()...)
	s.write("tests", strings.Join(tests, "\n")+"\n")
	s.write("suite.sh", suite)
	s.marks = t.TempDir()
	if err := os.Chmod(s.marks, 0o777); err != nil {
		t.Fatal(err)
	}
	s.write("pod.yaml", "terminationGracePeriodSeconds: 10\nvolumes: [{name: marks, hostPath: {path: '"+s.marks+"'}}]\n"+
		"containers: [{name: suite, image: 'suites:"+s.namespace+"', volumeMounts: [{name: marks, mountPath: /marks}]}]\n")
	s.write("e2e-gate.yml", fmt.Sprintf(`version: 1
stages: {deploy: {on: [push], timeout: 5m}}
suites:
  - {name: s, framework: command, dir: ., list: [cat, tests], run: [sh, suite.sh, "{report_dir}", "{tests}"], reports: "{report_dir}/*.xml"}
shards: {count: %d}
executor: {kubernetes: {pod: pod.yaml, image: "gate:1", kubeconfig: kubeconfig, start_timeout: 40s}}
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
	output shown // both streams
	stdout shown
	done   chan struct{}
	limit  time.Duration // for its end
}

// shown is what a run prints, while it runs.
type shown struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *shown) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *shown) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// says waits until the run has printed a text.
func (r *gateRun) says(text string) {
	r.s.t.Helper()
	r.s.waitFor("the words "+text, func() error {
		if got := r.output.String(); !strings.Contains(got, text) {
			return errors.New(got)
		}
		return nil
	})
}

// start starts a run with these tests of the repository.
func (s *stand) start(args ...string) *gateRun {
	s.t.Helper()
	r := &gateRun{s: s, out: s.t.TempDir(), done: make(chan struct{}), limit: 4 * time.Minute}
	r.cmd = exec.CommandContext(s.t.Context(), s.gate, append([]string{"run", "--executor", "kubernetes", "--stage", "deploy", "--out", r.out}, args...)...)
	r.cmd.Dir = s.dir
	r.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.t.TempDir()}
	r.cmd.Stdout, r.cmd.Stderr = io.MultiWriter(&r.output, &r.stdout), &r.output
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
	case <-time.After(r.limit):
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
	r.expectOnly(status, tests, words...)
	r.s.nothingLeft()
}

// expectOnly is expect while another run goes on.
func (r *gateRun) expectOnly(status int, tests map[string]string, words ...string) {
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

// podOfTest waits until a test runs, and returns the name of its pod.
func (s *stand) podOfTest(test string) string {
	s.t.Helper()
	var found string
	s.waitFor("a pod with "+test, func() error {
		data, err := os.ReadFile(filepath.Join(s.marks, test))
		if found = strings.TrimSpace(string(data)); err == nil && found == "" {
			err = errors.New("it is about to")
		}
		return err
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
	t.Run("each log breaks off in the middle, twice", func(t *testing.T) {
		s := newStand(t, c, gate, 3, append(names("ok", 5), "fail-1")...)
		c.BreakLogs(2)
		defer c.BreakLogs(0)
		s.start().expect(1, with(all("passed", names("ok", 5)...), all("failed", "fail-1")))
	})

	// What happens to one pod loses its tests, and only these.
	ok, hangs := all("passed", names("ok", 2)...), all("lost", "hang-1")
	for name, one := range map[string]struct {
		does func(s *stand, pod string)
		want string
	}{
		"killed":        {func(s *stand, pod string) { c.Kill(s.namespace, pod, "suite", "") }, "its container suite was ended by signal 9 with exit status 137"},
		"out of memory": {func(s *stand, pod string) { c.Kill(s.namespace, pod, "suite", "OOMKilled") }, "its container suite ran out of memory (OOMKilled)"},
		"evicted":       {func(s *stand, pod string) { c.Evict(s.namespace, pod) }, "was evicted (Evicted): The node was low on resource: memory."},
		"deleted by force": {func(s *stand, pod string) {
			s.must(http.MethodDelete, podsOf(s.namespace)+"/"+pod, map[string]any{"gracePeriodSeconds": 0}, nil)
		}, "left no document: pod"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, c, gate, 3, append(names("ok", 2), "hang-1")...)
			r := s.start()
			one.does(s, s.podOfTest("hang-1"))
			r.expect(3, with(ok, hangs), one.want)
		})
	}
	t.Run("the kubelet starts a new file of the log before the document comes", func(t *testing.T) {
		s := newStand(t, c, gate, 2, "ok-1", "slow-1")
		r := s.start()
		pod := s.podOfTest("slow-1")
		c.Flood(s.namespace, pod, "suite")
		r.expect(0, all("passed", "ok-1", "slow-1"))
	})
	t.Run("10,000 tests", func(t *testing.T) {
		tests := append(names("ok", 9_999), "fail-1")
		s := newStand(t, c, gate, 8, tests...)
		s.start().expect(1, with(all("passed", names("ok", 9_999)...), all("failed", "fail-1")))
	})
	t.Run("evicted by the API, which lets a pod end", func(t *testing.T) {
		s := newStand(t, c, gate, 3, append(names("ok", 2), "hang-1")...)
		r := s.start()
		pod := s.podOfTest("hang-1")
		s.must(http.MethodPost, podsOf(s.namespace)+"/"+pod+"/eviction", json.RawMessage(`{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"`+pod+`"}}`), nil)
		r.expect(3, with(ok, hangs))
		if strings.Contains(r.output.String(), "left no document") {
			t.Errorf("the pod had ten seconds to hand over its document:\n%s", r.output.String())
		}
	})
	t.Run("a node is lost", func(t *testing.T) {
		s := newStand(t, c, gate, 3, append(names("ok", 2), "hang-1")...)
		r := s.start()
		pod := s.podOf(s.namespace, s.podOfTest("hang-1"))
		r.says("2/3 pods ended")
		c.LoseNode(pod.node.name)
		r.expectOnly(3, with(ok, hangs), "was on a node that is lost or that was emptied (DeletionByTaintManager)")
		// The cluster keeps the pod until the node is gone for good; then nothing is left of the run.
		s.must(http.MethodDelete, "/api/v1/nodes/"+pod.node.name, nil, nil)
		s.must(http.MethodDelete, podsOf(s.namespace)+"/"+pod.meta.Name, map[string]any{"gracePeriodSeconds": 0}, nil)
		s.waitFor("the end of what it left", func() error {
			if left := s.left(); len(left) > 0 {
				return fmt.Errorf("left: %v", left)
			}
			return nil
		})
	})
	t.Run("the API server ends in the middle", func(t *testing.T) {
		s := newStand(t, c, gate, 3, append(names("ok", 2), names("slow", 2)...)...)
		r := s.start()
		s.podOfTest("slow-1")
		c.RestartServer()
		r.expect(0, with(ok, all("passed", names("slow", 2)...)))
	})
	t.Run("an image that cannot be pulled", func(t *testing.T) {
		s := newStand(t, c, gate, 2, names("ok", 2)...)
		s.write("pod.yaml", "containers: [{name: suite, image: 'registry.invalid/none:1'}]\n")
		s.write("e2e-gate.yml", s.read("e2e-gate.yml", "start_timeout: 40s", "start_timeout: 3s"))
		s.start().expect(3, all("lost", names("ok", 2)...), "cannot get its image (ImagePullBackOff)", `Failed to pull image \"registry.invalid/none:1\"`)
	})
	t.Run("no node has room", func(t *testing.T) {
		s := newStand(t, c, gate, 1, "ok-1")
		s.write("pod.yaml", "containers: [{name: suite, image: 'suites:1', resources: {requests: {cpu: 1000}}}]\n")
		s.write("e2e-gate.yml", s.read("e2e-gate.yml", "start_timeout: 40s", "start_timeout: 3s"))
		s.start().expect(3, all("lost", "ok-1"), "is not scheduled (Unschedulable)", "Insufficient cpu")
	})
	t.Run("a right is missing", func(t *testing.T) {
		s := newStand(t, c, gate, 1, "ok-1")
		rules := slices.DeleteFunc(s.rights(), func(r Rule) bool { return r.Resources[0] == "pods/log" })
		s.login(c.User(s.namespace, rules...))
		s.start().expect(3, map[string]string{"ok-1": "lost"}, "the gate may not: get pods/log", "kind: Role")
	})
	t.Run("a quota leaves no room", func(t *testing.T) {
		s := newStand(t, c, gate, 1, "ok-1")
		s.must(http.MethodPost, "/api/v1/namespaces/"+s.namespace+"/resourcequotas", json.RawMessage(`{"metadata":{"name":"none"},"spec":{"hard":{"pods":"0"}}}`), nil)
		s.waitFor("the quota", func() error {
			var q kube.ResourceQuota
			s.must(http.MethodGet, "/api/v1/namespaces/"+s.namespace+"/resourcequotas/none", nil, &q)
			if q.Status.Hard["pods"] == "" {
				return errors.New("not counted yet")
			}
			return nil
		})
		s.start().expect(3, map[string]string{"ok-1": "lost"}, "the quota none leaves no room for the pods")
	})
	t.Run("two runs at once", func(t *testing.T) {
		s := newStand(t, c, gate, 2, names("slow", 2)...)
		one, other := s.start("--key", "a"), s.start("--key", "a")
		one.expectOnly(0, all("passed", names("slow", 2)...))
		other.expect(0, all("passed", names("slow", 2)...))
	})
	t.Run("two runs of a key, of which one waits or is refused", func(t *testing.T) {
		for policy, want := range map[string]int{"wait": 0, "refuse": 3} {
			s := newStand(t, c, gate, 1, "slow-1")
			s.write("e2e-gate.yml", s.read("e2e-gate.yml", "kubeconfig: kubeconfig", "kubeconfig: kubeconfig, same_key: "+policy))
			s.reimage("e2e-gate.yml")
			one := s.start("--key", "a")
			s.podOfTest("slow-1")
			other := s.start("--key", "a")
			outcome := map[int]string{0: "passed", 3: "lost"}[want]
			other.expectOnly(want, all(outcome, "slow-1"), "another run of this stage and key runs in the namespace")
			one.expect(0, all("passed", "slow-1"))
		}
	})
	t.Run("its deadline", func(t *testing.T) {
		s := newStand(t, c, gate, 3, append(names("ok", 2), "hang-1")...)
		s.write("e2e-gate.yml", s.read("e2e-gate.yml", "timeout: 5m", "timeout: 12s"))
		s.reimage("e2e-gate.yml")
		s.start().expect(3, with(ok, hangs))
	})
	t.Run("interrupted", func(t *testing.T) {
		s := newStand(t, c, gate, 3, append(names("ok", 2), "hang-1")...)
		r := s.start()
		s.podOfTest("hang-1")
		r.says("2/3 pods ended")
		r.cmd.Process.Signal(syscall.SIGINT)
		r.expect(3, with(ok, hangs))
	})
	t.Run("killed, so that the cluster has to clean up", func(t *testing.T) {
		s := newStand(t, c, gate, 2, names("slow", 2)...)
		s.write("e2e-gate.yml", s.read("e2e-gate.yml", "kubeconfig: kubeconfig", "kubeconfig: kubeconfig, keep: 1s"))
		s.reimage("e2e-gate.yml")
		r := s.start()
		s.podOfTest("slow-2")
		r.cmd.Process.Kill()
		<-r.done
		s.waitFor("the end of what it left", func() error {
			if left := s.left(); len(left) > 0 {
				return fmt.Errorf("left: %v", left)
			}
			return nil
		})
	})
	t.Run("killed, and swept", func(t *testing.T) {
		s := newStand(t, c, gate, 2, "ok-1", "hang-1")
		s.must(http.MethodPost, "/api/v1/namespaces/"+s.namespace+"/configmaps", kube.ConfigMap{Metadata: kube.ObjectMeta{Name: "of-somebody-else"}}, nil)
		r := s.start()
		s.podOfTest("hang-1")
		r.cmd.Process.Kill()
		<-r.done
		cmd := exec.CommandContext(t.Context(), gate, "cluster", "sweep", "--older-than", "1ms")
		cmd.Dir = s.dir
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "removed from namespace "+s.namespace) {
			t.Errorf("%v\n%s", err, out)
		}
		s.waitFor("the end of what it left", func() error {
			if left := s.left(); !slices.Equal(left, []string{"configmaps/of-somebody-else"}) {
				return fmt.Errorf("left: %v", left)
			}
			return nil
		})
	})
	t.Run("200 shards", func(t *testing.T) {
		tests := append(names("ok", 199), "fail-1")
		s := newStand(t, c, gate, 200, tests...)
		s.write("e2e-gate.yml", s.read("e2e-gate.yml", "start_timeout: 40s", "start_timeout: 4m"))
		s.reimage("e2e-gate.yml")
		began := time.Now()
		s.start().expect(1, with(all("passed", names("ok", 199)...), all("failed", "fail-1")))
		t.Logf("from the start to the verdict: %s", time.Since(began).Round(100*time.Millisecond))
	})
	t.Run("a dry run prints what the server accepts", func(t *testing.T) {
		s := newStand(t, c, gate, 2, names("ok", 2)...)
		r := s.start("--dry-run")
		if status, _ := r.end(); status != 0 {
			t.Fatalf("exit status %d", status)
		}
		kinds := s.accepts([]byte(r.stdout.String()))
		if !slices.Equal(kinds, []string{"ConfigMap", "Job"}) {
			t.Errorf("got %v", kinds)
		}
		s.nothingLeft()
	})
}

// accepts asks the API server about each document of a stream without creating it, and
// returns their kinds.
func (s *stand) accepts(manifests []byte) (kinds []string) {
	s.t.Helper()
	dec := yaml.NewDecoder(bytes.NewReader(manifests))
	for {
		var object map[string]any
		if err := dec.Decode(&object); err != nil {
			if len(kinds) == 0 {
				s.t.Fatalf("%v\n%s", err, manifests)
			}
			return kinds
		}
		kind, _ := object["kind"].(string)
		kinds = append(kinds, kind)
		path := map[string]string{"ConfigMap": "/api/v1/namespaces/" + s.namespace + "/configmaps", "Job": jobsOf(s.namespace)}[kind]
		if err := s.Client.Do(s.t.Context(), http.MethodPost, path, map[string][]string{"dryRun": {"All"}, "fieldValidation": {"Strict"}}, object, nil); err != nil {
			s.t.Error(err)
		}
	}
}

// read is a file of the repository with a text replaced.
func (s *stand) read(name, old, text string) string {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil || !strings.Contains(string(data), old) {
		s.t.Fatalf("%s has no %q: %v", name, old, err)
	}
	return strings.Replace(string(data), old, text, 1)
}

// reimage carries a changed file over into the image.
func (s *stand) reimage(name string) {
	s.t.Helper()
	image, _ := s.image("suites:" + s.namespace)
	data, err := os.ReadFile(filepath.Join(s.dir, name))
	if err == nil {
		err = os.WriteFile(filepath.Join(image.Copies["/work/repo"], name), data, 0o644)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}
