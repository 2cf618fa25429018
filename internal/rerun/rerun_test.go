package rerun

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func failures(n int) []Failure {
	list := make([]Failure, n)
	for i := range list {
		list[i] = Failure{ID: fmt.Sprint(i), Seconds: 2}
	}
	return list
}

func TestDecide(t *testing.T) {
	defaults := Guards{MaxFailures: DefaultMaxFailures, MaxShare: DefaultMaxShare}
	for _, tc := range []struct {
		name   string
		state  State
		guards Guards
		// want is a part of the reason of a refusal for the first failure, or "".
		want string
	}{
		{"one failure", State{Failures: failures(1), Ran: 20, Left: -1}, defaults, ""},
		{"the only test fails: the share does not count below six", State{Failures: failures(1), Ran: 1, Left: -1}, defaults, ""},
		{"five of five", State{Failures: failures(5), Ran: 5, Left: -1}, defaults, ""},
		{"six of thirty is 20%, not more", State{Failures: failures(6), Ran: 30, Left: -1}, defaults, ""},
		{"six of twenty", State{Failures: failures(6), Ran: 20, Left: -1}, defaults, "6 of 20 tests of the shard failed, more than rerun.max_share: 20%"},
		{"more failures than tests that reported", State{Failures: failures(6), Ran: 1, Left: -1}, defaults, "6 of 1 tests of the shard failed"},
		{"a share of all", State{Failures: failures(6), Ran: 5, Left: -1}, Guards{MaxFailures: 10, MaxShare: 1}, "more than rerun.max_share: 100%"},
		{"nothing reported", State{Failures: failures(6), Left: -1}, defaults, ""},
		{"ten of a hundred", State{Failures: failures(10), Ran: 100, Left: -1}, defaults, ""},
		{"eleven of a hundred", State{Failures: failures(11), Ran: 100, Left: -1}, defaults, "more than rerun.max_failures: 10"},
		{"off", State{Failures: failures(1), Ran: 9, Left: -1}, Guards{MaxShare: 1}, "switched off"},
		{"stopped", State{Failures: failures(1), Ran: 9, Stopped: "the run was cancelled", Left: -1}, defaults, "the run was cancelled"},
		{"unreadable", State{Failures: failures(1), Ran: 9, AttemptsUnreadable: true, Left: -1}, defaults, "cannot be read"},
		{"unhealthy", State{Failures: []Failure{{ID: "a", Unhealthy: "case-api: 503"}}, Ran: 9, Left: -1}, defaults, "not healthy now (case-api: 503)"},
		{"crash", State{Failures: []Failure{{ID: "a", Crashed: true}}, Ran: 9, Left: -1}, defaults, "crashed"},
		{"had one before", State{Failures: []Failure{{ID: "a", Earlier: "it had its rerun in attempt 1"}}, Ran: 9, Left: -1}, defaults,
			"it had its rerun in attempt 1"},
		{"repeated by its framework", State{Failures: []Failure{{ID: "a", Retries: 1}}, Ran: 9, Left: -1}, defaults,
			"the framework repeated it by itself, and it failed again"},
		{"repeated twice by its framework", State{Failures: []Failure{{ID: "a", Retries: 2}}, Ran: 9, Left: -1}, defaults,
			"the framework repeated it 2 times by itself, and it failed each time"},
		{"time is up", State{Failures: failures(1), Ran: 9, Left: time.Second}, defaults, "about 2s and the stage has 1s left"},
		{"time is long up", State{Failures: failures(1), Ran: 9, Left: 0}, defaults, "0s left"},
		{"time enough", State{Failures: failures(1), Ran: 9, Left: 2 * time.Second}, defaults, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := Decide(tc.state, tc.guards)[0]
			if d.Allowed != (tc.want == "") || !strings.Contains(d.Reason, tc.want) || d.Reason == "" {
				t.Errorf("got %+v, want a reason with %q", d, tc.want)
			}
		})
	}
}

func TestSetUps(t *testing.T) {
	for id, want := range map[string]bool{
		"s/com.acme.A::initializationError": true, "s/pkg::TestMain": true, "s/a.test.js::Test suite failed to run": true,
		`s/a.cy.js::cart "before each" hook for "pays"`: true, `s/a::"after all" hook`: true, "s/com.acme.A::executionError": true,
		"s/com.acme.A::a": false, "s/a::TestMainPage": false, "s/a::shows initializationError": false, "s/a::hooks": false,
	} {
		if IsSetUp(id) != want {
			t.Errorf("%s: %t", id, !want)
		}
	}
	if a, b := Absent("s/A::initializationError"), Absent("s/A::a"); a == b || !strings.Contains(b, "proves nothing") {
		t.Errorf("%q, %q", a, b)
	}
}

func TestTimeIsSpentInOrder(t *testing.T) {
	got := Decide(State{Failures: failures(3), Ran: 30, Left: 5 * time.Second}, Guards{MaxFailures: 10, MaxShare: 1})
	if !got[0].Allowed || !got[1].Allowed || got[2].Allowed {
		t.Errorf("5 s are enough for two reruns of 2 s: %+v", got)
	}
}

// A group, or a set-up that failed for many, is one failure, and is repeated whole or not at all.
func TestOneCause(t *testing.T) {
	group := func(n int) []Failure {
		list := failures(n)
		for i := range list {
			list[i].Cause, list[i].Seconds = "g", 0
		}
		list[0].Seconds = 6
		return list
	}
	crashed, repeated := group(3), append(group(2), Failure{ID: "x", Seconds: 1})
	crashed[1].Crashed = true
	repeated[1].Retries = 2
	for _, tc := range []struct {
		name  string
		state State
		want  string // of each failure, in order: + allowed
		says  string // of the first
	}{
		{"twelve of one group", State{Failures: group(12), Ran: 12, Left: -1}, "++++++++++++", "its first attempt failed"},
		{"eleven others beside it", State{Failures: append(failures(10), group(2)...), Ran: 200, Left: -1}, "------------", "11 tests of the shard failed"},
		{"one of the group crashed", State{Failures: crashed, Ran: 30, Left: -1}, "---", "repeated together with 1 only"},
		{"one was repeated by its framework", State{Failures: repeated, Ran: 30, Left: -1}, "--+", "repeated together with 1 only"},
		{"no time for all of it", State{Failures: group(3), Ran: 30, Left: 5 * time.Second}, "---", "about 6s and the stage has 5s left"},
		{"time for all of it", State{Failures: group(3), Ran: 30, Left: 6 * time.Second}, "+++", "its first attempt failed"},
	} {
		got := ""
		decisions := Decide(tc.state, Guards{MaxFailures: DefaultMaxFailures, MaxShare: 1})
		for _, d := range decisions {
			got += map[bool]string{true: "+", false: "-"}[d.Allowed]
		}
		if got != tc.want || !strings.Contains(decisions[0].Reason, tc.says) {
			t.Errorf("%s: %s, %q", tc.name, got, decisions[0].Reason)
		}
	}
}
