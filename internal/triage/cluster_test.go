package triage

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/e2e"
)

func TestNormalise(t *testing.T) {
	for in, want := range map[string]string{
		"dial tcp 10.0.0.7:5432: connect: connection refused":                                                "dial tcp <ip>: connect: connection refused",
		"dial tcp [::1]:5432: connection refused":                                                            "dial tcp <ip>: connection refused",
		"case C-1042 not accepted within 10.5s (run e2e-1764000000000-1b4e28ba-2fa1-11d2-883f-0016d3cca427)": "case # not accepted within <duration> (run <run>)",
		"user 3f2b8c1e-1111-4222-8333-444455556666 at 2026-03-01T12:00:00.123Z":                              "user <uuid> at <time>",
		"build 9fceb02d0ae598e95dc970b74767f19372d61af8 is not deadbeef":                                     "build <hex> is not deadbeef",
		"object at 0x7f3a deadline 3 s":                                                                      "object at <hex> deadline <duration>",
		`duplicate key value violates unique constraint "users_email_key"`:                                   `duplicate key value violates unique constraint "users_email_key"`,
		`user "anna-17" exists, mail a.b@c.example`:                                                          `user <value> exists, mail <mail>`,
		"expected 1,204.50 but was 7":                                                                        "expected # but was #",
		"case s0a2-k3jx of sha256 in case_test.go:41":                                                        "case # of # in case_test.go:#",
		"  a\t\x1b[31mb\x1b[0m \n c ":                                                                        "a b c",
	} {
		if got := Normalise(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func FuzzNormalise(f *testing.F) {
	f.Add("dial tcp 10.0.0.7:5432 at 2026-03-01T12:00:00Z 'x1' 0x12 deadbeef1 5ms")
	f.Fuzz(func(t *testing.T, s string) {
		once := Normalise(s)
		if strings.ContainsAny(once, "\n\t") {
			t.Fatalf("%q", once)
		}
		if twice := Normalise(once); twice != once {
			t.Fatalf("%q became %q", once, twice)
		}
	})
}

func refusal(id string, i int) Input {
	return Input{ID: id, Owner: fmt.Sprint("team-", i%2),
		Message: fmt.Sprintf("Get \"http://127.0.0.1:8080/cases/%d\": dial tcp 127.0.0.1:8080: connect: connection refused", 1000+i),
		Context: Context{Rerun: RerunFailed}}
}

func TestClusters(t *testing.T) {
	wrong := func(id, file string, r Rerun) Input {
		return Input{ID: id, Message: file + ":12: total: got 90, want 100", Context: Context{Rerun: r, Recent: RecentStable}}
	}
	inputs := []Input{
		wrong("api/b::TestTotal", "b_test.go", RerunFailed),
		refusal("ui/3", 3), refusal("ui/1", 1), refusal("ui/2", 2),
		wrong("api/b::TestOther", "b_test.go", RerunNone),
		wrong("api/a::TestTotal", "a_test.go", RerunFailed),
		{ID: "x/1", Message: "zork"},
	}
	inputs[4].Context.Recent = RecentNew
	results, clusters := mustNew(t).All(inputs)
	var got []string
	for _, c := range clusters {
		got = append(got, fmt.Sprintf("%s %s %s | %s", c.Category, strings.Join(c.Tests, ","), strings.Join(c.Owners, ","), c.Title))
	}
	want := []string{
		"ENVIRONMENT_FAILURE ui/1,ui/2,ui/3 team-0,team-1 | Get \"http://127.0.0.1:8080/cases/1001\": dial tcp 127.0.0.1:8080: connect: connection refused",
		"PRODUCT_REGRESSION api/b::TestOther,api/b::TestTotal  | b_test.go:12: total: got 90, want 100",
		"PRODUCT_REGRESSION api/a::TestTotal  | a_test.go:12: total: got 90, want 100",
		"UNKNOWN x/1  | zork",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if c := clusters[0]; c.NextStep == "" || !slices.Contains(c.Evidence, "3 tests failed in this way") || !strings.HasPrefix(c.ID, "c-") {
		t.Errorf("got %+v", c)
	}
	if r := results[4]; r.ID != "api/b::TestOther" || r.Category != product || r.Confidence != low ||
		r.Evidence[len(r.Evidence)-1] != "the same failure as api/b::TestTotal" {
		t.Errorf("the cluster lent nothing: %+v", r)
	}
}

// One failing service reads alike for all: it is one cluster whatever the run.
func TestClusterIDsAreStable(t *testing.T) {
	_, one := mustNew(t).All([]Input{refusal("a", 1), refusal("b", 2)})
	_, two := mustNew(t).All([]Input{refusal("c", 77)})
	if len(one) != 1 || len(two) != 1 || one[0].ID != two[0].ID {
		t.Errorf("%+v\n%+v", one, two)
	}
	third, fourth := refusal("a", 1), refusal("b", 1)
	third.Message, fourth.Message = "abc: "+third.Message, "xyz: "+fourth.Message
	third.RunValues, fourth.RunValues = []string{"abc"}, []string{"xyz"}
	if _, same := mustNew(t).All([]Input{third, fourth}); len(same) != 1 {
		t.Errorf("values of the run tell failures apart: %+v", same)
	}
	if _, none := mustNew(t).All(nil); none == nil || len(none) != 0 {
		t.Errorf("got %v", none)
	}
}

func TestManyDenialsAreTheEnvironments(t *testing.T) {
	var inputs []Input
	for i := range 6 {
		inputs = append(inputs, Input{ID: fmt.Sprint("api/", i), Message: "Request failed with status code 401",
			Context: Context{Rerun: RerunFailed, Recent: RecentStable}})
	}
	results, clusters := mustNew(t).All(inputs)
	// Without frames the file tells assertions apart; denials share their words.
	if len(clusters) != 1 || results[0].Category != env {
		t.Errorf("got %d clusters, %+v", len(clusters), results[0])
	}
	alone := mustNew(t).Triage(inputs[0])
	if alone.Category != unknown {
		t.Errorf("got %+v", alone)
	}
}

func TestOrderOfInputsDoesNotMatter(t *testing.T) {
	cases := concatCases()
	triager := mustNew(t)
	rapid.Check(t, func(t *rapid.T) {
		picked := rapid.SliceOfN(rapid.IntRange(0, len(cases)-1), 1, 30).Draw(t, "cases")
		var inputs []Input
		for i, p := range picked {
			in := cases[p].input()
			in.ID = fmt.Sprintf("s/f::%d", i)
			inputs = append(inputs, in)
		}
		shuffled := rapid.Permutation(inputs).Draw(t, "order")
		r1, c1 := triager.All(inputs)
		r2, c2 := triager.All(shuffled)
		if diff := cmp.Diff(c1, c2); diff != "" {
			t.Fatal(diff)
		}
		byID := func(a, b Result) int { return strings.Compare(a.ID, b.ID) }
		slices.SortFunc(r1, byID)
		slices.SortFunc(r2, byID)
		if diff := cmp.Diff(r1, r2); diff != "" {
			t.Fatal(diff)
		}
		n := 0
		for _, c := range c1 {
			n += len(c.Tests)
		}
		if n != len(inputs) {
			t.Fatalf("%d of %d tests are in a cluster", n, len(inputs))
		}
	})
}

// Members stand in the order of their ids, and so do those that are equal.
func TestTheFirstOfEqualMembersStandsForAll(t *testing.T) {
	results := []Result{{Category: product, Confidence: high}, {Category: product, Confidence: high}}
	if got := representative([]int{1, 0}, results); got != 1 {
		t.Errorf("got %d", got)
	}
}

func TestRepresentativePrefersTheProduct(t *testing.T) {
	results := []Result{{Category: env, Confidence: high}, {Category: product, Confidence: low}, {Category: unknown},
		{Category: product, Confidence: medium}, {Category: env, Confidence: high}}
	if got := representative([]int{0, 1, 2, 3, 4}, results); got != 3 {
		t.Errorf("got %d", got)
	}
	if got := representative([]int{0, 1, 4}, results); got != 0 {
		t.Errorf("got %d", got)
	}
	if got := representative([]int{2}, []Result{{}, {}, {Category: e2e.Unknown}}); got != 2 {
		t.Errorf("got %d", got)
	}
}

// Two causes behind one generic message are two rows, and each names what decided.
func TestAHeadlineIsNoCause(t *testing.T) {
	timeout := func(id, detail string) Input {
		return Input{ID: id, Framework: "playwright", Message: "Test timeout of 3000ms exceeded.",
			Details: "Test timeout of 3000ms exceeded.\n\nError: " + detail + "\n\n    at /w/tests/pay.spec.js:2:14", Context: Context{Rerun: RerunFailed}}
	}
	_, clusters := mustNew(t).All([]Input{
		timeout("ui/pays", "locator.click: Test timeout of 3000ms exceeded.\nCall log:\n  - waiting for getByRole('button', { name: 'Pay now' })"),
		timeout("ui/cancels", "locator.click: Test timeout of 3000ms exceeded.\nCall log:\n  - waiting for getByRole('button', { name: 'Cancel' })"),
		timeout("ui/url", "page.waitForURL: Test timeout of 3000ms exceeded.\nwaiting for navigation to \"**/done\" until \"load\""),
	})
	var titles []string
	for _, c := range clusters {
		if c.Category == env {
			t.Errorf("%s is the environment's", c.Title)
		}
		titles = append(titles, c.Title)
	}
	slices.Sort(titles)
	want := []string{
		"Error: page.waitForURL: Test timeout of 3000ms exceeded.",
		"Test timeout of 3000ms exceeded: waiting for getByRole('button', { name: 'Cancel' })",
		"Test timeout of 3000ms exceeded: waiting for getByRole('button', { name: 'Pay now' })",
	}
	if diff := cmp.Diff(want, titles); diff != "" {
		t.Error(diff)
	}
}

// Three spellings of one state that did not come are one row; another state is another, and a wait that does not say
// what for joins only where there is one state to join.
func TestOneStateIsOneRow(t *testing.T) {
	const lambda = "org.awaitility.core.ConditionTimeoutException: Condition with Lambda expression in a.B was not fulfilled within 20 seconds."
	in := func(id, message, details string) Input {
		return Input{ID: id, Message: message, Details: details, Context: Context{Rerun: RerunFailed, Recent: RecentStable, ChangedPaths: []string{"src/A.java"}}}
	}
	inputs := []Input{
		in("e2e/a::submits", "org.awaitility.core.ConditionTimeoutException: Assertion condition defined as a Lambda expression in a.B",
			"org.awaitility.core.ConditionTimeoutException: Assertion condition defined as a Lambda expression in a.B\n"+
				"expected: \"ACCEPTED\"\n but was: \"SUBMITTED\" within 20 seconds."),
		in("e2e/b::audits",
			"org.awaitility.core.ConditionTimeoutException: Assertion condition defined as a Lambda expression in a.C 1 expectation failed.",
			"JSON path status doesn't match.\nExpected: ACCEPTED\n  Actual: SUBMITTED\n within 20 seconds."),
		in("e2e/c::escalates", lambda, ""),
		in("ui/d::waits", lambda, ""),
	}
	rows := func(inputs ...Input) []string {
		_, clusters := mustNew(t).All(inputs)
		var list []string
		for _, c := range clusters {
			list = append(list, string(c.Category)+" "+strings.Join(c.Tests, ","))
		}
		slices.Sort(list)
		return list
	}
	want := []string{"PRODUCT_REGRESSION e2e/a::submits,e2e/b::audits,e2e/c::escalates", "PRODUCT_REGRESSION ui/d::waits"}
	if diff := cmp.Diff(want, rows(inputs...)); diff != "" {
		t.Error(diff)
	}
	other := in("e2e/f::closes", "condition never satisfied: expected: CLOSED, got: SUBMITTED", "")
	want = []string{"PRODUCT_REGRESSION e2e/a::submits,e2e/b::audits", "PRODUCT_REGRESSION e2e/c::escalates,ui/d::waits", "PRODUCT_REGRESSION e2e/f::closes"}
	if diff := cmp.Diff(want, rows(append(inputs, other)...)); diff != "" {
		t.Errorf("beside another state: %s", diff)
	}
	for value, want := range map[string]string{`"ACCEPTED"`: "accepted", "<In Progress>": "in progress", "'open' within 3 s": "open", "17": "", "": "",
		"a sentence with 3 words": "", "{}": ""} {
		if got := stateOf(value); got != want {
			t.Errorf("%q is the state %q, want %q", value, got, want)
		}
	}
}
