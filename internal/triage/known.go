package triage

import (
	"fmt"
	"strings"
)

// Company is how a test did in the runs in which it ran beside other tests of its file or process, the present one
// among them. The diagnostic rerun runs it alone.
type Company struct {
	// Failed of Of such runs failed, and each rerun alone passed. Zero: not known.
	Failed int `json:"failed"`
	Of     int `json:"of"`
	// Differs: it failed alone too, but in another way than beside the others.
	Differs bool `json:"differs,omitempty"`
}

// enoughCompany is in how many runs a test has to fail beside others, and never to pass there, for its order to be the
// cause: fewer are luck as likely.
const enoughCompany = 3

func (c Company) ordered(rerun Rerun) bool {
	return rerun == RerunPassed && c.Of >= enoughCompany && c.Failed == c.Of
}

// SharedPort is a port that two shards on one machine used at once.
type SharedPort struct {
	Port     int    `json:"port"`
	Observed string `json:"observed"`
	Suite    string `json:"suite" mask:"-"`
}

// known is the result where what was measured decides, whatever the words say: a process of the product crashed, two
// shards collided, or the order of the tests is the cause.
func (f *failure) known() (Result, bool) {
	in := f.in
	r := Result{ID: in.ID, Confidence: high}
	switch {
	case len(in.Crashes) > 0:
		r.Category, r.Cause = product, in.Crashes[0].Process+" crashed"
		r.NextStep = "read the end of that process's log, and fix the crash"
		for _, c := range in.Crashes {
			r.Evidence = append(r.Evidence, c.Text)
		}
	case in.SharedPort != nil:
		p := in.SharedPort
		r.Category, r.Cause, r.Evidence = data, fmt.Sprintf("two shards on one machine use port %d", p.Port), []string{p.Observed}
		r.NextStep = fmt.Sprintf("give suite %s a lock (`locks: [port-%d]`), or run one shard on this machine (`shards: {count: 1}`)", p.Suite, p.Port)
	case in.Company.Differs:
		words := f.decide()
		r.Category, r.Confidence, r.Evidence, r.RunnerUp = words.Category, words.Confidence, words.Evidence, words.RunnerUp
		r.Cause, r.NextStep = orderCause, orderStep(in)
		return r, true
	case in.Company.ordered(f.sit.rerun) && !f.choice.cause.family.beside():
		r.Category, r.Confidence, r.RunnerUp = test, medium, data
		r.Cause, r.NextStep = orderCause, orderStep(in)
		r.Evidence = []string{fmt.Sprintf("beside other tests it failed in %d of %d runs, alone it passes", in.Company.Failed, in.Company.Of)}
	default:
		return Result{}, false
	}
	r.Evidence = append(r.Evidence, f.decide().Evidence...)
	return r, true
}

const orderCause = "order"

// orderStep says how to find the test that does it.
func orderStep(in Input) string {
	return "find the test that it depends on with " + orderOf(commandOf(in)) + ", then have it set up what it needs itself; " +
		"if the tests of its file are meant to build on one another, set keep: file for the suite"
}

// commandOf runs the failed test.
func commandOf(in Input) string {
	if in.Command == "" || strings.Contains(in.Command, "'") { // see shellID
		return "e2e-gate run " + shellID(clean(in.ID, maxQuote))
	}
	return in.Command
}

// orderOf is the command that looks for what a test depends on, from the one that runs it.
func orderOf(command string) string {
	return strings.Replace(command, "e2e-gate run", "e2e-gate order", 1)
}

// shellID is a test's id as a word of a shell, or TEST where it would have to be quoted: what quotes a text would hide a
// secret in it from those who mask it. The report shows the whole command.
func shellID(id string) string {
	if plainWord.MatchString(id) {
		return id
	}
	return "TEST"
}

var plainWord = rx(`^[\w./:@%+=,-]+$`)

// Crash is a process of the product that crashed before the test ended.
type Crash struct {
	// Process is its name, Text what was seen of it.
	Process string `json:"process" mask:"-"`
	Text    string `json:"text"`
}
