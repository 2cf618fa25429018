package e2e

import "testing"

func TestOwnName(t *testing.T) {
	for _, tc := range []struct {
		test Test
		want string
	}{
		{Test{Framework: "gotest", Name: "TestSubmit"}, "TestSubmit"},
		{Test{Framework: "pytest", Name: "tests/test_a.py::TestCase::test_x[1-a::b]"}, "TestCase::test_x[1-a::b]"},
		{Test{Framework: "playwright", Name: "[chromium] checkout.spec.ts::Checkout › buys an item"}, "Checkout buys an item"},
		{Test{Framework: "junit5-maven", Class: "com.acme.CaseIT$Review", Name: "com.acme.CaseIT$Review::approves(String)"}, "com.acme.CaseIT$Review.approves"},
		{Test{Framework: "junit5-maven", Class: "com.acme.KIT", Name: "com.acme.KIT::€ (in) , #1()"}, "com.acme.KIT.€ (in) , #1"},
		{Test{Framework: "command", Name: "a plain line"}, "a plain line"},
	} {
		if got := tc.test.OwnName(); got != tc.want {
			t.Errorf("%+v: %q, want %q", tc.test, got, tc.want)
		}
	}
	if got := CorrelationOf("e2e-1", 2, "Checkout buys an item"); got != "e2e-1-2-d8508081893e" {
		t.Error(got)
	}
}
