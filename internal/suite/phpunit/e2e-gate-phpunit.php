<?php
// What e2e-gate brings along for PHPUnit. PHP loads it before PHPUnit (auto_prepend_file), and it does
// nothing but offer two classes: a printer for PHPUnit 9, and an extension for later versions. Both
// write one line of JSON for each thing that happens, and take out of the suite what was not selected.

namespace E2EGate;

if (!class_exists(Gate::class, false)) {
    spl_autoload_register(static function (string $class): void {
        $files = ['E2EGate\\Printer' => 'e2e-gate-phpunit-printer.php', 'E2EGate\\Extension' => 'e2e-gate-phpunit-extension.php'];
        if (isset($files[$class])) {
            require_once __DIR__ . '/' . $files[$class];
        }
    });

    // Gate is what both have in common.
    final class Gate
    {
        private static ?self $one = null;

        /** @var ?array<string, true> */
        public ?array $selection = null;

        /** @var array<string, mixed> the settings of PHPUnit 9 */
        public array $settings = [];

        private string $base;

        /** @var resource */
        private $out;

        /** @var array<string, int> how many ends of an id were written */
        private array $ended = [];

        /** @var array<string, list<string>> the selected ids of a class */
        private array $ids = [];

        /** @var array<string, array{file: string, line: int}> where a test is, by id */
        private array $places = [];

        private ?array $current = null;

        /** @var array<string, array<string, mixed>> what was seen of tests that had not started */
        private array $early = [];

        public static function one(): self
        {
            return self::$one ??= new self();
        }

        private function __construct()
        {
            $this->base = (string) realpath((string) getenv('E2E_GATE_DIR'));
            $this->out = fopen((string) getenv('E2E_GATE_EVENTS'), 'ab');
            $file = (string) getenv('E2E_GATE_SELECTION');
            if ($file !== '') {
                $this->selection = array_fill_keys(json_decode((string) file_get_contents($file), true, 512, JSON_THROW_ON_ERROR), true);
            }
        }

        public function listing(): bool
        {
            return $this->selection === null;
        }

        public function write(string $event, array $fields = []): void
        {
            $flags = JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_SLASHES | JSON_PRESERVE_ZERO_FRACTION;
            fwrite($this->out, json_encode(['event' => $event] + $fields, $flags) . "\n");
        }

        public static function clip(string $text, int $size): string
        {
            $text = (string) preg_replace('/\e\[[0-9;]*m/', '', $text);

            return strlen($text) <= $size ? $text : substr($text, 0, intdiv($size, 3)) . "\n…\n" . substr($text, -($size - intdiv($size, 3)));
        }

        public function path(string $file): string
        {
            $file = (string) (realpath($file) ?: $file);
            $from = explode(DIRECTORY_SEPARATOR, $this->base);
            $to = explode(DIRECTORY_SEPARATOR, $file);
            while ($from !== [] && $to !== [] && $from[0] === $to[0]) {
                array_shift($from);
                array_shift($to);
            }

            return implode('/', array_merge(array_fill(0, count($from), '..'), $to));
        }

        // idOf names a test, which is a case or a PHPT file; null: PHPUnit made it in the place of one.
        public function idOf(object $test): ?string
        {
            if (!$test instanceof \PHPUnit\Framework\TestCase) {
                return method_exists($test, 'getName') && is_file((string) $test->getName()) ? $this->path((string) $test->getName()) : null;
            }
            if (self::isPlaceholder($test)) {
                return null;
            }

            return get_class($test) . '::' . (method_exists($test, 'nameWithDataSet') ? $test->nameWithDataSet() : $test->getName());
        }

        private static function isPlaceholder(object $test): bool
        {
            foreach (['ErrorTestCase', 'WarningTestCase', 'SkippedTestCase', 'IncompleteTestCase'] as $name) {
                if (is_a($test, 'PHPUnit\\Framework\\' . $name)) {
                    return true;
                }
            }

            return false;
        }

        // isFailing reports whether PHPUnit fails by what it made in the place of tests, such as a class without any.
        private function isFailing(object $test): bool
        {
            $fails = ['WarningTestCase' => 'failOnWarning', 'SkippedTestCase' => 'failOnSkipped', 'IncompleteTestCase' => 'failOnIncomplete'];
            foreach ($fails as $name => $setting) {
                if (is_a($test, 'PHPUnit\\Framework\\' . $name)) {
                    return !empty($this->settings[$setting]);
                }
            }

            return is_a($test, 'PHPUnit\\Framework\\ErrorTestCase');
        }

        private function describe(object $test, string $id): array
        {
            if (!$test instanceof \PHPUnit\Framework\TestCase) {
                return ['id' => $id, 'name' => $id, 'file' => $id, 'line' => 1];
            }
            $method = method_exists($test, 'nameWithDataSet') ? $test->name() : $test->getName(false);
            $class = new \ReflectionClass($test);
            $line = $class->hasMethod($method) && $class->getMethod($method)->getFileName() === $class->getFileName()
                ? $class->getMethod($method)->getStartLine() : $class->getStartLine();

            $file = $this->path((string) $class->getFileName());

            return ['id' => $id, 'name' => explode('::', $id, 2)[1], 'class' => get_class($test), 'file' => $file, 'line' => (int) $line];
        }

        // begin lists the tests that PHPUnit is about to run, and ends; or leaves those that were selected.
        public function begin(\PHPUnit\Framework\TestSuite $suite): void
        {
            if ($this->listing()) {
                $this->list($suite);
                $this->write('end');
                exit(0);
            }
            $this->choose($suite);
        }

        private function list(\PHPUnit\Framework\TestSuite $suite): void
        {
            $needs = [];
            $tests = [];
            foreach ($this->walk($suite, $needs) as $test) {
                $id = $this->idOf($test);
                if ($id !== null) {
                    $tests[] = [$test, $this->describe($test, $id)];
                } elseif ($this->isFailing($test)) {
                    $this->write('error', ['message' => self::clip($test->getMessage(), 8000)]);
                }
            }
            foreach ($tests as [$test, $what]) {
                $class = $what['class'] ?? '';
                $this->write('listed', $what + ['tags' => self::tags($test), 'keep' => $what['file'], 'group' => $needs[$class] ?? '']);
            }
        }

        // walk is all tests behind the filters of the settings. needs gets the classes whose tests depend
        // on others, with the name of their group.
        private function walk(\PHPUnit\Framework\TestSuite $suite, array &$needs): \Generator
        {
            foreach ($suite as $test) {
                if ($test instanceof \PHPUnit\Framework\TestSuite && $this->repeats($test)) {
                    $name = method_exists($test, 'name') ? $test->name() : $test->getName();
                    $this->write('error', ['message' => $name . ' has #[Retry] or #[Repeat], which is not supported: the gate repeats what failed']);
                    continue;
                }
                if (method_exists($test, 'requires')) {
                    foreach ($test->requires() as $dependency) {
                        $of = $test instanceof \PHPUnit\Framework\TestSuite
                            ? (string) strstr((method_exists($test, 'name') ? $test->name() : $test->getName()) . '::', '::', true) : get_class($test);
                        $target = strstr($dependency->getTarget() . '::', '::', true);
                        if ($target !== '' && $of !== $target) {
                            $needs[$of] = $needs[$target] = '(depends)';
                        } else {
                            $needs[$of] ??= $of;
                        }
                    }
                }
                if ($test instanceof \PHPUnit\Framework\TestSuite) {
                    yield from $this->walk($test, $needs);
                } else {
                    yield $test;
                }
            }
        }

        // repeats reports whether PHPUnit itself runs a test several times (from 13.3 on), which it does not tell one by one.
        private function repeats(\PHPUnit\Framework\TestSuite $suite): bool
        {
            foreach (['IterativeTestSuite', 'RetryTestSuite', 'RepeatTestSuite', 'PhptIterativeTestSuite'] as $name) {
                if (is_a($suite, 'PHPUnit\\Framework\\' . $name)) {
                    return true;
                }
            }

            return false;
        }

        private function choose(\PHPUnit\Framework\TestSuite $suite): void
        {
            $kept = [];
            foreach ($suite->tests() as $test) {
                if ($test instanceof \PHPUnit\Framework\TestSuite) {
                    $this->choose($test);
                    if ($test->tests() !== []) {
                        $kept[] = $test;
                    }
                } elseif (($id = $this->idOf($test)) !== null && isset($this->selection[$id])) {
                    $what = $this->describe($test, $id);
                    $this->places[$id] = ['file' => $what['file'], 'line' => $what['line']];
                    $this->ids[$what['class'] ?? ''][] = $id;
                    $kept[] = $test;
                }
            }
            $suite->setTests($kept);
        }

        private static function tags(object $test): array
        {
            $groups = method_exists($test, 'groups') ? $test->groups() : (method_exists($test, 'getGroups') ? $test->getGroups() : []);

            $own = static fn (string $group): bool => $group !== 'default' && strncmp($group, '__phpunit_', 10) !== 0;

            return array_values(array_filter($groups, $own));
        }

        // start begins an execution.
        public function start(string $id): void
        {
            $this->flush();
            $this->current = ['id' => $id, 'start' => microtime(true), 'seen' => $this->early[$id] ?? null];
            unset($this->early[$id]);
            $this->write('started', ['id' => $id]);
            $this->enter($id);
        }

        // enter gives the running test a folder of its own: named after it, so that the gate knows whose files are in it. Without room for
        // one it has none.
        private function enter(string $id): void
        {
            if ((string) getenv('E2E_EVIDENCE_DIR') === '') {
                return;
            }
            $own = explode('::', $id, 2)[1] ?? $id;
            $folder = getenv('E2E_EVIDENCE_DIR') . DIRECTORY_SEPARATOR . substr(hash('sha256', $own), 0, 12);
            if (is_dir($folder) || @mkdir($folder, 0777, true)) {
                putenv('E2E_TEST_EVIDENCE_DIR=' . $folder);
                $_ENV['E2E_TEST_EVIDENCE_DIR'] = $_SERVER['E2E_TEST_EVIDENCE_DIR'] = $folder;
            }
        }

        private function leave(): void
        {
            $folder = getenv('E2E_TEST_EVIDENCE_DIR');
            if ($folder !== false && $folder !== '') {
                putenv('E2E_TEST_EVIDENCE_DIR');
                unset($_ENV['E2E_TEST_EVIDENCE_DIR'], $_SERVER['E2E_TEST_EVIDENCE_DIR']);
                @rmdir($folder); // if it has no files
            }
        }

        // saw keeps how a test ended, until PHPUnit says no more of it: the worst counts.
        public function saw(string $id, array $seen): void
        {
            if (($this->current['id'] ?? null) !== $id) {
                $this->start($id);
            }
            $have = $this->current['seen']['outcome'] ?? '';
            if ($have === 'failed' || $have === 'skipped' && $seen['outcome'] === 'passed') {
                return;
            }
            $this->current['seen'] = $seen;
        }

        // sawEarly is saw for what may be known before the test starts, or though it never does.
        public function sawEarly(string $id, array $seen): void
        {
            if (($this->current['id'] ?? null) === $id) {
                $this->saw($id, $seen);
            } else {
                $this->early[$id] ??= $seen;
            }
        }

        public function tellEarly(): void
        {
            foreach ($this->early as $id => $seen) {
                $this->saw((string) $id, $seen);
                $this->flush();
            }
            $this->early = [];
        }

        public function flush(?float $seconds = null): void
        {
            $current = $this->current;
            $this->current = null;
            if ($current !== null) {
                $this->leave();
            }
            if ($current === null || $current['seen'] === null) {
                return; // it did not end
            }
            $seconds ??= microtime(true) - $current['start'];
            $this->finished($current['id'], $current['seen'] + ['start' => $current['start'] * 1000, 'seconds' => $seconds]);
        }

        // passes is a test that ended without a word of another outcome.
        public function passes(string $id): void
        {
            if (($this->current['id'] ?? null) === $id && $this->current['seen'] === null) {
                $this->current['seen'] = ['outcome' => 'passed'];
            }
        }

        private function finished(string $id, array $seen): void
        {
            $this->ended[$id] = ($this->ended[$id] ?? 0) + 1;
            $name = explode('::', $id, 2);
            $what = ['id' => $id, 'key' => (string) $this->ended[$id], 'name' => $name[1] ?? $id, 'class' => isset($name[1]) ? $name[0] : ''];
            $this->write('finished', $seen + $what + ($this->places[$id] ?? ['file' => '', 'line' => 0]));
        }

        // unrun are the tests of a class that a hook before them kept from running: they failed by it.
        public function unrun(string $class, array $seen): void
        {
            $this->flush();
            foreach ($this->ids[$class] ?? [] as $id) {
                if (!isset($this->ended[$id])) {
                    $this->finished($id, $seen);
                }
            }
        }

        // failure is what there is to see of a failure. lines are those of its stack: file:line.
        public function failure(string $class, string $message, array $lines, bool $assertion, array $compared = []): array
        {
            [$file, $number] = ['', 0];
            foreach ($lines as $line) {
                if (preg_match('/^(.+):(\d+)$/', trim($line), $m) && is_file($m[1])) {
                    $path = $this->path($m[1]);
                    if (strncmp($path, '..', 2) !== 0 && !preg_match('#(?:^|/)vendor/#', $path)) {
                        [$file, $number] = [$path, (int) $m[2]];
                        break;
                    }
                }
            }
            $properties = [];
            foreach ($compared as $name => $value) {
                $properties[] = ['name' => 'e2e.' . $name, 'value' => self::clip((string) $value, 8000)];
            }
            $message = trim($message) !== '' ? trim($message) : $class;

            $details = self::clip($class . ': ' . $message . "\n" . implode("\n", $lines), 24000);

            return ['outcome' => 'failed', 'message' => self::clip($message, 8000), 'details' => $details,
                'error' => !$assertion, 'type' => $class, 'at_file' => $file, 'at_line' => $number, 'properties' => $properties];
        }
    }
}
