package fingerprint

import "testing"

// TestExact: failures that differ in anything that a person could mean differ, and what is new in each run does not count.
func TestExact(t *testing.T) {
	of := func(f Failure, parts ...string) string {
		f.RunValues = []string{"e2e-1-abc-s0-a1"}
		return Exact(f, parts)
	}
	for _, tc := range [][2]Failure{
		{{Message: "order e2e-1-abc-s0-a1: got draft"}, {Message: "order #: got draft"}},
		{{Message: "at 2026-05-04T03:02:01Z: got draft after 12 ms"}, {Message: "at 2026-05-05T13:22:41.5Z: got draft after 1.5 s"}},
		{{Message: "boom", Details: "goroutine 7 [running]:\nmain.f(0xc0000140a0)\n\t/x/a.go:12 +0x1d"},
			{Message: "boom", Details: "goroutine 33 [running]:\nmain.f(0xc00009c018)\n\t/x/a.go:12 +0x1d"}},
		{{Message: "id 6d82faa6-6bdc-4104-a4c3-acc3705d0549"}, {Message: "id 7a1003c4-3a27-4d47-8ccb-db6abd66ec07"}},
		{{Message: "refused at localhost:33009"}, {Message: "refused at localhost:41877"}},
		{{Message: "boom", Details: "a\n--- system-out\nlog 1"}, {Message: "boom", Details: "a\n--- system-out\nlog 2"}},
	} {
		if a, b := of(tc[0]), of(tc[1]); a == "" || a != b {
			t.Errorf("%q and %q: %s, %s", tc[0].Message, tc[1].Message, a, b)
		}
	}
	for _, tc := range [][2]Failure{
		{{Message: "total: expected 100.00, got 99.99"}, {Message: "total: expected 100.00, got 0"}},
		{{Message: "got 404, want 200"}, {Message: "got 500, want 200"}},
		{{Message: "Should be true", Details: "a_test.go:12"}, {Message: "Should be true", Details: "a_test.go:19"}},
		{{Message: `got "draft 1"`}, {Message: `got "the money of 3 customers is lost"`}},
		{{Message: "GET /v1/pay"}, {Message: "GET /v2/pay"}},
		{{Message: "a@b.test"}, {Message: "money@lost.test"}},
		{{Message: "1\n2\n3\n4\n5\n6"}, {Message: "1\n2\n3\n4\n5\n6\nthe money was lost"}},
		{{Type: "A", Message: "boom"}, {Type: "B", Message: "boom"}},
	} {
		if a, b := of(tc[0]), of(tc[1]); a == "" || a == b {
			t.Errorf("%q and %q: %s, %s", tc[0].Message, tc[1].Message, a, b)
		}
	}
	if of(Failure{Message: "boom"}, "draft") == of(Failure{Message: "boom"}, "draft", "money") {
		t.Error("one more failed part is not seen")
	}
	for _, f := range []Failure{{}, {Type: "stalled", Message: "nothing happened"}, {Message: "Test timeout of 30000ms exceeded."},
		{Message: "context deadline exceeded"},
		{Message: "boom", Details: "x [1778 bytes cut] y"}, {Message: "boom…"}, {Message: "not accepted within 5s"}} {
		if got := of(f); got != "" {
			t.Errorf("%+v: %s", f, got)
		}
	}
}
