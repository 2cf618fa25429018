package triage

import (
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
)

// labelled is a failure with the category that a person who knows the rules gives
// it. Context is written "health rerun recent path path...", - for no history.
type labelled struct {
	name      string
	framework string
	message   string
	details   string
	context   string
	want      e2e.Category
}

func (l labelled) input() Input {
	f := strings.Fields(l.context)
	in := Input{ID: l.name, Framework: l.framework, Test: l.name, Message: l.message, Details: l.details}
	in.Context = Context{Health: Health(f[0]), Rerun: Rerun(f[1]), Recent: Recent(strings.Trim(f[2], "-")), ChangedPaths: f[3:]}
	return in
}

func TestLabelledFailures(t *testing.T) {
	triager, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	wrong, total := 0, 0
	for _, l := range concatCases() {
		total++
		got := triager.Triage(l.input())
		if got.Category != l.want {
			wrong++
			t.Errorf("%s [%s]: got %s (%s, %s), want %s\n  %s", l.name, l.context, got.Category, got.Confidence, got.Cause, l.want, strings.Join(got.Evidence, "\n  "))
		}
		if got.Category != unknown && len(got.Evidence) < 1 || got.NextStep == "" || got.Confidence == "" || got.Cause == "" {
			t.Errorf("%s: incomplete result %+v", l.name, got)
		}
	}
	t.Logf("%d of %d", total-wrong, total)
}

func concatCases() []labelled {
	var all []labelled
	for _, list := range [][]labelled{jvmCases, browserCases, scriptCases, goCases, infraCases, contextCases, adversarialCases, wordingCases, kindCases} {
		all = append(all, list...)
	}
	return all
}
