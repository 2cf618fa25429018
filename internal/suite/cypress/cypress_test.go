package cypress

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite/adapter"
	"github.com/org/e2e-gate/internal/testkit/need"
	"github.com/org/e2e-gate/internal/testkit/suitetest"
)

func TestCypressDiscovery(t *testing.T) {
	root := suitetest.Files(t, map[string]string{
		"cypress/e2e/checkout.cy.ts": "describe('Checkout', { tags: ['@smoke', \"owner:shop\"] }, () => {\n  it('buys', { tags: '@journey:buy @slow' }, () => " +
			"{});\n  // it('old', { tags: '@dead' })\n});",
		"cypress/e2e/a/plain.cy.js":   "/* tags: ['no'] */ it('x', () => {})",
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
	if len(problems) != 0 {
		t.Errorf("%+v", problems)
	}
}

// A name that --spec would split or read as a pattern is named, and no other one: those are run as they are.
func TestCypressOddNames(t *testing.T) {
	s := adapter.Spec{Name: "ui", Framework: "cypress", Run: []string{need.Tool(t, "node", "apt-get install nodejs"), play(t)}}
	const source = "it('x', () => {})"
	root := suitetest.Files(t, map[string]string{"cypress/e2e/é 'q' #%$&;|!@+~^=.cy.js": source})
	for _, c := range strings.Split(patterns, "") {
		suitetest.Write(t, root, map[string]string{"cypress/e2e/a" + c + "b.cy.js": source})
	}
	a := Framework.New(s, root)
	tests, problems := suitetest.Discover(t, a)
	if len(tests) != 1 || len(problems) != len(patterns) {
		t.Fatalf("%+v, %+v", tests, problems)
	}
	for _, p := range problems {
		if !p.LosesEvidence || !strings.Contains(p.Text, "rename the file, without any of , * ? [ ] { } ( )") {
			t.Errorf("%+v", p)
		}
	}
	if rep := suitetest.Run(t, a, tests, 0); e2e.OutcomeOf(rep.Tests[tests[0].ID]) != e2e.Passed || len(rep.Problems) > 0 {
		t.Errorf("%+v", rep)
	}
}

// Before version 5 there are no retries, and no attempts to read.
func TestCypressIsTooOld(t *testing.T) {
	for version, want := range map[string]string{
		"4.12.1": "suite ui: tool not usable: Cypress 4.12.1 is too old; 5.0 or later is needed: npm install --save-dev cypress@latest", "5.0.0": "", "15.3.0": "",
	} {
		root := suitetest.Files(t, map[string]string{"node_modules/cypress/package.json": `{"version": "` + version + `"}`})
		_, _, err := Framework.New(adapter.Spec{Name: "ui", Framework: "cypress"}, root).Discover(t.Context(), nil)
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%s: %v", version, err)
		}
	}
}

// Cypress itself is a download that this test does not make: a script plays its events.
func TestCypressRun(t *testing.T) {
	s := adapter.Spec{Name: "ui", Framework: "cypress", Run: []string{need.Tool(t, "node", "apt-get install nodejs"), play(t)}}
	root := suitetest.Files(t, map[string]string{
		"cypress.config.json": `{"retries": 1}`,
		"cypress/e2e/a.cy.js": "describe('Checkout', () => { it('buys', () => {}); it.skip('gives back'); });",
		"cypress/e2e/b.cy.js": "describe('Checkout', () => { it('buys', {retries: 2}, () => { if (nth('b') < 3) throw new Error('not yet ' + nth('m')) });\n" +
			"it('pays', () => { nth('pays') });\nit('pays', () => {}) });",
		"cypress/e2e/c.cy.js": "describe('Review', () => { before(() => { throw new Error('no case') }); it('first', () => {}); it('second', () => {}) });",
	})
	a := Framework.New(s, root)
	tests, _ := suitetest.Discover(t, a)
	rep := suitetest.Run(t, a, tests, 0)
	of := func(name string) []e2e.Attempt { return rep.Tests["ui/cypress/e2e/"+name+".cy.js::spec"] }
	b, c := of("b"), of("c")
	if e2e.OutcomeOf(of("a")) != e2e.Passed || e2e.OutcomeOf(b) != e2e.Flaky || e2e.OutcomeOf(c) != e2e.Failed || len(rep.Unplanned)+len(rep.Problems) > 0 {
		t.Fatalf("%+v", rep)
	}
	if len(b) != 3 || b[0].Message != "Checkout › buys: not yet 1" || b[1].Message != "Checkout › buys: not yet 2" || b[2].Source != e2e.SourceFramework ||
		len(b[0].Children) != 3 || b[0].Started.IsZero() {
		t.Errorf("retries of a single test are attempts, and titles that are equal are two: %+v", b)
	}
	if len(c) != 1 || c[0].Message != "Review › first: no case" || len(c[0].Children) != 2 || len(c[0].Files) != 1 ||
		filepath.Base(c[0].Files[0]) != "it -- failed.png" {
		t.Errorf("%+v", c)
	}
}

// Spec files that had ended before a crash are known.
func TestCypressCrash(t *testing.T) {
	s := adapter.Spec{Name: "ui", Framework: "cypress", Run: []string{need.Tool(t, "node", "apt-get install nodejs"), play(t)}}
	root := suitetest.Files(t, map[string]string{"cypress/e2e/a.cy.js": "it('x', () => {})", "cypress/e2e/b.cy.js": "it('x', () => process.exit(0))"})
	a := Framework.New(s, root)
	tests, _ := suitetest.Discover(t, a)
	rep := suitetest.Run(t, a, tests, 0)
	if e2e.OutcomeOf(rep.Tests["ui/cypress/e2e/a.cy.js::spec"]) != e2e.Passed || len(rep.Tests["ui/cypress/e2e/b.cy.js::spec"]) > 0 || len(rep.Problems) == 0 ||
		!rep.Problems[0].LosesEvidence {
		t.Errorf("%+v", rep)
	}
}

// play is the path of a script that plays Cypress.
func play(t *testing.T) string {
	t.Helper()
	script, err := filepath.Abs("testdata/cypress.cjs")
	if err != nil {
		t.Fatal(err)
	}
	return script
}

func TestCypressCommand(t *testing.T) {
	for attempt, off := range map[int]bool{1: false, 2: true} {
		reports := t.TempDir()
		root := suitetest.Files(t, map[string]string{"node_modules/cypress/package.json": `{"version": "15.3.0"}`})
		inv, err := Framework.New(adapter.Spec{Name: "ui", Framework: "cypress", Args: []string{"--browser", "chrome"}}, root).Start(adapter.Unit{
			Tests: []e2e.Test{{File: "cypress/e2e/a.cy.js"}, {File: "cypress/e2e/b.cy.js"}}, Reports: reports, Evidence: "/e", Attempt: attempt})
		if err != nil {
			t.Fatal(err)
		}
		want := "npx --no-install cypress run --spec cypress/e2e/a.cy.js,cypress/e2e/b.cy.js --reporter " + filepath.Join(reports, "e2e-gate-cypress.cjs") +
			" --browser chrome"
		if got := strings.Join(inv.Command().Argv, " "); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if slices.Contains(inv.Command().Env, "CYPRESS_RETRIES=0") != off {
			t.Errorf("attempt %d: %q", attempt, inv.Command().Env)
		}
	}
}

// A suite without the package of Cypress says what to install.
func TestCypressIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for dir, want := range map[string]string{
		"":   "suite ui: tool not usable: cypress is not installed; run npm install --save-dev cypress",
		"ui": "suite ui: tool not usable: cypress is not installed in ui; run npm install --save-dev cypress",
	} {
		_, err := Framework.New(adapter.Spec{Name: "ui", Framework: "cypress", Dir: dir}, t.TempDir()).Start(adapter.Unit{
			Tests: []e2e.Test{{File: "cypress/e2e/a.cy.js"}}, Reports: t.TempDir(), Attempt: 1})
		if err == nil || err.Error() != want {
			t.Errorf("%v", err)
		}
	}
}
