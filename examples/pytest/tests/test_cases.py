"""Passes, a failure, a flake, a skip, parametrised tests, hostile names."""
import os

import pytest

pytestmark = pytest.mark.journey("case-submission")


@pytest.mark.smoke
@pytest.mark.owner("intake")
@pytest.mark.parametrize("risk", ["low", "high risk", "a::b[c]", "süß", "two\nlines", "-x --co", "a › b"])
def test_submit(risk):
    assert risk


class TestReview:
    def test_approves(self):
        assert "approved".startswith("appro")

    def test_counts_approvals(self, fault, record_property):
        """Fails with the fault "fail"."""
        approvals = 1 if fault("fail") else 2
        record_property("e2e.expected", "2 approvals")
        record_property("e2e.actual", "%d approvals" % approvals)
        assert approvals == 2

    def test_notifies(self, fault):
        """Flaky with the fault "flake": the gate's rerun passes."""
        late = fault("flake") and os.environ.get("E2E_ATTEMPT", "1") == "1"
        assert not late, "no message after 2 s"


def test_escalates(fault):
    """Ends the runner with the fault "crash"."""
    assert not fault("crash")


@pytest.mark.skip(reason="the audit service has no test instance")
def test_audits():
    raise AssertionError("never runs")


@pytest.mark.xfail(reason="CASE-7", strict=True)
def test_known_bug():
    assert not "a bug"


def test_each_step(subtests):
    for step in ("submit", "review"):
        with subtests.test(step=step):
            assert step


repeats = []


@pytest.mark.flaky(reruns=2)
def test_repeated_by_pytest():
    """pytest-rerunfailures repeats it: two attempts, one process."""
    repeats.append(1)
    assert len(repeats) > 1 or os.environ.get("EXAMPLE_FAULTS") == "none"
