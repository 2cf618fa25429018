package pipeline

import (
	"strings"
	"testing"

	"github.com/hmarr/codeowners"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite"
)

// TestTouched says what a change has to do with a failed test. In doubt it has something to do with it.
func TestTouched(t *testing.T) {
	rules, err := codeowners.ParseFile(strings.NewReader("/services/pay/ @acme/payments\n/services/case/ @acme/cases\n/services/mail/ post@acme.test\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		dir, file, owner, details, changed string
		owners                             map[string]string
		changes                            []e2e.JudgeChange
		want                               string
	}{
		"elsewhere":                         {dir: "e2e", changed: "services/case/api.go"},
		"a test":                            {dir: "e2e", changed: "e2e/pay_test.go", want: "belongs to the suite"},
		"a helper":                          {dir: "./e2e/", changed: "e2e/lib/login.go", want: "belongs to the suite"},
		"a submodule with the suite":        {dir: "e2e", changed: "e2e", want: "belongs to the suite"},
		"a submodule above it":              {dir: "tests/e2e", changed: "tests", want: "belongs to the suite"},
		"a folder that begins as the suite": {dir: "e2e", changed: "e2e-tools/x.go"},
		"in the failure":                    {dir: "e2e", changed: "services/case/api.go", details: "at services/case/api.go:12", want: "which the failure names"},
		"in the failure, on Windows": {dir: "e2e", changed: "services/case/api.go", details: `at C:\b\services\case\api.go:12`,
			want: "which the failure names"},
		"in the failure, below a module": {dir: "e2e", changed: "services/case/api.go", details: "case/api.go:12 +0x1", want: "which the failure names"},
		"a class in the failure": {dir: "e2e", changed: "src/main/java/com/acme/Pay.java", details: "at com.acme.Pay.charge(Unknown Source)",
			want: "which the failure names"},
		"a name that only begins so":   {dir: "e2e", changed: "services/case/pay.go", details: "payments are down"},
		"what starts the suite":        {dir: "e2e", changed: "scripts/run.sh", want: "starts the suite"},
		"packages":                     {dir: "e2e", changed: "web/package-lock.json", want: "what every test runs with"},
		"packages of Rust":             {dir: "e2e", changed: "pay/Cargo.lock", want: "what every test runs with"},
		"packages of a stage":          {dir: "e2e", changed: "requirements-dev.txt", want: "what every test runs with"},
		"packages of .NET":             {dir: "e2e", changed: "src/Pay.csproj", want: "what every test runs with"},
		"whose files are whose":        {dir: "e2e", changed: "docs/CODEOWNERS", want: "whose files are whose"},
		"the workflow":                 {dir: "e2e", changed: ".github/workflows/e2e.yml", want: "what every test runs with"},
		"the owner's":                  {dir: "e2e", owner: "payments", changed: "services/pay/api.go", want: "belongs to payments"},
		"the owner's, in another case": {dir: "e2e", owner: "@Acme/Payments", changed: "services/pay/api.go", want: "belongs to @Acme/Payments"},
		"the owner's, by the config": {dir: "e2e", owner: "money", owners: map[string]string{"money": "@acme/payments"}, changed: "services/pay/api.go",
			want: "belongs to money"},
		"another owner's":       {dir: "e2e", owner: "payments", changed: "services/case/api.go"},
		"an account by mail":    {dir: "e2e", owner: "payments", changed: "services/mail/api.go"},
		"a suite at the root":   {dir: ".", file: "tests/pay.spec.ts", changed: "src/api.ts"},
		"beside its test":       {dir: "", file: "tests/pay.spec.ts", changed: "tests/other/helper.ts", want: "belongs to the suite"},
		"a test at the root":    {dir: ".", file: "pay_test.go", changed: "docs/a.md", want: "the suite is at the root"},
		"a test without a file": {dir: ".", changed: "docs/a.md", want: "the suite is at the root"},
		"its judge":             {dir: "e2e", changed: "docs/a.md", changes: []e2e.JudgeChange{{What: "gates"}}, want: "alters what judges it"},
	} {
		s := New(Options{Config: &config.Config{Suites: []suite.Spec{{Name: "s", Dir: tc.dir, Run: []string{"sh", "../scripts/run.sh"}}}, Owners: tc.owners}, ChangedPaths: []string{"README.md", tc.changed}})
		test := &e2e.TestResult{Test: e2e.Test{ID: "s::t", Suite: "s", File: tc.file, Owner: tc.owner},
			Attempts: []e2e.Attempt{{Message: "boom", Details: tc.details}}}
		got := s.touched(test, &e2e.Judging{Changes: tc.changes}, rules)
		if tc.want == "" && got != "" || tc.want != "" && !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
