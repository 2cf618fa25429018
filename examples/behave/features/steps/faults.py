"""Tells whether a fault is switched on; "crash" ends the runner there and then."""
import os
import signal


def fault(name):
    on = name in os.environ.get("EXAMPLE_FAULTS", "").split(",")
    if on and name == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    return on


def first_attempt():
    return os.environ.get("E2E_ATTEMPT", "1") == "1"
