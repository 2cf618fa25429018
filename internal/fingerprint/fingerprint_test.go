package fingerprint

import (
	"strings"
	"testing"
)

// group are failures that are the same one, of different runs and machines.
type group struct {
	name string
	list []Failure
}

var groups = []group{
	{"playwright: a wrong text", []Failure{
		{Message: "Error: expect(locator).toHaveText(expected) failed\n\nLocator:  getByTestId('case-1042-state')\nExpected: \"accepted\"\n" +
			"Received: \"submitted\"\nTimeout:  5000ms\n\nCall log:\n  - Expect \"toHaveText\" with timeout 5000ms\n" +
			"  - 9 × locator resolved to <span>submitted</span>\n",
			Details: "    at /home/runner/work/shop/shop/e2e/tests/cases.spec.ts:41:31"},
		{Message: "Error: expect(locator).toHaveText(expected) failed\n\nLocator:  getByTestId('case-7-state')\nExpected: \"accepted\"\n" +
			"Received: \"submitted\"\nTimeout:  5000ms\n\nCall log:\n  - Expect \"toHaveText\" with timeout 5000ms\n" +
			"  - 14 × locator resolved to <span>submitted</span>\n  - unexpected value \"submitted\"\n",
			Details: "    at /Users/ann/shop/e2e/tests/cases.spec.ts:47:9"},
	}},
	{"playwright: another text, in the same place", []Failure{
		{Message: "Error: expect(locator).toHaveText(expected) failed\n\nLocator:  getByTestId('case-1042-state')\nExpected: \"accepted\"\n" +
			"Received: \"rejected\"\nTimeout:  5000ms\n",
			Details: "    at /home/runner/work/shop/shop/e2e/tests/cases.spec.ts:41:31"},
	}},
	{"playwright: the same text, in another file", []Failure{
		{Message: "Error: expect(locator).toHaveText(expected) failed\n\nLocator:  getByTestId('case-1042-state')\nExpected: \"accepted\"\n" +
			"Received: \"submitted\"\nTimeout:  5000ms\n",
			Details: "    at /home/runner/work/shop/shop/e2e/tests/audit.spec.ts:41:31"},
	}},
	{"playwright: refused", []Failure{
		{Message: "Error: page.goto: net::ERR_CONNECTION_REFUSED at http://localhost:34817/cases/17"},
		{Message: "Error: page.goto: net::ERR_CONNECTION_REFUSED at http://localhost:41022/cases/42"},
	}},
	{"playwright: refused by another host", []Failure{
		{Message: "Error: page.goto: net::ERR_CONNECTION_REFUSED at http://search.internal:34817/cases/17"},
	}},
	{"cypress: an element", []Failure{
		{Type: "AssertionError", Message: "Timed out retrying after 4000ms: Expected to find element: `[data-cy=submit]`, but never found it.",
			Details: "    at Context.eval (webpack://shop/./cypress/e2e/checkout.cy.js:12:8)\n" +
				"    at runner (http://localhost:3000/__cypress/runner/cypress_runner.js:1:2)"},
		{Type: "AssertionError", Message: "Timed out retrying after 10000ms: Expected to find element: `[data-cy=submit]`, but never found it.",
			Details: "    at Context.eval (webpack://shop/./cypress/e2e/checkout.cy.js:19:2)\n" +
				"    at runner (http://localhost:5555/__cypress/runner/cypress_runner.js:9:9)"},
	}},
	{"cypress: another element", []Failure{
		{Type: "AssertionError", Message: "Timed out retrying after 4000ms: Expected to find element: `[data-cy=cancel]`, but never found it.",
			Details: "    at Context.eval (webpack://shop/./cypress/e2e/checkout.cy.js:12:8)"},
	}},
	{"jest: toBe", []Failure{
		{Message: "expect(received).toBe(expected) // Object.is equality\n\nExpected: 200\nReceived: 503",
			Details: "    at Object.toBe (/ci/app/test/api.test.js:9:20)\n    at Promise.then.completed (/ci/app/node_modules/jest-circus/build/utils.js:298:28)"},
		{Message: "expect(received).toBe(expected) // Object.is equality\n\nExpected: 200\nReceived: 503",
			Details: "    at Object.toBe (/srv/app/test/api.test.js:11:2)\n    at Promise.then.completed (/srv/app/node_modules/jest-circus/build/utils.js:231:28)"},
	}},
	{"vitest: toBe", []Failure{
		{Message: "AssertionError: expected 'open' to be 'closed' // Object.is equality", Details: " ❯ test/state.test.ts:21:23\n" +
			" ❯ node_modules/vitest/dist/runner.js:10:2"},
		{Message: "\x1b[31mAssertionError: expected 'open' to be 'closed' // Object.is equality\x1b[39m", Details: " ❯ test/state.test.ts:29:1"},
	}},
	{"pytest: an assertion", []Failure{
		{Message: "AssertionError: assert 'submitted' == 'accepted'\n  - accepted\n  + submitted",
			Details: "tests/test_cases.py:31: in test_accept\n    assert case.state == 'accepted'\nE   AssertionError: assert 'submitted' == 'accepted'\n" +
				"/usr/lib/python3/dist-packages/_pytest/x.py:3: AssertionError"},
		{Message: "AssertionError: assert 'submitted' == 'accepted'\n  - accepted\n  + submitted",
			Details: "tests/test_cases.py:45: in test_accept\n    assert case.state == 'accepted'\nE   AssertionError: assert 'submitted' == 'accepted'"},
	}},
	{"pytest: a temporary file", []Failure{
		{Message: "FileNotFoundError: [Errno 2] No such file or directory: '/tmp/pytest-of-runner/pytest-0/test_export0/out.csv'"},
		{Message: "FileNotFoundError: [Errno 2] No such file or directory: '/private/var/folders/ab/xkcdqq/T/pytest-of-ann/pytest-19/test_export0/out.csv'"},
		{Message: `FileNotFoundError: [Errno 2] No such file or directory: 'C:\Users\RUNNER~1\AppData\Local\Temp\pytest-of-me\out.csv'`},
	}},
	{"junit: a status", []Failure{
		{Type: "org.opentest4j.AssertionFailedError", Message: "org.opentest4j.AssertionFailedError: expected: <200> but was: <500>",
			Details: "org.opentest4j.AssertionFailedError: expected: <200> but was: <500>\n" +
				"\tat org.junit.jupiter.api.AssertionUtils.fail(AssertionUtils.java:55)\n\tat com.acme.cases.SubmitIT.lambda$submit$0(SubmitIT.java:44)\n" +
				"\tat java.base/java.lang.reflect.Method.invoke(Method.java:568)"},
		{Type: "org.opentest4j.AssertionFailedError", Message: "org.opentest4j.AssertionFailedError: expected: <200> but was: <500>",
			Details: "org.opentest4j.AssertionFailedError: expected: <200> but was: <500>\n" +
				"\tat org.junit.jupiter.api.AssertionUtils.fail(AssertionUtils.java:99)\n\tat com.acme.cases.SubmitIT.lambda$submit$3(SubmitIT.java:51)\n" +
				"\tat java.base/jdk.internal.reflect.DirectMethodHandleAccessor.invoke(DirectMethodHandleAccessor.java:103)"},
	}},
	{"junit: the same status, in another class", []Failure{
		{Type: "org.opentest4j.AssertionFailedError", Message: "org.opentest4j.AssertionFailedError: expected: <200> but was: <500>",
			Details: "org.opentest4j.AssertionFailedError: expected: <200> but was: <500>\n" +
				"\tat org.junit.jupiter.api.AssertionUtils.fail(AssertionUtils.java:55)\n\tat com.acme.cases.ApproveIT.approve(ApproveIT.java:44)"},
	}},
	{"junit: a condition", []Failure{
		{Type: "org.awaitility.core.ConditionTimeoutException", Message: "Condition with alias 'case 3f2b8c1e-1111-4222-8333-444455556666 is accepted' " +
			"didn't complete within 10 seconds",
			Details: "\tat org.awaitility.core.ConditionAwaiter.await(ConditionAwaiter.java:167)\n\tat com.acme.cases.Steps.awaitAccepted(Steps.java:20)"},
		{Type: "org.awaitility.core.ConditionTimeoutException", Message: "Condition with alias 'case 00000000-aaaa-4222-8333-bbbbbbbbbbbb is accepted' " +
			"didn't complete within 30 seconds",
			Details: "\tat org.awaitility.core.ConditionAwaiter.await(ConditionAwaiter.java:190)\n\tat com.acme.cases.Steps.awaitAccepted(Steps.java:25)"},
	}},
	{"go: a case", []Failure{
		{Message: "escalation_test.go:41: work list is stale: expected case CASE-1007 listed as escalated at 2026-11-02T09:00:00Z, waited 1.5s, trace " +
			"id 4bf92f3577b34da6a3ce929d0e0e4736"},
		{Message: "escalation_test.go:57: work list is stale: expected case CASE-2 listed as escalated at 2026-12-31T23:59:59.123Z, waited 200ms, trace " +
			"id 00f067aa0ba902b7ffffffffffffffff"},
	}},
	{"go: another file", []Failure{
		{Message: "submission_test.go:41: work list is stale: expected case CASE-1007 listed as escalated at 2026-11-02T09:00:00Z, waited 1.5s, trace " +
			"id 4bf92f3577b34da6a3ce929d0e0e4736"},
	}},
	{"go: values of the run", []Failure{
		{Message: "x_test.go:7: user anna-abcdef exists", RunValues: []string{"anna-abcdef", "a"}},
		{Message: "x_test.go:9: user bert-ghijkl exists", RunValues: []string{"bert-ghijkl"}},
	}},
	{"cucumber: an undefined step", []Failure{
		{Message: `Undefined. Implement with the following snippet: Given('case {int} is open')`},
		{Message: `Undefined.  Implement with the following snippet: Given('case {int} is open') `},
	}},
	{"a status", []Failure{{Message: "Request failed with status code 401 after 7 ms"}, {Message: "Request failed with status code 401 after 120 ms"}}},
	{"another status", []Failure{{Message: "Request failed with status code 503 after 7 ms"}}},
	{"rest assured", []Failure{{Message: "1 expectation failed.\nExpected status code <200> but was <401>."}}},
	{"rest assured, another status", []Failure{{Message: "1 expectation failed.\nExpected status code <404> but was <401>."}}},
	{"a timeout of another kind", []Failure{{Message: "Test timeout of 30000ms exceeded."}, {Message: "Test timeout of 45000ms exceeded."}}},
	{"an address that a network gives out", []Failure{
		{Message: "dial tcp 10.4.0.7:5432: connect: connection refused"}, {Message: "dial tcp 10.9.1.133:5432: connect: connection refused"},
	}},
	{"this machine", []Failure{{Message: "dial tcp 127.0.0.1:5432: connect: connection refused"}}},
	{"only a trace", []Failure{{Details: "\tat com.acme.cases.Steps.awaitAccepted(Steps.java:20)"}, {Details: "\tat " +
		"com.acme.cases.Steps.awaitAccepted(Steps.java:21)"}}},
}

func TestFailuresOfDifferentRuns(t *testing.T) {
	owner := map[string]string{}
	for _, g := range groups {
		first := Of(g.list[0])
		if !strings.HasPrefix(first, version) || len(first) != len(version)+16 {
			t.Errorf("%s: %q is not a fingerprint", g.name, first)
		}
		for i, f := range g.list[1:] {
			if got := Of(f); !Same(first, got) {
				t.Errorf("%s: failure %d is %s, and the first is %s", g.name, i+1, got, first)
			}
		}
		if other, ok := owner[first]; ok {
			t.Errorf("%q and %q are one", g.name, other)
		}
		owner[first] = g.name
	}
}

func TestSame(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"f1:00", "f1:00", true}, {"f1:00", "f1:01", false}, {"f1:00", "f2:00", false}, {"", "", false}, {"f1:", "f1:", false}, {":00", ":00", false},
		{"00", "00", false}, {"f1:00", "", false},
	} {
		if Same(tc.a, tc.b) != tc.want || Same(tc.b, tc.a) != tc.want {
			t.Errorf("%q and %q", tc.a, tc.b)
		}
	}
	if got := Of(Failure{}); got != "" {
		t.Errorf("a failure without text has the fingerprint %q", got)
	}
}

func FuzzOf(f *testing.F) {
	for _, g := range groups {
		for _, one := range g.list {
			f.Add(one.Type, one.Message, one.Details, "abcdef")
		}
	}
	f.Fuzz(func(t *testing.T, kind, message, details, value string) {
		one := Failure{Type: kind, Message: message, Details: details, RunValues: []string{value}}
		got := Of(one)
		if got != Of(one) {
			t.Fatal("two fingerprints of one failure")
		}
		if got != "" && !Same(got, got) {
			t.Fatalf("%q is not the same as itself", got)
		}
	})
}
