"""A file and tests of the same names as in the folder above."""
import pytest


@pytest.fixture
def reviewer(fault):
    if fault("fail"):
        raise AssertionError("expected reviewer r, got none")
    return "r"


class TestReview:
    def test_approves(self, reviewer):
        """With the fault "fail" its set-up fails."""
        assert reviewer


@pytest.mark.parametrize("risk", ["low"])
def test_submit(risk):
    assert risk
