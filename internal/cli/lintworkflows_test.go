package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/diag"
)

func TestLintWorkflows(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		required   []string
		says       []string
	}{
		{"as the docs show", "on: {pull_request: , merge_group: }\njobs:\n  gate: {name: e2e gate, steps: [{uses: actions/checkout@x}, {uses: " +
			"org/e2e-gate@v1}]}\n", []string{"e2e gate"}, nil},
		{"reusable", "on: [pull_request]\njobs: {e2e: {uses: org/e2e-gate/.github/workflows/e2e-gate.yml@v1}}\n", []string{"e2e / verdict"}, nil},
		{"everything wrong", "on: {pull_request: {paths: [src/**]}}\njobs:\n  gate: {if: \"${{ !cancelled() }}\", strategy: {matrix: {a: [1]}}, steps: " +
			"[{uses: org/e2e-gate@v1, with: {command: verdict}}]}\n", []string{"gate"},
			[]string{"pending forever", "if: !cancelled()", "has a matrix"}},
		{"jobs that judge nothing", "on: pull_request\njobs:\n  plan: {if: x, steps: [{uses: org/e2e-gate@v1, with: {command: plan}}]}\n  verdict: {if: " +
			"always(), steps: [{uses: org/e2e-gate@v1, with: {command: verdict}}]}\n", []string{"verdict"}, nil},
		{"no queue", "on: pull_request\njobs: {gate: {steps: [{uses: org/e2e-gate@v1}]}}\n", []string{"gate"}, []string{"waits forever"}},
		{"not on pull requests", "on: push\njobs: {gate: {if: x, steps: [{uses: org/e2e-gate@v1}]}}\n", nil, nil},
		{"somebody else's", "on: pull_request\njobs: {gate: {if: x, steps: [{uses: org/e2e-gate-extra@v1}]}}\n", nil, nil},
		{"permissions without actions", "on: push\npermissions: {contents: read}\njobs: {gate: {steps: [{uses: org/e2e-gate@v1}]}}\n", nil,
			[]string{"job gate has no permission actions: read"}},
		{"permissions of the job count", "on: push\npermissions: {contents: read}\njobs: {gate: {permissions: {actions: read}, steps: [{uses: org/e2e-gate@v1}]}}\n",
			nil, nil},
		{"a shard that may set statuses", "on: push\njobs:\n  shard: {permissions: {statuses: write, actions: read}, steps: [{uses: org/e2e-gate@v1, with: {command: shard}}]}\n",
			nil, []string{"job shard runs tests and has statuses: write: test code could set the verdict's status"}},
		{"by the workflow's permissions", "on: push\npermissions: {statuses: write}\njobs: {shard: {steps: [{uses: org/e2e-gate/.github/actions/without-upload@v1, with: {command: shard}}]}}\n",
			nil, []string{"job shard runs tests"}},
		{"by all permissions", "on: push\npermissions: write-all\njobs: {shard: {steps: [{uses: org/e2e-gate@v1, with: {command: shard}}]}}\n", nil, []string{"job shard runs tests"}},
		{"the job's own permissions count", "on: push\npermissions: write-all\njobs: {shard: {permissions: {contents: read, actions: read}, steps: [{uses: org/e2e-gate@v1, " +
			"with: {command: shard}}]}}\n", nil, nil},
		{"a shard that may read", "on: push\npermissions: read-all\njobs: {shard: {steps: [{uses: org/e2e-gate@v1, with: {command: shard}}]}}\n", nil, nil},
		{"somebody else's shard", "on: push\npermissions: write-all\njobs: {shard: {steps: [{uses: org/other@v1, with: {command: shard}}]}}\n", nil, nil},
		{"all permissions", "on: push\npermissions: write-all\njobs: {gate: {steps: [{uses: org/e2e-gate@v1}]}}\n", nil, nil},
		{"no YAML", "jobs: [", nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			root := t.TempDir()
			file := filepath.Join(root, ".github", "workflows", "e2e.yml")
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			required, found := lintWorkflows(root, tc.name == "no queue" || tc.name == "as the docs show")
			if !slices.Equal(required, tc.required) || len(found) != len(tc.says) {
				t.Errorf("%q %+v", required, found)
			}
			for _, want := range tc.says {
				if !slices.ContainsFunc(found, func(m diag.Message) bool { return strings.Contains(m.String(), want) }) {
					t.Errorf("%q is not among %+v", want, found)
				}
			}
		})
	}
}
