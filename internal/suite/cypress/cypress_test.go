package cypress

import (
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite/adapter"
	"github.com/org/e2e-gate/internal/testkit/suitetest"
)

func TestCypressDiscovery(t *testing.T) {
	root := suitetest.Files(t, map[string]string{
		"cypress/e2e/checkout.cy.ts": "describe('Checkout', { tags: ['@smoke', \"owner:shop\"] }, () => {\n  it('buys', { tags: '@journey:buy @slow' }, () => " +
			"{});\n  // it('old', { tags: '@dead' })\n});",
		"cypress/e2e/a/plain.cy.js":   "/* tags: ['no'] */ it('x', () => {})",
		"cypress/e2e/a,b.cy.js":       "",
		"cypress/e2e/helper.js":       "",
		"node_modules/x/e2e/no.cy.js": "",
	})
	tests, problems := suitetest.Discover(t, Framework.New(adapter.Spec{Name: "ui", Framework: "cypress"}, root))
	var got []string
	for _, planned := range tests {
		got = append(got, planned.ID+" "+strings.Join(planned.Tags, ","))
	}
	if !slices.Equal(got, []string{"ui/cypress/e2e/a/plain.cy.js::spec ", "ui/cypress/e2e/checkout.cy.ts::spec smoke,owner:shop,journey:buy,slow"}) {
		t.Errorf("%q", got)
	}
	if len(problems) != 1 || !strings.Contains(problems[0].Text, "a,b.cy.js") {
		t.Errorf("%+v", problems)
	}
}

// The reports have the shape that Cypress' reporter gives them; Cypress itself is a
// download that this test does not make.
func TestCypressRun(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Cypress is played by a shell script")
	}
	script, err := filepath.Abs("testdata/run.sh")
	if err != nil {
		t.Fatal(err)
	}
	root := suitetest.Files(t, map[string]string{"cypress/e2e/a.cy.js": "", "cypress/e2e/b.cy.js": ""})
	s := adapter.Spec{Name: "ui", Framework: "cypress", Run: []string{"sh", script}}
	tests, _ := suitetest.Discover(t, Framework.New(s, root))

	t.Setenv("CYPRESS_EXAMPLE_FAIL", "cypress/e2e/b.cy.js")
	rep := suitetest.Run(t, Framework.New(s, root), tests, 0)
	a, b := rep.Tests["ui/cypress/e2e/a.cy.js::spec"], rep.Tests["ui/cypress/e2e/b.cy.js::spec"]
	if e2e.OutcomeOf(a) != e2e.Passed || e2e.OutcomeOf(b) != e2e.Failed || len(rep.Unplanned) > 0 || len(rep.Problems) > 0 {
		t.Fatalf("%+v", rep)
	}
	if b[0].Message != "Checkout buys an item: expected 1 to equal 2" || len(b[0].Children) != 3 || len(b[0].Files) != 1 ||
		filepath.Base(b[0].Files[0]) != "it -- failed.png" {
		t.Errorf("%+v", b)
	}

	t.Setenv("CYPRESS_EXAMPLE_FAIL", "")
	t.Setenv("CYPRESS_EXAMPLE_CRASH", "cypress/e2e/b.cy.js")
	rep = suitetest.Run(t, Framework.New(s, root), tests, 0)
	if e2e.OutcomeOf(rep.Tests["ui/cypress/e2e/a.cy.js::spec"]) != e2e.Passed || len(rep.Tests["ui/cypress/e2e/b.cy.js::spec"]) > 0 || len(rep.Problems) != 1 ||
		!rep.Problems[0].LosesEvidence {
		t.Errorf("%+v", rep)
	}
}

func TestCypressCommand(t *testing.T) {
	inv, err := Framework.New(adapter.Spec{Name: "ui", Framework: "cypress", Args: []string{"--browser", "chrome"}}, t.TempDir()).Start(adapter.Unit{
		Tests: []e2e.Test{{File: "cypress/e2e/a.cy.js"}, {File: "cypress/e2e/b.cy.js"}}, Reports: "/r", Evidence: "/e"})
	if err != nil {
		t.Fatal(err)
	}
	want := "npx --no-install cypress run --spec cypress/e2e/a.cy.js,cypress/e2e/b.cy.js --reporter junit --reporter-options " +
		"mochaFile=/r/[hash].xml,toConsole=false,includePending=true --browser chrome"
	if got := strings.Join(inv.Command().Argv, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
