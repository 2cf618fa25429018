package triage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Of very many failures, those after the first thousands are told by their messages alone.
func TestManyFailures(t *testing.T) {
	inputs := make([]Input, MaxRead+2)
	for i := range inputs {
		inputs[i] = Input{ID: fmt.Sprintf("s::t%d", i), Message: fmt.Sprintf("dial tcp 10.0.0.1:%d: connection refused", i), Planned: len(inputs)}
	}
	last, like := len(inputs)-1, len(inputs)-2
	inputs[last].Message = "something that no other test said"
	results, clusters := mustNew(t).All(inputs)
	evidence := strings.Join(results[like].Evidence, " ")
	if r := results[like]; r.Category != results[0].Category || r.Category == unknown || !strings.Contains(evidence, "the same message as s::t0") {
		t.Errorf("%+v, like %+v", r, results[0])
	}
	if r := results[last]; r.Category != unknown || r.Cause != "not looked at" || r.ID != inputs[last].ID {
		t.Errorf("%+v", r)
	}
	if len(clusters) != 2 || len(clusters[0].Tests) != len(inputs)-1 || len(clusters[1].Tests) != 1 {
		t.Errorf("%d clusters, the first of %d tests", len(clusters), len(clusters[0].Tests))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := mustNew(t).Within(ctx, inputs[:1]); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
