<?php
// The extension of e2e-gate for PHPUnit 10 and later, which tells it by events what happens.

namespace E2EGate;

use PHPUnit\Event\Code\Test;
use PHPUnit\Event\Code\Throwable;
use PHPUnit\Event\Test as Events;
use PHPUnit\Event\TestRunner as Runner;
use PHPUnit\Event\TestSuite as Suites;
use PHPUnit\Framework\TestSuite;
use PHPUnit\Runner\Extension\Extension as Contract;
use PHPUnit\Runner\Extension\Facade;
use PHPUnit\Runner\Extension\ParameterCollection;
use PHPUnit\TextUI\Configuration\Configuration;

final class Extension implements Contract
{
    private Configuration $configuration;

    public function bootstrap(Configuration $configuration, Facade $facade, ParameterCollection $parameters): void
    {
        $this->configuration = $configuration;
        $to = $this;
        $facade->registerSubscribers(
            new class($to) extends Subscriber implements Runner\ExecutionStartedSubscriber {
                public function notify(Runner\ExecutionStarted $event): void { $this->to->begun(); }
            },
            new class($to) extends Subscriber implements Runner\FinishedSubscriber {
                public function notify(Runner\Finished $event): void { $this->to->ended(); }
            },
            new class($to) extends Subscriber implements Runner\WarningTriggeredSubscriber {
                public function notify(Runner\WarningTriggered $event): void { $this->to->warned($event->message()); }
            },
            new class($to) extends Subscriber implements Suites\FinishedSubscriber {
                public function notify(Suites\Finished $event): void { Gate::one()->flush(); }
            },
            new class($to) extends Subscriber implements Events\PreparationStartedSubscriber {
                public function notify(Events\PreparationStarted $event): void { $this->to->started($event->test()); }
            },
            new class($to) extends Subscriber implements Events\FinishedSubscriber {
                public function notify(Events\Finished $event): void { $this->to->finished($event->test()); }
            },
            new class($to) extends Subscriber implements Events\PassedSubscriber {
                public function notify(Events\Passed $event): void
                {
                    $this->to->saw($event->test(), ['outcome' => 'passed']);
                }
            },
            new class($to) extends Subscriber implements Events\FailedSubscriber {
                public function notify(Events\Failed $event): void
                {
                    $compared = $event->hasComparisonFailure()
                        ? ['expected' => $event->comparisonFailure()->expected(), 'actual' => $event->comparisonFailure()->actual()] : [];
                    $this->to->saw($event->test(), $this->to->seen($event->throwable(), true, $compared));
                }
            },
            new class($to) extends Subscriber implements Events\ErroredSubscriber {
                public function notify(Events\Errored $event): void
                {
                    $this->to->saw($event->test(), $this->to->seen($event->throwable(), false));
                }
            },
            new class($to) extends Subscriber implements Events\SkippedSubscriber {
                public function notify(Events\Skipped $event): void { $this->to->skipped($event->test(), $event->message()); }
            },
            new class($to) extends Subscriber implements Events\MarkedIncompleteSubscriber {
                public function notify(Events\MarkedIncomplete $event): void
                {
                    $this->to->issue($event->test(), 'failOnIncomplete', $event->throwable()->message(), true);
                }
            },
            new class($to) extends Subscriber implements Events\ConsideredRiskySubscriber {
                public function notify(Events\ConsideredRisky $event): void
                {
                    $this->to->issue($event->test(), 'failOnRisky', $event->message());
                }
            },
            new class($to) extends Subscriber implements Events\WarningTriggeredSubscriber {
                public function notify(Events\WarningTriggered $event): void
                {
                    $this->to->issue($event->test(), 'failOnWarning', $event->message());
                }
            },
            new class($to) extends Subscriber implements Events\PhpWarningTriggeredSubscriber {
                public function notify(Events\PhpWarningTriggered $event): void
                {
                    $this->to->issue($event->test(), 'failOnWarning', $event->message());
                }
            },
            new class($to) extends Subscriber implements Events\NoticeTriggeredSubscriber {
                public function notify(Events\NoticeTriggered $event): void
                {
                    $this->to->issue($event->test(), 'failOnNotice', $event->message());
                }
            },
            new class($to) extends Subscriber implements Events\PhpNoticeTriggeredSubscriber {
                public function notify(Events\PhpNoticeTriggered $event): void
                {
                    $this->to->issue($event->test(), 'failOnNotice', $event->message());
                }
            },
            new class($to) extends Subscriber implements Events\DeprecationTriggeredSubscriber {
                public function notify(Events\DeprecationTriggered $event): void
                {
                    $this->to->issue($event->test(), 'failOnDeprecation', $event->message());
                }
            },
            new class($to) extends Subscriber implements Events\PhpDeprecationTriggeredSubscriber {
                public function notify(Events\PhpDeprecationTriggered $event): void
                {
                    $this->to->issue($event->test(), 'failOnDeprecation', $event->message());
                }
            },
            new class($to) extends Subscriber implements Events\PhpunitWarningTriggeredSubscriber {
                public function notify(Events\PhpunitWarningTriggered $event): void
                {
                    $this->to->issue($event->test(), '', 'PHPUnit warns: ' . $event->message());
                }
            },
            new class($to) extends Subscriber implements Events\PhpunitErrorTriggeredSubscriber {
                public function notify(Events\PhpunitErrorTriggered $event): void
                {
                    $this->to->issue($event->test(), '', $event->message());
                }
            },
            new class($to) extends Subscriber implements Events\BeforeFirstTestMethodErroredSubscriber {
                public function notify(Events\BeforeFirstTestMethodErrored $event): void
                {
                    Gate::one()->unrun($event->testClassName(), $this->to->seen($event->throwable(), false));
                }
            },
            new class($to) extends Subscriber implements Events\AfterLastTestMethodErroredSubscriber {
                public function notify(Events\AfterLastTestMethodErrored $event): void
                {
                    $seen = $this->to->seen($event->throwable(), false);
                    $message = sprintf('%s::%s: %s', $event->testClassName(), $event->calledMethod()->methodName(), $seen['message']);
                    Gate::one()->write('error', ['message' => $message, 'details' => $seen['details']]);
                }
            },
        );
    }

    // begun takes the tests from the runner, which hands them to no subscriber.
    public function begun(): void
    {
        foreach (debug_backtrace(DEBUG_BACKTRACE_PROVIDE_OBJECT) as $frame) {
            foreach ($frame['args'] ?? [] as $argument) {
                if ($argument instanceof TestSuite) {
                    Gate::one()->begin($argument);

                    return;
                }
            }
        }
        Gate::one()->write('unusable', ['message' => 'PHPUnit ' . \PHPUnit\Runner\Version::id() . ' does not show its tests to the gate']);
        exit(1);
    }

    public function ended(): void
    {
        Gate::one()->flush();
        Gate::one()->write('end', ['statuses' => [1, 2]]);
    }

    // warned is told, before tests run, of files and classes that PHPUnit leaves out.
    public function warned(string $message): void
    {
        if (Gate::one()->listing() && preg_match('/^(?:Class|Cannot|File) .*(?:cannot be found|does not exist|is abstract|not extend|cannot be used)/si', $message)) {
            Gate::one()->write('error', ['message' => Gate::clip($message, 8000)]);
        }
    }

    public function idOf(Test $test): string
    {
        return $test->isTestMethod() ? $test->className() . '::' . $test->name() : Gate::one()->path($test->file());
    }

    public function started(Test $test): void
    {
        Gate::one()->start($this->idOf($test));
    }

    public function finished(Test $test): void
    {
        Gate::one()->passes($this->idOf($test));
        Gate::one()->flush();
    }

    public function saw(Test $test, array $seen): void
    {
        Gate::one()->saw($this->idOf($test), $seen);
    }

    public function skipped(Test $test, string $message): void
    {
        if (preg_match('/^This test depends on ".*" to pass\.?$/s', $message)) {
            $this->saw($test, ['outcome' => 'skipped', 'kept' => true, 'message' => $message]);
        } else {
            $this->issue($test, 'failOnSkipped', $message, true);
        }
    }

    // issue fails a test where the settings say so; without a setting, always.
    public function issue(Test $test, string $setting, string $message, bool $skips = false): void
    {
        $id = $this->idOf($test);
        if (Gate::one()->listing() || !isset(Gate::one()->selection[$id])) {
            if ($setting === '') {
                Gate::one()->write('error', ['message' => Gate::clip($id . ': ' . $message, 8000)]);
            }
        } elseif ($setting === '' || $this->configuration->$setting()) {
            $text = $setting === '' ? $message : $setting . ': ' . $message;
            $this->saw($test, Gate::one()->failure('', $text, [], false));
        } elseif ($skips) {
            $this->saw($test, ['outcome' => 'skipped', 'message' => Gate::clip($message, 8000)]);
        }
    }

    public function seen(Throwable $t, bool $assertion, array $compared = []): array
    {
        $lines = array_values(array_filter(array_map('trim', explode("\n", $t->stackTrace()))));

        return Gate::one()->failure($t->className(), $t->message(), $lines, $assertion, $compared);
    }
}

abstract class Subscriber
{
    public function __construct(protected Extension $to)
    {
    }
}
