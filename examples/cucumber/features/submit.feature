@smoke @journey:case-submission
Feature: Submit

  Scenario Outline: A case of <risk> risk
    When a case of "<risk>" risk is submitted
    Then it is accepted

    Examples:
      | risk         |
      | low          |
      | LOW          |
      | high risk    |
      | a › b        |
      | a\|b (1+1) $ |
      | two\nlines   |

    @owner:intake
    Examples: as the owner of the intake has them
      | risk  |
      | @none |
