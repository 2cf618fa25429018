package pytest

import (
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite/adapter"
)

func TestPytestArguments(t *testing.T) {
	spec := adapter.Spec{Args: []string{"-n", "4", "--reruns=2", "tests"}}
	some := []e2e.Test{{Name: "a"}}
	for _, tc := range []struct {
		l    adapter.Launch
		want string
	}{
		{adapter.Launch{Spec: spec}, "-p e2e_gate_pytest -n 4 --reruns=2 tests --collect-only -q"},
		{adapter.Launch{Spec: spec, Tests: some, Attempt: 1}, "-p e2e_gate_pytest -n 4 --reruns=2 tests"},
		{adapter.Launch{Spec: spec, Tests: some, Attempt: 2}, "-p e2e_gate_pytest -n 4 --reruns=2 tests --numprocesses=0"},
		{adapter.Launch{Spec: adapter.Spec{Args: []string{"-nauto"}}, Tests: some, Attempt: 2}, "-p e2e_gate_pytest -nauto --numprocesses=0"},
		{adapter.Launch{Tests: some, Attempt: 2}, "-p e2e_gate_pytest"},
	} {
		if args, err := arguments(tc.l); err != nil || strings.Join(args, " ") != tc.want {
			t.Errorf("got %s (%v), want %s", args, err, tc.want)
		}
	}
}
