package suite

// newVitest runs Vitest with a reporter of ours.
func newVitest(s Spec, root string) Adapter {
	return &reporting{spec: s, root: root, how: howto{
		start:     []string{"npx", "--no-install", "vitest"},
		files:     []string{"e2e-gate-vitest.mjs"},
		arguments: vitestArguments,
	}}
}

func vitestArguments(b brought) ([]string, error) {
	// A forgotten test.only would take other tests out of the listing.
	args := append([]string{"run"}, b.sources()...)
	args = append(args, "--allowOnly=false", "--reporter="+b.file("e2e-gate-vitest.mjs"))
	if b.listing() {
		return append(append(args, "--includeTaskLocation", "--coverage.enabled=false"), b.spec.Args...), nil
	}
	args = append(append(args, "--reporter=default"), b.spec.Args...)
	if b.attempt > 1 { // the diagnostic rerun is one attempt, and one test at a time
		args = append(args, "--retry=0", "--no-file-parallelism", "--maxConcurrency=1")
	}
	return args, nil
}
