package suite

import "os"

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
	switch {
	case b.listing():
		return append(args, "--collect-only", "-q"), nil
	case b.attempt == 1:
		return args, nil
	}
	// The diagnostic rerun is one attempt, and one test at a time.
	if hasFlag(args, "--reruns") {
		args = append(args, "--reruns=0")
	}
	if hasFlag(args, "-n", "--numprocesses") {
		args = append(args, "--numprocesses=0")
	}
	return args, nil
}
