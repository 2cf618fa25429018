package workflows

import (
	"fmt"
	"strings"
	"testing"
)

// TestConditions has conditions of jobs as repositories write them: only one that is true whatever happens is no risk.
func TestConditions(t *testing.T) {
	for text, want := range map[string][2]bool{
		"always()": {true, true}, "${{ always() }}": {true, true}, "Always()": {true, true}, "always() && true": {true, true},
		"${{ (always()) }}": {true, true}, "always() || failure()": {true, true}, "success()": {true, false}, "true": {true, false}, "false": {},
		"!cancelled()": {}, "!failure() && !cancelled()": {}, "failure()": {}, "success() || failure()": {true, false},
		"github.event_name == 'pull_request'": {true, false}, "github.event_name=='pull_request'": {true, false}, "'pull_request' == github.event_name": {true,
			false},
		"github.event_name == 'Pull_Request'": {true, false}, "github.event_name != 'schedule'": {true, false}, "github.event_name == 'push'": {},
		"github.event_name == 'push' || github.event_name == 'pull_request'":                           {true, false},
		"(github.event_name == 'push') || (github.event_name != 'push')":                               {true, false},
		"!(github.event_name == 'push') && always()":                                                   {true, true},
		"contains(fromJSON('[\"pull_request\", \"merge_group\"]'), github.event_name)":                 {true, false},
		"contains(fromJSON('[\"push\"]'), github.event_name)":                                          {},
		"!contains(fromJSON('[\"push\"]'), github.event_name)":                                         {true, false},
		"github.repository == 'acme/shop'":                                                             {true, false},
		"always() && github.repository_owner == 'acme'":                                                {true, true},
		"github.repository == github.event.pull_request.head.repo.full_name":                           {},
		"github.event.pull_request.head.repo.full_name == github.repository":                           {},
		"github.event.pull_request.draft == false":                                                     {},
		"github.actor != 'dependabot[bot]'":                                                            {},
		"always() && needs.plan.result == 'success'":                                                   {},
		"always() || needs.plan.result == 'success'":                                                   {true, true},
		"contains(github.event.pull_request.labels.*.name, 'e2e')":                                     {},
		"!contains(github.event.pull_request.title, '[skip e2e]')":                                     {},
		"startsWith(github.ref, 'refs/heads/') || github.event_name == 'pull_request'":                 {true, false},
		"github.event_name == 'pull_request' && !github.event.pull_request.draft || github.ref=='': {": {},
		"always(": {}, "always())": {}, "(always()": {}, "always() always()": {}, "'": {}, "": {}, "&&": {}, "()": {}, "a == ": {},
		strings.Repeat("(", 5000) + "always()" + strings.Repeat(")", 5000): {},
	} {
		certain, always := holds(text, "pull_request")
		if got := [2]bool{certain, always}; got != want {
			t.Errorf("%.80s: %v, want %v", text, got, want)
		}
	}
}

// TestScripts has scripts that run the program: one is found however it is started, and must not lose its exit status.
func TestScripts(t *testing.T) {
	for script, says := range map[string]string{
		"e2e-gate run": "", "FOO=1 e2e-gate run": "", "go run github.com/org/e2e-gate/cmd/e2e-gate@v1 run": "", `.\e2e-gate.exe run`: "", "make && e2e-gate run": "",
		"sudo ./bin/e2e-gate verdict": "", "e2e-gate run || exit 1": "", "e2e-gate run || { ./notify.sh; exit 1; }": "",
		"set -euo pipefail\ne2e-gate run | tee log": "",
		"e2e-gate run; ./upload.sh":                 "", "e2e-gate run --select 'a || b'": "", "e2e-gate plan || true\ne2e-gate run": "",
		"e2e-gate run || true": "goes on after the gate failed (|| true)", "e2e-gate run --comment || echo oops": "goes on after the gate failed (|| echo)",
		"e2e-gate run \\\n  --comment || :": "goes on after the gate failed",
		"e2e-gate run | tee log":            "pipes the gate's output", "e2e-gate run 2>&1 | tee log": "pipes the gate's output",
		"docker run --rm acme/e2e-gate run": "-", "# e2e-gate run": "-", "echo e2e-gate run": "-",
	} {
		root := t.TempDir()
		write(t, root, map[string]string{".github/workflows/e2e.yml": "on: [pull_request]\njobs:\n  gate:\n    steps:\n      - run: |\n          " +
			strings.ReplaceAll(script, "\n", "\n          ") + "\n"})
		required, found := Lint(Options{Root: root, Inputs: inputs})
		if says == "-" != (len(required) == 0) || says != "" && says != "-" && (len(found) != 1 || !strings.Contains(found[0].String(), says)) ||
			(says == "" || says == "-") && len(found) > 0 {
			t.Errorf("%q: %q %v", script, required, found)
		}
	}
	const pipe = "on: [pull_request]\n%sjobs:\n  gate:\n    %ssteps:\n      - run: e2e-gate run | tee log\n        %s\n"
	for _, tc := range []struct {
		file, job, step string
		fine            bool
	}{
		{fine: false}, {step: "shell: bash", fine: true}, {job: "defaults: {run: {shell: bash}}\n    ", fine: true}, {file: "defaults: {run: {shell: bash}}\n",
			fine: true},
		{file: "defaults: {run: {shell: bash}}\n", step: "shell: sh"}, {file: "defaults: 3\n"}, {step: "shell: [x]"}, {step: "shell: pwsh", fine: true},
		{job: "runs-on: windows-2025\n    ", fine: true}, {job: "runs-on: [self-hosted, linux]\n    "},
	} {
		root := t.TempDir()
		write(t, root, map[string]string{".github/workflows/e2e.yml": fmt.Sprintf(pipe, tc.file, tc.job, tc.step)})
		if required, found := Lint(Options{Root: root, Inputs: inputs}); len(required) != 1 || (len(found) == 0) != tc.fine {
			t.Errorf("%+v: %q %v", tc, required, found)
		}
	}
}

// FuzzConditions: any text has an answer, and one that is true whatever happens is also true if nothing failed.
func FuzzConditions(f *testing.F) {
	for _, text := range []string{"always()", "!(a || b) && c == 'd'", "contains(fromJSON('[\"x\"]'), github.event_name)", "((", "'it''s'"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if certain, always := holds(text, "push"); always && !certain {
			t.Error(text)
		}
	})
}
