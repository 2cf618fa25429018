<?php

use PHPUnit\Framework\TestCase;

/** Tests that build on one another are planned together. */
final class StepsTest extends TestCase
{
    public function testOpens(): int
    {
        $this->assertTrue(true);

        return 7;
    }

    /** @depends testOpens */
    public function testCloses(int $case): void
    {
        $this->assertSame(7, $case);
    }

    /** Ends the runner with the fault "crash". */
    public function testEscalates(): void
    {
        $this->assertFalse(fault('crash'));
    }
}
