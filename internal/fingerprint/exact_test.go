package fingerprint

import (
	"testing"
	"time"
)

// TestExact: failures that differ in anything that a person could mean differ, and what is new in each run does not count.
func TestExact(t *testing.T) {
	of := func(f Failure, parts ...string) string {
		f.RunValues, f.At = []string{"e2e-1-abc-s0-a1"}, time.Date(2026, 5, 4, 23, 0, 0, 0, time.UTC)
		return Exact(f, parts)
	}
	for _, tc := range [][2]Failure{
		{{Message: "order e2e-1-abc-s0-a1: got draft"}, {Message: "order #: got draft"}},
		{{Message: "at 2026-05-04T03:02:01Z: got draft after 12 ms"}, {Message: "at 2026-05-05T13:22:41.5Z: got draft after 1.5 s"}},
		{{Message: "boom", Details: "goroutine 7 [running]:\nmain.f(0xc0000140a0)\n\t/x/a.go:12 +0x1d"},
			{Message: "boom", Details: "goroutine 33 [running]:\nmain.f(0xc00009c018)\n\t/x/a.go:12 +0x1d"}},
		{{Message: "go test ./... f(...args) waits..."}, {Message: "go test ./... f(...args) waits..."}},
		{{Message: "got draft", Details: "POST /pay 500 12.3ms"}, {Message: "got draft", Details: "POST /pay 500 7.0421ms"}},
		{{Message: "id 6d82faa6-6bdc-4104-a4c3-acc3705d0549"}, {Message: "id 7a1003c4-3a27-4d47-8ccb-db6abd66ec07"}},
		{{Message: "refused at localhost:33009"}, {Message: "refused at localhost:41877"}},
		{{Message: "refused at [::1]:33009, 127.0.0.1:50000"}, {Message: "refused at [::1]:41877, 127.0.0.1:60999"}},
		{{Message: "boom", Details: "10:00:01.250 INFO paid\n[WARN] 10:00:02 slow"}, {Message: "boom", Details: "12:30:00.001 INFO paid\n[WARN] 12:30:07 slow"}},
		{{Message: "boom", Details: "--- FAIL: TestPay (0.05s)\n    a_test.go:3: boom"}, {Message: "boom",
			Details: "--- FAIL: TestPay (1.25s)\n    a_test.go:3: boom"}},
		{{Message: "boom", Details: "a\n--- system-out\nlog 1"}, {Message: "boom", Details: "a\n--- system-out\nlog 2"}},
	} {
		if a, b := of(tc[0]), of(tc[1]); a == "" || a != b {
			t.Errorf("%q and %q: %s, %s", tc[0].Message, tc[1].Message, a, b)
		}
	}
	for _, tc := range [][2]Failure{
		{{Message: "total: expected 100.00, got 99.99"}, {Message: "total: expected 100.00, got 0"}},
		{{Message: "dial tcp 127.0.0.1:5432: connection refused"}, {Message: "dial tcp 127.0.0.1:6379: connection refused"}},
		{{Message: "dial tcp [::1]:5432: connection refused"}, {Message: "dial tcp [::1]:6379: connection refused"}},
		{{Message: "expires: want 2031-01-01T00:00:00Z, got 2030-12-31T23:00:00Z"}, {Message: "expires: want 2031-01-01T00:00:00Z, got 1970-01-01T00:00:00Z"}},
		{{Message: "opens at 10:00:00, got 09:00:00"}, {Message: "opens at 10:00:00, got 00:00:00"}},
		{{Message: "Retry-After: want 30s, got 20s"}, {Message: "Retry-After: want 30s, got 0s"}},
		{{Message: "flags: want 0x3, got 0x1"}, {Message: "flags: want 0x3, got 0x7"}},
		{{Message: "COM error 0x80070005"}, {Message: "COM error 0x80004005"}},
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
	if got := of(Failure{Details: "--- FAIL: TestD/x (0.00s)\n--- FAIL: TestD (0.00s)\n"}, "TestD/x\x00"); got != "" {
		t.Errorf("a failed part without a text: %s", got)
	}
	if a, b := of(Failure{}, "x\x00got draft"), of(Failure{}, "y\x00got draft"); a == "" || a == b {
		t.Errorf("parts of two names: %s, %s", a, b)
	}
	for _, f := range []Failure{{}, {Type: "AssertionError"}, {Message: "AssertionError"}, {Message: "Test failed."}, {Message: "failed",
		Details: "exit status 1\nFAIL"},
		{Type: "x", Message: "Command failed with exit code 1"}, {Details: "--- FAIL: TestA (0.00s)\n"}, {Details: "FAIL\tacme/e2e\t0.01s"},
		{Message: "failed", Details: "--- system-out\nlost 3 orders"}, {Type: "stalled", Message: "nothing happened"}, {Message: "Test timeout of 30000ms exceeded."},
		{Message: "context deadline exceeded"},
		{Message: "boom", Details: "x [1778 bytes cut] y"}, {Message: "boom…"}, {Message: "not accepted within 5s"},
		{Message: "assert 'aaaaaaaaa...aaaaaaaaa' == 'b'"}, {Message: "assert [1, 2, 3, ...] == []"}, {Message: "boom",
			Details: "E ...Full output truncated (11 lines hidden), use '-vv'"},
		{Message: "[ 1, 2, ... 97 more items ]"}, {Message: "diff (3 more lines)"}, {Message: "x", Details: "… (12 bytes more)"}} {
		if got := of(f); got != "" {
			t.Errorf("%+v: %s", f, got)
		}
	}
}
