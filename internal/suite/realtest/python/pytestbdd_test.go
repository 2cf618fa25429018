package python

import (
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

// Scenarios of pytest-bdd are tests of pytest: each row of examples is one, and tags are markers.
func TestPytestBDD(t *testing.T) {
	tc := realsuite.Trick{Files: map[string]string{
		"features/review.feature": "@owner:intake\nFeature: Review\n  @smoke\n  Scenario: Approvals are counted\n    Given a case\n    Then it fails\n" +
			"  Scenario Outline: A case of a risk\n    Given a case\n    Then it is <risk>\n    Examples:\n      | risk |\n      | low  |\n      | high |\n",
		"test_review.py": "import pytest\nfrom pytest_bdd import given, parsers, scenarios, then\n\nscenarios('features/review.feature')\n\n\n" +
			"@given('a case')\ndef case():\n    pass\n\n\n@then('it fails')\ndef fails():\n    assert 1 == 2, 'one approval'\n\n\n" +
			"@then(parsers.parse('it is {risk}'))\ndef is_of(risk):\n    if risk == 'high':\n        pytest.skip('not yet')\n",
	},
		Want: "test_review.py::test_a_case_of_a_risk[high] skipped, test_review.py::test_a_case_of_a_risk[low] passed, " +
			"test_review.py::test_approvals_are_counted failed",
		// The steps run in the order of the scenario, and a failure is that of its step.
		Message: "AssertionError: one approval"}
	tc.Spec = realsuite.Pytest(t)
	tc.Spec.Args = []string{"-p", "no:cacheprovider"}
	tc.Play(t)

	tc.Root = ""
	_, tests, problems, err := tc.List(t)
	var got []string
	for _, test := range tests {
		got = append(got, test.Name+" "+strings.Join(slices.Sorted(slices.Values(test.Tags)), " ")) // pytest-bdd has them in a set
	}
	slices.Sort(got)
	const want = "test_review.py::test_a_case_of_a_risk[high] owner:intake, test_review.py::test_a_case_of_a_risk[low] owner:intake, " +
		"test_review.py::test_approvals_are_counted owner:intake smoke"
	if list := strings.Join(got, ", "); err != nil || len(problems) > 0 || list != want {
		t.Errorf("got  %s\nwant %s (%v, %+v)", list, want, err, problems)
	}
}
