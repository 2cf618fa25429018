Feature: Review

  # Flaky with the fault "flake": the gate's rerun passes.
  Scenario: Reviewers are notified
    Then a message arrives

  # Ends the runner with the fault "crash".
  Scenario: Late cases are escalated
    Then the case is escalated

  @owner:reviewers
  Rule: Two reviewers

    # Fails with the fault "fail", and so does the first example below.
    Scenario: Approvals are counted
      Then there are 2 approvals

    Scenario Outline: Review of a <risk> case
      Then a "<risk>" case has <times> reviews

      Examples:
        | risk | times |
        | low  | 1     |
        | high | 2     |
