Feature: Review

  # Flaky with the fault "flake": the gate's rerun passes.
  Scenario: Reviewers are notified
    Given a flaky mail service

  @repeated
  Scenario: Repeated by Behave
    Given a service that is late

  Scenario: The audit service
    Given no audit service

  Rule: Two reviewers

    # Fails with the fault "fail".
    Scenario: Approvals are counted
      Given two approvals

    @session
    Scenario: With a session
      Given a case of low risk

  # Ends the runner with the fault "crash".
  Scenario: Late cases are escalated
    Given an escalation
