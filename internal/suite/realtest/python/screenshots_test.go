package python

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/gatebin"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

// The conftest.py of docs/frameworks.md keeps what a browser shows when a test fails, with what pytest-playwright and
// Selenium call it.
func TestScreenshotsOfTheDocs(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(gatebin.Root(t), "docs", "frameworks.md"))
	if err != nil {
		t.Fatal(err)
	}
	const begin = "```python\n# conftest.py: keeps a screenshot"
	_, rest, ok := strings.Cut(string(page), begin)
	code, _, closed := strings.Cut(rest, "```\n")
	if !ok || !closed {
		t.Fatal("the page has no conftest.py")
	}
	tc := realsuite.Trick{Files: map[string]string{
		"conftest.py": "# " + code,
		"test_a.py": "import pytest\n\n\nclass Browser:\n    page_source = '<p>'\n\n    def save_screenshot(self, path):\n        open(path, 'w').close()\n\n" +
			"    def screenshot(self, path):\n        open(path, 'w').close()\n\n    def content(self):\n        return '<p>'\n\n\n" +
			"@pytest.fixture\ndef page():\n    return Browser()\n\n\n@pytest.fixture\ndef driver():\n    return Browser()\n\n\n" +
			"def test_page(page):\n    assert 0\n\n\ndef test_driver(driver):\n    assert 0\n\n\ndef test_fine(page):\n    pass\n\n\n" +
			"def test_without():\n    assert 0\n",
	},
		Want: "test_a.py::test_driver failed, test_a.py::test_fine passed, test_a.py::test_page failed, test_a.py::test_without failed", Kept: 4, Message: "assert 0"}
	tc.Spec = realsuite.Pytest(t)
	tc.Spec.Args = []string{"-p", "no:cacheprovider"}
	tc.Play(t)
}
