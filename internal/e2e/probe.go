package e2e

// Probe is what failed tests of a shard did at the commit of the base that was part of what was tested: they were run there as
// often as here.
type Probe struct {
	SHA     string       `json:"sha" mask:"-" doc:"Commit of the base that was checked out."`
	Product string       `json:"product,omitempty" doc:"What the tests ran against, which was the base's too; absent where nothing was run."`
	Refused string       `json:"refused,omitempty" doc:"Why nothing was run, or why what was run does not count."`
	Tests   []ProbedTest `json:"tests" doc:"The failed tests that it is about, sorted by id."`
}

// ProbedTest is what one test did at the base.
type ProbedTest struct {
	ID      string      `json:"id" mask:"-" doc:"Id of the test."`
	Here    string      `json:"fingerprint" mask:"-" doc:"Digest of what each of its failures says in what was tested."`
	Runs    []ProbedRun `json:"runs,omitempty" doc:"Its executions at the base, in order of time."`
	Refused string      `json:"refused,omitempty" doc:"Why its executions do not count."`
}

// ProbedRun is one execution at the base.
type ProbedRun struct {
	Outcome     Outcome `json:"outcome" doc:"What the framework reported." enum:"passed,failed,skipped"`
	Fingerprint string  `json:"fingerprint,omitempty" mask:"-" doc:"Digest of what its failure says; absent if that cannot be compared."`
	Message     string  `json:"message,omitempty" doc:"First line of the failure."`
}

// BaseProbe is what a failed test did at the commit of the base, counted.
type BaseProbe struct {
	SHA        string `json:"sha" mask:"-" doc:"Commit of the base that was checked out."`
	Product    string `json:"product,omitempty" doc:"What the test ran against there."`
	Refused    string `json:"refused,omitempty" doc:"Why nothing was run, or why what was run does not count."`
	Executions int    `json:"executions" doc:"How often the test was run there."`
	Passed     int    `json:"passed" doc:"How often it passed."`
	Same       int    `json:"same" doc:"How often it failed in the same way as here."`
	Other      string `json:"other,omitempty" doc:"First line of a failure that says something else than here."`
}

// SameWay reports whether the test failed at the base in each execution in the same way as here.
func (p *BaseProbe) SameWay() bool {
	return p != nil && p.Refused == "" && p.Executions > 0 && p.Same == p.Executions
}
