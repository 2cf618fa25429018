package suite

import (
	"os"
	"slices"
	"strings"
)

// newPytest runs pytest with a plugin of ours. Its arguments are the same when
// tests are listed and when they run, since they decide pytest's root directory,
// ini-file and conftest files: the plugin leaves out what was not selected.
func newPytest(s Spec, root string) Adapter {
	return &reporting{spec: s, root: root, how: howto{
		start:     []string{"pytest"},
		files:     []string{"e2e_gate_pytest.py"},
		arguments: pytestArguments,
		environment: func(b brought, env []string) []string {
			path := b.reporter
			if have := variable(env, "PYTHONPATH"); have != "" {
				path += string(os.PathListSeparator) + have
			}
			return []string{"PYTHONPATH=" + path}
		},
		noTests: 5,
	}}
}

func pytestArguments(b brought) ([]string, error) {
	args := append([]string{"-p", "e2e_gate_pytest"}, b.spec.Args...)
	if b.listing() {
		return append(args, "--collect-only", "-q"), nil
	}
	parallel := func(arg string) bool { return strings.HasPrefix(arg, "-n") || strings.HasPrefix(arg, "--numprocesses") }
	if b.attempt > 1 && slices.ContainsFunc(args, parallel) {
		args = append(args, "--numprocesses=0") // the diagnostic rerun runs one test at a time
	}
	return args, nil
}
