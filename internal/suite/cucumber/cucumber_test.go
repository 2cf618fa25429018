package cucumber

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	messages "github.com/cucumber/messages/go/v28"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/proc"
	"github.com/org/e2e-gate/internal/suite/adapter"
	"github.com/org/e2e-gate/internal/testkit/suitetest"
)

const feature = `@smoke
Feature: Cases

  Background:
    Given a reviewer

  Scenario: Submit
    When a case is submitted

  @owner:intake
  Rule: Two reviewers
    @slow
    Scenario Outline: Review of a <risk> case
      When it is reviewed <times> times
      @journey:review
      Examples:
        | risk | times |
        | low  | 1     |
        | a\|b | 2     |
`

func TestCucumberDiscovery(t *testing.T) {
	root := suitetest.Files(t, map[string]string{
		"features/cases.feature": feature, "node_modules/x/y.feature": feature, "broken.feature": "Feature: x\n  Scenario: a\n    Given b\n    Gurken",
		"empty.feature": "",
	})
	tests, problems := suitetest.Discover(t, Framework.New(adapter.Spec{Name: "s", Framework: "cucumber"}, root))
	var got []string
	for _, planned := range tests {
		got = append(got, planned.ID+":"+strings.Join(planned.Tags, ",")+":"+string(rune('0'+planned.Line/10))+string(rune('0'+planned.Line%10)))
	}
	want := []string{
		"s/features/cases.feature::Submit:smoke:07",
		"s/features/cases.feature::Two reviewers › Review of a low case [low | 1]:smoke,owner:intake,slow,journey:review:18",
		"s/features/cases.feature::Two reviewers › Review of a a|b case [a|b | 2]:smoke,owner:intake,slow,journey:review:19",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if len(problems) != 1 || !strings.Contains(problems[0].Text, "broken.feature cannot be read") || !problems[0].LosesEvidence {
		t.Errorf("%+v", problems)
	}
	tests, _ = suitetest.Discover(t, Framework.New(adapter.Spec{Name: "s", Framework: "cucumber", Specs: []string{"other/*.feature"}}, root))
	if len(tests) != 0 {
		t.Errorf("%+v", tests)
	}
}

func TestCucumberPathsOfItsOwn(t *testing.T) {
	for name, text := range map[string]string{
		"cucumber.js": "module.exports = { default: { paths: ['features'] } }", "cucumber.yaml": "default:\n  paths: [features]\n",
		"cucumber.json": "{\"default\":\n {\"paths\": []}}",
	} {
		root := suitetest.Files(t, map[string]string{name: text})
		if _, _, err := Framework.New(adapter.Spec{Name: "s", Framework: "cucumber"}, root).Discover(t.Context(), nil); err == nil ||
			!strings.Contains(err.Error(), name+" sets paths") {
			t.Errorf("%s: %v", name, err)
		}
	}
	root := suitetest.Files(t, map[string]string{"cucumber.js": "// no paths here\nmodule.exports = { default: { require: ['steps/paths.js'] } }"})
	if _, _, err := Framework.New(adapter.Spec{Name: "s", Framework: "cucumber"}, root).Discover(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestCucumberCommands(t *testing.T) {
	u := adapter.Unit{Attempt: 2}
	for _, tc := range []struct {
		spec adapter.Spec
		want string
	}{
		{adapter.Spec{}, `npx --no-install cucumber-js L --format "message":"M"`},
		{
			adapter.Spec{Run: []string{"pnpm", "cucumber-js"}, Args: []string{"--retry=2", "--retry-tag-filter", "@x", "--parallel", "2"}},
			`pnpm cucumber-js L --format "message":"M" --parallel 2`,
		},
		{
			adapter.Spec{Run: []string{"mvn", "test", "-Dcucumber.features={features}", "-Dcucumber.plugin=message:{messages}"}, Args: []string{"-q"}},
			"mvn test -Dcucumber.features=L -Dcucumber.plugin=message:M -q",
		},
	} {
		if got := strings.Join((&cucumber{spec: tc.spec}).argv(u, "L", "M"), " "); got != tc.want {
			t.Errorf("got  %s\nwant %s", got, tc.want)
		}
	}
}

// said are messages of one run: the feature as Cucumber read it, then what a test
// says. The scenario has the pickle p1, the rows of the outline p2 and p3.
func said(lines ...string) string {
	head := []string{
		`{"gherkinDocument":{"uri":"URI","feature":{"children":[{"scenario":{"id":"s1","location":{"line":7},"name":"Submit"}},` +
			`{"rule":{"name":"Two reviewers","children":[{"scenario":{"id":"s2","location":{"line":13},"examples":[{"tableBody":[` +
			`{"id":"r1","location":{"line":18},"cells":[{"value":"low"},{"value":"1"}]},` +
			`{"id":"r2","location":{"line":19},"cells":[{"value":"a|b"},{"value":"2"}]}]}]}}]}}]}}}`,
		`{"pickle":{"id":"p1","uri":"URI","name":"Submit","astNodeIds":["s1"]}}`,
		`{"pickle":{"id":"p2","uri":"URI","name":"Review of a low case","astNodeIds":["s2","r1"]}}`,
		`{"pickle":{"id":"p3","uri":"URI","name":"Review of a a|b case","astNodeIds":["s2","r2"]}}`,
		`{"testCase":{"id":"c1","pickleId":"p1"}}`, `{"testCase":{"id":"c2","pickleId":"p2"}}`, `{"testCase":{"id":"c3","pickleId":"p3"}}`,
	}
	return strings.Join(append(head, lines...), "\n") + "\n"
}

func ran(id, testCase, status, message string) string {
	quoted, _ := json.Marshal(message)
	return `{"testCaseStarted":{"id":"` + id + `","testCaseId":"` + testCase + `","attempt":0,"timestamp":{"seconds":1700000000,"nanos":0}}}
{"testStepFinished":{"testCaseStartedId":"` + id + `","testStepResult":{"status":"PASSED"}}}
{"testStepFinished":{"testCaseStartedId":"` + id + `","testStepResult":{"status":"` + status + `","message":` + string(quoted) + `}}}
{"testStepFinished":{"testCaseStartedId":"` + id + `","testStepResult":{"status":"SKIPPED"}}}
{"testCaseFinished":{"testCaseStartedId":"` + id + `","timestamp":{"seconds":1700000001,"nanos":500000000}}}`
}

// again makes a test case that Cucumber itself calls a further attempt.
func again(lines string) string {
	return strings.Replace(lines, `"attempt":0`, `"attempt":1`, 1)
}

func TestCucumberMessages(t *testing.T) {
	const end = `{"testRunFinished":{"success":true}}`
	const a = "s/features/cases.feature::Submit"
	for _, tc := range []struct {
		name, text, problem string
		exit                proc.Exit
		want                e2e.Outcome
		uri                 string
	}{
		{name: "fails", text: said(ran("1", "c1", "FAILED", "Error: no\n    at x.js:3"), end), exit: proc.Exit{Ended: proc.Exited, Code: 1}, want: e2e.Failed},
		{name: "undefined", text: said(ran("1", "c1", "UNDEFINED", ""), end), exit: proc.Exit{Ended: proc.Exited, Code: 1}, want: e2e.Failed},
		{name: "a new status", text: said(ran("1", "c1", "SPLENDID", ""), end), want: e2e.Failed},
		{
			name: "repeated",
			text: said(ran("1", "c1", "FAILED", "no"), again(ran("2", "c1", "SKIPPED", "")),
				again(strings.ReplaceAll(ran("3", "c1", "PASSED", ""), "SKIPPED", "PASSED")), end),
			want: e2e.Flaky,
		},
		{
			name: "twice, and not called a retry", text: said(ran("1", "c1", "FAILED", "no"), ran("2", "c1", "PASSED", ""), end),
			exit: proc.Exit{Ended: proc.Exited, Code: 1}, want: e2e.Failed,
		},
		{name: "no steps", text: said(`{"testCaseStarted":{"id":"1","testCaseId":"c1"}}`, `{"testCaseFinished":{"testCaseStartedId":"1"}}`, end), want: e2e.Skipped},
		{
			name: "killed", text: said(`{"testCaseStarted":{"id":"1","testCaseId":"c1"}}`), exit: proc.Exit{Ended: proc.Signalled}, want: e2e.Lost,
			problem: "while these ran: features/cases.feature::Submit",
		},
		{
			name: "cut", text: strings.TrimSuffix(said(ran("1", "c1", "FAILED", "no"), `{"testRunFin`), "\n"), exit: proc.Exit{Ended: proc.Exited, Code: 1},
			want: e2e.Failed, problem: "1 of the messages",
		},
		{
			name: "a hook of the run", text: said(`{"testRunHookFinished":{"result":{"status":"FAILED","message":"no database"}}}`, end),
			exit: proc.Exit{Ended: proc.Exited, Code: 1}, want: e2e.Lost, problem: "no database",
		},
		{
			name: "class path", text: said(ran("1", "c1", "FAILED", "no"), end), uri: "classpath:cases.feature", exit: proc.Exit{Ended: proc.Exited, Code: 1},
			want: e2e.Failed,
		},
		{
			name: "a link", text: said(ran("1", "c1", "FAILED", "no"), end), uri: "file:///elsewhere/features/cases.feature",
			exit: proc.Exit{Ended: proc.Exited, Code: 1}, want: e2e.Failed,
		},
		{
			name: "file", text: said(ran("1", "c1", "FAILED", "no"), end), uri: "file:features/cases.feature", exit: proc.Exit{Ended: proc.Exited, Code: 1},
			want: e2e.Failed,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := suitetest.Process(t)
			p.Unit.Tests = []e2e.Test{{ID: a, Name: "features/cases.feature::Submit", File: "features/cases.feature", Suite: "s"}}
			if tc.uri == "" {
				tc.uri = "features/cases.feature"
			}
			file := filepath.Join(p.Unit.Reports, "m")
			if err := os.WriteFile(file, []byte(strings.ReplaceAll(tc.text, "URI", tc.uri)), 0o600); err != nil {
				t.Fatal(err)
			}
			p.Results = &messageFile{path: file, suite: &cucumber{spec: adapter.Spec{Name: "s", Framework: "cucumber"}}}
			if tc.exit.Ended == "" {
				tc.exit.Ended = proc.Exited
			}
			rep := p.Report(tc.exit)
			if got := e2e.OutcomeOf(rep.Tests[a]); got != tc.want || len(rep.Unplanned) > 0 {
				t.Errorf("%s, want %s; %+v", got, tc.want, rep)
			}
			rep.Problems = slices.DeleteFunc(rep.Problems, func(p e2e.Problem) bool { return p.Note })
			if tc.problem == "" && len(rep.Problems) > 0 || tc.problem != "" &&
				!slices.ContainsFunc(rep.Problems, func(found e2e.Problem) bool { return strings.Contains(found.Text, tc.problem) && found.LosesEvidence }) {
				t.Errorf("want %q: %+v", tc.problem, rep.Problems)
			}
		})
	}
}

func TestCucumberAttachments(t *testing.T) {
	p := suitetest.Process(t, "features/cases.feature::Two reviewers › Review of a a|b case [a|b | 2]")
	lines := strings.Replace(ran("1", "c3", "FAILED", "expected 2\n    at x.js"), "\n", `
{"attachment":{"testCaseStartedId":"1","body":"cG5n","contentEncoding":"BASE64","mediaType":"image/png"}}
{"attachment":{"testCaseStartedId":"1","body":"zip","contentEncoding":"IDENTITY","mediaType":"application/zip","fileName":"../../trace.zip"}}
{"attachment":{"testCaseStartedId":"1","body":"a line","contentEncoding":"IDENTITY","mediaType":"text/x.cucumber.log+plain"}}
`, 1)
	file := filepath.Join(p.Unit.Reports, "m")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(said(lines, `{"testRunFinished":{}}`), "URI", "features/cases.feature")), 0o600); err != nil {
		t.Fatal(err)
	}
	p.Results = &messageFile{path: file, suite: &cucumber{spec: adapter.Spec{Name: "s", Framework: "cucumber"}}}
	rep := p.Report(proc.Exit{Ended: proc.Exited, Code: 1})
	attempts := rep.Tests[p.Unit.Tests[0].ID]
	if len(attempts) != 1 || len(attempts[0].Files) != 2 || attempts[0].Message != "expected 2" || !strings.Contains(attempts[0].Details, "a line") ||
		attempts[0].Seconds != 1.5 || attempts[0].Started.Year() != 2023 {
		t.Fatalf("%+v", rep)
	}
	for _, f := range attempts[0].Files {
		if data, err := os.ReadFile(f); err != nil || filepath.Dir(f) != p.Unit.Evidence || string(data) != "png" && string(data) != "zip" {
			t.Errorf("%s: %q %v", f, data, err)
		}
	}
}

// cucumber-js 8 has no exception beside the message.
func TestCucumberErrorsWithoutAnException(t *testing.T) {
	for text, want := range map[string]e2e.Attempt{
		"AssertionError [ERR_ASSERTION]: not equal:\n\n1 !== 2\n\n    + expected - actual\n": {Type: "AssertionError", Message: "not equal:\n\n1 !== 2"},
		"TypeError: x is no function\n    at x.js:3:1":                                       {Type: "TypeError", Message: "x is no function", Error: true},
		"no: it is not\n    at x.js:3:1":                                                     {Message: "no: it is not"},
	} {
		c := &testCase{}
		c.step(&messages.TestStepResult{Status: messages.TestStepResultStatus_FAILED, Message: text})
		if got := c.attempt(); got.Type != want.Type || got.Message != want.Message || got.Error != want.Error {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

// A suite without the package of cucumber-js says what to install, and a name that it would expand is refused.
func TestCucumberRefuses(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	root := suitetest.Files(t, map[string]string{"a[1].feature": "Feature: a\n  Scenario: b\n    Given c\n", "b.feature": "Feature: a\n  Scenario: b\n    Given c\n"})
	a := Framework.New(adapter.Spec{Name: "s", Framework: "cucumber"}, root)
	tests, problems := suitetest.Discover(t, a)
	if len(tests) != 1 || len(problems) != 1 || !problems[0].LosesEvidence || !strings.Contains(problems[0].Text, "cucumber-js cannot run a[1].feature alone") {
		t.Errorf("%+v, %+v", tests, problems)
	}
	_, err := a.Start(adapter.Unit{Tests: tests, Reports: t.TempDir(), Attempt: 1})
	if want := "suite s: tool not usable: @cucumber/cucumber is not installed; run npm install --save-dev @cucumber/cucumber"; err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
	for version, want := range map[string]string{
		"7.3.2": "suite s: tool not usable: cucumber-js 7.3.2 is too old; 8.0 or later is needed: npm install --save-dev @cucumber/cucumber@latest",
		"8.0.0": "", "next": "",
	} {
		suitetest.Write(t, root, map[string]string{"node_modules/@cucumber/cucumber/package.json": `{"version": "` + version + `"}`})
		if _, _, err := a.Discover(t.Context(), nil); (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%s: %v", version, err)
		}
	}
	jvm := Framework.New(adapter.Spec{Name: "s", Framework: "cucumber", Run: []string{"mvn", "-Dcucumber.features={features}"}}, root)
	if tests, problems := suitetest.Discover(t, jvm); len(tests) != 2 || len(problems) > 0 {
		t.Errorf("%+v, %+v", tests, problems)
	}
}
