<?php

// Tells whether a fault is switched on; "crash" ends the runner there and then.
function fault(string $name): bool
{
    $on = in_array($name, explode(',', (string) getenv('EXAMPLE_FAULTS')), true);
    if ($on && $name === 'crash') {
        posix_kill(getmypid(), 9);
    }

    return $on;
}

function firstAttempt(): bool
{
    return (getenv('E2E_ATTEMPT') ?: '1') === '1';
}
