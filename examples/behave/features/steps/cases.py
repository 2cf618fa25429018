import os

from behave import given

from steps.faults import fault, first_attempt

executions = []


@given("a case of {risk} risk")
def a_case(context, risk):
    assert risk


@given("a flaky mail service")
def mail(context):
    assert not (fault("flake") and first_attempt()), "no message"


@given("a service that is late")
def late(context):
    executions.append(1)
    assert len(executions) > 1 or os.environ.get("EXAMPLE_FAULTS") == "none", "late"


@given("no audit service")
def audit(context):
    context.scenario.skip("the audit service is not there")


@given("two approvals")
def approvals(context):
    assert (1 if fault("fail") else 2) == 2, "one approval"


@given("an escalation")
def escalation(context):
    fault("crash")
