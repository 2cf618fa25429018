// Package python tests the adapter of pytest with the real framework.
package python

import (
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

func TestExamples(t *testing.T) {
	realsuite.Examples(t,
		realsuite.Example{
			Name: "pytest", Install: realsuite.Python,
			Failed:  []string{"tests/review/test_cases.py::TestReview::test_approves", "tests/test_cases.py::TestReview::test_counts_approvals"},
			Flaky:   []string{"tests/test_cases.py::TestReview::test_notifies", "tests/test_cases.py::test_repeated_by_pytest"},
			Skipped: []string{"tests/test_cases.py::test_audits", "tests/test_cases.py::test_known_bug"},
			Crashes: "tests/test_cases.py::test_escalates", Before: "tests/test_cases.py::TestReview::test_approves",
		},
	)
}

// TestPytest holds what only some suites do.
func TestPytest(t *testing.T) {
	const clean = "def test_a(): pass\ndef test_b(): pass\n"
	for _, tc := range []realsuite.Trick{
		{Name: "xdist",
			Files: map[string]string{"test_a.py": clean + "import pytest\n@pytest.mark.xdist_group('g')\ndef test_c(): assert 0\n"},
			Args:  []string{"-n", "2", "--dist", "loadgroup"},
			Want:  "test_a.py::test_a passed, test_a.py::test_b passed, test_a.py::test_c failed", Worker: "gw"},
		{Name: "a database for each worker of xdist",
			Files: map[string]string{
				"conftest.py": "import os\nOWN = os.environ['DATABASE_URL']\n",
				"test_a.py": "import os\nimport conftest\ndef look():\n    n = os.environ['E2E_WORKER']\n    assert os.environ['PYTEST_XDIST_WORKER'] == 'gw' + n\n" +
					"    assert os.environ['DATABASE_URL'] == conftest.OWN == 'db' + n\n" +
					"    assert os.environ['OTHER'] == 'other' + n\ndef test_a(): look()\ndef test_b(): look()\n",
			},
			Args: []string{"-n", "2"}, Env: []string{"E2E_WORKERS=2", "E2E_WORKER_VARIABLES=DATABASE_URL,OTHER", "DATABASE_URL=db0", "DATABASE_URL_0=db0",
				"DATABASE_URL_1=db1", "OTHER=other0", "OTHER_0=other0", "OTHER_1=other1"},
			Want: "test_a.py::test_a passed, test_a.py::test_b passed"},
		{Name: "more workers of xdist than databases", Files: map[string]string{"test_a.py": clean}, Args: []string{"-n", "2"},
			Env:  []string{"E2E_WORKERS=1", "E2E_WORKER_VARIABLES=DATABASE_URL", "DATABASE_URL=db0", "DATABASE_URL_0=db0"},
			Want: "test_a.py::test_a lost, test_a.py::test_b lost", Problem: "pytest-xdist starts 2 workers, and isolation.workers is 1"},
		{Name: "a worker of xdist that dies", Files: map[string]string{"test_a.py": clean + "import os\ndef test_c(): os._exit(3)\n"}, Args: []string{"-n", "1"},
			Want: "test_a.py::test_a passed, test_a.py::test_b passed, test_a.py::test_c failed", Message: "crashed while running"},
		{Name: "a file that cannot be imported", Files: map[string]string{"test_a.py": clean, "test_b.py": "import no_such_module\n"},
			Listing: "test_b.py cannot be collected: ModuleNotFoundError: No module named 'no_such_module'", Want: "test_a.py::test_a passed, test_a.py::test_b passed"},
		{Name: "pytest.exit", Files: map[string]string{"test_a.py": "import pytest\ndef test_a(): pass\ndef test_b(): pytest.exit('no database', returncode=0)\n"},
			Want: "test_a.py::test_a passed, test_a.py::test_b lost", Problem: "pytest was stopped: no database"},
		{Name: "an exit status of its own beside a failure", Files: map[string]string{"test_a.py": "def test_a(): assert False, 'boom'\n",
			"conftest.py": "import os\ndef pytest_unconfigure(config):\n    if not config.option.collectonly: os._exit(7)\n"},
			Want: "test_a.py::test_a failed", Message: "boom", Problem: "exit status 7, which its failed tests do not explain: its status for those is 1"},
		{Name: "an internal error",
			Files: map[string]string{"test_a.py": clean, "conftest.py": "def pytest_runtest_protocol(item):\n    raise RuntimeError('broken plugin')\n"},
			Want:  "test_a.py::test_a lost, test_a.py::test_b lost", Problem: "internal error"},
		{Name: "tear-down",
			Files: map[string]string{"test_a.py": "import pytest\n@pytest.fixture\ndef f():\n    yield\n    raise OSError('port in use')\ndef test_a(f): pass\n"},
			Want:  "test_a.py::test_a failed", Message: "in tear-down: OSError: port in use"},
		{Name: "strict xfail",
			Files: map[string]string{
				"test_a.py": "import pytest\n@pytest.mark.xfail(strict=True, reason='bug')\ndef test_a(): pass\n@pytest.mark.xfail\ndef test_b(): pass\n",
			},
			Want: "test_a.py::test_a failed, test_a.py::test_b passed", Message: "[XPASS(strict)] bug"},
		{Name: "subtests",
			Files: map[string]string{
				"test_a.py": "def test_a(subtests):\n    for i in range(3):\n        with subtests.test(msg='step', i=i):\n            assert i != 1\n",
			},
			Want: "test_a.py::test_a failed", Message: "assert 1 != 1"},
		{Name: "attachments",
			Files: map[string]string{
				"shot.png":  "png",
				"log.txt":   "log",
				"test_a.py": "def test_a(record_property):\n    record_property('attachment', 'shot.png')\n    print('[[ATTACHMENT|log.txt]]')\n    assert 0\n",
			},
			Want: "test_a.py::test_a failed", Kept: 2},
		{Name: "outside of the root directory, with xdist", Dir: "e2e",
			Files: map[string]string{"e2e/pytest.ini": "[pytest]\ntestpaths = ../shared\n", "shared/test_a.py": clean}, Args: []string{"-n", "1"},
			Want: "../shared/test_a.py::test_a passed, ../shared/test_a.py::test_b passed"},
		{Name: "another root directory", Dir: "e2e",
			Files: map[string]string{"pytest.ini": "[pytest]\n", "e2e/test_a.py": clean, "e2e/sub/test_a.py": clean},
			Args:  []string{"--import-mode=importlib"},
			Want:  "sub/test_a.py::test_a passed, sub/test_a.py::test_b passed, test_a.py::test_a passed, test_a.py::test_b passed"},
	} {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			tc.Spec = realsuite.Pytest(t)
			tc.Spec.Dir, tc.Spec.Args = tc.Dir, append(tc.Args, "-p", "no:cacheprovider")
			tc.Play(t)
		})
	}
}

// Unused snapshots and a coverage threshold are alarms of the whole suite: not while tests are listed,
// and not in a process that runs a part.
func TestAlarms(t *testing.T) {
	tc := realsuite.Trick{Spec: realsuite.Pytest(t), Files: map[string]string{
		"a.py":                      "def f(x):\n    if x:\n        return 1\n    return 2\n",
		"test_a.py":                 "from a import f\ndef test_a(snapshot): assert f(True) == snapshot\n",
		"__snapshots__/test_a.ambr": "# serializer version: 1\n# name: test_a\n  1\n# ---\n# name: test_gone\n  1\n# ---\n",
	}}
	tc.Spec.Args = []string{"-p", "no:cacheprovider", "--cov=a", "--cov-fail-under=100"}
	tc.Alarms(t, true, "the coverage threshold (cov-fail-under)", "unused snapshots")
}

// Only the files that a selection needs are imported.
func TestPytestImportsWhatItNeeds(t *testing.T) {
	tc := realsuite.Trick{Files: map[string]string{
		"test_a.py": "def test_a(): pass\n",
		"test_b.py": "import os\nassert not os.environ['E2E_GATE_SELECTION']\ndef test_b(): pass\n",
	},
		Only: "test_a.py::test_a", Want: "test_a.py::test_a passed"}
	tc.Spec = realsuite.Pytest(t)
	tc.Play(t)
}

// Marks say which tests build on one another: those of pytest-dependency, in other files as
// well if one names such a scope, and those under a mark serial or incremental.
func TestPytestGroups(t *testing.T) {
	const head = "import pytest\n"
	const chain = head + "@pytest.mark.dependency()\ndef test_a(): pass\n@pytest.mark.dependency(depends=['test_a'])\ndef test_b(): pass\ndef test_c(): pass\n"
	const session = "@pytest.mark.dependency(depends=['test_a.py::test_a'], scope='session')\ndef test_d(): pass\n"
	const class = head + "@pytest.mark.incremental\nclass TestCase:\n    def test_a(self): pass\n    def test_b(self): pass\ndef test_c(): pass\n"
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"dependency", map[string]string{"test_a.py": chain}, "test_a.py::test_a s/test_a.py, test_a.py::test_b s/test_a.py, test_a.py::test_c "},
		{"dependency of a session", map[string]string{"test_a.py": chain, "test_b.py": head + session},
			"test_a.py::test_a s/(dependency), test_a.py::test_b s/(dependency), test_a.py::test_c , test_b.py::test_d s/(dependency)"},
		{"incremental", map[string]string{"test_a.py": class},
			"test_a.py::TestCase::test_a s/test_a.py::TestCase, test_a.py::TestCase::test_b s/test_a.py::TestCase, test_a.py::test_c "},
		{"a serial module", map[string]string{"test_a.py": head + "pytestmark = pytest.mark.serial\ndef test_a(): pass\n"}, "test_a.py::test_a s/test_a.py"},
		{"no mark", map[string]string{"test_a.py": "def test_a(): pass\n"}, "test_a.py::test_a "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			trick := realsuite.Trick{Files: tc.files, Spec: realsuite.Pytest(t)}
			trick.Spec.Args = []string{"-p", "no:cacheprovider"}
			_, tests, problems, err := trick.List(t)
			var got []string
			for _, test := range tests {
				got = append(got, test.Name+" "+test.Group)
				if want := "s/" + test.File; test.Keep != want {
					t.Errorf("pytest never cuts %s, and %q is kept", want, test.Keep)
				}
			}
			slices.Sort(got)
			if list := strings.Join(got, ", "); err != nil || len(problems) > 0 || list != tc.want {
				t.Errorf("got  %s\nwant %s (%v, %+v)", list, tc.want, err, problems)
			}
		})
	}
}

// What an incremental class skips behind a failed step was kept from running.
func TestPytestIncremental(t *testing.T) {
	tc := realsuite.Trick{Files: map[string]string{
		"conftest.py": "import pytest\n" +
			"def pytest_runtest_makereport(item, call):\n" +
			"    if 'incremental' in item.keywords and call.excinfo is not None:\n        item.parent._failed = item\n" +
			"def pytest_runtest_setup(item):\n" +
			"    if getattr(item.parent, '_failed', None) is not None:\n        pytest.xfail('a previous step failed')\n",
		"test_a.py": "import pytest\n@pytest.mark.incremental\nclass TestCase:\n    def test_a(self): pass\n    def test_b(self): assert 0\n" +
			"    def test_c(self): pass\ndef test_d(): pytest.skip('not here')\n",
	}, Want: "test_a.py::TestCase::test_a passed, test_a.py::TestCase::test_b failed, test_a.py::TestCase::test_c not_run, test_a.py::test_d skipped"}
	tc.Spec = realsuite.Pytest(t)
	tc.Spec.Args = []string{"-p", "no:cacheprovider"}
	tc.Play(t)
}

func TestContract(t *testing.T) { realsuite.PlayContract(t, "pytest", realsuite.VenvOf("pytest")) }

// TestStall: a test that never ends is ended, and Python says where it hangs.
func TestStall(t *testing.T) {
	realsuite.Stall(t, "pytest", map[string]string{
		"test_a.py": "import threading\ndef test_first(): pass\ndef test_hangs():\n    wait_for_the_worker()\n" +
			"def wait_for_the_worker():\n    threading.Event().wait()\ndef test_later(): pass\n",
	}, nil, "test_hangs", "in wait_for_the_worker")
}
