package workflows

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/diag"
)

var inputs = []string{"command", "config", "stage", "select", "service", "shards", "index", "plan", "results", "key", "release", "needs", "comment", "token"}

// choice is a value of a dimension: text for the workflow, and what lint says of it. Without says it is right.
type choice struct {
	name, text string
	says       string
}

// dimension is a part of a workflow with its choices. Each of the first choices is right.
type dimension struct {
	name    string
	choices []choice
}

// dimensions of a workflow whose job gate carries the verdict in its step. fill puts them together.
var dimensions = []dimension{
	{"trigger", []choice{
		{"pull requests", "pull_request: {%s}, merge_group: {}", ""},
		{"no merge group", "pull_request: {%s}", "waits forever"},
	}},
	{"filter", []choice{
		{"none", "", ""},
		{"branches", "branches: [main]", ""},
		{"paths", "paths: [src/**]", "on.pull_request has paths: a required check stays pending forever"},
		{"paths-ignore", "paths-ignore: [docs/**]", "on.pull_request has paths-ignore"},
		{"opened alone", "types: [opened]", "types has no synchronize, reopened: a pull request to which that happens waits forever"},
		{"all types", "types: [opened, synchronize, reopened, ready_for_review]", ""},
	}},
	{"condition", []choice{
		{"none", "", ""},
		{"always", "if: always(), ", ""},
		{"always in marks", "if: '${{ always() }}', ", ""},
		{"not cancelled", "if: '!cancelled()', ", "has `if: !cancelled()`: GitHub treats a skipped required check as passed"},
		{"on a label", "if: \"contains(github.event.pull_request.labels.*.name, 'e2e')\", ", "skipped required check as passed"},
		{"not on a schedule", "if: github.event_name != 'schedule', ", ""},
		{"on pull requests alone", "if: github.event_name == 'pull_request', ", "in a merge group"},
	}},
	{"needs", []choice{
		{"none", "", ""},
		{"a deploy job", "needs: deploy, ", "needs deploy: if that fails, the job is skipped"},
		{"the gate's own job", "needs: [plan], ", "needs plan: if that fails, the job is skipped"},
	}},
	{"goes on", []choice{
		{"no", "", ""},
		{"said", "continue-on-error: false, ", ""},
		{"yes", "continue-on-error: true, ", "job gate has continue-on-error"},
		{"perhaps", "continue-on-error: '${{ inputs.soft }}', ", "job gate has continue-on-error"},
	}},
	{"permissions", []choice{
		{"not said", "", ""},
		{"enough", "permissions: {contents: read, actions: read}, ", ""},
		{"write", "permissions: {contents: read, actions: write}, ", ""},
		{"all", "permissions: write-all, ", ""},
		{"too few", "permissions: {contents: read}, ", "no permission actions: read"},
		{"none", "permissions: {}, ", "no permission actions: read"},
	}},
	{"name", []choice{
		{"the job's id", "", ""},
		{"fixed", "name: e2e gate, ", ""},
		{"of the branch", "name: 'e2e ${{ github.ref_name }}', ", "is not fixed"},
		{"another job's", "name: build, ", `report checks of the same name, "build"`},
	}},
	{"matrix", []choice{
		{"no", "", ""},
		{"yes", "strategy: {matrix: {os: [a, b]}}, ", "each entry has a check of another name"},
	}},
	{"concurrency", []choice{
		{"no", "", ""},
		{"by ref", "concurrency: {group: 'e2e-${{ github.ref }}', cancel-in-progress: true}, ", ""},
		{"of the environment", "concurrency: staging, ", `"staging" is the same for all pull requests`},
		{"by pull request", "concurrency: 'e2e-${{ github.event.pull_request.number }}', ", "the same for all merge groups"},
		{"by the name of the ref", "concurrency: 'e2e-${{ github.ref_name }}', ", ""},
		{"by branch or ref", "concurrency: 'e2e-${{ github.head_ref || github.ref_name }}', ", ""},
		{"by the workflow's ref", "concurrency: '${{ github.workflow_ref }}', ", ""},
		{"by either", "concurrency: 'e2e-${{ github.event.pull_request.number || github.ref }}', ", ""},
	}},
	{"step", []choice{
		{"plain", "", ""},
		{"always", "if: always(), ", ""},
		{"soft", "continue-on-error: true, ", "the job is green, whatever the verdict is"},
		{"conditional", "if: \"steps.deploy.outputs.url != ''\", ", "the job is green without a verdict"},
		{"by number", "env: {URL: 'https://pr-${{ github.event.number }}.example'}, ", "github.event.number, which is empty in a merge group"},
		{"by number or commit", "env: {URL: 'https://pr-${{ github.event.number || github.sha }}.example'}, ", ""},
	}},
	{"action", []choice{
		{"ours", "uses: org/e2e-gate@v1", ""},
		{"a fork", "uses: acme/e2e-gate@v1", ""},
		{"a copy under another name", "uses: acme/quality@v1, with: {stage: pr, shards: 2}", ""},
		{"a copy's verdict", "uses: acme/tools/quality@v1, with: {command: verdict}", ""},
		{"in the repository", "uses: ./", ""},
		{"nested", "uses: ./.github/actions/e2e", ""},
		{"the program", "run: 'npm ci && true\n\n  ./bin/e2e-gate run --comment'", ""},
	}},
}

// fill makes a repository of a choice for each dimension.
func fill(t *testing.T, root string, of map[string]choice) {
	t.Helper()
	on := of["trigger"].text
	if strings.Contains(on, "%s") {
		on = fmt.Sprintf(on, of["filter"].text)
	}
	text := "on: {" + on + "}\njobs:\n  plan: {steps: [{uses: org/e2e-gate@v1, with: {command: plan}}]}\n  deploy: {steps: [{run: make deploy}]}\n  gate: {" +
		of["condition"].text + of["needs"].text + of["goes on"].text + of["permissions"].text + of["name"].text + of["matrix"].text + of["concurrency"].text +
		"steps: [{uses: actions/checkout@v7}, {" + of["step"].text + of["action"].text + "}]}\n"
	own := "name: e2e-gate\ninputs: {"
	for _, in := range inputs {
		own += in + ": {}, "
	}
	write(t, root, map[string]string{
		".github/workflows/e2e.yml": text, "action.yml": own + "}\nruns: {using: composite, steps: []}\n",
		".github/actions/e2e/action.yml": "runs: {using: composite, steps: [{run: echo, shell: bash}, {uses: org/e2e-gate@v1}]}\n",
		".github/workflows/ci.yml":       "on: push\njobs: {build: {steps: [{run: make}]}}\n",
	})
}

func write(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		where := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(where), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(where, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// expected is what lint must say of the choices, and of two of them together.
func expected(of map[string]choice) (says []string) {
	always := strings.Contains(of["condition"].text, "always()")
	queue := strings.Contains(of["trigger"].text, "merge_group")
	for _, d := range dimensions {
		c := of[d.name]
		switch {
		case c.says == "in a merge group": // true on pull requests, and the queue skips it
			if queue {
				says = append(says, "github.event_name == 'pull_request'`: GitHub treats a skipped required check as passed")
			}
		case d.name == "needs" && always && c.name == "a deploy job":
			if !strings.HasPrefix(of["action"].text, "run:") {
				says = append(says, "the gate is not told")
			}
		case d.name == "needs" && always:
		case strings.Contains(c.says, "merge group") && !queue:
		case c.says != "":
			says = append(says, c.says)
		}
	}
	return says
}

// TestRequiredCheckTable plays every two choices of all dimensions together.
func TestRequiredCheckTable(t *testing.T) {
	root := t.TempDir()
	rows := 0
	for i, a := range dimensions {
		for j, b := range dimensions[i:] {
			for _, x := range a.choices {
				for _, y := range b.choices {
					if j == 0 && x != y {
						continue
					}
					of := map[string]choice{}
					for _, d := range dimensions {
						of[d.name] = d.choices[0]
					}
					of[a.name], of[b.name] = x, y
					fill(t, root, of)
					required, found := Lint(Options{Root: root, Queue: true, Inputs: inputs})
					want := expected(of)
					name := "gate"
					if text := of["name"].text; text != "" {
						name = strings.Trim(strings.TrimSuffix(strings.TrimPrefix(text, "name: "), ", "), "'")
					}
					row := fmt.Sprintf("%s: %s, %s: %s", a.name, x.name, b.name, y.name)
					if !slices.Equal(required, []string{name}) || len(found) != len(want) {
						t.Errorf("%s: %q, %d findings, not %d\n%v", row, required, len(found), len(want), found)
					}
					for _, text := range want {
						i := slices.IndexFunc(found, func(m diag.Message) bool { return strings.Contains(m.String(), text) })
						if i < 0 {
							t.Errorf("%s: %q is not among %v", row, text, found)
						} else if found[i].Line == 0 || found[i].Hint == "" {
							t.Errorf("%s: no line or hint: %v", row, found[i])
						}
					}
					rows++
				}
			}
		}
	}
	t.Logf("%d rows", rows)
}

// TestCalledWorkflows has verdicts in workflows that a job calls.
func TestCalledWorkflows(t *testing.T) {
	const called = "org/e2e-gate/.github/workflows/e2e-gate.yml@v1"
	local := map[string]string{
		".github/workflows/inner.yml": "on: workflow_call\njobs:\n  e2e: {uses: " + called + "}\n  other: {steps: [{run: make}]}\n",
		".github/workflows/plain.yml": "on: workflow_call\njobs: {verdict: {name: the gate, if: github.actor != 'bot', steps: [{uses: org/e2e-gate@v1}]}}\n",
	}
	for _, tc := range []struct {
		name, job string
		required  []string
		says      []string
	}{
		{"ours", "{uses: " + called + "}", []string{"e2e / verdict"}, nil},
		{"named", "{name: E2E, uses: " + called + "}", []string{"E2E / verdict"}, nil},
		{"by tag, of a fork", "{uses: acme/gate/.github/workflows/e2e-gate-by-tag.yml@v1}", []string{"e2e / verdict"}, nil},
		{"the repository's own", "{uses: ./.github/workflows/e2e-gate.yml}", []string{"e2e / verdict"}, nil},
		{"two levels", "{uses: ./.github/workflows/inner.yml}", []string{"e2e / e2e / verdict"}, nil},
		{"a job of a called workflow", "{uses: ./.github/workflows/plain.yml}", []string{"e2e / the gate"}, []string{"job verdict has `if: github.actor != 'bot'`"}},
		{"somebody else's", "{uses: acme/ci/.github/workflows/e2e.yml@v1}", nil, nil},
		{"with a condition", "{if: '!cancelled()', uses: " + called + "}", []string{"e2e / verdict"}, []string{"reports no check, and a pull request waits forever"}},
		{"after a job", "{needs: deploy, uses: " + called + "}", []string{"e2e / verdict"}, []string{"the workflow that it calls reports no check"}},
		{"after a job, always", "{needs: deploy, if: always(), uses: " + called + "}", []string{"e2e / verdict"}, []string{"the gate is not told"}},
		{"after a job, told", "{needs: deploy, if: always(), with: {needs: '${{ toJSON(needs) }}'}, uses: " + called + "}", []string{"e2e / verdict"}, nil},
		{"with a matrix", "{strategy: {matrix: {a: [1]}}, uses: " + called + "}", []string{"e2e / verdict"}, []string{"each entry has a check of another name"}},
		{"permissions", "{permissions: {contents: read, actions: read}, uses: " + called + "}", []string{"e2e / verdict"}, nil},
		{"too few permissions", "{permissions: {statuses: write}, uses: " + called + "}", []string{"e2e / verdict"},
			[]string{"no permission contents: read to the workflow that it calls: GitHub refuses to start it", "no permission actions: read to the workflow"}},
		{"with an identity", "{permissions: {contents: read, actions: read, packages: read, id-token: write}, uses: org/e2e-gate/.github/workflows/e2e-gate-oidc.yml@v1}",
			[]string{"e2e / verdict"}, nil},
		{"without that identity", "{permissions: {contents: read, actions: read, id-token: read}, uses: org/e2e-gate/.github/workflows/e2e-gate-oidc.yml@v1}",
			[]string{"e2e / verdict"}, []string{"no permission packages: read to the workflow", "no permission id-token: write to the workflow"}},
		{"a number in the queue", "{with: {env: 'URL=https://pr-${{ github.event.number }}.example'}, uses: " + called + "}", []string{"e2e / verdict"},
			[]string{"github.event.number, which is empty in a merge group"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			root := t.TempDir()
			write(t, root, local)
			write(t, root, map[string]string{
				".github/workflows/e2e.yml": "on: {pull_request: , merge_group: }\njobs:\n  deploy: {steps: [{run: make}]}\n  e2e: " + tc.job + "\n",
			})
			required, found := Lint(Options{Root: root, Queue: true, Inputs: inputs})
			if !slices.Equal(required, tc.required) || len(found) != len(tc.says) {
				t.Errorf("%q %v", required, found)
			}
			for _, want := range tc.says {
				if !slices.ContainsFunc(found, func(m diag.Message) bool { return strings.Contains(m.String(), want) }) {
					t.Errorf("%q is not among %v", want, found)
				}
			}
		})
	}
}

// TestWorkflows has what is not in the table.
func TestWorkflows(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		required   []string
		says       []string
	}{
		{"a list of events", "on: [pull_request, merge_group]\njobs: {gate: {steps: [{uses: org/e2e-gate@v1}]}}\n", []string{"gate"}, nil},
		{"not on pull requests", "on: push\njobs: {gate: {if: x, steps: [{uses: org/e2e-gate@v1}]}}\n", nil, nil},
		{"somebody else's", "on: pull_request\njobs: {gate: {if: x, steps: [{uses: org/e2e-gate-extra@v1}]}}\n", nil, nil},
		{"an action with a command", "on: pull_request\njobs: {gate: {if: x, steps: [{uses: acme/run@v1, with: {command: run, config: x}}]}}\n", nil, nil},
		{"no verdict", "on: [pull_request, merge_group]\njobs: {gate: {steps: [{uses: org/e2e-gate@v1, with: {command: shard, index: 0}}]}}\n", nil,
			[]string{"no job of this workflow has the verdict"}},
		{"permissions of a push", "on: push\npermissions: {contents: read}\njobs: {gate: {steps: [{uses: org/e2e-gate@v1}]}}\n", nil,
			[]string{"no permission actions: read"}},
		{"a group of the workflow", "on: [pull_request, merge_group]\nconcurrency: {group: '${{ github.workflow }}'}\njobs: {gate: {steps: " +
			"[{uses: org/e2e-gate@v1}]}}\n",
			[]string{"gate"}, []string{"is the same for all pull requests"}},
		{"a number for pull requests alone", "on: [pull_request, merge_group]\njobs: {gate: {steps: [{if: github.event_name == 'pull_request', run: \"deploy ${{ " +
			"github.event.number }}\"}, {uses: org/e2e-gate@v1}]}}\n", []string{"gate"}, nil},
		{"a commit to check out", "on: [pull_request, merge_group]\njobs: {gate: {steps: [{uses: actions/checkout@v7, with: {ref: '${{ github.event.pull_request.head.sha " +
			"}}'}}, {uses: org/e2e-gate@v1}]}}\n", []string{"gate"}, nil},
		{"a number where there is one", "on: [pull_request, merge_group]\njobs: {gate: {steps: [{run: \"x ${{ github.event_name == 'pull_request' && " +
			"github.event.number }}\"}, {uses: org/e2e-gate@v1}]}}\n", []string{"gate"}, nil},
		{"no YAML", "jobs: [", nil, nil},
		{"odd values", "on: 3\njobs: {gate: {name: 7, needs: {a: b}, if: [x], strategy: {matrix: 1}, steps: [{uses: org/e2e-gate@v1}]}}\n", nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			root := t.TempDir()
			write(t, root, map[string]string{".github/workflows/e2e.yml": tc.text})
			required, found := Lint(Options{Root: root, Queue: true, Inputs: inputs})
			if !slices.Equal(required, tc.required) || len(found) != len(tc.says) {
				t.Errorf("%q %v", required, found)
			}
			for _, want := range tc.says {
				if !slices.ContainsFunc(found, func(m diag.Message) bool { return strings.Contains(m.String(), want) }) {
					t.Errorf("%q is not among %v", want, found)
				}
			}
		})
	}
}

// TestHostileWorkflows has workflows that call themselves, links, and huge ones: lint ends and reads nothing outside.
func TestHostileWorkflows(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{
		".github/workflows/a.yml": "on: pull_request\njobs: {a: {uses: ./.github/workflows/a.yml}, b: {uses: ./../../x.yml}, " +
			"c: {steps: [{uses: ./.github/actions/loop}]}}\n",
		".github/actions/loop/action.yml": "runs: {steps: [{uses: ./.github/actions/loop}]}\n",
		".github/workflows/big.yml":       "on: pull_request # " + strings.Repeat("x", maxFile),
	})
	_ = os.Symlink("/etc/passwd", filepath.Join(root, ".github", "workflows", "l.yml"))
	if required, found := Lint(Options{Root: root, Inputs: inputs}); len(required) > 0 || len(found) > 0 {
		t.Errorf("%q %v", required, found)
	}
}
