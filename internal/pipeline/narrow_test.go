package pipeline

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite"
)

// TestNarrow names tests in the ways in which people do.
func TestNarrow(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "web", "tests"), 0o755); err != nil { //nolint:gosec // a folder of the test
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "web", "tests", "pay.spec.ts"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join(root, "web"))
	test := func(file string, line int, name string) e2e.Test {
		return e2e.Test{ID: "web/" + file + "::" + name, Suite: "web", File: file, Line: line, Name: name}
	}
	grouped := func(t e2e.Test, group string) e2e.Test { t.Group = group; return t }
	lists := func() []listed {
		return []listed{
			{spec: suite.Spec{Name: "web", Dir: "web"}, choices: []choice{
				{test: test("tests/pay.spec.ts", 3, "pays")}, {test: test("tests/pay.spec.ts", 10, "pays by card [visa]")},
				{test: test("tests/pay.spec.ts", 10, "pays by card [amex]")}, {test: test("tests/refund.spec.ts", 3, "refunds")},
				{test: grouped(test("tests/flow.spec.ts", 1, "step 1"), "flow")}, {test: grouped(test("tests/flow.spec.ts", 9, "step 2"), "flow"), why: "select"},
				{test: test("tests/slow.spec.ts", 3, "imports pays of a year"), why: "select"}, {test: test("tests/prod.spec.ts", 3, "deletes all"), why: "target"},
			}},
			{spec: suite.Spec{Name: "api", Dir: "."}, choices: []choice{{test: e2e.Batch{ID: "api::(whole suite)", Suite: "api"}.Stand()}}, batch: true},
		}
	}
	for name, tc := range map[string]struct {
		narrow  Narrow
		want    []string // names; those in parentheses run as context
		problem string
		stops   bool
	}{
		"part of an id":            {narrow: Narrow{Names: []string{"PAY.spec.ts::pays BY"}}, want: []string{"pays by card [visa]", "pays by card [amex]"}},
		"a whole name":             {narrow: Narrow{Names: []string{"pays"}}, want: []string{"pays"}},
		"a whole id":               {narrow: Narrow{Names: []string{"web/tests/pay.spec.ts::pays by card [amex]"}}, want: []string{"pays by card [amex]"}},
		"path of the repository":   {narrow: Narrow{Names: []string{"web/tests/refund"}}, want: []string{"refunds"}},
		"path from here":           {narrow: Narrow{Names: []string{"tests/pay.spec.ts"}}, want: []string{"pays", "pays by card [visa]", "pays by card [amex]"}},
		"absolute path":            {narrow: Narrow{Names: []string{filepath.Join(root, "web/tests/pay.spec.ts") + ":3"}}, want: []string{"pays"}},
		"line within a test":       {narrow: Narrow{Names: []string{"tests/pay.spec.ts:9"}}, want: []string{"pays"}},
		"line and column":          {narrow: Narrow{Names: []string{"./tests/pay.spec.ts:12:5"}}, want: []string{"pays by card [visa]", "pays by card [amex]"}},
		"line before all tests":    {narrow: Narrow{Names: []string{"tests/pay.spec.ts:1"}}, problem: "matches", stops: true},
		"a group runs as a whole":  {narrow: Narrow{Names: []string{"step 1"}}, want: []string{"step 1", "(step 2)"}},
		"context that is named":    {narrow: Narrow{Names: []string{"step 2"}}, want: []string{"(step 1)", "step 2"}},
		"left out by select only":  {narrow: Narrow{Names: []string{"imports"}}, want: []string{"imports pays of a year"}},
		"selected before left out": {narrow: Narrow{Names: []string{"pays "}}, want: []string{"pays by card [visa]", "pays by card [amex]"}},
		"not of this target":       {narrow: Narrow{Names: []string{"deletes"}}, problem: "matches", stops: true},
		"a suite that cannot list": {narrow: Narrow{Names: []string{"api"}}, want: []string{"(whole suite)"}},
		"two, one is mistyped":     {narrow: Narrow{Names: []string{"pays", "refnuds"}}, problem: `did you mean "refunds"?`, stops: true},
		"a pattern is no pattern":  {narrow: Narrow{Names: []string{".*"}}, problem: "of api, which cannot list tests", stops: true},
		"failed before": {narrow: Narrow{FailedOf: "r", Failed: []e2e.Test{test("tests/refund.spec.ts", 3, "refunds"), test("tests/gone.spec.ts", 1, "gone")}},
			want: []string{"refunds"}, problem: "web/tests/gone.spec.ts::gone"},
		"failed in a suite that cannot list": {narrow: Narrow{FailedOf: "r", Failed: []e2e.Test{{ID: "api::x", Suite: "api"}}}, want: []string{"(whole suite)"}},
		"all failed ones are gone":           {narrow: Narrow{FailedOf: "r", Failed: []e2e.Test{{ID: "web::x"}}}, problem: "can be listed", stops: true},
		"nothing is asked":                   {want: []string{"pays", "pays by card [visa]", "pays by card [amex]", "refunds", "step 1", "(whole suite)"}},
	} {
		all := lists()
		problems, err := tc.narrow.apply(root, "pr", all)
		if (err != nil) != tc.stops {
			t.Errorf("%s: %v", name, err)
		}
		if text := ""; tc.problem != "" || len(problems) > 0 {
			for _, p := range problems {
				text += p.Text
			}
			if tc.problem == "" || !strings.Contains(text, tc.problem) {
				t.Errorf("%s: problems %q, want %q", name, text, tc.problem)
			}
		}
		if tc.stops {
			continue
		}
		var got []string
		for _, list := range all {
			for _, c := range list.choices {
				switch {
				case c.why != "":
				case c.test.Context:
					got = append(got, "("+c.test.Name+")")
				default:
					got = append(got, c.test.Name)
				}
			}
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	if !slices.Equal([]string{"x"}, Narrow{Names: []string{"x"}}.asked().Names) || (Narrow{}).asked() != nil {
		t.Error("documents do not say what was asked")
	}
}
