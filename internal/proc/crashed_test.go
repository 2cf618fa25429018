package proc

import "testing"

func TestCrashed(t *testing.T) {
	for _, tc := range []struct {
		name string
		exit Exit
		want bool
	}{
		{"a panic", Exit{Ended: Exited, Code: 2}, true},
		{"an exception", Exit{Ended: Exited, Code: 1}, true},
		{"a status of Windows", Exit{Ended: Exited, Code: 0xC0000005}, true},
		{"it was done", Exit{Ended: Exited}, false},
		{"a fault of its own", Exit{Ended: Signalled, Code: -1, signal: 11}, true},
		{"the kernel has no memory left", Exit{Ended: Signalled, Code: -1, signal: 9}, false},
		{"a signal that is not known", Exit{Ended: Signalled, Code: -1}, false},
		{"a fault, as a shell reports it", Exit{Ended: Exited, Code: 128 + 11}, true},
		{"killed, as a shell reports it", Exit{Ended: Exited, Code: 128 + 9}, false},
		{"asked to end, as a shell reports it", Exit{Ended: Exited, Code: 128 + 15}, false},
		{"cancelled", Exit{Ended: Cancelled, Code: 1}, false},
		{"never started", Exit{Ended: NotStarted, Code: -1}, false},
	} {
		if got := tc.exit.Crashed(); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}
