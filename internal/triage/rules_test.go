package triage

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/org/e2e-gate/internal/e2e"
)

func mustNew(t interface{ Fatal(...any) }, rules ...Rule) *Triager {
	triager, err := New(rules)
	if err != nil {
		t.Fatal(err)
	}
	return triager
}

func TestUserRulesGoFirst(t *testing.T) {
	in := Input{
		ID: "api/PayIT::pays", Framework: "junit5", Test: "PayIT.pays", Message: "expected: <PAID> but was: <OPEN>",
		Details: "one\nPOST https://sandbox.payments.example/charge -> 502\nthree",
		Context: Context{Rerun: RerunFailed, Recent: RecentStable, ChangedPaths: []string{"src/pay.go"}},
	}
	for _, tt := range []struct {
		name  string
		rules []Rule
		want  []string // category, cause, evidence
	}{
		{"none", nil, []string{"PRODUCT_REGRESSION", "product: wrong outcome"}},
		{"details", []Rule{{Category: external, When: When{Details: `sandbox\.payments\.example`}, Why: "payment sandbox"}}, []string{
			"EXTERNAL_DEPENDENCY", "payment sandbox", "rule 1 of triage.rules (payment sandbox)", `details line 2: "sandbox.payments.example"`,
		}},
		{"message does not look into details", []Rule{{Category: external, When: When{Message: "sandbox"}}},
			[]string{"PRODUCT_REGRESSION", "product: wrong outcome"}},
		{"text looks into both", []Rule{{Category: external, When: When{Text: "sandbox"}, Cause: "psp"}},
			[]string{"EXTERNAL_DEPENDENCY", "psp", "rule 1 of triage.rules", `details line 2: "sandbox"`}},
		{"all must match", []Rule{{Category: external, When: When{Text: "sandbox", Test: "Other"}},
			{Category: data, When: When{Test: "^api/", Framework: "junit", Rerun: "failed", Health: "ok"}}}, []string{
			"DATA_COLLISION", "", "rule 2 of triage.rules", "rerun: failed", "health: ok", `test: "api/"`, `framework: "junit"`,
		}},
		{"first wins", []Rule{{Category: test, When: When{Message: "PAID"}}, {Category: data, When: When{Message: "PAID"}}},
			[]string{"TEST_BUG", "", "rule 1 of triage.rules", `message: "PAID"`}},
		{"other health", []Rule{{Category: data, When: When{Health: "failed"}}}, []string{"PRODUCT_REGRESSION", "product: wrong outcome"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := mustNew(t, tt.rules...).Triage(in)
			got := append([]string{string(r.Category), r.Cause}, r.Evidence...)
			if diff := cmp.Diff(tt.want, got[:min(len(got), max(len(tt.want), 2))]); diff != "" {
				t.Error(diff)
			}
			if r.NextStep == "" || r.Confidence != high {
				t.Errorf("incomplete result %+v", r)
			}
		})
	}
	step := mustNew(t, Rule{Category: data, When: When{Message: "PAID"}, NextStep: "ask\nthe team"}).Triage(in).NextStep
	if step != "ask the team" {
		t.Errorf("got %q", step)
	}
}

func TestValidateRules(t *testing.T) {
	rules := []Rule{
		{Category: external, When: When{Message: "ok"}},
		{Category: "EXTERNAL", When: When{Message: "(", Details: "[", Rerun: "twice", Health: "green"}},
		{Category: test},
	}
	var got []string
	for _, p := range Validate(rules) {
		got = append(got, p.Path+": "+p.Text)
		if p.Hint == "" {
			t.Errorf("%s says not what to try", p.Text)
		}
	}
	want := []string{
		`rules[1].category: unknown word "EXTERNAL"`,
		`rules[1].when.rerun: unknown word "twice"`,
		`rules[1].when.health: unknown word "green"`,
		"rules[1].when.message: bad regular expression: error parsing regexp: missing closing ): `(`",
		"rules[1].when.details: bad regular expression: error parsing regexp: missing closing ]: `[`",
		"rules[2].when: the rule matches everything",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := New(rules); err == nil || !strings.HasPrefix(err.Error(), `rules[1].category: unknown word "EXTERNAL"; `) {
		t.Errorf("got %v", err)
	}
}

// Rules never change the answer for failures that they do not match.
func TestRulesLeaveOthersAlone(t *testing.T) {
	all := concatCases()
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SampledFrom(all).Draw(t, "case").input()
		word := rapid.StringMatching(`[a-z]{3,8}`).Draw(t, "word")
		rules := []Rule{
			{Category: rapid.SampledFrom(allCategories).Draw(t, "category"), When: When{Text: word}},
			{Category: data, When: When{Message: word, Rerun: "failed"}},
			{Category: external, When: When{Test: "no such test"}},
		}
		if strings.Contains(in.Message+"\n"+in.Details, word) {
			t.Skip("it matches")
		}
		if diff := cmp.Diff(mustNew(t).Triage(in), mustNew(t, rules...).Triage(in)); diff != "" {
			t.Fatal(diff)
		}
	})
}

var allCategories = []e2e.Category{product, test, env, timing, data, external, unknown}

// Whatever comes in, the result is complete and says the same again.
func TestAnyInputGetsACompleteResult(t *testing.T) {
	triager := mustNew(t)
	all := concatCases()
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SampledFrom(all).Draw(t, "case").input()
		in.Message += rapid.String().Draw(t, "message")
		in.Details += rapid.String().Draw(t, "details")
		in.Context.Health = rapid.SampledFrom([]Health{"", HealthOK, HealthDegraded, HealthFailed}).Draw(t, "health")
		in.Context.Rerun = rapid.SampledFrom([]Rerun{"", RerunPassed, RerunFailed, RerunNone}).Draw(t, "rerun")
		in.Context.Recent = rapid.SampledFrom([]Recent{"", RecentStable, RecentFlaky, RecentNew, RecentFailingOnMain}).Draw(t, "recent")
		in.Context.ChangedPaths = rapid.SliceOf(rapid.SampledFrom([]string{"src/a.go", "e2e/a_test.go", "docs/a.md", "helm/x.yaml", "", "../..",
			`a\b.ts`})).Draw(t, "paths")
		in.Assertion, in.Error = rapid.Bool().Draw(t, "assertion"), rapid.Bool().Draw(t, "error")
		r := triager.Triage(in)
		if r.ID != in.ID || r.Category == "" || r.Cause == "" || r.Confidence == "" || r.NextStep == "" || r.Category != unknown && len(r.Evidence) == 0 {
			t.Fatalf("incomplete result %+v", r)
		}
		for _, e := range r.Evidence {
			if strings.ContainsAny(e, "\n\r\x1b") || len([]rune(e)) > 700 {
				t.Fatalf("evidence is not one bounded line: %q", e)
			}
		}
		if again := triager.Triage(in); !reflect.DeepEqual(r, again) {
			t.Fatalf("%+v\n%+v", r, again)
		}
	})
}

// A passing rerun never makes a product regression, and nothing that failed twice
// with a stable history, a healthy environment and a changed product is timing.
func TestTheWorstErrorsCannotHappen(t *testing.T) {
	triager := mustNew(t)
	for _, l := range concatCases() {
		in := l.input()
		in.Context.Rerun = RerunPassed
		if r := triager.Triage(in); r.Category == product {
			t.Errorf("%s: %+v", l.name, r)
		}
		in.Context = Context{Health: HealthOK, Rerun: RerunFailed, Recent: RecentStable, ChangedPaths: []string{"src/main.go"}}
		if r := triager.Triage(in); r.Category == timing {
			t.Errorf("%s: %+v", l.name, r)
		}
		in.Context.Health = HealthFailed
		// A gate that went down with a process under test is no alibi.
		ended := propose(in, changes{}).choice.cause.family == famEnded
		if r := triager.Triage(in); r.Category == product && !ended {
			t.Errorf("%s: the product is blamed for the environment: %+v", l.name, r)
		}
	}
}

func TestTablesAreComplete(t *testing.T) {
	for f := famNone; f < families; f++ {
		rows := parsed[f]
		if len(rows) == 0 || rows[len(rows)-1].when != "" {
			t.Errorf("family %d: the last row must hold always", f)
			continue
		}
		for i, r := range rows {
			if r.when == "" && i != len(rows)-1 {
				t.Errorf("family %d: rows after %d are never reached", f, i)
			}
			if r.category == "" || r.confidence == "" || r.category == unknown && r.next == "" && f != famNone {
				t.Errorf("family %d, row %q is incomplete", f, r.when)
			}
		}
	}
	for _, when := range []string{"health:green", "is:odd", "weather:fine", "rerun"} {
		if _, err := parseWhen(when); err == nil {
			t.Errorf("%s was read", when)
		}
	}
	for word := range markWords {
		if markTexts[word] == "" && word != "status" && word != "framed" {
			t.Errorf("mark %s has no text", word)
		}
	}
}

func TestMatcherFindsWhatIndexFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfNDistinct(rapid.StringMatching(`[abc]{1,4}`), 1, 8, rapid.ID[string]).Draw(t, "words")
		text := rapid.StringMatching(`[abcABCx]{0,40}`).Draw(t, "text")
		found := map[int]int{}
		m := newMatcher(words)
		m.scan(text, func(id, _ int) { found[id]++ })
		any := false
		for id, w := range words {
			n := 0
			for i := range text {
				if strings.HasPrefix(strings.ToLower(text[i:]), w) {
					n++
				}
			}
			any = any || n > 0
			if found[id] != n {
				t.Fatalf("%q in %q: %d, want %d", w, text, found[id], n)
			}
		}
		if m.in(text) != any {
			t.Fatal("in differs from scan")
		}
	})
}

func ExampleTriager_Triage() {
	triager, _ := New(nil)
	r := triager.Triage(Input{
		ID: "api/CaseIT::submits", Message: "expected: <ACCEPTED> but was: <REJECTED>",
		Context: Context{Health: HealthOK, Rerun: RerunFailed, Recent: RecentStable, ChangedPaths: []string{"src/cases.go"}},
	})
	fmt.Println(r.Category, r.Confidence, "-", r.Cause)
	for _, e := range r.Evidence {
		fmt.Println(e)
	}
	// Output:
	// PRODUCT_REGRESSION high - product: wrong outcome
	// message: "expected: <ACCEPTED> but was: <REJECTED>"
	// rerun: failed again
	// history: stable until now
	// change: product files changed (src/cases.go)
}
