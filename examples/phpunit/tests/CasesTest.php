<?php

namespace Cases;

use PHPUnit\Framework\TestCase;

/** Passes, a failure, a flake, skips, data sets, hostile names, tests that need others. */
final class CasesTest extends TestCase
{
    /**
     * @dataProvider risks
     * @group smoke
     * @group owner:intake
     * @group journey:case-submission
     */
    public function testSubmits(string $risk): void
    {
        $this->assertNotSame('', $risk);
    }

    public static function risks(): array
    {
        return ['low' => ['low'], 'LOW' => ['low'], 'a › b' => ['x'], "'a' \"b\" [c] *? {d} #1 <é> & \$x" => ['x'], "two\nlines" => ['x'], ['plain']];
    }

    /** Fails with the fault "fail". */
    public function testCountsApprovals(): void
    {
        $this->assertSame(2, fault('fail') ? 1 : 2);
    }

    /** Flaky with the fault "flake": the gate's rerun passes. */
    public function testNotifies(): void
    {
        $this->assertSame('a message', fault('flake') && firstAttempt() ? 'no message' : 'a message');
    }

    public function testAudits(): void
    {
        $this->markTestSkipped('the audit service is not there');
    }

    public function testArchives(): void
    {
        $this->markTestIncomplete('not built yet');
    }
}
