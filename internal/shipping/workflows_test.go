package shipping

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/need"
)

const root = "../.."

// glob finds files below the top of the repository.
func glob(t *testing.T, patterns ...string) []string {
	t.Helper()
	var list []string
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			list = append(list, filepath.ToSlash(file))
		}
	}
	return list
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var (
	uses   = regexp.MustCompile(`(?m)^\s*(?:- )?uses:\s*(.*?)\s*$`)
	pinned = regexp.MustCompile(`^([\w.-]+/[\w.-]+)((?:/[\w.-]+)*)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$`)
)

// pinFault says what is wrong with the text after "uses:". pins holds what was seen:
// an action has one pin in the whole repository.
func pinFault(pins map[string]string, text string) string {
	switch {
	case strings.HasPrefix(text, "./"), strings.HasPrefix(text, "$/"), regexp.MustCompile(`^(org/e2e-gate|acme/e2e)[/@]`).MatchString(text):
		return "" // ours, and the reader's own
	case !pinned.MatchString(text):
		return "is not pinned like actions/checkout@<40 hexadecimal digits> # v1.2.3"
	}
	m := pinned.FindStringSubmatch(text)
	pin := m[3] + " # " + m[4]
	if other := pins[m[1]]; other != "" && other != pin {
		return "is " + other + " elsewhere in this repository"
	}
	pins[m[1]] = pin
	return ""
}

// TestActionsArePinned holds that whatever this repository runs or shows of others is
// named by commit and version, and the same everywhere.
func TestActionsArePinned(t *testing.T) {
	pins := map[string]string{}
	files := glob(t, ".github/workflows/*.yml", ".github/actions/*/action.yml", "action.yml", "*/action.yml", "README.md", "docs/*.md", "examples/*/*.md",
		"examples/*/.github/workflows/*.yml", "internal/scaffold/*.yml")
	old := map[string]string{} // Enterprise Server has the older artifact actions
	for _, file := range files {
		for _, m := range uses.FindAllStringSubmatch(read(t, file), -1) {
			known := pins
			if strings.HasSuffix(file, "-enterprise.yml") && strings.Contains(m[1], "-artifact@") {
				known = old
			}
			if fault := pinFault(known, m[1]); fault != "" {
				t.Errorf("%s: uses: %s %s", file, m[1], fault)
			}
		}
	}
	if len(pins) < 5 {
		t.Errorf("only %d actions were found: %v", len(pins), pins)
	}
}

func TestPinFault(t *testing.T) {
	hash := strings.Repeat("0a", 20)
	pins := map[string]string{}
	for _, c := range []struct{ uses, fault string }{
		{"actions/checkout@" + hash + " # v7.0.1", ""},
		{"actions/checkout@" + hash + " # v7.0.0", "elsewhere"},
		{"actions/checkout/sub@" + strings.Repeat("0b", 20) + " # v7.0.1", "elsewhere"},
		{"actions/cache/save@" + hash + " # v6.1.0", ""},
		{"actions/setup-go@" + hash, "not pinned"},
		{"actions/setup-go@" + hash + " # v7", "not pinned"},
		{"actions/setup-go@v7 # v7.0.0", "not pinned"},
		{"docker://alpine", "not pinned"},
		{"./.github/actions/x", ""},
		{"$/.github/actions/x", ""},
		{"org/e2e-gate@v1", ""},
		{"org/e2e-gate-extra@v1", "not pinned"},
	} {
		if got := pinFault(pins, c.uses); c.fault == "" && got != "" || !strings.Contains(got, c.fault) {
			t.Errorf("%s: %q, want %q", c.uses, got, c.fault)
		}
	}
}

var shown = regexp.MustCompile("(?s)```yaml\n# \\.github/workflows/([\\w.-]+\\.yml)\n(.*?)```")

// selfReference is what actionlint does not know yet: $/ is the repository of the file, at
// its own commit. The variant that is generated without it is checked as a whole.
const selfReference = `specifying action "\$/`

// TestWorkflows runs actionlint over the workflows of this repository, and over those
// that the docs show: YAML blocks whose first line names a file in .github/workflows.
func TestWorkflows(t *testing.T) {
	actionlint := need.Tool(t, "actionlint", ".ci/run test builds it from tools/go.mod")
	lint := func(t *testing.T, files ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), actionlint,
			append([]string{"-no-color", "-ignore", selfReference}, files...)...).CombinedOutput(); err != nil {
			t.Errorf("actionlint: %v\n%s", err, out)
		}
	}
	t.Run("ours", func(t *testing.T) {
		files := glob(t, ".github/workflows/*.yml")
		if len(files) == 0 {
			t.Fatal("this repository has no workflow")
		}
		lint(t, files...)
	})
	t.Run("examples", func(t *testing.T) { lint(t, glob(t, "examples/*/*workflow.yml")...) })
	for _, doc := range glob(t, "README.md", "docs/*.md", "examples/*/*.md") {
		for _, m := range shown.FindAllStringSubmatch(read(t, doc), -1) {
			t.Run(filepath.Base(doc)+"/"+m[1], func(t *testing.T) {
				// A folder of its own: a reader's repository does not hold our files.
				file := filepath.Join(t.TempDir(), m[1])
				if err := os.WriteFile(file, []byte(m[2]), 0o644); err != nil {
					t.Fatal(err)
				}
				lint(t, file)
			})
		}
	}
}

// A merge group has no pull request: its payload has no number and no pull_request (the examples of
// GitHub's webhooks have action, installation, merge_group, organization, repository and sender).
var ofAPullRequest = regexp.MustCompile(`github\.event\.(?:number|pull_request[\w.]*)\s*(\|\|)?`)

// TestWorkflowsInAMergeQueue holds that no workflow that we show, and that runs on merge groups too, needs
// what only a pull request has.
func TestWorkflowsInAMergeQueue(t *testing.T) {
	flows := map[string]string{}
	for _, file := range glob(t, "README.md", "docs/*.md", "examples/*/*.md") {
		for _, m := range shown.FindAllStringSubmatch(read(t, file), -1) {
			flows[filepath.Base(file)+"/"+m[1]] = m[2]
		}
	}
	for _, file := range glob(t, ".github/workflows/*.yml", "examples/*/.github/workflows/*.yml", "internal/scaffold/*.yml") {
		flows[file] = read(t, file)
	}
	queued := 0
	for name, flow := range flows {
		if !strings.Contains(flow, "merge_group:") {
			continue
		}
		queued++
		for _, m := range ofAPullRequest.FindAllStringSubmatch(flow, -1) {
			if m[1] == "" {
				t.Errorf("%s runs on merge_group, where %s is empty", name, m[0])
			}
		}
	}
	if queued < 4 {
		t.Errorf("only %d workflows run on merge_group", queued)
	}
}
