<?php
// Plays PHPUnit 12 to the gate's extension: what it tells of issues, and of a class that skips itself.
// Arguments: the settings that are on.

namespace {
    // What the extension names and this file does not define is an interface without anything.
    spl_autoload_register(static function (string $name): void {
        if (str_starts_with($name, 'PHPUnit\\') && (str_ends_with($name, 'Subscriber') || str_contains($name, '\\Extension\\'))) {
            $at = strrpos($name, '\\');
            eval('namespace ' . substr($name, 0, $at) . '; interface ' . substr($name, $at + 1) . ' {}');
        }
    });
}

namespace PHPUnit\Runner\Extension {
    final class Facade
    {
        public array $all = [];

        public function registerSubscribers(object ...$all): void { array_push($this->all, ...$all); }

        public function registerSubscriber(object $one): void { $this->all[] = $one; }
    }

    final class ParameterCollection {}
}

namespace PHPUnit\TextUI\Configuration {
    final class Configuration
    {
        private function says(string $setting): bool { return in_array($setting, $GLOBALS['argv'], true); }

        public function source(): object { return $this; }

        public function failOnAllIssues(): bool { return $this->says('failOnAllIssues'); }

        public function failOnDeprecation(): bool { return $this->says('failOnDeprecation'); }

        public function doNotFailOnDeprecation(): bool { return $this->says('doNotFailOnDeprecation'); }

        public function failOnSkipped(): bool { return $this->says('failOnSkipped'); }

        public function failOnPhpunitDeprecation(): bool { return $this->says('failOnPhpunitDeprecation'); }

        public function failOnPhpunitWarning(): bool { return $this->says('failOnPhpunitWarning'); }
    }
}

namespace PHPUnit\TestRunner {
    final class IssueFilter
    {
        public function __construct(object $source) {}

        public function shouldBeProcessed(object $event): bool { return $event->message() !== 'elsewhere'; }
    }
}

namespace PHPUnit\Event\Code {
    final class Test
    {
        public function __construct(private string $name) {}

        public function isTestMethod(): bool { return true; }

        public function className(): string { return strstr($this->name, '::', true); }

        public function name(): string { return substr(strstr($this->name, '::'), 2); }
    }
}

namespace PHPUnit\Event\TestRunner {
    final class Finished {}

    final class ExecutionAborted {}

    final class DeprecationTriggered
    {
        public function message(): string { return 'a runner deprecates'; }
    }

    final class WarningTriggered
    {
        public function message(): string { return 'a runner warns'; }
    }
}

namespace PHPUnit\Event\TestSuite {
    final class Skipped
    {
        public function testSuite(): object { return $this; }

        public function isForTestClass(): bool { return true; }

        public function className(): string { return 'B'; }

        public function message(): string { return 'not here'; }
    }
}

namespace PHPUnit\Event\Test {
    abstract class Event
    {
        public function __construct(private string $id, private string $message = '', private bool $isKnown = false) {}

        public function test(): \PHPUnit\Event\Code\Test { return new \PHPUnit\Event\Code\Test($this->id); }

        public function message(): string { return $this->message; }

        public function ignoredByBaseline(): bool { return $this->isKnown; }
    }

    final class PreparationStarted extends Event {}

    final class DeprecationTriggered extends Event {}

    final class PhpunitWarningTriggered extends Event {}

    final class Passed extends Event {}

    final class Finished extends Event {}
}

namespace PHPUnit\Framework {
    class TestCase {}

    class TestSuite
    {
        public function __construct(private array $tests) {}

        public function tests(): array { return $this->tests; }

        public function setTests(array $tests): void {}
    }
}

namespace {
    use PHPUnit\Event\Test as Events;
    use PHPUnit\Event\TestRunner as Runner;
    use PHPUnit\Event\TestSuite as Suites;

    final class A extends PHPUnit\Framework\TestCase
    {
        public function __construct(private string $name) {}

        public function nameWithDataSet(): string { return $this->name; }

        public function name(): string { return $this->name; }
    }

    final class B extends PHPUnit\Framework\TestCase
    {
        public function nameWithDataSet(): string { return 'skips'; }

        public function name(): string { return 'skips'; }
    }

    $facade = new PHPUnit\Runner\Extension\Facade;
    $extension = new E2EGate\Extension;
    $extension->bootstrap(new PHPUnit\TextUI\Configuration\Configuration, $facade, new PHPUnit\Runner\Extension\ParameterCollection);
    $tell = static function (object $event) use ($facade): void {
        foreach ($facade->all as $one) {
            if (is_a($one, $event::class . 'Subscriber')) {
                $one->notify($event);
            }
        }
    };
    E2EGate\Gate::one()->begin(new PHPUnit\Framework\TestSuite(
        [new A('plain'), new A('deprecates'), new A('elsewhere'), new A('known'), new A('early'), new B]
    ));
    $tell(new Events\PhpunitWarningTriggered('A::early', 'before it starts'));
    $tell(new Runner\WarningTriggered);
    $tell(new Runner\DeprecationTriggered);
    foreach (['plain' => null, 'deprecates' => ['old'], 'elsewhere' => ['elsewhere'], 'known' => ['old', true], 'early' => null] as $name => $issue) {
        $tell(new Events\PreparationStarted('A::' . $name));
        if ($issue !== null) {
            $tell(new Events\DeprecationTriggered('A::' . $name, ...$issue));
        }
        $tell(new Events\Passed('A::' . $name));
        $tell(new Events\Finished('A::' . $name));
    }
    $tell(new Suites\Skipped);
    if (in_array('stopOnFailure', $argv, true)) {
        $tell(new Runner\ExecutionAborted);
    }
    $tell(new Runner\Finished);
}
