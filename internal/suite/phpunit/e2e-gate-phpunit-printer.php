<?php
// The printer of e2e-gate for PHPUnit 9: PHPUnit's own, which writes events too.

namespace E2EGate;

use PHPUnit\Framework\AssertionFailedError;
use PHPUnit\Framework\ExpectationFailedException;
use PHPUnit\Framework\SyntheticError;
use PHPUnit\Framework\Test;
use PHPUnit\Framework\TestResult;
use PHPUnit\Framework\TestSuite;
use PHPUnit\Framework\Warning;
use PHPUnit\TextUI\TestRunner;

final class Printer extends \PHPUnit\TextUI\DefaultResultPrinter
{
    private bool $begun = false;

    /** @var array<string, mixed> */
    private array $arguments = [];

    private ?array $hook = null;

    public function startTestSuite(TestSuite $suite): void
    {
        if (!$this->begun) {
            $this->begun = true;
            foreach (debug_backtrace(DEBUG_BACKTRACE_PROVIDE_OBJECT) as $frame) {
                $of = $frame['object'] ?? null;
                if ($of instanceof TestResult) { // what it leaves out would be lost
                    foreach (['stopOnError', 'stopOnFailure', 'stopOnWarning', 'stopOnDefect', 'stopOnRisky', 'stopOnIncomplete', 'stopOnSkipped'] as $stop) {
                        $of->$stop(false);
                    }
                }
                if ($of instanceof TestRunner && $frame['function'] === 'run') {
                    $this->arguments = $frame['args'][1] ?? [];
                }
            }
            Gate::one()->settings = $this->arguments;
            Gate::one()->begin($suite);
        }
        $this->hook = null;
        parent::startTestSuite($suite);
    }

    public function endTestSuite(TestSuite $suite): void
    {
        Gate::one()->flush();
        parent::endTestSuite($suite);
    }

    public function startTest(Test $test): void
    {
        if (($id = Gate::one()->idOf($test)) !== null && isset(Gate::one()->selection[$id])) {
            Gate::one()->start($id);
        }
        parent::startTest($test);
    }

    public function endTest(Test $test, float $time): void
    {
        if (($id = Gate::one()->idOf($test)) !== null) {
            Gate::one()->passes($id);
            Gate::one()->flush($time);
        }
        parent::endTest($test, $time);
    }

    public function addError(Test $test, \Throwable $t, float $time): void
    {
        $this->saw($test, $this->seen($t, false));
        parent::addError($test, $t, $time);
    }

    public function addFailure(Test $test, AssertionFailedError $e, float $time): void
    {
        $this->saw($test, $this->seen($e, !$e instanceof SyntheticError));
        parent::addFailure($test, $e, $time);
    }

    public function addWarning(Test $test, Warning $e, float $time): void
    {
        if (!empty($this->arguments['failOnWarning'])) {
            $this->saw($test, $this->seen($e, false));
        } elseif (preg_match('/^This test depends on ".*" which does not exist/s', $e->getMessage())) { // it did not run
            $this->saw($test, ['outcome' => 'skipped', 'message' => Gate::clip($e->getMessage(), 8000)]);
        }
        parent::addWarning($test, $e, $time);
    }

    public function addRiskyTest(Test $test, \Throwable $t, float $time): void
    {
        if (!empty($this->arguments['failOnRisky'])) {
            $this->saw($test, $this->seen($t, false));
        }
        parent::addRiskyTest($test, $t, $time);
    }

    public function addIncompleteTest(Test $test, \Throwable $t, float $time): void
    {
        $this->saw($test, $this->skipped($t, 'failOnIncomplete'));
        parent::addIncompleteTest($test, $t, $time);
    }

    public function addSkippedTest(Test $test, \Throwable $t, float $time): void
    {
        if ($this->hook !== null && strpos($t->getMessage(), 'because of an error in hook method') !== false) {
            $this->saw($test, $this->hook);
        } else {
            $this->saw($test, $this->skipped($t, 'failOnSkipped'));
        }
        parent::addSkippedTest($test, $t, $time);
    }

    public function printResult(TestResult $result): void
    {
        Gate::one()->flush();
        Gate::one()->write('end', ['statuses' => [1, 2]]);
        parent::printResult($result);
    }

    private function skipped(\Throwable $t, string $fails): array
    {
        if (preg_match('/^This test depends on ".*" to pass\.?$/s', $t->getMessage())) {
            return ['outcome' => 'skipped', 'kept' => true, 'message' => $t->getMessage()];
        }
        if (!empty($this->arguments[$fails])) {
            return ['message' => $fails . ': ' . $t->getMessage()] + $this->seen($t, false);
        }

        return ['outcome' => 'skipped', 'message' => Gate::clip($t->getMessage(), 8000)];
    }

    private function saw(Test $test, array $seen): void
    {
        $id = Gate::one()->idOf($test);
        if ($id !== null && isset(Gate::one()->selection[$id])) {
            $this->hook = $this->hook ?? ($seen['outcome'] === 'failed' ? $seen : null);
            Gate::one()->saw($id, $seen);
        } elseif ($seen['outcome'] === 'failed') {
            Gate::one()->write('error', ['message' => $seen['message'], 'details' => $seen['details']]);
        }
    }

    private function seen(\Throwable $t, bool $assertion): array
    {
        $lines = [$t->getFile() . ':' . $t->getLine()];
        foreach ($t->getTrace() as $frame) {
            if (isset($frame['file'])) {
                $lines[] = $frame['file'] . ':' . ($frame['line'] ?? 0);
            }
        }
        $compared = [];
        if ($t instanceof ExpectationFailedException && $t->getComparisonFailure() !== null) {
            $compared = ['expected' => $t->getComparisonFailure()->getExpectedAsString(), 'actual' => $t->getComparisonFailure()->getActualAsString()];
        }
        $class = method_exists($t, 'getClassName') ? $t->getClassName() : get_class($t);

        return Gate::one()->failure($class, $t->getMessage(), self::ours($lines), $assertion, $compared);
    }

    private static function ours(array $lines): array
    {
        $tools = '#[/\\\\](?:PHPUnit|phpunit)[/\\\\](?!tests)|[/\\\\]bin[/\\\\]phpunit:|e2e-gate-phpunit#';

        return array_values(array_filter($lines, static fn (string $line): bool => !preg_match($tools, $line)));
    }
}
