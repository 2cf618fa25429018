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
            new class($to) extends Subscriber implements Runner\ExecutionAbortedSubscriber {
                public function notify(Runner\ExecutionAborted $event): void
                {
                    $message = 'PHPUnit stopped early, as stopOnFailure or another such setting says; remove it, since the tests that it leaves out are lost';
                    Gate::one()->write('error', ['message' => $message]);
                }
            },
            new class($to) extends Subscriber implements Runner\WarningTriggeredSubscriber {
                public function notify(Runner\WarningTriggered $event): void { $this->to->warned($event->message()); }
            },
            new class($to) extends Subscriber implements Runner\DeprecationTriggeredSubscriber {
                public function notify(Runner\DeprecationTriggered $event): void
                {
                    $this->to->outside('PhpunitDeprecation', $event->message());
                }
            },
            new class($to) extends Subscriber implements Suites\FinishedSubscriber {
                public function notify(Suites\Finished $event): void { Gate::one()->flush(); }
            },
            new class($to) extends Subscriber implements Suites\SkippedSubscriber {
                public function notify(Suites\Skipped $event): void
                {
                    if ($event->testSuite()->isForTestClass()) {
                        Gate::one()->unrun($event->testSuite()->className(), $this->to->skip('Skipped', $event->message()));
                    }
                }
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
                    $this->to->issue($event->test(), 'Incomplete', $event->throwable()->message(), true);
                }
            },
            new class($to) extends Subscriber implements Events\ConsideredRiskySubscriber {
                public function notify(Events\ConsideredRisky $event): void
                {
                    $this->to->issue($event->test(), 'Risky', $event->message());
                }
            },
            new class($to) extends Subscriber implements Events\WarningTriggeredSubscriber {
                public function notify(Events\WarningTriggered $event): void { $this->to->triggered($event, 'Warning'); }
            },
            new class($to) extends Subscriber implements Events\PhpWarningTriggeredSubscriber {
                public function notify(Events\PhpWarningTriggered $event): void { $this->to->triggered($event, 'Warning'); }
            },
            new class($to) extends Subscriber implements Events\NoticeTriggeredSubscriber {
                public function notify(Events\NoticeTriggered $event): void { $this->to->triggered($event, 'Notice'); }
            },
            new class($to) extends Subscriber implements Events\PhpNoticeTriggeredSubscriber {
                public function notify(Events\PhpNoticeTriggered $event): void { $this->to->triggered($event, 'Notice'); }
            },
            new class($to) extends Subscriber implements Events\DeprecationTriggeredSubscriber {
                public function notify(Events\DeprecationTriggered $event): void { $this->to->triggered($event, 'Deprecation'); }
            },
            new class($to) extends Subscriber implements Events\PhpDeprecationTriggeredSubscriber {
                public function notify(Events\PhpDeprecationTriggered $event): void { $this->to->triggered($event, 'Deprecation'); }
            },
            new class($to) extends Subscriber implements Events\PhpunitWarningTriggeredSubscriber {
                public function notify(Events\PhpunitWarningTriggered $event): void
                {
                    $this->to->issue($event->test(), 'PhpunitWarning', $event->message());
                }
            },
            new class($to) extends Subscriber implements Events\PhpunitDeprecationTriggeredSubscriber {
                public function notify(Events\PhpunitDeprecationTriggered $event): void
                {
                    $this->to->issue($event->test(), 'PhpunitDeprecation', $event->message());
                }
            },
            new class($to) extends Subscriber implements Events\PhpunitErrorTriggeredSubscriber {
                public function notify(Events\PhpunitErrorTriggered $event): void
                {
                    $this->to->issue($event->test(), '', $event->message());
                }
            },
            new class($to) extends Subscriber implements Events\BeforeFirstTestMethodErroredSubscriber {
                public function notify(Events\BeforeFirstTestMethodErrored $event): void { $this->to->unprepared($event, false); }
            },
            new class($to) extends Subscriber implements Events\AfterLastTestMethodErroredSubscriber {
                public function notify(Events\AfterLastTestMethodErrored $event): void { $this->to->leftOver($event); }
            },
        );
        $this->registerLater($facade);
    }

    // registerLater is for events that only later versions have.
    private function registerLater(Facade $facade): void
    {
        $to = $this;
        if (interface_exists(Events\BeforeFirstTestMethodFailedSubscriber::class)) {
            $facade->registerSubscribers(
                new class($to) extends Subscriber implements Events\BeforeFirstTestMethodFailedSubscriber {
                    public function notify(Events\BeforeFirstTestMethodFailed $event): void { $this->to->unprepared($event, true); }
                },
                new class($to) extends Subscriber implements Events\AfterLastTestMethodFailedSubscriber {
                    public function notify(Events\AfterLastTestMethodFailed $event): void { $this->to->leftOver($event); }
                },
            );
        }
        if (interface_exists(Events\PhpunitNoticeTriggeredSubscriber::class)) {
            $facade->registerSubscriber(new class($to) extends Subscriber implements Events\PhpunitNoticeTriggeredSubscriber {
                public function notify(Events\PhpunitNoticeTriggered $event): void
                {
                    $this->to->issue($event->test(), 'PhpunitNotice', $event->message());
                }
            });
        }
        if (interface_exists(Runner\NoticeTriggeredSubscriber::class)) {
            $facade->registerSubscriber(new class($to) extends Subscriber implements Runner\NoticeTriggeredSubscriber {
                public function notify(Runner\NoticeTriggered $event): void { $this->to->outside('PhpunitNotice', $event->message()); }
            });
        }
    }

    // unprepared is a class whose hook before its tests failed.
    public function unprepared(object $event, bool $assertion): void
    {
        Gate::one()->unrun($event->testClassName(), $this->seen($event->throwable(), $assertion));
    }

    // leftOver is a class whose hook behind its tests failed.
    public function leftOver(object $event): void
    {
        $seen = $this->seen($event->throwable(), false);
        $message = sprintf('%s::%s: %s', $event->testClassName(), $event->calledMethod()->methodName(), $seen['message']);
        Gate::one()->write('error', ['message' => $message, 'details' => $seen['details']]);
    }

    // skip is what a skip comes to: a failure where the settings say so.
    public function skip(string $issue, string $message): array
    {
        return $this->fails($issue) ? Gate::one()->failure('', 'failOn' . $issue . ': ' . $message, [], false)
            : ['outcome' => 'skipped', 'message' => Gate::clip($message, 8000)];
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
        Gate::one()->tellEarly();
        Gate::one()->write('end', ['statuses' => [1, 2]]);
    }

    // warned is told, before tests run, of files and classes that PHPUnit leaves out, and of other things that may fail the run.
    public function warned(string $message): void
    {
        if (!Gate::one()->listing()) {
            $this->outside(method_exists($this->configuration, 'failOnPhpunitWarning') ? 'PhpunitWarning' : 'Warning', $message);
        } elseif (preg_match('/^(?:Class|Cannot|File) .*(?:cannot be found|does not exist|is abstract|not extend|cannot be used)/si', $message)) {
            Gate::one()->write('error', ['message' => Gate::clip($message, 8000)]);
        }
    }

    // outside is an issue of no test. A failed test of the same process would explain the exit status that it makes.
    public function outside(string $issue, string $message): void
    {
        if (!Gate::one()->listing() && $this->fails($issue)) {
            Gate::one()->write('error', ['message' => Gate::clip('failOn' . $issue . ': ' . $message, 8000)]);
        }
    }

    // fails reports whether an issue fails the run. PHPUnit's own warnings do where no setting says otherwise.
    private function fails(string $issue, string $by = ''): bool
    {
        $says = fn (string $setting, bool $else): bool => method_exists($this->configuration, $setting) ? $this->configuration->$setting() : $else;
        $fails = !$says('doNotFailOn' . $issue, false) && ($says('failOnAllIssues', false) || $says('failOn' . $issue, $issue === 'PhpunitWarning'));

        return $by === '' ? $fails : !$says('doNotFailOn' . $by . $issue, false) && ($fails || $says('failOn' . $by . $issue, false));
    }

    // triggered is an issue that PHPUnit may leave out: it was suppressed, is in the baseline, or comes from where the settings do not look.
    public function triggered(object $event, string $issue): void
    {
        if (!$this->counts($event)) {
            return;
        }
        foreach ($issue === 'Deprecation' && method_exists($event, 'trigger') ? ['Self', 'Direct', 'Indirect'] : [] as $by) { // from PHPUnit 13 on
            if ($event->trigger()->{'is' . $by}() && method_exists($this->configuration, 'failOn' . $by . $issue)) {
                $this->issue($event->test(), $issue, $event->message(), false, $by);

                return;
            }
        }
        $this->issue($event->test(), $issue, $event->message());
    }

    private function counts(object $event): bool
    {
        if ($event->ignoredByBaseline() || method_exists($event, 'ignoredByFilter') && $event->ignoredByFilter()) {
            return false;
        }
        $source = $this->configuration->source();
        if (class_exists(\PHPUnit\TestRunner\IssueFilter::class)) { // from PHPUnit 11.4 on
            return (new \PHPUnit\TestRunner\IssueFilter($source))->shouldBeProcessed($event);
        }

        return !$event->wasSuppressed() && !(method_exists($event, 'ignoredByTest') && $event->ignoredByTest());
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
            $this->issue($test, 'Skipped', $message, true);
        }
    }

    // issue fails a test where the settings say so; without an issue that they know, always. PHPUnit has some before the test starts.
    public function issue(Test $test, string $issue, string $message, bool $skips = false, string $by = ''): void
    {
        $id = $this->idOf($test);
        if (Gate::one()->listing() || !isset(Gate::one()->selection[$id])) {
            if ($issue === '') {
                Gate::one()->write('error', ['message' => Gate::clip($id . ': ' . $message, 8000)]);
            }
        } elseif ($issue === '' || $this->fails($issue, $by)) {
            $text = $issue === '' ? $message : 'failOn' . $by . $issue . ': ' . $message;
            Gate::one()->sawEarly($id, Gate::one()->failure('', $text, [], false));
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
