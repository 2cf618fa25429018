<?php

use PHPUnit\Framework\TestCase;

/** With the fault "fail" a hook fails, and with it the tests that need it. */
final class SessionTest extends TestCase
{
    public static function setUpBeforeClass(): void
    {
        if (fault('fail')) {
            throw new RuntimeException('no session');
        }
    }

    public function testReads(): void
    {
        $this->assertTrue(true);
    }

    public function testWrites(): void
    {
        $this->assertTrue(true);
    }
}
