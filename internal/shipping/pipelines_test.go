//go:build unix

package shipping

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/org/e2e-gate/internal/testkit/gatebin"
	"github.com/org/e2e-gate/internal/testkit/gitkit"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

// shownPipeline is a file of another platform that a page shows.
var shownPipeline = regexp.MustCompile("(?s)```(?:yaml|groovy)\n(?:#|//) (\\S+)\n(.*?)```")

func shownPipelines(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, m := range shownPipeline.FindAllStringSubmatch(read(t, filepath.Join(gatebin.Root(t), "docs", "pipelines.md")), -1) {
		files[m[1]] = m[2]
	}
	return files
}

// TestPipelinesMatchTheirSchemas checks the shown files against the schemas that the platforms publish, as a Python package bundles them.
func TestPipelinesMatchTheirSchemas(t *testing.T) {
	files := shownPipelines(t)
	venv := realsuite.Venv(t, filepath.Join("testdata", "pipelines"))
	for name, schema := range map[string]string{
		".gitlab-ci.yml": "vendor.gitlab-ci", ".buildkite/pipeline.yml": "vendor.buildkite", ".circleci/config.yml": "vendor.circle-ci",
		"azure-pipelines.yml": "vendor.azure-pipelines",
	} {
		t.Run(name, func(t *testing.T) {
			check := func(text string) ([]byte, error) {
				file := filepath.Join(t.TempDir(), filepath.Base(name))
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				// The schema of Azure has patterns that a Unicode-aware engine refuses.
				return exec.CommandContext(t.Context(), filepath.Join(venv, "bin", "check-jsonschema"), "--regex-variant", "nonunicode",
					"--builtin-schema", schema, file).CombinedOutput()
			}
			if out, err := check(files[name]); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			if out, err := check("jobs: 3\nsteps: 3\nplan: 3\n"); err == nil {
				t.Errorf("the schema takes anything: %s", out)
			}
		})
	}
	if yaml.Unmarshal([]byte(files["task.yaml"]), &map[string]any{}) != nil {
		t.Error("task.yaml is no YAML")
	}
}

var (
	ofGate = regexp.MustCompile(`e2e-gate (?:plan|shard|verdict|run) [^\n#]*`)
	ofTask = regexp.MustCompile(`command: \[(e2e-gate, [^\]]*)\]`)
)

// TestPipelinesRun runs the commands of the shown files in their order, with the platform's variables, as so many jobs as the file
// says: a green suite passes, and one with a failure does not.
func TestPipelinesRun(t *testing.T) {
	files := shownPipelines(t)
	program := gatebin.Build(t)
	for name, of := range map[string]struct {
		env   []string
		index string // the variable, and the index of the first job
		first int
	}{
		".gitlab-ci.yml": {[]string{"GITLAB_CI=true", "CI_PROJECT_PATH=acme/shop", "CI_COMMIT_SHA=HEAD_SHA", "CI_DEFAULT_BRANCH=main", "CI_COMMIT_BRANCH=main",
			"CI_PIPELINE_SOURCE=push",
			"CI_PIPELINE_ID=1", "CI_NODE_TOTAL=4"}, "CI_NODE_INDEX", 1},
		".buildkite/pipeline.yml": {[]string{"BUILDKITE=true", "BUILDKITE_REPO=git@x:acme/shop", "BUILDKITE_COMMIT=HEAD_SHA", "BUILDKITE_BRANCH=main",
			"BUILDKITE_BUILD_ID=b",
			"BUILDKITE_PIPELINE_DEFAULT_BRANCH=main", "BUILDKITE_PARALLEL_JOB_COUNT=4"}, "BUILDKITE_PARALLEL_JOB", 0},
		".circleci/config.yml": {[]string{"CIRCLECI=true", "CIRCLE_SHA1=HEAD_SHA", "CIRCLE_BRANCH=main", "CIRCLE_WORKFLOW_ID=w", "CIRCLE_PROJECT_USERNAME=acme",
			"CIRCLE_PROJECT_REPONAME=shop", "CIRCLE_NODE_TOTAL=4"}, "CIRCLE_NODE_INDEX", 0},
		"azure-pipelines.yml": {[]string{"TF_BUILD=True", "BUILD_REASON=IndividualCI", "BUILD_SOURCEVERSION=HEAD_SHA", "BUILD_SOURCEBRANCH=refs/heads/main",
			"BUILD_BUILDID=1",
			"BUILD_REPOSITORY_NAME=acme/shop", "SYSTEM_TOTALJOBSINPHASE=4"}, "SYSTEM_JOBPOSITIONINPHASE", 1},
		"Jenkinsfile": {[]string{"JENKINS_URL=https://j", "GIT_COMMIT=HEAD_SHA", "BRANCH_NAME=main", "BRANCH_IS_PRIMARY=true", "BUILD_TAG=t"}, "", 0},
		"task.yaml":   {[]string{"E2E_SUBJECT_REPOSITORY=acme/shop", "E2E_SUBJECT_SHA=HEAD_SHA", "E2E_SUBJECT_ENVIRONMENT=staging"}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			text := files[name]
			if m := ofTask.FindStringSubmatch(text); m != nil {
				text = strings.ReplaceAll(m[1], ", ", " ")
			}
			lines := ofGate.FindAllString(text, -1)
			if len(lines) != 1 && len(lines) != 3 {
				t.Fatalf("%q", lines)
			}
			for _, broken := range []bool{false, true} {
				repo := gitkit.New(t)
				repo.Write("e2e-gate.yml", "version: 1\nstages: {main: {on: [push, pull_request]}}\nsuites:\n"+
					"  - {name: s, framework: command, list: [printf, '%s\\n', a, b, c, d, e], run: [sh, ./run.sh], reports: \"{report_dir}/*.xml\"}\n")
				script := `{ echo '<testsuite>'; for t in "$@"; do echo "<testcase name=\"$t\"/>"; done; echo '</testsuite>'; } > "$E2E_REPORT_DIR/r.xml"`
				if broken {
					script = strings.Replace(script, `/>"; done`, `><failure message=\"no\"/></testcase>"; done`, 1) + "; exit 1"
				}
				repo.Write("run.sh", script)
				repo.Write(".gitignore", "gate\n")
				head := repo.Commit("head")
				repo.Git("update-ref", "refs/remotes/origin/main", head)
				repo.Git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
				run := func(line string, more ...string) (int, []byte) {
					line = strings.NewReplacer("$$", "$", `"$(Pipeline.Workspace)/plan/plan.json"`, "gate/plan/plan.json", `"$(Pipeline.Workspace)"`, "gate/shards",
						"--out gate/shard ", "--out gate/shards/$SYSTEM_JOBPOSITIONINPHASE ", "/tekton/home", "gate", "'", "", "$E2E_GATE", program).Replace(line + " ")
					cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
					cmd.Dir = repo.Dir
					for _, v := range append(of.env, more...) {
						cmd.Env = append(cmd.Env, strings.Replace(v, "HEAD_SHA", head, 1))
					}
					cmd.Env = append(cmd.Env, "PATH="+filepath.Dir(program)+string(os.PathListSeparator)+os.Getenv("PATH"), "HOME="+t.TempDir())
					out, err := cmd.CombinedOutput()
					if cmd.ProcessState == nil {
						t.Fatal(err)
					}
					return cmd.ProcessState.ExitCode(), out
				}
				status, out := 0, []byte(nil)
				for _, line := range lines {
					jobs := []string{""}
					if strings.Contains(line, " shard ") {
						jobs = nil
						for i := range 4 {
							jobs = append(jobs, fmt.Sprintf("%s=%d", of.index, of.first+i))
						}
					}
					for _, job := range jobs {
						if status, out = run(line, job); strings.Contains(line, " plan ") && status != 0 || status == 2 {
							t.Errorf("%s: exit status %d\n%s", line, status, out)
						}
					}
				}
				if want := map[bool]int{false: 0, true: 1}[broken]; status != want {
					t.Errorf("%s: exit status %d\n%s", lines[len(lines)-1], status, out)
				}
			}
		})
	}
}
