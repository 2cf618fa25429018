package pipeline

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hmarr/codeowners"

	"github.com/org/e2e-gate/internal/config"
	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/gate"
	"github.com/org/e2e-gate/internal/suite"
)

func TestWhatATestNeeds(t *testing.T) {
	c := (&config.Config{
		Services: []config.Service{{Name: "case"}, {Name: "pay"}, {Name: "auth"}, {Name: "mail"}},
		Journeys: []config.Journey{{Name: "payout", Services: []string{"pay"}, Needs: []string{"mail"}}},
	}).For("pr")
	for _, tc := range []struct {
		name string
		spec suite.Spec
		test e2e.Test
		want []string
	}{
		{"nothing is said", suite.Spec{}, e2e.Test{Tags: []string{"smoke"}}, nil},
		{"the suite", suite.Spec{Services: []string{"case"}, Needs: []string{"auth", "case"}}, e2e.Test{}, []string{"auth", "case"}},
		{"the journey", suite.Spec{Services: []string{"case"}}, e2e.Test{Journey: "payout"}, []string{"case", "mail", "pay"}},
		{"a tag", suite.Spec{}, e2e.Test{Tags: []string{"@needs:mail", "e2e:needs:pay"}}, []string{"mail", "pay"}},
		{"tags with other letters", suite.Spec{}, e2e.Test{Tags: []string{"Needs:mail", "@NEEDS:pay"}}, []string{"mail", "pay"}},
		{"a service in other letters: everything", suite.Spec{Services: []string{"case"}}, e2e.Test{Tags: []string{"NEEDS:MAIL"}}, nil},
		{"its journey by a tag", suite.Spec{}, e2e.Test{Journey: "payout", Tags: []string{"journey:payout"}}, []string{"mail", "pay"}},
		{"a journey in other letters: everything", suite.Spec{Services: []string{"case"}}, e2e.Test{Journey: "Payout", Tags: []string{"journey:Payout"}}, nil},
		{"the tag in other letters: everything", suite.Spec{Services: []string{"case"}}, e2e.Test{Tags: []string{"Journey:payout"}}, nil},
		{"a journey that is not declared", suite.Spec{Services: []string{"case"}}, e2e.Test{Journey: "other", Tags: []string{"journey:other"}}, []string{"case"}},
		{"a tag that names nothing: everything", suite.Spec{Services: []string{"case"}}, e2e.Test{Tags: []string{"needs:mial"}}, nil},
	} {
		if diff := cmp.Diff(tc.want, needsOf(c, &tc.test, tc.spec)); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
}

func TestAGroupNeedsWhatEachOfItNeeds(t *testing.T) {
	of := func(group string, needs ...string) choice { return choice{test: e2e.Test{Group: group, Needs: needs}} }
	choices := []choice{of("a", "x"), of("a", "y", "x"), of("b", "x"), of("b"), of("", "x"), of("", "y")}
	needTogether(choices)
	var got []string
	for _, c := range choices {
		got = append(got, strings.Join(c.test.Needs, " "))
	}
	if diff := cmp.Diff([]string{"x y", "x y", "", "", "x", "y"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAFailureThatNamesWhatItsTestDoesNotNeed(t *testing.T) {
	at := time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC)
	gates := []e2e.Gate{
		{Name: "payment", Target: "https://pay.test.example/health", State: e2e.Healthy, Scope: &e2e.Scope{Services: []string{"payment"}},
			Timeline: []e2e.Span{{From: at, To: at.Add(time.Minute), State: e2e.Unhealthy, Observed: "503", Watch: true}}},
		{Name: "database", Target: "https://pay.test.example/db"},
	}
	for _, tc := range []struct {
		needs   []string
		message string
		want    int // 1: its address; 2: a file of it
	}{
		{[]string{"case"}, "GET https://pay.test.example/charge: 503", 1}, {[]string{"case"}, "GET https://case.test.example/x: 503", 0},
		{[]string{"payment"}, "GET https://pay.test.example/charge: 503", 0}, {nil, "GET https://pay.test.example/charge: 503", 0},
		{[]string{"case"}, "panic: x\n\t/app/src/services/payment/charge.go:33", 2}, {[]string{"payment"}, "services/payment/charge.go:33", 0},
		{[]string{"case"}, `at C:\build\services\payment\charge.cs`, 2}, {[]string{"case"}, "services/payment/e2e/charge_test.go:33 failed", 0},
		{[]string{"case"}, "services/case/charge.go:33, charge.go, services/payment/", 0},
	} {
		r := e2e.TestResult{Test: e2e.Test{Suite: "s", Needs: tc.needs}, Attempts: []e2e.Attempt{{Outcome: e2e.Failed, Message: tc.message}}}
		s := &Session{opts: Options{Config: &config.Config{
			Services: []config.Service{{Name: "payment", Paths: []string{"services/payment/**"}}}, Suites: []suite.Spec{{Name: "s", Dir: "services/payment/e2e"}},
			Gates: gate.Spec{Checks: []gate.Check{{Name: "payment", Services: []string{"payment"}}}}}}}
		s.addUnneeded(&r, gates)
		if named := strings.Join(r.Beyond, " ") == "payment"; named != (tc.want > 0) {
			t.Errorf("%v: %v", tc, r.Beyond)
		}
		if tc.want == 2 {
			if len(r.Evidence) != 1 || !strings.Contains(r.Evidence[0].Text, "names services/payment/charge.") ||
				!strings.Contains(r.Evidence[0].Text, ", a file of payment, which gate payment (service payment) looks at") {
				t.Errorf("%v: %+v", tc, r.Evidence)
			}
			continue
		}
		if len(r.Evidence) != tc.want {
			t.Errorf("%v: %+v", tc, r.Evidence)
		}
		if tc.want > 0 && !strings.Contains(r.Evidence[0].Text, "names pay.test.example, which gate payment (service payment) looks at") ||
			tc.want > 0 && !strings.Contains(r.Evidence[0].Text, "unhealthy from 10:00:00 to 10:01:00: 503") {
			t.Error(r.Evidence[0].Text)
		}
	}
}

// BenchmarkScopes maps 100,000 tests to 1,000 services with a gate each.
func BenchmarkScopes(b *testing.B) {
	c := &config.Config{}
	var suites []suite.Spec
	for i := range 1000 {
		name := fmt.Sprintf("service-%d", i)
		s := config.Service{Name: name}
		if i > 0 {
			s.Needs = []string{fmt.Sprintf("service-%d", i/10)}
		}
		c.Services = append(c.Services, s)
		c.Gates.Checks = append(c.Gates.Checks, gate.Check{Name: name, Services: []string{name}})
		suites = append(suites, suite.Spec{Name: name, Services: []string{name}})
	}
	tests := make([]e2e.Test, 100_000)
	for i := range tests {
		tests[i] = e2e.Test{ID: fmt.Sprint(i), Tags: []string{"api", fmt.Sprintf("needs:service-%d", i%997)}}
	}
	for b.Loop() {
		of := c.For("pr")
		for i := range tests {
			tests[i].Needs = needsOf(of, &tests[i], suites[i%1000])
		}
		needed, gates := e2e.NeededFor(tests, false), 0
		for _, g := range of.Gates.Checks {
			if needed.Has(g.Scope) {
				gates++
			}
		}
		if gates != 1000 {
			b.Fatal(gates)
		}
	}
}

// A change does not take its own tests away from a gate by a tag, a journey or a suite of its own.
func TestWhatAChangeMaySayThatItsTestsNeed(t *testing.T) {
	c := (&config.Config{Services: []config.Service{{Name: "case"}, {Name: "pay"}}, Journeys: []config.Journey{{Name: "payout", Services: []string{"pay"}}}}).For("pr")
	base := &Baseline{Judge: &config.Config{Suites: []suite.Spec{{Name: "s"}}}}
	tagged, journey := e2e.Test{Tags: []string{"needs:case"}}, e2e.Test{Journey: "payout"}
	for _, tc := range []struct {
		name    string
		base    *Baseline
		spec    suite.Spec
		test    e2e.Test
		changed []string
		want    []string
	}{
		{"judged by itself", nil, suite.Spec{Name: "s", Dir: "e2e"}, tagged, []string{"e2e/a.go"}, []string{"case"}},
		{"the change is elsewhere", base, suite.Spec{Name: "s", Dir: "e2e"}, tagged, []string{"e2e2/a.go", "main.go"}, []string{"case"}},
		{"it touches the suite: a tag", base, suite.Spec{Name: "s", Dir: "e2e"}, tagged, []string{"e2e/x/a.go"}, nil},
		{"it touches the suite: a journey", base, suite.Spec{Name: "s", Dir: "./e2e/"}, journey, []string{"e2e/a.go"}, nil},
		{"the suite lies at the root", base, suite.Spec{Name: "s"}, tagged, []string{"main.go"}, nil},
		{"its files are not known", base, suite.Spec{Name: "s", Dir: "e2e"}, tagged, nil, nil},
		{"the suite says what it needs, by the base", base, suite.Spec{Name: "s", Dir: "e2e", Services: []string{"pay"}}, tagged, []string{"e2e/a.go"}, []string{"case", "pay"}},
		{"the suite is new", base, suite.Spec{Name: "new", Dir: "e2e", Services: []string{"pay"}}, tagged, []string{"main.go"}, nil},
	} {
		s := &Session{opts: Options{Config: c, Baseline: tc.base, ChangedPaths: tc.changed}}
		if diff := cmp.Diff(tc.want, s.needs(&tc.test, tc.spec)); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
}

func TestAChangeOutsideOfTheOwnersFiles(t *testing.T) {
	owners, err := codeowners.ParseFile(strings.NewReader("libs/ @acme/platform\nservices/case/ @acme/case-platform\n"))
	if err != nil {
		t.Fatal(err)
	}
	c := &config.Config{
		Services: []config.Service{{Name: "pay", Owner: "payments", Paths: []string{"services/pay/**"}}, {Name: "case", Paths: []string{"services/case/**"}}},
		Suites:   []suite.Spec{{Name: "cases", Dir: "e2e/cases"}}, Owners: map[string]string{"case-platform": "@acme/case-platform"},
	}
	const nothing = "the change touches nothing of case-platform; changed: "
	for _, tc := range []struct {
		owner   string
		changed []string
		want    string
	}{
		{"case-platform", []string{"libs/http/x.go"}, nothing + "libs/http/x.go, owned by acme/platform"},
		{"case-platform", []string{"services/pay/x.go", "tools/y"}, nothing + "services/pay/x.go, owned by payments; tools/y, owned by no team"},
		{"case-platform", []string{"libs/a", "libs/b", "libs/c", "libs/d", "libs/e"}, nothing + "libs/a, owned by acme/platform; " +
			"libs/b, owned by acme/platform; libs/c, owned by acme/platform; and 2 more"},
		{"case-platform", []string{"libs/http/x.go", "services/case/x.go"}, ""}, {"case-platform", []string{"libs/x", "e2e/cases/a_test.go"}, ""},
		{"payments", []string{"services/pay/x.go"}, ""}, {"case-platform", []string{"tools/x"}, ""}, {"", []string{"libs/x"}, ""}, {"case-platform", nil, ""},
	} {
		s := &Session{opts: Options{Config: c, ChangedPaths: tc.changed}}
		failed := &e2e.TestResult{Test: e2e.Test{Suite: "cases", Owner: tc.owner}}
		if got := s.outsideOf(failed, s.ownedChanges(owners), owners); got != tc.want {
			t.Errorf("%s, %v:\n%s\nwant\n%s", tc.owner, tc.changed, got, tc.want)
		}
	}
}

// A file of a service that a test needs has to do with its failure, so the base does not excuse that.
func TestAChangeTouchesTheServicesOfATest(t *testing.T) {
	c := &config.Config{Suites: []suite.Spec{{Name: "s", Dir: "e2e"}}, Services: []config.Service{
		{Name: "auth", Paths: []string{"services/auth/**"}}, {Name: "case", Needs: []string{"auth"}}, {Name: "pay", Paths: []string{"services/pay/**"}}}}
	for _, tc := range []struct {
		needs []string
		file  string
		want  string
	}{
		{[]string{"case"}, "services/auth/x.go", "the change touches services/auth/x.go, which belongs to the service auth that the test needs"},
		{nil, "services/pay/x.go", "the change touches services/pay/x.go, which belongs to the service pay that the test needs"},
		{[]string{"case"}, "services/pay/x.go", ""}, {[]string{"case"}, "libs/x.go", ""},
	} {
		s := &Session{opts: Options{Config: c, ChangedPaths: []string{tc.file}}}
		if got := s.touched(&e2e.TestResult{Test: e2e.Test{Suite: "s", File: "a_test.go", Needs: tc.needs}}, nil, nil); got != tc.want {
			t.Errorf("%v %s: %q", tc.needs, tc.file, got)
		}
	}
}

// On a change, a dependency excuses tests only of suites that need it by the base, and only if the change has no hand in
// whether it looks down.
func TestWhichDependenciesExcuseOnAChange(t *testing.T) {
	web := gate.Check{HTTP: &gate.HTTPSpec{URL: "https://sandbox.example/health"}}
	base := &config.Config{
		Services: []config.Service{{Name: "pay", Needs: []string{"sandbox", "script"}}, {Name: "case"}},
		Depends:  []config.Dependency{{Name: "sandbox", Check: web}, {Name: "script", Check: gate.Check{Command: &gate.CommandSpec{Run: []string{"./probe.sh"}}}}},
		Suites:   []suite.Spec{{Name: "pays", Services: []string{"pay"}}, {Name: "own", Needs: []string{"sandbox"}}, {Name: "cases", Services: []string{"case"}}},
		Gates:    gate.Spec{Timeout: time.Minute},
	}
	shorter := *base
	shorter.Gates.Timeout = time.Microsecond
	for _, tc := range []struct {
		name     string
		by       e2e.JudgedBy
		now      *config.Config
		baseline *Baseline
		want     map[string][]string
	}{
		{"the base's needs", e2e.JudgedByBase, base, &Baseline{Judge: base}, map[string][]string{"pays": {"sandbox"}, "own": {"sandbox"}}},
		{"the change gives checks less time", e2e.JudgedByBase, &shorter, &Baseline{Judge: base}, map[string][]string{}},
		{"a base without a config", e2e.JudgedByNothing, base, &Baseline{}, map[string][]string{}},
		{"no change", e2e.JudgedByCommit, base, &Baseline{Judge: base}, nil},
	} {
		s := &Session{opts: Options{Config: tc.now, Judging: &e2e.Judging{By: tc.by}, Baseline: tc.baseline}}
		if diff := cmp.Diff(tc.want, s.excusing()); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
}
