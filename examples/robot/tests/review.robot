*** Comments ***
With the fault "fail" the set-up fails, and with it the test that needs it.

*** Settings ***
Library         faults.py
Suite Setup     Open A Session

*** Test Cases ***
Reads
    No Operation

*** Keywords ***
Open A Session
    ${broken}=    Fault    fail
    Should Not Be True    ${broken}    no session
