Feature: What steps can do

  Scenario: The audit service
    Given the audit service has a test instance
    Then nothing else is looked at

  @repeated
  Scenario: Repeated by Cucumber
    Then it passes the second time
