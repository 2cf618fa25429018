@smoke @journey:case-submission @owner:intake
Feature: Submit

  Scenario Outline: A case of <risk> risk
    Given a case of <risk> risk

    Examples:
      | risk       |
      | low        |
      | LOW        |
      | a › b      |
      | [a] *? {b} |

  Scenario: A case with "quotes" and 'quotes' #1 <é>
    Given a case of low risk
