package triage

import "testing"

// An expression that does not compile must not wait for the failure that needs it.
func TestEveryExpressionCompiles(t *testing.T) {
	if len(exprs) < 40 {
		t.Errorf("only %d expressions are known", len(exprs))
	}
	for _, e := range exprs {
		e.get() // panics on a fault
	}
}
