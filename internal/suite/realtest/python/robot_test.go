package python

import (
	"path/filepath"
	"testing"

	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/gatebin"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

func TestRobotExample(t *testing.T) {
	realsuite.Examples(t, realsuite.Example{
		Name: "robot", Install: realsuite.Python,
		Failed:  []string{"tests/cases.robot::Counts approvals", "tests/review.robot::Reads"},
		Flaky:   []string{"tests/cases.robot::Notifies", "tests/cases.robot::Is repeated by a listener"},
		Skipped: []string{"tests/cases.robot::Audits"},
		Crashes: "tests/cases.robot::Escalates", Before: "tests/cases.robot::Counts approvals",
	})
}

func TestRobotContract(t *testing.T) { realsuite.PlayContract(t, "robot", realsuite.VenvOf("robot")) }

// TestRobot holds what only some suites do.
func TestRobot(t *testing.T) {
	const clean = "*** Test Cases ***\nA\n    Log    1\nB\n    Log    2\n"
	for _, tc := range []realsuite.Trick{
		{Name: "a file with a misspelled table", Files: map[string]string{"a.robot": clean, "b.robot": "*** Tset Cases ***\nC\n    Log    1\n"},
			Listing: "Unrecognized section header '*** Tset Cases ***'", Want: "a.robot::A passed, a.robot::B passed"},
		{Name: "a library that is missing",
			Files: map[string]string{"a.robot": "*** Settings ***\nLibrary    None\n" + clean + "C\n    Of None\n"},
			Want:  "a.robot::A passed, a.robot::B passed, a.robot::C failed", Message: "No keyword with name 'Of None' found."},
		{Name: "one of many names",
			Files: map[string]string{"x/__init__.robot": "*** Settings ***\nSuite Setup    Log    1\n", "x/a.robot": clean + "AA\n    Fail\n",
				"y/__init__.robot": "*** Settings ***\nSuite Setup    Fail    not needed\n", "y/a.robot": clean},
			Only: "x/a.robot::A", Want: "x/a.robot::A passed"},
		{Name: "a name that is known when it runs", Files: map[string]string{"a.robot": "*** Variables ***\n${X}    1\n*** Test Cases ***\nNo ${X}\\n of many\n    Log    1\n"},
			Want: "a.robot::No ${X}\\n of many passed"},
		{Name: "a suite whose set-up fails", Files: map[string]string{"a.robot": "*** Settings ***\nSuite Setup    Fail    no session\n" + clean},
			Want: "a.robot::A failed, a.robot::B failed", Message: "Parent suite setup failed:\nno session"},
		{Name: "a suite whose tear-down fails", Files: map[string]string{"a.robot": "*** Settings ***\nSuite Teardown    Fail    left over\n" + clean},
			Want: "a.robot::A passed, a.robot::B passed", Problem: "the tear-down of suite A failed: left over"},
		{Name: "a listener that makes a failure of a pass", Args: []string{"--listener", "strict.py"},
			Files: map[string]string{"a.robot": clean,
				"strict.py": "ROBOT_LISTENER_API_VERSION = 3\ndef end_test(data, result):\n    if data.name == 'B':\n" +
					"        result.status, result.message = 'FAIL', 'a leak'\n"},
			Want: "a.robot::A passed, a.robot::B failed", Message: "a leak"},
		{Name: "a listener that makes a failure of a pass when the suite has ended", Args: []string{"--listener", "late.py"},
			Files: map[string]string{"a.robot": clean + "C\n    Fail    boom\n",
				"late.py": "ROBOT_LISTENER_API_VERSION = 3\ndef end_suite(data, result):\n    result.tests[0].status = 'FAIL'\n"},
			Want: "a.robot::A passed, a.robot::B passed, a.robot::C failed", Message: "boom", Problem: "a listener turned test A into a failure after its end"},
		{Name: "a dry run by a file of arguments", Args: []string{"--argumentfile", "args.txt"}, Files: map[string]string{"a.robot": clean, "args.txt": "--dryrun\n"},
			Want: "a.robot::A lost, a.robot::B lost", Problem: "with --dryrun no test runs"},
		{Name: "a file of arguments that names folders", Args: []string{"-A", "args.txt"},
			Files: map[string]string{"e2e/a.robot": clean, "other/b.robot": clean, "args.txt": "--name Mine\n--timestampoutputs\ne2e\n"},
			Want:  "e2e/a.robot::A passed, e2e/a.robot::B passed"},
		{Name: "a test that is excluded when it is its turn", Files: map[string]string{"a.robot": clean + "C\n    [Tags]    Robot:Exclude\n    Fail\n"},
			Want: "a.robot::A passed, a.robot::B passed"},
		{Name: "a fatal error", Files: map[string]string{"a.robot": "*** Test Cases ***\nA\n    Fatal Error    boom\nB\n    Log    1\n"},
			Want: "a.robot::A failed, a.robot::B not_run", Message: "boom"},
		{Name: "a listener that makes a skip of a failure", Args: []string{"--listener", "mild.py"},
			Files: map[string]string{"a.robot": "*** Test Cases ***\nA\n    Fail    known\n",
				"mild.py": "ROBOT_LISTENER_API_VERSION = 3\ndef end_test(data, result):\n    result.status, result.message = 'SKIP', 'a known bug'\n"},
			Want: "a.robot::A skipped", Message: "a known bug"},
		{Name: "two tests of one name, one repeated", Args: []string{"--listener", "RetryFailed"},
			Files: map[string]string{"a.robot": "*** Test Cases ***\nA\n    Log    1\nA\n    [Tags]    test:retry(2)\n    Fail    boom\n"},
			Want:  "a.robot::A failed", Attempts: "#1 passed first, #2 failed first, #2 failed framework, #2 failed framework",
			Message: "boom", Problem: "several tests share one id"},
		{Name: "tags that choose", Args: []string{"--include", "fast", "--settag", "all"},
			Files: map[string]string{"a.robot": clean + "C\n    [Tags]    fast\n    Log    1\n"}, Want: "a.robot::C passed"},
		{Name: "screenshots",
			Files: map[string]string{"a.robot": "*** Test Cases ***\nA\n    Evaluate    open(r'${OUTPUT DIR}/shot 1.png', 'w').close()\n" +
				"    Log    <a href=\"shot 1.png\"><img src=\"shot 1.png\"></a>    html=True\n    Log    [[ATTACHMENT|a.robot]]\n"},
			Want: "a.robot::A passed", Kept: 2},
	} {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			tc.Spec = suite.Spec{Name: "s", Framework: "robot", Args: tc.Args, Run: []string{
				filepath.Join(realsuite.Venv(t, filepath.Join(gatebin.Root(t), "examples", "robot")), "bin", "robot"),
			}}
			tc.Play(t)
		})
	}
}
