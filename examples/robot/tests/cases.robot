*** Comments ***
Passes, a failure, a flake, skips, a template, hostile names.

*** Settings ***
Library         faults.py
Suite Setup     Set Suite Variable    ${READY}    yes

*** Test Cases ***
Submits "low" 'LOW' [a] *? {b} #1 <é> & $x
    [Tags]    smoke    owner:intake    journey:case-submission
    Should Be Equal    ${READY}    yes

Submits each risk
    [Tags]    smoke    journey:case-submission
    [Template]    Should Not Be Empty
    low
    high risk

Counts approvals
    [Documentation]    Fails with the fault "fail".
    ${broken}=    Fault    fail
    Should Not Be True    ${broken}    two approvals expected

Notifies
    [Documentation]    Flaky with the fault "flake": the gate's rerun passes.
    ${flake}=    Fault    flake
    ${first}=    First Attempt
    Should Not Be True    ${flake} and ${first}    no message

Is repeated by a listener
    [Tags]    test:retry(2)
    ${n}=    Executions Of    repeated
    ${faults}=    Evaluate    os.environ.get('EXAMPLE_FAULTS')    modules=os
    Should Be True    ${n} > 1 or $faults == 'none'

Audits
    Skip    the audit service is not there

Escalates
    [Documentation]    Ends the runner with the fault "crash".
    Fault    crash
