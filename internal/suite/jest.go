package suite

// newJest runs Jest with a reporter and a test runner of ours; the latter chooses the
// tests and hands them to jest-circus, Jest's usual one.
func newJest(s Spec, root string) Adapter {
	return &reporting{spec: s, root: root, how: howto{
		start:     []string{"npx", "--no-install", "jest"},
		files:     []string{"e2e-gate-jest.cjs", "e2e-gate-jest-runner.cjs", "e2e-gate-jest-nothing.cjs"},
		arguments: jestArguments,
	}}
}

func jestArguments(b brought) ([]string, error) {
	args := []string{"--ci", "--testRunner=" + b.file("e2e-gate-jest-runner.cjs"), "--reporters=" + b.file("e2e-gate-jest.cjs")}
	if b.listing() {
		nothing := b.file("e2e-gate-jest-nothing.cjs")
		args = append(args, "--testLocationInResults", "--coverage=false", "--globalSetup="+nothing, "--globalTeardown="+nothing)
		return append(args, b.spec.Args...), nil
	}
	args = append(append(args, "--reporters=default"), b.spec.Args...)
	if b.attempt > 1 && !hasFlag(args, "-i", "--runInBand", "-w", "--maxWorkers") {
		args = append(args, "--runInBand") // the diagnostic rerun runs one test at a time
	}
	if sources := b.sources(); len(sources) > 0 {
		args = append(append(args, "--runTestsByPath"), sources...)
	}
	return args, nil
}
