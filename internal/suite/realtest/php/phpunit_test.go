// Package php tests the adapter of PHPUnit with the real framework.
package php

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/org/e2e-gate/internal/suite"
	"github.com/org/e2e-gate/internal/testkit/need"
	"github.com/org/e2e-gate/internal/testkit/realsuite"
)

// phpunit is the system's.
func phpunit(t *testing.T, _ string) []string {
	t.Helper()
	need.Tool(t, "phpunit", "apt-get install phpunit")
	return nil
}

func TestExamples(t *testing.T) {
	realsuite.Examples(t, realsuite.Example{
		Name: "phpunit", Install: phpunit,
		Failed:  []string{`Cases\CasesTest::testCountsApprovals`, "SessionTest::testReads", "SessionTest::testWrites"},
		Flaky:   []string{`Cases\CasesTest::testNotifies`},
		Skipped: []string{`Cases\CasesTest::testAudits`, `Cases\CasesTest::testArchives`},
		Crashes: "StepsTest::testEscalates", Before: "StepsTest::testCloses",
	})
}

func TestContract(t *testing.T) { realsuite.PlayContract(t, "phpunit", phpunit) }

const (
	config = `<phpunit><testsuites><testsuite name="all"><directory>tests</directory></testsuite></testsuites></phpunit>`
	pass   = "$this->assertTrue(true);"
)

// class is a file with a class of tests.
func class(name, body string) string {
	return "<?php\nfinal class " + name + " extends \\PHPUnit\\Framework\\TestCase\n{\n" + body + "}\n"
}

func method(name, body string) string { return "    public function " + name + "() { " + body + " }\n" }

// TestPHPUnit holds what only some suites do.
func TestPHPUnit(t *testing.T) {
	two := class("ATest", method("testA", pass)+method("testB", pass))
	for _, tc := range []realsuite.Trick{
		{Name: "an exit status of its own beside a failure", Files: map[string]string{
			"tests/ATest.php": strings.Replace(class("ATest", method("testA", "$this->assertTrue(false);")), "\n",
				"\nif (getenv('E2E_GATE_SELECTION') != '') { register_shutdown_function(function () { exit(7); }); }\n", 1)},
			Want: "ATest::testA failed", Problem: "exit status 7, which its failed tests do not explain: its status for those is 1"},
		{Name: "one of many names",
			Files: map[string]string{
				"tests/ATest.php": class("ATest", method("testA", pass)+method("testAB", "throw new \\Exception;")+method("testa2", "throw new \\Exception;")),
				"tests/BTest.php": class("BTest", "    public static function setUpBeforeClass(): void { throw new \\Exception('not needed'); }\n"+method("testA", pass)),
			},
			Only: "ATest::testA", Want: "ATest::testA passed"},
		{Name: "a data set of many",
			Files: map[string]string{"tests/ATest.php": class("ATest", "    /** @dataProvider sets */\n    public function testA($x) { $this->assertSame(1, $x); }\n"+
				"    public static function sets() { return ['low' => [1], 'low ' => [2], 'with data set \"low\"' => [2], [2]]; }\n")},
			Only: `ATest::testA with data set "low"`, Want: `ATest::testA with data set "low" passed`},
		{Name: "hooks of a class",
			Files: map[string]string{
				"tests/ATest.php": class("ATest", "    public static function setUpBeforeClass(): void { throw new \\Exception('no session'); }\n"+
					method("testA", pass)+method("testB", pass)),
				"tests/BTest.php": class("BTest", "    protected function tearDown(): void { throw new \\Exception('left over'); }\n"+method("testC", pass)),
			},
			Want: "ATest::testA failed, ATest::testB failed, BTest::testC failed", Message: "no session"},
		{Name: "a hook behind a class",
			Files: map[string]string{"tests/ATest.php": class("ATest", "    public static function tearDownAfterClass(): void { throw new \\Exception('left over'); }\n"+method("testA", pass))},
			Want:  "ATest::testA passed", Problem: "left over"},
		{Name: "a data provider that fails",
			Files: map[string]string{"tests/ATest.php": class("ATest", "    /** @dataProvider none */\n    public function testA($x) { }\n"+method("testB", pass))},
			Only:  "ATest::testB", Listing: "data provider specified for ATest::testA is invalid", Want: "ATest::testB passed"},
		{Name: "a test that needs one that failed",
			Files: map[string]string{"tests/ATest.php": class("ATest", method("testA", "$this->fail('no case');")+"    /** @depends testA */\n"+method("testB", pass))},
			Want:  "ATest::testA failed, ATest::testB not_run", Message: "no case"},
		{Name: "a test that needs one that is not there", Files: map[string]string{"tests/ATest.php": class("ATest", "    /** @depends testNone */\n"+method("testA", pass)+method("testB", pass))},
			Want: "ATest::testA skipped, ATest::testB passed", Message: "which does not exist"},
		{Name: "a class without tests, where warnings fail", Args: []string{"--fail-on-warning"},
			Files:   map[string]string{"tests/ATest.php": class("ATest", method("testA", pass)), "tests/BTest.php": class("BTest", "    private function testB() { }\n")},
			Listing: `No tests found in class "BTest"`, Want: "ATest::testA passed"},
		{Name: "what is harmless, as PHPUnit has it",
			Files: map[string]string{"tests/ATest.php": class("ATest", method("testRisky", "")+method("testIncomplete", "$this->markTestIncomplete('later');"))},
			Want:  "ATest::testIncomplete skipped, ATest::testRisky passed", Message: "later"},
		{Name: "what the settings make of it", Args: []string{"--fail-on-risky"},
			Files: map[string]string{"tests/ATest.php": class("ATest", method("testRisky", ""))}, Want: "ATest::testRisky failed", Message: "did not perform any assertions"},
		{Name: "stop in the config",
			Files: map[string]string{"phpunit.xml": strings.Replace(config, "<phpunit>", `<phpunit stopOnFailure="true">`, 1),
				"tests/ATest.php": class("ATest", method("testA", "$this->fail('boom');")+method("testB", pass))},
			Want: "ATest::testA failed, ATest::testB passed", Message: "boom"},
		{Name: "a test that PHPUnit itself repeats, as later versions do",
			Files: map[string]string{"tests/BTest.php": strings.Replace(two, "ATest", "BTest", 1), "tests/ATest.php": "<?php\nnamespace PHPUnit\\Framework { class RetryTestSuite extends TestSuite {} }\n" +
				"namespace { final class ATest extends \\PHPUnit\\Framework\\TestCase {\n" + method("testC", pass) +
				"    public static function suite() { $all = new \\PHPUnit\\Framework\\RetryTestSuite('ATest::testC'); $all->addTest(new self('testC'));" +
				" return $all; }\n} }\n"},
			Listing: "ATest::testC has #[Retry] or #[Repeat], which is not supported", Want: "BTest::testA passed, BTest::testB passed"},
		{Name: "a process for each test", Args: []string{"--process-isolation"}, Files: map[string]string{"tests/ATest.php": two}, Want: "ATest::testA passed, ATest::testB passed"},
		{Name: "groups that choose", Args: []string{"--exclude-group", "slow"},
			Files: map[string]string{"tests/ATest.php": class("ATest", "    /** @group slow */\n"+method("testA", "throw new \\Exception;")+method("testB", pass))},
			Want:  "ATest::testB passed"},
		{Name: "odd names of files", Dir: "a 'b' [c] é", Files: map[string]string{"a 'b' [c] é/phpunit.xml": config, "a 'b' [c] é/tests/ATest.php": two},
			Want: "ATest::testA passed, ATest::testB passed"},
	} {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			phpunit(t, "")
			if tc.Files["phpunit.xml"] == "" && tc.Dir == "" {
				tc.Files["phpunit.xml"] = config
			}
			tc.Spec = suite.Spec{Name: "s", Framework: "phpunit", Dir: tc.Dir, Args: tc.Args}
			tc.Play(t)
		})
	}
}

// Tests that depend on others are groups.
func TestPHPUnitGroups(t *testing.T) {
	phpunit(t, "")
	tc := realsuite.Trick{Files: map[string]string{"phpunit.xml": config,
		"tests/ATest.php": class("ATest", method("testA", pass)+"    /** @depends testA */\n"+method("testB", pass)),
		"tests/BTest.php": class("BTest", "    /** @depends CTest::testD */\n"+method("testC", pass)), "tests/CTest.php": class("CTest", method("testD", pass)),
		"tests/DTest.php": class("DTest", method("testE", pass)),
	}, Spec: suite.Spec{Name: "s", Framework: "phpunit"}}
	_, tests, problems, err := tc.List(t)
	var got []string
	for _, test := range tests {
		got = append(got, test.Name+" "+test.Group)
	}
	slices.Sort(got)
	const want = "ATest::testA s/ATest, ATest::testB s/ATest, BTest::testC s/(depends), CTest::testD s/(depends), DTest::testE "
	if list := strings.Join(got, ", "); err != nil || len(problems) > 0 || list != want {
		t.Errorf("got  %s\nwant %s (%v, %+v)", list, want, err, problems)
	}
}

// TestOdd: files and tests of odd names, 5000 tests in a file, and tests that print what the gate reads. The titles are those of data
// sets; classes have the names of Go's order of the files.
func TestOdd(t *testing.T) {
	phpunit(t, "")
	classes := map[int]int{}
	o := realsuite.OddSuite{
		Spec: suite.Spec{Name: "s", Framework: "phpunit"}, Config: map[string]string{"phpunit.xml": config},
		File: func(name string) string { return "tests/" + name + "Test.php" },
		Source: func(cases []realsuite.OddCase) string {
			name, ok := classes[cases[0].N]
			if !ok {
				name = len(classes)
				classes[cases[0].N] = name
			}
			var text strings.Builder
			fmt.Fprintf(&text, "<?php\nfinal class Odd%dTest extends \\PHPUnit\\Framework\\TestCase\n{\n    public static function sets() { return [\n", name)
			for _, c := range cases {
				fmt.Fprintf(&text, "        %s => [%d, %t],\n", quoted(c.Title), c.N, c.Fails)
			}
			fmt.Fprintf(&text, "    ]; }\n    /** @dataProvider sets */\n    public function testCase($n, $fails) {\n        if ($fails) { $forged = %s;\n"+
				"            fwrite(STDOUT, $forged); fwrite(STDERR, $forged); throw new \\Exception(\"case $n.\"); }\n        $this->assertTrue(true);\n    }\n}\n",
				quoted(realsuite.Forged))
			return text.String()
		},
	}
	o.Play(t)
}

// quoted is a string of PHP.
func quoted(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text) + "'"
}

// TestRefused: a config that does not load and a tool that is missing are named.
func TestRefused(t *testing.T) {
	phpunit(t, "")
	for name, tc := range map[string]struct {
		files map[string]string
		words []string
	}{
		"a config that does not parse": {map[string]string{"phpunit.xml": "<phpunit>\n<testsuites>\n</phpunit>"}, []string{"phpunit.xml", "line 2"}},
		"a bootstrap that throws": {map[string]string{"phpunit.xml": strings.Replace(config, "<phpunit", `<phpunit bootstrap="boot.php"`, 1),
			"boot.php": "<?php\nthrow new Exception('no such stage');"}, []string{"Error in bootstrap script", "no such stage"}},
		"not installed": {map[string]string{"composer.json": "{}"}, []string{"./vendor/bin/phpunit does not exist"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.files["tests/ATest.php"] = class("ATest", method("testA", pass))
			realsuite.Refused(t, realsuite.Trick{Spec: suite.Spec{Name: "s", Framework: "phpunit"}, Files: tc.files}, nil, tc.words...)
		})
	}
}
