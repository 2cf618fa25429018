package shipping

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/testkit/need"
)

// image is the image of the Dockerfile, and a folder that its container mounts as
// the workspace.
type image struct {
	t                     *testing.T
	store, context, image string
	container, workspace  string
}

// buildah runs it with a store of its own, and returns what it printed. Chroot
// isolation needs neither a daemon nor rights in a cgroup; the network is ours.
func (i *image) buildah(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(i.t.Context()), 2*time.Minute) // cleanups use it too
	defer cancel()
	cmd := exec.CommandContext(ctx, "buildah", append([]string{"--storage-driver=vfs", "--root=" + i.store + "/root", "--runroot=" + i.store + "/run"},
		args...)...)
	cmd.Env = append(os.Environ(), "BUILDAH_ISOLATION=chroot")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (i *image) must(args ...string) string {
	i.t.Helper()
	out, err := i.buildah(args...)
	if err != nil {
		i.t.Fatalf("buildah %s: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(out)
}

// run runs a program in the container, as the image's user.
func (i *image) run(argv ...string) (string, int) {
	i.t.Helper()
	out, err := i.buildah(append([]string{"run", "-v", i.workspace + ":/work", i.container, "--"}, argv...)...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return out, exit.ExitCode()
	}
	if err != nil {
		i.t.Fatalf("buildah run %s: %v", argv, err)
	}
	return out, 0
}

func (i *image) write(name, text string) {
	i.t.Helper()
	if err := os.WriteFile(filepath.Join(i.workspace, name), []byte(text), 0o644); err != nil {
		i.t.Fatal(err)
	}
}

// newImage builds the binary by the command of docs/image.md, and the image of it.
func newImage(t *testing.T) *image {
	need.Tool(t, "buildah", "apt-get install buildah")
	asset := "e2e-gate_linux_" + runtime.GOARCH
	build := "go run ./internal/tool/release build v0.0.0-local dist e2e-gate_linux_amd64"
	if !strings.Contains(read(t, filepath.Join(root, "docs/image.md")), build) {
		t.Fatalf("docs/image.md does not say %q", build)
	}
	i := &image{t: t, store: t.TempDir(), context: t.TempDir(), image: "e2e-gate:local"}
	args := strings.Fields(strings.ReplaceAll(build, "e2e-gate_linux_amd64", asset))
	args[slices.Index(args, "dist")] = filepath.Join(i.context, "dist")
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", build, err, out)
	}
	i.workspace = t.TempDir()
	if err := os.Chmod(i.workspace, 0o777); err != nil { // the image's user is another one
		t.Fatal(err)
	}
	t.Cleanup(i.remove)
	i.must("bud", "--file", filepath.Join(root, "Dockerfile"), "--ignorefile", filepath.Join(root, ".dockerignore"), "--build-arg", "VERSION=v0.0.0-local",
		"--tag", i.image, i.context)
	i.container = i.must("from", i.image)
	return i
}

// remove takes away what other users own: to an ordinary user, those of a namespace.
func (i *image) remove() {
	i.must("rm", "--all")
	if os.Getuid() != 0 {
		i.must("unshare", "rm", "-rf", i.store+"/root", i.store+"/run", i.workspace)
	}
}

const gateConfig = `version: 1
stages:
  pr: {on: [pull_request], select: "", budget: 1m, timeout: 5m}
SUITE
`

const suite = `suites:
  - {name: journeys, framework: command, run: [sh, suite.sh, "{report_dir}"], reports: "{report_dir}/*.xml", owner: my-team}`

const httpsGate = `gates:
  timeout: 2s
  checks:
    - {name: api, http: {url: "URL/health"}}
`

// TestImage holds what the image is for: the gate, as a user without rights, with a
// workspace that is mounted, and TLS without any file of the system.
func TestImage(t *testing.T) {
	i := newImage(t)
	t.Run("version", func(t *testing.T) {
		if out, status := i.run("/e2e-gate", "version"); status != 0 || strings.TrimSpace(out) != "e2e-gate v0.0.0-local" {
			t.Errorf("exit status %d:\n%s", status, out)
		}
	})
	t.Run("config", func(t *testing.T) { i.checkConfig(t) })
	t.Run("lint", func(t *testing.T) {
		config := strings.Replace(gateConfig, "SUITE", suite, 1)
		i.write("e2e-gate.yml", config)
		if out, status := i.run("/e2e-gate", "lint"); status != 0 || !strings.Contains(out, "config e2e-gate.yml is valid") {
			t.Errorf("exit status %d:\n%s", status, out)
		}
		i.write("e2e-gate.yml", strings.Replace(config, "budget:", "bugdet:", 1))
		if out, status := i.run("/e2e-gate", "lint"); status != 2 || !strings.Contains(out, "bugdet") {
			t.Errorf("exit status %d:\n%s", status, out)
		}
	})
	t.Run("report", func(t *testing.T) {
		i.write("junit.xml", `<testsuite name="s"><testcase name="a"/></testsuite>`)
		if out, status := i.run("/e2e-gate", "report", "junit.xml"); status != 0 || !strings.Contains(out, "junit.xml") {
			t.Errorf("exit status %d:\n%s", status, out)
		}
	})
	t.Run("verdict", func(t *testing.T) { i.checkVerdict(t) })
	t.Run("tls", func(t *testing.T) { i.checkTLS(t) })
	t.Run("roots", func(t *testing.T) { i.checkRoots(t) })
}

func (i *image) checkConfig(t *testing.T) {
	var said struct {
		OCIv1 struct {
			Architecture string
			Config       struct {
				User, WorkingDir string
				Entrypoint       []string
				Labels           map[string]string
			}
		}
	}
	if err := json.Unmarshal([]byte(i.must("inspect", "--type", "image", i.image)), &said); err != nil {
		t.Fatal(err)
	}
	c := said.OCIv1.Config
	if c.User != "65532:65532" || c.WorkingDir != "/work" || !slices.Equal(c.Entrypoint, []string{"/e2e-gate"}) || said.OCIv1.Architecture != runtime.GOARCH {
		t.Errorf("%+v", said)
	}
	for name, want := range map[string]string{"title": "e2e-gate", "version": "v0.0.0-local", "source": "https://github.com/org/e2e-gate"} {
		if got := c.Labels["org.opencontainers.image."+name]; got != want {
			t.Errorf("label %s is %q, want %q", name, got, want)
		}
	}
}

// checkVerdict judges in the image what a shard ran outside.
func (i *image) checkVerdict(t *testing.T) {
	i.write("e2e-gate.yml", strings.Replace(gateConfig, "SUITE", suite, 1))
	i.write("suite.sh", `echo '<testsuite name="s"><testcase name="a"/><testcase name="b"><failure message="wrong sum"/></testcase></testsuite>' >"$1/r.xml"`)
	gate := filepath.Join(i.context, "dist/e2e-gate_linux_"+runtime.GOARCH)
	for _, args := range [][]string{{"plan", "--shards", "1", "--out", "plan"}, {"shard", "--plan", "plan/plan.json", "--index", "0", "--out", "results"}} {
		cmd := exec.CommandContext(t.Context(), gate, args...)
		cmd.Dir, cmd.Env = i.workspace, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
		if out, err := cmd.CombinedOutput(); err != nil && cmd.ProcessState.ExitCode() != 1 {
			t.Fatalf("%s: %v\n%s", args, err, out)
		}
	}
	out, status := i.run("/e2e-gate", "verdict", "--plan", "plan/plan.json", "--results", "results", "--out", "merged")
	if status != 1 || !strings.Contains(out, "BLOCKED") || !strings.Contains(out, "wrong sum") {
		t.Errorf("exit status %d:\n%s", status, out)
	}
	if !strings.Contains(read(t, filepath.Join(i.workspace, "merged/result.json")), `"wrong sum"`) {
		t.Error("result.json does not hold the failure")
	}
}

// checkTLS asks a server of this test, from inside: by an unknown authority, then by
// one that the config names.
func (i *image) checkTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it notes each refused handshake
	server.StartTLS()
	defer server.Close()
	i.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	config := strings.Replace(gateConfig, "SUITE", strings.Replace(httpsGate, "URL", server.URL, 1)+suite, 1)
	i.write("e2e-gate.yml", config)
	if out, status := i.run("/e2e-gate", "gates"); status != 3 || !strings.Contains(out, "signed by an unknown authority") {
		t.Errorf("exit status %d:\n%s", status, out)
	}
	i.write("e2e-gate.yml", strings.Replace(config, `/health"`, `/health", tls: {ca_file: ca.pem}`, 1))
	if out, status := i.run("/e2e-gate", "gates"); status != 0 {
		t.Errorf("exit status %d:\n%s", status, out)
	}
}

// checkRoots runs the test of cmd/e2e-gate inside, where there is no file of roots.
func (i *image) checkRoots(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", filepath.Join(i.workspace, "roots.test"), "./cmd/e2e-gate")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, status := i.run("/work/roots.test", "-test.v", "-test.run=^TestRootsWithoutASystem$")
	if status != 0 || !strings.Contains(out, "--- PASS: TestRootsWithoutASystem") {
		t.Errorf("exit status %d:\n%s", status, out)
	}
}
