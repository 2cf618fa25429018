package python

import (
	"fmt"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

// TestOdd: files and tests of odd names, 5000 tests in a file, and tests that print what the gate reads.
func TestOdd(t *testing.T) {
	o := realsuite.OddSuite{
		Spec:   pytestSpec(t),
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
