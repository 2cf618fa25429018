package pipeline

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gitrepo"
	"github.com/org/e2e-gate/internal/suite"
)

func monorepo() *config.Config {
	return &config.Config{
		Services: []config.Service{
			{Name: "auth", Paths: []string{"services/auth/**", "libs/http/**"}}, {Name: "case", Needs: []string{"auth"}, Paths: []string{"services/case/**"}},
			{Name: "pay", Paths: []string{"services/pay/**"}}, {Name: "mail"}, {Name: "sub", Paths: []string{"services/pay/vendor/sub/src/**"}},
		},
		Suites: []suite.Spec{
			{Name: "cases", Dir: "e2e/cases", Services: []string{"case"}}, {Name: "payments", Dir: "e2e/payments", Services: []string{"pay"}},
			{Name: "mails", Dir: "e2e/mails", Services: []string{"mail"}}, {Name: "ui", Dir: "ui", Paths: []string{"ui/e2e/**"}}, {Name: "root"},
			{Name: "inside", Dir: "services/pay/e2e", Needs: []string{"mail"}},
		},
		Journeys:  []config.Journey{{Name: "payout", Paths: []string{"services/bank/**"}}},
		Affected:  config.Affected{Everything: []string{"libs/test/**"}, Ignore: []string{"docs/**"}},
		Fragments: []config.Fragment{{File: "teams/pay.yml"}},
	}
}

func onlyPaths() (beyond, error) { return beyond{}, nil }

func TestWhatAChangeAffects(t *testing.T) {
	for _, tc := range []struct {
		name    string
		changed []string
		want    string // services; suites; journeys, or why everything
	}{
		{"a service", []string{"services/pay/main.go"}, "pay;;"},
		{"what another service needs", []string{"services/auth/a/b.go"}, "auth,case;;"},
		{"two paths of it", []string{"libs/http/x.go", "services/pay/y.go"}, "auth,case,pay;;"},
		{"tests of a suite whose services have paths", []string{"e2e/cases/a_test.go"}, ";cases;"},
		{"tests of a suite of which it is not known what is a service", []string{"e2e/mails/a_test.go"}, "no service, suite or journey has paths for e2e/mails/a_test.go"},
		{"tests of such a suite among the files of a service", []string{"services/pay/e2e/a_test.go"}, "pay;inside;"},
		{"such a suite that is a submodule, or behind a link", []string{"services/pay/e2e"}, "pay;inside;"},
		{"a submodule among the files of a service, of which another one has a part", []string{"services/pay/vendor/sub"}, "pay,sub;;"},
		{"a file beside it", []string{"services/pay/vendor/sub/x.go"}, "pay;;"},
		{"paths of a suite", []string{"ui/e2e/x.spec.ts"}, ";ui;"},
		{"other files beside them", []string{"ui/src/app.ts"}, "no service, suite or journey has paths for ui/src/app.ts"},
		{"a journey", []string{"services/bank/x.go"}, ";;payout"},
		{"a file that no one has", []string{"services/pay/main.go", "tools/x.go"}, "no service, suite or journey has paths for tools/x.go"},
		{"a workflow", []string{".github/workflows/e2e.yml"}, "the change touches .github/workflows/e2e.yml, which everything may depend on"},
		{"the config", []string{"ci/gate.yml"}, "the change touches ci/gate.yml"},
		{"a fragment", []string{"teams/pay.yml"}, "the change touches teams/pay.yml"},
		{"a lock file in a service", []string{"services/pay/package-lock.json"}, "the change touches services/pay/package-lock.json"},
		{"shared helpers", []string{"libs/test/h.go"}, "the change touches libs/test/h.go"},
		{"what affects nothing", []string{"docs/a.md"}, ";;"},
		{"nothing is known", nil, "the files of the change are not all known"},
		{"too much", make([]string, gitrepo.MaxChanged), "the files of the change are not all known"},
	} {
		a := affectedBy(monorepo(), "ci/gate.yml", tc.changed, onlyPaths)
		got := a.everything
		if got == "" {
			var lists []string
			for _, set := range []map[string]bool{a.services, a.suites, a.journeys} {
				lists = append(lists, strings.Join(slices.Sorted(maps.Keys(set)), ","))
			}
			got = strings.Join(lists, ";")
		}
		if !strings.HasPrefix(got, tc.want) || !strings.Contains(tc.want, " ") && got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

// A change must not say by itself what it affects: what the command is made of affects everything.
func TestAChangeOfTheCommand(t *testing.T) {
	knows := func() (beyond, error) { return beyond{command: true}, nil }
	for _, tc := range []struct {
		argv       []string
		file       string
		everything bool
	}{
		{[]string{"sh", "ci/affected.sh"}, "ci/affected.sh", true}, {[]string{"sh", "ci/affected.sh"}, "ci/other.sh", false},
		{[]string{"sh", "-c", "./ci/affected.sh | sort"}, "ci/affected.sh", true},
		{[]string{"go", "run", "./tools/affected"}, "tools/affected/main.go", true}, {[]string{"go", "run", "./tools/affected"}, "tools/affected/sub/x.go", true},
		{[]string{"go", "run", "./tools/affected"}, "tools/affectedness/main.go", false}, {[]string{"go", "run", "./tools/affected"}, "run/x.go", false},
		{[]string{"go", "run", "./"}, "tools/x.go", false},
	} {
		c := monorepo()
		c.Affected.Command = tc.argv
		if a := affectedBy(c, "", []string{tc.file}, knows); (a.everything != "") != tc.everything {
			t.Errorf("%v and %s: %q", tc.argv, tc.file, a.everything)
		}
	}
}

func TestOnlyWhatAChangeAffects(t *testing.T) {
	lists := func() []listed {
		of := func(id string, change func(*e2e.Test), needs ...string) choice {
			t := e2e.Test{ID: id, Criticality: e2e.ReleaseBlocking, Needs: needs}
			if change != nil {
				change(&t)
			}
			return choice{raw: t, test: t}
		}
		group := func(t *e2e.Test) { t.Group = "g" }
		out := of("out", nil, "pay")
		out.why = "select"
		return []listed{
			{choices: []choice{of("case", nil, "case"), of("smoke", func(t *e2e.Test) { t.Tags = []string{"@smoke"} }, "case"), of("payout", func(t *e2e.Test) { t.Journey = "payout" }, "case")},
				spec: suite.Spec{Name: "cases"}},
			{choices: []choice{of("pay", nil, "pay"), of("g1", group, "pay"), of("g2", group, "case"), of("all", nil), out}, spec: suite.Spec{Name: "payments"}},
		}
	}
	left := func(lists []listed) (ids []string) {
		for _, list := range lists {
			for _, c := range list.choices {
				if c.why == e2e.WhyAffected {
					ids = append(ids, c.test.ID)
				}
			}
		}
		return ids
	}
	for _, tc := range []struct {
		name    string
		changed []string
		want    []string
		says    string
	}{
		{"a service", []string{"services/pay/x.go"}, []string{"case", "payout"}, "5 of 7 selected tests run, since the change affects only services pay"},
		{"a journey", []string{"services/bank/x.go"}, []string{"case", "pay", "g1", "g2"}, "3 of 7 selected tests run, since the change affects only journeys payout"},
		{"docs", []string{"docs/x.md"}, []string{"case", "payout", "pay", "g1", "g2", "all"}, "1 of 7 selected tests run, since the change affects only what no test needs"},
		{"everything", []string{"go.mod"}, nil, "every selected test runs: the change touches go.mod"},
	} {
		all := lists()
		says := affectedBy(monorepo(), "", tc.changed, onlyPaths).apply(all)
		if diff := cmp.Diff(tc.want, left(all)); diff != "" || !strings.HasPrefix(says, tc.says) {
			t.Errorf("%s: %s%s", tc.name, says, diff)
		}
	}
	// Where nothing would be left, everything runs.
	all := lists()[1:]
	all[0].choices = all[0].choices[:1]
	if says := affectedBy(monorepo(), "", []string{"docs/x.md"}, onlyPaths).apply(all); says != "every selected test runs: the change affects none of them" || left(all) != nil {
		t.Errorf("%s %v", says, left(all))
	}
}

func TestWhoMayHaveAnyGoTest(t *testing.T) {
	for _, tc := range []struct {
		spec suite.Spec
		want bool
	}{
		{suite.Spec{Framework: "gotest"}, true}, {suite.Spec{Framework: "gotest", Dir: "./"}, true}, {suite.Spec{Framework: "gotest", Dir: "e2e"}, false},
		{suite.Spec{Framework: "gotest", Dir: "e2e", Packages: []string{"./a/...", "./b"}}, false},
		{suite.Spec{Framework: "gotest", Dir: "e2e", Packages: []string{"./a", "./../libs"}}, true},
		{suite.Spec{Framework: "gotest", Dir: "e2e", Packages: []string{"example.com/libs/..."}}, true},
		{suite.Spec{Framework: "command", Run: []string{"sh", "run.sh"}}, true}, {suite.Spec{Framework: "command", Dir: "e2e", Run: []string{"sh", "../run.sh"}}, false},
		{suite.Spec{Framework: "command", Dir: "e2e", Run: []string{"go", "test", "../..."}}, true},
		{suite.Spec{Framework: "command", Dir: "e2e", Run: []string{"sh", "-c", "go test ./../..."}}, true},
		{suite.Spec{Framework: "command", Dir: "e2e", Run: []string{"go", "test", "./..."}}, false}, {suite.Spec{Framework: "playwright"}, false},
		{suite.Spec{Framework: "cucumber", Run: []string{"go", "test", "."}}, true},
	} {
		if got := hasAnyGoTest(tc.spec); got != tc.want {
			t.Errorf("%+v: %v", tc.spec, got)
		}
	}
}
