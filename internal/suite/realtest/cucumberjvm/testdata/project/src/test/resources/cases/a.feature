Feature: x

  Scenario: a
    Given this works

  Scenario Outline: b
    Given <what> works

    Examples:
      | what |
      | this |
      | that |
