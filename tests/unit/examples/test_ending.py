"""Signals that end a process, at the worst moment."""

import signal
import subprocess
import sys

import pytest

INTERRUPTED = """
import os, signal
from gateway.examples.ending import ended_by
over = ended_by(signal.SIGINT, signal.SIGTERM)
with over._cond:  # as inside of over.wait() and over.set()
    for number in NUMBERS:
        os.kill(os.getpid(), number)
    assert not over._flag
raise SystemExit(0 if over.wait(30) else 1)
"""


@pytest.mark.parametrize("numbers", [[signal.SIGINT], [signal.SIGTERM, signal.SIGINT, signal.SIGTERM]])
def test_a_signal_is_heard_whatever_it_interrupts(numbers):
    """With a handler that sets the event, this never ends."""
    program = INTERRUPTED.replace("NUMBERS", str([int(number) for number in numbers]))
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0


def test_a_signal_of_others_ends_nothing():
    program = INTERRUPTED.replace("over = ", "signal.signal(signal.SIGUSR1, lambda *_: None)\nover = ", 1)
    program = program.replace("NUMBERS", "[signal.SIGUSR1]").replace("wait(30)", "wait(0.2)")
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 1
