package realtest

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/e2e"
	"github.com/org/e2e-gate/internal/suite"
)

// TestPytest holds what only some suites do.
func TestPytest(t *testing.T) {
	const clean = "def test_a(): pass\ndef test_b(): pass\n"
	for _, tc := range []trick{
		{name: "xdist", files: map[string]string{"test_a.py": clean + "import pytest\n@pytest.mark.xdist_group('g')\ndef test_c(): assert 0\n"}, args: []string{"-n", "2", "--dist", "loadgroup"},
			want: "test_a.py::test_a passed, test_a.py::test_b passed, test_a.py::test_c failed"},
		{name: "a worker of xdist that dies", files: map[string]string{"test_a.py": clean + "import os\ndef test_c(): os._exit(3)\n"}, args: []string{"-n", "1"},
			want: "test_a.py::test_a passed, test_a.py::test_b passed, test_a.py::test_c failed", message: "crashed while running"},
		{name: "a file that cannot be imported", files: map[string]string{"test_a.py": clean, "test_b.py": "import no_such_module\n"},
			listing: "test_b.py cannot be collected: ModuleNotFoundError: No module named 'no_such_module'", want: "test_a.py::test_a passed, test_a.py::test_b passed"},
		{name: "pytest.exit", files: map[string]string{"test_a.py": "import pytest\ndef test_a(): pass\ndef test_b(): pytest.exit('no database', returncode=0)\n"},
			want: "test_a.py::test_a passed, test_a.py::test_b lost", problem: "pytest was stopped: no database"},
		{name: "an internal error", files: map[string]string{"test_a.py": clean, "conftest.py": "def pytest_runtest_protocol(item):\n    raise RuntimeError('broken plugin')\n"},
			want: "test_a.py::test_a lost, test_a.py::test_b lost", problem: "internal error"},
		{name: "tear-down", files: map[string]string{"test_a.py": "import pytest\n@pytest.fixture\ndef f():\n    yield\n    raise OSError('port in use')\ndef test_a(f): pass\n"},
			want: "test_a.py::test_a failed", message: "in tear-down: OSError: port in use"},
		{name: "strict xfail", files: map[string]string{"test_a.py": "import pytest\n@pytest.mark.xfail(strict=True, reason='bug')\ndef test_a(): pass\n@pytest.mark.xfail\ndef test_b(): pass\n"},
			want: "test_a.py::test_a failed, test_a.py::test_b passed", message: "[XPASS(strict)] bug"},
		{name: "subtests", files: map[string]string{"test_a.py": "def test_a(subtests):\n    for i in range(3):\n        with subtests.test(msg='step', i=i):\n            assert i != 1\n"},
			want: "test_a.py::test_a failed", message: "assert 1 != 1"},
		{name: "attachments", files: map[string]string{"shot.png": "png", "log.txt": "log", "test_a.py": "def test_a(record_property):\n    record_property('attachment', 'shot.png')\n    print('[[ATTACHMENT|log.txt]]')\n    assert 0\n"},
			want: "test_a.py::test_a failed", kept: 2},
		{name: "another root directory", dir: "e2e", files: map[string]string{"pytest.ini": "[pytest]\n", "e2e/test_a.py": clean, "e2e/sub/test_a.py": clean}, args: []string{"--import-mode=importlib"},
			want: "sub/test_a.py::test_a passed, sub/test_a.py::test_b passed, test_a.py::test_a passed, test_a.py::test_b passed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.spec = pytestSpec(t)
			tc.spec.Dir, tc.spec.Args = tc.dir, append(tc.args, "-p", "no:cacheprovider")
			tc.play(t)
		})
	}
}

// Only the files that a selection needs are imported.
func TestPytestImportsWhatItNeeds(t *testing.T) {
	tc := trick{files: map[string]string{"test_a.py": "def test_a(): pass\n", "test_b.py": "import os\nassert not os.environ['E2E_GATE_SELECTION']\ndef test_b(): pass\n"},
		only: "test_a.py::test_a", want: "test_a.py::test_a passed"}
	tc.spec = pytestSpec(t)
	tc.play(t)
}

func pytestSpec(t *testing.T) suite.Spec {
	t.Helper()
	return suite.Spec{Name: "s", Framework: "pytest", Run: []string{filepath.Join(venv(t, "../../../examples/pytest"), "bin", "pytest")}}
}

func outcomes(tests []e2e.Test, rep suite.Report) string {
	got := map[string]e2e.Outcome{}
	for _, t := range tests {
		got[t.Name] = e2e.OutcomeOf(rep.Tests[t.ID])
	}
	for _, run := range rep.Unplanned {
		got["unplanned "+run.ID] = e2e.OutcomeOf(run.Attempts)
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(got)) {
		list = append(list, name+" "+string(got[name]))
	}
	return strings.Join(list, ", ")
}
