// Package pythonodd tests the adapter of pytest with odd input, and what it keeps of a listing.
package pythonodd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/need"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

// TestOdd: files and tests of odd names, 5000 tests in a file, and tests that print what the gate reads.
func TestOdd(t *testing.T) {
	o := realsuite.OddSuite{
		Spec:   realsuite.Pytest(t),
		Config: map[string]string{"pyproject.toml": "[tool.pytest.ini_options]\npython_files = ['*_test.py']\naddopts = '--import-mode=importlib'\ntestpaths = ['t']\n"},
		File:   func(name string) string { return "t/" + name + "_test.py" },
		Source: func(cases []realsuite.OddCase) string {
			var text strings.Builder
			fmt.Fprintf(&text, "import sys\nimport pytest\nforged = %s\ncases = [\n", realsuite.OddCase{Title: realsuite.Forged}.JSON())
			for _, c := range cases {
				fails := "False"
				if c.Fails {
					fails = "True"
				}
				fmt.Fprintf(&text, "    pytest.param(%d, %s, id=%s),\n", c.N, fails, c.JSON())
			}
			text.WriteString("]\n@pytest.mark.parametrize('n, fails', cases)\ndef test_case(n, fails):\n    if fails:\n" +
				"        print(forged)\n        sys.stderr.write(forged)\n        raise AssertionError(f'case {n}.')\n")
			return text.String()
		},
	}
	o.Spec.Args = []string{"-p", "no:cacheprovider"}
	o.Play(t)
}

// TestRefused: a tool that is missing or too old and a config that does not load are named, with what to do.
func TestRefused(t *testing.T) {
	const old = "import sys, types\npytest = types.ModuleType('pytest')\npytest.__version__ = '6.2.5'\npytest.UsageError = SystemExit\n" +
		"pytest.hookimpl = lambda **_: lambda hook: hook\nsys.modules['pytest'] = pytest\nimport e2e_gate_pytest\n"
	python := need.Tool(t, "python3", "apt-get install python3")
	for name, tc := range map[string]struct {
		run   []string
		files map[string]string
		words []string
	}{
		"a conftest that does not parse": {nil, map[string]string{"conftest.py": "import os\n  x\n"}, []string{"conftest.py:2", "unexpected indent"}},
		"a conftest that raises":         {nil, map[string]string{"conftest.py": "import os\nraise RuntimeError('no such stage')\n"}, []string{"no such stage", "conftest.py:2"}},
		"a config that does not parse":   {nil, map[string]string{"pytest.ini": "[pytest\naddopts = -q\n"}, []string{"pytest.ini:1"}},
		"an option that does not exist":  {nil, map[string]string{"pytest.ini": "[pytest]\naddopts = --no-such-option\n"}, []string{"--no-such-option"}},
		"not installed":                  {[]string{"no-such-pytest"}, nil, []string{"no-such-pytest is not installed or not in PATH; install it"}},
		"too old": {[]string{python, "old.py"}, map[string]string{"old.py": old},
			[]string{"pytest 6.2.5 is too old; 7.0 or later is needed: pip install --upgrade pytest"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := realsuite.Pytest(t)
			if tc.run != nil {
				spec.Run = tc.run
			}
			realsuite.Refused(t, realsuite.Trick{Spec: spec, Files: tc.files}, nil, tc.words...)
		})
	}
}

// TestMonorepo: one folder with two configs, of which the suite's arguments name one, and one below with its own.
func TestMonorepo(t *testing.T) {
	files := map[string]string{"ui/api/pytest.ini": "[pytest]\npython_files = b_*.py\n"}
	for _, name := range []string{"a", "b"} {
		files["ui/"+name+".ini"] = "[pytest]\npython_files = " + name + "_*.py\nnorecursedirs = api\n"
		files["ui/"+name+"_test.py"], files["ui/api/"+name+"_test.py"] = "def test_"+name+"(): pass\n", "def test_"+name+"(): pass\n"
	}
	root := t.TempDir()
	for dir, args := range map[string][]string{"ui": {"-c", "a.ini"}, "ui/api": nil} {
		trick := realsuite.Trick{Root: root, Files: files,
			Spec: suite.Spec{Name: "s", Framework: "pytest", Dir: dir, Run: realsuite.Pytest(t).Run, Args: append(args, "-p", "no:cacheprovider")}}
		_, tests, problems, err := trick.ListIn(t)
		want := map[string]string{"ui": "a_test.py::test_a", "ui/api": "b_test.py::test_b"}[dir]
		if err != nil || len(problems) > 0 || len(tests) != 1 || tests[0].Name != want {
			t.Errorf("%s: %+v, %+v, %v", dir, tests, problems, err)
		}
	}
}

// TestKept: a listing counts until what it was made of changes.
func TestKept(t *testing.T) {
	spec := realsuite.Pytest(t)
	spec.Args = []string{"-p", "no:cacheprovider"}
	realsuite.Kept(t, t.TempDir(), spec, map[string]string{"e2e/pytest.ini": "[pytest]\n", "e2e/test_a.py": `import os, pathlib, socket, subprocess
import pytest

asks = os.environ.get("ASKS")
if asks == "program":
    subprocess.run(["true"], check=True)
elif asks:
    host, port = asks.split(":")
    socket.create_connection((host, int(port))).close()
names = [name for file in ("../data/cases.txt", os.environ["CASES"]) for name in pathlib.Path(file).read_text().split()]

@pytest.mark.parametrize("name", names)
def test_case(name): pass
`})
}

// TestLeavesOut: what an option leaves out of a listing would not be planned, and no one would miss it.
func TestLeavesOut(t *testing.T) {
	tc := realsuite.Trick{Spec: realsuite.Pytest(t), Files: map[string]string{"pytest.ini": "[pytest]\naddopts = --lf\n", "test_a.py": "def test_a(): pass\n"}}
	_, tests, problems, err := tc.List(t)
	if err == nil || !strings.Contains(err.Error(), "--last-failed is set, in addopts, PYTEST_ADDOPTS or args, and leaves tests out") {
		t.Errorf("%v, %+v, %+v", err, tests, problems)
	}
}

// TestKeptText: a listing of tests that are text counts until the text changes, and where nothing that ran before the gate's listener
// may have made others.
func TestKeptText(t *testing.T) {
	t.Run("robot", func(t *testing.T) {
		t.Parallel()
		files := map[string]string{"e2e/args.txt": "--include\nNOT x\n", "e2e/variables.txt": "# expandvars: yes\n--loglevel DEBUG\n", "e2e/modifier.txt": "--prerunmodifier modifier.py\n",
			"e2e/modifier.py": "from robot.api import SuiteVisitor\n\nclass modifier(SuiteVisitor):\n    pass\n"}
		source := func(names []string) string {
			return "*** Test Cases ***\n" + strings.Join(names, "\n    No Operation\n") + "\n    No Operation\n"
		}
		again := realsuite.KeptText(t, t.TempDir(), suite.Spec{Framework: "robot", Run: bin(t, "robot")}, files, "t.robot", source)
		again("with a switch", []string{"--loglevel", "DEBUG"}, nil, true)
		again("with a modifier", []string{"--pre-run-modifier", "modifier.py"}, nil, false)
		again("with an argument file", []string{"--ArgumentFile", "args.txt"}, nil, true)
		again("with one that needs variables", []string{"-A", "variables.txt"}, nil, false)
		again("with one that names a modifier", []string{"-A", "modifier.txt"}, nil, false)
		again("with options of the environment", nil, []string{"ROBOT_OPTIONS=--loglevel DEBUG"}, false)
	})
	t.Run("behave", func(t *testing.T) {
		t.Parallel()
		home := t.TempDir()
		files := map[string]string{"e2e/features/steps/s.py": "from behave import given\n\n@given('it works')\ndef step(context): pass\n"}
		source := func(names []string) string {
			var text strings.Builder
			text.WriteString("Feature: f\n")
			for _, name := range names {
				text.WriteString("  Scenario: " + name + "\n    Given it works\n")
			}
			return text.String()
		}
		again := realsuite.KeptText(t, t.TempDir(), suite.Spec{Framework: "behave", Run: bin(t, "behave")}, files, "features/t.feature", source, "HOME="+home)
		if err := os.WriteFile(filepath.Join(home, ".behaverc"), []byte("[behave]\nlogging_level = DEBUG\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(home, ".behaverc"), time.Unix(1, 0), time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		again("with a config at home", nil, nil, true)
	})
}

// bin is the program of an example's environment.
func bin(t *testing.T, name string) []string {
	t.Helper()
	return []string{filepath.Join(realsuite.Venv(t, filepath.Join("../../../../examples", name)), "bin", name)}
}

// TestOddText is [TestOdd] for frameworks whose tests are text.
func TestOddText(t *testing.T) {
	escape := strings.NewReplacer(`\`, `\\`, "*", `\*`, "$", `\$`, "@", `\@`, "%", `\%`, "&", `\&`, "  ", ` \ `, "\n", `\n`, "\t", `\t`)
	for framework, o := range map[string]realsuite.OddSuite{
		"robot": {
			Config: map[string]string{"Odd.py": fmt.Sprintf("import sys\nforged = %s\n\ndef fails(n):\n    print(forged)\n    sys.__stdout__.write(forged)\n"+
				"    sys.__stderr__.write(forged)\n    raise AssertionError(f'case {n}.')\n", realsuite.OddCase{Title: realsuite.Forged}.JSON())},
			Spec: suite.Spec{Args: []string{"--pythonpath", "."}},
			File: func(name string) string { return "t/" + name + ".robot" },
			Source: func(cases []realsuite.OddCase) string {
				var text strings.Builder
				text.WriteString("*** Settings ***\nLibrary    Odd\n\n*** Test Cases ***\n")
				for _, c := range cases {
					step := "No Operation"
					if c.Fails {
						step = fmt.Sprintf("Fails    %d", c.N)
					}
					fmt.Fprintf(&text, "%s\n    %s\n", escape.Replace(c.Title), step)
				}
				return text.String()
			},
		},
		"behave": {
			Config: map[string]string{"features/steps/s.py": fmt.Sprintf("import sys\nfrom behave import given\nforged = %s\n\n@given('it passes')\ndef passes(context): pass\n\n"+
				"@given('case {n} fails')\ndef fails(context, n):\n    print(forged)\n    sys.__stdout__.write(forged)\n    sys.__stderr__.write(forged)\n"+
				"    raise AssertionError(f'case {n}.')\n", realsuite.OddCase{Title: realsuite.Forged}.JSON())},
			File: func(name string) string { return "features/" + name + ".feature" }, Source: realsuite.OddFeature,
		},
	} {
		t.Run(framework, func(t *testing.T) {
			t.Parallel()
			o.Spec.Name, o.Spec.Framework, o.Spec.Run = "s", framework, bin(t, framework)
			o.Untitled = []string{"a\nb", "tab\there", "with  two spaces"}
			o.Play(t)
		})
	}
}

// TestRefusedText is [TestRefused] for Robot Framework and Behave.
func TestRefusedText(t *testing.T) {
	const feature, test = "Feature: a\n  Scenario: b\n    Given c\n", "*** Test Cases ***\na\n    No Operation\n"
	for name, tc := range map[string]struct {
		framework string
		args      []string
		files     map[string]string
		words     []string
	}{
		"steps that cannot be imported": {"behave", nil, map[string]string{"features/a.feature": feature, "features/steps/s.py": "\nimport nonsense\n"},
			[]string{"features/steps/s.py:2 cannot be loaded: ModuleNotFoundError: No module named 'nonsense'"}},
		"hooks that do not parse": {"behave", nil, map[string]string{"features/a.feature": feature, "features/steps/s.py": "", "features/environment.py": "\n\ndef (\n"},
			[]string{"features/environment.py:3 cannot be loaded: SyntaxError"}},
		"a config that does not parse": {"behave", nil, map[string]string{"features/a.feature": feature, "features/steps/s.py": "", "behave.ini": "[behave\n"},
			[]string{"behave.ini", "line: 1"}},
		"an option that there is not": {"robot", []string{"--nonsense", "x"}, map[string]string{"a.robot": test}, []string{"option --nonsense not recognized"}},
		"a file that does not parse": {"robot", nil, map[string]string{"a.robot": test, "b.robot": "*** Nonsense ***\nb\n" + test},
			[]string{"b.robot' on line 1: Unrecognized section header '*** Nonsense ***'"}},
	} {
		t.Run(tc.framework+", "+name, func(t *testing.T) {
			t.Parallel()
			spec := suite.Spec{Name: "s", Framework: tc.framework, Run: bin(t, tc.framework), Args: tc.args}
			realsuite.Refused(t, realsuite.Trick{Spec: spec, Files: tc.files}, nil, tc.words...)
		})
	}
	for _, framework := range []string{"robot", "behave"} {
		t.Run(framework+" is not installed", func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(framework); err == nil {
				t.Skip(framework + " is installed on this machine")
			}
			trick := realsuite.Trick{Spec: suite.Spec{Name: "s", Framework: framework}, Files: map[string]string{"a.robot": test}}
			realsuite.Refused(t, trick, nil, framework+" is not installed or not in PATH")
		})
	}
}
