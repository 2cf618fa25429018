package policy

import (
	"reflect"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

// TestCompile: only what was compiled can be a policy, and a mistake makes none.
func TestCompile(t *testing.T) {
	cells := Override{"failed": {"nightly": "block"}}
	p, wrong := Compile(cells)
	if len(wrong) > 0 || p.Table().Effect(RowFailed, e2e.Nightly) != e2e.Blocks || p.BuiltIn() || !reflect.DeepEqual(p.Cells(), cells) {
		t.Errorf("compiled %v, with the mistakes %v", p, wrong)
	}
	if !reflect.DeepEqual(Policy{}.Table(), Default()) || !(Policy{}).BuiltIn() || (Policy{}).Cells() != nil {
		t.Error("the zero policy is not the built-in one")
	}
	p, wrong = Compile(Override{"failed": {"nightly": "block", "release-blocking": "ignore"}})
	if len(wrong) != 1 || !p.BuiltIn() || !reflect.DeepEqual(p.Table(), Default()) {
		t.Errorf("an override with a mistake compiled to %v, with the mistakes %v", p, wrong)
	}
}
