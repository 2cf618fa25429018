#!/bin/sh
# Plays "cypress run": one report per spec file, in the shape of its JUnit reporter.
spec='' options=''
while [ $# -gt 0 ]; do
  case "$1" in
    --spec) spec=$2; shift;;
    --reporter-options) options=$2; shift;;
  esac
  shift
done
out=${options#mochaFile=}; out=${out%%/\[hash\]*}
n=0
for file in $(echo "$spec" | tr ',' ' '); do
  n=$((n + 1))
  [ "$file" = "$CYPRESS_EXAMPLE_CRASH" ] && exit 134
  mkdir -p "$CYPRESS_SCREENSHOTS_FOLDER/$(basename "$file")"
  echo png > "$CYPRESS_SCREENSHOTS_FOLDER/$(basename "$file")/it -- failed.png"
  failure=''
  [ "$file" = "$CYPRESS_EXAMPLE_FAIL" ] && failure='<failure message="expected 1 to equal 2" type="AssertionError"><![CDATA[AssertionError: expected 1 to equal 2]]></failure>'
  cat > "$out/$n$$.xml" <<XML
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="Mocha Tests" time="1.2" tests="3" failures="0">
  <testsuite name="Root Suite" timestamp="2026-11-21T09:00:00" tests="0" file="$file" time="0.0" failures="0">
  </testsuite>
  <testsuite name="Checkout" timestamp="2026-11-21T09:00:00" tests="3" time="1.2" failures="0">
    <testcase name="Checkout buys an item" time="0.7" classname="buys an item">$failure</testcase>
    <testcase name="Checkout pays &lt;later&gt;" time="0.5" classname="pays &lt;later&gt;"/>
    <testcase name="Checkout gives back" time="0" classname="gives back"><skipped/></testcase>
  </testsuite>
</testsuites>
XML
done
[ -z "$CYPRESS_EXAMPLE_FAIL" ]
