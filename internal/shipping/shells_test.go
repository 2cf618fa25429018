package shipping

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/org/e2e-gate/internal/testkit/need"
)

// defaults of a workflow, or of a job.
type defaults struct{ Run struct{ Shell string } }

// shellJob is a job, as far as it says which shell its steps get.
type shellJob struct {
	RunsOn   any `yaml:"runs-on"`
	Defaults defaults
	Steps    []struct{ Run, Shell string }
}

// shellOf is the shell that a step gets: its own, that of its job, of its workflow, else the platform's.
// That is bash, except on Windows, where it is PowerShell ("pwsh" in ScriptHandler.cs of actions/runner). A
// job whose runner is an expression may run there.
func shellOf(step string, job shellJob, flow defaults) string {
	var runsOn bytes.Buffer
	_ = yaml.NewEncoder(&runsOn).Encode([]any{job.RunsOn})
	switch {
	case step != "":
		return step
	case job.Defaults.Run.Shell != "":
		return job.Defaults.Run.Shell
	case flow.Run.Shell != "":
		return flow.Run.Shell
	case strings.Contains(runsOn.String(), "windows"), strings.Contains(runsOn.String(), "${{"):
		return "pwsh"
	}
	return "bash"
}

var expression = regexp.MustCompile(`\$\{\{.*?\}\}`)

// TestScriptsUnderTheShellTheyGet parses every script of our workflows and actions, and of those that the
// docs show, with the shell that it gets.
func TestScriptsUnderTheShellTheyGet(t *testing.T) {
	bash := need.Tool(t, "bash", "install bash")
	flows := map[string]string{}
	for _, file := range glob(t, ".github/workflows/*.yml", "action.yml", ".github/actions/*/action.yml", "examples/*/.github/workflows/*.yml") {
		flows[file] = read(t, file)
	}
	for _, file := range glob(t, "README.md", "docs/*.md", "examples/*/*.md") {
		for _, m := range shown.FindAllStringSubmatch(read(t, file), -1) {
			flows[filepath.Base(file)+"/"+m[1]] = m[2]
		}
	}
	scripts := 0
	for name, text := range flows {
		var flow struct {
			Defaults defaults
			Jobs     map[string]shellJob
			Runs     struct{ Steps []struct{ Run, Shell string } }
		}
		if err := yaml.Unmarshal([]byte(text), &flow); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		jobs := flow.Jobs
		if len(flow.Runs.Steps) > 0 { // an action: a step without a shell is a mistake, and no default holds
			jobs = map[string]shellJob{"action": {RunsOn: "${{ any }}", Steps: flow.Runs.Steps}}
		}
		for id, job := range jobs {
			for _, step := range job.Steps {
				if step.Run == "" {
					continue
				}
				scripts++
				shell := shellOf(step.Shell, job, flow.Defaults)
				if shell != "bash" {
					t.Errorf("%s: a script of %s may get the shell %s; name the shell bash: %s", name, id, shell, step.Run)
					continue
				}
				cmd := exec.CommandContext(t.Context(), bash, "--noprofile", "--norc", "-n")
				cmd.Stdin = strings.NewReader(expression.ReplaceAllString(step.Run, "x"))
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%s: %s: %v %s\n%s", name, id, err, out, step.Run)
				}
			}
		}
	}
	if scripts < 20 {
		t.Errorf("only %d scripts were found", scripts)
	}
}

func TestShellOf(t *testing.T) {
	named := defaults{Run: struct{ Shell string }{"bash"}}
	for _, c := range []struct {
		step string
		job  shellJob
		flow defaults
		want string
	}{
		{"", shellJob{RunsOn: "ubuntu-latest"}, defaults{}, "bash"},
		{"", shellJob{RunsOn: "windows-2025"}, defaults{}, "pwsh"},
		{"", shellJob{RunsOn: []any{"self-hosted", "windows"}}, defaults{}, "pwsh"},
		{"", shellJob{RunsOn: "${{ inputs.runs-on }}"}, defaults{}, "pwsh"},
		{"", shellJob{RunsOn: map[string]any{"group": "${{ inputs.group }}"}}, defaults{}, "pwsh"},
		{"", shellJob{RunsOn: "${{ inputs.runs-on }}"}, named, "bash"},
		{"", shellJob{RunsOn: "windows-2025", Defaults: named}, defaults{}, "bash"},
		{"pwsh", shellJob{RunsOn: "ubuntu-latest"}, named, "pwsh"},
	} {
		if got := shellOf(c.step, c.job, c.flow); got != c.want {
			t.Errorf("%+v: %s, want %s", c, got, c.want)
		}
	}
}
