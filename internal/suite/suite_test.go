package suite

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestEveryFrameworkIsInTheConfig(t *testing.T) {
	field, _ := reflect.TypeFor[Spec]().FieldByName("Framework")
	var names []string
	for name := range frameworks {
		names = append(names, name)
	}
	enum := strings.Split(field.Tag.Get("enum"), ",")
	slices.Sort(enum)
	slices.Sort(names)
	if !slices.Equal(enum, names) {
		t.Errorf("the config knows %v, the registry %v", enum, names)
	}
}

func TestValidate(t *testing.T) {
	all := func(string) bool { return true }
	none := func(string) bool { return false }
	if got := Validate(Spec{Name: "s", Framework: "gotest", Args: []string{"-tags=e2e", "-race"}}, none); len(got) != 0 {
		t.Error(got)
	}
	if got := Validate(Spec{Name: "s", Framework: "gotest", Args: []string{"-run=X", "-test.count=2", "--json"}}, none); len(got) != 3 {
		t.Error(got)
	}
	if got := Validate(Spec{Name: "s", Framework: "command"}, none); len(got) != 2 {
		t.Error(got)
	}
	if got := Validate(Spec{Name: "s", Framework: "command", Run: []string{"x", "{tests}"}, Reports: []string{"[a"}}, none); len(got) != 2 {
		t.Error(got)
	}
	if got := Validate(Spec{Name: "s", Framework: "gotest"}, all); len(got) != len(ownFields())-len(frameworks["gotest"].Fields) {
		t.Error(got)
	}
	if got := Validate(Spec{Name: "s"}, none); len(got) != 1 {
		t.Error(got)
	}
}

// Flags that the gate sets itself, and settings of other frameworks.
func TestValidatePytest(t *testing.T) {
	s := Spec{Name: "s", Framework: "pytest", Args: []string{"-x", "--lf", "-k", "cases", "--maxfail=1"}, List: []string{"ls"}}
	if found := Validate(s, func(key string) bool { return key == "list" }); len(found) != 4 {
		t.Errorf("%+v", found)
	}
}

// -v breaks the stream of go test that the gate reads.
func TestValidateGoTest(t *testing.T) {
	s := Spec{Name: "s", Framework: "gotest", Args: []string{"-v", "-tags=e2e", "-test.v"}}
	if found := Validate(s, func(string) bool { return false }); len(found) != 2 {
		t.Errorf("%+v", found)
	}
}

// Every framework but go test distinguishes an error from an assertion. So does an
// unknown one.
func TestTellsErrors(t *testing.T) {
	for name := range frameworks {
		if TellsErrors(name) != (name != "gotest") {
			t.Errorf("framework %s: %v", name, TellsErrors(name))
		}
	}
	if !TellsErrors("") {
		t.Error("an unknown framework is not taken at its word")
	}
}

// Flags that the gate sets itself are refused behind the framework's program in run, too.
func TestFlagsInRun(t *testing.T) {
	for _, tc := range []struct {
		framework, run, refused string
	}{
		{"nodetest", "node --test-only --test", "run[1]"},
		{"nodetest", "env A=1 /opt/node.exe --import tsx --test --test-shard=1/2", "run[6]"},
		{"nodetest", "npx tsx --test-shard=1/2 --test", "run[2]"},
		{"cucumber", "npx cucumber-js --fail-fast", "run[2]"},
		{"webdriverio", "npx wdio run wdio.conf.js --shard 1/2", "run[4]"},
		{"rspec", "bundle exec rspec --only-failures", "run[3]"},
		{"pytest", "uv run --watch pytest --lf", "run[4]"},
		{"pytest", "uv run --lf pytest -v -x", ""}, // of uv; a letter may be the value of an option
		{"robot", "./robot.sh --dryrun", ""},
	} {
		got := Validate(Spec{Name: "s", Framework: tc.framework, Run: strings.Fields(tc.run)}, func(string) bool { return false })
		var paths []string
		for _, one := range got {
			paths = append(paths, one.Path)
		}
		if strings.Join(paths, " ") != tc.refused {
			t.Errorf("%s: %+v", tc.run, got)
		}
	}
}

// Flags that the gate sets itself are refused in each spelling that a framework takes.
func TestSpellingsOfFlags(t *testing.T) {
	for _, tc := range []struct {
		framework string
		refused   []string
		taken     []string
	}{
		{"gotest", []string{"-v", "--v", "-test.v=true", "-json"}, []string{"-vet=off", "-race"}},
		{"pytest", []string{"-x", "-xv", "-vxs", "--exitfirst", "--last-failed", "--lf"}, []string{"-v", "-vv", "-vs", "-q", "-k", "x", "-rx", "--maxprocesses=2"}},
		{"playwright", []string{"-x", "--last-failed", "--max-failures=1", "--reporter=dot"}, []string{"--workers=2"}},
		{"vitest", []string{"-t", "--testNamePattern=a", "--test-name-pattern=a", "--pass-with-no-tests", "--allow-only"}, []string{"--reporter=junit"}},
		{"jest", []string{"-o", "-b", "--onlyChanged", "--only-changed", "--run-tests-by-path", "--test-runner=x"}, []string{"-i", "--verbose"}},
		{"cucumber", []string{"-t", "--tags=@a", "--dry-run", "--fail-fast"}, []string{"--parallel=2"}},
	} {
		for refused, args := range map[bool][]string{true: tc.refused, false: tc.taken} {
			for _, arg := range args {
				got := Validate(Spec{Name: "s", Framework: tc.framework, Args: []string{arg}}, func(string) bool { return false })
				if (len(got) > 0) != refused || refused && got[0].Hint == "" {
					t.Errorf("%s %s: %+v", tc.framework, arg, got)
				}
			}
		}
	}
}
