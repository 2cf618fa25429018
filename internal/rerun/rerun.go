// Package rerun decides which failed tests get their one diagnostic rerun, and says why
// the others get none. It is pure.
package rerun

import (
	"fmt"
	"regexp"
	"time"
)

// Guards limit the reruns of one shard.
type Guards struct {
	// MaxFailures: with more failed tests than this there is no rerun; 0 means that
	// there are no reruns at all.
	MaxFailures int
	// MaxShare is the share of failed tests above which there is no rerun. It only
	// counts when more than [ShareFrom] tests failed.
	MaxShare float64
}

// The defaults of the contracts.
const (
	DefaultMaxFailures = 10
	DefaultMaxShare    = 0.20
	ShareFrom          = 5
)

// Failure is a failed test.
type Failure struct {
	ID string
	// Crashed: its process died in a panic or crash; a rerun would mask that.
	Crashed bool
	// Cause is what it has in common with other failures: a group, or a set-up that failed for
	// many. All with one cause count as one, and are run again together, or none of them.
	// Empty: it stands alone.
	Cause string
	// Seconds that a rerun may be expected to take. The first failure of a group has those of
	// the whole group, the others have 0.
	Seconds float64
	// Earlier says what its rerun in an earlier attempt of this workflow run was, or
	// is empty where there was none.
	Earlier string
	// Unhealthy names what the test needs and is not healthy now, or is empty.
	Unhealthy string
	// Retries is how often the framework repeated the test by itself; it failed each time.
	Retries int
}

// State is the state of the shard after its first attempts.
type State struct {
	Failures []Failure
	// Ran is how many tests of the shard reported.
	Ran int
	// Stopped says why nothing more may start (cancelled, out of time), or is empty.
	Stopped string
	// AttemptsUnreadable: earlier attempts of this workflow run should exist but cannot
	// be read, so it is unknown which tests already had a rerun.
	AttemptsUnreadable bool
	// Left is the time until the stage's own deadline; negative: there is none.
	Left time.Duration
}

// Decision is about one failed test.
type Decision struct {
	ID      string
	Allowed bool
	// Reason is a clause that ends the sentence "rerun because" or "no rerun: ".
	Reason string
}

// Decide answers for every failure, in the order given.
func Decide(s State, g Guards) []Decision {
	decisions := make([]Decision, len(s.Failures))
	refusal, refused := shardRefusal(s, g), refusedCauses(s.Failures)
	left := s.Left
	for i, f := range s.Failures {
		reason := refusal
		if reason == "" && refused[f.Cause] != "" && refused[f.Cause] != f.ID {
			reason = fmt.Sprintf("it is repeated together with %s only, which gets no rerun", refused[f.Cause])
		}
		if reason == "" {
			reason = testRefusal(f, left, s.Left >= 0)
		}
		if reason == "" {
			left -= seconds(f.Seconds)
			decisions[i] = Decision{ID: f.ID, Allowed: true, Reason: "its first attempt failed"}
			continue
		}
		decisions[i] = Decision{ID: f.ID, Reason: reason}
		if f.Cause != "" && refused[f.Cause] == "" {
			refused[f.Cause] = f.ID
		}
	}
	return decisions
}

// refusedCauses are the first failures of each cause that may not be run again by themselves:
// the others of the cause cannot be either, since all of them run again together.
func refusedCauses(list []Failure) map[string]string {
	refused := map[string]string{}
	for _, f := range list {
		if f.Cause != "" && refused[f.Cause] == "" && testRefusal(f, 0, false) != "" {
			refused[f.Cause] = f.ID
		}
	}
	return refused
}

// failed is how many failures count: those of one cause are one.
func failed(list []Failure) int {
	n, causes := 0, map[string]bool{}
	for _, f := range list {
		if f.Cause == "" || !causes[f.Cause] {
			n++
		}
		causes[f.Cause] = true
	}
	return n
}

// shardRefusal is a reason that holds for every test of the shard.
func shardRefusal(s State, g Guards) string {
	n := failed(s.Failures)
	switch {
	case s.Stopped != "":
		return s.Stopped
	case g.MaxFailures == 0:
		return "reruns are switched off (rerun.max_failures: 0)"
	case s.AttemptsUnreadable:
		return "earlier attempts of this workflow run cannot be read, so it may already have had one"
	case n > g.MaxFailures:
		return fmt.Sprintf("%d tests of the shard failed, more than rerun.max_failures: %d; this is not a flake", n, g.MaxFailures)
	case n > ShareFrom && s.Ran > 0 && float64(n)/float64(s.Ran) > g.MaxShare:
		return fmt.Sprintf("%d of %d tests of the shard failed, more than rerun.max_share: %.0f%%; this is not a flake", n, s.Ran, g.MaxShare*100)
	}
	return ""
}

func testRefusal(f Failure, left time.Duration, limited bool) string {
	switch {
	case f.Unhealthy != "":
		return fmt.Sprintf("the environment is not healthy now (%s), so a rerun would prove nothing", f.Unhealthy)
	case f.Earlier != "":
		return f.Earlier
	case f.Retries == 1:
		return "the framework repeated it by itself, and it failed again"
	case f.Retries > 1:
		return fmt.Sprintf("the framework repeated it %d times by itself, and it failed each time", f.Retries)
	case f.Crashed:
		return "its process crashed; a rerun would mask that"
	case limited && seconds(f.Seconds) > left:
		return fmt.Sprintf("it takes about %s and the stage has %s left", seconds(f.Seconds).Round(time.Second), max(left, 0).Round(time.Second))
	}
	return ""
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// setUps are the names under which frameworks report a set-up that failed in place of the
// tests that it kept from running. They are not there once it passes.
var setUps = regexp.MustCompile(`(?:^|::|\.|› )(?:initializationError|executionError|TestMain|Test suite failed to run|classMethod)$` +
	`|"(?:before|after) (?:all|each)" hook|\[(?:set|tear)-?up\]$`)

// IsSetUp reports whether an id is that of a set-up which a framework reports as a test.
func IsSetUp(id string) bool { return setUps.MatchString(id) }

// Absent is the reason of a rerun that did not report the test.
func Absent(id string) string {
	if IsSetUp(id) {
		return "it is a set-up, which is reported only if it fails; the rerun did not report it, so nothing says that it flakes"
	}
	return "the rerun did not run the test, so it proves nothing"
}
